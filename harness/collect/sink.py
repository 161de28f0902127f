"""Where events go: a file with exactly what the positions account for, or standard output."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections import defaultdict
from dataclasses import dataclass, field
from functools import lru_cache
from typing import IO, TYPE_CHECKING, Literal

from harness.collect.convert import convert
from harness.collect.delivery import Delivered
from harness.events import Event, Header, Quarantined, document
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


@dataclass(frozen=True, slots=True)
class Made:
    """What was made of a chunk.

    Args:
        source: The log folder.
        state: What the next chunk of the file needs.
        tally: How much it is.
        mapped: All of it in the file's order, where it wasn't written as lines.
        lines: The events as lines, each with its end.
        quarantined: What couldn't be read, where the events were written as lines.
        muted: Whether no event is made of the folder's lines for now.
    """

    source: PolledFolder
    state: bytes
    tally: Tally = field(default_factory=Tally)
    mapped: Sequence[EventBatch | Given] = ()
    lines: bytes = b""
    quarantined: Sequence[Quarantined] = ()
    muted: bool = False


def make(chunk: Chunk, rules: Rules, form: Form | None) -> Made:
    """Make events of a chunk; what comes of it follows from the arguments alone, wherever it is called.

    Args:
        chunk: The chunk.
        rules: How events are made.
        form: How they are written as lines; None to leave them as they are.
    """
    converted = convert(chunk, rules.engine)
    source = chunk.source
    if source.key in rules.muted:
        return Made(source, converted.state, muted=True)
    address = rules.addresses.get(source.host, "")
    mapped = map_items(converted.parts, rules.mappings[source.written], address)
    if form is None:
        return Made(source, converted.state, _tally(mapped), mapped)
    given = one_by_one(mapped)
    lines = _joined(LINES[form](source, address, each) for each in given if isinstance(each, Event))
    quarantined = [each for each in given if isinstance(each, Quarantined)]
    return Made(source, converted.state, _tally(given), lines=lines, quarantined=quarantined)


def _tally(mapped: Iterable[EventBatch | Given]) -> Tally:
    """Count what was made."""
    tally = Tally()
    for each in mapped:
        if isinstance(each, Event):
            tally.events += 1
            tally.short += bool(each.problems)
        elif isinstance(each, Quarantined):
            tally.quarantined += 1
        elif not isinstance(each, Header):
            tally += Tally(len(each), each.short) + _tally(item for _, item in each.between)
    return tally


class EventSink(ABC):
    """Makes events of chunks and writes them; see ``harness.collect.delivery.Sink``.

    Args:
        rules: How events are made.
        form: How they are written as lines; None where they aren't.
    """

    def __init__(self, rules: Rules, form: Form | None) -> None:
        self.rules = rules
        self.form = form
        self.tallies: defaultdict[tuple[str, Family], Tally] = defaultdict(Tally)

    def deliver(self, chunk: Chunk) -> Delivered:
        """Take a chunk; what came of it is as durable as the output can be when this returns."""
        return self.take(make(chunk, self.rules, self.form))

    def take(self, made: Made) -> Delivered:
        """Write what was made of a chunk."""
        if not made.muted:
            self._write(made)
            self.tallies[made.source.host, made.source.family] += made.tally
        return Delivered(events=made.tally.events, state=made.state)

    @abstractmethod
    def _write(self, made: Made) -> None:
        """Write what was made of a chunk."""

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
        super().__init__(rules, form)
        self._output = output
        self._quarantine = quarantine

    def _write(self, made: Made) -> None:
        self._output.append(made.lines)
        self._quarantine.append(_joined(quarantine_line(made.source, item) for item in made.quarantined))

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
        super().__init__(rules, form)
        self.gone = False
        self._output = output
        self._on_quarantined = on_quarantined

    def _write(self, made: Made) -> None:
        if made.lines:
            try:
                self._output.write(made.lines)
                self._output.flush()
            except BrokenPipeError:
                self.gone = True
                raise
        for item in made.quarantined:
            self._on_quarantined(made.source, item)

    def outputs(self) -> Mapping[str, int]:
        """Give nothing: a stream has no length to go back to."""
        return {}


def _json_line(source: PolledFolder, _address: str, event: Event) -> bytes:
    return f"{_beginning(source.host, source.identifier, source.family)}, {document.line(event)[1:]}".encode("ascii")


def _payload_line(_source: PolledFolder, address: str, event: Event) -> bytes:
    return encode(event.payload(address))


LINES: Mapping[Form, Callable[[PolledFolder, str, Event], bytes]] = {"jsonl": _json_line, "payload": _payload_line}
"""How an event is written, without the line end."""


def quarantine_line(source: PolledFolder, item: Quarantined) -> bytes:
    """Write what couldn't be read as a line of JSON, without the line end."""
    shown = json.dumps(document.quarantined(item))
    return f"{_beginning(source.host, source.identifier, source.family)}, {shown[1:]}".encode("ascii")


@lru_cache(maxsize=1024)
def _beginning(host: str, identifier: str, family: Family) -> str:
    """Give the object's first members, without its end."""
    return json.dumps({"host": host, "log_source": identifier, "family": family}).removesuffix("}")


def _joined(lines: Iterable[bytes]) -> bytes:
    return b"".join(line + b"\n" for line in lines)
