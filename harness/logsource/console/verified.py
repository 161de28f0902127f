"""What ``harness verify --output json`` saw of each host's logs, to stand beside what the console says."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.errors import InputError
from harness.logsource.model import FAMILIES
from harness.source import Problem, Source

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from harness.logsource.model import LogSource

_HOW = "give what harness verify INVENTORY --output json wrote"


@dataclass(frozen=True, slots=True)
class Verified:
    """A run of verify.

    Args:
        seen: By host and family, what the report says of it.
        failed: By host and family, the names of the expectations that failed.
    """

    seen: Mapping[tuple[str, str], Mapping[str, Any]]
    failed: Mapping[tuple[str, str], tuple[str, ...]]

    def families(self, source: LogSource) -> dict[str, Any]:
        """Give what was seen of the families that a log source polls.

        Args:
            source: The log source.
        """
        return {
            family: {"events": seen.get("events"), "newest": seen.get("newest"), "failed": list(failed)}
            for family, seen, failed in self._of(source)
        }

    def lines(self, source: LogSource) -> Iterator[str]:
        """Say it.

        Args:
            source: The log source.
        """
        for family, seen, failed in self._of(source):
            words = f"{family}: {seen.get('events') or 0} events, newest {seen.get('newest') or 'none'}"
            yield words + (f"; failed: {', '.join(failed)}" if failed else "")

    def _of(self, source: LogSource) -> Iterator[tuple[str, Mapping[str, Any], tuple[str, ...]]]:
        for family in FAMILIES:
            key = (source.host, family)
            if source.folder(family) and (key in self.seen or key in self.failed):
                yield family, self.seen.get(key, {}), self.failed.get(key, ())


def read(path: Path) -> Verified:
    """Read a report.

    Args:
        path: The file.

    Raises:
        InputError: It can't be read, or isn't such a report.
    """
    try:
        report: Any = json.loads(path.read_text(encoding="utf-8"))
        seen = {(str(each["host"]), str(each["family"])): each for each in report["families"]}
        failed: dict[tuple[str, str], tuple[str, ...]] = {}
        for each in report["expectations"]:
            if each["status"] == "failed":
                key = (str(each["host"]), str(each["family"]))
                failed[key] = (*failed.get(key, ()), str(each["name"]))
    except OSError as error:
        raise InputError([Problem(Source(str(path)), f"can't be read: {error.strerror}")]) from error
    except (ValueError, KeyError, TypeError):
        raise InputError([Problem(Source(str(path)), "isn't a report of verify", _HOW)]) from None
    return Verified(seen, failed)
