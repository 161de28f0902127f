"""Runs a playbook: its plays in order, each on its hosts at once, a bounded number at a time."""

from __future__ import annotations

import itertools
import math
import threading
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from harness import debug
from harness.errors import HostError
from harness.modules.session import Session
from harness.play.claims import Claims
from harness.play.events import HostAdvanced, HostFinished, PlayStarted, RunFinished
from harness.play.host import HostRun, Job
from harness.play.playbook import batches, selects
from harness.play.results import HostResult, PlayResult, RunResult

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from harness.modules.base import Module, Target
    from harness.play.events import Observer
    from harness.play.playbook import Play, Playbook
    from harness.play.variables import Variables
    from harness.remote.connection import Clock, Connection


T = TypeVar("T")

_PATIENCE = 2.0
"""Seconds that a host's result waits for those of the hosts before it, so that a report is in the inventory's order
where no host is slow."""


@dataclass(frozen=True, slots=True)
class RunHost:
    """A host as the runner needs it.

    Args:
        target: For whom scripts are made.
        connect: Opens a connection to it.
        clock: Starts its deadlines.
        variables: Its variables for a play.
    """

    target: Target
    connect: Callable[[], Connection]
    clock: Callable[[], Clock]
    variables: Callable[[Play, tuple[str, ...]], Variables]

    @property
    def name(self) -> str:
        """Its name in the inventory."""
        return self.target.host


@dataclass(frozen=True, slots=True)
class Options:
    """How to run.

    Args:
        check: Change nothing.
        forks: How many hosts at a time.
        tags: Run only tasks with one of these.
        skip_tags: Leave out tasks with one of these.
    """

    check: bool = False
    forks: int = 20
    tags: frozenset[str] = frozenset()
    skip_tags: frozenset[str] = frozenset()


@dataclass(slots=True)
class _Active:
    """The sessions that are open, so that an interrupt can end them."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    sessions: set[Session] = field(default_factory=set)
    stopped: bool = False


class Runner:
    """Runs playbooks.

    Args:
        modules: The modules by name.
        observer: Is told what happens.
        options: How to run.
    """

    def __init__(self, modules: Mapping[str, Module[Any]], observer: Observer, options: Options) -> None:
        self._modules = modules
        self._observer = observer
        self._options = options
        self._active = _Active()

    def run(self, playbook: Playbook, hosts: Callable[[str], Sequence[RunHost]]) -> RunResult:
        """Run it.

        Args:
            playbook: What to do.
            hosts: Gives the hosts of a play's pattern, in the order of the inventory.
        """
        plays: list[PlayResult] = []
        out: set[str] = set()
        for play in playbook.plays:
            chosen = [host for host in hosts(play.hosts) if host.name not in out]
            self._observer.handle(PlayStarted(play.name, tuple(host.name for host in chosen)))
            plays.append(self._play(play, chosen))
            out.update(host.host for host in plays[-1].hosts if host.failed)
            if self._active.stopped:
                break
        result = RunResult(tuple(plays), self._options.check, self._active.stopped)
        self._observer.handle(RunFinished(result))
        return result

    def _play(self, play: Play, hosts: Sequence[RunHost]) -> PlayResult:
        names = tuple(host.name for host in hosts)
        claims = Claims(names)
        results: list[HostResult] = []
        over = ""
        for batch in batches(hosts, play.serial):
            if self._active.stopped or over:
                results += [self._left_out(host, over or "interrupted") for host in batch]
                continue
            done = self._batch(play, batch, names, claims)
            results += done
            over = _over(play, done)
        return PlayResult(play.name, play.source, tuple(results))

    def _left_out(self, host: RunHost, why: str) -> HostResult:
        result = HostResult(host.name, stopped=why)
        self._observer.handle(HostFinished(result))
        return result

    def _batch(self, play: Play, hosts: Sequence[RunHost], names: tuple[str, ...], claims: Claims) -> list[HostResult]:
        """Run a play on some hosts at once; give their results in order, and tell of each once it is there."""
        failed = threading.Event()
        with ThreadPoolExecutor(min(self._options.forks, max(1, len(hosts))), "host") as pool:
            futures = [pool.submit(self._host, play, host, names, claims, failed) for host in hosts]
            for future in in_order(futures, patience=_PATIENCE):
                self._observer.handle(HostFinished(future.result()))
            return [future.result() for future in futures]

    def stop(self) -> None:
        """End the scripts that run on the hosts, from any thread; `run` then gives what there is."""
        with self._active.lock:
            self._active.stopped = True
            for session in self._active.sessions:
                session.interrupt()

    def _host(
        self, play: Play, host: RunHost, names: tuple[str, ...], claims: Claims, failed: threading.Event
    ) -> HostResult:
        """Run a play on one host, in a worker thread."""
        scripts = 0
        stage = "connecting"

        def progress(now: str = "") -> None:
            nonlocal scripts, stage
            if now:
                stage = now
            else:
                scripts += 1
            self._observer.handle(HostAdvanced(host.name, stage, scripts))

        session = Session(host.connect, host.target, host.clock(), progress)
        with self._active.lock:
            if self._active.stopped:
                claims.planned(host.name)
                return HostResult(host.name, stopped="interrupted")
            self._active.sessions.add(session)
        options = self._options
        job = Job(
            target=host.target,
            tasks=tuple(task for task in play.tasks if selects(task, options.tags, options.skip_tags)),
            handlers=play.handlers,
            variables=host.variables(play, names),
            modules=self._modules,
            check=options.check,
        )
        try:
            result = HostRun(
                job, session, claims, progress, go_on=lambda: not (play.any_errors_fatal and failed.is_set())
            ).run()
        except Exception as error:  # noqa: BLE001  one host's mishap, even a mistake of ours, leaves the others alone
            unexpected = HostError(
                f"unexpected {type(error).__name__}: {error}", host=host.name, hint=debug.keep(error)
            )
            result = HostResult(host.name, error=unexpected)
        finally:
            claims.planned(host.name)
            with self._active.lock:
                self._active.sessions.discard(session)
        if result.failed:
            failed.set()
        return result


def in_order(futures: Sequence[Future[T]], *, patience: float) -> Iterator[Future[T]]:
    """Give futures as they are done, in order where that costs no long wait.

    Args:
        futures: In the order that a reader expects.
        patience: Seconds that one which is done waits for those before it.

    Yields:
        Each of them once, when it is done.
    """
    waiting = list(futures)
    done_at: dict[Future[T], float] = {}
    while waiting:
        now = time.monotonic()
        for future in waiting:
            if future.done():
                done_at.setdefault(future, now)
        ready = [future for future in waiting if now >= done_at.get(future, math.inf) + patience]
        ready = list(itertools.takewhile(done_at.__contains__, waiting)) or ready
        for future in ready:
            waiting.remove(future)
            yield future
        if not ready:
            longest = min((done_at[future] + patience - now for future in waiting if future in done_at), default=None)
            wait([future for future in waiting if future not in done_at], longest, FIRST_COMPLETED)


def _over(play: Play, done: Sequence[HostResult]) -> str:
    """Say why a play ends after this round; nothing where it goes on."""
    failed = sum(result.failed for result in done)
    if failed and play.any_errors_fatal:
        return "any_errors_fatal: a host of an earlier round failed"
    limit = play.max_fail_percentage
    if limit is not None and done and failed * 100 / len(done) > limit:
        return f"max_fail_percentage: {failed} of {len(done)} hosts of an earlier round failed"
    return ""
