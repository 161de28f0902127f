"""The fast engine beside the strict one: cell by cell the same, however the bytes come, and events all at once."""

from __future__ import annotations

import ipaddress
import json
import re
import sys
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from logpieces import CSV_FIELDS, DAY, FILES, FORMATS

from harness.errors import HarnessError
from harness.events import (
    EventStream,
    Fault,
    Format,
    Header,
    Quarantined,
    Record,
    load,
    reader_for,
    transforms,
)
from harness.events.candidate import ENDS, UNDECIDED
from harness.events.csvlog import CsvReader
from harness.events.patterns import alike, undecided

if TYPE_CHECKING:
    from pathlib import Path

    from harness.events import Item, LineReader, Mapping

np = pytest.importorskip("numpy")
pa = pytest.importorskip("pyarrow")

from harness.events.batch import Batch  # noqa: E402 - what it needs is checked above
from harness.events.columnar import EventBatch  # noqa: E402
from harness.events.encoded import encode_cells  # noqa: E402
from harness.events.fast import RULES, FastReader  # noqa: E402
from harness.events.times import parse_times  # noqa: E402
from harness.events.vocabulary import Vocabulary  # noqa: E402

NAMES = {
    Format.MSGTRK: "date-time,client-ip,server-ip,event-id,recipient-address,message-subject",
    Format.SMTP: "date-time,connector-id,local-endpoint,remote-endpoint,event,data,context",
    Format.OWA: "date time s-ip cs-method cs-username c-ip sc-status",
    Format.SMTP2003: "date time c-ip cs-username s-ip cs-method cs-uri-query sc-status",
}


def strict_reader(format_: Format, limit: int = 4096, file: str = "RECV1.LOG") -> LineReader:
    """Give a strict reader that doubts early, so that small files reach that too."""
    if format_ in (Format.MSGTRK, Format.SMTP):
        return CsvReader(file, format_, limit=limit, doubt=40)
    reader: Any = reader_for(format_, file, limit=limit)
    return reader


def fast_reader(format_: Format, limit: int = 4096, file: str = "RECV1.LOG") -> Any:
    """Give a fast reader that looks at whole blocks however few lines they have."""
    strict = strict_reader(format_, limit, file)
    return FastReader(strict, least=1) if format_ in RULES else strict


def batches(format_: Format, data: bytes) -> list[Batch]:
    """Give the batches that a file is read in."""
    return [each for each in fast_reader(format_).feed_batches(data, 0) if isinstance(each, Batch)]


@given(FORMATS, FILES, st.lists(st.integers(0, 400), max_size=8), st.sampled_from([60, 4096]))
@example(Format.MSGTRK, CSV_FIELDS + (DAY + b',"a ""b"", c",2\r\n' + DAY + b",x,\r\n") * 3, [70], 4096)
@example(
    Format.MSGTRK, CSV_FIELDS + DAY + b',"x\r\n' + CSV_FIELDS + DAY + b',1,2\r\nx"y\r\n' + DAY + b",1,2\n", [], 4096
)
@example(Format.MSGTRK, CSV_FIELDS + DAY + b',1,"cut\r\n' + (DAY + b",1,2\r\n") * 2, [], 4096)
@example(Format.MSGTRK, CSV_FIELDS + b"x\0#Fields: date-time,b\r\n" + DAY + b",1\r\n" + DAY + b",1,2\r\n", [], 4096)
@example(Format.OWA, b"#Fields: date time x\r\n2024-01-31 08:00:00 a\r\r\n2024-01-31 08:00:00 \xff\r\n", [30], 4096)
def test_both_engines_give_the_same(format_: Format, data: bytes, cuts: list[int], limit: int) -> None:
    """Piece by piece both give the same items, stand at the same position, and have the same state."""
    strict, fast = strict_reader(format_, limit), fast_reader(format_, limit)
    bounds = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    for begin, end in pairwise(bounds):
        assert strict.feed(data[begin:end], begin) == fast.feed(memoryview(data)[begin:end], begin)
        assert (strict.position, strict.state()) == (fast.position, fast.state())

    assert strict.finish(final=True) == fast.finish(final=True)
    assert strict.counts == fast.counts


@given(FORMATS, FILES, st.lists(st.integers(0, 400), max_size=6))
def test_engines_take_over_from_each_other(format_: Format, data: bytes, cuts: list[int]) -> None:
    """A state of one engine is a state of the other, so a collector may change between two polls."""
    whole = strict_reader(format_)
    expected = [*whole.feed(data, 0), *whole.finish(final=True)]
    items: list[Item] = []
    state, position = None, 0
    for turn, end in enumerate([*sorted(cut for cut in cuts if cut < len(data)), len(data)]):
        reader = fast_reader(format_) if turn % 2 else strict_reader(format_)
        if state is not None:
            reader.restore(json.loads(state))
            position = reader.position
        if end > position:
            items += reader.feed(data[position:end], position)
        items += reader.finish(final=end == len(data))
        state = json.dumps(reader.state())

    assert expected == items


ROWS = {
    "well": (lambda i: b"%s,%d,b\r\n" % (DAY, i)),
    "quoted": (lambda i: b'%s,"a, %d","say ""no"""\r\n' % (DAY, i)),
    "open quote": (lambda i: b'%s,"never ends %d,b\r\n' % (DAY, i)),
    "stray quote": (lambda i: b'%s,a"b,"c"d %d\r\n' % (DAY, i)),
    "zeros": (lambda i: b"%s,%d\0\0\0,b\r\n" % (DAY, i)),
    "bare return": (lambda i: b"%s,a\rb,%d\r\n" % (DAY, i)),
    "no UTF-8": (lambda i: b"%s,\xff\xe9,%d\r\n" % (DAY, i)),
    "line break": (lambda i: b'%s,"one\r\n%d\ntwo",b\r\n' % (DAY, i)),
    "narrow": (lambda i: b"%s,%d\r\n" % (DAY, i)),
    "wide": (lambda _: b"%s%s\r\n" % (DAY, b",x" * 9)),
    "very wide": (lambda _: b"%s%s\r\n" % (DAY, b",y" * 100_000)),
    "other columns": (lambda _: b"#Fields: date-time,b,a,c\r\n%s,1,2,3\r\n%s" % (DAY, CSV_FIELDS)),
}


@pytest.mark.parametrize("kind", ROWS)
@pytest.mark.parametrize("size", [1 << 20, 4099])
def test_bad_rows_among_many_good_ones(kind: str, size: int) -> None:
    """One row in fifty is of a kind that trips readers: both engines give the same, and no good row is lost."""
    rows = [ROWS[kind](i) if i % 50 == 25 else ROWS["well"](i) for i in range(300)]
    data = CSV_FIELDS + b"".join(rows) + DAY + b",half a li"
    strict, fast = CsvReader("log", Format.MSGTRK), FastReader(CsvReader("log", Format.MSGTRK))
    expected: list[Item] = []
    items: list[Item] = []
    for begin in range(0, len(data), size):
        expected += strict.feed(data[begin : begin + size], begin)
        items += fast.feed(data[begin : begin + size], begin)
    state = strict.state(), fast.state()
    expected += strict.finish(final=True)
    items += fast.finish(final=True)

    assert state[0] == state[1]
    assert expected == items
    good = {str(i) for i in range(300) if i % 50 != 25}
    assert good <= {item["a"] for item in items if isinstance(item, Record)}


def test_most_rows_come_in_batches() -> None:
    """The strict engine reads the header and what can't be certified, and no more."""
    rows = [ROWS["narrow" if i % 50 == 25 else "quoted" if i % 5 == 0 else "well"](i) for i in range(300)]
    [header, batch] = FastReader(CsvReader("log", Format.MSGTRK)).feed_batches(CSV_FIELDS + b"".join(rows), 0)

    assert isinstance(header, Header)
    assert isinstance(batch, Batch)
    assert 294 == len(batch)
    assert [Fault.WIDTH] * 6 == [item.fault for _, item in batch.between if isinstance(item, Quarantined)]


def test_a_batch_knows_where_its_rows_stand() -> None:
    """Offsets, lengths, lines and columns of a batch are those of its records."""
    data = CSV_FIELDS + b"".join(ROWS["quoted" if i % 3 else "narrow"](i) for i in range(50))
    [batch] = batches(Format.MSGTRK, data)
    records = batch.records()

    assert [record.offset for record in records] == batch.offset.tolist()
    assert [record.length for record in records] == batch.length.tolist()
    assert [record.line for record in records] == batch.line.tolist()
    for place, name in enumerate(batch.header.names):
        assert [record[name] for record in records] == batch.column(place).to_pylist()


TIMES = st.sampled_from(
    [
        "2016-10-04T08:00:00.123Z",
        "2016-10-04 08:00:00",
        "2016-02-29T23:59:59.999Z",
        "2015-02-29T08:00:00.000Z",
        "0000-01-01T08:00:00.000Z",
        "2016-10-04T24:00:00.000Z",
        "2016-W40-2T08:00:00.000Z",
        "2016-10-04T08:00:00.12Z4",
        "2016-1-4 8:0:0 GMT",
        "2016-10-04t08:00:00.123z",
        "",
        "-",
    ]
)
ADDRESSES = st.sampled_from(
    ["192.0.2.1", "fe80::1%3", "[2001:db8::1]:25", "192.0.2.1:25", "2001:DB8::1", "nowhere", "10.0.0.256", "", "-"]
)
WORDS = st.one_of(
    st.sampled_from(
        [
            "EHLO x",
            "ehlo",
            "250 2.1.0 OK",
            "250-SIZE",
            "2500",
            "MAIL FROM:<ann@example.com> SIZE=1",
            "mail from: <>",
            "User Name: ann; b",
            "authenticated",
            "EXAMPLE\\ann",
            "<ann@example.com>;bob",
            "OutboundConnectionCommand",
            "OutboundConnectionResponse",
            "+FROM:<a@b>",
            "Grüße",
            "\u212aELVIN",
        ]
    ),
    st.text(st.sampled_from('AZaz09-+<>@:;,"\té會\r'), max_size=6),
)


def _value(draw: Any, name: str) -> str:
    if name in ("date-time", "date", "time"):
        text: str = draw(TIMES)
        parts = text.partition(" ")
        return parts[0] if name == "date" else parts[2] if name == "time" else text
    if name == "event":
        return str(draw(st.sampled_from(["+", "-", "<", ">", "*", "", "?"])))
    return str(draw(ADDRESSES if "ip" in name or "endpoint" in name else WORDS))


@st.composite
def logs(draw: Any) -> tuple[Format, bytes]:
    """Give a log with the columns that mappings ask for."""
    format_ = draw(st.sampled_from(list(NAMES)))
    comma = "," in NAMES[format_]
    names = NAMES[format_].split("," if comma else " ")
    if draw(st.booleans()):
        names = draw(st.permutations(names))[: draw(st.integers(1, len(names)))]
    head = draw(
        st.sampled_from(["", "#Log-type: SMTP Receive Protocol Log\r\n", "#Log-type: SMTP Send Protocol Log\r\n"])
    )
    lines = [head, "#Fields: ", ("," if comma else " ").join(names), "\r\n"]
    some = [[_value(draw, name) for name in names] for _ in range(draw(st.integers(1, 5)))]
    for row in draw(st.lists(st.sampled_from(some), max_size=12)):
        values = row
        if comma:
            values = [
                '"' + v.replace('"', '""') + '"' if '"' in v or "," in v or draw(st.booleans()) else v for v in row
            ]
        else:
            values = [re.sub(r"[ ]", "+", v) or "-" for v in row]
        lines += [("," if comma else " ").join(values), "\r\n"]
    return format_, "".join(lines).encode()


OWN = """
format: {format}
username:
  provenance: "chosen: a test"
  required: true
  candidates:
    - template: "{{#file}}/{{event}}/{{data}}"
      when: {{data: "E.*"}}
    - template: "<{{event-id}}>"
    - field: data
      when: {{"#day": "x"}}
    - field: "#file"
      when: {{event: "[<>]", data: "(?!x).*"}}
    - template: "{{cs-method}} {{sc-status}} {{c-ip}}"
    - field: "#SourceIp"
      transforms: [{{match: '(1.*)'}}]
source_ip:
  provenance: "chosen: a test"
  candidates:
    - field: data
      transforms: [strip]
    - field: "#SourceIp"
device_time:
  provenance: "chosen: a test"
  candidates:
    - field: date-time
      when: {{event: "[<>]"}}
    - field: date-time
      transforms: [strip]
    - template: "{{time}} {{date}}"
    - template: "{{date}} {{time}}"
"""


@pytest.fixture(scope="module")
def mappings(tmp_path_factory: pytest.TempPathFactory) -> dict[Format, list[Mapping]]:
    """Give for each format the shipped mapping and one that does what shipped ones don't."""
    folder: Path = tmp_path_factory.mktemp("mappings")
    found = {}
    for format_ in NAMES:
        file = folder / f"{format_}.yml"
        file.write_text(OWN.format(format=format_.value))
        found[format_] = [load(format_), load(format_, [file])]
    return found


@given(log=logs(), host=st.sampled_from(["", "192.0.2.9"]), many=st.booleans())
def test_events_at_once_are_those_row_by_row(
    log: tuple[Format, bytes], host: str, many: bool, mappings: dict[Format, list[Mapping]]
) -> None:
    """Each mapped field, its problem and the number of events with problems are what the rows give one by one."""
    format_, data = log
    for mapping in mappings[format_]:
        for batch in batches(format_, data):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("harness.events.columnar._MANY", 0 if many else 1000)
                events = EventBatch(batch, mapping, host)
            expected = [mapping.apply(record, host) for record in batch.records()]

            assert expected == events.events()
            assert sum(bool(event.problems) for event in expected) == events.short


@given(log=logs(), cut=st.integers(0, 300))
def test_a_stream_gives_the_same_with_either_engine(
    log: tuple[Format, bytes], cut: int, mappings: dict[Format, list[Mapping]]
) -> None:
    """Events, quarantined lines and headers come in the file's order."""
    format_, data = log
    cut = min(cut, len(data))
    given: list[list[object]] = []
    for reader in (strict_reader(format_), fast_reader(format_)):
        stream = EventStream(reader, mappings[format_][0], "192.0.2.9")
        given.append([*stream.feed(data[:cut], 0), *stream.feed(data[cut:], cut), *stream.finish(final=True)])

    assert given[0] == given[1]


@given(st.lists(st.one_of(TIMES, st.text("0123456789-:T .Z", min_size=19, max_size=24)), min_size=1, max_size=8))
def test_times_at_once(texts: list[str]) -> None:
    """What is told to be a time is the time that is read from the text alone."""
    block = np.frombuffer(" ".join(texts).encode() + b" ", dtype=np.uint8)
    length = np.array([len(text) for text in texts])
    begin = np.cumsum(length + 1) - length - 1
    micros, told = parse_times(block, begin, begin + length)

    for text, micro, is_time in zip(texts, micros.tolist(), told.tolist(), strict=True):
        if is_time:
            assert micro == round(transforms.moment(text).timestamp() * 1000) * 1000


@given(
    st.lists(st.lists(st.one_of(ADDRESSES, st.text("0123456789.:[]%", max_size=8)), max_size=6), max_size=5),
    st.sampled_from([0, 3, 100]),
)
def test_texts_are_worth_the_same_in_each_batch(given_: list[list[str]], kept: int) -> None:
    """Whatever a candidate has judged before, and however much of it is kept, it says of a text what it says alone."""
    fields = {field.name: field for field in load(Format.SMTP).fields}
    [judged, *_] = fields["source_ip"].judged
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("harness.events.vocabulary.KEPT", kept)
        for texts in given_:
            codes, outcomes = judged.vocabulary.find(pa.array(texts, pa.string()))
            values = outcomes.values.to_pylist()
            found = [
                outcomes.wrong.get(code, values[code] if outcomes.valued[code] else None) for code in codes.tolist()
            ]

            assert [judged.judge(text) for text in texts] == found


def test_a_text_is_judged_once() -> None:
    """What was judged in one batch isn't judged again in the next one."""
    fields = {field.name: field for field in load(Format.MSGTRK).fields}
    [judged, *_] = fields["username"].judged
    judged.vocabulary.find(pa.array(["<ann@example.com>;bob", "carl"]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(judged), "judge", lambda _, text: pytest.fail(text))
        codes, outcomes = judged.vocabulary.find(pa.array(["carl", "<ann@example.com>;bob", "carl"]))

    assert ["carl", "ann@example.com", "carl"] == outcomes.values.take(pa.array(codes)).to_pylist()


@given(st.lists(st.integers(0, 300), min_size=4, max_size=4), st.booleans())
@example([10, 5, 10, 10], True)
@example([10, 5, 255, 256], False)
@example([0, 9, 99, 255], False)
def test_usual_addresses_are_told_by_their_shape(octets: list[int], padded: bool) -> None:
    """An address is what the standard library makes of it, and what is none for it is none here."""
    text = ".".join(f"{octet:02}" if padded else str(octet) for octet in octets)
    try:
        expected: str | None = str(ipaddress.ip_address(text))
    except ValueError:
        expected = None
    try:
        found: str | None = transforms.address(text)
    except ValueError:
        found = None

    assert expected == found


def test_usual_times_are_told() -> None:
    """Both usual forms are read at once, so that the test above doesn't pass for want of times."""
    block = np.frombuffer(b"2016-02-29T23:59:59.999Z 1999-12-31 23:59:59", dtype=np.uint8)
    micros, told = parse_times(block, np.array([0, 25]), np.array([24, 44]))

    assert [True, True] == told.tolist()
    assert [1456790399999000, 946684799000000] == micros.tolist()


ATOMS = st.sampled_from(["a", "b", ":", "[ab]", "[^a]", ".", "(?i:a)", r"\b", r"\.", "$", " "])
QUANTIFIERS = st.sampled_from(["", "", "*", "+", "?", "{2}", "{1,2}"])


@st.composite
def patterns(draw: Any) -> str:
    """Give a pattern with one group."""

    def run() -> str:
        return "".join(draw(ATOMS) + draw(QUANTIFIERS) for _ in range(draw(st.integers(0, 3))))

    tail = f"(?:{run()}|{run()})" if draw(st.booleans()) else run()
    return f"{run()}({run()}|{run()}){tail}"


@given(patterns(), st.lists(st.text("abAB:. ", max_size=8), min_size=1, max_size=8))
@example(r"([2-5][0-9]{2})(?:[ -]|$)", ["250 OK", "250", "250-x", "2500"])
@example(r"(?i:MAIL FROM): *<([^>]*)>", ["mail from:<a>", "MAIL FROM: <>", "xMAIL FROM:<a>"])
def test_patterns_mean_the_same_to_both_engines(pattern: str, texts: list[str]) -> None:
    """What Arrow's regular expressions give for a pattern that is taken to be alike is what Python's give."""
    wide = alike(pattern)
    try:
        step = transforms.match(pattern)
    except re.error:
        assume(False)
    assume(wide)
    found = pa.compute.extract_regex(pa.array(texts), wide).field("value").to_pylist()

    assert [step(text) for text in texts] == [text or "" for text in found]


@pytest.mark.parametrize(
    "pattern", [r"(\s)", r"(?=a)(a)", r"(a)\1", "(a)(b)", "a", r"(a+?)", r"(a)*", r"(\d)", "(a$b)"]
)
def test_patterns_that_may_differ_are_left_to_python(pattern: str) -> None:
    """Blanks, digits and the like mean more to Python; look-around and lazy repetition are beyond doubt only there."""
    assert not alike(pattern)


def test_shipped_patterns_are_alike() -> None:
    """The patterns that ship with harness are worth being done at once."""
    shipped = [
        judged
        for field in load(Format.SMTP).fields
        for judged, candidate in zip(field.judged, field.candidates, strict=True)
        if any(name.startswith("match: ") for name, _ in candidate.transforms)
    ]

    assert 4 == len(shipped)
    assert all(judged.pattern for judged in shipped)


SHORT_AND_LONG = ["", "a", "b", "ab", "ba", "é", "abcdefgh", "abcdefghi", "abcdefgé", 'say "no" twice', "x" * 70]


def quoted(text: str) -> bytes:
    """Write a value as Exchange does."""
    return ('"' + text.replace('"', '""') + '"' if re.search('[",]', text) else text).encode()


@given(st.lists(st.sampled_from(SHORT_AND_LONG), min_size=1, max_size=6), st.integers(1, 30), st.booleans())
@example(["abcdefghi", "", "", "x" * 70, "", "", ""], 5, False)
@example(["", "", 'say "no" twice', "", "", "ab"], 5, False)
@example(['say "no" twice', 'say "yes" twice'], 9, True)
@example(["abcdefghi", "abcdefghj", "", "bbcdefghi", "x" * 60], 9, True)
def test_a_column_is_its_different_texts(texts: list[str], times: int, together: bool) -> None:
    """One text, short ones, mostly empty, the same for rows that stand together: a row has its own, each is once."""
    values = [text for text in texts for _ in range(times)] if together else texts * times
    [batch] = batches(Format.MSGTRK, CSV_FIELDS + b"".join(DAY + b",%s,x\r\n" % quoted(text) for text in values))
    found = encode_cells(batch, batch.cells(1))

    assert values == [found.texts[code] for code in found.codes.tolist()]
    assert list(dict.fromkeys(values)) == found.texts


def test_texts_that_end_alike_in_rows_that_stand_together() -> None:
    """A longer value may hold what stands before a shorter one, the separator between two values included."""
    values = ["zzzzzz,abcdefghi", "abcdefghi"] * 2
    rows = [b"2016-zzzzzz,%s,x\r\n" % quoted(text) for text in values for _ in range(20)]
    [batch] = batches(Format.MSGTRK, CSV_FIELDS + b"".join(rows))
    found = encode_cells(batch, batch.cells(1))

    assert [0] * 20 + [1] * 20 + [0] * 20 + [1] * 20 == found.codes.tolist()


SAID = ["", "250", "2500", "250 OK", "250-SIZE", "250 2.1.5 Recipient OK", "12345678", "+x", "EHLO mx1.example.net"]
SAID += [
    "STARTTL",
    "STARTTLS",
    "STARTTLSX",
    "STARTTLS x",
    "MAIL FROM:<ann@example.com>",
    "mail fro",
    "mail from",
    "MAIL FROM:x",
]


def test_a_text_that_ends_with_its_beginning_is_known_whole() -> None:
    """More is looked at only of a text that has more."""
    [_, _, judged, _] = {field.name: field for field in load(Format.SMTP).fields}["event_id"].judged
    assert judged.beginnings is not None
    key = int.from_bytes(b"STARTTLS", "little")

    assert UNDECIDED is judged.beginnings[key]
    assert "STARTTLS" == judged.beginnings[key | ENDS]


@given(
    said=st.lists(st.tuples(st.sampled_from("<>*"), st.sampled_from(SAID)), min_size=1, max_size=12),
    also_quoted=st.booleans(),
)
@example(said=[("<", each) for each in SAID], also_quoted=False)
def test_what_is_said_is_judged_by_its_beginning(
    said: list[tuple[str, str]], also_quoted: bool, mappings: dict[Format, list[Mapping]]
) -> None:
    """Whether a text's first characters decide or more of it is needed, an event says what the row alone says."""
    head = b"#Fields: date-time,event,data,context\r\n"
    rows = [DAY + b",%s,%s,\r\n" % (event.encode(), data.encode()) for event, data in said]
    if also_quoted:
        rows.append(DAY + b',<,"MAIL FROM:<""ann""@example.com>, ""250""",\r\n')
    for batch in batches(Format.SMTP, head + b"".join(rows)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("harness.events.columnar._MANY", 0)
            events = EventBatch(batch, mappings[Format.SMTP][0]).events()

        assert [mappings[Format.SMTP][0].apply(record, "") for record in batch.records()] == events


@pytest.mark.parametrize(
    "texts",
    [
        ["192.0.2.1:25", "198.51.100.7:65535"],
        ["192.0.2.1:25", "[192.0.2.1:25"],
        ["192.0.2.1:25", "192.0.2.1:"],
        ["192.0.2.1:25", ":25"],
        ["192.0.2.1:25", "192.0.2.1", "2001:db8::1"],
        ["192.0.2.1:25", "192.0.2.1:2.5"],
        ["nowhere:25"],
        ["", ""],
    ],
)
def test_endpoints_lose_their_ports(texts: list[str]) -> None:
    """All at once endpoints are worth what each is alone, whether all are usual ones or one of them isn't."""
    fields = {field.name: field for field in load(Format.SMTP).fields}
    [judged, *_] = fields["source_ip"].judged
    codes, outcomes = Vocabulary(judged).find(pa.array(texts, pa.string()))
    values = outcomes.values.to_pylist()
    found = [outcomes.wrong.get(code, values[code] if outcomes.valued[code] else None) for code in codes.tolist()]

    assert [judged.judge(text) for text in texts] == found


@pytest.mark.parametrize(
    ("pattern", "beginning", "open_"),
    [
        (r"([2-5][0-9]{2})(?:[ -]|$)", "250 2.1.", False),
        (r"([2-5][0-9]{2})(?:[ -]|$)", "250", True),
        (r"([2-5][0-9]{2})(?:[ -]|$)", "EHLO mx1", False),
        (r"([A-Za-z][A-Za-z0-9-]*)(?:[ :]|$)", "EHLO mx1", False),
        (r"([A-Za-z][A-Za-z0-9-]*)(?:[ :]|$)", "STARTTLS", True),
        (r"(?i:MAIL FROM): *<([^>]*)>", "mail fro", True),
        (r"(?i:MAIL FROM): *<([^>]*)>", "mail for", False),
        (r".*(b)", "anything", True),
        (r"(a|ab+c)", "ab", True),
        (r"(a)\b", "a", True),
        (r"(a:)\b", "a:", True),
    ],
)
def test_what_a_beginning_decides(pattern: str, beginning: str, open_: bool) -> None:
    """More of a text needs to be seen only where its beginning is matched to its end."""
    assert open_ == (undecided(pattern).match(beginning) is not None)


@given(patterns(), st.text("abAB:. ", max_size=8), st.text("abAB:. ", max_size=4))
@example(r"(a|ab.)", "ab", "c")
@example(r"(a)\b", "a", "a")
@example(r"(a:)\b", "a:", "a")
@example(r"(a)$", "a", "a")
def test_a_beginning_decides_for_all_that_follows(pattern: str, beginning: str, rest: str) -> None:
    """Where a beginning is said to decide, a pattern gives the same of each text that begins so."""
    assume(alike(pattern))
    try:
        step = transforms.match(pattern)
    except re.error:
        assume(False)
    if not undecided(pattern).match(beginning):
        assert step(beginning) == step(beginning + rest)


def test_engine_is_chosen_in_one_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fast engine is used where it is installed; who asks for it by name is told what is missing."""
    assert isinstance(reader_for(Format.MSGTRK, "log", engine="auto"), FastReader)
    assert not isinstance(reader_for(Format.MSGTRK2003, "log", engine="auto"), FastReader)
    assert not isinstance(reader_for(Format.MSGTRK, "log", engine="strict"), FastReader)
    monkeypatch.setitem(sys.modules, "harness.events.fast", None)
    assert not isinstance(reader_for(Format.MSGTRK, "log", engine="auto"), FastReader)

    with pytest.raises(HarnessError, match="aren't installed"):
        reader_for(Format.MSGTRK, "log", engine="fast")


def test_a_block_may_end_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes beyond a block's size are taken block by block."""
    monkeypatch.setattr("harness.events.fast.BLOCK", 1000)
    data = CSV_FIELDS + b"".join(ROWS["well"](i) for i in range(300))

    assert CsvReader("x", Format.SMTP).feed(data, 0) == FastReader(CsvReader("x", Format.SMTP)).feed(data, 0)
