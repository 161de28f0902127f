"""What a benchmark gives: measured rates, and the goals that they are held against.

A goal is a ratio of medians measured in the same run, since a machine's own speed says nothing about the code. Runs of
the compared sides take turns, so that what slows the machine for a while slows both.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Measured:
    """One side of a comparison.

    Args:
        name: Who was measured, with its version where it isn't ours.
        seconds: Each run's time.
        amount: What one run got through, in `unit`; 0 where only time counts.
        unit: For example ``MB`` or ``requests``.
        notes: What else is worth knowing, for example ``peak_memory_mb``.
    """

    name: str
    seconds: tuple[float, ...]
    amount: float = 0.0
    unit: str = ""
    notes: Mapping[str, object] = field(default_factory=dict)

    @property
    def median(self) -> float:
        """The median of the runs, in seconds."""
        return statistics.median(self.seconds)

    @property
    def rate(self) -> float:
        """The amount per second at the median."""
        return self.amount / self.median if self.median else 0.0


@dataclass(frozen=True, slots=True)
class Goal:
    """What was hoped for, and what came out.

    Args:
        text: For example ``fast engine at least 3.5 times csv.reader, MSGTRK``.
        wanted: The limit.
        got: The figure.
        at_most: Whether the figure should stay below the limit instead of reaching it.
        bound: Where it is missed: what bounds it, as a profile showed.
    """

    text: str
    wanted: float
    got: float
    at_most: bool = False
    bound: str = ""

    @property
    def met(self) -> bool:
        """Whether it was reached."""
        return self.got <= self.wanted if self.at_most else self.got >= self.wanted


@dataclass(frozen=True, slots=True)
class Table:
    """One benchmark's result.

    Args:
        title: What was measured.
        measured: The sides.
        goals: What they are held against.
        left_out: Peers that couldn't be measured here, and why.
        profile: Where our side's time goes, a line for each place, the largest share first.
    """

    title: str
    measured: tuple[Measured, ...]
    goals: tuple[Goal, ...]
    left_out: tuple[str, ...] = ()
    profile: tuple[str, ...] = ()


def in_turns(sides: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, tuple[float, ...]]:
    """Run each side once per round, one after the other, and give the times.

    Args:
        sides: What to run, by name.
        rounds: How often.

    Returns:
        Seconds of each round, by name.
    """
    times: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, run in sides.items():
            begun = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - begun)
    return {name: tuple(each) for name, each in times.items()}


def ratio(slower: Sequence[float], faster: Sequence[float]) -> float:
    """Say how many times faster one side is, by the medians."""
    return statistics.median(slower) / statistics.median(faster)
