"""Where events go: a file with exactly what the positions account for, or standard output."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections import defaultdict
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Literal

from harness.collect.convert import convert
from harness.collect.delivery import Delivered
from harness.events import Event, Quarantined, document
from harness.events.record import encode
from harness.events.stream import map_items, one_by_one

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from harness.collect.delivery import Chunk
    from harness.collect.output import OutputFile
    from harness.collect.source import Family, PolledFolder
    from harness.events import Engine, Format
    from harness.events import Mapping as EventMapping
    from harness.events.columnar import EventBatch
    from harness.events.stream import Given

Form = Literal["jsonl", "payload"]


@dataclass(slots=True)
class Tally:
    """What came of one host's logs of one family, counted while collecting.

    Args:
        events: Rows that were read.
        short: How many of them lack a mapped field.
        quarantined: Places that couldn't be read.
    """

    events: int = 0
    short: int = 0
    quarantined: int = 0

    def __add__(self, other: Tally) -> Tally:
        """Add up two."""
        return Tally(self.events + other.events, self.short + other.short, self.quarantined + other.quarantined)


@dataclass(frozen=True, slots=True)
class Rules:
    """How events are made.

    Args:
        mappings: By format.
        addresses: By host, the address that its payloads name as ``SourceIp``; empty where it isn't known.
        muted: Keys of log folders whose lines are read past without becoming events: what was there before
            collecting began. It may change between two chunks.
        engine: What reads the logs.
    """

    mappings: Mapping[Format, EventMapping]
    addresses: Mapping[str, str]
    muted: set[str] = field(default_factory=set)
    engine: Engine = "strict"


class EventSink(ABC):
    """Makes events of chunks and writes them; see ``harness.collect.delivery.Sink``.

    Args:
        rules: How events are made.
    """

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self.tallies: defaultdict[tuple[str, Family], Tally] = defaultdict(Tally)

    def deliver(self, chunk: Chunk) -> Delivered:
        """Take a chunk; what came of it is as durable as the output can be when this returns."""
        converted = convert(chunk, self._rules.engine)
        source = chunk.source
        if source.key in self._rules.muted:
            return Delivered(events=0, state=converted.state)
        mapping = self._rules.mappings[source.written]
        address = self._rules.addresses.get(source.host, "")
        counted = self._take(source, address, map_items(converted.parts, mapping, address))
        self.tallies[source.host, source.family] += counted
        return Delivered(events=counted.events, state=converted.state)

    def _take(self, source: PolledFolder, address: str, mapped: Sequence[EventBatch | Given]) -> Tally:
        """Write what came of a chunk, event by event."""
        given = one_by_one(mapped)
        events = [each for each in given if isinstance(each, Event)]
        quarantined = [each for each in given if isinstance(each, Quarantined)]
        self._write(source, address, events, quarantined)
        return Tally(len(events), sum(bool(event.problems) for event in events), len(quarantined))

    @abstractmethod
    def _write(
        self, source: PolledFolder, address: str, events: Sequence[Event], quarantined: Sequence[Quarantined]
    ) -> None:
        """Write what came of a chunk."""

    @abstractmethod
    def outputs(self) -> Mapping[str, int]:
        """Give the length of each output file that is accounted for."""


class FileSink(EventSink):
    """Writes lines to a file, and what couldn't be read to another; both are accounted for.

    Args:
        output: For events.
        quarantine: For what couldn't be read.
        form: How an event is written.
        rules: How events are made.
    """

    def __init__(self, output: OutputFile, quarantine: OutputFile, form: Form, rules: Rules) -> None:
        super().__init__(rules)
        self._output = output
        self._quarantine = quarantine
        self._line = LINES[form]

    def _write(
        self, source: PolledFolder, address: str, events: Sequence[Event], quarantined: Sequence[Quarantined]
    ) -> None:
        self._output.append(_joined(self._line(source, address, event) for event in events))
        self._quarantine.append(_joined(quarantine_line(source, item) for item in quarantined))

    def outputs(self) -> Mapping[str, int]:
        """Give both files' lengths."""
        return {output.key: output.length for output in (self._output, self._quarantine)}


class StreamSink(EventSink):
    """Writes lines to a pipe or terminal. What was written there can't be taken back, so a kill may repeat some.

    Args:
        output: For events.
        on_quarantined: Takes what couldn't be read.
        form: How an event is written.
        rules: How events are made.

    Attributes:
        gone: Whether the reader of the pipe went away.
    """

    def __init__(
        self,
        output: IO[bytes],
        on_quarantined: Callable[[PolledFolder, Quarantined], None],
        form: Form,
        rules: Rules,
    ) -> None:
        super().__init__(rules)
        self.gone = False
        self._output = output
        self._on_quarantined = on_quarantined
        self._line = LINES[form]

    def _write(
        self, source: PolledFolder, address: str, events: Sequence[Event], quarantined: Sequence[Quarantined]
    ) -> None:
        if events:
            try:
                self._output.write(_joined(self._line(source, address, event) for event in events))
                self._output.flush()
            except BrokenPipeError:
                self.gone = True
                raise
        for item in quarantined:
            self._on_quarantined(source, item)

    def outputs(self) -> Mapping[str, int]:
        """Give nothing: a stream has no length to go back to."""
        return {}


def _json_line(source: PolledFolder, _address: str, event: Event) -> bytes:
    return _ascii(_whose(source) | document.event(event))


def _payload_line(_source: PolledFolder, address: str, event: Event) -> bytes:
    return encode(event.payload(address))


LINES: Mapping[Form, Callable[[PolledFolder, str, Event], bytes]] = {"jsonl": _json_line, "payload": _payload_line}
"""How an event is written, without the line end."""


def quarantine_line(source: PolledFolder, item: Quarantined) -> bytes:
    """Write what couldn't be read as a line of JSON, without the line end."""
    return _ascii(_whose(source) | document.quarantined(item))


def _whose(source: PolledFolder) -> dict[str, object]:
    return {"host": source.host, "log_source": source.identifier, "family": source.family}


def _ascii(shown: dict[str, object]) -> bytes:
    return json.dumps(shown).encode("ascii")


def _joined(lines: Iterable[bytes]) -> bytes:
    return b"".join(line + b"\n" for line in lines)
