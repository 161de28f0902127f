"""An event as the DSM sees it: five mapped fields over a record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.events import payload

if TYPE_CHECKING:
    from datetime import datetime

    from harness.events.record import Family, Format, Record

MAPPED = ("event_id", "username", "source_ip", "destination_ip", "device_time")
"""The mapped fields, in the order in which they are shown."""


@dataclass(frozen=True, slots=True)
class Shortfall:
    """A mapped field that stayed empty.

    Args:
        field: Its name, one of `MAPPED`.
        reason: Why, one sentence without a full stop.
    """

    field: str
    reason: str

    def __str__(self) -> str:
        """One line: ``field: reason``."""
        return f"{self.field}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Event:
    """A record with what the DSM is expected to make of it.

    Args:
        record: The row.
        event_id: What the console looks the event up by; empty where it has none.
        username: The user; empty where the event has none.
        source_ip: In the usual form, without zone or port; empty where the event has none.
        destination_ip: The same.
        device_time: When the server says that it happened, in UTC; None where the row doesn't say.
        problems: Mapped fields that should have a value and have none, or one that can't be read.
    """

    record: Record
    event_id: str
    username: str
    source_ip: str
    destination_ip: str
    device_time: datetime | None
    problems: tuple[Shortfall, ...] = ()

    @property
    def format(self) -> Format:
        """How the record was written."""
        return self.record.format

    @property
    def family(self) -> Family:
        """What the DSM calls the kind of log."""
        return self.record.format.family

    def payload(self, source_ip: str = "") -> str:
        """Write the event as the protocol forwards it (see `harness.events.payload`).

        Args:
            source_ip: The address of the server that was polled.
        """
        return payload.write(self.record, source_ip)
