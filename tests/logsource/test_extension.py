"""The log source extension."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.collect.pattern import compile_java
from harness.logsource.extension import write

NAMESPACE = "{event_parsing/device_extension}"

# The published sample of the DSM's documentation, with the tabs that a web page loses.
SAMPLE = {
    "SourceIp": "10.91.5.110",
    "AgentDevice": "WindowsExchange",
    "AgentLogFile": "MSGTRK2018112722-1.LOG",
    "AgentLogFormat": "MSGTRK",
    "date-time": "2018-11-27T22:40:02.966Z",
    "client-ip": "10.4.11.100",
    "client-hostname": "testHostName",
    "server-ip": "192.168.25.195",
    "event-id": "SENDEXTERNAL",
    "recipient-address": "admin3@qradar.domain.test",
    "reference": "",
    "message-subject": "Receipt",
    "sender-address": "admin1@qradar.domain.test",
    "return-path": "admin2@qradar.domain.test",
    "original-client-ip": "10.30.7.9",
    "original-server-ip": "10.4.11.100",
}


def payload(**values: str) -> str:
    """The sample with other values; underscores stand for hyphens."""
    pairs = SAMPLE | {name.replace("_", "-"): value for name, value in values.items()}
    return "\t".join(f"{name}={value}" for name, value in pairs.items())


def fields(extension: str, text: str) -> dict[str, str]:
    """Do what a console does with an extension: run each matcher's pattern over the payload."""
    root = ET.fromstring(extension)  # noqa: S314 - our own text
    patterns = {each.get("id"): each.text or "" for each in root.iter("pattern")}
    found = {}
    for matcher in root.iter("matcher"):
        match = compile_java(patterns[matcher.get("pattern-id")]).search(text)
        if match:
            found[matcher.get("field", "")] = match[int(matcher.get("capture-group", "0"))]
    return found


def test_it_is_the_document_that_the_console_takes() -> None:
    """Root and namespace; pattern, match group and matcher in none; ids that meet; orders above zero."""
    root = ET.fromstring(write("sender", "original-client-ip"))  # noqa: S314 - our own text

    assert f"{NAMESPACE}device-extension" == root.tag
    assert ["pattern", "pattern", "match-group"] == [child.tag for child in root]
    group = root.find("match-group")
    assert group is not None
    assert ["matcher", "matcher"] == [child.tag for child in group]
    assert {each.get("id") for each in root.iter("pattern")} == {each.get("pattern-id") for each in group}
    assert {"1"} == {each.get("order") for each in [group, *group]}
    assert "<![CDATA[" in write("sender", None)


def test_the_sender_becomes_the_username() -> None:
    """Of the sample as it was published; nothing else changes."""
    assert {"UserName": "admin1@qradar.domain.test"} == fields(write("sender", None), payload())


def test_the_true_client_becomes_the_source() -> None:
    """Of the sample as it was published; nothing else changes."""
    assert {"SourceIp": "10.30.7.9"} == fields(write(None, "original-client-ip"), payload())


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"sender_address": ""}, {"SourceIp": "10.30.7.9"}),
        ({"sender_address": "<>"}, {"SourceIp": "10.30.7.9"}),
        ({"sender_address": '"a@b.example"'}, {"SourceIp": "10.30.7.9", "UserName": "a@b.example"}),
        ({"original_client_ip": ""}, {"UserName": "admin1@qradar.domain.test"}),
        ({"original_client_ip": "fe80::1"}, {"UserName": "admin1@qradar.domain.test"}),
        ({"original_client_ip": "10.30.7.9.example"}, {"UserName": "admin1@qradar.domain.test"}),
    ],
)
def test_what_isnt_there_is_left_to_the_dsm(values: dict[str, str], expected: dict[str, str]) -> None:
    """An empty value doesn't take the next pair's, and what is no IPv4 address is no source."""
    assert expected == fields(write("sender", "original-client-ip"), payload(**values))


@given(st.text(st.characters(exclude_characters="\t\r\n"), max_size=30))
def test_a_subject_cant_name_its_own_sender(subject: str) -> None:
    """Only a tab begins a pair; a subject holds none."""
    forged = payload(message_subject=f"{subject} sender-address=ceo@corp.example original-client-ip=1.2.3.4")

    assert {"UserName": "admin1@qradar.domain.test", "SourceIp": "10.30.7.9"} == fields(
        write("sender", "original-client-ip"), forged
    )


def test_other_logs_stay_as_they_are() -> None:
    """Their payloads have neither name."""
    web = "SourceIp=10.0.0.7\tAgentDevice=WindowsExchange\tAgentLogFormat=OWA\tcs-username=CORP\\a\tc-ip=10.9.9.9"

    assert {} == fields(write("sender", "original-client-ip"), web)
