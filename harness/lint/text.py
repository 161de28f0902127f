"""The text of a template, before any value is in it; and the way from a place in a rendered script back to it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from harness.lab.powershell import ScriptSyntaxError, parse
from harness.lab.powershell.syntax import Literal
from harness.lint.finding import Finding
from harness.source import Source

if TYPE_CHECKING:
    from collections.abc import Iterator

_PLACE = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_OTHER_MARKS = re.compile(r"\{[%#]")
# PowerShell takes these for quotes, dashes and blanks; in a file they come from a word processor.
_TYPOGRAPHIC = {
    **dict.fromkeys("\u2018\u2019\u201a\u201b", "quote"),
    **dict.fromkeys("\u201c\u201d\u201e", "quote"),
    **dict.fromkeys("\u2013\u2014\u2015", "dash"),
    "\u00a0": "blank",
}
_FILLER = "\ue000"
"""A character for private use: what stands for a value in a template that is parsed without any."""


def filled(text: str) -> str:
    """Put a string literal of the same length in the place of each ``{{ expression }}``."""
    return _PLACE.sub(lambda found: "'" + re.sub(r"[^\r\n]", _FILLER, found[0][2:]) + "'", text)


def template_findings(file: str, text: str) -> Iterator[Finding]:
    """Give what is wrong with a template whatever its values are.

    Args:
        file: Its name, as findings show it.
        text: Its content.
    """
    marks = list(_OTHER_MARKS.finditer(text))
    for found in marks:
        message = f"a template holds {{{{ expression }}}} only, not {found[0]}"
        yield Finding(_source(file, text, found.start()), "template", message, "PowerShell has conditions and loops")
    for at, character in enumerate(text):
        kind = _TYPOGRAPHIC.get(character)
        if kind:
            message = f"U+{ord(character):04X} is a typographic {kind}, which PowerShell takes for a plain one"
            yield Finding(_source(file, text, at), "typographic", message, "write the ASCII character")
    if marks:
        return
    places = {(source.line, source.column): source for source in _places(file, text)}
    try:
        script = parse(filled(text), file)
    except ScriptSyntaxError as error:
        yield syntax_finding(error, file)
        return
    for node in script.walk():
        # Only a literal that begins where the braces do and holds nothing else is the value itself.
        if isinstance(node, Literal) and not node.bare and _is_filler(node.value):
            places.pop((node.line, node.column), None)
    for source in places.values():
        message = "a value stands inside a string, a word or a comment, where its own quotes are text"
        yield Finding(source, "value", message, "join it with + or -f")


def _is_filler(value: object) -> bool:
    return isinstance(value, str) and bool(value) and not value.strip(_FILLER).strip()


def _places(file: str, text: str) -> Iterator[Source]:
    for found in _PLACE.finditer(text):
        yield _source(file, text, found.start())


def _source(file: str, text: str, at: int) -> Source:
    return Source(file, text.count("\n", 0, at) + 1, at - (text.rfind("\n", 0, at) + 1) + 1)


def syntax_finding(error: ScriptSyntaxError, file: str, line: int = 0, column: int = 0) -> Finding:
    """Make a finding of what the parser refuses.

    Args:
        error: The parser's.
        file: The file's name.
        line: The line in the file; the error's own where left out.
        column: The column, likewise.
    """
    source = Source(file, line or error.line, column or error.column)
    if error.error_id == "NotSimulated":
        words = error.message.removeprefix("not simulated: ").rpartition(" (line ")[0]
        return Finding(source, "subset", f"lint doesn't read {words}", "write it in another way")
    return Finding(source, "syntax", error.message.rstrip("."))


class Places:
    """Finds where in a template a place of its rendered script comes from.

    Args:
        template: The template's text.
        rendered: The script's; every literal stands on one line, so both have the same lines.
    """

    def __init__(self, template: str, rendered: str) -> None:
        self._template = template.splitlines()
        self._rendered = rendered.splitlines()

    def column(self, line: int, column: int) -> int:
        """Give the template's column; within a value, the column of its braces."""
        if line > min(len(self._template), len(self._rendered)):
            return column
        written, rendered = self._template[line - 1], self._rendered[line - 1]
        values = list(_PLACE.finditer(written))
        if not values:
            return column
        fixed = _PLACE.split(written)
        spans = re.fullmatch("(.*?)".join(re.escape(part) for part in fixed), rendered, re.DOTALL)
        if spans is None:
            return column
        shift = 0
        for number, value in enumerate(values, 1):
            first, last = spans.span(number)
            if column - 1 < first:
                break
            if column - 1 < last:
                return value.start() + 1
            shift = value.end() - last
        return column + shift
