"""`harness apply` against an Exchange 2003 server: the shipped playbook, through WMI alone."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from harness.lab.client import Simulated
from harness.lab.exchange2003 import Exchange2003

if TYPE_CHECKING:
    from collections.abc import Callable

    from running_lab import Ended, RunningLab

HOST = "old01.lab.example"
SMTP_TASK = (
    "- hosts: all\n  tasks:\n    - smtp_virtual_server:\n"
    "        protocol_logging: verbose\n        fields: [cs-method, cs-version]\n        recheck_after: {seconds}\n"
)
COOKIE, METHOD, VERSION = 131072, 128, 524288
W3C = "{FF160663-DE82-11CF-BC0A-00AA006111E0}"


@pytest.fixture
def lab(make_lab: Callable[..., RunningLab]) -> RunningLab:
    """One simulated Exchange 2003 server, as new."""
    return make_lab(Simulated(HOST, "2003"))


def server(lab: RunningLab) -> Exchange2003:
    """Give its state."""
    machine = lab.machine(HOST)

    assert isinstance(machine, Exchange2003)
    return machine


def statuses(ended: Ended) -> dict[str, str]:
    """Give each task's status by its module."""
    (host,) = ended.json["plays"][0]["hosts"]
    return {task["module"]: task["status"] for task in host["tasks"]}


def task(ended: Ended) -> dict[str, Any]:
    """Give the only task's result."""
    ((found,),) = (host["tasks"] for host in ended.json["plays"][0]["hosts"])
    result: dict[str, Any] = found
    return result


def test_the_first_run_changes_and_the_second_does_not(lab: RunningLab) -> None:
    """The shipped playbook does what 2003 has a way for, says what it left out, and is done after one run."""
    planned = lab.run("plan")
    first = lab.run("apply", "--output", "json")
    second = lab.run("apply", "--output", "json")
    done = dict.fromkeys(("receive_connector", "send_connector", "smtp_log_folders"), "skipped")
    modules = ("iis_logging", "smtp_virtual_server", "message_tracking")

    assert (2, 0, 0, 0) == (planned.code, first.code, second.code, lab.run("plan").code)
    assert {**done, **dict.fromkeys(modules, "changed")} == statuses(first)
    assert {**done, **dict.fromkeys(modules, "ok")} == statuses(second)


def test_the_server_really_logs_and_keeps_what_it_had(lab: RunningLab) -> None:
    """The state behind WMI is what counts: bits are added, and one that somebody else needs is still on."""
    old = server(lab)
    before = int(old.metabase.settings("W3SVC/1")["LogExtFileFlags"]) | COOKIE
    old.metabase.put("W3SVC/1", {"LogExtFileFlags": before, "LogType": 0, "LogPluginClsid": "{another}"})

    lab.run("apply")

    web, smtp = (old.metabase.settings(node) for node in ("W3SVC/1", "SmtpSvc/1"))
    assert (1, W3C, before | METHOD | VERSION) == (web["LogType"], web["LogPluginClsid"], web["LogExtFileFlags"])
    assert (1, W3C, METHOD | VERSION) == (
        smtp["LogType"],
        smtp["LogPluginClsid"],
        int(smtp["LogExtFileFlags"]) & (METHOD | VERSION),
    )
    assert old.exchange_server["MessageTrackingEnabled"]
    assert "C:\\Program Files\\Exchsrvr\\OLD01.log" == old.log_folders["MSGTRK"]


def test_what_the_directory_undoes_is_a_failure(lab: RunningLab) -> None:
    """A change that is overwritten while the task waits to look again isn't called changed, and the cure is named."""
    server(lab).faults.directory_copies["SmtpSvc/1"] = 0.5

    ended = lab.run("apply", "-p", lab.playbook(SMTP_TASK.format(seconds=1)), "--output", "json")

    found = task(ended)
    assert (1, "failed") == (ended.code, found["status"])
    assert "enabled is still False, not True" in found["error"]["message"]
    assert "Exchange System Manager" in found["error"]["hint"]


def test_what_the_directory_undoes_later_shows_in_the_next_plan(lab: RunningLab) -> None:
    """What comes after the task has looked is told by the next plan."""
    playbook = lab.playbook(SMTP_TASK.format(seconds=0))

    ended = lab.run("apply", "-p", playbook)
    server(lab).metabase.put("SmtpSvc/1", {"LogType": 0})

    assert (0, 2) == (ended.code, lab.run("plan", "-p", playbook).code)


def test_a_name_space_without_rights_fails_its_tasks_alone(lab: RunningLab) -> None:
    """Message tracking fails with a cure; the logs of IIS are configured all the same."""
    server(lab).faults.denied_namespaces.add("root\\MicrosoftExchangeV2")

    ended = lab.run("apply", "--output", "json", "--skip-tags", "smtp")

    (host,) = ended.json["plays"][0]["hosts"]
    failed = next(task for task in host["tasks"] if task["module"] == "message_tracking")
    assert {"iis_logging": "changed", "message_tracking": "failed"} == statuses(ended)
    assert "Access denied" in failed["error"]["message"]
    assert "administrator of the server" in failed["error"]["hint"]


def test_a_put_that_changes_nothing_is_a_failure(lab: RunningLab) -> None:
    """A metabase that takes a change without an error and keeps the old value never counts as changed."""
    server(lab).faults.ignored.add("Put")

    ended = lab.run("apply", "-p", lab.playbook(SMTP_TASK.format(seconds=0)), "--output", "json")

    assert (1, "failed") == (ended.code, task(ended)["status"])


def test_a_wrong_version_in_the_inventory_is_told(lab: RunningLab) -> None:
    """Nothing is configured on a host that isn't what the inventory says; the right version is accepted."""
    text = lab.inventory.read_text()
    lab.inventory.write_text(f"{text}exchange_version=2016\n")
    wrong = lab.run("apply")
    lab.inventory.write_text(f"{text}exchange_version=2003\n")
    right = lab.run("apply", "--skip-tags", "smtp")

    assert (1, 0) == (wrong.code, right.code)
    assert "the host runs Exchange 2003 (build 6.5.7638.0), the inventory says 2016" in wrong.out


def verified(lab: RunningLab, *arguments: str) -> Ended:
    """Verify, with the version in the inventory."""
    if "exchange_version" not in lab.inventory.read_text():
        with lab.inventory.open("a") as inventory:
            inventory.write("exchange_version=2003\n")
    return lab.run("verify", "--output", "json", *arguments)


def failures(ended: Ended) -> dict[str, str]:
    """Give what was seen instead, by the expectation that doesn't hold."""
    found = [each for each in ended.json["expectations"] if each["status"] == "failed"]
    return {
        f"{each['family']}::{each['name']}": f"{each['failure']['seen']} {each['failure']['hint']}" for each in found
    }


def test_a_new_server_isn_t_verified(lab: RunningLab) -> None:
    """What setup leaves: requests without a protocol version, no SMTP log, no message tracking. Each is named."""
    ended = verified(lab, "--timeout", "6")

    found = failures(ended)
    assert 1 == ended.code
    assert {
        *("OWA::fields_present", "SMTP::probe", "SMTP::connectors_verbose", "SMTP::connectors_logged"),
        *("SMTP::fields_present", "SMTP::max_unparsed", "MSGTRK::probe", "MSGTRK::tracking_enabled"),
        *("MSGTRK::fields_present", "MSGTRK::max_unparsed", "MSGTRK::fresh_within"),
    } == found.keys()
    assert "lacks cs-version" in found["OWA::fields_present"]
    assert "SMTP virtual server 'Default SMTP Virtual Server'" in found["SMTP::connectors_verbose"]
    assert "message tracking is off" in found["MSGTRK::tracking_enabled"]


def test_a_configured_server_is_verified_and_collected(lab: RunningLab) -> None:
    """All three logs are read in the forms of this version; OWA is asked for where it is."""
    lab.run("apply")
    ended = verified(lab)
    events = lab.inventory.parent / "events"
    collected = lab.run("collect", "--format", "payload", "-o", events)

    lines = events.read_text().splitlines()
    assert (0, 0) == (ended.code, collected.code), ended.out + collected.err
    assert {"passed"} == {each["status"] for each in ended.json["expectations"]}
    assert {"OWA": 1, "SMTP": 5, "MSGTRK": 3} == Counter(
        line.split("AgentLogFormat=")[1].split("\t")[0] for line in lines
    )
    assert ["cs-uri-stem=/exchange/"] == [word for line in lines for word in line.split("\t") if "/exchange/" in word]


def test_settings_that_were_taken_back_are_named(lab: RunningLab) -> None:
    """Verification fails, and says which log it is and what switches it on; what earlier runs left doesn't help."""
    lab.run("apply")
    assert 0 == verified(lab).code
    old = server(lab)
    for node in ("W3SVC/1", "SmtpSvc/1"):
        flags = int(old.metabase.settings(node)["LogExtFileFlags"])
        old.metabase.put(node, {"LogExtFileFlags": flags & ~METHOD})
    old.enable_message_tracking(enabled=False, path=None)
    without = verified(lab, "--timeout", "6")
    old.metabase.put("SmtpSvc/1", {"LogType": 0})
    off = verified(lab, "--timeout", "6", "-k", "SMTP")

    columns, log = failures(without), failures(off)
    assert (1, 1) == (without.code, off.code)
    assert "lacks cs-method" in columns["OWA::fields_present"]
    assert "lacks cs-method" in columns["SMTP::fields_present"]
    assert "smtp_virtual_server" in columns["SMTP::fields_present"]
    assert "message tracking is off" in columns["MSGTRK::tracking_enabled"]
    assert "none of them the probe's" in columns["MSGTRK::probe"]
    assert "SMTP virtual server 'Default SMTP Virtual Server'" in log["SMTP::connectors_verbose"]
    assert "smtp_virtual_server" in log["SMTP::connectors_verbose"]
    assert "none of them the probe's" in log["SMTP::probe"]
