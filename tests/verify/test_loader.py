"""Expectations as users write them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from harness.errors import InputError
from harness.events import Family
from harness.verify.expectations import Every, FieldsPresent, FreshWithin, KnownEventIds, Some
from harness.verify.loader import load_file
from harness.verify.probed import ProbeArrives

if TYPE_CHECKING:
    from pathlib import Path

    from harness.verify.expectations import Expectations


def read(folder: Path, text: str) -> Expectations:
    """Read expectations from a file of their own."""
    path = folder / "expect.yml"
    path.write_text(text, "utf-8")
    return load_file(path)


def problems(folder: Path, text: str) -> list[str]:
    """Read wrong expectations; give what was found, without the folder."""
    with pytest.raises(InputError) as caught:
        read(folder, text)
    return [str(problem).replace(f"{folder}/", "") for problem in caught.value.problems]


def test_every_key_becomes_an_expectation_with_its_place(tmp_path: Path) -> None:
    """Items come in the order of the text, each with the line that it stands in, and durations in seconds."""
    found = read(
        tmp_path,
        """\
OWA:
  fresh_within: 10m
  fields_present: [cs-method, cs-version]
  min_events: 1
  max_unparsed: 0
  every:
    - destination_ip: {in_network: 10.0.0.0/8}
    - destination_ip: {in_network: [10.0.0.0/8, "fd00::/8"]}
  some:
    - event_id: GET 200
      username: {matches: ".+"}
MSGTRK:
  event_ids: [RECEIVE, SEND]
  probe: smtp
  deadline: 90 s
""",
    )
    actual = [(item.family.value, item.name, item.source.line) for item in found.items]
    expected = [
        ("OWA", "fresh_within", 2),
        ("OWA", "fields_present", 3),
        ("OWA", "min_events", 4),
        ("OWA", "max_unparsed", 5),
        ("OWA", "every[destination_ip]", 7),
        ("OWA", "every[destination_ip]-2", 8),
        ("OWA", "some[event_id+username]", 10),
        ("MSGTRK", "event_ids", 13),
        ("MSGTRK", "probe", 14),
    ]

    assert expected == actual
    checks = [item.check for item in found.items]
    assert FreshWithin(600.0) == checks[0]
    assert FieldsPresent(("cs-method", "cs-version")) == checks[1]
    assert isinstance(checks[4], Every)
    assert isinstance(checks[6], Some)
    assert KnownEventIds(frozenset({"RECEIVE", "SEND"}), "the list") == checks[7]
    assert ProbeArrives("smtp", 90.0) == checks[8]
    assert {Family.MSGTRK: 90.0} == found.deadlines


def test_all_mistakes_are_reported_at_once_with_places_and_suggestions(tmp_path: Path) -> None:
    """Each mistake gives one line: file, line, column, what is wrong, and what was probably meant."""
    actual = problems(
        tmp_path,
        """\
OWA:
  fields_pressent: [cs-method]
  fresh_within: soon
  min_events: -1
  every:
    - user_name: {equals: ann}
    - username: {matches: "("}
    - source_ip: {in_network: 10.0.0.0/33}
  probe: owe
smtp:
  min_events: 1
""",
    )
    expected = [
        "expect.yml:2:3: unknown key 'OWA.fields_pressent' in verify (did you mean 'fields_present'?)",
        "expect.yml:3:17: 'OWA.fresh_within': expected a duration such as 90 s, 10m or 2h",
        "expect.yml:4:15: 'OWA.min_events': expected 0 or more, found the number -1",
        "expect.yml:6:7: unknown key 'OWA.every[0].user_name' in verify (did you mean 'username'?)",
        (
            "expect.yml:7:27: 'OWA.every[1].username.matches': isn't a regular expression: "
            "missing ), unterminated subpattern at position 0"
        ),
        (
            "expect.yml:8:31: 'OWA.every[2].source_ip.in_network': isn't a network such as 10.0.0.0/8: "
            "'10.0.0.0/33' does not appear to be an IPv4 or IPv6 network"
        ),
        "expect.yml:9:10: 'OWA.probe': expected 'smtp' or 'owa', found the text 'owe' (did you mean 'owa'?)",
        "expect.yml:10:1: unknown key 'smtp' in verify (did you mean 'SMTP'?)",
    ]

    assert expected == actual


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "expect.yml: holds no expectations (begin with OWA:, SMTP: or MSGTRK:)"),
        ("OWA: {}\n", "expect.yml:1:1: verify expects nothing (name OWA, SMTP or MSGTRK)"),
        ("- OWA\n", "expect.yml:1:1: verify: expected a mapping of OWA, SMTP and MSGTRK, found a list"),
        (
            "OWA: {probe: smtp}\n",
            "expect.yml:1:14: the probe smtp leaves nothing in the OWA log (did you mean 'owa'?)",
        ),
        (
            "SMTP: {connectors_logged: true}\n",
            (
                "expect.yml:1:8: connectors_logged compares what the probe left in both logs "
                "(add probe: smtp under SMTP and under MSGTRK)"
            ),
        ),
        ("SMTP: {tracking_enabled: true}\n", "expect.yml:1:8: tracking_enabled belongs under MSGTRK"),
        (
            "OWA:\n  fields_present:\n    smtp2003: [date]\n",
            "expect.yml:3:15: fields_present: smtp2003 is no format of the OWA log (these are: owa)",
        ),
        (
            "OWA: {fields_present: date}\n",
            "expect.yml:1:23: 'OWA.fields_present': expected a list of columns, or such lists by the log's format",
        ),
        ("OWA: {golden: nowhere}\n", "expect.yml:1:15: there is no folder nowhere"),
        (
            "OWA:\n  every:\n    - event_id: {equal: a}\n",
            "expect.yml:3:18: unknown key 'OWA.every[0].event_id.equal' in verify (did you mean 'equals'?)",
        ),
    ],
)
def test_what_can_not_be_expected_is_refused(tmp_path: Path, text: str, expected: str) -> None:
    """A file that expects nothing, or what can never be, is bad input, not a pass."""
    actual = problems(tmp_path, text)

    assert [expected] == actual


def test_known_event_ids_come_from_the_console_s_export(tmp_path: Path) -> None:
    """Only mappings of the type Microsoft Exchange Server count; the path is relative to the file that names it."""
    rows = [
        {"log_source_type_id": 99, "log_source_event_id": "SENDEXTERNAL", "log_source_event_category": "Exchange"},
        {"log_source_type_id": 12, "log_source_event_id": "4624"},
    ]
    (tmp_path / "console.json").write_text(json.dumps(rows), "utf-8")
    found = read(tmp_path, "MSGTRK:\n  event_ids: {console_mappings: console.json}\n")
    check = found.items[0].check

    assert isinstance(check, KnownEventIds)
    assert {"SENDEXTERNAL"} == check.known


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "No such file or directory"),
        ("{", "isn't JSON"),
        ('{"a": 1}', "isn't a list of event mappings"),
        ("[]", "has no event mappings of the log source type 99"),
    ],
)
def test_an_export_that_says_nothing_is_refused(tmp_path: Path, content: str | None, reason: str) -> None:
    """An empty or wrong export would let nothing or everything pass."""
    if content is not None:
        (tmp_path / "console.json").write_text(content, "utf-8")
    [actual] = problems(tmp_path, "MSGTRK:\n  event_ids:\n    console_mappings: console.json\n")

    assert actual.startswith("expect.yml:3:23: console.json: ")
    assert reason in actual
