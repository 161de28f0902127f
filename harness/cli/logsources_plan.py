"""The commands `harness logsources plan` and `push`: what differs on the console, and bringing it in line."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from harness.cli.console import with_console

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from harness.cli.console import ConsoleOptions, Defined
    from harness.inventory import Host, Inventory
    from harness.logsource.console.api import Console
    from harness.logsource.console.difference import Plan
    from harness.logsource.console.push import Outcome
    from harness.logsource.schema import Schema
    from harness.report.terminal import Terminal
    from harness.source import Problem

_WOULD_CHANGE = 2

output_option = click.option(
    "--output",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="For people, or for programs: JSON alone on standard output.",
)
defaults_option = click.option(
    "--defaults", is_flag=True, help="Don't ask the hosts where their logs are; their versions' default folders count."
)
timeout_option = click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=600.0,
    show_default=True,
    metavar="SECONDS",
    help="How long the console's work on one request, and a deploy, are followed.",
)
_passwords_option = click.option(
    "--update-passwords",
    is_flag=True,
    help="Send the passwords to log sources that are there already, too; they can't be compared.",
)


@dataclass(frozen=True, slots=True)
class _Compared:
    """What a comparison found, with what push needs beside it."""

    plan: Plan
    schema: Schema
    defined: Defined
    notes: tuple[str, ...]


@click.command("plan")
@with_console
@defaults_option
@_passwords_option
@output_option
def plan_command(*, options: ConsoleOptions, defaults: bool, update_passwords: bool, output: str) -> int:
    """Show how the console's log sources differ from those of INVENTORY's hosts, field by field.

    Exit codes: 0 nothing would change, 2 something would, 1 a host couldn't be asked or a log source can't be made so,
    3 bad input, 4 the console was unreachable, 130 interrupted.
    """
    from harness.cli.console import open_console
    from harness.report import console as report

    terminal = terminal_of(output)
    loaded, chosen = options.load()
    defined = _define(options, loaded, chosen, terminal, ask=not defaults)
    with open_console(options, chosen) as console:
        report.headline(terminal, "LOG SOURCES, PLAN", str(options.inventory), console)
        compared = _compare(console, defined, update_passwords=update_passwords)
        report.plan(terminal, compared.plan)
        _tell(terminal, compared, options)
        if compared.plan.items:
            terminal.notice("note: passwords can't be compared; push --update-passwords sends them anew")
        if output == "json":
            click.echo(report.document(console, **report.plan_document(compared.plan, defined.unasked)))
    return _plan_code(compared)


@click.command("push")
@with_console
@defaults_option
@_passwords_option
@click.option("--deploy", is_flag=True, help="Deploy afterwards where the console says that a log source needs it.")
@timeout_option
@output_option
def push_command(
    *, options: ConsoleOptions, defaults: bool, update_passwords: bool, deploy: bool, timeout: float, output: str
) -> int:
    """Create and update the console's log sources so that they are those of INVENTORY's hosts.

    A log source is found by type, protocol and identifier; its id stays, and what harness doesn't manage is left alone.
    Nothing is removed. Run it again whenever it was interrupted.

    Exit codes: 0 all are as they should be, 1 one isn't, 3 bad input, 4 the console was unreachable, 130 interrupted.
    """
    from harness.cli.console import open_console, passwords
    from harness.logsource.console.difference import Action
    from harness.logsource.console.push import Settings, push
    from harness.report import console as report

    terminal = terminal_of(output)
    loaded, chosen = options.load()
    defined = _define(options, loaded, chosen, terminal, ask=not defaults)
    with open_console(options, chosen) as console:
        report.headline(terminal, "LOG SOURCES, PUSH", str(options.inventory), console)
        compared = _compare(console, defined, update_passwords=update_passwords)
        changed = compared.plan.having(Action.CREATE, Action.UPDATE)
        signing_in = {
            item.wanted.source.host
            for item in (changed if update_passwords else compared.plan.having(Action.CREATE))
            if any(parameter.is_password for parameter in item.wanted.parameters)
        }
        secrets = {**defined.accounts, **passwords([host for host in chosen if host.name in signing_in])}
        settings = Settings(timeout, update_passwords=update_passwords, progress=progress_of(terminal))
        with told_of_interruption(terminal):
            found = push(console, compared.plan, compared.schema, secrets, settings)
        report.outcomes(terminal, found)
        _tell(terminal, compared, options)
        parts: dict[str, Any] = {
            "log_sources": [report.outcome_document(each) for each in found],
            **report.beside_document(compared.plan, defined.unasked),
        }
        code = outcome_code(found, bool(defined.unasked))
        if changed or deploy:
            parts["deploy"], bad = _deploy(console, found, terminal, timeout, wanted=deploy)
            code = code or int(bad)
        if output == "json":
            click.echo(report.document(console, **parts))
    return code


def terminal_of(output: str) -> Terminal:
    """Give the terminal; standard output is left to the document where JSON is wanted."""
    from harness.report.terminal import Terminal

    return Terminal(sys.stdout if output == "text" else sys.stderr, sys.stderr)


def progress_of(terminal: Terminal) -> Callable[[int, int], None]:
    """Give what tells the terminal how many operations are done, once for each number."""
    said: set[tuple[int, int]] = set()

    def told(done: int, of: int) -> None:
        if done and (done, of) not in said:
            said.add((done, of))
            terminal.notice(f"the console has done {done} of {of}")

    return told


def outcome_code(found: Sequence[Outcome], more_failed: bool) -> int:
    """Give the exit code: 4 where the console couldn't be reached for any that failed, 1 where one failed."""
    from harness.errors import UnreachableError
    from harness.logsource.console.push import GOOD

    bad = [each for each in found if each.status not in GOOD]
    if bad and all(isinstance(each.error, UnreachableError) for each in bad):
        return UnreachableError.exit_code
    return int(bool(bad) or more_failed)


@contextmanager
def told_of_interruption(terminal: Terminal) -> Iterator[None]:
    """Say what Ctrl-C leaves behind, and let it through."""
    try:
        yield
    except KeyboardInterrupt:
        terminal.problem("interrupted; the console goes on with what it was told. Run again: nothing is doubled")
        raise


def _define(
    options: ConsoleOptions,
    loaded: Inventory,
    chosen: Sequence[Host],
    terminal: Terminal,
    *,
    ask: bool,
) -> Defined:
    from harness.cli.console import define

    for notice in loaded.notices:
        terminal.notice(f"note: {notice}")
    return define(options, loaded, chosen, ask=ask, say=terminal.notice)


def _compare(console: Console, defined: Defined, *, update_passwords: bool) -> _Compared:
    from harness.errors import InputError
    from harness.logsource import wincollect
    from harness.logsource.console.difference import Plan, compare, orphans
    from harness.logsource.resolve import resolve

    schema = console.schema(defined.sources)
    old = {source.host for source in defined.sources if wincollect.collects(defined.hosts[source.host])}
    agents, places = (console.agents(), console.destinations()) if old else ([], [])
    problems: list[Problem] = []
    wanted = []
    for source in defined.sources:
        try:
            wanted.append(
                wincollect.resolved(source, defined.hosts[source.host], schema, agents, places)
                if source.host in old
                else resolve(source, schema)
            )
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(dict.fromkeys(problems))
    existing = console.log_sources(each.fields["type_id"] for each in wanted)
    items = compare(wanted, existing, schema, update_passwords=update_passwords)
    plan = Plan(items, orphans(items, existing, defined.ours, defined.bases))
    notes = tuple(filter(None, (wincollect.note(defined.hosts[host], agents) for host in sorted(old))))
    return _Compared(plan, schema, defined, notes)


def _tell(terminal: Terminal, compared: _Compared, options: ConsoleOptions) -> None:
    """Say what the user should know beside the result."""
    from harness.report import console as report

    for host, why in compared.defined.unasked.items():
        terminal.problem(f"{host} is left out: {why}")
    report.orphans(terminal, compared.plan.orphans, str(options.inventory))
    for note in compared.notes:
        terminal.notice(f"note: {note}")
    left_out = {label for item in compared.plan.items for label in item.wanted.left_out}
    if left_out:
        terminal.notice(f"note: the console's protocol has no {', '.join(sorted(left_out))}; left out")


def _plan_code(compared: _Compared) -> int:
    from harness.logsource.console.difference import Action

    if compared.plan.having(Action.CREATE, Action.UPDATE):
        return _WOULD_CHANGE
    return int(bool(compared.plan.having(Action.REFUSE) or compared.defined.unasked))


def _deploy(
    console: Console, found: Sequence[Outcome], terminal: Terminal, seconds: float, *, wanted: bool
) -> tuple[dict[str, Any], bool]:
    """Deploy where it is wanted and needed; gives what happened, and whether it failed."""
    from harness.logsource.console.deploy import deploy, needed
    from harness.report import console as report

    types = {each.item.wanted.fields["type_id"] for each in found if each.item is not None}
    ours = [each.id for each in found if each.id is not None]

    def waiting() -> int:
        return len(needed(console.log_sources(types), ours))

    ids = needed(console.log_sources(types), ours)
    shown: dict[str, Any] = {"needed_by": list(ids), "done": None}
    if not ids:
        if wanted:
            terminal.say("no log source needs a deploy")
        return shown, False
    if not wanted:
        terminal.notice(f"note: {len(ids)} log sources count only after a deploy: run again with --deploy")
        return shown, False
    result = deploy(console, waiting, seconds=seconds, progress=terminal.notice)
    report.deployed(terminal, result)
    return {**shown, "done": result.done, "message": result.sentence}, not result.done
