"""Payloads: written as the protocol forwards them, read back from whole and from damaged copies."""

from __future__ import annotations

import datetime as dt
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.events import Event, Format, Header, PayloadError, Record, load, payload

# The sample of the DSM's public documentation: a send external event through the Microsoft Exchange protocol.
PAIRS = (
    ("SourceIp", "10.91.5.110"),
    ("AgentDevice", "WindowsExchange"),
    ("AgentLogFile", "MSGTRK2018112722-1.LOG"),
    ("AgentLogFormat", "MSGTRK"),
    ("date-time", "2018-11-27T22:40:02.966Z"),
    ("client-ip", "10.4.11.100"),
    ("client-hostname", "testHostName"),
    ("server-ip", "192.168.25.195"),
    ("server-hostname", "qradar.example.test"),
    ("source-context", ";250 2.0.0 OK b139-v6si456977itb.104 - gsmtp;ClientSubmitTime:"),
    ("connector-id", "Outbound Mail"),
    ("source", "SMTP"),
    ("event-id", "SENDEXTERNAL"),
    ("internal-message-id", "64441689310559"),
    ("message-id", "<admin4@qradar.domain.test>"),
    ("network-message-id", "0fd591fe-1cc4-47f0-0bbc-08d654b944f3"),
    ("recipient-address", "admin3@qradar.domain.test"),
    ("recipient-status", "250 2.1.5 OK b139-v6si456977itb.104 - gsmtp"),
    ("total-bytes", "7249"),
    ("recipient-count", "1"),
    ("related-recipient-address", ""),
    ("reference", ""),
    ("message-subject", "Receipt"),
    ("sender-address", "admin1@qradar.domain.test"),
    ("return-path", "admin2@qradar.domain.test"),
    ("message-info", "2018-11-27T22:40:02.194Z;SRV=testHostName.BLAH.BLAH.BLAH:TOTAL-FE=0.006|SMR=0.004"),
    ("directionality", "Originating"),
    ("tenant-id", ""),
    ("original-client-ip", ""),
    ("original-server-ip", ""),
    ("custom-data", "S:E2ELatency=0.771;S:ExternalSendLatency=0.141;S:ToEntity=Internet"),
    ("transport-traffic-type", "Email"),
    ("log-id", "755ab09c-9c04-44aa-8b07-08d654b94568"),
    ("schema-version", "15.01.1261.039"),
)
TABBED = "\t".join(f"{name}={value}" for name, value in PAIRS)

# The same as the page shows it: tabs became blanks, lines were broken in values and names, blanks were put in and a
# hyphen was lost.
DAMAGED = """\
SourceIp=10.91.5.110 AgentDevice=WindowsExchange
AgentLogFile=MSGTRK2018112722-1.LOG AgentLogFormat =MSGTRK date-time=2018-11-27T22:40:02.966Z
client-ip =10.4.11.100 client-hostname=testHostName server-ip =192.168.25.195
server-hostname =qradar.example.test source-context=;250 2.0.0 OK
b139-v6si456977itb.104 - gsmtp;ClientSubmitTime: connector-id=Outbound
Mail source=SMTP event-id =SENDEXTERNAL internal-messageid= 64441689310559
message-id=<admin4@qradar.domain.test> network-message-id=0fd591fe-1cc4-47f0-0bbc
-08d654b944f3 recipient-address=admin3@qradar.domain.test recipient-status=250
2.1.5 OK b139- v6si45 6977itb.104 - gsmtp total-bytes=7249 recipient-count=1
related-recipient-address= reference= messag e-subject=Receipt sender-address
=admin1@qradar.domain.test return-path=admin2@ qradar.domain.test
message-info=2018-11-27T22:40:02.194Z;SRV=testHostName.BLAH.BLAH.BLAH:TOTAL-FE=
0.006|SMR=0.004 directionality=Originating
tenant-id= original-client-ip= ori ginal-server-ip= custom-data=S:E2ELatency=0.771;S:ExternalSendLatency=0.141;S
:ToEntity=Internet
transport-traffic-type =Email log-id=755ab09c-9c04-44aa-8b07-08d654b94568
schema-version=15.01.1261.039
"""


def mapped(text: str) -> Event:
    """Read a payload back and map it."""
    read = payload.read(text)
    return load(read.record.format).apply(read.record, read.source_ip)


@pytest.mark.parametrize("text", [TABBED, DAMAGED, TABBED.replace("\t", " "), TABBED.replace("\t", "\r\n")])
def test_published_sample(text: str) -> None:
    """The sample gives the published event however its copy was damaged."""
    event = mapped(text)

    assert event.event_id == "SENDEXTERNAL"
    assert event.source_ip == "10.4.11.100"
    assert event.destination_ip == "192.168.25.195"
    assert event.username == "admin3@qradar.domain.test"
    assert event.device_time == dt.datetime(2018, 11, 27, 22, 40, 2, 966000, tzinfo=dt.UTC)
    assert () == event.problems


@pytest.mark.parametrize("text", [DAMAGED, TABBED.replace("\t", " ")])
def test_names_of_a_damaged_sample(text: str) -> None:
    """Every name is found, empty values stay empty, and nothing was ambiguous."""
    read = payload.read(text)

    assert tuple(name for name, _ in PAIRS[4:]) == read.record.names
    assert ["", "", "", "", ""] == [
        read.record[name]
        for name in ("related-recipient-address", "reference", "tenant-id", "original-client-ip", "original-server-ip")
    ]
    assert () == read.ambiguous


def test_tabbed_sample_comes_back_as_it_was() -> None:
    """Reading and writing a whole payload changes no character."""
    read = payload.read(TABBED)

    assert TABBED == payload.write(read.record, read.source_ip)
    assert dict(PAIRS[4:]) == dict(read.record.items())


def test_prefix_and_order_as_the_protocol_writes_them() -> None:
    """Four prefix pairs, then every column in the file's order, empty values kept, between tabs."""
    header = Header("C:\\Logs\\W3SVC1\\u_ex240131.log", Format.OWA, ("time", "cs-method", "cs-username"))
    record = Record(header, ("08:00:00", "GET", ""), 0, 0, 1)

    expected = (
        "SourceIp=192.0.2.1\tAgentDevice=WindowsExchange\tAgentLogFile=u_ex240131.log\tAgentLogFormat=OWA"
        "\ttime=08:00:00\tcs-method=GET\tcs-username="
    )
    assert expected == payload.write(record, "192.0.2.1")


def test_a_value_cant_imitate_a_pair() -> None:
    """A tab or a line break in a value becomes a blank: the event stays one line with its own pairs."""
    header = Header("x.LOG", Format.MSGTRK, ("date-time", "message-subject", "sender-address"))
    record = Record(header, ("t", "a\tsender-address=forged\r\nb\nc\rd", "real"), 0, 0, 1)
    text = payload.write(record)

    assert "\n" not in text
    assert "\r" not in text
    assert "real" == payload.read(text).record["sender-address"]
    assert "a sender-address=forged b c d" == payload.read(text).record["message-subject"]


def test_imitation_in_a_damaged_copy_is_named() -> None:
    """Where a subject holds what looks like a later name, the last place counts and the name is listed."""
    pairs = [(name, "x sender-address=forged" if name == "message-subject" else value) for name, value in PAIRS]
    read = payload.read(" ".join(f"{name}={value}" for name, value in pairs))

    assert "admin1@qradar.domain.test" == read.record["sender-address"]
    assert "x sender-address=forged" == read.record["message-subject"]
    assert ("sender-address",) == read.ambiguous


@pytest.mark.parametrize("width", [21, 26, 27, 30])
def test_layouts_of_all_versions(width: int) -> None:
    """A damaged copy is read with the columns of the version that wrote it."""
    [names] = [names for _, names in payload.LAYOUTS[Format.MSGTRK.family] if len(names) == width]
    text = "SourceIp=192.0.2.1 AgentDevice=WindowsExchange AgentLogFile=a b.LOG AgentLogFormat=MSGTRK " + " ".join(
        f"{name}=v{at}" for at, name in enumerate(names)
    )
    read = payload.read(text)

    assert names == read.record.names
    assert tuple(f"v{at}" for at in range(width)) == read.record.values
    assert "a b.LOG" == read.record.file


def test_w3c_pairs_end_at_any_blank() -> None:
    """Values of W3C logs hold no blanks, so a damaged copy is read exactly, equals signs and all."""
    text = (
        "SourceIp= AgentDevice=WindowsExchange AgentLogFile=u_ex1.log AgentLogFormat=OWA date=2024-01-31\n"
        "time=08:00:00   cs-method=GET cs-uri-query=a=b&date=1 c-ip=192.0.2.1 s-ip=192.0.2.2 sc-status=200"
    )
    event = mapped(text)

    assert "a=b&date=1" == event.record["cs-uri-query"]
    assert ("GET 200", "192.0.2.1", "192.0.2.2") == (event.event_id, event.source_ip, event.destination_ip)
    assert () == event.problems


def test_smtp_payload_knows_its_direction_from_the_files_name() -> None:
    """A payload carries no ``#Log-type``; RECV and SEND in the file's name say the same."""
    text = (
        "SourceIp=192.0.2.1\tAgentDevice=WindowsExchange\tAgentLogFile=SEND2023011116-1.LOG\tAgentLogFormat=SMTP"
        "\tdate-time=2023-01-11T16:00:00.000Z\tconnector-id=c\tsession-id=s\tsequence-number=1"
        "\tlocal-endpoint=192.0.2.25:41234\tremote-endpoint=203.0.113.9:25\tevent=>\tdata=QUIT\tcontext="
    )
    event = mapped(text)

    assert ("QUIT", "192.0.2.25", "203.0.113.9") == (event.event_id, event.source_ip, event.destination_ip)
    assert mapped(text.replace("\t", " ")).event_id == "QUIT"


def test_syslog_header_is_kept_apart() -> None:
    """What stands before the first pair is no part of it."""
    read = payload.read("<13>Nov 27 22:40:02 EX16 " + TABBED)

    assert "<13>Nov 27 22:40:02 EX16" == read.lead
    assert "10.91.5.110" == read.source_ip


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hello", "neither SourceIp= nor AgentDevice="),
        ("SourceIp=1 AgentDevice=x AgentLogFile=y AgentLogFormat=POP3 a=b", "the DSM knows MSGTRK, SMTP and OWA"),
        ("SourceIp=1 AgentDevice=x AgentLogFile=y AgentLogFormat=MSGTRK date-time=1 x=2", "no known MSGTRK layout"),
        ("SourceIp=1 AgentDevice=x date-time=2", "no AgentLogFile"),
    ],
)
def test_no_payload(text: str, message: str) -> None:
    """A text that is none is refused, and the message says what is missing."""
    with pytest.raises(PayloadError, match=message):
        payload.read(text)


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\t\r\n"), max_size=20)


@given(st.lists(TEXT, min_size=30, max_size=30), TEXT)
def test_any_values_come_back_from_tabs(values: list[str], source_ip: str) -> None:
    """Whatever stands in the values, short of tabs and line breaks, comes back."""
    header = Header("x.LOG", Format.MSGTRK, tuple(name for name, _ in PAIRS[4:]))
    read = payload.read(payload.write(Record(header, tuple(values), 0, 0, 0), source_ip))

    assert (tuple(values), source_ip) == (read.record.values, read.source_ip)


@given(st.text(max_size=300))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text makes the reading fail in any other way."""
    for candidate in (text, f"SourceIp=1 AgentDevice=x AgentLogFile=y AgentLogFormat=SMTP {text}"):
        with suppress(PayloadError):
            assert payload.read(candidate).record.format in Format
