"""The three logs of an Exchange 2003 server follow its metabase and its server object, in their real forms."""

from __future__ import annotations

import base64
import http.client
from typing import TYPE_CHECKING

import pytest

from harness.events import Format, reader_for
from harness.events.record import Record
from harness.lab.exchange2003 import Exchange2003
from harness.lab.logs.tracking2003 import COLUMNS
from tests.lab.conftest import PASSWORD, deliver

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.lab.conftest import Running

LOGS = "C:\\WINDOWS\\system32\\LogFiles\\"
WEB, SMTP = f"{LOGS}W3SVC1\\ex261123.log", f"{LOGS}SMTPSVC1\\ex261123.log"
TRACKING = "C:\\Program Files\\Exchsrvr\\EX01.log\\20261123.log"
METHOD, VERSION, ALL = 128, 524288, 4194303
NCSA = "{FF16065F-DE82-11CF-BC0A-00AA006111E0}"


@pytest.fixture
def old(serve: Callable[..., Running]) -> Running:
    """A newly installed Exchange 2003 server."""
    return serve("2003", "mailbox")


def machine(running: Running) -> Exchange2003:
    """Give its state."""
    assert isinstance(running.machine, Exchange2003)
    return running.machine


def visit(running: Running, path: str = "/exchange/?probe", user: str = "") -> int:
    """Ask for a page, and give the status."""
    client = http.client.HTTPConnection(running.address, running.ports.http, timeout=10)
    credential = base64.b64encode(f"{user}:{PASSWORD}".encode()).decode()
    client.request("GET", path, headers={"Authorization": f"Basic {credential}"} if user else {})
    status = client.getresponse().status
    client.close()
    return status


def test_a_new_server_logs_requests_alone(old: Running) -> None:
    """IIS logs out of the box, without the protocol version; SMTP and message tracking are off."""
    deliver(old)
    visit(old)

    assert [WEB] == old.drive.paths()
    (row,) = old.drive.w3c(WEB)
    assert ("GET", "/exchange/", "probe", "401", "2") == tuple(
        row[name] for name in ("cs-method", "cs-uri-stem", "cs-uri-query", "sc-status", "sc-substatus")
    )
    assert "cs-version" not in row


def test_the_metabase_decides_about_columns_and_rows(old: Running) -> None:
    """A bit is a column, from the next request on; type 0 or another format leaves no row."""
    metabase = machine(old).metabase
    for changes in ({"LogExtFileFlags": ALL}, {"LogExtFileFlags": ALL - METHOD}, {"LogType": 0}):
        metabase.put("W3SVC/1", changes)
        visit(old, user="administrator")
    metabase.put("W3SVC/1", {"LogType": 1, "LogPluginClsid": NCSA})
    visit(old)

    first, second = old.drive.w3c(WEB)
    assert ("GET", "HTTP/1.1", "administrator", "200") == tuple(
        first[name] for name in ("cs-method", "cs-version", "cs-username", "sc-status")
    )
    assert {"cs-method"} == first.keys() - second.keys()


def test_pages(old: Running) -> None:
    """Mail is below /exchange; nobody gets in without a name, and there is no /owa."""
    asked = [
        ("/exchange/", ""),
        ("/exchange/bob/", "Administrator"),
        ("/Exchange", ""),
        ("/exchanges", ""),
        ("/owa/", ""),
    ]

    assert [401, 200, 401, 404, 404] == [visit(old, path, user) for path, user in asked]


def test_commands_of_a_conversation(old: Running) -> None:
    """One row for each, as IIS 6 has it: who greeted is the user, DATA names the message, QUIT has the status 240."""
    machine(old).metabase.put("SmtpSvc/1", {"LogType": 1, "LogExtFileFlags": ALL})
    deliver(old)

    names = ("cs-username", "s-sitename", "cs-method", "cs-uri-query", "sc-status", "cs-version")
    said = ["client.example.net", "SMTPSVC1"]
    assert [
        (*said, "EHLO", "+client.example.net", "250", "SMTP"),
        (*said, "MAIL", "+FROM:<ann@example.net>+size=82", "250", "SMTP"),
        (*said, "RCPT", "+TO:<bob@corp.example>", "250", "SMTP"),
        (*said, "DATA", "+<1@example.net>", "250", "SMTP"),
        (*said, "QUIT", "client.example.net", "240", "SMTP"),
    ] == [tuple(row[name] for name in names) for row in old.drive.w3c(SMTP)]
    assert "date time c-ip cs-username s-sitename s-computername s-ip s-port cs-method cs-uri-stem" in old.drive.text(
        SMTP
    )


def test_another_port_and_a_stopped_service_take_nobody(old: Running) -> None:
    """The virtual server listens on port 25, as long as the SMTP service runs."""
    receiver = old.host.receiver

    assert receiver.receive(587, "127.0.0.1", ("127.0.0.1", 40000)) is None
    machine(old).services.stop("SMTPSVC")
    assert receiver.receive(25, "127.0.0.1", ("127.0.0.1", 40000)) is None


def test_message_tracking(old: Running) -> None:
    """A row for each recipient and step, with tabs, one value too many, and no subject until that is asked for."""
    machine(old).enable_message_tracking(enabled=True, path=None)
    deliver(old)
    lines = old.drive.text(TRACKING).split("\r\n")
    first = lines[3].split("\t")

    assert [
        "# Message Tracking Log File",
        "# Exchange System Attendant Version 6.5.7638.0",
        "# " + "\t".join(COLUMNS),
    ] == lines[:3]
    assert len(COLUMNS) + 1 == len(first)
    assert ["2026-11-23", "14:59:59 GMT", "127.0.0.1", "client.example.net"] == first[:4]
    assert ["1019", "1023", "1028"] == [line.split("\t")[8] for line in lines[3:-1]]
    assert {"-"} == {line.split("\t")[18] for line in lines[3:-1]}


def test_tracking_that_is_off_or_elsewhere(old: Running) -> None:
    """Off is off, and a folder that was set is used."""
    deliver(old)
    machine(old).enable_message_tracking(enabled=True, path="D:\\Tracking")
    deliver(old)

    assert [] == old.drive.paths()
    assert "<1@example.net>" in old.drive.text("D:\\Tracking\\20261123.log")


@pytest.mark.parametrize(
    ("path", "format_", "count"), [(WEB, Format.OWA, 1), (SMTP, Format.SMTP2003, 5), (TRACKING, Format.MSGTRK2003, 3)]
)
def test_the_readers_read_them(old: Running, path: str, format_: Format, count: int) -> None:
    """Nothing of what the server writes is left unread."""
    machine(old).metabase.put("SmtpSvc/1", {"LogType": 1})
    machine(old).enable_message_tracking(enabled=True, path=None)
    deliver(old)
    visit(old)
    items = list(reader_for(format_, path).feed(old.drive.text(path).encode(), 0))

    assert count == sum(isinstance(item, Record) for item in items)
    assert 1 == len(items) - count
