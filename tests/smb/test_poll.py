"""Polls: every line once, whatever happens to the files."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from harness.collect.delivery import Chunk, Delivered, Handover
from harness.collect.follow import follow, follow_hosts
from harness.collect.poll import Poller, PollResult
from harness.collect.positions import Positions
from harness.collect.series import natural, newest_files
from harness.errors import HostError, PathMissingError, ProtocolFaultError, StoreError, UnreachableError
from harness.lab.logwriter import LogWriter
from harness.remote.smb import FileInfo, SmbConnection

from .conftest import ADDRESS, ADMIN, Lab
from .lines import Lines, lines
from .test_pattern import folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from harness.collect.output import Convert


class Kept:
    """A sink that keeps lines in memory."""

    def __init__(self) -> None:
        self.convert: Convert = lines
        self.text: list[str] = []
        self.chunks: list[Chunk] = []

    def deliver(self, chunk: Chunk) -> Delivered:
        """Take a chunk."""
        data, delivered = self.convert(chunk)
        self.text += data.decode().split()
        self.chunks.append(chunk)
        return delivered

    def outputs(self) -> Mapping[str, int]:
        """No file."""
        return {}


class Bench:
    """Everything that a poll needs; ``poll`` is one poll, with or without a new process before it."""

    def __init__(self, connection: SmbConnection, store: Path, **options: object) -> None:
        self.connection = connection
        self.sink = Kept()
        self.options = {"throttle": 0, "file_pattern": r"(?i).*\.log"} | options
        self.positions = Positions(store)
        self.stop = threading.Event()
        self.since: datetime | None = None
        self._store = store
        self._poller: Poller | None = None

    @property
    def poller(self) -> Poller:
        """The poller of this process."""
        if self._poller is None:
            handover = Handover(self.sink, self.positions)
            self._poller = Poller(
                folder(**self.options), lambda: self.connection, handover, stop=self.stop, since=self.since
            )
        return self._poller

    def poll(self) -> PollResult:
        """Poll once."""
        return self.poller.poll()

    def restart(self) -> None:
        """Forget all but the store."""
        self.positions.close()
        self.positions, self._poller = Positions(self._store), None

    def close(self) -> None:
        """Close the store."""
        self.positions.close()


@pytest.fixture
def bench(lab: Lab, connection: SmbConnection, tmp_path: Path) -> Iterator[Bench]:
    """A bench on either server; its log folder is there."""
    (lab.folder() / "Logs").mkdir()
    with closing(Bench(connection, tmp_path / "p.db")) as made:
        yield made


def test_a_growing_file_is_read_once(lab: Lab, bench: Bench) -> None:
    """Each poll brings what is new, half lines wait for their end, and a new process goes on from there."""
    lab.write("Logs/a.log", b"one\r\ntw")
    first = bench.poll()
    lab.append("Logs/a.log", b"o\r\nthree\r\n")
    bench.restart()
    second = bench.poll()
    third = bench.poll()

    assert bench.sink.text == ["one", "two", "three"]
    assert [(result.data, result.events) for result in (first, second, third)] == [(7, 1), (10, 2), (0, 0)]
    assert [chunk.offset for chunk in bench.sink.chunks] == [0, 7]


def test_big_files_come_in_chunks(lab: Lab, bench: Bench) -> None:
    """A file is never held whole, and the chunks join without a gap."""
    expected = [f"line-{number:07}" for number in range(250_000)]
    lab.write("Logs/a.log", "\r\n".join(expected).encode() + b"\r\n")
    bench.poll()

    assert expected == bench.sink.text
    assert len(bench.sink.chunks) > 2
    assert max(len(chunk.data) for chunk in bench.sink.chunks) <= 1 << 20


def test_a_reader_may_ask_for_an_unfinished_line_again(lab: Lab, bench: Bench) -> None:
    """The position stays at the line's beginning, over chunks, polls and processes."""
    bench.sink.convert = reader = Lines()
    long = "x" * (3 << 20)
    lab.write("Logs/a.log", f"one\n{long}".encode())
    bench.poll()
    waiting = bench.poll()
    lab.append("Logs/a.log", b"y\ntwo\nth")
    bench.poll()
    bench.restart()
    lab.append("Logs/a.log", b"ree\n")
    last = bench.poll()

    assert bench.sink.text == ["one", long + "y", "two", "three"]
    assert waiting.data == 0
    assert last.data == len("three\n")
    # At the beginning, and at each poll that had something new.
    assert reader.restored == 3
    assert {chunk.state for chunk in bench.sink.chunks[1:]} == {b"columns"}


@pytest.mark.parametrize("kept", ["state", "position"])
def test_room_after_an_unfinished_line_waits_for_what_is_written_there(lab: Lab, bench: Bench, kept: str) -> None:
    """Zero bytes at a file's end are no text, though the file doesn't grow when lines take their place."""
    bench.sink.convert = lines if kept == "state" else Lines()
    room = 1 << 16
    lab.write("Logs/a.log", b"one\ntw".ljust(room, b"\0"))
    results = [bench.poll(), bench.poll()]
    (lab.folder() / "Logs/a.log").write_bytes(b"one\ntwo\nthr".ljust(room, b"\0"))
    results += [bench.poll(), bench.poll()]
    bench.restart()
    (lab.folder() / "Logs/a.log").write_bytes(b"one\ntwo\nthree\n")
    results += [bench.poll(), bench.poll()]

    assert bench.sink.text == ["one", "two", "three"]
    assert [result.events for result in results] == [1, 0, 1, 0, 1, 0]
    assert [result.data > 0 for result in results] == [True, False] * 3
    assert not any(b"\0" in chunk.data for chunk in bench.sink.chunks)


def test_a_gap_is_handed_over_once_something_follows(lab: Lab, bench: Bench) -> None:
    """Zero bytes that a line follows in a later chunk belong to the text; so do more of them than any room has."""
    between = b"one\n" + bytes(1 << 20) + b"two\n"
    lab.write("Logs/a.log", between)
    lab.write("Logs/b.log", b"one\n" + bytes((1 << 20) + 1))
    bench.poll()
    data = {
        path: b"".join(chunk.data for chunk in bench.sink.chunks if chunk.path == path)
        for path in ("Logs/a.log", "Logs/b.log")
    }

    assert data == {"Logs/a.log": between, "Logs/b.log": b"one\n" + bytes((1 << 20) + 1)}


def test_a_truncated_file_is_told_although_its_last_line_was_not_finished(lab: Lab, bench: Bench) -> None:
    """What was read beyond the position doesn't hide that the file is another one now."""
    bench.sink.convert = Lines()
    file = lab.write("Logs/a.log", b"one\nunfinished")
    bench.poll()
    with file.open("r+b") as stream:
        stream.truncate(0)
    lab.append("Logs/a.log", b"two\nthree\nfour")
    bench.poll()
    lab.append("Logs/a.log", b"\n")
    bench.poll()

    assert bench.sink.text == ["one", "two", "three", "four"]


def test_folders_below_and_odd_names(lab: Lab, bench: Bench) -> None:
    """Recursion, spaces, umlauts and brackets; other names aren't read, nor folders below if not wanted."""
    lab.write("Logs/SmtpReceive/\u00dc ber [1] & so.LOG", b"deep\n")
    lab.write("Logs/top.log", b"top\n")
    lab.write("Logs/top.log.bak", b"no\n")
    bench.options["recursive"] = False
    bench.poll()
    assert bench.sink.text == ["top"]
    bench.options["recursive"] = True
    bench.restart()
    result = bench.poll()

    assert bench.sink.text == ["top", "deep"]
    assert result.listed == 2


def test_rotation_keeps_the_tail_of_the_former_file(lab: Lab, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines that reach a file after its successor appeared are read, though it is listed unchanged."""
    lab.write("Logs/RECV2023112313-1.LOG", b"a1\n")
    bench.poll()
    stale = {info.path: info for info in bench.connection.list("c$", "Logs")}
    original = SmbConnection.list

    def lagging(self: SmbConnection, *args: str, **options: object) -> Iterator[FileInfo]:
        for info in original(self, *args, **options):  # type: ignore[arg-type] - passed on as it came
            yield stale.setdefault(info.path, info)

    monkeypatch.setattr(SmbConnection, "list", lagging)
    lab.append("Logs/RECV2023112313-1.LOG", b"a2\n")
    lab.write("Logs/RECV2023112314-1.LOG", b"b1\n")
    bench.poll()
    lab.append("Logs/RECV2023112313-1.LOG", b"a3\n")
    lab.append("Logs/RECV2023112314-1.LOG", b"b2\n")
    bench.poll()

    assert bench.sink.text == ["a1", "a2", "b1", "a3", "b2"]


def test_a_recreated_file_is_read_from_its_beginning(lab: Lab, bench: Bench) -> None:
    """Another creation time under the same name is another file, even if it begins with the same bytes."""
    lab.write("Logs/a.log", b"one\ntw")
    bench.poll()
    lab.write("Logs/a.log", b"one\ntwice\nthree\n")
    bench.poll()
    bench.poll()

    assert bench.sink.text == ["one", "one", "twice", "three"]


def test_a_truncated_file_is_read_from_its_beginning(lab: Lab, bench: Bench) -> None:
    """It is told by its size, or, once it grew past the position again, by the bytes before the position."""
    file = lab.write("Logs/a.log", b"one\ntwo\n")
    bench.poll()
    with file.open("r+b") as stream:
        stream.truncate(0)
    lab.append("Logs/a.log", b"x\n")
    first = bench.poll()
    with file.open("r+b") as stream:
        stream.truncate(0)
    lab.append("Logs/a.log", b"yyyyyy\nz\n")
    bench.restart()
    second = bench.poll()
    with file.open("r+b") as stream:
        stream.truncate(0)
    third, fourth = bench.poll(), bench.poll()

    assert bench.sink.text == ["one", "two", "x", "yyyyyy", "z"]
    assert [result.restarted for result in (first, second, third, fourth)] == [("Logs/a.log",)] * 3 + [()]


def test_a_renamed_file_is_not_read_again(samba: Lab, samba_connection: SmbConnection, tmp_path: Path) -> None:
    """The file system's number tells it, and its state goes along; a new file under the old name is new."""
    samba.write("Logs/a.log", b"one\ntw")
    with closing(Bench(samba_connection, tmp_path / "p.db")) as bench:
        bench.poll()
        (samba.folder() / "Logs/a.log").rename(samba.folder() / "Logs/old-a.log")
        samba.append("Logs/old-a.log", b"o\n")
        samba.write("Logs/a.log", b"new\n")
        bench.poll()
        bench.restart()
        bench.poll()

        assert sorted(bench.sink.text) == ["new", "one", "two"]


def test_a_file_that_vanishes_is_not_a_failure(lab: Lab, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A purge between listing and opening costs another listing; what came meanwhile is read."""
    for number in range(3):
        lab.write(f"Logs/a-{number}.log", f"{number}\n".encode())
    original = SmbConnection.glance

    def purging(self: SmbConnection, share: str, path: str, offset: int, length: int) -> object:
        if path.endswith("a-0.log") and (lab.folder() / path).exists():
            (lab.folder() / path).unlink()
            lab.write("Logs/a-3.log", b"3\n")
        return original(self, share, path, offset, length)

    monkeypatch.setattr(SmbConnection, "glance", purging)
    result = bench.poll()

    assert bench.sink.text == ["1", "2", "3"]
    assert result.vanished == 1
    assert not result.refused


def test_a_missing_folder_is_a_failure_until_it_is_there(lab: Lab, bench: Bench) -> None:
    """A wrong path is said; a folder that is made later is read."""
    (lab.folder() / "Logs").rmdir()
    with pytest.raises(PathMissingError, match="has no folder 'Logs'"):
        bench.poll()
    lab.write("Logs/a.log", b"one\n")
    bench.poll()

    assert bench.sink.text == ["one"]


def test_only_what_may_have_changed_is_opened(lab: Lab, bench: Bench) -> None:
    """Old files are left alone as long as they are listed unchanged, unless ``force_file_read`` is on."""
    for number in range(8):
        lab.write(f"Logs/a-{number}.log", b"x\n")
    first, quiet = bench.poll(), bench.poll()
    lab.append("Logs/a-1.log", b"late\n")
    changed = bench.poll()
    bench.options["force_file_read"] = True
    bench.restart()
    forced = bench.poll()

    assert [first.opened, forced.opened] == [8, 8]
    # The last two by name; the last one was also created and changed last.
    assert quiet.opened == 2
    assert changed.opened == 3
    assert bench.sink.text == ["x"] * 8 + ["late"]


def test_files_come_in_the_order_of_their_numbers(lab: Lab, bench: Bench) -> None:
    """``-10`` follows ``-9``, also when telling which one is the newest."""
    for number in (10, 9, 1, 2, 11):
        lab.write(f"Logs/RECV2023112314-{number}.LOG", f"{number}\n".encode())
    bench.poll()

    assert bench.sink.text == ["1", "2", "9", "10", "11"]
    assert sorted(["a-10", "a-9", "A-1", "b"], key=natural) == ["A-1", "a-9", "a-10", "b"]


def test_each_series_has_its_newest_files() -> None:
    """Logs of several services in a folder, and of several folders, are all watched."""
    old = datetime(2023, 11, 23, tzinfo=UTC)
    names = [
        *(f"MSGTRK20231123{hour:02}-1.LOG" for hour in range(12)),
        *(f"MSGTRKMS20231123{hour:02}-{number}.LOG" for hour in (1, 2) for number in (9, 10)),
        "sub/MSGTRK2023112300-1.LOG",
    ]
    listing = [FileInfo(name, name.rpartition("/")[2], 1, old, old) for name in names]
    listing[3] = replace(listing[3], modified=old + timedelta(hours=1))

    assert {
        "MSGTRK2023112310-1.LOG",
        "MSGTRK2023112311-1.LOG",
        "MSGTRK2023112303-1.LOG",  # changed last
        "MSGTRKMS2023112302-9.LOG",
        "MSGTRKMS2023112302-10.LOG",
        "sub/MSGTRK2023112300-1.LOG",
    } == newest_files(listing)


def test_since_leaves_old_files_alone(lab: Lab, bench: Bench) -> None:
    """Files that were last changed before aren't read, but for the newest ones, whose times may lag."""
    for number in range(5):
        lab.write(f"Logs/a-{number}.log", f"{number}\n".encode())
    bench.since = datetime.now(UTC) + timedelta(hours=1)
    bench.poll()

    assert bench.sink.text == ["3", "4"]


def test_a_locked_file_does_not_keep_others_from_being_read(
    samba: Lab, samba_connection: SmbConnection, tmp_path: Path
) -> None:
    """It is named, and read at a later poll."""
    samba.write("Logs/b.log", b"b\n")
    with closing(Bench(samba_connection, tmp_path / "p.db")) as bench:
        with LogWriter(ADDRESS, samba.server.port, ADMIN, "Logs/a.log", share_mode="") as writer:
            writer.append(b"a\n")
            locked = bench.poll()
        bench.poll()

        assert list(locked.refused) == ["Logs/a.log"]
        assert bench.sink.text == ["b", "a"]


def test_an_odd_file_does_not_keep_others_from_being_read(
    lab: Lab, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A status that nobody foresaw, for example of a file that was moved to tape, stays that file's own."""
    for name in "abc":
        lab.write(f"Logs/{name}.log", f"{name}\n".encode())
    original = SmbConnection.glance

    def odd(self: SmbConnection, share: str, path: str, offset: int, length: int) -> object:
        if path == "Logs/b.log":
            raise ProtocolFaultError("SMB status 0xc0000279", host="ex01", code=0xC0000279)
        return original(self, share, path, offset, length)

    monkeypatch.setattr(SmbConnection, "glance", odd)
    result = bench.poll()

    assert bench.sink.text == ["a", "c"]
    assert {path: type(error) for path, error in result.refused.items()} == {"Logs/b.log": ProtocolFaultError}


def test_the_throttle_holds_the_rate(lab: Lab, bench: Bench) -> None:
    """So many events a second, and an interruption doesn't wait for the rest."""
    lab.write("Logs/a.log", b"x\n" * 300_000)
    bench.options["throttle"] = 100_000
    threading.Timer(0.8, bench.stop.set).start()
    started = time.monotonic()
    result = bench.poll()
    took = time.monotonic() - started

    assert result.interrupted
    assert took < 5
    # A chunk of 64 KB is 32,768 events: after 0.8 s at most 80,000 and the one under way.
    assert 32_768 <= result.events <= 80_000 + 2 * 32_768
    bench.stop.clear()
    bench.options["throttle"] = 0
    bench.restart()
    bench.poll()
    assert len(bench.sink.text) == 300_000


def test_following_goes_on_after_errors_and_ends_at_once(lab: Lab, bench: Bench) -> None:
    """A host that is away is reported and tried again; what was missed is read; stopping doesn't wait."""
    lab.write("Logs/a.log", b"one\n")
    bench.options["polling_interval"] = 0.05
    good, away = bench.connection, SmbConnection(replace(bench.connection.endpoint, address="127.0.0.99"))
    bench.connection = away
    errors: list[HostError] = []
    results: list[PollResult] = []

    def on_error(_: Poller, error: HostError) -> None:
        errors.append(error)
        bench.connection = good

    def on_result(result: PollResult) -> None:
        results.append(result)
        if len(results) == 3:
            bench.stop.set()

    started = time.monotonic()
    follow([bench.poller], bench.stop, on_result=on_result, on_error=on_error)

    assert [UnreachableError] == [type(error) for error in errors]
    assert bench.sink.text == ["one"]
    assert time.monotonic() - started < 3


def test_following_many_hosts_ends_when_the_store_fails(
    lab: Lab, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk isn't a host's error: all threads end, and the caller gets it."""
    lab.write("Logs/a.log", b"one\n")

    def full(_: Chunk) -> Delivered:
        raise StoreError("no space left")

    monkeypatch.setattr(bench.sink, "deliver", full)
    nothing: Callable[..., None] = lambda *_: None  # noqa: E731 - an annotation fits no lambda otherwise
    with pytest.raises(StoreError, match="no space left"):
        follow_hosts([[bench.poller]], bench.stop, on_result=nothing, on_error=nothing)

    assert bench.stop.is_set()
