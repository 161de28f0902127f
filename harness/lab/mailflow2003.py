"""What becomes of a message that a simulated Exchange 2003 server accepts, as its message tracking shows it.

Its SMTP service hands mail to the queue; from there it goes into a mailbox of the server's own, or out. Nothing leaves
the machine: of the outside it is tracked that the message went there.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from harness.lab.logs.tracking2003 import (
    LOCAL_DELIVERY,
    OUTBOUND_BEGUN,
    OUTBOUND_ENDED,
    STORE_DRIVER_DELIVERY,
    SUBMITTED,
    Tracking2003,
    clock_time,
)
from harness.lab.message import Envelope, Message, accepts, domain_of, message_of

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

    from harness.lab.exchange2003 import Exchange2003

_SERVICE_VERSION = "Version: 6.0.3790.3959"


class MailFlow2003:
    """A server's SMTP service and store.

    Args:
        machine: The server.
        address: Its IP address.
        tracking: Its message tracking.
        now: The clock.
    """

    monitored = False
    """Nothing sends mail by itself."""

    def __init__(
        self, machine: Exchange2003, address: str, tracking: Tracking2003, now: Callable[[], dt.datetime]
    ) -> None:
        self._machine = machine
        self._address = address
        self._tracking = tracking
        self._now = now
        self._numbers = itertools.count(1)

    def accepts(self, recipient: str) -> bool:
        """Say whether an address is of a domain that this server takes mail for."""
        return accepts(self._machine, recipient)

    def accept(self, envelope: Envelope) -> Message:
        """Take a message and see it through."""
        message = message_of(envelope, next(self._numbers), self._machine)
        self._track(message, envelope.recipients, SUBMITTED)
        local = tuple(address for address in envelope.recipients if self.accepts(address))
        for event in (LOCAL_DELIVERY, STORE_DRIVER_DELIVERY):
            self._track(message, local, event)
        outside = [address for address in envelope.recipients if address not in local]
        for domain in dict.fromkeys(map(domain_of, outside)):
            recipients = tuple(address for address in outside if domain_of(address) == domain)
            for event in (OUTBOUND_BEGUN, OUTBOUND_ENDED):
                self._track(message, recipients, event, partner=domain)
        return message

    def queued(self, message: Message) -> str:
        """Give the reply to a message that was taken."""
        return f"250 2.6.0 {message.message_id} Queued mail for delivery"

    def probe(self) -> None:
        """Nothing is sent: see `monitored`."""

    def _track(self, message: Message, recipients: tuple[str, ...], event: str, partner: str = "") -> None:
        envelope, time = message.envelope, self._now()
        from_outside = {"client-ip": envelope.client, "Client-hostname": envelope.helo} if event == SUBMITTED else {}
        cells = {
            **from_outside,
            "Partner-Name": partner,
            "Server-hostname": self._machine.name,
            "server-IP": self._address,
            "Event-ID": event,
            "MSGID": message.message_id,
            "Priority": "0",
            "Recipient-Report-Status": "0",
            "total-bytes": str(len(envelope.content)),
            "Number-Recipients": str(len(envelope.recipients)),
            "Origination-Time": f"{time.year}-{time.month}-{time.day} {clock_time(time)}",
            "Encryption": "0",
            "service-Version": _SERVICE_VERSION,
            "Message-Subject": message.subject,
            "Sender-Address": message.author,
        }
        self._tracking.track(time, recipients, cells)
