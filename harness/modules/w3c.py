"""The fields of IIS's W3C logs: their names in a file, IIS's flags for them, and the flags' bits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import pydantic

from harness.errors import ScriptError

if TYPE_CHECKING:
    from collections.abc import Iterable

# W3C field name, IIS's flag and its bit, in the order of the columns in a file.
# Source: the logFile element in IIS's configuration reference, LogExtFileFlags in the metabase reference.
_FIELDS = (
    ("date", "Date", 1),
    ("time", "Time", 2),
    ("s-sitename", "SiteName", 16),
    ("s-computername", "ComputerName", 32),
    ("s-ip", "ServerIP", 64),
    ("cs-method", "Method", 128),
    ("cs-uri-stem", "UriStem", 256),
    ("cs-uri-query", "UriQuery", 512),
    ("s-port", "ServerPort", 32768),
    ("cs-username", "UserName", 8),
    ("c-ip", "ClientIP", 4),
    ("cs-version", "ProtocolVersion", 524288),
    ("cs(User-Agent)", "UserAgent", 65536),
    ("cs(Cookie)", "Cookie", 131072),
    ("cs(Referer)", "Referer", 262144),
    ("cs-host", "Host", 1048576),
    ("sc-status", "HttpStatus", 1024),
    ("sc-substatus", "HttpSubStatus", 2097152),
    ("sc-win32-status", "Win32Status", 2048),
    ("sc-bytes", "BytesSent", 4096),
    ("cs-bytes", "BytesRecv", 8192),
    ("time-taken", "TimeTaken", 16384),
)
_ORDER = {field: index for index, (field, _, _) in enumerate(_FIELDS)}
_FLAG_OF = {field: flag for field, flag, _ in _FIELDS}
_BIT_OF = {field: bit for field, _, bit in _FIELDS}
_FIELD_OF = {name.lower(): field for field, flag, _ in _FIELDS for name in (field, flag)}


def _field(name: str) -> str:
    try:
        return _FIELD_OF[name.lower()]
    except KeyError:
        raise ValueError(f"{name!r} is no W3C field of IIS; it has {', '.join(_ORDER)}") from None


Field = Annotated[str, pydantic.AfterValidator(_field)]
"""A field in a playbook, by its W3C name or by IIS's flag."""


def in_order(fields: Iterable[str]) -> tuple[str, ...]:
    """Put fields into the order of the columns in a file."""
    return tuple(sorted(fields, key=_ORDER.__getitem__))


def read(printed: str) -> tuple[str, ...]:
    """Read IIS's flags, which come as a list of names or as the sum of their bits.

    Raises:
        ScriptError: There is an unknown one among them.
    """
    if printed.isdecimal():
        return in_order(field for field, _, bit in _FIELDS if int(printed) & bit)
    try:
        return in_order(_FIELD_OF[flag.strip().lower()] for flag in printed.split(",") if flag.strip())
    except KeyError as unknown:
        raise ScriptError(f"IIS answered with a log field that harness doesn't know: {unknown}") from None


def names(fields: Iterable[str]) -> str:
    """Write fields as IIS 7 and later do: flags with commas between them."""
    return ",".join(_FLAG_OF[field] for field in fields)


def bits(fields: Iterable[str]) -> int:
    """Write fields as the metabase does: the sum of their bits."""
    return sum(_BIT_OF[field] for field in set(fields))
