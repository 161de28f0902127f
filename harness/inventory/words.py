"""Splits an inventory line into words and reads a value, by the rules that Ansible's INI form has.

Those are the rules of Python's `shlex` for a host line and of Python's string literals for a value that is
quoted as a whole. Where they would change a value without a word, the caller is told.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
import warnings
from dataclasses import dataclass, field

_SPACE = " \t\r\n"
_ESCAPE = re.compile(r"(?<!\\)(?:\\\\)*\\[^\\'\"]")


@dataclass(frozen=True, slots=True)
class Word:
    r"""One word of a host line.

    Args:
        text: The word without its quotes.
        column: Where it begins; 1 for the line's first character.
        cut: A ``#`` inside the word began a comment, so the word may lack its end.
        lost_backslash: An unquoted backslash was taken as an escape, as in ``CORP\admin``.
    """

    text: str
    column: int
    cut: bool = False
    lost_backslash: bool = False


@dataclass(slots=True)
class _Open:
    """The word that is being read."""

    column: int
    characters: list[str] = field(default_factory=list)
    lost_backslash: bool = False

    def close(self, *, cut: bool = False) -> Word:
        return Word("".join(self.characters), self.column, cut, self.lost_backslash)


def split(line: str) -> list[Word]:
    """Split a host line as a POSIX shell would, up to a comment.

    Args:
        line: One line of text.

    Raises:
        ValueError: A quotation isn't closed, or the line ends with a backslash.
    """
    words: list[Word] = []
    word: _Open | None = None
    position = 0
    while position < len(line):
        character = line[position]
        if character in _SPACE:
            if word:
                words.append(word.close())
            word = None
        elif character == "#":
            if word:
                words.append(word.close(cut=True))
            return words
        else:
            word = word or _Open(position + 1)
            if character in "'\"":
                position = _quoted(line, position, word)
            elif character == "\\":
                position += 1
                if position == len(line):
                    message = "the line ends with a backslash"
                    raise ValueError(message)
                word.characters.append(line[position])
                word.lost_backslash |= line[position].isalnum()
            else:
                word.characters.append(character)
        position += 1
    if word:
        words.append(word.close())
    return words


def _quoted(line: str, start: int, word: _Open) -> int:
    """Read a quotation into the word and give the position of its closing quote."""
    quote = line[start]
    position = start + 1
    while position < len(line):
        character = line[position]
        if character == quote:
            return position
        if quote == '"' and character == "\\" and line[position + 1 : position + 2] in ('"', "\\"):
            position += 1
            character = line[position]
        word.characters.append(character)
        position += 1
    message = f"the quotation that begins at column {start + 1} isn't closed"
    raise ValueError(message)


def value(text: str, *, comments: bool) -> str:
    """Read what stands after the equals sign.

    A value that is a Python string literal as a whole loses its quotes (``"'03#pa33'"`` on a host line,
    ``'03#pa33'`` in a ``:vars`` section). All else stays as written.

    Args:
        text: The text after the equals sign, without the quotes that belong to the line.
        comments: Whether a number, a truth value, a list and so on may be followed by a comment, as in a
            ``:vars`` section: ``winrm_port=5986 # HTTPS``.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            literal = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text
    if isinstance(literal, str):
        return literal
    return _without_comment(text) if comments else text


def has_escapes(text: str) -> bool:
    r"""Tell whether a value loses backslashes because it is quoted as a whole, as ``'CORP\admin'`` does.

    Args:
        text: The text after the equals sign, without the quotes that belong to the line.
    """
    return bool(_ESCAPE.search(text)) and value(text, comments=False) != text


def _without_comment(text: str) -> str:
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    comment = next((token for token in tokens if token.type == tokenize.COMMENT), None)
    if comment is None or not text[: comment.start[1]].endswith((" ", "\t")):
        return text
    return text[: comment.start[1]].rstrip()
