"""Patterns for ``--limit`` and for a play's hosts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import InventoryError
from harness.inventory import patterns
from harness.source import Source

HOSTS = ("lone", "ex1.corp", "ex2.corp", "ex3.corp", "edge1", "2001:db8::1")
MEMBERS = {
    "all": HOSTS,
    "ungrouped": ("lone", "2001:db8::1"),
    "exchange": ("ex1.corp", "ex2.corp", "ex3.corp", "edge1"),
    "paris": ("ex2.corp", "ex3.corp"),
    "edge": ("edge1",),
    "empty": (),
}
HERE = Source("--limit")


def chosen(pattern: str) -> list[str]:
    """Select from the hosts above."""
    return list(patterns.select(pattern, HOSTS, MEMBERS, HERE))


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("all", list(HOSTS)),
        ("*", list(HOSTS)),
        ("edge1", ["edge1"]),
        ("edge", ["edge1"]),
        ("paris:edge", ["ex2.corp", "ex3.corp", "edge1"]),
        ("edge,paris", ["edge1", "ex2.corp", "ex3.corp"]),
        ("edge, paris ,", ["edge1", "ex2.corp", "ex3.corp"]),
        ("exchange:&paris", ["ex2.corp", "ex3.corp"]),
        ("exchange:!paris", ["ex1.corp", "edge1"]),
        ("!paris:exchange", ["ex1.corp", "edge1"]),
        ("exchange:&paris:!ex3.corp", ["ex2.corp"]),
        ("paris:&edge", []),
        ("!exchange", ["lone", "2001:db8::1"]),
        ("&paris", ["ex2.corp", "ex3.corp"]),
        ("ex?.corp", ["ex1.corp", "ex2.corp", "ex3.corp"]),
        ("ex[13].corp", ["ex1.corp", "ex3.corp"]),
        ("e*", ["ex1.corp", "ex2.corp", "ex3.corp", "edge1"]),
        ("*.corp", ["ex1.corp", "ex2.corp", "ex3.corp"]),
        ("~ex[12]\\.", ["ex1.corp", "ex2.corp"]),
        ("~(paris|lone)", ["ex2.corp", "ex3.corp", "lone"]),
        ("exchange[0]", ["ex1.corp"]),
        ("exchange[-1]", ["edge1"]),
        ("exchange[1:2]", ["ex2.corp", "ex3.corp"]),
        ("exchange[2:]", ["ex3.corp", "edge1"]),
        ("exchange[1:2]:!ex3.corp", ["ex2.corp"]),
        ("2001:db8::1", ["2001:db8::1"]),
        ("empty", []),
        ("paris:paris:ex2.corp", ["ex2.corp", "ex3.corp"]),
    ],
)
def test_pattern_selects(pattern: str, expected: list[str]) -> None:
    """A pattern selects what it does in Ansible, each host once, in the pattern's order."""
    actual = chosen(pattern)

    assert expected == actual


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("pariss", ["--limit: 'pariss' matches no host and no group (did you mean paris?)"]),
        ("all:!ex3.crop", ["--limit: 'ex3.crop' matches no host and no group (did you mean ex3.corp?)"]),
        ("qq*", ["--limit: 'qq*' matches no host and no group"]),
        ("x:y", ["--limit: 'x' matches no host and no group", "--limit: 'y' matches no host and no group"]),
        ("paris[7]", ["--limit: 'paris[7]' matches nothing: paris has 2 hosts, counted from 0"]),
        ("paris[1:0]", ["--limit: 'paris[1:0]' matches nothing: paris has 2 hosts, counted from 0"]),
        (" ", ["--limit: the pattern is empty (write all for all hosts)"]),
        ("all,!", ["--limit: a part of the pattern is empty"]),
    ],
)
def test_part_that_matches_nothing_is_an_error(pattern: str, expected: list[str]) -> None:
    """A misspelt name is never passed over: after a ! that would let a host through."""
    with pytest.raises(InventoryError) as caught:
        chosen(pattern)

    assert expected == [str(problem) for problem in caught.value.problems]


def test_bad_regular_expression_is_an_error() -> None:
    """What Python says about the expression reaches the user."""
    with pytest.raises(InventoryError, match=r"'~\(' isn't a regular expression: missing \)"):
        chosen("~(")


NAMES = st.sampled_from(sorted({*HOSTS[:5], *MEMBERS}))


def of(name: str) -> set[str]:
    """Give the hosts of a group, or the host itself."""
    return set(MEMBERS.get(name, (name,)))


@given(st.lists(NAMES, min_size=1, max_size=4), st.lists(NAMES, max_size=3), st.lists(NAMES, max_size=3))
def test_patterns_are_set_operations(any_of: list[str], also: list[str], never: list[str]) -> None:
    """Parts unite, then those after & intersect, then those after ! are taken away, wherever they stand."""
    parts = [*(f"!{name}" for name in never), *(f"&{name}" for name in also), *any_of]
    expected = set[str]().union(*map(of, any_of))
    for name in also:
        expected &= of(name)
    for name in never:
        expected -= of(name)

    assert expected == set(chosen(":".join(parts)))
    assert expected == set(chosen(",".join(parts)))


@given(st.text(max_size=20))
def test_any_text_selects_known_hosts_or_is_refused(pattern: str) -> None:
    """No text brings anything but hosts of the inventory, or an error of ours."""
    try:
        names = chosen(pattern)
    except InventoryError:
        return

    assert set(names) <= set(HOSTS)
