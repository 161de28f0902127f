"""All that verification has to do: which expectations hold for which hosts, and how those are reached."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from harness.verify.gather import Gathering, HostGather
from harness.verify.golden import cases

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from harness.events import Family, Format
    from harness.events import Mapping as FieldMapping
    from harness.inventory import Host
    from harness.verify.expectations import Expectation, Expectations
    from harness.verify.gather import Gathers, Subject
    from harness.verify.golden import GoldenCase
    from harness.verify.probe import ProbeOptions


class Reach(Protocol):
    """Makes hosts ready to be polled; the command line knows how."""

    def __call__(
        self, names: Sequence[str], probes: Mapping[str, ProbeOptions], seconds: float
    ) -> Mapping[str, Subject]:
        """Ask the hosts where their logs are, all at the same time.

        Args:
            names: Of the hosts.
            probes: How probes are sent to each.
            seconds: How long it may take; hosts that haven't answered by then are taken to have the defaults.

        Raises:
            HarnessError: The hosts can't be reached as they are described.
        """


@dataclass(frozen=True, slots=True)
class HostWork:
    """What is to be found out about one host; it can travel to another process.

    Args:
        expectations: What was selected.
        families: Families to look at beside those of the expectations.
        deadlines: Seconds for each family that has a deadline of its own.
        probes: How probes are sent.
        keep: How many of the last events of each family are kept.
    """

    expectations: tuple[Expectation, ...]
    families: tuple[Family, ...]
    deadlines: Mapping[Family, float]
    probes: ProbeOptions
    keep: int


class Elsewhere(Protocol):
    """Has hosts polled by other processes; the command line knows how."""

    def __call__(self, works: Mapping[str, HostWork]) -> Mapping[str, Gathers]:
        """Make hosts ready, without touching them.

        Args:
            works: By the host's name.

        Raises:
            HarnessError: They can't be polled there.
        """


@dataclass(frozen=True, slots=True)
class Task:
    """What one host has to show.

    Args:
        host: The host.
        sections: The ``verify:`` sections that are about it, in their order.
    """

    host: Host
    sections: tuple[Expectations, ...]

    def expectations(self) -> list[tuple[str, Expectation]]:
        """Give all that is expected, each with a name that no other has; the families one after the other."""
        taken: dict[tuple[Family, str], int] = {}
        named: list[tuple[str, Expectation]] = []
        families = dict.fromkeys(each.family for section in self.sections for each in section.items)
        for family in families:
            for section in self.sections:
                for expectation in section.items:
                    if expectation.family is not family:
                        continue
                    count = taken[family, expectation.name] = taken.get((family, expectation.name), 0) + 1
                    named.append((expectation.name + (f"-{count}" if count > 1 else ""), expectation))
        return named

    @property
    def deadlines(self) -> dict[Family, float]:
        """Seconds for each family that has a deadline of its own; the longest counts."""
        longest: dict[Family, float] = {}
        for section in self.sections:
            for family, seconds in section.deadlines.items():
                longest[family] = max(seconds, longest.get(family, 0.0))
        return longest

    @property
    def probes(self) -> ProbeOptions:
        """How probes are sent; the last section counts."""
        return self.sections[-1].probes


@dataclass(frozen=True, slots=True)
class Workload:
    """What is to be verified.

    Args:
        tasks: By the host's name, in the inventory's order.
        reach: Makes the hosts ready.
        mappings: How records become events.
        timeout: Seconds for all of it.
        forks: Hosts at a time.
        stop: Set, from any thread, to end it early.
        elsewhere: Has the hosts polled by other processes; None to poll them in this one.
    """

    tasks: Mapping[str, Task]
    reach: Reach
    mappings: Mapping[Format, FieldMapping]
    timeout: float
    forks: int = 20
    stop: threading.Event = field(default_factory=threading.Event)
    elsewhere: Elsewhere | None = None

    def golden(self) -> list[GoldenCase]:
        """Give all golden cases, each once."""
        folders = {
            (each.family, each.folder): each
            for task in self.tasks.values()
            for section in task.sections
            for each in section.golden
        }
        return [case for each in folders.values() for case in cases(each.family, each.folder, each.source)]

    def gathering(
        self,
        expected: Mapping[str, Sequence[Expectation]],
        families: Mapping[str, Iterable[Family]],
        *,
        until: float,
        keep: int,
    ) -> Gathering:
        """Make hosts ready to be polled.

        Args:
            expected: What was selected, by host.
            families: Families to look at beside those, by host.
            until: When to end in any case, on the monotonic clock.
            keep: How many of the last events of each family are kept.

        Raises:
            HarnessError: They can't be reached as they are described.
        """
        works = {
            name: HostWork(
                tuple(expected.get(name, ())),
                tuple(families.get(name, ())),
                self.tasks[name].deadlines,
                self.tasks[name].probes,
                keep,
            )
            for name in dict.fromkeys([*expected, *families])
        }
        hosts = self._here(works, until) if self.elsewhere is None else self.elsewhere(works)
        return Gathering(hosts, until=until, stop=self.stop, forks=self.forks)

    def _here(self, works: Mapping[str, HostWork], until: float) -> Mapping[str, Gathers]:
        probes = {name: work.probes for name, work in works.items()}
        subjects = self.reach(list(works), probes, until - time.monotonic())
        return {
            name: HostGather(
                subjects[name],
                work.expectations,
                families=work.families,
                deadlines=work.deadlines,
                mappings=self.mappings,
                keep=work.keep,
            )
            for name, work in works.items()
        }
