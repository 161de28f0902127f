"""What becomes of a message that a simulated server accepts, as the logs of its transport services show it.

The Front End Transport service proxies the conversation to the Transport service, which hands local recipients' mail to
Mailbox Transport Delivery and other mail to a send connector. The two ends of each conversation are logged by the
services that they belong to, if their connectors are verbose. Up to 2010, and on Edge servers, there is one transport
service only: it takes the mail itself, and a Hub Transport server puts it into mailboxes itself. Nothing leaves the
machine: the conversation with the outside world is made up, and its address is one that is reserved for documentation.
"""

from __future__ import annotations

import itertools
import uuid
from email.utils import format_datetime
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
from harness.lab.logs.tracking import DELIVERY, MAILBOX, SUBMISSION, TRANSPORT, Tracking, TrackingEvent
from harness.lab.message import HUB_PORT, Envelope, Message, accepts, domain_of, message_of
from harness.lab.state.transport import FRONTEND_TRANSPORT_SERVICE, MAILBOX_TRANSPORT_SERVICE, TRANSPORT_SERVICE

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Sequence

    from harness.lab.machine import Machine
    from harness.lab.state.directory import Entry
    from harness.lab.state.transport import Service

CLIENT_PROXY_PORT = 465
_DELIVERY_PORT = 475
_SPLIT = 2010
_TRANSPORT = "MSExchangeTransport"
_SUBMISSION_SERVICE = "MSExchangeMailSubmission"
_OF_THE_SITE = "--"
"""In the connectors that EdgeSync makes: the organisation's own domains, and its own servers."""
_OUTSIDE = "203.0.113.25"
_INBOUND_PROXY = "Inbound Proxy Internal Send Connector"
_INTRA_ORGANISATION = "Intra-Organization SMTP Send Connector"


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
        return accepts(self._machine, recipient)

    def accept(self, envelope: Envelope) -> Message:
        """Take a message and see it through."""
        message = self._message(envelope)
        parts = self._machine.parts
        if parts.front_end:
            self._proxy(message)
        else:
            context = f"{envelope.session};{stamp(self._now())};0"
            self._received(message, self._hub_connector(envelope.port).id, context)
        if not parts.hub and not parts.edge:
            return message  # what becomes of it is another server's business
        local = tuple(address for address in envelope.recipients if self.accepts(address))
        if local:
            self._deliver(message, local)
        outside = [address for address in envelope.recipients if address not in local]
        for domain in dict.fromkeys(map(domain_of, outside)):
            self._send(message, domain, tuple(address for address in outside if domain_of(address) == domain))
        return message

    @property
    def monitored(self) -> bool:
        """Whether something sends mail from a mailbox of this server to itself: monitoring does, all the time."""
        running = self._machine.services.running
        if self._machine.product.year <= _SPLIT:
            return self._machine.parts.mailbox and running(_SUBMISSION_SERVICE) and self._hub() is not None
        return MAILBOX_TRANSPORT_SERVICE.key in self._machine.transport_services and running(_TRANSPORT)

    def probe(self) -> Message:
        """Have a mailbox of the server's own send a message to itself, as monitoring does.

        From 2013 on it is the health manager that does so; before, ``Test-Mailflow``, from the system mailbox.
        """
        machine = self._machine
        number = uuid.uuid5(uuid.NAMESPACE_DNS, machine.fqdn)
        old = machine.product.year <= _SPLIT
        mailbox = f"{f'SystemMailbox{{{number}}}' if old else f'HealthMailbox{number.hex}'}@{machine.spec.domain}"
        subject = f"{uuid.uuid4()}-MAPI"
        text = f"From: <{mailbox}>\r\nTo: <{mailbox}>\r\nSubject: {subject}\r\n\r\n"
        message = self._message(Envelope(self._address, machine.fqdn, mailbox, (mailbox,), text.encode()))
        if old:
            self._submit(message)
            return message
        for event in ("NOTIFYMAPI", "SUBMIT"):
            self._track(SUBMISSION, message, (mailbox,), {"source": "STOREDRIVER", "event-id": event})
        self._received(message, self._hub_connector(HUB_PORT).id, "")
        self._deliver(message, (mailbox,))
        return message

    def _hub(self) -> Machine | None:
        """Give the Hub Transport server that this server's mail submission service hands mail to."""
        if self._machine.parts.hub:
            return self._machine
        others = self._machine.organisation.computers.values()
        return next((other for other in others if other.parts.hub and other.product.year <= _SPLIT), None)

    def _submit(self, message: Message) -> None:
        """Track what a mailbox of this server has sent: the mailbox server tells a hub to fetch it.

        What becomes of it there is that server's business, unless it is this one.
        """
        machine, hub = self._machine, self._hub()
        number = uuid.uuid5(uuid.NAMESPACE_DNS, f"mdb.{machine.fqdn}")
        submitted = {
            "client-ip": self._address,
            "client-hostname": machine.name,
            "server-ip": "",
            "server-hostname": hub.name if hub else "",
            "source-context": f"MDB:{number}, Mailbox:{number}, Event:{message.number}, MessageClass:IPM.Note",
            "source": "STOREDRIVER",
            "event-id": "SUBMIT",
            # The mailbox server knows neither of these yet.
            **dict.fromkeys(("internal-message-id", "recipient-address", "total-bytes", "recipient-count"), ""),
            "return-path": "",
            "message-info": f"{stamp(self._now())};LSRV={machine.fqdn}:TOTAL=0",
            "directionality": "",
        }
        self._track(MAILBOX, message, message.envelope.recipients, submitted)
        if hub is machine:
            self._received(message, "", "", "STOREDRIVER")
            self._deliver(message, message.envelope.recipients)

    def _message(self, envelope: Envelope) -> Message:
        return message_of(envelope, next(self._numbers), self._machine)

    def _endpoint(self, port: int = 0) -> str:
        return f"{self._address}:{port or next(self._ports)}"

    def _proxy(self, message: Message) -> None:
        """Hand the message from the front end to the hub."""
        envelope = message.envelope
        here, there = self._endpoint(), self._endpoint(envelope.port)
        inbound = Connector(_INBOUND_PROXY, self._verbose(FRONTEND_TRANSPORT_SERVICE, "IntraOrgConnector"))
        hub = self._hub_connector(envelope.port)
        client = self._protocol.session(FRONTEND_SEND, inbound, "", there)
        # Where only the front end is installed, the hub and its logs are on another server.
        here_too = self._machine.parts.hub
        server = self._protocol.session(HUB_RECEIVE, hub, there, here) if here_too else None
        origin = f"IP={envelope.client} DOMAIN={envelope.helo} SEQNUM=1"
        source = "AUTHSRC=User" if envelope.user else "AUTHSRC=Anonymous"
        _connect(client, server, here)
        self._greet(client, server)
        _say(client, server, f"XPROXYFROM SID={client.id} {origin} {source}", "250 XProxyFrom accepted")
        self._transfer(client, server, message, envelope.recipients)
        if server is not None:
            self._received(message, hub.id, f"{server.id};{stamp(self._now())};0")

    def _received(self, message: Message, connector: str, context: str, source: str = "SMTP") -> None:
        """Track a message's arrival in the hub, from a connector or from a mailbox."""
        envelope = message.envelope
        proxied = self._machine.parts.front_end
        hops = (
            f"S:ProxyHop1={self._machine.fqdn}({self._address});S:ProxiedClientIPAddress={envelope.client};"
            f"S:ProxiedClientHostname={envelope.helo};"
        )
        cells = {
            "client-ip": self._address if proxied else envelope.client,
            "client-hostname": self._machine.fqdn if proxied else envelope.helo,
            "server-ip": self._address,
            "source-context": context,
            "connector-id": connector,
            "source": source,
            "event-id": "RECEIVE",
            "message-info": "04I: " if envelope.user else "0cA: ",
            "original-client-ip": envelope.client,
            "original-server-ip": self._address,
            "custom-data": (
                f"{hops if proxied else ''}S:FirstForestHop={self._machine.fqdn};S:DeliveryPriority=Normal"
            ),
        }
        self._track(TRANSPORT, message, envelope.recipients, cells)
        if self._machine.product.year <= _SPLIT:
            return  # agents leave no traces of their own yet
        agents = {
            "source": "AGENT",
            "event-id": "AGENTINFO",
            "custom-data": "S:CompCost=|ETR=0;S:DeliveryPriority=Normal",
        }
        self._track(TRANSPORT, message, envelope.recipients, agents)

    def _deliver(self, message: Message, recipients: tuple[str, ...]) -> None:
        """Hand the message from the hub to local mailboxes, or from an Edge server to the organisation."""
        if self._machine.parts.edge:
            for domain in dict.fromkeys(map(domain_of, recipients)):
                self._send(message, domain, tuple(each for each in recipients if domain_of(each) == domain))
        elif self._machine.product.year <= _SPLIT:
            self._store(TRANSPORT, message, recipients, "")
        else:
            self._hand_over(message, recipients)

    def _hand_over(self, message: Message, recipients: tuple[str, ...]) -> None:
        """Hand the message from the hub to Mailbox Transport Delivery, which puts it into the mailboxes."""
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
        self._store(DELIVERY, message, recipients, f"{server.id};{stamp(self._now())};ClientSubmitTime:")

    def _store(self, service: str, message: Message, recipients: tuple[str, ...], context: str) -> None:
        """Track that a service put the message into mailboxes."""
        delivered = {
            "client-ip": self._address,
            "client-hostname": self._machine.fqdn,
            "source-context": context,
            "source": "STOREDRIVER",
            "event-id": "DELIVER",
            "custom-data": "S:DeliveryPriority=Normal",
        }
        self._track(service, message, recipients, delivered)

    def _send(self, message: Message, domain: str, recipients: tuple[str, ...]) -> None:
        """Send the message out of the organisation, or fail for want of a way."""
        connector = self._route(domain)
        if connector is None:
            status = f"550 5.4.4 ROUTING.NoConnectorForAddressType; unable to route for address type SMTP, {domain}"
            failed = {"source": "ROUTING", "event-id": "FAIL", "recipient-status": ";".join(status for _ in recipients)}
            self._track(TRANSPORT, message, recipients, failed)
            return
        settings = connector.settings
        hosts = [host for host in settings["SmartHosts"] if host != _OF_THE_SITE]
        host = (hosts or [f"mail.{domain}"])[0].strip("[]")
        verbose = settings["ProtocolLoggingLevel"] == "Verbose"
        there = f"{_OUTSIDE}:{settings['Port']}"
        client = self._protocol.session(HUB_SEND, Connector(connector.name, verbose), "", there)
        _connect(client, None, self._endpoint())
        name = settings["Fqdn"] or self._machine.fqdn
        _said(client, None, f"220 {host} ESMTP")
        if self._protocol.line_by_line:
            _say(client, None, f"EHLO {name}", f"250-{host}")
            _said(client, None, "250-SIZE 37748736")
            _said(client, None, "250 PIPELINING")
        else:
            _say(client, None, f"EHLO {name}", f"250  {host} SIZE 37748736 PIPELINING 8BITMIME")
        self._transfer(client, None, message, recipients)
        event = "SEND" if self._machine.product.year <= _SPLIT or self.accepts(f"@{domain}") else "SENDEXTERNAL"
        sent = {"event-id": event, "server-ip": _OUTSIDE, "server-hostname": host}
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
                own = pattern == _OF_THE_SITE and self.accepts(f"@{domain}")
                closeness = len(domain) + 1 if own else _closeness(pattern.lower(), domain)
                if closeness is not None and (best is None or (-closeness, int(cost or 1)) < best[0]):
                    best = (-closeness, int(cost or 1)), connector
        return best[1] if best else None

    def _greet(self, client: ProtocolSession, server: ProtocolSession | None) -> None:
        fqdn = self._machine.fqdn
        if server is not None:
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
            if settings.get("TransportRole", "HubTransport") == "HubTransport" and port in bound_ports(
                settings["Bindings"]
            ):
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


def _closeness(pattern: str, domain: str) -> int | None:
    """Say how closely an address space describes a domain; ``None`` for not at all."""
    if pattern == "*":
        return 0
    if pattern.startswith("*."):
        return len(pattern) if domain.endswith(pattern[1:]) else None
    return len(pattern) + 1 if pattern == domain else None
