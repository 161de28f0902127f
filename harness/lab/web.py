"""The web front end of a simulated host: as much of Outlook Web App as leaves rows in the log.

It speaks plain HTTP and plays port 443, as behind a load balancer that ends TLS. A user signs in through the logon
page's form; requests of a signed-in user go on to the back-end site, which logs them too.
"""

from __future__ import annotations

import asyncio
import secrets
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from harness.lab.logs.w3c import WebRequest
from harness.lab.winrm.http import BadRequestError, ClientGoneError, HttpConnection, HttpRequest

if TYPE_CHECKING:
    from harness.lab.logs.w3c import WebLogs
    from harness.lab.machine import Machine

_SERVICE = "W3SVC"
_FRONT_END = 1
_BACK_END = 2
_PORTS = {_FRONT_END: "443", _BACK_END: "444"}
_LOGON = "/owa/auth/logon.aspx"
_COOKIE = "cadata"
_BODY_LIMIT = 65536
_SESSIONS = 1000
_GONE = (ConnectionError, ClientGoneError, TimeoutError)
_HTML = ("Content-Type", "text/html; charset=utf-8")
_LOGON_PAGE = b"""<!DOCTYPE html>
<title>Outlook</title>
<form action="/owa/auth.owa" method="post">
<input name="username"> <input name="password" type="password"> <button>sign in</button>
</form>
"""


@dataclass(frozen=True, slots=True)
class Page:
    """An answer.

    Args:
        status: The HTTP status.
        headers: Beside the length.
        body: All of it.
        user: Who is signed in; empty for nobody.
    """

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    user: str = ""


class WebServer:
    """The web sites of one host.

    Args:
        machine: The host.
        address: The address to listen on.
        logs: Its web logs.
    """

    def __init__(self, machine: Machine, address: str, logs: WebLogs) -> None:
        self._machine = machine
        self._address = address
        self._logs = logs
        self._sessions: dict[str, str] = {}
        self._listener: asyncio.Server | None = None
        self._connections: dict[asyncio.Task[None], HttpConnection] = {}

    async def start(self) -> int:
        """Listen on a free port.

        Returns:
            The port.

        Raises:
            OSError: The address isn't there.
        """
        self._listener = await asyncio.start_server(self._accept, self._address, 0)
        return int(self._listener.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Break all connections."""
        if self._listener is not None:
            self._listener.close()
        for connection in self._connections.values():
            connection.abort()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        connection = HttpConnection(reader, writer, body_limit=_BODY_LIMIT, idle_seconds=120, request_seconds=30)
        if task is None or not self._machine.services.running(_SERVICE):
            connection.abort()
            return
        self._connections[task] = connection
        client = str(writer.get_extra_info("peername")[0])
        try:
            while (request := await connection.next_request()) is not None:
                began = time.monotonic()
                page = self._answer(request)
                # Before the client has its answer, so that who has it finds the row.
                self._log(request, page, client, time.monotonic() - began)
                await connection.respond(page.status, page.headers, page.body)
        except BadRequestError as error:
            # http.sys answers these itself and notes them in a log of its own.
            await connection.refuse(error.status)
        except _GONE:
            connection.abort()
        finally:
            del self._connections[task]
            await connection.close()

    def _answer(self, request: HttpRequest) -> Page:
        path = request.path.lower()
        user = self._sessions.get(_cookie(request), "")
        if request.method not in {"GET", "HEAD", "POST"}:
            return Page(405, (("Allow", "GET, HEAD, POST"),), user=user)
        if path == _LOGON:
            return Page(200, (_HTML,), b"" if request.method == "HEAD" else _LOGON_PAGE)
        if path == "/owa/auth.owa" and request.method == "POST":
            return self._sign_in(request)
        if path in {"/owa", "/owa/"}:
            return _mailbox(user)
        if path == "/":
            return Page(302, (("Location", "/owa/"),))
        return Page(404, (_HTML,), b"<!DOCTYPE html>\n<title>404</title>\n", user)

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

    def _log(self, request: HttpRequest, page: Page, client: str, seconds: float) -> None:
        """Write the front end's row and, of a user's request, the back end's."""
        tags = f"&CorrelationID=<empty>;&cafeReqId={uuid.uuid4()};"
        values = {
            "s-ip": self._address,
            "cs-method": request.method,
            "cs-uri-stem": request.path,
            "cs-uri-query": request.query + tags,
            "cs-username": page.user,
            "c-ip": client,
            "cs-version": f"HTTP/{request.version}",
            "cs(User-Agent)": request.headers.get("user-agent", ""),
            "cs(Cookie)": request.headers.get("cookie", ""),
            "cs(Referer)": request.headers.get("referer", ""),
            "cs-host": request.headers.get("host", ""),
            "sc-status": str(page.status),
            "sc-substatus": "0",
            "sc-win32-status": "2" if page.status == 404 else "0",  # noqa: PLR2004  ERROR_FILE_NOT_FOUND
            "sc-bytes": str(len(page.body) + sum(len(name) + len(value) + 4 for name, value in page.headers)),
            "cs-bytes": str(request.size),
            "time-taken": str(round(seconds * 1000)),
        }
        self._write(_FRONT_END, values, request)
        if page.user and request.path.lower() != "/owa/auth.owa":
            self._write(_BACK_END, {**values, "c-ip": "::1", "cs-uri-query": request.query}, request)

    def _write(self, site: int, values: dict[str, str], request: HttpRequest) -> None:
        if any(each["id"] == site for each in self._machine.iis.sites()):
            row = {**values, "s-port": _PORTS[site]}
            self._logs.log(WebRequest(self._logs.now(), site, row, request.headers))


def _mailbox(user: str) -> Page:
    if user:
        return Page(200, (_HTML,), b"<!DOCTYPE html>\n<title>Mail</title>\n", user)
    return Page(302, (("Location", f"{_LOGON}?url=%2fowa%2f&reason=0"),))


def _cookie(request: HttpRequest) -> str:
    pairs = (pair.strip().partition("=") for pair in request.headers.get("cookie", "").split(";"))
    return next((value for name, _, value in pairs if name == _COOKIE), "")
