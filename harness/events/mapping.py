"""Mappings: which columns of a record become which fields of an event, and how that went."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from harness.events.bound import Bound, BoundField

if TYPE_CHECKING:
    from harness.events.candidate import MappedField
    from harness.events.event import Event
    from harness.events.record import Format, Header, Record
    from harness.source import Source

_HEADERS = 256  # headers to which a mapping stays bound


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
class Mapping:
    """Which columns of a record become which fields of an event.

    Args:
        format: The format whose records it maps.
        fields: One for each of `event.MAPPED`, in that order.
    """

    format: Format
    fields: tuple[MappedField, ...]
    _bound: dict[int, Bound] = field(init=False, compare=False, repr=False, default_factory=dict)

    def bind(self, header: Header, host: str = "") -> Bound:
        """Settle what is the same for all records below a header.

        Args:
            header: The header.
            host: The address of the server that the records were read from; empty where that isn't known.
        """
        bound = self._bound.get(id(header))
        if bound is None or bound.header is not header or bound.host != host:
            if len(self._bound) >= _HEADERS:
                self._bound.clear()
            bound = self._bound[id(header)] = Bound(self.fields, header, host)
        return bound

    def apply(self, record: Record, host: str = "") -> Event:
        """Map a record.

        Args:
            record: The row.
            host: The address of the server that it was read from; empty where that isn't known.
        """
        header = record.header
        bound = self._bound.get(id(header))
        if bound is None or bound.header is not header or bound.host != host:
            bound = self.bind(header, host)
        return bound.apply(record)

    def explain(self, record: Record, host: str = "") -> tuple[Trace, ...]:
        """Say how each mapped field got its value."""
        bound = self.bind(record.header, host)
        return tuple(_trace(each, record, host) for each in bound.fields)


def _trace(bound: BoundField, record: Record, host: str) -> Trace:
    value, candidate = bound.find(record.values, record.day)
    mapped = bound.field
    if candidate is None:
        return Trace(mapped.name, (), "", (), "", mapped.candidates[0].source, value or "", mapped.provenance)
    taken = text = candidate.take(record, host)
    steps = []
    for name, transform in candidate.transforms:
        text = transform(text)
        steps.append(Step(name, text))
    shown = write_time(value) if isinstance(value, datetime) else value
    return Trace(mapped.name, candidate.columns, taken, tuple(steps), shown, candidate.source, "", mapped.provenance)


def write_time(time: datetime | None) -> str:
    """Write a device time as Exchange does, with as many decimals as it has, three at least; empty for None."""
    if time is None:
        return ""
    decimals = "milliseconds" if time.microsecond % 1000 == 0 else "microseconds"
    if time.tzinfo is UTC:  # all but always; to ask a time zone for its offset takes most of the time
        return time.replace(tzinfo=None).isoformat(timespec=decimals) + "Z"
    return time.isoformat(timespec=decimals).replace("+00:00", "Z")
