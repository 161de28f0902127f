"""From the chunks of a log to its events.

A chunk may end anywhere, and a collector may be killed after any. So what the reader needs to go on, and the bytes
of the line that isn't whole yet, are stored together with the position: the state of a file. Nothing is kept in
memory between two chunks, so that a restart goes the very way that a run without one would have gone.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.events import Quarantined, Record, reader_for

if TYPE_CHECKING:
    from harness.collect.delivery import Chunk


@dataclass(frozen=True, slots=True)
class Converted:
    """What became of a chunk.

    Args:
        records: The rows that it made whole.
        quarantined: What couldn't be read.
        state: What the next chunk of the file needs.
    """

    records: tuple[Record, ...]
    quarantined: tuple[Quarantined, ...]
    state: bytes


def convert(chunk: Chunk) -> Converted:
    """Read a chunk in the format that its log source says, as for the console.

    Args:
        chunk: The bytes, with the state after those before.
    """
    source = chunk.source
    reader = reader_for(source.written, f"{source.share}/{chunk.path}", encoding=source.encoding)
    stored, _, waiting = chunk.state.partition(b"\n")
    if stored:
        reader.restore(json.loads(stored))
    begin = reader.position
    data = waiting + chunk.data
    items = reader.feed(data, begin)
    rest = data[reader.position - begin :]
    return Converted(
        records=tuple(item for item in items if isinstance(item, Record)),
        quarantined=tuple(item for item in items if isinstance(item, Quarantined)),
        state=json.dumps(reader.state()).encode() + b"\n" + rest,
    )
