"""The scripts in playbooks: text of the user's, and the way from a place in a script to its place in the file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.lint.text import filled
from harness.source import Source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.document import Value
    from harness.play.playbook import Playbook

_MODULE = "powershell"
_ARGUMENTS = ("read", "test", "set")


@dataclass(frozen=True, slots=True)
class PlaybookScript:
    """One script of a task.

    Args:
        text: The script; a string literal stands in the place of each template.
        written: Its lines as the playbook gives them.
        source: Where the value begins in the file.
        lines: The file's lines.
        cmdlets: The Exchange cmdlets that its task names; None where a run decides.
    """

    text: str
    written: tuple[str, ...]
    source: Source
    lines: tuple[str, ...]
    cmdlets: frozenset[str] | None = None

    def at(self, line: int, column: int) -> Source:
        """Give the place in the file of a place in the script; the value's own where YAML has rewritten the text.

        Args:
            line: 1 for the script's first line.
            column: 1 for the line's first character.
        """
        line = min(line, len(self.written))
        written = self.written[line - 1]
        wanted = written.strip()
        # A block begins on the line after its mark, other texts where the value stands.
        for number in (self.source.line + line, self.source.line + line - 1):
            if 1 <= number <= len(self.lines) and wanted:
                begin = self.source.column - 1 if number == self.source.line else 0
                found = self.lines[number - 1].find(wanted, begin)
                if found >= 0:
                    shift = found - (len(written) - len(written.lstrip()))
                    return Source(self.source.file, number, shift + column)
        return self.source


def scripts(playbook: Playbook) -> Iterator[PlaybookScript]:
    """Give the scripts of a playbook's ``powershell`` tasks and handlers, in the order of the text."""
    files: dict[str, tuple[str, ...]] = {}
    for play in playbook.plays:
        for task in (*play.tasks, *play.handlers):
            if task.module != _MODULE:
                continue
            cmdlets = _cmdlets(task.written.member("exchange"))
            for name in _ARGUMENTS:
                value = task.written.member(name)
                if value is not None and isinstance(value.data, str) and value.data:
                    yield _script(value, value.data, files, cmdlets)


def _cmdlets(value: Value | None) -> frozenset[str] | None:
    """Give what ``exchange`` names; a text is a list of words parted by commas, as everywhere."""
    named = value.plain() if value is not None else []
    words = named.split(",") if isinstance(named, str) else named
    if not isinstance(words, list) or any("{{" in str(word) for word in words):
        return None
    return frozenset(str(word).strip() for word in words)


def _script(
    value: Value, text: str, files: dict[str, tuple[str, ...]], cmdlets: frozenset[str] | None
) -> PlaybookScript:
    file = value.source.file
    if file not in files:
        files[file] = tuple(Path(file).read_text(encoding="utf-8-sig").splitlines())
    return PlaybookScript(filled(text), tuple(text.splitlines()), value.source, files[file], cmdlets)
