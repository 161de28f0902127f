"""The host under test for clients that we did not write, and what decides whether a client must be there.

Every test here needs only three commands of the host: ``hostname``, ``whoami`` and ``echo``, as ``cmd.exe`` or
PowerShell would answer them, and ``more`` and ``big`` where a test says so.
"""

from __future__ import annotations

import base64
import importlib.util
import os
import re
import shutil
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from harness.lab.winrm import Background, HostSettings, WinRMServer, certificate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from harness.lab.process import ProcessIO

REQUIRED = "HARNESS_REQUIRE_CLIENTS"
"""While this variable is set, a client that is missing is a failure and not a reason to skip."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything in this folder."""
    for item in items:
        if "clients" in item.path.parts:
            item.add_marker(pytest.mark.peer)


def _missing(client: str, what: str) -> None:
    message = f"{client} isn't installed: {what}"
    if os.environ.get(REQUIRED):
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(name="need_package", scope="session")
def _need_package() -> Callable[[str, str], None]:
    """Skip, or fail where clients are required, when a Python package isn't there."""

    def need(module: str, distribution: str) -> None:
        if importlib.util.find_spec(module) is None:
            _missing(distribution, f"pip install {distribution}")

    return need


@pytest.fixture(name="need_program", scope="session")
def _need_program() -> Callable[[str], str]:
    """Give a program's path; skip, or fail where clients are required, when it isn't there."""

    def need(program: str) -> str:
        found = shutil.which(program)
        if found is None:
            _missing(program, "it isn't in PATH")
        return str(found)

    return need


@dataclass(frozen=True)
class Host:
    """The host under test."""

    http: tuple[str, int]
    https: tuple[str, int]
    trust: Path
    name: str = "EX01"
    domain: str = "CORP"
    user: str = "administrator"
    password: str = "pass:w0rd"  # ASCII: curl's NTLM knows nothing else

    @property
    def login(self) -> str:
        """The user with the domain."""
        return f"{self.domain}\\{self.user}"

    def url(self, scheme: str) -> str:
        """The service's URL."""
        return "{}://{}:{}/wsman".format(scheme, *(self.https if scheme == "https" else self.http))


def _script(line: str) -> str:
    """Give what runs in the end: the command line, or the script that PowerShell is handed in it."""
    encoded = re.search(r"-EncodedCommand\s+([A-Za-z0-9+/=]+)", line, re.IGNORECASE)
    return base64.b64decode(encoded[1]).decode("utf-16-le") if encoded else line


def _toy(line: str, _environment: Mapping[str, str], io: ProcessIO) -> int:
    """Answer the few commands that the tests send, from ``cmd.exe`` or from PowerShell."""
    script = _script(line).strip()
    command, _, rest = script.splitlines()[-1].partition(" ")
    match command:
        case "hostname":
            io.write_out(b"EX01\r\n")
        case "whoami":
            io.write_out(b"corp\\administrator\r\n")
        case "echo":
            io.write_out(f"{rest.strip(chr(39))}\r\n".encode())
        case "more":
            io.write_out(io.read_all())
        case "big":
            io.write_out(b"x" * int(rest))
        case "pause":
            io.terminated.wait(30)
        case _:
            io.write_err(f"'{command}' is not recognized as an internal or external command,\r\n".encode())
            return 1
    return 0


@pytest.fixture(name="host_under_test", scope="session")
def _host_under_test(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Host]]:
    """Start a simulated host whose WinRM settings are changed as asked; one for each set of changes."""
    with ExitStack() as stack:
        started: dict[object, Host] = {}

        def start(**changes: object) -> Host:
            key = tuple(sorted(changes.items(), key=lambda change: change[0]))
            if key not in started:
                certificates = changes.pop("client_certificates", ())
                settings = HostSettings(
                    name="EX01",
                    fqdn="ex01.corp.example",
                    domain="CORP",
                    users={"administrator": "pass:w0rd"},
                    https_port=0,
                    certificate_folder=tmp_path_factory.mktemp("host"),
                    client_certificates=dict(certificates),
                    **changes,
                )
                server = WinRMServer(settings, _toy)
                stack.enter_context(Background(server))
                assert server.certificate is not None
                started[key] = Host(server.addresses["http"], server.addresses["https"], server.certificate)
            return started[key]

        yield start


@pytest.fixture(name="windows")
def _windows(host_under_test: Callable[..., Host]) -> Host:
    """A host with Windows' defaults: no Basic, nothing unencrypted."""
    return host_under_test()


@pytest.fixture(name="lax")
def _lax(host_under_test: Callable[..., Host]) -> Host:
    """A host that takes Basic and unencrypted messages."""
    return host_under_test(allow_basic=True, allow_unencrypted=True)


@pytest.fixture(name="client_certificate", scope="session")
def _client_certificate(tmp_path_factory: pytest.TempPathFactory) -> certificate.Certificate:
    """A certificate that stands for the administrator."""
    return certificate.make(tmp_path_factory.mktemp("client"), "administrator", client=True)
