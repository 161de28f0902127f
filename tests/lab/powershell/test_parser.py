"""Scripts that aren't scripts are refused with their place, and nothing else ever comes out of the parser."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.lab.powershell import ScriptSyntaxError, parse
from harness.lab.powershell.syntax import Command, Literal, Variable

_MALFORMED = [
    ("if ($x { 1 }", 1, 8),
    ("if ($x) 1", 1, 9),
    ("foreach ($x of 1) { }", 1, 13),
    ("foreach (1 in 2) { }", 1, 10),
    ("$x = ", 1, 6),
    ("$x = 1 +", 1, 9),
    ("'never closed", 1, 1),
    ('"never closed', 1, 1),
    ('"$(1', 1, 5),
    ("@'\nno end", 1, 1),
    ("@'x\n'@", 1, 1),
    ("function { }", 1, 10),
    ("function f", 1, 11),
    ("try { 1 }", 1, 10),
    ("catch { 1 } | 5", 1, 15),
    ("1 | 2", 1, 5),
    ("Get-X |", 1, 8),
    ("Get-X | | Y", 1, 9),
    ("@{ a = }", 1, 8),
    ("@{ a 1 }", 1, 6),
    ("@{ a = 1", 1, 9),
    ("(1", 1, 3),
    ("1)", 1, 2),
    ("}", 1, 1),
    ("{ 1", 1, 4),
    ("$a[]", 1, 4),
    ("$a[1", 1, 5),
    ("$a.", 1, 4),
    ("$a.b(1,", 1, 8),
    ("1 -foo 2", 1, 3),
    ("5 = 3", 1, 1),
    ("$x 5", 1, 4),
    ("'a' 'b'", 1, 5),
    ("do { 1 } 5", 1, 10),
    ("while () { }", 1, 8),
    ("switch (1) { 1 }", 1, 16),
    ("param($a 5)", 1, 10),
    ("\n\n  $x = @(1,\n 2", 4, 3),
    ("Foo -Name:", 1, 11),
    ("Foo a,", 1, 7),
    ("<# no end", 1, 1),
    ('"$x: y"', 1, 4),
    ("a && b", 1, 3),
    ("5++", 1, 2),
    ("Foo < bar", 1, 5),
    ("Foo &", 1, 5),
    ("[int", 1, 1),
    ("@x", 1, 1),
    ("1 + @x", 1, 5),
]


@pytest.mark.parametrize(("script", "line", "column"), _MALFORMED)
def test_a_malformed_script_is_refused_with_its_place(script: str, line: int, column: int) -> None:
    """Line and column point at what is wrong."""
    with pytest.raises(ScriptSyntaxError) as caught:
        parse(script)

    assert (line, column) == (caught.value.line, caught.value.column), caught.value.message
    assert "NotSimulated" != caught.value.error_id


@pytest.mark.parametrize(
    ("script", "construct"),
    [
        ("trap { 1 }", "trap"),
        ("class X { }", "class"),
        ("Get-X > file.txt", "redirection into a file"),
        ("switch -File x { }", "switch -file"),
        ("workflow w { }", "workflow"),
        ("$using:x", "using"),
        ("cmd --% /c x", "--%"),
        ("foreach -parallel ($x in 1) { }", "foreach -parallel"),
    ],
)
def test_valid_syntax_outside_the_subset_is_named(script: str, construct: str) -> None:
    """What a real host would take is refused as not simulated, by name and place, never as a syntax error."""
    with pytest.raises(ScriptSyntaxError, match=r"not simulated: .*line 1, column") as caught:
        parse(script)

    assert "NotSimulated" == caught.value.error_id
    assert construct in caught.value.message


def test_positions_are_those_of_the_text() -> None:
    """A static check can name the line and column of any node."""
    script = parse("$a = 1\nif ($a) {\n  Get-Thing -Name $b\n}\n", "x.ps1")
    commands = [node for node in script.walk() if isinstance(node, Command)]
    variables = [(n.name, n.line, n.column) for n in script.walk() if isinstance(n, Variable)]

    assert [(3, 3)] == [(c.line, c.column) for c in commands]
    assert isinstance(commands[0].name, Literal)
    assert [("a", 1, 1), ("a", 2, 5), ("b", 3, 19)] == variables
    assert "x.ps1" == script.file


def test_deep_nesting_is_refused_and_not_a_crash() -> None:
    """Brackets without end don't exhaust the stack."""
    with pytest.raises(ScriptSyntaxError):
        parse("(" * 5000)
    with pytest.raises(ScriptSyntaxError):
        parse("-not " * 5000 + "1")
    with pytest.raises(ScriptSyntaxError):
        parse("{" * 5000)


_WORDS = (
    "$ $x $_ ${ } ( ) { } [ ] @ @( @{ @' '@ @\" \"@ ' \" ` , ; | & . .. :: : = += - -- + ++ * / % ! < > 2>&1 # <# #> "
    "if else elseif foreach for in while do until switch try catch finally function param return throw exit break "
    "continue begin process end default [int] -eq -f -split -join 1 0x1F 1.5 1kb 'a' \"b\" Get-X -Name: -Name a.b "
    "\u2018 \u2019 \u201a \u201b \u201c \u201d \u201e \u2013 \u2014 \u00a0 \x00 \U0001f600"
)
_PIECES = st.sampled_from([*_WORDS.split(), "\n", "\r\n", " ", "\u00a0"])


@settings(max_examples=400, deadline=None)
@given(
    st.one_of(
        st.lists(_PIECES, max_size=25).map(" ".join), st.lists(_PIECES, max_size=25).map("".join), st.text(max_size=60)
    )
)
def test_the_parser_never_raises_anything_else(text: str) -> None:
    """Whatever the text, the parser gives a tree or its own error, and soon."""
    began = time.monotonic()
    place = (1, 1)
    try:
        list(parse(text).walk())
    except ScriptSyntaxError as error:
        place = (error.line, error.column)

    assert place >= (1, 1)
    assert time.monotonic() - began < 5
