"""The thread that writes logs: what it holds back, what a flush waits for, what a failure costs."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from harness.lab.logs.files import PlainFiles
from harness.lab.logs.spool import Spool

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from harness.lab.logs.files import Files


class SlowLog:
    """A log whose writing takes as long as a test wants."""

    def __init__(self) -> None:
        self.written: list[str] = []
        self.begun = threading.Event()
        self.go_on = threading.Event()

    def write(self, files: Files, rows: Sequence[str]) -> None:
        """Write rows."""
        del files
        self.begun.set()
        self.go_on.wait(5)
        self.written.extend(rows)


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    """A spool."""
    spool = Spool(PlainFiles(tmp_path), "test")
    yield spool
    spool.close()


@pytest.mark.parametrize("waiting", [[], ["waiting"]])
def test_flush_waits_for_what_is_being_written(spool: Spool, waiting: list[str]) -> None:
    """Rows that the thread has already taken are on disk when a flush returns, as are those that waited."""
    log = SlowLog()
    spool.put(log, ["taken"])
    log.begun.wait(5)
    if waiting:
        spool.put(log, waiting, delay=600)
    threading.Timer(0.05, log.go_on.set).start()
    spool.flush()

    assert ["taken", *waiting] == log.written


def test_flush_of_one_log_leaves_the_others(spool: Spool) -> None:
    """They are held back as long as they should be."""
    first, second = SlowLog(), SlowLog()
    for log in (first, second):
        log.go_on.set()
        spool.put(log, ["row"], delay=600)
    spool.flush([first])

    assert (["row"], []) == (first.written, second.written)


def test_delay_is_that_of_the_oldest_row(spool: Spool) -> None:
    """Rows that keep coming don't put it off."""
    log = SlowLog()
    log.go_on.set()
    began = time.monotonic()
    while not log.written and time.monotonic() < began + 5:
        spool.put(log, ["row"], delay=0.1)
        time.sleep(0.01)

    assert 0.1 <= time.monotonic() - began < 5


def test_closing_writes_what_is_left(tmp_path: Path) -> None:
    """However long it was to be held back."""
    spool = Spool(PlainFiles(tmp_path), "test")
    log = SlowLog()
    log.go_on.set()
    spool.put(log, ["row"], delay=600)
    spool.close()

    assert ["row"] == log.written
