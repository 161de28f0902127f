"""Where each column's value stands in the bytes of a record."""

from __future__ import annotations

import re

from harness.events.csvlog import Span, spans
from harness.events.record import Format

_WORD = re.compile(rb"[^ ]+")


def places(raw: bytes, format: Format) -> list[Span]:  # noqa: A002 - the field's own word
    """Find the values of a record.

    Args:
        raw: The record's bytes, from its offset on for its length.
        format: How it is written.

    Returns:
        Begin and end of each value from the record's beginning, in the file's order; without the quotes around it.
    """
    line = raw.removesuffix(b"\n").removesuffix(b"\r")
    match format:
        case Format.MSGTRK | Format.SMTP:
            return spans(line)[1]
        case Format.MSGTRK2003:
            found = []
            begin = 0
            for value in line.split(b"\t"):
                found.append((begin, begin + len(value)))
                begin += len(value) + 1
            return found
        case Format.SMTP2003 | Format.OWA:
            return [word.span() for word in _WORD.finditer(line)]
