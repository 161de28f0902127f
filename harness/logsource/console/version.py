"""Which version of the API is spoken."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from harness.errors import InputError, ProtocolFaultError
from harness.source import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from harness.source import Source

OLDEST, NEWEST = 16, 26
"""The versions whose documentation was read: JSA's 16.0 and 17.0, QRadar's 26.0; in between nothing was taken away."""

_FORM = re.compile(r"(\d+)(?:\.(\d+))?")


def given(text: str, source: Source) -> str:
    """Read a version as the user gave it.

    Args:
        text: For example ``17.0`` or ``17``.
        source: Where it stands.

    Raises:
        InputError: It isn't one that harness knows.
    """
    number = _number(text)
    if number is None or not OLDEST <= number[0] <= NEWEST:
        hint = f"{OLDEST}.0 to {NEWEST}.0; without it harness asks the console"
        raise InputError([Problem(source, f"harness doesn't know the version {text!r} of the console's API", hint)])
    return f"{number[0]}.{number[1]}"


def choose(entries: Iterable[Mapping[str, Any]], host: str) -> str:
    """Choose the newest version that both sides know.

    Args:
        entries: What the console answered to ``/help/versions``.
        host: Its name.

    Raises:
        ProtocolFaultError: There is none.
    """
    spoken = sorted(
        number
        for entry in entries
        if not entry.get("removed") and (number := _number(str(entry.get("version", "")))) is not None
    )
    both = [number for number in spoken if OLDEST <= number[0] <= NEWEST]
    if both:
        return "{}.{}".format(*both[-1])
    known = ", ".join("{}.{}".format(*number) for number in spoken) or "none that can be read"
    raise ProtocolFaultError(
        f"{host} speaks the API's versions {known}; harness knows {OLDEST}.0 to {NEWEST}.0",
        host=host,
        code=200,
        hint="update the console or harness, whichever is behind",
    )


def _number(text: str) -> tuple[int, int] | None:
    match = _FORM.fullmatch(text.strip().removeprefix("v"))
    return (int(match[1]), int(match[2] or 0)) if match else None
