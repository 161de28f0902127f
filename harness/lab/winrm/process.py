"""One running command of a shell: its three streams, its thread, its exit code."""

from __future__ import annotations

import codecs
import threading
from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.lab.process import ProcessIO

OUTPUT_BUFFER: Final = 4 * 1024 * 1024
"""Bytes of output that nobody has received yet; a process that writes more waits, as at a full pipe."""

CONTROL_C_EXIT: Final = 0xC000013A
"""Windows' exit code of a process that Ctrl-C ended (``STATUS_CONTROL_C_EXIT``)."""

UTF8_CODE_PAGE: Final = 65001

_ROOM: Final = 66_000  # values on a frame's stack, somewhat more than half a megabyte: chunks are powers of two


class CodePage:
    """Converts between a shell's code page, which the client sees, and UTF-8, which programs read and write.

    Args:
        number: The Windows code page, for example 437 or 65001.

    Raises:
        LookupError: There is no such code page.
    """

    def __init__(self, number: int) -> None:
        self.codec = "utf-8" if number == UTF8_CODE_PAGE else codecs.lookup(f"cp{number}").name

    def to_program(self) -> Callable[[bytes, bool], bytes]:
        """Give a converter of input; it is called with each piece and whether it's the last."""
        return self._converter(self.codec, "utf-8")

    def to_client(self) -> Callable[[bytes, bool], bytes]:
        """Give a converter of output; a character that the code page lacks becomes ``?``."""
        return self._converter("utf-8", self.codec)

    @staticmethod
    def _converter(source: str, target: str) -> Callable[[bytes, bool], bytes]:
        if source == target:
            return lambda data, _final: data
        decoder = codecs.getincrementaldecoder(source)(errors="replace")
        encoder = codecs.getincrementalencoder(target)(errors="replace")
        return lambda data, final: encoder.encode(decoder.decode(data, final), final)


class ShellProcess:
    """The streams of one process; the program's side of it is ``harness.lab.process.ProcessIO``.

    The program calls ``read_*`` and ``write_*`` from its own thread; the shell calls the rest from the event loop.

    Args:
        wake: Called from any thread when there is output or the process has ended.
        code_page: How the client's bytes and the program's differ.
        output_buffer: Bytes of untaken output at which the program has to wait.
    """

    def __init__(
        self,
        wake: Callable[[], None],
        code_page: CodePage,
        *,
        output_buffer: int = OUTPUT_BUFFER,
    ) -> None:
        self.terminated = threading.Event()
        self._wake = wake
        self._changed = threading.Condition()
        self._room = output_buffer
        self._input = bytearray()
        self._input_ended = False
        self._decode_input = code_page.to_program()
        self._encode_output = {"stdout": code_page.to_client(), "stderr": code_page.to_client()}
        self._output: deque[tuple[str, bytes]] = deque()
        self._held = 0
        self._exit_code: int | None = None

    # What the program sees.

    def read_line(self) -> bytes | None:
        """Wait for the next line of standard input; ``None`` at its end or once terminated."""
        with self._changed:
            searched = 0
            while not self.terminated.is_set():
                end = self._input.find(b"\n", searched) + 1
                if end:
                    return self._cut_input(end)
                if self._input_ended:
                    return self._cut_input(len(self._input)) if self._input else None
                searched = len(self._input)
                self._changed.wait()
        return None

    def read_all(self) -> bytes:
        """Wait for the end of standard input, or for termination, and give all that isn't read yet."""
        with self._changed:
            self._changed.wait_for(lambda: self._input_ended or self.terminated.is_set())
            return self._cut_input(len(self._input))

    def _cut_input(self, end: int) -> bytes:
        piece = bytes(self._input[:end])
        del self._input[:end]
        return piece

    def write_out(self, data: bytes) -> None:
        """Append to standard output; waits while too much of it is untaken."""
        self._write("stdout", data)

    def write_err(self, data: bytes) -> None:
        """Append to standard error; waits while too much of it is untaken."""
        self._write("stderr", data)

    def _write(self, stream: str, data: bytes) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._held < self._room or self.terminated.is_set())
            if self._held < self._room:  # else it was terminated, and what it still says is lost
                self._append(stream, self._encode_output[stream](data, False))
        self._wake()

    def _append(self, stream: str, data: bytes) -> None:
        if data:
            self._output.append((stream, data))
            self._held += len(data)

    # What the shell sees.

    def feed(self, data: bytes, *, end: bool) -> None:
        """Add to standard input.

        Args:
            data: Bytes in the shell's code page.
            end: Whether that was all.
        """
        with self._changed:
            if not self._input_ended:
                self._input += self._decode_input(data, end)
                self._input_ended = end
            self._changed.notify_all()

    def terminate(self) -> None:
        """Ask the program to end; whatever it waits for returns."""
        with self._changed:
            self.terminated.set()
            self._changed.notify_all()

    def finish(self, exit_code: int) -> None:
        """Note that the program has ended; called once, from its thread."""
        with self._changed:
            for stream, encode in self._encode_output.items():
                self._append(stream, encode(b"", True))
            self._exit_code = CONTROL_C_EXIT if self.terminated.is_set() else exit_code
        self._wake()

    @property
    def exit_code(self) -> int | None:
        """The exit code; ``None`` while it runs."""
        with self._changed:
            return self._exit_code

    @property
    def has_output(self) -> bool:
        """Whether there is output to take."""
        with self._changed:
            return bool(self._output)

    def take(self, limit: int, piece_cost: int = 0) -> list[tuple[str, bytes]]:
        """Take output in the order in which it was written, neighbours of one stream joined.

        Args:
            limit: Bytes at most.
            piece_cost: Bytes that each piece counts on top of its own.

        Returns:
            Pieces: pairs of stream (``stdout``, ``stderr``) and bytes.
        """
        taken: list[tuple[str, bytearray]] = []
        with self._changed:
            while self._output:
                stream, data = self._output[0]
                joins = bool(taken) and taken[-1][0] == stream
                room = limit - (0 if joins else piece_cost)
                if room <= 0:
                    break
                data = self._cut_output(room)
                limit = room - len(data)
                if joins:
                    taken[-1][1].extend(data)
                else:
                    taken.append((stream, bytearray(data)))
            self._changed.notify_all()
        return [(stream, bytes(data)) for stream, data in taken]

    def _cut_output(self, end: int) -> bytes:
        stream, data = self._output.popleft()
        if len(data) > end:
            self._output.appendleft((stream, data[end:]))
            data = data[:end]
        self._held -= len(data)
        return data


def _with_room(run: Callable[[ProcessIO], int], process: ProcessIO) -> int:
    """Run a program where there is room for its calls.

    CPython keeps the frames of a thread's calls in chunks of 16 KB. It asks the system for the next one when a call
    finds no room, and returns it as that call ends: a loop at such a depth does so in each round, which takes a
    hundred times what a call does. This frame claims to need half a megabyte, so the chunk that it gets has room for
    all calls below it.
    """
    return run(process)


_with_room.__code__ = _with_room.__code__.replace(co_stacksize=_ROOM)


def start(process: ShellProcess, name: str, run: Callable[[ProcessIO], int]) -> threading.Thread:
    """Run a program in a thread of its own.

    The thread is a daemon: a program that never looks at ``terminated`` can't keep the interpreter from ending.

    Args:
        process: Its streams.
        name: The thread's name.
        run: The program; whatever it raises ends it with exit code 1 and the text on standard error.
    """

    def main() -> None:
        exit_code = 1
        try:
            exit_code = _with_room(run, process)
        except Exception as error:  # noqa: BLE001 - a program's failure is its own, never the server's
            process.write_err(f"{type(error).__name__}: {error}\r\n".encode())
        finally:
            process.finish(exit_code)

    thread = threading.Thread(target=main, name=name, daemon=True)
    thread.start()
    return thread
