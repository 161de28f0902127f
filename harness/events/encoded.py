"""A column's texts, each different one once."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.events.batch import gather
from harness.events.certify import stretches

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from harness.events.batch import Batch, Cells
    from harness.events.certify import Bytes, Places

    Codes = NDArray[np.int32]

_SAMPLE = 16  # rows that are looked at before a column is believed to hold one text only
_LONG = 64
_NONE = 256  # stands for no byte


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

    @cached_property
    def first_bytes(self) -> Bytes:
        """The byte that each text begins with; 0 for an empty one."""
        _, bounds, data = self.values.buffers()
        begin = np.frombuffer(bounds, dtype=np.int32)[self.values.offset :][: len(self.values) + 1]
        if not begin[-1]:
            return np.zeros(len(self.values), dtype=np.uint8)
        block = np.frombuffer(data, dtype=np.uint8)
        first = block[np.minimum(begin[:-1], begin[-1] - 1)]
        return np.where(begin[1:] > begin[:-1], first, 0).astype(np.uint8)


def encode_column(batch: Batch, place: int) -> Encoded:
    """Find the different texts of a column.

    Args:
        batch: The rows.
        place: The column's place.
    """
    cells = batch.cells(place)
    return few_texts(batch, cells) or encode_texts(batch, cells.texts())


def encode_texts(batch: Batch, texts: Any) -> Encoded:  # noqa: ANN401 - pyarrow has no types
    """Find the different ones of a column's texts."""
    encoded = texts.dictionary_encode()
    return Encoded(encoded.indices.to_numpy(), encoded.dictionary, ascii=batch.ascii)


def few_texts(batch: Batch, cells: Cells) -> Encoded | None:
    """Find the different texts of a column where that is quick: one text only, or marks; None for other columns."""
    if cells.doubled is None:
        begin, end = cells.begin, cells.end
        length = end - begin
        longest = int(length.max())
        if longest <= 1:
            return _marks(batch, begin, end)
        if longest <= _LONG and longest == length.min() and _same(batch.block, begin, longest):
            values = gather(batch.block, begin[:1], end[:1])
            return Encoded(np.zeros(len(batch), dtype=np.int32), values, ascii=batch.ascii)
    return None


def _marks(batch: Batch, begin: Places, end: Places) -> Encoded:
    """Tell texts apart that are one byte long or empty."""
    texts = np.where(end > begin, batch.block[begin], _NONE)
    first = np.full(_NONE + 1, len(batch), dtype=np.int64)
    first[texts[::-1]] = np.arange(len(batch) - 1, -1, -1)
    order = np.argsort(first, kind="stable")[: np.count_nonzero(first < len(batch))]
    codes = np.zeros(_NONE + 1, dtype=np.int32)
    codes[order] = np.arange(len(order))
    rows = first[order]
    return Encoded(codes[texts], gather(batch.block, begin[rows], end[rows]), ascii=batch.ascii)


def _same(block: Bytes, begin: Places, length: int) -> bool:
    """Tell whether stretches of the same length hold the same."""
    for some in (begin[:_SAMPLE], begin):
        texts = stretches(block, some, length)
        if texts.tobytes() != texts[0].tobytes() * len(texts):
            return False
    return True
