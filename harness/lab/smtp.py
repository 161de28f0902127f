"""The SMTP front end of a simulated host: conversations, in Exchange's words.

Who takes a connection, and how, is decided by `harness.lab.reception`: on port 25 (`MAIL`) mail to the server's own
domains, on port 587 (`SUBMISSION`) mail to anybody from users who sign in.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any, Protocol

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from harness.lab.logs.csvlog import stamp
from harness.lab.mailflow import CLIENT_PROXY_PORT
from harness.lab.message import HUB_PORT, Envelope, Message
from harness.lab.reception import MAIL, SUBMISSION

if TYPE_CHECKING:
    import datetime as dt
    import ssl
    from collections.abc import Callable

    from aiosmtpd.smtp import Envelope as SmtpEnvelope
    from aiosmtpd.smtp import Session

    from harness.lab.logs.protocol import Mark
    from harness.lab.machine import Machine
    from harness.lab.reception import ConversationLog, Reception

_HUB_PORTS = {MAIL: HUB_PORT, SUBMISSION: CLIENT_PROXY_PORT}
_HUB_SERVICE = "MSExchangeTransport"
_CLOSE_SECONDS = 2.0
_SPLIT = 2010
# Up to 2010 and later.
_NOT_ANONYMOUS = (
    "530 5.7.1 Client was not authenticated",
    "530 5.7.57 SMTP; Client was not authenticated to send anonymous mail during MAIL FROM",
)
_BUSY = "451 4.7.0 Temporary server error. Please try again later. PRX1"

# It warns of what clients do, which the protocol logs tell, and of obsolete attributes that it uses itself.
logging.getLogger("mail.log").setLevel(logging.ERROR)

_TOO_LARGE = "552 5.3.4 Message size exceeds fixed maximum message size"
# What aiosmtpd says, and what Exchange says instead.
_REPLIES = {
    "220 Ready to start TLS": "220 2.0.0 SMTP server ready",
    "354 End data with <CR><LF>.<CR><LF>": "354 Start mail input; end with <CRLF>.<CRLF>",
    "500 Error: bad syntax": "500 5.3.3 Unrecognized command",
    "503 Error: send HELO first": "503 5.5.2 Send hello first",
    "503 Error: send EHLO first": "503 5.5.2 Send hello first",
    "503 Error: need MAIL command": "503 5.5.2 Need mail command",
    "503 Error: need RCPT command": "503 5.5.2 Need rcpt command",
    "503 Error: nested MAIL command": "503 5.5.2 Sender already specified",
    "552 Error: message size exceeds fixed maximum message size": _TOO_LARGE,
    "552 Error: Too much mail data": _TOO_LARGE,
    "535 5.7.8 Authentication credentials invalid": "535 5.7.3 Authentication unsuccessful",
    "502 EXPN not implemented": "502 5.3.3 Command not implemented",
}
_UNKNOWN = "500 Error: command "
_MASK = "<authentication response>"


class Flow(Protocol):
    """What becomes of mail."""

    @property
    def monitored(self) -> bool:
        """Whether something sends mail from a mailbox of this server to itself."""

    def accepts(self, recipient: str) -> bool:
        """Say whether an address is of a domain that this server takes mail for."""

    def accept(self, envelope: Envelope) -> Message:
        """Take a message and see it through."""

    def queued(self, message: Message) -> str:
        """Give the reply to a message that was taken."""

    def probe(self) -> object:
        """Send such mail, where the server is monitored."""


class Takes(Protocol):
    """Takes connections, or doesn't."""

    def receive(self, port: int, server: str, client: tuple[str, int]) -> Reception | None:
        """Take a connection; see `harness.lab.reception.Receiver`."""


@dataclass(frozen=True, slots=True)
class Service:
    """What all SMTP connections to a host share.

    Args:
        machine: The host.
        receiver: Who takes them.
        flow: Where accepted mail goes.
        tls: Its certificate.
        now: The clock.
    """

    machine: Machine
    receiver: Takes
    flow: Flow
    tls: ssl.SSLContext
    now: Callable[[], dt.datetime]


class SmtpServer:
    """The listeners of one host.

    Args:
        service: What their connections share.
        address: The address to listen on.
    """

    def __init__(self, service: Service, address: str) -> None:
        self._service = service
        self._address = address
        self._listeners: list[asyncio.Server] = []
        self._conversations: set[Conversation] = set()

    async def start(self) -> dict[int, int]:
        """Listen on free ports.

        Returns:
            The port for `MAIL` and the one for `SUBMISSION`.

        Raises:
            OSError: The address isn't there.
        """
        loop = asyncio.get_running_loop()
        ports = {}
        for role in (MAIL, SUBMISSION):

            def conversation(role: int = role) -> Conversation:
                return Conversation(self._service, role, self._conversations, loop)

            listener = await loop.create_server(conversation, self._address, 0)
            self._listeners.append(listener)
            ports[role] = int(listener.sockets[0].getsockname()[1])
        return ports

    async def stop(self) -> None:
        """Break all conversations and stop listening."""
        for listener in self._listeners:
            listener.close()
        ended = [conversation.ended for conversation in self._conversations]
        for conversation in self._conversations:
            conversation.abort()
        if ended:
            await asyncio.wait(ended, timeout=_CLOSE_SECONDS)


class Conversation(SMTP):
    """One client's connection."""

    def __init__(
        self, service: Service, role: int, open_ones: set[Conversation], loop: asyncio.AbstractEventLoop
    ) -> None:
        self._service = service
        self._role = role
        self._open_ones = open_ones
        self.ended: asyncio.Future[None] = loop.create_future()
        """Done once the connection is gone."""
        self.client = ""
        """The client's address."""
        self.user = ""
        """Who has signed in."""
        self._log: ConversationLog | None = None
        self._line_by_line = False
        self._banner = ""
        self._reply: list[str] = []
        self._quit = False
        self._by_signed_in_only = False
        super().__init__(
            _Answers(service),
            hostname=service.machine.fqdn,
            enable_SMTPUTF8=True,
            tls_context=service.tls,
            auth_exclude_mechanism=["PLAIN"],
            authenticator=self._sign_in,
            loop=loop,
        )

    # The connection's begin and end.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Find who takes the connection; refuse it where nobody does."""
        if self in self._open_ones:  # TLS has begun
            super().connection_made(transport)
            return
        self._open_ones.add(self)
        peer, own = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
        self.client = str(peer[0])
        taken = self._service.receiver.receive(self._role, str(own[0]), (self.client, int(peer[1])))
        if taken is None:
            super().connection_made(transport)
            self.abort()
            return
        self.hostname = taken.fqdn
        self.data_size_limit = taken.max_size
        self._banner = taken.banner
        if not taken.sign_in:
            self._auth_methods.clear()
        self._by_signed_in_only = not taken.anonymous
        if not taken.tls:
            self.tls_context = None
        self._log, self._line_by_line = taken.log, taken.line_by_line
        self._note("+")
        if not self._by_signed_in_only:
            rights = "SMTPSubmit SMTPAcceptAnySender SMTPAcceptAuthoritativeDomainSender AcceptRoutingHeaders"
            self._note("*", rights, "Set Session Permissions")
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """Log which side ended the connection."""
        self._open_ones.discard(self)
        self._end("Remote")
        if not self.ended.done():
            self.ended.set_result(None)
        super().connection_lost(error)

    def abort(self) -> None:
        """Break the connection at once."""
        transport = self._original_transport or self.transport
        if isinstance(transport, asyncio.Transport):
            transport.abort()

    # What is logged.

    def _end(self, by: str) -> None:
        self._note("-", "", by)
        self._log = None

    def _note(self, mark: Mark, data: str = "", context: str = "") -> None:
        if self._log is not None:
            self._log.line(mark, data, context)

    def _heard(self, command: str, argument: str | None) -> None:
        self._note("<", command if argument is None else f"{command} {argument}")

    async def push(self, status: str | bytes) -> None:
        """Send one line of a reply, in Exchange's words; a reply of several lines is logged as one."""
        text = status if isinstance(status, str) else status.decode("utf-8", "replace")
        if text.startswith("220 ") and text.endswith(self.__ident__):
            now = format_datetime(self._service.now())
            text = self._banner or f"220 {self.hostname} Microsoft ESMTP MAIL Service ready at {now}"
        elif text.startswith(_UNKNOWN):
            self._note("<", text.split('"')[1])
            text = "500 5.3.3 Unrecognized command"
        text = _REPLIES.get(text, text)
        self._reply.append(text)
        if text[3:4] != "-":
            self._answered()
            self._reply = []
            if self._quit:
                self._end("Local")
        await super().push(text)

    def _answered(self) -> None:
        """Log a reply."""
        first, *more = self._reply
        if first.startswith("334"):
            self._note(">", f"334 {_MASK}")
        elif self._line_by_line or not more:
            for line in self._reply:
                self._note(">", line)
        else:
            self._note(">", f"{first[:3]}  {' '.join([first[4:], *(line[4:] for line in more)])}")

    async def challenge_auth(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401  as aiosmtpd has it
        """Ask for a secret, and log that something was answered."""
        answer = await super().challenge_auth(*arguments, **options)
        self._note("<", _MASK)
        return answer

    async def smtp_HELO(self, hostname: str) -> None:  # noqa: N802  aiosmtpd finds commands by name
        """HELO."""
        self._heard("HELO", hostname)
        await super().smtp_HELO(hostname)

    async def smtp_EHLO(self, hostname: str) -> None:  # noqa: N802  the same
        """EHLO."""
        self._heard("EHLO", hostname)
        await super().smtp_EHLO(hostname)

    async def smtp_STARTTLS(self, arg: str) -> None:  # noqa: N802  the same
        """STARTTLS."""
        self._heard("STARTTLS", arg)
        await super().smtp_STARTTLS(arg)

    async def smtp_AUTH(self, arg: str) -> None:  # noqa: N802  the same
        """AUTH; what follows the mechanism's name is a secret."""
        mechanism, _, initial = (arg or "").partition(" ")
        self._heard("AUTH", f"{mechanism} {_MASK}" if initial else mechanism or None)
        await super().smtp_AUTH(arg)

    async def smtp_MAIL(self, arg: str | None) -> None:  # noqa: N802  the same
        """MAIL FROM."""
        self._heard("MAIL", arg)
        if self._by_signed_in_only and self.session is not None and not self.session.authenticated:
            await self.push(_NOT_ANONYMOUS[self._service.machine.product.year > _SPLIT])
            return
        if self._log is not None:
            self._note("*", f"{self._log.id};{stamp(self._service.now())};1", "receiving message")
        await super().smtp_MAIL(arg)

    async def smtp_RCPT(self, arg: str | None) -> None:  # noqa: N802  the same
        """RCPT TO."""
        self._heard("RCPT", arg)
        await super().smtp_RCPT(arg)

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802  the same
        """DATA."""
        self._heard("DATA", arg)
        await super().smtp_DATA(arg)

    async def smtp_RSET(self, arg: str) -> None:  # noqa: N802  the same
        """RSET."""
        self._heard("RSET", arg)
        await super().smtp_RSET(arg)

    async def smtp_NOOP(self, arg: str) -> None:  # noqa: N802  the same
        """NOOP."""
        self._heard("NOOP", arg)
        await super().smtp_NOOP(arg)

    async def smtp_HELP(self, arg: str) -> None:  # noqa: N802  the same
        """HELP."""
        self._heard("HELP", arg)
        await super().smtp_HELP(arg)

    async def smtp_VRFY(self, arg: str) -> None:  # noqa: N802  the same
        """VRFY."""
        self._heard("VRFY", arg)
        await super().smtp_VRFY(arg)

    async def smtp_EXPN(self, arg: str) -> None:  # noqa: N802  the same
        """EXPN."""
        self._heard("EXPN", arg)
        await super().smtp_EXPN(arg)

    async def smtp_QUIT(self, arg: str) -> None:  # noqa: N802  the same
        """QUIT."""
        self._heard("QUIT", arg)
        self._quit = not arg
        await super().smtp_QUIT(arg)

    # What the connector allows.

    def tls_begun(self) -> None:
        """Log what was negotiated."""
        name, version, bits = self.session.ssl["cipher"] if self.session and self.session.ssl else ("", "", 0)
        self._note("*", f"CN={self._service.machine.fqdn}", "Certificate subject")
        protocol = f"SP_PROT_{version.upper().replace('V', '').replace('.', '_')}_SERVER"
        self._note("*", "", f"TLS protocol {protocol} negotiation succeeded using {name} with strength {bits} bits")

    def queue(self) -> str:
        """Take the message that has arrived.

        Returns:
            The reply.
        """
        session, envelope = self.session, self.envelope
        parts, services = self._service.machine.parts, self._service.machine.services
        if parts.hub and not services.running(_HUB_SERVICE):
            return _BUSY
        if session is None or envelope is None or not isinstance(envelope.original_content, bytes):
            return _BUSY
        if parts.front_end:
            self._note("*", "", "Proxy destination(s) obtained from OnProxyInboundMessage event")
        message = self._service.flow.accept(
            Envelope(
                client=self.client,
                helo=str(session.host_name),
                sender="" if envelope.mail_from == "<>" else str(envelope.mail_from),
                recipients=tuple(envelope.rcpt_tos),
                content=envelope.original_content,
                port=_HUB_PORTS[self._role] if parts.front_end else self._role,
                user=self.user,
                session=self._log.id if self._log is not None else "",
            )
        )
        return self._service.flow.queued(message)

    def _sign_in(
        self, server: SMTP, session: Session, envelope: SmtpEnvelope, mechanism: str, credentials: object
    ) -> AuthResult:
        del server, session, envelope, mechanism
        if not isinstance(credentials, LoginPassword):
            return AuthResult(success=False, handled=False)
        user = credentials.login.decode("utf-8", "replace")
        if not self._service.machine.knows(user, credentials.password.decode("utf-8", "replace")):
            self._note("*", f"User Name: {user}", "Inbound authentication failed")
            return AuthResult(success=False, handled=False)
        account = user.rpartition("\\")[2].partition("@")[0]
        self.user = f"{self._service.machine.netbios_domain}\\{account}"
        self._note("*", "SMTPSubmit SMTPAcceptAnyRecipient BypassAntiSpam", "Set Session Permissions")
        self._note("*", self.user, "authenticated")
        return AuthResult(success=True)


class _Answers:
    """aiosmtpd's hooks: what is answered to each command."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def handle_STARTTLS(self, server: Conversation, session: Session, envelope: SmtpEnvelope) -> bool:  # noqa: N802  aiosmtpd's hook
        del session, envelope
        server.tls_begun()
        return True

    async def handle_HELO(  # noqa: N802  the same
        self, server: Conversation, session: Session, envelope: SmtpEnvelope, hostname: str
    ) -> str:
        del envelope
        session.host_name = hostname
        return f"250 {server.hostname} Hello [{server.client}]"

    async def handle_EHLO(  # noqa: N802  the same
        self, server: Conversation, session: Session, envelope: SmtpEnvelope, hostname: str, responses: list[str]
    ) -> list[str]:
        del envelope
        session.host_name = hostname
        offered = [line[4:] for line in responses[1:-1]]
        offered = [line for line in offered if line != "AUTH "]
        lines = [f"{server.hostname} Hello [{server.client}]", *offered, "PIPELINING", "ENHANCEDSTATUSCODES"]
        return [f"250-{line}" for line in lines[:-1]] + [f"250 {lines[-1]}"]

    async def handle_MAIL(  # noqa: N802  the same
        self, server: Conversation, session: Session, envelope: SmtpEnvelope, address: str, options: list[str]
    ) -> str:
        del server, session
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 Sender OK"

    async def handle_RCPT(  # noqa: N802  the same
        self, server: Conversation, session: Session, envelope: SmtpEnvelope, address: str, options: list[str]
    ) -> str:
        del server
        if not session.authenticated and not self._service.flow.accepts(address):
            return "550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 Recipient OK"

    async def handle_DATA(self, server: Conversation, session: Session, envelope: SmtpEnvelope) -> str:  # noqa: N802  the same
        del session, envelope
        return server.queue()

    async def handle_RSET(self, server: Conversation, session: Session, envelope: SmtpEnvelope) -> str:  # noqa: N802  the same
        del server, session, envelope
        return "250 2.0.0 Resetting"

    async def handle_NOOP(self, server: Conversation, session: Session, envelope: SmtpEnvelope, arg: str) -> str:  # noqa: N802  the same
        del server, session, envelope, arg
        return "250 2.0.0 OK"

    async def handle_QUIT(self, server: Conversation, session: Session, envelope: SmtpEnvelope) -> str:  # noqa: N802  the same
        del server, session, envelope
        return "221 2.0.0 Service closing transmission channel"
