"""`harness collect` and a Dask cluster: its workers read, and this process alone writes."""

from __future__ import annotations

import json
import pickle
from typing import TYPE_CHECKING, Any

import pytest
from dask_cluster import PASSWORD
from running_lab import run

from harness.collect import remote
from harness.executor.cluster import DaskExecutor

from .conftest import OWA, OWA_HEADER, SMTP, SMTP_HEADER, USER, owa_row, smtp_row

if TYPE_CHECKING:
    from pathlib import Path

    from dask_cluster import Cluster

    from harness.executor import Task

    from .conftest import Collecting

RECEIVE = f"{SMTP}/RECV2023112314-1.LOG"
IIS = f"{OWA}/u_ex231123.log"
PIECES = ("--throttle", "1000000")
"""A throttle that holds nothing up; with any, a file is read in pieces of 64 KB."""
REFERENCE = "smb_password=env:WORKERS_PASSWORD"


@pytest.fixture
def reading(collecting: Collecting) -> Collecting:
    """A host whose password stands in the workers' environment, and in this process's nowhere."""
    assert PASSWORD == USER.password
    collecting.write(RECEIVE, SMTP_HEADER + smtp_row("250 hello") * 300 + b"no row at all\r\n" + smtp_row("half")[:40])
    collecting.write(IIS, OWA_HEADER + b"".join(owa_row(f"/{number}") for number in range(4000)))
    collecting.describe(REFERENCE)
    return collecting


def lines(path: Path) -> list[str]:
    """An output's lines, in an order that doesn't depend on which folder was read first."""
    return sorted(path.read_text().splitlines())


def test_the_same_lines(reading: Collecting, cluster: Cluster, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As from one process, in pieces smaller than a file; a second run has nothing to add, an appended line comes."""
    monkeypatch.setattr(remote, "LARGEST", 1)
    here, there = tmp_path / "here.jsonl", tmp_path / "there.jsonl"
    arguments = ("collect", reading.inventory, "--defaults", *PIECES, "--executor", cluster.address)
    first = run(*arguments, "-o", there)
    again = run(*arguments, "-o", there)
    size = there.stat().st_size
    reading.append(RECEIVE, smtp_row("half")[40:])
    appended = run(*arguments, "-o", there)
    reading.describe("smb_password=env:COLLECT_PASSWORD")
    ended = reading.run("-o", here)

    assert (0, 0, 0, 0) == (first.code, again.code, appended.code, ended.code), first.err + ended.err
    assert "4300 events written to" in first.err
    assert "0 events written to" in again.err
    assert ["half"] == [json.loads(line)["fields"]["data"] for line in there.read_bytes()[size:].splitlines()]
    assert lines(here) == lines(there)
    assert lines(here.with_name("here.jsonl.quarantine.jsonl")) == lines(
        there.with_name("there.jsonl.quarantine.jsonl")
    )


def test_a_killed_worker_loses_nothing(
    reading: Collecting, cluster: Cluster, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The poll that it had begun is done by another one; each line comes once."""
    monkeypatch.setattr(remote, "LARGEST", 1)
    keep = remote.RemotePoller._keep
    killed: list[int] = []

    def deadly(self: remote.RemotePoller, step: remote.Step) -> None:
        keep(self, step)
        if not killed and step.made is not None:
            killed.append(1)
            cluster.kill_worker()

    monkeypatch.setattr(remote.RemotePoller, "_keep", deadly)
    output = tmp_path / "events.jsonl"
    ended = run("collect", reading.inventory, "--defaults", *PIECES, "-o", output, "--executor", cluster.address)

    assert 0 == ended.code, ended.err
    assert [1] == killed
    stems = [json.loads(line)["fields"].get("cs-uri-stem") for line in output.read_text().splitlines()]
    assert 4300 == len(stems)
    assert 4001 == len(set(stems))


def test_a_secret_never_travels_in_clear(
    reading: Collecting, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reference is sent as it is; a password that stands in the inventory is refused before anything is sent."""
    sent: list[Task[Any]] = []
    submit = DaskExecutor.submit

    def noted(self: DaskExecutor, task: Task[Any]) -> Any:
        sent.append(task)
        return submit(self, task)

    monkeypatch.setattr(DaskExecutor, "submit", noted)
    output = reading.folder / "events.jsonl"
    arguments = ("collect", reading.inventory, "--defaults", "--executor", cluster.address, "--family", "smtp", "-o")
    referred = run(*arguments, output)
    tasks = list(sent)
    reading.describe(f"smb_password={USER.password}")
    refused = run(*arguments, output)

    assert 0 == referred.code, referred.err
    assert tasks
    assert tasks == sent
    assert b"WORKERS_PASSWORD" in pickle.dumps(tasks)
    assert USER.password.encode() not in pickle.dumps(tasks)
    assert 3 == refused.code
    assert "smb_password would travel to the workers in clear" in refused.err
    assert USER.password not in repr(tasks) + cluster.logs() + refused.err + referred.err


def test_a_secret_that_a_worker_lacks(reading: Collecting, cluster: Cluster) -> None:
    """The error names the setting, its place and the worker; exit code 3."""
    reading.describe("smb_password=env:NOBODY_KNOWS")
    ended = run("collect", reading.inventory, "--defaults", "--executor", cluster.address)

    assert 3 == ended.code
    assert "smb_password: the environment variable NOBODY_KNOWS isn't set, on the worker at " in ended.err


def test_a_host_that_is_unreachable(reading: Collecting, cluster: Cluster) -> None:
    """The same exit code and the same words as from one process."""
    reading.describe(REFERENCE, "smb_port=1")
    output = reading.folder / "events.jsonl"
    ended = run("collect", reading.inventory, "--defaults", "--executor", cluster.address, "-o", output)

    assert 4 == ended.code
    assert "ex01.corp.example" in ended.err
