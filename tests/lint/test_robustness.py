"""Lint says something of every script that parses; it never fails by itself and never runs on and on."""

from __future__ import annotations

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from harness.lab.powershell import parse
from harness.lint.check import script_findings
from harness.lint.commands import Surroundings
from harness.lint.table import table
from harness.lint.values import UNKNOWN, Variables
from harness.source import Source

CASES = Path(__file__).parent.parent / "lab" / "powershell" / "cases"


def _scripts() -> list[str]:
    """Give every script of the language's own cases."""
    found: list[str] = []

    def search(value: object) -> None:
        if isinstance(value, dict):
            found.extend(text for key, text in value.items() if key == "script" and isinstance(text, str))
            for each in value.values():
                search(each)
        elif isinstance(value, list):
            for each in value:
                search(each)

    for path in sorted(CASES.glob("*.yml")):
        for document in YAML(typ="safe").load_all(path):
            search(document)
    return found


@pytest.mark.parametrize("own", [True, False])
def test_every_script_of_the_language_cases(own: bool) -> None:
    """No script of the evaluator's cases makes lint fail, for the oldest platform and the newest."""
    scripts = _scripts()
    assert len(scripts) > 100

    for text in scripts:
        for platform in (table().platforms["2003"], table().platforms["SE"]):
            around = Surroundings(table(), platform, own=own)
            assert all(
                str(each) for each in script_findings(text, around, lambda line, column: Source("t", line, column))
            )


@pytest.mark.timeout(20)
def test_values_that_grow_without_end() -> None:
    """A script that doubles its own text many times over is given up, not computed."""
    script = parse("$a = 'x'\n" + "$a = $a + $a + 'y'\n" * 20 + "& $a")

    values = Variables(script).values(script.end.statements[-1].elements[0].name)

    assert UNKNOWN in values
