"""Readers: what holds for any bytes, and the traps one by one."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import os
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from logpieces import CSV_FIELDS, DAY, FILES, FORMATS

from harness.events import Counts, Fault, Format, Header, Item, Quarantined, Record, reader_for
from harness.events.columns import places
from harness.events.csvlog import DOUBT, CsvReader
from harness.events.reader import MAX_RECORD
from harness.events.record import decode, encode

if TYPE_CHECKING:
    from harness.events import Reader

# Which engine the tests below are run with.
ENGINE = {"fast": False}


@pytest.fixture(scope="module", autouse=True, params=["strict", "fast"])
def engine(request: pytest.FixtureRequest) -> str:
    """Run every test with either engine; the fast one looks at whole blocks however few lines they have."""
    ENGINE["fast"] = request.param == "fast"
    if ENGINE["fast"]:
        pytest.importorskip("numpy")
        pytest.importorskip("pyarrow")
    return str(request.param)


def make(format_: Format, limit: int = 4096, doubt: int = 40) -> Reader:
    """Give a reader; the comma-separated ones doubt early, so that small files reach that too."""
    strict: Any
    if format_ in (Format.MSGTRK, Format.SMTP):
        strict = CsvReader("log", format_, limit=limit, doubt=doubt)
    else:
        strict = reader_for(format_, "log", limit=limit)
    if ENGINE["fast"]:
        from harness.events.fast import RULES, FastReader  # noqa: PLC0415 - its packages may be missing

        return FastReader(strict, least=1) if format_ in RULES else strict
    return strict


def read(format_: Format, data: bytes, limit: int = 4096) -> tuple[list[Item], Counts]:
    """Read a whole file at once."""
    reader = make(format_, limit)
    return [*reader.feed(data, 0), *reader.finish(final=True)], reader.counts


def rows(data: bytes, format_: Format = Format.MSGTRK) -> list[tuple[str, ...]]:
    """Give the values of a file's records."""
    return [item.values for item in read(format_, data)[0] if isinstance(item, Record)]


def faults(data: bytes, format_: Format = Format.MSGTRK) -> list[tuple[int, int, Fault]]:
    """Give line, number of lines and fault of what couldn't be read."""
    return [(item.line, item.lines, item.fault) for item in read(format_, data)[0] if isinstance(item, Quarantined)]


@given(FORMATS, FILES, st.lists(st.integers(0, 400), max_size=8), st.sampled_from([60, 4096]))
@example(Format.MSGTRK, CSV_FIELDS + DAY + b',"a\r\nb",2\r\n', list(range(60)), 4096)
def test_pieces_dont_matter(format_: Format, data: bytes, cuts: list[int], limit: int) -> None:
    """However a file is cut into pieces, the same is read from it."""
    reader = make(format_, limit)
    bounds = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    items: list[Item] = []
    for begin, end in pairwise(bounds):
        items += reader.feed(data[begin:end], begin)
    items += reader.finish(final=True)

    assert read(format_, data, limit) == (items, reader.counts)


@given(FORMATS, FILES, st.lists(st.integers(0, 400), max_size=6))
def test_a_restart_loses_and_repeats_nothing(format_: Format, data: bytes, cuts: list[int]) -> None:
    """A new reader that goes on from a state, as JSON, at its position reads what one reader would have read."""
    state = None
    items: list[Item] = []
    position = 0
    for end in [*sorted(cut for cut in cuts if cut < len(data)), len(data)]:
        reader = make(format_)
        if state is not None:
            reader.restore(json.loads(state))
            position = reader.position
        if end > position:
            items += reader.feed(data[position:end], position)
        items += reader.finish(final=end == len(data))
        state = json.dumps(reader.state())

    assert read(format_, data) == (items, reader.counts)


@given(FORMATS, FILES)
def test_every_line_is_counted_once(format_: Format, data: bytes) -> None:
    """Lines are records, further lines of records, headers, blanks or quarantined; together that is all of them."""
    items, counts = read(format_, data)
    lines = data.count(b"\n") + (not data.endswith(b"\n") and data != b"")

    assert lines == counts.lines
    assert lines == counts.records + counts.continuations + counts.headers + counts.blanks + counts.quarantined
    assert counts.records == sum(isinstance(item, Record) for item in items)
    assert counts.quarantined == sum(item.lines for item in items if isinstance(item, Quarantined))


@given(FORMATS, FILES)
def test_no_byte_is_given_twice_or_out_of_order(format_: Format, data: bytes) -> None:
    """What is given lies one after another in the file, under the numbers of its lines, and fits its columns."""
    end = 0
    for item in read(format_, data)[0]:
        if isinstance(item, Header):
            continue
        assert end <= item.offset
        assert item.line == data.count(b"\n", 0, item.offset) + 1
        end = item.offset + item.length
        if isinstance(item, Record):
            assert len(item.names) == len(item.values)
        else:
            assert data[item.offset : end].startswith(item.head[: item.length])

    assert end <= len(data)


@given(FORMATS, FILES)
def test_values_stand_where_columns_says(format_: Format, data: bytes) -> None:
    """Each value of a record is found again in the file's bytes, byte for byte."""
    for item in read(format_, data)[0]:
        if isinstance(item, Record):
            raw = data[item.offset : item.offset + item.length]
            found = [raw[begin:end].replace(b'""', b'"') for begin, end in places(raw, format_)][: len(item.values)]

            assert [encode(value).replace(b'""', b'"') for value in item.values] == found


@given(st.binary(max_size=100))
def test_bytes_survive_decoding(data: bytes) -> None:
    """Bytes that aren't UTF-8 can be had back from the text."""
    assert data == encode(decode(data))


VALUES = st.text(st.sampled_from('ab,"\n\r é2024-01-31T08:00:00.000Z'), max_size=12)


@given(st.lists(st.tuples(VALUES, VALUES), max_size=6))
@example([("a\n2024-01-31T08:00:00.000Z,forged,row\n", "")])
@example([("", '""'), ('"', ",")])
def test_csv_module_agrees(values: list[tuple[str, str]]) -> None:
    """On files that are written well the standard library reads the same, line breaks in values and all."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    for pair in values:
        writer.writerow((DAY.decode(), *pair))
    data = CSV_FIELDS + text.getvalue().encode()
    reader = make(Format.MSGTRK, MAX_RECORD, DOUBT)
    items = [*reader.feed(data, 0), *reader.finish(final=True)]

    expected = [tuple(row) for row in csv.reader(io.StringIO(text.getvalue(), newline=""))]
    assert expected == [item.values for item in items if isinstance(item, Record)]


def test_columns_are_bound_by_fields() -> None:
    """The same row means something else under another ``#Fields``."""
    data = b"#Fields: date-time,a,b\n%s,1,2\n#Fields: date-time,b,a\n%s,1,2\n" % (DAY, DAY)
    records = [item for item in read(Format.MSGTRK, data)[0] if isinstance(item, Record)]

    assert ["1", "2"] == [record["a"] for record in records]


def test_wrong_width_is_quarantined_not_shifted() -> None:
    """A row with a value too many or too few gives no record."""
    data = CSV_FIELDS + DAY + b",1\r\n" + DAY + b",1,2,3\r\n"

    assert [] == rows(data)
    assert [(2, 1, Fault.WIDTH), (3, 1, Fault.WIDTH)] == faults(data)


def test_row_without_header() -> None:
    """Without ``#Fields`` nothing is known about a row."""
    assert [(1, 1, Fault.NO_FIELDS)] == faults(DAY + b",1,2\r\n")


def test_quoted_value_spans_lines() -> None:
    """A line break inside quotes belongs to the value, as it stands in the file."""
    data = CSV_FIELDS + DAY + b',"one\r\ntwo\nthree",2\r\n' + DAY + b",1,2\r\n"
    records = [item for item in read(Format.MSGTRK, data)[0] if isinstance(item, Record)]

    assert ["one\r\ntwo\nthree", "1"] == [record["a"] for record in records]
    assert [(2, 3), (5, 1)] == [(record.line, record.lines) for record in records]


def test_forged_row_in_a_subject_stays_a_subject() -> None:
    """Somebody who writes a whole row into a quoted value gets no record of their own."""
    forged = (DAY + b",forged,row").decode()
    data = CSV_FIELDS + DAY + b',"x\r\n%s\r\n",2\r\n' % forged.encode()

    assert [(DAY.decode(), f"x\r\n{forged}\r\n", "2")] == rows(data)


def test_cut_in_a_quoted_value_swallows_nothing() -> None:
    """Of a row that breaks off inside quotes only that row is lost, with its rest up to the next row."""
    data = CSV_FIELDS + DAY + b',"cut\r\nrest\r\n' + DAY + b",1,2\r\n" + DAY + b',"a, b",2\r\n'

    assert [(DAY.decode(), "1", "2"), (DAY.decode(), "a, b", "2")] == rows(data)
    assert [(2, 2, Fault.BAD_QUOTE)] == faults(data)


def test_quotes_that_close_on_a_wrong_width_give_nothing() -> None:
    """Where a later row happens to close a cut value, the width gives it away, and the later row is read by itself."""
    data = CSV_FIELDS + DAY + b',9,"cut\r\n' + DAY + b',1",2\r\n'

    assert [(DAY.decode(), '1"', "2")] == rows(data)
    assert [(2, 1, Fault.WIDTH)] == faults(data)


def test_cut_in_a_quoted_value_doesnt_hang() -> None:
    """Rows after an open quote come out once enough of them stand there, without the file having to end."""
    reader = make(Format.MSGTRK, MAX_RECORD, DOUBT)
    row = DAY + b",1,2\r\n"
    data = CSV_FIELDS + DAY + b',"cut\r\n' + row * 5000
    items = reader.feed(data, 0)

    assert 5000 == sum(isinstance(item, Record) for item in items)


def test_many_cut_rows_take_linear_time() -> None:
    """Row after row with an open quote is given up one by one, in order, and quickly."""
    data = CSV_FIELDS + (DAY + b',"cut\r\n') * 20_000
    items, counts = read(Format.MSGTRK, data, 1 << 22)

    assert 20_000 == counts.quarantined
    assert list(range(2, 20_002)) == [item.line for item in items if isinstance(item, Quarantined)]


def test_bare_quote_in_a_plain_value_is_a_character() -> None:
    """A quote inside a value that isn't quoted says nothing."""
    assert [(DAY.decode(), 'a"b', "2")] == rows(CSV_FIELDS + DAY + b',a"b,2\r\n')


def test_rest_of_a_bad_row_is_quarantined_too() -> None:
    """After a row that was given up, lines that don't begin like a row aren't read as rows."""
    data = CSV_FIELDS + DAY + b',"a"b,2\r\nx,y,z\r\n' + DAY + b",1,2\r\n"

    assert [(DAY.decode(), "1", "2")] == rows(data)
    assert [(2, 1, Fault.BAD_QUOTE), (3, 1, Fault.REST)] == faults(data)


def test_rest_of_a_row_given_up_late_is_quarantined_too() -> None:
    """The same holds where the row was given up on a later line, even if what follows has the right width."""
    data = CSV_FIELDS + DAY + b',"cut\r\nx"y\r\none,two,three\r\n'

    assert [] == rows(data)
    assert [(2, 2, Fault.BAD_QUOTE), (4, 1, Fault.REST)] == faults(data)


def test_byte_order_mark() -> None:
    """A byte order mark, at the beginning or where files were joined, belongs to nothing."""
    data = b"\xef\xbb\xbf" + CSV_FIELDS + b"\xef\xbb\xbf" + DAY + b",1,2\r\n"

    assert [(DAY.decode(), "1", "2")] == rows(data)
    assert [] == faults(data)


def test_zeros_before_a_header_dont_hide_it() -> None:
    """After a crash a run of zeros may stand right before ``#Fields``; the rows below are still bound by it."""
    data = b"\0" * 5000 + CSV_FIELDS + DAY + b",1,2\r\n"

    assert [(DAY.decode(), "1", "2")] == rows(data)
    assert [(1, 0, Fault.NUL)] == faults(data)


def test_zeros_cut_a_row() -> None:
    """A row that zeros cut is lost, the one right behind the zeros isn't."""
    data = CSV_FIELDS + DAY + b",half\0\0\0" + DAY + b",1,2\r\n"

    assert [(DAY.decode(), "1", "2")] == rows(data)
    assert [(2, 0, Fault.NUL)] == faults(data)


def test_zeros_in_an_open_row_end_it() -> None:
    """Zeros never belong to a quoted value."""
    data = CSV_FIELDS + DAY + b',"cut\r\n\0\0\0\0' + DAY + b",1,2\r\n"

    assert [(DAY.decode(), "1", "2")] == rows(data)
    assert [(2, 1, Fault.OPEN_QUOTE), (3, 0, Fault.NUL)] == faults(data)


def test_zeros_at_the_end_wait() -> None:
    """IIS fills the end of an open log with zeros that become rows: the position stays before them."""
    reader = make(Format.OWA)
    data = b"#Fields: date time c-ip\r\n2024-01-31 08:00:00 192.0.2.1\r\n"
    reader.feed(data + b"\0" * 65536, 0)
    reader.finish(final=False)
    row = b"2024-01-31 08:00:01 192.0.2.2\r\n"
    items = reader.feed(row, len(data))

    assert len(data) + len(row) == reader.position
    assert ["192.0.2.2"] == [item["c-ip"] for item in items if isinstance(item, Record)]


def test_bare_carriage_return_ends_no_line() -> None:
    """Only a line feed ends a line."""
    assert [(DAY.decode(), "a\rb", "2")] == rows(CSV_FIELDS + DAY + b",a\rb,2\r\n")


def test_last_line_waits_for_its_end() -> None:
    """A last line without line end isn't read until it has one, or the file is closed."""
    reader = make(Format.MSGTRK)
    data = CSV_FIELDS + DAY + b",1,2"
    items = reader.feed(data, 0)
    assert [Header] == [type(item) for item in items]
    assert [] == reader.finish(final=False)
    assert len(CSV_FIELDS) == reader.position
    reader.feed(data[len(CSV_FIELDS) :], len(CSV_FIELDS))
    [record] = reader.finish(final=True)

    assert isinstance(record, Record)
    assert "2" == record["b"]


def test_too_long_a_line_is_let_go() -> None:
    """A line beyond the limit is quarantined without being held, and the next one is read."""
    reader = make(Format.MSGTRK, limit=1000)
    reader.feed(CSV_FIELDS, 0)
    offset = len(CSV_FIELDS)
    for _ in range(100):
        reader.feed(b"x" * 1000, offset)
        offset += 1000
        assert len(getattr(reader, "_strict", reader)._pending) <= 1000
    lost, record = reader.feed(b"\r\n" + DAY + b",1,2\r\n", offset)

    assert isinstance(lost, Quarantined)
    assert (Fault.TOO_LONG, 100_002, b"x" * 200) == (lost.fault, lost.length, lost.head)
    assert isinstance(record, Record)


def test_limit_holds_for_a_line_fed_whole() -> None:
    """One byte within the limit is read, one byte beyond it isn't."""
    line = DAY + b",1,2"

    assert 1 == read(Format.MSGTRK, CSV_FIELDS + line + b"\n", len(line))[1].records
    assert 0 == read(Format.MSGTRK, CSV_FIELDS + line + b"\n", len(line) - 1)[1].records


def test_state_holds_none_of_the_files_bytes() -> None:
    """What is stored between polls stays small, whatever waits."""
    reader = make(Format.MSGTRK)
    reader.feed(CSV_FIELDS + DAY + b',"' + b"secret" * 500, 0)

    assert "secret" not in json.dumps(reader.state())
    assert len(json.dumps(reader.state())) < 600


def test_bytes_that_dont_follow_are_refused() -> None:
    """A gap or an overlap is the caller's mistake and would bind bytes wrongly."""
    reader = make(Format.MSGTRK)
    reader.feed(b"abc", 0)

    with pytest.raises(ValueError, match="bytes 3 and on are due, not those at 4"):
        reader.feed(b"d", 4)


def test_w3c_quote_is_a_character() -> None:
    """W3C logs of IIS quote nothing."""
    data = b'#Fields: date time x\r\n2024-01-31 08:00:00 "a\r\n2024-01-31 08:00:01 b"c,d\r\n'

    assert ['"a', 'b"c,d'] == [values[2] for values in rows(data, Format.OWA)]


def test_time_alone_goes_on_after_a_restart() -> None:
    """A restart after midnight doesn't put rows back on the day of ``#Date``."""
    first = b"#Date: 2003-12-31 23:59:00\r\n#Fields: time c-ip\r\n23:59:59 192.0.2.1\r\n00:00:01 192.0.2.1\r\n"
    before = make(Format.OWA)
    before.feed(first, 0)
    after = make(Format.OWA)
    after.restore(json.loads(json.dumps(before.state())))
    [record] = after.feed(b"08:00:00 192.0.2.1\r\n", len(first))

    assert isinstance(record, Record)
    assert dt.date(2004, 1, 1) == record.day


def test_time_alone_before_the_header_is_the_next_day() -> None:
    """A first row that is hours earlier than ``#Date`` was written after midnight."""
    data = b"#Date: 2003-12-31 16:44:00\r\n#Fields: time c-ip\r\n00:10:00 192.0.2.1\r\n"
    [record] = [item for item in read(Format.OWA, data)[0] if isinstance(item, Record)]

    assert dt.date(2004, 1, 1) == record.day


def test_w3c_other_blanks_dont_separate() -> None:
    """Only the blank and no other kind of white space separates values."""
    data = "#Fields: date time x\r\n2024-01-31 08:00:00 a\u00a0\u3000\u0085b\r\n".encode()

    assert ["a\u00a0\u3000\u0085b"] == [values[2] for values in rows(data, Format.OWA)]


@pytest.mark.parametrize(
    ("name", "records", "quarantined"),
    [
        ("logfile_w3c.0", 1, 0),
        ("logfile_w3c.2", 14, 0),
        ("logfile_w3c.3", 0, 3),
        ("logfile_w3c.5", 0, 1),
        ("logfile_w3c.6", 1, 0),
    ],
)
def test_real_logs(name: str, records: int, quarantined: int) -> None:
    """Logs that other people's servers wrote: headers repeating, times alone, a row too wide, odd bytes."""
    folder = os.environ.get("HARNESS_CORPORA")
    if not folder:
        pytest.skip("HARNESS_CORPORA doesn't name a folder of real logs")
    _, counts = read(Format.OWA, (Path(folder) / name).read_bytes())

    assert (records, quarantined) == (counts.records, counts.quarantined)
