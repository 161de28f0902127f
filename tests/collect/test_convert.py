"""Chunks to records: however a log is cut, and whenever the collector was killed in between, the same comes out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.collect.convert import Converted, convert
from harness.collect.delivery import Chunk
from harness.collect.source import PolledFolder
from harness.events import Header, Record
from harness.events.record import encode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.collect.source import Family

CASES = Path(__file__).parents[1] / "cases" / "events"
CREATED = datetime(2023, 11, 23, tzinfo=UTC)
LOGS: list[tuple[Family, str]] = [
    ("SMTP", "smtp/receive2016/RECV2023011116-1.LOG"),
    ("MSGTRK", "msgtrk/cut-in-quoted-value/MSGTRK2018112722-3.LOG"),
    ("MSGTRK", "msgtrk/forged-row-in-subject/MSGTRK2018112722-2.LOG"),
    ("MSGTRK", "msgtrk/exchange2010-bom/MSGTRKM20120105-1.LOG"),
    ("OWA", "owa/fields-change/u_ex240131.log"),
    ("OWA", "owa/misfits/u_ex240201.log"),
]


def folder(family: Family) -> PolledFolder:
    """A log folder of a family."""
    return PolledFolder.at("c$/Logs/", host="ex01", identifier="ex01", family=family, file_pattern=".*")


def converted(family: Family, pieces: Sequence[bytes]) -> list[tuple[object, ...]]:
    """Convert a log piece by piece; give what came of it, without how it was cut."""
    state, offset = b"", 0
    out: list[tuple[object, ...]] = []
    for piece in pieces:
        done: Converted = convert(Chunk(folder(family), "Logs/a.log", CREATED, offset, piece, state))
        out += [
            ("record", item.offset, item.line, item.names, item.values)
            if isinstance(item, Record)
            else ("lost", item.offset, item.length, item.line, item.reason)
            for item in done.items
            if not isinstance(item, Header)
        ]
        state, offset = done.state, offset + len(piece)
    return sorted(out, key=lambda item: (item[1], item[0]))


@pytest.mark.parametrize(("family", "name"), LOGS, ids=[name for _, name in LOGS])
@given(data=st.data())
@settings(max_examples=30, deadline=None)
def test_cuts_change_nothing(family: Family, name: str, data: st.DataObject) -> None:
    """A chunk may end in the middle of a header, a character, a quoted value or a line end."""
    log = (CASES / name).read_bytes()
    cuts = sorted(data.draw(st.sets(st.integers(0, len(log)), max_size=8)))
    edges = [0, *cuts, len(log)]
    pieces = [log[begin:end] for begin, end in pairwise(edges)]

    assert converted(family, [log]) == converted(family, pieces)


def test_every_byte_apart() -> None:
    """The hardest cut of all."""
    log = (CASES / LOGS[0][1]).read_bytes()
    whole = converted("SMTP", [log])

    assert whole == converted("SMTP", [bytes([byte]) for byte in log])
    assert any(kind == "record" for kind, *_ in whole)


def test_state_holds_only_what_waits() -> None:
    """Whole lines aren't kept: the state is stored with every chunk."""
    log = (CASES / LOGS[0][1]).read_bytes()
    cut = log.rindex(b"\n", 0, len(log) - 1) + 10
    state = convert(Chunk(folder("SMTP"), "Logs/a.log", CREATED, 0, log[:cut], b"")).state

    assert log[cut - 9 : cut] == state.partition(b"\n")[2]


def test_records_name_share_and_path() -> None:
    """A reader of the output finds the file on the host."""
    done = convert(Chunk(folder("SMTP"), "Logs/a.log", CREATED, 0, (CASES / LOGS[0][1]).read_bytes(), b""))

    assert {"c$/Logs/a.log"} == {item.file for item in done.items if isinstance(item, Record)}


def test_a_log_is_read_in_its_log_sources_encoding() -> None:
    """Also after a restart; what is written out is UTF-8, with a byte that is no character as it stood in the file."""
    source = replace(folder("SMTP"), encoding="windows-1252")
    log = b"#Fields: date-time,data\r\n2023-11-23T00:00:00.000Z,Gr\xfc\xdfe \x81\r\n"
    first = convert(Chunk(source, "Logs/a.log", CREATED, 0, log[:-4], b""))
    (record,) = convert(Chunk(source, "Logs/a.log", CREATED, len(log) - 4, log[-4:], first.state)).items

    assert "Grüße \udc81" == record["data"]
    assert "Grüße ".encode() + b"\x81" == encode(record["data"])
