"""Message tracking: what each transport service of Exchange 2016 writes about the messages that pass it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PureWindowsPath
from typing import TYPE_CHECKING

from harness.lab.logs.csvlog import CsvLog, CsvRow, stamp
from harness.lab.state.transport import TRANSPORT_SERVICE

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping

    from harness.lab.logs.spool import Spool
    from harness.lab.machine import Machine

FIELDS = (
    "date-time",
    "client-ip",
    "client-hostname",
    "server-ip",
    "server-hostname",
    "source-context",
    "connector-id",
    "source",
    "event-id",
    "internal-message-id",
    "message-id",
    "network-message-id",
    "recipient-address",
    "recipient-status",
    "total-bytes",
    "recipient-count",
    "related-recipient-address",
    "reference",
    "message-subject",
    "sender-address",
    "return-path",
    "message-info",
    "directionality",
    "tenant-id",
    "original-client-ip",
    "original-server-ip",
    "custom-data",
    "transport-traffic-type",
    "log-id",
    "schema-version",
)
"""The columns of Exchange 2016 and 2019, in the file's order."""

TRANSPORT = "MSGTRK"
DELIVERY = "MSGTRKMD"
SUBMISSION = "MSGTRKMS"
"""The services that track, by what the names of their files begin with."""


@dataclass(frozen=True, slots=True)
class TrackingEvent:
    """One step of a message.

    Args:
        service: `TRANSPORT`, `DELIVERY` or `SUBMISSION`.
        time: When.
        cells: By field; the time, and what all events of a server share, are filled in.
    """

    service: str
    time: dt.datetime
    cells: Mapping[str, str]


class Tracking:
    """A server's message tracking, as its transport service is set at the moment of each event.

    Args:
        machine: The server.
        spool: What writes.
        now: The clock.
    """

    def __init__(self, machine: Machine, spool: Spool, now: Callable[[], dt.datetime]) -> None:
        self._machine = machine
        self._spool = spool
        build = machine.build
        self._version = f"{build.major:02d}.{build.minor:02d}.{build.build:04d}.{build.revision:03d}"
        self._logs = {
            service: CsvLog(service, service, "Message Tracking Log", version=self._version, fields=FIELDS, now=now)
            for service in (TRANSPORT, DELIVERY, SUBMISSION)
        }

    def track(self, event: TrackingEvent) -> None:
        """Write an event, unless tracking is off or has no folder. It is not held back."""
        settings = self._machine.transport(TRANSPORT_SERVICE).settings
        folder = settings["MessageTrackingLogPath"]
        if not settings["MessageTrackingLogEnabled"] or not folder:
            return
        cells = {"date-time": stamp(event.time), "schema-version": self._version, **event.cells}
        if not settings["MessageTrackingLogSubjectLoggingEnabled"]:
            cells["message-subject"] = ""
        row = CsvRow(PureWindowsPath(folder), cells, limit(settings["MessageTrackingLogMaxFileSize"]))
        self._spool.put(self._logs[event.service], [row])


def limit(size: object) -> int | None:
    """Give a size limit in bytes; ``None`` for ``Unlimited``."""
    return size if isinstance(size, int) else None
