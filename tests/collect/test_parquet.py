"""Events as a Parquet file."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from pyarrow import parquet

from harness.collect.delivery import Chunk
from harness.collect.parquet import ParquetSink
from harness.collect.sink import Rules
from harness.collect.source import FORMATS, PolledFolder
from harness.events import load

from .conftest import OWA, OWA_HEADER, owa_row

if TYPE_CHECKING:
    from pathlib import Path

    from harness.collect.source import Family

    from .conftest import Collecting

IIS = f"{OWA}/u_ex231123.log"
BROKEN = b"no row at all\r\n"


def test_parquet(collecting: Collecting) -> None:
    """One whole file, replaced by the next run; nothing else is left behind but what couldn't be read."""
    output = collecting.folder / "events.parquet"
    collecting.write(
        IIS,
        OWA_HEADER + owa_row("/1") + BROKEN + owa_row("/\u00ff"),
    )
    codes = [collecting.run("--format", "parquet", "-o", output).code for _ in range(2)]
    rows = parquet.read_table(output).to_pylist()

    assert [0, 0] == codes
    assert [5, 7] == [row["line"] for row in rows]
    assert ("GET 200", "192.0.2.9", 2023) == (rows[0]["event_id"], rows[0]["source_ip"], rows[0]["device_time"].year)
    assert "/1" == dict(rows[0]["fields"])["cs-uri-stem"]
    assert {"events.parquet", "events.parquet.quarantine.jsonl", "inventory.ini"} == {
        path.name for path in collecting.folder.iterdir()
    }
    assert 1 == len(output.with_name("events.parquet.quarantine.jsonl").read_text().splitlines())


def test_row_groups_are_bounded(tmp_path: Path) -> None:
    """However much is collected, no more than a group is held in memory; nothing has the file's name before the end."""
    output = tmp_path / "events.parquet"
    source = PolledFolder.at("c$/W3SVC1/", host="ex01", identifier="ex01", family="OWA", file_pattern=".*")
    rules = Rules({format_: load(format_) for format_ in FORMATS.values()}, {})
    sink = ParquetSink(output, lambda *_: None, rules, rows=100)
    data = OWA_HEADER + b"".join(owa_row(f"/{number}") for number in range(250))
    sink.deliver(Chunk(source, "W3SVC1/u_ex231123.log", datetime(2023, 11, 23, tzinfo=UTC), 0, data, b""))
    there_before = output.exists()
    sink.finish()
    metadata = parquet.read_metadata(output)

    assert not there_before
    assert [100, 100, 50] == [metadata.row_group(number).num_rows for number in range(metadata.num_row_groups)]


def test_an_abandoned_file_leaves_the_one_before(tmp_path: Path) -> None:
    """A run that is interrupted destroys nothing."""
    output = tmp_path / "events.parquet"
    output.write_bytes(b"the one before")
    ParquetSink(output, lambda *_: None, Rules({}, {})).abandon()

    assert (b"the one before", [output]) == (output.read_bytes(), list(tmp_path.iterdir()))


def test_both_engines_write_the_same_table(tmp_path: Path) -> None:
    """Rows, their order, problems, payloads: what is written in batches is what is written event by event."""
    pytest.importorskip("numpy")
    files: dict[Family, bytes] = {
        "OWA": OWA_HEADER + b"".join(owa_row(f"/{number}") + BROKEN * (number % 3 == 0) for number in range(120)),
        "MSGTRK": TRACKING + b"".join(TRACKED[number % len(TRACKED)] for number in range(200)),
    }
    tables = []
    for engine in ("strict", "fast"):
        output = tmp_path / f"{engine}.parquet"
        lost: list[int] = []
        mappings = {format_: load(format_) for format_ in FORMATS.values()}
        rules = Rules(mappings, {"ex01": "192.0.2.9"}, engine=engine)  # type: ignore[arg-type]
        sink = ParquetSink(output, lambda _, item, lost=lost: lost.append(item.offset), rules, rows=70)  # type: ignore[misc]
        for family, data in files.items():
            source = PolledFolder.at("c$/Logs/", host="ex01", identifier="ex01", family=family, file_pattern=".*")
            state, begin = b"", 0
            for end in (5000, 5001, len(data)):
                chunk = Chunk(source, "Logs/a.log", datetime(2023, 11, 23, tzinfo=UTC), begin, data[begin:end], state)
                state, begin = sink.deliver(chunk).state, end
        sink.finish()
        tables.append((parquet.read_table(output).to_pylist(), lost, dict(sink.tallies)))

    assert tables[0] == tables[1]
    assert 300 < len(tables[0][0])


TRACKING = b"#Fields: date-time,client-ip,event-id,recipient-address,message-subject\r\n"
_AT = b"2023-11-23T08:00:00.000Z"
TRACKED = (
    _AT + b",192.0.2.1,SEND,ann@example.com,plain\r\n",
    _AT + b',,DELIVER,"ann@example.com;bob@example.com","a, ""b"""\r\n',
    _AT + b",nowhere,RECEIVE,<>,Gr\xc3\xbc\xc3\x9fe\r\n",
    _AT + b",192.0.2.1,SEND,a\tb,c\rd\r\n",
    _AT + b",192.0.2.1,SEND,a,\xff\xfe\r\n",
    _AT + b',192.0.2.1,SEND,a,"two\r\nlines"\r\n',
    b"yesterday,,,,\r\n",
)
