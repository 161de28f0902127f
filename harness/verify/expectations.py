"""What is expected of a family's log on a host, and how it is judged while events pass by.

An expectation is a value. For each host it gives a `Judge`, which sees every event once and keeps only what it needs
for its sentence. A judge can be asked at any time; its `Failure` says whether waiting may still mend it, and polling
goes on as long as it may.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from harness.events import Family, Format, write_time

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from harness.events import Event
    from harness.source import Source
    from harness.verify.matchers import Matcher
    from harness.verify.probe import ProbeOptions
    from harness.verify.seen import Seen

SWITCH = {
    Family.OWA: "iis_logging",
    Family.SMTP: "receive_connector (on Exchange 2003 smtp_virtual_server)",
    Family.MSGTRK: "message_tracking",
}
"""The module that switches a family's log on."""

_APPLY = "run harness apply; {} is what switches this log on"
_EXAMPLES = 3
_UNKNOWN_KEPT = 50


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an expectation doesn't hold.

    Args:
        expected: What was expected, in words.
        seen: What was seen instead, with file and line where there is one.
        hint: What to do.
        final: Whether waiting can't mend it.
    """

    expected: str
    seen: str
    hint: str
    final: bool = False


class Judge(Protocol):
    """Sees the events of one family on one host, and judges them."""

    def take(self, event: Event) -> None:
        """See an event."""

    def judge(self, seen: Seen) -> Failure | None:
        """Say why the expectation doesn't hold now; None where it does."""


class Check(Protocol):
    """What is expected, whatever the host."""

    @property
    def name(self) -> str:
        """Its key, with what tells it apart from others of the same key."""

    def judge(self) -> Judge:
        """Give a judge for one host."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """An expectation as it was written.

    Args:
        family: Whose log it is about.
        check: What is expected.
        source: Where it is written.
    """

    family: Family
    check: Check
    source: Source

    @property
    def name(self) -> str:
        """The check's name."""
        return self.check.name


@dataclass(frozen=True, slots=True)
class GoldenCases:
    """Sample lines beside the events that they must give; they need no host.

    Args:
        family: Whose log they are of.
        folder: Holds a folder for each case.
        source: Where it is written.
    """

    family: Family
    folder: Path
    source: Source


@dataclass(frozen=True, slots=True)
class Expectations:
    """One ``verify:`` section.

    Args:
        items: In the order of the text.
        golden: Folders of golden cases.
        probes: How probes are sent, as far as the section says so.
        deadlines: Seconds for each family that has one of its own.
    """

    items: tuple[Expectation, ...]
    golden: tuple[GoldenCases, ...]
    probes: ProbeOptions
    deadlines: dict[Family, float]


class Sightless:
    """A judge that goes by what is counted anyway."""

    __slots__ = ()

    def take(self, event: Event) -> None:
        """Let it pass."""


def _none(expected: str, seen: Seen) -> Failure:
    """Fail because there was nothing to judge."""
    return Failure(expected, seen.nothing(), _APPLY.format(SWITCH[seen.family]))


@dataclass(frozen=True, slots=True)
class FreshWithin:
    """The newest event isn't older than so many seconds."""

    seconds: float
    name: str = "fresh_within"

    def judge(self) -> Judge:
        """Give a judge for one host."""
        return _Fresh(self)


class _Fresh(Sightless):
    __slots__ = ("_check",)

    def __init__(self, check: FreshWithin) -> None:
        self._check = check

    def judge(self, seen: Seen) -> Failure | None:
        expected = f"an event of the last {self._check.seconds:g} s"
        if seen.newest is None or seen.newest.device_time is None:
            return _none(expected, seen)
        age = (seen.polled_at - seen.newest.device_time).total_seconds()
        if age <= self._check.seconds:
            return None
        time = write_time(seen.newest.device_time)
        return Failure(
            expected,
            f"the newest is {age:.0f} s old, of {time} at {seen.at(seen.newest)}",
            "check that the service logs at all and that the host's clock is right; a probe makes an event",
            final=seen.arrival is not None,
        )


@dataclass(frozen=True, slots=True)
class FieldsPresent:
    """The log has these columns.

    Args:
        fields: Of a log of any format; or by format, where the versions of Exchange name them differently.
    """

    fields: tuple[str, ...] | Mapping[Format, tuple[str, ...]]
    name: str = "fields_present"

    def of(self, format: Format) -> tuple[str, ...] | None:  # noqa: A002 - the field's own word
        """Give the columns that a log of a format must have; None where nobody has said."""
        return self.fields if isinstance(self.fields, tuple) else self.fields.get(format)

    def judge(self) -> Judge:
        """Give a judge for one host."""
        return _Fields(self)


_CHOSEN = {
    Format.OWA: "run harness apply with iis_logging; a log shows a change with the next request",
    Format.SMTP2003: "run harness apply with smtp_virtual_server; a log shows a change with the next command",
}
"""What to do about a column where they are the administrator's choice."""


class _Fields(Sightless):
    __slots__ = ("_check",)

    def __init__(self, check: FieldsPresent) -> None:
        self._check = check

    def judge(self, seen: Seen) -> Failure | None:
        if not seen.headers:
            return _none("the columns that were named", seen)
        for headed in seen.headers.values():
            form = headed.header.format
            wanted = self._check.of(form)
            if wanted is None:
                hint = f"name them under fields_present: {form}"
                seen_of_it = f"{headed.place} is of the format {form}, of which no columns are named"
                return Failure("the columns of each log's format", seen_of_it, hint, final=True)
            missing = [name for name in wanted if name.lower() not in headed.header.index]
            if missing:
                return Failure(
                    f"the columns {', '.join(wanted)}",
                    f"{headed.place} lacks {', '.join(missing)}; its columns are: {' '.join(headed.header.names)}",
                    _CHOSEN.get(form, "these columns are fixed by the version of Exchange; expect other ones"),
                    final=True,
                )
        return None


@dataclass(frozen=True, slots=True)
class MinEvents:
    """At least so many events are in the newest files."""

    count: int
    name: str = "min_events"

    def judge(self) -> Judge:
        """Give a judge for one host."""
        return _Min(self)


class _Min(Sightless):
    __slots__ = ("_check",)

    def __init__(self, check: MinEvents) -> None:
        self._check = check

    def judge(self, seen: Seen) -> Failure | None:
        if seen.events >= self._check.count:
            return None
        expected = f"at least {counted(self._check.count)}"
        if not seen.events:
            return _none(expected, seen)
        return Failure(
            expected,
            f"{counted(seen.events)}, the last at {seen.at(seen.last[-1])}" if seen.last else counted(seen.events),
            "let there be traffic, or expect fewer",
        )


@dataclass(frozen=True, slots=True)
class MaxUnparsed:
    """No more than so many lines can't be read."""

    count: int
    name: str = "max_unparsed"

    def judge(self) -> Judge:
        """Give a judge for one host."""
        return _Unparsed(self)


class _Unparsed(Sightless):
    __slots__ = ("_check",)

    def __init__(self, check: MaxUnparsed) -> None:
        self._check = check

    def judge(self, seen: Seen) -> Failure | None:
        expected = f"at most {self._check.count} lines that can't be read"
        if seen.unparsed <= self._check.count:
            return None if seen.events or seen.unparsed else _none(expected, seen)
        examples = "; ".join(
            f"{seen.at(item)}: {item.reason}: {item.head[:80].decode('utf-8', 'backslashreplace')!r}"
            for item in seen.quarantined
        )
        return Failure(
            expected,
            f"{seen.unparsed}: {examples}",
            "look at these lines with harness parse; the DSM will have no more luck with them",
            final=True,
        )


@dataclass(frozen=True, slots=True)
class KnownEventIds:
    """Every event has an event ID that the console knows.

    Args:
        known: The event IDs.
        origin: Where they come from, for the message.
    """

    known: frozenset[str]
    origin: str
    name: str = "event_ids"

    def judge(self) -> Judge:
        """Give a judge for one host."""
        return _Known(self)


class _Known:
    __slots__ = ("_check", "_unknown", "_where")

    def __init__(self, check: KnownEventIds) -> None:
        self._check = check
        self._unknown: Counter[str] = Counter()
        self._where: dict[str, Event] = {}

    def take(self, event: Event) -> None:
        if event.event_id in self._check.known:
            return
        if event.event_id in self._where or len(self._where) < _UNKNOWN_KEPT:
            self._unknown[event.event_id] += 1
            self._where.setdefault(event.event_id, event)

    def judge(self, seen: Seen) -> Failure | None:
        expected = f"only event IDs of {self._check.origin}"
        if self._unknown:
            shown = "; ".join(
                f"{name!r} ({count} times, first at {seen.at(self._where[name])})"
                for name, count in self._unknown.most_common(_EXAMPLES)
            )
            rest = f" and {len(self._unknown) - _EXAMPLES} more" if len(self._unknown) > _EXAMPLES else ""
            return Failure(
                expected,
                f"unknown: {shown}{rest}",
                "map the event ID on the console and export the mappings again, or add it to the list",
                final=True,
            )
        return None if seen.events else _none(expected, seen)


@dataclass(frozen=True, slots=True)
class Every:
    """Every event is as asked, and there is at least one."""

    matcher: Matcher
    name: str

    def judge(self) -> Judge:
        """Give a judge for one host."""
        return _Every(self)


class _Every:
    __slots__ = ("_check", "_count", "_first")

    def __init__(self, check: Every) -> None:
        self._check = check
        self._count = 0
        self._first: list[Event] = []

    def take(self, event: Event) -> None:
        if self._check.matcher.holds(event):
            return
        self._count += 1
        if len(self._first) < _EXAMPLES:
            self._first.append(event)

    def judge(self, seen: Seen) -> Failure | None:
        expected = f"that of every event {self._check.matcher}"
        if not self._count:
            return None if seen.events else _none(expected, seen)
        shown = "; ".join(f"{seen.at(event)}: {self._check.matcher.shown(event)}" for event in self._first)
        return Failure(
            expected,
            f"{counted(self._count)} of {seen.events} otherwise: {shown}",
            "harness parse --explain shows which column became which field",
            final=True,
        )


@dataclass(frozen=True, slots=True)
class Some:
    """At least one event is as asked."""

    matcher: Matcher
    name: str

    def judge(self) -> Judge:
        """Give a judge for one host."""
        return _Some(self)


class _Some:
    __slots__ = ("_check", "_found")

    def __init__(self, check: Some) -> None:
        self._check = check
        self._found = False

    def take(self, event: Event) -> None:
        self._found = self._found or self._check.matcher.holds(event)

    def judge(self, seen: Seen) -> Failure | None:
        if self._found:
            return None
        expected = f"an event of which {self._check.matcher}"
        if not seen.last:
            return _none(expected, seen)
        last = seen.last[-1]
        return Failure(
            expected,
            f"none among {counted(seen.events)}; the last is {seen.at(last)}: {self._check.matcher.shown(last)}",
            "let there be such an event, or look at the logs with harness parse",
        )


def counted(count: int) -> str:
    """Write a number of events."""
    return f"{count} event{'' if count == 1 else 's'}"
