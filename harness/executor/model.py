"""The seam between what is to be done and where it is done."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable, Iterator

AHEAD = 2
"""How many tasks are under way for each place to run: one that runs, and one that comes next."""

_WAKE_SECONDS = 0.2

R = TypeVar("R")
T = TypeVar("T")
R_co = TypeVar("R_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Task(Generic[R]):
    """A call that may be made in another process, on another machine.

    Args:
        name: What it is shown as, on a dashboard too.
        function: A module's own function, so that it can be named there.
        argument: Its argument. It can be pickled, and its ``repr`` shows no secret.
        again: Whether it only reads, so that it may be done again where the process that did it is lost.
        waits: Whether it spends its time waiting, so that others may run beside it.
    """

    name: str
    function: Callable[[Any], R]
    argument: object
    again: bool = True
    waits: bool = False


class Pending(Protocol[R_co]):
    """What will come of a task."""

    def result(self, timeout: float | None = None) -> R_co:
        """Wait for it.

        Args:
            timeout: Seconds; None for as long as it takes.

        Raises:
            TimeoutError: It isn't there yet.
            HarnessError: The task failed so, or what runs it did.
        """

    def cancel(self) -> object:
        """Say that nobody waits any more."""


class Executor(Protocol):
    """Runs tasks."""

    @property
    def width(self) -> int:
        """How many tasks run at the same time."""

    @property
    def confidential(self) -> bool:
        """Whether nobody on the way can read what is sent."""

    def submit(self, task: Task[R]) -> Pending[R]:
        """Run a task as soon as there is room; several threads may call this."""

    def close(self) -> None:
        """Let go of it; what still runs comes to nothing."""


class LocalExecutor:
    """Runs each task at once, in this thread."""

    width = 1
    confidential = True

    def submit(self, task: Task[R]) -> Future[R]:
        """Run a task."""
        done: Future[R] = Future()
        done.set_result(task.function(task.argument))
        return done

    def close(self) -> None:
        """Do nothing."""


LOCAL = LocalExecutor()
"""This process."""


def until_stopped(pending: Pending[R], stop: threading.Event) -> R | None:
    """Wait for a task until somebody says stop.

    Returns:
        Its result; None where somebody did.

    Raises:
        HarnessError: The task failed.
    """
    while not stop.is_set():
        try:
            return pending.result(_WAKE_SECONDS)
        except TimeoutError:
            continue
    pending.cancel()
    return None


def in_order(executor: Executor, jobs: Iterable[tuple[T, Task[R] | None]]) -> Iterator[tuple[T, R | None]]:
    """Run tasks side by side and give their results in the tasks' order.

    Only so many are under way that no place to run is idle, however many there are.

    Args:
        executor: Runs them.
        jobs: What each task is about, with the task; without one it only keeps its place. They are made while others
            run.

    Yields:
        What each task is about, with its result.

    Raises:
        HarnessError: A task failed; those behind it are let go.
    """
    waiting: deque[tuple[T, Pending[R] | None]] = deque()
    try:
        for about, task in jobs:
            waiting.append((about, None if task is None else executor.submit(task)))
            if len(waiting) >= AHEAD * executor.width:
                yield _done(*waiting.popleft())
        while waiting:
            yield _done(*waiting.popleft())
    finally:
        for _, pending in waiting:
            if pending is not None:
                pending.cancel()


def _done(about: T, pending: Pending[R] | None) -> tuple[T, R | None]:
    return about, None if pending is None else pending.result()
