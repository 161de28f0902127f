"""Messages to a server and its answers: what smbprotocol does in several steps, in one round trip."""

from __future__ import annotations

import struct
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from smbprotocol.exceptions import SMB2SymbolicLinkErrorResponse, SMBException, StoppedOnSymlink
from smbprotocol.file_info import FileInformationClass, InfoType
from smbprotocol.header import Commands
from smbprotocol.open import (
    CreateDisposition,
    CreateOptions,
    FilePipePrinterAccessMask,
    ImpersonationLevel,
    ShareAccess,
)

from harness.remote.smberrors import NoAnswer
from harness.remote.smbwire import HEADER, Message

if TYPE_CHECKING:
    from collections.abc import Callable

    from smbprotocol.tree import TreeConnect

    from harness.remote.smbwire import Asked, SmbWire

# The requests. To open: size of what follows, nothing, oplock; impersonation, flags, nothing; access,
# attributes, sharing, disposition, options; where the name is and its length, the same of contexts.
_OPEN = struct.Struct("<HBBIQQIIIIIHHII")
# To read: size, where the bytes shall be, flags; length, offset, handle; the rest is for other transports.
_READ = struct.Struct("<HBBIQ16sIIIHHx")
# Where in the answer the bytes are to be, which is as near as they can be.
_BYTES_AT = 0x50
_CLOSE = struct.Struct("<HHI16s")
# To list: size, class, flags; index, handle; where the pattern is and its length, the answer's length.
_LIST = struct.Struct("<HBBI16sHHI")
# To ask about a file: size, type, class; the answer's length; nothing to send; flags, handle.
_ASK = struct.Struct("<HBBIHHIII16sx")
_PATTERN = "*".encode("utf-16-le")
# The handle that the request before this one opens.
_THAT_ONE = b"\xff" * 16

# The answer to a request that opens: time of creation, size, handle; other fields are between them.
_OPENED = struct.Struct("<8xq32xQ8x16s")
# Those that bring something: where it is, counted from the header, and its length.
_READ_ANSWER = struct.Struct("<2xBxI")
_ANSWER = struct.Struct("<2xHI")
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_TICKS_IN_A_MICROSECOND = 10


@dataclass(slots=True, eq=False)
class Handle:
    """A file or folder that a server opens for us.

    Args:
        tree: The share.
        file_id: The server's name for it; before its answer, what it opens with the same message.
        created: When the file came into being.
        size: Bytes when it was opened.
    """

    tree: TreeConnect
    file_id: bytes = _THAT_ONE
    created: datetime = _EPOCH
    size: int = 0

    @property
    def wire(self) -> SmbWire:
        """The connection."""
        wire: SmbWire = self.tree.session.connection
        return wire


def opening(path: str, *, folder: bool = False) -> Message:
    """Make the request that opens a file or folder. Nothing else in harness opens anything over SMB.

    Exchange and IIS keep their logs open. Whoever opens a log without sharing it for reading, writing and
    deleting is refused as long as the service has it, or, worse, has it first and makes the service stop
    logging. So all three are always shared, and only reading is asked for. No oplock is taken, since breaking
    one delays the writer.

    Args:
        path: Below the share, with forward slashes.
        folder: Whether it is a folder.
    """
    name = path.replace("/", "\\").encode("utf-16-le")
    fields = _OPEN.pack(
        57,
        0,
        0,
        ImpersonationLevel.Impersonation,
        0,
        0,
        FilePipePrinterAccessMask.FILE_READ_DATA | FilePipePrinterAccessMask.FILE_READ_ATTRIBUTES,
        0,
        ShareAccess.FILE_SHARE_READ | ShareAccess.FILE_SHARE_WRITE | ShareAccess.FILE_SHARE_DELETE,
        CreateDisposition.FILE_OPEN,
        CreateOptions.FILE_DIRECTORY_FILE if folder else CreateOptions.FILE_NON_DIRECTORY_FILE,
        HEADER + _OPEN.size,
        len(name),
        0,
        0,
    )
    return Message(Commands.SMB2_CREATE, fields + (name or b"\0\0"))


def reading(handle: Handle, offset: int, length: int) -> Message:
    """Make the request that reads."""
    fields = _READ.pack(49, _BYTES_AT, 0, length, offset, handle.file_id, 0, 0, 0, 0, 0)
    return Message(Commands.SMB2_READ, fields, length)


def closing(handle: Handle) -> Message:
    """Make the request that closes."""
    return Message(Commands.SMB2_CLOSE, _CLOSE.pack(24, 0, 0, handle.file_id))


def listing(handle: Handle, length: int) -> Message:
    """Make the request for the next entries of a folder, in at most so many bytes."""
    kind = FileInformationClass.FILE_ID_FULL_DIRECTORY_INFORMATION
    fields = _LIST.pack(33, kind, 0, 0, handle.file_id, HEADER + _LIST.size, len(_PATTERN), length)
    return Message(Commands.SMB2_QUERY_DIRECTORY, fields + _PATTERN, length)


def asking(handle: Handle, kind: int, length: int) -> Message:
    """Make the request for what a server knows of an open file."""
    fields = _ASK.pack(41, InfoType.SMB2_0_INFO_FILE, kind, length, 0, 0, 0, 0, 0, handle.file_id)
    return Message(Commands.SMB2_QUERY_INFO, fields, length)


def send(handle: Handle, message: Message) -> Asked:
    """Send a request, and don't wait for its answer."""
    return handle.wire.ask(handle.tree, (message,))[0]


def send_related(handle: Handle, *messages: Message) -> list[Asked]:
    """Send a request that opens, and others for what it opens, as one."""
    return handle.wire.ask(handle.tree, messages, related=True)


def send_unrelated(handle: Handle, *messages: Message) -> list[Asked]:
    """Send requests as one, of which one is done even if another fails."""
    return handle.wire.ask(handle.tree, messages)


def receive(handle: Handle, asked: Asked) -> memoryview:
    """Wait for an answer, and give its fields."""
    return handle.wire.answer(asked)


def receive_bytes(handle: Handle, asked: Asked) -> bytes:
    """Wait for the answer to a request that reads."""
    return _part(receive(handle, asked), _READ_ANSWER)


def receive_listed(handle: Handle, asked: Asked) -> bytes:
    """Wait for the answer to a request that lists or asks."""
    return _part(receive(handle, asked), _ANSWER)


def _part(answer: memoryview, layout: struct.Struct) -> bytes:
    start, length = unpacked(layout, answer)
    part = bytes(answer[max(0, start - HEADER) :][:length])
    if len(part) < length:
        raise SMBException("the server sent an answer that is cut short")
    return part


def receive_opened(handle: Handle, opened: Asked, *others: Asked) -> None:
    """Take the answer to a request that opens; where it failed, the others did too, and are put away."""
    try:
        answer = receive(handle, opened)
    except NoAnswer:
        raise
    except SMBException:
        for asked in others:
            with suppress(SMBException, OSError):
                receive(handle, asked)
        raise
    created, handle.size, handle.file_id = unpacked(_OPENED, answer)
    handle.created = moment(created)


def unpacked(layout: struct.Struct, answer: bytes | memoryview) -> tuple[Any, ...]:
    """Read the fields of an answer.

    Raises:
        SMBException: It is too short for them.
    """
    try:
        return layout.unpack_from(answer)
    except struct.error as error:
        raise SMBException("the server sent an answer that is cut short") from error


def before_close(handle: Handle, closed: Asked, take: Callable[[], bytes]) -> bytes:
    """Take an answer, and then the one to the request that closes, whatever the first one was."""
    try:
        found = take()
    except NoAnswer:
        raise
    except SMBException:
        _closed_by(handle, closed)
        raise
    _closed_by(handle, closed)
    return found


def _closed_by(handle: Handle, closed: Asked) -> None:
    """Take the answer to a request that closes; a server may refuse it because the one before it failed."""
    try:
        receive(handle, closed)
    except NoAnswer:
        raise
    except SMBException:
        close(handle)


def close(handle: Handle) -> None:
    """Close what may be closed already, or on a connection that is gone."""
    with suppress(SMBException, OSError):
        receive(handle, send(handle, closing(handle)))


def linked(tree: TreeConnect, path: str, link: StoppedOnSymlink) -> str:
    """Follow a link that a server won't follow for us.

    Args:
        tree: The share.
        path: Below it, with forward slashes.
        link: What the server answered.

    Returns:
        Where it leads, below the share.

    Raises:
        SMBException: The answer doesn't say where, or it is another share.
    """
    share = tree.share_name + "\\"
    for detail in link.error_details:
        if isinstance(detail, SMB2SymbolicLinkErrorResponse):
            target: str = detail.resolve_path(share + path.replace("/", "\\"))
            return target[len(share) :].replace("\\", "/")
    raise link


def moment(ticks: int) -> datetime:
    """Read a FILETIME, to the microsecond."""
    try:
        return _EPOCH + timedelta(microseconds=ticks // _TICKS_IN_A_MICROSECOND)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)
