"""The protocol log of an SMTP virtual server of Exchange 2003: a W3C log, one row for each command that was answered.

Its form is that of real logs of IIS 5 and 6: the columns' order differs from a web site's, a command's argument stands
in cs-uri-query behind a plus sign, who was greeted is the user, DATA has the message's identifier as its argument, and
QUIT has the status 240.
"""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

from harness.lab.logs.w3c import COLUMNS, W3cLog, row_of

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping

    from harness.lab.exchange2003 import Exchange2003
    from harness.lab.logs.protocol import Mark
    from harness.lab.logs.spool import Spool

_ORDER = (
    *("Date", "Time", "ClientIP", "UserName", "SiteName", "ComputerName", "ServerIP", "ServerPort", "Method"),
    *("UriStem", "UriQuery", "HttpStatus", "Win32Status", "BytesSent", "BytesRecv", "TimeTaken", "ProtocolVersion"),
    *("Host", "UserAgent", "Cookie", "Referer"),
)
_COLUMNS = {flag: COLUMNS[flag] for flag in _ORDER}
_GREETINGS = frozenset({"EHLO", "HELO"})
_MESSAGE_ID = re.compile(r"<[^>]*>")
_GO_ON = "354"
_QUIT_STATUS = "240"


class VirtualServerLog:
    """The log of one virtual server, as it is set at the moment of each command.

    Args:
        machine: The server.
        number: The virtual server's.
        spool: What writes.
        now: The clock.
        delay: Seconds that a row is held back at most.
    """

    def __init__(
        self, machine: Exchange2003, number: int, spool: Spool, now: Callable[[], dt.datetime], delay: float
    ) -> None:
        self._machine = machine
        self._number = number
        self._spool = spool
        self._delay = delay
        self.now = now
        self.name = f"SMTPSVC{number}"
        """Of its folder, and in its rows."""
        self._log = W3cLog(self.name)
        self._ids = itertools.count(1)

    def conversation(self, local: str, client: str) -> VirtualServerConversation:
        """Begin a conversation.

        Args:
            local: The server's address.
            client: The client's.
        """
        return VirtualServerConversation(self, str(next(self._ids)), local, client)

    def write(self, time: dt.datetime, values: Mapping[str, str]) -> None:
        """Write a row, unless the virtual server has no W3C log."""
        settings = self._machine.smtp_log(self._number)
        if settings is not None:
            row = row_of(
                self._machine, settings, self.name, _COLUMNS, time=time, values={"s-sitename": self.name, **values}
            )
            self._spool.put(self._log, [row], delay=self._delay)


class VirtualServerConversation:
    """One conversation; `VirtualServerLog.conversation` makes it.

    Args:
        log: The virtual server's.
        id: Its number.
        local: The server's address.
        client: The client's.
    """

    def __init__(self, log: VirtualServerLog, id: str, local: str, client: str) -> None:  # noqa: A002  the log's word
        self._log = log
        self.id = id
        self._own = {"c-ip": client, "s-ip": local, "s-port": "0", "cs-version": "SMTP"}
        self._greeted = ""
        self._asked: tuple[dt.datetime, str, str] | None = None
        self._sent = 0

    def line(self, mark: Mark, data: str = "", context: str = "") -> None:
        """Take a line of the conversation; a command and all of its reply make one row."""
        del context
        if mark == "<":
            verb, _, argument = data.partition(" ")
            self._asked, self._sent = (self._log.now(), verb, argument), 0
            if verb in _GREETINGS:
                self._greeted = argument
        elif mark == ">":
            self._sent += len(data) + len("\r\n")
            if self._asked is not None and data[3:4] != "-" and not data.startswith(_GO_ON):
                self._answered(*self._asked, data)
                self._asked = None

    def _answered(self, begun: dt.datetime, verb: str, argument: str, reply: str) -> None:
        now = self._log.now()
        query, status = f"+{argument}" if argument else "", reply[:3]
        if verb == "DATA" and (found := _MESSAGE_ID.search(reply)):
            query = f"+{found[0]}"
        elif verb == "QUIT":
            query, status = self._greeted, _QUIT_STATUS
        values = {
            "cs-username": self._greeted,
            "cs-method": verb,
            "cs-uri-query": query,
            "sc-status": status,
            "sc-win32-status": "0",
            "sc-bytes": str(self._sent),
            "cs-bytes": str(len(f"{verb} {argument}".strip()) + len("\r\n")),
            "time-taken": str(round((now - begun).total_seconds() * 1000)),
        }
        self._log.write(now, {**self._own, **values})
