"""The commands `harness apply` and `harness plan`: the same run, the one for real, the other in check mode."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from harness.errors import InputError
from harness.source import Problem, Source

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.play.playbook import Playbook
    from harness.play.results import RunResult
    from harness.play.runner import RunHost

F = TypeVar("F", bound="Callable[..., Any]")
_OUTPUT = ("text", "json")


_SHARED = (
    click.argument("inventory", type=click.Path(path_type=Path)),
    click.option(
        "-p",
        "--playbook",
        "playbooks",
        multiple=True,
        type=click.Path(path_type=Path),
        help="A playbook; can be given several times. Without it the shipped site.yml runs.",
    ),
    click.option("-l", "--limit", help="Only hosts of this pattern: group1:&group2:!host, wildcards."),
    click.option("-t", "--tags", help="Only tasks with one of these tags, joined by commas."),
    click.option("--skip-tags", help="No tasks with one of these tags."),
    click.option("-e", "--extra-vars", multiple=True, metavar="KEY=VALUE", help="A variable; it beats all others."),
    click.option("--forks", default=20, show_default=True, type=click.IntRange(1), help="Hosts at a time."),
    click.option("--diff/--no-diff", default=None, help="Show each change in full."),
    click.option(
        "--output",
        type=click.Choice(_OUTPUT),
        default="text",
        show_default=True,
        help="For people, or for programs: JSON alone on standard output.",
    ),
)


def _options(function: F) -> F:
    """Give a command the options that `apply` and `plan` share."""
    for option in reversed(_SHARED):
        function = option(function)
    return function


@click.command("apply")
@_options
@click.option("--check", is_flag=True, help="Change nothing; say what would be changed.")
def apply_command(*, check: bool, **options: Any) -> int:  # noqa: ANN401  click's own options
    """Configure the hosts of INVENTORY.

    Exit codes: 0 done, 1 something failed, 3 bad input and nothing touched, 4 a host was unreachable, 130 interrupted.
    """
    return _run(check=check, **options).exit_code


@click.command("plan")
@_options
def plan_command(**options: Any) -> int:  # noqa: ANN401  click's own options
    """Show what `harness apply INVENTORY` would change, and change nothing.

    Exit codes: 0 nothing to change, 2 something would change, 1 something failed, 3 bad input,
    4 a host was unreachable, 130 interrupted.
    """
    if options["diff"] is None:
        options["diff"] = True
    result = _run(check=True, **options)
    return result.exit_code or (2 if result.changed else 0)


def _run(
    *,
    inventory: Path,
    playbooks: Sequence[Path],
    limit: str | None,
    tags: str | None,
    skip_tags: str | None,
    extra_vars: Sequence[str],
    forks: int,
    diff: bool | None,
    output: str,
    check: bool,
) -> RunResult:
    """Read everything, then run; wrong input ends it before a host is touched."""
    from harness.cli import hosts as ready
    from harness.cli.interrupts import stopped_by_signals
    from harness.cli.lab import lab_of
    from harness.inventory import load as load_inventory
    from harness.modules.registry import MODULES
    from harness.play.runner import Options, Runner
    from harness.report import document
    from harness.report.terminal import Terminal

    terminal = Terminal(sys.stdout if output == "text" else sys.stderr, sys.stderr, diff=bool(diff))
    values = extra(extra_vars)
    problems: list[Problem] = []
    loaded = _collect(problems, lambda: load_inventory(inventory, extra=values))
    playbook = _collect(problems, lambda: _playbook(playbooks))
    if loaded is None or playbook is None:
        raise InputError(problems)
    chosen = loaded.select(limit)
    patterns = {play.hosts: loaded.select(play.hosts, source=play.source) for play in playbook.plays}
    _check_tags(playbook, _words(tags))
    for notice in (*loaded.notices, *playbook.notices):
        terminal.notice(f"note: {notice}")
    wanted = [host for host in chosen if any(host in hosts for hosts in patterns.values())]
    if not wanted:
        raise InputError([Problem(Source("--limit" if limit else str(inventory)), "no host is left to work on")])
    with lab_of(wanted, inventory) as lab:
        by_name = ready.run_hosts(wanted, loaded, values, lab)

        def hosts_of(pattern: str) -> list[RunHost]:
            return [by_name[host.name] for host in chosen if host in patterns[pattern]]

        options = Options(check=check, forks=forks, tags=_words(tags), skip_tags=_words(skip_tags))
        runner = Runner(MODULES, terminal, options)
        with stopped_by_signals(runner.stop):
            result = runner.run(playbook, hosts_of)
    if output == "json":
        click.echo(document.run(result))
    return result


T = TypeVar("T")


def _collect(problems: list[Problem], read: Callable[[], T]) -> T | None:
    """Read one of the user's files and keep its problems, so that those of the next file show as well."""
    try:
        return read()
    except InputError as error:
        problems += error.problems
        return None


def _playbook(paths: Sequence[Path]) -> Playbook:
    from harness import resources
    from harness.modules.registry import MODULES
    from harness.play.loader import load

    return load(paths or [resources.folder("playbooks") / "site.yml"], MODULES)


def extra(pairs: Sequence[str]) -> dict[str, str]:
    """Read the options ``-e KEY=VALUE``.

    Args:
        pairs: As they were given.

    Raises:
        InputError: One isn't a pair; the message names them all.
    """
    wrong = [pair for pair in pairs if "=" not in pair]
    if wrong:
        raise InputError(Problem(Source("--extra-vars"), f"{pair!r} is not KEY=VALUE") for pair in wrong)
    return dict(pair.split("=", 1) for pair in pairs)


def _check_tags(playbook: Playbook, tags: frozenset[str]) -> None:
    """Refuse a tag that no task has: with a misspelt one nothing would run, and that would look like success."""
    from harness.suggest import did_you_mean

    known = {tag for play in playbook.plays for task in play.tasks for tag in task.tags}
    known |= {"all", "tagged", "untagged", "always", "never"}
    wrong = sorted(tags - known)
    if wrong:
        raise InputError(
            Problem(Source("--tags"), f"no task has the tag {tag!r}", did_you_mean(tag, known)) for tag in wrong
        )


def _words(text: str | None) -> frozenset[str]:
    return frozenset(word.strip() for word in (text or "").split(",") if word.strip())
