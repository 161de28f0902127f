"""Answers are the server's, and nobody else's; what is believed is proven, signed or encrypted."""

from __future__ import annotations

import struct
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from smbprotocol.exceptions import (
    SMB2ErrorContextResponse,
    SMB2ErrorResponse,
    SMB2SymbolicLinkErrorResponse,
    StoppedOnSymlink,
    SymbolicLinkErrorFlags,
)
from smbprotocol.header import NtStatus, SMB2HeaderResponse

from harness.errors import ProtocolMismatchError
from harness.remote import smbfolder, smbhandle
from harness.remote.smb import SmbConnection
from harness.remote.smbmessages import receive_opened

from .conftest import ADDRESS, running
from .relay import Relay

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.remote.smbmessages import Handle
    from harness.remote.smbwire import Asked, SmbWire

    from .conftest import Lab

DATA = bytes(range(256)) * 8
# Where the fields of a header are.
FLAGS, FOLLOWING, SIGNATURE = 16, slice(20, 24), slice(48, 64)
_SIGNED = 8
PROTECTED: dict[str, dict[str, object]] = {
    "hmac": {"max_dialect": "2.1"},
    "cmac": {"max_dialect": "3.0.2"},
    "agreed": {},
    "ccm": {"max_dialect": "3.0.2", "encrypt": True},
    "gcm": {"encrypt": True},
}
SIGNED = ("hmac", "cmac", "agreed")
ENCRYPTED = ("ccm", "gcm")


class Reached:
    """A connection by way of a relay."""

    def __init__(self, relay: Relay, connection: SmbConnection) -> None:
        self.relay = relay
        self.connection = connection

    @property
    def wire(self) -> SmbWire:
        """What carries the messages."""
        assert self.connection._session is not None
        wire: SmbWire = self.connection._session.connection
        return wire

    def read(self) -> bytes:
        """Read a file that was read before."""
        return self.connection.glance("C$", "a.log", 0, len(DATA)).data

    def answers(self, status: int, flags: int, command: int | None = None) -> list[bytearray]:
        """Answer all that was asked, as somebody would who has no key."""
        made = []
        for asked in sorted(self.wire._asked.values(), key=lambda each: each.number):
            said = asked.command if command is None else command
            fields = (b"\xfeSMB", 64, 1, status, said, 1, flags, 0, asked.number, 0, 0, 0, b"")
            made.append(bytearray(struct.pack("<4sHHIHHIIQIIQ16s", *fields) + bytes(80)))
        return made


@pytest.fixture(scope="module")
def signing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Samba that signs and doesn't encrypt, as the other one does wherever it can."""
    with running(tmp_path_factory.mktemp("signing"), "samba", signing="required", encryption="off") as lab:
        yield lab


@pytest.fixture(params=list(PROTECTED))
def reached(request: pytest.FixtureRequest, samba: Lab, signing: Lab) -> Iterator[Reached]:
    """A connection that works and is protected in one of the ways that there are."""
    with reach(samba if request.param in ENCRYPTED else signing, **PROTECTED[request.param]) as reached:
        yield reached


@contextmanager
def reach(samba: Lab, **options: object) -> Iterator[Reached]:
    """Connect and read a file, by way of a relay."""
    samba.write("a.log", DATA)
    with Relay(ADDRESS, samba.server.port) as relay:
        connection = SmbConnection(samba.endpoint(address="127.0.0.1", port=relay.port, **options))
        reached = Reached(relay, connection)
        try:
            assert DATA == reached.read()
            yield reached
        finally:
            relay.change = lambda message: [message]
            connection.close()


def test_every_bit_of_an_answer_is_proven(reached: Reached) -> None:
    """An answer of which one bit is another isn't taken, and nothing more over that connection."""
    assert DATA == reached.read()

    def change(message: bytearray) -> list[bytearray]:
        message[len(message) // 2] ^= 1
        return [message]

    reached.relay.change = change
    with pytest.raises(ProtocolMismatchError, match="isn't as safe as asked for") as caught:
        reached.read()

    assert "on the way" in caught.value.hint
    assert not reached.connection.dialect


@pytest.mark.parametrize("reached", SIGNED, indirect=True)
def test_an_answer_without_a_signature_is_not_taken(reached: Reached) -> None:
    """To take the signature away is no way round it."""

    def change(message: bytearray) -> list[bytearray]:
        at = 0
        while True:
            header = memoryview(message)[at:]
            header[FLAGS] &= ~_SIGNED
            header[SIGNATURE] = bytes(16)
            following = int.from_bytes(header[FOLLOWING], "little")
            if not following:
                return [message]
            at += following

    reached.relay.change = change
    with pytest.raises(ProtocolMismatchError, match="isn't signed"):
        reached.read()


@pytest.mark.parametrize("flags", [1, 1 | _SIGNED])
@pytest.mark.parametrize("reached", ENCRYPTED, indirect=True)
def test_an_answer_in_the_clear_is_not_taken_for_an_encrypted_one(reached: Reached, flags: int) -> None:
    """Whatever it claims to be."""
    reached.relay.change = lambda _: reached.answers(0, flags)
    with pytest.raises(ProtocolMismatchError, match="isn't encrypted"):
        reached.read()


def test_an_answer_that_is_another_command_is_not_taken(reached: Reached) -> None:
    """The answer to a sign-in can't be proven before there is a key, so no other may pass for one."""
    reached.relay.change = lambda _: reached.answers(0, 1, command=1)
    with pytest.raises(Exception, match="nobody asked"):
        reached.read()


def test_an_answer_that_says_to_wait_is_waited_after(reached: Reached) -> None:
    """It needs no proof, since it says nothing; the one that comes after it does."""
    reached.relay.change = lambda message: [*reached.answers(NtStatus.STATUS_PENDING, 3), message]

    assert DATA == reached.read()


def test_a_session_that_the_server_has_forgotten_is_made_anew(samba: Lab) -> None:
    """It can't prove that it has none."""
    with reach(samba) as reached, Relay(ADDRESS, samba.server.port) as second:
        reached.relay.change = lambda _: reached.answers(0xC0000203, 1)
        reached.connection.endpoint = samba.endpoint(address="127.0.0.1", port=second.port)

        assert DATA == reached.read()


def test_no_thread_receives(samba_connection: SmbConnection, samba: Lab) -> None:
    """Smbprotocol's own would take answers away from whoever waits for them."""
    samba.write("a.log", DATA)
    samba_connection.glance("C$", "a.log", 0, 10)

    assert [] == [thread.name for thread in threading.enumerate() if thread.name.startswith("msg_worker")]


@pytest.mark.parametrize("read", ["glance", "open", "list"])
def test_a_link_that_the_server_does_not_follow_is_followed(
    samba: Lab, samba_connection: SmbConnection, monkeypatch: pytest.MonkeyPatch, read: str
) -> None:
    """As Windows leaves it to its clients to do."""
    samba.write("real/a.log", DATA)

    def stopped(handle: Handle, opened: Asked, *others: Asked) -> None:
        if stops.pop():
            raise link("real", "" if read == "list" else "\\a.log")
        receive_opened(handle, opened, *others)

    for module in (smbhandle, smbfolder):
        monkeypatch.setattr(module, "receive_opened", stopped)
    stops = [False, True] if read == "open" else [False, True, True]
    samba.write("linked/a.log", b"another")
    if read == "glance":
        assert DATA == samba_connection.glance("C$", "linked/a.log", 0, len(DATA)).data
    elif read == "open":
        with samba_connection.open("C$", "linked/a.log") as file:
            assert DATA == file.read(0, len(DATA))
    else:
        listed = list(samba_connection.list("C$", "linked"))
        assert [len(DATA)] == [info.size for info in listed]
    assert not stops


def link(target: str, rest: str) -> StoppedOnSymlink:
    """Make the answer of a server on a path of which a part is a link to another folder beside it."""
    found = SMB2SymbolicLinkErrorResponse()
    found["flags"] = SymbolicLinkErrorFlags.SYMLINK_FLAG_RELATIVE
    found["unparsed_path_length"] = 2 * len(rest)
    found.set_name(target, target)
    detail = SMB2ErrorContextResponse()
    detail["error_context_data"] = found.pack()
    error = SMB2ErrorResponse()
    error["error_data"] = [detail]
    header = SMB2HeaderResponse()
    header["status"] = NtStatus.STATUS_STOPPED_ON_SYMLINK
    header["data"] = error.pack()
    return StoppedOnSymlink(header)
