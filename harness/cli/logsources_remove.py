"""The command `harness logsources remove`: takes away what is named, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from harness.cli.console import with_console
from harness.cli.logsources_plan import output_option, timeout_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.cli.console import ConsoleOptions
    from harness.inventory import Host, Inventory
    from harness.logsource.console.difference import Orphan


@click.command("remove")
@with_console
@click.option(
    "--identifier",
    "identifiers",
    multiple=True,
    metavar="TEXT",
    help="The log source of this identifier, be it of a host or not; may be given more than once.",
)
@click.option("--yes", is_flag=True, help="Don't ask back.")
@timeout_option
@output_option
def remove_command(
    *, options: ConsoleOptions, identifiers: Sequence[str], yes: bool, timeout: float, output: str
) -> int:
    """Remove log sources from the console: those of the hosts of --limit, and those of --identifier.

    They are of the type and protocol that INVENTORY's hosts have. What is to go is shown before anything is asked.

    Exit codes: 0 they are gone, 1 one isn't, 3 bad input and nothing touched, 4 the console was unreachable,
    130 interrupted.
    """
    from harness.cli.console import open_console
    from harness.cli.logsources_plan import outcome_code, progress_of, terminal_of, told_of_interruption
    from harness.errors import InputError
    from harness.logsource.console.difference import unwanted
    from harness.logsource.console.push import Settings, remove
    from harness.report import console as report
    from harness.source import Problem, Source

    if not identifiers and not options.limit:
        hint = "give --limit HOST or --identifier TEXT; --limit all removes those of every host"
        raise InputError([Problem(Source("remove"), "nothing says what is to be removed", hint)])
    terminal = terminal_of(output)
    loaded, chosen = options.load()
    with open_console(options, chosen) as console:
        report.headline(terminal, "LOG SOURCES, REMOVE", str(options.inventory), console)
        pairs = console.pairs({_names(host) for host in loaded.hosts.values()})
        there = unwanted(console.log_sources(type_id for type_id, _ in pairs), pairs)
        going = _chosen(there, chosen if options.limit else (), loaded, identifiers)
        for each in going:
            terminal.styled(f"remove: [{each.identifier}] {each.name!r}, log source {each.id}", "yellow")
        if not going:
            terminal.say("the console has no log source of these hosts")
        elif not yes:
            click.confirm(f"Remove {len(going)} log sources from {console.client.host}?", abort=True, err=True)
        with told_of_interruption(terminal):
            settings = Settings(timeout, progress=progress_of(terminal))
            found = remove(console, going, sorted({type_id for type_id, _ in pairs}), settings)
        report.outcomes(terminal, found)
        if output == "json":
            click.echo(report.document(console, log_sources=[report.outcome_document(each) for each in found]))
    return outcome_code(found, more_failed=False)


def _names(host: Host) -> tuple[str, str]:
    from harness.logsource import wincollect
    from harness.logsource.model import PROTOCOL, TYPE, WINCOLLECT

    own = WINCOLLECT if wincollect.collects(host) else PROTOCOL
    return str(host.get("logsource_type") or TYPE), str(host.get("logsource_protocol") or own)


def _chosen(
    there: Sequence[Orphan], hosts: Sequence[Host], loaded: Inventory, identifiers: Sequence[str]
) -> tuple[Orphan, ...]:
    """Choose what goes: what belongs to the hosts, and what is named.

    Raises:
        InputError: The console has no log source of a name that was given.
    """
    from harness.cli.console import base_of
    from harness.errors import InputError
    from harness.logsource.derive import belongs
    from harness.source import Problem, Source
    from harness.suggest import did_you_mean

    others = {base_of(host).casefold() for host in loaded.hosts.values()} - {base_of(host).casefold() for host in hosts}
    named = {each.casefold() for each in identifiers}
    known = [each.identifier for each in there]
    problems = [
        Problem(Source("--identifier"), f"the console has no log source {each!r}", did_you_mean(each, known))
        for each in identifiers
        if each.casefold() not in {one.casefold() for one in known}
    ]
    if problems:
        raise InputError(problems)
    return tuple(
        each
        for each in there
        if each.identifier.casefold() in named
        or (each.identifier.casefold() not in others and any(belongs(each.identifier, base_of(host)) for host in hosts))
    )
