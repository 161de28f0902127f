"""Folders: what a server lists of them."""

from __future__ import annotations

import struct
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from smbprotocol.exceptions import NoMoreFiles, SMBException
from smbprotocol.file_info import FileAttributes, FileInformationClass
from smbprotocol.open import SMB2QueryDirectoryResponse

from harness.remote.sharepath import join, name_problem
from harness.remote.smberrors import NoAnswer
from harness.remote.smbhandle import open_for_reading
from harness.remote.smbmessages import (
    CREDIT,
    OPENED,
    before_close,
    close_anyway,
    close_now,
    credits_left,
    moment,
    opening,
    receive_first,
    send,
    send_related,
    send_unrelated,
    unpacked,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from smbprotocol.connection import Request
    from smbprotocol.open import Open
    from smbprotocol.tree import TreeConnect

_LARGEST_PAGE = 1 << 20
# More than an entry of a listing ever takes: its fields and a name of 255 characters.
_LONGEST_ENTRY = 1 << 10
# FILE_ID_FULL_DIR_INFORMATION: offset of the next entry, index; times of creation, access, writing and
# change; end of file, allocated; attributes, bytes of the name, of extended attributes, nothing; file id.
# Then comes the name.
_ENTRY = struct.Struct("<II4q2Q4IQ")


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
    handle, create, _ = opening(tree, folder, folder=True)
    opened, querying = send_related(handle, create, _query(handle, page))
    *_, handle.file_id = unpacked(OPENED, receive_first(handle, opened, querying))
    entries: list[tuple[FileInfo, bool]] = []
    request: Request | None = querying
    with suppress(NoMoreFiles):
        try:
            while request is not None:
                answer = _page(handle, request)
                entries.extend(parse_entries(answer, folder))
                # Where another entry would have had room there is none, which the last query confirms.
                request = send(handle, _query(handle, page)) if page - len(answer) < _LONGEST_ENTRY else None
        except NoAnswer:
            raise
        except BaseException:
            close_now(handle)
            raise
    if request is not None:
        return entries
    close, _ = handle.close(send=False)
    asking, closing = send_unrelated(handle, _query(handle, CREDIT), close)
    with suppress(NoMoreFiles):
        before_close(handle, closing, lambda: _page(handle, asking))
        # Of a server that leaves room in its pages only one query after the other tells where its listing ends.
        return _read_folder_slowly(tree, folder, page)
    return entries


def _read_folder_slowly(tree: TreeConnect, folder: str, page: int) -> list[tuple[FileInfo, bool]]:
    handle = open_for_reading(tree, folder, folder=True)
    entries: list[tuple[FileInfo, bool]] = []
    try:
        with suppress(NoMoreFiles):
            while True:
                entries.extend(parse_entries(_page(handle, send(handle, _query(handle, page))), folder))
    finally:
        close_anyway(handle)
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
            info = FileInfo(join(folder, name), name, size, moment(created), moment(modified), file_id)
            yield info, is_folder
        if not following:
            return
        at += following


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
