"""Probes: traffic that harness makes itself, so that it knows exactly which events must come out in the logs.

Each carries 128 random bits, and only they identify its events. Exchange's own monitoring (health mailboxes) writes to
the same logs all the time, and none of that is ever taken for a probe.
"""

from __future__ import annotations

import http.client
import re
import secrets
import smtplib
import socket
import ssl
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import TYPE_CHECKING, Literal, Protocol

from harness.errors import ProbeError
from harness.events import Family

if TYPE_CHECKING:
    from harness.events import Event
    from harness.redaction import Secret

Kind = Literal["smtp", "owa"]
PROBED: dict[Kind, tuple[Family, ...]] = {"smtp": (Family.SMTP, Family.MSGTRK), "owa": (Family.OWA,)}
"""The families that each probe leaves events in."""

DEADLINE = 120.0
"""Seconds that a family has to show a probe: Exchange and IIS hold lines back for up to a minute."""

_GREETINGS = frozenset({"EHLO", "HELO"})
_ANY_PROBE = re.compile(r"probe-[0-9a-f]{32}\.harness\.invalid")
_TIMEOUT = 20.0
_DOMAIN = "harness.invalid"
_SAID = 200


@dataclass(frozen=True, slots=True)
class ProbeOptions:
    """How probes are sent; None where the inventory decides.

    Args:
        sender: The message's sender.
        recipient: Its recipient; the server must take mail for it.
        smtp_port: The receive connector's port.
        starttls: Whether the conversation is encrypted.
        owa_scheme: ``http`` or ``https``.
        owa_port: The web site's port.
        owa_path: What is requested.
    """

    sender: str | None = None
    recipient: str | None = None
    smtp_port: int | None = None
    starttls: bool | None = None
    owa_scheme: Literal["http", "https"] | None = None
    owa_port: int | None = None
    owa_path: str | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """A probe that is under way.

    Args:
        token: What identifies it.
        at: When it was sent, on the monotonic clock.
        moment: The same, on this machine's clock.
        refusal: What the server said when it didn't take the message; empty otherwise. The conversation is logged
            all the same.
    """

    token: str
    at: float
    moment: datetime
    refusal: str = ""


class Probe(Protocol):
    """Makes traffic and recognises its events."""

    @property
    def kind(self) -> Kind:
        """Which."""

    def send(self) -> Sent:
        """Make the traffic.

        Raises:
            ProbeError: The server doesn't answer or breaks off.
        """


def token() -> str:
    """Give a text that nobody else has."""
    return f"probe-{secrets.token_hex(16)}"


def message_id(token: str) -> str:
    """Give the Message-ID of a probe's message, brackets included."""
    return f"<{token}@{_DOMAIN}>"


def recognises(token: str, event: Event) -> bool:
    """Tell whether an event is that of a probe.

    The name that a client gives itself in ``EHLO``, the Message-ID and the query are ours alone. Of SMTP it must be the
    conversation that was held with us: the name is passed on and so comes up in other connectors' logs as well.

    Args:
        token: The probe's.
        event: Any event of a family that the probe leaves events in.
    """
    record = event.record
    if event.family is Family.MSGTRK:
        return message_id(token) in {record.get("message-id"), record.get("MSGID")}
    if event.family is Family.SMTP:
        if event.event_id not in _GREETINGS:
            return False
        return token in _said_in(event)
    return token in record.get("cs-uri-query")


def greeted_by_probe(event: Event) -> bool:
    """Tell whether an SMTP event is the greeting of any probe, an earlier one for example."""
    return event.event_id in _GREETINGS and _ANY_PROBE.search(_said_in(event)) is not None


def mentions(token: str, event: Event) -> bool:
    """Tell whether an event of a protocol log mentions a probe or its message."""
    return token in _said_in(event)


def _said_in(event: Event) -> str:
    """Give what was said in a row of a protocol log, whichever version's."""
    return f"{event.record.get('data')} {event.record.get('cs-uri-query')}"


@dataclass(frozen=True, slots=True)
class SmtpProbe:
    """A message through a receive connector.

    Args:
        host: The host's name in the inventory.
        address: Where to connect to.
        name: What the certificate must be for.
        port: The receive connector's.
        sender: Its sender.
        recipient: Its recipient.
        starttls: Whether to encrypt; the certificate is checked then.
        ca: A PEM file of the authorities to trust; empty for the system's.
        user: The account to sign in with; empty for none.
        password: Its password.
    """

    host: str
    address: str
    name: str
    port: int
    sender: str
    recipient: str
    starttls: bool = False
    ca: str = ""
    user: str = ""
    password: Secret | None = field(default=None, repr=False)

    @property
    def kind(self) -> Kind:
        """Which."""
        return "smtp"

    def send(self) -> Sent:
        """Hold the conversation.

        Raises:
            ProbeError: Nobody answers, TLS or the sign-in fails, or the server breaks off.
        """
        if self.user and not self.starttls:
            raise ProbeError(
                f"the SMTP probe won't sign in as {self.user} without encryption",
                host=self.host,
                hint="set probe_smtp_starttls=true, or leave probe_smtp_user out",
            )
        mark = token()
        sent = Sent(mark, time.monotonic(), datetime.now(UTC))
        try:
            with _Smtp(self.name, self.address, self.port, mark) as client:
                client.ehlo()
                if self.starttls:
                    client.starttls(context=_context(self.ca))
                    client.ehlo()
                if self.user and self.password is not None:
                    client.login(self.user, self.password.reveal())
                client.send_message(self._message(mark, sent.moment), self.sender, [self.recipient])
        except (smtplib.SMTPRecipientsRefused, smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as error:
            return Sent(mark, sent.at, sent.moment, refusal=_said(error))
        except smtplib.SMTPAuthenticationError as error:
            raise ProbeError(
                f"the receive connector at {self.address}:{self.port} refused {self.user}: {_said(error)}",
                host=self.host,
                hint="check probe_smtp_user and probe_smtp_password",
            ) from error
        except ssl.SSLError as error:
            raise _untrusted(self.host, f"{self.address}:{self.port}", self.name, error) from error
        except (smtplib.SMTPException, OSError) as error:
            raise ProbeError(
                f"no message could be sent through {self.address}:{self.port}: {_said(error)}",
                host=self.host,
                hint="check that the transport service runs, that the port is open from here and that the receive "
                "connector takes this machine's address; probe_smtp_port names another port",
            ) from error
        return sent

    def refused(self, sent: Sent) -> ProbeError | None:
        """Say why a message that was refused can't be tracked; None for one that was taken."""
        if not sent.refusal:
            return None
        return ProbeError(
            f"the receive connector at {self.address}:{self.port} did not take the message "
            f"from {self.sender} to {self.recipient}: {sent.refusal}",
            host=self.host,
            hint="set probe_recipient to a mailbox of this organisation, and probe_sender to a sender that it accepts",
        )

    def _message(self, mark: str, moment: datetime) -> EmailMessage:
        message = EmailMessage()
        message["From"] = self.sender
        message["To"] = self.recipient
        message["Subject"] = "harness verify"
        message["Date"] = format_datetime(moment)
        message["Message-ID"] = message_id(mark)
        message["Auto-Submitted"] = "auto-generated"
        message.set_content("harness sent this message to see it in the server's logs. It can be deleted.\n")
        return message


class _Smtp(smtplib.SMTP):
    """A client that connects to an address and checks the certificate for a name."""

    def __init__(self, name: str, address: str, port: int, greeting: str) -> None:
        self._address = address
        super().__init__(name, port, local_hostname=f"{greeting}.{_DOMAIN}", timeout=_TIMEOUT)

    def _get_socket(self, _host: str, port: int, timeout: float) -> socket.socket:
        return socket.create_connection((self._address, port), timeout)


@dataclass(frozen=True, slots=True)
class OwaProbe:
    """A request to Outlook Web Access.

    Args:
        host: The host's name in the inventory.
        address: Where to connect to.
        name: The name in the request, for which the certificate must be.
        scheme: ``http`` or ``https``; the certificate is checked.
        port: The web site's.
        path: What is requested; the query is the probe's own.
        ca: A PEM file of the authorities to trust; empty for the system's.
    """

    host: str
    address: str
    name: str
    scheme: Literal["http", "https"]
    port: int
    path: str = "/owa/"
    ca: str = ""

    @property
    def kind(self) -> Kind:
        """Which."""
        return "owa"

    def send(self) -> Sent:
        """Send the request; whatever the answer is, it is logged.

        Raises:
            ProbeError: Nobody answers, or TLS fails.
        """
        mark = token()
        sent = Sent(mark, time.monotonic(), datetime.now(UTC))
        client = _Http(self)
        try:
            client.request("GET", f"{self.path}?{mark}", headers={"Host": self.name, "User-Agent": "harness-verify"})
            client.getresponse().read(1)
        except ssl.SSLError as error:
            raise _untrusted(self.host, f"{self.address}:{self.port}", self.name, error) from error
        except (http.client.HTTPException, OSError) as error:
            raise ProbeError(
                f"{self.scheme}://{self.address}:{self.port}{self.path} doesn't answer: {_said(error)}",
                host=self.host,
                hint="check that IIS runs and that the port is open from here; "
                "probe_owa_scheme and probe_owa_port name another way",
            ) from error
        finally:
            with suppress(OSError):
                client.close()
        return sent


class _Http(http.client.HTTPConnection):
    """A client that connects to an address and checks the certificate for a name."""

    def __init__(self, probe: OwaProbe) -> None:
        super().__init__(probe.address, probe.port, timeout=_TIMEOUT)
        self._probe = probe

    def connect(self) -> None:
        """Connect, with TLS for https."""
        super().connect()
        if self._probe.scheme == "https":
            self.sock = _context(self._probe.ca).wrap_socket(self.sock, server_hostname=self._probe.name)


def _context(ca: str) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=ca or None)


def _untrusted(host: str, place: str, name: str, error: ssl.SSLError) -> ProbeError:
    reason = getattr(error, "verify_message", "") or error.reason or str(error)
    return ProbeError(
        f"TLS with {place} for {name} failed: {reason}",
        host=host,
        hint="probe_ca_trust_path names a PEM file with the authority, or the certificate itself, to trust; "
        "exchange_fqdn names the host as its certificate does",
    )


def _said(error: Exception) -> str:
    """Give what a server or the system said, on one line."""
    text: bytes | str
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, text = next(iter(error.recipients.values()))
    elif isinstance(error, smtplib.SMTPResponseException):
        code, text = error.smtp_code, error.smtp_error
    else:
        words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return " ".join((words or type(error).__name__).split())[:_SAID]
    said = text.decode("utf-8", "backslashreplace") if isinstance(text, bytes) else text
    return " ".join(f"{code} {said}".split())[:_SAID]
