"""`harness apply` and `harness plan` from the command line to a simulated server and back."""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

import pytest

from harness.lab.winrm.mishap import Mishap

if TYPE_CHECKING:
    from collections.abc import Callable

    from running_lab import Ended, RunningLab

FIRST, SECOND = "ex01.lab.example", "ex02.lab.example"
HOSTILE = "Default{0}; Remove-Item C:\\ -Recurse; {0}"
QUOTES = "'\u2018\u2019\u201a\u201b"


def recap(ended: Ended) -> dict[str, dict[str, int]]:
    """Read the recap: host to counts."""
    lines = re.findall(r"^(\S+)\s+: (ok=.*)$", ended.out, re.MULTILINE)
    return {host: {name: int(count) for name, count in re.findall(r"(\w+)=(\d+)", cells)} for host, cells in lines}


def levels(lab: RunningLab, host: str) -> dict[str, str]:
    """Give the logging level of each receive connector."""
    return {entry.name: str(entry.protocol_logging) for entry in lab.machine(host).receive_connectors}


def test_the_first_run_changes_and_the_second_does_not(lab: RunningLab) -> None:
    """What differs is changed once; then every task is ok and a plan is empty."""
    assert 2 == lab.run("plan").code
    first = lab.run("apply")
    second = lab.run("apply")

    assert (0, 0, 0) == (first.code, second.code, lab.run("plan").code)
    assert recap(first)[FIRST]["changed"] > 0
    assert {FIRST: (4, 0), SECOND: (4, 0)} == {
        host: (counts["ok"], counts["changed"]) for host, counts in recap(second).items()
    }


def test_the_server_really_has_what_the_playbook_says(lab: RunningLab) -> None:
    """The state behind the protocol, not the report, is what counts."""
    lab.run("apply")

    for name in (FIRST, SECOND):
        fields = lab.machine(name).site_fields("Default Web Site")
        assert {"Verbose"} == set(levels(lab, name).values())
        assert {"ProtocolVersion", "UriQuery", "Referer"} <= set(fields)


def test_a_plan_a_check_and_the_run_agree_to_the_letter(lab: RunningLab) -> None:
    """A plan can't say anything that a run would not do."""
    plan = lab.run("plan")
    check = lab.run("apply", "--check", "--diff")
    run = lab.run("apply", "--diff")

    assert plan.out == check.out
    assert plan.out == run.out


def test_what_the_organisation_shares_is_written_by_one_host(lab: RunningLab) -> None:
    """Two servers show the same send connector; the first one writes it and the other says so."""
    ended = lab.run("apply", "--output", "json")
    tasks = {
        host["host"]: next(task for task in host["tasks"] if task["module"] == "send_connector")
        for host in ended.json["plays"][0]["hosts"]
    }
    written = {host: [change["kind"] for change in task["changes"]] for host, task in tasks.items()}

    assert "send connector" in written[FIRST]
    assert "send connector" not in written[SECOND]
    assert any(f"{FIRST} writes it" in note for note in tasks[SECOND]["notes"])


def test_a_slow_owner_makes_no_other_host_fail(lab: RunningLab) -> None:
    """A host whose own settings hold doesn't answer for what another host is still writing."""
    lab.machine(FIRST).faults.slow["Set-SendConnector"] = 2

    ended = lab.run("apply", "--tags", "smtp")

    assert (0, 0, 0) == (ended.code, recap(ended)[FIRST]["failed"], recap(ended)[SECOND]["failed"]), ended.out


def test_a_slow_host_holds_no_other_result_up(lab: RunningLab, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the second host did is told while the first one is still at work; the recap is in the inventory's order."""
    monkeypatch.setattr("harness.play.runner._PATIENCE", 0)
    lab.machine(FIRST).faults.slow["Get-TransportService"] = 5

    ended = lab.run("plan", "--tags", "msgtrk")
    told = re.findall(r"^\w+: \[(\S+)\]", ended.out, re.MULTILINE)

    assert [SECOND, FIRST] == list(dict.fromkeys(told)), ended.out
    assert [FIRST, SECOND] == list(recap(ended))


@pytest.mark.parametrize("quote", QUOTES)
def test_a_hostile_name_is_only_a_name(lab: RunningLab, quote: str) -> None:
    """A connector is configured under exactly the name it has, whatever that name would do as code."""
    name = HOSTILE.format(quote)
    lab.machine(FIRST).add_receive_connector(name)
    playbook = lab.playbook(
        f"- hosts: {FIRST}\n  tasks:\n    - receive_connector:\n        protocol_logging: verbose\n"
        f"        names: ['{name.replace(chr(39), chr(39) * 2)}']\n"
    )

    ended = lab.run("apply", "-p", playbook, "--diff")

    assert (0, "Verbose") == (ended.code, levels(lab, FIRST)[name])
    assert name in ended.out


@pytest.mark.parametrize("count", [5, 50])
def test_requests_do_not_grow_with_tasks(lab: RunningLab, count: int) -> None:
    """With nothing to change, a host costs at most 12 HTTP requests, sign-in included, however many tasks there are."""
    lab.run("apply")
    tasks = [
        "    - receive_connector: {protocol_logging: verbose}\n",
        "    - iis_logging: {sites: [Default Web Site], fields: [cs-method, cs-version]}\n",
        "    - message_tracking: {enabled: true}\n",
        "    - send_connector: {protocol_logging: verbose, intra_org: verbose}\n",
        "    - service: {names: [MSExchangeTransport], state: running}\n",
    ]
    distinct = [
        f"    - powershell: {{read: '\"number {number}\"', test: '$true', set: 'throw 1'}}\n"
        for number in range(count - len(tasks))
    ]
    playbook = lab.playbook("- hosts: all\n  tasks:\n" + "".join(tasks + distinct))
    before = lab.server(FIRST).requests

    ended = lab.run("apply", "-p", playbook)

    assert (0, count, 0) == (ended.code, recap(ended)[FIRST]["ok"], recap(ended)[FIRST]["changed"])
    assert lab.server(FIRST).requests - before <= 12


@pytest.mark.parametrize(
    ("mishap", "code", "counted", "words"),
    [
        (Mishap(refuse_connections=True), 4, "unreachable", "refuses the connection"),
        (Mishap(reject_passwords=True), 4, "unreachable", "refused"),
        (Mishap(drop_after_requests=6), 4, "unreachable", "broke"),
        (Mishap(hang=True), 1, "failed", "winrm_read_timeout"),
    ],
)
def test_a_broken_host_fails_alone(lab: RunningLab, mishap: Mishap, code: int, counted: str, words: str) -> None:
    """The others finish, the recap counts the broken one, and the exit code says so."""
    with lab.inventory.open("a") as inventory:
        inventory.write("winrm_read_timeout=2\nwinrm_connect_timeout=2\n")
    lab.befall(FIRST, mishap)

    ended = lab.run("apply")

    assert code == ended.code
    assert (1, 0) == (recap(ended)[FIRST][counted], recap(ended)[FIRST]["ok"])
    assert (4, 0) == (recap(ended)[SECOND]["ok"], recap(ended)[SECOND]["failed"])
    assert words in ended.out


def statuses(ended: Ended) -> dict[str, str]:
    """Give each task's status by its module, of a run on one host; without those that the host has no use for."""
    (host,) = ended.json["plays"][0]["hosts"]
    return {task["module"]: task["status"] for task in host["tasks"] if task["status"] != "skipped"}


@pytest.mark.parametrize("requests", range(4, 14))
def test_a_connection_that_breaks_anywhere_is_told_truly(lab: RunningLab, requests: int) -> None:
    """Whatever a run says was changed is so on the host, whichever request the connection broke at; nothing is lost."""
    lab.befall(FIRST, Mishap(drop_after_requests=requests, times=1))

    ended = lab.run("apply", "--tags", "smtp", "--limit", FIRST, "--output", "json")

    told = statuses(ended)
    lab.befall(FIRST, Mishap())
    left = statuses(lab.run("plan", "--tags", "smtp", "--limit", FIRST, "--output", "json"))
    assert {module: "changed" if left[module] == "ok" else "failed" for module in left} == told, ended.out
    assert told["receive_connector"] == "failed" or set(levels(lab, FIRST).values()) == {"Verbose"}
    assert (0, 0) == (lab.run("apply").code, lab.run("plan").code)


def test_a_write_that_does_not_hold_is_a_failure(lab: RunningLab) -> None:
    """A host that takes a change without an error and keeps the old value never counts as changed."""
    lab.machine(FIRST).faults.ignored.add("Set-ReceiveConnector")

    ended = lab.run("apply", "--tags", "smtp")

    assert 1 == ended.code
    assert 1 == recap(ended)[FIRST]["failed"]
    assert "protocol_logging is still 'None', not 'Verbose'" in ended.out


def test_a_wrong_playbook_touches_no_host(lab: RunningLab) -> None:
    """Every mistake is told at once, with its place, and nothing is sent."""
    playbook = lab.playbook(
        "- hosts: all\n  tasks:\n    - iis_loging: {}\n    - receive_connector: {protocol_logging: loud}\n"
    )

    ended = lab.run("apply", "-p", playbook)

    assert 3 == ended.code
    assert ["playbook.yml:3:7", "playbook.yml:4:45"] == re.findall(r"playbook\.yml:\d+:\d+", ended.err)
    assert 0 == lab.server(FIRST).requests


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--tags", "smtpp", "no task has the tag 'smtpp' (did you mean 'smtp'?)"),
        ("--limit", "ex09*", "ex09*"),
        ("-p", "nowhere.yml", "nowhere.yml"),
        ("-e", "novalue", "'novalue' is not KEY=VALUE"),
    ],
)
def test_an_option_that_fits_nothing_is_refused(lab: RunningLab, option: str, value: str, words: str) -> None:
    """A misspelt name must not look like a run that had nothing to do."""
    ended = lab.run("apply", option, value)

    assert (3, 0) == (ended.code, lab.server(FIRST).requests)
    assert words in ended.err


def test_handlers_run_only_when_notified(lab: RunningLab) -> None:
    """A restart happens after a change and never without one, and the service really runs in a new process."""
    playbook = lab.playbook(
        "- hosts: all\n  tasks:\n    - message_tracking: {maximum_age: 14d}\n      notify: Restart transport\n"
        "  handlers:\n    - name: Restart transport\n      service: {names: [MSExchangeTransport], state: restarted}\n"
    )
    before = lab.machine(FIRST).service("MSExchangeTransport").process_id

    changed = lab.run("apply", "-p", playbook)
    after = lab.machine(FIRST).service("MSExchangeTransport").process_id
    unchanged = lab.run("apply", "-p", playbook)

    assert (0, 2, 0) == (changed.code, recap(changed)[FIRST]["changed"], recap(unchanged)[FIRST]["changed"])
    assert before != after
    assert after == lab.machine(FIRST).service("MSExchangeTransport").process_id


def test_conditions_and_templates_see_facts(lab: RunningLab) -> None:
    """Facts decide over tasks and fill their arguments; what waits for them costs one more process, no more."""
    playbook = lab.playbook(
        "- hosts: all\n  tasks:\n"
        "    - message_tracking: {maximum_age: 20d}\n      when: facts.exchange.version == '2016'\n"
        "    - message_tracking: {maximum_age: 21d}\n      when: facts.exchange.version == '2010'\n"
        "    - powershell:\n        test: '$env:COMPUTERNAME -eq {{ facts.computer_name }}'\n        set: throw 1\n"
    )

    ended = lab.run("apply", "-p", playbook, "--limit", FIRST)

    assert (0, {"changed": 1, "ok": 2, "skipped": 1}) == (
        ended.code,
        {name: recap(ended)[FIRST][name] for name in ("changed", "ok", "skipped")},
    )


def test_no_session_is_left_on_the_host(lab: RunningLab) -> None:
    """Leaked sessions exhaust the server's quota."""
    lab.run("apply")
    lab.run("plan")

    assert [0, 0] == [len(lab.machine(name).sessions) for name in (FIRST, SECOND)]


def test_a_site_of_its_own_mind_is_changed_with_the_defaults(lab: RunningLab) -> None:
    """An element of the site's own beats the defaults: it gets the field as well, and keeps what is its own."""
    lab.machine(FIRST).iis.set_log_file(2, "logExtFileFlags", "Date,Time,Cookie")
    playbook = lab.playbook("- hosts: all\n  tasks:\n    - iis_logging: {site_defaults: true, fields: [cs-version]}\n")

    ended = lab.run("apply", "-p", playbook, "--limit", FIRST, "--diff")

    assert (0, 0) == (ended.code, lab.run("plan", "-p", playbook, "--limit", FIRST).code)
    assert {"Date", "Time", "Cookie", "ProtocolVersion"} == set(lab.machine(FIRST).site_fields("Exchange Back End"))
    assert "site 'Default Web Site': fields + cs-version" in ended.out


def test_a_script_without_a_test_is_unknown_until_it_runs(lab: RunningLab) -> None:
    """A plan never calls it ok, and counts it as something that would change."""
    playbook = lab.playbook("- hosts: all\n  tasks:\n    - powershell: {read: '1', set: '$true'}\n")

    plan = lab.run("plan", "-p", playbook)

    assert (2, 1, 0) == (plan.code, recap(plan)[FIRST]["unknown"], recap(plan)[FIRST]["ok"])
    assert 1 == recap(lab.run("apply", "-p", playbook))[FIRST]["changed"]


@pytest.mark.parametrize(
    ("limit", "reached"),
    [("any_errors_fatal: true", False), ("max_fail_percentage: 40", False), ("max_fail_percentage: 100", True)],
)
def test_a_play_ends_where_too_much_failed(lab: RunningLab, limit: str, reached: bool) -> None:
    """In rounds of one, the second server is left alone once the first one's failure ends the play."""
    lab.befall(FIRST, Mishap(refuse_connections=True))
    playbook = lab.playbook(
        f"- hosts: all\n  serial: 1\n  {limit}\n  tasks:\n    - receive_connector: {{protocol_logging: verbose}}\n"
    )

    ended = lab.run("apply", "-p", playbook)

    assert 4 == ended.code
    assert reached == (set(levels(lab, SECOND).values()) == {"Verbose"})
    assert reached != (f"left out: [{SECOND}]" in ended.out)


def test_a_failed_host_is_left_out_of_later_plays(lab: RunningLab) -> None:
    """What the first play couldn't do, the second one doesn't build on."""
    playbook = lab.playbook(
        "- hosts: all\n  tasks:\n    - powershell: {test: \"$env:COMPUTERNAME -ne 'EX01'\", set: throw 'no'}\n"
        "- hosts: all\n  tasks:\n    - receive_connector: {protocol_logging: verbose}\n"
    )

    ended = lab.run("apply", "-p", playbook)

    assert 1 == ended.code
    assert {"Verbose"} == set(levels(lab, SECOND).values())
    assert "None" in levels(lab, FIRST).values()


CANARY = "c4nary:pa$$ w\u00f6rd"


def forms(secret: str) -> set[str]:
    """Give every form in which a secret could show."""
    narrow, wide = secret.encode(), secret.encode("utf-16-le")
    encoded = {base64.b64encode(data).decode().rstrip("=") for data in (narrow, wide)}
    return {secret, quote(secret), quote_plus(secret), json.dumps(secret)[1:-1], *encoded}


@pytest.mark.parametrize("right", [True, False])
def test_a_password_shows_nowhere(
    make_lab: Callable[..., RunningLab], monkeypatch: pytest.MonkeyPatch, right: bool
) -> None:
    """Neither in what a run prints, right or refused, nor in any file that it leaves, in none of its forms."""
    lab = make_lab(FIRST, user="LAB\\auditor", password=CANARY if right else "something else")
    lab.inventory.write_text(f"{FIRST} connection=lab winrm_user=LAB\\\\auditor winrm_password=env:CANARY\n")
    monkeypatch.setenv("CANARY", CANARY)

    runs = [lab.run(*words) for words in (["plan"], ["apply", "--diff"], ["apply", "--output", "json"])]
    runs.append(lab.run("inventory", "--host", FIRST, "--explain"))

    shown = "".join(run.out + run.err for run in runs)
    kept = "".join(path.read_text(errors="replace") for path in lab.inventory.parent.rglob("*") if path.is_file())
    assert [0 if right else 4] * 2 == [run.code for run in runs[1:3]]
    assert set() == {form for form in forms(CANARY) if form in shown or form in kept}
