"""The small named steps that a mapping may put between a column and a mapped field.

Each takes a text and gives one; an empty text means "nothing here", and the next candidate is tried.
"""

from __future__ import annotations

import ipaddress
import re
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Transform = "Callable[[str], str]"


def first(text: str) -> str:
    """Give the first of a list that is joined by ``;``."""
    return text.partition(";")[0].strip()


def dash(text: str) -> str:
    """Read ``-``, which stands for "no value" in W3C logs, as empty."""
    return "" if text == "-" else text


def strip_port(text: str) -> str:
    """Give the address of an endpoint: ``10.0.0.1:25``, ``[fe80::1%3]:25``; an address alone stays as it is."""
    if text.startswith("["):
        return text[1:].partition("]")[0]
    address, colon, port = text.rpartition(":")
    return address if colon and port.isdecimal() and ":" not in address else text


def strip_zone(text: str) -> str:
    """Drop the zone of a link-local IPv6 address: ``fe80::1%3`` becomes ``fe80::1``."""
    return text.partition("%")[0]


def strip_brackets(text: str) -> str:
    """Drop the angle brackets of an address; the null sender ``<>`` becomes empty."""
    return text.strip().removeprefix("<").removesuffix(">")


def plus_to_blank(text: str) -> str:
    """Read ``+`` as the blank that IIS wrote so; a real ``+`` can't be told apart and becomes a blank too."""
    return text.replace("+", " ").strip()


def without_domain(text: str) -> str:
    r"""Give the bare name of ``DOMAIN\user`` or ``user@domain``."""
    return text.rpartition("\\")[2].partition("@")[0]


def only_domain(text: str) -> str:
    r"""Give the domain of ``DOMAIN\user`` or ``user@domain``; empty where there is none."""
    domain, backslash, _ = text.partition("\\")
    return domain if backslash else text.rpartition("@")[2] if "@" in text else ""


PLAIN: Mapping[str, Callable[[str], str]] = {
    "first": first,
    "dash": dash,
    "strip-port": strip_port,
    "strip-zone": strip_zone,
    "strip-brackets": strip_brackets,
    "plus-to-blank": plus_to_blank,
    "without-domain": without_domain,
    "only-domain": only_domain,
    "upper": str.upper,
    "lower": str.lower,
    "strip": str.strip,
}
"""Transforms without an argument."""


def match(pattern: str) -> Callable[[str], str]:
    """Give the first group of a pattern that is searched from the text's beginning; empty where it doesn't match.

    Raises:
        re.error: The pattern is no regular expression.
        ValueError: It has no group.
    """
    compiled = re.compile(pattern)
    if not compiled.groups:
        message = "the pattern needs one group in parentheses: what it gives"
        raise ValueError(message)

    def step(text: str) -> str:
        found = compiled.match(text)
        return (found[1] or "") if found else ""

    return step


def table(values: Mapping[str, str]) -> Callable[[str], str]:
    """Give the text that a table names for a text; empty where it names none."""

    def step(text: str) -> str:
        return values.get(text, "")

    return step


_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_USUAL_ADDRESS = re.compile(rf"{_OCTET}(?:\.{_OCTET}){{3}}")


@lru_cache(maxsize=4096)
def address(text: str) -> str:
    """Check an IP address and write it in its usual form.

    Raises:
        ValueError: It is none.
    """
    return text if _USUAL_ADDRESS.fullmatch(text) else str(ipaddress.ip_address(text))


_TIME = re.compile(
    r"(\d{4})-(\d\d?)-(\d\d?)[T \t]+(\d\d?):(\d\d?):(\d\d?)(?:\.(\d+))?[ \t]*(?:Z|GMT|UTC)?",
    re.ASCII | re.IGNORECASE,
)


_USUAL = len("2018-11-27T22:40:02.966Z")
_WHOLE = len("2018-11-27 22:40:02")


def moment(text: str) -> datetime:
    """Read a log's time. All of these logs are written in UTC, whatever the server's time zone.

    Args:
        text: For example ``2018-11-27T22:40:02.966Z``, ``2018-11-27 22:40:02`` or ``2004-1-31 9:05:03 GMT``.

    Raises:
        ValueError: It is no time.
    """
    # The two usual forms. fromisoformat takes others too, such as weeks, but none with all of these marks.
    size = len(text)
    if size in (_USUAL, _WHOLE) and text[4] == text[7] == "-" and text[13] == text[16] == ":" and text[10] in "T ":
        with suppress(ValueError):
            if size == _WHOLE:
                return datetime.fromisoformat(f"{text}Z")
            if text[19] == "." and text[23] == "Z":
                return datetime.fromisoformat(text)
    found = _TIME.fullmatch(text)
    if not found:
        message = "not a time of the form 2018-11-27T22:40:02.966Z"
        raise ValueError(message)
    *parts, fraction = found.groups()
    microsecond = int(fraction[:6].ljust(6, "0")) if fraction else 0
    year, month, day, hour, minute, second = map(int, parts)
    return datetime(year, month, day, hour, minute, second, microsecond, tzinfo=UTC)
