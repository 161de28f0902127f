r"""An event, or what couldn't be read, as a JSON object.

Bytes that aren't UTF-8 are lone surrogates in a string; JSON written in ASCII holds them as ``\udc80`` to ``\udcff``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.events.event import MAPPED
from harness.events.mapping import write_time
from harness.events.record import decode

if TYPE_CHECKING:
    from harness.events.event import Event
    from harness.events.record import Quarantined


def event(event: Event) -> dict[str, object]:
    """Give where the event's row stands, its mapped fields, and all of its columns.

    Args:
        event: The event.
    """
    record = event.record
    shown: dict[str, object] = {
        "file": record.file,
        "line": record.line,
        "offset": record.offset,
        "format": event.format.value,
    }
    shown |= {name: getattr(event, name) for name in MAPPED}
    shown["device_time"] = write_time(event.device_time)
    shown["problems"] = [{"field": problem.field, "reason": problem.reason} for problem in event.problems]
    shown["fields"] = dict(record.items())
    return shown


def quarantined(item: Quarantined) -> dict[str, object]:
    """Give where bytes stand that couldn't be read, why, and the first of them.

    Args:
        item: What couldn't be read.
    """
    return {
        "file": item.file,
        "line": item.line,
        "lines": item.lines,
        "offset": item.offset,
        "length": item.length,
        "fault": item.fault.value,
        "reason": item.reason,
        "head": decode(item.head),
    }
