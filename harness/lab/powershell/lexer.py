"""The text's lowest level: blanks, comments, names, numbers, quotes.

PowerShell has no token stream of its own: what a character means depends on whether an expression or a command's
arguments are being read. So the parser asks this scanner for the token that it expects.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from decimal import Decimal
from typing import NoReturn

from harness.lab.powershell.objects import Int64, Value
from harness.lab.powershell.syntax import ScriptSyntaxError

SINGLE_QUOTES = "'\u2018\u2019\u201a\u201b"
DOUBLE_QUOTES = '"\u201c\u201d\u201e'
DASHES = "-\u2013\u2014\u2015"

_BLANKS = re.compile(r"(?:[ \t\f\v\u00a0\u0085]|`\r?\n|<\#(?:[^#]|\#(?!>))*\#>|\#[^\r\n]*)+")
_BLANKS_AND_LINES = re.compile(r"(?:[ \t\f\v\u00a0\u0085\r\n]|`\r?\n|<\#(?:[^#]|\#(?!>))*\#>|\#[^\r\n]*)+")
_NUMBER = re.compile(
    r"(?:(?P<hex>0[xX][0-9a-fA-F]+)|(?P<real>\d+\.\d+(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+"
    r"|\d+\.(?![.\w]))|(?P<whole>\d+))(?P<suffix>[lLdD]?)(?P<unit>[kKmMgGtTpP][bB])?"
    r"(?=[\s;(){}|,&=+*/%!\]<>.\[#\-\u2013\u2014\u2015]|$)"
)
_UNITS = {"kb": 1 << 10, "mb": 1 << 20, "gb": 1 << 30, "tb": 1 << 40, "pb": 1 << 50}
_VARIABLE = re.compile(
    r"\$(?:(?P<scope>\w+):(?!:)(?P<scoped>[\w?]+)|(?P<special>[$?^](?!\w)|_(?!\w))|(?P<name>[\w?]+)|\{(?P<braced>(?:[^`{}]|`.)+)\})",
    re.DOTALL,
)
_SCOPED_BRACE = re.compile(r"(?P<scope>\w+):(?P<name>.*)", re.DOTALL)
_ESCAPES = {"0": "\0", "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_SINGLE = re.compile(rf"[{SINGLE_QUOTES}]((?:[^{SINGLE_QUOTES}]|[{SINGLE_QUOTES}]{{2}})*)[{SINGLE_QUOTES}]")
_DOUBLED_SINGLE = re.compile(rf"[{SINGLE_QUOTES}]([{SINGLE_QUOTES}])")
_HERE_OPEN = re.compile(rf"@([{SINGLE_QUOTES}{DOUBLE_QUOTES}])[ \t]*\r?\n")
_HERE_CLOSE_SINGLE = re.compile(rf"\r?\n[{SINGLE_QUOTES}]@")
_HERE_CLOSE_DOUBLE = re.compile(rf"\r?\n[{DOUBLE_QUOTES}]@")
_INT_MAX = 2**31 - 1
_LONG_MAX = 2**63 - 1
_DECIMAL_MAX = 79228162514264337593543950335
MAX_DEPTH = 40
"""How deep brackets may nest: far above what people write, far below what Python's stack bears."""


def unescape(character: str) -> str:
    """Give what a backtick and this character stand for."""
    return _ESCAPES.get(character, character)


class Scanner:
    """Reads tokens at a position in a text.

    Args:
        text: The script.
        file: Its name, for errors.
    """

    def __init__(self, text: str, file: str = "") -> None:
        self.text = text
        self.file = file
        self.at = 0
        self.end = len(text)
        self.depth = 0
        self._lines = [0, *(match.end() for match in re.finditer(r"\n", text))]

    def place(self, at: int | None = None) -> tuple[int, int]:
        """Give line and column of an offset, the current one where left out."""
        offset = self.at if at is None else at
        line = bisect_right(self._lines, offset)
        return line, offset - self._lines[line - 1] + 1

    def fail(
        self,
        message: str,
        at: int | None = None,
        *,
        error_id: str = "UnexpectedToken",
        incomplete: bool = False,
    ) -> NoReturn:
        """Refuse the text.

        Raises:
            ScriptSyntaxError: Always.
        """
        line, column = self.place(at)
        raise ScriptSyntaxError(message, line, column, error_id=error_id, incomplete=incomplete)

    def not_simulated(self, construct: str, at: int | None = None) -> NoReturn:
        """Refuse valid syntax that is outside the subset.

        Raises:
            ScriptSyntaxError: Always.
        """
        line, column = self.place(at)
        self.fail(f"not simulated: {construct} (line {line}, column {column})", at, error_id="NotSimulated")

    def enter(self) -> None:
        """Go one bracket deeper."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self.not_simulated(f"more than {MAX_DEPTH} nested brackets")

    def leave(self) -> None:
        """Come one bracket up."""
        self.depth -= 1

    # Looking

    def peek(self, length: int = 1) -> str:
        """Give the next characters without taking them; fewer at the end."""
        return self.text[self.at : self.at + length]

    def starts(self, text: str) -> bool:
        """Say whether the text goes on so."""
        return self.text.startswith(text, self.at)

    def is_dash(self, at: int | None = None) -> bool:
        """Say whether there is any of the dashes that PowerShell takes for one."""
        offset = self.at if at is None else at
        return offset < self.end and self.text[offset] in DASHES

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Match a pattern here without taking it."""
        return pattern.match(self.text, self.at)

    # Taking

    def blanks(self) -> bool:
        """Skip blanks, comments and continued lines; say whether there were any."""
        found = _BLANKS.match(self.text, self.at)
        if found:
            self.at = found.end()
        if self.starts("<#") and "#>" not in self.text[self.at :]:
            self.fail(
                "The terminator '#>' is missing from the multiline comment.",
                error_id="MissingTerminatorMultiLineComment",
                incomplete=True,
            )
        return found is not None

    def lines(self) -> None:
        """Skip blanks, comments and ends of lines."""
        found = _BLANKS_AND_LINES.match(self.text, self.at)
        if found:
            self.at = found.end()
        if self.starts("<#"):
            self.fail(
                "The terminator '#>' is missing from the multiline comment.",
                error_id="MissingTerminatorMultiLineComment",
                incomplete=True,
            )

    def take(self, text: str) -> bool:
        """Take this text, if it is next."""
        if self.text.startswith(text, self.at):
            self.at += len(text)
            return True
        return False

    def expect(self, text: str, what: str = "") -> None:
        """Take this text or refuse the script."""
        if self.take(text):
            return
        identifier = {
            ")": "MissingEndParenthesisInExpression",
            "}": "MissingEndCurlyBrace",
            "]": "MissingEndSquareBracket",
        }
        self.fail(
            f"Missing '{text}'{' ' + what if what else ''}.",
            error_id=identifier.get(text, "UnexpectedToken"),
            incomplete=self.at >= self.end,
        )

    def number(self) -> Value:
        """Take a number; ``None`` where none is next."""
        found = _NUMBER.match(self.text, self.at)
        if not found:
            return None
        self.at = found.end()
        return _number(found)

    def variable(self) -> tuple[str, str] | None:
        """Take a variable: scope and name; ``None`` where none is next."""
        found = _VARIABLE.match(self.text, self.at)
        if not found:
            return None
        self.at = found.end()
        if found["scope"]:
            return found["scope"].lower(), found["scoped"]
        if found["braced"]:
            name = re.sub(r"`(.)", r"\1", found["braced"], flags=re.DOTALL)
            scoped = _SCOPED_BRACE.fullmatch(name)
            return (scoped["scope"].lower(), scoped["name"]) if scoped else ("", name)
        name = found["special"] or found["name"]
        # `$x?` takes the question mark into the name, as PowerShell does.
        return "", name

    def single_quoted(self) -> str:
        """Take a single-quoted string; any of its five quotes opens and closes it."""
        start = self.at
        found = _SINGLE.match(self.text, self.at)
        if not found:
            self.fail(
                "The string is missing the terminator: '.",
                start,
                error_id="TerminatorExpectedAtEndOfString",
                incomplete=True,
            )
        self.at = found.end()
        return _DOUBLED_SINGLE.sub(r"\1", found[1])

    def here_string_opens(self) -> bool:
        """Say whether a here-string starts here."""
        return self.peek() == "@" and self.peek(2)[1:] in (*SINGLE_QUOTES, *DOUBLE_QUOTES)

    def here_string(self) -> tuple[str, int, bool]:
        """Take a here-string.

        Returns:
            Its raw content, the offset of the content, and whether it expands.
        """
        start = self.at
        opened = _HERE_OPEN.match(self.text, self.at)
        if not opened:
            self.fail(
                "No characters are allowed after a here-string header but before the end of the line.",
                error_id="UnexpectedCharactersAfterHereStringHeader",
            )
        expands = opened[1] in DOUBLE_QUOTES
        closing = _HERE_CLOSE_DOUBLE if expands else _HERE_CLOSE_SINGLE
        # An empty here-string closes on the line after its header, so the search starts at that line's end.
        closed = closing.search(self.text, opened.end() - (2 if self.text[opened.end() - 2] == "\r" else 1))
        if not closed:
            self.fail(
                f"The string is missing the terminator: {opened[1]}@.",
                start,
                error_id="TerminatorExpectedAtEndOfString",
                incomplete=True,
            )
        self.at = closed.end()
        return self.text[opened.end() : closed.start()], opened.end(), expands


def _number(found: re.Match[str]) -> Value:
    unit = _UNITS[found["unit"].lower()] if found["unit"] else 1
    suffix = found["suffix"].lower()
    if found["hex"]:
        return _hexadecimal(found["hex"], suffix, unit)
    if suffix == "d" and not found["hex"]:
        return Decimal(found["real"] or found["whole"]) * unit
    if found["real"]:
        real = float(found["real"]) * unit
        return Int64(real) if suffix == "l" else real
    whole = int(found["whole"]) * unit
    if suffix == "l":
        return Int64(whole)
    return whole_number(whole)


def _hexadecimal(text: str, suffix: str, unit: int) -> Value:
    digits = text[2:]
    number = int(digits, 16)
    # Eight digits are the 32 bits of an int, so 0xFFFFFFFF is -1.
    if len(digits.lstrip("0")) <= 8 and suffix != "l":  # noqa: PLR2004 - digits of an int
        number = number - 2**32 if number > _INT_MAX else number
        return whole_number(number * unit)
    number = number - 2**64 if number > _LONG_MAX else number
    return Int64(number * unit)


def whole_number(number: int) -> Value:
    """Give a whole number the smallest of the types int, long, decimal and double that holds it."""
    if -_INT_MAX - 1 <= number <= _INT_MAX:
        return number
    if -_LONG_MAX - 1 <= number <= _LONG_MAX:
        return Int64(number)
    return Decimal(number) if abs(number) <= _DECIMAL_MAX else float(number)
