"""A batch: rows of a block that were certified, with their values left where they stand until they are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from pyarrow import compute

from harness.events.csvlog import split_row
from harness.events.record import Record, quick

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from harness.events.certify import Bytes, Certified, Flags, Places, Rules
    from harness.events.record import Header, Item

_record = quick(Record)
_QUOTE = ord('"')


@dataclass(frozen=True, slots=True)
class Cells:
    """Where the values of a column stand in a block, without the quotes around them.

    Args:
        block: The block.
        begin: Where each begins.
        end: Where each ends.
        doubled: The rows in which quotes may stand doubled; None where they don't in any.
    """

    block: Bytes
    begin: Places
    end: Places
    doubled: Places | None

    def some(self, rows: Places) -> Cells:
        """Tell where the values of some rows stand."""
        doubled = None
        if self.doubled is not None:
            doubled = np.flatnonzero(np.isin(rows, self.doubled))
        return Cells(self.block, self.begin[rows], self.end[rows], doubled)

    def texts(self) -> Any:  # noqa: ANN401 - pyarrow has no types
        """Give the values as an Arrow array of strings."""
        values = gather(self.block, self.begin, self.end)
        if self.doubled is not None and len(self.doubled):
            texts = [text.replace('""', '"') for text in values.take(pa.array(self.doubled)).to_pylist()]
            mask = np.zeros(len(values), dtype=np.bool_)
            mask[self.doubled] = True
            values = compute.replace_with_mask(values, pa.array(mask), pa.array(texts, pa.string()))
        return values


class Batch:
    """Rows that stand below one header, in the file's order, and what stands between them.

    Args:
        header: The header.
        block: The bytes that they stand in.
        base: The offset of the block's first byte in the file.
        rules: How values are separated.
        found: What was certified.
        kept: Which of the certified lines are rows of this batch; the others were part of something else.
        first: The number of the first line that was looked at.
        between: Other items, each with how many of the rows stand before it.
    """

    def __init__(
        self,
        header: Header,
        block: Bytes,
        *,
        base: int,
        rules: Rules,
        found: Certified,
        kept: Flags,
        first: int,
        between: tuple[tuple[int, Item], ...],
    ) -> None:
        self.header = header
        self.between = between
        self._block = block
        self._base = base
        self._rules = rules
        self.ascii = found.ascii
        """Whether all of the rows' bytes are ASCII."""
        lines = np.flatnonzero(kept)
        whole = len(lines) == len(kept)
        self._begin = found.starts if whole else found.starts[lines]
        self._end = found.ends if whole else found.ends[lines]
        self._separators = found.separators if whole else found.separators[kept[found.good]]
        self._quoted = None if found.quoted is None else np.flatnonzero(found.quoted[lines])
        self._doubled = np.zeros(len(lines), dtype=np.bool_) if found.doubled is None else found.doubled[lines]
        self.doubled = bool(self._doubled.any())
        """Whether any value holds quotes that stand doubled in the file."""
        self.line: Places = lines + first
        """The number of each row's line."""

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self._begin)

    @property
    def offset(self) -> Places:
        """Where each row begins in the file."""
        return self._begin + self._base

    @cached_property
    def length(self) -> Places:
        """How many bytes each row takes, its line end included."""
        length: Places = self._end - self._begin + 1 + (self._block[self._end] == ord("\r"))
        return length

    def cells(self, place: int) -> Cells:
        """Tell where a column's values stand.

        Args:
            place: The column's place.
        """
        rows = self._separators
        begin = rows[:, place - 1] + 1 if place else self._begin
        end = rows[:, place] if place < rows.shape[1] else self._end
        doubled = None
        if self._quoted is not None:
            # An unquoted value holds no quote, so one that begins with a quote ends with one, too.
            rows_ = self._quoted[self._block[begin[self._quoted]] == _QUOTE]
            if len(rows_):
                begin, end = begin.copy(), end.copy()
                begin[rows_] += 1
                end[rows_] -= 1
                if self.doubled:
                    doubled = rows_[self._doubled[rows_]]
        return Cells(self._block, begin, end, doubled if doubled is not None and len(doubled) else None)

    @property
    def block(self) -> Bytes:
        """The bytes that the rows stand in."""
        return self._block

    @property
    def has_breaks(self) -> bool:
        """Whether a tab or a bare carriage return may stand in a value; a line feed never does."""
        begin, end = int(self._begin[0]), int(self._end[-1])
        data = bytes(self._block[begin:end])
        return b"\t" in data or data.count(b"\r") != data.count(b"\r\n")

    @property
    def separator(self) -> str:
        """What stands between two values."""
        return chr(self._rules.separator)

    def column(self, place: int) -> Any:  # noqa: ANN401 - pyarrow has no types
        """Give a column's values as an Arrow array of strings.

        Args:
            place: The column's place.
        """
        return self.cells(place).texts()

    def values(self) -> Any:  # noqa: ANN401 - pyarrow has no types
        """Give the values of all columns as one Arrow array of strings, row after row."""
        if self._doubled.any():
            rows = [record.values for record in self.records()]
            return pa.array([value for row in rows for value in row], pa.string())
        cells = [self.cells(place) for place in range(self._separators.shape[1] + 1)]
        begin, end = (
            np.stack(each, axis=1).ravel() for each in ([cell.begin for cell in cells], [cell.end for cell in cells])
        )
        return gather(self._block, begin, end)

    def records(self) -> list[Record]:
        """Make a record of each row."""
        header = self.header
        view = memoryview(self._block)  # type: ignore[arg-type] # an array is a buffer
        separator = self.separator
        plain = [True] * len(self)
        for row in [] if self._quoted is None else self._quoted.tolist():
            plain[row] = False
        rows = zip(
            self._begin.tolist(),
            self._end.tolist(),
            self.offset.tolist(),
            self.length.tolist(),
            self.line.tolist(),
            plain,
            strict=True,
        )
        made = []
        for begin, end, offset, length, number, simple in rows:
            text = str(view[begin:end], "utf-8")
            values = tuple(text.split(separator) if simple else split_row(text))
            made.append(_record(header, values, offset, length, number, 1, None))
        return made

    def items(self) -> Iterator[Item]:
        """Give the rows as records and what stands between them, in the file's order."""
        records = self.records()
        done = 0
        for before, item in self.between:
            yield from records[done:before]
            done = before
            yield item
        yield from records[done:]


def gather(block: Bytes, begin: NDArray[np.integer[Any]], end: NDArray[np.integer[Any]]) -> Any:  # noqa: ANN401 - pyarrow has no types
    """Copy stretches of a block into an Arrow array of strings.

    Args:
        block: Bytes that are UTF-8 wherever a stretch is.
        begin: Where each stretch begins; none before the one ahead of it ends.
        end: Where each ends.
    """
    count = len(begin)
    if not count:
        return pa.array([], pa.string())
    # Stretches and the gaps between them, in turn, are an array already; every other one of its values is copied.
    bounds = np.empty(2 * count, dtype=np.int32)
    bounds[::2] = begin
    bounds[1::2] = end
    stretches = pa.StringArray.from_buffers(2 * count - 1, pa.py_buffer(bounds), pa.py_buffer(block))
    return stretches.take(pa.array(np.arange(0, 2 * count, 2, dtype=np.int32)))
