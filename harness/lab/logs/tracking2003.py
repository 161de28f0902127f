"""Message tracking of Exchange 2003: a row for each recipient, with tabs between the values.

Documented: the columns, the numbers of the events, and that a file is for a day in UTC. Seen in real rows: a value
more than there are columns, months and hours of one digit. Believed: that a subject
that isn't logged is a dash.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PureWindowsPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from harness.lab.exchange2003 import Exchange2003
    from harness.lab.logs.files import Files
    from harness.lab.logs.spool import Spool

COLUMNS = (
    "Date",
    "Time",
    "client-ip",
    "Client-hostname",
    "Partner-Name",
    "Server-hostname",
    "server-IP",
    "Recipient-Address",
    "Event-ID",
    "MSGID",
    "Priority",
    "Recipient-Report-Status",
    "total-bytes",
    "Number-Recipients",
    "Origination-Time",
    "Encryption",
    "service-Version",
    "Linked-MSGID",
    "Message-Subject",
    "Sender-Address",
)

SUBMITTED = "1019"
"""SMTP hands a message to the queue."""
OUTBOUND_BEGUN = "1020"
LOCAL_DELIVERY = "1023"
STORE_DRIVER_DELIVERY = "1028"
OUTBOUND_ENDED = "1031"


@dataclass(frozen=True, slots=True)
class TrackingRow:
    """A row, and the folder as the server was set when it happened.

    Args:
        folder: Of the log.
        time: When.
        cells: By column; those that are missing have a dash.
    """

    folder: PureWindowsPath
    time: dt.datetime
    cells: Mapping[str, str]


class Tracking2003:
    """A server's message tracking, as it is set at the moment of each event.

    Args:
        machine: The server.
        spool: What writes.
    """

    def __init__(self, machine: Exchange2003, spool: Spool) -> None:
        self._machine = machine
        self._spool = spool
        build = machine.build
        self._log = _TabLog(f"{build.major}.{build.minor}.{build.build}.{build.revision}")

    def track(self, time: dt.datetime, recipients: Sequence[str], cells: Mapping[str, str]) -> None:
        """Write an event, a row for each recipient, unless tracking is off. It is not held back."""
        settings = self._machine.exchange_server
        if not settings["MessageTrackingEnabled"]:
            return
        # Subjects are logged where that is switched on as well.
        hidden = {} if settings["SubjectLoggingEnabled"] else {"Message-Subject": ""}
        folder = PureWindowsPath(str(settings["MessageTrackingLogFilePath"]))
        own = {"Date": f"{time.year}-{time.month}-{time.day}", "Time": clock_time(time)}
        rows = [
            TrackingRow(folder, time, {**own, **cells, **hidden, "Recipient-Address": recipient})
            for recipient in recipients
        ]
        self._spool.put(self._log, rows)


class _TabLog:
    """The files: one for each day in UTC."""

    def __init__(self, version: str) -> None:
        self._header = (
            "# Message Tracking Log File\r\n"
            f"# Exchange System Attendant Version {version}\r\n"
            "# " + "\t".join(COLUMNS) + "\r\n"
        ).encode()

    def write(self, files: Files, rows: Sequence[TrackingRow]) -> None:
        """Write rows, in their order; see `harness.lab.logs.spool.Log`."""
        for row in rows:
            path = row.folder / f"{row.time:%Y%m%d}.log"
            header = b"" if files.size(path) else self._header
            values = [_value(row.cells.get(name, "")) for name in COLUMNS]
            line = "\t".join([*values, "-"]) + "\r\n"
            files.append("tracking", path, header + line.encode("utf-8", "replace"))


def clock_time(time: dt.datetime) -> str:
    """Write a time of day as the System Attendant does."""
    return f"{time.hour}:{time.minute}:{time.second} GMT"


def _value(text: str) -> str:
    """Write a value: what would end it is a blank, and nothing is a dash."""
    return " ".join(text.split()) or "-"
