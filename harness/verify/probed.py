"""What is expected of a probe: that its traffic comes out in the logs, and in those of every connector on its way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.events import Family
from harness.verify.expectations import Failure, Sightless, counted

if TYPE_CHECKING:
    from harness.verify.expectations import Judge
    from harness.verify.probe import Kind
    from harness.verify.seen import Seen


@dataclass(frozen=True, slots=True)
class ProbeArrives:
    """What harness sent to the host comes out in its log.

    Args:
        kind: ``smtp`` or ``owa``.
        deadline: Seconds.
    """

    kind: Kind
    deadline: float

    @property
    def name(self) -> str:
        """The key alone: a family has one probe."""
        return "probe"

    def judge(self) -> Judge:
        """Give a judge for one host."""
        return _Probe(self)


_PROBED = {
    Family.OWA: (
        "the request /owa/ that was sent",
        "check that IIS logs this site (iis_logging) and that its log folder is the one above",
    ),
    Family.SMTP: (
        "the conversation that was held with the receive connector",
        "harness plan shows which connector doesn't log verbosely (receive_connector); harness apply sets it",
    ),
    Family.MSGTRK: (
        "the message that was sent",
        "enable message tracking (message_tracking) and run harness apply",
    ),
}


class _Probe(Sightless):
    __slots__ = ("_check",)

    def __init__(self, check: ProbeArrives) -> None:
        self._check = check

    def judge(self, seen: Seen) -> Failure | None:
        what, hint = _PROBED[seen.family]
        expected = f"{what} in the log within {self._check.deadline:g} s"
        if seen.probe_error is not None:
            return Failure(expected, seen.probe_error.message, seen.probe_error.hint, final=True)
        if seen.arrival is not None:
            return None
        if not seen.sent:
            return Failure(expected, "the probe wasn't sent yet", "give more time with --timeout")
        where = ", ".join(seen.place(folder) for folder in seen.folders)
        other = f"{counted(seen.events)}, none of them the probe's, in {where}" if seen.events else seen.nothing()
        cut = ", when --timeout ended the wait" if seen.cut else ""
        former = f"; earlier probes were logged by the connector '{seen.former}'" if seen.former else ""
        return Failure(expected, f"{other}, after {seen.seconds:.0f} s{cut}{former}", hint)


@dataclass(frozen=True, slots=True)
class ConnectorsLogged:
    """Every connector that the SMTP probe's message went through has logged its conversation."""

    name: str = "connectors_logged"

    def judge(self) -> Judge:
        """Give a judge for one host."""
        return _Connectors()


class _Connectors(Sightless):
    __slots__ = ()

    def judge(self, seen: Seen) -> Failure | None:
        expected = "the conversation of every connector that the probe's message went through"
        trail = seen.trail
        error = seen.probe_error or trail.error
        if error is not None:
            return Failure(expected, error.message, error.hint, final=True)
        if trail.untracked:
            return None
        silent = {session: name for session, name in trail.tracked.items() if session not in trail.logged}
        if silent:
            shown = "; ".join(f"'{name}' (session {session})" for session, name in silent.items())
            return Failure(
                expected,
                f"message tracking names connectors whose conversation is in no protocol log: {shown}",
                "set their protocol logging to verbose (receive_connector, send_connector with intra_org) "
                "and run harness apply",
            )
        if trail.tracked and trail.ended:
            return None
        seen_of_it = "message tracking says nothing of the message, so its connectors aren't known"
        if trail.tracked:
            seen_of_it = "message tracking has no end of the message's way"
        return Failure(expected, seen_of_it, "see what the probe of MSGTRK says")
