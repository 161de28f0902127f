"""The command `harness logsources event-map`: the event ids of the logs that the console would call unknown."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.console import with_console
from harness.cli.logsources_plan import output_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.cli.console import ConsoleOptions


@click.command("event-map")
@with_console
@click.option(
    "--events",
    "files",
    multiple=True,
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="JSON lines that harness collect or harness parse wrote; may be given more than once.",
)
@click.option(
    "--family",
    "families",
    multiple=True,
    type=click.Choice(["OWA", "SMTP", "MSGTRK"]),
    help="Only event ids of this family; may be given more than once.",
)
@output_option
def event_map_command(*, options: ConsoleOptions, files: Sequence[Path], families: Sequence[str], output: str) -> int:
    """Compare the event ids of collected events with the console's mappings for INVENTORY's log source type.

    Exit codes: 0 the console knows them all, 1 it doesn't know one or there is none, 3 bad input, 4 the console was
    unreachable.
    """
    from harness.cli.console import open_console
    from harness.cli.logsources_plan import terminal_of
    from harness.errors import HostError
    from harness.logsource.console import eventmap
    from harness.logsource.model import TYPE
    from harness.report import console as report

    terminal = terminal_of(output)
    _, chosen = options.load()
    seen = [each for each in eventmap.read_events(files) if not families or each.family in families]
    with open_console(options, chosen) as console:
        report.headline(terminal, "LOG SOURCES, EVENT IDS", str(options.inventory), console)
        mappings = []
        for name in sorted({str(host.get("logsource_type") or TYPE) for host in chosen}):
            type_id = console.type_id(name)
            if type_id is None:
                raise HostError(f"{console.client.host} has no log source type {name!r}", host=console.client.host)
            mappings += console.event_mappings(type_id)
        wanted = {each.id for each in seen}
        records = console.qid_records(
            each["qid_record_id"]
            for each in mappings
            if each.get("log_source_event_id") in wanted and isinstance(each.get("qid_record_id"), int)
        )
        mapped = eventmap.compare(seen, mappings, records)
        report.mapped(terminal, mapped)
        if not seen:
            terminal.problem("the files hold no event, so nothing is compared")
        if any(each.seen.family in eventmap.BELIEVED and not each.known for each in mapped):
            terminal.notice(
                "note: how the console makes ids of OWA and SMTP lines isn't published; these are harness's mapping"
            )
        if output == "json":
            click.echo(report.document(console, event_ids=[report.mapped_document(each) for each in mapped]))
    return int(not seen or any(not each.known for each in mapped))
