"""Hosts that other processes probe and poll; what they saw is judged here, as if it had been seen here."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from harness.errors import HarnessError
from harness.events.mappingfile import load_kept
from harness.executor import Task, until_stopped
from harness.verify.gather import HostGather, probed, watch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from harness.events import Family, Format
    from harness.events.mappingfile import Overlay
    from harness.executor import Executor
    from harness.verify.expectations import Judge
    from harness.verify.gather import Subject
    from harness.verify.seen import Seen
    from harness.verify.workload import HostWork


@dataclass(frozen=True, slots=True)
class Visit:
    """One host, as a worker is given it.

    Args:
        name: Its name.
        reach: Makes it ready, on the worker, in so many seconds; gives also what the user should know of it.
        work: What is to be found out.
        formats: The formats whose mappings are needed.
        overlays: Mapping files of the user's.
        seconds: How long it may take.
    """

    name: str
    reach: Callable[[HostWork, float], tuple[Subject, str]]
    work: HostWork
    formats: tuple[Format, ...]
    overlays: tuple[Overlay, ...]
    seconds: float = 0.0

    def __repr__(self) -> str:
        """Name the host alone, since this is shown where tasks are."""
        return f"<{self.name}>"


@dataclass(frozen=True, slots=True)
class Settled:
    """One family, once nothing changes any more.

    Args:
        seen: What was seen.
        judges: In the order of the expectations.
        absent: Whether the host has no such log.
    """

    seen: Seen
    judges: Sequence[Judge]
    absent: bool


@dataclass(frozen=True, slots=True)
class Visited:
    """What a worker found.

    Args:
        families: By family.
        note: What the user should know of the host.
    """

    families: Mapping[Family, Settled]
    note: str

    def __repr__(self) -> str:
        """Say how much there is, since events don't belong on a dashboard."""
        return f"<{len(self.families)} families>"


def visit(wanted: Visit) -> Visited:
    """Probe and poll a host, on a worker."""
    until = time.monotonic() + wanted.seconds
    subject, note = wanted.reach(wanted.work, wanted.seconds)
    host = HostGather(
        subject,
        wanted.work.expectations,
        families=wanted.work.families,
        deadlines=wanted.work.deadlines,
        mappings={format_: load_kept(format_, wanted.overlays) for format_ in wanted.formats},
        keep=wanted.work.keep,
    )
    host.run(threading.Event(), until)
    families = {
        family: Settled(watched.seen, [judge for _, judge in watched.judges], watched.absent)
        for family, watched in host.watched.items()
    }
    return Visited(families, note)


class RemoteHost:
    """A host that a worker probes and polls; see `harness.verify.gather.Gathers`.

    Args:
        executor: Has workers.
        wanted: What one of them is given.
        notice: Takes what the user should know of the host.
    """

    def __init__(self, executor: Executor, wanted: Visit, notice: Callable[[str], None]) -> None:
        work = wanted.work
        self.watched = watch(wanted.name, work.expectations, work.families, work.deadlines, keep=work.keep)
        self._executor = executor
        self._wanted = wanted
        self._notice = notice

    def run(self, stop: threading.Event, until: float) -> None:
        """Have it done, and take what was found.

        Args:
            stop: Set to end early.
            until: When to end in any case, on the monotonic clock.
        """
        wanted = replace(self._wanted, seconds=max(0.0, until - time.monotonic()))
        # A probe is more than reading: what began with one isn't begun again.
        reads = not probed(wanted.work.expectations)
        try:
            pending = self._executor.submit(Task(f"verify {wanted.name}", visit, wanted, again=reads, waits=True))
            visited = until_stopped(pending, stop)
        except HarnessError as error:
            for watched in self.watched.values():
                watched.seen.error = error
        else:
            if visited is None:
                return
            if visited.note:
                self._notice(f"{wanted.name}: {visited.note}")
            for family, settled in visited.families.items():
                watched = self.watched[family]
                expectations = [expectation for expectation, _ in watched.judges]
                watched.seen, watched.absent = settled.seen, settled.absent
                watched.judges = list(zip(expectations, settled.judges, strict=True))
        for watched in self.watched.values():
            watched.done.set()
