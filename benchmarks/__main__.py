"""``python -m benchmarks``: measure, print every table with its goals beside it, and write JSON."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchmarks import page as pages
from benchmarks import report
from benchmarks.machine import machine, versions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.table import Table

# In this order, so that those that want a quiet machine come before those that leave it warm.
_ORDER = ("startup", "fleet", "smb", "readers", "scale")
BENCHMARKS = tuple(name for name in _ORDER if importlib.util.find_spec(f"benchmarks.{name}"))
_QUICK = 0.02


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(BENCHMARKS))
@click.option("--json", "output", type=click.Path(dir_okay=False, path_type=Path), help="Write all figures here, too.")
@click.option(
    "--page", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Put the figures into this page, too."
)
@click.option("--quick", is_flag=True, help="Small sizes: shows that the benchmarks work, and nothing else.")
def main(names: Sequence[str], output: Path | None, page: Path | None, quick: bool) -> None:
    """Measure harness beside others: all NAMES, or only some.

    A goal that isn't met is told, with what bounds it; the exit code is 0 all the same.
    """
    # Programs find their modules compiled, as those that pip installed do.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    before, begun = machine(), time.monotonic()
    report.machine(before, versions())
    tables: dict[str, list[Table]] = {}
    for name in names or BENCHMARKS:
        module = importlib.import_module(f"benchmarks.{name}")
        tables[name] = module.run(_QUICK if quick else 1.0)
        for table in tables[name]:
            report.table(table)
    seconds = time.monotonic() - begun
    report.summary([table for each in tables.values() for table in each], seconds, quick=quick)
    if page is not None:
        pages.write(page, tables, "; ".join(report.machine_lines(before, versions())))
    if output is not None:
        figures = {
            "machine": before,
            "load_after": [round(each, 2) for each in os.getloadavg()],
            "versions": versions(),
            "quick": quick,
            "seconds": seconds,
            "tables": {name: [_plain(table) for table in each] for name, each in tables.items()},
        }
        output.write_text(json.dumps(figures, indent=2, default=str) + "\n", encoding="utf-8")


def _plain(table: Table) -> dict[str, object]:
    """Give a table's fields, with what is derived from them."""
    plain = asdict(table)
    for side, measured in zip(plain["measured"], table.measured, strict=True):
        side["median"] = measured.median
        side["rate"] = measured.rate
    for goal, held in zip(plain["goals"], table.goals, strict=True):
        goal["met"] = held.met
    return plain


if __name__ == "__main__":
    main()
