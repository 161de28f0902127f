"""How far every file was read, kept so that a kill at any moment loses and repeats nothing.

A chunk goes through these steps, in this order:

1. the sink appends to the output what came of the chunk; 2. the output is synced to the disk (and, once, the
folder that holds it); 3. one SQLite transaction stores the file's offset, the reader's state, and the
output's length; its commit syncs too.

A process that ends before step 3 leaves the output longer than the store says; at the next start the output
is cut back, and the chunk is read again. One that ends after step 3 leaves both as they should be. There is
no moment at which the store knows of bytes that the output lacks, since step 2 comes first. The same holds
for a machine that loses power, as far as its disks keep what they acknowledged.

Whoever follows the output while it is written may see lines that are cut off and written again after a kill.
"""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Self

from harness.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path
    from types import TracebackType

_VERSION = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS position (
    source TEXT NOT NULL,
    path TEXT NOT NULL,
    created INTEGER NOT NULL,          -- microseconds since 1970
    file_id INTEGER NOT NULL,          -- as a signed number; 0 for none
    next_byte INTEGER NOT NULL,
    tail BLOB NOT NULL,                -- digest of the bytes before next_byte
    state BLOB NOT NULL,               -- the reader's own
    listed_size INTEGER NOT NULL,
    listed_modified INTEGER NOT NULL,  -- microseconds since 1970
    seen INTEGER NOT NULL,             -- seconds since 1970
    PRIMARY KEY (source, path, created)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS output (
    path TEXT PRIMARY KEY,
    length INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS begun (
    source TEXT PRIMARY KEY,
    moment INTEGER NOT NULL            -- microseconds since 1970
) WITHOUT ROWID;
"""
_COLUMNS = "path, created, file_id, next_byte, tail, state, listed_size, listed_modified"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SIGN = 1 << 63


@dataclass(frozen=True, slots=True)
class Position:
    """How far one file was read.

    Args:
        path: Below the share, with forward slashes.
        created: The file's creation time; a file that is created anew under the same path has a position of
            its own.
        file_id: The file system's number, by which a renamed file is known; 0 for none.
        offset: The next byte to read.
        tail: Digest of the bytes before it, by which a file that was truncated and grew again is known.
        state: The reader's own, opaque.
        listed_size: What the folder listed when the file was last looked at.
        listed_modified: The same.
    """

    path: str
    created: datetime
    file_id: int = 0
    offset: int = 0
    tail: bytes = b""
    state: bytes = b""
    listed_size: int = -1
    listed_modified: datetime = _EPOCH


class Positions:
    """The store: one SQLite file, for one process at a time, for any number of its threads.

    Args:
        path: The file; made with its folder if need be.

    Raises:
        StoreError: It can't be used, or another process uses it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(path, timeout=1, isolation_level=None, check_same_thread=False)
        except (OSError, sqlite3.Error) as error:
            raise self._unusable(error) from error
        try:
            self._prepare()
        except sqlite3.Error as error:
            self._database.close()
            raise self._unusable(error) from error
        except StoreError:
            self._database.close()
            raise

    def of(self, source: str) -> dict[tuple[str, datetime], Position]:
        """Give what is known of a log folder.

        Args:
            source: The folder's key.

        Returns:
            The positions by path and creation time.
        """
        with self._lock, closing(self._database.cursor()) as cursor:
            cursor.execute(f"SELECT {_COLUMNS} FROM position WHERE source = ?", (source,))  # noqa: S608 - a constant
            positions = [_read(row) for row in cursor]
        return {(position.path, position.created): position for position in positions}

    def advance(
        self,
        source: str,
        positions: Iterable[Position],
        outputs: Mapping[str, int] | None = None,
        *,
        gone: Iterable[Position] = (),
    ) -> None:
        """Store positions, outputs' lengths and what is no more, in one transaction.

        Args:
            source: The folder's key.
            positions: What was read, or only looked at.
            outputs: Length by path; what they hold must be on the disk already.
            gone: Positions to drop, for example under a file's former name.

        Raises:
            StoreError: The disk is full, or the like. Nothing is stored then.
        """
        now = int(datetime.now(UTC).timestamp())
        rows = [(source, *_row(position), now) for position in positions]
        dropped = [(source, position.path, _microseconds(position.created)) for position in gone]
        with self._lock:
            try:
                self._database.execute("BEGIN IMMEDIATE")
                try:
                    self._database.executemany(
                        "DELETE FROM position WHERE source = ? AND path = ? AND created = ?", dropped
                    )
                    self._database.executemany(
                        f"INSERT OR REPLACE INTO position (source, {_COLUMNS}, seen) "  # noqa: S608 - a constant
                        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                        rows,
                    )
                    self._database.executemany(
                        "INSERT OR REPLACE INTO output (path, length) VALUES (?, ?)", (outputs or {}).items()
                    )
                except BaseException:
                    self._database.execute("ROLLBACK")
                    raise
                self._database.execute("COMMIT")
            except sqlite3.Error as error:
                raise self._unusable(error) from error

    def output_length(self, path: str) -> int | None:
        """Give the length that an output file had with the last chunk that is accounted for.

        Args:
            path: The file's, absolute.

        Returns:
            Bytes; ``None`` for a file that was never written to.
        """
        with self._lock:
            row = self._database.execute("SELECT length FROM output WHERE path = ?", (path,)).fetchone()
        return None if row is None else int(row[0])

    def begun(self, source: str) -> datetime | None:
        """Give from when on a log folder is collected.

        Args:
            source: The folder's key.

        Returns:
            As `begin` stored it; ``None`` where it never did.
        """
        with self._lock:
            row = self._database.execute("SELECT moment FROM begun WHERE source = ?", (source,)).fetchone()
        return None if row is None else _moment(row[0])

    def begin(self, source: str, moment: datetime) -> None:
        """Store from when on a log folder is collected; what was stored before stays.

        Args:
            source: The folder's key.
            moment: Long ago for all that is there.

        Raises:
            StoreError: The disk is full, or the like.
        """
        with self._lock:
            try:
                self._database.execute("INSERT OR IGNORE INTO begun VALUES (?, ?)", (source, _microseconds(moment)))
            except sqlite3.Error as error:
                raise self._unusable(error) from error

    def forget(self, source: str, listed: Iterable[tuple[str, datetime]], *, older: timedelta) -> int:
        """Drop the positions of files that were purged on the host long ago.

        Args:
            source: The folder's key.
            listed: Path and creation time of the files that are there.
            older: How long nothing was read of a file before it is forgotten.

        Returns:
            How many were dropped.
        """
        there = set(listed)
        limit = int((datetime.now(UTC) - older).timestamp())
        with self._lock:
            rows = self._database.execute(
                "SELECT path, created FROM position WHERE source = ? AND seen < ?", (source, limit)
            ).fetchall()
            gone = [(source, path, created) for path, created in rows if (path, _moment(created)) not in there]
            self._database.executemany("DELETE FROM position WHERE source = ? AND path = ? AND created = ?", gone)
        return len(gone)

    def close(self) -> None:
        """Close the file; harmless when called twice."""
        with self._lock:
            self._database.close()

    def __enter__(self) -> Self:
        """Give the store itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self.close()

    def _prepare(self) -> None:
        # Exclusive: a second collector with the same positions would deliver everything twice. The lock is
        # the kernel's, so it ends with the process, however that ends.
        self._database.execute("PRAGMA locking_mode = EXCLUSIVE")
        self._database.execute("PRAGMA journal_mode = WAL")
        # FULL syncs at every commit; with NORMAL a power cut could lose the last ones, and they would be
        # delivered twice.
        self._database.execute("PRAGMA synchronous = FULL")
        version = int(self._database.execute("PRAGMA user_version").fetchone()[0])
        if version > _VERSION:
            raise StoreError(
                f"{self._path} was written by a newer harness (version {version} of the store)",
                hint="use that harness, or another file",
            )
        self._database.execute("BEGIN IMMEDIATE")
        for statement in _SCHEMA.split(";\n"):
            self._database.execute(statement)
        self._database.execute(f"PRAGMA user_version = {_VERSION}")
        self._database.execute("COMMIT")

    def _unusable(self, error: Exception) -> StoreError:
        if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
            return StoreError(
                f"another process collects with the positions in {self._path}",
                hint="let it end, or give this one a file of its own",
            )
        return StoreError(f"the positions in {self._path} can't be used: {error}", hint="check disk and rights")


def _row(position: Position) -> tuple[object, ...]:
    signed = position.file_id - 2 * _SIGN if position.file_id >= _SIGN else position.file_id
    return (
        position.path,
        _microseconds(position.created),
        signed,
        position.offset,
        position.tail,
        position.state,
        position.listed_size,
        _microseconds(position.listed_modified),
    )


def _read(row: tuple[str, int, int, int, bytes, bytes, int, int]) -> Position:
    path, created, signed, offset, tail, state, size, modified = row
    file_id = signed + 2 * _SIGN if signed < 0 else signed
    return Position(path, _moment(created), file_id, offset, tail, state, size, _moment(modified))


def _microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


def _moment(microseconds: int) -> datetime:
    return _EPOCH + microseconds * _MICROSECOND
