"""A message as a simulated server takes it, and what it reads in it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.utils import parseaddr
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.lab.machine import Machine

LAB_DOMAIN = "lab.example"
"""A domain whose mail every simulated server accepts, beside its own."""

HUB_PORT = 2525


@dataclass(frozen=True, slots=True)
class Envelope:
    """A message as the front end took it.

    Args:
        client: The address of who sent it.
        helo: What they call themselves.
        sender: ``MAIL FROM``; empty for the null sender.
        recipients: ``RCPT TO``.
        content: Headers and body.
        port: The hub transport port that it is proxied to.
        user: Who had signed in; empty for nobody.
        session: The number of the conversation.
    """

    client: str
    helo: str
    sender: str
    recipients: tuple[str, ...]
    content: bytes
    port: int = HUB_PORT
    user: str = ""
    session: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """A message in the server's queue.

    Args:
        envelope: How it came.
        number: ``internal-message-id``: the server's own number for it.
        message_id: Its ``Message-ID``, in angle brackets.
        network_id: The organisation's identifier for it.
        subject: Decoded.
        author: The address of ``From``.
    """

    envelope: Envelope
    number: int
    message_id: str
    network_id: str
    subject: str
    author: str


def message_of(envelope: Envelope, number: int, machine: Machine) -> Message:
    """Read a message's headers.

    Args:
        envelope: How it came.
        number: The server's own for it.
        machine: The server, which gives a message without an identifier one of its own.
    """
    headers = message_from_bytes(envelope.content, policy=policy.default)
    network_id = str(uuid.uuid4())
    return Message(
        envelope,
        number,
        str(headers.get("Message-ID", "")).strip() or f"<{network_id.replace('-', '')}@{machine.fqdn}>",
        network_id,
        str(headers.get("Subject", "")),
        parseaddr(str(headers.get("From", "")))[1] or envelope.sender,
    )


def accepts(machine: Machine, recipient: str) -> bool:
    """Say whether an address is of a domain that a server takes mail for."""
    return domain_of(recipient) in {machine.spec.domain, machine.forest.domain.lower(), LAB_DOMAIN}


def domain_of(address: str) -> str:
    """Give an address's domain, in lower case."""
    return address.rpartition("@")[2].lower()
