"""What `harness collect` says on standard error: what can't be read, once each, and the counts in the end."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import click

from harness.errors import PathMissingError, ShareMissingError, UnreachableError
from harness.redaction import redactor

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from harness.collect.poll import PollResult
    from harness.collect.sink import Tally
    from harness.collect.source import Family, PolledFolder
    from harness.errors import HostError
    from harness.events import Quarantined

_CONTROL = {code: f"\\x{code:02x}" for code in (*range(32), 127, *range(128, 160))}
_HEAD = 80


class Report:
    """Takes what happens, in any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._said: dict[tuple[str, str], str] = {}
        self._read: set[str] = set()
        self._missing: set[str] = set()
        self._code = 0

    @property
    def code(self) -> int:
        """The exit code of a run that wasn't interrupted.

        A folder that isn't there yet is no failure, as long as another one of the host's is.
        """
        return self._code or int(bool(self._missing - self._read))

    def say(self, text: str) -> None:
        """Write a line to standard error."""
        click.echo(redactor.redact(text), err=True)

    def result(self, result: PollResult) -> None:
        """Take what a poll did."""
        source = result.source
        with self._lock:
            self._read.add(source.host)
            if self._said.pop((source.key, ""), None):
                self.say(f"{_whose(source)}: is read now")
            for path in result.restarted:
                self.say(f"{_whose(source)}: {path} was cut short on the host; it is read from its beginning")
            for key in [key for key in self._said if key[0] == source.key and key[1] not in result.refused]:
                del self._said[key]
            for path, error in result.refused.items():
                self._code = self._code or 1
                self._say_once((source.key, path), source, error)

    def error(self, source: PolledFolder, error: HostError) -> None:
        """Take why a folder as a whole wasn't read."""
        with self._lock:
            if isinstance(error, ShareMissingError | PathMissingError):
                self._missing.add(source.host)
            else:
                self._code = max(self._code, 4 if isinstance(error, UnreachableError) else 1)
            self._say_once((source.key, ""), source, error)

    def quarantined(self, source: PolledFolder, item: Quarantined) -> None:
        """Show what couldn't be read, where there is no file for it."""
        head = item.head[:_HEAD].decode("utf-8", "backslashreplace").translate(_CONTROL)
        self.say(f"{_whose(source)}: {item.file}:{item.line}: {item.reason}, at byte {item.offset}: {head}")

    def summary(self, tallies: Mapping[tuple[str, Family], Tally], output: Path | None) -> None:
        """Show the counts."""
        for (host, family), tally in sorted(tallies.items()):
            parts = [_count(tally.events, "event"), f"{_count(tally.quarantined, 'place')} that couldn't be read"]
            if tally.short:
                parts.append(f"{_count(tally.short, 'event')} with a mapped field missing or wrong")
            self.say(f"{host}: {family}, {', '.join(parts)}")
        events = sum(tally.events for tally in tallies.values())
        self.say(_count(events, "event") + (f" written to {output}" if output else ""))

    def _say_once(self, key: tuple[str, str], source: PolledFolder, error: HostError) -> None:
        text = f"{_whose(source)}: {error.message}" + (f"\nhint: {error.hint}" if error.hint else "")
        if self._said.get(key) != text:
            self._said[key] = text
            self.say(text)


def _whose(source: PolledFolder) -> str:
    return f"{source.identifier}: {source.family}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
