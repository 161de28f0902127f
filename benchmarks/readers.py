"""Readers: both engines beside other ways to read such logs, on the same files in the same run.

Every side does the same job: read the file and find the values of its mapped fields. harness and the loop over
``csv.DictReader`` map them as well; the others only take the columns that mapping needs. Each run is a process of its
own, with one thread where that can be told, and tells how much processor time the work took, of all threads and
without the start of the interpreter, and the most memory that the process had. Programs that aren't Python are
measured from their start to their end.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import generate
from benchmarks.sampler import busiest
from benchmarks.sides import ADVERSARIAL, LARGEST, LEFT_OUT, SIDES, fast
from benchmarks.table import Goal, Measured, Table

if TYPE_CHECKING:
    from collections.abc import Mapping

_SIZE = 200_000_000
_ROUNDS = 3
_MORE_ROUNDS = 2
_CLOSE = ("harness, fast", "csv.reader", "harness, strict", "csv.DictReader, mapped")
"""Sides whose ratio is a goal: they are measured more often."""
_ROWS = 4000
_ONE_THREAD = {"POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "GOMAXPROCS": "1"}

_FAST_RATIO = 3.5
_STRICT_RATIO = 1.3
_MEMORY_MB = 150
_RIVALS = ("miller", "lnav", "syslog-ng", "plaso")
_TITLES = {"msgtrk": "MSGTRK", "smtp": "SMTP", "owa": "OWA"}


def run(scale: float = 1.0) -> list[Table]:
    """Measure the readers.

    Args:
        scale: How much is measured; 1 for figures.
    """
    with tempfile.TemporaryDirectory(prefix="harness-bench-") as name:
        folder = Path(name)
        rounds = max(1, round(_ROUNDS * min(scale * 10, 1)))
        tables = [_format(format_, folder, scale, rounds) for format_ in generate.HEADS]
        return [*tables, _adversarial(folder, max(40, int(_ROWS * scale)))]


def _format(format_: str, folder: Path, scale: float, rounds: int) -> Table:
    """Compare all sides on one format."""
    large = generate.write(folder, format_, int(_SIZE * scale))
    files = {side: _beginning(large, int(LARGEST[side] * scale)) if side in LARGEST else large for side in SIDES}
    found: dict[str, list[dict[str, float]]] = {}
    left_out = dict(LEFT_OUT)
    for number in range(rounds + _MORE_ROUNDS if rounds > 1 else rounds):
        for side, does in SIDES.items():
            if format_ not in does.formats or side in left_out or (number >= rounds and side not in _CLOSE):
                continue
            result = _side(side, format_, files[side])
            if "error" in result:
                left_out[side] = str(result["error"])
            else:
                found.setdefault(side, []).append(result)
    measured = []
    for side, runs in found.items():
        megabytes = files[side].stat().st_size / 1e6
        seconds = tuple(run["seconds"] for run in runs)
        notes: dict[str, object] = {"peak_memory_mb": round(max(run["peak_mb"] for run in runs))}
        measured.append(Measured(side, seconds, megabytes, "MB", notes))
    large_size = large.stat().st_size
    profile = busiest(lambda: fast(str(large), format_))
    large.unlink()
    return Table(
        f"Readers, {_TITLES[format_]}, {large_size / 1e6:.0f} MB",
        tuple(measured),
        _goals(_TITLES[format_], {each.name: each for each in measured}),
        tuple(f"{side}: {why}" for side, why in left_out.items()),
        profile,
    )


def _beginning(large: Path, size: int) -> Path:
    """Give a file with a log's first rows."""
    path = large.parent / str(size) / large.name
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        with large.open("rb") as stream:
            path.write_bytes(stream.read(size).rpartition(b"\n")[0] + b"\n")
    return path


def _goals(title: str, sides: Mapping[str, Measured]) -> tuple[Goal, ...]:
    """Hold the sides against the goals."""
    block, strict = sides["harness, fast"], sides["harness, strict"]
    goals = [
        Goal(
            f"fast engine at least {_FAST_RATIO} times csv.reader, {title}",
            _FAST_RATIO,
            block.rate / sides["csv.reader"].rate,
            bound="finding separators and telling a column's different texts apart, each a pass over memory",
        ),
        Goal(
            f"strict engine at least {_STRICT_RATIO} times csv.DictReader with the mapping done, {title}",
            _STRICT_RATIO,
            strict.rate / sides["csv.DictReader, mapped"].rate,
            bound="the interpreter: a record and an event for each row, and what mapping a row's own texts takes",
        ),
        Goal(
            f"fast engine's memory in MB, {title}",
            _MEMORY_MB,
            float(str(block.notes["peak_memory_mb"])),
            at_most=True,
        ),
    ]
    goals += [
        Goal(f"fast engine ahead of {rival}, {title}", 1.0, block.rate / sides[rival].rate)
        for rival in _RIVALS
        if rival in sides
    ]
    return tuple(goals)


def _adversarial(folder: Path, rows: int) -> Table:
    """Count what each side makes of a log with bad rows."""
    data, good = generate.adversarial(rows)
    path = folder / "MSGTRK2016100409-1.LOG"
    path.write_bytes(data)
    measured, goals = [], []
    for side in ADVERSARIAL:
        result = _side(side, "adversarial", path)
        if "error" in result and not result.get("failed"):
            continue
        given = [str(each) for each in result.get("identifiers", [])]
        lost = len(set(good) - set(given))
        notes = {"good rows lost": lost, "of": len(good), "rows that aren't good": len(given) - len(good) + lost}
        if "error" in result:
            notes |= {"gives up": result["error"]}
        measured.append(Measured(side, (max(float(result.get("seconds", 0)), 1e-6),), len(data) / 1e6, "MB", notes))
        if side.startswith("harness"):
            goals.append(Goal(f"good rows lost by {side}", 0, lost, at_most=True))
    return Table("Readers, a log in which one row in twenty is bad", tuple(measured), tuple(goals))


def _side(side: str, format_: str, path: Path) -> dict[str, object]:
    """Run one side in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.sides", side, format_, str(path)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | _ONE_THREAD,
        cwd=Path(__file__).parent.parent,
    )
    if done.returncode:
        return {"error": (done.stderr.strip().splitlines() or ["it failed"])[-1][:160]}
    result: dict[str, object] = json.loads(done.stdout)
    return result
