"""How the inventory's log sources fare on the console: state, last event, rate, and whether one fell silent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from harness.logsource.console.difference import identifier_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from harness.logsource.console.client import Object
    from harness.logsource.model import LogSource

_UNKNOWN_STATES = frozenset({"", "NA", "N/A"})


@dataclass(frozen=True, slots=True)
class Message:
    """Something that the console says of a log source.

    Args:
        severity: ``INFO``, ``WARN`` or ``ERROR``.
        text: What.
    """

    severity: str
    text: str


@dataclass(frozen=True, slots=True)
class Watched:
    """A log source as the console sees it.

    Args:
        source: The inventory's.
        id: Its id; None where the console doesn't have it.
        name: Its name there.
        state: ``SUCCESS``, ``WARN``, ``ERROR``, ``DISABLED``, or ``N/A`` where the console doesn't know yet.
        messages: What the console says.
        last_event: When its last event came; None for never.
        rate: Events a second, over the last minute.
        requires_deploy: Whether it counts only after a deploy.
        faults: What is wrong, one sentence each; none where all is well.
    """

    source: LogSource
    id: int | None = None
    name: str = ""
    state: str = "N/A"
    messages: tuple[Message, ...] = ()
    last_event: datetime | None = None
    rate: float = 0.0
    requires_deploy: bool = False
    faults: tuple[str, ...] = ()


def watch(
    sources: Sequence[LogSource], existing: Sequence[Object], now: datetime, silent_after: timedelta
) -> tuple[Watched, ...]:
    """Judge each log source.

    Args:
        sources: The inventory's.
        existing: The console's of the same type.
        now: The time by the console's clock.
        silent_after: How old a last event may be.
    """
    return tuple(_watched(source, _find(source, existing), now, silent_after) for source in sources)


def _find(source: LogSource, existing: Sequence[Object]) -> Object | None:
    """Find a log source by its identifier; of several with different protocols, the one of its name."""
    own = [each for each in existing if identifier_of(each).casefold() == source.identifier.casefold()]
    return next((each for each in own if each.get("name") == source.name), next(iter(own), None))


def _watched(source: LogSource, each: Object | None, now: datetime, silent_after: timedelta) -> Watched:
    if each is None:
        return Watched(source, faults=("the console doesn't have it; run harness logsources push",))
    status = each.get("status") or {}
    raw = str(status.get("status") or "")
    state = "N/A" if raw in _UNKNOWN_STATES else raw
    messages = tuple(
        Message(str(message.get("severity") or "INFO"), str(message.get("text") or ""))
        for message in status.get("messages") or ()
    )
    last = datetime.fromtimestamp(each["last_event_time"] / 1000, UTC) if each.get("last_event_time") else None
    disabled = state == "DISABLED" or each.get("enabled") is False
    faults = []
    if state == "ERROR":
        faults.append("the console reports an error")
    if disabled and source.enabled:
        faults.append("it is disabled on the console")
    if source.enabled and not disabled:
        if last is None:
            faults.append("no event of it has come yet")
        elif now - last > silent_after:
            faults.append(f"it fell silent: its last event came {span(now - last)} ago")
    return Watched(
        source,
        int(each["id"]),
        str(each.get("name") or ""),
        "DISABLED" if disabled else state,
        messages,
        last,
        float(each.get("average_eps") or 0),
        bool(each.get("requires_deploy")),
        tuple(faults),
    )


def span(length: timedelta) -> str:
    """Write a length of time in its two largest units.

    Args:
        length: Not negative.
    """
    seconds = max(int(length.total_seconds()), 0)
    parts = []
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"
