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

_START, _MIDDLE = b"0000-00-", b"00T00:00"
_REST = {_WITH_FRACTION: b":00.000Z", _WHOLE: b"00:00:00"}  # the last eight characters, for either form
_BLANK = ord("T") ^ ord(" ")
_TO_HOUR = np.uint64((1 << 40) - 1)  # the day and the hour, of the eight characters in the middle
_DIGIT, _MARK = 0x76, 0x7F  # what may be added to a digit's value, and to zero, before the highest bit is set
_HIGH = np.uint64(0x8080808080808080)
_BYTE, _TEN = np.uint64(8), np.uint64(10)
_DAYS = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
_FEBRUARY = 2


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
    texts = stretches(block, begin, width)
    start, middle, rest = (np.ndarray(len(begin), "<u8", texts, at, (width,)).copy() for at in (0, 8, width - 8))
    if block[begin[0] + 10] == ord(" "):
        middle = middle ^ np.uint64(_BLANK << 16)
    # Rows that stand together are mostly of one hour, which is then read once.
    same = bool((start == start[0]).all()) and not ((middle ^ middle[0]) & _TO_HOUR).any()
    once = slice(1 if same else None)
    date, told = _numbers(start[once], _START)
    clock, fits = _numbers(middle, _MIDDLE)
    told = told & fits
    tail, fits = _numbers(rest, _REST[width])
    told &= fits
    year, month, day, hour = date[0] * 100 + date[2], date[5], clock[0][once], clock[3][once]
    minute = clock[6]
    second, thousandth = (tail[1], tail[4] * 10 + tail[5] % 10) if width == _WITH_FRACTION else (tail[6], 0)
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    last = _DAYS[np.clip(month, 1, len(_DAYS)) - 1] + (leap & (month == _FEBRUARY))
    told &= (year >= 1) & (month >= 1) & (month <= len(_DAYS)) & (day >= 1) & (day <= last)
    told &= (hour < 24) & (minute < 60) & (second < 60)  # noqa: PLR2004 - a clock's
    begun = (_day_number(year, month, day) * 24 + hour) * 3600
    return ((begun + minute * 60 + second) * 1000 + thousandth) * 1000, told


class _Pairs:
    """The numbers of two digits in words of eight characters.

    Args:
        words: At each byte the digit that stands there times ten, and the next one.
    """

    def __init__(self, words: NDArray[np.uint64]) -> None:
        self._bytes = words.view(np.uint8).reshape(-1, 8)

    def __getitem__(self, at: int) -> NDArray[np.int64]:
        """Give the number that begins at a byte."""
        return self._bytes[:, at].astype(np.int64)


def _numbers(words: NDArray[np.uint64], form: bytes) -> tuple[_Pairs, Flags]:
    """Read the digits of words of eight characters.

    Args:
        words: The words.
        form: How they are written: ``0`` for a digit, other characters for themselves.

    Returns:
        Their numbers, and which words are written so.
    """
    # What is written so leaves its digits, and zeros where there are none. What is added then sets a byte's highest bit
    # if there is any more in it; a byte that overflows has that bit already.
    digits = words ^ np.frombuffer(form, dtype="<u8")
    room = np.frombuffer(bytes(_DIGIT if each == ord("0") else _MARK for each in form), dtype="<u8")
    fits = ((digits + room) | digits) & _HIGH == 0
    return _Pairs(digits * _TEN + (digits >> _BYTE)), fits


def _day_number(year: NDArray[np.int64], month: NDArray[np.int64], day: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give days since 1970, with years that begin in March, so that the leap day is the last one."""
    year = year - (month <= _FEBRUARY)
    since_march = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return year * 365 + year // 4 - year // 100 + year // 400 + since_march - 719_468
