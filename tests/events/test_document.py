"""Events as JSON: a line is written from a form, and must be what the object itself gives."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from logpieces import CSV_FIELDS, DAY, FILES, FORMATS

from harness.events import Event, EventStream, Format, document, load, reader_for
from harness.events.mapping import write_time


def events(format_: Format, data: bytes, name: str = "log") -> list[Event]:
    """Read a log."""
    stream = EventStream(reader_for(format_, name), load(format_), "192.0.2.7")
    return [each for each in (*stream.feed(data, 0), *stream.finish(final=True)) if isinstance(each, Event)]


@given(FORMATS, FILES)
@example(Format.MSGTRK, CSV_FIELDS.replace(b"a,b", b"a,A") + DAY + b",1,2\r\n")
@example(Format.MSGTRK, CSV_FIELDS.replace(b"a,b", b"a,a") + DAY + b",1,2\r\n")
@example(Format.MSGTRK, CSV_FIELDS.replace(b"a,b", b'100 %s "a",{b}') + DAY + b",%d,{0}\r\n")
@example(Format.MSGTRK, CSV_FIELDS + DAY + b',"a ""quoted""\r\n\\line\t",\xff\xe2\x82\xac\r\n')
def test_a_line_is_the_objects_json(format_: Format, data: bytes) -> None:
    """Whatever stands in a log, its line is what json.dumps makes of the event's object."""
    for each in events(format_, data, "a %s {log}"):
        assert json.dumps(document.event(each)) == document.line(each)


def test_a_line_holds_all_columns() -> None:
    """A column whose name is there twice is shown once, the others as they stand."""
    fields = b"#Fields: date-time,event-id,a,a\r\n"
    (event,) = events(Format.MSGTRK, fields + DAY + b",SEND,1,2\r\n")

    shown = json.loads(document.line(event))

    assert {"date-time": DAY.decode(), "event-id": "SEND", "a": "2"} == shown["fields"]
    assert ("log", 2, "SEND") == (shown["file"], shown["line"], shown["event_id"])


@pytest.mark.parametrize(
    ("time", "written"),
    [
        (None, ""),
        (datetime(2024, 1, 31, 8, tzinfo=UTC), "2024-01-31T08:00:00.000Z"),
        (datetime(2024, 1, 31, 8, 0, 0, 120, tzinfo=UTC), "2024-01-31T08:00:00.000120Z"),
        (datetime(2024, 1, 31, 8, tzinfo=timezone(timedelta())), "2024-01-31T08:00:00.000Z"),
        (datetime(2024, 1, 31, 8, tzinfo=timezone(timedelta(hours=1))), "2024-01-31T08:00:00.000+01:00"),
    ],
)
def test_times(time: datetime | None, written: str) -> None:
    """A time has three decimals at least, and says where it counts from."""
    assert written == write_time(time)
