"""A column's texts, each different one once."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from harness.events.batch import gather
from harness.events.candidate import BEGINNING
from harness.events.certify import stretches

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from harness.events.batch import Batch, Cells
    from harness.events.certify import Bytes, Flags, Places

    Codes = NDArray[np.int32]
    Words = NDArray[np.uint64]

_SAMPLE = 16  # rows that are looked at before a column is believed to hold one text only
_LONG = 64
_OFTEN = 2  # a column is mostly empty if fewer than one text in so many holds anything
_SELDOM = 4  # rows of one session stand together; a column is read so if fewer than one in so many begins anew
_MASKS = np.array([(1 << 8 * length) - 1 for length in range(BEGINNING + 1)], dtype="<u8")


class Encoded:
    """The texts of a column, each different one once.

    Args:
        codes: For each row which of the texts it has.
        values: The different texts, as Arrow strings in the order in which they first appear.
        ascii: Whether all of them are ASCII.
    """

    def __init__(self, codes: Codes, values: Any, *, ascii: bool) -> None:  # noqa: A002, ANN401 - pyarrow has no types
        self.codes = codes
        self.values = values
        self.ascii = ascii

    @cached_property
    def texts(self) -> list[str]:
        """The different texts."""
        texts: list[str] = self.values.to_pylist()
        return texts


def encode_cells(batch: Batch, cells: Cells) -> Encoded:
    """Find the different texts of a column.

    Args:
        batch: The rows.
        cells: Where the column's texts stand.
    """
    return few_texts(batch, cells) or _texts(batch, cells)


def _texts(batch: Batch, cells: Cells) -> Encoded:
    """Find the different texts of a column of any kind."""
    filled = np.flatnonzero(cells.end > cells.begin)
    if len(filled) * _OFTEN < len(batch):
        # One empty text stands for all of them.
        first = np.flatnonzero(cells.end == cells.begin)[:1]
        rows = np.insert(filled, np.searchsorted(filled, first), first)
        some = _encode(batch, cells.some(rows))
        codes = np.full(len(batch), some.codes[np.searchsorted(rows, first[0])], dtype=np.int32)
        codes[rows] = some.codes
        return Encoded(codes, some.values, ascii=batch.ascii)
    anew = _anew(cells)
    if anew is None:
        return _encode(batch, cells)
    some = _encode(batch, cells.some(np.flatnonzero(anew)))
    return Encoded(some.codes.take(np.cumsum(anew) - 1), some.values, ascii=batch.ascii)


def _encode(batch: Batch, cells: Cells) -> Encoded:
    encoded = cells.texts().dictionary_encode()
    return Encoded(encoded.indices.to_numpy(), encoded.dictionary, ascii=batch.ascii)


def _anew(cells: Cells) -> Flags | None:
    """Tell which rows may have another text than the row before; None where that are many, or the texts are long."""
    length = cells.end - cells.begin
    width = -(-int(length.max()) // BEGINNING) * BEGINNING
    if width > _LONG or cells.end[0] < width:
        return None
    for count in (min(_SAMPLE * _SAMPLE, len(length)), len(length)):
        # Of two texts of one length, what they end with is the same if they are; what stands before them may be.
        words = stretches(cells.block, cells.end[:count] - width, width).view("<u8")
        anew = np.ones(len(words), dtype=np.bool_)
        anew[1:] = length[1:count] != length[: count - 1]
        for each in words.T:
            anew[1:] |= each[1:] != each[:-1]
        if np.count_nonzero(anew) * _SELDOM > len(anew):
            return None
    return anew


def few_texts(batch: Batch, cells: Cells) -> Encoded | None:
    """Find the different texts of a column where that is quick: one only, or short ones; None for others."""
    if cells.doubled is not None:
        return None
    begin, end = cells.begin, cells.end
    length = end - begin
    longest = int(length.max())
    if longest <= _LONG and longest == length.min() and _same(batch.block, begin, longest):
        values = pa.array([batch.block[begin[0] : end[0]].tobytes().decode()], pa.string())
        return Encoded(np.zeros(len(batch), dtype=np.int32), values, ascii=batch.ascii)
    if longest <= 1:
        codes, marks = _marks(np.where(length, batch.block[begin], 0))
        return Encoded(codes, pa.array([chr(mark) if mark else "" for mark in marks], pa.string()), ascii=batch.ascii)
    if longest <= BEGINNING:
        codes, different = encode_words(beginnings(cells))
        first = _first(codes, len(different))
        return Encoded(codes, gather(batch.block, begin[first], end[first]), ascii=batch.ascii)
    return None


def _marks(marks: Bytes) -> tuple[Codes, list[int]]:
    """Give for each mark which of the different ones it is, and those in the order in which they first appear."""
    first = _first(marks, 256)
    order = np.argsort(first, kind="stable")[: np.count_nonzero(first < len(marks))]
    codes = np.zeros(256, dtype=np.int32)
    codes[order] = np.arange(len(order))
    return codes.take(marks), order.tolist()


def _first(codes: NDArray[Any], size: int) -> Places:
    """Give where each code first appears; one that doesn't is told to appear behind the end."""
    first = np.full(size, len(codes), dtype=np.int64)
    first[codes[::-1]] = np.arange(len(codes) - 1, -1, -1)
    return first


def encode_words(words: Words) -> tuple[Codes, Words]:
    """Give for each word which of the different ones it is, and those in the order in which they first appear."""
    encoded = pa.array(words).dictionary_encode()
    return encoded.indices.to_numpy(), encoded.dictionary.to_numpy()


def beginnings(cells: Cells) -> Words:
    """Give the first bytes of a column's texts as words, the first one lowest, with zeros behind a text's end."""
    block, begin = cells.block, cells.begin
    # Where a text begins less than a word before the block's end, the word is read from a copy that goes on behind it.
    late = int(np.searchsorted(begin, len(block) - BEGINNING, side="right"))
    words = np.empty(len(begin), dtype="<u8")
    if late:
        words[:late] = stretches(block, begin[:late], BEGINNING).view("<u8")[:, 0]
    if late < len(begin):
        rest = np.concatenate((block[begin[late] :], np.zeros(BEGINNING, dtype=np.uint8)))
        words[late:] = stretches(rest, begin[late:] - begin[late], BEGINNING).view("<u8")[:, 0]
    words &= _MASKS[np.minimum(cells.end - begin, BEGINNING)]
    return words


def _same(block: Bytes, begin: Places, length: int) -> bool:
    """Tell whether stretches of the same length hold the same."""
    for some in (begin[:_SAMPLE], begin):
        texts = stretches(block, some, length)
        if texts.tobytes() != texts[0].tobytes() * len(texts):
            return False
    return True
