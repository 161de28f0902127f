"""Values in templates: they come out as literals, whatever they hold."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import resources
from harness.redaction import Secret
from harness.remote import powershell

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE = "Default'; Remove-Item C:\\ -Recurse; '"
QUOTES = "'\u2018\u2019\u201a\u201b"
TEMPLATES = sorted((resources.folder("templates") / "powershell").iterdir())


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "$null"),
        (True, "$true"),
        (False, "$false"),
        (0, "0"),
        (-7, "-7"),
        ("", "''"),
        ("O'Neil", "'O''Neil'"),
        ('$(calc) `n "x" {{ y }}', "'$(calc) `n \"x\" {{ y }}'"),
        (["a", 1], "@('a', 1)"),
        ([], "@()"),
        ({"a b": True}, "@{'a b' = $true}"),
        ({"b", "a"}, "@('a', 'b')"),
        ("a\r\nb", "('' + 'a' + [char]13 + [char]10 + 'b')"),
    ],
)
def test_a_value_becomes_its_literal(value: object, expected: str) -> None:
    """Each type that a template may print has one form."""
    assert expected == powershell.literal(value)


@pytest.mark.parametrize("quote", QUOTES)
def test_each_closing_quote_is_doubled(quote: str) -> None:
    """PowerShell takes four typographic quotes for the apostrophe; none of them ends a string."""
    assert f"'a{quote}{quote}b'" == powershell.literal(f"a{quote}b")


@given(st.text())
def test_no_string_leaves_its_quotes(text: str) -> None:
    """Read back as PowerShell reads a single-quoted string, a literal gives the same text, and nothing follows it."""
    if "\0" in text:
        with pytest.raises(ValueError, match="NUL"):
            powershell.literal(text)
        return

    assert text == _evaluate(powershell.literal(text))


def _evaluate(literal: str) -> str:
    """Read the two forms that a string's literal has; anything else is an error."""
    single = rf"'(?:[^{QUOTES}\r\n]|[{QUOTES}]{{2}})*'"
    char = r"\[char\]\d+"
    assert re.fullmatch(rf"{single}|\((?:{single}|{char})(?: \+ (?:{single}|{char}))*\)", literal)
    parts = re.findall(rf"{single}|{char}", literal)
    return "".join(
        chr(int(part[6:])) if part.startswith("[char]") else re.sub(f"([{QUOTES}])[{QUOTES}]", r"\1", part[1:-1])
        for part in parts
    )


@pytest.mark.parametrize("value", [1.5, b"x", object(), 2**63])
def test_what_has_no_literal_is_refused(value: object) -> None:
    """A value without a form is an error, never its Python text."""
    with pytest.raises((TypeError, ValueError)):
        powershell.literal(value)


@pytest.mark.parametrize("value", [Secret("canary"), [Secret("canary")], {"a": Secret("canary")}])
def test_a_secret_never_enters_a_script(value: object) -> None:
    """Script-block logging would keep it on the host."""
    with pytest.raises(TypeError, match="secret") as caught:
        powershell.literal(value)

    assert "canary" not in str(caught.value)


def test_an_undefined_value_fails_the_render() -> None:
    """A misspelt name in a template can't become an empty string."""
    with pytest.raises(jinja2.UndefinedError):
        powershell.render("service.read.ps1.j2")


def test_a_rendered_script_keeps_the_templates_lines() -> None:
    """An error's line on the host is the template's line, even when a value holds line breaks."""
    name = "service.read.ps1.j2"
    template = (resources.folder("templates") / "powershell" / name).read_text()

    assert template.count("\n") == powershell.render(name, names=["a\nb", HOSTILE]).count("\n")


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_templates_hold_expressions_only(template: Path) -> None:
    """No statement of Jinja2's, nothing that would print a value raw, no value inside double quotes."""
    text = template.read_text(encoding="utf-8")

    assert [] == re.findall(r"{%|{#|{{[^}]*\|", text)
    assert [] == re.findall(r'"[^"\n]*{{[^"\n]*"', text)
    assert text.isascii()
