"""Kill -9 during `harness collect --follow` under load: every line exactly once."""

from __future__ import annotations

import json
import random
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from harness.lab.logwriter import LogWriter

from .conftest import ADDRESS, SMTP, SMTP_HEADER, USER, smtp_row

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

    from .conftest import Collecting

_KILLS = 6
_EACH = 40
_LINES = 20


class Load:
    """Writes numbered rows over SMB into one log after another, holding each open as the transport service does.

    Every tenth row is broken, and every seventh spans lines within its quotes.

    Args:
        port: The server's.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.good: list[int] = []
        self.broken: list[int] = []
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
                hour += 1
                with LogWriter(ADDRESS, self._port, USER, f"{SMTP}/RECV2023112314-{hour}.LOG") as writer:
                    writer.append(SMTP_HEADER)
                    for _ in range(_EACH):
                        self._append(writer)
                        if self._stop.wait(0.01):
                            return
        except BaseException as error:  # noqa: BLE001 - the test looks at it: a sharing violation, above all
            self.failure = error

    def _append(self, writer: LogWriter) -> None:
        """Write some rows in two pieces, so that a reader meets half of one."""
        number = len(self.good) + len(self.broken)
        data = b""
        for each in range(number, number + _LINES):
            if each % 10 == 9:
                data += f"2023-11-23T14:00:01.000Z,broken,{each:08}\r\n".encode()
                self.broken.append(each)
                continue
            text = f'"{each:08}\r\nsecond, line"' if each % 7 == 0 else f"{each:08}"
            data += smtp_row(text)
            self.good.append(each)
        writer.append(data[:-23])
        writer.append(data[-23:])


def lines(path: Path) -> list[str]:
    """The whole lines of a file."""
    text = path.read_text() if path.exists() else ""
    return [line for line in text.splitlines(keepends=True) if line.endswith("\n")]


@contextmanager
def following(collecting: Collecting, output: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run the collector; it is killed in the end."""
    with (collecting.folder / "errors").open("ab") as errors:
        process = collecting.start("--follow", "--interval", "0.1", "--family", "SMTP", "-o", output, err=errors)
        try:
            yield process
        finally:
            process.kill()
            process.communicate()


def live(collecting: Collecting, output: Path, seconds: float) -> bool:
    """Let a collector get somewhere, and kill it so many seconds later.

    Returns:
        Whether it got somewhere.
    """
    before = len(lines(output))
    ends = time.monotonic() + 40
    with following(collecting, output) as process:
        while process.poll() is None and time.monotonic() < ends:
            if len(lines(output)) > before:
                time.sleep(seconds)
                return True
            time.sleep(0.01)
    return False


def test_every_line_comes_exactly_once(collecting: Collecting) -> None:
    """However often it is killed, output and quarantine hold each row once, and the writer is never refused."""
    (collecting.share / SMTP).mkdir(parents=True)
    output = collecting.folder / "events.jsonl"
    quarantine = collecting.folder / "events.jsonl.quarantine.jsonl"
    chance = random.Random(4711)  # noqa: S311 - moments, not secrets
    load = Load(collecting.port)
    load.start()
    try:
        lives = [live(collecting, output, chance.uniform(0, 0.3)) for _ in range(_KILLS)]
    finally:
        load.end()
    with following(collecting, output):
        ends = time.monotonic() + 30
        while len(lines(output)) + len(lines(quarantine)) < len(load.good) + len(load.broken):
            if time.monotonic() > ends:
                break
            time.sleep(0.1)
        time.sleep(0.5)

    assert load.failure is None
    # A kill while it still starts would prove nothing.
    assert [True] * _KILLS == lives, (collecting.folder / "errors").read_text()
    assert load.good == sorted(int(json.loads(line)["fields"]["data"][:8]) for line in lines(output))
    assert load.broken == sorted(int(json.loads(line)["head"][-8:]) for line in lines(quarantine))
