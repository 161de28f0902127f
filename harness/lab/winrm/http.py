"""HTTP/1.1 over one connection: whole requests in, whole answers out, in order."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

import h11

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable, Mapping

T = TypeVar("T")

_READ: Final = 65536
_LARGEST_HEAD: Final = 65536
_CLOSE_SECONDS: Final = 2.0
_HEARD_OUT: Final = 32
_NO_CONTENT: Final = 204


class BadRequestError(Exception):
    """A request that can't be served; the connection is closed after the answer.

    Args:
        status: The HTTP status that says so.
    """

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class ClientGoneError(Exception):
    """The client closed the connection while it was owed an answer."""


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request.

    Args:
        method: For example ``POST``.
        path: The target without its query.
        headers: By lower-case name; of headers that are given twice the last.
        body: Decoded from its transfer coding.
        query: What follows the target's question mark.
        version: For example ``1.1``.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    query: str = ""
    version: str = "1.1"

    @property
    def size(self) -> int:
        """How many bytes it had, as far as a request with headers that are given once tells."""
        head = len(self.method) + len(self.path) + len(self.query) + len(" HTTP/1.1\r\n\r\n") + 1
        return head + sum(len(name) + len(value) + 4 for name, value in self.headers.items()) + len(self.body)


class HttpConnection:
    """One connection of a client.

    Args:
        reader: What the client sends.
        writer: What it gets.
        body_limit: Bytes of the largest body that is taken.
        idle_seconds: How long to wait for a request to begin.
        request_seconds: How long one request may take to arrive.
        server: What it calls itself.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        body_limit: int,
        idle_seconds: float,
        request_seconds: float,
        server: str = "Microsoft-HTTPAPI/2.0",
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._body_limit = body_limit
        self._idle_seconds = idle_seconds
        self._request_seconds = request_seconds
        self._server = server
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=_LARGEST_HEAD)
        self._reading: asyncio.Task[bytes] | None = None
        self._received = 0

    async def next_request(self) -> HttpRequest | None:
        """Wait for the next request.

        Returns:
            The request; ``None`` when the client has closed the connection or been idle too long.

        Raises:
            BadRequestError: It is malformed, too large or too slow.
        """
        if self._http.our_state is h11.MUST_CLOSE or self._http.our_state is h11.CLOSED:
            return None
        if self._http.states == {h11.CLIENT: h11.DONE, h11.SERVER: h11.DONE}:
            self._http.start_next_cycle()
        try:
            if not await self._begun():
                return None
            async with asyncio.timeout(self._request_seconds):
                return await self._read_request()
        except TimeoutError as error:
            raise BadRequestError(408) from error
        except h11.RemoteProtocolError as error:
            raise BadRequestError(error.error_status_hint) from error

    async def _begun(self) -> bool:
        """Wait for the first bytes of a request; false when there will be none."""
        if self._http.trailing_data[0]:
            return True
        try:
            async with asyncio.timeout(self._idle_seconds):
                return await self._more()
        except TimeoutError:
            return False

    async def _more(self) -> bool:
        data = await self._read_task()
        self._reading = None
        self._http.receive_data(data)
        return bool(data)

    def _read_task(self) -> asyncio.Task[bytes]:
        # One read is kept across calls, as one may be under way when an answer is ready before it.
        if self._reading is None:
            self._reading = asyncio.ensure_future(self._reader.read(_READ))
        return self._reading

    async def _read_request(self) -> HttpRequest | None:
        self._received = 0
        head: h11.Request | None = None
        body = bytearray()
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                if self._http.they_are_waiting_for_100_continue:
                    await self._write(self._http.send(h11.InformationalResponse(status_code=100, headers=[])))
                await self._more()
            elif isinstance(event, h11.Request):
                head = event
            elif isinstance(event, h11.Data):
                self._add(body, event.data)
            elif isinstance(event, h11.EndOfMessage) and head is not None:
                if len(body) > self._body_limit:
                    raise BadRequestError(413)
                headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in head.headers}
                path, _, query = head.target.decode("latin-1").partition("?")
                method, version = head.method.decode("latin-1"), head.http_version.decode("latin-1")
                return HttpRequest(method, path, headers, bytes(body), query, version)
            else:
                return None

    def _add(self, body: bytearray, data: bytes) -> None:
        # Too large a body is read to its end but not kept: a client that is cut off in mid-sentence never reads why.
        self._received += len(data)
        if self._received > _HEARD_OUT * self._body_limit:
            raise BadRequestError(413)
        body += data[: self._body_limit + 1 - len(body)]

    async def unless_gone(self, work: Coroutine[object, object, T]) -> T:
        """Do something that takes time, but stop when the client goes away.

        Raises:
            ClientGoneError: It did.
        """
        task = asyncio.ensure_future(work)
        try:
            reading = self._read_task()
            await asyncio.wait({task, reading}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done() and (reading.exception() or not reading.result()):
                raise ClientGoneError
            return await task
        finally:
            task.cancel()

    async def respond(
        self, status: int, headers: Iterable[tuple[str, str]] = (), body: bytes = b"", *, whole: bool = True
    ) -> None:
        """Send an answer.

        Args:
            status: The HTTP status.
            headers: Names and values; the length is added.
            body: All of it.
            whole: Whether all of it is sent; without, the connection breaks in the middle of it.
        """
        all_headers = [*headers, ("Server", self._server)]
        if status != _NO_CONTENT:
            all_headers.append(("Content-Length", str(len(body))))
        head = h11.Response(status_code=status, headers=all_headers)
        parts = [
            self._http.send(head),
            self._http.send(h11.Data(data=body)),
            self._http.send(h11.EndOfMessage()),
        ]
        sent = b"".join(part or b"" for part in parts)
        if whole:
            await self._write(sent)
        else:
            await self._write(sent[: -max(1, len(body) // 2)])
            self._writer.close()

    async def refuse(self, status: int) -> None:
        """Answer a request that couldn't be read, if HTTP still allows an answer."""
        if self._http.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            await self.respond(status, [("Connection", "close")])

    async def _write(self, data: bytes | None) -> None:
        self._writer.write(data or b"")
        async with asyncio.timeout(self._request_seconds):
            await self._writer.drain()

    def abort(self) -> None:
        """Break the connection at once."""
        self._writer.transport.abort()

    async def close(self) -> None:
        """Close the connection, and give up what is still being read."""
        if self._reading is not None:
            self._reading.cancel()
        self._writer.close()
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._writer.wait_closed()
