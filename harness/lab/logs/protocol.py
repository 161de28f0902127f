"""SMTP protocol logs: every line of a conversation, as one of Exchange's transport services sees it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import PureWindowsPath
from typing import TYPE_CHECKING, Literal

from harness.lab.logs.csvlog import CsvLog, CsvRow, stamp
from harness.lab.logs.tracking import limit
from harness.lab.state.transport import FRONTEND_TRANSPORT_SERVICE, MAILBOX_TRANSPORT_SERVICE, TRANSPORT_SERVICE

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

    from harness.lab.logs.spool import Spool
    from harness.lab.machine import Machine
    from harness.lab.state.transport import Service

FIELDS = (
    "date-time",
    "connector-id",
    "session-id",
    "sequence-number",
    "local-endpoint",
    "remote-endpoint",
    "event",
    "data",
    "context",
)
# Exchange 2013 and later still say so.
_VERSION = "15.0.0.0"
_TICKS_OF_1970 = 621_355_968_000_000_000

Mark = Literal["+", "-", ">", "<", "*"]


@dataclass(frozen=True, slots=True)
class Side:
    """One of the protocol logs of a server.

    Args:
        service: The transport service that keeps it.
        direction: Whether it is of connections that the service accepts or makes.
        subfolder: Where the files are below the path that is set.
    """

    service: Service
    direction: Literal["Receive", "Send"]
    subfolder: str = ""

    @property
    def name(self) -> str:
        """Its own among the logs of a server."""
        return f"{self.service.key}/{self.direction}"

    @property
    def prefix(self) -> str:
        """What the names of its files begin with."""
        return "RECV" if self.direction == "Receive" else "SEND"


FRONTEND_RECEIVE = Side(FRONTEND_TRANSPORT_SERVICE, "Receive")
FRONTEND_SEND = Side(FRONTEND_TRANSPORT_SERVICE, "Send")
HUB_RECEIVE = Side(TRANSPORT_SERVICE, "Receive")
HUB_SEND = Side(TRANSPORT_SERVICE, "Send")
DELIVERY_RECEIVE = Side(MAILBOX_TRANSPORT_SERVICE, "Receive", "Delivery")
_SIDES = (FRONTEND_RECEIVE, FRONTEND_SEND, HUB_RECEIVE, HUB_SEND, DELIVERY_RECEIVE)


@dataclass(frozen=True, slots=True)
class Connector:
    """Whose conversation it is.

    Args:
        id: As the log names it: ``SERVER\\Name`` of a receive connector, the name of a send connector.
        verbose: Whether it logs its conversations.
    """  # noqa: D301  what it shows is one backslash

    id: str
    verbose: bool


class ProtocolLogs:
    """A server's protocol logs, as its transport services are set at the moment of each line.

    Args:
        machine: The server.
        spool: What writes.
        now: The clock.
        delay: Seconds that a line is held back at most.
    """

    def __init__(self, machine: Machine, spool: Spool, now: Callable[[], dt.datetime], delay: float) -> None:
        self._machine = machine
        self._spool = spool
        self._delay = delay
        self.now = now
        self._logs = {
            side.name: CsvLog(
                side.name,
                side.prefix,
                f"SMTP {side.direction} Protocol Log",
                version=_VERSION,
                fields=FIELDS,
                now=now,
            )
            for side in _SIDES
        }
        # Real ones grow from the moment at which the service started, in units of 100 ns.
        self._sessions = itertools.count(_TICKS_OF_1970 + int(now().timestamp() * 1e7))

    def session(self, side: Side, connector: Connector, local: str, remote: str) -> ProtocolSession:
        """Begin a conversation.

        Args:
            side: Which log it belongs to.
            connector: Which connector; unless it is verbose nothing is written.
            local: This side's endpoint, ``address:port``; empty while an outgoing connection isn't there yet.
            remote: The other side's.
        """
        number = f"{next(self._sessions):016X}"
        return ProtocolSession(self, side, connector, number=number, local=local, remote=remote)

    def write(self, side: Side, cells: dict[str, str]) -> None:
        """Write a line, unless its service has no folder for it."""
        settings = self._machine.transport(side.service).settings
        folder = settings[f"{side.direction}ProtocolLogPath"]
        if folder:
            size = limit(settings[f"{side.direction}ProtocolLogMaxFileSize"])
            row = CsvRow(PureWindowsPath(folder) / side.subfolder, cells, size)
            self._spool.put(self._logs[side.name], [row], delay=self._delay)


class ProtocolSession:
    """One conversation; `ProtocolLogs.session` makes it."""

    def __init__(
        self, logs: ProtocolLogs, side: Side, connector: Connector, *, number: str, local: str, remote: str
    ) -> None:
        self._logs = logs
        self._side = side
        self.connector = connector
        """Whose it is."""
        self.id = number
        """16 hexadecimal digits."""
        self.local = local
        """This side's endpoint; may be set once it is known."""
        self._remote = remote
        self._numbers = itertools.count()

    def line(self, mark: Mark, data: str = "", context: str = "") -> None:
        """Log a line of the conversation.

        Args:
            mark: ``+`` connected, ``-`` disconnected, ``>`` sent, ``<`` received, ``*`` information.
            data: What was said.
            context: What the server has to say about it.
        """
        if not self.connector.verbose:
            return
        cells = {
            "date-time": stamp(self._logs.now()),
            "connector-id": self.connector.id,
            "session-id": self.id,
            "sequence-number": str(next(self._numbers)),
            "local-endpoint": self.local,
            "remote-endpoint": self._remote,
            "event": mark,
            "data": data,
            "context": context,
        }
        self._logs.write(self._side, cells)
