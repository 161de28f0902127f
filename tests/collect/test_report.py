"""What a run says of files that can't be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.cli.collectreport import Report
from harness.collect.poll import PollResult
from harness.collect.source import PolledFolder
from harness.errors import FileLockedError, ProtocolFaultError

if TYPE_CHECKING:
    import pytest

SOURCE = PolledFolder("ex01", "EX01 OWA", "OWA", "c$", "Logs", ".*", polling_interval=1, throttle=0)
LOCKED = FileLockedError("a.log is locked", host="ex01", share="c$", path="Logs/a.log")
ODD = ProtocolFaultError("b.log: SMB status 0xc0000279", host="ex01", code=0xC0000279)


def test_each_file_that_is_not_read_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever the reason; it is told again when the file was read meanwhile, and the run counts as failed."""
    report = Report()
    both = PollResult(SOURCE, refused={"Logs/a.log": LOCKED, "Logs/b.log": ODD})
    for result in (both, both, PollResult(SOURCE, refused={"Logs/a.log": LOCKED}), both):
        report.result(result)

    told = [line.partition(": OWA: ")[2] for line in capsys.readouterr().err.splitlines() if "hint" not in line]
    assert told == [LOCKED.message, ODD.message, ODD.message]
    assert report.code == 1
