"""A reader for tests: a line is an event, and what isn't a whole line yet is the state."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.collect.delivery import Chunk


def lines(chunk: Chunk) -> tuple[bytes, bytes, int]:
    """Pass on whole lines, and keep the rest for the next chunk."""
    whole, newline, rest = (chunk.state + chunk.data).rpartition(b"\n")
    return whole + newline, rest, whole.count(b"\n") + len(newline)
