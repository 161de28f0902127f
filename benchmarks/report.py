"""How benchmarks are told: tables for people, each with its goals beneath it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table as Grid

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.table import Goal, Measured, Table

_WIDTH = 140
_console = Console(width=_WIDTH, highlight=False, markup=False, soft_wrap=True)


def machine(described: Mapping[str, object], versions: Mapping[str, str]) -> None:
    """Say where this is measured, and with what."""
    for line in machine_lines(described, versions):
        _console.print(line)


def machine_lines(described: Mapping[str, object], versions: Mapping[str, str]) -> tuple[str, str]:
    """Describe the machine, and what runs on it."""
    form = "{processor}, {cores} cores, {memory_mb} MB; Linux {kernel}, Python {python}; load before {load}"
    return form.format(**described), ", ".join(f"{name} {version}" for name, version in versions.items())


def table(measured: Table) -> None:
    """Print a table with its goals."""
    grid = Grid(title=measured.title, title_justify="left", min_width=80)
    for heading, justify in (("side", "left"), ("median s", "right"), ("runs s", "left"), ("rate", "right")):
        grid.add_column(heading, justify=justify)  # type: ignore[arg-type]  # rich names them as literals
    grid.add_column("notes")
    for side in measured.measured:
        grid.add_row(
            side.name,
            f"{side.median:.3f}",
            _runs(side),
            rate(side),
            ", ".join(f"{k} {v}" for k, v in side.notes.items()),
        )
    _console.print()
    _console.print(grid)
    for goal in measured.goals:
        _console.print(f"  {verdict(goal)}")
    for peer in measured.left_out:
        _console.print(f"  left out: {peer}")
    if measured.profile and not all(goal.met for goal in measured.goals):
        _console.print("  where the time goes:")
        for line in measured.profile:
            _console.print(f"    {line}")


def summary(tables: Sequence[Table], seconds: float, *, quick: bool) -> None:
    """Count the goals, and name once more those that aren't met."""
    goals = [goal for each in tables for goal in each.goals]
    missed = [goal for goal in goals if not goal.met]
    _console.print(f"\n{len(goals) - len(missed)} of {len(goals)} goals met in {seconds:.0f} s")
    if quick:
        _console.print("quick: sizes so small that no figure says anything")
    for goal in missed:
        _console.print(f"  {verdict(goal)}")


def verdict(goal: Goal) -> str:
    """Say in a line how a goal fared."""
    sign = "<=" if goal.at_most else ">="
    line = f"{'met' if goal.met else 'NOT MET'}: {goal.text}: {_number(goal.got)} ({sign} {_number(goal.wanted)})"
    return line if goal.met or not goal.bound else f"{line}; bound by {goal.bound}"


def _number(value: float) -> str:
    return f"{value:.0f}" if float(value).is_integer() else f"{value:.2f}"


def _runs(side: Measured) -> str:
    shown = " ".join(f"{each:.2f}" for each in side.seconds[:5])
    return shown + (f" … ({len(side.seconds)})" if len(side.seconds) > 5 else "")


def rate(side: Measured) -> str:
    """Give the rate at the median, where one was measured."""
    return f"{side.rate:,.1f} {side.unit}/s" if side.unit else ""
