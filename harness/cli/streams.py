"""Standard output for bytes."""

from __future__ import annotations

import io
import sys
from typing import BinaryIO


def standard_output() -> BinaryIO:
    """Give standard output, of which a write takes all or fails.

    Where Python is told not to buffer (``PYTHONUNBUFFERED``), it is the bare file: that may take a part of what it is
    given, for example on a disk that is full, and say so by a number alone.
    """
    out = sys.stdout.buffer
    if isinstance(out, io.RawIOBase):
        return open(out.fileno(), "wb", closefd=False)
    return out
