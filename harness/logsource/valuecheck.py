"""A parameter's value against what the console says of the parameter."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import TYPE_CHECKING

from harness.collect.pattern import compile_java
from harness.errors import FilePatternError, SharePathError
from harness.logsource.parameters import find, reference
from harness.remote.sharepath import SharePath

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.logsource.schema import ConsoleParameter

_HOST_NAME = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)(?:\.(?!-)[A-Za-z0-9_-]{1,63}(?<!-))*\.?", re.ASCII)
_LONGEST_HOST = 255
_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)
_FOLDERS = frozenset({"smtp_folder", "owa_folder", "msgtrk_folder"})


def faults(console: ConsoleParameter, text: str) -> Iterator[tuple[str, str]]:
    """Find what is wrong with a value that isn't empty.

    Args:
        console: The parameter, as the console describes it.
        text: The value.

    Yields:
        What is wrong, and a hint, which may be empty.
    """
    return _Value(console, text).faults()


class _Value:
    """A parameter's value against the console's parameter."""

    def __init__(self, console: ConsoleParameter, text: str) -> None:
        self._console = console
        known = find((console.name, console.label))
        self._attribute = known.attribute if known else ""
        self._secret = console.type.upper() == "PASSWORD" or self._attribute == "password"
        self._text = text

    def faults(self) -> Iterator[tuple[str, str]]:
        """Give what is wrong, each with a hint."""
        if self._secret and reference(self._text) is not None:
            return  # the password itself is put in later
        yield from self._type()
        yield from self._length()
        yield from self._allowed()
        yield from self._pattern()
        if self._attribute in _FOLDERS:
            yield from self._folder()
        if self._attribute.endswith("_pattern") or self._console.type.upper() == "REGEX":
            yield from self._java()

    @property
    def _shown(self) -> str:
        return "the value" if self._secret else repr(self._text)

    def _type(self) -> Iterator[tuple[str, str]]:
        text = self._text
        match self._console.type.upper():
            case "INTEGER":
                if not _WHOLE_NUMBER.fullmatch(text):
                    yield f"{self._shown} isn't a whole number", ""
                else:
                    yield from self._range(int(text))
            case "REAL":
                try:
                    number = float(text)
                except ValueError:
                    yield f"{self._shown} isn't a number", ""
                else:
                    yield from self._range(number)
            case "BOOLEAN":
                if text not in {"true", "false"}:
                    yield f"{self._shown} is neither true nor false", ""
            case "HOST":
                if not _is_host(text):
                    yield f"{self._shown} is neither an address nor a host's name", ""

    def _range(self, number: float) -> Iterator[tuple[str, str]]:
        low, high = self._console.min_value, self._console.max_value
        if low is not None and number < low:
            yield f"{number:g} is less than {low:g}", ""
        if high is not None and number > high:
            yield f"{number:g} is more than {high:g}", ""

    def _length(self) -> Iterator[tuple[str, str]]:
        shortest, longest = self._console.min_length, self._console.max_length
        if shortest is not None and len(self._text) < shortest:
            yield f"{len(self._text)} characters, and at least {shortest} are needed", ""
        if longest is not None and len(self._text) > longest:
            yield f"{len(self._text)} characters, and at most {longest} are taken", ""

    def _allowed(self) -> Iterator[tuple[str, str]]:
        values = [each.value for each in self._console.allowed_values]
        if values and self._text not in values:
            yield f"{self._shown} isn't allowed", "allowed: " + ", ".join(values)

    def _pattern(self) -> Iterator[tuple[str, str]]:
        pattern = self._console.pattern
        if not pattern:
            return
        try:
            fits = compile_java(pattern).fullmatch(self._text) is not None
        except FilePatternError:
            return  # `unchecked` lists it
        if not fits:
            words = self._console.pattern_error_message or self._console.pattern_description
            yield f"{self._shown} doesn't match the console's pattern {pattern}", words

    def _folder(self) -> Iterator[tuple[str, str]]:
        try:
            SharePath.parse(self._text)
        except SharePathError as error:
            yield error.message, error.hint

    def _java(self) -> Iterator[tuple[str, str]]:
        try:
            compile_java(self._text)
        except FilePatternError as error:
            yield error.message, error.hint


def _is_host(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return len(text) <= _LONGEST_HOST and _HOST_NAME.fullmatch(text) is not None
    return True
