"""Sizes, ages and paths as Exchange writes them and as people write them, in one form each.

Exchange prints a size as ``500 MB (524,288,000 bytes)``, with the thousands separator of the server's region, or as
``Unlimited``; a time span as ``30.00:00:00``.
"""

from __future__ import annotations

import re
from datetime import timedelta

_UNITS = {"B": 0, "KB": 1, "MB": 2, "GB": 3, "TB": 4}
_PRINTED = re.compile(r"^[^(]*\(([^)]*?)\s*bytes\)$", re.IGNORECASE)
_WRITTEN = re.compile(r"^(\d+)\s*(B|KB|MB|GB|TB)?$", re.IGNORECASE)
_SPAN = re.compile(r"^(?:(\d+)\.)?(\d{1,2}):(\d{2}):(\d{2})(?:\.\d{1,7})?$")
_DAYS = re.compile(r"^(\d+)\s*(?:d|days?)$", re.IGNORECASE)
_LOCAL = re.compile(r"[A-Za-z]:\\(?:[^\\/:*?\"<>|\x00-\x1f]+\\?)*")
UNLIMITED = "Unlimited"


def size(text: str) -> str:
    """Bring a size to its one form: ``10MB``, ``1500B``, ``Unlimited``: the largest unit that divides it.

    Args:
        text: As a cmdlet printed it or as a person wrote it (``10 MB``, ``10485760``, ``unlimited``).

    Raises:
        ValueError: It is no size.
    """
    text = text.strip()
    if text.lower() == UNLIMITED.lower():
        return UNLIMITED
    printed = _PRINTED.match(text)
    if printed:
        digits = re.sub(r"\D", "", printed[1])
        if not digits:
            raise ValueError(f"{text!r} is no size")
        return _render(int(digits))
    written = _WRITTEN.match(text)
    if not written:
        raise ValueError(f"{text!r} is no size; write for example 10MB, 1GB or unlimited")
    return _render(_bytes(written))


def size_in_bytes(text: str) -> int | None:
    """Give the bytes of a size in its one form; None for ``Unlimited``."""
    if text == UNLIMITED:
        return None
    match = _WRITTEN.match(text)
    if not match:
        raise ValueError(f"{text!r} is no size in its one form")
    return _bytes(match)


def _bytes(match: re.Match[str]) -> int:
    return int(match[1]) << 10 * _UNITS[(match[2] or "B").upper()]


def _render(count: int) -> str:
    for unit in ("TB", "GB", "MB", "KB"):
        factor = 1 << 10 * _UNITS[unit]
        if count and count % factor == 0:
            return f"{count // factor}{unit}"
    return f"{count}B"


def age(text: str) -> str:
    """Bring a time span to its one form: ``30.00:00:00``.

    Args:
        text: As a cmdlet printed it or as a person wrote it (``30d``, ``12:00:00``, ``30.00:00:00``).

    Raises:
        ValueError: It is no time span.
    """
    text = text.strip()
    days = _DAYS.match(text)
    if days:
        return f"{int(days[1])}.00:00:00"
    span = _SPAN.match(text)
    if not span or int(span[2]) > 23 or int(span[3]) > 59 or int(span[4]) > 59:  # noqa: PLR2004  a clock
        raise ValueError(f"{text!r} is no time span; write for example 30d or 30.00:00:00")
    length = timedelta(days=int(span[1] or 0), hours=int(span[2]), minutes=int(span[3]), seconds=int(span[4]))
    seconds = length.seconds
    return f"{length.days}.{seconds // 3600:02}:{seconds % 3600 // 60:02}:{seconds % 60:02}"


def same_path(one: str, other: str) -> bool:
    """Say whether two local paths are the same to Windows: in any case, with or without a closing backslash."""
    return one.rstrip("\\").casefold() == other.rstrip("\\").casefold()


def local_path(path: str) -> str:
    """Bring a path on a local drive to its one form, without a closing backslash.

    Raises:
        ValueError: It is no such path; Exchange takes no other for a log.
    """
    if path.startswith(("\\\\", "//")):
        raise ValueError(f"{path!r} is a network path; Exchange writes its logs to a local drive only")
    if not _LOCAL.fullmatch(path):
        raise ValueError(f"{path!r} is no local path with a drive letter; write for example D:\\Logs")
    return path.rstrip("\\") if len(path) > len("C:\\") else path
