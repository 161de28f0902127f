"""Kill -9 while collecting under load: every line exactly once."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.lab.logwriter import LogWriter

from .conftest import ADDRESS, ADMIN, Lab

if TYPE_CHECKING:
    from collections.abc import Iterator

_TOP = Path(__file__).parents[2]
_KILLS = 6


class Load:
    """Writes numbered lines through SMB into one log after another, holding each open as a service does."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.written = 0
        self.failure: BaseException | None = None

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def end(self) -> None:
        """Write no more."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            hour = 0
            while not self._stop.is_set():
                path = f"Logs/RECV2023112314-{hour}.LOG"
                hour += 1
                with LogWriter(ADDRESS, self._lab.server.port, ADMIN, path) as writer:
                    for _ in range(40):
                        self._append(writer)
                        if self._stop.wait(0.005):
                            return
        except BaseException as error:  # noqa: BLE001 - the test looks at it: a sharing violation, above all
            self.failure = error

    def _append(self, writer: LogWriter) -> None:
        """Write some lines in two pieces, so that a reader meets half of one."""
        text = "".join(f"{number:08} {'x' * (number % 90)}\r\n" for number in range(self.written, self.written + 25))
        writer.append(text[:-9].encode())
        writer.append(text[-9:].encode())
        self.written += 25


@contextmanager
def collecting(
    lab: Lab, folder: Path, interval: float = 0.02, kept: str = "state"
) -> Iterator[subprocess.Popen[bytes]]:
    """Run the collector; it is killed in the end."""
    arguments = [
        ADDRESS,
        str(lab.server.port),
        ADMIN.name,
        str(folder / "p.db"),
        str(folder / "out"),
        str(interval),
        kept,
    ]
    with (folder / "errors").open("ab") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.smb.collector", *arguments],
            cwd=_TOP,
            stdin=subprocess.PIPE,
            stderr=errors,
        )
        assert process.stdin is not None
        process.stdin.write(f"{ADMIN.password}\n".encode())
        process.stdin.close()
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def numbers(output: Path) -> list[int]:
    """The numbers of the lines that were collected; a last line that is still being written isn't counted."""
    text = output.read_text() if output.exists() else ""
    return [int(line[:8]) for line in text.splitlines(keepends=True) if line.endswith("\n")]


@pytest.mark.parametrize("kept", ["state", "position"])
def test_every_line_comes_exactly_once(samba: Lab, tmp_path: Path, kept: str) -> None:
    """However often the collector is killed, its output has each line once; the writer is never refused."""
    (samba.folder() / "Logs").mkdir()
    load = Load(samba)
    chance = random.Random(4711)  # noqa: S311 - moments, not secrets
    output = tmp_path / "out"
    load.start()
    try:
        lives = [live(samba, tmp_path, chance.uniform(0, 0.15), kept) for _ in range(_KILLS)]
    finally:
        load.end()
    with collecting(samba, tmp_path, kept=kept) as process:
        deadline = time.monotonic() + 20
        while len(numbers(output)) < load.written and time.monotonic() < deadline:
            assert process.poll() is None, (tmp_path / "errors").read_text()
            time.sleep(0.05)

    assert load.failure is None
    assert lives == [True] * _KILLS, (tmp_path / "errors").read_text()
    assert (tmp_path / "errors").read_text() == ""
    assert list(range(load.written)) == sorted(numbers(output))


def live(lab: Lab, folder: Path, seconds: float, kept: str) -> bool:
    """Let a collector get somewhere, and kill it so many seconds later.

    Returns:
        Whether it got somewhere; a kill while it still starts would prove nothing.
    """
    output = folder / "out"
    before = len(numbers(output))
    deadline = time.monotonic() + 20
    with collecting(lab, folder, kept=kept) as process:
        while process.poll() is None and time.monotonic() < deadline:
            if len(numbers(output)) > before:
                time.sleep(seconds)
                return True
            time.sleep(0.01)
    return False


def test_an_interrupt_ends_it_at_once(samba: Lab, tmp_path: Path) -> None:
    """Ctrl-C doesn't wait for the polling interval, and what was read stays read."""
    samba.write("Logs/a.LOG", b"00000000 one\r\n")
    with collecting(samba, tmp_path, interval=60) as process:
        deadline = time.monotonic() + 10
        while not numbers(tmp_path / "out") and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        started = time.monotonic()
        process.wait(10)

    assert time.monotonic() - started < 5
    assert numbers(tmp_path / "out") == [0]
    assert (tmp_path / "errors").read_text().splitlines()[-1] == "KeyboardInterrupt"
