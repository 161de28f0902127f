"""JSON in which every value and every key knows its line and column; the standard library's parser drops them."""

from __future__ import annotations

import re
from bisect import bisect_right
from json import JSONDecodeError, JSONDecoder
from typing import TYPE_CHECKING, NoReturn

from harness.document import Value
from harness.source import Problem, Source

if TYPE_CHECKING:
    from harness.document import Data

_SPACE = re.compile(r"[ \t\n\r]*")
_DEEPEST = 100


def parse(text: str, file: str) -> tuple[Value | None, list[Problem]]:
    """Read a text that holds one JSON value.

    Args:
        text: The text.
        file: The file's name for positions and messages.

    Returns:
        The value, or None where the text isn't JSON; and what is wrong with it.
    """
    parser = _Parser(text, file)
    try:
        return parser.whole(), parser.problems
    except JSONDecodeError as error:
        return None, [Problem(parser.place(error.pos), f"isn't JSON: {error.msg}")]


class _Parser:
    """One pass over a text."""

    def __init__(self, text: str, file: str) -> None:
        self._text = text
        self._file = file
        self._lines = [0, *(match.end() for match in re.finditer("\n", text))]
        self._at = 0
        self._decoder = JSONDecoder(parse_constant=lambda name: self._refuse(f"there is no {name} in JSON"))
        self.problems: list[Problem] = []

    def whole(self) -> Value:
        """Read the text to its end."""
        value = self._value(0)
        if self._peek():
            self._refuse("something follows the end")
        return value

    def place(self, at: int) -> Source:
        """Give the line and column of an offset."""
        line = bisect_right(self._lines, at)
        return Source(self._file, line, at - self._lines[line - 1] + 1)

    def _peek(self) -> str:
        """Give the next character that isn't blank; empty at the end."""
        found = _SPACE.match(self._text, self._at)
        self._at = found.end() if found else self._at
        return self._text[self._at : self._at + 1]

    def _value(self, depth: int) -> Value:
        if depth > _DEEPEST:
            self._refuse("it is nested too deeply")
        first = self._peek()
        place = self.place(self._at)
        if first == "{":
            return self._object(place, depth)
        if first == "[":
            return Value(place, self._array(depth))
        return Value(place, self._scalar())

    def _object(self, place: Source, depth: int) -> Value:
        data: dict[str, Value] = {}
        keys: dict[str, Source] = {}
        self._at += 1
        if self._peek() == "}":
            self._at += 1
            return Value(place, data, keys)
        while True:
            if self._peek() != '"':
                self._refuse("a key in double quotes was expected")
            at = self.place(self._at)
            key = str(self._scalar())
            if self._peek() != ":":
                self._refuse("a colon was expected")
            self._at += 1
            value = self._value(depth + 1)
            if key in data:
                self.problems.append(Problem(at, f"the key {key!r} stands twice, first in line {keys[key].line}"))
            else:
                data[key], keys[key] = value, at
            if self._closed("}"):
                return Value(place, data, keys)

    def _array(self, depth: int) -> tuple[Value, ...]:
        items: list[Value] = []
        self._at += 1
        if self._peek() == "]":
            self._at += 1
            return ()
        while True:
            items.append(self._value(depth + 1))
            if self._closed("]"):
                return tuple(items)

    def _closed(self, bracket: str) -> bool:
        """Pass a comma or a closing bracket; tell which."""
        found = self._peek()
        if found not in {",", bracket} or not found:
            self._refuse(f"a comma or {bracket} was expected")
        self._at += 1
        return found == bracket

    def _scalar(self) -> Data:
        try:
            value, self._at = self._decoder.raw_decode(self._text, self._at)
        except JSONDecodeError:
            raise
        except ValueError:  # more digits than Python converts
            self._refuse("the number has too many digits")
        data: Data = value
        return data

    def _refuse(self, what: str) -> NoReturn:
        raise JSONDecodeError(what, self._text, self._at)
