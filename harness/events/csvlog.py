"""Comma-separated logs of Exchange 2007 and later: message tracking and SMTP protocol logs.

A value with a comma, a quote or a line break stands in double quotes, with quotes doubled. A quoted value may
therefore span lines, and a row that was cut in the middle of one looks the same until something contradicts it. The
rules:

* A row is whole where its quotes close and its width fits ``#Fields``, whatever its quoted values hold. Text that
  somebody put into a subject, line breaks included, can't pass for a row of its own.
* It is given up where a closing quote is followed by something else than a comma, where its width doesn't fit,
  where the file ends, or where it has grown too long. It may grow to the reader's limit, but only `DOUBT` bytes
  beyond a line that begins like a row.
* Of a row that is given up, what stands before the first line that begins like a row is quarantined, and reading
  goes on with that line. Nothing that follows is swallowed.
"""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import Any, NamedTuple

from harness.events.encoding import DEFAULT
from harness.events.reader import MAX_RECORD, LineReader
from harness.events.record import HEAD, Fault, Format, Record, decode, encode

DOUBT = 64 * 1024
"""How far an open row may grow beyond a line that begins like a row, in bytes."""

LINES = 10_000
"""How many lines a row may span."""

_QUOTE = 34
_COMMA = 44
_RETURN = 13
_COMMAS = b","
_QUOTED = re.compile(rb'[^"]*+(?:""[^"]*+)*+')
_DATED = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
_DIRECTIVE = re.compile(rb"#(?:Software|Version|Log-type|Date|Fields): ", re.IGNORECASE)
_DATE_FIRST = "date-time"

Span = tuple[int, int]


class Quoting(Enum):
    """How a line's quotes stand at its end."""

    CLOSED = auto()
    OPEN = auto()
    BAD = auto()


def spans(line: bytes, *, inside: bool = False, strict: bool = False) -> tuple[Quoting, list[Span]]:
    """Find the values of a line, or of several that are one row.

    Args:
        line: The bytes without the last line end.
        inside: The line begins inside a quoted value.
        strict: A quote in a value that isn't quoted is an error too.

    Returns:
        How the quotes stand at the end, and where each value begins and ends, without the quotes around it.
    """
    found: list[Span] = []
    position = 0
    bare_quote = False
    size = len(line)
    while True:
        if inside or (position < size and line[position] == _QUOTE):
            begin = position if inside else position + 1
            inside = False
            match = _QUOTED.match(line, begin)
            end = match.end() if match else begin
            found.append((begin, end))
            if end == size:
                return (Quoting.BAD if bare_quote else Quoting.OPEN), found
            position = end + 1
            if position == size:
                return Quoting.CLOSED, found
            if line[position] != _COMMA:
                return Quoting.BAD, found
        else:
            begin = position
            position = line.find(_COMMAS, begin)
            if position < 0:
                position = size
            bare_quote = bare_quote or line.find(b'"', begin, position) >= 0
            if bare_quote and strict:
                return Quoting.BAD, found
            found.append((begin, position))
            if position == size:
                return Quoting.CLOSED, found
        position += 1


class _Held(NamedTuple):
    """A line of a row that isn't whole yet: its bytes with the carriage return, and where it stands."""

    line: bytes
    offset: int
    length: int
    number: int


class CsvReader(LineReader):
    """Message tracking and SMTP protocol logs.

    Args:
        file: The file's name, for records and messages.
        format: How the file is written.
        limit: The longest line or record that is kept, in bytes.
        encoding: As `harness.events.encoding.readable` gives it.
        doubt: How far an open row may grow beyond a line that begins like a row, in bytes.
    """

    def __init__(
        self,
        file: str,
        format: Format,  # noqa: A002 - the field's own word
        *,
        limit: int = MAX_RECORD,
        encoding: str = DEFAULT,
        doubt: int = DOUBT,
    ) -> None:
        super().__init__(file, format, limit=limit, encoding=encoding)
        self._doubt = doubt
        self._open: list[_Held] = []
        self._size = 0  # bytes of the open row
        self._doubted = 0  # of these, the bytes from the first line on that begins like a row
        self._given_up = False  # the lines that follow may be the rest of a row that was given up

    @property
    def position(self) -> int:
        """The offset of the first byte that isn't part of anything given yet."""
        return self._open[0].offset if self._open else super().position

    @property
    def idle(self) -> bool:
        """Whether the next byte begins a line that can be read by itself."""
        return super().idle and not self._open and not self._given_up

    @property
    def _settled(self) -> int:
        return super()._settled - len(self._open)

    def finish(self, *, final: bool) -> list[Any]:
        """End a poll, or with ``final`` the file."""
        if not final:
            self._begin = self.position
            self._number = self._settled
            self._open.clear()
            return super().finish(final=False)
        out = super().finish(final=True)
        while self._open:
            self._give_up(Fault.OPEN_QUOTE, "the file ends inside a quoted value")
        return out + self._take()

    def state(self) -> dict[str, Any]:
        """Give what is needed to go on from the position, as plain JSON."""
        return super().state() | {"given_up": self._given_up}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state; the next bytes to feed are those at its position."""
        super().restore(state)
        self._given_up = state["given_up"]
        self._open.clear()

    def _names(self, text: str) -> tuple[str, ...]:
        return tuple(name.strip() for name in text.split(",")) if text else ()

    def _starts(self, line: bytes) -> bool:
        names = self.header.names
        return _DATED.match(line) is not None or bool(names and names[0].lower() != _DATE_FIRST)

    def _broken_off(self) -> None:
        number = self._number
        while self._open:
            self._give_up(Fault.OPEN_QUOTE, "a quoted value is cut")
        self._number = number

    def _line(self, line: bytes, offset: int, length: int) -> None:
        if self._open:
            self._continue(line, offset, length)
        else:
            super()._line(line, offset, length)

    def _directive(self, line: bytes, offset: int, length: int) -> None:
        self._given_up = False
        super()._directive(line, offset, length)

    @property
    def _names_known(self) -> bool:
        return bool(self.header.names) and not self._open and not self._given_up

    def _split(self, line: bytes) -> list[str]:
        text = (line[:-1] if line[-1] == _RETURN else line).decode(self._encoding, "surrogateescape")
        return (_simple(text) or []) if '"' in text else text.split(",")

    def _row(self, line: bytes, offset: int, length: int) -> None:
        if self._given_up:
            if not self._starts(line):
                reason = "the line doesn't begin like a row and follows one that was given up"
                self._quarantine(Fault.REST, reason, offset, length, line)
                return
            self._given_up = False
        if b'"' not in line:
            self._bind(decode(line, self._encoding).split(","), line, offset, length)
            return
        if not self.header.names:
            self._misfit(0, line, offset, length)
            return
        values = _simple(decode(line, self._encoding))
        if values is not None:
            self._bind(values, line, offset, length)
            return
        quoting, found = spans(line)
        if quoting is Quoting.CLOSED:
            self._bind(_values(line, found, self._encoding), line, offset, length)
        elif quoting is Quoting.BAD:
            self._given_up = True
            reason = f"the quote that closes value {len(found)} isn't followed by a comma"
            self._quarantine(Fault.BAD_QUOTE, reason, offset, length, line)
        else:
            self._size = self._doubted = 0
            self._keep(line, offset, length)

    def _keep(self, line: bytes, offset: int, length: int) -> None:
        """Keep a line of an open row."""
        ending = b"\r" if length > len(line) + 1 else b""
        self._open.append(_Held(line + ending, offset, length, self._number))
        self._size += length

    def _continue(self, line: bytes, offset: int, length: int) -> None:
        """Take a line that begins inside a quoted value."""
        if self._doubted or self._begins_anew(line):
            self._doubted += length
        self._open.append(_Held(line, offset, length, self._number))
        self._size += length
        if self._size > self.limit or len(self._open) > LINES:
            self._give_up(Fault.TOO_LONG, f"the row is longer than {self.limit} bytes or {LINES} lines")
            return
        bare = line[:-1] if line.endswith(b"\r") else line
        quoting, _ = spans(bare, inside=True, strict=True)
        if quoting is Quoting.CLOSED:
            self._close()
        elif quoting is Quoting.BAD:
            self._give_up(Fault.BAD_QUOTE, "a quoted value is cut, or a quote in it isn't doubled")
        elif self._doubted > self._doubt:
            self._give_up(Fault.OPEN_QUOTE, "a quoted value never ends")

    def _close(self) -> None:
        """The open row's quotes have closed."""
        held = self._open
        row = b"\n".join(each.line for each in held).removesuffix(b"\r")
        values = _values(row, spans(row)[1], self._encoding)
        names = self.header.names
        if len(values) != len(names):
            self._give_up(Fault.WIDTH, f"the row has {len(values)} values where #Fields names {len(names)}")
            return
        self._open = []
        self._tally["records"] += 1
        self._tally["continuations"] += len(held) - 1
        first = held[0]
        length = held[-1].offset + held[-1].length - first.offset
        self._out.append(Record(self.header, tuple(values), first.offset, length, first.number, len(held)))

    def _give_up(self, fault: Fault, reason: str) -> None:
        """Quarantine the open row up to the first line that begins like a row, and read again from there."""
        held, self._open = self._open, []
        end = next((at for at, each in enumerate(held) if at and self._begins_anew(each.line)), len(held))
        first, last = held[0], held[end - 1]
        length = last.offset + last.length - first.offset
        head = b"".join(each.line + b"\n" for each in held[: min(end, HEAD)])[: min(HEAD, length)]
        self._quarantine(fault, reason, first.offset, length, head, line=first.number, lines=end)
        self._given_up = True
        number = self._number
        for each in held[end:]:
            self._number = each.number
            self._line(each.line, each.offset, each.length)
        self._number = number

    def _begins_anew(self, line: bytes) -> bool:
        """Whether a line inside a quoted value begins like a row or a header."""
        return _DATED.match(line) is not None or _DIRECTIVE.match(line) is not None


def split_row(line: str) -> list[str]:
    """Split a whole line of UTF-8 whose quotes close."""
    values = _simple(line)
    if values is None:
        data = encode(line)
        values = _values(data, spans(data)[1], DEFAULT)
    return values


def _simple(line: str) -> list[str] | None:
    """Split a whole line whose quoted values hold no quotes; None where it takes more than that."""
    first, *rest = line.split('"')
    values = first.split(",")
    if len(rest) % 2 or values.pop():
        return None
    last = len(rest) - 1
    for at in range(0, len(rest), 2):
        values.append(rest[at])
        between = rest[at + 1]
        if at + 1 < last:
            if not between or between[0] != "," or between[-1] != ",":
                return None
            if len(between) > 1:
                values += between[1:-1].split(",")
        elif between:
            if between[0] != ",":
                return None
            values += between[1:].split(",")
    return values


def _values(line: bytes, found: list[Span], encoding: str) -> list[str]:
    """Read the values that `spans` found."""
    quoted = [bool(begin and line[begin - 1] == _QUOTE) for begin, _ in found]
    texts = [decode(line[begin:end], encoding) for begin, end in found]
    return [text.replace('""', '"') if doubled else text for text, doubled in zip(texts, quoted, strict=True)]
