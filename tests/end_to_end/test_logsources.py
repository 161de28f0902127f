"""From an inventory to definitions, to what a console says of them, and back to the logs through them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from logsource_samples import ANSWERS
from running_lab import run

from harness.redaction import redactor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from running_lab import RunningLab

NAME = "ex01.lab.example"
CANARY = "c4nary-of-the-log-source"


@pytest.fixture
def inventory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Two servers that nobody needs to reach, and a password that no output may hold."""
    path = tmp_path / "inventory.ini"
    path.write_text(
        "[exchange]\n"
        "ex01.corp.example exchange_version=2016\n"
        "ex02.corp.example exchange_version=2010 logsource_groups=Mail,Exchange logsource_credibility=8\n"
        "[exchange:vars]\n"
        "winrm_user=CORP\\harness\n"
        "winrm_password=env:WINRM_PASSWORD\n"
        "logsource_user=CORP\\svc-jsa\n"
        "logsource_password=env:JSA_PASSWORD\n"
    )
    monkeypatch.setenv("JSA_PASSWORD", CANARY)
    monkeypatch.setenv("WINRM_PASSWORD", CANARY)
    yield path
    redactor.clear()


def parameters(item: dict[str, Any]) -> dict[str, str]:
    """Give a definition's parameters by label, or by name."""
    return {each.get("label") or each["name"]: each["value"] for each in item["protocol_parameters"]}


def put(path: Path, identifier: str, label: str, value: str) -> None:
    """Change a parameter of a definition in a file."""
    items = json.loads(path.read_text())
    item = next(each for each in items if parameters(each)["Log Source Identifier"] == identifier)
    next(each for each in item["protocol_parameters"] if each["label"] == label)["value"] = value
    path.write_text(json.dumps(items, indent=2))


def test_what_is_exported_passes_the_check(inventory: Path, tmp_path: Path) -> None:
    """With names and with ids; then a wrong path, a pattern that isn't one and a missing account are found at once."""
    named, ids = tmp_path / "named.json", tmp_path / "ids.json"
    assert 0 == run("logsources", "export", inventory, "--offline", "-o", named).code
    assert 0 == run("logsources", "export", inventory, "--offline", "-o", ids, "--console-schema", ANSWERS).code
    assert (0, 0) == tuple(run("logsources", "check", path, "--console-schema", ANSWERS).code for path in (named, ids))

    put(named, "ex02.corp.example", "OWA Log Folder Path", "c:/inetpub/logs/LogFiles/W3SVC1/")
    put(named, "ex02.corp.example", "Use Custom File Patterns", "true")
    put(named, "ex02.corp.example", "SMTP File Pattern", "*.log")
    put(named, "ex01.corp.example", "Username", "")
    ended = run("logsources", "check", named, "--console-schema", ANSWERS, "--output", "json")

    # The console's own pattern of a path refuses the wrong one as well.
    faults = [fault for fault in ended.json["faults"] if "the console's pattern" not in fault["message"]]
    found = [(fault["path"], fault["message"]) for fault in faults]
    expected = ("Username is required and empty", "names a drive, and a log source takes a share", "'*.log'")
    assert (1, len(expected)) == (ended.code, len(found)), ended.out
    for (path, message), words in zip(found, expected, strict=True):
        assert re.fullmatch(r"\[\d\]\.protocol_parameters\[\d+\]\.value", path)
        assert words in message


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--format", "json"], "env:JSA_PASSWORD"),
        (["--format", "json", "--console-schema", str(ANSWERS)], "env:JSA_PASSWORD"),
        (["--format", "csv"], "env:JSA_PASSWORD"),
        (["--format", "checklist"], "env:JSA_PASSWORD"),
        (["--format", "template", "--template", "own.txt.j2"], "env:JSA_PASSWORD"),
        (["--format", "lsx", "--username", "sender"], "device-extension"),
    ],
    ids=lambda each: each[1] if isinstance(each, list) else "",
)
def test_no_form_holds_a_password(
    inventory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], words: str
) -> None:
    """Only where it is kept; the template is given all there is to be given."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.txt.j2").write_text(
        "{% for s in log_sources %}{{ s }}{{ parameters(s) }}{{ fields(s) }}{% endfor %}{{ hosts }}"
    )
    out = tmp_path / "out"
    ended = run("logsources", "export", inventory, "--offline", "-o", out, *arguments)

    written = out.read_text(encoding="utf-8-sig")
    assert (0, True) == (ended.code, words in written), ended.err
    assert CANARY not in written + ended.out + ended.err


def test_notes_say_where_folders_come_from(inventory: Path) -> None:
    """On standard error, so that standard output is the export alone."""
    ended = run("logsources", "export", inventory, "--offline")

    assert "ex02.corp.example: defaults of Exchange 2010" in ended.err
    items = ended.json
    assert {"defaults of Exchange 2010", "defaults of Exchange 2016"} == {
        item["harness"]["folders_from"] for item in items
    }
    assert (8, ["Mail", "Exchange"]) == (items[-1]["credibility"], items[-1]["group_names"])
    assert ("CORP", "svc-jsa") == (parameters(items[0])["Domain"], parameters(items[0])["Username"])


def test_identifiers_are_checked_over_the_whole_inventory(inventory: Path) -> None:
    """One console holds them all, so --limit doesn't hide a conflict; both hosts and the line are named."""
    inventory.write_text(inventory.read_text() + "logsource_identifier=mail\n")
    ended = run("logsources", "export", inventory, "--offline", "--limit", "ex01*")

    assert 3 == ended.code
    assert re.search(r"inventory.ini:9: ex02.corp.example: the identifier 'mail' .* of ex01.corp.example's", ended.err)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--format", "template"], "give --template FILE"),
        (["--template", "x.j2"], "the format json needs none"),
        (["--format", "lsx"], "give --username sender, --source original-client-ip or both"),
        (["--username", "sender"], "give --format lsx"),
        (["--limit", "nobody"], "nobody"),
        (["--console-schema", "none.json"], "none.json: can't be read"),
    ],
)
def test_options_that_dont_go_together(inventory: Path, arguments: list[str], words: str) -> None:
    """Exit code 3, and what to give instead."""
    ended = run("logsources", "export", inventory, "--offline", *arguments)

    assert (3, True) == (ended.code, words in ended.err), ended.err


def test_a_console_that_knows_other_names(inventory: Path) -> None:
    """Exit code 3; the log source and what is near are named."""
    inventory.write_text(inventory.read_text() + "logsource_collector=eventcollector9\n")
    ended = run("logsources", "export", inventory, "--offline", "--console-schema", ANSWERS)

    assert 3 == ended.code
    assert "Exchange @ ex02.corp.example: the console has no event collector named 'eventcollector9'" in ended.err


def test_definitions_are_what_is_verified(make_lab: Callable[..., RunningLab], tmp_path: Path) -> None:
    """Folders are read off the host; through the file all holds, and with a wrong path in it the path is named.

    Collecting goes through the file as well: where it names the folder of the web log alone, there is nothing else.
    """
    lab = make_lab(NAME)
    moved = 'message_tracking: {path: "C:\\\\Tracking"}'
    assert 0 == lab.run("apply").code
    assert 0 == lab.run("apply", "-p", lab.playbook(f"- hosts: all\n  tasks:\n    - {moved}\n")).code
    path = tmp_path / "sources.json"
    exported = run("logsources", "export", lab.inventory, "-o", path)
    items = json.loads(path.read_text())

    assert f"{NAME}: folders read from the host" in exported.err
    assert ("c$/Tracking/", "the host") == (
        parameters(items[0])["MSGTRK Log Folder Path"],
        items[0]["harness"]["folders_from"],
    )
    right = lab.run("verify", "--log-sources", path)
    assert 0 == right.code, right.out + right.err
    assert f"=> SMTP::log_source[{NAME}-frontend]" in right.out

    web, events = tmp_path / "web.json", tmp_path / "events.jsonl"
    web.write_text(path.read_text())
    for suffix, family in (("", "SMTP"), ("", "MSGTRK"), ("-frontend", "SMTP"), ("-mailbox", "SMTP")):
        put(web, NAME + suffix, f"{family} Log Folder Path", "")
    collected = lab.run("collect", "--log-sources", web, "-o", events)
    assert 0 == collected.code, collected.err
    assert {"owa"} == {json.loads(line)["format"] for line in events.read_text().splitlines()}

    put(path, NAME, "OWA Log Folder Path", "c$/inetpub/logs/LogFiles/W3SVC7/")
    put(path, NAME, "MSGTRK Log Folder Path", "c$/inetpub/logs/LogFiles/W3SVC1/")
    wrong = lab.run("verify", "--log-sources", path, "-k", "log_source")
    said = wrong.out.split("failed: ")

    assert 1 == wrong.code
    owa = next(each for each in said if each.startswith(f"[{NAME}] => OWA::log_source"))
    assert re.search(
        r"hint: +correct \[0\]\.protocol_parameters\[6\]\.value in .*sources\.json:\d+:\d+; "
        r"the host keeps it in c\$/inetpub/logs/LogFiles/W3SVC1/",
        owa,
    )
    assert "it has no folder 'W3SVC7'" in owa
    tracking = next(each for each in said if each.startswith(f"[{NAME}] => MSGTRK::log_source"))
    assert "the host keeps it in c$/Tracking/" in tracking


def test_a_host_without_a_definition_isnt_verified_by_chance(lab: RunningLab, tmp_path: Path) -> None:
    """Both commands that poll refuse the file, and say which host it lacks."""
    path = tmp_path / "sources.json"
    assert 0 == run("logsources", "export", lab.inventory, "--limit", "ex01*", "-o", path).code
    verified, collected = (lab.run(command, "--log-sources", path) for command in ("verify", "collect"))

    assert (3, 3) == (verified.code, collected.code)
    assert "there is no log source of ex02.lab.example" in verified.err
    assert "there is no log source of ex02.lab.example" in collected.err
