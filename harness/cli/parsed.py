"""What `harness parse` shows of a log, made wherever the log is read."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.events import Counts, Event, EventStream, Quarantined, document, write_time
from harness.events.formats import HEAD
from harness.events.mappingfile import Overlay, load_kept
from harness.events.partition import Piece, Range, Survey, blank, blocks, survey
from harness.events.stream import Counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from harness.events import Engine, Reader
    from harness.events.stream import Given

SHOWN = 20
"""How many of a file's quarantined lines are shown."""

CONTROL = {code: f"\\x{code:02x}" for code in (*range(32), 127, *range(128, 160))}
_HEAD = 80


@dataclass(frozen=True, slots=True)
class Options:
    """What the user asked for.

    Args:
        format: How the files are written; ``auto`` to recognise each.
        encoding: Of the files, as `harness.events.encoding.readable` gives it.
        overlays: Mapping files to lay over the shipped ones.
        output: ``text`` or ``json``.
        summary: Whether events are counted by their IDs, and not shown.
        engine: What reads the files.
        payload: Whether payloads are shown.
        source_ip: The server's address.
    """

    format: str
    encoding: str
    overlays: tuple[Overlay, ...]
    output: str
    summary: bool
    engine: Engine
    payload: bool
    source_ip: str

    def engine_for(self, size: int) -> Engine:
        """Choose how a file is read: to load the fast engine takes longer than to read a small file."""
        return "strict" if self.engine == "auto" and size < HEAD else self.engine


@dataclass(slots=True)
class Shown:
    """What is shown of a piece of a log.

    Args:
        out: Its events, a line each.
        lost: The first of what couldn't be read, a line each.
        missed: How many places couldn't be read.
        kinds: How many events there are of each event ID.
        short: How many events lack a mapped field.
        counts: How its lines were taken.
        after: The reader's state at its end, with counts of nothing.
    """

    out: bytearray = field(default_factory=bytearray)
    lost: list[str] = field(default_factory=list)
    missed: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    short: int = 0
    counts: Counts = field(default_factory=Counts)
    after: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        """Say how much there is, since logs don't belong on a dashboard."""
        return f"<{self.counts.records} events, {len(self.out)} bytes>"

    def take(self, given: Iterable[Given], options: Options) -> None:
        """Add what a log gave."""
        counted = Counted()
        lines = []
        for each in given:
            counted.take(each)
            if isinstance(each, Event):
                lines.append(f"{_line(each, options)}\n")
        self.out += "".join(lines).encode("utf-8", "surrogateescape")
        self.count(counted)

    def count(self, counted: Counted) -> None:
        """Add what a log gave, its events only as numbers."""
        self.missed += len(counted.quarantined)
        self.lost += [lost(item) for item in counted.quarantined[: max(0, SHOWN - len(self.lost))]]
        self.kinds.update(counted.kinds)
        self.short += counted.short

    def end(self, reader: Reader, first: int) -> None:
        """Note how the reader ended.

        Args:
            reader: What read it.
            first: How many lines end before the piece.
        """
        counts = reader.counts.as_dict()
        self.counts = Counts(**(counts | {"lines": counts["lines"] - first}))
        self.after = blank(reader)


@dataclass(frozen=True, slots=True)
class Reading:
    """Pieces of logs that are to be read one after the other.

    Args:
        pieces: The pieces.
        options: How they are shown.
    """

    pieces: tuple[Piece, ...]
    options: Options


def read_pieces(reading: Reading) -> list[Shown | OSError]:
    """Read pieces of logs; a file that can't be read gives the reason."""
    return [_read_piece(piece, reading.options) for piece in reading.pieces]


def _read_piece(piece: Piece, options: Options) -> Shown | OSError:
    whole = piece.whole
    reader = whole.reader(options.engine_for(whole.size))
    stream = EventStream(reader, load_kept(whole.format, options.overlays), options.source_ip)
    reader.restore(dict(piece.state))
    try:
        with Path(whole.path).open("rb") as file:
            shown = show(stream, blocks(piece, file), options, final=piece.last)
    except OSError as error:
        return OSError(error.errno, error.strerror or str(error))
    shown.end(reader, piece.state["line"])
    return shown


def show(stream: EventStream, data: Iterable[tuple[bytes, int]], options: Options, *, final: bool | None) -> Shown:
    """Show what stands in some bytes of a log.

    Args:
        stream: Reads it.
        data: The bytes, and where they stand.
        options: How it is shown.
        final: Whether the log ends with them; None where the stream is to go on.
    """
    shown = Shown()
    for block, at in data:
        if options.summary:
            shown.count(stream.count(block, at))
        else:
            shown.take(stream.feed(block, at), options)
    if final is not None and options.summary:
        shown.count(stream.count_rest(final=final))
    elif final is not None:
        shown.take(stream.finish(final=final), options)
    return shown


def look_over(part: Range) -> Survey | OSError:
    """Look a range of a log over; a file that can't be read gives the reason."""
    try:
        return survey(part)
    except OSError as error:
        return OSError(error.errno, error.strerror or str(error))


def lost(item: Quarantined) -> str:
    """Write what couldn't be read as one line."""
    head = item.head[:_HEAD].decode("utf-8", "backslashreplace").translate(CONTROL)
    span = f" (and {item.lines - 1} more lines)" if item.lines > 1 else ""
    return f"{item.file}:{item.line}{span}: {item.reason}, at byte {item.offset}: {head}"


def _line(event: Event, options: Options) -> str:
    """Write an event as one line."""
    if options.output == "text":
        if options.payload:
            return event.payload(options.source_ip)
        parts = (
            write_time(event.device_time) or "-",
            event.family.value,
            event.event_id or "-",
            f"{event.source_ip or '-'} -> {event.destination_ip or '-'}",
            event.username or "-",
            *(f"[{problem}]" for problem in event.problems),
        )
        return "  ".join(parts).translate(CONTROL)
    shown = document.line(event)
    if options.payload:
        shown = f'{shown.removesuffix("}")}, "payload": {json.dumps(event.payload(options.source_ip))}}}'
    return shown
