"""What people see: on a screen, in a file."""

import io
import re
import time

from harness.play.events import HostAdvanced, HostFinished, PlayStarted, RunFinished
from harness.play.results import HostResult, PlayResult, RunResult, Status, TaskResult
from harness.report.terminal import Terminal
from harness.source import Source

_SOURCE = Source("site.yml", 3)
_TASK = TaskResult("ex01", "[bold]mail :smile: [/x]", "message_tracking", _SOURCE, Status.OK)
_RESULT = HostResult("ex01", (_TASK,), notes=("it [is] old",))
_ALL = RunResult((PlayResult("all", _SOURCE, (_RESULT,)),), check=False)


def _run(terminal: Terminal) -> None:
    terminal.handle(PlayStarted("all", ("ex01",)))
    terminal.handle(HostAdvanced("ex01", "reading", 1))
    time.sleep(0.3)  # the line that shows progress is drawn ten times a second
    terminal.handle(HostFinished(_RESULT))
    terminal.handle(RunFinished(_ALL))


def test_a_file_gets_the_words_as_they_are() -> None:
    """Names are words, whatever they look like, and nothing is coloured."""
    output, errors = io.StringIO(), io.StringIO()

    _run(Terminal(output, errors))

    recap = "ex01 : ok=1    changed=0    unreachable=0    failed=0    skipped=0    ignored=0"
    assert [
        "",
        "PLAY [all] ".ljust(78, "*"),
        "note: [ex01] it [is] old",
        "ok: [ex01] => [bold]mail :smile: [/x]",
        "",
        "PLAY RECAP ".ljust(78, "*"),
        recap,
    ] == output.getvalue().splitlines()
    assert errors.getvalue() == ""


def test_progress_makes_way_for_results_on_a_screen() -> None:
    """No result shares a line of the screen with the progress that stood there, and names stay as they are."""
    screen = io.StringIO()

    _run(Terminal(screen, screen, color=True))

    # What is on a line of the screen is what was written since it was last wiped.
    lines = [re.split(r"\x1b\[2K", line)[-1] for line in screen.getvalue().split("\n")]
    plain = [re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", line).strip("\r") for line in lines]
    assert "reading" in screen.getvalue()
    assert "ok: [ex01] => [bold]mail :smile: [/x]" in plain
    assert "note: [ex01] it [is] old" in plain
