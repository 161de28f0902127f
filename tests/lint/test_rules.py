"""Each rule of lint finds what it is for, at the place where it is written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from harness.lab.powershell import parse
from harness.lint import check, samples
from harness.lint.commands import Surroundings, functions
from harness.lint.finding import RULES, Finding, merged
from harness.lint.table import table
from harness.lint.text import Places, template_findings
from harness.remote.powershell import environment
from harness.source import Source

CASES = Path(__file__).parent.parent / "cases" / "lint" / "rules.yml"
LOADED = functions(parse(samples.loaded().text))


@dataclass(frozen=True, slots=True)
class Case:
    """One script and what lint says of it."""

    name: str
    script: str
    versions: tuple[str, ...]
    values: dict[str, Any]
    found: list[str]
    functions: str = ""


def _cases() -> list[Case]:
    document = YAML(typ="safe").load(CASES)
    return [
        Case(
            f"{group}: {name}",
            case["script"],
            tuple(case.get("versions", ["2016"])),
            {"name": "x", **case.get("values", {})},
            case["found"],
            case.get("functions", ""),
        )
        for group, cases in document.items()
        for name, case in cases.items()
    ]


def _lint(case: Case) -> list[str]:
    """Lint a template as `check_templates` does with the shipped ones."""
    findings: list[Finding] = list(template_findings("t", case.script))
    if not {finding.rule for finding in findings} & {"syntax", "subset", "template"}:
        text = environment(CASES.parent).from_string(case.script).render(**case.values)
        places = Places(case.script, text)
        loaded = {**LOADED, **functions(parse(case.functions))}
        for version in case.versions:
            around = Surroundings(table(), table().platforms[version], loaded)
            findings += check.script_findings(
                text, around, lambda line, column: Source("t", line, places.column(line, column))
            )
    return [str(finding).removeprefix("t:") for finding in merged(findings)]


def test_every_rule_has_a_case() -> None:
    """A rule without a case that breaks it has no proof; a case of an unknown rule would be undocumented."""
    everywhere = "".join(path.read_text(encoding="utf-8") for path in CASES.parent.glob("*.yml"))
    proven = {rule for rule in RULES if f"[{rule}]" in everywhere or f"[{rule};" in everywhere}
    elsewhere = {"sample", "platform"}  # in test_templates.py

    assert set(RULES) == proven | elsewhere


@pytest.mark.parametrize("case", _cases(), ids=lambda case: case.name)
def test_rule(case: Case) -> None:
    """Exactly these findings, with line, column, cure and versions."""
    found = _lint(case)

    assert case.found == found
