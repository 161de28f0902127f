"""Who takes an SMTP connection: a receive connector, or the SMTP virtual server of Exchange 2003, as it is set now."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from harness.lab.logs.protocol import FRONTEND_RECEIVE, HUB_RECEIVE, Connector
from harness.lab.mailflow import bound_ports

if TYPE_CHECKING:
    from harness.lab.exchange2003 import Exchange2003
    from harness.lab.logs.protocol import Mark, ProtocolLogs
    from harness.lab.logs.smtpsvc import VirtualServerLog
    from harness.lab.machine import Machine
    from harness.lab.state.directory import Entry

MAIL = 25
SUBMISSION = 587
_SERVICE = "MSExchangeFrontEndTransport"
_HUB_SERVICE = "MSExchangeTransport"
_VIRTUAL_SERVER_SERVICE = "SMTPSVC"
_MAX_SIZE_2003 = 10 * 1024**2


class ConversationLog(Protocol):
    """Where a conversation is logged."""

    id: str

    def line(self, mark: Mark, data: str = "", context: str = "") -> None:
        """Take a line; see `harness.lab.logs.protocol.ProtocolSession`."""


@dataclass(frozen=True, slots=True)
class Reception:
    """How a connection is taken.

    Args:
        log: Where the conversation is logged.
        fqdn: The name that the server greets with.
        banner: All of the greeting; empty for the usual one.
        max_size: Bytes of the largest message.
        anonymous: Whether one may send without signing in.
        sign_in: Whether one may sign in.
        tls: Whether the conversation may be encrypted.
        line_by_line: Whether each line of a reply is logged by itself; else they are joined in one.
    """

    log: ConversationLog
    fqdn: str
    banner: str
    max_size: int
    anonymous: bool
    sign_in: bool
    tls: bool
    line_by_line: bool


@dataclass(frozen=True, slots=True)
class Receiver:
    """The receive connectors of a server.

    Args:
        machine: The server.
        protocol: Its protocol logs.
    """

    machine: Machine
    protocol: ProtocolLogs

    def receive(self, port: int, server: str, client: tuple[str, int]) -> Reception | None:
        """Take a connection; ``None`` where nobody does.

        Args:
            port: `MAIL` or `SUBMISSION`.
            server: The server's address.
            client: The client's address and port.
        """
        connector = find_connector(self.machine, port, client[0])
        if connector is None:
            return None
        settings = connector.settings
        mechanisms, groups = _words(settings["AuthMechanism"]), _words(settings["PermissionGroups"])
        source = Connector(connector.identity, settings["ProtocolLoggingLevel"] == "Verbose")
        side = FRONTEND_RECEIVE if self.machine.parts.front_end else HUB_RECEIVE
        return Reception(
            # The port that the listener plays, not the free one that it was given.
            log=self.protocol.session(side, source, f"{server}:{port}", f"{client[0]}:{client[1]}"),
            fqdn=settings["Fqdn"] or self.machine.fqdn,
            banner=settings["Banner"],
            max_size=settings["MaxMessageSize"],
            anonymous="AnonymousUsers" in groups,
            sign_in=bool(mechanisms & {"BasicAuth", "BasicAuthRequireTLS"}) and "ExchangeUsers" in groups,
            tls="Tls" in mechanisms,
            line_by_line=self.protocol.line_by_line,
        )


@dataclass(frozen=True, slots=True)
class Receiver2003:
    """The Default SMTP Virtual Server: it listens on port 25, takes mail from anybody and has no certificate.

    Args:
        machine: The server.
        log: Its log.
    """

    machine: Exchange2003
    log: VirtualServerLog

    def receive(self, port: int, server: str, client: tuple[str, int]) -> Reception | None:
        """Take a connection; see `Receiver.receive`."""
        if port != MAIL or not self.machine.services.running(_VIRTUAL_SERVER_SERVICE):
            return None
        return Reception(
            log=self.log.conversation(server, client[0]),
            fqdn=self.machine.fqdn,
            banner="",
            max_size=_MAX_SIZE_2003,
            anonymous=True,
            sign_in=False,
            tls=False,
            line_by_line=True,
        )


def find_connector(machine: Machine, port: int, client: str) -> Entry | None:
    """Find the receive connector that takes a connection: the one with the narrowest range that holds the client.

    Args:
        machine: The host.
        port: `MAIL` or `SUBMISSION`.
        client: The client's address.

    Returns:
        The connector; ``None`` where none is for it, or the service doesn't run.
    """
    front_end = machine.parts.front_end
    if not machine.services.running(_SERVICE if front_end else _HUB_SERVICE):
        return None
    wanted = "FrontendTransport" if front_end else "HubTransport"
    best: tuple[int, Entry] | None = None
    for connector in machine.receive_connectors:
        settings = connector.settings
        # Up to 2010 a connector has no such property: there is one service only.
        of_service = settings.get("TransportRole", wanted) == wanted
        if not of_service or not settings["Enabled"] or port not in bound_ports(settings["Bindings"]):
            continue
        widths = [width for text in settings["RemoteIPRanges"] if (width := _width(text, client)) is not None]
        if widths and (best is None or min(widths) < best[0]):
            best = min(widths), connector
    return best[1] if best else None


def _width(text: str, client: str) -> int | None:
    """Say how many addresses a range has (``a``, ``a-b`` or ``a/bits``); ``None`` where it doesn't hold the client."""
    address = ipaddress.ip_address(client)
    if "/" in text:
        network = ipaddress.ip_network(text, strict=False)
        first, last = network[0], network[-1]
    else:
        low, _, high = text.partition("-")
        first, last = ipaddress.ip_address(low), ipaddress.ip_address(high or low)
    if address.version != first.version or not int(first) <= int(address) <= int(last):
        return None
    return int(last) - int(first) + 1


def _words(value: object) -> set[str]:
    return {word.strip() for word in str(value).split(",")}
