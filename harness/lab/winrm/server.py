"""The service on its sockets: one coroutine per connection, which is also the authentication context."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from harness.lab.winrm import certificate as certificates
from harness.lab.winrm import encryption
from harness.lab.winrm.accounts import Accounts
from harness.lab.winrm.authentication import Gate, Refused, SignedIn
from harness.lab.winrm.envelope import MalformedEnvelopeError, Request, identify_answer, parse
from harness.lab.winrm.http import BadRequestError, ClientGoneError, HttpConnection, HttpRequest
from harness.lab.winrm.mishap import Mishap
from harness.lab.winrm.shells import Reply, Shells

if TYPE_CHECKING:
    import ssl

    from harness.lab.winrm.settings import HostSettings
    from harness.lab.winrm.shells import Program

SOAP: Final = "application/soap+xml;charset=UTF-8"

_PATH: Final = "/wsman"
_FRAMING: Final = 4096  # what encryption adds to an envelope, and more
_EXPIRY_SECONDS: Final = 10.0
_THREAD_SECONDS: Final = 2.0
_EXCHANGES_KEPT: Final = 10_000
_GONE: Final = (ConnectionError, ClientGoneError, TimeoutError)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One HTTP request and how it was answered.

    Args:
        action: The WS-Management action's last word, for example ``Receive``; empty where none could be read.
        status: The HTTP status; 0 where no answer was given.
        user: Who had signed in; empty for nobody.
        fault_code: The fault's number; 0 for none.
    """

    action: str
    status: int
    user: str = ""
    fault_code: int = 0


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    action: str = ""
    user: str = ""
    fault_code: int = 0


class _BreakOffError(Exception):
    """A mishap: the connection is broken without an answer."""

    def __init__(self, action: str = "") -> None:
        super().__init__(action)
        self.action = action


class WinRMServer:
    """The WinRM service of one simulated host.

    Args:
        settings: The host.
        run: What its shells run.
    """

    def __init__(self, settings: HostSettings, run: Program) -> None:
        self.settings = settings
        self.shells = Shells(settings, run)
        self.requests = 0
        """How many HTTP requests came in."""
        self.exchanges: deque[Exchange] = deque(maxlen=_EXCHANGES_KEPT)
        """The last of them, oldest first."""
        self.certificate: Path | None = None
        """The PEM file for a client to trust; there once an HTTPS listener was started."""
        self._accounts = Accounts(settings)
        self._mishap = Mishap()
        self._mishaps_left = 0
        self._served_since = 0
        self._listeners: list[asyncio.Server] = []
        self._plans: list[tuple[str, int, ssl.SSLContext | None]] = []
        self._connections: dict[asyncio.Task[None], HttpConnection] = {}
        self._expiry: asyncio.Task[None] | None = None
        self._certificate_hash: bytes | None = None
        self._certificate_users = certificates.users_by_certificate(settings.client_certificates)
        self._resources = contextlib.ExitStack()

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop."""
        await self.stop()

    # Starting and stopping.

    async def start(self) -> dict[str, tuple[str, int]]:
        """Listen.

        Returns:
            Address and port by scheme, ``http`` and ``https``.

        Raises:
            OSError: A port is taken.
        """
        self._plans = []
        if self.settings.http_port is not None:
            self._plans.append(("http", self.settings.http_port, None))
        if self.settings.https_port is not None:
            self._plans.append(("https", self.settings.https_port, self._tls()))
        await self._listen()
        self._expiry = asyncio.create_task(self._expire_shells())
        return self.addresses

    def _tls(self) -> ssl.SSLContext:
        folder = self.settings.certificate_folder
        if folder is None:
            folder = Path(self._resources.enter_context(tempfile.TemporaryDirectory(prefix="winrm-")))
        names = (self.settings.fqdn, self.settings.name, self.settings.address)
        kept = certificates.keep(folder, self.settings.fqdn, names)
        self.certificate = kept.certificate
        self._certificate_hash = kept.sha256
        return certificates.server_context(kept, self.settings.client_certificates)

    async def _listen(self) -> None:
        plans = self._plans
        self._plans = []
        for scheme, port, tls in plans:
            listener = await asyncio.start_server(self._accept, self.settings.address, port, ssl=tls)
            self._listeners.append(listener)
            self._plans.append((scheme, listener.sockets[0].getsockname()[1], tls))

    @property
    def addresses(self) -> dict[str, tuple[str, int]]:
        """Where it listens: address and port by scheme."""
        return {scheme: (self.settings.address, port) for scheme, port, _ in self._plans}

    async def stop(self) -> None:
        """Break all connections and end all shells."""
        if self._expiry is not None:
            self._expiry.cancel()
        await self._stop_listening()
        threads = self.shells.close()
        for thread in threads:
            await asyncio.to_thread(thread.join, _THREAD_SECONDS)
        self._resources.close()

    async def _stop_listening(self) -> None:
        for listener in self._listeners:
            listener.close()
        self._listeners = []
        tasks = list(self._connections)
        for task, connection in self._connections.items():
            connection.abort()
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _expire_shells(self) -> None:
        while True:
            await asyncio.sleep(_EXPIRY_SECONDS)
            self.shells.expire()

    # Mishaps.

    @property
    def mishap(self) -> Mishap:
        """What befalls the host just now."""
        return self._mishap

    async def set_mishap(self, mishap: Mishap) -> None:
        """Let something go wrong from now on; ``Mishap()`` makes all well again.

        Args:
            mishap: What.
        """
        refused = self._mishap.refuse_connections
        self._mishap = mishap
        self._mishaps_left = -1 if mishap.times is None else mishap.times
        self._served_since = 0
        self._accounts.locked = mishap.reject_passwords
        if mishap.refuse_connections and not refused:
            await self._stop_listening()
        elif refused and not mishap.refuse_connections:
            await self._listen()

    def _strikes(self) -> bool:
        """Whether the mishap befalls this request too."""
        if self._mishaps_left == 0:
            return False
        self._mishaps_left -= 1
        return True

    async def _suffer(self) -> _Answer | None:
        """Let what must go wrong with this request go wrong, before it is looked at."""
        mishap = self._mishap
        await asyncio.sleep(mishap.delay_seconds)
        after = mishap.drop_after_requests
        if after is not None and self._served_since >= after and self._strikes():
            raise _BreakOffError
        if mishap.answer_status is not None and self._strikes():
            return _Answer(mishap.answer_status)
        if mishap.hang and self._strikes():
            await asyncio.Event().wait()
        self._served_since += 1
        return None

    # One connection.

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        limits = self.settings.limits
        connection = HttpConnection(
            reader,
            writer,
            body_limit=limits.envelope_size + _FRAMING,
            idle_seconds=limits.keep_alive_seconds,
            request_seconds=limits.request_seconds,
        )
        task = asyncio.create_task(self._converse(connection, self._gate(writer)))
        self._connections[task] = connection
        task.add_done_callback(self._connections.pop)

    async def _converse(self, connection: HttpConnection, gate: Gate) -> None:
        try:
            await self._serve(connection, gate)
        except _GONE:
            pass  # there is nobody to tell
        finally:
            await connection.close()

    def _gate(self, writer: asyncio.StreamWriter) -> Gate:
        tls: ssl.SSLObject | None = writer.get_extra_info("ssl_object")
        if tls is None:
            return Gate(self.settings, self._accounts)
        return Gate(
            self.settings,
            self._accounts,
            certificate_hash=self._certificate_hash,
            certificate_users=self._certificate_users,
            client_certificate=certificates.sha256(tls.getpeercert(binary_form=True)),
        )

    async def _serve(self, connection: HttpConnection, gate: Gate) -> None:
        while True:
            try:
                request = await connection.next_request()
            except BadRequestError as error:
                self._note(_Answer(error.status))
                await connection.refuse(error.status)
                return
            if request is None:
                return
            self.requests += 1
            try:
                answer = await connection.unless_gone(self._answer(request, gate))
            except _BreakOffError as broken:
                self.exchanges.append(Exchange(broken.action, 0))
                connection.abort()
                return
            except ClientGoneError:
                self.exchanges.append(Exchange("", 0))
                return
            self._note(answer)
            await connection.respond(answer.status, answer.headers, answer.body)

    def _note(self, answer: _Answer) -> None:
        self.exchanges.append(Exchange(answer.action, answer.status, answer.user, answer.fault_code))

    # One request.

    async def _answer(self, request: HttpRequest, gate: Gate) -> _Answer:
        return await self._suffer() or self._misplaced(request) or await self._authenticated(request, gate)

    @staticmethod
    def _misplaced(request: HttpRequest) -> _Answer | None:
        """Answer a request that isn't for this service at all."""
        if request.path.rstrip("/").lower() != _PATH:
            return _Answer(404)
        if request.method != "POST":
            return _Answer(405, (("Allow", "POST"),))
        return None

    async def _authenticated(self, request: HttpRequest, gate: Gate) -> _Answer:
        if request.headers.get("wsmanidentify") == "unauthenticated":
            return self._identify_stranger(request)
        verdict = gate.check(request.headers.get("authorization", ""))
        if isinstance(verdict, Refused):
            return _Answer(401, verdict.headers)
        if not request.body:
            return _Answer(200, verdict.headers, user=verdict.user)  # it only wanted to sign in
        return await self._answer_envelope(request, gate, verdict)

    @staticmethod
    def _identify_stranger(request: HttpRequest) -> _Answer:
        try:
            envelope = parse(request.body)
        except MalformedEnvelopeError:
            return _Answer(400)
        if not envelope.is_identify:
            return _Answer(401)
        return _Answer(200, (("Content-Type", SOAP),), identify_answer("0.0.0"), envelope.verb)

    async def _answer_envelope(self, request: HttpRequest, gate: Gate, verdict: SignedIn) -> _Answer:
        content_type = request.headers.get("content-type", "")
        encrypted = encryption.is_encrypted(content_type)
        if not encrypted and not content_type.lower().startswith("application/soap+xml"):
            return _Answer(415, user=verdict.user)
        if not encrypted and not gate.over_tls and not self.settings.allow_unencrypted:
            return _Answer(500, user=verdict.user)
        try:
            message = gate.decrypt(request.body) if encrypted else request.body
            if len(message) > self.settings.limits.envelope_size:
                return _Answer(413, user=verdict.user)
            envelope = parse(message)
        except (encryption.EncryptionError, MalformedEnvelopeError):
            return _Answer(400, user=verdict.user)
        reply = await self._act(envelope, verdict.user)
        body, answer_type = (
            (gate.encrypt(reply.envelope), encryption.CONTENT_TYPE) if encrypted else (reply.envelope, SOAP)
        )
        headers = (*verdict.headers, ("Content-Type", answer_type))
        return _Answer(reply.status, headers, body, envelope.verb, verdict.user, reply.fault_code)

    async def _act(self, envelope: Request, user: str) -> Reply:
        if envelope.verb == "Receive" and self._mishap.drop_in_receive and self._strikes():
            raise _BreakOffError(envelope.verb)
        return await self.shells.handle(envelope, user)
