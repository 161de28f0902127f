r"""Payloads: an event's text as the "Microsoft Exchange" protocol forwards it to the console.

Pairs ``name=value`` between tabs: ``SourceIp``, ``AgentDevice=WindowsExchange``, ``AgentLogFile`` (the file's name
without its folder), ``AgentLogFormat`` (MSGTRK, SMTP or OWA), then every name of ``#Fields`` in the file's order,
empty values kept.

**A tab or a line break inside a value** is written as one blank, so that a payload is one line and nobody can make
a value look like another pair. What the real protocol does there isn't published. The record keeps the value as it
is.

Reading back has two ways:

* *Tabbed*: a pair ends at the next tab, a name at its first ``=``. A part without ``=`` belongs to the value before
  it.
* *Damaged*: a copy from a web page or a mail, whose tabs became blanks or line breaks, and in whose names blanks
  were put or hyphens lost. Values of W3C logs hold no blanks, so their pairs end at any blank. For the
  comma-separated formats the names of the known layouts are looked for in their order; a line break inside a value
  is read as one blank. Where a value holds what looks like a later name, more than one reading is possible: the
  last place that keeps the order is taken (only that one can't be an imitation within an earlier value), and the
  name is listed in `Payload.ambiguous`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.events.record import Family, Format, Header, Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

DEVICE = "WindowsExchange"
PREFIX = ("SourceIp", "AgentDevice", "AgentLogFile", "AgentLogFormat")

_MSGTRK_2016 = [
    "date-time",
    "client-ip",
    "client-hostname",
    "server-ip",
    "server-hostname",
    "source-context",
    "connector-id",
    "source",
    "event-id",
    "internal-message-id",
    "message-id",
    "network-message-id",
    "recipient-address",
    "recipient-status",
    "total-bytes",
    "recipient-count",
    "related-recipient-address",
    "reference",
    "message-subject",
    "sender-address",
    "return-path",
    "message-info",
    "directionality",
    "tenant-id",
    "original-client-ip",
    "original-server-ip",
    "custom-data",
    "transport-traffic-type",
    "log-id",
    "schema-version",
]
_MSGTRK_2010 = [name for name in _MSGTRK_2016[:27] if name != "network-message-id"]
_MSGTRK_2003 = [
    "Date",
    "Time",
    "client-ip",
    "Client-hostname",
    "Partner-Name",
    "Server-hostname",
    "server-IP",
    "Recipient-Address",
    "Event-ID",
    "MSGID",
    "Priority",
    "Recipient-Report-Status",
    "total-bytes",
    "Number-Recipients",
    "Origination-Time",
    "Encryption",
    "service-Version",
    "Linked-MSGID",
    "Message-Subject",
    "Sender-Address",
]
_SMTP = [
    "date-time",
    "connector-id",
    "session-id",
    "sequence-number",
    "local-endpoint",
    "remote-endpoint",
    "event",
    "data",
    "context",
]

LAYOUTS: dict[Family, tuple[tuple[Format, tuple[str, ...]], ...]] = {
    Family.MSGTRK: (
        (Format.MSGTRK, tuple(_MSGTRK_2016)),
        (Format.MSGTRK, tuple(_MSGTRK_2016[:27])),
        (Format.MSGTRK, tuple(_MSGTRK_2010)),
        (Format.MSGTRK, tuple(_MSGTRK_2010[:21])),
        (Format.MSGTRK2003, tuple(_MSGTRK_2003)),
    ),
    Family.SMTP: ((Format.SMTP, tuple(_SMTP)),),
    Family.OWA: (),
}
"""The names of ``#Fields`` by version: 2016 and later, 2013, 2010, 2007, 2003. W3C logs have no fixed ones."""

_BREAKS = re.compile(r"\r\n|[\t\r\n]")
_BLANKS = re.compile(r"\s*[\r\n]\s*")


class PayloadError(ValueError):
    """A text can't be read as a payload."""


@dataclass(frozen=True, slots=True)
class Payload:
    """A payload that was read back.

    Args:
        source_ip: The value of ``SourceIp``; empty where it is missing.
        device: The value of ``AgentDevice``.
        record: The rest, as the record that it was written from; its offset and line are 0.
        ambiguous: Names that could have been read from more than one place; empty for a tabbed payload.
        lead: What stood before the first pair, such as a syslog header.
    """

    source_ip: str
    device: str
    record: Record
    ambiguous: tuple[str, ...] = ()
    lead: str = ""


def write(record: Record, source_ip: str = "") -> str:
    """Write a record as the protocol forwards it; one line without its end.

    Args:
        record: The row.
        source_ip: The address of the server that was polled.
    """
    name = record.file.replace("\\", "/").rpartition("/")[2]
    prefix = zip(PREFIX, (source_ip, DEVICE, name, record.format.family.value), strict=True)
    pairs = [*prefix, *record.items()]
    return "\t".join(f"{one_line(name)}={one_line(value)}" for name, value in pairs)


def read(text: str, names: Sequence[str] = ()) -> Payload:
    """Read a payload back.

    Args:
        text: The payload, tabbed or damaged.
        names: The names of ``#Fields`` where they are known; otherwise those of the known layouts are tried.

    Raises:
        PayloadError: It is none, or none of the layouts fits.
    """
    lead, text = _lead(text.strip("\r\n"))
    if re.search(r"\tAgentLogFormat[ ]?=", text):
        return _from_tabs(text, lead)
    prefix, body = _prefix(text)
    family = _family(prefix)
    if names:
        layouts: Iterable[tuple[Format, tuple[str, ...]]] = ((Format(family.value.lower()), tuple(names)),)
    else:
        layouts = LAYOUTS[family]
    for format_, layout in layouts:
        found = _chain(body, layout)
        if found is not None:
            values, ambiguous = found
            record = _record(prefix, format_, list(zip(layout, values, strict=True)))
            return Payload(prefix["SourceIp"], prefix["AgentDevice"], record, ambiguous, lead)
    return Payload(prefix["SourceIp"], prefix["AgentDevice"], _w3c(prefix, family, body), (), lead)


def one_line(value: str) -> str:
    """Write tabs and line breaks as blanks."""
    return _BREAKS.sub(" ", value)


def _lead(text: str) -> tuple[str, str]:
    """Split off what stands before the first pair."""
    found = re.search(r"(?:^|\s)(?:SourceIp|AgentDevice)[ ]?=", text)
    if not found:
        message = "the text is no payload: neither SourceIp= nor AgentDevice= is in it"
        raise PayloadError(message)
    begin = found.start() + (text[found.start()].isspace())
    return text[:begin].rstrip(), text[begin:]


def _family(prefix: dict[str, str]) -> Family:
    try:
        return Family(prefix["AgentLogFormat"])
    except ValueError:
        message = f"AgentLogFormat is {prefix['AgentLogFormat']!r}; the DSM knows MSGTRK, SMTP and OWA"
        raise PayloadError(message) from None


def _from_tabs(text: str, lead: str) -> Payload:
    pairs: list[tuple[str, str]] = []
    for part in text.split("\t"):
        name, equals, value = part.partition("=")
        if equals:
            pairs.append((name.strip(), value))
        elif pairs:
            pairs[-1] = (pairs[-1][0], f"{pairs[-1][1]}\t{part}")
    prefix = dict.fromkeys(PREFIX, "")
    at = 0
    while at < len(pairs) and (pairs[at][0] in PREFIX or pairs[at][0] == "PluginVersion"):
        prefix[pairs[at][0]] = pairs[at][1]
        at += 1
    return Payload(prefix["SourceIp"], prefix["AgentDevice"], _record(prefix, None, pairs[at:]), (), lead)


def _record(prefix: dict[str, str], format_: Format | None, pairs: list[tuple[str, str]]) -> Record:
    """Make the record that a payload was written from."""
    names = tuple(name for name, _ in pairs)
    if format_ is None:
        format_ = _format(_family(prefix), names)
    header = Header(prefix["AgentLogFile"], format_, names)
    return Record(header, tuple(value for _, value in pairs), 0, 0, 0)


def _format(family: Family, names: tuple[str, ...]) -> Format:
    """Tell a family's formats apart by their columns."""
    if family is Family.OWA:
        return Format.OWA
    current = "date-time" in names
    if family is Family.MSGTRK:
        return Format.MSGTRK if current else Format.MSGTRK2003
    return Format.SMTP if current else Format.SMTP2003


def _prefix(text: str) -> tuple[dict[str, str], str]:
    """Read the first four pairs of a damaged copy; their values hold no blanks, but for the file's name."""
    values = dict.fromkeys(PREFIX, "")
    position = 0
    for name in PREFIX:
        found = re.compile(rf"\s*{_loose(name)}\s*=").match(text, position)
        if not found and name == "SourceIp":
            continue
        if not found:
            message = f"the payload has no {name} where it should stand"
            raise PayloadError(message)
        end = re.compile(rf"\s+{_loose('AgentLogFormat')}\s*=" if name == "AgentLogFile" else r"\s|$").search(
            text, found.end()
        )
        if not end:
            message = f"the payload ends after {name}"
            raise PayloadError(message)
        values[name] = text[found.end() : end.start()]
        position = end.start()
    return values, text[position:]


def _loose(name: str) -> str:
    """Give a pattern of a name with blanks put in and hyphens lost."""
    return r"\s*".join("-?" if letter == "-" else re.escape(letter) for letter in name)


def _chain(text: str, names: Sequence[str]) -> tuple[list[str], tuple[str, ...]] | None:
    """Find names in their order.

    Returns:
        Each name's value, and the names that could have been read from elsewhere too; None where one is missing.
    """
    places = [[(at.start(), at.end()) for at in re.finditer(rf"(?<!\S){_loose(name)}\s*=", text)] for name in names]
    last: list[tuple[int, int]] = []
    before = len(text) + 1
    for found in reversed(places):
        fitting = [place for place in found if place[1] <= before]
        if not fitting:
            return None
        last.append(fitting[-1])
        before = fitting[-1][0]
    last.reverse()
    ambiguous = []
    after = 0
    for name, found, taken in zip(names, places, last, strict=True):
        earliest = next(place for place in found if place[0] >= after)
        after = earliest[1]
        if earliest != taken:
            ambiguous.append(name)
    ends = [begin for begin, _ in last[1:]] + [len(text)]
    values = [_BLANKS.sub(" ", text[begin:end].strip()) for (_, begin), end in zip(last, ends, strict=True)]
    return values, tuple(ambiguous)


def _w3c(prefix: dict[str, str], family: Family, body: str) -> Record:
    """Read pairs that end at any blank."""
    pairs = [pair.partition("=") for pair in body.split()]
    if family is Family.MSGTRK or not pairs or not all(equals for _, equals, _ in pairs):
        message = f"no known {family} layout fits the payload: name the columns as the log's #Fields line does"
        raise PayloadError(message)
    return _record(prefix, None, [(name, value) for name, _, value in pairs])
