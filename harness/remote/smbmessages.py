"""Messages to a server and its answers: what smbprotocol does in several steps, in one round trip."""

from __future__ import annotations

import struct
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from smbprotocol.exceptions import SMBException
from smbprotocol.open import (
    CreateDisposition,
    CreateOptions,
    FilePipePrinterAccessMask,
    ImpersonationLevel,
    Open,
    ShareAccess,
    SMB2CloseRequest,
)

from harness.remote.smberrors import NoAnswer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from smbprotocol.connection import Connection, Request
    from smbprotocol.tree import TreeConnect

# What a credit buys, in bytes of an answer.
CREDIT = 1 << 16
# The answer to a request that opens: time of creation, size, handle; other fields are between them.
OPENED = struct.Struct("<8xq32xQ8x16s")
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_TICKS_IN_A_MICROSECOND = 10


def opening(tree: TreeConnect, path: str, *, folder: bool = False) -> tuple[Open, Any, Callable[[Request], object]]:
    """Make the request that opens a file or folder. Nothing else in harness opens anything over SMB.

    Exchange and IIS keep their logs open. Whoever opens a log without sharing it for reading, writing and
    deleting is refused as long as the service has it, or, worse, has it first and makes the service stop
    logging. So all three are always shared, and only reading is asked for. No oplock is taken, since breaking
    one delays the writer.

    Args:
        tree: The share.
        path: Below it, with forward slashes.
        folder: Whether it is a folder.

    Returns:
        The handle, which becomes valid with the answer; the request; and what takes the answer.
    """
    handle = Open(tree, path.replace("/", "\\"))
    message, created = handle.create(
        ImpersonationLevel.Impersonation,
        FilePipePrinterAccessMask.FILE_READ_DATA | FilePipePrinterAccessMask.FILE_READ_ATTRIBUTES,
        0,
        ShareAccess.FILE_SHARE_READ | ShareAccess.FILE_SHARE_WRITE | ShareAccess.FILE_SHARE_DELETE,
        CreateDisposition.FILE_OPEN,
        CreateOptions.FILE_DIRECTORY_FILE if folder else CreateOptions.FILE_NON_DIRECTORY_FILE,
        send=False,
    )
    return handle, message, created


def send(handle: Open, message: object) -> Request:
    """Send a request, and don't wait for its answer."""
    tree = handle.tree_connect
    return handle.connection.send(message, tree.session.session_id, tree.tree_connect_id)


def send_related(handle: Open, *messages: object) -> list[Request]:
    """Send a request that opens, and others for what it opens, as one."""
    return _send_all(handle, messages, related=True)


def send_unrelated(handle: Open, *messages: object) -> list[Request]:
    """Send requests as one, of which one is done even if another fails."""
    return _send_all(handle, messages, related=False)


def _send_all(handle: Open, messages: Sequence[object], *, related: bool) -> list[Request]:
    tree = handle.tree_connect
    requests: list[Request] = handle.connection.send_compound(
        list(messages), tree.session.session_id, tree.tree_connect_id, related=related
    )
    return requests


def receive(handle: Open, request: Request) -> bytes:
    """Wait for an answer. Those that come often are read here; smbprotocol's own reader takes many times as long."""
    answer: bytes = handle.connection.receive(request)["data"].get_value()
    return answer


def receive_first(handle: Open, opening: Request, *others: Request) -> bytes:
    """Take the answer to a request that opens; where it failed, the others did too, and are put away."""
    try:
        return receive(handle, opening)
    except NoAnswer:
        raise
    except SMBException:
        for request in others:
            with suppress(SMBException, OSError):
                receive(handle, request)
        raise


def unpacked(layout: struct.Struct, answer: bytes) -> tuple[Any, ...]:
    """Read the fields of an answer.

    Raises:
        SMBException: It is too short for them.
    """
    try:
        return layout.unpack_from(answer)
    except struct.error as error:
        raise SMBException("the server sent an answer that is cut short") from error


def before_close(handle: Open, closing: Request, take: Callable[[], bytes]) -> bytes:
    """Take an answer, and then the one to the request that closes, whatever the first one was."""
    try:
        found = take()
    except NoAnswer:
        raise
    except SMBException:
        _closed_by(handle, closing)
        raise
    _closed_by(handle, closing)
    return found


def _closed_by(handle: Open, closing: Request) -> None:
    """Take the answer to a request that closes; a server may refuse it because the one before it failed."""
    try:
        receive(handle, closing)
    except NoAnswer:
        raise
    except SMBException:
        close_now(handle)


def close_now(handle: Open) -> None:
    """Close what smbprotocol doesn't know to be open."""
    message = SMB2CloseRequest()
    message["file_id"] = handle.file_id
    with suppress(SMBException, OSError):
        receive(handle, send(handle, message))


def close_anyway(handle: Open) -> None:
    """Close what may be closed already, or on a connection that is gone."""
    with suppress(SMBException, OSError):
        handle.close()


def credits_left(connection: Connection) -> int:
    """Count the requests of 64 KB that the server lets us send now."""
    with connection.sequence_lock:
        return int(connection.sequence_window["high"] - connection.sequence_window["low"])


def moment(ticks: int) -> datetime:
    """Read a FILETIME, as smbprotocol reads that of a handle: to the microsecond."""
    try:
        return _EPOCH + timedelta(microseconds=ticks // _TICKS_IN_A_MICROSECOND)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)
