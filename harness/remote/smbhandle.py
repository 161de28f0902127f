"""What is asked of a server through an open handle: a file's size, a file's bytes."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING

from smbprotocol.exceptions import EndOfFile
from smbprotocol.file_info import FileStandardInformation
from smbprotocol.open import SMB2QueryInfoRequest, SMB2QueryInfoResponse

from harness.remote.smbmessages import (
    CREDIT,
    OPENED,
    before_close,
    close_anyway,
    credits_left,
    moment,
    opening,
    receive,
    receive_first,
    send,
    send_related,
    unpacked,
)

if TYPE_CHECKING:
    from collections.abc import Generator
    from datetime import datetime

    from smbprotocol.connection import Request
    from smbprotocol.open import Open
    from smbprotocol.tree import TreeConnect

# To open, to read and to close.
_GLANCE_REQUESTS = 3
# The answer to a read: where the bytes begin, counted from the header, and how many there are.
_READ = struct.Struct("<2xBxI")
_HEADER = 64


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
    """Open a file or folder, shared as `opening` says, and keep it open.

    Args:
        tree: The share.
        path: Below it, with forward slashes.
        folder: Whether it is a folder.

    Returns:
        The handle, with creation time and size as of now.

    Raises:
        SMBException: The server refused it.
    """
    handle, create, created = opening(tree, path, folder=folder)
    created(send(handle, create))
    return handle


@dataclass(frozen=True, slots=True)
class Glancing:
    """A glance that is under way.

    Args:
        handle: The file's.
        opened: The request that opens it.
        reading: The one that reads.
        closing: The one that closes it.
        offset: Where the piece begins.
    """

    handle: Open
    opened: Request
    reading: Request
    closing: Request
    offset: int

    def finish(self) -> Glance:
        """Wait for the answers.

        Raises:
            SMBException: The server refused it.
        """
        handle = self.handle
        answer = receive_first(handle, self.opened, self.reading, self.closing)
        created, size, handle.file_id = unpacked(OPENED, answer)
        data = before_close(handle, self.closing, lambda: receive_read(handle, self.reading))
        return Glance(moment(created), size, self.offset, data)


def begin_glance(tree: TreeConnect, path: str, offset: int, length: int, *, spare: int = 0) -> Glancing | None:
    """Ask a server to open a file, to read a piece of it and to close it, and don't wait for its answers.

    Args:
        tree: The share.
        path: Below it, with forward slashes.
        offset: Where the piece begins.
        length: At most so many bytes.
        spare: How many such requests more the server must have room for.

    Returns:
        What takes the answers; None where the server takes fewer requests just now.

    Raises:
        SMBException: It can't be sent.
    """
    if credits_left(tree.session.connection) < _GLANCE_REQUESTS * (1 + spare):
        return None
    handle, create, _ = opening(tree, path)
    read, _ = handle.read(offset, min(length, CREDIT), send=False)
    close, _ = handle.close(send=False)
    opened, reading, closing = send_related(handle, create, read, close)
    return Glancing(handle, opened, reading, closing, offset)


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
    begun = begin_glance(tree, path, offset, length)
    if begun is not None:
        return begun.finish()
    handle = open_for_reading(tree, path)
    try:
        data = receive_read(handle, send_read(handle, offset, min(length, CREDIT)))
        return Glance(handle.creation_time.replace(tzinfo=UTC), int(handle.end_of_file), offset, data)
    finally:
        close_anyway(handle)


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
    answer.unpack(handle.connection.receive(send(handle, query))["data"].get_value())
    return int(answer.parse_buffer(FileStandardInformation)["end_of_file"].get_value())


def send_read(handle: Open, offset: int, length: int) -> Request:
    """Ask for bytes, and don't wait for them."""
    message, _ = handle.read(offset, length, send=False)
    return send(handle, message)


def receive_read(handle: Open, request: Request) -> bytes:
    """Wait for the bytes that were asked for; none at the end of the file."""
    try:
        answer = receive(handle, request)
    except EndOfFile:
        return b""
    start, length = unpacked(_READ, answer)
    start -= _HEADER
    return answer[start : start + length]
