"""From the chunks of a log to its events.

A chunk may end anywhere, and a collector may be killed after any. So what the reader needs to go on, and the bytes
of the line that isn't whole yet, are stored together with the position: the state of a file. Nothing is kept in
memory between two chunks, so that a restart goes the very way that a run without one would have gone.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.events import Header, Quarantined, Record, reader_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.collect.delivery import Chunk
    from harness.events import Engine, Item
    from harness.events.batch import Batch


@dataclass(frozen=True, slots=True)
class Converted:
    """What became of a chunk.

    Args:
        parts: What the reader gave, rows in batches where it gives batches.
        state: What the next chunk of the file needs.
    """

    parts: Sequence[Batch | Item]
    state: bytes

    @property
    def items(self) -> list[Item]:
        """What was given, one by one, in the file's order."""
        items: list[Item] = []
        for part in self.parts:
            if isinstance(part, Record | Quarantined | Header):
                items.append(part)
            else:
                items += part.items()
        return items


def convert(chunk: Chunk, engine: Engine = "strict") -> Converted:
    """Read a chunk in the format that its log source says, as for the console.

    Args:
        chunk: The bytes, with the state after those before.
        engine: What reads it.
    """
    source = chunk.source
    reader = reader_for(source.written, f"{source.share}/{chunk.path}", encoding=source.encoding, engine=engine)
    stored, _, waiting = chunk.state.partition(b"\n")
    if stored:
        reader.restore(json.loads(stored))
    begin = reader.position
    parts = [*reader.feed_batches(waiting, begin), *reader.feed_batches(chunk.data, begin + len(waiting))]
    # The chunk itself is as large as a read, so only its tail is copied.
    read = reader.position - begin
    rest = chunk.data[read - len(waiting) :] if read >= len(waiting) else waiting[read:] + chunk.data
    return Converted(parts, json.dumps(reader.state()).encode() + b"\n" + rest)
