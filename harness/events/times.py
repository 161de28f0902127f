"""Reading many times at once, in the two forms that Exchange and IIS write; see `harness.events.transforms.moment`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from harness.events.certify import Bytes, Flags, Places

_WITH_FRACTION = len("2018-11-27T22:40:02.966Z")
_WHOLE = len("2018-11-27 22:40:02")

_PARTS = ((0, 1, 2, 3), (5, 6), (8, 9), (11, 12), (14, 15), (17, 18), (20, 21, 22))  # year to thousandth
_MARKS = ((4, b"-"), (7, b"-"), (10, b"T "), (13, b":"), (16, b":"), (19, b"."), (23, b"Z"))
_DAYS = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
_FEBRUARY = 2
_NINE = 9
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
    texts = np.ascontiguousarray(np.lib.stride_tricks.sliding_window_view(block, width)[begin].T)
    told = np.ones(len(begin), dtype=np.bool_)
    for column, marks in _MARKS:
        if column < width:
            fits = texts[column] == marks[0]
            for mark in marks[1:]:
                fits |= texts[column] == mark
            told &= fits
    texts -= ord("0")
    numbers = []
    for part in _PARTS:
        if part[-1] < width:
            number = np.zeros(len(begin), dtype=np.int32)
            for column in part:
                told &= texts[column] <= _NINE  # what is below the first digit has wrapped around
                number *= 10
                number += texts[column]
            numbers.append(number)
    year, month, day, hour, minute, second, *rest = numbers
    told &= (hour < 24) & (minute < 60) & (second < 60)  # noqa: PLR2004 - a clock's
    if (texts[:_DATE] == texts[:_DATE, :1]).all():
        year, month, day = year[:1], month[:1], day[:1]
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    last = _DAYS[np.clip(month, 1, len(_DAYS)) - 1] + (leap & (month == _FEBRUARY))
    told &= (year >= 1) & (month >= 1) & (month <= len(_DAYS)) & (day >= 1) & (day <= last)
    micros = (_day_number(year, month, day) * 86_400 + (hour * 3600 + minute * 60 + second)) * 1_000_000
    return (micros + rest[0].astype(np.int64) * 1000 if rest else micros), told


def _day_number(year: NDArray[np.int32], month: NDArray[np.int32], day: NDArray[np.int32]) -> NDArray[np.int64]:
    """Give days since 1970, with years that begin in March, so that the leap day is the last one."""
    year = year - (month <= _FEBRUARY)
    since_march = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    days: NDArray[np.int32] = year * 365 + year // 4 - year // 100 + year // 400 + since_march - 719_468
    return days.astype(np.int64)
