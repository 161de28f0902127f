"""Requests: what is sent again, how lists are read, what is written down."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

import pytest
import requests
from requests.adapters import HTTPAdapter
from scripted_wire import ScriptedWire, client, reply

from harness.errors import (
    CertificateError,
    ConnectionLostError,
    ConsoleRefusalError,
    DeadlineError,
    InputError,
    ProtocolFaultError,
    UnreachableError,
)
from harness.logsource.console.api import BULK, LOG_SOURCES
from harness.logsource.console.client import PAGE, RequestLog, equal
from harness.logsource.console.wire import Address, HttpsWire
from harness.redaction import Secret, redactor
from harness.source import Source

if TYPE_CHECKING:
    from pathlib import Path

    from harness.errors import HostError
    from harness.logsource.console.call import Reply

LOST = ConnectionLostError("cut", host="siem", sent=True)
LATE = DeadlineError("late", host="siem", which="read", seconds=60)
NOBODY = UnreachableError("nobody", host="siem")
UNTRUSTED = CertificateError("untrusted", host="siem")
FINE = reply(200, [])


@pytest.mark.parametrize("first", [reply(429), reply(500), reply(502), reply(503), reply(504), LOST, LATE, NOBODY])
def test_a_question_is_asked_again(first: Reply | HostError) -> None:
    """After any failure that may pass."""
    wire, waits = ScriptedWire(FINE, first, FINE), []
    asked = client(wire, waits)
    asked.ask(LOG_SOURCES)

    assert [] == asked.ask(LOG_SOURCES)
    assert [0.5] == waits


@pytest.mark.parametrize("first", [LOST, LATE, NOBODY])
def test_who_never_answered_isnt_asked_again(first: HostError) -> None:
    """A misspelt address is told at once."""
    with pytest.raises(type(first)):
        client(ScriptedWire(first)).ask(LOG_SOURCES)


@pytest.mark.parametrize("first", [reply(500), reply(502), reply(503), reply(504), LOST, LATE])
def test_a_change_is_never_repeated_when_it_may_have_been_made(first: Reply | HostError) -> None:
    """Its failure comes through after one attempt."""
    wire = ScriptedWire(FINE, first)
    asked = client(wire)
    asked.ask(LOG_SOURCES)

    with pytest.raises((ConsoleRefusalError, ConnectionLostError, DeadlineError)):
        asked.ask(BULK, body=[])
    assert 2 == len(wire.calls)


@pytest.mark.parametrize("first", [reply(429), NOBODY])
def test_a_change_that_wasnt_taken_is_sent_again(first: Reply | HostError) -> None:
    """Too many requests, or nobody there: nothing was done."""
    asked = client(ScriptedWire(FINE, first, FINE))
    asked.ask(LOG_SOURCES)

    assert [] == asked.ask(BULK, body=[])


def test_an_untrusted_certificate_stays_untrusted() -> None:
    """It isn't tried again."""
    with pytest.raises(CertificateError):
        client(ScriptedWire(UNTRUSTED)).ask(LOG_SOURCES)


def test_waits_grow_and_attempts_end() -> None:
    """Five attempts, each wait twice the one before."""
    waits: list[float] = []

    with pytest.raises(ConsoleRefusalError):
        client(ScriptedWire(*[reply(503)] * 5), waits).ask(LOG_SOURCES)
    assert [0.5, 1.0, 2.0, 4.0] == waits


@pytest.mark.parametrize("as_date", [False, True])
def test_retry_after_is_honoured(as_date: bool) -> None:
    """As seconds or as a date."""
    waits: list[float] = []
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=50), usegmt=True)

    client(ScriptedWire(reply(429, retry_after=date if as_date else "50"), FINE), waits).ask(LOG_SOURCES)

    assert 40 <= waits[0] <= 50


def test_a_list_is_read_page_by_page() -> None:
    """Ranges follow each other until the total that the console tells is reached."""
    pages = [[{"id": number} for number in range(start, min(start + PAGE, 250))] for start in (0, 100, 200)]
    answers = [reply(200, page, content_range=f"items {page[0]['id']}-{page[-1]['id']}/250") for page in pages if page]
    wire = ScriptedWire(*answers)

    found = client(wire).list(LOG_SOURCES, filter_="type_id=99")

    assert list(range(250)) == [each["id"] for each in found]
    assert ["items=0-99", "items=100-199", "items=200-299"] == [each["Range"] for each in wire.headers]
    assert {"filter": "type_id=99"} == wire.calls[0].query


def test_a_console_that_passes_over_range_is_asked_once() -> None:
    """It gives everything at once, and would do so for ever."""
    everything = [{"id": number} for number in range(250)]

    assert everything == client(ScriptedWire(reply(200, everything))).list(LOG_SOURCES)


def test_one_that_does_so_with_exactly_a_page() -> None:
    """The second page is the first one again."""
    everything = [{"id": number} for number in range(PAGE)]

    assert everything == client(ScriptedWire(*[reply(200, everything)] * 2)).list(LOG_SOURCES)


def test_a_list_that_is_none() -> None:
    """Another service answered."""
    with pytest.raises(ProtocolFaultError, match="isn't a list"):
        client(ScriptedWire(reply(200, {"hello": "world"}))).list(LOG_SOURCES)


def test_a_redirect_isnt_followed() -> None:
    """The token would go elsewhere."""
    wire = ScriptedWire(reply(302, location="https://elsewhere.example/login"))

    with pytest.raises(ProtocolFaultError, match=r"elsewhere, to https://elsewhere\.example/login"):
        client(wire).ask(LOG_SOURCES)


class _Redirecting(HTTPAdapter):
    """Sends everybody elsewhere, and keeps where it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def send(self, request: requests.PreparedRequest, *_args: Any, **_kwargs: Any) -> requests.Response:
        """Answer with a redirect."""
        self.asked.append(str(request.url))
        answer = requests.Response()
        answer.status_code = 302
        answer.headers["Location"] = "https://elsewhere.example/login"
        answer.raw = io.BytesIO()
        answer.request = request
        answer.url = str(request.url)
        return answer


def test_the_token_goes_to_the_console_alone() -> None:
    """Not where a redirect leads."""
    wire = HttpsWire(Address.parse("https://siem.example", Source("test")), Secret("a-token"))
    adapter = _Redirecting()
    wire._session.mount("https://", adapter)

    answer = wire.send(LOG_SOURCES.call(), {})

    assert 302 == answer.status
    assert [f"https://siem.example/api{LOG_SOURCES.path}"] == adapter.asked


def test_the_clock_is_the_consoles() -> None:
    """Ages are told by the console's time, not by ours."""
    now = datetime.now(UTC) - timedelta(days=2)
    asked = client(ScriptedWire(reply(200, [], date=format_datetime(now, usegmt=True))))
    asked.ask(LOG_SOURCES)

    assert abs((asked.now() - now).total_seconds()) < 5


def test_every_attempt_is_written_down_without_secrets(tmp_path: Path) -> None:
    """One line of JSON each, without body and headers, readable by its owner alone."""
    path = tmp_path / "requests.jsonl"
    redactor.register("canary-secret-7")
    log = RequestLog(path)
    wire = ScriptedWire(reply(429), reply(202, location="/api/x/1"))
    body = [{"protocol_parameters": [{"name": "PASSWORD", "value": "canary-secret-7"}]}]

    client(wire, log=log).ask(BULK, body=body)
    log.close()

    first, second = (json.loads(line) for line in path.read_text().splitlines())
    assert (1, 429, 0.5, 1) == (first["attempt"], first["status"], first["again_after"], first["items"])
    assert (2, 202, None) == (second["attempt"], second["status"], second["again_after"])
    assert "canary" not in path.read_text()
    assert 0o600 == path.stat().st_mode & 0o777
    assert "canary" not in repr(wire.calls)


def test_quotes_in_a_filter() -> None:
    """A name with quotes doesn't end the text."""
    assert r'name="a \"b\" \\c"' == equal("name", 'a "b" \\c')


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("console.corp.example", "https://console.corp.example"),
        ("https://console.corp.example:8443/api/", "https://console.corp.example:8443"),
        ("https://[2001:db8::1]/", "https://[2001:db8::1]"),
    ],
)
def test_addresses(text: str, url: str) -> None:
    """With or without what goes without saying."""
    assert url == str(Address.parse(text, Source("inventory.ini", 3)))


@pytest.mark.parametrize(
    "text", ["http://console", "https://user:secret@console", "https://", "ftp://x", "https://c:x"]
)
def test_addresses_that_are_refused(text: str) -> None:
    """The token isn't sent in clear, nor to nowhere."""
    with pytest.raises(InputError, match="isn't the address of a console"):
        Address.parse(text, Source("inventory.ini", 3))
