"""What is asked of a server through an open handle: a file's size, a file's bytes."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from smbprotocol.exceptions import EndOfFile, StoppedOnSymlink
from smbprotocol.file_info import FileInformationClass

from harness.remote.smbmessages import (
    Handle,
    asking,
    before_close,
    close,
    closing,
    linked,
    opening,
    reading,
    receive_bytes,
    receive_listed,
    receive_opened,
    send,
    send_related,
    unpacked,
)
from harness.remote.smbwire import CREDIT

if TYPE_CHECKING:
    from collections.abc import Generator
    from datetime import datetime

    from smbprotocol.tree import TreeConnect

    from harness.remote.smbwire import Asked

# To open, to read and to close.
_GLANCE_REQUESTS = 3
# A link to a link to a link; a loop comes to an end.
_LINKS = 8
# FILE_STANDARD_INFORMATION: bytes allocated, size; links, whether it is being deleted, whether it is a folder.
_STANDARD = struct.Struct("<8xqI??2x")


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


def open_for_reading(tree: TreeConnect, path: str, *, folder: bool = False) -> Handle:
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
    for left in reversed(range(_LINKS)):
        handle = Handle(tree)
        try:
            receive_opened(handle, send(handle, opening(path, folder=folder)))
            break
        except StoppedOnSymlink as link:
            if not left:
                raise
            path = linked(tree, path, link)
    return handle


@dataclass(frozen=True, slots=True)
class Glancing:
    """A glance that is under way.

    Args:
        handle: The file's.
        path: Below the share.
        opened: The request that opens it.
        read: The one that reads.
        closed: The one that closes it.
        offset: Where the piece begins.
        length: At most so many bytes.
    """

    handle: Handle
    path: str
    opened: Asked
    read: Asked
    closed: Asked
    offset: int
    length: int

    def finish(self) -> Glance:
        """Wait for the answers.

        Raises:
            SMBException: The server refused it.
        """
        handle = self.handle
        try:
            receive_opened(handle, self.opened, self.read, self.closed)
        except StoppedOnSymlink:
            return _glance_slowly(handle.tree, self.path, self.offset, self.length)
        data = before_close(handle, self.closed, lambda: receive_read(handle, self.read))
        return Glance(handle.created, handle.size, self.offset, data)


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
    handle = Handle(tree)
    if handle.wire.credits_left() < _GLANCE_REQUESTS * (1 + spare):
        return None
    length = min(length, CREDIT)
    opened, read, closed = send_related(handle, opening(path), reading(handle, offset, length), closing(handle))
    return Glancing(handle, path, opened, read, closed, offset, length)


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
    return begun.finish() if begun is not None else _glance_slowly(tree, path, offset, length)


def _glance_slowly(tree: TreeConnect, path: str, offset: int, length: int) -> Glance:
    handle = open_for_reading(tree, path)
    try:
        data = receive_read(handle, send_read(handle, offset, min(length, CREDIT)))
    finally:
        close(handle)
    return Glance(handle.created, handle.size, offset, data)


def query_size(handle: Handle) -> int:
    """Ask the handle for its file's size.

    Args:
        handle: An open file.

    Returns:
        Bytes.
    """
    request = asking(handle, FileInformationClass.FILE_STANDARD_INFORMATION, _STANDARD.size)
    size, *_ = unpacked(_STANDARD, receive_listed(handle, send(handle, request)))
    return int(size)


def send_read(handle: Handle, offset: int, length: int) -> Asked:
    """Ask for bytes, and don't wait for them."""
    return send(handle, reading(handle, offset, length))


def receive_read(handle: Handle, asked: Asked) -> bytes:
    """Wait for the bytes that were asked for; none at the end of the file."""
    try:
        return receive_bytes(handle, asked)
    except EndOfFile:
        return b""
