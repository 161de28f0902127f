"""The page of results: the parts that hold figures are written by the run that measured them."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING

from benchmarks import report

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from benchmarks.table import Table

_MARKED = re.compile(r"(<!-- figures: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def write(page: Path, tables: Mapping[str, Sequence[Table]], described: str) -> None:
    """Put new figures in the place of those that the page has.

    Args:
        page: The page; each benchmark has a part of its own, and those that weren't run keep theirs.
        tables: By benchmark.
        described: The machine and the versions.
    """

    def fill(match: re.Match[str]) -> str:
        if match[2] not in tables:
            return match[0]
        today = dt.datetime.now(dt.UTC).date().isoformat()
        lines = [f"{today}, {described}", "", *(line for table in tables[match[2]] for line in _table(table))]
        return "\n".join([match[1], *lines, match[3]])

    page.write_text(_MARKED.sub(fill, page.read_text(encoding="utf-8")), encoding="utf-8")


def _table(table: Table) -> Iterator[str]:
    yield f"**{table.title}**"
    yield ""
    if table.measured:
        yield "| side | median s | rate | |"
        yield "|---|---:|---:|---|"
    for side in table.measured:
        notes = ", ".join(f"{name} {value}" for name, value in side.notes.items())
        yield f"| {side.name} | {side.median:.3f} | {report.rate(side)} | {notes} |"
    yield ""
    yield from (f"* {report.verdict(goal)}" for goal in table.goals)
    yield from (f"* left out: {peer}" for peer in table.left_out)
    if table.profile and not all(goal.met for goal in table.goals):
        yield f"* where the time goes: {'; '.join(table.profile)}"
    yield ""
