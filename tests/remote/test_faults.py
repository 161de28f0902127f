"""Peers that no WinRM service would be: every one has its own words."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from harness.errors import (
    AuthenticationError,
    ConnectionLostError,
    DeadlineError,
    HostError,
    ProtocolFaultError,
    UnreachableError,
)
from harness.redaction import Secret
from harness.remote.connection import Clock, Endpoint
from harness.remote.winrm import WinRMConnection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from conftest import Lab

    Stubs = Callable[[Callable[[socket.socket], None]], "Stub"]

PASSWORD = "stub-Canary-password"


class Stub:
    """Answers each connection with a function of the test's.

    Args:
        talk: Gets the accepted socket; it is closed after that.
    """

    def __init__(self, talk: Callable[[socket.socket], None]) -> None:
        self._talk = talk
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._ended = threading.Event()
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while not self._ended.is_set():
            with contextlib.suppress(OSError):
                accepted, _ = self._listener.accept()
                with accepted:
                    accepted.settimeout(5)
                    self._talk(accepted)

    def close(self) -> None:
        """Stop answering."""
        self._ended.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)


@pytest.fixture
def stub() -> Iterator[Callable[[Callable[[socket.socket], None]], Stub]]:
    """Make stubs that are closed in the end."""
    with contextlib.ExitStack() as stack:

        def make(talk: Callable[[socket.socket], None]) -> Stub:
            made = Stub(talk)
            stack.callback(made.close)
            return made

        yield make


def says(answer: bytes) -> Callable[[socket.socket], None]:
    """Read one request and give that answer, for as long as the client asks."""

    def talk(accepted: socket.socket) -> None:
        while accepted.recv(65536):
            accepted.sendall(answer)

    return talk


def response(status: str, body: bytes = b"", *headers: str) -> bytes:
    """Write an HTTP answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def failure(port: int, **changes: object) -> HostError:
    """Run a command where it has to fail; give the error."""
    settings: dict[str, object] = {
        "host": "ex01",
        "address": "127.0.0.1",
        "port": port,
        "transport": "basic",
        "allow_unencrypted": True,
        "user": "admin",
        "password": Secret(PASSWORD),
        "connect_seconds": 1,
        "read_seconds": 1,
    }
    endpoint = Endpoint(**(settings | changes))  # type: ignore[arg-type]  # the tests name the fields
    connection = WinRMConnection(endpoint)
    try:
        with pytest.raises(HostError) as caught:
            connection.execute("cat", b"", lambda _: None, Clock("ex01", task_seconds=20, run_seconds=20))
    finally:
        connection.close()

    assert "ex01" == caught.value.host
    assert PASSWORD not in f"{caught.value.message} {caught.value.hint} {caught.value.__cause__!r}"
    return caught.value


def test_unknown_name() -> None:
    """A name without an address says so."""
    error = failure(5985, address="no-such-host.invalid", transport="ntlm")

    assert UnreachableError is type(error)
    assert "no-such-host.invalid has no address" in error.message


@pytest.mark.parametrize("address", ["ex01 corp", "a" * 70 + ".example", "ex01:x/y"])
def test_address_that_is_none(address: str) -> None:
    """What can't be an address is refused in words, not with a library's exception."""
    error = failure(5985, address=address, transport="ntlm")

    assert UnreachableError is type(error)


def test_nothing_listens() -> None:
    """A closed port is named with what was tried."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    error = failure(port)

    assert isinstance(error, UnreachableError)
    assert "refuses the connection" in error.message
    assert (f"http://127.0.0.1:{port}/wsman (basic)",) == error.tried


def test_https_to_a_plain_port(stub: Stubs) -> None:
    """TLS where plain HTTP is spoken."""
    error = failure(stub(says(response("400 Bad Request"))).port, scheme="https")

    assert "speaks plain HTTP" in error.message
    assert "winrm_scheme=http" in error.hint


def test_http_to_a_tls_port(lab: Lab) -> None:
    """Plain HTTP where TLS is spoken."""
    error = failure(lab.server.addresses["https"][1], transport="ntlm")

    assert isinstance(error, UnreachableError)
    assert "winrm_scheme=https" in error.hint


def test_no_tls_answer(stub: Stubs) -> None:
    """A port that takes the connection and says nothing to TLS is a connect time-out."""
    error = failure(stub(lambda _: time.sleep(1.5)).port, scheme="https")

    assert isinstance(error, DeadlineError)
    assert "connect" == error.which


def test_old_tls(stub: Stubs) -> None:
    """A host that ends TLS with the alert protocol_version needs TLS 1.2."""

    def talk(accepted: socket.socket) -> None:
        accepted.recv(65536)
        accepted.sendall(bytes.fromhex("15030100020246"))

    error = failure(stub(talk).port, scheme="https")

    assert "TLS 1.2" in error.hint


@pytest.mark.parametrize(
    ("answer", "kind", "text"),
    [
        (response("404 Not Found"), ProtocolFaultError, "no WinRM there"),
        (response("500 Internal Server Error"), ProtocolFaultError, "without a word"),
        (response("302 Found", b"", "Location: http://127.0.0.1:9/"), ProtocolFaultError, "redirects elsewhere"),
        (response("200 OK", b"<html>hello"), ProtocolFaultError, "isn't WS-Management"),
        (response("200 OK", b"<a/>"), ProtocolFaultError, "isn't WS-Management"),
        (response("200 OK"), ProtocolFaultError, "isn't WS-Management"),
        (response("401 Unauthorized", b"", "WWW-Authenticate: Negotiate"), AuthenticationError, "it offers Negotiate"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", UnreachableError, "breaks it off"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n<", DeadlineError, "no answer within"),
    ],
)
def test_answers(stub: Stubs, answer: bytes, kind: type[HostError], text: str) -> None:
    """What isn't WinRM is told apart."""
    error = failure(stub(says(answer)).port)

    assert kind is type(error)
    assert text in error.message


def test_answer_that_breaks_off(stub: Stubs) -> None:
    """Half an answer and the end of the connection."""

    def talk(accepted: socket.socket) -> None:
        accepted.recv(65536)
        accepted.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n<")

    error = failure(stub(talk).port)

    assert isinstance(error, UnreachableError)
    assert "breaks it off" in error.message


def test_answer_drawn_out(stub: Stubs) -> None:
    """A byte now and then doesn't get round the time-outs."""

    def talk(accepted: socket.socket) -> None:
        accepted.recv(65536)
        accepted.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n")
        for _ in range(60):
            accepted.sendall(b"<")
            time.sleep(0.2)

    began = time.monotonic()
    error = failure(stub(talk).port)

    assert isinstance(error, DeadlineError)
    assert "read" == error.which
    assert time.monotonic() - began < 9


def test_ntlm_without_a_challenge(stub: Stubs) -> None:
    """A host that offers NTLM and then doesn't go on with it."""
    error = failure(stub(says(response("401 Unauthorized", b"", "WWW-Authenticate: NTLM"))).port, transport="ntlm")

    assert AuthenticationError is type(error)


def test_ntlm_answered_with_an_error(stub: Stubs) -> None:
    """A host that offers NTLM and answers the first step with something else."""

    def talk(accepted: socket.socket) -> None:
        accepted.recv(65536)
        accepted.sendall(response("401 Unauthorized", b"", "WWW-Authenticate: NTLM"))
        accepted.recv(65536)
        accepted.sendall(response("500 Internal Server Error"))

    error = failure(stub(talk).port, transport="ntlm")

    assert AuthenticationError is type(error)


@pytest.mark.parametrize("token", ["AAAA", "!", "TlRMTVNTUAACAAAA"])
def test_ntlm_with_a_broken_challenge(stub: Stubs, token: str) -> None:
    """A challenge that isn't one."""

    def talk(accepted: socket.socket) -> None:
        accepted.recv(65536)
        accepted.sendall(response("401 Unauthorized", b"", "WWW-Authenticate: NTLM"))
        accepted.recv(65536)
        accepted.sendall(response("401 Unauthorized", b"", f"WWW-Authenticate: NTLM {token}"))

    error = failure(stub(talk).port, transport="ntlm")

    assert isinstance(error, (AuthenticationError, ProtocolFaultError))


def test_plain_answer_to_an_encrypted_message(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """In an encrypted session an answer in clear is refused, since anybody may have written it."""
    monkeypatch.setattr("harness.lab.winrm.encryption.CONTENT_TYPE", "application/soap+xml;charset=UTF-8")
    _, port = lab.server.addresses["http"]
    error = failure(port, transport="ntlm", user=r"CORP\admin", password=Secret(lab.password), read_seconds=5)

    assert ProtocolFaultError is type(error)
    assert "in clear" in error.message


def test_lost_is_not_unreachable_at_first() -> None:
    """Who never answered can't be lost."""
    assert not isinstance(failure(9), ConnectionLostError)


def test_encrypted_key_does_not_ask(lab: Lab, tmp_path: Path) -> None:
    """A client key with a password is an error; OpenSSL must not ask the terminal for it."""
    key = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )
    path = tmp_path / "key.pem"
    path.write_bytes(key)
    error = failure(
        lab.server.addresses["https"][1],
        scheme="https",
        transport="certificate",
        cert_pem=str(lab.server.certificate),
        cert_key_pem=str(path),
    )

    assert "can't be used" in error.message
