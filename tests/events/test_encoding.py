"""Encodings of log files: what a log source may name, and what comes of its bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import HarnessError
from harness.events import Format, Record, reader_for
from harness.events.encoding import KNOWN, readable

ROWS = {
    Format.MSGTRK: ("#Fields: date-time,message-subject,reference\r\n", '2024-01-31T08:00:00.000Z,"{}",\r\n'),
    Format.SMTP: ("#Fields: date-time,data,context\r\n", "2024-01-31T08:00:00.000Z,{},\r\n"),
    Format.MSGTRK2003: ("# Date\tTime\tMessage-Subject\r\n", "2024-1-31\t8:0:0 GMT\t{}\r\n"),
    Format.OWA: ("#Fields: date time cs-username\r\n", "2024-01-31 08:00:00 {}\r\n"),
    Format.SMTP2003: ("#Fields: date time cs-username\r\n", "2024-01-31 08:00:00 {}\r\n"),
}


def values(format_: Format, data: bytes, encoding: str) -> list[tuple[str, ...]]:
    """Give the values of a file's records."""
    reader = reader_for(format_, "log", encoding=encoding)
    return [item.values for item in (*reader.feed(data, 0), *reader.finish(final=True)) if isinstance(item, Record)]


@pytest.mark.parametrize("format_", list(Format))
@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("windows-1252", "Grüße€"),
        ("UTF-8", "Grüße€"),
        ("Shift_JIS", "表示ソフト"),
        ("GB18030", "北京€丂"),
        ("KOI8-R", "Привет"),
    ],
)
def test_every_format_is_read_in_the_encoding_that_is_named(format_: Format, encoding: str, text: str) -> None:
    """The text of a row comes out as it was written, whichever bytes its characters took."""
    head, row = ROWS[format_]
    data = head.encode() + row.format(text).encode(encoding)

    ((*_, found),) = [[value for value in each if value] for each in values(format_, data, encoding)]

    assert text == found


@given(st.sampled_from(KNOWN), st.binary(max_size=60))
def test_bytes_that_mean_nothing_cost_no_column(encoding: str, noise: bytes) -> None:
    """Whatever bytes stand in a value, the row keeps its width where no separator is among them."""
    noise = bytes(byte for byte in noise if byte >= 0x30)
    head, row = ROWS[Format.SMTP]
    before, after = row.encode().split(b"{}")
    data = head.encode() + before + noise + after

    assert [3] == [len(each) for each in values(Format.SMTP, data, encoding)]


@pytest.mark.parametrize("encoding", KNOWN)
def test_what_is_suggested_can_be_read(encoding: str) -> None:
    """And no byte below 0x30 is part of any other character, on which the readers' splitting rests."""
    codec = readable(encoding)
    parts = set()
    for number in range(0x80, 0x10000):
        try:
            parts |= set(chr(number).encode(codec))
        except UnicodeEncodeError:
            continue

    assert set() == {part for part in parts if part < 0x30}


@pytest.mark.parametrize(
    "encoding",
    ["UTF-16", "utf_16_le", "UTF-32", "UTF-7", "cp037", "ISO-2022-JP", "hz", "punycode", "raw_unicode_escape"],
)
def test_an_encoding_without_line_ends_of_its_own_is_refused(encoding: str) -> None:
    """Its bytes can't be told apart into lines, so it would be read wrong without a word."""
    with pytest.raises(HarnessError, match="can't be read: its line ends and separators") as caught:
        readable(encoding)

    assert "UTF-8" in caught.value.hint


@pytest.mark.parametrize(
    ("encoding", "hint"),
    [
        ("UFT-8", "did you mean 'UTF-8'?"),
        ("windows-12522", "did you mean 'windows-1252'?"),
        ("klingon", "windows-1252"),
        ("rot13", ""),
    ],
)
def test_an_unknown_encoding_is_refused_with_the_nearest_name(encoding: str, hint: str) -> None:
    """A slip costs one look at the message."""
    with pytest.raises(HarnessError, match="there is no encoding") as caught:
        readable(encoding)

    assert hint in caught.value.hint
