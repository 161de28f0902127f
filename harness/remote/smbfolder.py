"""Folders: what a server lists of them."""

from __future__ import annotations

import struct
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from smbprotocol.exceptions import NoMoreFiles, SMBException, StoppedOnSymlink
from smbprotocol.file_info import FileAttributes

from harness.remote.sharepath import join, name_problem
from harness.remote.smberrors import NoAnswer
from harness.remote.smbhandle import open_for_reading
from harness.remote.smbmessages import (
    Handle,
    before_close,
    close,
    closing,
    listing,
    moment,
    opening,
    receive_listed,
    receive_opened,
    send,
    send_related,
    send_unrelated,
)
from harness.remote.smbwire import CREDIT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from smbprotocol.tree import TreeConnect

    from harness.remote.smbwire import Asked

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
    handle = Handle(tree)
    wire = handle.wire
    spare = wire.credits_left() - 1
    if spare < 1:
        return _read_folder_slowly(tree, folder, CREDIT)
    page = CREDIT
    if wire.supports_multi_credit:
        page = min(_LARGEST_PAGE, int(wire.max_transact_size), spare * CREDIT)
    opened, listed = send_related(handle, opening(folder, folder=True), listing(handle, page))
    try:
        receive_opened(handle, opened, listed)
    except StoppedOnSymlink:
        return _read_folder_slowly(tree, folder, CREDIT)
    entries: list[tuple[FileInfo, bool]] = []
    asked: Asked | None = listed
    with suppress(NoMoreFiles):
        try:
            while asked is not None:
                answer = receive_listed(handle, asked)
                entries.extend(parse_entries(answer, folder))
                # Where another entry would have had room there is none, which the last query confirms.
                asked = send(handle, listing(handle, page)) if page - len(answer) < _LONGEST_ENTRY else None
        except NoAnswer:
            raise
        except BaseException:
            close(handle)
            raise
    if asked is not None:
        return entries
    last, closed = send_unrelated(handle, listing(handle, CREDIT), closing(handle))
    with suppress(NoMoreFiles):
        before_close(handle, closed, lambda: receive_listed(handle, last))
        # Of a server that leaves room in its pages only one query after the other tells where its listing ends.
        return _read_folder_slowly(tree, folder, page)
    return entries


def _read_folder_slowly(tree: TreeConnect, folder: str, page: int) -> list[tuple[FileInfo, bool]]:
    handle = open_for_reading(tree, folder, folder=True)
    entries: list[tuple[FileInfo, bool]] = []
    try:
        with suppress(NoMoreFiles):
            while True:
                answer = receive_listed(handle, send(handle, listing(handle, page)))
                entries.extend(parse_entries(answer, folder))
    finally:
        close(handle)
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
