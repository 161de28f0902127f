"""Reading over SMB: from Samba and, where it is able, from the embedded server."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest
from smbprotocol.exceptions import AccessDenied

from harness.errors import (
    AccessDeniedError,
    AuthenticationError,
    ConnectionLostError,
    DeadlineError,
    FileLockedError,
    HarnessError,
    PathMissingError,
    ProtocolMismatchError,
    ShareMissingError,
    SharePathError,
    UnreachableError,
)
from harness.lab.logwriter import LogWriter, purge
from harness.lab.smbserver import SmbUser
from harness.remote import smb
from harness.remote.smb import SmbConnection, SmbConnections, SmbEndpoint
from harness.remote.smbwire import SmbWire

from .conftest import ADDRESS, ADMIN, OTHER_ADDRESS, READER, Lab, Secret, running, smbd_processes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from smbprotocol.tree import TreeConnect

    from harness.remote.smbmessages import Handle
    from harness.remote.smbwire import Asked, Message

DEEP = "Program Files/Microsoft/Exchange Server/V15/TransportRoles/Logs/\u00dcber [1] & mehr/ein Tag.log"


def test_reads_at_offsets(lab: Lab, connection: SmbConnection) -> None:
    """Any piece of a file comes back as it is, also one that is longer than a request or than the file."""
    data = bytes(range(256)) * 12_345
    lab.write(DEEP, data)

    with connection.open("C$", DEEP) as file:
        assert len(data) == file.size() == file.size_at_open
        assert data == file.read(0, 1 << 30)
        assert data[70_000:140_001] == file.read(70_000, 70_001)
        assert data[-5:] == file.read(len(data) - 5, 100)
        assert file.read(len(data) + 7, 100) == b""


def test_a_growing_file_shows_its_new_size_and_bytes(lab: Lab, connection: SmbConnection) -> None:
    """Size and bytes come from the handle, not from what was true when it was opened."""
    lab.write("a.log", b"one\r\n")
    with connection.open("c$", "a.log") as file:
        lab.append("a.log", b"two\r\n")

        assert file.size() == 10
        assert file.read(5, 100) == b"two\r\n"


def test_a_writer_between_two_requests_leaves_no_gap(
    lab: Lab, connection: SmbConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two requests are under way: what the second brings isn't next where the first ended short."""
    # No two places of the file look alike, so that bytes of another place would show.
    whole = b"".join(b"%07d\n" % number for number in range(1 << 19))
    lab.write("a.log", whole[:5])
    original = smb.send_read
    sent: list[Asked] = []
    written = 5

    def slow(handle: Handle, offset: int, length: int) -> Asked:
        nonlocal written
        if offset:
            handle.wire.answer(sent[0])
            lab.append("a.log", whole[written : offset + length])
            written = offset + length
        sent.append(original(handle, offset, length))
        return sent[-1]

    monkeypatch.setattr(smb, "send_read", slow)
    with connection.open("c$", "a.log") as file:
        data = file.read(0, 4 << 20)

    # With many credits at hand more than two may be under way; one would show nothing.
    assert len(sent) > 1
    assert whole[:5] == data[:5]
    assert whole[: len(data)] == data


def test_lists_files_with_what_tells_them_apart(lab: Lab, connection: SmbConnection) -> None:
    """A listing has paths with forward slashes, sizes and creation times, which appending doesn't move."""
    lab.write(DEEP, b"12345")
    lab.write("top.log", b"1")
    lab.write("top.txt", b"1")
    first = {info.path: info for info in connection.list("c$", "", recursive=True)}
    lab.append(DEEP, b"678")
    with connection.open("c$", DEEP) as file:
        file.read(0, 100)
        created = file.created
    second = {
        info.path: info for info in connection.list("c$", "", wanted=lambda name: name.endswith("g"), recursive=True)
    }

    assert {DEEP, "top.log", "top.txt"} == set(first)
    assert {DEEP, "top.log"} == set(second)
    assert (first[DEEP].size, second[DEEP].size) == (5, 8)
    assert first[DEEP].created == second[DEEP].created == created
    assert [info.name for info in connection.list("c$", "", wanted=lambda name: name == "top.log")] == ["top.log"]


def test_a_thousand_files_cost_few_round_trips(
    lab: Lab, connection: SmbConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder is read by pages, not by files."""
    for number in range(1000):
        lab.write(f"MessageTracking/MSGTRK20231123{number:04}-1.LOG", b"x")
    list(connection.list("c$", ""))
    sent: list[int] = []
    original = SmbWire.ask

    def counted(self: SmbWire, tree: TreeConnect, messages: Sequence[Message], *, related: bool = False) -> object:
        sent.extend(message.command for message in messages)
        return original(self, tree, messages, related=related)

    monkeypatch.setattr(SmbWire, "ask", counted)
    found = list(connection.list("c$", "MessageTracking"))

    assert len(found) == 1000
    assert len(sent) <= (20 if lab.degraded else 5), sent


def test_a_missing_folder_says_how_far_the_path_leads(lab: Lab, connection: SmbConnection) -> None:
    """The error names the part that is there, the one that isn't, and what it may have been meant to be."""
    lab.write("Program Files/Microsoft/Exchange Server/V15/a.log", b"")

    with pytest.raises(PathMissingError) as caught:
        list(connection.list("c$", "Program Files/Microsoft/Exchange Server/V16/Logs"))

    assert caught.value.exists == "Program Files/Microsoft/Exchange Server"
    assert caught.value.missing == "V16"
    assert caught.value.hint == "did you mean 'V15'?"


def test_a_missing_file_or_share_is_told_apart(lab: Lab, connection: SmbConnection) -> None:
    """A file that vanished is one thing; a share that was never there another."""
    lab.write("a.log", b"")

    with pytest.raises(PathMissingError):
        connection.open("c$", "b.log")
    with pytest.raises(ShareMissingError, match="no share 'd\\$'"):
        list(connection.list("d$", "Logs"))
    # The connection is still good after each.
    assert len(list(connection.list("c$", ""))) == 1


def test_no_path_leads_out_of_the_share(lab: Lab, connection: SmbConnection) -> None:
    """Dots are refused before anything is sent."""
    lab.write("a.log", b"")

    with pytest.raises(SharePathError):
        connection.open("c$", "../c/a.log")
    assert not connection.dialect


def test_the_public_share_serves_readers(lab: Lab) -> None:
    """An account without rights on ``C$`` reads the published folder."""
    (lab.public() / "u_ex231123.log").write_bytes(b"#Fields: date\r\n")
    with SmbConnection(lab.endpoint(user=READER)) as connection:
        names = [info.name for info in connection.list("Logs", "")]

    assert names == ["u_ex231123.log"]


def test_an_administrative_share_is_for_administrators(samba: Lab) -> None:
    """Another account is denied, and told what is needed."""
    with SmbConnection(samba.endpoint(user=READER)) as connection, pytest.raises(AccessDeniedError) as caught:
        list(connection.list("c$", "Logs"))

    assert "'LAB\\\\svc-jsa' may not read //ex01/c$" in caught.value.message
    assert "administrator" in caught.value.hint


def test_a_folder_below_that_is_denied_does_not_hide_the_others(
    lab: Lab, connection: SmbConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is reported; without a taker for the report it is an error."""
    for name in ("a/1.log", "b/2.log", "c/3.log"):
        lab.write(name, b"")
    original = smb.read_folder

    def denying(tree: object, folder: str) -> object:
        if folder == "b":
            raise AccessDenied
        return original(tree, folder)

    monkeypatch.setattr(smb, "read_folder", denying)
    denied: list[AccessDeniedError] = []
    found = [info.path for info in connection.list("c$", "", recursive=True, on_denied=denied.append)]

    assert sorted(found) == ["a/1.log", "c/3.log"]
    assert [error.path for error in denied] == ["b"]
    with pytest.raises(AccessDeniedError):
        list(connection.list("c$", "", recursive=True))


def test_a_host_that_stops_answering_is_given_up_in_time(tmp_path: Path) -> None:
    """A read waits as long as the endpoint says; when the host is back, a new connection is made."""
    with running(tmp_path, "samba") as lab:
        lab.write("a.log", b"hello")
        connection = SmbConnection(lab.endpoint(timeout=1))
        file = connection.open("c$", "a.log")
        for process in smbd_processes(tmp_path):
            os.kill(process, signal.SIGSTOP)
        started = time.monotonic()
        with pytest.raises(DeadlineError) as caught, file:
            file.read(0, 1 << 22)
        took = time.monotonic() - started
        for process in smbd_processes(tmp_path):
            os.kill(process, signal.SIGCONT)

        assert took < 5
        assert (caught.value.which, caught.value.seconds) == ("read", 1)
        assert [info.name for info in connection.list("c$", "")] == ["a.log"]
        connection.close()


@pytest.mark.parametrize(
    "user", [SmbUser(ADMIN.name, "canary-wrong"), SmbUser("who", "canary")], ids=["password", "user"]
)
def test_wrong_credentials_are_refused_without_telling_them(lab: Lab, user: SmbUser) -> None:
    """The error names the account and what to check, and never the password."""
    connection = SmbConnection(lab.endpoint(user=user))

    with pytest.raises(AuthenticationError) as caught:
        list(connection.list("c$", ""))

    assert "LAB\\" in caught.value.message
    assert caught.value.hint
    assert "canary" not in repr(caught.value) + str(caught.value.__cause__) + repr(connection.endpoint)


def test_hosts_of_one_server_do_not_see_each_others_files(samba: Lab) -> None:
    """One smbd plays all hosts; each connection must see the host that it asked for, also side by side."""
    samba.write("who.log", ADDRESS.encode())
    samba.write("who.log", OTHER_ADDRESS.encode(), OTHER_ADDRESS)
    connections = SmbConnections()
    seen = []
    for _ in range(3):
        for address in (ADDRESS, OTHER_ADDRESS):
            with connections.get(samba.endpoint(address)).open("c$", "who.log") as file:
                seen.append((address, file.read(0, 100).decode()))
    connections.close()

    assert [(address, address) for _ in range(3) for address in (ADDRESS, OTHER_ADDRESS)] == seen


@pytest.mark.parametrize("share_mode", ["r", "rd"])
def test_reading_never_keeps_a_log_from_its_writer(samba: Lab, share_mode: str) -> None:
    """A service that holds its log and shares it for reading only appends on; we read on; nobody is refused.

    Were ``open_for_reading`` to share less, the reader would be refused, or, where it came first, the writer,
    the purge or another reader.
    """
    connection = SmbConnection(samba.endpoint())
    path = "Logs/RECV2023112314-1.LOG"
    (samba.folder() / "Logs").mkdir()
    expected = b""
    with LogWriter(ADDRESS, samba.server.port, ADMIN, path, share_mode=share_mode) as writer:
        for number in range(20):
            line = f"line {number}\r\n".encode()
            writer.append(line)
            with connection.open("c$", path) as file:
                assert expected + line == file.read(0, 1 << 20)
                # While it is open here the writer goes on, and can be started anew.
                writer.append(line)
                assert file.size() == len(expected) + 2 * len(line)
                connection.open("c$", path).close()
            expected += 2 * line
    with connection.open("c$", path) as file:
        with LogWriter(ADDRESS, samba.server.port, ADMIN, path, share_mode=share_mode) as writer:
            writer.append(b"after a restart\r\n")
        # A purge gets through as well.
        purge(ADDRESS, samba.server.port, ADMIN, path)
        assert file.read(len(expected), 100) == b"after a restart\r\n"
    assert list(connection.list("c$", "Logs")) == []
    connection.close()


def test_a_file_that_nobody_may_read_is_named(samba: Lab, samba_connection: SmbConnection) -> None:
    """A writer that shares nothing comes out as such, and the connection stays good."""
    with (
        LogWriter(ADDRESS, samba.server.port, ADMIN, "locked.log", share_mode=""),
        pytest.raises(FileLockedError) as caught,
    ):
        samba_connection.open("c$", "locked.log")

    assert caught.value.path == "locked.log"
    with samba_connection.open("c$", "LOCKED.LOG") as file:
        assert file.size() == 0


def test_a_broken_connection_is_made_again_once(samba: Lab, samba_connection: SmbConnection) -> None:
    """Listing and opening sign in again when the connection broke; an open file says that it was lost."""
    samba.write("a.log", b"hello")
    file = samba_connection.open("c$", "a.log")
    samba_connection._session.connection.transport.close()

    with pytest.raises(ConnectionLostError):
        file.read(0, 5)
    file.close()
    assert [info.name for info in samba_connection.list("c$", "")] == ["a.log"]
    with samba_connection.open("c$", "a.log") as again:
        assert again.read(0, 5) == b"hello"


def test_each_thread_has_a_connection_of_its_own(samba: Lab) -> None:
    """A connection counts credits and doesn't wait for them, so it isn't shared."""
    data = b"x" * (5 << 20)
    samba.write("big.log", data)
    connections = SmbConnections()
    read: list[bool] = []

    def work() -> None:
        for _ in range(3):
            with connections.get(samba.endpoint()).open("c$", "big.log") as file:
                read.append(file.read(0, len(data)) == data)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    connections.close()

    assert read == [True] * 12


def test_a_server_that_requires_signing_and_encryption_is_served(tmp_path: Path) -> None:
    """What the server demands is given without being asked for."""
    with running(tmp_path, "samba", signing="required", encryption="required") as lab:
        lab.write("a.log", b"secret")
        with SmbConnection(lab.endpoint(require_signing=False)) as connection:
            with connection.open("c$", "a.log") as file:
                assert file.read(0, 100) == b"secret"
            assert connection.encrypted
        # SMB 2 can't encrypt, so the server refuses it; the error says what is the matter.
        with pytest.raises(ProtocolMismatchError, match="encryption") as caught:
            list(SmbConnection(lab.endpoint(max_dialect="2.1")).list("c$", ""))

    assert caught.value.exit_code == 4


def test_encryption_and_versions_can_be_demanded(tmp_path: Path) -> None:
    """A server that is older or less safe than asked for gets no credentials; one that is able is used."""
    with running(tmp_path, "samba", encryption="off", max_protocol="SMB3_00") as lab:
        lab.write("a.log", b"x")
        with SmbConnection(lab.endpoint(max_dialect="3.0.2")) as connection:
            assert len(list(connection.list("c$", ""))) == 1
            assert connection.dialect == "3.0"
        with pytest.raises(ProtocolMismatchError, match=r"at least 3\.1\.1"):
            list(SmbConnection(lab.endpoint(min_dialect="3.1.1")).list("c$", ""))
        with pytest.raises(ProtocolMismatchError, match="encrypt"):
            list(SmbConnection(lab.endpoint(encrypt=True)).list("c$", ""))


def test_encryption_is_refused_by_the_embedded_server(tmp_path: Path) -> None:
    """SMB 2.0.2 has none, and no read goes out in the clear."""
    with running(tmp_path, "embedded") as lab, pytest.raises(ProtocolMismatchError, match="encrypt"):
        list(SmbConnection(lab.endpoint(encrypt=True)).list("c$", ""))


def nothing_listens() -> socket.socket:
    """A socket that is bound, so that its port is ours, and refuses connections."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    return listener


def silence() -> socket.socket:
    """A socket that takes connections and never says a word."""
    listener = nothing_listens()
    listener.listen()
    return listener


@pytest.mark.parametrize(
    ("make", "expected", "exit_code"),
    [(nothing_listens, UnreachableError, 4), (silence, DeadlineError, 1)],
)
def test_no_answer_ends_in_time(
    make: Callable[[], socket.socket], expected: type[HarnessError], exit_code: int
) -> None:
    """A port that refuses or keeps silent is told apart, within the timeout, with what to do."""
    with make() as listener:
        port = listener.getsockname()[1]
        endpoint = SmbEndpoint("ex01", "u", Secret("canary"), address="127.0.0.1", port=port, timeout=1)
        with pytest.raises(expected) as caught:
            list(SmbConnection(endpoint).list("c$", ""))

    assert caught.value.exit_code == exit_code
    assert str(port) in caught.value.message
    assert caught.value.hint
    assert "canary" not in repr(caught.value)
