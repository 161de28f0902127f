"""Simulated file servers: Samba, which is the real thing, and the embedded one, which is degraded."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.lab.embedded_smb import EmbeddedSmb
from harness.lab.samba import Samba, SambaMissing
from harness.lab.smbserver import SmbUser, create_log, host_folders
from harness.remote.smb import SmbConnection, SmbEndpoint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.lab.smbserver import SmbServer

ADDRESS = "127.0.0.11"
OTHER_ADDRESS = "127.0.0.12"
ADMIN = SmbUser("Administrator", "Passw0rd:with \u00fcml\u00e4uts")
READER = SmbUser("svc-jsa", "canary-4711", admin=False)


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret as the inventory has it."""

    value: str

    def reveal(self) -> str:
        """Give it."""
        return self.value


@dataclass(frozen=True, slots=True)
class Lab:
    """A running server and what it serves."""

    server: SmbServer
    root: Path

    @property
    def degraded(self) -> bool:
        """Whether it is the embedded one."""
        return self.server.degraded

    def folder(self, address: str = ADDRESS) -> Path:
        """The folder behind ``C$``."""
        return host_folders(self.root, address)[0]

    def public(self, address: str = ADDRESS) -> Path:
        """The folder behind ``Logs``."""
        return host_folders(self.root, address)[1]

    def endpoint(self, address: str = ADDRESS, user: SmbUser = ADMIN, **options: object) -> SmbEndpoint:
        """Where a simulated host is, and who signs in."""
        values: dict[str, object] = {
            "host": "ex01",
            "user": user.name,
            "password": Secret(user.password),
            "address": address,
            "port": self.server.port,
            "domain": "LAB",
            "auth": "ntlm",
            "timeout": 10.0,
        }
        return SmbEndpoint(**(values | options))  # type: ignore[arg-type] - a misspelt option fails at once

    def write(self, path: str, data: bytes, address: str = ADDRESS) -> Path:
        """Write a new file on a host, with a creation time of its own."""
        file = self.folder(address) / path
        file.unlink(missing_ok=True)
        with os.fdopen(create_log(file), "wb") as stream:
            stream.write(data)
        return file

    def append(self, path: str, data: bytes, address: str = ADDRESS) -> None:
        """Append to a file on a host."""
        with (self.folder(address) / path).open("ab") as stream:
            stream.write(data)


def start_samba(root: Path, **options: object) -> Samba:
    """Start Samba, or skip where it isn't installed and need not be."""
    samba = Samba(root, [ADDRESS, OTHER_ADDRESS], [ADMIN, READER], **options)
    try:
        samba.start()
    except SambaMissing as error:
        if os.environ.get("HARNESS_REQUIRE_SAMBA"):
            raise
        pytest.skip(f"{error}; set HARNESS_REQUIRE_SAMBA to make this a failure")
    return samba


@contextmanager
def running(root: Path, kind: str, **options: object) -> Iterator[Lab]:
    """Serve a lab for a while."""
    server: SmbServer
    if kind == "samba":
        server = start_samba(root, **options)
    else:
        server = EmbeddedSmb(root, [ADDRESS], [ADMIN, READER])
        server.start()
    try:
        yield Lab(server, root)
    finally:
        server.stop()


def smbd_processes(root: Path) -> list[int]:
    """The processes of the smbd that runs in a folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if words[0].endswith(b"smbd") and any(word.startswith(os.fsencode(root)) for word in words):
                found.append(int(entry.name))
    return found


@pytest.fixture(scope="session", params=["samba", "embedded"])
def _served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with running(tmp_path_factory.mktemp("lab"), request.param) as lab:
        yield lab


@pytest.fixture(scope="session")
def _samba(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with running(tmp_path_factory.mktemp("lab"), "samba") as lab:
        yield lab


def _empty(lab: Lab) -> Lab:
    """Clear a host's shares before a test."""
    for folder in (lab.folder(), lab.public()):
        for entry in sorted(folder.rglob("*"), reverse=True):
            if entry.is_dir() and not entry.is_symlink():
                entry.rmdir()
            else:
                entry.unlink()
    return lab


@pytest.fixture
def lab(_served: Lab) -> Lab:
    """Either server, with empty shares."""
    return _empty(_served)


@pytest.fixture
def samba(_samba: Lab) -> Lab:
    """Samba, with empty shares, for what the embedded server can't do."""
    return _empty(_samba)


@pytest.fixture
def connection(lab: Lab) -> Iterator[SmbConnection]:
    """A connection to either server."""
    with SmbConnection(lab.endpoint()) as opened:
        yield opened


@pytest.fixture
def samba_connection(samba: Lab) -> Iterator[SmbConnection]:
    """A connection to Samba."""
    with SmbConnection(samba.endpoint()) as opened:
        yield opened
