"""The whole lab: simulated hosts that write logs and a file server that shows them, Samba's or the embedded one."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from smbprotocol.exceptions import SharingViolation

from harness.lab import samba, server, traffic
from harness.lab.client import LabHost, Simulated, lab, running
from harness.lab.logs.files import HeldFiles
from harness.lab.logwriter import LogWriter
from harness.lab.samba import SambaMissing
from harness.lab.server import Lab
from harness.lab.smbserver import LabSmbError, SmbUser
from harness.remote.smb import SmbConnection, SmbEndpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LOGS = "Program Files/Microsoft/Exchange Server/V15/TransportRoles/Logs"
TRACKING = f"{LOGS}/MessageTracking"
RECEIVED = f"{LOGS}/FrontEnd/ProtocolLog/SmtpReceive"
WEB = "inetpub/logs/LogFiles/W3SVC1"
FIRST, SECOND = "ex01.lab.example", "ex02.lab.example"


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret as the inventory has it."""

    value: str

    def reveal(self) -> str:
        """Give it."""
        return self.value


@dataclass(frozen=True, slots=True)
class Served:
    """A lab that runs in this process."""

    lab: Lab
    hosts: dict[str, LabHost]

    def connection(self, name: str = FIRST) -> SmbConnection:
        """Connect as the product does."""
        host = self.hosts[name]
        return SmbConnection(
            SmbEndpoint(
                host=name,
                user=host.smb_user.rpartition("\\")[2],
                password=Secret(host.password),
                address=host.address,
                port=host.smb_port,
                domain="LAB",
                auth="ntlm",
                timeout=10.0,
            )
        )

    def flush(self, name: str = FIRST) -> None:
        """Have a host write what it holds back."""
        self.lab.hosts[name].spool.flush()

    def text(self, folder: str, name: str = FIRST) -> str:
        """Read all files of a folder of ``C$``."""
        self.flush(name)
        with self.connection(name) as connection:
            files = sorted(found.path for found in connection.list("c$", folder))
            texts = []
            for path in files:
                with connection.open("c$", path) as file:
                    texts.append(file.read(0, 1 << 20).decode())
        return "".join(texts)


def _no_samba(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise SambaMissing(f"{name} isn't installed", hint="install samba")

    monkeypatch.setattr(samba, "_program", missing)


def _need_samba() -> None:
    try:
        samba._program("smbd")
    except LabSmbError as error:
        if os.environ.get("HARNESS_REQUIRE_SAMBA"):
            raise
        pytest.skip(f"{error}; set HARNESS_REQUIRE_SAMBA to make this a failure")


@contextmanager
def served(folder: Path, run: Callable[[Any], Any]) -> Iterator[Served]:
    """Run a lab of two hosts."""
    lab = Lab([Simulated(FIRST, "2016"), Simulated(SECOND, "2016")], folder)
    hosts = run(lab.start())
    try:
        yield Served(lab, hosts)
    finally:
        run(lab.stop())


@pytest.fixture(params=["samba", "embedded"])
def either(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_loop: Callable[[Any], Any]
) -> Iterator[Served]:
    """A lab behind either file server."""
    if request.param == "samba":
        _need_samba()
    else:
        _no_samba(monkeypatch)
    with served(tmp_path, in_loop) as lab:
        yield lab


@pytest.fixture
def real(tmp_path: Path, in_loop: Callable[[Any], Any]) -> Iterator[Served]:
    """A lab behind Samba."""
    _need_samba()
    with served(tmp_path, in_loop) as lab:
        yield lab


def test_traffic_is_in_the_logs_that_smb_shows(either: Served) -> None:
    """All three families, on the host that it was sent to and on no other."""
    done = traffic.send(either.hosts[FIRST], 3)

    tracked, received, web = (either.text(folder) for folder in (TRACKING, RECEIVED, WEB))

    assert [True] * 6 == [one in text for text in (tracked, received) for one in done.received]
    sent = [line for line in tracked.splitlines() if ",SENDEXTERNAL," in line]
    assert [True] * 3 == [one in line for one, line in zip(done.sent, sent, strict=True)]
    assert (12, 12) == (web.count(" 302 ") + web.count(" 200 "), done.requests)
    assert [] == list((either.lab._folder / "hosts" / either.hosts[SECOND].address / "c").rglob("*"))


def test_each_host_shows_its_own(real: Served) -> None:
    """One smbd serves all hosts: what it shows depends on the address."""
    ids = {name: traffic.send(real.hosts[name], 1).received[0] for name in (FIRST, SECOND)}

    shown = {name: [one for one in ids.values() if one in real.text(TRACKING, name)] for name in ids}

    assert {name: [one] for name, one in ids.items()} == shown


def test_log_is_held_open_while_it_is_read(real: Served) -> None:
    """The service's handle lets readers in who let it write, shuts out others, and is not disturbed by either."""
    traffic.send(real.hosts[FIRST], 1)
    real.flush()
    host = real.hosts[FIRST]
    assert isinstance(real.lab.hosts[FIRST].spool._files, HeldFiles)
    with real.connection() as connection:
        (file,) = [found.path for found in connection.list("c$", TRACKING) if "MSGTRKMD" not in found.path]
        with connection.open("c$", file) as log:
            before = log.size()
            traffic.send(host, 5)
            real.flush()
            after = log.size()
            new = log.read(before, 1 << 20).decode()
    user = SmbUser(host.user.rpartition("\\")[2], host.password)
    with pytest.raises(SharingViolation):
        LogWriter(host.address, host.smb_port, user, file)

    assert after > before
    assert 5 == new.count(",RECEIVE,") - new.count("EX01\\Client Proxy EX01")


def test_log_that_is_deleted_is_begun_anew(real: Served, caplog: pytest.LogCaptureFixture) -> None:
    """Purging removes files behind the writer's back; the next line makes a new one with a header."""
    traffic.send(real.hosts[FIRST], 1)
    real.flush()
    folder = real.lab._folder / "hosts" / real.hosts[FIRST].address / "c" / TRACKING
    for path in folder.iterdir():
        path.unlink()
    traffic.send(real.hosts[FIRST], 1)

    text = real.text(TRACKING)

    assert 2 == text.count("#Fields: ")  # transport's and delivery's
    assert 2 == text.count(",RECEIVE,")
    assert [] == caplog.messages


def test_broken_connection_to_the_file_server(real: Served) -> None:
    """No line is lost and none is doubled when smbd drops the writer's connection."""
    traffic.send(real.hosts[FIRST], 1)
    real.flush()
    files = real.lab.hosts[FIRST].spool._files
    assert isinstance(files, HeldFiles)
    assert files._session is not None
    files._session._connection.transport.close()
    done = traffic.send(real.hosts[FIRST], 3)

    text = real.text(TRACKING)

    # RECEIVE, AGENTINFO, SEND, DELIVER
    assert [4, 4, 4] == [text.count(f",{one},") for one in done.received]


def test_without_samba_the_lab_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_loop: Callable[[Any], Any], caplog: pytest.LogCaptureFixture
) -> None:
    """What is missing and what that means."""
    _no_samba(monkeypatch)
    with served(tmp_path, in_loop) as lab:
        assert 0 < lab.hosts[FIRST].smb_port

    assert [
        "smbd isn't installed (install samba)",
        "SMB is served by the embedded server: SMB 2.0.2, no encryption, no share modes",
    ] == caplog.messages


def test_accounts() -> None:
    """The inventory's accounts may sign in over SMB too; one name has one password there."""
    users = [
        server._users(
            Simulated("a", "2016", user="CORP\\svc", password="one", smb_user="jsa", smb_password="two"), "own"
        ),
        server._users(Simulated("b", "2016", user="administrator@corp", password="three"), "own"),
    ]

    assert [{"Administrator": "own", "svc": "one", "jsa": "two"}, {"Administrator": "three"}] == users
    assert [("Administrator", "own"), ("svc", "one"), ("jsa", "two")] == [
        (user.name, user.password) for user in server._smb_users(users)
    ]


def _smbds(folder: Path) -> list[str]:
    """Find the smbd processes of a lab."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            line = (entry / "cmdline").read_bytes().decode(errors="replace") if entry.name.isdigit() else ""
        except OSError:
            continue
        if "smbd" in line.split("\0", maxsplit=1)[0] and str(folder) in line:
            found.append(line)
    return found


def test_a_command_starts_a_lab_quickly_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """Two hosts with smbd are up within seconds; with the command that needed them they go, smbd included."""
    _need_samba()
    began = time.monotonic()
    with lab([Simulated(FIRST, "2016"), Simulated(SECOND, "2016")], tmp_path) as hosts:
        seconds = time.monotonic() - began
        traffic.send(hosts[SECOND], 1)
        during = _smbds(tmp_path)
    until = time.monotonic() + 5
    while (running(tmp_path) or _smbds(tmp_path)) and time.monotonic() < until:
        time.sleep(0.05)

    assert seconds < 10  # about one on an idle machine
    assert [] != during
    assert ([], False) == (_smbds(tmp_path), running(tmp_path))
    assert "" == (tmp_path / "lab.log").read_text()
    (web,) = (tmp_path / "hosts").glob(f"*/c/{WEB}/*")
    assert 4 == sum(not line.startswith("#") for line in web.read_text().splitlines())  # held back until the end


def _command(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "harness", "lab", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_send(tmp_path: Path) -> None:
    """The command says what it did on which host, starts the lab itself, and heeds the inventory's flush delay."""
    inventory = tmp_path / "inventory.ini"
    inventory.write_text(f"{FIRST} lab_flush_delay=0\n{SECOND}\n[all:vars]\nconnection=lab\n")

    one = _command("send", inventory, "--to", FIRST, "--count", "2")
    both = _command("send", inventory)

    assert (0, f"{FIRST}: 2 messages received, 2 sent, 8 web requests\n", "") == (
        one.returncode,
        one.stdout,
        one.stderr,
    )
    assert (
        f"{FIRST}: 1 messages received, 1 sent, 4 web requests\n{SECOND}: 1 messages received, 1 sent, 4 web requests\n"
        == both.stdout
    )


def test_send_to_nobody(tmp_path: Path) -> None:
    """A host that isn't simulated is named, and so are those that are."""
    inventory = tmp_path / "inventory.ini"
    inventory.write_text(f"{FIRST} connection=lab\nreal.example\n")

    ended = _command("send", inventory, "--to", "real.example")

    assert 1 == ended.returncode
    assert "real.example" in ended.stderr
    assert FIRST in ended.stderr


def test_smbd_dies_with_a_lab_that_is_killed(tmp_path: Path) -> None:
    """Also where the lab can't clean up."""
    _need_samba()
    code = (
        "import asyncio, sys; from pathlib import Path; from harness.lab.server import Lab; "
        "from harness.lab.client import Simulated\n"
        "async def main():\n"
        "    await Lab([Simulated('ex01', '2016')], Path(sys.argv[1])).start()\n"
        "    print('up', flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert "up\n" == process.stdout.readline()
        assert [] != _smbds(tmp_path)
        process.kill()
    until = time.monotonic() + 5
    while _smbds(tmp_path) and time.monotonic() < until:
        time.sleep(0.05)

    assert [] == _smbds(tmp_path)


def test_long_run(real: Served) -> None:
    """Two hundred messages and as many visits: no line is missing, no thread or open file is left over."""
    host = real.hosts[FIRST]
    traffic.send(host, 1)
    real.flush()
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(4):
        traffic.send(host, 50)
    tracked, web = real.text(TRACKING), real.text(WEB)
    after = len(list(Path("/proc/self/fd").iterdir()))

    assert 402 == tracked.count(",SMTP,RECEIVE,")
    assert 201 == tracked.count(",SENDEXTERNAL,")
    assert 201 == tracked.count(",DELIVER,")
    assert 804 == sum(not line.startswith("#") for line in web.splitlines())
    assert after <= before + 2
