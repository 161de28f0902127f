"""A column's texts, each different one once."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from harness.events.batch import gather

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from harness.events.batch import Batch

    Codes = NDArray[np.int32]
    Words = NDArray[np.uint64]

_WORD = 8
_SHORT = 3 * _WORD  # bytes that texts have on average, at most, where comparing them by words is worth it
_LONGEST = 16 * _WORD
_MASKS = np.array([(1 << 8 * size) - 1 for size in range(_WORD + 1)], dtype=np.uint64)
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(29)


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


def encode_column(batch: Batch, place: int) -> Encoded:
    """Find the different texts of a column.

    Args:
        batch: The rows.
        place: The column's place.
    """
    if not batch.doubled:
        begin, end = batch.cells(place)
        length = end - begin
        longest = int(length.max())
        if longest <= _LONGEST and int(length.sum()) <= _SHORT * len(batch):
            found = _by_words(batch, begin, length, longest)
            if found is not None:
                codes, first = found
                return Encoded(codes, gather(batch.block, begin[first], end[first]), ascii=batch.ascii)
    encoded = batch.column(place).dictionary_encode()
    return Encoded(encoded.indices.to_numpy(), encoded.dictionary, ascii=batch.ascii)


def _by_words(
    batch: Batch, begin: NDArray[np.int64], length: NDArray[np.int64], longest: int
) -> tuple[Codes, NDArray[np.int64]] | None:
    """Tell short texts apart by their bytes, eight at a time.

    Returns:
        For each row which of the texts it has, and the row in which each first appears; None where two texts can't be
        told apart so.
    """
    if len(batch.block) < _WORD:
        return None
    block = np.lib.stride_tricks.sliding_window_view(batch.block, _WORD)
    last = len(block) - 1
    mixed = length.astype(np.uint64)
    words: list[tuple[slice | NDArray[np.int64], Words]] = []
    for at in range(0, longest, _WORD):
        rows: slice | NDArray[np.int64] = slice(None) if at == 0 else np.flatnonzero(length > at)
        places = begin[rows] + at
        if int(places[-1]) > last:
            return None  # the block ends within the last row's word
        word = block[places].view(np.uint64)[:, 0]
        word &= _MASKS[np.minimum(length[rows] - at, _WORD)]
        words.append((rows, word))
        part = mixed[rows] ^ word
        part *= _FACTOR
        part ^= part >> _SHIFT
        mixed[rows] = part
    codes: Codes = pa.array(mixed).dictionary_encode().indices.to_numpy()
    first = np.empty(int(codes.max()) + 1, dtype=np.int64)
    first[codes[::-1]] = np.arange(len(codes) - 1, -1, -1)
    # Different texts may have the same number; then the rows with that number aren't all the same.
    if not (length == length[first][codes]).all():
        return None
    for rows, word in words:
        whole = np.zeros(len(codes), dtype=np.uint64)
        whole[rows] = word
        if not (whole == whole[first][codes]).all():
            return None
    return codes, first
