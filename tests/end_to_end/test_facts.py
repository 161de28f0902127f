"""`harness facts` from the command line to a simulated server and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from running_lab import run

from harness.lab.winrm.mishap import Mishap

if TYPE_CHECKING:
    from pathlib import Path

    from running_lab import RunningLab

FIRST, SECOND = "ex01.lab.example", "ex02.lab.example"
INSTALLED = "C:\\Program Files\\Microsoft\\Exchange Server\\V15\\"


def test_facts_are_read_off_the_host(lab: RunningLab) -> None:
    """Version, build and roles come from the registry, folders from where Exchange and IIS really write."""
    ended = lab.run("facts", "--limit", FIRST, "--output", "json")
    (sheet,) = ended.json["hosts"]
    facts = sheet["facts"]

    assert (0, None, []) == (ended.code, sheet["error"], sheet["notes"])
    assert {
        "version": "2016",
        "build": "15.1.2507.6",
        "roles": ["mailbox"],
        "install_path": INSTALLED,
    } == facts["exchange"]
    assert ("10.0", "10.0.14393", 0) == (facts["iis"], facts["windows"]["version"], facts["time"]["offset"])
    assert abs(sheet["clock"]["offset_seconds"]) <= sheet["clock"]["uncertainty_seconds"] + 1
    assert f"{INSTALLED}TransportRoles\\Logs\\MessageTracking" == sheet["log_folders"]["tracking"]
    assert {"hub", "frontend", "mailbox"} == {smtp["service"] for smtp in sheet["log_folders"]["smtp"]}


def test_a_moved_log_shows_where_it_is(lab: RunningLab) -> None:
    """The defaults would send a collector to an empty folder."""
    lab.run("apply", "-p", lab.playbook("- hosts: all\n  tasks:\n    - message_tracking: {path: 'D:\\Track'}\n"))

    ended = lab.run("facts", "--limit", FIRST)

    assert "  message tracking  D:\\Track\n" in ended.out


def test_a_path_is_shown_as_it_is(lab: RunningLab) -> None:
    """A backslash at the end of a line is one backslash."""
    assert f"  installed in      {INSTALLED}\n" in lab.run("facts").out


@pytest.mark.parametrize(
    ("setting", "words", "hint"),
    [
        (
            "exchange_version=2019",
            "the host runs Exchange 2016 (build 15.1.2507.6), the inventory says 2019",
            "set exchange_version=2016",
        ),
        (
            "exchange_roles=edge_transport",
            "the host has the Exchange roles mailbox, the inventory says edge_transport",
            "set exchange_roles=mailbox",
        ),
    ],
)
@pytest.mark.parametrize("command", ["facts", "apply"])
def test_an_inventory_that_is_wrong_is_told(lab: RunningLab, command: str, setting: str, words: str, hint: str) -> None:
    """Neither command goes on with a server that isn't what the inventory takes it for; nothing is written."""
    lab.inventory.write_text(f"{FIRST} connection=lab {setting}\n{SECOND} connection=lab\n")
    before = lab.machine(FIRST).store.path.read_text()

    ended = lab.run(command)

    assert 1 == ended.code
    assert words in ended.out
    assert hint in ended.out
    assert before == lab.machine(FIRST).store.path.read_text()


def test_a_host_that_nobody_reaches_fails_alone(lab: RunningLab) -> None:
    """The others are shown, and the exit code tells that one was unreachable."""
    lab.befall(FIRST, Mishap(refuse_connections=True))

    ended = lab.run("facts", "--output", "json")
    first, second = ended.json["hosts"]

    assert 4 == ended.code
    assert (None, "mailbox") == (first["facts"], second["facts"]["exchange"]["roles"][0])
    assert "refuses the connection" in first["error"]["message"]


def test_facts_cost_few_requests(lab: RunningLab) -> None:
    """Two processes over one shell: the facts, then the folders that follow from them."""
    lab.run("facts", "--limit", FIRST)
    before = lab.server(FIRST).requests

    lab.run("facts", "--limit", FIRST)

    assert lab.server(FIRST).requests - before <= 16


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("exchange_version=2016 exchange_roles=hub_transport", "Exchange 2016 has no role hub_transport"),
        ("exchange_version=2007 exchange_access=remoting", "has no remoting"),
        ("exchange_version=2016 exchange_roles=edge_transport,mailbox", "an Edge server has no other role"),
    ],
)
def test_an_impossible_server_is_refused(tmp_path: Path, line: str, words: str) -> None:
    """What the version can't be is told with its place in the inventory before anything is sent."""
    inventory = tmp_path / "inventory.ini"
    inventory.write_text(f"{FIRST} address=127.0.0.1 winrm_user=a winrm_password=b {line}\n")

    ended = run("facts", inventory)

    assert 3 == ended.code
    assert words in ended.err
    assert f"{inventory}:1" in ended.err
