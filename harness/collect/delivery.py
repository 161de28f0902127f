"""What the collector hands on: raw chunks of files, to a sink that makes them durable."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from harness.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime, timedelta

    from harness.collect.positions import Position
    from harness.collect.source import PolledFolder


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes of a file, in order and without a gap: each chunk begins where the one before ended.

    Args:
        source: The log folder.
        path: The file below the share, with forward slashes.
        created: The file's creation time. Together with the path it names the file: a new file under an old
            name begins at offset 0 with an empty state.
        offset: The first byte's place in the file.
        data: The bytes; a chunk may end anywhere, also in the middle of a character.
        state: What the sink returned with the chunk before; empty for the first one of a file.
    """

    source: PolledFolder
    path: str
    created: datetime
    offset: int
    data: bytes
    state: bytes


@dataclass(frozen=True, slots=True)
class Delivered:
    """What became of a chunk.

    Args:
        events: How many events it ended; the throttle counts them.
        state: What the sink needs to go on, for example the names of the columns. It is stored with the
            position, so it survives a kill.
        position: Where in the file to go on from the state; ``None`` for the chunk's end. A reader whose
            state doesn't hold the beginning of an unfinished line gives the place where that line begins.
    """

    events: int
    state: bytes
    position: int | None = None


class Store(Protocol):
    """Keeps positions; see `harness.collect.positions.Positions`."""

    def of(self, source: str) -> dict[tuple[str, datetime], Position]:
        """Give what is known of a log folder."""

    def advance(
        self,
        source: str,
        positions: Iterable[Position],
        outputs: Mapping[str, int] | None = None,
        *,
        gone: Iterable[Position] = (),
    ) -> None:
        """Store positions, outputs' lengths and what is no more, in one transaction."""

    def forget(self, source: str, listed: Iterable[tuple[str, datetime]], *, older: timedelta) -> int:
        """Drop the positions of files that were purged on the host long ago."""


class Sink(Protocol):
    """Takes chunks. It is called by one thread at a time."""

    def deliver(self, chunk: Chunk) -> Delivered:
        """Take a chunk; everything that came of it is durable when this returns.

        The same chunk, or one that begins at the same place, comes again with the same state when something
        fails or ends the process before the position is stored. So what follows from a chunk must follow from
        its state and bytes alone, and what was written must be undone: see ``outputs``.

        Chunks of one poll follow each other without a gap. So a sink that gives positions keeps its reader
        meanwhile: a chunk that begins where the reader stands goes to it. One that begins elsewhere begins at
        the stored position, or at 0, and needs a new reader, made from the state.
        """

    def outputs(self) -> Mapping[str, int]:
        """Give the length of each output file, by its path.

        It is stored in one transaction with the position. At the next start an output is cut back to it.
        """


class Handover:
    """Hands chunks to a sink and stores the positions, one chunk at a time, for all threads.

    Once something failed here nothing is handed over any more: the output may hold what no position accounts
    for, and a position that is stored afterwards would account for it. The next start cuts it off.

    Args:
        sink: Takes the chunks.
        positions: The store.
    """

    def __init__(self, sink: Sink, positions: Store) -> None:
        self.positions = positions
        self._sink = sink
        self._lock = threading.Lock()
        self._failure: BaseException | None = None

    def deliver(
        self, chunk: Chunk, settle: Callable[[Delivered], Position], *, gone: Iterable[Position] = ()
    ) -> tuple[Position, int]:
        """Hand a chunk over and store the position after it.

        Args:
            chunk: The bytes.
            settle: Makes the position to store of what the sink returned.
            gone: Positions that it replaces.

        Returns:
            The position as stored, and the number of events.

        Raises:
            StoreError: Something failed here before, or fails now.
        """
        with self._whole():
            delivered = self._sink.deliver(chunk)
            stored = settle(delivered)
            self.positions.advance(chunk.source.key, (stored,), self._sink.outputs(), gone=gone)
        return stored, delivered.events

    def store(self, source: str, write: Callable[[], object], position: Position, *, gone: Iterable[Position]) -> None:
        """Write what was made elsewhere and store the position after it.

        Args:
            source: The folder's key.
            write: Gives it to the sink.
            position: The position.
            gone: Positions that it replaces.

        Raises:
            StoreError: Something failed here before, or fails now.
        """
        with self._whole():
            write()
            self.positions.advance(source, (position,), self._sink.outputs(), gone=gone)

    @contextmanager
    def _whole(self) -> Iterator[None]:
        """Do one thing at a time, and nothing after a failure."""
        with self._lock:
            if self._failure is not None:
                raise StoreError("nothing is collected any more, since the output or the positions failed before")
            try:
                yield
            except BaseException as error:
                self._failure = error
                raise
