"""`playbooks/access.yml` and its modules from the command line to a simulated server and back."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.lab.state.network import LANMAN

if TYPE_CHECKING:
    from running_lab import Ended, RunningLab

FIRST, SECOND = "ex01.lab.example", "ex02.lab.example"
PLAYBOOK = Path(__file__).parent.parent.parent / "playbooks" / "access.yml"


def counts(ended: Ended, host: str) -> dict[str, int]:
    """Read a host's line of the recap."""
    (cells,) = re.findall(rf"^{re.escape(host)}\s+: (ok=.*)$", ended.out, re.MULTILINE)
    return {name: int(count) for name, count in re.findall(r"(\w+)=(\d+)", cells)}


def describe(lab: RunningLab, **variables: str) -> None:
    """Add variables of all hosts to the inventory."""
    with lab.inventory.open("a") as inventory:
        inventory.writelines(f"{name}={value}\n" for name, value in variables.items())


def test_the_first_run_opens_and_the_second_changes_nothing(lab: RunningLab) -> None:
    """Ports, shares and permissions are there after one run, and a second one leaves them as they are."""
    describe(lab, collectors="10.0.0.7,10.1.0.0/24", collector_account="LAB\\svc-jsa")
    planned = lab.run("plan", "-p", PLAYBOOK)
    first = lab.run("apply", "-p", PLAYBOOK)
    state = [lab.machine(name).store.document["network"] for name in (FIRST, SECOND)]
    kept = [str(each) for each in state]
    second = lab.run("apply", "-p", PLAYBOOK)

    assert (2, 0, 0, 0) == (planned.code, first.code, second.code, lab.run("plan", "-p", PLAYBOOK).code)
    assert [3, 3, 0, 0] == [counts(ended, host)["changed"] for ended in (first, second) for host in (FIRST, SECOND)]
    assert kept == [str(each) for each in state]
    assert ["jsa-iis$", "jsa-transport$"] == [held["name"] for held in state[0]["shares"][-2:]]
    assert 5 == sum(held["name"].startswith("harness-") for held in state[1]["rules"])


def test_without_an_account_of_its_own_the_collector_comes_through_the_drive_share(lab: RunningLab) -> None:
    """No share is made, and C$ is looked at instead."""
    describe(lab, collectors="10.0.0.7", firewall_profile="smb2")
    lab.machine(SECOND).network.remove_share("C$")
    ended = lab.run("apply", "-p", PLAYBOOK)

    assert 1 == ended.code
    assert (0, 1) == (counts(ended, FIRST)["failed"], counts(ended, SECOND)["failed"])
    assert "the collector would not get in: there is no C$" in ended.out
    assert ["harness-TCP-445"] == [
        held["name"] for held in lab.machine(FIRST).network.part("rules") if held["name"].startswith("harness-")
    ]
    assert "jsa-iis$" not in {held["name"] for held in lab.machine(FIRST).network.part("shares")}


def test_collectors_must_be_said(lab: RunningLab) -> None:
    """Without an address no port is opened, to anybody."""
    before = [dict(held) for held in lab.machine(FIRST).network.part("rules")]
    ended = lab.run("apply", "-p", PLAYBOOK)

    assert 1 == ended.code
    assert "collectors" in ended.out
    assert before == lab.machine(FIRST).network.part("rules")


@pytest.mark.parametrize("quote", "'\u2018\u2019\u201a\u201b")
def test_a_hostile_share_name_is_only_a_name(lab: RunningLab, quote: str) -> None:
    """A share gets exactly the name it was given, whatever that name would do as code."""
    name = f"logs{quote}; Remove-Item C$ -Recurse {quote}".replace(";", "&")
    playbook = lab.playbook(
        f"- hosts: {FIRST}\n  tasks:\n    - log_share:\n        name: '{name.replace(chr(39), chr(39) * 2)}'\n"
        "        path: 'C:\\inetpub\\logs\\LogFiles'\n        account: 'LAB\\svc-jsa'\n"
    )
    before = [dict(held) for held in lab.machine(FIRST).network.part("shares")]
    codes = [lab.run("apply", "-p", playbook).code, lab.run("plan", "-p", playbook).code]
    after = lab.machine(FIRST).network.part("shares")

    assert [0, 0] == codes
    assert (before, name) == (after[:-1], after[-1]["name"])


def test_a_check_never_mends_by_itself(lab: RunningLab) -> None:
    """What would stop the collector is told with its remedy; only a task that names it changes the server."""
    lab.machine(FIRST).network.set_value(LANMAN, "SMB2", 0)
    check = lab.run("apply", "-l", FIRST, "-p", lab.playbook("- hosts: all\n  tasks:\n    - collector_access: {}\n"))
    told = lab.machine(FIRST).network.value(LANMAN, "SMB2")
    mend = lab.run(
        "apply", "-l", FIRST, "-p", lab.playbook("- hosts: all\n  tasks:\n    - collector_access: {fix: [smb2]}\n")
    )

    assert (1, 0) == (check.code, told)
    assert "name smb2 in fix" in check.out
    assert (0, 1, 1) == (mend.code, counts(mend, FIRST)["changed"], lab.machine(FIRST).network.value(LANMAN, "SMB2"))
