"""Message tracking: what each transport service writes about the messages that pass it, in its version's columns."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PureWindowsPath
from typing import TYPE_CHECKING

from harness.lab.logs.csvlog import CsvLog, CsvRow, stamp
from harness.lab.state.transport import MAILBOX_SERVER, TRANSPORT_SERVICE

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

_FIRST = 2007
_SPLIT = 2010
_UNIFIED = 2016
_BEFORE_2016 = ("transport-traffic-type", "log-id", "schema-version")
_BEFORE_2010 = ("directionality", "tenant-id", "original-client-ip", "original-server-ip", "custom-data")
_OLD_VERSIONS = {2007: "8.0.0.0", 2010: "14.0.0.0"}


def columns(year: int) -> tuple[str, ...]:
    """Give a version's columns in the file's order.

    Args:
        year: The version's.
    """
    lacking: set[str] = set()
    if year < _UNIFIED:
        lacking |= {*_BEFORE_2016}
    if year <= _SPLIT:
        lacking |= {"network-message-id"}
    if year <= _FIRST:
        lacking |= {*_BEFORE_2010}
    return tuple(name for name in FIELDS if name not in lacking)


TRANSPORT = "MSGTRK"
DELIVERY = "MSGTRKMD"
SUBMISSION = "MSGTRKMS"
MAILBOX = "MSGTRKM"
"""The services that track, by what the names of their files begin with; the last is the mailbox server up to 2010."""


@dataclass(frozen=True, slots=True)
class TrackingEvent:
    """One step of a message.

    Args:
        service: `TRANSPORT`, `DELIVERY`, `SUBMISSION` or `MAILBOX`.
        time: When.
        cells: By field; the time, and what all events of a server share, are filled in.
    """

    service: str
    time: dt.datetime
    cells: Mapping[str, str]


class Tracking:
    """A server's message tracking, as it is set at the moment of each event.

    Args:
        machine: The server.
        spool: What writes.
        now: The clock.
    """

    def __init__(self, machine: Machine, spool: Spool, now: Callable[[], dt.datetime]) -> None:
        self._machine = machine
        self._spool = spool
        build = machine.build
        year = machine.product.year
        self._version = _OLD_VERSIONS.get(
            year, f"{build.major:02d}.{build.minor:02d}.{build.build:04d}.{build.revision:03d}"
        )
        self._logs = {
            service: CsvLog(
                service,
                service,
                "Message Tracking Log",
                version=self._version,
                fields=columns(year),
                now=now,
                daily=year <= _SPLIT,
            )
            for service in (TRANSPORT, DELIVERY, SUBMISSION, MAILBOX)
        }

    def track(self, event: TrackingEvent) -> None:
        """Write an event, unless tracking is off or has no folder. It is not held back."""
        # A server that has both is believed to keep one set of settings.
        transport = TRANSPORT_SERVICE.key in self._machine.transport_services
        settings = self._machine.transport(TRANSPORT_SERVICE if transport else MAILBOX_SERVER).settings
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
