"""Reading many times at once, in the two forms that Exchange and IIS write; see `harness.events.transforms.moment`."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from harness.events.certify import stretches
from harness.events.transforms import moment

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from harness.events.certify import Bytes, Flags, Places

_WITH_FRACTION = len("2018-11-27T22:40:02.966Z")
_WHOLE = len("2018-11-27 22:40:02")
_HOUR = len("2018-11-27T22")

# Words of eight characters: two that hold all up to the hour, one from the hour to the second, and the last one.
_WORD = 8
_START, _TO_HOUR, _CLOCK, _REST = 0, _HOUR - _WORD, _WHOLE - _WORD, _WITH_FRACTION - _WORD
_CLOCK_FORM, _REST_FORM = b"00:00:00", b":00.000Z"
_DIGIT, _MARK = 0x76, 0x7F  # what may be added to a digit's value, and to zero, before the highest bit is set
_HIGH = np.uint64(0x8080808080808080)
_BYTE, _TEN = np.uint64(8), np.uint64(10)


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

    def words(at: int) -> NDArray[np.uint64]:
        return np.ndarray(len(begin), "<u8", texts, at, (width,)).copy()

    numbers, told = _numbers(words(_CLOCK), _CLOCK_FORM)
    minute, second = numbers[:, 3], numbers[:, 6]
    told &= (minute < 60) & (second < 60)  # noqa: PLR2004 - a clock's
    since = minute.astype(np.int64) * 60_000 + second.astype(np.int64) * 1000
    if width == _WITH_FRACTION:
        rest, fits = _numbers(words(_REST), _REST_FORM)
        told &= fits
        since += rest[:, 4].astype(np.int64) * 10 + rest[:, 6] // 10
    # Rows that stand together are mostly of one hour, which is then read once.
    start, to_hour = words(_START), words(_TO_HOUR)
    others = np.flatnonzero((start[1:] != start[:-1]) | (to_hour[1:] != to_hour[:-1])) + 1
    for first, last in pairwise((0, *others.tolist(), len(begin))):
        begun = _hour(texts[first, :_HOUR].tobytes())
        if begun is None:
            told[first:last] = False
        else:
            since[first:last] += begun
    return since * 1000, told


@lru_cache
def _hour(text: bytes) -> int | None:
    """Give the milliseconds from 1970 to an hour; None for what isn't read as one."""
    try:
        return round(moment(f"{text.decode('ascii')}:00:00").timestamp()) * 1000
    except ValueError:
        return None


def _numbers(words: NDArray[np.uint64], form: bytes) -> tuple[Bytes, Flags]:
    """Read the digits of words of eight characters.

    Args:
        words: The words.
        form: How they are written: ``0`` for a digit, other characters for themselves.

    Returns:
        Of each word at each character the digit there times ten, and the next one; and which words are written so.
    """
    # What is written so leaves its digits, and zeros where there are none. What is added then sets a byte's highest bit
    # if there is any more in it; a byte that overflows has that bit already.
    digits = words ^ np.frombuffer(form, dtype="<u8")
    room = np.frombuffer(bytes(_DIGIT if each == ord("0") else _MARK for each in form), dtype="<u8")
    fits = ((digits + room) | digits) & _HIGH == 0
    return (digits * _TEN + (digits >> _BYTE)).view(np.uint8).reshape(-1, _WORD), fits
