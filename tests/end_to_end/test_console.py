"""`harness logsources plan`, `push`, `remove`, `status` and `event-map` against a simulated console over HTTPS."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from running_console import RunningConsole, running_console
from running_lab import run

from harness.lab.siem.settings import ConsoleSettings
from harness.lab.winrm.mishap import Mishap
from harness.redaction import redactor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from running_lab import Ended, RunningLab

TOP = Path(__file__).parent.parent.parent
PASSWORD = "canary-of-the-account"
INVENTORY = """\
[exchange]
ex01.corp.example
ex02.corp.example exchange_roles=edge_transport

[exchange:vars]
exchange_version=2016
exchange_roles=mailbox
logsource_user=CORP\\svc-jsa
logsource_password=env:TEST_JSA_PASSWORD
console_url={url}
console_token=env:TEST_SIEM_TOKEN
console_ca_trust_path={ca}
"""
EDGE = "ex02.corp.example"


@dataclass
class Deployment:
    """An inventory and its console."""

    running: RunningConsole
    inventory: Path

    def run(self, command: str, *arguments: str | Path) -> Ended:
        """Run a command of `harness logsources`; hosts aren't asked for their folders."""
        more = () if command in {"remove", "event-map"} else ("--defaults",)
        return run("logsources", command, self.inventory, *more, *arguments)

    def json(self, command: str, *arguments: str | Path) -> tuple[int, Any]:
        """The same for programs."""
        ended = self.run(command, "--output", "json", *arguments)
        return ended.code, ended.json

    def names(self) -> list[str]:
        """Give the console's log sources."""
        return sorted(each["name"] for each in self.running.log_sources())

    def rename(self, before: str, after: str) -> None:
        """Change the inventory."""
        self.inventory.write_text(self.inventory.read_text().replace(before, after))


def _deployment(tmp_path: Path, running: RunningConsole, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    monkeypatch.setenv("TEST_SIEM_TOKEN", running.token)
    monkeypatch.setenv("TEST_JSA_PASSWORD", PASSWORD)
    inventory = tmp_path / "inventory.ini"
    inventory.write_text(INVENTORY.format(url=running.url, ca=running.ca))
    return Deployment(running, inventory)


@pytest.fixture
def siem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployment]:
    """A fresh console and two servers: one with three log sources, one Edge server with one."""
    with running_console(tmp_path / "siem") as running:
        yield _deployment(tmp_path, running, monkeypatch)
    redactor.clear()


def test_plan_push_plan_push(siem: Deployment) -> None:
    """What plan shows push does; then plan exits 0 and push has nothing to do."""
    planned, pushed, after, again = (siem.run(command) for command in ("plan", "push", "plan", "push"))

    assert [2, 0, 0, 0] == [each.code for each in (planned, pushed, after, again)]
    assert "log sources: 4 to create" in planned.out
    assert "log sources: 4 created" in pushed.out
    assert "log sources: 4 as they should be" in after.out
    assert "log sources: 4 unchanged" in again.out
    assert 4 == len(siem.names())


def test_nothing_secret_is_shown(siem: Deployment, tmp_path: Path) -> None:
    """Neither token nor password: not by plan, not by push, not in the log of requests."""
    log = tmp_path / "requests.jsonl"
    shown = [siem.run("plan"), siem.run("push", "--log", log), siem.run("push", "--output", "json")]

    text = log.read_text() + "".join(each.out + each.err for each in shown)
    assert PASSWORD not in text
    assert siem.running.token not in text
    assert ["PATCH"] == [each["method"] for each in map(json.loads, log.read_text().splitlines()) if each["items"]]


def test_plan_for_programs(siem: Deployment) -> None:
    """Field by field, before and after."""
    siem.run("push")
    siem.rename("logsource_user=", "logsource_polling_interval=30\nlogsource_user=")

    code, shown = siem.json("plan", "--limit", EDGE)

    (one,) = shown["log_sources"]
    assert (2, EDGE, "update") == (code, one["host"], one["action"])
    assert [{"field": "Polling Interval (seconds)", "before": "10", "after": "30"}] == one["differences"]
    assert "26.0" == shown["api_version"]
    assert [] == shown["orphans"]


def test_a_renamed_host(siem: Deployment) -> None:
    """Its identifier changes with it: a new log source is made, and the old one named with the command to remove it."""
    siem.run("push")
    siem.rename(EDGE, f"edge.corp.example address={EDGE}")

    ended = siem.run("push")

    assert 0 == ended.code
    assert "created: [edge.corp.example]" in ended.out
    assert "edge.corp.example has its server now" in ended.err
    assert f"harness logsources remove {siem.inventory} --identifier {EDGE}" in ended.err
    assert 5 == len(siem.names())

    removed = siem.run("remove", "--identifier", EDGE, "--yes")

    assert 0 == removed.code
    assert f"removed: [{EDGE}]" in removed.out
    assert (4, []) == (len(siem.names()), siem.json("plan")[1]["orphans"])


def test_a_renamed_host_that_keeps_its_identifier(siem: Deployment) -> None:
    """With logsource_identifier it is the same log source under a new name, with its id."""
    siem.run("push")
    ids = {each["name"]: each["id"] for each in siem.running.log_sources()}
    siem.rename(EDGE, f"edge.corp.example address={EDGE} logsource_identifier={EDGE} logsource_name=Edge")

    code, shown = siem.json("push")

    (one,) = [each for each in shown["log_sources"] if each["status"] == "updated"]
    assert (0, "Edge", ids[f"Exchange @ {EDGE}"]) == (code, one["name"], one["id"])


def test_orphans_arent_those_of_hosts_that_are_left_out(siem: Deployment) -> None:
    """--limit leaves the others alone, and says nothing of them."""
    siem.run("push")

    ended = siem.run("push", "--limit", EDGE)

    assert (0, False) == (ended.code, "is of no host" in ended.err)


def test_one_that_the_console_refuses(siem: Deployment) -> None:
    """Exit code 1, a sentence, a hint; the others are made."""
    siem.running.befall(refuse_name="mailbox")

    code, shown = siem.json("push")

    (refused,) = [each for each in shown["log_sources"] if each["status"] == "refused"]
    assert (1, "ex01.corp.example-mailbox") == (code, refused["identifier"])
    assert "the console failed [HTTP 500, code 1100" in refused["why"]
    assert "/var/log/qradar.error" in refused["hint"]
    assert 3 == len(siem.names())


def test_a_name_that_the_console_doesnt_have(siem: Deployment) -> None:
    """Bad input, with what was meant; nothing is touched."""
    ended = siem.run("push", "-e", "logsource_groups=Exchagne")

    assert 3 == ended.code
    assert "no log source group named 'Exchagne'" in ended.err
    assert "did you mean 'Exchange'?" in ended.err
    assert [] == siem.names()


def test_deploying(siem: Deployment) -> None:
    """Only where the console says that it is needed, and only when asked."""
    without = siem.run("push")
    with_ = siem.run("push", "--deploy")
    again = siem.run("push", "--deploy")

    assert "4 log sources count only after a deploy" in without.err
    assert "deployed" in with_.out
    assert "no log source needs a deploy" in again.out
    assert [0, 0, 0] == [without.code, with_.code, again.code]
    assert not any(each["requires_deploy"] for each in siem.running.log_sources())


def test_removing_asks_back(siem: Deployment) -> None:
    """What is to go is shown; without a yes it stays, and without a name nothing is even looked for."""
    siem.run("push")
    process = subprocess.run(
        [sys.executable, "-m", "harness", "logsources", "remove", str(siem.inventory), "--limit", EDGE],
        input="n\n",
        capture_output=True,
        text=True,
        check=False,
        cwd=TOP,
        env=dict(os.environ),
    )
    unnamed = siem.run("remove", "--yes")

    assert 130 == process.returncode, process.stderr
    assert f"remove: [{EDGE}]" in process.stdout
    assert "Remove 1 log sources from 127.0.0.1?" in process.stderr
    assert (3, 4) == (unnamed.code, len(siem.names()))


def test_removing_a_hosts_log_sources(siem: Deployment) -> None:
    """All of them, and no other host's."""
    siem.run("push")

    ended = siem.run("remove", "--limit", "ex01*", "--yes")

    assert 0 == ended.code
    assert [f"Exchange @ {EDGE}"] == siem.names()


def test_removing_what_isnt_there(siem: Deployment) -> None:
    """A misspelt identifier is an error with a suggestion; nothing goes."""
    siem.run("push")

    ended = siem.run("remove", "--identifier", "ex02.corp.exmaple", "--identifier", "ex01.corp.example", "--yes")

    assert 3 == ended.code
    assert f"did you mean '{EDGE}'?" in ended.err
    assert 4 == len(siem.names())


def test_status_names_the_one_that_fell_silent(siem: Deployment, tmp_path: Path) -> None:
    """State, message and age beside what verify saw; exit code 1 for silence and errors, else 0."""
    siem.run("push")
    now = int(time.time() * 1000)
    for name in siem.names():
        siem.running.report(name, status="SUCCESS", last_event_time=now, average_eps=3.5)
    fine = siem.run("status")
    siem.running.report(f"Exchange @ {EDGE}", last_event_time=now - 3 * 3600 * 1000)
    messages = [{"severity": "ERROR", "text": "Login failed for svc-jsa"}]
    siem.running.report("Exchange @ ex01.corp.example", status="ERROR", messages=messages)
    verified = tmp_path / "verified.json"
    seen = {"host": EDGE, "family": "SMTP", "events": 7, "newest": "2026-11-28T09:00:00Z"}
    verified.write_text(json.dumps({"families": [seen], "expectations": []}))

    ended = siem.run("status", "--verified", verified)
    patient = siem.json("status", "--silent-after", "1d", "--limit", EDGE)

    assert (0, "log sources: 4, 0 with a fault") == (fine.code, fine.out.splitlines()[-1])
    assert (1, "log sources: 4, 2 with a fault") == (ended.code, ended.out.splitlines()[-1])
    assert f"[{EDGE}] SUCCESS" in ended.out
    assert "it fell silent: its last event came 3 h" in ended.out
    assert "ERROR: Login failed for svc-jsa" in ended.out
    assert "verify: SMTP: 7 events, newest 2026-11-28T09:00:00Z" in ended.out
    assert (0, []) == (patient[0], patient[1]["log_sources"][0]["faults"])


def test_status_of_what_was_never_pushed(siem: Deployment) -> None:
    """It is missing, which is a fault."""
    ended = siem.run("status", "--limit", EDGE)

    assert 1 == ended.code
    assert "the console doesn't have it; run harness logsources push" in ended.out


def test_event_ids_that_the_console_doesnt_know(siem: Deployment, tmp_path: Path) -> None:
    """They are listed with their number and place; exit code 1."""
    path = tmp_path / "events.jsonl"
    ids = ("DELIVER", "DELIVER", "NEVERHEARDOF")
    path.write_text("".join(json.dumps({"family": "MSGTRK", "event_id": each}) + "\n" for each in ids))

    code, shown = siem.json("event-map", "--events", path)
    narrowed = siem.run("event-map", "--events", path, "--family", "OWA")

    known = {each["event_id"]: each for each in shown["event_ids"]}
    assert 1 == code
    assert (True, 2) == (known["DELIVER"]["known"], known["DELIVER"]["events"])
    assert all("QID" in each for each in known["DELIVER"]["records"])
    assert (1, True) == (narrowed.code, "the files hold no event" in narrowed.err)
    assert (False, f"{path}:3") == (known["NEVERHEARDOF"]["known"], known["NEVERHEARDOF"]["first"])


OLD = "ex03.corp.example exchange_version=2003 exchange_roles=mailbox logsource_wincollect_agent=WINCOLLECT01"


def test_exchange_2003_is_collected_by_wincollect(siem: Deployment) -> None:
    """Agent and destination are looked up by name; pushed twice, the second time there is nothing to do."""
    siem.rename("[exchange:vars]", f"{OLD}\n[exchange:vars]")

    first, again, removed = siem.run("push"), siem.run("plan"), siem.run("remove", "--limit", "ex03*", "--yes")

    assert (0, 0, 0) == (first.code, again.code, removed.code), first.err + again.out
    assert "created: [ex03.corp.example]" in first.out
    assert "removed: [ex03.corp.example]" in removed.out


def test_a_console_without_wincollect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clear message instead of a refusal by number."""
    with running_console(tmp_path / "siem", ConsoleSettings(wincollect=False)) as running:
        siem = _deployment(tmp_path, running, monkeypatch)
        siem.rename("[exchange:vars]", f"{OLD}\n[exchange:vars]")

        ended = siem.run("push")

        assert 3 == ended.code
        assert "ex03.corp.example: the console has no WinCollect agent at all" in ended.err
        assert [] == siem.names()
    redactor.clear()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--token", "00000000-in-clear"], 3, "a token on the command line can be read by everybody"),
        (["--token", "env:NO_SUCH_VARIABLE"], 3, "the environment variable NO_SUCH_VARIABLE isn't set"),
        (["--console", "http://127.0.0.1"], 3, "isn't the address of a console"),
        (["--api-version", "27"], 3, "harness doesn't know the version '27'"),
        (["--api-version", "20"], 1, "the console doesn't speak this version of the API"),
        (["-e", "console_url=https://127.0.0.1:1"], 4, "refuses the connection"),
    ],
)
def test_ways_that_lead_nowhere(siem: Deployment, arguments: list[str], code: int, words: str) -> None:
    """Each with its exit code and its words."""
    ended = siem.run("plan", *arguments)

    assert (code, True) == (ended.code, words in ended.err), ended.err


@pytest.mark.parametrize(
    ("key", "code", "words"),
    [
        ("console_url", 3, "nobody says where the console is"),
        ("console_token", 3, "nobody says what the console's token is"),
        ("console_ca_trust_path", 4, "isn't trusted"),
    ],
)
def test_an_inventory_without_a_key(siem: Deployment, key: str, code: int, words: str) -> None:
    """Address and token have no default; authorities have, and the simulated console's isn't one of them."""
    siem.rename(f"{key}=", f"mine_{key}=")

    ended = siem.run("plan")

    assert (code, True) == (ended.code, words in ended.err), ended.err


def test_hosts_of_two_consoles(siem: Deployment) -> None:
    """Whose log sources go where would be a guess."""
    siem.rename(f"{EDGE} ", f"{EDGE} console_url=https://other.corp.example ")

    ended = siem.run("plan")

    assert 3 == ended.code
    assert "console_url differs between ex01.corp.example and ex02.corp.example" in ended.err


def test_hosts_are_asked_where_their_logs_are(lab: RunningLab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A moved folder goes to the console; a host that doesn't answer is left out, as its defaults might be wrong."""
    lab.run("apply", "-p", lab.playbook("- hosts: all\n  tasks:\n    - message_tracking: {path: 'D:\\Track'}\n"))
    with running_console(tmp_path / "siem") as running:
        monkeypatch.setenv("TEST_SIEM_TOKEN", running.token)
        reach = ["--console", running.url, "--token", "env:TEST_SIEM_TOKEN", "--ca", running.ca]
        lab.befall("ex02.lab.example", Mishap(refuse_connections=True))

        ended = run("logsources", "push", lab.inventory, *reach)

        found = running.parameters("Exchange @ ex01.lab.example")
        assert 1 == ended.code, ended.err
        assert "d$/Track/" == found["MSGTRK_LOG_FOLDER_PATH"]
        assert "ex02.lab.example is left out" in ended.err
        assert not any("ex02" in each["name"] for each in running.log_sources())
    redactor.clear()


def test_interrupted_and_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C in the middle of a task: exit code 130, a word on what goes on, and the next run doubles nothing."""
    with running_console(tmp_path / "siem", ConsoleSettings(task_seconds=0.4)) as running:
        siem = _deployment(tmp_path, running, monkeypatch)
        command = [sys.executable, "-m", "harness", "logsources", "push", str(siem.inventory), "--defaults"]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=TOP, env=dict(os.environ)
        )
        until = time.monotonic() + 20
        while not siem.names() and time.monotonic() < until:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
        running.behave(ConsoleSettings())

        again = siem.run("push")

        assert 130 == process.returncode, err
        assert "Run again: nothing is doubled" in err
        assert 0 == again.code, again.out
        assert 4 == len(siem.names()) == len(set(siem.names()))
    redactor.clear()
