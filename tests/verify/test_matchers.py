"""What is asked of a mapped field."""

from __future__ import annotations

import re
from ipaddress import ip_network

import pytest

from harness.events import Event, Format, Header, Record
from harness.verify.matchers import Condition, Equals, InNetwork, Matcher, Matches, OneOf

HEADER = Header("c$/x.log", Format.MSGTRK, ("event-id",), line=5)


def event(**fields: str) -> Event:
    """Make an event."""
    values = {"event_id": "RECEIVE", "username": "", "source_ip": "", "destination_ip": ""} | fields
    return Event(Record(HEADER, ("RECEIVE",), 100, 10, 6), **values, device_time=None)


@pytest.mark.parametrize(
    ("condition", "value", "expected"),
    [
        (Equals("RECEIVE"), "RECEIVE", True),
        (Equals("RECEIVE"), "receive", False),
        (Matches(re.compile("GET [23]..")), "GET 200", True),
        (Matches(re.compile("GET")), "GET 200", False),
        (InNetwork((ip_network("10.0.0.0/8"), ip_network("fd00::/8"))), "fd00::1", True),
        (InNetwork((ip_network("10.0.0.0/8"),)), "192.0.2.1", False),
        (InNetwork((ip_network("10.0.0.0/8"),)), "", False),
        (InNetwork((ip_network("0.0.0.0/0"),)), "::1", False),
        (OneOf(("a", "b")), "b", True),
        (OneOf(("a", "b")), "", False),
    ],
)
def test_condition(condition: Condition, value: str, *, expected: bool) -> None:
    """A condition holds for the whole value, upper and lower case differ, and an empty value is no address."""
    actual = condition.holds(value)

    assert expected == actual


def test_all_conditions_of_a_matcher_hold_of_one_event() -> None:
    """A matcher with two fields wants both of the same event."""
    matcher = Matcher({"event_id": (Equals("RECEIVE"),), "username": (Equals("ann"),)})

    assert not matcher.holds(event(username="bob"))
    assert not matcher.holds(event(event_id="SEND", username="ann"))
    assert matcher.holds(event(username="ann"))
