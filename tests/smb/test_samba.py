"""The lab's Samba: it comes, it answers, and it goes."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
import uuid
from typing import TYPE_CHECKING

import pytest
from smbprotocol.session import Session
from smbprotocol.tree import TreeConnect

from harness.lab.samba import Samba, SambaMissing, answers
from harness.lab.smbserver import LabSmbError
from harness.remote.smbhandle import glance
from harness.remote.smbwire import SmbWire

from .conftest import ADDRESS, ADMIN, OTHER_ADDRESS, READER, Lab, smbd_processes, start_samba

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_HOLDER = f"""
import sys, time
from pathlib import Path
from harness.lab.samba import Samba
from harness.lab.smbserver import SmbUser
samba = Samba(Path(sys.argv[1]), ["{ADDRESS}"], [SmbUser("administrator", "x")])
samba.start()
print(samba.port, flush=True)
time.sleep(60)
"""


def wait_until(condition: Callable[[], bool]) -> bool:
    """Wait a few seconds for something to become true."""
    deadline = time.monotonic() + 5
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def test_it_serves_every_address_and_stops(tmp_path: Path) -> None:
    """All hosts answer when ``start`` returns; after ``stop`` no process and no password file is left."""
    samba = start_samba(tmp_path)

    assert [answers(address, samba.port) for address in (ADDRESS, OTHER_ADDRESS)] == [True, True]
    assert smbd_processes(tmp_path)
    samba.stop()
    samba.stop()
    assert wait_until(lambda: not smbd_processes(tmp_path))
    assert not answers(ADDRESS, samba.port)
    assert list(samba.logs.glob("**/*.tdb")) == []


def test_a_client_of_many_hosts_sees_each_ones_files(samba: Lab) -> None:
    """Connections that carry one client GUID, as those of smbclient do, don't end at one host."""
    samba.write("who.log", ADDRESS.encode())
    samba.write("who.log", OTHER_ADDRESS.encode(), OTHER_ADDRESS)
    guid = uuid.uuid4()
    connections, seen = [], []
    for address in (ADDRESS, OTHER_ADDRESS):
        connection = SmbWire(guid, address, samba.server.port, require_signing=True, seconds=5)
        connection.connect(timeout=5)
        connections.append(connection)
        session = Session(connection, ADMIN.name, ADMIN.password, require_encryption=False, auth_protocol="ntlm")
        session.connect()
        tree = TreeConnect(session, rf"\\{address}\C$")
        tree.connect()
        seen.append(glance(tree, "who.log", 0, 100).data.decode())
    for connection in connections:
        connection.disconnect()

    assert seen == [ADDRESS, OTHER_ADDRESS]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_no_process_outlives_the_lab(tmp_path: Path, how: signal.Signals) -> None:
    """Also when the lab is killed outright."""
    start_samba(tmp_path / "installed").stop()
    with subprocess.Popen([sys.executable, "-c", _HOLDER, str(tmp_path)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        port = int(holder.stdout.readline())
        served = bool(smbd_processes(tmp_path)) and answers(ADDRESS, port)
        holder.send_signal(how)

    assert served
    assert wait_until(lambda: not smbd_processes(tmp_path))


def test_without_smbd_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without Samba gets a sentence, not a traceback from the depths."""
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    with pytest.raises(SambaMissing, match="smbd isn't installed") as caught:
        Samba(tmp_path, [ADDRESS], [ADMIN]).start()

    assert "samba" in caught.value.hint


def test_a_taken_port_is_said(tmp_path: Path) -> None:
    """A port that was asked for and is in use is an error, not a wait without end."""
    first = start_samba(tmp_path / "first")
    try:
        second = Samba(tmp_path / "second", [ADDRESS], [ADMIN, READER], port=first.port)
        with pytest.raises(LabSmbError, match=str(first.port)):
            second.start()
    finally:
        first.stop()

    assert not smbd_processes(tmp_path)
