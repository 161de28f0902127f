"""What readers give: headers, records, and what couldn't be read.

Text is decoded with ``surrogateescape``, as UTF-8 unless the log source names another encoding: a byte that is none of
its characters becomes one lone surrogate. What is written out is UTF-8, with those bytes as they stood in the file;
so a file in UTF-8 comes out byte by byte.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, field, fields, make_dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

from harness.events.encoding import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_T = TypeVar("_T")

HEAD = 200
"""How many bytes of an unreadable line are kept."""

_DAY = re.compile(r"\s*(\d{4})-(\d\d?)-(\d\d?)")


def decode(data: bytes, encoding: str = DEFAULT) -> str:
    """Decode a file's bytes so that nothing is lost (see the module's text)."""
    return data.decode(encoding, "surrogateescape")


def encode(text: str) -> bytes:
    """Write text as UTF-8; bytes that `decode` couldn't read come back as they were."""
    return text.encode(DEFAULT, "surrogateescape")


def quick(frozen: type[_T]) -> Callable[..., _T]:
    """Give a quicker way to make instances of a frozen dataclass, for those that are made by the million.

    A frozen dataclass sets each of its own fields the long way round, which takes four times as long. So an open twin
    with the same slots is filled, and then declared to be one.

    Args:
        frozen: The dataclass, with slots.

    Returns:
        What takes a value for each field, in order, and gives an instance.
    """
    names = [(each.name, object) for each in fields(frozen)]  # type: ignore[arg-type] # any dataclass
    twin = make_dataclass(frozen.__name__, names, slots=True)

    def make(*values: object) -> _T:
        made: _T = twin(*values)
        made.__class__ = frozen
        return made

    return make


class Family(StrEnum):
    """The three kinds of log that the DSM knows; written as ``AgentLogFormat``."""

    MSGTRK = "MSGTRK"
    SMTP = "SMTP"
    OWA = "OWA"


class Format(StrEnum):
    """A way of writing a family's log; each has one reader and one mapping."""

    MSGTRK = "msgtrk"
    """Message tracking of Exchange 2007 and later: comma-separated."""
    MSGTRK2003 = "msgtrk2003"
    """Message tracking of Exchange 2003: tab-separated."""
    SMTP = "smtp"
    """SMTP protocol log of Exchange 2007 and later: comma-separated."""
    SMTP2003 = "smtp2003"
    """SMTP protocol log of Exchange 2003: W3C, written by the IIS SMTP service."""
    OWA = "owa"
    """IIS log of a web site, any version: W3C."""

    @property
    def family(self) -> Family:
        """The family that this format belongs to."""
        return Family(self.value.removesuffix("2003").upper())


@dataclass(frozen=True, slots=True)
class Header:
    """What the lines that begin with ``#`` say about the rows below them.

    Args:
        file: The file's name as the caller gave it.
        format: How the file is written.
        names: The columns' names, as ``#Fields`` gives them.
        line: The line of ``#Fields``; 0 before the first one.
        software: The value of ``#Software``.
        version: The value of ``#Version``.
        log_type: The value of ``#Log-type``.
        date: The value of ``#Date``.
    """

    file: str
    format: Format
    names: tuple[str, ...] = ()
    line: int = 0
    software: str = ""
    version: str = ""
    log_type: str = ""
    date: str = ""
    index: Mapping[str, int] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Index the columns by lower-case name; of two with one name the first counts."""
        index: dict[str, int] = {}
        for position, name in enumerate(self.names):
            index.setdefault(name.lower(), position)
        object.__setattr__(self, "index", index)

    @property
    def day(self) -> dt.date | None:
        """The day that ``#Date`` names; None where it names none."""
        found = _DAY.match(self.date)
        try:
            return dt.date(*map(int, found.groups())) if found else None
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class Record:
    """One row of a log.

    Args:
        header: The header that it stands under; shared by all rows below it.
        values: One text per name of the header, in the file's order.
        offset: Where its first byte stands in the file.
        length: How many bytes it takes, its line end included.
        line: The number of its first line; 1 for the file's first.
        lines: How many lines it spans; more than 1 where a quoted value holds a line break.
        day: The day of a row that carries a time only; None where the row has a date of its own.
    """

    header: Header
    values: tuple[str, ...]
    offset: int
    length: int
    line: int
    lines: int = 1
    day: dt.date | None = None

    @property
    def file(self) -> str:
        """The file's name as the caller gave it."""
        return self.header.file

    @property
    def format(self) -> Format:
        """How the file is written."""
        return self.header.format

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names."""
        return self.header.names

    def __getitem__(self, name: str) -> str:
        """Give a column's value; upper and lower case don't matter.

        Raises:
            KeyError: The file has no such column.
        """
        return self.values[self.header.index[name.lower()]]

    def __contains__(self, name: str) -> bool:
        """Whether the file has such a column."""
        return name.lower() in self.header.index

    def __iter__(self) -> Iterator[str]:
        """The columns' names in the file's order."""
        return iter(self.names)

    def get(self, name: str, default: str = "") -> str:
        """Give a column's value, or the default where the file has no such column."""
        position = self.header.index.get(name.lower())
        return default if position is None else self.values[position]

    def items(self) -> Iterator[tuple[str, str]]:
        """Names and values in the file's order."""
        return zip(self.names, self.values, strict=True)


class Fault(StrEnum):
    """Why something couldn't be read."""

    WIDTH = "width"
    """The row has more or fewer values than ``#Fields`` has names."""
    NO_FIELDS = "no-fields"
    """No ``#Fields`` line stands above the row."""
    BAD_HEADER = "bad-header"
    """A ``#Fields`` line names nothing."""
    OPEN_QUOTE = "open-quote"
    """A quoted value never ends."""
    BAD_QUOTE = "bad-quote"
    """A closing quote is followed by something else than the separator."""
    REST = "rest"
    """The line belongs to a record that was already given up."""
    NUL = "nul"
    """A run of zero bytes, as a crash leaves it."""
    TOO_LONG = "too-long"
    """The line or record is longer than the reader keeps."""


@dataclass(frozen=True, slots=True)
class Quarantined:
    """Bytes that couldn't be read; kept, never guessed at.

    Args:
        file: The file's name as the caller gave it.
        offset: Where its first byte stands in the file.
        length: How many bytes it takes.
        line: The number of its first line.
        lines: How many whole lines it covers; 0 for a part of a line whose rest was read.
        fault: Why, for a program.
        reason: Why, for a reader, one sentence without a full stop.
        head: The first 200 bytes.
    """

    file: str
    offset: int
    length: int
    line: int
    lines: int
    fault: Fault
    reason: str
    head: bytes


@dataclass(frozen=True, slots=True)
class Counts:
    """How a file's lines were taken; every line is counted under exactly one of the last five.

    Args:
        lines: Lines that ended so far; those of a record that is still open aren't among them.
        records: Lines that begin a record, which is the number of records.
        continuations: Further lines of records.
        headers: Lines that begin with ``#``.
        blanks: Empty lines.
        quarantined: Lines that couldn't be read.
    """

    lines: int = 0
    records: int = 0
    continuations: int = 0
    headers: int = 0
    blanks: int = 0
    quarantined: int = 0

    def __add__(self, other: Counts) -> Counts:
        """Add up two files."""
        return Counts(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))

    def as_dict(self) -> dict[str, Any]:
        """Give the numbers by name."""
        return {name: getattr(self, name) for name in self.__slots__}


Item = Record | Quarantined | Header
"""What a reader gives, in the file's order; a `Header` stands for each ``#Fields`` line."""
