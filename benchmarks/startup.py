"""Start-up: `harness --help` beside an interpreter that does nothing."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path

from benchmarks.table import Goal, Measured, Table, in_turns, ratio

_ROUNDS = 40
_FACTOR = 8.0


def run(scale: float = 1.0) -> list[Table]:
    """Measure start-up.

    Args:
        scale: How much is measured; 1 for figures.
    """
    harness = str(Path(sys.executable).with_name("harness"))
    commands = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "harness --help": [harness, "--help"],
        "harness apply --help": [harness, "apply", "--help"],
    }
    times = in_turns({name: partial(_run, command) for name, command in commands.items()}, max(2, int(_ROUNDS * scale)))
    nothing = times["python -c pass"]
    return [
        Table(
            "Start-up",
            tuple(
                Measured(name, seconds, notes={"times python": round(ratio(seconds, nothing), 2)})
                for name, seconds in times.items()
            ),
            (
                Goal(
                    "harness --help at most 8 times python -c pass",
                    _FACTOR,
                    ratio(times["harness --help"], nothing),
                    at_most=True,
                    bound="the import of click",
                ),
            ),
        )
    ]


def _run(command: list[str]) -> None:
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
