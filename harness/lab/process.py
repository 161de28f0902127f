"""What a simulated process and the shell that started it see of each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import threading


class ProcessIO(Protocol):
    """The three standard streams of one process and the signal that ends it.

    A process runs in a thread of its own, so every member may block and must be safe to use from that thread.
    """

    terminated: threading.Event
    """Set when the process must end; looked at between statements and while it sleeps or waits for input."""

    def read_line(self) -> bytes | None:
        """Wait for the next line of standard input.

        Returns:
            The line with its line end, where it has one; ``None`` at the end of input or once ``terminated`` is set.
        """
        ...

    def read_all(self) -> bytes:
        """Wait for the end of standard input, or for ``terminated``, and give everything not yet read."""
        ...

    def write_out(self, data: bytes) -> None:
        """Append to standard output."""
        ...

    def write_err(self, data: bytes) -> None:
        """Append to standard error."""
        ...
