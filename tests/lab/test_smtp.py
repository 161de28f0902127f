"""Mail to a simulated host: what the client is told, and what the logs hold according to the host's state."""

from __future__ import annotations

import smtplib
import ssl
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from harness.lab.state.transport import FRONTEND_TRANSPORT_SERVICE, MAILBOX_TRANSPORT_SERVICE, TRANSPORT_SERVICE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.lab.machine import Machine
    from harness.lab.state.transport import Service
    from harness.lab.store import Json
    from tests.lab.conftest import Running

LOGS = "C:\\Program Files\\Microsoft\\Exchange Server\\V15\\TransportRoles\\Logs\\"
FRONTEND_RECEIVE = LOGS + "FrontEnd\\ProtocolLog\\SmtpReceive\\RECV2026112314-1.LOG"
FRONTEND_SEND = LOGS + "FrontEnd\\ProtocolLog\\SmtpSend\\SEND2026112314-1.LOG"
HUB_RECEIVE = LOGS + "Hub\\ProtocolLog\\SmtpReceive\\RECV2026112314-1.LOG"
HUB_SEND = LOGS + "Hub\\ProtocolLog\\SmtpSend\\SEND2026112314-1.LOG"
DELIVERY_RECEIVE = LOGS + "Mailbox\\ProtocolLog\\SmtpReceive\\Delivery\\RECV2026112314-1.LOG"
TRACKING = LOGS + "MessageTracking\\MSGTRK2026112314-1.LOG"
DELIVERED = LOGS + "MessageTracking\\MSGTRKMD2026112314-1.LOG"
PASSWORD = "bob's:canary"
OFFERED = "SIZE 37748736 8BITMIME SMTPUTF8 STARTTLS PIPELINING ENHANCEDSTATUSCODES"
LETTER = "From: Ann <ann@example.net>\r\nSubject: Hello\r\nMessage-ID: <1@example.net>\r\n\r\nText\r\n"


@contextmanager
def mail(running: Running, *, port: int | None = None, tls: bool = False) -> Iterator[smtplib.SMTP]:
    """Speak to a host."""
    with smtplib.SMTP(running.address, port or running.ports.smtp, "client.example.net", timeout=10) as client:
        if tls:
            client.starttls(context=ssl.create_default_context(cafile=str(running.host.certificate)))
        yield client


def deliver(running: Running, *recipients: str) -> None:
    """Send a message from outside."""
    with mail(running) as client:
        client.sendmail("ann@example.net", recipients or ("bob@lab.example",), LETTER)


def set_level(machine: Machine, name: str, level: str) -> None:
    """Set a receive connector, as Set-ReceiveConnector does."""
    with machine.store.change():
        next(entry for entry in machine.receive_connectors if entry.name == name).set("ProtocolLoggingLevel", level)


def set_service(machine: Machine, service: Service, **settings: Json) -> None:
    """Set a transport service."""
    with machine.store.change():
        for name, value in settings.items():
            machine.transport(service).set(name, value)


def set_send_connector(machine: Machine, **settings: Json) -> None:
    """Set the organisation's send connector."""
    with machine.organisation.store.change():
        for name, value in settings.items():
            machine.organisation.send_connectors()[0].set(name, value)


def test_new_server_logs_what_a_new_server_logs(running: Running) -> None:
    """The default front-end connector and the proxy behind it are verbose out of the box, nothing else is."""
    deliver(running)

    assert sorted([FRONTEND_RECEIVE, FRONTEND_SEND, TRACKING, DELIVERED]) == running.drive.paths()


def test_conversation_as_the_log_has_it(running: Running) -> None:
    """Each command, each reply in one line, what the server notes, and who ended it."""
    deliver(running)

    rows = running.drive.rows(FRONTEND_RECEIVE)
    said = [(row["event"], row["data"]) for row in rows if row["event"] in {"<", ">"}]

    assert [
        (">", "220 EX01.corp.example Microsoft ESMTP MAIL Service ready at Mon, 23 Nov 2026 14:59:59 +0000"),
        ("<", "EHLO client.example.net"),
        (
            ">",
            f"250  EX01.corp.example Hello [127.0.0.1] {OFFERED}",
        ),
        ("<", f"MAIL FROM:<ann@example.net> size={len(LETTER)}"),
        (">", "250 2.1.0 Sender OK"),
        ("<", "RCPT TO:<bob@lab.example>"),
        (">", "250 2.1.5 Recipient OK"),
        ("<", "DATA"),
        (">", "354 Start mail input; end with <CRLF>.<CRLF>"),
    ] == said[:-3]
    assert said[-3][1].startswith("250 2.6.0 <1@example.net> [InternalId=")
    assert [("<", "QUIT"), (">", "221 2.0.0 Service closing transmission channel")] == said[-2:]
    assert ("+", "-", "Local") == (rows[0]["event"], rows[-1]["event"], rows[-1]["context"])
    assert {"EX01\\Default Frontend EX01"} == {row["connector-id"] for row in rows}
    assert {"127.0.0.1:25"} == {row["local-endpoint"] for row in rows}


def test_client_that_hangs_up(running: Running) -> None:
    """The log says that the other side ended it."""
    client = smtplib.SMTP(running.address, running.ports.smtp, timeout=10)
    client.ehlo("client")
    client.close()
    until = time.monotonic() + 5
    while "Remote" not in (ends := [row["context"] for row in running.drive.rows(FRONTEND_RECEIVE)][-1:]):
        assert time.monotonic() < until
        time.sleep(0.01)

    assert ["Remote"] == ends


def test_connector_that_is_not_verbose(running: Running) -> None:
    """No protocol lines; the message is tracked all the same. Verbose again, the next conversation is logged."""
    set_level(running.machine, "Default Frontend EX01", "None")
    deliver(running)

    assert FRONTEND_RECEIVE not in running.drive.paths()
    assert ["RECEIVE", "AGENTINFO", "SEND"] == [row["event-id"] for row in running.drive.rows(TRACKING)]

    set_level(running.machine, "Default Frontend EX01", "Verbose")
    deliver(running)

    assert 1 == len({row["session-id"] for row in running.drive.rows(FRONTEND_RECEIVE)})


def test_each_connector_on_the_way_has_its_own_log(running: Running) -> None:
    """With everything verbose, both ends of each hop log the same words, with the marks turned round."""
    set_level(running.machine, "Default EX01", "Verbose")
    set_service(running.machine, TRANSPORT_SERVICE, IntraOrgConnectorProtocolLoggingLevel="Verbose")
    set_service(running.machine, MAILBOX_TRANSPORT_SERVICE, MailboxDeliveryConnectorProtocolLoggingLevel="Verbose")
    deliver(running)

    for sender, receiver, connector in (
        (FRONTEND_SEND, HUB_RECEIVE, "EX01\\Default EX01"),
        (HUB_SEND, DELIVERY_RECEIVE, "EX01\\Default Mailbox Delivery EX01"),
    ):
        sent, received = (running.drive.rows(path) for path in (sender, receiver))
        turned = {">": "<", "<": ">"}
        words = [(turned[row["event"]], row["data"]) for row in sent if row["event"] in turned]

        assert words == [(row["event"], row["data"]) for row in received if row["event"] in turned]
        assert {connector} == {row["connector-id"] for row in received}
        assert "" == sent[0]["local-endpoint"]
        assert (sent[1]["local-endpoint"], sent[1]["remote-endpoint"]) == (
            received[0]["remote-endpoint"],
            received[0]["local-endpoint"],
        )


def test_implicit_proxy_connector_off(running: Running) -> None:
    """Set-FrontendTransportService's level is that of the proxy."""
    set_service(running.machine, FRONTEND_TRANSPORT_SERVICE, IntraOrgConnectorProtocolLoggingLevel="None")
    deliver(running)

    assert FRONTEND_SEND not in running.drive.paths()


def test_tracking_of_a_delivered_message(running: Running) -> None:
    """One message, one identity, in every event; addresses and sizes as sent."""
    deliver(running, "bob@lab.example", "joe@corp.example")

    rows = [*running.drive.rows(TRACKING), *running.drive.rows(DELIVERED)]
    received, delivered = rows[0], rows[-1]
    same = ("internal-message-id", "message-id", "network-message-id", "total-bytes", "message-subject")

    assert [("SMTP", "RECEIVE"), ("AGENT", "AGENTINFO"), ("SMTP", "SEND"), ("STOREDRIVER", "DELIVER")] == [
        (row["source"], row["event-id"]) for row in rows
    ]
    assert 1 == len({tuple(row[name] for name in same) for row in rows})
    assert ("<1@example.net>", "Hello", "ann@example.net", "Incoming") == tuple(
        received[name] for name in ("message-id", "message-subject", "sender-address", "directionality")
    )
    assert ("127.0.0.1", "EX01\\Default EX01", str(len(LETTER))) == tuple(
        received[name] for name in ("original-client-ip", "connector-id", "total-bytes")
    )
    assert ("bob@lab.example;joe@corp.example", "2") == (delivered["recipient-address"], delivered["recipient-count"])


def test_tracking_off(running: Running) -> None:
    """No tracking file of any kind; mail goes on."""
    set_service(running.machine, TRANSPORT_SERVICE, MessageTrackingLogEnabled=False)
    deliver(running)

    assert [FRONTEND_RECEIVE, FRONTEND_SEND] == running.drive.paths()


def test_message_without_an_id_gets_one(running: Running) -> None:
    """The null sender is written as Exchange writes it."""
    with mail(running) as client:
        client.sendmail("", ["bob@lab.example"], "Subject: none\r\n\r\n")

    row = running.drive.rows(TRACKING)[0]

    assert row["message-id"].endswith("@EX01.corp.example>")
    assert ("<>", "<>") == (row["return-path"], row["sender-address"])


def test_strangers_cannot_relay(running: Running) -> None:
    """A domain that isn't ours is refused, and only the conversation tells of it."""
    with mail(running) as client:
        client.ehlo()
        client.mail("ann@example.net")
        code, text = client.rcpt("joe@elsewhere.example")
        no_recipient = client.docmd("DATA")

    assert (550, b"5.7.54 SMTP; Unable to relay recipient in non-accepted domain") == (code, text)
    assert 503 == no_recipient[0]
    assert [FRONTEND_RECEIVE] == running.drive.paths()


def test_user_sends_out(running: Running) -> None:
    """Who has signed in may write to anybody; the send connector's level decides whether its conversation is logged."""
    for level in ("None", "Verbose"):
        set_send_connector(running.machine, ProtocolLoggingLevel=level)
        with mail(running, port=running.ports.submission, tls=True) as client:
            client.login("CORP\\bob", PASSWORD)
            client.sendmail("bob@lab.example", ["joe@elsewhere.example", "ann@lab.example"], LETTER)

    sent = running.drive.rows(HUB_SEND)
    events = [row for row in running.drive.rows(TRACKING) if row["event-id"] == "SENDEXTERNAL"]

    assert {"Internet"} == {row["connector-id"] for row in sent}
    assert 1 == len({row["session-id"] for row in sent})
    assert ["RCPT TO:<joe@elsewhere.example>"] == [row["data"] for row in sent if row["data"].startswith("RCPT")]
    assert [("joe@elsewhere.example", "Internet", "203.0.113.25", "Originating")] * 2 == [
        (row["recipient-address"], row["connector-id"], row["server-ip"], row["directionality"]) for row in events
    ]
    assert events[1]["source-context"].startswith(sent[0]["session-id"])


def test_nearest_address_space_wins(running: Running) -> None:
    """A connector for the domain itself is taken before the one for everything; a disabled one isn't."""
    machine = running.machine
    own = {"SourceTransportServers": [machine.name], "SmartHosts": ["[relay.example]"]}
    machine.organisation.add_send_connector("Partner", AddressSpaces=["SMTP:elsewhere.example;1"], **own)
    machine.organisation.add_send_connector("Off", AddressSpaces=["SMTP:elsewhere.example;1"], Enabled=False, **own)
    with mail(running, port=running.ports.submission, tls=True) as client:
        client.login("bob@corp.example", PASSWORD)
        client.sendmail("bob@lab.example", ["joe@elsewhere.example", "joe@sub.elsewhere.example"], LETTER)

    found = {
        row["recipient-address"]: (row["connector-id"], row["server-hostname"])
        for row in running.drive.rows(TRACKING)
        if row["event-id"] == "SENDEXTERNAL"
    }

    assert {
        "joe@elsewhere.example": ("Partner", "relay.example"),
        "joe@sub.elsewhere.example": ("Internet", "mail.sub.elsewhere.example"),
    } == found


def test_mail_without_a_way_out_fails(running: Running) -> None:
    """It is tracked as failed."""
    set_send_connector(running.machine, Enabled=False)
    with mail(running, port=running.ports.submission, tls=True) as client:
        client.login("bob", PASSWORD)
        client.sendmail("bob@lab.example", ["joe@elsewhere.example"], LETTER)

    last = running.drive.rows(TRACKING)[-1]

    assert ("FAIL", "550 5.4.4") == (last["event-id"], last["recipient-status"][:9])


def test_secrets_stay_out_of_the_log(running: Running) -> None:
    """Of a sign-in the log has the account's name and nothing that was secret, failed ones included."""
    set_level(running.machine, "Client Frontend EX01", "Verbose")
    with mail(running, port=running.ports.submission, tls=True) as client:
        with pytest.raises(smtplib.SMTPAuthenticationError, match=r"5\.7\.3"):
            client.login("bob", "canary-wrong")
        client.login("bob", PASSWORD)

    rows = running.drive.rows(FRONTEND_RECEIVE)
    authentication = [row["data"] for row in rows if row["event"] in {"<", ">"}]
    text = running.drive.text(FRONTEND_RECEIVE)

    assert 2 == authentication.count("AUTH LOGIN <authentication response>")
    assert 2 == authentication.count("<authentication response>")
    assert {"334 <authentication response>"} == {line for line in authentication if line.startswith("334")}
    assert ["CORP\\bob"] == [row["data"] for row in rows if row["context"] == "authenticated"]
    assert [] == [secret for secret in ("canary", "Y2FuYXJ5", "Ym9iJ3M6", PASSWORD) if secret in text]


def test_users_must_sign_in_to_submit(running: Running) -> None:
    """The client connector takes no anonymous mail, and no password without TLS."""
    with mail(running, port=running.ports.submission) as client:
        client.ehlo()
        offered = client.has_extn("auth")
        code, _ = client.mail("bob@lab.example")

    assert not offered
    assert 530 == code


def test_the_connector_with_the_narrowest_range_takes_the_client(running: Running) -> None:
    """As in Exchange: a connector for one address is preferred to the one for all."""
    running.machine.add_receive_connector(
        "Scanner",
        Bindings=["0.0.0.0:25"],
        RemoteIPRanges=["127.0.0.0/8"],
        ProtocolLoggingLevel="Verbose",
        PermissionGroups="AnonymousUsers",
        Banner="220 scanners only",
    )
    with mail(running) as client:
        banner = client.noop()

    rows = running.drive.rows(FRONTEND_RECEIVE)

    assert 250 == banner[0]
    assert {"EX01\\Scanner"} == {row["connector-id"] for row in rows}
    assert "220 scanners only" in {row["data"] for row in rows}


def test_nobody_is_greeted_while_the_service_is_stopped(running: Running) -> None:
    """Nor by a connector that is disabled."""
    running.machine.services.stop("MSExchangeFrontEndTransport")
    with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)):
        smtplib.SMTP(running.address, running.ports.smtp, timeout=10)
    running.machine.services.start("MSExchangeFrontEndTransport")
    with running.machine.store.change():
        for entry in running.machine.receive_connectors:
            entry.set("Enabled", value=False)
    with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)):
        smtplib.SMTP(running.address, running.ports.smtp, timeout=10)

    assert [] == running.drive.paths()


def test_mail_waits_while_the_transport_service_is_stopped(running: Running) -> None:
    """The front end can't hand it on and asks for another try; nothing is tracked."""
    running.machine.services.stop("MSExchangeTransport")
    with mail(running) as client, pytest.raises(smtplib.SMTPDataError) as caught:
        client.sendmail("ann@example.net", ["bob@lab.example"], LETTER)

    assert 451 == caught.value.smtp_code
    assert [FRONTEND_RECEIVE] == running.drive.paths()


def test_tls_is_logged(running: Running) -> None:
    """Certificate and cipher; the conversation goes on in the same session."""
    with mail(running, tls=True) as client:
        client.sendmail("ann@example.net", ["bob@lab.example"], LETTER)

    rows = running.drive.rows(FRONTEND_RECEIVE)
    contexts = [row["context"] for row in rows]

    assert 1 == len({row["session-id"] for row in rows})
    assert ["CN=EX01.corp.example"] == [row["data"] for row in rows if row["context"] == "Certificate subject"]
    assert 1 == sum(context.startswith("TLS protocol SP_PROT_TLS1_") for context in contexts)
    assert [str(number) for number in range(len(rows))] == [row["sequence-number"] for row in rows]


def test_unknown_and_misplaced_commands(running: Running) -> None:
    """They are answered as Exchange answers them, and logged."""
    with mail(running) as client:
        answers = [client.docmd(command) for command in ("XYZZY", "RCPT TO:<a@b>", "EHLO x", "DATA", "RSET", "NOOP")]

    assert [
        (500, b"5.3.3 Unrecognized command"),
        (503, b"5.5.2 Send hello first"),
    ] == answers[:2]
    assert [(503, b"5.5.2 Need rcpt command"), (250, b"2.0.0 Resetting"), (250, b"2.0.0 OK")] == answers[3:]
    assert ["XYZZY", "RCPT TO:<a@b>", "EHLO x", "DATA", "RSET", "NOOP", "QUIT"] == [
        row["data"] for row in running.drive.rows(FRONTEND_RECEIVE) if row["event"] == "<"
    ]


def test_health_probes_look_like_mail(running: Running) -> None:
    """A message of the health manager's is submitted, received and delivered, all from one mailbox to itself."""
    message = running.host.flow.probe()

    submitted = running.drive.rows(LOGS + "MessageTracking\\MSGTRKMS2026112314-1.LOG")
    rows = [*submitted, *running.drive.rows(TRACKING), *running.drive.rows(DELIVERED)]

    assert ["NOTIFYMAPI", "SUBMIT", "RECEIVE", "AGENTINFO", "SEND", "DELIVER"] == [row["event-id"] for row in rows]
    assert {message.message_id} == {row["message-id"] for row in rows}
    assert all(row["recipient-address"].startswith("HealthMailbox") for row in rows)
