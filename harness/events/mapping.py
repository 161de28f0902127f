"""Mappings: which columns of a record become which fields of an event, and how that went."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from harness.events import transforms
from harness.events.event import Event, Shortfall

if TYPE_CHECKING:
    import re
    from collections.abc import Callable
    from collections.abc import Mapping as Mapped

    from harness.events.record import Format, Record
    from harness.source import Source

_DIRECTIVES = {"#Software": "software", "#Version": "version", "#Log-type": "log_type", "#Date": "date"}
PSEUDO = (*_DIRECTIVES, "#day", "#file", "#SourceIp")
"""What a mapping can name besides a file's columns."""


@dataclass(frozen=True, slots=True)
class Step:
    """A transform that ran.

    Args:
        name: As the mapping writes it.
        result: What it gave.
    """

    name: str
    result: str


@dataclass(frozen=True, slots=True)
class Trace:
    """How a mapped field got its value.

    Args:
        field: Its name, one of `event.MAPPED`.
        columns: The columns, or names that begin with ``#``, that the value was taken from.
        taken: What was taken from them.
        steps: The transforms, in their order.
        value: The value as the event has it, as text; empty where nothing was found.
        source: Where the candidate stands in a mapping file.
        problem: Why the field stayed empty; empty where it didn't.
        provenance: Where the belief in this mapping comes from.
    """

    field: str
    columns: tuple[str, ...]
    taken: str
    steps: tuple[Step, ...]
    value: str
    source: Source
    problem: str
    provenance: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """One place that a mapped field may come from.

    Args:
        columns: The columns that it reads.
        take: Gives their text from a record and the server's address.
        when: Columns and patterns that must match.
        transforms: Names and functions.
        source: Where it stands in a mapping file.
    """

    columns: tuple[str, ...]
    take: Callable[[Record, str], str]
    when: tuple[tuple[str, re.Pattern[str]], ...]
    transforms: tuple[tuple[str, Callable[[str], str]], ...]
    source: Source

    def applies(self, record: Record, host: str) -> bool:
        """Whether its conditions hold."""
        return all(pattern.fullmatch(column(record, name, host)) for name, pattern in self.when)

    def text(self, record: Record, host: str) -> str:
        """Give its text; empty where it gives nothing."""
        if self.when and not self.applies(record, host):
            return ""
        text = self.take(record, host)
        for _, transform in self.transforms:
            if not text:
                return ""
            text = transform(text)
        return text


@dataclass(frozen=True, slots=True)
class MappedField:
    """Where one mapped field comes from.

    Args:
        name: One of `event.MAPPED`.
        candidates: Tried in this order.
        required: Whether an event without it has a problem.
        provenance: Where the belief comes from.
    """

    name: str
    candidates: tuple[Candidate, ...]
    required: bool
    provenance: str

    def find(self, record: Record, host: str) -> tuple[Any, Candidate | None, str]:
        """Give the value, the candidate that gave it, and the problem where none did."""
        wrong = ""
        convert = _TYPES[self.name]
        for candidate in self.candidates:
            text = candidate.text(record, host)
            if text:
                try:
                    return convert(text), candidate, ""
                except ValueError as error:
                    wrong = wrong or f"{' '.join(candidate.columns)} gives {text[:80]!r}: {error}"
        if not wrong and self.required:
            tried = dict.fromkeys(name for candidate in self.candidates for name in candidate.columns)
            wrong = f"nothing in {', '.join(tried)}"
        return None, None, wrong


@dataclass(frozen=True, slots=True)
class Mapping:
    """Which columns of a record become which fields of an event.

    Args:
        format: The format whose records it maps.
        fields: One for each of `event.MAPPED`, in that order.
    """

    format: Format
    fields: tuple[MappedField, ...]

    def apply(self, record: Record, host: str = "") -> Event:
        """Map a record.

        Args:
            record: The row.
            host: The address of the server that it was read from; empty where that isn't known.
        """
        values = []
        shortfalls = []
        for field in self.fields:
            value, _, problem = field.find(record, host)
            values.append(value)
            if problem:
                shortfalls.append(Shortfall(field.name, problem))
        event_id, username, source_ip, destination_ip, device_time = values
        return Event(
            record,
            event_id or "",
            username or "",
            source_ip or "",
            destination_ip or "",
            device_time,
            tuple(shortfalls),
        )

    def explain(self, record: Record, host: str = "") -> tuple[Trace, ...]:
        """Say how each mapped field got its value."""
        return tuple(self._trace(field, record, host) for field in self.fields)

    def _trace(self, field: MappedField, record: Record, host: str) -> Trace:
        value, candidate, problem = field.find(record, host)
        if candidate is None:
            return Trace(field.name, (), "", (), "", field.candidates[0].source, problem, field.provenance)
        taken = text = candidate.take(record, host)
        steps = []
        for name, transform in candidate.transforms:
            text = transform(text)
            steps.append(Step(name, text))
        shown = write_time(value) if isinstance(value, datetime) else value
        return Trace(field.name, candidate.columns, taken, tuple(steps), shown, candidate.source, "", field.provenance)


_TYPES: Mapped[str, Callable[[str], Any]] = {
    "event_id": str,
    "username": str,
    "source_ip": transforms.address,
    "destination_ip": transforms.address,
    "device_time": transforms.moment,
}


def write_time(time: datetime | None) -> str:
    """Write a device time as Exchange does, with as many decimals as it has, three at least; empty for None."""
    if time is None:
        return ""
    text = time.isoformat(timespec="milliseconds" if time.microsecond % 1000 == 0 else "microseconds")
    return text.replace("+00:00", "Z")


def column(record: Record, name: str, host: str) -> str:
    """Give the text of a column, or of one of the names in `PSEUDO`; empty where there is none."""
    if not name.startswith("#"):
        return record.get(name)
    if name == "#day":
        return record.day.isoformat() if record.day else ""
    if name == "#file":
        return record.file.replace("\\", "/").rpartition("/")[2]
    if name == "#SourceIp":
        return host
    return str(getattr(record.header, _DIRECTIVES[name]))
