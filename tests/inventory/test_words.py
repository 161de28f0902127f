"""The words of a host line and the values after the equals sign."""

from __future__ import annotations

import shlex
import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harness.inventory import words


@given(st.text(string.ascii_letters + "\"'\\# \t=:éß;", max_size=40))
@example('a "b\\"c\\\\d\\e" \'f\\\'')
def test_words_are_those_of_shlex(line: str) -> None:
    """Words come out as from Python's shlex, which is what Ansible uses, and fail where it fails."""
    try:
        expected = shlex.split(line, comments=True)
    except ValueError:
        with pytest.raises(ValueError, match=r"isn't closed|ends with a backslash"):
            words.split(line)
        return

    actual = [word.text for word in words.split(line)]

    assert expected == actual


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1))
def test_quoting_brings_a_value_through(text: str) -> None:
    """Whatever the password: quoted as a shell does, it comes out exactly, and nothing warns."""
    (word,) = words.split(shlex.quote(text) if shlex.quote(text) != text else f"'{text}'")

    assert text == word.text
    assert not word.cut
    assert not word.lost_backslash


def test_comment_inside_a_word_is_told() -> None:
    """A # without a space before it cuts a value off, which the caller has to know."""
    (joined,) = words.split("a=b#c d")
    (apart,) = words.split("a=b #c d")

    assert (joined.text, joined.cut) == ("a=b", True)
    assert (apart.text, apart.cut) == ("a=b", False)


def test_columns_are_those_of_the_text() -> None:
    """A word knows where it begins, so that an error can say so."""
    columns = [word.column for word in words.split("  ex1 'a b'")]

    assert columns == [3, 7]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("'03#pa33w0rd'", "03#pa33w0rd"),
        ('"a b"', "a b"),
        ("8080 # the port", "8080"),
        ("8080#x", "8080#x"),
        ("pass # word", "pass # word"),
        ("007", "007"),
        ("True", "True"),
        ("1e3", "1e3"),
        ("['a', 'b']", "['a', 'b']"),
        ("'a' + 'b'", "'a' + 'b'"),
        ("'unclosed", "'unclosed"),
        (r"C:\new\W", r"C:\new\W"),
        ("", ""),
        ("(" * 300, "(" * 300),
    ],
)
def test_value_of_a_vars_section(text: str, expected: str) -> None:
    """A value stays as written, but for the quotes around all of it and a comment after a number."""
    actual = words.value(text, comments=True)

    assert expected == actual


def test_number_on_a_host_line_keeps_its_hash() -> None:
    """On a host line comments are gone already, so a quoted password of digits and # stays whole."""
    actual = words.value("12 # 34", comments=False)

    assert actual == "12 # 34"


@pytest.mark.parametrize(
    ("text", "expected"), [(r"'CORP\admin'", True), (r"'CORP\\admin'", False), (r"CORP\admin", False)]
)
def test_escapes_in_quotes_are_told(text: str, *, expected: bool) -> None:
    r"""``'CORP\admin'`` holds a bell, which nobody means."""
    assert expected is words.has_escapes(text)
