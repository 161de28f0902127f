"""As much of Outlook Web App, and of Exchange 2003's Outlook Web Access, as leaves rows in the log."""

from __future__ import annotations

import base64
import binascii
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol
from urllib.parse import parse_qs

if TYPE_CHECKING:
    from harness.lab.machine import Machine
    from harness.lab.winrm.http import HttpRequest

_LOGON = "/owa/auth/logon.aspx"
_SIGN_IN = "/owa/auth.owa"
_COOKIE = "cadata"
_SESSIONS = 1000
_HTML = ("Content-Type", "text/html; charset=utf-8")
_MAILBOX = b"<!DOCTYPE html>\n<title>Mail</title>\n"
_LOGON_PAGE = b"""<!DOCTYPE html>
<title>Outlook</title>
<form action="/owa/auth.owa" method="post">
<input name="username"> <input name="password" type="password"> <button>sign in</button>
</form>
"""
_FILE_NOT_FOUND = "2"
_LOGON_DENIED = "2148074254"  # SEC_E_NO_CREDENTIALS
_OWA_2003 = ("/exchange", "/public")


@dataclass(frozen=True, slots=True)
class Page:
    """An answer.

    Args:
        status: The HTTP status.
        headers: Beside the length.
        body: All of it.
        user: Who is signed in; empty for nobody.
        substatus: What the log says beside the status.
        win32_status: The number of Windows' own error.
        handed_on: Whether the back-end site had a part in it.
    """

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    user: str = ""
    substatus: str = "0"
    win32_status: str = "0"
    handed_on: bool = False


class Pages(Protocol):
    """Answers requests."""

    def answer(self, request: HttpRequest) -> Page:
        """Give the page that a request gets."""


class OutlookWebApp:
    """Outlook Web App from 2007 on. A user signs in through the logon page's form.

    Args:
        machine: The host.
    """

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._sessions: dict[str, str] = {}

    def answer(self, request: HttpRequest) -> Page:
        """Give the page that a request gets."""
        path = request.path.lower()
        user = self._sessions.get(_cookie(request), "")
        if request.method not in {"GET", "HEAD", "POST"}:
            return Page(405, (("Allow", "GET, HEAD, POST"),), user=user, handed_on=bool(user))
        if path == _LOGON:
            return Page(200, (_HTML,), b"" if request.method == "HEAD" else _LOGON_PAGE)
        if path == _SIGN_IN and request.method == "POST":
            return self._sign_in(request)
        if path in {"/owa", "/owa/"}:
            return _mailbox(user)
        if path == "/":
            return Page(302, (("Location", "/owa/"),))
        return _missing(user, handed_on=bool(user) and path != _SIGN_IN)

    def _sign_in(self, request: HttpRequest) -> Page:
        """Check the form. A failed sign-in is a redirection too, so that a status alone says nothing."""
        form = parse_qs(request.body.decode("utf-8", "replace"))
        user, password = form.get("username", [""])[0], form.get("password", [""])[0]
        if not self._machine.knows(user, password):
            return Page(302, (("Location", f"{_LOGON}?url=%2fowa%2f&reason=2"),))
        key = secrets.token_urlsafe(24)
        while len(self._sessions) >= _SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        self._sessions[key] = user
        cookie = ("Set-Cookie", f"{_COOKIE}={key}; path=/; HttpOnly")
        return Page(302, (("Location", "/owa/"), cookie), user=user)


class OutlookWebAccess2003:
    """Outlook Web Access of Exchange 2003, without forms: the browser asks for name and password.

    Args:
        machine: The host.
    """

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def answer(self, request: HttpRequest) -> Page:
        """Give the page that a request gets."""
        path = request.path.lower()
        if not any(path == root or path.startswith(f"{root}/") for root in _OWA_2003):
            return _missing()
        user, password = _basic(request)
        if not user or not self._machine.knows(user, password):
            challenge = ("WWW-Authenticate", f'Basic realm="{self._machine.fqdn}"')
            return Page(401, (challenge,), substatus="2", win32_status=_LOGON_DENIED)
        return Page(200, (_HTML,), _MAILBOX, user)


def _mailbox(user: str) -> Page:
    if user:
        return Page(200, (_HTML,), _MAILBOX, user, handed_on=True)
    return Page(302, (("Location", f"{_LOGON}?url=%2fowa%2f&reason=0"),))


def _missing(user: str = "", *, handed_on: bool = False) -> Page:
    body = b"<!DOCTYPE html>\n<title>404</title>\n"
    return Page(404, (_HTML,), body, user, win32_status=_FILE_NOT_FOUND, handed_on=handed_on)


def _cookie(request: HttpRequest) -> str:
    pairs = (pair.strip().partition("=") for pair in request.headers.get("cookie", "").split(";"))
    return next((value for name, _, value in pairs if name == _COOKIE), "")


def _basic(request: HttpRequest) -> tuple[str, str]:
    """Give the name and password of a request; empty for none."""
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        text = base64.b64decode(encoded, validate=True).decode("utf-8", "replace")
    except binascii.Error:
        return "", ""
    user, _, password = text.partition(":")
    return user, password
