"""Plays a service that holds its log open over a Windows file server: Exchange's transport, or http.sys.

A POSIX write takes no SMB lock, so a log that the lab merely appends to would never show that a reader got in
the writer's way. This writer keeps an SMB handle open with the share mode such a service uses, and appends
through it.
"""

from __future__ import annotations

import uuid
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from smbprotocol.connection import Connection
from smbprotocol.exceptions import SMBException
from smbprotocol.open import (
    CreateDisposition,
    CreateOptions,
    FileAttributes,
    FilePipePrinterAccessMask,
    ImpersonationLevel,
    Open,
    ShareAccess,
)
from smbprotocol.session import Session
from smbprotocol.tree import TreeConnect

if TYPE_CHECKING:
    from types import TracebackType

    from harness.lab.smbserver import SmbUser

_SHARE_FLAGS = {
    "r": ShareAccess.FILE_SHARE_READ,
    "w": ShareAccess.FILE_SHARE_WRITE,
    "d": ShareAccess.FILE_SHARE_DELETE,
}
_SECONDS = 5


class WriterSession:
    """A connection to a simulated host's share, over which any number of logs may be held open.

    Args:
        address: The simulated host's address.
        port: Its SMB port.
        user: Who writes.
        share: The share's name.
    """

    def __init__(self, address: str, port: int, user: SmbUser, share: str = "C$") -> None:
        self._connection = Connection(uuid.uuid4(), address, port)
        try:
            self._connection.connect(timeout=_SECONDS)
            session = Session(
                self._connection, user.name, user.password, require_encryption=False, auth_protocol="ntlm"
            )
            session.connect()
            self.tree = TreeConnect(session, rf"\\{address}\{share}")
            """The share."""
            self.tree.connect()
        except SMBException:
            self.close()
            raise

    def close(self) -> None:
        """Break the connection; the server closes what is open on it."""
        self._connection.disconnect(close=False)


class LogWriter:
    """A log that is held open for writing.

    It needs Samba: the embedded server neither writes nor knows share modes.

    Args:
        address: The simulated host's address.
        port: Its SMB port.
        user: Who writes.
        path: The file below ``share``, with forward slashes; created if it isn't there, appended to if it is.
        share: The share's name.
        share_mode: What the writer lets others do meanwhile: any of ``r``, ``w`` and ``d``. .NET's default
            for a stream that is written is ``r``.
        session: A connection to that share that others use too; it stays open afterwards.
    """

    def __init__(
        self,
        address: str,
        port: int,
        user: SmbUser,
        path: str,
        *,
        share: str = "C$",
        share_mode: str = "r",
        session: WriterSession | None = None,
    ) -> None:
        self._own_session = None
        if session is None:
            session = self._own_session = WriterSession(address, port, user, share)
        self._file = Open(session.tree, path.replace("/", "\\"))
        try:
            self._file.create(
                ImpersonationLevel.Impersonation,
                FilePipePrinterAccessMask.FILE_WRITE_DATA
                | FilePipePrinterAccessMask.FILE_APPEND_DATA
                | FilePipePrinterAccessMask.FILE_READ_ATTRIBUTES,
                FileAttributes.FILE_ATTRIBUTE_NORMAL,
                sum(_SHARE_FLAGS[letter] for letter in share_mode),
                CreateDisposition.FILE_OPEN_IF,
                CreateOptions.FILE_NON_DIRECTORY_FILE,
            )
        except SMBException:
            self._close_own_session()
            raise
        self._end = int(self._file.end_of_file)

    def append(self, data: bytes) -> None:
        """Write at the end.

        Args:
            data: At most 64 KB.

        Raises:
            SMBException: The server refused it; a sharing violation here means that a reader stopped the
                service.
        """
        self._end += int(self._file.write(data, self._end))

    def close(self) -> None:
        """Let go of the file."""
        with suppress(SMBException):
            self._file.close()
        self._close_own_session()

    def _close_own_session(self) -> None:
        if self._own_session is not None:
            self._own_session.close()

    def __enter__(self) -> Self:
        """Give the writer itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of the file."""
        self.close()


def purge(address: str, port: int, user: SmbUser, path: str, *, share: str = "C$") -> None:
    """Delete a log as a service does that keeps its folder small; whoever has it open must allow that.

    Args:
        address: The simulated host's address.
        port: Its SMB port.
        user: Who deletes.
        path: The file below ``share``, with forward slashes.
        share: The share's name.

    Raises:
        SMBException: The server refused it; a sharing violation here means that a reader is in the way.
    """
    session = WriterSession(address, port, user, share)
    try:
        file = Open(session.tree, path.replace("/", "\\"))
        file.create(
            ImpersonationLevel.Impersonation,
            FilePipePrinterAccessMask.DELETE,
            FileAttributes.FILE_ATTRIBUTE_NORMAL,
            sum(_SHARE_FLAGS.values()),
            CreateDisposition.FILE_OPEN,
            CreateOptions.FILE_NON_DIRECTORY_FILE | CreateOptions.FILE_DELETE_ON_CLOSE,
        )
        file.close()
    finally:
        session.close()
