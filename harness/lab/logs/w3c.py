"""W3C logs of IIS: one row per request or command, with the columns that its settings name."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import PureWindowsPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Collection, Mapping, Sequence

    from harness.lab.logs.files import Files
    from harness.lab.logs.spool import Spool
    from harness.lab.machine import Machine

COLUMNS = {
    "Date": "date",
    "Time": "time",
    "SiteName": "s-sitename",
    "ComputerName": "s-computername",
    "ServerIP": "s-ip",
    "Method": "cs-method",
    "UriStem": "cs-uri-stem",
    "UriQuery": "cs-uri-query",
    "ServerPort": "s-port",
    "UserName": "cs-username",
    "ClientIP": "c-ip",
    "ProtocolVersion": "cs-version",
    "UserAgent": "cs(User-Agent)",
    "Cookie": "cs(Cookie)",
    "Referer": "cs(Referer)",
    "Host": "cs-host",
    "HttpStatus": "sc-status",
    "HttpSubStatus": "sc-substatus",
    "Win32Status": "sc-win32-status",
    "BytesSent": "sc-bytes",
    "BytesRecv": "cs-bytes",
    "TimeTaken": "time-taken",
}
"""The column of each flag of ``logExtFileFlags``, in the order in which http.sys writes them."""

_VARIABLE = re.compile(r"%([^%]+)%")
_UNPRINTABLE = re.compile(r"[\x00-\x20\x7f]")
_NAMES = {"Hourly": "%y%m%d%H", "Daily": "%y%m%d", "Monthly": "%y%m"}
_DAYS_PER_WEEK = 7


@dataclass(frozen=True, slots=True)
class W3cSettings:
    """How a W3C log is set at a moment.

    Args:
        directory: Where its folder is; environment variables may stand in it.
        period: ``Hourly``, ``Daily``, ``Weekly``, ``Monthly``, or ``MaxSize`` for files that a number tells apart.
        fields: The flags of its columns.
        prefix: What the names of its files begin with.
        max_size: Bytes that a file with a number may have.
        added: Columns that the owner has added, with the request header behind each.
        entries: How many rows are held back at most; 0 for no such limit.
    """

    directory: str
    period: str
    fields: Collection[str]
    prefix: str = ""
    max_size: int = 20971520
    added: Mapping[str, str] = field(default_factory=dict)
    entries: int = 0


@dataclass(frozen=True, slots=True)
class WebRequest:
    """A request that was answered.

    Args:
        time: When it was answered.
        site: The site's number.
        values: By column; what is missing or empty is written as ``-``.
        headers: The request's, by lower-case name, for columns that the site's owner has added.
    """

    time: dt.datetime
    site: int
    values: Mapping[str, str]
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class W3cRow:
    """A row as its site was set when it happened.

    Args:
        time: When.
        folder: The site's.
        pattern: The file's name; where files are told apart by a number, it has a ``{}`` for that.
        max_size: Bytes that a file with a number may have.
        columns: Of the row.
        line: The row.
        service: The process of the web service; another one begins with a header of its own.
        iis: The version of IIS.
    """

    time: dt.datetime
    folder: PureWindowsPath
    pattern: str
    max_size: int
    columns: tuple[str, ...]
    line: bytes
    service: int
    iis: str


@dataclass(slots=True, eq=False)
class W3cLog:
    """One site's log.

    Args:
        name: Its own among the host's logs.
    """

    name: str
    _header: tuple[object, ...] = field(default=())

    def write(self, files: Files, rows: Sequence[W3cRow]) -> None:
        """Write rows, in their order; see `harness.lab.logs.spool.Log`."""
        pending = bytearray()
        target: PureWindowsPath | None = None
        for row in rows:
            path, size = self._file(files, row, target, len(pending))
            if target is not None and path != target:
                files.append(self.name, target, bytes(pending))
                pending.clear()
            header = (path, row.columns, row.service)
            if header != self._header or (size is None and not pending):
                pending += _header(row)
                self._header = header
            pending += row.line
            target = path
        if target is not None:
            files.append(self.name, target, bytes(pending))

    @staticmethod
    def _file(
        files: Files, row: W3cRow, target: PureWindowsPath | None, pending: int
    ) -> tuple[PureWindowsPath, int | None]:
        """Give a row's file and that file's size; ``None`` where there is none yet."""
        number = 1
        while True:
            path = row.folder / row.pattern.format(number)
            size = files.size(path)
            full = (size or 0) + (pending if path == target else 0) + len(row.line) > row.max_size
            if path.name == row.pattern or not full or (size is None and path != target):
                return path, size
            number += 1


def _header(row: W3cRow) -> bytes:
    lines = (
        f"#Software: Microsoft Internet Information Services {row.iis}",
        "#Version: 1.0",
        f"#Date: {row.time:%Y-%m-%d %H:%M:%S}",
        f"#Fields: {' '.join(row.columns)}",
    )
    return "".join(f"{line}\r\n" for line in lines).encode()


class WebLogs:
    """The logs of a server's web sites, as they are set at the moment of each request.

    Args:
        machine: The server.
        spool: What writes.
        now: The clock.
        delay: Seconds that http.sys holds a row back at most.
    """

    def __init__(self, machine: Machine, spool: Spool, now: Callable[[], dt.datetime], delay: float) -> None:
        self._machine = machine
        self._spool = spool
        self._delay = delay
        self.now = now
        self._logs: dict[int, W3cLog] = {}
        machine.flush_hooks.append(self.flush)

    def log(self, request: WebRequest) -> None:
        """Write a row for a request, unless its site has no W3C file, or there is no such site."""
        settings = self._machine.web_log(request.site)
        if settings is None:
            return
        name = f"W3SVC{request.site}"
        added = {column: request.headers.get(source.lower(), "") for column, source in settings.added.items()}
        values = {"s-sitename": name, **request.values, **added}
        row = row_of(self._machine, settings, name, COLUMNS, time=request.time, values=values)
        log = self._logs.setdefault(request.site, W3cLog(name))
        self._spool.put(log, [row], delay=self._delay, entries=settings.entries)

    def flush(self) -> None:
        """Have http.sys write what it holds."""
        self._spool.flush(list(self._logs.values()))


def row_of(
    machine: Machine,
    settings: W3cSettings,
    folder: str,
    order: Mapping[str, str],
    *,
    time: dt.datetime,
    values: Mapping[str, str],
) -> W3cRow:
    """Make a row as its log is set at the moment.

    Args:
        machine: The server.
        settings: The log's.
        folder: The log's own, below the directory that is set.
        order: The column of each flag, in the order in which the service writes them.
        time: When it happened.
        values: By column; date, time and the computer's name are filled in.
    """
    columns = (*(column for flag, column in order.items() if flag in settings.fields), *settings.added)
    known = {
        "date": f"{time:%Y-%m-%d}",
        "time": f"{time:%H:%M:%S}",
        "s-computername": machine.name,
        **values,
    }
    return W3cRow(
        time,
        PureWindowsPath(_expand(machine, settings.directory)) / folder,
        f"{settings.prefix}{_name(settings.period, time)}{'_x' if settings.added else ''}.log",
        settings.max_size,
        columns,
        (" ".join(_value(known.get(column, "")) for column in columns) + "\r\n").encode("utf-8", "replace"),
        machine.services.state(_process_of(folder)).process_id,
        "{}.{}".format(*machine.product.windows.iis),
    )


def _process_of(folder: str) -> str:
    """Give the service whose log it is: its number follows the name, as in ``W3SVC1``."""
    return folder.rstrip("0123456789")


def _expand(machine: Machine, path: str) -> str:
    """Put the values of environment variables in; one that doesn't exist stays as it is."""
    known = {name.lower(): value for name, value in machine.environment.items()}
    return _VARIABLE.sub(lambda found: known.get(found[1].lower(), found[0]), path)


def _name(period: str, time: dt.datetime) -> str:
    """Give the part of a file's name that says for which time it is."""
    if period == "MaxSize":
        return "extend{}"
    if period == "Weekly":
        return f"ex{time:%y%m}{(time.day - 1) // _DAYS_PER_WEEK + 1:02d}"
    return f"ex{time.strftime(_NAMES[period])}"


def _value(text: str) -> str:
    """Write a value as http.sys does: blanks and control characters as a plus sign, nothing as a dash."""
    return _UNPRINTABLE.sub("+", text) or "-"
