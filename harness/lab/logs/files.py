r"""A simulated host's file system: log files by their Windows paths, appended to or held open as a service holds them.

The path ``C:\x\y`` is the file ``c/x/y`` below the host's folder. Names that differ in case alone are the same.
"""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from smbprotocol.exceptions import SMBException

from harness.lab.logwriter import LogWriter, WriterSession
from harness.lab.smbserver import create_log

if TYPE_CHECKING:
    from pathlib import Path, PureWindowsPath

    from harness.lab.smbserver import SmbUser

_log = logging.getLogger(__name__)
_PIECE = 60_000  # bytes that one SMB write may carry
_FAILURES = (SMBException, OSError, ValueError)  # smbprotocol raises ValueError where nobody listens


class Files(Protocol):
    """Where logs are written. One thread at a time uses it."""

    def append(self, log: str, path: PureWindowsPath, data: bytes) -> None:
        """Write at the end of a file, which is made if need be, with its folders.

        Args:
            log: The log that the file is of. The one file of a log that is written to is held open, where files are.
            path: Absolute.
            data: Whole lines.

        Raises:
            OSError: The file can't be written.
        """
        ...

    def size(self, path: PureWindowsPath) -> int | None:
        """Give a file's size in bytes; ``None`` where there is none."""
        ...

    def names(self, folder: PureWindowsPath) -> list[str]:
        """Give the names in a folder; none where it is missing."""
        ...

    def close(self) -> None:
        """Let go of every file."""
        ...


class PlainFiles:
    """Files that are opened for each write. Readers never get in the way, whatever they do.

    Args:
        folder: The host's: ``hosts/<address>``.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def append(self, log: str, path: PureWindowsPath, data: bytes) -> None:
        """Write at the end of a file; see `Files`."""
        del log
        file = self.local(path)
        with suppress(FileExistsError):
            os.close(create_log(file))
        with file.open("ab") as stream:
            stream.write(data)

    def size(self, path: PureWindowsPath) -> int | None:
        """Give a file's size in bytes; ``None`` where there is none."""
        try:
            return self.local(path).stat().st_size
        except FileNotFoundError:
            return None

    def names(self, folder: PureWindowsPath) -> list[str]:
        """Give the names in a folder; none where it is missing."""
        try:
            return [entry.name for entry in self.local(folder).iterdir()]
        except FileNotFoundError:
            return []

    def close(self) -> None:
        """Do nothing: no file is open."""

    def local(self, path: PureWindowsPath) -> Path:
        """Give the file behind a Windows path: an existing one of that name in any case, else a new one.

        Raises:
            OSError: The path has no drive letter, as a share's has none.
        """
        if len(path.drive) != len("C:") or not path.is_absolute():
            raise OSError(f"{path} is not on a drive of this host")
        found = self._folder / path.drive[0].lower()
        for part in path.parts[1:]:
            found = _child(found, part)
        return found


def _child(folder: Path, name: str) -> Path:
    exact = folder / name
    if exact.exists() or not folder.is_dir():
        return exact
    folded = name.casefold()
    return next((entry for entry in folder.iterdir() if entry.name.casefold() == folded), exact)


class HeldFiles(PlainFiles):
    """Files that are held open over SMB, so that Samba keeps readers to the rules of Windows.

    A file is open with the share mode of a .NET stream that is written: others may read it, but not if they
    insist that nobody writes meanwhile. Only drive C is served, and a server that doesn't answer must not stop
    the host, so other files are written plainly.

    Args:
        folder: The host's: ``hosts/<address>``.
        address: The host's own, where its share ``C$`` is served.
        port: The SMB port.
        user: Who writes.
    """

    def __init__(self, folder: Path, address: str, port: int, user: SmbUser) -> None:
        super().__init__(folder)
        self._server = (address, port, user)
        self._session: WriterSession | None = None
        self._held: dict[str, tuple[Path, LogWriter]] = {}

    def append(self, log: str, path: PureWindowsPath, data: bytes) -> None:
        """Write at the end of a file and keep it open; see `Files`."""
        file = self.local(path)
        for piece in _pieces(data):
            if path.drive.upper() != "C:" or not self._append_held(log, file, piece):
                super().append(log, path, piece)

    def _append_held(self, log: str, file: Path, piece: bytes) -> bool:
        """Write over SMB; false where that is impossible."""
        for _ in range(2):  # a connection that broke is made again once
            try:
                self._writer(log, file).append(piece)
            except _FAILURES as error:
                _log.warning("writing %s over SMB failed: %s", file, error)
                self.close()
            else:
                return True
        return False

    def _writer(self, log: str, file: Path) -> LogWriter:
        """Give the log's open file; the one before it is closed."""
        held, writer = self._held.get(log, (None, None))
        if writer is not None and held == file and file.exists():
            return writer
        if writer is not None:
            del self._held[log]
            writer.close()
        with suppress(FileExistsError):
            os.close(create_log(file))
        if self._session is None:
            self._session = WriterSession(*self._server)
        relative = file.relative_to(self._folder / "c").as_posix()
        writer = LogWriter(*self._server, relative, session=self._session)
        self._held[log] = file, writer
        return writer

    def close(self) -> None:
        """Let go of every file, and of the server."""
        for _, writer in self._held.values():
            writer.close()
        self._held.clear()
        if self._session is not None:
            self._session.close()
            self._session = None


def _pieces(data: bytes) -> list[bytes]:
    """Cut between lines where one write can't carry everything, so that no reader sees half a line."""
    pieces = [b""]
    for line in data.splitlines(keepends=True):
        if pieces[-1] and len(pieces[-1]) + len(line) > _PIECE:
            pieces.append(b"")
        pieces[-1] += line
    return [piece[start : start + _PIECE] for piece in pieces for start in range(0, len(piece), _PIECE)]
