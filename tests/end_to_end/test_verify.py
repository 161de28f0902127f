"""`harness verify` right after `harness apply`, and what it says once a setting is taken back."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from running_lab import RunningLab

NAME = "ex01.lab.example"


@pytest.fixture
def applied(make_lab: Callable[..., RunningLab]) -> RunningLab:
    """A server with everything switched on."""
    lab = make_lab(NAME)
    assert 0 == lab.run("apply").code
    return lab


def failed(out: str) -> set[str]:
    """Give the expectations that failed."""
    return set(re.findall(rf"^failed: \[{re.escape(NAME)}\] => (\S+)$", out, re.MULTILINE))


def test_all_three_families_are_proven_by_probes(applied: RunningLab) -> None:
    """A message and a request of our own come out in all three logs, with the delay of each."""
    ended = applied.run("verify")

    assert (0, set()) == (ended.code, failed(ended.out)), ended.out + ended.err
    delays = dict(re.findall(rf"{re.escape(NAME)} : (\w+)\s+probe seen after ([\d.]+) s", ended.out))
    assert {"OWA", "SMTP", "MSGTRK"} == set(delays)


@pytest.mark.parametrize(
    ("task", "expected", "named"),
    [
        ("message_tracking: {enabled: false}", "MSGTRK::probe", "message_tracking"),
        (
            "receive_connector: {names: [Default Frontend EX01], protocol_logging: none}",
            "SMTP::probe",
            "receive connector 'Default Frontend EX01'",
        ),
        (
            "receive_connector: {names: [Client Proxy EX01], protocol_logging: none}",
            "SMTP::connectors_verbose",
            "receive connector 'Client Proxy EX01'",
        ),
        (
            "send_connector: {names: [Internet], protocol_logging: none}",
            "SMTP::connectors_verbose",
            "send connector 'Internet'",
        ),
        (
            "iis_logging: {sites: [Default Web Site], fields: [date, time, cs-method, cs-uri-query], ensure: exact}",
            "OWA::fields_present",
            "cs-version",
        ),
    ],
)
def test_a_setting_that_was_taken_back_is_named(applied: RunningLab, task: str, expected: str, named: str) -> None:
    """Verification fails with exit code 1 and says which log, and which setting to look at."""
    assert 0 == applied.run("apply", "-p", applied.playbook(f"- hosts: all\n  tasks:\n    - {task}\n")).code

    ended = applied.run("verify", "--timeout", "12")

    assert 1 == ended.code, ended.out + ended.err
    assert expected in failed(ended.out)
    assert named in ended.out


def test_no_host_is_a_failure(applied: RunningLab) -> None:
    """What nobody looked at isn't proven."""
    assert 0 != applied.run("verify", "--limit", "nobody*").code
