"""The facts of hosts, for people and for programs."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from harness.redaction import redactor
from harness.report import text
from harness.report.document import error as as_object

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from harness.errors import HarnessError
    from harness.exchange.folders import Folders

_WIDTH = 18
_KERBEROS_SECONDS = 300.0
"""Kerberos refuses clocks that are further apart, unless the domain's policy says otherwise."""


@dataclass(slots=True)
class Sheet:
    """What was read off one host.

    Args:
        host: Its name in the inventory.
        facts: As the facts' module gives them; None where they couldn't be read.
        folders: Where its logs are; None where that couldn't be read, or it has none.
        offset: How many seconds its clock is ahead of this machine's; None where it couldn't be read.
        uncertainty: How many seconds that may be off.
        notes: What the user should know though nothing failed.
        error: What failed.
    """

    host: str
    facts: dict[str, Any] | None = None
    folders: Folders | None = None
    offset: float | None = None
    uncertainty: float = 0.0
    notes: tuple[str, ...] = ()
    error: HarnessError | None = None

    def set_clock(self, clock: datetime | None, before: datetime, after: datetime) -> None:
        """Take the host's clock, which was read at some moment between two of this machine's."""
        if clock is None:
            return
        self.uncertainty = (after - before).total_seconds() / 2
        self.offset = (clock - before).total_seconds() - self.uncertainty
        if abs(self.offset) - self.uncertainty > _KERBEROS_SECONDS:
            self.notes += ("its clock is more than five minutes off: Kerberos refuses that, and events look misdated",)


def document(sheets: Sequence[Sheet]) -> str:
    """Write the facts as one JSON document."""
    hosts = [
        {
            "host": sheet.host,
            "facts": sheet.facts,
            "log_folders": asdict(sheet.folders) if sheet.folders else None,
            "clock": None
            if sheet.offset is None
            else {
                "offset_seconds": round(sheet.offset, 3),
                "uncertainty_seconds": round(sheet.uncertainty, 3),
            },
            "notes": list(sheet.notes),
            "error": as_object(sheet.error),
        }
        for sheet in sheets
    ]
    return redactor.redact(json.dumps({"hosts": hosts}, indent=2, ensure_ascii=False))


def lines(sheet: Sheet) -> Iterator[str]:
    """Give the lines that show one host."""
    yield sheet.host
    rows = [*_facts(sheet.facts), *_folders(sheet.folders), *_clock(sheet)]
    yield from (f"  {name:<{_WIDTH}}{value}" for name, value in rows)
    yield from (f"  note: {note}" for note in sheet.notes)
    if sheet.error:
        yield from (f"  {line}" for line in f"{text.kind(sheet.error)}: {text.error(sheet.error)}".splitlines())


def _facts(facts: dict[str, Any] | None) -> Iterator[tuple[str, str]]:
    if facts is None:
        return
    exchange = facts["exchange"]
    if exchange is None:
        yield "Exchange", "none"
    else:
        roles = ", ".join(exchange["roles"]) or "no server role"
        yield "Exchange", f"{exchange['version']}, build {exchange['build']}: {roles}"
        yield "installed in", exchange["install_path"]
    yield "full name", facts["fqdn"]
    yield "Windows", f"{facts['windows']['version']}, {facts['windows']['caption'].strip()}"
    yield "PowerShell", facts["powershell"]
    yield "IIS", facts["iis"] or "none"
    minutes = facts["time"]["offset"]
    sign = "-" if minutes < 0 else "+"
    yield "time zone", f"UTC{sign}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}, {facts['time']['zone']}"


def _folders(folders: Folders | None) -> Iterator[tuple[str, str]]:
    if folders is None:
        return
    if folders.owa:
        yield "OWA log", folders.owa
    for smtp in folders.smtp:
        ways = (("receive", smtp.receive), ("send", smtp.send))
        yield from ((f"{smtp.service} {way}", folder) for way, folder in ways if folder)
    if folders.tracking:
        yield "message tracking", folders.tracking


def _clock(sheet: Sheet) -> Iterator[tuple[str, str]]:
    if sheet.offset is None:
        return
    bound = f"give or take {sheet.uncertainty:.1f} s"
    if abs(sheet.offset) <= sheet.uncertainty:
        yield "clock", f"as this machine's, {bound}"
    else:
        way = "ahead of" if sheet.offset > 0 else "behind"
        yield "clock", f"{abs(sheet.offset):.1f} s {way} this machine's, {bound}"
