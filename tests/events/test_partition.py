"""A log read in pieces gives what it gives as a whole, wherever it is cut."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from logpieces import CSV_FIELDS, DAY, FILES, FORMATS

from harness.events import Counts, Format, Item, partition, reader_for
from harness.events.csvlog import DOUBT
from harness.events.partition import Joint, Piece, Range, Whole, blank, blocks, chain, pieces, ranges, survey

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

HEADERS = b"#Software: x\r\n#Version: 15\r\n#Log-type: Message Tracking Log\r\n#Date: 2024-01-31\r\n"
ROW = DAY + b",1,2\r\n"


@dataclass
class Read:
    """What a piece gave."""

    items: list[Item]
    counts: Counts
    after: Mapping[str, Any]


def read_piece(piece: Piece) -> Read:
    """Read a piece of a file."""
    reader = piece.whole.reader()
    reader.restore(dict(piece.state))
    with Path(piece.whole.path).open("rb") as stream:
        items = [item for data, at in blocks(piece, stream) for item in reader.feed(data, at)]
    items += reader.finish(final=piece.last)
    lines = reader.counts.lines - piece.state["line"]
    return Read(items, Counts(**(reader.counts.as_dict() | {"lines": lines})), blank(reader))


def joined(parts: Iterable[Read]) -> tuple[list[Item], Counts]:
    """Put pieces together."""
    items: list[Item] = []
    counts = Counts()
    for part in parts:
        items += part.items
        counts += part.counts
    return items, counts


def side_by_side(whole: Whole, cut: Iterable[Range]) -> tuple[list[Item], Counts]:
    """Read a file cut into ranges, each piece as if nothing were known of the others, and join what they gave."""
    joint = Joint(read_piece)

    def parts() -> Iterator[Read]:
        for piece in pieces(whole, ((part, survey(part)) for part in cut)):
            yield joint.join(piece, read_piece(piece))

    return joined(parts())


def whole_file(folder: Path, data: bytes, format_: Format = Format.MSGTRK) -> Whole:
    """Write a file."""
    path = folder / "log"
    path.write_bytes(data)
    return Whole("log", str(path), format_, len(data))


@given(FORMATS, FILES, st.lists(st.integers(1, 400), max_size=8))
@example(Format.MSGTRK, CSV_FIELDS + DAY + b',"a\r\n' + ROW + b'",2\r\n' + ROW, list(range(1, 120)))
@example(Format.MSGTRK, CSV_FIELDS + DAY + b',"a\r\n#Fields: b\r\n' + ROW + b'",2\r\n' + ROW, list(range(1, 140)))
@example(Format.OWA, b"#Date: 2024-01-31\n#Fields: time c-ip\n" + b"23:59:59 1\n00:00:01 1\n" * 4, list(range(1, 120)))
@example(Format.MSGTRK, b"\xef\xbb\xbf" + HEADERS + CSV_FIELDS + ROW * 3, [120, 150, 200])
def test_cuts_dont_matter(format_: Format, data: bytes, cuts: list[int]) -> None:
    """Wherever a file is cut, the same records, offsets, lines, quarantine and counts come of it."""
    with tempfile.TemporaryDirectory() as folder:
        whole = whole_file(Path(folder), data, format_)
        bounds = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
        cut = [Range(whole, begin, end) for begin, end in pairwise(bounds)] or ranges(whole, max(1, whole.size))

        assert joined([read_piece(Piece(whole, blank(whole.reader()), whole.size))]) == side_by_side(whole, cut)


@given(FORMATS, FILES, st.integers(1, 400), st.integers(1, 60))
@example(Format.MSGTRK, CSV_FIELDS + ROW, 400, 1)
def test_a_survey_reads_in_steps(format_: Format, data: bytes, size: int, step: int) -> None:
    """However little of a range is read at once, the same borders, headers and lines are found in it."""
    with tempfile.TemporaryDirectory() as folder:
        whole = whole_file(Path(folder), data, format_)
        at_once = [survey(part) for part in ranges(whole, size)]

        with mock.patch.object(partition, "CHUNK", step):
            assert at_once == [survey(part) for part in ranges(whole, size)]


@given(FORMATS, FILES, st.integers(1, 60))
def test_one_after_the_other(format_: Format, data: bytes, size: int) -> None:
    """Pieces that go on where the last one ended give the same as well, however short they are."""
    with tempfile.TemporaryDirectory() as folder:
        whole = whole_file(Path(folder), data, format_)

        expected = joined([read_piece(Piece(whole, blank(whole.reader()), whole.size))])
        assert expected == joined(chain(whole, read_piece, size=size))


def test_the_whole_is_what_the_reader_gives(tmp_path: Path) -> None:
    """The piece that everything is compared with is the strict reader's own."""
    data = HEADERS + CSV_FIELDS + ROW + DAY + b',"over\r\ntwo",2\r\n' + b"\0\0" + ROW + DAY + b",1\r\n" + ROW[:-5]
    whole = whole_file(tmp_path, data)

    reader = reader_for(Format.MSGTRK, "log")
    items = [*reader.feed(data, 0), *reader.finish(final=True)]

    assert (items, reader.counts) == joined([read_piece(Piece(whole, blank(whole.reader()), whole.size))])


def repeated(whole: Whole, size: int) -> int:
    """Count the pieces that had to be read again."""
    joint = Joint(read_piece)
    for piece in pieces(whole, ((part, survey(part)) for part in ranges(whole, size))):
        joint.join(piece, read_piece(piece))
    return joint.repeated


def test_a_border_in_a_quoted_value_costs_one_piece(tmp_path: Path) -> None:
    """Only the piece that begins inside a quoted value is read again, not all that follow."""
    forged = DAY + b',"a subject with\r\n' + ROW * 20 + b'in it",2\r\n'
    data = HEADERS + CSV_FIELDS + ROW * 30 + forged + ROW * 300
    size = data.index(b"a subject") + 300

    assert len(data) // size > 5
    assert 1 == repeated(whole_file(tmp_path, data), size)


@pytest.mark.parametrize(
    ("format_", "data"),
    [
        (Format.MSGTRK, b"\xef\xbb\xbf" + HEADERS + CSV_FIELDS + ROW * 300),
        (Format.MSGTRK, HEADERS + CSV_FIELDS + (DAY + b',"two\r\nlines",2\r\n') * 300),
        (
            Format.OWA,
            (b"#Date: 2024-01-31 00:00:01\n#Fields: date time c-ip\n" + b"2024-01-31 08:00:00 192.0.2.1\n" * 60) * 5,
        ),
        (
            Format.OWA,  # the second header stands below more number signs than are looked at one by one
            b"#Date: 2024-01-31 00:00:01\n#Fields: date time c-ip cs-uri-stem\n"
            + b"2024-01-31 08:00:00 192.0.2.1 ####\n" * 2000
            + b"#Fields: date time s-ip c-ip\n"
            + b"2024-01-31 08:00:00 192.0.2.1 192.0.2.2\n" * 2500,
        ),
        (Format.MSGTRK2003, b"# Message Tracking Log File\n# Date\tTime\tclient-ip\n" + b"2024-1-31\t9:5:3\t-\n" * 300),
    ],
)
def test_usual_logs_are_read_once(tmp_path: Path, format_: Format, data: bytes) -> None:
    """The survey finds the header in force and the lines' numbers, so that no piece is read twice."""
    whole = whole_file(tmp_path, data, format_)

    assert [0, 0] == [repeated(whole, size) for size in (500, len(data) // 3)]


def test_a_row_longer_than_a_piece(tmp_path: Path) -> None:
    """A range in which no record begins belongs to the piece before it."""
    data = HEADERS + CSV_FIELDS + ROW + DAY + b',"' + b"x\r\n" * 2000 + b'",2\r\n' + ROW * 3
    whole = whole_file(tmp_path, data)

    assert DOUBT > len(data)
    assert joined(chain(whole, read_piece, size=10**6)) == side_by_side(whole, ranges(whole, 300))
    assert 2 == len(list(pieces(whole, ((part, survey(part)) for part in ranges(whole, 5000)))))
