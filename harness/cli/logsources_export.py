"""The command `harness logsources export`: the definitions of an inventory's hosts, for a console or for people."""

from __future__ import annotations

import sys
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from harness.errors import HarnessError, InputError
from harness.source import Problem, Source

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.inventory import Host, Inventory
    from harness.logsource.extension import ClientSource, Username
    from harness.logsource.model import LogSource
    from harness.logsource.resolve import Resolved
    from harness.logsource.schema import Schema
    from harness.report.terminal import Terminal

Form = Literal["json", "csv", "checklist", "lsx", "template"]


@dataclass(frozen=True, slots=True)
class _Options:
    """What the user asked for."""

    inventory: Path
    form: Form
    limit: str | None
    output: Path | None
    schema: Path | None
    ask: bool
    template: Path | None
    username: Username | None
    source: ClientSource | None


@click.command("export")
@click.argument("inventory", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(["json", "csv", "checklist", "lsx", "template"]),
    default="json",
    show_default=True,
    help="What the REST API takes, a table, pages to print and type off, a log source extension, a template's output.",
)
@click.option("-l", "--limit", help="Only hosts of this pattern: group1:&group2:!host, wildcards.")
@click.option(
    "-o",
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write to this file instead of standard output.",
)
@click.option(
    "--console-schema",
    "schema",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="What the console answered for its log source types and protocols; its ids and names are written.",
)
@click.option("--offline", is_flag=True, help="Don't ask the hosts where their logs are; take the default folders.")
@click.option(
    "--template",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="A Jinja2 file of your own, for the format template.",
)
@click.option("--username", type=click.Choice(["sender"]), help="lsx: the username is the sender, not the recipients.")
@click.option(
    "--source",
    type=click.Choice(["original-client-ip"]),
    help="lsx: the source address is that of the true client, not of the server before.",
)
def export_command(  # noqa: PLR0917 - options of a command are its arguments
    inventory: Path,
    form: Form,
    limit: str | None,
    out: Path | None,
    schema: Path | None,
    offline: bool,
    template: Path | None,
    username: Username | None,
    source: ClientSource | None,
) -> int:
    """Write the log source definitions of INVENTORY's hosts. No password is ever written, only where it is kept.

    Folders are read off the hosts; a host that doesn't answer gets its version's defaults, and a note says so.

    Exit codes: 0 written, 3 bad input, or a name that the console doesn't know.
    """
    options = _Options(inventory, form, limit, out, schema, not offline, template, username, source)
    _check(options)
    text = _extension(options) if form == "lsx" else _definitions(options)
    _write(options, text)
    return 0


def _check(options: _Options) -> None:
    """Refuse options that don't go together.

    Raises:
        InputError: All of them.
    """
    problems = []

    def refuse(option: str, message: str, hint: str = "") -> None:
        problems.append(Problem(Source(option), message, hint))

    if options.form == "template" and options.template is None:
        refuse("--format", "which template?", "give --template FILE")
    if options.form != "template" and options.template is not None:
        refuse("--template", f"the format {options.form} needs none", "give --format template")
    if options.form == "lsx" and options.username is None and options.source is None:
        hint = "give --username sender, --source original-client-ip or both"
        refuse("--format", "an extension changes how something is read", hint)
    if options.form != "lsx" and (options.username is not None or options.source is not None):
        refuse("--username/--source", f"the format {options.form} has no use for them", "give --format lsx")
    if options.form == "lsx" and options.schema is not None:
        refuse("--console-schema", "an extension holds nothing of a console's own")
    if problems:
        raise InputError(problems)


def _extension(options: _Options) -> str:
    from harness.inventory import load
    from harness.logsource.extension import write

    load(options.inventory).select(options.limit)
    return write(options.username, options.source)


def _definitions(options: _Options) -> str:
    from harness.inventory import load
    from harness.logsource.schema import read
    from harness.report.terminal import Terminal

    terminal = Terminal(sys.stderr, sys.stderr)
    schema = read(options.schema) if options.schema is not None else None
    inventory = load(options.inventory)
    for notice in inventory.notices:
        terminal.notice(f"note: {notice}")
    sources = log_sources(inventory, options.inventory, options.limit, terminal, ask=options.ask)
    resolved = _resolved(sources, schema, terminal) if schema is not None else None
    return _text(options, sources, resolved)


def log_sources(
    inventory: Inventory, path: Path, limit: str | None, terminal: Terminal, *, ask: bool
) -> tuple[LogSource, ...]:
    """Give the log sources of an inventory's hosts, and say where each one's folders come from.

    Args:
        inventory: The inventory.
        path: Its path.
        limit: A pattern of hosts.
        terminal: Takes what the user should know.
        ask: Read the folders off the hosts.

    Raises:
        InputError: No host is left, or two log sources of the whole inventory can't be on one console.
    """
    from harness.cli.lab import lab_of
    from harness.cli.polled import host_sources
    from harness.logsource.derive import check_distinct

    chosen = inventory.select(limit, source=Source("--limit"))
    if not chosen:
        raise InputError([Problem(Source("--limit" if limit else str(path)), "no host is left")])
    found: list[LogSource] = []
    with lab_of(chosen if ask else (), path) as lab:
        for host in host_sources(chosen, inventory, lab, ask=ask):
            terminal.notice(f"{host.name}: {host.note}")
            found += host.sources
    check_distinct([*found, *_others(inventory, chosen)], inventory.hosts)
    return tuple(found)


def _others(inventory: Inventory, chosen: Sequence[Host]) -> list[LogSource]:
    """Give the log sources of the hosts that aren't asked, as far as they can be told: one console holds them all."""
    from harness.logsource.derive import derive

    found: list[LogSource] = []
    for host in inventory.hosts.values():
        if host not in chosen:
            # What is wrong with them matters when they are exported.
            with suppress(HarnessError):
                found += derive(host, None)
    return found


def _resolved(sources: Sequence[LogSource], schema: Schema, terminal: Terminal) -> dict[str, Resolved]:
    """Look everything up, and tell every problem at once.

    Raises:
        InputError: The console doesn't know a name.
    """
    from harness.logsource.model import WINCOLLECT
    from harness.logsource.resolve import resolve

    found: dict[str, Resolved] = {}
    problems: list[Problem] = []
    for source in sources:
        if source.protocol == WINCOLLECT:
            message = f"{source.host}: a WinCollect agent and its destinations are known to the console alone"
            hint = "harness logsources push looks them up; leave the host out with --limit, or --console-schema"
            problems.append(Problem(Source(source.name), message, hint))
            continue
        try:
            found[source.identifier] = resolve(source, schema)
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(dict.fromkeys(problems))
    for label in dict.fromkeys(label for each in found.values() for label in each.left_out):
        terminal.notice(f"note: the console has no parameter {label!r}; it is left out")
    return found


def _text(options: _Options, sources: Sequence[LogSource], resolved: Mapping[str, Resolved] | None) -> str:
    from harness.logsource import checklist, csvfile, form, jsonfile, parameters, templates

    if options.form == "csv":
        return csvfile.write(sources, resolved)
    if options.form == "checklist":
        return checklist.write(sources, str(options.inventory), datetime.now(UTC).date(), resolved)
    if options.template is not None:
        own = resolved or {}
        values = {
            "log_sources": sources,
            "hosts": list(dict.fromkeys(each.host for each in sources)),
            "fields": lambda source: form.fields(source, own.get(source.identifier)),
            "parameters": parameters.values,
            "inventory": str(options.inventory),
        }
        return templates.users(options.template, values)
    return jsonfile.write(sources, resolved)


def _write(options: _Options, text: str) -> None:
    """Write the result; a table for a spreadsheet begins with a mark, by which Excel knows that it is UTF-8.

    Raises:
        HarnessError: It can't be written.
    """
    from harness.redaction import redactor

    text = redactor.redact(text)
    if options.output is None:
        sys.stdout.write(text)
        return
    try:
        options.output.write_text(text, encoding="utf-8-sig" if options.form == "csv" else "utf-8", newline="")
    except OSError as error:
        raise HarnessError(f"can't write {options.output}: {error.strerror}") from error
