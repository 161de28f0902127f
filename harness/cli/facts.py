"""The command `harness facts`: what is true of each host, read off it."""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.errors import HarnessError, InputError, UnreachableError
from harness.source import Problem, Source

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.modules.session import Session
    from harness.play.runner import RunHost
    from harness.report.facts import Sheet

_AT_A_TIME = 20


@click.command("facts")
@click.argument("inventory", type=click.Path(path_type=Path))
@click.option("-l", "--limit", help="Only hosts of this pattern: group1:&group2:!host, wildcards.")
@click.option(
    "--output",
    type=click.Choice(("text", "json")),
    default="text",
    show_default=True,
    help="For people, or for programs: JSON alone on standard output.",
)
def facts_command(inventory: Path, limit: str | None, output: str) -> int:
    """Show what is true of the hosts of INVENTORY, and check what it says of their Exchange.

    Exit codes: 0 done, 1 a host failed or is another than the inventory says, 3 bad input, 4 a host was unreachable,
    130 interrupted.
    """
    from harness.cli import hosts as ready
    from harness.cli.interrupts import stopped_by_signals
    from harness.cli.lab import lab_of
    from harness.inventory import load
    from harness.report import facts as report
    from harness.report.terminal import Terminal

    terminal = Terminal(sys.stdout, sys.stderr)
    loaded = load(inventory)
    for notice in loaded.notices:
        terminal.notice(f"note: {notice}")
    chosen = loaded.select(limit)
    if not chosen:
        raise InputError([Problem(Source("--limit" if limit else str(inventory)), "no host is left to ask")])
    questions = _Questions()
    with stopped_by_signals(questions.stop) as interrupted, lab_of(chosen, inventory) as lab:
        by_name = ready.run_hosts(chosen, loaded, {}, lab)
        sheets = questions.ask([by_name[host.name] for host in chosen])
    if interrupted.is_set():
        raise click.Abort
    if output == "json":
        click.echo(report.document(sheets))
    else:
        for sheet in sheets:
            for line in report.lines(sheet):
                terminal.say(line)
    errors = [sheet.error for sheet in sheets if sheet.error]
    if any(not isinstance(error, UnreachableError) for error in errors):
        return 1
    return UnreachableError.exit_code if errors else 0


class _Questions:
    """Asks all hosts, some at a time, until somebody says stop."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sessions: list[Session] = []
        self._stopped = False

    def ask(self, hosts: Sequence[RunHost]) -> list[Sheet]:
        """Ask; what a host that was stopped had said so far is in its sheet."""
        with ThreadPoolExecutor(min(_AT_A_TIME, len(hosts)), "facts") as pool:
            return list(pool.map(self._ask, hosts))

    def stop(self) -> None:
        """End what runs on the hosts, from any thread, and begin nothing more."""
        with self._lock:
            self._stopped = True
            for session in self._sessions:
                session.interrupt()

    def _ask(self, host: RunHost) -> Sheet:
        from harness.modules.session import Session
        from harness.report.facts import Sheet

        session = Session(host.connect, host.target, host.clock(), lambda: None)
        with self._lock:
            if self._stopped:
                return Sheet(host.name)
            self._sessions.append(session)
        try:
            return _sheet(host, session)
        finally:
            session.close()


def _sheet(host: RunHost, session: Session) -> Sheet:
    """Read a host's facts, and then, with what they say, where its logs are."""
    from harness.modules import facts as host_facts
    from harness.modules.log_folders import read_folders
    from harness.report.facts import Sheet

    sheet = Sheet(host.name)
    try:
        before = datetime.now(UTC)
        (answer,) = session.read([host_facts.script()])
        after = datetime.now(UTC)
        if answer.error is not None:
            sheet.error = answer.error
            return sheet
        sheet.facts = host_facts.read(answer.value, host.target)
        sheet.set_clock(host_facts.clock(sheet.facts), before, after)
        sheet.notes += host_facts.notes(sheet.facts)
        host_facts.check(sheet.facts, host.target)
        if sheet.facts["exchange"] and sheet.facts["exchange"]["roles"]:
            session.target = host_facts.settled(host.target, sheet.facts)
            sheet.folders = read_folders(session, session.target, session.target.roles or frozenset())
    except HarnessError as error:
        sheet.error = error
    return sheet
