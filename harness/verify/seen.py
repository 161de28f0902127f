"""What was seen of one family on one host: counts and a few examples, however much there was to read."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from harness.events import Event, Family, Header, Quarantined

if TYPE_CHECKING:
    from harness.errors import HarnessError
    from harness.exchange.folders import Stated

KEPT = 20
"""How many of the last events are kept."""

_EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Headed:
    """The newest header of a log folder.

    Args:
        place: File and line, for people.
        header: What it says.
    """

    place: str
    header: Header


@dataclass(frozen=True, slots=True)
class Arrival:
    """A probe's event.

    Args:
        seconds: From the probe's sending to the poll that found the event.
        place: File and line.
        event: The event itself.
    """

    seconds: float
    place: str
    event: Event


@dataclass(slots=True)
class Trail:
    """The way of a probe's message through the server.

    Message tracking names the connector and the SMTP session of each hop; the protocol logs hold the conversation of
    that session if the connector logs it.

    Args:
        tracked: Sessions that message tracking names, with their connectors.
        logged: Sessions of the protocol logs in which the message is mentioned, with their connectors.
        ended: Whether the message went as far as it goes here.
        error: Why the message goes no way at all: it was refused.
        untracked: Whether a server of these roles tracks no messages, so that nothing can be said of their way.
    """

    tracked: dict[str, str] = field(default_factory=dict)
    logged: dict[str, str] = field(default_factory=dict)
    ended: bool = False
    error: HarnessError | None = None
    untracked: bool = False


@dataclass(slots=True)
class Seen:
    """One family on one host; it grows while the host is polled, in one thread.

    Args:
        host: The host's name in the inventory.
        family: Which log.
        folders: Where its logs are looked for, in share form; empty where the host has no such log.
        keep: How many of the last events are kept.
        events: How many were read.
        unparsed: How many lines couldn't be.
        bytes: How much was read.
        polls: How many polls came to an end.
        files: How many files the last one found.
        newest: The event of the latest device time.
        last: The last events, in the order in which they were read.
        headers: The newest header of each folder.
        quarantined: The first of the lines that couldn't be read.
        foreign: Files that aren't of this family, and why.
        refused: Files and folders that couldn't be read in the last poll, and why.
        missing: Those folders of them that aren't there at all.
        home: Where the host itself says that its logs are, in share form; empty where it wasn't asked.
        error: Why nothing can be polled.
        probe_error: Why the probe couldn't be sent.
        sent: Whether it was.
        arrival: Its event.
        trail: The way of the SMTP probe's message; shared by the families that see parts of it.
        former: The connector that logged an earlier probe.
        stated: What the host says of its own logging; None where it wasn't asked.
        polled_at: When the last poll ended.
        seconds: How long this family has been watched.
        cut: Whether the time of the whole run ended that.
    """

    host: str
    family: Family
    folders: tuple[str, ...] = ()
    keep: int = KEPT
    events: int = 0
    unparsed: int = 0
    bytes: int = 0
    polls: int = 0
    files: int = 0
    newest: Event | None = None
    last: deque[Event] = field(init=False)
    headers: dict[str, Headed] = field(default_factory=dict)
    quarantined: list[Quarantined] = field(default_factory=list)
    foreign: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    missing: frozenset[str] = frozenset()
    home: tuple[str, ...] = ()
    error: HarnessError | None = None
    probe_error: HarnessError | None = None
    sent: bool = False
    arrival: Arrival | None = None
    trail: Trail = field(default_factory=Trail)
    former: str = ""
    stated: Stated | None = None
    polled_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    seconds: float = 0.0
    cut: bool = False

    def __post_init__(self) -> None:
        """Bound what is kept."""
        self.last = deque(maxlen=self.keep)

    def place(self, file: str, line: int = 0) -> str:
        """Write a file of the host's as people find it: ``//ex01/c$/…/u_ex240131.log:4``."""
        return f"//{self.host}/{file}" + (f":{line}" if line else "")

    def at(self, item: Event | Quarantined) -> str:
        """Write where an event, or what couldn't be read, stands."""
        record = item.record if isinstance(item, Event) else item
        return self.place(record.file, record.line)

    def take_event(self, event: Event) -> None:
        """Count an event."""
        self.events += 1
        self.last.append(event)
        time = event.device_time
        if time is not None and (self.newest is None or time > (self.newest.device_time or time)):
            self.newest = event

    def take_unparsed(self, item: Quarantined) -> None:
        """Count what couldn't be read."""
        self.unparsed += max(1, item.lines)
        if len(self.quarantined) < _EXAMPLES:
            self.quarantined.append(item)

    def take_header(self, header: Header) -> None:
        """Note a header; the newest of its folder counts."""
        folder = header.file.rpartition("/")[0]
        self.headers[folder] = Headed(self.place(header.file, header.line), header)

    def misplaced(self, folder: str) -> bool:
        """Tell whether a folder won't show this log: the host keeps it elsewhere, and nothing speaks against that."""
        own = folder.casefold()
        if not self.home or any(_below(own, home) or _below(home, own) for home in map(str.casefold, self.home)):
            return False
        read = any(_below(each, folder) for each in self.headers)
        return folder in self.missing or (bool(_DRIVE.match(own)) and not read)

    @property
    def lost(self) -> int:
        """How many folders are misplaced, so that waiting for them is of no use."""
        return sum(map(self.misplaced, self.folders))

    def nothing(self) -> str:
        """Say that no event was seen, and what there was instead."""
        where = ", ".join(self.place(folder) for folder in self.folders) or "no folder"
        if self.foreign:
            file, reason = next(iter(self.foreign.items()))
            return f"no event; {file} was not read: {reason}"
        if self.refused:
            return f"no event; {next(iter(self.refused.values()))}"
        if not self.files:
            return f"no file in {where}"
        return f"no event in {self.files} file{'s' if self.files > 1 else ''} of {where}"


# The administrative share of a drive; what a share of another name holds can't be told by its name.
_DRIVE = re.compile(r"[a-z]\$/")


def _below(path: str, folder: str) -> bool:
    """Tell whether a path is a folder or stands below it."""
    return path == folder or path.startswith(folder.rstrip("/") + "/")
