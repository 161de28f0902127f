"""A log source of the console's type "Microsoft Exchange Server", as its Microsoft Exchange protocol polls it.

The defaults are those that the protocol is believed to have; ``recursive`` alone is documented, for a sibling
protocol. That a pattern is a regular expression, that folders are written ``c$/…/``, and that one log source has one
folder for each family is documented.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from harness.collect.source import Family, PolledFolder
from harness.errors import HarnessError
from harness.events import Format
from harness.remote.sharepath import SharePath

if TYPE_CHECKING:
    from collections.abc import Iterator

Protocol = Literal["Microsoft Exchange", "WinCollect Microsoft Exchange"]
"""What the console collects with. The latter's name on the console is believed, not documented."""

SmbVersion = Literal["AUTO", "SMB2", "SMB3"]
"""SMB1 is not among them: the protocol gave it up."""

FAMILIES: tuple[Family, ...] = get_args(Family)
LOG_PATTERN = r".*\.(?:log|LOG)$"
MSGTRK_PATTERNS = (
    r"MSGTRK\d+-\d+\.(?:log|LOG)$",
    r"MSGTRKMD\d+-\d+\.(?:log|LOG)$",
    r"MSGTRKMS\d+-\d+\.(?:log|LOG)$",
    r"MSGTRKMA\d+-\d+\.(?:log|LOG)$",
)
"""Transport, delivery, submission, moderation: the protocol has a field for each."""
MSGTRK_UP_TO_2010_PATTERNS = (r"MSGTRKM?\d+-\d+\.(?:log|LOG)$", *MSGTRK_PATTERNS[1:])
"""A custom pattern: that of the transport logs takes those of the mailbox role along, for which there is no field."""
MSGTRK_2003_PATTERNS = (r"\d{8}\.(?:log|LOG)$",)
"""A file for each day, by its date."""

_LONGEST_NAME = 255


@dataclass(frozen=True, slots=True)
class LogSource:
    """A log source.

    Args:
        name: What the console lists it under; at most 255 characters, no backslash.
        host: The host's name in the inventory.
        identifier: What events are filed under; of its own for each log source.
        server_address: What the console connects to.
        protocol: What the console collects with.
        owa_folder: In share form (``c$/…/``), as the other folders; empty to leave the family out.
        smtp_folder: The same for protocol logs.
        msgtrk_folder: The same for message tracking.
        owa_pattern: A Java regular expression for file names, as the other patterns.
        smtp_pattern: The same for protocol logs.
        msgtrk_patterns: The same for message tracking; a file is collected when one of them matches.
        smtp_format: How the files of protocol logs are written.
        msgtrk_format: The same for message tracking.
        recursive: Whether the folders below are polled too.
        force_file_read: Whether every file is opened at every poll.
        polling_interval: Seconds.
        throttle: Events a second; 0 for no limit.
        encoding: Of the files.
        smb_version: What may be spoken; AUTO for the newest that both sides know.
        origin: Where the folders come from, for people: ``the host`` or ``defaults of Exchange 2016``.

    Raises:
        HarnessError: A value can't be used; its class says which.
    """

    name: str
    host: str
    identifier: str
    server_address: str
    protocol: Protocol = "Microsoft Exchange"
    owa_folder: str = ""
    smtp_folder: str = ""
    msgtrk_folder: str = ""
    owa_pattern: str = LOG_PATTERN
    smtp_pattern: str = LOG_PATTERN
    msgtrk_patterns: tuple[str, ...] = MSGTRK_PATTERNS
    smtp_format: Format = Format.SMTP
    msgtrk_format: Format = Format.MSGTRK
    recursive: bool = True
    force_file_read: bool = False
    polling_interval: float = 10.0
    throttle: float = 100
    encoding: str = "UTF-8"
    smb_version: SmbVersion = "AUTO"
    origin: str = ""

    def __post_init__(self) -> None:
        """Check the name; what is polled is checked as it is made."""
        if len(self.name) > _LONGEST_NAME or "\\" in self.name:
            raise HarnessError(
                f"a log source can't have the name {self.name!r}",
                hint=f"at most {_LONGEST_NAME} characters, and no backslash",
            )
        self.polled()

    def folder(self, family: Family) -> str:
        """Give a family's folder in share form; empty where the family is left out."""
        return {"OWA": self.owa_folder, "SMTP": self.smtp_folder, "MSGTRK": self.msgtrk_folder}[family]

    def pattern(self, family: Family) -> str:
        """Give the one pattern that selects a family's files."""
        if family == "MSGTRK":
            return "|".join(f"(?:{pattern})" for pattern in self.msgtrk_patterns)
        return self.owa_pattern if family == "OWA" else self.smtp_pattern

    def format(self, family: Family) -> Format:
        """Give how a family's files are written."""
        return {"OWA": Format.OWA, "SMTP": self.smtp_format, "MSGTRK": self.msgtrk_format}[family]

    def polled(self) -> tuple[PolledFolder, ...]:
        """Give what is polled: a folder for each family that isn't left out."""
        return tuple(self._polled())

    def _polled(self) -> Iterator[PolledFolder]:
        for family in FAMILIES:
            if not self.folder(family):
                continue
            place = SharePath.parse(self.folder(family))
            yield PolledFolder(
                host=self.host,
                identifier=self.identifier,
                family=family,
                share=place.share,
                folder=place.folder,
                file_pattern=self.pattern(family),
                format=self.format(family),
                recursive=self.recursive,
                force_file_read=self.force_file_read,
                polling_interval=self.polling_interval,
                throttle=self.throttle,
                encoding=self.encoding,
            )
