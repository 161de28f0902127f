"""Reading many times at once, in the two forms that Exchange and IIS write; see `harness.events.transforms.moment`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from harness.events.certify import stretches

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from harness.events.certify import Bytes, Flags, Places

_WITH_FRACTION = len("2018-11-27T22:40:02.966Z")
_WHOLE = len("2018-11-27 22:40:02")

_PARTS = ((0, 1, 2, 3), (5, 6), (8, 9), (11, 12), (14, 15), (17, 18), (20, 21, 22))  # year to thousandth
_MARKS = ((4, b"-"), (7, b"-"), (10, b"T "), (13, b":"), (16, b":"), (19, b"."), (23, b"Z"))
_DAYS = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
_FEBRUARY = 2
_ZERO, _NINE, _TEN = np.uint8(ord("0")), np.uint8(9), np.uint8(10)
_TWO = 2
_HOUR = len("2018-11-27T22")
_DATE = len("2018-11-27")


def parse_times(block: Bytes, begin: Places, end: Places) -> tuple[NDArray[np.int64], Flags]:
    """Read times.

    Args:
        block: The bytes.
        begin: Where each time begins.
        end: Where it ends.

    Returns:
        Microseconds since 1970, and which ones are times of these forms; what isn't may be one of another form.
    """
    length = end - begin
    micros = np.zeros(len(begin), dtype=np.int64)
    told = np.zeros(len(begin), dtype=np.bool_)
    for width in (_WITH_FRACTION, _WHOLE):
        fits = length == width
        if fits.all():
            return _parse(block, begin, width)
        if fits.any():
            micros[fits], told[fits] = _parse(block, begin[fits], width)
    return micros, told


def _parse(block: Bytes, begin: Places, width: int) -> tuple[NDArray[np.int64], Flags]:
    """Read times that have the same length."""
    # One row per character, so that each step runs along memory.
    texts = np.ascontiguousarray(stretches(block, begin, width).T)
    told = np.ones(len(begin), dtype=np.bool_)
    # Rows that stand together are mostly of one hour, which is then read once.
    same = bool((texts[:_HOUR] == texts[:_HOUR, :1]).all())
    characters = [text[:1] if same and column < _HOUR else text for column, text in enumerate(texts)]
    for column, marks in _MARKS:
        if column < width:
            fits = characters[column] == marks[0]
            for mark in marks[1:]:
                fits |= characters[column] == mark
            told &= fits
    numbers = []
    for part in _PARTS:
        if part[-1] < width:
            digits = [characters[column] - _ZERO for column in part]
            for digit in digits:
                told &= digit <= _NINE  # what is below the first digit has wrapped around
            number = digits[0] if len(part) == _TWO else digits[0].astype(np.int32)
            for digit in digits[1:]:
                number = number * _TEN + digit  # what has two digits fits in a byte; what isn't one doesn't count
            numbers.append(number)
    year, month, day, hour, minute, second, *rest = numbers
    told &= (hour < 24) & (minute < 60) & (second < 60)  # noqa: PLR2004 - a clock's
    month, day = month.astype(np.int32), day.astype(np.int32)
    if (texts[:_DATE] == texts[:_DATE, :1]).all():
        year, month, day = year[:1], month[:1], day[:1]
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    last = _DAYS[np.clip(month, 1, len(_DAYS)) - 1] + (leap & (month == _FEBRUARY))
    told &= (year >= 1) & (month >= 1) & (month <= len(_DAYS)) & (day >= 1) & (day <= last)
    begun = (_day_number(year, month, day) * 24 + hour) * 3_600_000
    since = minute.astype(np.int32) * 60_000 + second.astype(np.int32) * 1000
    return (begun + (since + rest[0] if rest else since)) * 1000, told


def _day_number(year: NDArray[np.int32], month: NDArray[np.int32], day: NDArray[np.int32]) -> NDArray[np.int64]:
    """Give days since 1970, with years that begin in March, so that the leap day is the last one."""
    year = year - (month <= _FEBRUARY)
    since_march = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    days: NDArray[np.int32] = year * 365 + year // 4 - year // 100 + year // 400 + since_march - 719_468
    return days.astype(np.int64)
