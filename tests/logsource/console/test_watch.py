"""How log sources fare, and which event ids the console knows."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from siem import source

from harness.errors import InputError
from harness.logsource.console import eventmap, verified
from harness.logsource.console.eventmap import Seen
from harness.logsource.console.watch import span, watch

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def _existing(**changes: Any) -> dict[str, Any]:
    given = {
        "id": 4062,
        "name": "Exchange @ ex01",
        "enabled": True,
        "status": {"status": "SUCCESS", "messages": []},
        "last_event_time": (NOW - timedelta(minutes=5)).timestamp() * 1000,
        "average_eps": 12.5,
        "protocol_parameters": [{"name": "identifier", "value": "ex01"}],
    }
    return {**given, **changes}


def _faults(existing: list[dict[str, Any]], **changes: Any) -> tuple[str, ...]:
    (found,) = watch([source("ex01", **changes)], existing, NOW, HOUR)
    return found.faults


def test_one_that_delivers() -> None:
    """No fault, and what the console says of it."""
    (found,) = watch([source("ex01")], [_existing()], NOW, HOUR)

    assert ((), "SUCCESS", 12.5, NOW - timedelta(minutes=5)) == (
        found.faults,
        found.state,
        found.rate,
        found.last_event,
    )


@pytest.mark.parametrize(
    ("existing", "fault"),
    [
        ([], "the console doesn't have it"),
        ([_existing(last_event_time=0)], "no event of it has come yet"),
        ([_existing(last_event_time=None)], "no event of it has come yet"),
        (
            [_existing(last_event_time=(NOW - 26 * HOUR).timestamp() * 1000)],
            "fell silent: its last event came 1 d 2 h ago",
        ),
        ([_existing(status={"status": "ERROR"})], "the console reports an error"),
        ([_existing(enabled=False)], "disabled on the console"),
        ([_existing(status={"status": "DISABLED"})], "disabled on the console"),
    ],
)
def test_faults(existing: list[dict[str, Any]], fault: str) -> None:
    """Each is a sentence of its own."""
    (found,) = _faults(existing)

    assert fault in found


def test_one_that_is_meant_to_be_disabled() -> None:
    """Its silence is no fault."""
    assert () == _faults([_existing(enabled=False, last_event_time=0)], enabled=False)


def test_a_warning_is_no_fault() -> None:
    """The console's state and message are shown, and the events come."""
    message = {"severity": "WARN", "text": "slow"}
    (found,) = watch([source("ex01")], [_existing(status={"status": "WARN", "messages": [message]})], NOW, HOUR)

    assert (("slow",), "WARN", ()) == (tuple(each.text for each in found.messages), found.state, found.faults)


@pytest.mark.parametrize(("status", "state"), [({"status": "NA"}, "N/A"), ({"status": "N/A"}, "N/A"), (None, "N/A")])
def test_a_state_that_the_console_doesnt_know_yet(status: Any, state: str) -> None:
    """It is written in both ways."""
    (found,) = watch([source("ex01")], [_existing(status=status)], NOW, HOUR)

    assert state == found.state


def test_spans() -> None:
    """The two largest units."""
    lengths = (timedelta(0), timedelta(seconds=61), timedelta(days=2, minutes=3), timedelta(seconds=-5))

    assert ["0 s", "1 min 1 s", "2 d 3 min", "0 s"] == [span(each) for each in lengths]


def test_event_ids_are_counted(tmp_path: Path) -> None:
    """By family, with the place of the first; lines of collect and of parse alike."""
    path = tmp_path / "events.jsonl"
    events = [
        {"family": "MSGTRK", "event_id": "DELIVER"},
        {"family": "MSGTRK", "event_id": "RECEIVE"},
        {"format": "msgtrk", "event_id": "DELIVER"},
        {"family": "OWA", "event_id": ""},
    ]
    path.write_text("\n".join(json.dumps(each) for each in events) + "\n")

    found = eventmap.read_events([path])

    assert [
        Seen("MSGTRK", "DELIVER", 2, f"{path}:1"),
        Seen("MSGTRK", "RECEIVE", 1, f"{path}:2"),
        Seen("OWA", "", 1, f"{path}:4"),
    ] == list(found)


@pytest.mark.parametrize("line", ["no json", "[]", '{"family": "OWA"}'])
def test_a_file_of_something_else(tmp_path: Path, line: str) -> None:
    """Its place is named."""
    path = tmp_path / "events.jsonl"
    path.write_text(f'{{"event_id": "A"}}\n{line}\n')

    with pytest.raises(InputError, match=r"events\.jsonl:2: isn't an event"):
        eventmap.read_events([path])


def test_known_and_unknown_event_ids() -> None:
    """An id that no mapping has is unknown; one in other letters is pointed out; records have names."""
    seen = [Seen("MSGTRK", id_, 1, "x:1") for id_ in ("DELIVER", "SENDEXTERNAL", "Receive", "FAIL")]
    mappings = [
        {"log_source_event_id": "DELIVER", "qid_record_id": 1, "custom_event": False},
        {"log_source_event_id": "DELIVER", "qid_record_id": 2, "custom_event": True},
        {"log_source_event_id": "RECEIVE", "qid_record_id": 1, "custom_event": False},
        {"log_source_event_id": "FAIL", "qid_record_id": 9, "custom_event": True},
    ]
    records = {1: {"name": "Delivered", "qid": 100}, 2: {"name": "Delivered here", "qid": 101}}

    found = {each.seen.id: each for each in eventmap.compare(seen, mappings, records)}

    assert ("Delivered (QID 100)", "Delivered here (QID 101)") == found["DELIVER"].qids
    assert [False, False, True] == [found[id_].known for id_ in ("SENDEXTERNAL", "Receive", "FAIL")]
    assert ("RECEIVE", "") == (found["Receive"].near, found["SENDEXTERNAL"].near)
    assert (False, True) == (found["DELIVER"].custom, found["FAIL"].custom)


def test_what_verify_saw(tmp_path: Path) -> None:
    """Of the families that a log source polls, with the expectations that failed."""
    path = tmp_path / "verified.json"
    report = {
        "families": [
            {"host": "ex01", "family": "OWA", "events": 12, "newest": "2026-11-28T11:59:00Z"},
            {"host": "ex01", "family": "SMTP", "events": 3, "newest": None},
        ],
        "expectations": [
            {"host": "ex01", "family": "OWA", "name": "fields_present", "status": "failed"},
            {"host": "ex01", "family": "OWA", "name": "probe", "status": "passed"},
        ],
    }
    path.write_text(json.dumps(report))

    found = verified.read(path)

    assert ["OWA: 12 events, newest 2026-11-28T11:59:00Z; failed: fields_present"] == list(found.lines(source("ex01")))
    assert [] == list(found.lines(source("ex02")))


@pytest.mark.parametrize("text", ["", "[]", '{"families": [{}], "expectations": []}'])
def test_a_report_that_is_none(tmp_path: Path, text: str) -> None:
    """The error says what is wanted."""
    path = tmp_path / "verified.json"
    path.write_text(text)

    with pytest.raises(InputError, match="isn't a report of verify"):
        verified.read(path)
