"""Polling many hosts at a time: once, or on and on until somebody says stop."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

from harness import workers
from harness.errors import HostError, ShareError, UnreachableError

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence

    from harness.collect.poll import PollResult
    from harness.collect.source import PolledFolder

# A host that doesn't answer is tried less and less often, up to this.
_LONGEST_PAUSE_SECONDS = 300.0
_JOIN_SECONDS = 5.0
_WAKE_SECONDS = 0.5


class Polls(Protocol):
    """Polls a log folder, whoever reads it; see `harness.collect.poll.Poller`."""

    source: PolledFolder

    def poll(self) -> PollResult:
        """Read what is new."""

    def disconnect(self) -> None:
        """Close the connection, which all folders of a host share; the next poll opens it again."""


def follow(
    pollers: Sequence[Polls],
    stop: threading.Event,
    *,
    on_result: Callable[[PollResult], None],
    on_error: Callable[[Polls, HostError], None],
) -> None:
    """Poll one host's folders in turn, each at its interval, until ``stop`` is set.

    Args:
        pollers: The host's, one for each folder; they share this thread's connection.
        stop: Set to end; the pollers must have been given the same one.
        on_result: Takes what each poll did.
        on_error: Takes the error of a poll that failed; the folder is tried again, later each time where the host
            doesn't answer.

    Raises:
        StoreError: Output or positions can't be written.
    """
    due = dict.fromkeys(pollers, time.monotonic())
    failures = dict.fromkeys(pollers, 0)
    while not stop.is_set():
        poller = min(due, key=lambda one: due[one])
        if stop.wait(max(0.0, due[poller] - time.monotonic())):
            return
        interval = poller.source.polling_interval
        started = time.monotonic()
        try:
            result = poller.poll()
        except HostError as error:
            on_error(poller, error)
            # A host that answers is no more work than any other, and its folder may come at any time.
            failures[poller] = 0 if isinstance(error, ShareError) else failures[poller] + 1
            interval = min(interval * 2 ** failures[poller], max(interval, _LONGEST_PAUSE_SECONDS))
        else:
            on_result(result)
            failures[poller] = 0
        due[poller] = max(started + interval, time.monotonic())


def follow_hosts(
    hosts: Sequence[Sequence[Polls]],
    stop: threading.Event,
    *,
    on_result: Callable[[PollResult], None],
    on_error: Callable[[Polls, HostError], None],
) -> None:
    """Poll many hosts, each in a thread of its own, until ``stop`` is set or Ctrl-C is pressed.

    Args:
        hosts: The pollers of each host.
        stop: Set to end; the pollers must have been given the same one.
        on_result: Takes what each poll did, in any of the threads.
        on_error: Takes the errors, in any of the threads.

    Raises:
        Exception: Whatever ended a thread other than a host's error, once all have ended.
        KeyboardInterrupt: Ctrl-C was pressed; what is under way is given a few seconds, and losing it loses
            nothing.
    """
    _in_threads(
        lambda pollers: follow(pollers, stop, on_result=on_result, on_error=on_error),
        hosts,
        stop,
        forks=len(hosts),
        on_and_on=True,
    )


def poll_hosts(
    hosts: Sequence[Sequence[Polls]],
    stop: threading.Event,
    *,
    forks: int = 20,
    on_result: Callable[[PollResult], None],
    on_error: Callable[[Polls, HostError], None],
) -> None:
    """Poll the folders of many hosts once, some hosts at a time.

    Args:
        hosts: The pollers of each host. Once a host can't be reached, its other folders aren't tried.
        stop: Set to end early; the pollers must have been given the same one.
        forks: How many hosts at a time.
        on_result: Takes what each poll did, in any of the threads.
        on_error: Takes the errors, in any of the threads.

    Raises:
        Exception: Whatever ended a thread other than a host's error, once all have ended.
    """

    def run(pollers: Sequence[Polls]) -> None:
        try:
            _once(pollers, stop, on_result, on_error)
        finally:
            pollers[0].disconnect()

    _in_threads(run, hosts, stop, forks=forks, on_and_on=False)


def _once(
    pollers: Sequence[Polls],
    stop: threading.Event,
    on_result: Callable[[PollResult], None],
    on_error: Callable[[Polls, HostError], None],
) -> None:
    """Poll one host's folders."""
    for poller in pollers:
        if stop.is_set():
            return
        try:
            on_result(poller.poll())
        except UnreachableError as error:
            on_error(poller, error)
            return
        except HostError as error:
            on_error(poller, error)


def _in_threads(
    run: Callable[[Sequence[Polls]], None],
    hosts: Sequence[Sequence[Polls]],
    stop: threading.Event,
    *,
    forks: int,
    on_and_on: bool,
) -> None:
    """Run a function for each host in threads, until all have ended or somebody says stop."""
    broken: list[Exception] = []

    def guarded(pollers: Sequence[Polls]) -> None:
        try:
            run(pollers)
        except Exception as error:  # noqa: BLE001 - it is raised again by the thread that started this one
            broken.append(error)
            stop.set()

    threads = workers.start(guarded, filter(None, hosts), forks=forks, stop=stop, name="poll")
    try:
        # Not without end: a wait without a limit keeps Ctrl-C from being seen on some systems.
        while on_and_on and not stop.wait(_WAKE_SECONDS):
            pass
        while not stop.is_set() and any(thread.is_alive() for thread in threads):
            for thread in threads:
                thread.join(_WAKE_SECONDS / len(threads))
    except BaseException:
        stop.set()
        raise
    finally:
        deadline = time.monotonic() + _JOIN_SECONDS
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
    if broken:
        raise broken[0]
