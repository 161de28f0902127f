"""The command `harness lint`: what scripts would run is checked before any host sees them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.errors import InputError
from harness.source import Problem, Source

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from harness.lint.check import Report


@click.command("lint")
@click.option(
    "-p",
    "--playbook",
    "playbooks",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Check this playbook and its scripts instead of harness's own; can be given several times.",
)
@click.option(
    "--exchange-version",
    "versions",
    multiple=True,
    metavar="VERSION",
    help="Check for this version of Exchange, for example 2010; can be given several times. "
    "Without it harness's own scripts are checked for every version, a playbook's for their syntax.",
)
@click.option(
    "--output",
    type=click.Choice(("text", "json")),
    default="text",
    show_default=True,
    help="For people, or for programs: JSON alone on standard output.",
)
def lint_command(*, playbooks: Sequence[Path], versions: Sequence[str], output: str) -> int:
    """Check scripts without running them: syntax, constructs, cmdlets and parameters, version by version.

    Exit codes: 0 nothing found, 1 something found, 3 bad input, for example a playbook that is wrong in itself.
    """
    report = _playbooks(playbooks, versions) if playbooks else _templates(versions)
    if output == "json":
        click.echo(json.dumps(_document(report), indent=2))
    else:
        for finding in report.findings:
            click.echo(str(finding))
        click.echo(_summary(report))
    return 1 if report.findings else 0


def _templates(names: Sequence[str]) -> Report:
    from harness.exchange.versions import VERSIONS
    from harness.lint.check import check_templates

    _must_be_known(names, VERSIONS)
    return check_templates([VERSIONS[name] for name in names or VERSIONS])


def _playbooks(paths: Sequence[Path], names: Sequence[str]) -> Report:
    from harness.lint.check import check_scripts
    from harness.lint.playbooks import scripts
    from harness.lint.table import table
    from harness.modules.registry import MODULES
    from harness.play.loader import load

    _must_be_known(names, table().platforms)
    playbook = load(paths, MODULES)
    for notice in playbook.notices:
        click.echo(f"note: {notice}", err=True)
    return check_scripts(scripts(playbook), names)


def _must_be_known(names: Sequence[str], known: Collection[str]) -> None:
    wrong = [name for name in names if name not in known]
    if wrong:
        source = Source("--exchange-version")
        hint = "known: " + ", ".join(known)
        raise InputError(Problem(source, f"Exchange {name} isn't known", hint) for name in wrong)


def _summary(report: Report) -> str:
    found = f"{len(report.findings)} found" if report.findings else "nothing found"
    versions = f" for Exchange {', '.join(report.versions)}" if report.versions else ""
    if report.templates:
        return f"{report.templates} templates, rendered to {report.scripts} scripts{versions}: {found}"
    return f"{report.scripts} scripts of playbooks{versions}: {found}"


def _document(report: Report) -> dict[str, object]:
    return {
        "versions": list(report.versions),
        "templates": report.templates,
        "scripts": report.scripts,
        "findings": [
            {
                "file": finding.source.file,
                "line": finding.source.line,
                "column": finding.source.column,
                "rule": finding.rule,
                "message": finding.message,
                "hint": finding.hint,
                "versions": list(finding.versions),
            }
            for finding in report.findings
        ],
    }
