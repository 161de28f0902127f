"""Following: what fails is tried again, and how often."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from harness.collect.follow import follow_hosts, poll_hosts
from harness.collect.poll import PollResult
from harness.collect.source import PolledFolder
from harness.errors import PathMissingError, StoreError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable

MISSING = PathMissingError("isn't there", host="ex01", share="c$", path="Logs")
UNREACHABLE = UnreachableError("nobody answers", host="ex01")


@dataclass(eq=False, slots=True)
class Polling:
    """A poller that fails in one way, or reads nothing."""

    error: Exception | None = None
    polls: int = 0
    disconnected: int = 0
    source: PolledFolder = field(
        default_factory=lambda: PolledFolder(
            "ex01", "ex01", "OWA", "c$", "Logs", ".*", polling_interval=0.02, throttle=0
        )
    )

    def poll(self) -> PollResult:
        """Poll once."""
        self.polls += 1
        if self.error is not None:
            raise self.error
        return PollResult(self.source)

    def disconnect(self) -> None:
        """Let the host go."""
        self.disconnected += 1


def run(function: Callable[..., None], *hosts: list[Any], seconds: float = 0.6) -> list[Exception]:
    """Run for a while; give the errors that were told."""
    stop = threading.Event()
    timer = threading.Timer(seconds, stop.set)
    errors: list[Exception] = []
    timer.start()
    try:
        function(hosts, stop, on_result=lambda _: None, on_error=lambda _, error: errors.append(error))
    finally:
        timer.cancel()
    return errors


def test_only_a_host_that_does_not_answer_is_left_in_peace() -> None:
    """A folder that comes is found by the next poll, and an unreachable host doesn't hold up another one."""
    missing, unreachable, good = Polling(MISSING), Polling(UNREACHABLE), Polling()
    run(follow_hosts, [missing], [unreachable], [good])

    # Intervals of 20 ms against 40, 80, 160 and 320 ms.
    assert 2 <= unreachable.polls <= 6
    assert missing.polls > 10
    assert good.polls > 10


def test_a_single_run_asks_an_unreachable_host_once() -> None:
    """Its other folders would only wait for the same; other hosts are polled all the same."""
    first, second, other = Polling(UNREACHABLE), Polling(), Polling()
    errors = run(poll_hosts, [first, second], [other], seconds=20)

    assert ([UNREACHABLE], 1, 0, 1) == (errors, first.polls, second.polls, other.polls)


def test_a_single_run_goes_on_after_a_missing_folder() -> None:
    """The host answers, so its other folders are polled."""
    first, second = Polling(MISSING), Polling()
    errors = run(poll_hosts, [first, second], seconds=20)

    assert ([MISSING], 1) == (errors, second.polls)


@pytest.mark.parametrize("function", [follow_hosts, poll_hosts])
def test_what_ends_a_thread_ends_all(function: Callable[..., None]) -> None:
    """A full disk isn't survived by any thread, and the caller learns of it."""
    with pytest.raises(StoreError, match="disk"):
        run(function, [Polling(StoreError("the disk is full"))], [Polling()], seconds=20)


def test_a_single_run_works_on_some_hosts_at_a_time_and_lets_each_go() -> None:
    """With one worker hosts are polled one after the other, and no connection is kept for later."""
    hosts = [[Polling()] for _ in range(5)]
    run(lambda *given, **options: poll_hosts(*given, forks=1, **options), *hosts, seconds=20)

    assert [(1, 1)] * 5 == [(poller.polls, poller.disconnected) for (poller,) in hosts]
