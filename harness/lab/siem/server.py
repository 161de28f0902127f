"""The network in front of a simulated console: HTTPS or, on loopback, HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import ipaddress
import json
import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from harness.errors import HarnessError
from harness.lab.siem.api import PREFIX, Answer, Request
from harness.lab.siem.settings import Mishap
from harness.lab.winrm import certificate as certificates
from harness.lab.winrm.http import BadRequestError, ClientGoneError, HttpConnection

if TYPE_CHECKING:
    import ssl
    from pathlib import Path

    from harness.lab.siem.console import Console
    from harness.lab.winrm.http import HttpRequest

_log = logging.getLogger(__name__)
_BODY_LIMIT: Final = 16 * 1024 * 1024
_IDLE_SECONDS: Final = 60.0
_REQUEST_SECONDS: Final = 30.0
_GONE: Final = (ConnectionError, ClientGoneError, TimeoutError)
_SERVER: Final = "harness-lab-console"
_JSON: Final = ("Content-Type", "application/json;charset=UTF-8")
_HTML: Final = ("Content-Type", "text/html; charset=utf-8")
_BARE: Final = frozenset({429, 502, 503, 504})
_CONTROL: Final = "/lab/"
"""Below it is no part of a console: how tests and demonstrations tell it what befalls it."""


class ConsoleServer:
    """A console that listens.

    Args:
        console: The console.
        folder: Where the certificate is kept.
        address: Where to listen.
        port: 0 takes a free one.
        tls: Whether it speaks HTTPS.

    Raises:
        HarnessError: It would speak plain HTTP to others than this machine.
    """

    def __init__(
        self, console: Console, folder: Path, *, address: str = "127.0.0.1", port: int = 0, tls: bool = True
    ) -> None:
        if not tls and not _loopback(address):
            raise HarnessError(
                f"plain HTTP on {address} would show tokens and passwords to the network",
                hint="leave --no-tls out, or listen on 127.0.0.1",
            )
        self.console = console
        self._folder = folder
        self._address = address
        self._port = port
        self._tls = tls
        self._listener: asyncio.Server | None = None
        self._connections: dict[asyncio.Task[None], HttpConnection] = {}
        self.url = ""
        self.ca: Path | None = None

    async def start(self) -> None:
        """Listen."""
        context: ssl.SSLContext | None = None
        if self._tls:
            names = sorted({self._address, "127.0.0.1", "localhost"})
            made = await asyncio.to_thread(certificates.keep, self._folder, "console", names)
            self.ca = made.certificate
            context = certificates.server_context(made, {})
        self._listener = await asyncio.start_server(self._serve, self._address, self._port, ssl=context)
        self._port = self._listener.sockets[0].getsockname()[1]
        host = f"[{self._address}]" if ":" in self._address else self._address
        self.url = f"{self.console.scheme}://{host}:{self._port}"

    async def stop(self) -> None:
        """Stop listening, and break what is still open."""
        if self._listener is not None:
            self._listener.close()
        for connection in list(self._connections.values()):
            connection.abort()
        await asyncio.gather(*self._connections, return_exceptions=True)
        if self._listener is not None:
            await self._listener.wait_closed()
            self._listener = None

    async def set_mishap(self, mishap: Mishap) -> None:
        """Let something befall the console."""
        self.console.mishap = mishap

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = HttpConnection(
            reader,
            writer,
            body_limit=_BODY_LIMIT,
            idle_seconds=_IDLE_SECONDS,
            request_seconds=_REQUEST_SECONDS,
            server=_SERVER,
        )
        task = asyncio.current_task()
        assert task is not None, "a connection is served by a task"  # noqa: S101
        self._connections[task] = connection
        peer = str(writer.get_extra_info("peername")[0])
        try:
            while await self._one(connection, peer):
                pass
        except BadRequestError as error:
            with contextlib.suppress(*_GONE):
                await connection.refuse(error.status)
        except _GONE:
            pass
        finally:
            del self._connections[task]
            with contextlib.suppress(*_GONE):
                await connection.close()

    async def _one(self, connection: HttpConnection, peer: str) -> bool:
        """Serve one request; false when there are no more."""
        request = await connection.next_request()
        if request is None:
            return False
        if request.path.startswith(_CONTROL):
            await self._respond(connection, self._controlled(request))
            return True
        mishap = self._touching(request)
        if mishap is None:
            await self._respond(connection, self._answer(request, peer))
            return True
        return await self._befallen(connection, request, peer, mishap)

    def _touching(self, request: HttpRequest) -> Mishap | None:
        """Give the mishap that befalls a request, and count it."""
        mishap = self.console.mishap
        wanted = mishap.on_the_way and mishap.path in request.path and mishap.method in {"", request.method}
        if not wanted or mishap.times == 0:
            return None
        if mishap.times is not None:
            self.console.mishap = dataclasses.replace(mishap, times=mishap.times - 1)
        return mishap

    async def _befallen(self, connection: HttpConnection, request: HttpRequest, peer: str, mishap: Mishap) -> bool:
        if mishap.hang:
            await connection.unless_gone(asyncio.Event().wait())
        if mishap.delay_seconds:
            await connection.unless_gone(asyncio.sleep(mishap.delay_seconds))
        if mishap.cut == "before":
            connection.abort()
            return False
        if mishap.answer_status is not None:
            await self._respond_badly(connection, mishap, mishap.answer_status)
            return True
        answer = self._answer(request, peer)
        if mishap.cut == "after":
            connection.abort()
            return False
        await self._respond(connection, answer, whole=mishap.cut != "within")
        return mishap.cut != "within"

    async def _respond_badly(self, connection: HttpConnection, mishap: Mishap, status: int) -> None:
        headers = [("Retry-After", str(mishap.retry_after))] if mishap.retry_after is not None else []
        if mishap.page:
            title = f"{status} {HTTPStatus(status).phrase}"
            page = f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>\n"
            await connection.respond(status, [*headers, _HTML], page.encode())
        elif status in _BARE:
            await connection.respond(status, headers)
        else:
            body = {
                "http_response": {"code": status, "message": "Unexpected internal server error"},
                "code": 1020,
                "description": "An error occurred during the attempt to retrieve the log sources.",
                "details": {},
                "message": "An error occurred during the attempt to retrieve the log sources.",
            }
            await connection.respond(status, [*headers, _JSON], json.dumps(body).encode())

    def _answer(self, request: HttpRequest, peer: str) -> Answer | None:
        """Give the console's answer; ``None`` for an address that is not the API's."""
        if not request.path.startswith(f"{PREFIX}/"):
            return None
        asked = Request(request.method, request.path, request.headers, request.query, request.body, peer)
        answer = self.console.answer(asked)
        _log.info("%s %s %s -> %d", peer, request.method, request.path, answer.status)
        return answer

    async def _respond(self, connection: HttpConnection, answer: Answer | None, *, whole: bool = True) -> None:
        if answer is None:
            await connection.respond(404, [_HTML], b"<html><body><h1>404 Not Found</h1></body></html>\n")
            return
        body = b"" if answer.empty else json.dumps(answer.body).encode()
        headers = [*answer.headers.items(), *([] if answer.empty else [_JSON])]
        await connection.respond(answer.status, headers, body, whole=whole)

    def _controlled(self, request: HttpRequest) -> Answer:
        """Do what a test or a demonstration asks: only with the administrator's token."""
        if self.console.tokens.role(request.headers.get("sec", "")) != "admin":
            return Answer(401, "the administrator's token is needed")
        try:
            asked = json.loads(request.body)
            if request.path == f"{_CONTROL}log_source":
                self.console.report(asked.pop("name"), asked)
            elif request.path == f"{_CONTROL}mishap":
                self.console.mishap = Mishap(**asked)
            else:
                return Answer(404, "there is nothing here")
        except KeyError as error:
            return Answer(404, f"there is no log source {error.args[0]}")
        except (TypeError, ValueError) as error:
            return Answer(422, str(error))
        return Answer(204, empty=True)


def _loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"
