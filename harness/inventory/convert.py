"""Converts a declared key's value from what was written to what its kind says."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.inventory.keys import Key

_TRUE = frozenset(("yes", "true", "on", "1", "y", "t"))
_FALSE = frozenset(("no", "false", "off", "0", "n", "f"))
_HIGHEST_PORT = 65_535


class ConversionError(ValueError):
    """The value doesn't fit; the message says what was expected, and never holds the value."""


def convert(key: Key, value: object) -> object:
    """Convert a value.

    Args:
        key: The declared key, of any kind but ``secret``.
        value: What was written: a string from INI, any plain value from YAML.

    Raises:
        ConversionError: It doesn't fit.
    """
    return _CONVERTERS[key.kind](key, value)


def secret_text(value: object) -> str:
    """Give the text of a secret or of its reference.

    Args:
        value: What was written.

    Raises:
        ConversionError: It isn't a string: YAML has read the password as a number, for example.
    """
    if not isinstance(value, str):
        message = "expected a text (in YAML, in quotes)"
        raise ConversionError(message)
    return value


def _text(_key: Key, value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        message = "expected a text (in YAML, in quotes)"
        raise ConversionError(message)
    return str(value)


def _texts(_key: Key, value: object) -> tuple[str, ...]:
    items = value if isinstance(value, list) else str(value).split(",")
    texts = tuple(dict.fromkeys(item.strip() for item in items if isinstance(item, str) and item.strip()))
    if not texts:
        message = "expected one or more texts, with commas between them"
        raise ConversionError(message)
    return texts


def _choice(key: Key, value: object) -> str:
    written = str(value).strip().casefold()
    for choice in key.choices:
        if choice.casefold() == written:
            return choice
    message = f"expected {_alternatives(key.choices)}"
    raise ConversionError(message)


def _choices(key: Key, value: object) -> tuple[str, ...]:
    items = value if isinstance(value, list) else [item for item in re.split(r"[,\s]+", str(value)) if item]
    try:
        chosen = tuple(dict.fromkeys(_choice(key, item) for item in items))
    except ConversionError:
        chosen = ()
    if not chosen:
        message = f"expected one or more of {', '.join(key.choices)}, with commas between them"
        raise ConversionError(message)
    return chosen


def _port(_key: Key, value: object) -> int:
    text = "" if isinstance(value, bool) else str(value).strip()
    if not re.fullmatch(r"[0-9]{1,5}", text) or not 1 <= int(text) <= _HIGHEST_PORT:
        message = f"expected a port number from 1 to {_HIGHEST_PORT}"
        raise ConversionError(message)
    return int(text)


def _number(_key: Key, value: object) -> int:
    text = "" if isinstance(value, bool) else str(value).strip()
    if not re.fullmatch(r"[0-9]{1,9}", text):
        message = "expected a whole number, 0 or above"
        raise ConversionError(message)
    return int(text)


def _seconds(_key: Key, value: object) -> float:
    try:
        seconds = float("nan" if isinstance(value, bool) else str(value))
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        message = "expected a number of seconds, such as 30 or 0.5"
        raise ConversionError(message)
    return seconds


def _flag(_key: Key, value: object) -> bool:
    text = str(value).strip().casefold()
    if text not in _TRUE | _FALSE:
        message = "expected true or false"
        raise ConversionError(message)
    return text in _TRUE


def _alternatives(choices: tuple[str, ...]) -> str:
    return f"{', '.join(choices[:-1])} or {choices[-1]}"


_CONVERTERS: dict[str, Callable[[Key, object], object]] = {
    "text": _text,
    "texts": _texts,
    "choice": _choice,
    "choices": _choices,
    "port": _port,
    "number": _number,
    "seconds": _seconds,
    "flag": _flag,
}
