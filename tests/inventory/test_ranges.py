"""Host ranges."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.inventory import ranges


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("ex01", ("ex01",)),
        ("ex[1:3]", ("ex1", "ex2", "ex3")),
        ("ex[08:11].corp", ("ex08.corp", "ex09.corp", "ex10.corp", "ex11.corp")),
        ("ex[1:10:4]", ("ex1", "ex5", "ex9")),
        ("ex[:2]", ("ex0", "ex1", "ex2")),
        ("db-[a:c]", ("db-a", "db-b", "db-c")),
        ("db-[a:f:2]", ("db-a", "db-c", "db-e")),
        ("[y:B]", ("y", "z", "A", "B")),
        ("s[1:2]r[a:b]", ("s1ra", "s1rb", "s2ra", "s2rb")),
        ("10.0.0.[1:2]", ("10.0.0.1", "10.0.0.2")),
        ("2001:db8::1", ("2001:db8::1",)),
    ],
)
def test_range_gives_names_in_order(pattern: str, expected: tuple[str, ...]) -> None:
    """A range stands for the names that Ansible documents, both ends included."""
    actual = ranges.expand(pattern)

    assert expected == actual


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("ex[3:1]", "the range [3:1] is empty: its first value comes after its last one"),
        (
            "ex[01:100]",
            "the range [01:100] has leading zeros, so both ends must have the same number of digits",
        ),
        ("ex[1:5:0]", "the range [1:5:0] must have a step of 1 or more"),
        ("ex[1:5:-1]", "the range [1:5:-1] must have a step of 1 or more"),
        ("ex[1-5]", "the range [1-5] must read [first:last] or [first:last:step]"),
        ("ex[1:2:3:4]", "the range [1:2:3:4] must read [first:last] or [first:last:step]"),
        ("ex[a:5]", "the range [a:5] must run between two numbers or between two letters"),
        ("ex[1:]", "the range [1:] must run between two numbers or between two letters"),
        (
            "ex[\u0661:\u0663]",
            "the range [\u0661:\u0663] must run between two numbers or between two letters",
        ),
        ("ex[1:99999999]", "the range [1:99999999] stands for more than 10000 hosts"),
        ("ex[1:200]-[1:200]", "'ex[1:200]-[1:200]' stands for more than 10000 hosts"),
        ("ex[1:2", "'ex[1:2' isn't a host name, an address or a range such as ex[01:20]"),
        ("ex 1", "'ex 1' isn't a host name, an address or a range such as ex[01:20]"),
    ],
)
def test_bad_range_says_why(pattern: str, expected: str) -> None:
    """A range that can't be meant is an error, never an empty or an endless list."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011 -- the whole message is compared
        ranges.expand(pattern)

    assert expected == str(caught.value)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("ex01", ("ex01", "")),
        ("ex01:5986", ("ex01", "5986")),
        ("ex[01:20]:5986", ("ex[01:20]", "5986")),
        ("ex[01:20]", ("ex[01:20]", "")),
        ("10.0.0.1:5986", ("10.0.0.1", "5986")),
        ("2001:db8::5986", ("2001:db8::5986", "")),
        ("[2001:db8::1]:5986", ("2001:db8::1", "5986")),
        ("[2001:db8::1]", ("2001:db8::1", "")),
        ("[1:2].corp:80", ("[1:2].corp", "80")),
    ],
)
def test_port_is_split_off(pattern: str, expected: tuple[str, str]) -> None:
    """The colon of a port isn't mistaken for that of a range or of an IPv6 address."""
    actual = ranges.split_port(pattern)

    assert expected == actual


@given(st.integers(0, 500), st.integers(0, 60), st.integers(1, 7), st.integers(1, 4))
def test_number_ranges_count_as_range_does(first: int, length: int, step: int, width: int) -> None:
    """Every number of Python's own range is there, once, in order, with the first one's width."""
    last = first + length
    low, high = str(first).zfill(width), str(last)
    if low.startswith("0") and len(low) > 1:
        high = high.zfill(len(low))
        if len(high) != len(low):
            return
    expected = [f"h{number:0{len(low) if low[0] == '0' else 1}}" for number in range(first, last + 1, step)]

    actual = ranges.expand(f"h[{low}:{high}:{step}]")

    assert expected == list(actual)


@given(st.text(string.printable, max_size=30))
def test_any_text_is_expanded_or_refused(text: str) -> None:
    """No text brings anything but names without brackets, or a ValueError."""
    try:
        names = ranges.expand(text)
    except ValueError:
        return

    assert names
    assert all("[" not in name and " " not in name for name in names)
