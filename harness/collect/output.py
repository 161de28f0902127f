"""Where the events go: a file that holds exactly what the positions account for, or a stream."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO, Self

from harness.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from types import TracebackType

    from harness.collect.delivery import Chunk, Delivered
    from harness.collect.positions import Positions

    # Takes a chunk; gives the bytes to write, and what became of the chunk.
    Convert = Callable[[Chunk], tuple[bytes, Delivered]]


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
        if self._path.exists() and not self._path.is_file():
            raise StoreError(
                f"{self._path} isn't a file that can be cut back",
                hint="for a pipe or a device write to standard output",
            )
        try:
            # Appending would do, but then a part that is cut off could not be written anew in its place.
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o640)
        except OSError as error:
            raise self._unusable(error) from error
        self._file = os.fdopen(descriptor, "r+b", buffering=0)
        try:
            self._length = self._settle(positions)
        except BaseException:
            self._file.close()
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
        rest = memoryview(data)
        try:
            self._file.seek(self._length)
            while rest:
                rest = rest[self._file.write(rest) :]
            os.fsync(self._file.fileno())
        except OSError as error:
            with suppress(OSError):
                self._file.truncate(self._length)
            raise self._unusable(error) from error
        self._length += len(data)

    def close(self) -> None:
        """Close it; harmless when called twice."""
        self._file.close()

    def _settle(self, positions: Positions) -> int:
        """Bring file and store to the same length.

        Returns:
            The length.
        """
        actual = os.fstat(self._file.fileno()).st_size
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
            self._file.truncate(accounted)
            os.fsync(self._file.fileno())
            self._sync_folder()
        except OSError as error:
            raise self._unusable(error) from error
        return accounted

    def _sync_folder(self) -> None:
        """Make the file's name durable, where a folder can be synced: not on Windows."""
        if hasattr(os, "O_DIRECTORY"):
            folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    def _unusable(self, error: OSError) -> StoreError:
        return StoreError(f"{self._path} can't be written: {error.strerror}", hint="check disk and rights")


class FileSink:
    """A sink that writes what a function makes of each chunk.

    Args:
        output: Where to.
        convert: Gives the bytes to write and what became of the chunk; see ``Sink.deliver``.
    """

    def __init__(self, output: OutputFile, convert: Convert) -> None:
        self._output = output
        self._convert = convert

    def deliver(self, chunk: Chunk) -> Delivered:
        """Convert and write; see ``Sink``."""
        data, delivered = self._convert(chunk)
        self._output.append(data)
        return delivered

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


class StreamSink:
    """A sink that writes to a stream, such as standard output, which can't be cut back.

    What was written and not yet accounted for when the process is killed is written again at the next start:
    each event comes at least once.

    Args:
        stream: Where to.
        convert: As for ``FileSink``.
    """

    def __init__(self, stream: BinaryIO, convert: Convert) -> None:
        self._stream = stream
        self._convert = convert

    def deliver(self, chunk: Chunk) -> Delivered:
        """Convert and write; see ``Sink``."""
        data, delivered = self._convert(chunk)
        self._stream.write(data)
        self._stream.flush()
        return delivered

    def outputs(self) -> Mapping[str, int]:
        """Account for nothing; see ``Sink``."""
        return {}
