"""A page for each log source, for a console that only people may touch: printed, typed off, ticked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.logsource.form import shown
from harness.logsource.parameters import reference
from harness.logsource.templates import own

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from harness.logsource.form import Field
    from harness.logsource.model import LogSource
    from harness.logsource.resolve import Resolved

_PARTS = {
    "general": "New log source",
    "protocol": "Protocol parameters",
    "handling": "Handling of its events",
}


@dataclass(frozen=True, slots=True)
class _Row:
    """A line of a page; the number is that of the line."""

    number: int
    field: Field
    secret: str


@dataclass(frozen=True, slots=True)
class _Page:
    """A log source's page."""

    source: LogSource
    parts: tuple[tuple[str, tuple[_Row, ...]], ...]


def write(
    sources: Sequence[LogSource], inventory: str, day: date, resolved: Mapping[str, Resolved] | None = None
) -> str:
    """Write the pages as one HTML document that needs nothing beside it.

    Args:
        sources: The log sources.
        inventory: The inventory's path, for the head of each page.
        day: The day that the pages say they were made.
        resolved: The same with a console's own labels, by identifier; None where no console is known.
    """
    pages = [_page(each, resolved[each.identifier] if resolved is not None else None) for each in sources]
    return own("checklist.html.j2", {"pages": pages, "inventory": inventory, "day": day.isoformat()})


def _page(source: LogSource, resolved: Resolved | None) -> _Page:
    rows = [_Row(number, each, _secret(each)) for number, each in enumerate(shown(source, resolved), 1)]
    return _Page(
        source,
        tuple((title, tuple(row for row in rows if row.field.part == part)) for part, title in _PARTS.items()),
    )


def _secret(field: Field) -> str:
    """Give where a password is kept; empty for what isn't one, or where nobody said."""
    return (reference(field.value) or "") if field.kind == "secret" else ""
