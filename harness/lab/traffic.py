"""Makes traffic on a simulated host, as its users and the outside world would."""

from __future__ import annotations

import http.client
import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from harness.lab.host import utc_now
from harness.lab.message import LAB_DOMAIN

if TYPE_CHECKING:
    from harness.lab.client import LabHost

_SECONDS = 10.0
_OUTSIDE = "example.net"
_AGENT = "Mozilla/5.0 (lab)"
_STATUS_FOUND = 302


@dataclass(frozen=True, slots=True)
class Traffic:
    """What was done.

    Args:
        received: Message-IDs of mail from outside.
        sent: Message-IDs of a user's mail to the outside.
        requests: How many requests the web site answered.
    """

    received: tuple[str, ...] = ()
    sent: tuple[str, ...] = ()
    requests: int = 0


def send(host: LabHost, count: int) -> Traffic:
    """Send messages in both directions and use Outlook Web App.

    Args:
        host: Where to.
        count: How many messages come in, how many go out, and how often OWA is opened.

    Raises:
        OSError: The host doesn't answer, or breaks off; smtplib's errors are of this class.
    """
    return Traffic(_receive(host, count), _submit(host, count), _browse(host, count))


def _receive(host: LabHost, count: int) -> tuple[str, ...]:
    with smtplib.SMTP(host.address, host.smtp_port, f"mail.{_OUTSIDE}", timeout=_SECONDS) as client:
        return tuple(_message(client, f"ann@{_OUTSIDE}", f"bob@{LAB_DOMAIN}", number) for number in range(1, count + 1))


def _submit(host: LabHost, count: int) -> tuple[str, ...]:
    with smtplib.SMTP(host.address, host.submission_port, f"client.{LAB_DOMAIN}", timeout=_SECONDS) as client:
        client.starttls(context=ssl.create_default_context(cafile=host.certificate))
        client.login(host.user, host.password)
        return tuple(_message(client, f"bob@{LAB_DOMAIN}", f"ann@{_OUTSIDE}", number) for number in range(1, count + 1))


def _message(client: smtplib.SMTP, sender: str, recipient: str, number: int) -> str:
    message = EmailMessage()
    message["From"], message["To"] = sender, recipient
    message["Date"] = format_datetime(utc_now())
    message["Message-ID"] = make_msgid(domain=sender.partition("@")[2])
    message["Subject"] = f"Lab message {number}"
    message.set_content(f"This is message {number} of the lab's traffic.\n")
    client.send_message(message)
    return str(message["Message-ID"])


def _browse(host: LabHost, count: int) -> int:
    answered = 0
    client = http.client.HTTPConnection(host.address, host.http_port, timeout=_SECONDS)
    try:
        for _ in range(count):
            answered += _open_owa(client, host)
    except http.client.HTTPException as error:
        raise ConnectionError(f"the web site of {host.address} broke off: {error}") from error
    finally:
        client.close()
    return answered


def _open_owa(client: http.client.HTTPConnection, host: LabHost) -> int:
    """Open OWA, sign in, see the mailbox: four requests."""
    _request(client, "GET", "/owa/")
    _request(client, "GET", "/owa/auth/logon.aspx?url=%2fowa%2f&reason=0")
    form = urlencode({"username": host.user, "password": host.password})
    status, cookie = _request(client, "POST", "/owa/auth.owa", form)
    if status != _STATUS_FOUND or not cookie:
        raise ConnectionError(f"the web site of {host.address} refused the lab's administrator")
    _request(client, "GET", "/owa/", cookie=cookie)
    return 4


def _request(
    client: http.client.HTTPConnection, method: str, path: str, body: str | None = None, cookie: str = ""
) -> tuple[int, str]:
    headers = {"User-Agent": _AGENT}
    if body is not None:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    if cookie:
        headers["Cookie"] = cookie
    client.request(method, path, body, headers)
    answer = client.getresponse()
    answer.read()
    return answer.status, (answer.getheader("Set-Cookie") or "").partition(";")[0]
