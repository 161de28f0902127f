"""A log source of the console's type "Microsoft Exchange Server": what its form holds, in harness's own words.

Type, protocol, collector, groups, language and extension are names here, never the console's ids: those differ from
console to console, and `harness.logsource.resolve` looks them up in what a console says of itself.

The defaults are those that the protocol is believed to have; ``recursive`` alone is documented, for a sibling
protocol. That a pattern is a regular expression, that folders are written ``c$/…/``, and that one log source has one
folder for each family is documented.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from harness.collect.source import Family, PolledFolder
from harness.errors import DefinitionError
from harness.events import Format
from harness.remote.sharepath import SharePath

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

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
MSGTRK_2003_PATTERNS = (r"\d{8}\.(?:log|LOG)$", *MSGTRK_PATTERNS[1:])
"""A file for each day, by its date; there are no others."""

TYPE = "Microsoft Exchange Server"
PROTOCOL = "Microsoft Exchange"
WINCOLLECT = "WinCollect Microsoft Exchange"
"""Of Exchange 2003, which the other doesn't read; its name on the console is believed, not documented."""

LONGEST_TEXT = 255
"""Of a name and of a description."""
_HIGHEST_CREDIBILITY = 10

Key = tuple[str, str, str]
"""Type, protocol and identifier, in one case: what a console holds one log source of."""


@dataclass(frozen=True, slots=True)
class LogSource:
    """A log source.

    Args:
        name: What the console lists it under; at most 255 characters, no backslash.
        host: The host's name in the inventory.
        identifier: What events are filed under; of its own for each log source.
        server_address: What the console connects to.
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
        description: For people; at most 255 characters.
        type: The log source type's name.
        protocol: The protocol's name.
        domain: Of the account; empty where its name holds it, or where it is the server's own.
        user: The account that the console signs in with.
        password_reference: Where its password is to be found, for example ``env:NAME``; never the password itself.
        enabled: Whether the console polls it.
        credibility: 0 to 10; None to leave it to the console, as with the next two.
        coalescing: Whether the console counts events that are alike as one.
        store_payload: Whether the console keeps events as they came.
        collector: The event collector's name; empty to leave it to the console, as with the next two.
        language: The log source language's name.
        extension: The log source extension's name.
        groups: The log source groups' names; none to leave them to the console.

    Raises:
        DefinitionError: A text is empty, too long, or has a character that the console refuses.
        HarnessError: A value can't be polled; its class says which.
    """

    name: str
    host: str
    identifier: str
    server_address: str
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
    description: str = ""
    type: str = TYPE
    protocol: str = PROTOCOL
    domain: str = ""
    user: str = ""
    password_reference: str = ""
    enabled: bool = True
    credibility: int | None = None
    coalescing: bool | None = None
    store_payload: bool | None = None
    collector: str = ""
    language: str = ""
    extension: str = ""
    groups: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check what the console would refuse; what is polled is checked as it is made."""
        if not self.name or len(self.name) > LONGEST_TEXT or "\\" in self.name:
            raise DefinitionError(
                f"a log source can't have the name {self.name!r}",
                field="name",
                hint=f"at most {LONGEST_TEXT} characters, and no backslash",
            )
        if len(self.description) > LONGEST_TEXT:
            raise DefinitionError(
                f"a description of {len(self.description)} characters is too long",
                field="description",
                hint=f"at most {LONGEST_TEXT} characters",
            )
        for field in ("identifier", "server_address", "type", "protocol"):
            if not getattr(self, field):
                raise DefinitionError(f"the log source {self.name!r} has no {field.replace('_', ' ')}", field=field)
        if self.credibility is not None and not 0 <= self.credibility <= _HIGHEST_CREDIBILITY:
            raise DefinitionError(
                f"a credibility of {self.credibility} can't be",
                field="credibility",
                hint=f"from 0 to {_HIGHEST_CREDIBILITY}",
            )
        self.polled()

    @property
    def key(self) -> Key:
        """What the console holds one log source of; upper and lower case don't tell two apart."""
        return self.type.casefold(), self.protocol.casefold(), self.identifier.casefold()

    @property
    def custom_patterns(self) -> bool:
        """Whether a file pattern is another than the protocol's own."""
        given = (self.owa_pattern, self.smtp_pattern, self.msgtrk_patterns)
        return given != (LOG_PATTERN, LOG_PATTERN, MSGTRK_PATTERNS)

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


def conflicts(sources: Iterable[LogSource]) -> Iterator[tuple[LogSource, LogSource, str]]:
    """Find log sources that a console wouldn't hold beside each other.

    Args:
        sources: All that one console is to hold.

    Yields:
        A log source, an earlier one that it conflicts with, and what both have: ``name`` or ``identifier``.
    """
    names: dict[str, LogSource] = {}
    keys: dict[Key, LogSource] = {}
    for source in sources:
        if (other := keys.setdefault(source.key, source)) is not source:
            yield source, other, "identifier"
        if (other := names.setdefault(source.name.casefold(), source)) is not source:
            yield source, other, "name"
