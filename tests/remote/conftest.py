"""Hosts on loopback for the WinRM client to talk to."""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from harness.lab.winrm import Background, HostSettings, Mishap, WinRMServer
from harness.redaction import Secret
from harness.remote.connection import Clock, Endpoint, Finished
from harness.remote.winrm import WinRMConnection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from harness.lab.process import ProcessIO

CANARY = "S3cr:et-Canary-Ünïcode!"
USER = r"CORP\admin"


def program(command_line: str, _environment: Mapping[str, str], streams: ProcessIO) -> int:
    """Be a few simple programs, told apart by the first word."""
    verb, _, rest = command_line.partition(" ")
    if verb == "cat":
        streams.write_out(streams.read_all())
    elif verb == "count":
        streams.write_out(str(len(streams.read_all())).encode())
    elif verb == "say":
        for word in rest.split("|"):
            streams.write_out(word.encode())
    elif verb == "fail":
        streams.write_err(b"it went wr\xc3\xb6ng")
        return 7
    elif verb == "hang":
        streams.read_all()
        streams.write_out(b"started\r\n")
        streams.terminated.wait(30)
    elif verb == "drip":
        for number in range(int(rest)):
            streams.write_out(f"{number}\r\n".encode())
            streams.terminated.wait(0.3)
    return 0


class Later:
    """Runs something in a thread after a while, and waits for it in the end.

    Args:
        seconds: When.
        what: What.
    """

    def __init__(self, seconds: float, what: Callable[[], None]) -> None:
        self._timer = threading.Timer(seconds, what)

    def __enter__(self) -> None:
        """Start the time."""
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        """Wait for it."""
        self._timer.join()


class Lab:
    """One simulated host and what a test wants to know of it.

    Args:
        server: The host.
        background: Where it runs.
    """

    def __init__(self, server: WinRMServer, background: Background) -> None:
        self.server = server
        self._background = background

    password = CANARY

    def run(self, connection: WinRMConnection, command: str, stdin: bytes = b"") -> tuple[bytes, Finished]:
        """Run a command; give its output and end."""
        output = bytearray()
        finished = connection.execute(command, stdin, output.extend, self.clock(connection._endpoint))
        return bytes(output), finished

    def clock(self, endpoint: Endpoint) -> Clock:
        """Start the endpoint's deadlines."""
        return Clock(endpoint.host, task_seconds=endpoint.task_seconds, run_seconds=endpoint.run_seconds)

    def later(self, seconds: float, what: Callable[[], None]) -> Later:
        """Run something in a thread after a while."""
        return Later(seconds, what)

    def befall(self, mishap: Mishap) -> None:
        """Let something go wrong from now on."""
        self._background.call(self.server.set_mishap(mishap))

    def endpoint(self, scheme: str = "http", **changes: object) -> Endpoint:
        """Give the endpoint of this host, with the right user and password."""
        address, port = self.server.addresses[scheme]
        usual = Endpoint(
            host="ex01",
            address=address,
            port=port,
            scheme="https" if scheme == "https" else "http",
            user=USER,
            password=Secret(CANARY),
            connect_seconds=5,
            read_seconds=10,
            task_seconds=20,
            run_seconds=30,
        )
        return replace(usual, **changes)  # type: ignore[arg-type]  # the tests name the fields

    @property
    def actions(self) -> list[str]:
        """The WS-Management actions that were answered, without the requests that only sign in."""
        return [each.action for each in self.server.exchanges if each.action]

    def wait_for(self, condition: Callable[[], bool], seconds: float = 5.0) -> bool:
        """Wait until something holds at the server."""
        ends = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > ends:
                return False
            time.sleep(0.02)
        return True


@pytest.fixture
def lab() -> Iterator[Lab]:
    """A host as Windows sets it up: NTLM with message encryption over HTTP; HTTPS with a certificate of its own."""
    settings = HostSettings("EX01", "ex01.corp.example", "CORP", {"admin": CANARY}, https_port=0)
    server = WinRMServer(settings, program)
    with Background(server) as background:
        yield Lab(server, background)


@pytest.fixture
def lab_open() -> Iterator[Lab]:
    """A host that takes Basic and messages in clear."""
    settings = HostSettings(
        "EX01", "ex01.corp.example", "CORP", {"admin": CANARY}, https_port=0, allow_basic=True, allow_unencrypted=True
    )
    server = WinRMServer(settings, program)
    with Background(server) as background:
        yield Lab(server, background)


@pytest.fixture
def connect() -> Iterator[Callable[[Endpoint], WinRMConnection]]:
    """Make connections that are closed in the end."""
    with contextlib.ExitStack() as stack:

        def connection(endpoint: Endpoint) -> WinRMConnection:
            made = WinRMConnection(endpoint)
            stack.callback(made.close)
            return made

        yield connection
