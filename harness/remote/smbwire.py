"""The way of messages to a server and of its answers.

smbprotocol negotiates, signs in and connects to shares. What comes after that, and often, goes the same way
faster. smbprotocol makes and reads each field of a message as an object of its own, copies the bytes of a read
several times, and hands each answer from its own thread to whoever waits; here a message is packed at once,
whoever waits for an answer receives it, and bytes are copied once, out of the message that brought them.

Whoever waits also proves what comes, more strictly than smbprotocol does: an answer that must be signed or
encrypted and isn't is refused, not only one whose signature is wrong.

This module and `smbseal` are the only ones that rely on how smbprotocol keeps a connection's state.
"""

from __future__ import annotations

import hmac
import struct
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from smbprotocol.connection import Connection
from smbprotocol.exceptions import SMBConnectionClosed, SMBException, SMBResponseException
from smbprotocol.header import Commands, NtStatus, Smb2Flags, SMB2HeaderResponse

from harness.remote.smberrors import GONE, NoAnswer, Unproven
from harness.remote.smbseal import SEAL, SEALED, TAG, Keys

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from smbprotocol.connection import Request
    from smbprotocol.session import Session
    from smbprotocol.tree import TreeConnect

# What a credit buys, in bytes of an answer.
CREDIT = 1 << 16
HEADER = 64
# Protocol, size of the header; credits that it costs; nothing, or the answer's status; command, credits asked
# for or granted, flags, where the next message begins, number; process, tree, session; signature.
_HEADER = struct.Struct("<4sHHIHHIIQIIQ16s")
_PLAIN = b"\xfeSMB"
_SIGNATURE = slice(48, 64)
_UNSIGNED = bytes(16)
_LENGTH = struct.Struct(">I")
_LONGEST = 1 << 24
# A number that no request has: the server speaks unasked.
_UNASKED = (1 << 64) - 1
_NOTHING = memoryview(b"")
_BEFORE_SIGN_IN = frozenset({Commands.SMB2_NEGOTIATE, Commands.SMB2_SESSION_SETUP})


@dataclass(frozen=True, slots=True)
class Message:
    """A request, without its header.

    Args:
        command: Which.
        body: Its fields.
        payload: The most bytes that go or come with it.
    """

    command: int
    body: bytes
    payload: int = 1


@dataclass(slots=True, eq=False)
class Asked:
    """A request that was sent.

    Args:
        number: The message's.
        command: Which.
        session: Whose; none before there is one.
        sealed: Whether it was encrypted, as its answer then must be.
        status: The answer's; None before it comes.
        answer: The answer with its header.
    """

    number: int
    command: int
    session: Session | None
    sealed: bool
    status: int | None = None
    answer: memoryview = _NOTHING


class SmbWire(Connection):  # type: ignore[misc]  # smbprotocol has no types
    """smbprotocol's connection, without its thread: for one thread, and no answer is waited for without end.

    Nothing keeps a connection alive that isn't used; a host that closes it is signed in to again.

    Args:
        guid: The client's.
        server: Its name or address.
        port: TCP.
        require_signing: Refuse a session that isn't signed.
        seconds: The longest wait for an answer.
    """

    def __init__(self, guid: object, server: str, port: int, *, require_signing: bool, seconds: float) -> None:
        super().__init__(guid, server, port, require_signing=require_signing)
        self._seconds = seconds
        self._asked: dict[int, Asked] = {}
        self._keys: dict[int, Keys] = {}
        self._room = bytearray()

    def ask(self, tree: TreeConnect, messages: Sequence[Message], *, related: bool = False) -> list[Asked]:
        """Send requests as one, and don't wait for their answers.

        Args:
            tree: The share that they are about.
            messages: The requests.
            related: Whether those after the first are about what it opens.

        Returns:
            What `answer` takes, for each request.

        Raises:
            SMBException: The server takes no more requests now, or the connection is gone.
        """
        session = tree.session
        sealed = bool(session.encrypt_data or tree.encrypt_data)
        signed = bool(not sealed and session.signing_required and session.signing_key)
        flags = Smb2Flags.SMB2_FLAGS_SIGNED if signed else 0
        if tree.is_dfs_share:
            flags |= Smb2Flags.SMB2_FLAGS_DFS_OPERATIONS
        asked = [Asked(number, each.command, session, sealed) for number, each in self._numbered(messages)]
        frame = bytearray()
        for message, request in zip(messages, asked, strict=True):
            length = HEADER + len(message.body)
            last = request is asked[-1]
            padding = 0 if last else -length % 8
            charge = self._charge(message)
            packed = bytearray(
                _HEADER.pack(
                    _PLAIN,
                    HEADER,
                    charge if self.supports_multi_credit else 0,
                    0,
                    message.command,
                    charge,
                    flags,
                    0 if last else length + padding,
                    request.number,
                    0,
                    tree.tree_connect_id,
                    session.session_id,
                    _UNSIGNED,
                )
                + message.body
                + bytes(padding)
            )
            if signed:
                packed[_SIGNATURE] = self._keys_of(session).signature(packed, request.number)
            frame += packed
            if related:
                flags |= Smb2Flags.SMB2_FLAGS_RELATED_OPERATIONS
        self._check_worker_running()
        self._asked.update((request.number, request) for request in asked)
        self.transport.send(self._keys_of(session).seal(frame) if sealed else bytes(frame))
        return asked

    def answer(self, asked: Asked) -> memoryview:
        """Wait for an answer.

        Returns:
            Its fields, without the header.

        Raises:
            NoAnswer: The time is over.
            SMBResponseException: The server refused.
            SMBException: The connection is gone, or the answer isn't the server's.
        """
        self._receive_until(lambda: asked.status is not None, self._seconds)
        if not self._asked:
            self._room = bytearray()
        if asked.status != NtStatus.STATUS_SUCCESS:
            raise SMBResponseException(_header(asked.answer))
        return asked.answer[HEADER:]

    def receive(
        self, request: Request, wait: bool = True, timeout: float | None = None, resolve_symlinks: bool = True
    ) -> Any:  # noqa: ANN401 - smbprotocol has no types
        """Wait for the answer to one of smbprotocol's own requests, but not longer than was said.

        Raises:
            NoAnswer: The time is over.
        """
        self._receive_until(request.response_event.is_set, timeout or self._seconds)
        return super().receive(request, wait=wait, timeout=timeout, resolve_symlinks=resolve_symlinks)

    def credits_left(self) -> int:
        """Count the requests of 64 KB that the server lets us send now."""
        with self.sequence_lock:
            return int(self.sequence_window["high"] - self.sequence_window["low"])

    def _process_message_thread(self) -> None:
        """Do nothing in smbprotocol's thread: whoever waits for an answer receives it."""

    def _charge(self, message: Message) -> int:
        """Give the credits that a request costs."""
        return (message.payload - 1) // CREDIT + 1 if self.supports_multi_credit else 1

    def _numbered(self, messages: Sequence[Message]) -> list[tuple[int, Message]]:
        """Give each request a number, which takes its credits."""
        numbered = []
        with self.sequence_lock:
            window = self.sequence_window
            needed = sum(self._charge(message) for message in messages)
            if needed > window["high"] - window["low"]:
                raise SMBException(f"{needed} credits are needed, and the server left us fewer")
            for message in messages:
                numbered.append((window["low"], message))
                window["low"] += self._charge(message)
        return numbered

    def _keys_of(self, session: Session) -> Keys:
        if session.session_id not in self._keys:
            self._keys[session.session_id] = Keys(self, session)
        return self._keys[session.session_id]

    def _receive_until(self, done: Callable[[], bool], seconds: float) -> None:
        """Receive answers, until what somebody waits for is among them."""
        if done():
            return
        deadline = time.monotonic() + seconds
        try:
            while not done():
                self._check_worker_running()
                self._receive(deadline)
        except BaseException as error:
            # In mid-message there is no way on.
            self.transport.close()
            if isinstance(error, TimeoutError):
                raise NoAnswer(seconds) from error
            raise

    def _receive(self, deadline: float) -> None:
        """Receive what was sent as one."""
        start = bytearray(_LENGTH.size + SEAL.size)
        self._fill(memoryview(start), deadline)
        (length,) = _LENGTH.unpack_from(start)
        if not HEADER < length < _LONGEST:
            raise SMBException(f"the server sent a message of {length} bytes")
        head = bytes(start[_LENGTH.size :])
        session = None
        if head.startswith(SEALED):
            session = self.session_table.get(SEAL.unpack(head)[-1])
            if session is None:
                raise Unproven("an encrypted answer belongs to no session")
            body = self._room_for(length - len(head) + TAG)
            self._fill(body[:-TAG], deadline)
            frame = memoryview(self._keys_of(session).unseal(head, body))
        else:
            frame = memoryview(bytearray(length))
            frame[: len(head)] = head
            self._fill(frame[len(head) :], deadline)
        while frame:
            if len(frame) < HEADER:
                raise SMBException("the server sent a message that is cut short")
            following = _HEADER.unpack_from(frame)[7]
            end = following or len(frame)
            if not HEADER <= end <= len(frame):
                raise SMBException("the server sent a message that is cut short")
            self._take(frame[:end], session)
            frame = frame[end:]

    def _fill(self, rest: memoryview, deadline: float) -> None:
        """Fill a buffer with what comes."""
        sock = self.transport._sock  # noqa: SLF001  smbprotocol's own way copies it
        while rest:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            sock.settimeout(left)
            received = sock.recv_into(rest)
            if not received:
                raise SMBConnectionClosed("the server closed the connection")
            rest = rest[received:]

    def _room_for(self, length: int) -> memoryview:
        """Give room for what is encrypted, the same as long as more is on its way.

        New memory for each megabyte, and as much again for what is decrypted, would be given back to the system
        and taken from it each time, which takes longer than to decrypt.
        """
        if len(self._room) < length:
            self._room = bytearray(length)
        return memoryview(self._room)[:length]

    def _take(self, answer: memoryview, sealed_by: Session | None) -> None:
        """Give an answer to whoever asked, if it is proven to be the server's."""
        protocol, _, _, status, command, granted, flags, _, number, *_ = _HEADER.unpack_from(answer)
        if number == _UNASKED:
            # A lock that is broken, of which harness takes none.
            return
        asked = self._asked.get(number) or self._asked_by_smbprotocol(number)
        if protocol != _PLAIN or asked is None or asked.command != command:
            raise SMBException("the server answered what nobody asked")
        pending = status == NtStatus.STATUS_PENDING and flags & Smb2Flags.SMB2_FLAGS_ASYNC_COMMAND
        if sealed_by is not None:
            if sealed_by is not asked.session:
                raise Unproven("an encrypted answer belongs to another session")
        elif not pending and command not in _BEFORE_SIGN_IN:
            self._prove(answer, asked, status, signed=bool(flags & Smb2Flags.SMB2_FLAGS_SIGNED))
        with self.sequence_lock:
            # A server that knows no credits grants none.
            self.sequence_window["high"] += granted or (0 if self.supports_multi_credit else 1)
        if pending:
            return
        asked.status, asked.answer = status, answer
        if self._asked.pop(number, None) is None:
            self._give(asked)

    def _asked_by_smbprotocol(self, number: int) -> Asked | None:
        """Find one of smbprotocol's own requests."""
        request = self.outstanding_requests.get(number)
        if request is None:
            return None
        session = self.session_table.get(request.session_id)
        sealed = session is not None and bool(session.encrypt_data)
        return Asked(number, request.message["command"].get_value(), session, sealed)

    def _prove(self, answer: memoryview, asked: Asked, status: int, *, signed: bool) -> None:
        """Make sure that an answer that isn't encrypted is the server's.

        Raises:
            Unproven: It isn't, or nobody knows.
        """
        session = asked.session
        required = session is not None and session.signing_required
        if asked.sealed or (required and not signed):
            # Where it has no session any more a server has nothing to prove itself with; this ends ours at worst.
            if status not in GONE:
                raise Unproven(f"an answer isn't {'encrypted' if asked.sealed else 'signed'}, and must be")
        elif signed:
            if session is None:
                raise Unproven("a signed answer belongs to no session")
            signature = bytes(answer[_SIGNATURE])
            answer[_SIGNATURE] = _UNSIGNED
            if not hmac.compare_digest(signature, self._keys_of(session).signature(answer, asked.number, answer=True)):
                raise Unproven("an answer isn't signed by the server, or not as it arrived")
            answer[_SIGNATURE] = signature

    def _give(self, asked: Asked) -> None:
        """Give an answer to smbprotocol."""
        answer = bytes(asked.answer)
        if asked.command == Commands.SMB2_NEGOTIATE:
            self.preauth_integrity_hash_value.append(answer)
        elif asked.command == Commands.SMB2_SESSION_SETUP and asked.status == NtStatus.STATUS_MORE_PROCESSING_REQUIRED:
            self.preauth_integrity_session_hash_value[asked.number].append(answer)
        request = self.outstanding_requests[asked.number]
        request.response = _header(answer)
        request.response_event.set()


def _header(answer: bytes | memoryview) -> Any:  # noqa: ANN401 - smbprotocol has no types
    """Read an answer as smbprotocol does."""
    header = SMB2HeaderResponse()
    header.unpack(bytes(answer))
    return header
