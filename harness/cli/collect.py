"""The command `harness collect`: polls logs over SMB as the console's protocol would, and writes the events down."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.executors import executor_options
from harness.cli.options import engine_option, log_sources_options, mapping_option
from harness.errors import InputError
from harness.source import Problem, Source

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from harness.cli.collectreport import Report
    from harness.cli.executors import Where
    from harness.cli.parcels import Parcel
    from harness.cli.polled import PolledHost
    from harness.collect.delivery import Handover
    from harness.collect.follow import Polls
    from harness.collect.poll import PollResult
    from harness.collect.positions import Positions
    from harness.collect.remote import RemotePoller
    from harness.collect.sink import EventSink, Form, Rules
    from harness.collect.source import PolledFolder
    from harness.errors import HostError
    from harness.events import Engine
    from harness.events.mappingfile import Overlay
    from harness.executor import Executor

_FAMILIES = ("OWA", "SMTP", "MSGTRK")


@dataclass(frozen=True, slots=True)
class _Options:
    """What the user asked for."""

    inventory: Path
    limit: str | None
    extra: dict[str, str]
    follow: bool
    output: Path | None
    form: str
    families: frozenset[str]
    mappings: tuple[Path, ...]
    engine: Engine
    since_now: bool
    state: Path | None
    interval: float | None
    throttle: float
    ask: bool
    where: Where
    definitions: Path | None
    schema: Path | None
    forks: int

    @property
    def line_form(self) -> Form:
        """How an event is written as a line."""
        return "payload" if self.form == "payload" else "jsonl"


@click.command("collect")
@click.argument("inventory", type=click.Path(path_type=Path))
@click.option("-l", "--limit", help="Only hosts of this pattern: group1:&group2:!host, wildcards.")
@click.option("-e", "--extra-vars", multiple=True, metavar="KEY=VALUE", help="A variable; it beats all others.")
@click.option("--follow", is_flag=True, help="Go on polling until interrupted.")
@click.option(
    "-o",
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Append to this file, every line exactly once; without it events go to standard output.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["jsonl", "payload", "parquet"]),
    default="jsonl",
    show_default=True,
    help="JSON lines, payloads as the protocol forwards them, or a Parquet file.",
)
@click.option("--family", "families", metavar="LIST", help="Only these of OWA,SMTP,MSGTRK.")
@mapping_option
@log_sources_options
@engine_option
@click.option("--since-now", is_flag=True, help="Leave out what a log folder holds when it is first polled.")
@click.option(
    "--state",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Where it is kept how far each file was read.  [default: FILE.state beside the output file]",
)
@click.option(
    "--interval",
    type=click.FloatRange(0.1),
    metavar="S",
    help="Seconds between two polls.  [default: the log source's]",
)
@click.option(
    "--throttle",
    type=click.FloatRange(0),
    default=0,
    metavar="N",
    help="At most N events a second of each log folder; 0 for no limit.  [default: 0]",
)
@click.option(
    "--forks",
    default=20,
    show_default=True,
    type=click.IntRange(1),
    help="Hosts at a time; with --follow all are polled at once, and so many are asked where their logs are.",
)
@click.option("--defaults", is_flag=True, help="Don't ask the hosts where their logs are; poll the default folders.")
@executor_options
def collect_command(  # noqa: PLR0917 - options of a command are its arguments
    inventory: Path,
    limit: str | None,
    extra_vars: tuple[str, ...],
    follow: bool,
    out: Path | None,
    form: str,
    families: str | None,
    mappings: tuple[Path, ...],
    definitions: Path | None,
    schema: Path | None,
    engine: Engine,
    since_now: bool,
    state: Path | None,
    interval: float | None,
    throttle: float,
    forks: int,
    defaults: bool,
    where: Where,
) -> int:
    """Write down the events of the logs of INVENTORY's hosts, polled over SMB.

    Once, or with --follow until Ctrl-C. A run with the same output file, or the same --state, goes on where the one
    before ended, however that ended.

    Exit codes: 0 done, 1 something couldn't be read, 3 bad input and nothing touched, 4 a host was unreachable, 130
    interrupted. With --follow Ctrl-C is the way to end, so it gives 0; what can't be read is tried again.
    """
    from harness.cli.apply import extra as pairs

    options = _Options(
        inventory=inventory,
        limit=limit,
        extra=pairs(extra_vars),
        follow=follow,
        output=out,
        form=form,
        families=_families(families),
        mappings=mappings,
        engine=engine,
        since_now=since_now,
        state=state,
        interval=interval,
        throttle=throttle,
        ask=not defaults and definitions is None,
        definitions=definitions,
        schema=schema,
        forks=forks,
        where=where,
    )
    _check(options)
    return _collect(options)


def _families(text: str | None) -> frozenset[str]:
    words = [word.strip().upper() for word in (text or "").split(",") if word.strip()]
    wrong = [word for word in words if word not in _FAMILIES]
    if wrong:
        raise InputError(
            Problem(Source("--family"), f"there is no family {word}", "OWA, SMTP, MSGTRK") for word in wrong
        )
    return frozenset(words or _FAMILIES)


def _check(options: _Options) -> None:
    """Refuse options that don't go together.

    Raises:
        InputError: All of them.
    """
    problems = []
    if options.form == "parquet":
        if options.output is None:
            problems.append(Problem(Source("--format"), "Parquet needs a file", "give -o FILE"))
        for given, name in (
            (options.follow, "--follow"),
            (options.state is not None, "--state"),
            (options.since_now, "--since-now"),
        ):
            if given:
                message = f"{name} doesn't go with Parquet, whose files can't grow"
                problems.append(Problem(Source("--format"), message, "collect JSON lines, and turn those into Parquet"))
    elif options.since_now and options.output is None and options.state is None and not options.follow:
        message = "nothing could come of this: one poll to standard output, of nothing that is there already"
        problems.append(Problem(Source("--since-now"), message, "add --follow, -o FILE or --state FOLDER"))
    if problems:
        raise InputError(problems)


def _collect(options: _Options) -> int:
    from harness.cli.collectreport import Report
    from harness.cli.definitions import given_sources
    from harness.cli.interrupts import stopped_by_signals
    from harness.cli.lab import lab_of
    from harness.cli.parcels import asked, parcels
    from harness.cli.polled import polled_hosts
    from harness.collect.sink import Rules
    from harness.events import Format
    from harness.events import load as load_mapping
    from harness.events.mappingfile import Overlay
    from harness.inventory import load as load_inventory

    report = Report()
    loaded = load_inventory(options.inventory, extra=options.extra)
    for notice in loaded.notices:
        report.say(f"note: {notice}")
    chosen = loaded.select(options.limit, source=Source("--limit"))
    if not chosen:
        raise InputError([Problem(Source("--limit" if options.limit else str(options.inventory)), "no host is left")])
    given = None
    if options.definitions is not None:
        given = given_sources(options.definitions, loaded, chosen, options.schema)
        for line in given.notices:
            report.say(f"note: {line}")
    mappings = {format_: load_mapping(format_, options.mappings) for format_ in Format}
    stop = threading.Event()
    with (
        stopped_by_signals(stop.set) as interrupted,
        options.where.executor() as executor,
        lab_of(chosen, options.inventory) as lab,
    ):
        remote = None
        if options.where.is_local:
            hosts = polled_hosts(
                chosen, loaded, options.extra, lab, stop=stop, ask=options.ask, forks=options.forks, given=given
            )
        else:
            confidential = executor.confidential
            packed = parcels(chosen, lab, options.inventory, confidential=confidential, ask=options.ask, given=given)
            remote = _Remote(executor, packed, tuple(map(Overlay.of, options.mappings)))
            hosts = asked(executor, packed, stop, forks=options.forks)
        if not stop.is_set():
            for host in hosts:
                report.say(f"{host.name}: {host.note}")
            rules = Rules(mappings, {host.name: host.address for host in hosts}, engine=options.engine)
            _poll(options, hosts, rules, report, stop, remote=remote)
    if options.follow:
        return 0
    return 130 if interrupted.is_set() else report.code


@dataclass(frozen=True, slots=True)
class _Remote:
    """Makes pollers whose polls workers do."""

    executor: Executor
    packed: Mapping[str, Parcel]
    overlays: tuple[Overlay, ...]

    def poller(
        self,
        source: PolledFolder,
        address: str,
        sink: EventSink,
        handover: Handover,
        *,
        since: datetime | None,
        stop: threading.Event,
    ) -> RemotePoller:
        """Make the poller of a log folder."""
        from harness.cli.parcels import Connect
        from harness.collect.remote import Poll, RemotePoller

        connect = Connect(self.packed[source.host])
        wanted = Poll(
            source,
            connect,
            (),
            since,
            self.overlays,
            address,
            sink.form,
            muted=False,
            engine=sink.rules.engine,
        )
        return RemotePoller(self.executor, wanted, sink, handover, stop)


def _poll(
    options: _Options,
    hosts: Sequence[PolledHost],
    rules: Rules,
    report: Report,
    stop: threading.Event,
    *,
    remote: _Remote | None = None,
) -> None:
    """Poll with everything that must be open meanwhile."""
    from harness.collect.delivery import Handover
    from harness.collect.firsts import FirstContact
    from harness.collect.follow import follow_hosts, poll_hosts
    from harness.collect.parquet import ParquetSink
    from harness.collect.poll import Poller
    from harness.collect.positions import Positions
    from harness.collect.sink import StreamSink
    from harness.errors import StoreError
    from harness.remote.smb import SmbConnections

    with ExitStack() as stack:
        folder = _state(options) or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="harness-")))
        positions = stack.enter_context(Positions(folder / "positions.db"))
        sink = _sink(options, positions, rules, report, stack)
        connections = SmbConnections()
        stack.callback(connections.close)
        first = FirstContact(positions, rules.muted, since_now=options.since_now)
        handover = Handover(sink, positions)

        def on_result(result: PollResult) -> None:
            first.polled(result)
            report.result(result)

        def on_error(poller: Polls, error: HostError) -> None:
            first.failed(poller.source, error)
            report.error(poller.source, error)

        def poller(host: PolledHost, source: PolledFolder) -> Polls:
            since = first.since(source)
            if remote is not None:
                return remote.poller(source, host.address, sink, handover, since=since, stop=stop)
            return Poller(source, partial(connections.get, host.endpoint), handover, stop=stop, since=since)

        pollers = [[poller(host, source) for source in _folders(options, host)] for host in hosts]
        run = follow_hosts if options.follow else partial(poll_hosts, forks=options.forks)
        try:
            run(pollers, stop, on_result=on_result, on_error=on_error)
        except (BrokenPipeError, StoreError):
            # Whoever read our output has seen enough.
            if not (isinstance(sink, StreamSink) and sink.gone):
                raise
            _let_go()
        if isinstance(sink, ParquetSink) and not stop.is_set():
            sink.finish()
        report.summary(sink.tallies, options.output)


def _folders(options: _Options, host: PolledHost) -> list[PolledFolder]:
    """Give what is polled of a host."""
    found = [source for log_source in host.sources for source in log_source.polled()]
    return [
        replace(
            source,
            polling_interval=options.interval or source.polling_interval,
            throttle=options.throttle,
        )
        for source in found
        if source.family in options.families
    ]


def _state(options: _Options) -> Path | None:
    """Give the folder of the positions; None where they aren't kept."""
    if options.form == "parquet":
        return None
    if options.state is None and options.output is not None:
        return options.output.with_name(f"{options.output.name}.state")
    return options.state


def _sink(options: _Options, positions: Positions, rules: Rules, report: Report, stack: ExitStack) -> EventSink:
    """Give where events go."""
    from harness.cli.streams import standard_output
    from harness.collect.output import OutputFile
    from harness.collect.parquet import ParquetSink
    from harness.collect.sink import FileSink, StreamSink, quarantine_line

    if options.output is None:
        return StreamSink(standard_output(), report.quarantined, options.line_form, rules)
    beside = options.output.with_name(f"{options.output.name}.quarantine.jsonl")
    if options.form == "parquet":
        beside.unlink(missing_ok=True)
        quarantine = OutputFile(beside, positions)
        stack.callback(quarantine.close)
        parquet = ParquetSink(
            options.output, lambda source, item: quarantine.append(quarantine_line(source, item) + b"\n"), rules
        )
        stack.callback(parquet.abandon)
        return parquet
    output, quarantine = (OutputFile(path, positions) for path in (options.output, beside))
    stack.callback(output.close)
    stack.callback(quarantine.close)
    return FileSink(output, quarantine, options.line_form, rules)


def _let_go() -> None:
    """Keep the interpreter from complaining of the broken pipe as it flushes at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
