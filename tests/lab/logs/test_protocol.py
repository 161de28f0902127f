"""Protocol logs follow connectors and transport services and have Exchange's form."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.lab.logs.protocol import (
    DELIVERY_RECEIVE,
    FIELDS,
    FRONTEND_RECEIVE,
    HUB_SEND,
    Connector,
    ProtocolLogs,
)
from harness.lab.state.transport import FRONTEND_TRANSPORT_SERVICE

if TYPE_CHECKING:
    from harness.lab.machine import Machine
    from tests.lab.conftest import Drive, FakeClock

STOCK = "C:\\Program Files\\Microsoft\\Exchange Server\\V15\\TransportRoles\\Logs\\"
RECEIVED = STOCK + "FrontEnd\\ProtocolLog\\SmtpReceive\\RECV2026112314-1.LOG"
VERBOSE = Connector("EX01\\Default Frontend EX01", verbose=True)


@pytest.fixture
def logs(machine: Machine, drive: Drive, clock: FakeClock) -> ProtocolLogs:
    """A host's protocol logs, written at once."""
    return ProtocolLogs(machine, drive.spool, clock, 0.0)


def test_conversation_of_a_verbose_connector(logs: ProtocolLogs, drive: Drive) -> None:
    """Nine columns; lines are numbered from 0 within the session; marks, data and context in their places."""
    session = logs.session(FRONTEND_RECEIVE, VERBOSE, "192.0.2.1:25", "198.51.100.7:4711")
    session.line("+")
    session.line("*", "SMTPSubmit", "Set Session Permissions")
    session.line(">", "250 one, two")
    session.line("-", "", "Remote")

    rows = drive.rows(RECEIVED)
    same = ("date-time", "connector-id", "session-id", "local-endpoint", "remote-endpoint")

    assert [
        ("0", "+", "", ""),
        ("1", "*", "SMTPSubmit", "Set Session Permissions"),
        ("2", ">", "250 one, two", ""),
        ("3", "-", "", "Remote"),
    ] == [(row["sequence-number"], row["event"], row["data"], row["context"]) for row in rows]
    assert {
        ("2026-11-23T14:59:59.250Z", "EX01\\Default Frontend EX01", session.id, "192.0.2.1:25", "198.51.100.7:4711")
    } == {tuple(row[name] for name in same) for row in rows}
    assert (16, True) == (len(session.id), int(session.id, 16) > 0)


def test_header(logs: ProtocolLogs, drive: Drive) -> None:
    """Exchange 2016 still calls the format version 15.0.0.0."""
    logs.session(FRONTEND_RECEIVE, VERBOSE, "", "").line("+")
    logs.session(HUB_SEND, VERBOSE, "", "").line("+")

    received = drive.text(RECEIVED).split("\r\n")
    sent = drive.text(STOCK + "Hub\\ProtocolLog\\SmtpSend\\SEND2026112314-1.LOG").split("\r\n")

    assert [
        "#Software: Microsoft Exchange Server",
        "#Version: 15.0.0.0",
        "#Log-type: SMTP Receive Protocol Log",
        "#Date: 2026-11-23T14:59:59.250Z",
        f"#Fields: {','.join(FIELDS)}",
    ] == received[:5]
    assert "#Log-type: SMTP Send Protocol Log" == sent[2]


def test_a_connector_that_is_not_verbose_logs_nothing(logs: ProtocolLogs, drive: Drive) -> None:
    """Not even a file."""
    logs.session(FRONTEND_RECEIVE, Connector("x", verbose=False), "", "").line("+")

    assert [] == drive.paths()


def test_mailbox_delivery_has_a_folder_below_the_one_that_is_set(logs: ProtocolLogs, drive: Drive) -> None:
    """Set-MailboxTransportService names SmtpReceive; the files are in its subfolder Delivery."""
    logs.session(DELIVERY_RECEIVE, VERBOSE, "", "").line("+")

    assert [STOCK + "Mailbox\\ProtocolLog\\SmtpReceive\\Delivery\\RECV2026112314-1.LOG"] == drive.paths()


def test_folder_of_the_service_at_the_moment(machine: Machine, logs: ProtocolLogs, drive: Drive) -> None:
    """A moved folder takes the next line; none at all takes no line."""
    session = logs.session(FRONTEND_RECEIVE, VERBOSE, "", "")
    for folder in ("C:\\Logs\\Frontend", None):
        with machine.store.change():
            machine.transport(FRONTEND_TRANSPORT_SERVICE).set("ReceiveProtocolLogPath", folder)
        session.line("+")

    assert ["C:\\Logs\\Frontend\\RECV2026112314-1.LOG"] == drive.paths()


def test_a_line_that_was_held_back_lands_in_the_next_hours_file(
    machine: Machine, drive: Drive, clock: FakeClock
) -> None:
    """As on real servers, whose files hold rows that are older than their #Date."""
    logs = ProtocolLogs(machine, drive.spool, clock, 600.0)
    logs.session(FRONTEND_RECEIVE, VERBOSE, "", "").line("+")
    clock.pass_time(seconds=1)

    path = RECEIVED.replace("14-1", "15-1")

    assert [path] == drive.paths()
    assert ["2026-11-23T14:59:59.250Z"] == [row["date-time"] for row in drive.rows(path)]
    assert "#Date: 2026-11-23T15:00:00.250Z\r\n" in drive.text(path)


def test_sessions_have_different_ids(logs: ProtocolLogs) -> None:
    """Also those of the same moment."""
    ids = {logs.session(FRONTEND_RECEIVE, VERBOSE, "", "").id for _ in range(100)}

    assert 100 == len(ids)
