"""Which log follows which, and which ones are written to now, told from a listing."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harness.remote.smb import FileInfo

_NUMBER = re.compile(r"([0-9]+)")
_NEWEST_BY_NAME = 2


def natural(path: str) -> list[str | int]:
    """Give a key that sorts paths by their numbers: ``…-10`` after ``…-9``."""
    return [int(part) if part.isdigit() else part.casefold() for part in _NUMBER.split(path)]


def newest_files(listing: Iterable[FileInfo]) -> set[str]:
    """Pick the files that may be written to now.

    Args:
        listing: All the files of a log folder.

    Returns:
        The paths of the newest files in each series. A series is the files of one folder whose names differ
        only in their numbers.
    """
    series: defaultdict[str, list[FileInfo]] = defaultdict(list)
    for info in listing:
        folder, _, name = info.path.rpartition("/")
        series[f"{folder}/{_NUMBER.sub('0', name.casefold())}"].append(info)
    newest: set[str] = set()
    for files in series.values():
        by_name = sorted(files, key=lambda info: natural(info.name))
        # Of equal times the last name counts, and max() takes the first of equals.
        by_creation = max(reversed(by_name), key=lambda info: info.created)
        by_change = max(reversed(by_name), key=lambda info: info.modified)
        newest.update(info.path for info in (*by_name[-_NEWEST_BY_NAME:], by_creation, by_change))
    return newest
