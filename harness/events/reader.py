"""Bytes to lines to records, without doing any I/O.

A reader is fed bytes and the file offset that they come from. What it gives doesn't depend on how the file was cut
into pieces. It never holds more than the record that isn't whole yet, and that is bounded.

`LineReader.position` is the offset of the first byte that isn't part of anything given yet. `LineReader.state`
holds that position and what is needed to go on from there, and none of the file's bytes: a poll that resumes after
a restart, and any poll that can't be sure that the tail it has seen stays as it was (IIS fills the end of an open
log with zeros that become rows later), restores the state and reads again from the position.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol

from harness.events.encoding import DEFAULT
from harness.events.record import HEAD, Counts, Fault, Format, Header, Item, Quarantined, Record, decode, quick

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from harness.events.batch import Batch

MAX_RECORD = 4 * 1024 * 1024
"""The longest line or record that is kept, in bytes; IIS writes at most 64 KB, Exchange far less."""

BOM = b"\xef\xbb\xbf"
_HASH = 35
_NUL = b"\0"
_HASHES = b"#"
_record = quick(Record)

_DIRECTIVE = re.compile(r"#\s*([A-Za-z][A-Za-z-]*):\s*(.*)", re.DOTALL)
_DATED = re.compile(rb"\d{4}-\d\d?-\d\d?[T \t]")


class Reader(Protocol):
    """What a poll needs of a reader; another engine may stand behind it."""

    @property
    def position(self) -> int:
        """The offset of the first byte that isn't part of anything given yet."""

    @property
    def counts(self) -> Counts:
        """How the lines were taken so far."""

    def feed(self, data: bytes | memoryview, offset: int) -> list[Item]:
        """Take the bytes that follow, and give what became whole."""

    def feed_batches(self, data: bytes | memoryview, offset: int) -> Sequence[Batch | Item]:
        """Do the same, but give rows in batches where that spares work."""

    def finish(self, *, final: bool) -> list[Item]:
        """End a poll, or with ``final`` the file."""

    def state(self) -> dict[str, Any]:
        """Give what is needed to go on from the position, as plain JSON."""

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state; the next bytes to feed are those at its position."""


class LineReader(ABC):
    """The strict reader: one line after another.

    Args:
        file: The file's name, for records and messages.
        format: How the file is written.
        limit: The longest line or record that is kept, in bytes.
        encoding: As `harness.events.encoding.readable` gives it.
    """

    def __init__(
        self,
        file: str,
        format: Format,  # noqa: A002 - the field's own word
        *,
        limit: int = MAX_RECORD,
        encoding: str = DEFAULT,
    ) -> None:
        self.header = Header(file, format)
        self._encoding = encoding
        self.limit = limit
        self._kept = min(limit, HEAD)
        self._out: list[Item] = []
        self._tally = dict.fromkeys(("records", "continuations", "headers", "blanks", "quarantined"), 0)
        self._number = 0  # lines that ended
        self._next = 0  # the offset of the next byte to be fed
        self._begin = 0  # the offset of the line that hasn't ended
        self._pending = bytearray()  # its bytes, without zero bytes at its beginning
        self._nuls = 0  # how many those were
        self._dropped = 0  # bytes of it that were let go because it is too long

    @property
    def position(self) -> int:
        """The offset of the first byte that isn't part of anything given yet."""
        return self._begin

    @property
    def counts(self) -> Counts:
        """How the lines were taken so far."""
        return Counts(lines=self._settled, **self._tally)

    @property
    def idle(self) -> bool:
        """Whether the next byte begins a line that can be read by itself."""
        return self._next == self._begin

    def expect(self, offset: int) -> None:
        """Refuse bytes that don't follow those fed before.

        Raises:
            ValueError: They don't.
        """
        if offset != self._next:
            message = f"{self.header.file}: bytes {self._next} and on are due, not those at {offset}"
            raise ValueError(message)

    def skip(self, rows: int, length: int) -> None:
        """Go past rows that another engine has read; only while the reader is `idle`.

        Args:
            rows: How many, each a line.
            length: How many bytes they take, line ends included.
        """
        self._tally["records"] += rows
        self._number += rows
        self._begin += length
        self._next = self._begin

    @property
    def _settled(self) -> int:
        """How many lines have been taken for good."""
        return self._number

    def feed_batches(self, data: bytes | memoryview, offset: int) -> list[Item]:
        """Do what `feed` does: this reader gives no batches."""
        return self.feed(data, offset)

    def feed(self, data: bytes | memoryview, offset: int) -> list[Item]:
        """Take the bytes that follow, and give what became whole.

        Args:
            data: Any number of bytes.
            offset: Where they stand in the file.

        Returns:
            Headers, records and quarantined lines, in the file's order.

        Raises:
            ValueError: The bytes don't follow those fed before.
        """
        self.expect(offset)
        data = bytes(data)  # which copies nothing of what is bytes already
        self._next += len(data)
        end = data.rfind(b"\n") + 1
        if end:
            lines = data[: end - 1].split(b"\n")
            if offset != self._begin:
                self._hold(lines[0])
                self._end_pending(ended=True)
                del lines[0]
            self._lines(lines, plain=_NUL not in data)
        if end < len(data):
            self._hold(data[end:] if end else data)
        return self._take()

    def finish(self, *, final: bool) -> list[Item]:
        """End a poll, or with ``final`` the file.

        Args:
            final: The file is closed: what still waits for its end is read as it stands. Otherwise what waits is
                forgotten, and the next bytes to be fed are those at `position`.

        Returns:
            What the end made whole.
        """
        if final and self._next != self._begin:
            self._end_pending(ended=False)
        elif not final:
            self._pending.clear()
            self._nuls = self._dropped = 0
            self._next = self._begin
        return self._take()

    def state(self) -> dict[str, Any]:
        """Give what is needed to go on from the position, as plain JSON; a few hundred bytes."""
        header = self.header
        return {
            "format": header.format.value,
            "offset": self.position,
            "line": self.counts.lines,
            "fields_line": header.line,
            "names": list(header.names),
            "software": header.software,
            "version": header.version,
            "log_type": header.log_type,
            "date": header.date,
            "counts": dict(self._tally),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state; the next bytes to feed are those at its position.

        Raises:
            ValueError: The state was made by a reader of another format.
        """
        if state["format"] != self.header.format:
            message = f"{self.header.file}: the state is of format {state['format']}, not {self.header.format}"
            raise ValueError(message)
        self.header = Header(
            self.header.file,
            self.header.format,
            tuple(state["names"]),
            state["fields_line"],
            state["software"],
            state["version"],
            state["log_type"],
            state["date"],
        )
        self._tally = dict(state["counts"])
        self._number = state["line"]
        self._begin = self._next = state["offset"]
        self._pending.clear()
        self._out.clear()
        self._nuls = self._dropped = 0

    def _lines(self, lines: list[bytes], *, plain: bool) -> None:
        """Take whole lines.

        Args:
            lines: Their bytes without the line feeds.
            plain: Whether none holds a zero byte.
        """
        at = 0
        while at < len(lines):
            if plain and self._names_known:
                at = self._rows(lines, at)
            if at < len(lines):
                self._end(lines[at], ended=True)
                at += 1

    @property
    def _names_known(self) -> bool:
        """Whether a row that comes next can be read by itself."""
        return bool(self.header.names)

    def _rows(self, lines: list[bytes], at: int) -> int:
        """Take lines from one on as long as each is a row that needs no second look.

        Args:
            lines: Their bytes without the line feeds; no zero byte is among them.
            at: The first one to take.

        Returns:
            The first one that wasn't taken.
        """
        header, width, limit = self.header, len(self.header.names), self.limit
        number, begin = self._number, self._begin
        split, add = self._split, self._out.append
        for line in islice(lines, at, None):
            size = len(line)
            if size > limit or not line[:1].isdigit() or len(values := split(line)) != width:
                break
            number += 1
            add(_record(header, tuple(values), begin, size + 1, number, 1, None))
            begin += size + 1
        taken = number - self._number
        self._tally["records"] += taken
        self._number, self._begin = number, begin
        return at + taken

    def _split(self, line: bytes) -> list[str]:  # noqa: ARG002 - most readers have no quick way
        """Split a line that begins with a digit, carriage return included; nothing where it takes more than that."""
        return []

    @abstractmethod
    def _row(self, line: bytes, offset: int, length: int) -> None:
        """Take a line that is neither blank nor a header.

        Args:
            line: Its bytes without the line end.
            offset: Where it begins in the file.
            length: Its length in the file.
        """

    def _names(self, text: str) -> tuple[str, ...]:
        """Read the names of a ``#Fields`` line."""
        return tuple(text.split())

    def _starts(self, line: bytes) -> bool:
        """Whether a line begins as a record of this format does."""
        return _DATED.match(line) is not None

    def _take(self) -> list[Item]:
        out, self._out = self._out, []
        return out

    def _hold(self, data: bytes) -> None:
        """Keep bytes of a line that hasn't ended."""
        if not self._pending and not self._dropped:
            kept = data.lstrip(_NUL)
            self._nuls += len(data) - len(kept)
            data = kept
        if self._dropped:
            self._dropped += len(data)
            return
        self._pending += data
        if len(self._pending) > self.limit:
            self._dropped = len(self._pending) - self._kept
            del self._pending[self._kept :]

    def _end_pending(self, *, ended: bool) -> None:
        """The line that was held has ended."""
        line, nuls, dropped = bytes(self._pending), self._nuls, self._dropped
        self._pending.clear()
        self._nuls = self._dropped = 0
        if dropped:
            self._nul_run(nuls)
            self._too_long(line, len(line) + dropped + ended)
        else:
            self._end(line, ended=ended, nuls=nuls)

    def _end(self, line: bytes, *, ended: bool, nuls: int = 0) -> None:
        """A line has ended.

        Args:
            line: Its bytes without the line feed.
            ended: Whether there was a line feed.
            nuls: How many zero bytes stood before it.
        """
        if _NUL in line or nuls:
            kept = line.lstrip(_NUL)
            nuls += len(line) - len(kept)
            line = kept
            if line in (b"", b"\r"):
                self._nul_line(nuls, len(line) + ended)
                return
            self._nul_run(nuls)
        length = len(line) + ended
        if len(line) > self.limit:
            self._too_long(line[: self._kept], length)
            return
        self._number += 1
        offset, self._begin = self._begin, self._begin + length
        if _NUL in line:
            self._after_nuls(line, offset, length)
        else:
            self._line(line, offset, length)

    def _nul_line(self, nuls: int, length: int) -> None:
        """A line holds nothing but zero bytes."""
        self._broken_off()
        self._number += 1
        offset, self._begin = self._begin, self._begin + nuls + length
        reason = "the line is nothing but zero bytes"
        self._quarantine(Fault.NUL, reason, offset, nuls + length, bytes(min(nuls, HEAD)))

    def _nul_run(self, nuls: int) -> None:
        """Zero bytes stand before a line that is read as usual."""
        if nuls:
            self._broken_off()
            offset, self._begin = self._begin, self._begin + nuls
            head = bytes(min(nuls, HEAD))
            reason = "zero bytes stand before the line"
            self._quarantine(Fault.NUL, reason, offset, nuls, head, line=self._number + 1, lines=0)

    def _after_nuls(self, line: bytes, offset: int, length: int) -> None:
        """Read what follows zero bytes in mid-line where it begins like a line; otherwise keep the line unread."""
        self._broken_off()
        cut = line.rindex(_NUL) + 1
        rest = line[cut:]
        if rest.startswith(_HASHES) or self._starts(rest):
            self._quarantine(Fault.NUL, "zero bytes cut the line", offset, cut, line[:cut], lines=0)
            self._line(rest, offset + cut, length - cut)
        else:
            self._quarantine(Fault.NUL, "zero bytes stand in the line", offset, length, line)

    def _too_long(self, head: bytes, length: int) -> None:
        """A line is longer than is kept."""
        self._broken_off()
        self._number += 1
        offset, self._begin = self._begin, self._begin + length
        reason = f"the line is {length} bytes long; at most {self.limit} are kept"
        self._quarantine(Fault.TOO_LONG, reason, offset, length, head)

    def _broken_off(self) -> None:  # noqa: B027 - most formats keep nothing open
        """Something stands in the file that can't be part of a record."""

    def _line(self, line: bytes, offset: int, length: int) -> None:
        """Take a line as it stands in the file, carriage return included."""
        if line.endswith(b"\r"):
            line = line[:-1]
        if line.startswith(BOM):
            line, offset, length = line[3:], offset + 3, length - 3
        if not line.strip(b" \t"):
            self._tally["blanks"] += 1
        elif line[0] == _HASH:
            self._directive(line, offset, length)
        else:
            self._row(line, offset, length)

    def _directive(self, line: bytes, offset: int, length: int) -> None:
        """Take a line that begins with ``#``."""
        found = _DIRECTIVE.match(decode(line, self._encoding))
        key, value = (found[1].lower(), found[2].strip()) if found else ("", "")
        if key == "fields":
            self._fields(self._names(value), line, offset, length)
            return
        self._tally["headers"] += 1
        if key == "software":
            self.header = replace(self.header, software=value)
        elif key == "version":
            self.header = replace(self.header, version=value)
        elif key == "log-type":
            self.header = replace(self.header, log_type=value)
        elif key == "date":
            self.header = replace(self.header, date=value)

    def _fields(self, names: tuple[str, ...], line: bytes, offset: int, length: int) -> None:
        """Take the columns of the rows that follow."""
        if not names:
            self.header = replace(self.header, names=(), line=0)
            self._quarantine(Fault.BAD_HEADER, "the #Fields line names no column", offset, length, line)
            return
        self._tally["headers"] += 1
        self.header = replace(self.header, names=names, line=self._number)
        self._out.append(self.header)

    def _bind(self, values: list[str], line: bytes, offset: int, length: int, day: date | None = None) -> None:
        """Make a record of a line's values, or quarantine it where they don't fit the columns."""
        header = self.header
        if len(values) == len(header.names):
            self._tally["records"] += 1
            self._out.append(Record(header, tuple(values), offset, length, self._number, 1, day))
        else:
            self._misfit(len(values), line, offset, length)

    def _misfit(self, width: int, line: bytes, offset: int, length: int) -> None:
        names = self.header.names
        if names:
            reason = f"the row has {width} values where #Fields (line {self.header.line}) names {len(names)}"
            self._quarantine(Fault.WIDTH, reason, offset, length, line)
        else:
            self._quarantine(Fault.NO_FIELDS, "no #Fields line stands above the row", offset, length, line)

    def _quarantine(
        self,
        fault: Fault,
        reason: str,
        offset: int,
        length: int,
        data: bytes,
        *,
        line: int | None = None,
        lines: int = 1,
    ) -> None:
        """Keep what couldn't be read; without a line number it is the line that is being taken."""
        self._tally["quarantined"] += lines
        number = self._number if line is None else line
        self._out.append(Quarantined(self.header.file, offset, length, number, lines, fault, reason, data[:HEAD]))
