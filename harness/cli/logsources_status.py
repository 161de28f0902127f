"""The command `harness logsources status`: how the console sees each log source, and which one fell silent."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.console import with_console
from harness.cli.logsources_plan import defaults_option, output_option

if TYPE_CHECKING:
    from harness.cli.console import ConsoleOptions

_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}
_AGE = re.compile(r"(\d+)\s*(s|m|min|h|d)")


class _Age(click.ParamType[timedelta]):
    """A length of time: 90s, 30m, 1h, 2d."""

    name = "age"

    def convert(self, value: str | timedelta, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Read it."""
        if isinstance(value, timedelta):
            return value
        match = _AGE.fullmatch(value.strip())
        if match is None:
            self.fail(f"{value!r} isn't a length of time; write 90s, 30m, 1h or 2d", param, ctx)
        return timedelta(seconds=int(match[1]) * _UNITS[match[2]])


@click.command("status")
@with_console
@defaults_option
@click.option(
    "--silent-after",
    type=_Age(),
    default="1h",
    show_default=True,
    metavar="AGE",
    help="A log source whose last event is older fell silent: 90s, 30m, 1h, 2d.",
)
@click.option(
    "--verified",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="What harness verify --output json wrote, to stand beside what the console says.",
)
@output_option
def status_command(
    *, options: ConsoleOptions, defaults: bool, silent_after: timedelta, verified: Path | None, output: str
) -> int:
    """Show the console's state of each log source of INVENTORY's hosts: messages, last event, rate.

    Exit codes: 0 events of all of them come in, 1 one is silent, in error, disabled or missing, 3 bad input, 4 the
    console was unreachable, 130 interrupted.
    """
    from harness.cli.console import define, open_console
    from harness.cli.logsources_plan import terminal_of
    from harness.errors import HostError
    from harness.logsource.console.verified import read
    from harness.logsource.console.watch import watch
    from harness.report import console as report

    terminal = terminal_of(output)
    loaded, chosen = options.load()
    seen = read(verified) if verified is not None else None
    defined = define(options, loaded, chosen, ask=not defaults, say=terminal.notice)
    with open_console(options, chosen) as console:
        report.headline(terminal, "LOG SOURCES, STATUS", str(options.inventory), console)
        sources = defined.sources
        ids = {}
        for name in sorted({source.type for source in sources}):
            found = console.type_id(name)
            if found is None:
                raise HostError(f"{console.client.host} has no log source type {name!r}", host=console.client.host)
            ids[name] = found
        existing = console.log_sources(ids.values())
        now = console.client.now()
        watched = watch(sources, existing, now, silent_after)
        report.watched(terminal, watched, now, seen)
        for host, note in defined.unasked.items():
            terminal.problem(f"{host} is left out: {note}")
        if output == "json":
            shown = [report.watched_document(each, seen) for each in watched]
            click.echo(report.document(console, now=now.isoformat(), log_sources=shown))
    return int(bool(defined.unasked) or any(each.faults for each in watched))
