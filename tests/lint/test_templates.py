"""The shipped templates are fine for every version, and one that isn't is found, whatever is wrong with it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from ruamel.yaml import YAML

from harness import resources
from harness.exchange.versions import DEFAULT, VERSIONS
from harness.lint.check import Report, check_templates
from harness.modules.registry import MODULES
from harness.remote import batch, powershell

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.exchange.versions import Version

CASES = Path(__file__).parent.parent / "cases" / "lint" / "broken.yml"
SHIPPED = resources.folder("templates")


@dataclass(frozen=True, slots=True)
class Case:
    """One mistake in one template."""

    name: str
    template: str
    before: str
    after: str
    found: list[str]
    version: str = "2016"


def _cases() -> list[Case]:
    return [Case(name, **case) for name, case in YAML(typ="safe").load(CASES).items()]


def _version(name: str) -> Version:
    """Give a version; 2016's cmdlets under another name where harness doesn't support that one."""
    return VERSIONS.get(name) or replace(DEFAULT, name=name)


def _lines(report: Report) -> list[str]:
    return [str(finding).removeprefix("templates/powershell/") for finding in report.findings]


def _forget() -> None:
    """Have the templates read again."""
    for kept in (batch.prelude, powershell.environment, powershell.rendered):
        kept.cache_clear()


@pytest.fixture
def templates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give a copy of the templates, which harness uses instead of its own."""
    shutil.copytree(SHIPPED, tmp_path / "templates")
    monkeypatch.setattr(resources, "folder", tmp_path.joinpath)
    _forget()
    yield tmp_path / "templates" / "powershell"
    _forget()


def test_shipped_templates_are_fine() -> None:
    """Nothing is found in any template for any version that harness supports, and every template is rendered."""
    report = check_templates()

    assert [] == [str(finding) for finding in report.findings]
    assert tuple(VERSIONS) == report.versions
    assert len(list((SHIPPED / "powershell").glob("*.ps1*"))) == report.templates


@pytest.mark.parametrize("case", _cases(), ids=lambda case: case.name)
def test_mistake_in_a_shipped_template(case: Case, templates: Path) -> None:
    """One mistake gives exactly its findings, by file, line and column, beside what was there before."""
    version = _version(case.version)
    before = _lines(check_templates([version]))
    path = templates / case.template
    text = path.read_text(encoding="utf-8")
    assert case.before in text
    path.write_text(text.replace(case.before, case.after, 1), encoding="utf-8")
    _forget()

    found = [line for line in _lines(check_templates([version])) if line not in before]

    assert case.found == found


def test_cmdlet_that_a_module_names_by_value() -> None:
    """A cmdlet that comes into a template as a value is checked like one that stands in it."""
    version = replace(DEFAULT, name="2007")

    found = _lines(check_templates([version]))

    expected = "Set-TransportService exists in Exchange 2013 and later only [cmdlet; Exchange 2007]"
    assert f"message_tracking.write.ps1.j2:3:3: {expected}" in found


def test_template_without_a_sample(templates: Path) -> None:
    """A template that no sample renders is found, so that none goes unchecked."""
    (templates / "new.read.ps1.j2").write_text("Get-Service\n", encoding="utf-8")

    (line,) = _lines(check_templates())

    assert line.startswith("new.read.ps1.j2: no sample renders this template, so nothing is proven of it (")


def test_module_without_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that has no sample is found."""
    monkeypatch.setitem(MODULES, "new", MODULES["service"])

    (line,) = _lines(check_templates())

    assert line == "harness/lint/samples.py: the module new has no sample, so its scripts aren't checked [sample]"


def test_version_without_a_platform() -> None:
    """A version of Exchange that the table doesn't know is found, not passed over."""
    found = _lines(check_templates([replace(DEFAULT, name="2031")]))

    assert "harness/lint/added.toml: the table doesn't say what Exchange 2031 runs on [platform]" in found
