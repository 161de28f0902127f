"""The fast engine: whole blocks are certified at once, and the strict reader gets only what can't be.

What it gives is what the strict reader gives: it is the strict reader, but for the lines that `certify` vouches for.
Needs numpy and pyarrow, the extra ``fast``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from harness.events.batch import Batch
from harness.events.certify import Lines, Rules, certify
from harness.events.record import Format

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.events.certify import Flags
    from harness.events.reader import LineReader
    from harness.events.record import Counts, Header, Item

BLOCK = 4 * 1024 * 1024
"""How many bytes are looked at together: enough that what each step costs by itself hardly counts."""

# Arrow's own allocators keep tens of megabytes for later; blocks are few and large, and need nothing kept.
pa.set_memory_pool(pa.system_memory_pool())

# glibc hands the top of the heap back once more than twice the largest mapping ever freed lies there unused (of those
# up to 32 MB), so the memory of each block would be mapped and zeroed anew. This one is freed without being touched.
np.empty(6 * BLOCK, dtype=np.uint8)

LEAST = 32
"""Fewer lines than these are read one by one: looking at them all at once costs more than it spares."""

_CSV = Rules(separator=ord(","), quotes=True, empty=True)
_W3C = Rules(separator=ord(" "), quotes=False, empty=False)
RULES: Mapping[Format, Rules] = {Format.MSGTRK: _CSV, Format.SMTP: _CSV, Format.OWA: _W3C, Format.SMTP2003: _W3C}
"""How the formats that can be certified separate their values."""


class FastReader:
    """Reads as the strict reader does, in blocks.

    Args:
        strict: The strict reader, of one of the formats in `RULES`.
        least: Fewer lines than these are read one by one.
    """

    def __init__(self, strict: LineReader, *, least: int = LEAST) -> None:
        self._strict = strict
        self._rules = RULES[strict.header.format]
        self._least = least

    @property
    def header(self) -> Header:
        """The header that the next row stands below."""
        return self._strict.header

    @property
    def position(self) -> int:
        """The offset of the first byte that isn't part of anything given yet."""
        return self._strict.position

    @property
    def counts(self) -> Counts:
        """How the lines were taken so far."""
        return self._strict.counts

    def state(self) -> dict[str, Any]:
        """Give what is needed to go on from the position; the strict reader can, too."""
        return self._strict.state()

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state, of either engine."""
        self._strict.restore(state)

    def finish(self, *, final: bool) -> list[Item]:
        """End a poll, or with ``final`` the file."""
        return self._strict.finish(final=final)

    def feed(self, data: bytes | memoryview, offset: int) -> list[Item]:
        """Take the bytes that follow, and give what became whole."""
        items: list[Item] = []
        for each in self.feed_batches(data, offset):
            if isinstance(each, Batch):
                items.extend(each.items())
            else:
                items.append(each)
        return items

    def feed_batches(self, data: bytes | memoryview, offset: int) -> list[Batch | Item]:
        """Take the bytes that follow, and give what became whole, certified rows in batches.

        Args:
            data: Any number of bytes; they aren't copied, so what they stand in must stay as it is.
            offset: Where they stand in the file.

        Raises:
            ValueError: The bytes don't follow those fed before.
        """
        self._strict.expect(offset)
        view = memoryview(data)
        out: list[Batch | Item] = []
        for begin in range(0, len(view), BLOCK):
            self._block(view[begin : begin + BLOCK], offset + begin, out)
        return out

    def _block(self, view: memoryview, offset: int, out: list[Batch | Item]) -> None:
        """Take a block."""
        strict = self._strict
        lines = Lines.of(np.frombuffer(view, dtype=np.uint8))
        at, count = 0, len(lines)
        while at < count:
            if not strict.idle:
                out += self._one(view, offset, lines, at, at + 1)
                at += 1
                continue
            stop = lines.next_header(at)
            if stop - at >= self._least and self._certifiable:
                out.append(self._region(view, offset, lines.part(at, stop)))
            else:
                stop = max(stop, at + 1)
                out += self._one(view, offset, lines, at, stop)
            at = stop
        if lines.end < len(view):
            out += strict.feed(bytes(view[lines.end :]), offset + lines.end)

    @property
    def _certifiable(self) -> bool:
        """Whether rows below the current header can be certified: they need names, and days of their own."""
        header = self._strict.header
        dated = self._rules.quotes or "date" in header.index or "time" not in header.index
        return bool(header.names) and dated

    def _one(self, view: memoryview, offset: int, lines: Lines, at: int, stop: int) -> list[Item]:
        """Let the strict reader read lines."""
        begin, end = int(lines.starts[at]), int(lines.feeds[stop - 1]) + 1
        return self._strict.feed(bytes(view[begin:end]), offset + begin)

    def _region(self, view: memoryview, offset: int, lines: Lines) -> Batch:
        """Certify lines below one header, and let the strict reader read the others."""
        strict = self._strict
        header = strict.header
        found = certify(lines, len(header.names), self._rules, strict.limit)
        kept = found.good.copy()
        first = strict.counts.lines + 1
        between: list[tuple[int, Item]] = []
        rows = at = 0
        for start, stop in _runs(~found.good):
            if stop <= at:
                continue
            begin = max(start, at)
            rows += self._skip(lines, at, begin)
            at = stop
            between += [(rows, item) for item in self._one(view, offset, lines, begin, stop)]
            while at < len(lines) and not strict.idle:
                kept[at] = False
                between += [(rows, item) for item in self._one(view, offset, lines, at, at + 1)]
                at += 1
            if strict.header is not header and at < len(lines):
                # Behind zero bytes or a byte order mark stood a header.
                kept[at:] = False
                between += [(rows, item) for item in self._one(view, offset, lines, at, len(lines))]
                at = len(lines)
        self._skip(lines, at, len(lines))
        return Batch(
            header,
            lines.block,
            base=offset,
            rules=self._rules,
            found=found,
            kept=kept,
            first=first,
            between=tuple(between),
        )

    def _skip(self, lines: Lines, at: int, stop: int) -> int:
        """Take certified lines; give how many."""
        if stop > at:
            self._strict.skip(stop - at, int(lines.feeds[stop - 1]) + 1 - int(lines.starts[at]))
        return stop - at


def _runs(flags: Flags) -> list[tuple[int, int]]:
    """Give begin and end of each run of flags that are set."""
    if not flags.any():
        return []
    edges = np.flatnonzero(np.diff(flags, prepend=False, append=False))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
