"""What the engine tells while it runs: the only thing that couples it to its outputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from harness.play.results import HostResult, RunResult


@dataclass(frozen=True, slots=True)
class PlayStarted:
    """A play begins.

    Args:
        name: The play's name.
        hosts: Its hosts, in order.
    """

    name: str
    hosts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HostAdvanced:
    """Something happened on a host; comes at any time, from any thread.

    Args:
        host: The host.
        stage: What it does now, one word.
        scripts: How many scripts have ended on it so far in this play.
    """

    host: str
    stage: str
    scripts: int


@dataclass(frozen=True, slots=True)
class HostFinished:
    """A host is through with a play; these come in the order of the inventory where no host is slow.

    Args:
        result: What came of it.
    """

    result: HostResult


@dataclass(frozen=True, slots=True)
class RunFinished:
    """All is done, or was interrupted.

    Args:
        result: Everything.
    """

    result: RunResult


Event: TypeAlias = PlayStarted | HostAdvanced | HostFinished | RunFinished


class Observer(Protocol):
    """Whoever wants to know; must be quick, and safe to call from several threads."""

    def handle(self, event: Event) -> None:
        """Take an event."""
