"""A host whose shares a real Samba serves, and the command that collects from it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import pytest

from harness.lab.samba import Samba, SambaMissing
from harness.lab.smbserver import SmbUser, create_log, host_folders

if TYPE_CHECKING:
    from collections.abc import Iterator

ADDRESS = "127.0.0.21"
USER = SmbUser("Administrator", "canary-4711-Passw0rd")
LOGS = "Program Files/Microsoft/Exchange Server/V15/TransportRoles/Logs"
TRACKING = f"{LOGS}/MessageTracking"
SMTP = f"{LOGS}/FrontEnd/ProtocolLog/SmtpReceive"
OWA = "inetpub/logs/LogFiles/W3SVC1"
SMTP_HEADER = (
    b"#Software: Microsoft Exchange Server\r\n#Version: 15.0.0.0\r\n#Log-type: SMTP Receive Protocol Log\r\n"
    b"#Date: 2023-11-23T14:00:00.000Z\r\n"
    b"#Fields: date-time,connector-id,session-id,sequence-number,local-endpoint,remote-endpoint,event,data,context\r\n"
)
OWA_HEADER = (
    b"#Software: Microsoft Internet Information Services 10.0\r\n#Version: 1.0\r\n#Date: 2023-11-23 14:00:00\r\n"
    b"#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs-version sc-status\r\n"
)


def smtp_row(data: str) -> bytes:
    """A row of a receive log."""
    start = "2023-11-23T14:00:01.000Z,EX01\\Default Frontend EX01,08DBEC1A2B3C4D5E,3,10.0.0.7:25,192.0.2.9:4711"
    return f"{start},>,{data},\r\n".encode()


def owa_row(stem: str) -> bytes:
    """A row of an IIS log."""
    return f"2023-11-23 14:00:01 10.0.0.7 GET {stem} - 443 CORP\\jane 192.0.2.9 HTTP/2 200\r\n".encode()


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    code: int
    out: bytes
    err: str

    @property
    def events(self) -> list[dict[str, Any]]:
        """Standard output as JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]


class Collecting:
    """One host, an inventory that names it, and `harness collect`.

    Args:
        samba: Serves it.
        root: The server's state.
        folder: For the inventory and outputs.
    """

    def __init__(self, samba: Samba, root: Path, folder: Path) -> None:
        self.port = samba.port
        self.share = host_folders(root, ADDRESS)[0]
        self.folder = folder
        self.ask = False
        self.inventory = folder / "inventory.ini"
        self.describe()

    def describe(self, *lines: str) -> None:
        """Write the inventory, with further lines."""
        text = f"""
            [exchange]
            ex01.corp.example address={ADDRESS}
            [exchange:vars]
            exchange_version=2016
            smb_port={self.port}
            smb_user=LAB\\{USER.name}
            smb_password=env:COLLECT_PASSWORD
            smb_timeout=10
            """
        self.inventory.write_text("\n".join([*(line.strip() for line in text.splitlines()), *lines]))

    def write(self, path: str, data: bytes) -> None:
        """Write a new log on the host."""
        file = self.share / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)
        with os.fdopen(create_log(file), "wb") as stream:
            stream.write(data)

    def append(self, path: str, data: bytes) -> None:
        """Append to a log on the host."""
        with (self.share / path).open("ab") as stream:
            stream.write(data)

    def start(
        self, *arguments: str | Path, out: int | IO[bytes] = subprocess.PIPE, err: int | IO[bytes] = subprocess.PIPE
    ) -> subprocess.Popen[bytes]:
        """Start the command."""
        command = [sys.executable, "-m", "harness", "collect", str(self.inventory), *map(str, arguments)]
        if not self.ask:
            command.append("--defaults")
        environment = {**os.environ, "COLLECT_PASSWORD": USER.password}
        return subprocess.Popen(command, stdout=out, stderr=err, env=environment, cwd=Path(__file__).parents[2])

    def run(self, *arguments: str | Path) -> Ended:
        """Run the command to its end; the password must show nowhere."""
        process = self.start(*arguments)
        try:
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
        assert USER.password.encode() not in out + err
        return Ended(process.returncode, out, err.decode())


@pytest.fixture(scope="session")
def _samba(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Samba, Path]]:
    root = tmp_path_factory.mktemp("collect-lab")
    samba = Samba(root, [ADDRESS], [USER])
    try:
        samba.start()
    except SambaMissing as error:
        if os.environ.get("HARNESS_REQUIRE_SAMBA"):
            raise
        pytest.skip(f"{error}; set HARNESS_REQUIRE_SAMBA to make this a failure")
    try:
        yield samba, root
    finally:
        samba.stop()


@pytest.fixture
def collecting(_samba: tuple[Samba, Path], tmp_path: Path) -> Collecting:
    """A host with empty shares."""
    samba, root = _samba
    for entry in sorted(host_folders(root, ADDRESS)[0].rglob("*"), reverse=True):
        if entry.is_dir():
            entry.rmdir()
        else:
            entry.unlink()
    return Collecting(samba, root, tmp_path)
