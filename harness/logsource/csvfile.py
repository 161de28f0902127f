"""Definitions as a table: one row for each log source, which a spreadsheet never takes for a formula."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from harness.logsource.form import fields

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.logsource.model import LogSource
    from harness.logsource.resolve import Resolved

# What begins a formula in one spreadsheet or another; tab, carriage return and line feed are skipped by some before
# they look. The last four are = + - @ in full width, which Excel takes as well where such letters are at home.
_BEGINNINGS = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")


def write(sources: Sequence[LogSource], resolved: Mapping[str, Resolved] | None = None) -> str:
    """Write log sources as CSV.

    Every cell is quoted, so that a spreadsheet that separates cells otherwise doesn't make two of one.

    Args:
        sources: The log sources.
        resolved: The same with a console's own values, by identifier; None where no console is known.
    """
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    for number, source in enumerate(sources):
        row = fields(source, resolved[source.identifier] if resolved is not None else None)
        if not number:
            # Of the first alone: labels are the console's or ours, and the same for all.
            writer.writerow([*(safe(each.label) for each in row), "Host", "Folders from"])
        writer.writerow([safe(each) for each in (*(field.value for field in row), source.host, source.origin)])
    return text.getvalue()


def safe(text: str) -> str:
    """Write a cell so that it is text to every spreadsheet: with an apostrophe before what begins a formula.

    Args:
        text: The cell.
    """
    return f"'{text}" if text.startswith(_BEGINNINGS) else text
