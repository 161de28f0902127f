"""A log read in pieces, side by side, that gives what it gives as a whole.

Where a piece begins, three things are in force that stand above it: the number of its first line, the header, and
whether a quoted value is open. The first two are found by a survey of each range, which counts line feeds and looks for
lines that begin with ``#``; that costs little beside reading. The third can't be known without reading all that stands
above. So a piece begins at a line that begins like a record, and is read as if nothing were open.

`Joint` holds each piece's beginning against the state in which the reader left the piece before it. A state is all that
a reader needs to go on, so where the two are equal the pieces are what one reader would have read. Where they aren't (a
quoted value spans the border, or holds a line that begins like a record, or the survey took such a line for a header),
the piece is read again from where the reader stands.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from harness.events.encoding import DEFAULT
from harness.events.formats import reader_for
from harness.events.reader import BOM
from harness.events.record import Format

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import BinaryIO

    from harness.events.formats import Engine
    from harness.events.reader import Reader

RANGE = 48 * 1024 * 1024
"""How many bytes of a file are a piece that is read by the block."""

RANGE_OF_ROWS = 16 * 1024 * 1024
"""How many are a piece that is read row by row: that takes ten times as long, and workers are to end together."""

CHUNK = 4 * 1024 * 1024
"""How many bytes are read at once."""

_RECORD = re.compile(rb"\n(?=\d{4}-\d\d-\d\d)")
_LINE = re.compile(rb"\n")
_LONGEST_DATE = 10
_LONGEST_HEADER = 64 * 1024
# More of them than that aren't headers; what they change is found out where the pieces are joined.
_HEADERS = 1000
_OTHERS = 1000
_LINE_FEED = ord("\n")


@dataclass(frozen=True, slots=True)
class Whole:
    """A log.

    Args:
        name: As records and messages name it.
        path: Where it is opened.
        format: How it is written.
        size: How many of its bytes count.
        encoding: Of the file.
    """

    name: str
    path: str
    format: Format
    size: int
    encoding: str = DEFAULT

    def reader(self, engine: Engine = "strict") -> Reader:
        """Give a reader at its beginning."""
        return reader_for(self.format, self.name, encoding=self.encoding, engine=engine)


@dataclass(frozen=True, slots=True)
class Range:
    """Bytes of a log, cut anywhere.

    Args:
        whole: The log.
        begin: The first.
        end: The one after the last.
    """

    whole: Whole
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class Survey:
    """What a range says of the pieces that begin in it and below it.

    Args:
        border: Where the first line that begins like a record begins; None where no line does.
        before: How many lines end between the range's begin and the border.
        lines: How many lines end in the range.
        headers: Lines that begin with ``#``: how many lines end between the range's begin and such a line, where it
            begins, and its bytes without the line feed.
    """

    border: int | None
    before: int
    lines: int
    headers: tuple[tuple[int, int, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes of a log that one reader reads.

    Args:
        whole: The log.
        state: The reader's at the first of them, as its `state` gives it, with counts of nothing.
        end: The byte after the last.
    """

    whole: Whole
    state: Mapping[str, Any]
    end: int

    @property
    def begin(self) -> int:
        """The first byte."""
        return int(self.state["offset"])

    @property
    def last(self) -> bool:
        """Whether the log ends with it."""
        return self.end >= self.whole.size


class Part(Protocol):
    """What a piece gave."""

    @property
    def after(self) -> Mapping[str, Any]:
        """The reader's state at the piece's end, with counts of nothing."""


P = TypeVar("P", bound=Part)


def survey(part: Range) -> Survey:
    """Look a range over."""
    border: int | None = None
    before = lines = 0
    headers: list[tuple[int, int, bytes]] = []
    with open(part.whole.path, "rb") as stream:  # noqa: PTH123 - a name that any file system takes
        for begin in range(part.begin, part.end, CHUNK):
            # The byte before tells whether a line begins here, those behind whether a line feed stands before a date.
            start = max(begin - 1, 0)
            stream.seek(start)
            data = stream.read(min(begin + CHUNK, part.end) - start + _LONGEST_DATE)
            size = min(min(begin + CHUNK, part.end) - start, len(data))
            if border is None and (found := _border(part.whole.format, data, size)) is not None:
                border, before = start + found, lines + data.count(b"\n", begin - start, found)
            counted = begin - start
            for at in _headers(data, size, at_top=not begin):
                lines += data.count(b"\n", counted, at)
                counted = at
                headers.append((lines, start + at, _line(stream, data, size, start, at)))
                del headers[:-_HEADERS]
            lines += data.count(b"\n", counted, size)
    return Survey(border, before, lines, tuple(headers))


def _border(format_: Format, data: bytes, size: int) -> int | None:
    """Find where the first line that begins like a record begins."""
    pattern = _RECORD if format_ in (Format.MSGTRK, Format.SMTP) else _LINE
    found = pattern.search(data, 0, size - 1 + _LONGEST_DATE)
    return found.end() if found and found.end() < size else None


def _line(stream: BinaryIO, data: bytes, size: int, start: int, at: int) -> bytes:
    """Give a line without its line feed, read anew where it goes on behind what was read."""
    end = data.find(b"\n", at, size)
    if end >= 0:
        return data[at:end]
    stream.seek(start + at)
    return stream.read(_LONGEST_HEADER).partition(b"\n")[0]


def _headers(data: bytes, size: int, *, at_top: bool) -> Iterator[int]:
    """Give where lines begin that are headers."""
    if at_top:
        top = len(BOM) if data.startswith(BOM) else 0
        if data.startswith(b"#", top):
            yield top
    # A byte is found ten times as fast as two; but where others stand everywhere, each costs a step here.
    at, others = data.find(b"#", 1, size), 0
    while at >= 0 and others < _OTHERS:
        if data[at - 1] == _LINE_FEED:
            yield at
        else:
            others += 1
        at = data.find(b"#", at + 1, size)
    at = data.find(b"\n#", at - 1, size) if at >= 0 else -1
    while at >= 0:
        yield at + 1
        at = data.find(b"\n#", at + 1, size)


def ranges(whole: Whole, size: int) -> list[Range]:
    """Cut a log into ranges."""
    return [Range(whole, at, min(at + size, whole.size)) for at in range(0, max(whole.size, 1), size)]


def pieces(whole: Whole, surveys: Iterable[tuple[Range, Survey]]) -> Iterator[Piece]:
    """Give the pieces of a log, each with the state that is likely to be in force at its beginning.

    Args:
        whole: The log.
        surveys: Its ranges in their order, each looked over.
    """
    tracker = whole.reader()
    state = blank(tracker)
    held: list[tuple[int, int, bytes]] = []  # headers that aren't in force yet, with the numbers of their lines
    lines = 0
    for part, seen in surveys:
        held += [(lines + before + 1, at, text) for before, at, text in seen.headers]
        if part.begin and seen.border is not None:
            yield Piece(whole, state, seen.border)
            while held and held[0][1] < seen.border:
                number, _, text = held.pop(0)
                tracker.restore({**state, "line": number - 1, "offset": 0})
                tracker.feed(text + b"\n", 0)
                state = blank(tracker)
            state = {**state, "line": lines + seen.before, "offset": seen.border}
        lines += seen.lines
    yield Piece(whole, state, whole.size)


def blank(reader: Reader) -> dict[str, Any]:
    """Give a reader's state with counts of nothing."""
    state = reader.state()
    return {**state, "counts": dict.fromkeys(state["counts"], 0)}


def blocks(piece: Piece, stream: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Give a piece's bytes.

    Args:
        piece: The piece.
        stream: The log.

    Yields:
        Bytes, and where they stand in the log.
    """
    at = piece.begin
    stream.seek(at)
    while data := stream.read(min(CHUNK, piece.end - at)):
        yield data, at
        at += len(data)


def chain(whole: Whole, do: Callable[[Piece], P], *, size: int) -> Iterator[P]:
    """Read a log piece by piece, each with the state that the one before left.

    Args:
        whole: The log.
        do: Reads a piece.
        size: How many bytes are a piece; more where a line is longer.

    Yields:
        What each piece gave.
    """
    state: Mapping[str, Any] = blank(whole.reader())
    length = size
    while True:
        piece = Piece(whole, state, min(state["offset"] + length, whole.size))
        part = do(piece)
        yield part
        if piece.last:
            return
        length = size if part.after["offset"] > piece.begin else 2 * length
        state = part.after


class Joint(Generic[P]):
    """Joins the pieces of a log, one after the other.

    Args:
        again: Reads a piece and gives what it gave.
    """

    def __init__(self, again: Callable[[Piece], P]) -> None:
        self.again = again
        self._after: Mapping[str, Any] | None = None
        self.repeated = 0
        """How many pieces had to be read again."""

    def join(self, piece: Piece, part: P) -> P:
        """Take the next piece.

        Args:
            piece: The piece.
            part: What it gave.

        Returns:
            What it gives where the one before ended.
        """
        if self._after is not None and self._after != piece.state:
            self.repeated += 1
            part = self.again(Piece(piece.whole, self._after, piece.end))
        self._after = part.after
        return part
