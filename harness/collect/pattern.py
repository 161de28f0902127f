"""File patterns are Java's regular expressions, since the console runs them; harness reads them as Java does.

The two languages differ little. What Java writes otherwise is rewritten; what Python can't do is refused with
its place, never read as something else.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NoReturn

from harness.errors import FilePatternError

# Java's POSIX classes, which are ASCII unless a flag says otherwise.
_CLASSES = {
    "Lower": "a-z",
    "Upper": "A-Z",
    "ASCII": r"\x00-\x7f",
    "Alpha": "a-zA-Z",
    "Digit": "0-9",
    "Alnum": "a-zA-Z0-9",
    "Punct": r"!-/:-@\[-`{-~",
    "Graph": "!-~",
    "Print": " -~",
    "Blank": r" \t",
    "Cntrl": r"\x00-\x1f\x7f",
    "XDigit": "0-9a-fA-F",
    "Space": r" \t\n\x0b\f\r",
}
_SAME_ESCAPES = frozenset("dDwWsSbBAtnrfa")
_OTHER_ESCAPES = {"z": r"\Z", "Z": r"(?=\n?\Z)", "e": r"\x1b"}
_FLAGS = re.compile(r"\(\?([a-zA-Z]+)\)")


@lru_cache(maxsize=256)
def compile_java(pattern: str) -> re.Pattern[str]:
    r"""Compile a Java regular expression.

    Args:
        pattern: For example ``MSGTRK\d+-\d+\.(?:log|LOG)$``.

    Returns:
        The same for Python. Upper and lower case differ, as they do in Java, unless the pattern starts with
        ``(?i)``.

    Raises:
        FilePatternError: It isn't valid, or Python has nothing like it.
    """
    translated = _Translation(pattern).run()
    try:
        return re.compile(translated, re.ASCII)
    except re.error as error:
        raise FilePatternError(
            f"the file pattern {pattern!r} isn't a regular expression: {error.msg}",
            pattern=pattern,
            position=error.pos or 0,
            hint="it is a regular expression, not a wildcard: write .*\\.log for *.log",
        ) from error


class _Translation:
    """One pass over a pattern."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0
        self._in_class = False
        self._out: list[str] = []

    def run(self) -> str:
        """Give the pattern in Python's words."""
        while self._at < len(self._pattern):
            character = self._pattern[self._at]
            if character == "\\":
                self._escape()
            elif self._in_class:
                self._class_character(character)
            elif character == "[":
                self._open_class()
            elif self._rest().startswith("(?"):
                self._group()
            else:
                self._copy(1)
        return "".join(self._out)

    def _rest(self) -> str:
        return self._pattern[self._at :]

    def _copy(self, count: int) -> None:
        self._emit(self._pattern[self._at : self._at + count], count)

    def _emit(self, text: str, consumed: int) -> None:
        self._out.append(text)
        self._at += consumed

    def _open_class(self) -> None:
        # A bracket that closes at once is an error in Java and a literal in Python.
        opening = "[^" if self._rest().startswith("[^") else "["
        if self._rest()[len(opening) :].startswith("]"):
            self._refuse("an empty character class")
        self._in_class = True
        self._copy(len(opening))

    def _class_character(self, character: str) -> None:
        if character == "]":
            self._in_class = False
        elif character == "[" or self._rest().startswith("&&"):
            self._refuse("a union or an intersection of character classes")
        # Python keeps doubled ones for later use and warns of them; to Java they are themselves.
        self._emit("\\" + character if character in "|~" else character, 1)

    def _group(self) -> None:
        rest = self._rest()
        if rest.startswith("(?<") and rest[3:4] not in {"=", "!"}:
            self._emit("(?P<", 3)
        elif (flags := _FLAGS.match(rest)) and (self._at or set(flags[1]) - set("imsx")):
            self._refuse(f"the flags {flags[0]}, other than (?i) at the very beginning,")
        else:
            self._copy(2)

    def _escape(self) -> None:
        rest = self._rest()
        letter = rest[1:2]
        if letter == "Q":
            literal = rest[2:].partition("\\E")[0]
            self._emit(re.escape(literal), min(len(literal) + 4, len(rest)))
        elif found := re.match(r"\\([pP])(?:\{(?:Is)?(\w+)\}|(\w))", rest):
            self._property(found)
        elif found := re.match(r"\\k<(\w+)>", rest):
            self._emit(f"(?P={found[1]})", found.end())
        elif found := re.match(r"\\x\{([0-9A-Fa-f]{1,6})\}", rest):
            self._emit(re.escape(chr(int(found[1], 16))), found.end())
        elif letter in _OTHER_ESCAPES and not self._in_class:
            self._emit(_OTHER_ESCAPES[letter], 2)
        elif letter in _SAME_ESCAPES or re.match(r"\\(?:x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|[1-9])", rest):
            self._copy(2)
        elif letter.isalnum() or not letter:
            self._refuse(f"the escape \\{letter}")
        else:
            self._copy(2)

    def _property(self, found: re.Match[str]) -> None:
        negated, name = found[1] == "P", found[2] or found[3]
        if name not in _CLASSES or (negated and self._in_class):
            self._refuse(f"the property {found[0]}")
        members = _CLASSES[name]
        if not self._in_class:
            members = f"[^{members}]" if negated else f"[{members}]"
        self._emit(members, found.end())

    def _refuse(self, what: str) -> NoReturn:
        raise FilePatternError(
            f"the file pattern {self._pattern!r} has, at character {self._at + 1}, {what}, which harness "
            "can't check as Java would run it",
            pattern=self._pattern,
            position=self._at,
            hint="write it more simply, for example .*\\.(?:log|LOG)$",
        )
