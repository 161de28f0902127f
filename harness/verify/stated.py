"""What is expected of a host's own statements: what it logs beyond what any traffic of ours would show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.verify.expectations import Failure, Sightless

if TYPE_CHECKING:
    from harness.verify.expectations import Judge
    from harness.verify.seen import Seen

_NOT_ASKED = "the host wasn't asked, or didn't answer"
_SIGN_IN = "let harness sign in over WinRM (the note on its folders says what failed), or leave this out"


@dataclass(frozen=True, slots=True)
class ConnectorsVerbose:
    """Every connector logs its conversations, as the host itself says: also those that no probe can go through."""

    name: str = "connectors_verbose"

    def judge(self) -> Judge:
        """Give a judge for one host."""
        return _Levels()


class _Levels(Sightless):
    __slots__ = ()

    def judge(self, seen: Seen) -> Failure | None:
        expected = "verbose protocol logging on every receive connector and on every send connector of this server"
        if seen.stated is None:
            return Failure(expected, _NOT_ASKED, _SIGN_IN, final=True)
        if not seen.stated.silent:
            return None
        modules = "receive_connector and send_connector, or smtp_virtual_server on Exchange 2003"
        hint = f"set their protocol logging to verbose ({modules}) and run harness apply"
        return Failure(expected, f"no logging on {', '.join(seen.stated.silent)}", hint, final=True)


@dataclass(frozen=True, slots=True)
class TrackingEnabled:
    """The host itself says that it tracks messages: also where no probe can be sent through it."""

    name: str = "tracking_enabled"

    def judge(self) -> Judge:
        """Give a judge for one host."""
        return _Tracking()


class _Tracking(Sightless):
    __slots__ = ()

    def judge(self, seen: Seen) -> Failure | None:
        expected = "message tracking enabled, as the server itself says"
        if seen.stated is None:
            return Failure(expected, _NOT_ASKED, _SIGN_IN, final=True)
        if seen.stated.tracking:
            return None
        hint = "enable message tracking (message_tracking) and run harness apply"
        return Failure(expected, "message tracking is off", hint, final=True)


STATED = (ConnectorsVerbose, TrackingEnabled)
"""What is judged by the host's own statements alone, whether its logs can be read or not."""
