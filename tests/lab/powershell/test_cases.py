"""The table of language cases: each is a script, what it must print, and the page that says so."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from harness.lab.powershell.host import run_script
from harness.lab.powershell.session import MemoryIO, Session

_FOLDER = Path(__file__).parent / "cases"
_PWSH = shutil.which("pwsh")
_UNDOCUMENTED = "observed behaviour, not documented"


@dataclass(frozen=True, slots=True)
class Case:
    """One row of the table."""

    name: str
    file: str
    script: str
    stdout: str
    error: str
    exit_code: int | None
    versions: tuple[str, ...]
    pwsh: bool
    source: str


def _cases() -> list[Case]:
    found: list[Case] = []
    for path in sorted(_FOLDER.glob("*.yml")):
        table: dict[str, Any] = YAML(typ="safe").load(path.read_text("utf-8"))
        for row in table["cases"]:
            known = {"name", "script", "stdout", "error", "exit", "versions", "pwsh", "page", "source"}

            assert known >= row.keys(), f"{path.name}: {row['name']}: unknown keys {row.keys() - known}"

            versions = tuple(row.get("versions", ("2.0", "5.1")))
            found.append(
                Case(
                    row["name"],
                    path.stem,
                    row["script"],
                    row.get("stdout", ""),
                    row.get("error", ""),
                    row.get("exit"),
                    versions,
                    # PowerShell 7 stands nearest to 5.1; what only 2.0 does can't be replayed there.
                    row.get("pwsh", "5.1" in versions),
                    row.get("source") or row.get("page", table["page"]),
                )
            )
    return found


_CASES = _cases()
_RUNS = [
    pytest.param(case, version, id=f"{case.file}: {case.name} [{version}]")
    for case in _CASES
    for version in case.versions
]


@pytest.mark.parametrize(("case", "version"), _RUNS)
def test_the_evaluator_does_what_the_documentation_says(case: Case, version: str) -> None:
    """A script prints what PowerShell's documentation says, fails where it says so, and fails on nothing else."""
    io = MemoryIO()
    session = Session(io=io, version=version, environment={"COMPUTERNAME": "LAB"})
    code = run_script(case.script, session)
    stderr = io.stderr.decode()

    assert case.stdout == io.stdout.decode().replace("\r\n", "\n"), stderr
    assert (f"FullyQualifiedErrorId : {case.error}" in stderr) if case.error else not stderr, stderr
    assert case.exit_code is None or case.exit_code == code


@pytest.mark.skipif(_PWSH is None, reason="there is no pwsh on the path")
@pytest.mark.parametrize("case", [pytest.param(c, id=f"{c.file}: {c.name}") for c in _CASES if c.pwsh])
def test_a_real_powershell_does_the_same(case: Case) -> None:
    """The table is right: a real PowerShell prints the same."""
    done = subprocess.run(
        [str(_PWSH), "-NoProfile", "-NonInteractive", "-Command", case.script],
        capture_output=True,
        check=False,
        timeout=60,
        stdin=subprocess.DEVNULL,
    )

    assert case.stdout == done.stdout.decode().replace("\r\n", "\n"), done.stderr.decode()
    assert bool(case.error) == bool(done.stderr.strip())


def test_every_case_names_its_source() -> None:
    """A case stands on a page of Microsoft's, or says that none tells."""
    pages = ("https://learn.microsoft.com/powershell/", "https://learn.microsoft.com/dotnet/")
    wrong = [case.name for case in _CASES if not case.source.startswith((*pages, _UNDOCUMENTED))]

    assert [] == wrong
    assert len(_CASES) >= 120


def test_names_of_cases_are_unique() -> None:
    """A failing case can be found by its name."""
    names = [(case.file, case.name) for case in _CASES]

    assert len(set(names)) == len(names)
