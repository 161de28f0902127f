"""Which format a log is written in, and the reader and the mapping that go with it.

The header decides; the file's name decides only where there is no header, and between the two W3C logs, which look
alike.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from harness.errors import HarnessError
from harness.events.csvlog import CsvReader
from harness.events.encoding import DEFAULT, readable
from harness.events.reader import BOM, MAX_RECORD, LineReader
from harness.events.record import Format, decode
from harness.events.tracking2003 import TabReader
from harness.events.w3c import W3cReader

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.events.reader import Reader

Engine = Literal["auto", "strict", "fast"]
ENGINES: tuple[Engine, ...] = ("auto", "strict", "fast")
"""What reads a file; all give the same."""

HEAD = 64 * 1024
"""How many bytes of a file are enough to recognise it."""

_READERS: Mapping[Format, type[LineReader]] = {
    Format.MSGTRK: CsvReader,
    Format.MSGTRK2003: TabReader,
    Format.SMTP: CsvReader,
    Format.SMTP2003: W3cReader,
    Format.OWA: W3cReader,
}

_LOG_TYPE = re.compile(r"^#Log-type:[ \t]*(.*?)[ \t\r]*$", re.IGNORECASE | re.MULTILINE)
_LOG_TYPES = {
    "message tracking log": Format.MSGTRK,
    "smtp receive protocol log": Format.SMTP,
    "smtp send protocol log": Format.SMTP,
}
_FIELDS = re.compile(r"^#Fields:[ \t]*(\S.*?)[ \t\r]*$", re.MULTILINE)
_TRACKING2003 = re.compile(r"^# (?:Message Tracking Log File|Date\tTime\t)", re.MULTILINE)
_SMTP_SERVICE = re.compile(r"SMTPSVC\d+", re.IGNORECASE)
_SMTP_ROW = re.compile(
    r"^[^#].* SMTPSVC\d+ |^[^#].* (?:HELO|EHLO|MAIL|RCPT|OutboundConnection(?:Command|Response)) ",
    re.MULTILINE,
)
_OTHER_W3C = re.compile(r"^#Software:[ \t]*(IIS Advanced Logging Module)", re.MULTILINE)

_NAMES: tuple[tuple[re.Pattern[str], Format], ...] = (
    (re.compile(r"MSGTRK(?:M|MA|MD|MS)?\d{8,10}-\d+\.log", re.IGNORECASE), Format.MSGTRK),
    (re.compile(r"(?:RECV|SEND)\d{8,10}-\d+\.log", re.IGNORECASE), Format.SMTP),
    (re.compile(r"(?:u_)?(?:ex|extend)\d+(?:_x)?\.log", re.IGNORECASE), Format.OWA),
    (re.compile(r"\d{8}\.log", re.IGNORECASE), Format.MSGTRK2003),
)


@dataclass(frozen=True, slots=True)
class Recognised:
    """What a log was recognised as.

    Args:
        format: The format; None where it is none that harness reads.
        reason: What decided, or why nothing did; one sentence without a full stop.
        hint: What to do next, where nothing was recognised.
    """

    format: Format | None
    reason: str
    hint: str = ""


def recognise(name: str, head: bytes) -> Recognised:
    """Recognise a log.

    Args:
        name: The file's name or path; may be anything for standard input.
        head: Its first bytes; 64 KB are enough, and fewer mostly are.
    """
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return Recognised(
            None,
            "the file is UTF-16, which Exchange and IIS never write",
            "copy the log itself, not its text through a shell",
        )
    text = decode(head.removeprefix(BOM))
    path = name.replace("\\", "/")
    base = path.rpartition("/")[2]
    if log_type := _LOG_TYPE.search(text):
        known = _LOG_TYPES.get(log_type[1].lower())
        return Recognised(
            known, f"its #Log-type is {log_type[1]!r}{'' if known else ', which is none that the DSM reads'}"
        )
    if _TRACKING2003.search(text):
        return Recognised(Format.MSGTRK2003, "its header is that of Exchange 2003 message tracking")
    if fields := _FIELDS.search(text):
        return _csv(fields[1]) if "," in fields[1] else _w3c(fields[1], path, text)
    for pattern, format_ in _NAMES:
        if pattern.fullmatch(base):
            service = format_ is Format.OWA and _SMTP_SERVICE.search(path)
            return Recognised(
                Format.SMTP2003 if service else format_, "it has no header, but its name is that of such a log"
            )
    return Recognised(
        None,
        "it has neither a header (#Fields) nor a name of a log that the DSM reads",
        "say which it is with --format msgtrk, smtp or owa",
    )


def _csv(fields: str) -> Recognised:
    """Recognise a comma-separated log that names its columns but no log type."""
    if "event-id" in fields and "message-id" in fields:
        return Recognised(Format.MSGTRK, "its columns are those of message tracking")
    if "session-id" in fields and "remote-endpoint" in fields:
        return Recognised(Format.SMTP, "its columns are those of an SMTP protocol log")
    return Recognised(None, "its columns are those of no log that the DSM reads")


def _w3c(fields: str, path: str, text: str) -> Recognised:
    """Recognise a W3C log."""
    names = fields.split()
    if other := _OTHER_W3C.search(text):
        return Recognised(None, f"it was written by the {other[1]}, whose logs the DSM doesn't read")
    if "time" not in names and "date" not in names:
        return Recognised(None, "its columns are those of no IIS log: neither date nor time is among them")
    if _SMTP_SERVICE.search(path):
        return Recognised(Format.SMTP2003, "it is a W3C log in a folder of the SMTP service")
    if _SMTP_ROW.search(text):
        return Recognised(Format.SMTP2003, "it is a W3C log whose rows are of the SMTP service")
    return Recognised(Format.OWA, "it is a W3C log")


def reader_for(
    format: Format,  # noqa: A002 - the field's own word
    file: str,
    *,
    limit: int = MAX_RECORD,
    encoding: str = DEFAULT,
    engine: Engine = "strict",
) -> Reader:
    """Give a reader.

    Args:
        format: How the file is written.
        file: The file's name, for records and messages.
        limit: The longest line or record that is kept, in bytes.
        encoding: Of the file.
        engine: ``strict`` reads row by row; ``fast`` reads whole blocks, and gives the same; ``auto`` is the fast one
            where its packages are installed. Formats and encodings that can't be read in blocks are always read row
            by row.

    Raises:
        HarnessError: Logs in that encoding can't be read, or the fast engine is asked for and its packages aren't
            installed.
    """
    codec = readable(encoding)
    strict = _READERS[format](file, format, limit=limit, encoding=codec)
    if engine == "strict":
        return strict
    try:
        from harness.events.fast import RULES, FastReader  # noqa: PLC0415 - an extra, and slow to import
    except ImportError:
        if engine == "fast":
            raise HarnessError(
                "the fast engine needs packages that aren't installed", hint="pip install 'exchange-log-harness[fast]'"
            ) from None
        return strict
    return FastReader(strict) if format in RULES and codec == DEFAULT else strict
