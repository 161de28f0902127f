"""A mapping bound to a header: what is the same for all rows below it is settled once.

A column has its place, a condition on the header's lines or on the file's name holds or doesn't, and a candidate that
can't give anything below this header is left out.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from harness.events.candidate import DAY, Candidate, Judged, MappedField, Matches, Wrong, fill, of_header
from harness.events.event import Event, Shortfall
from harness.events.record import quick

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date

    from harness.events.record import Header, Record

_event = quick(Event)

DAY_PLACE = -1
"""The place of ``#day``, the one name that isn't a column and isn't the same for all rows."""


@dataclass(frozen=True, slots=True)
class BoundCandidate:
    """A candidate whose columns have places.

    Args:
        candidate: As the mapping has it.
        parts: For each column its place among the row's values, or its text where that is the same for all rows.
        conditions: Places of columns, with what must match.
        judged: What texts gave.
    """

    candidate: Candidate
    parts: tuple[int | str, ...]
    conditions: tuple[tuple[int, Matches], ...]
    judged: Judged
    places: tuple[int, ...] = field(init=False)
    """The places of its columns; empty where it takes anything else."""

    def __post_init__(self) -> None:
        """Settle the places."""
        places = tuple(part for part in self.parts if isinstance(part, int) and part != DAY_PLACE)
        object.__setattr__(self, "places", places if len(places) == len(self.parts) else ())

    @property
    def read(self) -> tuple[int, ...]:
        """The places of all columns that it looks at."""
        parts = [part for part in self.parts if isinstance(part, int)]
        return (*parts, *(place for place, _ in self.conditions))

    def text(self, values: Sequence[str], day: date | None) -> str:
        """Take the text of its columns."""
        taken = [part if isinstance(part, str) else _value(values, part, day) for part in self.parts]
        return fill(self.candidate.texts, taken) if self.candidate.texts else taken[0]

    def applies(self, values: Sequence[str], day: date | None) -> bool:
        """Whether its conditions hold."""
        for place, matches in self.conditions:
            if not matches[_value(values, place, day) if place == DAY_PLACE else values[place]]:
                return False
        return True


class BoundField:
    """A mapped field below one header.

    Args:
        field: The field.
        header: The header.
        host: The address of the server that the records were read from.
    """

    def __init__(self, field: MappedField, header: Header, host: str) -> None:
        self.field = field
        self.missing = Wrong(field.missing) if field.required else None
        given = zip(field.candidates, field.conditions, field.judged, strict=True)
        bound = [_bind(candidate, conditions, judged, header, host) for candidate, conditions, judged in given]
        self.candidates: tuple[BoundCandidate, ...] = tuple(each for each in bound if each is not None)
        self._steps = [(each, each.conditions, *_way(each, field.name)) for each in self.candidates]

    def find(self, values: Sequence[str], day: date | None) -> tuple[Any, Candidate | None]:
        """Give the value and the candidate that gave it; where none did the problem as `Wrong`, None for no problem."""
        wrong = None
        for bound, conditions, take, judge in self._steps:
            if conditions and not bound.applies(values, day):
                continue
            outcome = judge(take(values) if take else bound.text(values, day))
            if outcome is not None:
                if outcome.__class__ is not Wrong:
                    return outcome, bound.candidate
                wrong = wrong or outcome
        return wrong or self.missing, None


class Bound:
    """A mapping below one header.

    Args:
        fields: One for each of `event.MAPPED`, in that order.
        header: The header.
        host: The address of the server that the records were read from; empty where that isn't known.
    """

    def __init__(self, fields: Sequence[MappedField], header: Header, host: str) -> None:
        self.header = header
        self.host = host
        self.fields = tuple(BoundField(field, header, host) for field in fields)
        self.uses = Counter(place for each in self.fields for bound in each.candidates for place in bound.read)
        """How often each column is read."""

    def apply(self, record: Record) -> Event:
        """Map a record that stands below the header."""
        values, day = record.values, record.day
        event_id, username, source_ip, destination_ip, device_time = found = [
            field.find(values, day)[0] for field in self.fields
        ]
        if Wrong in map(type, found):
            return self.event(record, found)
        return _event(record, event_id or "", username or "", source_ip or "", destination_ip or "", device_time, ())

    def event(self, record: Record, found: Sequence[Any]) -> Event:
        """Make an event of what was found for each field, problems as `Wrong`."""
        problems = tuple(
            Shortfall(bound.field.name, str(each))
            for bound, each in zip(self.fields, found, strict=True)
            if isinstance(each, Wrong)
        )
        *texts, time = [None if isinstance(each, Wrong) else each for each in found]
        event_id, username, source_ip, destination_ip = (text or "" for text in texts)
        return Event(record, event_id, username, source_ip, destination_ip, time, problems)


def _way(bound: BoundCandidate, field: str) -> tuple[Callable[[Sequence[str]], Any] | None, Callable[[Any], Any]]:
    """Give the quickest way to a candidate's outcome: what takes from a row's values, and what judges that."""
    places = bound.places
    if not places:
        return None, bound.judged.__getitem__
    if bound.candidate.texts:
        filled = bound.judged.filled
        [first, *rest] = places
        return (
            (itemgetter(*places), filled.__getitem__) if rest else (lambda values: (values[first],), filled.__getitem__)
        )
    # Times hardly repeat, so keeping them would cost more than it spares.
    return itemgetter(*places), bound.judged.judge if field == "device_time" else bound.judged.__getitem__


def _bind(
    candidate: Candidate, conditions: Sequence[tuple[str, Matches]], judged: Judged, header: Header, host: str
) -> BoundCandidate | None:
    """Bind a candidate; None where it gives nothing below this header."""
    settled = []
    for name, matches in conditions:
        part = _place(name, header, host)
        if isinstance(part, int):
            settled.append((part, matches))
        elif not matches[part]:
            return None
    parts = tuple(_place(name, header, host) for name in candidate.columns)
    if "" in parts or (candidate.texts and "-" in parts):
        return None
    return BoundCandidate(candidate, parts, tuple(settled), judged)


def _place(name: str, header: Header, host: str) -> int | str:
    """Give a column's place, or the text of what is the same for all rows; empty where there is no such column."""
    if name == DAY:
        return DAY_PLACE
    if name.startswith("#"):
        return of_header(header, name, host)
    return header.index.get(name.lower(), "")


def _value(values: Sequence[str], place: int, day: date | None) -> str:
    if place == DAY_PLACE:
        return day.isoformat() if day else ""
    return values[place]
