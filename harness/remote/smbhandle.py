"""What is asked of a server through an open handle: a folder's entries, a file's size, a file's bytes."""

from __future__ import annotations

import struct
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from smbprotocol.exceptions import EndOfFile, NoMoreFiles, SMBException
from smbprotocol.file_info import FileAttributes, FileInformationClass, FileStandardInformation
from smbprotocol.open import (
    CreateDisposition,
    CreateOptions,
    FilePipePrinterAccessMask,
    ImpersonationLevel,
    Open,
    ShareAccess,
    SMB2QueryDirectoryResponse,
    SMB2QueryInfoRequest,
    SMB2QueryInfoResponse,
)

from harness.remote.sharepath import join, name_problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smbprotocol.connection import Connection, Request
    from smbprotocol.tree import TreeConnect

# What a credit buys, in bytes of an answer.
CREDIT = 1 << 16
_LARGEST_PAGE = 1 << 20
# FILE_ID_FULL_DIR_INFORMATION: offset of the next entry, index; times of creation, access, writing and
# change; end of file, allocated; attributes, bytes of the name, of extended attributes, nothing; file id.
# Then comes the name.
_ENTRY = struct.Struct("<II4q2Q4IQ")
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
    handle = Open(tree, path.replace("/", "\\"))
    handle.create(
        ImpersonationLevel.Impersonation,
        FilePipePrinterAccessMask.FILE_READ_DATA | FilePipePrinterAccessMask.FILE_READ_ATTRIBUTES,
        0,
        ShareAccess.FILE_SHARE_READ | ShareAccess.FILE_SHARE_WRITE | ShareAccess.FILE_SHARE_DELETE,
        CreateDisposition.FILE_OPEN,
        CreateOptions.FILE_DIRECTORY_FILE if folder else CreateOptions.FILE_NON_DIRECTORY_FILE,
    )
    return handle


def read_folder(tree: TreeConnect, folder: str) -> list[tuple[FileInfo, bool]]:
    """List one folder.

    Args:
        tree: The share.
        folder: Below it, with forward slashes.

    Returns:
        Each entry and whether it is a folder to go into.

    Raises:
        SMBException: The server refused it.
    """
    connection = tree.session.connection
    page = CREDIT
    if connection.supports_multi_credit:
        page = min(_LARGEST_PAGE, int(connection.max_transact_size), max(1, credits_left(connection)) * CREDIT)
    handle = open_for_reading(tree, folder, folder=True)
    entries: list[tuple[FileInfo, bool]] = []
    try:
        with suppress(NoMoreFiles):
            while True:
                entries.extend(parse_entries(_query_page(handle, page), folder))
    finally:
        with suppress(SMBException, OSError):
            handle.close()
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
        return bytes(handle._read_response(request))  # noqa: SLF001 - read() itself gives this to callers
    except EndOfFile:
        return b""


def credits_left(connection: Connection) -> int:
    """Count the requests of 64 KB that the server lets us send now."""
    with connection.sequence_lock:
        return int(connection.sequence_window["high"] - connection.sequence_window["low"])


def _query_page(handle: Open, size: int) -> bytes:
    """Ask for the next entries of a folder.

    Raises:
        NoMoreFiles: There are none.
    """
    message, _ = handle.query_directory(
        "*", FileInformationClass.FILE_ID_FULL_DIRECTORY_INFORMATION, max_output=size, send=False
    )
    answer = SMB2QueryDirectoryResponse()
    answer.unpack(handle.connection.receive(_send(handle, message))["data"].get_value())
    return bytes(answer["buffer"].get_value())


def _send(handle: Open, message: object) -> Request:
    tree = handle.tree_connect
    return handle.connection.send(message, tree.session.session_id, tree.tree_connect_id)


def _moment(ticks: int) -> datetime:
    """Read a FILETIME, as smbprotocol reads that of a handle: to the microsecond."""
    try:
        return _EPOCH + timedelta(microseconds=ticks // _TICKS_IN_A_MICROSECOND)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)
