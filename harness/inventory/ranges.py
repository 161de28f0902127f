"""Host patterns of an inventory line: ranges (``ex[01:20].corp.example``) and a port (``ex01:5986``)."""

from __future__ import annotations

import ipaddress
import re
import string

MOST_HOSTS = 10_000
"""More hosts than this from one line are a slip of the keyboard."""

_RANGE = re.compile(r"\[([^\[\]]*)\]")
_NAME = re.compile(r"[\w.-]+")
_BRACKETED = re.compile(r"\[(?P<host>[^\[\]]+)\](?::(?P<port>[0-9]+))?")
_WITH_PORT = re.compile(r"(?P<host>(?:[^:\[\]]|\[[^\]]*\])+):(?P<port>[0-9]+)")


def split_port(pattern: str) -> tuple[str, str]:
    """Split a line's first word into host pattern and port.

    An IPv6 address carries a port only in brackets: ``[2001:db8::1]:5986``.

    Args:
        pattern: For example ``ex[01:20]:5986``.

    Returns:
        The host pattern and the port's digits; the port is empty where none is given.
    """
    if _is_ipv6(pattern):
        return pattern, ""
    bracketed = _BRACKETED.fullmatch(pattern)
    if bracketed and _is_ipv6(bracketed["host"]):
        return bracketed["host"], bracketed["port"] or ""
    with_port = _WITH_PORT.fullmatch(pattern)
    if with_port:
        return with_port["host"], with_port["port"]
    return pattern, ""


def expand(pattern: str) -> tuple[str, ...]:
    """Give the host names that a pattern stands for, in the pattern's order.

    Args:
        pattern: A host name with any number of ranges ``[first:last]`` or ``[first:last:step]``, both ends
            included. Numbers keep the width of a first one that has leading zeros; letters run from ``a`` to
            ``z``, then from ``A`` to ``Z``.

    Raises:
        ValueError: It isn't a host pattern; the message says why.
    """
    if _is_ipv6(pattern):
        return (pattern,)
    names = [""]
    position = 0
    for match in _RANGE.finditer(pattern):
        before = pattern[position : match.start()]
        values = _values(match.group(1))
        if len(names) * len(values) > MOST_HOSTS:
            message = f"'{pattern}' stands for more than {MOST_HOSTS} hosts"
            raise ValueError(message)
        names = [name + before + value for name in names for value in values]
        position = match.end()
    names = [name + pattern[position:] for name in names]
    if not _NAME.fullmatch(names[0]):
        message = f"'{pattern}' isn't a host name, an address or a range such as ex[01:20]"
        raise ValueError(message)
    return tuple(names)


def _values(text: str) -> list[str]:
    """Give the values of what stands between a range's brackets."""
    parts = text.split(":")
    if len(parts) not in (2, 3):
        message = f"the range [{text}] must read [first:last] or [first:last:step]"
        raise ValueError(message)
    first, last = parts[0] or "0", parts[1]
    step = _step(parts[2], text) if len(parts) == 3 else 1  # noqa: PLR2004 -- first:last:step has three parts
    letters = string.ascii_letters
    if len(first) == len(last) == 1 and first in letters and last in letters:
        values = list(letters[letters.index(first) : letters.index(last) + 1 : step])
    elif _is_number(first) and _is_number(last):
        values = _numbers(first, last, step, text)
    else:
        message = f"the range [{text}] must run between two numbers or between two letters"
        raise ValueError(message)
    if not values:
        message = f"the range [{text}] is empty: its first value comes after its last one"
        raise ValueError(message)
    return values


def _numbers(first: str, last: str, step: int, text: str) -> list[str]:
    width = len(first) if first.startswith("0") and len(first) > 1 else 0
    if width and width != len(last):
        message = f"the range [{text}] has leading zeros, so both ends must have the same number of digits"
        raise ValueError(message)
    numbers = range(int(first), int(last) + 1, step)
    if len(numbers) > MOST_HOSTS:
        message = f"the range [{text}] stands for more than {MOST_HOSTS} hosts"
        raise ValueError(message)
    return [str(number).zfill(width) for number in numbers]


def _step(digits: str, text: str) -> int:
    if not _is_number(digits) or int(digits) == 0:
        message = f"the range [{text}] must have a step of 1 or more"
        raise ValueError(message)
    return int(digits)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= len("4294967295")


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True
