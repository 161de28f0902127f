"""A simulated host with a handful of toy commands, for clients that block."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest
from winrm.protocol import Protocol

from harness.lab.winrm import Background, HostSettings, WinRMServer, certificate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from harness.lab.process import ProcessIO

USER = "CORP\\administrator"
PASSWORD = "pass:wörd ß"  # requests sends Basic as Latin-1


def toy(line: str, environment: Mapping[str, str], io: ProcessIO) -> int:  # noqa: C901 - a table of commands
    """Run one of a few commands that each show one thing."""
    command, _, rest = line.partition(" ")
    match command:
        case "echo":
            io.write_out(f"{rest}\r\n".encode())
        case "warn":
            io.write_err(f"{rest}\r\n".encode())
        case "exit":
            return int(rest)
        case "cat":
            io.write_out(io.read_all())
        case "upper":
            while (text := io.read_line()) is not None:
                io.write_out(text.upper())
        case "set":
            io.write_out("".join(f"{name}={value}\n" for name, value in environment.items()).encode())
        case "big":
            for _ in range(int(rest) // 1000):
                io.write_out(b"x" * 1000)
        case "sleep":
            io.write_out(b"asleep\n")
            io.terminated.wait(60)
        case "silent":
            io.terminated.wait(60)
        case _:
            raise FileNotFoundError(command)
    return 0


@dataclass(frozen=True)
class Host:
    """A simulated host that runs, and how to reach it."""

    server: WinRMServer
    background: Background
    addresses: Mapping[str, tuple[str, int]]

    def url(self, scheme: str = "http") -> str:
        """The service's URL."""
        return "{}://{}:{}/wsman".format(scheme, *self.addresses[scheme])

    def client(self, transport: str = "ntlm", scheme: str = "http", **options: object) -> Protocol:
        """A pywinrm client, with nothing taken from the environment."""
        trust = str(self.server.certificate) if scheme == "https" else None
        defaults = {"username": USER, "password": PASSWORD, "ca_trust_path": trust, "proxy": None}
        return Protocol(self.url(scheme), transport, **{**defaults, **options})


@pytest.fixture(name="settings")
def _settings() -> HostSettings:
    """A host as Windows would be, but with HTTPS."""
    users = {"administrator": PASSWORD, "auditor": "audit"}
    return HostSettings(name="EX01", fqdn="ex01.corp.example", domain="CORP", users=users, https_port=0)


@pytest.fixture(name="run_host")
def _run_host(settings: HostSettings) -> Iterator[Callable[..., Host]]:
    """Start hosts with changed settings; all are stopped at the test's end."""
    with ExitStack() as stack:

        def run(**changes: object) -> Host:
            server = WinRMServer(replace(settings, **changes), toy)
            background = stack.enter_context(Background(server))
            return Host(server, background, server.addresses)

        yield run


@pytest.fixture(name="host")
def _host(run_host: Callable[..., Host]) -> Host:
    """A host with Windows' defaults."""
    return run_host()


@pytest.fixture(name="client_certificate", scope="session")
def _client_certificate(tmp_path_factory: pytest.TempPathFactory) -> certificate.Certificate:
    """A certificate to sign in with."""
    return certificate.make(tmp_path_factory.mktemp("client"), "administrator", client=True)
