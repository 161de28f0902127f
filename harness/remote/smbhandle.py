"""What is asked of a server through an open handle: a folder's entries, a file's size, a file's bytes."""

from __future__ import annotations

import struct
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from smbprotocol.exceptions import EndOfFile, NoMoreFiles, SMBException
from smbprotocol.file_info import FileAttributes, FileInformationClass, FileStandardInformation
from smbprotocol.open import (
    CreateDisposition,
    CreateOptions,
    FilePipePrinterAccessMask,
    ImpersonationLevel,
    Open,
    ShareAccess,
    SMB2CloseRequest,
    SMB2QueryDirectoryResponse,
    SMB2QueryInfoRequest,
    SMB2QueryInfoResponse,
)

from harness.remote.sharepath import join, name_problem
from harness.remote.smberrors import NoAnswer

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from smbprotocol.connection import Connection, Request
    from smbprotocol.tree import TreeConnect

# What a credit buys, in bytes of an answer.
CREDIT = 1 << 16
_LARGEST_PAGE = 1 << 20
# More than an entry of a listing ever takes: its fields and a name of 255 characters.
_LONGEST_ENTRY = 1 << 10
# To open, to read and to close.
_GLANCE_REQUESTS = 3
# FILE_ID_FULL_DIR_INFORMATION: offset of the next entry, index; times of creation, access, writing and
# change; end of file, allocated; attributes, bytes of the name, of extended attributes, nothing; file id.
# Then comes the name.
_ENTRY = struct.Struct("<II4q2Q4IQ")
# The answer to a request that opens: time of creation, size, handle; other fields are between them.
_OPENED = struct.Struct("<8xq32xQ8x16s")
# The answer to a read: where the bytes begin, counted from the header, and how many there are.
_READ = struct.Struct("<2xBxI")
_HEADER = 64
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_TICKS_IN_A_MICROSECOND = 10


@dataclass(frozen=True, slots=True)
class FileInfo:
    """A file as its folder lists it.

    Args:
        path: Below the share, with forward slashes.
        name: The last part of the path.
        size: Bytes; Windows updates it late while the file is open for writing.
        created: When the file came into being.
        modified: When it was last written; late as the size is.
        file_id: The file system's own number for the file, 0 where it gives none.
    """

    path: str
    name: str
    size: int
    created: datetime
    modified: datetime
    file_id: int = 0


@dataclass(frozen=True, slots=True)
class Glance:
    """A file as it was when it was opened for a moment.

    Args:
        created: When it came into being.
        size_at_open: Bytes.
        offset: The first byte's place of the piece that was read.
        data: The piece; bytes beyond the size were written after it was opened.
    """

    created: datetime
    size_at_open: int
    offset: int
    data: bytes

    def holds(self, offset: int) -> bool:
        """Say whether all from a place on, up to the size, is in the piece."""
        return self.offset <= offset and self.size_at_open <= self.offset + len(self.data)

    def chunks(self, offset: int, length: int, *, largest: int) -> Generator[bytes]:
        """Give a part of the piece in chunks, as an open file gives what it reads.

        Args:
            offset: The first byte's.
            length: At most so many bytes.
            largest: At most so many bytes in a chunk.
        """
        start = offset - self.offset
        part = memoryview(self.data)[start : start + length]
        for at in range(0, len(part), largest):
            yield bytes(part[at : at + largest])


def open_for_reading(tree: TreeConnect, path: str, *, folder: bool = False) -> Open:
    """Open a file or folder. Nothing else in harness opens anything over SMB.

    Exchange and IIS keep their logs open. Whoever opens a log without sharing it for reading, writing and
    deleting is refused as long as the service has it, or, worse, has it first and makes the service stop
    logging. So all three are always shared, and only reading is asked for. No oplock is taken, since breaking
    one delays the writer.

    Args:
        tree: The share.
        path: Below it, with forward slashes.
        folder: Whether it is a folder.

    Returns:
        The handle, with creation time and size as of now.

    Raises:
        SMBException: The server refused it.
    """
    handle, create, created = _opening(tree, path, folder=folder)
    created(_send(handle, create))
    return handle


def glance(tree: TreeConnect, path: str, offset: int, length: int) -> Glance:
    """Open a file, read a piece of it and close it, all in one round trip.

    Args:
        tree: The share.
        path: Below it, with forward slashes.
        offset: Where the piece begins.
        length: At most so many bytes.

    Raises:
        SMBException: The server refused it.
    """
    length = min(length, CREDIT)
    connection = tree.session.connection
    if credits_left(connection) < _GLANCE_REQUESTS:
        handle = open_for_reading(tree, path)
        try:
            return _seen(handle, offset, receive_read(handle, send_read(handle, offset, length)))
        finally:
            _close_anyway(handle)
    handle, create, _ = _opening(tree, path)
    read, _ = handle.read(offset, length, send=False)
    close, _ = handle.close(send=False)
    opening, reading, closing = _send_related(handle, create, read, close)
    answer = _receive_first(handle, opening, reading, closing)
    created, size, handle.file_id = _unpacked(_OPENED, answer)
    data = _before_close(handle, closing, lambda: receive_read(handle, reading))
    return Glance(_moment(created), size, offset, data)


def read_folder(tree: TreeConnect, folder: str) -> list[tuple[FileInfo, bool]]:
    """List one folder, in two round trips where a page holds all of it.

    Args:
        tree: The share.
        folder: Below it, with forward slashes.

    Returns:
        Each entry and whether it is a folder to go into.

    Raises:
        SMBException: The server refused it.
    """
    connection = tree.session.connection
    spare = credits_left(connection) - 1
    if spare < 1:
        return _read_folder_slowly(tree, folder, CREDIT)
    page = CREDIT
    if connection.supports_multi_credit:
        page = min(_LARGEST_PAGE, int(connection.max_transact_size), spare * CREDIT)
    handle, create, _ = _opening(tree, folder, folder=True)
    opening, querying = _send_related(handle, create, _query(handle, page))
    *_, handle.file_id = _unpacked(_OPENED, _receive_first(handle, opening, querying))
    entries: list[tuple[FileInfo, bool]] = []
    request: Request | None = querying
    with suppress(NoMoreFiles):
        try:
            while request is not None:
                answer = _page(handle, request)
                entries.extend(parse_entries(answer, folder))
                # Where another entry would have had room there is none, which the last query confirms.
                request = _send(handle, _query(handle, page)) if page - len(answer) < _LONGEST_ENTRY else None
        except NoAnswer:
            raise
        except BaseException:
            _close_now(handle)
            raise
    if request is not None:
        return entries
    close, _ = handle.close(send=False)
    asking, closing = _send_unrelated(handle, _query(handle, CREDIT), close)
    with suppress(NoMoreFiles):
        _before_close(handle, closing, lambda: _page(handle, asking))
        # Of a server that leaves room in its pages only one query after the other tells where its listing ends.
        return _read_folder_slowly(tree, folder, page)
    return entries


def _read_folder_slowly(tree: TreeConnect, folder: str, page: int) -> list[tuple[FileInfo, bool]]:
    handle = open_for_reading(tree, folder, folder=True)
    entries: list[tuple[FileInfo, bool]] = []
    try:
        with suppress(NoMoreFiles):
            while True:
                entries.extend(parse_entries(_page(handle, _send(handle, _query(handle, page))), folder))
    finally:
        _close_anyway(handle)
    return entries


def parse_entries(page: bytes, folder: str) -> Iterator[tuple[FileInfo, bool]]:
    """Read a page of a listing; smbprotocol's own reader takes 100 times as long.

    Args:
        page: Entries of ``FILE_ID_FULL_DIR_INFORMATION``.
        folder: The folder's path.

    Yields:
        Each entry and whether it is a folder to go into, but for those that lead elsewhere.

    Raises:
        SMBException: The server sent something else.
    """
    at = 0
    while True:
        try:
            following, _, created, _, modified, _, size, _, attributes, name_length, _, _, file_id = _ENTRY.unpack_from(
                page, at
            )
        except struct.error as error:
            raise SMBException("the server sent a listing that is cut short") from error
        start = at + _ENTRY.size
        name = page[start : start + name_length].decode("utf-16-le", errors="replace")
        is_folder = bool(attributes & FileAttributes.FILE_ATTRIBUTE_DIRECTORY)
        # Left out: the folder itself, its parent, names that no honest server lists, and junctions, which may
        # lead round in a circle.
        junction = is_folder and attributes & FileAttributes.FILE_ATTRIBUTE_REPARSE_POINT
        if not name_problem(name) and not junction:
            info = FileInfo(join(folder, name), name, size, _moment(created), _moment(modified), file_id)
            yield info, is_folder
        if not following:
            return
        at += following


def query_size(handle: Open) -> int:
    """Ask the handle for its file's size.

    Args:
        handle: An open file.

    Returns:
        Bytes.
    """
    query = SMB2QueryInfoRequest()
    query["info_type"] = FileStandardInformation.INFO_TYPE
    query["file_info_class"] = FileStandardInformation.INFO_CLASS
    query["file_id"] = handle.file_id
    query["output_buffer_length"] = len(FileStandardInformation())
    answer = SMB2QueryInfoResponse()
    answer.unpack(handle.connection.receive(_send(handle, query))["data"].get_value())
    return int(answer.parse_buffer(FileStandardInformation)["end_of_file"].get_value())


def send_read(handle: Open, offset: int, length: int) -> Request:
    """Ask for bytes, and don't wait for them."""
    message, _ = handle.read(offset, length, send=False)
    return _send(handle, message)


def receive_read(handle: Open, request: Request) -> bytes:
    """Wait for the bytes that were asked for; none at the end of the file."""
    try:
        answer = _receive(handle, request)
    except EndOfFile:
        return b""
    start, length = _unpacked(_READ, answer)
    start -= _HEADER
    return answer[start : start + length]


def credits_left(connection: Connection) -> int:
    """Count the requests of 64 KB that the server lets us send now."""
    with connection.sequence_lock:
        return int(connection.sequence_window["high"] - connection.sequence_window["low"])


def _opening(tree: TreeConnect, path: str, *, folder: bool = False) -> tuple[Open, Any, Callable[[Request], object]]:
    """Make the request that opens a file or folder, as `open_for_reading` says.

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


def _seen(handle: Open, offset: int, data: bytes) -> Glance:
    return Glance(handle.creation_time.replace(tzinfo=UTC), int(handle.end_of_file), offset, data)


def _query(handle: Open, size: int) -> Any:  # noqa: ANN401 - smbprotocol has no types
    """Make the request for the next entries of a folder."""
    message, _ = handle.query_directory(
        "*", FileInformationClass.FILE_ID_FULL_DIRECTORY_INFORMATION, max_output=size, send=False
    )
    return message


def _page(handle: Open, request: Request) -> bytes:
    """Wait for the entries of a folder that were asked for.

    Raises:
        NoMoreFiles: There are none.
    """
    answer = SMB2QueryDirectoryResponse()
    answer.unpack(handle.connection.receive(request)["data"].get_value())
    return bytes(answer["buffer"].get_value())


def _send_related(handle: Open, *messages: object) -> list[Request]:
    """Send a request that opens, and others for what it opens, as one."""
    return _send_all(handle, messages, related=True)


def _send_unrelated(handle: Open, *messages: object) -> list[Request]:
    """Send requests as one, of which one is done even if another fails."""
    return _send_all(handle, messages, related=False)


def _send_all(handle: Open, messages: Sequence[object], *, related: bool) -> list[Request]:
    tree = handle.tree_connect
    requests: list[Request] = handle.connection.send_compound(
        list(messages), tree.session.session_id, tree.tree_connect_id, related=related
    )
    return requests


def _receive(handle: Open, request: Request) -> bytes:
    """Wait for an answer. Those that come often are read here; smbprotocol's own reader takes many times as long."""
    answer: bytes = handle.connection.receive(request)["data"].get_value()
    return answer


def _unpacked(layout: struct.Struct, answer: bytes) -> tuple[Any, ...]:
    try:
        return layout.unpack_from(answer)
    except struct.error as error:
        raise SMBException("the server sent an answer that is cut short") from error


def _receive_first(handle: Open, opening: Request, *others: Request) -> bytes:
    """Take the answer to a request that opens; where it failed, the others did too, and are put away."""
    try:
        return _receive(handle, opening)
    except NoAnswer:
        raise
    except SMBException:
        for request in others:
            with suppress(SMBException, OSError):
                _receive(handle, request)
        raise


def _before_close(handle: Open, closing: Request, take: Callable[[], bytes]) -> bytes:
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
        _receive(handle, closing)
    except NoAnswer:
        raise
    except SMBException:
        _close_now(handle)


def _close_now(handle: Open) -> None:
    """Close what smbprotocol doesn't know to be open."""
    message = SMB2CloseRequest()
    message["file_id"] = handle.file_id
    with suppress(SMBException, OSError):
        _receive(handle, _send(handle, message))


def _close_anyway(handle: Open) -> None:
    with suppress(SMBException, OSError):
        handle.close()


def _send(handle: Open, message: object) -> Request:
    tree = handle.tree_connect
    return handle.connection.send(message, tree.session.session_id, tree.tree_connect_id)


def _moment(ticks: int) -> datetime:
    """Read a FILETIME, as smbprotocol reads that of a handle: to the microsecond."""
    try:
        return _EPOCH + timedelta(microseconds=ticks // _TICKS_IN_A_MICROSECOND)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)
