"""Mappings: the shipped ones, the user's over them, and what a wrong file says."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from harness.errors import InputError
from harness.events import MAPPED, Format, Header, Record, load, recognise, write_time
from harness.events import transforms as steps

if TYPE_CHECKING:
    from pathlib import Path


def record(format_: Format, file: str = "x.log", log_type: str = "", **values: str) -> Record:
    """Make a record; underscores in names stand for hyphens."""
    header = Header(file, format_, tuple(name.replace("_", "-") for name in values), log_type=log_type)
    return Record(header, tuple(values.values()), 0, 0, 1)


@pytest.mark.parametrize("format_", list(Format))
def test_every_format_has_a_whole_mapping(format_: Format) -> None:
    """Each format ships a mapping with all five fields, and each field says where its belief comes from."""
    mapping = load(format_)

    assert list(MAPPED) == [field.name for field in mapping.fields]
    assert all(field.provenance for field in mapping.fields)


def test_override_replaces_one_field(tmp_path: Path) -> None:
    """A file of three lines makes the sender the user; the other fields stay as shipped."""
    file = tmp_path / "sender.yml"
    file.write_text(
        "format: msgtrk\nusername:\n  provenance: 'chosen: senders'\n  candidates:\n    - field: sender-address\n"
    )
    row = record(Format.MSGTRK, event_id="SEND", sender_address="ann@example.com", recipient_address="bob@example.com")
    event = load(Format.MSGTRK, [file]).apply(row)

    assert ("ann@example.com", "SEND") == (event.username, event.event_id)
    assert "bob@example.com" == load(Format.MSGTRK).apply(row).username


def test_override_of_another_format_is_passed_over(tmp_path: Path) -> None:
    """A mapping of another format changes nothing here."""
    file = tmp_path / "owa.yml"
    file.write_text("format: owa\nevent_id:\n  provenance: 'chosen: x'\n  candidates: [{field: cs-method}]\n")

    assert load(Format.MSGTRK).fields[0].provenance == load(Format.MSGTRK, [file]).fields[0].provenance


def test_wrong_file_names_every_place_at_once(tmp_path: Path) -> None:
    """All that is wrong comes out together, with line, column and a suggestion."""
    file = tmp_path / "bad.yml"
    file.write_text(
        "format: msgtrk\n"
        "usrname: {}\n"
        "event_id:\n"
        "  provenance: I think so\n"
        "  candidates:\n"
        "    - field: a\n"
        "      template: '{b}'\n"
    )
    with pytest.raises(InputError) as caught:
        load(Format.MSGTRK, [file])

    places = [(problem.source.line, problem.source.column) for problem in caught.value.problems]
    assert [(2, 1), (4, 15), (6, 7)] == places
    assert "did you mean 'username'?" == caught.value.problems[0].hint


def test_wrong_steps_name_every_place_at_once(tmp_path: Path) -> None:
    """Unknown transforms, patterns that are none and unknown names are found before a row is read."""
    file = tmp_path / "bad.yml"
    file.write_text(
        "format: smtp\n"
        "event_id:\n"
        "  provenance: 'chosen: x'\n"
        "  candidates:\n"
        "    - field: '#Nothing'\n"
        "      when: {event: '['}\n"
        "      transforms:\n"
        "        - uper\n"
        "        - match: '('\n"
        "        - match: abc\n"
        "    - template: nothing\n"
    )
    with pytest.raises(InputError) as caught:
        load(Format.SMTP, [file])

    assert [5, 6, 8, 9, 10, 11] == [problem.source.line for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("format: msgtrk\n  a: b: c\n", 2, "isn't YAML"),
        ("- a\n", 1, "expected a mapping"),
        ("format: pop3\n", 1, "there is no format 'pop3'"),
        ("event_id: 3\n", 1, "'format' is missing in the mapping"),
        ("format: owa\nformat: owa\n", 2, "stands twice"),
    ],
)
def test_wrong_file(tmp_path: Path, text: str, line: int, message: str) -> None:
    """A file that is no mapping is refused with the place."""
    file = tmp_path / "bad.yml"
    file.write_text(text)
    with pytest.raises(InputError) as caught:
        load(Format.OWA, [file])

    assert any(message in problem.message for problem in caught.value.problems)
    assert line in [max(problem.source.line, 1) for problem in caught.value.problems]


def test_missing_file_is_the_users_mistake(tmp_path: Path) -> None:
    """A mapping that isn't there comes out as the user's mistake, not as a traceback."""
    with pytest.raises(InputError, match="can't be read"):
        load(Format.OWA, [tmp_path / "none.yml"])


def test_servers_address_stands_in_for_a_missing_client() -> None:
    """A row without a client gets the server's address where the caller knows it, as the console does."""
    row = record(Format.MSGTRK, event_id="AGENTINFO", client_ip="")

    mapping = load(Format.MSGTRK)

    assert ("192.0.2.1", "") == (mapping.apply(row, "192.0.2.1").source_ip, mapping.apply(row).source_ip)


def test_wrong_value_is_left_empty_and_named() -> None:
    """A value that isn't of its field's type isn't passed on, and the event says why."""
    event = load(Format.OWA).apply(record(Format.OWA, c_ip="nowhere", s_ip="192.0.2.1", cs_method="GET", sc_status="-"))

    assert ("", "", None) == (event.event_id, event.source_ip, event.device_time)
    assert ["event_id", "source_ip", "device_time"] == [problem.field for problem in event.problems]
    assert "nowhere" in event.problems[1].reason


def test_explanation_shows_each_step() -> None:
    """The explanation names the column, what was taken, each transform and the place in the mapping."""
    row = record(
        Format.SMTP, log_type="SMTP Receive Protocol Log", event="<", data="ehlo x", remote_endpoint="[fe80::1%3]:25"
    )
    traces = {trace.field: trace for trace in load(Format.SMTP).explain(row)}

    source = traces["source_ip"]
    assert ("remote-endpoint",) == source.columns
    assert "[fe80::1%3]:25" == source.taken
    assert [("strip-port", "fe80::1%3"), ("strip-zone", "fe80::1")] == [
        (step.name, step.result) for step in source.steps
    ]
    assert "EHLO" == traces["event_id"].value
    assert "smtp.yml" in str(source.source)
    assert source.source.line > 1


@pytest.mark.parametrize(
    ("endpoint", "address"),
    [
        ("192.0.2.1:25", "192.0.2.1"),
        ("[2001:db8::1]:25", "2001:db8::1"),
        ("[fe80::1%3]:25", "fe80::1%3"),
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("", ""),
    ],
)
def test_strip_port(endpoint: str, address: str) -> None:
    """The port goes, in every form of endpoint; an address without port stays whole."""
    assert address == steps.strip_port(endpoint)


@pytest.mark.parametrize(
    ("text", "bare", "domain"),
    [("EXAMPLE\\ann", "ann", "EXAMPLE"), ("ann@example.com", "ann", "example.com"), ("ann", "ann", ""), ("", "", "")],
)
def test_forms_of_users(text: str, bare: str, domain: str) -> None:
    """Name and domain are told apart in both forms."""
    assert (bare, domain) == (steps.without_domain(text), steps.only_domain(text))


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2018-11-27T22:40:02.966Z", dt.datetime(2018, 11, 27, 22, 40, 2, 966000, tzinfo=dt.UTC)),
        ("2024-01-31 08:00:00", dt.datetime(2024, 1, 31, 8, tzinfo=dt.UTC)),
        ("2004-1-31 9:5:3 GMT", dt.datetime(2004, 1, 31, 9, 5, 3, tzinfo=dt.UTC)),
        ("2024-01-31T08:00:00.1234567Z", dt.datetime(2024, 1, 31, 8, 0, 0, 123456, tzinfo=dt.UTC)),
    ],
)
def test_times(text: str, time: dt.datetime) -> None:
    """Every form in which these logs write a time is read as UTC."""
    assert time == steps.moment(text)


@pytest.mark.parametrize("text", ["", "2024-13-01 00:00:00", "2024-01-31", "08:00:00", "2024-01-31T08:00:00+02:00x"])
def test_no_times(text: str) -> None:
    """What is no time is refused."""
    with pytest.raises(ValueError, match=r"."):
        steps.moment(text)


def test_times_are_written_as_exchange_does() -> None:
    """Milliseconds and ``Z``; nothing for no time."""
    time = dt.datetime(2018, 11, 27, 22, 40, 2, 966000, tzinfo=dt.UTC)

    assert ("2018-11-27T22:40:02.966Z", "") == (write_time(time), write_time(None))


@pytest.mark.parametrize(
    ("name", "head", "format_"),
    [
        ("-", b"#Log-type: Message Tracking Log\r\n", Format.MSGTRK),
        ("-", b"\xef\xbb\xbf#Log-Type: SMTP Send Protocol Log\r\n", Format.SMTP),
        ("-", b"#Fields: date time c-ip\r\n", Format.OWA),
        ("-", b"#Fields: date-time,event-id,message-id\r\n", Format.MSGTRK),
        ("-", b"#Fields: date-time,session-id,remote-endpoint\r\n", Format.SMTP),
        ("-", b"# Message Tracking Log File\r\n", Format.MSGTRK2003),
        ("c$/WINDOWS/system32/LogFiles/SMTPSVC1/ex1.log", b"#Fields: date time c-ip\r\n", Format.SMTP2003),
        ("MSGTRKMS2022091915-12.LOG", b"", Format.MSGTRK),
        ("D:\\Logs\\SEND2023011116-1.log", b"", Format.SMTP),
        ("u_ex240131_x.log", b"", Format.OWA),
        ("SMTPSVC1/ex240131.log", b"", Format.SMTP2003),
        ("-", b"#Log-type: Transport Connectivity Log\r\n", None),
        ("-", b"\xff\xfe#\x00S\x00", None),
        ("-", b"#Software: IIS Advanced Logging Module\n#Fields: date-local time-local s-ip\n", None),
        ("notes.txt", b"hello", None),
    ],
)
def test_recognise(name: str, head: bytes, format_: Format | None) -> None:
    """The header decides, then the name; what is no log of the three families is said to be none."""
    recognised = recognise(name, head)

    assert format_ is recognised.format
    assert recognised.reason
