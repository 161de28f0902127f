"""pywinrm's transport, with its sockets in our hand.

pywinrm 0.5 builds a `requests.Session` that trusts the environment: proxies, certificate bundles and ``~/.netrc``.
Ours doesn't, so what is reached and with which credentials stands in the inventory alone. Four more things are
closed here:

* After a failed sign-in pywinrm keeps the session without its encryption, and would send the next message in clear.
* Message encryption belongs to one TCP connection. When that is gone, urllib3 silently opens another, and the host
  gets a message that it can't read. `ConnectionGoneError` is raised instead, before a byte is sent.
* In an encrypted session pywinrm accepts an answer in clear, which anybody on the way may have written.
* A redirect would carry the sign-in to another host.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import weakref
from typing import TYPE_CHECKING, Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from winrm.transport import Transport

from harness.remote.connection import ENCRYPTING

if TYPE_CHECKING:
    from collections.abc import Iterator

    import requests

    from harness.remote.connection import Endpoint

_FROM_NOWHERE = ""
"""As pywinrm's ``proxy``: makes it neither warn of proxies in the environment nor change ``os.environ``, as it does
with None. What it collects is thrown away in `WireTransport._harden`."""


class ConnectionGoneError(Exception):
    """The TCP connection that was signed in on has ended; nothing of the message was sent."""


class PlainAnswerError(Exception):
    """The answer came in clear although messages are encrypted."""


class Wire:
    """The TCP connections of one session. `cut` may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: weakref.WeakSet[HTTPConnection] = weakref.WeakSet()
        self._halted = False
        self.connecting = False
        self.offered = ""
        self.signed_in = False
        self.timed_out = False

    def opening(self, connection: HTTPConnection) -> None:
        """Note a connection that is about to be made.

        Raises:
            ConnectionGoneError: It would take the place of the one that messages are encrypted for.
        """
        if self.signed_in:
            raise ConnectionGoneError
        with self._lock:
            self._open.add(connection)
        self.connecting = True

    def opened(self) -> None:
        """Note that TCP and TLS stand.

        Raises:
            ConnectionAbortedError: There is to be no connection any more.
        """
        self.connecting = False
        if self._halted:
            raise ConnectionAbortedError

    def halt(self) -> None:
        """Cut, and let no connection come up any more."""
        self._halted = True
        self.cut()

    def resume(self) -> None:
        """Let connections come up again."""
        self._halted = False

    def close(self) -> None:
        """Close every connection; urllib3 would wait until its pool is collected, which a kept exception delays."""
        with self._lock:
            connections, self._open = list(self._open), weakref.WeakSet()
        for connection in connections:
            connection.close()

    def cut(self) -> None:
        """Shut every connection down, which ends a read that another thread waits in."""
        with self._lock:
            sockets = [connection.sock for connection in self._open]
        for each in sockets:
            if each is not None:
                with contextlib.suppress(OSError):
                    # Not SSLSocket's own: it drops its TLS state under the thread that reads.
                    socket.socket.shutdown(each, socket.SHUT_RDWR)

    @contextlib.contextmanager
    def cut_after(self, seconds: float) -> Iterator[None]:
        """Cut when the block takes longer, which a host could otherwise draw out byte by byte.

        Args:
            seconds: The limit.
        """

        def late() -> None:
            self.timed_out = True
            self.cut()

        self.timed_out = False
        timer = threading.Timer(seconds, late)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()


class _Adapter(HTTPAdapter):
    """Makes the connections known to the wire.

    Args:
        wire: Where.
    """

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - requests' own signature
        """Let the pools make connections of ours."""
        super().init_poolmanager(*args, **kwargs)
        wire = self._wire

        class Plain(HTTPConnection):
            def connect(self) -> None:
                wire.opening(self)
                super().connect()
                wire.opened()

        class Secure(HTTPSConnection):
            def connect(self) -> None:
                wire.opening(self)
                super().connect()
                wire.opened()

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = Plain

        class SecurePool(HTTPSConnectionPool):
            ConnectionCls = Secure

        self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}


class WireTransport(Transport):
    """pywinrm's transport for one endpoint.

    Args:
        endpoint: The host.
        wire: Gets its connections.
    """

    def __init__(self, endpoint: Endpoint, wire: Wire) -> None:
        user, password = endpoint.user, endpoint.password.reveal() if endpoint.password else None
        # requests would encode text as Latin-1, and fail for other passwords; bytes it takes as they are.
        credentials: Any = (user, password)
        if endpoint.transport == "basic":
            credentials = (user.encode(), (password or "").encode())
        bundled: Any = None
        super().__init__(
            endpoint=endpoint.url,
            username=credentials[0] or None,
            password=credentials[1],
            service="HTTP",
            ca_trust_path=endpoint.ca_trust_path or bundled,
            cert_pem=endpoint.cert_pem,
            cert_key_pem=endpoint.cert_key_pem,
            server_cert_validation="validate" if endpoint.validate_certificate else "ignore",
            kerberos_delegation=endpoint.kerberos_delegation,
            auth_method=endpoint.transport,
            message_encryption=endpoint.message_encryption if endpoint.transport in ENCRYPTING else "never",
            send_cbt=endpoint.send_cbt,
            proxy=_FROM_NOWHERE,
        )
        self._wire = wire

    def limit(self, connect_seconds: float, read_seconds: float) -> None:
        """Set the time-outs of the next requests; pywinrm hands this on to requests, which takes a pair.

        Args:
            connect_seconds: For TCP and TLS.
            read_seconds: For each wait for bytes.
        """
        pair: Any = (connect_seconds, read_seconds)
        self.read_timeout_sec = pair

    def build_session(self) -> requests.Session:
        """Give the session, signing in first where messages are encrypted."""
        if self.session is not None:
            return self.session
        try:
            return self._harden(super().build_session())
        except BaseException:
            self.close_session()
            raise

    def setup_encryption(self, session: requests.Session) -> None:
        """Sign in; from then on messages belong to this one connection."""
        super().setup_encryption(self._harden(session))
        self._wire.signed_in = True

    def close_session(self) -> None:
        """Forget connections, sign-in and keys; the next message signs in anew."""
        super().close_session()
        self.encryption = None
        self._wire.close()
        self._wire.signed_in = False

    def _harden(self, session: requests.Session) -> requests.Session:
        """Take from a session what comes from outside the inventory."""
        if session.trust_env:
            session.trust_env = False
            session.proxies = {}
            session.max_redirects = 0
            for prefix in ("http://", "https://"):
                session.mount(prefix, _Adapter(self._wire))
            session.hooks["response"].append(self._look)
        return session

    def _look(self, response: requests.Response, **_: object) -> None:
        """Note how the host wants to be signed in to.

        Raises:
            PlainAnswerError: In clear, though messages are encrypted.
        """
        first = response.history[0] if response.history else response
        self._wire.offered = first.headers.get("WWW-Authenticate", self._wire.offered)
        kind = response.headers.get("Content-Type", "")
        if self.encryption and response.ok and "encrypted" not in kind:
            response.close()
            raise PlainAnswerError
