"""The terminal: what happened, task by task, and a recap as Ansible's users know it."""

from __future__ import annotations

import threading
from collections import Counter
from typing import IO, TYPE_CHECKING, NamedTuple

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from harness.play.events import HostAdvanced, HostFinished, PlayStarted, RunFinished
from harness.play.results import Status
from harness.redaction import redactor
from harness.report import text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.play.events import Event
    from harness.play.results import HostResult, RunResult, TaskResult

_STYLES = {
    Status.OK: "green",
    Status.CHANGED: "yellow",
    Status.UNKNOWN: "magenta",
    Status.SKIPPED: "cyan",
    Status.FAILED: "red",
    Status.IGNORED: "blue",
}
_WIDTH = 78


class _Line(NamedTuple):
    """A line that is printed: its first words in a style, the rest plain."""

    words: str
    style: str = ""
    rest: str = ""


class Terminal:
    """The one place that prints. Results go to standard output, progress and notices to standard error.

    Args:
        output: Standard output, or what stands for it.
        errors: Standard error.
        diff: Whether each change is shown in full.
        color: Whether to colour; None to ask the terminal.
    """

    def __init__(self, output: IO[str], errors: IO[str], *, diff: bool = False, color: bool | None = None) -> None:
        self._out = _console(output, color)
        self._err = _console(errors, color)
        if self._out.is_terminal and self._err.is_terminal:
            # One screen, and one console has to draw on it: the line that shows progress makes way for the others.
            self._err = self._out
        self._diff = diff
        self._lock = threading.Lock()
        self._busy: dict[str, HostAdvanced] = {}
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            TimeElapsedColumn(),
            console=self._err,
            transient=True,
        )
        self._line = self._progress.add_task("", visible=False)

    def handle(self, event: Event) -> None:
        """Take an event of the engine's."""
        with self._lock:
            match event:
                case PlayStarted():
                    self._begin(event)
                case HostAdvanced():
                    self._busy[event.host] = event
                    self._show_busy()
                case HostFinished():
                    self._busy.pop(event.result.host, None)
                    self._show_busy()
                    self._print(self._out, *self._host(event.result))
                case RunFinished():
                    if self._progress.live.is_started:
                        self._progress.stop()
                    self._print(self._out, *self._recap(event.result))

    def say(self, line: str) -> None:
        """Print a line of a command's own result."""
        self._print(self._out, _Line(line))

    def headline(self, words: str) -> None:
        """Print the line above a part of the result."""
        self._print(self._out, *_headline(words))

    def styled(self, line: str, style: str) -> None:
        """Print a line of the result in a colour."""
        self._print(self._out, _Line(line, style))

    def notice(self, line: str) -> None:
        """Print what the user should know, beside the result."""
        self._print(self._err, _Line(line, "yellow"))

    def problem(self, line: str) -> None:
        """Print an error."""
        self._print(self._err, _Line(line, "red"))

    def _begin(self, play: PlayStarted) -> None:
        if self._err.is_terminal:
            self._progress.start()
        self._print(self._out, *_headline(f"PLAY [{play.name}]"))
        if not play.hosts:
            self._print(self._out, _Line("no hosts matched"))

    def _show_busy(self) -> None:
        if not self._progress.live.is_started:
            return
        if not self._busy:
            self._progress.update(self._line, visible=False)
            return
        first = next(iter(self._busy.values()))
        others = f" and {len(self._busy) - 1} more" if len(self._busy) > 1 else ""
        words = f"{first.host}: {first.stage}, {first.scripts} scripts done{others}"
        self._progress.update(self._line, visible=True, description=words)

    def _host(self, result: HostResult) -> Iterator[_Line]:
        for note in result.notes:
            yield _Line(f"note: [{result.host}] {note}", "yellow")
        for task in result.tasks:
            yield from self._task(task)
        if result.error is not None:
            yield _Line(f"{text.kind(result.error)}: [{result.host}]", "red")
            yield from _indented(text.error(result.error), "red")
        if result.stopped:
            yield _Line(f"left out: [{result.host}] {result.stopped}", "red")

    def _task(self, task: TaskResult) -> Iterator[_Line]:
        style = _STYLES[task.status]
        label = "handler: " if task.handler else ""
        yield _Line(f"{task.status}: [{task.host}] => {label}{task.task}", style)
        if self._diff:
            for change in task.changes:
                yield from _indented(text.change(change), style)
        if task.error is not None:
            yield from _indented(text.located(task), style)
        for note in task.notes:
            yield from _indented(note, "dim")

    @staticmethod
    def _recap(result: RunResult) -> Iterator[_Line]:
        yield from _headline("PLAY RECAP")
        hosts = result.hosts()
        width = max((len(host) for host in hosts), default=0)
        for host, parts in hosts.items():
            counts = _counts(parts)
            cells = " ".join(f"{name}={count:<4}" for name, count in counts.items()).rstrip()
            bad = counts["unreachable"] or counts["failed"]
            style = "red" if bad else "yellow" if counts["changed"] else "green"
            yield _Line(host.ljust(width), style, f" : {cells}")
        if result.interrupted:
            yield _Line("interrupted", "red")

    @staticmethod
    def _print(console: Console, *lines: _Line) -> None:
        """Print lines together; a file or a pipe gets the words alone, without rich, whose work is for terminals."""
        if not console.is_terminal and console.color_system is None:
            console.file.write(redactor.redact("".join(f"{line.words}{line.rest}\n" for line in lines)))
            console.file.flush()
            return
        shown = Text()
        for line in lines:
            shown.append(redactor.redact(line.words), line.style).append(f"{redactor.redact(line.rest)}\n")
        console.print(shown, end="", highlight=False, soft_wrap=True)


def _console(stream: IO[str], color: bool | None) -> Console:
    return Console(file=stream, force_terminal=color or None, no_color=color is False, soft_wrap=True)


def _indented(words: str, style: str) -> Iterator[_Line]:
    for line in words.splitlines():
        yield _Line(f"    {line}", style)


def _headline(words: str) -> Iterator[_Line]:
    yield _Line("")
    yield _Line(f"{words} ".ljust(_WIDTH, "*"), "bold")


def _counts(parts: list[HostResult]) -> dict[str, int]:
    """Count as Ansible's recap does: ``ok`` holds what changed, too."""
    ended = Counter(task.status for part in parts for task in part.tasks)
    errors = Counter(text.kind(part.error) for part in parts if part.error is not None)
    counts = {
        "ok": ended[Status.OK] + ended[Status.CHANGED],
        "changed": ended[Status.CHANGED],
        "unreachable": errors["unreachable"],
        "failed": ended[Status.FAILED] + errors["failed"],
        "skipped": ended[Status.SKIPPED],
        "ignored": ended[Status.IGNORED],
    }
    unknown = ended[Status.UNKNOWN]
    return {**counts, "unknown": unknown} if unknown else counts
