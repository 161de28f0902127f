"""W3C extended logs: IIS sites, and the SMTP service of Exchange 2003."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

from harness.events.encoding import DEFAULT
from harness.events.reader import MAX_RECORD, LineReader
from harness.events.record import Format, decode

_RETURN = 13
_NOON = 12 * 3600.0
_LAST_HOUR = 23 * 3600.0


class W3cReader(LineReader):
    """W3C extended log: IIS sites, and the SMTP service of Exchange 2003.

    Values hold no blanks (IIS writes ``+``) and are never empty (IIS writes ``-``), so runs of blanks separate them and
    a quote is a character like any other.
    """

    def __init__(
        self,
        file: str,
        format: Format,  # noqa: A002 - the field's own word
        *,
        limit: int = MAX_RECORD,
        encoding: str = DEFAULT,
    ) -> None:
        super().__init__(file, format, limit=limit, encoding=encoding)
        self._clock = _Clock()

    def state(self) -> dict[str, Any]:
        """Give what is needed to go on from the position, as plain JSON."""
        return super().state() | {"clock": self._clock.state()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state; the next bytes to feed are those at its position."""
        super().restore(state)
        self._clock = _Clock(**state["clock"])

    def _directive(self, line: bytes, offset: int, length: int) -> None:
        before = self.header.date
        super()._directive(line, offset, length)
        if self.header.date != before:
            found = _TIME.search(self.header.date)
            self._clock = _Clock(latest=_seconds(found) if found else -1.0)

    @property
    def _names_known(self) -> bool:
        index = self.header.index
        return bool(self.header.names) and ("date" in index or "time" not in index)

    def _split(self, line: bytes) -> list[str]:
        values = (line[:-1] if line[-1] == _RETURN else line).decode(self._encoding, "surrogateescape").split(" ")
        return [] if "" in values else values

    def _row(self, line: bytes, offset: int, length: int) -> None:
        values = decode(line, self._encoding).split(" ")
        if "" in values:
            values = [value for value in values if value]
        index = self.header.index
        day = None
        if "time" in index and "date" not in index and len(values) == len(self.header.names):
            day = self._clock.day(self.header.day, values[index["time"]])
        self._bind(values, line, offset, length, day)


class _Clock:
    """Finds the day of rows that carry a time only.

    They begin on the day of ``#Date``. A time more than twelve hours before the latest one is no disorder, which spans
    seconds: midnight has passed. Once it has, a time of the last hour that is more than twelve hours ahead is a
    straggler of the day before.

    Args:
        passed: How many midnights have passed.
        latest: The latest time of day seen on that day, in seconds; negative before the first.
    """

    def __init__(self, passed: int = 0, latest: float = -1.0) -> None:
        self._passed = passed
        self._latest = latest

    def state(self) -> dict[str, Any]:
        """Give the arguments that make the same clock again."""
        return {"passed": self._passed, "latest": self._latest}

    def day(self, first: date | None, time: str) -> date | None:
        """Give a row's day; None where ``#Date`` names none or the time isn't one."""
        found = _TIME.fullmatch(time)
        if first is None or not found:
            return None
        now = _seconds(found)
        straggler = 0
        if now < self._latest - _NOON:
            self._passed += 1
            self._latest = now
        elif self._passed and now > self._latest + _NOON and now > _LAST_HOUR:
            straggler = 1
        else:
            self._latest = max(self._latest, now)
        try:
            return first + timedelta(days=self._passed - straggler)
        except OverflowError:
            return None


_TIME = re.compile(r"(\d\d?):(\d\d):(\d\d(?:\.\d+)?)", re.ASCII)


def _seconds(time: re.Match[str]) -> float:
    """Give a time of day in seconds."""
    hours, minutes, seconds = time.groups()
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
