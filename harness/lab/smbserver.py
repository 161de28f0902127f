"""What the lab's two SMB servers have in common: who may sign in, and how a server is driven."""

from __future__ import annotations

import os
import struct
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from harness.errors import HarnessError

ADMIN_SHARE = "C$"
PUBLIC_SHARE = "Logs"

# Windows keeps a file's creation time, POSIX doesn't. Samba looks for it in this extended attribute, and else
# takes the oldest of the three POSIX times, which moves as soon as somebody reads and appends.
_ATTRIBUTE = "user.DOSATTRIB"
_LAYOUT = struct.Struct("<HHIIIQ")
_VERSION = 5
_HAS_ATTRIBUTES_AND_CREATION = 0x11
_ARCHIVE = 0x20
_FILETIME_OF_1970 = 116_444_736_000_000_000


class LabSmbError(HarnessError):
    """The lab's SMB server didn't start."""


@dataclass(frozen=True, slots=True)
class SmbUser:
    """Somebody who may sign in to the simulated hosts.

    Args:
        name: Without domain; any domain is accepted before it.
        password: In the clear; never printed.
        admin: Whether ``C$`` is open to them; the public share is to everybody.
    """

    name: str
    password: str = field(repr=False)
    admin: bool = True


@dataclass(frozen=True, slots=True)
class PublicShare:
    """A share that somebody made on a host, for reading only.

    Args:
        name: Its name.
        folder: What it shares.
        readers: Who may read, by lower-case name.
    """

    name: str
    folder: Path
    readers: frozenset[str]


class SmbServer(Protocol):
    """A running server for all simulated hosts.

    Host ``127.0.0.3`` has the folder ``hosts/127.0.0.3/c`` behind its share ``C$`` and
    ``hosts/127.0.0.3/logs``, for reading only, behind ``Logs``.
    """

    @property
    def degraded(self) -> bool:
        """Whether it lacks SMB 3, encryption and share modes."""

    @property
    def port(self) -> int:
        """The TCP port, the same on every address."""

    def start(self) -> None:
        """Serve; return as soon as every address answers."""

    def stop(self) -> None:
        """Stop serving and end every process; harmless when called twice."""


def host_folders(root: Path, address: str) -> tuple[Path, Path]:
    """Give the folders behind a simulated host's shares, made if need be.

    Args:
        root: The lab's state folder.
        address: The host's own loopback address.

    Returns:
        The folder of ``C$`` and the folder of ``Logs``.
    """
    folders = (root / "hosts" / address / "c", root / "hosts" / address / "logs")
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    return folders


def create_log(path: Path) -> int:
    """Create a file that has a creation time of its own, as on NTFS.

    Args:
        path: Must not exist; its folder is made if need be.

    Returns:
        A file descriptor open for appending.

    Raises:
        FileExistsError: There is such a file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o644)
    created = _FILETIME_OF_1970 + time.time_ns() // 100
    value = _LAYOUT.pack(0, _VERSION, _VERSION, _HAS_ATTRIBUTES_AND_CREATION, _ARCHIVE, created)
    # A system without extended attributes still serves; there a creation time isn't dependable.
    with suppress(OSError, AttributeError):
        os.setxattr(descriptor, _ATTRIBUTE, value)
    return descriptor


def creation_time(path: str) -> int:
    """Read back a file's creation time, or what comes nearest to it.

    Args:
        path: A file or folder.

    Returns:
        A Windows FILETIME: units of 100 ns since 1601.

    Raises:
        OSError: There is no such file.
    """
    try:
        return int(_LAYOUT.unpack(os.getxattr(path, _ATTRIBUTE))[-1])
    except (OSError, AttributeError, struct.error):
        status = Path(path).stat()
        oldest = min(status.st_mtime_ns, status.st_ctime_ns, status.st_atime_ns)
        return _FILETIME_OF_1970 + oldest // 100
