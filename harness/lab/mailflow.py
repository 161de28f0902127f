"""What becomes of a message that a simulated server accepts, as the logs of its transport services show it.

The Front End Transport service proxies the conversation to the Transport service, which hands local recipients' mail to
Mailbox Transport Delivery and other mail to a send connector. The two ends of each conversation are logged by the
services that they belong to, if their connectors are verbose. Nothing leaves the machine: the conversation with the
outside world is made up, and its address is one that is reserved for documentation.
"""

from __future__ import annotations

import itertools
import uuid
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.utils import format_datetime, parseaddr
from typing import TYPE_CHECKING

from harness.lab.logs.csvlog import stamp
from harness.lab.logs.protocol import (
    DELIVERY_RECEIVE,
    FRONTEND_SEND,
    HUB_RECEIVE,
    HUB_SEND,
    Connector,
    ProtocolLogs,
    ProtocolSession,
)
from harness.lab.logs.tracking import DELIVERY, SUBMISSION, TRANSPORT, Tracking, TrackingEvent
from harness.lab.state.transport import FRONTEND_TRANSPORT_SERVICE, MAILBOX_TRANSPORT_SERVICE, TRANSPORT_SERVICE

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Sequence

    from harness.lab.machine import Machine
    from harness.lab.state.directory import Entry
    from harness.lab.state.transport import Service

LAB_DOMAIN = "lab.example"
"""A domain whose mail every simulated server accepts, beside its own."""

HUB_PORT = 2525
CLIENT_PROXY_PORT = 465
_DELIVERY_PORT = 475
_OUTSIDE = "203.0.113.25"
_INBOUND_PROXY = "Inbound Proxy Internal Send Connector"
_INTRA_ORGANISATION = "Intra-Organization SMTP Send Connector"


@dataclass(frozen=True, slots=True)
class Envelope:
    """A message as the front end took it.

    Args:
        client: The address of who sent it.
        helo: What they call themselves.
        sender: ``MAIL FROM``; empty for the null sender.
        recipients: ``RCPT TO``.
        content: Headers and body.
        port: The hub transport port that it is proxied to.
        user: Who had signed in; empty for nobody.
    """

    client: str
    helo: str
    sender: str
    recipients: tuple[str, ...]
    content: bytes
    port: int = HUB_PORT
    user: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """A message in the server's queue.

    Args:
        envelope: How it came.
        number: ``internal-message-id``: the server's own number for it.
        message_id: Its ``Message-ID``, in angle brackets.
        network_id: The organisation's identifier for it.
        subject: Decoded.
        author: The address of ``From``.
    """

    envelope: Envelope
    number: int
    message_id: str
    network_id: str
    subject: str
    author: str


class MailFlow:
    """A server's transport services.

    Args:
        machine: The server.
        address: Its IP address.
        protocol: Its protocol logs.
        tracking: Its message tracking.
        now: The clock.
    """

    def __init__(
        self,
        machine: Machine,
        address: str,
        protocol: ProtocolLogs,
        tracking: Tracking,
        now: Callable[[], dt.datetime],
    ) -> None:
        self._machine = machine
        self._address = address
        self._protocol = protocol
        self._tracking = tracking
        self._now = now
        self._numbers = itertools.count(int(now().timestamp()) * 10_000)
        self._ports = itertools.count(20_000)

    def accepts(self, recipient: str) -> bool:
        """Say whether an address is of a domain that this server takes mail for."""
        domain = _domain(recipient)
        return domain in {self._machine.spec.domain, self._machine.forest.domain.lower(), LAB_DOMAIN}

    def accept(self, envelope: Envelope) -> Message:
        """Take a message and see it through."""
        message = self._message(envelope)
        self._proxy(message)
        local = tuple(address for address in envelope.recipients if self.accepts(address))
        if local:
            self._deliver(message, local)
        outside = [address for address in envelope.recipients if address not in local]
        for domain in dict.fromkeys(map(_domain, outside)):
            self._send(message, domain, tuple(address for address in outside if _domain(address) == domain))
        return message

    def probe(self) -> Message:
        """Have the server's health manager send a message from a mailbox of its own to another, as it always does."""
        mailbox = f"HealthMailbox{uuid.uuid5(uuid.NAMESPACE_DNS, self._machine.fqdn).hex}@{self._machine.spec.domain}"
        text = f"From: <{mailbox}>\r\nTo: <{mailbox}>\r\nSubject: {uuid.uuid4()}-MAPI\r\n\r\n"
        message = self._message(Envelope(self._address, self._machine.fqdn, mailbox, (mailbox,), text.encode()))
        for event in ("NOTIFYMAPI", "SUBMIT"):
            self._track(SUBMISSION, message, (mailbox,), {"source": "STOREDRIVER", "event-id": event})
        self._received(message, self._hub_connector(HUB_PORT).id, "")
        self._deliver(message, (mailbox,))
        return message

    def _message(self, envelope: Envelope) -> Message:
        headers = message_from_bytes(envelope.content, policy=policy.default)
        network_id = str(uuid.uuid4())
        return Message(
            envelope,
            next(self._numbers),
            str(headers.get("Message-ID", "")).strip() or f"<{network_id.replace('-', '')}@{self._machine.fqdn}>",
            network_id,
            str(headers.get("Subject", "")),
            parseaddr(str(headers.get("From", "")))[1] or envelope.sender,
        )

    def _endpoint(self, port: int = 0) -> str:
        return f"{self._address}:{port or next(self._ports)}"

    def _proxy(self, message: Message) -> None:
        """Hand the message from the front end to the hub."""
        envelope = message.envelope
        here, there = self._endpoint(), self._endpoint(envelope.port)
        inbound = Connector(_INBOUND_PROXY, self._verbose(FRONTEND_TRANSPORT_SERVICE, "IntraOrgConnector"))
        hub = self._hub_connector(envelope.port)
        client = self._protocol.session(FRONTEND_SEND, inbound, "", there)
        server = self._protocol.session(HUB_RECEIVE, hub, there, here)
        origin = f"IP={envelope.client} DOMAIN={envelope.helo} SEQNUM=1"
        source = "AUTHSRC=User" if envelope.user else "AUTHSRC=Anonymous"
        _connect(client, server, here)
        self._greet(client, server)
        _say(client, server, f"XPROXYFROM SID={client.id} {origin} {source}", "250 XProxyFrom accepted")
        self._transfer(client, server, message, envelope.recipients)
        self._received(message, hub.id, f"{server.id};{stamp(self._now())};0")

    def _received(self, message: Message, connector: str, context: str) -> None:
        """Track a message's arrival in the hub."""
        envelope = message.envelope
        cells = {
            "client-ip": self._address,
            "client-hostname": self._machine.fqdn,
            "server-ip": self._address,
            "source-context": context,
            "connector-id": connector,
            "source": "SMTP",
            "event-id": "RECEIVE",
            "message-info": "04I: " if envelope.user else "0cA: ",
            "original-client-ip": envelope.client,
            "original-server-ip": self._address,
            "custom-data": (
                f"S:ProxyHop1={self._machine.fqdn}({self._address});S:ProxiedClientIPAddress={envelope.client};"
                f"S:ProxiedClientHostname={envelope.helo};S:FirstForestHop={self._machine.fqdn};"
                "S:DeliveryPriority=Normal"
            ),
        }
        self._track(TRANSPORT, message, envelope.recipients, cells)
        agents = {
            "source": "AGENT",
            "event-id": "AGENTINFO",
            "custom-data": "S:CompCost=|ETR=0;S:DeliveryPriority=Normal",
        }
        self._track(TRANSPORT, message, envelope.recipients, agents)

    def _deliver(self, message: Message, recipients: tuple[str, ...]) -> None:
        """Hand the message from the hub to local mailboxes."""
        name = self._machine.name
        here, there = self._endpoint(), self._endpoint(_DELIVERY_PORT)
        sending = Connector(_INTRA_ORGANISATION, self._verbose(TRANSPORT_SERVICE, "IntraOrgConnector"))
        receiving = Connector(
            f"{name}\\Default Mailbox Delivery {name}",
            self._verbose(MAILBOX_TRANSPORT_SERVICE, "MailboxDeliveryConnector"),
        )
        client = self._protocol.session(HUB_SEND, sending, "", there)
        server = self._protocol.session(DELIVERY_RECEIVE, receiving, there, here)
        _connect(client, server, here)
        self._greet(client, server)
        self._transfer(client, server, message, recipients)
        sent = {"event-id": "SEND", "server-ip": self._address, "server-hostname": name}
        self._track_sent(message, recipients, client, sent)
        delivered = {
            "client-ip": self._address,
            "client-hostname": self._machine.fqdn,
            "source-context": f"{server.id};{stamp(self._now())};ClientSubmitTime:",
            "source": "STOREDRIVER",
            "event-id": "DELIVER",
            "custom-data": "S:DeliveryPriority=Normal",
        }
        self._track(DELIVERY, message, recipients, delivered)

    def _send(self, message: Message, domain: str, recipients: tuple[str, ...]) -> None:
        """Send the message out of the organisation, or fail for want of a way."""
        connector = self._route(domain)
        if connector is None:
            status = f"550 5.4.4 ROUTING.NoConnectorForAddressType; unable to route for address type SMTP, {domain}"
            failed = {"source": "ROUTING", "event-id": "FAIL", "recipient-status": ";".join(status for _ in recipients)}
            self._track(TRANSPORT, message, recipients, failed)
            return
        settings = connector.settings
        host = (settings["SmartHosts"] or [f"mail.{domain}"])[0].strip("[]")
        verbose = settings["ProtocolLoggingLevel"] == "Verbose"
        there = f"{_OUTSIDE}:{settings['Port']}"
        client = self._protocol.session(HUB_SEND, Connector(connector.name, verbose), "", there)
        _connect(client, None, self._endpoint())
        name = settings["Fqdn"] or self._machine.fqdn
        _said(client, None, f"220 {host} ESMTP")
        _say(client, None, f"EHLO {name}", f"250  {host} SIZE 37748736 PIPELINING 8BITMIME")
        self._transfer(client, None, message, recipients)
        sent = {"event-id": "SENDEXTERNAL", "server-ip": _OUTSIDE, "server-hostname": host}
        self._track_sent(message, recipients, client, sent)

    def _route(self, domain: str) -> Entry | None:
        """Find the send connector for a domain: the closest address space, then the lowest cost."""
        best: tuple[tuple[int, int], Entry] | None = None
        for connector in self._machine.organisation.send_connectors():
            settings = connector.settings
            if not settings["Enabled"] or self._machine.name not in settings["SourceTransportServers"]:
                continue
            for space in settings["AddressSpaces"]:
                pattern, _, cost = space.rpartition(":")[2].partition(";")
                closeness = _closeness(pattern.lower(), domain)
                if closeness is not None and (best is None or (-closeness, int(cost or 1)) < best[0]):
                    best = (-closeness, int(cost or 1)), connector
        return best[1] if best else None

    def _greet(self, client: ProtocolSession, server: ProtocolSession) -> None:
        fqdn = self._machine.fqdn
        server.line("*", "SMTPSubmit SMTPAcceptAnyRecipient SMTPAcceptAnySender", "Set Session Permissions")
        _said(client, server, f"220 {fqdn} Microsoft ESMTP MAIL Service ready at {format_datetime(self._now())}")
        features = "SIZE PIPELINING DSN ENHANCEDSTATUSCODES 8BITMIME BINARYMIME CHUNKING"
        _say(client, server, f"EHLO {fqdn}", f"250  {fqdn} Hello [{self._address}] {features}")

    def _transfer(
        self, client: ProtocolSession, server: ProtocolSession | None, message: Message, recipients: Sequence[str]
    ) -> None:
        """Log a message's transfer and the end of the conversation."""
        content = message.envelope.content
        if server is not None:
            server.line("*", f"{server.id};{stamp(self._now())};1", "receiving message")
        client.line(
            "*", "", f"sending message with RecordId {message.number} and InternetMessageId {message.message_id}"
        )
        _say(client, server, f"MAIL FROM:<{message.envelope.sender}> SIZE={len(content)}", "250 2.1.0 Sender OK")
        for recipient in recipients:
            _say(client, server, f"RCPT TO:<{recipient}>", "250 2.1.5 Recipient OK")
        accepted = "250 2.0.0 OK" if server is None else self.queued(message)
        if server is None:
            _say(client, server, "DATA", "354 End data with <CR><LF>.<CR><LF>")
            _said(client, server, accepted)
        else:
            _say(client, server, f"BDAT {len(content)} LAST", accepted)
        _say(client, server, "QUIT", "221 2.0.0 Service closing transmission channel")
        client.line("-", "", "Local")
        if server is not None:
            server.line("-", "", "Local")

    def queued(self, message: Message) -> str:
        """Give the reply to a message that was taken."""
        where = f"[InternalId={message.number}, Hostname={self._machine.fqdn}]"
        return f"250 2.6.0 {message.message_id} {where} Queued mail for delivery"

    def _track_sent(
        self, message: Message, recipients: tuple[str, ...], session: ProtocolSession, sent: dict[str, str]
    ) -> None:
        """Track that a message was handed on in a conversation; ``sent`` says to which server."""
        cells = {
            "client-ip": self._address,
            "client-hostname": self._machine.name,
            "source-context": f"{session.id};250 2.0.0 OK;ClientSubmitTime:",
            "connector-id": session.connector.id,
            "source": "SMTP",
            "recipient-status": ";".join("250 2.1.5 Recipient OK" for _ in recipients),
            "message-info": stamp(self._now()),
            "custom-data": "S:DeliveryPriority=Normal",
        }
        self._track(TRANSPORT, message, recipients, {**cells, **sent})

    def _track(self, service: str, message: Message, recipients: tuple[str, ...], cells: dict[str, str]) -> None:
        time = self._now()
        common = {
            "server-hostname": self._machine.name,
            "internal-message-id": str(message.number),
            "message-id": message.message_id,
            "network-message-id": message.network_id,
            "recipient-address": ";".join(recipients),
            "total-bytes": str(len(message.envelope.content)),
            "recipient-count": str(len(recipients)),
            "message-subject": message.subject,
            "sender-address": message.author or "<>",
            "return-path": message.envelope.sender or "<>",
            "directionality": "Originating" if message.envelope.user or service == SUBMISSION else "Incoming",
            "transport-traffic-type": "Email",
            "log-id": str(uuid.uuid4()),
        }
        self._tracking.track(TrackingEvent(service, time, {**common, **cells}))

    def _hub_connector(self, port: int) -> Connector:
        """Give the transport service's receive connector of a port; its stock name where an admin removed it."""
        for entry in self._machine.receive_connectors:
            settings = entry.settings
            if settings["TransportRole"] == "HubTransport" and port in bound_ports(settings["Bindings"]):
                return Connector(entry.identity, settings["ProtocolLoggingLevel"] == "Verbose")
        return Connector(f"{self._machine.name}\\Default {self._machine.name}", verbose=False)

    def _verbose(self, service: Service, connector: str) -> bool:
        """Say whether one of the implicit connectors, which only a service's own settings show, logs."""
        return bool(self._machine.transport(service).settings[f"{connector}ProtocolLoggingLevel"] == "Verbose")


def bound_ports(bindings: Sequence[str]) -> set[int]:
    """Give the ports of a receive connector's bindings."""
    return {int(binding.rpartition(":")[2]) for binding in bindings}


def _connect(client: ProtocolSession, server: ProtocolSession | None, here: str) -> None:
    client.line("*", "", "attempting to connect")
    client.local = here
    client.line("+")
    if server is not None:
        server.line("+")


def _say(client: ProtocolSession, server: ProtocolSession | None, command: str, reply: str) -> None:
    client.line(">", command)
    if server is not None:
        server.line("<", command)
    _said(client, server, reply)


def _said(client: ProtocolSession, server: ProtocolSession | None, reply: str) -> None:
    if server is not None:
        server.line(">", reply)
    client.line("<", reply)


def _domain(address: str) -> str:
    return address.rpartition("@")[2].lower()


def _closeness(pattern: str, domain: str) -> int | None:
    """Say how closely an address space describes a domain; ``None`` for not at all."""
    if pattern == "*":
        return 0
    if pattern.startswith("*."):
        return len(pattern) if domain.endswith(pattern[1:]) else None
    return len(pattern) + 1 if pattern == domain else None
