"""The web front end of a simulated host: requests, and the rows that they leave in the log.

It speaks plain HTTP and plays port 443, as behind a load balancer that ends TLS. Requests of a signed-in user go on to
the back-end site, which logs them too. `harness.lab.webpages` has the pages.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from typing import TYPE_CHECKING

from harness.lab.logs.w3c import WebRequest
from harness.lab.winrm.http import BadRequestError, ClientGoneError, HttpConnection, HttpRequest

if TYPE_CHECKING:
    from harness.lab.logs.w3c import WebLogs
    from harness.lab.machine import Machine
    from harness.lab.webpages import Page, Pages

_SERVICE = "W3SVC"
_FRONT_END = 1
_BACK_END = 2
_PORTS = {_FRONT_END: "443", _BACK_END: "444"}
_BODY_LIMIT = 65536
_GONE = (ConnectionError, ClientGoneError, TimeoutError)


class WebServer:
    """The web sites of one host.

    Args:
        machine: The host.
        address: The address to listen on.
        logs: Its web logs.
        pages: What is answered.
    """

    def __init__(self, machine: Machine, address: str, logs: WebLogs, pages: Pages) -> None:
        self._machine = machine
        self._address = address
        self._logs = logs
        self._pages = pages
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
                page = self._pages.answer(request)
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

    def _log(self, request: HttpRequest, page: Page, client: str, seconds: float) -> None:
        """Write the front end's row and, of a user's request, the back end's."""
        tags = f"&CorrelationID=<empty>;&cafeReqId={uuid.uuid4()};" if self._machine.parts.front_end else ""
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
            "sc-substatus": page.substatus,
            "sc-win32-status": page.win32_status,
            "sc-bytes": str(len(page.body) + sum(len(name) + len(value) + 4 for name, value in page.headers)),
            "cs-bytes": str(request.size),
            "time-taken": str(round(seconds * 1000)),
        }
        self._write(_FRONT_END, values, request)
        if page.handed_on:
            self._write(_BACK_END, {**values, "c-ip": "::1", "cs-uri-query": request.query}, request)

    def _write(self, site: int, values: dict[str, str], request: HttpRequest) -> None:
        row = {**values, "s-port": _PORTS[site]}
        self._logs.log(WebRequest(self._logs.now(), site, row, request.headers))
