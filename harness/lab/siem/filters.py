"""The `filter` parameter of the API's lists: comparisons, joined by and, or, not and parentheses."""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.lab.store import Json

Predicate: TypeAlias = "Callable[[Json], bool]"
"""Says whether an entry of a list passes."""

_TOKEN: Final = re.compile(
    r"""\s*(?:
        (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
      | (?P<sign><=|>=|<>|!=|\^=|=|<|>)
      | (?P<mark>[(),])
      | (?P<word>[^\s(),=<>!^"']+)
    )""",
    re.VERBOSE,
)
_SIGNS: Final[dict[str, Callable[[Json, Json], bool]]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<>": operator.ne,
    "^=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
_CONSTANTS: Final[dict[str, Json]] = {"true": True, "false": False}
_NUMBER: Final = re.compile(r"-?\d+(\.\d+)?")


class FilterError(Exception):
    """A filter that can't be read; its text says where."""


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int


def parse(text: str) -> Predicate:
    """Read a filter.

    The documentation asks for double URL encoding and shows single encoding, so both are taken.

    Raises:
        FilterError: It can't be read.
    """
    try:
        return _Parser(text).parse()
    except FilterError:
        if unquote(text) == text:
            raise
        return _Parser(unquote(text)).parse()


class _Parser:
    """Recursive descent; `or` binds less than `and`, that less than `not`."""

    def __init__(self, text: str) -> None:
        self._tokens = list(_tokens(text))
        self._next = 0

    def parse(self) -> Predicate:
        found = self._either()
        if self._peek.kind != "end":
            raise _unexpected(self._peek)
        return found

    @property
    def _peek(self) -> _Token:
        return self._tokens[self._next]

    def _take(self) -> _Token:
        token = self._peek
        self._next += 1
        return token

    def _word(self, *words: str) -> bool:
        """Take a keyword when it comes next."""
        if self._peek.kind == "word" and self._peek.text.lower() in words:
            self._next += 1
            return True
        return False

    def _mark(self, mark: str) -> bool:
        if self._peek.kind == "mark" and self._peek.text == mark:
            self._next += 1
            return True
        return False

    def _must(self, mark: str) -> None:
        if not self._mark(mark):
            raise _unexpected(self._peek)

    def _either(self) -> Predicate:
        parts = [self._both()]
        while self._word("or"):
            parts.append(self._both())
        return lambda entry: any(part(entry) for part in parts)

    def _both(self) -> Predicate:
        parts = [self._negated()]
        while self._word("and"):
            parts.append(self._negated())
        return lambda entry: all(part(entry) for part in parts)

    def _negated(self) -> Predicate:
        if self._word("not"):
            inner = self._negated()
            return lambda entry: not inner(entry)
        if self._mark("("):
            inner = self._either()
            self._must(")")
            return inner
        return self._comparison()

    def _comparison(self) -> Predicate:
        path = self._path()
        if self._peek.kind == "sign":
            return _compared(path, _SIGNS[self._take().text], self._value())
        if self._word("is"):
            negated = self._word("not")
            if not self._word("null"):
                raise _unexpected(self._peek)
            return lambda entry: (not _values(entry, path)) is not negated
        negated = self._word("not")
        if self._word("in"):
            found = self._listed(path)
        elif self._word("between"):
            found = self._between(path)
        else:
            raise _unexpected(self._peek)
        return (lambda entry: not found(entry)) if negated else found

    def _listed(self, path: tuple[str, ...]) -> Predicate:
        self._must("(")
        wanted = [self._value()]
        while self._mark(","):
            wanted.append(self._value())
        self._must(")")
        parts = [_compared(path, operator.eq, value) for value in wanted]
        return lambda entry: any(part(entry) for part in parts)

    def _between(self, path: tuple[str, ...]) -> Predicate:
        low = _compared(path, operator.ge, self._value())
        if not self._word("and"):
            raise _unexpected(self._peek)
        high = _compared(path, operator.le, self._value())
        return lambda entry: low(entry) and high(entry)

    def _path(self) -> tuple[str, ...]:
        """Read a field, or a field of a field: ``status(status)``."""
        token = self._take()
        if token.kind != "word":
            raise _unexpected(token)
        if self._mark("("):
            inner = self._path()
            self._must(")")
            return (token.text, *inner)
        return (token.text,)

    def _value(self) -> Json:
        token = self._take()
        if token.kind == "text":
            return re.sub(r"\\(.)", r"\1", token.text[1:-1])
        if token.kind != "word":
            raise _unexpected(token)
        if _NUMBER.fullmatch(token.text):
            return float(token.text) if "." in token.text else int(token.text)
        return _CONSTANTS.get(token.text.lower(), token.text)


def _tokens(text: str) -> list[_Token]:
    found = []
    at = 0
    while at < len(text.rstrip()):
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise FilterError(f"character {at + 1} of the filter can't be read: {text[at : at + 10]}")
        found.append(_Token(match.lastgroup, match[match.lastgroup], match.start(match.lastgroup)))
        at = match.end()
    return [*found, _Token("end", "", len(text))]


def _unexpected(token: _Token) -> FilterError:
    what = f"{token.text} is unexpected" if token.text else "the filter ends"
    return FilterError(f"{what} at character {token.at + 1}")


def _values(entry: Json, path: tuple[str, ...]) -> list[Json]:
    """Give what stands at a path; the parts of a list each count. Nothing and null are no value."""
    if isinstance(entry, list):
        return [value for each in entry for value in _values(each, path)]
    if not path:
        return [] if entry is None else [entry]
    return _values(entry.get(path[0]), path[1:]) if isinstance(entry, dict) else []


def _compared(path: tuple[str, ...], sign: Callable[[Json, Json], bool], wanted: Json) -> Predicate:
    def passes(entry: Json) -> bool:
        return any(sign(*_alike(value, wanted)) for value in _values(entry, path))

    return passes


def _alike(left: Json, right: Json) -> tuple[Json, Json]:
    """Make two values comparable: numbers as numbers, all else as text."""
    numbers = (int, float)
    if isinstance(left, numbers) and isinstance(right, numbers) and isinstance(left, bool) is isinstance(right, bool):
        return left, right
    return _text(left), _text(right)


def _text(value: Json) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
