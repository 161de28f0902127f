"""``harness verify`` and the pytest plugin against simulated hosts: what apply left decides what the logs hold."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from running_lab import run

if TYPE_CHECKING:
    from running_lab import RunningLab

ROOT = Path(__file__).parent.parent.parent
HOST = "ex01.lab.example"
PASSWORD = "canary-4711-Passw0rd"


@pytest.fixture
def applied(lab: RunningLab) -> RunningLab:
    """A lab on which the shipped playbook was applied."""
    assert 0 == lab.run("apply").code
    return lab


def change(lab: RunningLab, task: str) -> None:
    """Change one setting of the first host."""
    path = lab.playbook(f"- hosts: {HOST}\n  tasks:\n    - {task}\n")
    ended = lab.run("apply", "-p", path)

    assert 0 == ended.code
    assert "changed=1" in ended.out


def test_right_after_apply_all_three_families_are_proven(applied: RunningLab) -> None:
    """Each probe comes out in its log on every host; the report tells the delays, and the exit code is 0."""
    ended = applied.run("verify", "--output", "json")
    families = {(each["host"], each["family"]): each for each in ended.json["families"]}
    delays = [each["probe"]["seconds"] for each in families.values()]

    assert 0 == ended.code, ended.err
    assert {"passed"} == {each["status"] for each in ended.json["expectations"]}
    assert {(host, family) for host in (HOST, "ex02.lab.example") for family in ("OWA", "SMTP", "MSGTRK")} == set(
        families
    )
    assert all(0 < delay < 120 for delay in delays)


@pytest.mark.parametrize(
    ("task", "failed", "named"),
    [
        ("message_tracking: {enabled: false}", "MSGTRK::probe", "message_tracking"),
        (
            "receive_connector: {names: [Default Frontend EX01], protocol_logging: none}",
            "SMTP::probe",
            "receive connector",
        ),
        (
            "receive_connector: {names: [Default EX01], protocol_logging: none}",
            "SMTP::connectors_logged",
            r"'EX01\Default EX01'",
        ),
        (
            "iis_logging: {sites: [Default Web Site], ensure: exact, fields: [date, time, cs-method, cs-uri-query]}",
            "OWA::fields_present",
            "lacks cs-version",
        ),
    ],
    ids=["tracking", "front end", "hub", "cs-version"],
)
def test_what_is_switched_off_fails_by_name(applied: RunningLab, task: str, failed: str, named: str) -> None:
    """One setting back on one host: exit 1, and the expectation, its line and the setting are named."""
    change(applied, task)
    ended = applied.run("verify", "-l", HOST, "--timeout", "8")
    failures = [line for line in ended.out.splitlines() if line.startswith("failed: ")]

    assert 1 == ended.code
    assert f"failed: [{HOST}] => {failed}" in failures
    assert named in ended.out
    assert "site.yml:" in ended.out


def test_expectations_of_a_file_replace_the_shipped_ones(applied: RunningLab) -> None:
    """A file of its own is for all hosts, and the shipped playbook counts no more."""
    path = applied.inventory.parent / "expect.yml"
    path.write_text(
        "MSGTRK:\n  probe: smtp\n  some:\n    - event_id: RECEIVE\n      username: postmaster@lab.example\n"
    )
    ended = applied.run("verify", "--expectations", path, "-l", HOST)

    assert 0 == ended.code
    assert f"ok: [{HOST}] => MSGTRK::some[event_id+username]" in ended.out
    assert "2 passed in " in ended.out


def test_selecting_nothing_is_a_failure(lab: RunningLab) -> None:
    """A run that judged nothing never passes, and polls nobody."""
    ended = lab.run("verify", "-k", "nonsense")

    assert 1 == ended.code
    assert "no expectation was selected" in ended.err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("-k", "a b"), ""),
        (("-l", "nobody"), "nobody"),
        (("--expectations", "nowhere.yml"), "nowhere.yml: can't be read"),
    ],
)
def test_what_the_user_gave_wrong_ends_it_with_3(lab: RunningLab, options: tuple[str, str], words: str) -> None:
    """Bad input is told from a failed expectation by the exit code."""
    ended = lab.run("verify", *options)

    assert 3 == ended.code
    assert words in ended.err


def test_mistakes_of_all_files_show_at_once(lab: RunningLab) -> None:
    """A wrong playbook and a wrong file of expectations are reported together, with their places."""
    playbook = lab.playbook("- hosts: all\n  verify: {OWA: {min_event: 1}}\n")
    path = lab.inventory.parent / "expect.yml"
    path.write_text("SMTP: {probe: owa}\n")
    ended = lab.run("verify", "-p", playbook, "--expectations", path)

    assert 3 == ended.code
    assert f"{playbook}:2:18: unknown key 'OWA.min_event' in verify (did you mean 'min_events'?)" in ended.err
    assert f"{path}:1:15: the probe owa leaves nothing in the SMTP log (did you mean 'smtp'?)" in ended.err


def test_nobody_reachable_is_4(tmp_path: Path) -> None:
    """Hosts that don't answer are told from logs that aren't as expected, and every expectation fails."""
    inventory = tmp_path / "inventory.ini"
    inventory.write_text(
        "[all:vars]\nwinrm_user=x\nwinrm_password=file:secret\nsmb_port=1\nwinrm_port=1\n"
        "probe_smtp_port=1\nprobe_owa_port=1\n[exchange]\nex01 address=127.0.0.98\n"
    )
    (tmp_path / "secret").write_text(PASSWORD)
    ended = run("verify", inventory)

    assert 4 == ended.code
    assert "unreachable: [ex01] => OWA::fields_present" in ended.out
    assert "13 failed in " in ended.out
    assert PASSWORD not in ended.out + ended.err


def test_the_first_failure_ends_it_with_x(lab: RunningLab) -> None:
    """With -x nothing is waited for after the first failure."""
    path = lab.inventory.parent / "expect.yml"
    path.write_text("OWA:\n  min_events: 1\n  deadline: 1 s\n  max_unparsed: 0\n")
    ended = lab.run("verify", "--expectations", path, "-x")

    assert 1 == ended.code
    assert 1 == ended.out.count("failed: [")


def test_junit_holds_every_expectation_with_its_delay(applied: RunningLab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A build server sees host, family and name, the delay of probes, and the whole reason of a failure.

    Whatever the user's environment asks of pytest has no say.
    """
    monkeypatch.setenv("PYTEST_ADDOPTS", "--no-such-option")
    path = applied.inventory.parent / "expect.yml"
    path.write_text("OWA:\n  probe: owa\n  fields_present: [cs-method, cs-host]\n")
    junit = applied.inventory.parent / "junit.xml"
    ended = applied.run("verify", "--expectations", path, "-l", HOST, "--junit", junit)
    cases = {case.get("name"): case for case in ET.parse(junit).getroot().iter("testcase")}  # noqa: S314 - our own file
    failure = cases["fields_present"].find("failure")
    delay = cases["probe"].find("properties/property[@name='delay_seconds']")

    assert 1 == ended.code
    assert {f"{HOST}.OWA"} == {case.get("classname") for case in cases.values()}
    assert failure is not None
    assert "lacks cs-host" in (failure.text or "")
    assert f"{path}:3:3: fields_present" in (failure.text or "")
    assert delay is not None
    assert 0 < float(delay.get("value", "0")) < 120


def test_golden_cases_run_and_update(lab: RunningLab) -> None:
    """A case needs no host; --update writes what is missing and says so."""
    folder = lab.inventory.parent
    case = folder / "cases" / "one"
    case.mkdir(parents=True)
    (case / "u_ex261123.log").write_text("#Fields: date time cs-method sc-status\n2026-11-23 10:00:00 GET 200\n")
    path = folder / "expect.yml"
    path.write_text("OWA: {golden: cases}\n")
    before = lab.run("verify", "--expectations", path)
    update = lab.run("verify", "--expectations", path, "--update")
    after = lab.run("verify", "--expectations", path)

    assert [1, 0, 0] == [before.code, update.code, after.code]
    assert "failed: OWA::golden[one]" in before.out
    assert f"rewritten: {case / 'expected.yml'}" in update.out
    assert "rewritten" not in after.out


USERS_TESTS = '''
def test_tracking(exchange_host, msgtrk_events):
    """The probe of harness itself was received."""
    assert exchange_host.name.endswith(".lab.example")
    assert any(event.event_id == "RECEIVE" for event in msgtrk_events)


def test_owa(owa_events):
    assert all(event.source_ip for event in owa_events)
'''


def pytest_in(folder: Path, *options: str | Path) -> subprocess.CompletedProcess[str]:
    """Run pytest in a user's own project."""
    plugin = () if _installed() else ("-p", "harness.cli.plugin")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *plugin, *options],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )


def _installed() -> bool:
    """Whether this harness is installed, so that pytest finds the plugin by itself."""
    from importlib.metadata import entry_points  # noqa: PLC0415

    return any(point.value == "harness.cli.plugin" for point in entry_points(group="pytest11"))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of the user's with tests of its own."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "pytest.ini").write_text("[pytest]\naddopts = --strict-markers\nfilterwarnings = error\n")
    (folder / "test_own.py").write_text(USERS_TESTS)
    return folder


@pytest.mark.parametrize("workers", [(), ("-n", "2", "--dist", "loadgroup")], ids=["alone", "xdist"])
def test_a_project_of_the_user_s_runs_the_same_items(
    applied: RunningLab, project: Path, workers: tuple[str, ...]
) -> None:
    """The expectations are collected beside the user's own tests, and these get their fixtures."""
    if workers:
        pytest.importorskip("xdist")
    ended = pytest_in(project, f"--harness-inventory={applied.inventory}", "-v", *workers)

    assert 0 == ended.returncode, ended.stdout + ended.stderr
    assert f"{HOST}::SMTP::probe" in ended.stdout
    assert "test_own.py::test_tracking[ex02.lab.example]" in ended.stdout
    assert "30 passed in" in ended.stdout


def test_a_failure_in_a_project_is_a_few_lines(applied: RunningLab, project: Path) -> None:
    """No traceback of ours: setting, expected, seen, hint."""
    path = project / "expect.yml"
    path.write_text("OWA:\n  probe: owa\n  fields_present: [cs-host]\n")
    options = (f"--harness-inventory={applied.inventory}", f"--harness-expectations={path}", "-k", f"{HOST} and OWA")
    ended = pytest_in(project, *options)

    assert 1 == ended.returncode
    assert f"{path}:3:3: fields_present\nexpected: the columns cs-host\nseen:     //{HOST}/" in ended.stdout
    assert "Traceback" not in ended.stdout
    assert "plugin.py" not in ended.stdout


def test_without_its_option_the_plugin_does_nothing(project: Path) -> None:
    """A user who has harness installed and doesn't ask for it gets none of it: no items, no imports."""
    (project / "test_own.py").write_text(
        textwrap.dedent(
            """
            import sys

            def test_not_imported():
                assert not {"harness.verify.plugin", "harness.inventory", "smbprotocol"} & set(sys.modules)
            """
        )
    )
    ended = pytest_in(project)

    assert 0 == ended.returncode, ended.stdout
    assert "1 passed" in ended.stdout


def test_wrong_input_is_a_usage_error_in_a_project(project: Path) -> None:
    """The code is that of a wrong call of pytest, with our sentence."""
    ended = pytest_in(project, "--harness-inventory=nowhere.ini")

    assert int(pytest.ExitCode.USAGE_ERROR) == ended.returncode
    assert "nowhere.ini: can't be read" in ended.stderr


def test_ctrl_c_ends_it_with_130(lab: RunningLab) -> None:
    """One interrupt while events are waited for ends the command soon, with the recap so far and no shell left."""
    path = lab.inventory.parent / "expect.yml"
    path.write_text("OWA: {max_unparsed: 0, min_events: 1000}\n")
    process = subprocess.Popen(
        [sys.executable, "-m", "harness", "verify", lab.inventory, "--expectations", path],
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "folders read from the host" in line:
            break
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)

    assert 130 == process.returncode, out + err
    assert "VERIFY RECAP" in out
    assert "interrupted" in err
    assert 0 == len(lab.server(HOST).shells)
