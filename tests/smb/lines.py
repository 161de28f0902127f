"""Readers for tests: a line is an event."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.collect.delivery import Delivered

if TYPE_CHECKING:
    from harness.collect.delivery import Chunk


def lines(chunk: Chunk) -> tuple[bytes, Delivered]:
    """Pass on whole lines; what isn't one yet is the state."""
    whole, newline, rest = (chunk.state + chunk.data).rpartition(b"\n")
    return whole + newline, Delivered(events=whole.count(b"\n") + len(newline), state=rest)


class Lines:
    """Pass on whole lines; what isn't one yet is read again: the position stays at the line's beginning."""

    def __init__(self) -> None:
        self.restored = 0
        self._pending = b""
        self._next = -1

    def __call__(self, chunk: Chunk) -> tuple[bytes, Delivered]:
        """Take a chunk."""
        if chunk.offset != self._next:
            self.restored += 1
            self._pending = b""
        whole, newline, self._pending = (self._pending + chunk.data).rpartition(b"\n")
        self._next = chunk.offset + len(chunk.data)
        count = whole.count(b"\n") + len(newline)
        return whole + newline, Delivered(count, b"columns", self._next - len(self._pending))
