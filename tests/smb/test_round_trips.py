"""What a poll costs on the wire, counted in messages, since each is a wait for as long as the way takes."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from smbprotocol.transport import Tcp

from harness.errors import PathMissingError
from harness.lab.logwriter import LogWriter
from harness.remote import smbfolder, smbhandle
from harness.remote.smbmessages import reading

from .conftest import ADDRESS, ADMIN
from .test_poll import Bench

if TYPE_CHECKING:
    from pathlib import Path

    from harness.remote.smb import SmbConnection

    from .conftest import Lab


class Wire:
    """Counts what is sent."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sent = 0
        original = Tcp.send

        def send(transport: Tcp, message: object) -> None:
            self.sent += 1
            original(transport, message)

        monkeypatch.setattr(Tcp, "send", send)

    def count(self) -> int:
        """Give what was sent since the last time."""
        sent, self.sent = self.sent, 0
        return sent


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    """What goes out from now on."""
    return Wire(monkeypatch)


def _fill(lab: Lab, count: int) -> None:
    for folder in ("Logs", "Logs/SmtpReceive", "Logs/SmtpSend"):
        for number in range(count):
            lab.write(f"{folder}/RECV2026{number:04}-1.LOG", b"one\r\ntwo\r\n")


def test_a_poll_that_finds_nothing_new_costs_two_messages_a_folder_and_one_an_open_file(
    lab: Lab, connection: SmbConnection, tmp_path: Path, wire: Wire
) -> None:
    """However many files there are, only those that may be written to are looked at, each in one message."""
    _fill(lab, 30)
    with closing(Bench(connection, tmp_path / "p.db")) as bench:
        first = bench.poll()
        wire.count()
        idle = bench.poll()

        assert (90, 90) == (first.opened, first.read)
        assert (90, 6, 0) == (idle.listed, idle.opened, idle.read)
        assert 3 * 2 + 6 == wire.count()


def test_what_is_new_in_a_small_log_comes_with_the_same_message(
    lab: Lab, connection: SmbConnection, tmp_path: Path, wire: Wire
) -> None:
    """Lines that were appended cost nothing more than looking whether there are any."""
    _fill(lab, 3)
    with closing(Bench(connection, tmp_path / "p.db")) as bench:
        bench.poll()
        lab.append("Logs/SmtpSend/RECV20260002-1.LOG", b"three\r\n")
        wire.count()
        busy = bench.poll()

        assert (1, len(b"three\r\n")) == (busy.read, busy.data)
        assert 3 * 2 + busy.opened == wire.count()
        assert 1 == bench.sink.text.count("three")


def test_a_log_that_was_cut_and_grew_again_is_read_whole(lab: Lab, connection: SmbConnection, tmp_path: Path) -> None:
    """A look at its end shows other bytes than those that were read, and then all of it is read."""
    with closing(Bench(connection, tmp_path / "p.db")) as bench:
        file = lab.write("Logs/a.log", b"old\n" * 500)
        bench.poll()
        bench.sink.text.clear()
        with file.open("r+b") as stream:
            stream.write(b"new\n" * 600)
        result = bench.poll()

        assert ("Logs/a.log",) == result.restarted
        assert ["new"] * 600 == bench.sink.text


@pytest.mark.parametrize("refused", [False, True], ids=["closed at once", "refused first"])
def test_a_look_leaves_no_handle_open_on_the_host(
    samba: Lab, samba_connection: SmbConnection, monkeypatch: pytest.MonkeyPatch, refused: bool
) -> None:
    """An empty file has no byte to read, so a server may refuse to close it in the same message; then it is closed."""
    if refused:
        # In its place goes a read that fails, as a close does on a server that lets one failure fail the rest.
        monkeypatch.setattr(smbhandle, "closing", lambda handle: reading(handle, 1 << 20, 1))
    samba.write("Logs/empty.log", b"")
    samba.write("Logs/full.log", b"x" * 10)
    seen = [samba_connection.glance("C$", path, 0, 100) for path in ("Logs/empty.log", "Logs/full.log")]

    assert [(0, b""), (10, b"x" * 10)] == [(each.size_at_open, each.data) for each in seen]
    for path in ("Logs/empty.log", "Logs/full.log"):
        # A writer who lets nobody read is refused for as long as somebody reads.
        with LogWriter(ADDRESS, samba.server.port, ADMIN, path, share_mode=""):
            pass


@pytest.mark.parametrize("page", [1 << 11, 1 << 12, 1 << 16])
def test_a_listing_of_several_pages_is_whole(
    lab: Lab, connection: SmbConnection, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    """Whether the entries fill one page, several, or leave room in the last."""
    monkeypatch.setattr(smbfolder, "_LARGEST_PAGE", page)
    names = {f"{'n' * (number % 90)}-{number}.log" for number in range(60)}
    for name in names:
        lab.write(f"Logs/{name}", b"")
    listed = [info.name for info in connection.list("C$", "Logs")]

    assert sorted(names) == sorted(listed)


def test_small_files_are_asked_for_ahead(lab: Lab, connection: SmbConnection, wire: Wire) -> None:
    """What was asked for ahead is taken without another message, each once, and what isn't needed is put away."""
    for name in "abc":
        lab.write(f"Logs/{name}.log", name.encode())
    connection.glance("C$", "Logs/a.log", 0, 10)
    wire.count()
    for name in "abc":
        connection.look_ahead("C$", f"Logs/{name}.log", 0, 10)
        connection.look_ahead("C$", f"Logs/{name}.log", 0, 10)
    begun = wire.count()
    taken = [connection.glance("C$", f"Logs/{name}.log", 0, 10).data for name in "ba"]
    connection.look_back()

    assert (3, 0) == (begun, wire.count())
    assert [b"b", b"a"] == taken
    lab.append("Logs/c.log", b"!")
    assert b"c!" == connection.glance("C$", "Logs/c.log", 0, 10).data


def test_what_was_asked_for_ahead_is_asked_again_after_the_connection_broke(
    lab: Lab, connection: SmbConnection
) -> None:
    """Or is missing, if it is gone by then; nothing is made of answers that never came."""
    lab.write("Logs/a.log", b"a")
    lab.write("Logs/b.log", b"b")
    connection.glance("C$", "Logs/a.log", 0, 10)
    for name in "ab":
        connection.look_ahead("C$", f"Logs/{name}.log", 0, 10)
    assert connection._session is not None
    connection._session.connection.disconnect(close=False)
    (lab.folder() / "Logs/b.log").unlink()

    assert b"a" == connection.glance("C$", "Logs/a.log", 0, 10).data
    with pytest.raises(PathMissingError):
        connection.glance("C$", "Logs/b.log", 0, 10)
