"""What verification found: one outcome for each expectation, and what was seen of each family."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from harness.errors import ClusterError, PathMissingError, ShareError, UnreachableError
from harness.verify.definitions import FolderRead
from harness.verify.expectations import SWITCH, Failure
from harness.verify.probed import ConnectorsLogged, ProbeArrives
from harness.verify.stated import STATED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.errors import HarnessError
    from harness.source import Source
    from harness.verify.expectations import Expectation, Judge
    from harness.verify.gather import Watched
    from harness.verify.seen import Seen


class Status(StrEnum):
    """How an expectation came out."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one expectation came out on one host.

    Args:
        host: The host; empty for a golden case.
        family: Whose log, as text.
        name: The expectation's.
        source: Where it is written.
        status: How.
        failure: Why it failed.
        error: Why the host couldn't be polled, where that is the reason.
        reason: Why it was skipped.
    """

    host: str
    family: str
    name: str
    source: Source
    status: Status
    failure: Failure | None = None
    error: HarnessError | None = None
    reason: str = ""

    @property
    def id(self) -> str:
        """As pytest names the item: ``ex01.lab.example::OWA::fields_present``."""
        return "::".join(part for part in (self.host, self.family, self.name) if part)

    @property
    def unreachable(self) -> bool:
        """Whether it failed because nobody answers, the host or the cluster that should have asked it."""
        return isinstance(self.error, UnreachableError | ClusterError)

    def lines(self) -> list[str]:
        """Say why it failed: setting, expected, seen, what to do."""
        if self.failure is None:
            return [f"{self.source}: {self.name}: {self.reason}"] if self.reason else []
        lines = [
            f"{self.source}: {self.name}",
            f"expected: {self.failure.expected}",
            f"seen:     {self.failure.seen}",
        ]
        return lines + ([f"hint:     {self.failure.hint}"] if self.failure.hint else [])


@dataclass(frozen=True, slots=True)
class VerifyResult:
    """A whole run.

    Args:
        outcomes: In the order in which they were told.
        seen: What was seen of each family of each host, as far as anything was waited for.
        seconds: How long it took.
        interrupted: Whether the user ended it.
        updated: Golden cases that were rewritten.
    """

    outcomes: Sequence[Outcome]
    seen: Sequence[Seen] = ()
    seconds: float = 0.0
    interrupted: bool = False
    updated: Sequence[str] = ()

    def count(self, status: Status) -> int:
        """Count the outcomes of a kind."""
        return sum(outcome.status is status for outcome in self.outcomes)

    @property
    def exit_code(self) -> int:
        """Give the command's exit code: 130 interrupted, 4 unreachable only, 1 anything failed or nothing passed."""
        if self.interrupted:
            return 130
        failed = [outcome for outcome in self.outcomes if outcome.status is Status.FAILED]
        if failed and all(outcome.unreachable for outcome in failed):
            return UnreachableError.exit_code
        return 1 if failed or not self.count(Status.PASSED) else 0


def outcome(host: str, name: str, expectation: Expectation, judge: Judge | None, watched: Watched | None) -> Outcome:
    """Judge one expectation on one host.

    Args:
        host: The host's name.
        name: The name that it goes by on this host.
        expectation: What is expected.
        judge: Its judge on this host.
        watched: The family, settled; None where it wasn't settled in time.
    """
    failure: Failure | None = None
    error: HarnessError | None = None
    reason = ""
    if watched is None or judge is None:
        failure = Failure(
            "an answer in time", "its logs were still being polled when the time was up", "give more with --timeout"
        )
    elif _is_told_without_logs(expectation, watched):
        failure = judge.judge(watched.seen)
    elif watched.seen.error is not None:
        error = watched.seen.error
        hint = error.hint
        if isinstance(error, PathMissingError):
            hint = "; ".join(
                filter(None, (hint, f"a log that was never on has no folder: see {SWITCH[expectation.family]}"))
            )
        failure = Failure("its logs can be polled over SMB", error.message, hint)
    elif not (reason := _needless(expectation, watched)):
        if watched.seen.polls:
            failure = judge.judge(watched.seen)
        else:
            failure = Failure("an answer in time", "its logs weren't polled once", "give more time with --timeout")
    status = Status.FAILED if failure is not None else Status.SKIPPED if reason else Status.PASSED
    return Outcome(host, expectation.family.value, name, expectation.source, status, failure, error, reason)


def _needless(expectation: Expectation, watched: Watched) -> str:
    """Say why a host of these roles can't meet an expectation; empty where it can."""
    if watched.absent:
        return f"a host of these roles has no {expectation.family} log"
    if isinstance(expectation.check, ConnectorsLogged) and watched.seen.trail.untracked:
        return "a host of these roles tracks no messages, so nobody knows their connectors"
    if isinstance(expectation.check, ProbeArrives) and watched.unprobed:
        return "a host of these roles has no receive connector that would take a message"
    return ""


def _is_told_without_logs(expectation: Expectation, watched: Watched) -> bool:
    """Tell whether an expectation can be judged whether the log can be read or not."""
    if isinstance(expectation.check, STATED):
        return watched.seen.stated is not None and not watched.absent
    return isinstance(expectation.check, FolderRead) and _is_told(watched)


def _is_told(watched: Watched) -> bool:
    """Tell whether it is known of each folder whether it can be read."""
    return watched.absent or bool(watched.seen.polls) or isinstance(watched.seen.error, ShareError)
