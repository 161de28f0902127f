"""Message tracking of Exchange 2003: values between tabs."""

from __future__ import annotations

from dataclasses import replace

from harness.events.reader import LineReader
from harness.events.record import decode


class TabReader(LineReader):
    """Message tracking of Exchange 2003: values between tabs, the columns in a comment."""

    _FIRST = "Date\tTime\t"

    def _directive(self, line: bytes, offset: int, length: int) -> None:
        text = decode(line[1:], self._encoding).strip(" \t")
        if text.startswith(self._FIRST):
            self._fields(tuple(name.strip() for name in text.split("\t")), line, offset, length)
        elif text.startswith("Exchange System Attendant Version "):
            self._tally["headers"] += 1
            self.header = replace(
                self.header,
                software="Exchange System Attendant",
                version=text.removeprefix("Exchange System Attendant Version "),
            )
        else:
            super()._directive(line, offset, length)

    def _names(self, text: str) -> tuple[str, ...]:
        return tuple(name.strip() for name in text.split("\t") if name.strip())

    def _row(self, line: bytes, offset: int, length: int) -> None:
        values = decode(line, self._encoding).split("\t")
        # Exchange 2003 ends a row with one value more than it names, and that one says nothing.
        if len(values) == len(self.header.names) + 1 and values[-1] in ("", "-"):
            del values[-1]
        self._bind(values, line, offset, length)
