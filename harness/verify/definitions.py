"""What is expected of a definition that is to be imported: that the folders it names are those with the logs."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from harness.verify.expectations import Failure

if TYPE_CHECKING:
    from harness.events import Event
    from harness.verify.expectations import Judge
    from harness.verify.seen import Seen


@dataclass(frozen=True, slots=True)
class FolderRead:
    """A log source reads a family's logs in the folder that its definition names.

    Args:
        identifier: The log source's.
        folder: Share and folder as they are polled; empty where no definition names one.
        where: The place in the file, for the hint: ``[0].protocol_parameters[5].value in sources.json:12:18``.
    """

    identifier: str
    folder: str
    where: str

    @property
    def name(self) -> str:
        """The key, with the log source."""
        return f"log_source[{self.identifier}]"

    def judge(self) -> Judge:
        """Give a judge for one host."""
        return _Folder(self)


class _Folder:
    __slots__ = ("_check",)

    def __init__(self, check: FolderRead) -> None:
        self._check = check

    def take(self, event: Event) -> None:
        """Let it pass: files are what counts."""

    def judge(self, seen: Seen) -> Failure | None:
        folder = self._check.folder
        if not folder:
            expected = f"a log source that reads the {seen.family} log"
            return Failure(expected, f"none in {self._check.where}", f"name its folder{_home(seen)}", final=True)
        expected = f"log source {self._check.identifier!r} reads the {seen.family} log in {seen.place(folder)}"
        hint = f"correct {self._check.where}{_home(seen, folder)}"
        if folder in seen.refused:
            return Failure(expected, seen.refused[folder], hint, final=seen.misplaced(folder))
        below = seen.place(folder) + "/"
        foreign = [f"{file} was not read: {why}" for file, why in seen.foreign.items() if file.startswith(below)]
        if seen.misplaced(folder):
            found = foreign[0] if foreign else "no file of this log is there"
            return Failure(expected, found, hint, final=True)
        return None


def _home(seen: Seen, folder: str = "") -> str:
    """Say where the host itself keeps the log: in the folder nearest to a wrong one; empty where it wasn't asked."""
    near = get_close_matches(folder, seen.home, n=1, cutoff=0) if folder else seen.home
    return f"; the host keeps it in {' and '.join(f'{each}/' for each in near)}" if near else ""
