"""The web front end: what a browser gets, and the rows that the sites' settings leave."""

from __future__ import annotations

import http.client
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.conftest import Running

FOLDER = "C:\\inetpub\\logs\\LogFiles\\"
FRONT_END = FOLDER + "W3SVC1\\u_ex261123.log"
BACK_END = FOLDER + "W3SVC2\\u_ex261123.log"
PASSWORD = "pa:ss'word ü"


class Browser:
    """A client that keeps its connection."""

    def __init__(self, running: Running) -> None:
        self._connection = http.client.HTTPConnection(running.address, running.ports.http, timeout=10)

    def ask(self, method: str, path: str, body: str | None = None, **headers: str) -> http.client.HTTPResponse:
        """Make a request and read all of the answer."""
        self._connection.request(method, path, body, {"User-Agent": "Mozilla/5.0 (test)", **headers})
        answer = self._connection.getresponse()
        answer.read()
        return answer

    def sign_in(self, user: str, password: str) -> http.client.HTTPResponse:
        """Send the logon page's form."""
        return self.ask("POST", "/owa/auth.owa", urlencode({"username": user, "password": password}))

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


@pytest.fixture
def browser(running: Running) -> Iterator[Browser]:
    """A client of the running host."""
    browser = Browser(running)
    yield browser
    browser.close()


def test_pages(running: Running, browser: Browser) -> None:
    """OWA leads strangers to its logon page; what isn't there is 404; every answer has its row."""
    asked = [
        ("GET", "/owa/"),
        ("GET", "/owa/auth/logon.aspx?url=%2fowa%2f&reason=0"),
        ("HEAD", "/owa/auth/logon.aspx"),
        ("GET", "/nothing here".replace(" ", "%20")),
        ("DELETE", "/owa/"),
        ("GET", "/"),
    ]
    answers = [browser.ask(method, path) for method, path in asked]

    statuses = [answer.status for answer in answers]
    rows = running.drive.w3c(FRONT_END)

    assert [302, 200, 200, 404, 405, 302] == statuses
    assert "/owa/auth/logon.aspx?url=%2fowa%2f&reason=0" == answers[0].getheader("Location")
    assert [
        (method, path.partition("?")[0], str(status)) for (method, path), status in zip(asked, statuses, strict=True)
    ] == [(row["cs-method"], row["cs-uri-stem"], row["sc-status"]) for row in rows]
    assert rows[1]["cs-uri-query"].startswith("url=%2fowa%2f&reason=0&CorrelationID=<empty>;&cafeReqId=")
    assert {("127.0.0.1", "443", "127.0.0.1", "Mozilla/5.0+(test)", "-")} == {
        (row["s-ip"], row["s-port"], row["c-ip"], row["cs(User-Agent)"], row["cs-username"]) for row in rows
    }
    assert [FRONT_END] == running.drive.paths()


def test_sign_in(running: Running, browser: Browser) -> None:
    """Right or wrong, the form is answered with 302; the mailbox's row names the user on both sites."""
    refused = browser.sign_in("CORP\\administrator", "wrong")
    accepted = browser.sign_in("CORP\\administrator", PASSWORD)
    cookie = (accepted.getheader("Set-Cookie") or "").partition(";")[0]
    mailbox = browser.ask("GET", "/owa/", Cookie=cookie)

    front, back = running.drive.w3c(FRONT_END), running.drive.w3c(BACK_END)

    assert [302, 302, 200] == [refused.status, accepted.status, mailbox.status]
    assert (None, "/owa/") == (refused.getheader("Set-Cookie"), accepted.getheader("Location"))
    assert (refused.getheader("Location") or "").endswith("reason=2")
    assert ["-", "CORP\\administrator", "CORP\\administrator"] == [row["cs-username"] for row in front]
    assert [("/owa/", "444", "::1", "CORP\\administrator")] == [
        (row["cs-uri-stem"], row["s-port"], row["c-ip"], row["cs-username"]) for row in back
    ]


def test_a_cookie_that_was_made_up_signs_nobody_in(browser: Browser) -> None:
    """The browser is sent to the logon page."""
    assert 302 == browser.ask("GET", "/owa/", Cookie="cadata=x").status


def test_version_column(running: Running, browser: Browser) -> None:
    """cs-version comes when the field is on and goes when it is off, in one file."""
    iis = running.machine.iis
    default = str(iis.log_file(1)["logExtFileFlags"])
    for flags in (default, f"{default},ProtocolVersion", default):
        iis.set_log_file(1, "logExtFileFlags", flags)
        browser.ask("GET", "/owa/")

    assert [None, "HTTP/1.1", None] == [row.get("cs-version") for row in running.drive.w3c(FRONT_END)]


def test_logging_off(running: Running, browser: Browser) -> None:
    """Pages are served and nothing is written."""
    running.machine.iis.set_log_file(1, "enabled", value=False)

    assert 302 == browser.ask("GET", "/owa/").status
    assert [] == running.drive.paths()


def test_stopped_web_service(running: Running, browser: Browser) -> None:
    """The connection breaks; once it is started again it is served."""
    running.machine.services.stop("W3SVC")
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        browser.ask("GET", "/owa/")
    running.machine.services.start("W3SVC")

    assert 302 == browser.ask("GET", "/owa/").status


def test_malformed_request(running: Running, browser: Browser) -> None:
    """It is refused and leaves no row; the next client is served."""
    with socket.create_connection((running.address, running.ports.http), timeout=10) as connection:
        connection.sendall(b"\x00nonsense\r\n\r\n")
        answer = connection.recv(100)

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert [] == running.drive.paths()
    assert 302 == browser.ask("GET", "/owa/").status
