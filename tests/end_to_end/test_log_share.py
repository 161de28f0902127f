"""A share that `log_share` makes on a simulated server, as the lab's Samba serves it: to the collector alone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from smbprotocol.exceptions import SMBException

from harness.lab.client import Simulated
from harness.lab.logwriter import LogWriter, WriterSession
from harness.lab.samba import Samba
from harness.lab.smbserver import SmbUser
from harness.redaction import Secret
from harness.remote.smb import SmbConnection, SmbEndpoint

if TYPE_CHECKING:
    from collections.abc import Callable

    from running_lab import RunningLab

FIRST, SECOND = "ex01.lab.example", "ex02.lab.example"
COLLECTOR, PASSWORD = "svc-jsa", "canary-4711-collector"
PLAYBOOKS = Path(__file__).parent.parent.parent / "playbooks"
LOGS = "C:\\inetpub\\logs\\LogFiles"
TASKS = f"""
- hosts: {FIRST}
  tasks:
    - log_share: {{name: jsa-iis$, path: '{LOGS}', account: 'LAB\\svc-jsa'}}
"""


@pytest.fixture
def shared(make_lab: Callable[..., RunningLab]) -> RunningLab:
    """Two servers; on the first one the collector's account may read the web logs through a share."""
    hosts = [Simulated(name, "2016", smb_user=COLLECTOR, smb_password=PASSWORD) for name in (FIRST, SECOND)]
    lab = make_lab(*hosts)
    if lab.reached(FIRST).smb_port == 0 or not isinstance(lab.smb, Samba):
        assert not os.environ.get("HARNESS_REQUIRE_SAMBA")
        pytest.skip("the embedded server doesn't serve shares that are made")
    assert 0 == lab.run("apply", "-p", lab.playbook(TASKS)).code
    file = lab.drive(FIRST) / "inetpub" / "logs" / "LogFiles" / "W3SVC1" / "read.me"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"read")
    return lab


def session(lab: RunningLab, host: str, share: str, user: str, password: str) -> WriterSession:
    """Connect to a share."""
    reached = lab.reached(host)
    return WriterSession(reached.address, reached.smb_port, SmbUser(user, password), share)


def write(lab: RunningLab, host: str, share: str, path: str) -> None:
    """Open a file of a share for writing, as the collector; a new one is made."""
    reached = lab.reached(host)
    with LogWriter(reached.address, reached.smb_port, SmbUser(COLLECTOR, PASSWORD), path, share=share) as log:
        log.append(b"written")


def refusal(lab: RunningLab, host: str, share: str, user: str, password: str) -> str:
    """Give the status with which a share is refused; empty where it isn't."""
    try:
        session(lab, host, share, user, password).close()
    except SMBException as error:
        return str(error)
    return ""


def test_a_share_lets_the_collector_read_and_nobody_else(shared: RunningLab) -> None:
    """It reads and can't write; C$ stays shut to it, the share to others, and the other server has no such share."""
    administrator = ("Administrator", shared.reached(FIRST).password)
    reached = shared.reached(FIRST)
    collector = SmbEndpoint(
        FIRST, COLLECTOR, Secret(PASSWORD), address=reached.address, port=reached.smb_port, auth="ntlm"
    )
    with SmbConnection(collector) as connection:
        read = connection.glance("jsa-iis$", "W3SVC1/read.me", 0, 100).data
    for path in ("W3SVC1/read.me", "W3SVC1/new.me"):
        with pytest.raises(SMBException, match=r"STATUS_ACCESS_DENIED|STATUS_MEDIA_WRITE_PROTECTED"):
            write(shared, FIRST, "jsa-iis$", path)

    assert b"read" == read
    assert "STATUS_ACCESS_DENIED" in refusal(shared, FIRST, "C$", COLLECTOR, PASSWORD)
    assert "STATUS_ACCESS_DENIED" in refusal(shared, FIRST, "jsa-iis$", *administrator)
    assert "STATUS_BAD_NETWORK_NAME" in refusal(shared, SECOND, "jsa-iis$", COLLECTOR, PASSWORD)
    assert "" == refusal(shared, FIRST, "C$", *administrator)


def test_a_share_is_gone_once_it_is_removed(shared: RunningLab) -> None:
    """And so it is for an account that the folder's own access list no longer lets in."""
    before = refusal(shared, FIRST, "jsa-iis$", COLLECTOR, PASSWORD)
    shared.machine(FIRST).network.remove_share("jsa-iis$")
    after = refusal(shared, FIRST, "jsa-iis$", COLLECTOR, PASSWORD)

    assert "" == before
    assert "STATUS_BAD_NETWORK_NAME" in after


def test_logs_are_verified_through_shares_by_an_account_without_rights(shared: RunningLab) -> None:
    """The shipped playbooks, then all three families through two shares; the account has no other way in."""
    transport = shared.machine(FIRST).spec.install_path + "TransportRoles\\Logs"
    with shared.inventory.open("a") as inventory:
        inventory.write(f"smb_user=LAB\\{COLLECTOR}\nsmb_password={PASSWORD}\n")
        inventory.write(f"collectors=10.0.0.7\ncollector_account=LAB\\{COLLECTOR}\n")
    made = [shared.run("apply", "-l", FIRST, *more) for more in ((), ("-p", PLAYBOOKS / "access.yml"))]
    shut = shared.run("verify", "-l", FIRST, "--timeout", "5", "-k", "OWA")
    with shared.inventory.open("a") as inventory:
        inventory.write(f"smb_shares=jsa-iis$={LOGS},jsa-transport$={transport}\n")
    verified = shared.run("verify", "-l", FIRST, "--output", "json")
    folders = {folder for family in verified.json["families"] for folder in family["folders"]}

    assert ([0, 0], 1) == ([ended.code for ended in made], shut.code)
    assert 0 == verified.code, verified.err
    assert {"jsa-iis$", "jsa-transport$"} == {folder.partition("/")[0] for folder in folders}
