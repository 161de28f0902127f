"""Exchange's own logs: comma-separated values below five header lines, a new file each hour or when one is full."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import PureWindowsPath

    from harness.lab.logs.files import Files

_SOFTWARE = "Microsoft Exchange Server"


@dataclass(frozen=True, slots=True)
class CsvRow:
    """A row, and where its log's files are as the server was set when it happened.

    Args:
        folder: The log's.
        cells: By field; those that are missing are empty.
        max_size: Bytes that a file may have; ``None`` for any number.
    """

    folder: PureWindowsPath
    cells: Mapping[str, str]
    max_size: int | None = None


class CsvLog:
    """One log of Exchange's. Its rows go to the file of the hour in which they are written, not in which they happened.

    Args:
        name: Its own among the host's logs.
        prefix: What the names of its files begin with, for example ``MSGTRK``.
        kind: What ``#Log-type`` says.
        version: What ``#Version`` says.
        fields: Its columns.
        now: The clock.
    """

    def __init__(
        self,
        name: str,
        prefix: str,
        kind: str,
        *,
        version: str,
        fields: Sequence[str],
        now: Callable[[], dt.datetime],
    ) -> None:
        self._name = name
        self._prefix = prefix
        self._kind = kind
        self._version = version
        self._fields = tuple(fields)
        self._now = now
        self._names = re.compile(rf"{re.escape(prefix)}(\d{{10}})-(\d+)\.log", re.ASCII | re.IGNORECASE)
        self._current: tuple[PureWindowsPath, str, int] | None = None

    def write(self, files: Files, rows: Sequence[CsvRow]) -> None:
        """Write rows, in their order; see `harness.lab.logs.spool.Log`."""
        pending = bytearray()
        target: PureWindowsPath | None = None
        for row in rows:
            line = self._line([row.cells.get(name, "") for name in self._fields])
            path, empty = self._file(files, row, pending=len(pending), more=len(line))
            if target is not None and path != target:
                files.append(self._name, target, bytes(pending))
                pending.clear()
            if empty and not pending:
                pending += self._header()
            pending += line
            target = path
        if target is not None:
            files.append(self._name, target, bytes(pending))

    def _file(self, files: Files, row: CsvRow, *, pending: int, more: int) -> tuple[PureWindowsPath, bool]:
        """Give the file for a row, and whether it is still to be made."""
        hour = self._now().strftime("%Y%m%d%H")
        if self._current is None or self._current[:2] != (row.folder, hour):
            self._current = row.folder, hour, self._last_number(files, row.folder, hour)
            pending = 0
        number = self._current[2]
        size = files.size(self._path(row.folder, hour, number))
        if row.max_size is not None and (size or pending) and (size or 0) + pending + more > row.max_size:
            number += 1
            self._current = row.folder, hour, number
            size = files.size(self._path(row.folder, hour, number))
        return self._path(row.folder, hour, number), size is None

    def _last_number(self, files: Files, folder: PureWindowsPath, hour: str) -> int:
        """Find the newest file of an hour; a service that starts again goes on with it."""
        found = (self._names.fullmatch(name) for name in files.names(folder))
        return max((int(match[2]) for match in found if match and match[1] == hour), default=1)

    def _path(self, folder: PureWindowsPath, hour: str, number: int) -> PureWindowsPath:
        return folder / f"{self._prefix}{hour}-{number}.LOG"

    def _header(self) -> bytes:
        lines = (
            f"#Software: {_SOFTWARE}",
            f"#Version: {self._version}",
            f"#Log-type: {self._kind}",
            f"#Date: {stamp(self._now())}",
            f"#Fields: {','.join(self._fields)}",
        )
        return "".join(f"{line}\r\n" for line in lines).encode()

    @staticmethod
    def _line(cells: Sequence[str]) -> bytes:
        text = io.StringIO()
        csv.writer(text, lineterminator="\r\n").writerow(cells)
        return text.getvalue().encode("utf-8", errors="replace")


def stamp(time: dt.datetime) -> str:
    """Write a time as Exchange's logs do: UTC, to the millisecond."""
    return f"{time:%Y-%m-%dT%H:%M:%S}.{time.microsecond // 1000:03d}Z"
