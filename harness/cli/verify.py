"""The command `harness verify`: pytest runs the expectations in this process, and the report is ours."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.executors import executor_options
from harness.cli.interrupts import stopped_by_signals
from harness.cli.options import log_sources_options, mapping_option

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.cli.executors import Where
    from harness.verify.plugin import VerifyPlugin

# What the user set for tests of their own has no say here.
_PYTEST_VARIABLES = ("PYTEST_ADDOPTS", "PYTEST_PLUGINS")
_ALONE = "PYTEST_DISABLE_PLUGIN_AUTOLOAD"
_PARTS_LEFT_OUT = (
    "cacheprovider",
    "doctest",
    "faulthandler",
    "logging",
    "stepwise",
    "terminal",
    "threadexception",
    "unittest",
    "unraisableexception",
    "warnings",
)


@click.command("verify")
@click.argument("inventory", type=click.Path(path_type=Path))
@click.option(
    "-p",
    "--playbook",
    "playbooks",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A playbook whose plays say what to expect; can be given several times. Without it the shipped site.yml.",
)
@click.option("-l", "--limit", help="Only hosts of this pattern: group1:&group2:!host, wildcards.")
@click.option(
    "--expectations",
    type=click.Path(path_type=Path),
    help="A file of expectations, for all hosts. Playbooks count beside it only where -p names them.",
)
@mapping_option
@log_sources_options
@click.option("--junit", type=click.Path(dir_okay=False, path_type=Path), help="Write the results as JUnit XML.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=300.0,
    show_default=True,
    metavar="SECONDS",
    help="For all hosts together.",
)
@click.option("-k", "expression", metavar="EXPR", help="Only expectations whose names match: 'ex01 and probe'.")
@click.option("-x", "--exitfirst", is_flag=True, help="Stop at the first failure.")
@click.option("--update", is_flag=True, help="Rewrite golden cases that differ, and only those.")
@click.option("--forks", default=20, show_default=True, type=click.IntRange(1), help="Hosts at a time.")
@click.option(
    "--output",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="For people, or for programs: JSON alone on standard output.",
)
@executor_options
def verify_command(
    *,
    inventory: Path,
    playbooks: Sequence[Path],
    limit: str | None,
    expectations: Path | None,
    mappings: Sequence[Path],
    definitions: Path | None,
    schema: Path | None,
    junit: Path | None,
    timeout: float,
    expression: str | None,
    exitfirst: bool,
    update: bool,
    forks: int,
    output: str,
    where: Where,
) -> int:
    """Prove that the logs of INVENTORY's hosts arrive as the console will read them.

    Reads the logs over SMB through the hosts' log sources, maps them to events, and asserts what the plays expect under
    verify. Probes make events of their own: a message through the receive connector, a request to /owa/.

    Exit codes: 0 all expectations hold, 1 one doesn't, or none was selected, 3 bad input, 4 hosts were unreachable,
    130 interrupted.
    """
    stop = threading.Event()
    with stopped_by_signals(stop.set) as interrupted:
        from harness.cli.workload import Request, prepare
        from harness.report import verification
        from harness.report.terminal import Terminal
        from harness.verify.plugin import VerifyPlugin
        from harness.verify.results import Outcome, VerifyResult

        terminal = Terminal(sys.stdout if output == "text" else sys.stderr, sys.stderr)
        outcomes: list[Outcome] = []

        def tell(outcome: Outcome) -> None:
            outcomes.append(outcome)
            verification.outcome(terminal, outcome)

        with (
            where.executor() as executor,
            prepare(
                Request(
                    inventory, playbooks, limit, expectations, mappings, timeout, forks, definitions, schema, executor
                ),
                stop=stop,
                notice=terminal.notice,
            ) as prepared,
        ):
            for notice in prepared.notices:
                terminal.notice(notice)
            plugin = VerifyPlugin(prepared.workload, update=update, tell=tell)
            options = _options(junit, expression, exitfirst=exitfirst)
            verification.begin(terminal, str(inventory))
            begun = time.monotonic()
            code = _pytest(options, plugin)
        ended_early = interrupted.is_set() or code == _INTERRUPTED
        result = VerifyResult(outcomes, plugin.seen(), time.monotonic() - begun, ended_early, plugin.updated)
        verification.recap(terminal, result)
        if output == "json":
            click.echo(verification.document(result))
    return _USAGE if code == _PYTEST_USAGE else result.exit_code or int(code not in {0, _NOTHING_COLLECTED})


_INTERRUPTED = 2
_PYTEST_USAGE = 4
_NOTHING_COLLECTED = 5
_USAGE = 3


def _options(junit: Path | None, expression: str | None, *, exitfirst: bool) -> list[str]:
    options = ["--capture=no", "--assert=plain", "--noconftest"]
    for part in _PARTS_LEFT_OUT:
        options += ["-p", f"no:{part}"]
    if junit is not None:
        options += [f"--junit-xml={junit.absolute()}", "-o", "junit_suite_name=harness verify"]
    if expression:
        options += ["-k", expression]
    return [*options, "-x"] if exitfirst else options


def _pytest(options: Sequence[str], plugin: VerifyPlugin) -> int:
    """Run pytest in this process, on nothing but our items: from an empty folder with an empty configuration."""
    import pytest

    with tempfile.TemporaryDirectory(prefix="harness-verify-") as empty, _own_environment():
        config = Path(empty) / "pytest.ini"
        config.write_text("[pytest]\n", encoding="utf-8")
        return int(pytest.main([empty, "-c", str(config), f"--rootdir={empty}", *options], plugins=[plugin]))


@contextmanager
def _own_environment() -> Iterator[None]:
    """Leave out what the environment asks of pytest, and plugins that happen to be installed."""
    before = {name: os.environ.pop(name, None) for name in (*_PYTEST_VARIABLES, _ALONE)}
    os.environ[_ALONE] = "1"
    try:
        yield
    finally:
        os.environ.pop(_ALONE, None)
        os.environ.update({name: value for name, value in before.items() if value is not None})
