"""Sizes, ages and paths, in whatever way a server's region and shell print them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.exchange import values

SEPARATORS = (",", ".", "\u00a0", "\u202f", "'", "\u2019", " ", "")
UNITS = ("B", "KB", "MB", "GB", "TB")
BYTES = st.integers(0, 2**63 - 1)
SPANS = st.timedeltas(timedelta(0), timedelta(days=24855)).map(lambda span: timedelta(span.days, span.seconds))


def printed(count: int, separator: str) -> str:
    """Print a size as Exchange does: a rounded number with its unit, then all bytes."""
    unit = max((power for power in range(5) if count >= 1 << 10 * power), default=0)
    return f"{count / (1 << 10 * unit):.4g} {UNITS[unit]} ({count:,} bytes)".replace(",", separator)


@given(BYTES, st.sampled_from(SEPARATORS))
def test_no_byte_of_a_printed_size_is_lost(count: int, separator: str) -> None:
    """The bytes in parentheses count, whatever the region parts thousands with; the rounded number never does."""
    one_form = values.size(printed(count, separator))

    assert count == values.size_in_bytes(one_form)


@given(BYTES, st.sampled_from(SEPARATORS))
def test_one_form_of_a_size_is_its_own(count: int, separator: str) -> None:
    """Parsing what was rendered gives the same, so that a plan doesn't see a difference in what it wrote itself."""
    one_form = values.size(printed(count, separator))

    assert one_form == values.size(one_form)


@given(st.integers(0, 2**20), st.sampled_from(UNITS), st.booleans(), st.booleans())
def test_a_written_size_is_what_it_says(count: int, unit: str, small: bool, blank: bool) -> None:
    """Units are powers of 1024, in any case, with or without a blank, as Exchange takes them."""
    text = f"{count}{' ' if blank else ''}{unit.lower() if small else unit}"

    assert count << 10 * UNITS.index(unit) == values.size_in_bytes(values.size(text))


@pytest.mark.parametrize("text", ["Unlimited", "unlimited", " UNLIMITED "])
def test_unlimited(text: str) -> None:
    """No number stands for it."""
    assert (values.UNLIMITED, None) == (values.size(text), values.size_in_bytes(values.size(text)))


@pytest.mark.parametrize("text", ["", "MB", "-1MB", "1.5GB", "10 MB ( bytes)", "10 M", "1 000", "ten MB", "1KB 2MB"])
def test_what_is_no_size_is_refused(text: str) -> None:
    """A guess would be written to a server."""
    with pytest.raises(ValueError, match="no size"):
        values.size(text)


@given(SPANS, st.sampled_from(["", ".0000000", ".5"]))
def test_a_printed_span_keeps_its_length(span: timedelta, fraction: str) -> None:
    """Days are left out by .NET where there are none, and fractions of a second don't count."""
    clock = f"{span.seconds // 3600:02}:{span.seconds % 3600 // 60:02}:{span.seconds % 60:02}{fraction}"
    one_form = values.age(f"{span.days}.{clock}" if span.days else clock)
    days, _, rest = one_form.partition(".")
    hours, minutes, seconds = (int(part) for part in rest.split(":"))

    assert span == timedelta(int(days), seconds, minutes=minutes, hours=hours)
    assert one_form == values.age(one_form)


@given(st.integers(0, 24855), st.sampled_from(["d", " d", "days", " day"]))
def test_days_can_be_written_short(days: int, unit: str) -> None:
    """A person's form and Exchange's meet in one."""
    assert values.age(f"{days}.00:00:00") == values.age(f"{days}{unit}")


@pytest.mark.parametrize("text", ["", "30", "24:00:00", "1.00:60:00", "1.00:00:60", "-1.00:00:00", "30 weeks"])
def test_what_is_no_span_is_refused(text: str) -> None:
    """A guess would be written to a server."""
    with pytest.raises(ValueError, match="no time span"):
        values.age(text)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("D:\\Logs", "d:\\LOGS\\", True),
        ("D:\\", "D:", True),
        ("D:\\Logs", "D:\\Logs2", False),
        ("D:\\Logs\\a", "D:\\Logs", False),
    ],
)
def test_paths_compare_as_windows_does(one: str, other: str, same: bool) -> None:
    """Case and a closing backslash make no other folder."""
    assert same == values.same_path(one, other)
