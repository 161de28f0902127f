"""Harness's own way to a simulated console, and log sources for it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.logsource.console.api import Console
from harness.logsource.console.client import Client
from harness.logsource.console.difference import Plan, compare
from harness.logsource.console.push import Outcome, Settings, push
from harness.logsource.console.retry import Retry
from harness.logsource.console.wire import Address, HttpsWire
from harness.logsource.model import LogSource
from harness.logsource.resolve import resolve
from harness.redaction import Secret
from harness.source import Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from running_console import RunningConsole

PASSWORD = Secret("canary-of-the-account")
QUICK = Settings(seconds=5, settle=0.02)


def source(name: str, /, **changes: Any) -> LogSource:
    """Make a host's log source."""
    given: dict[str, Any] = {
        "name": f"Exchange @ {name}",
        "host": name,
        "identifier": name,
        "server_address": f"{name}.corp.example",
        "owa_folder": "c$/inetpub/logs/LogFiles/W3SVC1/",
        "user": "svc-jsa",
        "password_reference": "env:JSA",
    }
    return LogSource(**{**given, **changes})


@dataclass
class Reached:
    """A console and the way to it.

    Args:
        running: The simulated console.
        console: As harness sees it.
    """

    running: RunningConsole
    console: Console

    def plan(self, sources: Sequence[LogSource], **options: Any) -> Plan:
        """Compare log sources with the console."""
        schema = self.console.schema(sources)
        wanted = [resolve(each, schema) for each in sources]
        existing = self.console.log_sources(each.fields["type_id"] for each in wanted)
        return Plan(compare(wanted, existing, schema, **options))

    def push(
        self,
        sources: Sequence[LogSource],
        settings: Settings = QUICK,
        *,
        meanwhile: Callable[[], object] = lambda: None,
    ) -> tuple[Outcome, ...]:
        """Bring the console in line with log sources; something may happen between plan and push."""
        schema = self.console.schema(sources)
        plan = self.plan(sources, update_passwords=settings.update_passwords)
        meanwhile()
        return push(self.console, plan, schema, {each.host: PASSWORD for each in sources}, settings)

    def ids(self) -> dict[str, int]:
        """Give the ids by name."""
        return {each["name"]: each["id"] for each in self.running.log_sources()}


@contextmanager
def reached(running: RunningConsole, **options: Any) -> Iterator[Reached]:
    """Reach a console over HTTPS, quickly."""
    address = Address.parse(running.url, Source("test"))
    token = Secret(options.pop("token", running.token))
    wire = HttpsWire(address, token, trust=options.pop("trust", str(running.ca)), **options)
    client = Client(wire, address.host, retry=Retry(first=0.01, longest=0.05))
    console = Console(client)
    try:
        yield Reached(running, console)
    finally:
        client.close()
