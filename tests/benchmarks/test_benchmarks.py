"""Benchmarks still run, and say what they found. How fast anything is isn't tested: such a test fails by chance."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks import __main__ as command
from benchmarks import page, report
from benchmarks.sampler import busiest
from benchmarks.table import Goal, Measured, Table, in_turns

if TYPE_CHECKING:
    from _pytest.mark import ParameterSet

pytestmark = pytest.mark.timeout(300)

TOP = Path(__file__).parent.parent.parent


QUICKEST = ("startup", "smb")
_PROGRAMS = "/usr/sbin:/usr/bin:/sbin:/bin"


def _marked(name: str) -> ParameterSet:
    """Mark a benchmark that takes more than a few seconds even at the smallest sizes."""
    return pytest.param(name, marks=() if name in QUICKEST else pytest.mark.benchmark)


@pytest.fixture(scope="module", params=map(_marked, command.BENCHMARKS))
def quick(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, Any]]:
    """What one benchmark prints and writes with sizes that take seconds."""
    if request.param == "smb" and not (shutil.which("smbclient") and shutil.which("smbd", path=_PROGRAMS)):
        pytest.skip("Samba's server and client aren't both installed")
    output = tmp_path_factory.mktemp("benchmarks") / "figures.json"
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks", request.param, "--quick", "--json", str(output)],
        capture_output=True,
        text=True,
        check=False,
        cwd=TOP,
    )
    assert 0 == ended.returncode, ended.stderr
    return ended.stdout, json.loads(output.read_text(encoding="utf-8"))


def test_every_table_has_sides_and_goals_that_are_told(quick: tuple[str, dict[str, Any]]) -> None:
    """What is written for programs stands on the terminal as well, with the verdict on each goal."""
    printed, written = quick
    (tables,) = written["tables"].values()

    assert tables
    for table in tables:
        assert table["title"] in printed
        assert all(side["median"] > 0 for side in table["measured"]), table
        assert all(goal["text"] in printed for goal in table["goals"])
        assert {True, False} >= {goal["met"] for goal in table["goals"]}
    assert any(table["goals"] for table in tables)


def test_the_machine_and_the_versions_stand_above(quick: tuple[str, dict[str, Any]]) -> None:
    """A figure without them says nothing."""
    printed, written = quick

    assert {"processor", "cores", "memory_mb", "kernel", "python", "load"} == written["machine"].keys()
    assert str(written["machine"]["kernel"]) in printed.splitlines()[0]
    assert written["versions"]["pywinrm"] in printed.splitlines()[1]
    assert "quick: " in printed


def test_a_goal_that_is_not_met_says_what_bounds_it(capsys: pytest.CaptureFixture[str]) -> None:
    """With the places where the time goes; one that is met doesn't need them."""
    sides = (Measured("ours", (1.0, 3.0, 2.0), 10, "MB"),)
    met, missed = Goal("at least 2 MB/s", 2, 5), Goal("at most 4 requests", 4, 6, at_most=True, bound="the sign-in")
    report.table(Table("Good", sides, (met,), profile=("100 % good.py",)))
    report.table(Table("Bad", sides, (met, missed), ("peer: not installed",), profile=("100 % bad.py",)))
    printed = capsys.readouterr().out

    assert "5.0 MB/s" in printed
    assert "met: at least 2 MB/s: 5 (>= 2)" in printed
    assert "NOT MET: at most 4 requests: 6 (<= 4); bound by the sign-in" in printed
    assert "left out: peer: not installed" in printed
    assert ("good.py" in printed, "bad.py" in printed) == (False, True)


def test_sides_take_turns() -> None:
    """What slows the machine for a while slows both."""
    order: list[str] = []
    times = in_turns({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, 3)

    assert ["a", "b"] * 3 == order
    assert {"a": 3, "b": 3} == {name: len(seconds) for name, seconds in times.items()}


def test_the_sampler_finds_where_the_time_goes() -> None:
    """The function that computes is named, and threads that wait aren't."""

    def compute() -> int:
        return sum(number * number for number in range(3_000_000))

    assert "test_benchmarks.py" in busiest(compute)[0]


def test_a_page_gets_the_figures_of_what_was_run_and_keeps_the_rest(tmp_path: Path) -> None:
    """Words around them stay, and so do figures of benchmarks that weren't run."""
    file = tmp_path / "page.md"
    file.write_text(
        "# Page\n\n<!-- figures: fleet -->\nold\n<!-- end -->\nwords\n<!-- figures: smb -->\nkept\n<!-- end -->\n"
    )
    sides = (Measured("ours", (2.0,), 10, "MB", {"requests": 8}),)
    page.write(file, {"fleet": [Table("Hosts", sides, (Goal("at least 2", 2, 1, bound="us"),))]}, "a machine")
    written = file.read_text()

    assert ("# Page" in written, "words" in written, "kept" in written, "old" in written) == (True, True, True, False)
    assert "a machine" in written
    assert "| ours | 2.000 | 5.0 MB/s | requests 8 |" in written
    assert "* NOT MET: at least 2: 1 (>= 2); bound by us" in written
