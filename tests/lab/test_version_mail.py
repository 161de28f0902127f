"""Mail to servers of other versions and roles: which service takes it, and what its logs look like."""

from __future__ import annotations

import smtplib
from typing import TYPE_CHECKING

import pytest

from harness.lab.machine import Machine
from harness.lab.spec import MachineSpec
from harness.lab.state.transport import MAILBOX_SERVER
from tests.lab.conftest import Running, deliver

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

EXCHANGE = "C:\\Program Files\\Microsoft\\Exchange Server\\"
HEAD = [
    *("date-time", "client-ip", "client-hostname", "server-ip", "server-hostname", "source-context", "connector-id"),
    *("source", "event-id", "internal-message-id", "message-id"),
]
TAIL = [
    *("recipient-address", "recipient-status", "total-bytes", "recipient-count", "related-recipient-address"),
    *("reference", "message-subject", "sender-address", "return-path", "message-info"),
]
OF_2010 = ["directionality", "tenant-id", "original-client-ip", "original-server-ip", "custom-data"]
OF_2016 = ["transport-traffic-type", "log-id", "schema-version"]


@pytest.mark.parametrize(
    ("version", "roles", "received", "tracked"),
    [
        ("2007", "hub_transport", "ProtocolLog\\SmtpReceive\\RECV20261123-1.LOG", "MSGTRK20261123-1.LOG"),
        ("2007", "edge_transport", "ProtocolLog\\SmtpReceive\\RECV20261123-1.LOG", "MSGTRK20261123-1.LOG"),
        ("2010", "hub_transport", "V14:ProtocolLog\\SmtpReceive\\RECV20261123-1.LOG", "MSGTRK20261123-1.LOG"),
        ("2010", "edge_transport", "V14:ProtocolLog\\SmtpReceive\\RECV20261123-1.LOG", "MSGTRK20261123-1.LOG"),
        ("2013", "mailbox", "V15:Hub\\ProtocolLog\\SmtpReceive\\RECV2026112314-1.LOG", "MSGTRK2026112314-1.LOG"),
        ("2013", "client_access", "V15:FrontEnd\\ProtocolLog\\SmtpReceive\\RECV2026112314-1.LOG", ""),
        (
            "2016",
            "edge_transport",
            "V15:Edge\\ProtocolLog\\SmtpReceive\\RECV2026112314-1.LOG",
            "MSGTRK2026112314-1.LOG",
        ),
        ("SE", "mailbox", "V15:FrontEnd\\ProtocolLog\\SmtpReceive\\RECV2026112314-1.LOG", "MSGTRK2026112314-1.LOG"),
    ],
)
def test_where_the_logs_are(
    serve: Callable[..., Running], version: str, roles: str, received: str, tracked: str
) -> None:
    """Each version and role has its own folders, and a file for a day up to 2010, for an hour later."""
    running = serve(version, roles, anonymous_mail=True)
    deliver(running)
    folder, _, file = received.rpartition(":")
    logs = EXCHANGE + (f"{folder}\\" if folder else "") + "TransportRoles\\Logs\\"
    rows = running.drive.rows(logs + file)

    assert {"EX01\\Default EX01", "EX01\\Default Frontend EX01", "EX01\\Default internal receive connector EX01"} & {
        row["connector-id"] for row in rows
    }
    assert "MAIL FROM:<ann@example.net> size=" in " ".join(row["data"] for row in rows)
    assert bool(tracked) == any("MessageTracking" in path for path in running.drive.paths())
    if tracked:
        events = running.drive.rows(f"{logs}MessageTracking\\{tracked}")
        assert "RECEIVE" == events[0]["event-id"]
        assert {"<1@example.net>"} == {event["message-id"] for event in events}


@pytest.mark.parametrize(
    ("version", "name", "number", "fields"),
    [
        ("2007", "20261123", "8.0.0.0", HEAD + TAIL),
        ("2010", "20261123", "14.0.0.0", HEAD + TAIL + OF_2010),
        ("2013", "2026112314", "15.00.1497.002", [*HEAD, "network-message-id", *TAIL, *OF_2010]),
        ("2019", "2026112314", "15.02.1748.010", [*HEAD, "network-message-id", *TAIL, *OF_2010, *OF_2016]),
    ],
)
def test_columns_of_message_tracking(
    serve: Callable[..., Running], version: str, name: str, number: str, fields: list[str]
) -> None:
    """21 columns, 26, 27 with one put in between, and 30."""
    roles = "hub_transport" if version in ("2007", "2010") else "mailbox"
    running = serve(version, roles, anonymous_mail=True)
    deliver(running)
    path = f"{running.machine.spec.install_path}TransportRoles\\Logs\\MessageTracking\\MSGTRK{name}-1.LOG"
    header = running.drive.text(path).splitlines()[:5]

    assert f"#Version: {number}" == header[1]
    assert f"#Fields: {','.join(fields)}" == header[4]


@pytest.mark.parametrize(("version", "joined"), [("2010", False), ("2013", True)])
def test_replies_of_several_lines(serve: Callable[..., Running], version: str, joined: bool) -> None:
    """Up to 2010 each line of a reply has a row of its own; later they are joined in one."""
    running = serve(version, "hub_transport" if version == "2010" else "mailbox", anonymous_mail=True)
    deliver(running)
    (path,) = (path for path in running.drive.paths() if "SmtpReceive\\RECV" in path)
    said = [row["data"] for row in running.drive.rows(path) if row["event"] == ">"]

    assert joined != any(line.startswith("250-") for line in said)
    assert joined == any(line.startswith("250  ") for line in said)


def test_a_hub_puts_mail_into_mailboxes(serve: Callable[..., Running]) -> None:
    """In 2010 the Hub Transport server's store driver delivers: no other service has a part in it."""
    running = serve("2010", "hub_transport", anonymous_mail=True)
    deliver(running)
    logs = f"{EXCHANGE}V14\\TransportRoles\\Logs\\MessageTracking\\MSGTRK20261123-1.LOG"

    assert [("SMTP", "RECEIVE"), ("STOREDRIVER", "DELIVER")] == [
        (row["source"], row["event-id"]) for row in running.drive.rows(logs)
    ]


@pytest.mark.parametrize(("subscribed", "event"), [(True, "SEND"), (False, "FAIL")])
def test_an_edge_server_sends_on_what_it_has_a_connector_for(
    serve: Callable[..., Running], subscribed: bool, event: str
) -> None:
    """EdgeSync's connector leads to the organisation; without it there is no way."""
    running = serve("2016", "edge_transport", subscribed=subscribed)
    deliver(running)
    logs = f"{EXCHANGE}V15\\TransportRoles\\Logs\\MessageTracking\\MSGTRK2026112314-1.LOG"

    assert event == running.drive.rows(logs)[-1]["event-id"]


@pytest.mark.parametrize(
    ("version", "code"), [("2010", "5.7.1 Client was not authenticated"), ("2013", "5.7.57 SMTP; Client was not")]
)
def test_a_stock_hub_takes_no_mail_from_strangers(serve: Callable[..., Running], version: str, code: str) -> None:
    """The stock connector of a server without a front end is for servers and users that sign in."""
    running = serve(version, "hub_transport" if version == "2010" else "mailbox")
    with pytest.raises(smtplib.SMTPSenderRefused) as refused:
        deliver(running)

    assert 530 == refused.value.smtp_code
    assert refused.value.smtp_error.decode().startswith(code)


def test_a_mailbox_server_of_2010_takes_no_mail(serve: Callable[..., Running]) -> None:
    """It has no receive connector: nobody is greeted."""
    running = serve("2010", "mailbox")
    with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)):
        deliver(running)

    assert [] == running.drive.paths()


def submit(running: Running, folder: Path) -> list[str]:
    """Let a mailbox of the server's send a message, and give the tracking logs; a hub stands beside it."""
    spec = MachineSpec("hub01.corp.example", "2010", ("hub_transport",))
    organisations = running.machine.organisation
    Machine.create(spec, organisations, folder)
    running.host.flow.probe()
    return running.drive.paths()


def test_a_mailbox_server_of_2010_tracks_what_is_submitted(serve: Callable[..., Running], tmp_path: Path) -> None:
    """In a file of its own, with the hub that is to fetch the message; what a mailbox server doesn't know is empty."""
    running = serve("2010", "mailbox")
    (path,) = submit(running, tmp_path)
    (row,) = running.drive.rows(path)

    assert f"{EXCHANGE}V14\\TransportRoles\\Logs\\MessageTracking\\MSGTRKM20261123-1.LOG" == path
    assert ("STOREDRIVER", "SUBMIT", "EX01", "HUB01", "") == tuple(
        row[name] for name in ("source", "event-id", "client-hostname", "server-hostname", "recipient-address")
    )
    assert row["sender-address"].startswith("SystemMailbox{")


def test_tracking_of_a_mailbox_server_follows_its_own_settings(serve: Callable[..., Running], tmp_path: Path) -> None:
    """Off is off."""
    running = serve("2010", "mailbox")
    with running.machine.store.change():
        running.machine.transport(MAILBOX_SERVER).set("MessageTrackingLogEnabled", value=False)

    assert [] == submit(running, tmp_path)


def test_without_a_hub_nothing_is_submitted(serve: Callable[..., Running]) -> None:
    """A mailbox server's mail stays where it is while nobody fetches it; monitoring knows that."""
    assert not serve("2010", "mailbox").host.flow.monitored


def test_a_server_with_both_roles_tracks_both_sides(serve: Callable[..., Running]) -> None:
    """What its mailbox server submits its hub fetches, and puts into a mailbox of the same server."""
    running = serve("2010", "mailbox hub_transport")
    running.host.flow.probe()
    rows = {path.rpartition("\\")[2]: running.drive.rows(path) for path in running.drive.paths("MSGTRK*")}

    assert {
        "MSGTRKM20261123-1.LOG": [("STOREDRIVER", "SUBMIT")],
        "MSGTRK20261123-1.LOG": [("STOREDRIVER", "RECEIVE"), ("STOREDRIVER", "DELIVER")],
    } == {name: [(row["source"], row["event-id"]) for row in found] for name, found in rows.items()}
