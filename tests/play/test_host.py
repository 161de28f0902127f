"""A host that turns out to be another server than was assumed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from harness.errors import ScriptError
from harness.exchange import versions
from harness.modules import facts
from harness.modules.base import Target
from harness.modules.registry import MODULES
from harness.modules.session import Answer, Session
from harness.play.claims import Claims
from harness.play.host import HostRun, Job
from harness.play.loader import load
from harness.play.results import Status
from harness.play.variables import Variables

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from harness.play.results import HostResult
    from harness.remote.powershell import Script

PLAYBOOK = """
- hosts: all
  tasks:
    - name: own
      powershell: {test: '$true', set: Set-X}
    - name: iis
      iis_logging: {sites: [Default Web Site], fields: [cs-version]}
    - name: tracking
      message_tracking: {}
"""
TRACKING = {
    "enabled": True,
    "path": "D:\\Logs",
    "maximum_age": "30.00:00:00",
    "maximum_directory_size": "1GB",
    "maximum_file_size": "10MB",
    "subject_logging": True,
}


class FakeSession:
    """A host with the given role; its Exchange cmdlets come up only through the way that such a server offers."""

    def __init__(self, target: Target, role_key: str) -> None:
        self.target = target
        self.batches: list[list[str]] = []
        self._role_key = role_key

    def read(self, scripts: Sequence[Script]) -> list[Answer]:
        """Answer, and note which templates were asked."""
        self.batches.append([script.source.file.rpartition("/")[2] for script in scripts])
        return [self._answer(script) for script in scripts]

    def close(self) -> None:
        """Nothing is open."""

    def _answer(self, script: Script) -> Answer:
        if script == facts.script():
            return Answer([self._facts()])
        if "message_tracking" in script.source.file:
            if self.target.shell != "snapin":
                return Answer(error=ScriptError("no endpoint", identifier="CannotConnect,PSSessionOpenFailed"))
            return Answer([{"kind": "message tracking", "id": "EX01", "name": "EX01", "properties": TRACKING}])
        if "iis_logging" in script.source.file:
            return Answer(error=ScriptError("no IIS"))
        return Answer([{"read": [], "test": [True]}])

    def _facts(self) -> dict[str, Any]:
        return {
            "computer_name": "EX01",
            "fqdn": "ex01.corp.example",
            "powershell": "5.1",
            "windows": {"version": "10.0", "caption": "Windows"},
            "iis": None,
            "exchange": {"build": "15.1.2507.6", "install_path": "C:\\", "role_keys": [self._role_key]},
            "time": {"utc": "", "offset": 0, "zone": ""},
        }


def run(tmp_path: Path, role_key: str, roles: frozenset[str] | None = None) -> tuple[HostResult, FakeSession]:
    """Run the playbook on a host of which the inventory says no more than the given roles."""
    path = tmp_path / "playbook.yml"
    path.write_text(PLAYBOOK)
    (play,) = load([path], MODULES).plays
    stated = frozenset({"roles"} if roles else ())
    target = Target("ex01", versions.DEFAULT, roles=roles, stated=stated)
    session = FakeSession(target, role_key)
    job = Job(target, play.tasks, (), Variables(), MODULES, check=True)
    host = HostRun(job, cast("Session", session), Claims(("ex01",)), lambda _stage: None, go_on=lambda: True)
    return host.run(), session


def test_what_was_read_on_a_wrong_assumption_is_read_once_more(tmp_path: Path) -> None:
    """Only what failed or is another script now is asked again; a user's script that answered isn't run twice."""
    result, session = run(tmp_path, "EdgeTransportRole")

    assert [
        ["facts.ps1.j2", "the task's scripts read and test", "iis_logging.read.ps1.j2", "message_tracking.read.ps1.j2"],
        ["message_tracking.read.ps1.j2"],
    ] == session.batches
    assert [Status.OK, Status.SKIPPED, Status.OK] == [task.status for task in result.tasks]


def test_a_stated_role_is_asked_once(tmp_path: Path) -> None:
    """Nothing is sent for a task that a server of that role has no use for."""
    result, session = run(tmp_path, "EdgeTransportRole", frozenset({"edge_transport"}))

    assert [["facts.ps1.j2", "the task's scripts read and test", "message_tracking.read.ps1.j2"]] == session.batches
    assert [Status.OK, Status.SKIPPED, Status.OK] == [task.status for task in result.tasks]
    assert (
        "Exchange 2016 (edge_transport) doesn't serve Outlook Web Access, so it has no IIS log for the console",
    ) == (result.tasks[1].notes)
