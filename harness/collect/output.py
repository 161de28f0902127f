"""An output file that holds exactly what the positions account for."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from harness.collect.delivery import Delivered
from harness.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from types import TracebackType

    from harness.collect.delivery import Chunk
    from harness.collect.positions import Positions

    # Takes a chunk; gives the bytes to write, the reader's state and the number of events.
    Convert = Callable[[Chunk], tuple[bytes, bytes, int]]


class OutputFile:
    """A file that is only appended to, and cut back to what is accounted for when it is opened.

    Args:
        path: Created if it isn't there. What it holds already is kept when it was never written to with these
            positions.
        positions: The store that accounts for it.

    Raises:
        StoreError: It is shorter than accounted for, or can't be written.
    """

    def __init__(self, path: Path, positions: Positions) -> None:
        self._path = path.resolve()
        try:
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        except OSError as error:
            raise self._unusable(error) from error
        try:
            self._length = self._settle(positions)
        except BaseException:
            os.close(self._descriptor)
            raise

    @property
    def key(self) -> str:
        """The path under which the store accounts for it."""
        return str(self._path)

    @property
    def length(self) -> int:
        """Bytes that are written and synced."""
        return self._length

    def append(self, data: bytes) -> None:
        """Write at the end and sync.

        Args:
            data: Any bytes.

        Raises:
            StoreError: The disk is full, or the like. The file is as it was then.
        """
        if not data:
            return
        view = memoryview(data)
        written = 0
        try:
            while written < len(view):
                written += os.pwrite(self._descriptor, view[written:], self._length + written)
            os.fdatasync(self._descriptor)
        except OSError as error:
            with suppress(OSError):
                os.ftruncate(self._descriptor, self._length)
            raise self._unusable(error) from error
        self._length += len(view)

    def close(self) -> None:
        """Close it; harmless when called twice."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def _settle(self, positions: Positions) -> int:
        """Bring file and store to the same length.

        Returns:
            The length.
        """
        actual = os.fstat(self._descriptor).st_size
        accounted = positions.output_length(self.key)
        if accounted is None or actual == 0:
            # New to the store, or moved away by the user since: begin after what is there.
            positions.advance("", (), {self.key: actual})
            accounted = actual
        if actual < accounted:
            raise StoreError(
                f"{self._path} has {actual} bytes and {accounted} are accounted for: somebody cut it",
                hint="move it away, and a new one is begun; nothing is collected again",
            )
        try:
            os.ftruncate(self._descriptor, accounted)
            os.fsync(self._descriptor)
            folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise self._unusable(error) from error
        return accounted

    def _unusable(self, error: OSError) -> StoreError:
        return StoreError(f"{self._path} can't be written: {error.strerror}", hint="check disk and rights")


class FileSink:
    """A sink that writes what a function makes of each chunk.

    Args:
        output: Where to.
        convert: Gives the bytes to write, the reader's state and the number of events. It may keep a reader
            in memory for a file as long as the chunk's offset is where that reader stands; else it starts
            from the state.
    """

    def __init__(self, output: OutputFile, convert: Convert) -> None:
        self._output = output
        self._convert = convert

    def deliver(self, chunk: Chunk) -> Delivered:
        """Convert and write; see ``Sink``."""
        data, state, events = self._convert(chunk)
        self._output.append(data)
        return Delivered(events=events, state=state)

    def outputs(self) -> Mapping[str, int]:
        """Give the output's length; see ``Sink``."""
        return {self._output.key: self._output.length}

    def __enter__(self) -> Self:
        """Give the sink itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the output."""
        self._output.close()
