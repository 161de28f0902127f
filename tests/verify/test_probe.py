"""Probes: what is sent, what counts as theirs, and what they say when they can't be sent."""

from __future__ import annotations

import ssl
import subprocess
from typing import TYPE_CHECKING

import pytest

from harness.errors import ProbeError
from harness.events import Event, Format, Record, load, reader_for
from harness.verify.probe import message_id, recognises, token

from .conftest import (
    NAME,
    Mailbox,
    mail_server,
    msgtrk_header,
    msgtrk_row,
    owa_header,
    owa_probe,
    owa_row,
    smtp_header,
    smtp_probe,
    smtp_row,
    web_server,
)

if TYPE_CHECKING:
    from pathlib import Path

MARK = token()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for the host's name, with its key in one file."""
    path = tmp_path_factory.mktemp("tls") / "host.pem"
    key = path.with_suffix(".key")
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "2",
            "-keyout",
            key,
            "-out",
            path,
            "-subj",
            f"/CN={NAME}",
            "-addext",
            f"subjectAltName=DNS:{NAME}",
        ],
        check=True,
        capture_output=True,
    )
    path.write_text(key.read_text() + path.read_text())
    return path


def server_context(certificate: Path) -> ssl.SSLContext:
    """TLS for a server."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def event(format_: Format, text: str) -> Event:
    """Read the last event of a log."""
    reader = reader_for(format_, "c$/x.log")
    records = [item for item in reader.feed(text.encode(), 0) if isinstance(item, Record)]
    return load(format_).apply(records[-1])


@pytest.mark.parametrize(
    ("format_", "text", "expected"),
    [
        (Format.SMTP, smtp_header() + smtp_row("<", f"EHLO {MARK}.harness.invalid"), True),
        (Format.MSGTRK, msgtrk_header() + msgtrk_row(message_id(MARK)), True),
        (Format.OWA, owa_header() + owa_row(f"{MARK}&CorrelationID=<empty>;&cafeReqId=1;"), True),
        # What Exchange's own monitoring and earlier probes leave.
        (Format.SMTP, smtp_header() + smtp_row("<", "EHLO ex01.lab.example"), False),
        (Format.SMTP, smtp_header() + smtp_row("<", "MAIL FROM:<HealthMailbox1@lab.example>"), False),
        (Format.SMTP, smtp_header() + smtp_row("<", f"EHLO {token()}.harness.invalid"), False),
        (Format.MSGTRK, msgtrk_header() + msgtrk_row("<HealthMailbox1@ex01.lab.example>"), False),
        (Format.OWA, owa_header() + owa_row("&ClientId=HealthMailbox1"), False),
        # The front end passes our name on to a connector behind it; that one's log proves nothing of the first.
        (Format.SMTP, smtp_header() + smtp_row("<", f"XPROXYFROM SID=1 DOMAIN={MARK}.harness.invalid"), False),
        # A message that quotes ours, a bounce for example, is another message.
        (Format.MSGTRK, msgtrk_header() + msgtrk_row(f"<re-{MARK}@harness.invalid>"), False),
    ],
)
def test_only_the_probe_s_own_events_are_recognised(format_: Format, text: str, *, expected: bool) -> None:
    """The greeting, the Message-ID and the query identify a probe; nothing else does."""
    actual = recognises(MARK, event(format_, text))

    assert expected == actual


def test_a_message_carries_the_mark_in_greeting_and_message_id() -> None:
    """The receive connector sees a greeting and a Message-ID that no other probe has."""
    mailbox = Mailbox()
    with mail_server(mailbox) as port:
        sent = [smtp_probe(port).send() for _ in range(2)]
    identifiers = [
        message_id(each.token) in envelope.content.decode()
        for each, envelope in zip(sent, mailbox.messages, strict=True)
    ]

    assert [f"{each.token}.harness.invalid" for each in sent] == mailbox.greetings
    assert [True, True] == identifiers
    assert sent[0].token != sent[1].token
    assert ["postmaster@lab.example"] == mailbox.messages[0].rcpt_tos


def test_a_refused_message_was_sent_all_the_same() -> None:
    """The conversation is logged, so the probe counts as sent; that it can't be tracked is said with a cure."""
    mailbox = Mailbox()
    mailbox.refusal = "550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain"
    with mail_server(mailbox) as port:
        probe = smtp_probe(port)
        sent = probe.send()
    refused = probe.refused(sent)

    assert refused is not None
    assert "550 5.7.54 SMTP; Unable to relay" in refused.message
    assert "probe_recipient" in refused.hint


def test_nobody_at_the_port_is_said_with_the_keys_that_name_another() -> None:
    """A closed port is the probe's failure and says which key names another one."""
    with mail_server(Mailbox()) as port:
        pass
    with pytest.raises(ProbeError, match=f":{port}: Connection refused") as smtp:
        smtp_probe(port).send()
    with pytest.raises(ProbeError, match="answer: Connection refused") as owa:
        owa_probe(port).send()

    assert "probe_smtp_port" in smtp.value.hint
    assert "probe_owa_port" in owa.value.hint


def test_starttls_checks_the_certificate(certificate: Path) -> None:
    """A certificate that nobody vouches for ends the probe; trusted, for the host's name, it goes through."""
    mailbox = Mailbox()
    with mail_server(mailbox, tls_context=server_context(certificate)) as port:
        with pytest.raises(ProbeError, match="self-signed certificate"):
            smtp_probe(port, starttls=True).send()
        with pytest.raises(ProbeError, match=r"other\.example"):
            smtp_probe(port, starttls=True, ca=str(certificate), name="other.example").send()
        taken_before = len(mailbox.messages)
        smtp_probe(port, starttls=True, ca=str(certificate)).send()

    assert 0 == taken_before
    assert 1 == len(mailbox.messages)


def test_no_password_travels_unencrypted() -> None:
    """A user without STARTTLS is refused before anything is sent."""
    with pytest.raises(ProbeError, match="won't sign in as harness without encryption"):
        smtp_probe(1, user="harness").send()


def test_starttls_that_isn_t_offered_ends_the_probe() -> None:
    """No message goes in clear where encryption was asked for."""
    mailbox = Mailbox()
    with mail_server(mailbox) as port, pytest.raises(ProbeError, match="STARTTLS"):
        smtp_probe(port, starttls=True).send()

    assert [] == mailbox.messages


@pytest.mark.parametrize("status", [200, 302, 401, 500])
def test_a_request_counts_whatever_the_answer(status: int) -> None:
    """IIS logs every request; a redirect to the sign-in page isn't followed."""
    paths: list[str] = []

    def answer(path: str) -> int:
        paths.append(path)
        return status

    with web_server(answer) as port:
        sent = owa_probe(port).send()

    assert [f"/owa/?{sent.token}"] == paths


def test_https_checks_the_certificate(certificate: Path) -> None:
    """As with SMTP: nothing is sent to a server that can't show who it is."""
    paths: list[str] = []

    def answer(path: str) -> int:
        paths.append(path)
        return 200

    with web_server(answer, context=server_context(certificate)) as port:
        with pytest.raises(ProbeError, match="self-signed certificate") as caught:
            owa_probe(port, scheme="https").send()
        sent = owa_probe(port, scheme="https", ca=str(certificate)).send()

    assert "probe_ca_trust_path" in caught.value.hint
    assert [f"/owa/?{sent.token}"] == paths
