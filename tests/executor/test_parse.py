"""`harness parse` on a cluster gives to the byte what it gives in one process."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from harness.cli import parsing
from harness.cli.parse import parse_command
from harness.cli.parsed import Options
from harness.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from dask_cluster import Cluster

    from harness.executor import Executor
    from harness.executor.cluster import DaskExecutor

HEADER = (
    b"#Software: Microsoft Exchange Server\r\n#Version: 15.0.0.0\r\n#Log-type: SMTP Receive Protocol Log\r\n"
    b"#Date: 2023-11-23T14:00:00.000Z\r\n"
    b"#Fields: date-time,connector-id,session-id,sequence-number,local-endpoint,remote-endpoint,event,data,context\r\n"
)
ROW = b"2023-11-23T14:00:01.000Z,EX01\\Default,08DBEC1A2B3C4D5E,%d,10.0.0.7:25,192.0.2.9:4711,>,%s,\r\n"
OPTIONS = Options("auto", "utf-8", (), "json", summary=False, engine="auto", payload=False, source_ip="")
SIZE = 4000


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Logs that are cut into many pieces, some of them in the middle of a quoted value, and other files."""
    for name in ("RANGE", "RANGE_OF_ROWS"):
        monkeypatch.setattr(parsing, name, SIZE)
    forged = b'"' + ROW % (1, b"forged") * 50 + b'"'
    rows = [ROW % (number, b'"two\r\nlines"' if number % 7 == 0 else b"250 hello") for number in range(1500)]
    rows[500] = ROW % (500, forged)
    rows[900] = ROW % (900, b'"never ends')
    rows[1200] = b"no row at all\r\n"
    large = HEADER + b"".join(rows)
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "RECV2023112315-1.LOG").write_bytes(large)
    (tmp_path / "RECV2023112314-1.LOG").write_bytes(b"\xef\xbb\xbf" + large)
    for number in range(20):
        (tmp_path / f"SEND20231123{number:02}-1.LOG").write_bytes(HEADER + ROW % (number, b"250 hello") * number)
    (tmp_path / "SEND2023112399-1.LOG").write_bytes(HEADER + b"no row\r\n")
    (tmp_path / "notes.txt").write_bytes(b"none of ours")
    return tmp_path


def parsed(executor: Executor, folder: Path, out: io.BytesIO) -> list[str]:
    """Show a folder's logs."""
    return [str(problem) for problem in parsing.parse(executor, parsing.find([str(folder)], OPTIONS), OPTIONS, out)]


def test_the_same_to_the_byte(executor: DaskExecutor, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Events, what couldn't be read, counts and problems, all of it in the same order."""
    here, there = io.BytesIO(), io.BytesIO()
    problems = parsed(parsing.LOCAL, folder, here)
    said = capsys.readouterr()

    assert problems == parsed(executor, folder, there)
    assert here.getvalue() == there.getvalue()
    assert said == capsys.readouterr()
    assert [f"{folder}/SEND2023112399-1.LOG: none of the file's rows could be read"] == [
        problem.partition(" (")[0] for problem in problems
    ]
    assert f"{folder}/notes.txt: left out: " in said.err
    assert 2 * 1498 + sum(range(20)) == len(here.getvalue().splitlines())


class _Deadly(io.BytesIO):
    """Kills a worker once there is output."""

    def __init__(self, cluster: Cluster) -> None:
        super().__init__()
        self._cluster = cluster
        self.killed = 0

    def write(self, data: object) -> int:
        if not self.killed:
            self.killed += 1
            self._cluster.kill_worker()
        return super().write(data)  # type: ignore[arg-type]


def test_a_killed_worker_loses_nothing(cluster: Cluster, executor: DaskExecutor, folder: Path) -> None:
    """What it had begun, and what it had done but not handed over, another one does again."""
    here, there = io.BytesIO(), _Deadly(cluster)
    problems = parsed(parsing.LOCAL, folder, here)

    assert problems == parsed(executor, folder, there)
    assert here.getvalue() == there.getvalue()
    assert 1 == there.killed


def test_the_command(cluster: Cluster, folder: Path) -> None:
    """The same command with --executor; a folder that isn't there is told."""
    runner = CliRunner()
    here = runner.invoke(parse_command, [str(folder / "below")])
    there = runner.invoke(parse_command, [str(folder / "below"), "--executor", cluster.address])
    nothing = runner.invoke(parse_command, [str(folder / "nothing"), "--executor", cluster.address])

    assert (0, here.stdout, here.stderr) == (there.exit_code, there.stdout, there.stderr)
    assert 1498 == len(here.stdout.splitlines())
    assert isinstance(nothing.exception, InputError)
