"""Which lines of a block are rows that need no second look, found for all of them at once.

A line is certified where the strict reader would make a record of it, whatever stands in the lines around it, and its
values stand between its separators. Everything else is left to the strict reader: header lines, blank lines, zero
bytes, byte order marks, quotes that don't open and close where they should, bytes that aren't UTF-8, lines that are
too long, and rows of another width. Where in doubt, a line isn't certified.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Bytes = NDArray[np.uint8]
    Places = NDArray[np.int64]
    Flags = NDArray[np.bool_]

_LINE_FEED, _RETURN, _QUOTE = b'\n\r"'
_ASCII = 128
_HASH = ord("#")

_ONE, _LAST_BYTE = np.uint64(1), np.uint64(56)
_PLACES = np.uint64(0x0001020304050607)

# First bytes of lines that the strict reader looks at more closely; 0xEF begins a byte order mark.
_CLOSER = np.zeros(256, dtype=np.bool_)
_CLOSER[list(b"#\0\t\r\n \xef")] = True


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines of a block that follow one another, each with its line feed.

    Args:
        block: The bytes.
        starts: Where each line begins.
        feeds: Where each line's line feed stands.
        headers: Which of them begin with ``#``.
    """

    block: Bytes
    starts: Places
    feeds: Places
    headers: Places

    @classmethod
    def of(cls, block: Bytes) -> Lines:
        """Find a block's lines; what follows the last line feed is none."""
        feeds = sparse(block == _LINE_FEED)
        starts = np.empty_like(feeds)
        starts[:1] = 0
        starts[1:] = feeds[:-1] + 1
        return cls(block, starts, feeds, np.flatnonzero(block[starts] == _HASH))

    def __len__(self) -> int:
        """How many lines there are."""
        return len(self.feeds)

    @property
    def end(self) -> int:
        """Where the last line's end ends."""
        return int(self.feeds[-1]) + 1 if len(self.feeds) else 0

    def next_header(self, at: int) -> int:
        """Give the first line from one on that begins with ``#``; the number of lines where none does."""
        found = int(np.searchsorted(self.headers, at))
        return int(self.headers[found]) if found < len(self.headers) else len(self)

    def part(self, at: int, stop: int) -> Lines:
        """Give some of the lines, none of which begins with ``#``."""
        return Lines(self.block, self.starts[at:stop], self.feeds[at:stop], self.headers[:0])


@dataclass(frozen=True, slots=True)
class Rules:
    """How a format separates values.

    Args:
        separator: The byte between two values.
        quotes: Whether a value may stand in double quotes, with quotes doubled.
        empty: Whether a value may be empty.
    """

    separator: int
    quotes: bool
    empty: bool


@dataclass(frozen=True, slots=True)
class Certified:
    """What was found of some lines.

    Args:
        good: Which lines are certified.
        starts: Where each line begins.
        ends: Where each ends, line end excluded.
        separators: Of each certified line, one row of places for all of its separators.
        quoted: Which lines hold quotes; None where none does.
        doubled: Which lines hold doubled quotes inside a quoted value; None where none does.
        ascii: Whether all bytes are ASCII.
    """

    good: Flags
    starts: Places
    ends: Places
    separators: Places
    quoted: Flags | None
    doubled: Flags | None
    ascii: bool


def sparse(flags: Flags) -> Places:
    """Find the flags that are set, faster than numpy where few are: first the words of eight that aren't all zero."""
    whole = len(flags) & ~7
    all_words = flags[:whole].view("<u8")
    words = np.flatnonzero(all_words != 0)
    set_ = all_words[words]
    places: Places
    if (set_ & (set_ - _ONE)).any():
        found = np.flatnonzero(flags[:whole].reshape(-1, 8)[words])
        places = words[found >> 3] * 8 + (found & 7)
    else:  # one flag in each, of which the product has the place in its highest byte
        places = words * 8 + (set_ * _PLACES >> _LAST_BYTE).view(np.int64)
    return np.concatenate((places, np.flatnonzero(flags[whole:]) + whole)) if whole < len(flags) else places


def stretches(block: Bytes, begin: Places, length: int) -> Bytes:
    """Copy stretches of a block that have the same length, each as a row."""
    # One item for each place that a stretch could begin at, which numpy copies as a whole.
    items: Any = np.ndarray(len(block) - length + 1, dtype=f"V{length}", buffer=block, strides=1)
    taken: Bytes = items[begin].view(np.uint8).reshape(len(begin), length)
    return taken


def certify(lines: Lines, width: int, rules: Rules, limit: int) -> Certified:
    """Certify lines.

    Args:
        lines: The lines; there is at least one.
        width: How many values a row has.
        rules: How they are separated.
        limit: The longest line that is kept, in bytes.
    """
    data, starts, feeds = lines.block, lines.starts, lines.feeds
    begin, end = int(starts[0]), lines.end
    region = data[begin:end]
    ends = feeds - (data[feeds - 1] == _RETURN)
    bad = _CLOSER[data[starts]] | (feeds - starts > limit)
    if region.min() == 0:
        bad |= _lines_of(np.flatnonzero(region == 0) + begin, feeds)
    is_ascii = bool(region.max() < _ASCII)
    if not is_ascii:
        bad |= _undecodable(data, starts, feeds)
    separators = np.flatnonzero(region == rules.separator)
    separators += begin
    quoted = doubled = None
    if rules.quotes:
        quotes = sparse(region == _QUOTE)
        if len(quotes):
            quotes += begin
            quoted, doubled, crooked, straight = _quotes(lines, ends, quotes, rules.separator)
            bad |= crooked
            separators = _outside(separators, straight)
    rows, bad = _rows(separators, lines, ends, bad, width - 1)
    if not rules.empty:
        apart = bool((separators[1:] - separators[:-1] > 1).all())
        full = _full(rows, starts, ends, bad, apart=apart)
        if not full.all():
            bad[np.flatnonzero(~bad)[~full]] = True
            rows = rows[full]
    return Certified(~bad, starts, ends, rows, quoted, doubled, is_ascii)


def _lines_of(places: Places, feeds: Places) -> Flags:
    """Tell which lines hold any of the places."""
    found = np.zeros(len(feeds), dtype=np.bool_)
    found[np.searchsorted(feeds, places)] = True
    return found


def _undecodable(data: Bytes, starts: Places, feeds: Places) -> Flags:
    """Tell which lines aren't UTF-8."""
    found = np.zeros(len(feeds), dtype=np.bool_)
    begin, end = int(starts[0]), int(feeds[-1])
    if not _is_utf8(data[begin:end]):
        beyond = np.unique(np.searchsorted(feeds, np.flatnonzero(data[begin:end] >= _ASCII) + begin))
        for line in beyond.tolist():
            found[line] = not _is_utf8(data[starts[line] : feeds[line]])
    return found


def _is_utf8(data: Bytes) -> bool:
    bounds = np.array([0, len(data)], dtype=np.int32)
    whole = pa.StringArray.from_buffers(1, pa.py_buffer(bounds), pa.py_buffer(data))
    try:
        whole.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _quotes(lines: Lines, ends: Places, quotes: Places, separator: int) -> tuple[Flags, Flags, Flags, Places]:
    """Judge the quotes of lines, each line by itself.

    A line's quotes open and close in turn. One that opens must stand at a value's beginning, or right behind the one
    that closed, which makes the two a doubled quote. One that closes must stand at a value's end, or right before one
    that opens again.

    Returns:
        Which lines hold quotes, which hold doubled ones, which hold any that are out of place; and the quotes of lines
        that are in order, of which each other one opens.
    """
    data, starts, feeds = lines.block, lines.starts, lines.feeds
    line = np.searchsorted(feeds, quotes)
    count = np.bincount(line, minlength=len(feeds))
    first = np.cumsum(count) - count
    opens = (np.arange(len(quotes)) - first[line]) % 2 == 0
    at_start = quotes == starts[line]
    before = data[quotes - 1]  # of a block's first byte it is the last one, which at_start covers
    again = opens & (before == _QUOTE) & ~at_start
    opens_well = at_start | (before == separator) | again
    after = data[quotes + 1]
    closes_well = (quotes + 1 == ends[line]) | (after == separator) | (after == _QUOTE)
    crooked = count % 2 == 1
    crooked[line[~np.where(opens, opens_well, closes_well)]] = True
    doubled = np.zeros(len(feeds), dtype=np.bool_)
    doubled[line[again]] = True
    return count > 0, doubled, crooked, quotes[~crooked[line]]


def _outside(separators: Places, quotes: Places) -> Places:
    """Leave out the separators that stand between a quote that opens and the one that closes."""
    found = np.searchsorted(separators, quotes)
    ends = found[1::2]
    count = ends - found[::2]
    upto = np.cumsum(count)
    if not len(upto) or not upto[-1]:
        return separators
    kept = np.ones(len(separators), dtype=np.bool_)
    kept[np.repeat(ends - upto, count) + np.arange(upto[-1])] = False
    return separators[kept]


def _rows(separators: Places, lines: Lines, ends: Places, bad: Flags, each: int) -> tuple[Places, Flags]:
    """Bring the separators into rows of as many as a row has; lines of another number are bad."""
    starts, feeds = lines.starts, lines.feeds
    if not bad.any() and len(separators) == len(starts) * each:
        rows = separators.reshape(len(starts), each)
        if not each or ((rows[:, 0] >= starts).all() and (rows[:, -1] < ends).all()):
            return rows, bad
    begins = np.searchsorted(separators, starts)
    bad = bad | (np.searchsorted(separators, feeds) - begins != each)
    return separators[begins[~bad][:, None] + np.arange(each)], bad


def _full(rows: Places, starts: Places, ends: Places, bad: Flags, *, apart: bool) -> Flags:
    """Tell which of the rows that aren't bad have no empty value; ``apart`` if no separator follows another one."""
    if bad.any():
        starts, ends = starts[~bad], ends[~bad]
    full: Flags = ends > starts
    if rows.shape[1]:
        full = (rows[:, 0] > starts) & (rows[:, -1] + 1 < ends)
        if not apart:
            full &= (np.diff(rows, axis=1) > 1).all(axis=1)
    return full
