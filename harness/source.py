"""Where a value came from: every setting and every error can say its file and line."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Source:
    """A place in a text of the user's.

    Args:
        file: The path as the user gave it.
        line: 1 for the first line; 0 where the file as a whole is meant.
        column: 1 for the first character; 0 where the line as a whole is meant.
    """

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        """Write it as editors and compilers do: ``file:line:column``."""
        place = self.file
        if self.line:
            place += f":{self.line}"
            if self.column:
                place += f":{self.column}"
        return place


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in a text of the user's.

    Args:
        source: Where.
        message: What, in one sentence without a full stop.
        hint: What to do next, in one sentence; empty where nothing helps.
    """

    source: Source
    message: str
    hint: str = ""

    def __str__(self) -> str:
        """One line: ``file:line:column: message (hint)``."""
        return f"{self.source}: {self.message}" + (f" ({self.hint})" if self.hint else "")
