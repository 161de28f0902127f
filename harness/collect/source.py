"""What is polled: a log folder as a log source of the console's describes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self

from harness.collect.pattern import compile_java
from harness.errors import DefinitionError, HarnessError
from harness.events import Format
from harness.events.encoding import readable
from harness.remote.sharepath import SharePath

Family = Literal["OWA", "SMTP", "MSGTRK"]
FORMATS: dict[Family, Format] = {"OWA": Format.OWA, "SMTP": Format.SMTP, "MSGTRK": Format.MSGTRK}
"""How each family's files are written from Exchange 2007 on."""


@dataclass(frozen=True, slots=True)
class PolledFolder:
    """A log folder, with the parameters of the console's Microsoft Exchange protocol.

    The defaults are those that the protocol is believed to have; only ``recursive`` is documented.

    Args:
        host: The host's name in the inventory.
        identifier: What the console files the events under.
        family: Which log.
        share: For example ``c$``.
        folder: Below the share, with forward slashes.
        file_pattern: A Java regular expression for file names.
        recursive: Whether the folders below are polled too.
        force_file_read: Whether every file is opened at every poll, whatever the folder lists of its size and
            time.
        polling_interval: Seconds from the start of one poll to the start of the next.
        throttle: At most so many events a second; 0 for no limit.
        encoding: Of the files; any that `harness.events.encoding.readable` takes.
        format: How its files are written; None for the family's usual format, that of Exchange 2007 and later.
        match: Whether the pattern must match the ``whole`` name, which is what the protocol is believed to
            ask, or a ``part`` of it.
    """

    host: str
    identifier: str
    family: Family
    share: str
    folder: str
    file_pattern: str
    recursive: bool = True
    force_file_read: bool = False
    polling_interval: float = 10.0
    throttle: float = 100
    encoding: str = "utf-8"
    format: Format | None = None
    match: Literal["whole", "part"] = "whole"

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            DefinitionError: One can't be used.
            SharePathError: The folder isn't one.
            FilePatternError: The pattern isn't one.
        """
        SharePath.parse(f"{self.share}/{self.folder}")
        compile_java(self.file_pattern)
        try:
            readable(self.encoding)
        except HarnessError as error:
            raise DefinitionError(error.message, field="encoding", hint=error.hint) from error
        if self.polling_interval <= 0 or self.throttle < 0:
            raise DefinitionError(
                f"an interval of {self.polling_interval:g} s or a throttle of {self.throttle:g}/s can't be",
                field="throttle" if self.throttle < 0 else "polling_interval",
                hint="an interval is above 0, a throttle is 0 for no limit or above",
            )

    @classmethod
    def at(cls, path: str, *, host: str, identifier: str, family: Family, file_pattern: str) -> Self:
        """Define a log folder by its path in the log source form, with the default parameters.

        Args:
            path: For example ``c$/inetpub/logs/LogFiles/W3SVC1/``.
            host: The host's name in the inventory.
            identifier: What the console files the events under.
            family: Which log.
            file_pattern: A Java regular expression.

        Raises:
            SharePathError: It isn't such a path.
            FilePatternError: It isn't such a pattern.
        """
        place = SharePath.parse(path)
        return cls(
            host=host,
            identifier=identifier,
            family=family,
            share=place.share,
            folder=place.folder,
            file_pattern=file_pattern,
        )

    @property
    def key(self) -> str:
        """What positions are kept under: whatever doesn't change when only parameters do."""
        return f"{self.host}/{self.family}/{self.share}/{self.folder}".casefold()

    @property
    def written(self) -> Format:
        """How its files are written."""
        return self.format or FORMATS[self.family]

    def wants(self, name: str) -> bool:
        """Tell whether a file is collected, by its name."""
        pattern = compile_java(self.file_pattern)
        found = pattern.fullmatch(name) if self.match == "whole" else pattern.search(name)
        return found is not None
