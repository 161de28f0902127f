"""The service on the wire: what HTTP clients of every kind get."""

from __future__ import annotations

import base64
import socket
import time
from typing import TYPE_CHECKING

import pytest

from harness.lab.winrm.envelope import IDENTITY, SOAP
from harness.lab.winrm.settings import Limits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.lab.winrm.conftest import Host

IDENTIFY = (
    f'<s:Envelope xmlns:s="{SOAP}"><s:Header/><s:Body><i:Identify xmlns:i="{IDENTITY}"/></s:Body></s:Envelope>'
).encode()
SOAP_TYPE = "Content-Type: application/soap+xml;charset=UTF-8"
AUDITOR = "Authorization: Basic " + base64.b64encode(b"auditor:audit").decode()


def post(*headers: str, body: bytes = IDENTIFY, path: str = "/wsman", method: str = "POST") -> bytes:
    """A request's bytes; the length is added."""
    lines = [f"{method} {path} HTTP/1.1", "Host: ex01", *headers, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


class Wire:
    """A bare connection."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address, timeout=5)
        self._file = self.socket.makefile("rb")

    def send(self, data: bytes) -> None:
        """Send bytes."""
        self.socket.sendall(data)

    def answer(self) -> tuple[int, list[tuple[str, str]], bytes]:
        """Read one answer: status, headers, body; status 0 at the end of the connection."""
        line = self._file.readline()
        if not line:
            return 0, [], b""
        headers = []
        while (header := self._file.readline().decode().strip()) != "":
            name, _, value = header.partition(":")
            headers.append((name.lower(), value.strip()))
        length = int(dict(headers).get("content-length", "0"))
        return int(line.split()[1]), headers, self._file.read(length)

    def close(self) -> None:
        """Close it."""
        self._file.close()
        self.socket.close()


@pytest.fixture(name="wire")
def _wire(run_host: Callable[..., Host]) -> Iterator[Wire]:
    """A connection to a host that takes Basic and plain messages, with short patience."""
    limits = Limits(envelope_size=20_000, request_seconds=0.5, keep_alive_seconds=0.5)
    host = run_host(https_port=None, allow_basic=True, allow_unencrypted=True, limits=limits)
    wire = Wire(host.addresses["http"])
    yield wire
    wire.close()


def test_identify_with_basic(wire: Wire) -> None:
    """A known user learns the version of Windows; the answer is SOAP."""
    wire.send(post(SOAP_TYPE, AUDITOR))
    status, headers, body = wire.answer()

    assert (200, "application/soap+xml;charset=UTF-8") == (status, dict(headers)["content-type"])
    assert b"OS: 10.0.14393" in body


def test_identify_without_signing_in_tells_no_version(wire: Wire) -> None:
    """As Test-WSMan without credentials: who it is, but not which version."""
    wire.send(post(SOAP_TYPE, "WSMANIDENTIFY: unauthenticated"))
    status, _, body = wire.answer()

    assert (200, True, False) == (status, b"OS: 0.0.0" in body, b"10.0" in body)


def test_the_header_for_strangers_opens_nothing_else(wire: Wire) -> None:
    """Only Identify is free; any other envelope still needs a user, and no envelope is a bad request."""
    wire.send(post(SOAP_TYPE, "WSMANIDENTIFY: unauthenticated", body=IDENTIFY.replace(b"i:Identify", b"i:Other")))
    first = wire.answer()[0]
    wire.send(post(SOAP_TYPE, "WSMANIDENTIFY: unauthenticated", body=b"<"))

    assert (401, 400) == (first, wire.answer()[0])


def test_each_scheme_has_a_header_of_its_own(wire: Wire) -> None:
    """Clients look for their scheme at the start of a WWW-Authenticate header."""
    wire.send(post(SOAP_TYPE))
    status, headers, body = wire.answer()

    assert (401, b"") == (status, body)
    assert ["Negotiate", "NTLM", 'Basic realm="WSMAN"'] == [
        value for name, value in headers if name == "www-authenticate"
    ]


@pytest.mark.parametrize(
    "authorization",
    ["Basic", "Basic %%%", "Basic YWJj", "Negotiate", "Negotiate %%%", "NTLM YWJj", "Bearer x", "Negotiate YIIBBg=="],
)
def test_malformed_authorization_is_refused(wire: Wire, authorization: str) -> None:
    """Nonsense in the header is a 401, and the connection goes on."""
    wire.send(post(SOAP_TYPE, f"Authorization: {authorization}"))
    first = wire.answer()[0]
    wire.send(post(SOAP_TYPE, AUDITOR))

    assert (401, 200) == (first, wire.answer()[0])


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (post(SOAP_TYPE, AUDITOR, path="/"), 404),
        (post(SOAP_TYPE, AUDITOR, method="GET", body=b""), 405),
        (post("Content-Type: text/plain", AUDITOR), 415),
        (post(SOAP_TYPE, AUDITOR, body=b"no xml"), 400),
        (post(SOAP_TYPE, AUDITOR, body=b"<!DOCTYPE a>" + IDENTIFY), 400),
        (post('Content-Type: multipart/encrypted;boundary="Encrypted Boundary"', AUDITOR), 400),
        (post(SOAP_TYPE, AUDITOR, body=b" " * 20_001), 413),
        (b"nonsense\r\n\r\n", 400),
        (b"POST /wsman HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", 400),
        (b"POST /wsman HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 70_000, 431),
    ],
)
def test_what_is_wrong_has_its_status(wire: Wire, request_bytes: bytes, status: int) -> None:
    """Wrong place, method, type, content and size each have their status; none has a body."""
    wire.send(request_bytes)

    assert (status, b"") == (wire.answer()[0], wire.answer()[2])


def test_oversized_body_is_heard_out(wire: Wire) -> None:
    """A client that is still sending when its body is already too large reads 413, not a broken connection."""
    request = post(SOAP_TYPE, AUDITOR, body=b" " * 200_000)
    for start in range(0, len(request), 50_000):
        wire.send(request[start : start + 50_000])
        time.sleep(0.05)

    assert 413 == wire.answer()[0]


def test_keep_alive_and_pipelined_requests_are_answered_in_order(wire: Wire) -> None:
    """Requests sent at once are answered one after the other on the same connection."""
    wire.send(post(SOAP_TYPE, AUDITOR) + post(SOAP_TYPE, AUDITOR, path="/no") + post(SOAP_TYPE, AUDITOR))

    assert [200, 404, 200] == [wire.answer()[0] for _ in range(3)]


def test_connection_close_is_kept(wire: Wire) -> None:
    """A client that asks for it gets its answer and then the end."""
    wire.send(post(SOAP_TYPE, AUDITOR, "Connection: close"))

    assert [200, 0] == [wire.answer()[0], wire.answer()[0]]


def test_chunked_body_and_100_continue(wire: Wire) -> None:
    """Both ways in which HTTP clients send a body of unknown or large size."""
    head = ["POST /wsman HTTP/1.1", "Host: ex01", SOAP_TYPE, AUDITOR, "Expect: 100-continue"]
    wire.send("\r\n".join([*head, "Transfer-Encoding: chunked", "", ""]).encode())
    first = wire.answer()[0]
    for piece in (IDENTIFY[:50], IDENTIFY[50:]):
        wire.send(b"%x\r\n%s\r\n" % (len(piece), piece))
    wire.send(b"0\r\n\r\n")

    assert [100, 200] == [first, wire.answer()[0]]


def test_slow_request_times_out(wire: Wire) -> None:
    """A request that doesn't arrive in time is answered with 408 and the connection is closed."""
    wire.send(post(SOAP_TYPE, AUDITOR)[:100])

    assert [408, 0] == [wire.answer()[0], wire.answer()[0]]


def test_idle_connection_is_closed_without_a_word(wire: Wire) -> None:
    """A connection without a request is closed after the keep-alive time."""
    assert 0 == wire.answer()[0]


def test_request_that_breaks_off_leaves_the_server_well(run_host: Callable[..., Host]) -> None:
    """A client that vanishes in mid-request or while it is owed an answer harms nobody."""
    host = run_host(allow_basic=True, allow_unencrypted=True)
    for data in (post(SOAP_TYPE, AUDITOR)[:60], post(SOAP_TYPE, AUDITOR), b"\x16\x03\x01 TLS on the wrong port"):
        vanishing = Wire(host.addresses["http"])
        vanishing.send(data)
        vanishing.close()
    other = Wire(host.addresses["http"])
    other.send(post(SOAP_TYPE, AUDITOR))

    assert 200 == other.answer()[0]
    other.close()


def test_a_sign_in_belongs_to_its_connection(host: Host) -> None:
    """NTLM signs a connection in, not a client: the next connection starts from nothing."""
    client = host.client(message_encryption="never", scheme="https")
    client.open_shell()
    statuses = [exchange.status for exchange in host.server.exchanges]
    client.transport.close_session()
    client.open_shell()

    assert [401, 401, 200] * 2 == statuses + [exchange.status for exchange in host.server.exchanges][3:]
