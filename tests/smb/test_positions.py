"""Positions and output: what survives, and what is refused."""

from __future__ import annotations

import io
import os
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from harness.collect.delivery import Chunk, Handover
from harness.collect.output import FileSink, OutputFile, StreamSink
from harness.collect.positions import Position, Positions
from harness.errors import StoreError

from .lines import lines
from .test_pattern import folder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from harness.collect.delivery import Delivered

CREATED = datetime(2023, 11, 23, 14, 0, 0, 123456, tzinfo=UTC)


def chunk(offset: int, data: bytes, state: bytes = b"") -> Chunk:
    """A chunk of a file."""
    return Chunk(folder(), "a.log", CREATED, offset, data, state)


def to(offset: int) -> Callable[[Delivered], Position]:
    """Settle at an offset."""
    return lambda delivered: Position("a.log", CREATED, offset=offset, state=delivered.state)


def test_positions_come_back_as_they_were(tmp_path: Path) -> None:
    """Every field survives closing, to the microsecond and with file numbers of 64 bits."""
    position = Position("a/\u00fc.log", CREATED, 2**64 - 2, 2**40, b"\x00tail", b"\xffstate", 7, CREATED)
    other = Position("a/\u00fc.log", CREATED + timedelta(microseconds=1))
    with Positions(tmp_path / "new" / "positions.db") as store:
        store.advance("s", [position, other])
        store.advance("another", [other])
    with Positions(tmp_path / "new" / "positions.db") as store:
        found = store.of("s")

    assert {(one.path, one.created): one for one in (position, other)} == found


def test_a_transaction_that_fails_stores_nothing(tmp_path: Path) -> None:
    """Positions and outputs go in together or not at all."""
    with Positions(tmp_path / "p.db") as store:
        store.advance("s", [Position("a.log", CREATED, offset=1)], {"out": 1})
        with pytest.raises(StoreError):
            store.advance("s", [Position("a.log", CREATED, offset=2)], {"out": None})  # type: ignore[dict-item] - on purpose

        assert store.of("s")["a.log", CREATED].offset == 1
        assert store.output_length("out") == 1
        store.advance("s", [Position("a.log", CREATED, offset=3)], {"out": 3})
        assert store.output_length("out") == 3


def test_only_one_process_at_a_time(tmp_path: Path) -> None:
    """A second collector with the same positions is told so; the lock ends with its holder."""
    path = tmp_path / "p.db"
    program = (
        "import sys; from pathlib import Path; from harness.collect.positions import Positions; "
        "Positions(Path(sys.argv[1]))"
    )
    with Positions(path):
        second = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=False)

    assert "another process collects with the positions" in second.stderr
    Positions(path).close()


def test_files_that_are_not_a_store_are_left_alone(tmp_path: Path) -> None:
    """A store of a newer harness or another file altogether is an error, not overwritten."""
    newer, other = tmp_path / "newer.db", tmp_path / "other.db"
    with sqlite3.connect(newer) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    other.write_bytes(b"no database at all, " * 100)

    with pytest.raises(StoreError, match="newer harness"):
        Positions(newer)
    with pytest.raises(StoreError, match="can't be used"):
        Positions(other)
    assert other.read_bytes().startswith(b"no database")


def test_purged_files_are_forgotten_after_a_while(tmp_path: Path) -> None:
    """A file that is still listed is never forgotten, one that is gone only after the time given."""
    gone, there = Position("gone.log", CREATED), Position("there.log", CREATED)
    with Positions(tmp_path / "p.db") as store:
        store.advance("s", [gone, there])

        assert store.forget("s", [("there.log", CREATED)], older=timedelta(days=1)) == 0
        assert store.forget("s", [("there.log", CREATED)], older=timedelta(days=-1)) == 1
        assert [path for path, _ in store.of("s")] == ["there.log"]


def test_output_that_no_position_accounts_for_is_cut_off(tmp_path: Path) -> None:
    """Between output and positions the process may end: what was written then is written once, not twice."""
    output, store = tmp_path / "out", tmp_path / "p.db"
    with Positions(store) as positions, FileSink(OutputFile(output, positions), lines) as sink:
        handover = Handover(sink, positions)
        after, events = handover.deliver(chunk(0, b"one\ntw"), to(6))
        assert (after.state, events) == (b"tw", 1)
        # As if killed after the output was synced and before the transaction.
        sink.deliver(chunk(6, b"o\n", after.state))
    assert output.read_bytes() == b"one\ntwo\n"
    with Positions(store) as positions, FileSink(OutputFile(output, positions), lines) as sink:
        assert output.read_bytes() == b"one\n"
        again = positions.of(folder().key)["a.log", CREATED]
        Handover(sink, positions).deliver(chunk(again.offset, b"o\n", again.state), to(8))

    assert output.read_bytes() == b"one\ntwo\n"


def test_nothing_is_handed_over_after_a_failure(tmp_path: Path) -> None:
    """A later position would account for output of the chunk that failed, which would be written twice."""

    class Forgetful(Positions):
        def advance(
            self, source: str, positions: object, outputs: Mapping[str, int] | None = None, **more: object
        ) -> None:
            if outputs and outputs[str(tmp_path / "out")] == 8:
                raise StoreError("no space left")
            super().advance(source, positions, outputs, **more)  # type: ignore[arg-type] - passed on as it came

    with (
        Forgetful(tmp_path / "p.db") as positions,
        FileSink(OutputFile(tmp_path / "out", positions), lines) as sink,
    ):
        handover = Handover(sink, positions)
        handover.deliver(chunk(0, b"one\n"), to(4))
        with pytest.raises(StoreError, match="no space"):
            handover.deliver(chunk(4, b"two\n"), to(8))
        with pytest.raises(StoreError, match="failed before"):
            handover.deliver(chunk(8, b"three\n"), to(14))
    with Positions(tmp_path / "p.db") as positions:
        OutputFile(tmp_path / "out", positions).close()

        assert positions.of(folder().key)["a.log", CREATED].offset == 4
    assert (tmp_path / "out").read_bytes() == b"one\n"


def test_a_stream_gets_what_a_file_would(tmp_path: Path) -> None:
    """Standard output is written through, and nothing is accounted for."""
    stream = io.BytesIO()
    with Positions(tmp_path / "p.db") as positions:
        handover = Handover(StreamSink(stream, lines), positions)
        after, _ = handover.deliver(chunk(0, b"one\ntw"), to(6))

    assert stream.getvalue() == b"one\n"
    assert after.state == b"tw"


def test_a_pipe_is_no_output_file(tmp_path: Path) -> None:
    """What can't be cut back can't hold each line once; the user is told what to do instead."""
    os.mkfifo(tmp_path / "pipe")
    with Positions(tmp_path / "p.db") as positions, pytest.raises(StoreError, match="cut back") as caught:
        OutputFile(tmp_path / "pipe", positions)

    assert "standard output" in caught.value.hint


def test_an_output_with_other_contents_is_kept_and_one_that_was_cut_is_refused(tmp_path: Path) -> None:
    """A file of the user's is appended to; one that was cut needs the user; a new one begins anew."""
    output = tmp_path / "out"
    output.write_bytes(b"mine\n")
    with Positions(tmp_path / "p.db") as positions:
        with FileSink(OutputFile(output, positions), lines) as sink:
            Handover(sink, positions).deliver(chunk(0, b"one\n"), to(4))
        assert output.read_bytes() == b"mine\none\n"
        output.write_bytes(b"mine\n")
        with pytest.raises(StoreError, match="5 bytes and 9 are accounted for"):
            OutputFile(output, positions)
        output.rename(tmp_path / "moved")
        file = OutputFile(output, positions)
        file.append(b"two\n")
        file.close()

        assert output.read_bytes() == b"two\n"
