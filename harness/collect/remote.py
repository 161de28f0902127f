"""Polls that other processes do: a worker reads and converts, and this process alone writes.

A worker is given the positions of a log folder. It reads on from there, up to so many bytes, and gives back what it
made of them, each chunk with the position after it. Nothing is stored there, so a poll that is lost with its worker is
done again elsewhere and gives the same. Here each chunk goes to the output and its position to the store as any other
does, so that a kill at any moment loses and repeats nothing.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from harness.collect.delivery import Delivered, Handover
from harness.collect.poll import FORGET_AFTER, Poller, PollResult
from harness.collect.sink import Rules, make
from harness.errors import HostError
from harness.events.mappingfile import load_kept
from harness.executor import Task, until_stopped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime, timedelta

    from harness.collect.delivery import Chunk
    from harness.collect.positions import Position
    from harness.collect.sink import EventSink, Form, Made
    from harness.collect.source import PolledFolder
    from harness.events import Engine
    from harness.events.mappingfile import Overlay
    from harness.executor import Executor
    from harness.remote.smb import SmbConnection

LARGEST = 16 * 1024 * 1024
"""How many bytes a worker reads before it gives back what it made of them."""


@dataclass(frozen=True, slots=True)
class Poll:
    """A poll that a worker does.

    Args:
        source: What to poll.
        connect: Gives a connection, on the worker.
        known: The folder's positions.
        since: Files that were last changed before aren't read, but for the newest ones.
        overlays: Mapping files of the user's.
        address: The host's, which payloads name as ``SourceIp``.
        form: How events are written as lines; None to leave them as they are.
        muted: Whether no events are made.
        engine: What reads the logs.
        largest: How many bytes to read at most, or one chunk.
    """

    source: PolledFolder
    connect: Callable[[], SmbConnection]
    known: tuple[Position, ...]
    since: datetime | None
    overlays: tuple[Overlay, ...]
    address: str
    form: Form | None
    muted: bool
    engine: Engine = "strict"
    largest: int = LARGEST


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that a poll stores.

    Args:
        position: The position to store.
        gone: The positions that it replaces.
        made: What was made of the chunk before it; None where nothing was read.
    """

    position: Position
    gone: tuple[Position, ...]
    made: Made | None


@dataclass(frozen=True, slots=True)
class Polled:
    """What a poll gave.

    Args:
        steps: What is to be stored, in this order.
        result: What it did; None where it failed.
        error: Why it failed; what was read before that counts.
        listed: Path and creation time of the files that are there; None where the poll didn't come so far.
    """

    steps: tuple[Step, ...]
    result: PollResult | None
    error: HostError | None
    listed: frozenset[tuple[str, datetime]] | None

    def __repr__(self) -> str:
        """Say how much there is, since logs don't belong on a dashboard."""
        return f"<{len(self.steps)} steps>"


class _Recorder:
    """The sink and the store of a worker: keeps what is to be stored, and stores nothing."""

    def __init__(self, poll: Poll, stop: threading.Event) -> None:
        written = poll.source.written
        # Batches stay where they are made: what travels are lines, or events one by one.
        engine = poll.engine if poll.form is not None else "strict"
        muted = {poll.source.key} if poll.muted else set()
        mappings = {written: load_kept(written, poll.overlays)}
        self._rules = Rules(mappings, {poll.source.host: poll.address}, muted, engine)
        self._poll = poll
        self._stop = stop
        self._made: Made | None = None
        self._read = 0
        self.steps: list[Step] = []
        self.listed: frozenset[tuple[str, datetime]] | None = None

    def deliver(self, chunk: Chunk) -> Delivered:
        """Make events of a chunk."""
        self._made = made = make(chunk, self._rules, self._poll.form)
        self._read += len(chunk.data)
        if self._read >= self._poll.largest:
            self._stop.set()
        return Delivered(events=made.tally.events, state=made.state)

    def outputs(self) -> Mapping[str, int]:
        """Give nothing: nothing is written here."""
        return {}

    def of(self, _source: str) -> dict[tuple[str, datetime], Position]:
        """Give the positions that came with the poll."""
        return {(position.path, position.created): position for position in self._poll.known}

    def advance(
        self,
        _source: str,
        positions: Iterable[Position],
        _outputs: Mapping[str, int] | None = None,
        *,
        gone: Iterable[Position] = (),
    ) -> None:
        """Keep a step."""
        made, self._made = self._made, None
        self.steps += [Step(position, tuple(gone), made) for position in positions]

    def forget(self, _source: str, listed: Iterable[tuple[str, datetime]], *, older: timedelta) -> int:  # noqa: ARG002 - as a store's
        """Note which files there are."""
        self.listed = frozenset(listed)
        return 0


def poll(wanted: Poll) -> Polled:
    """Poll a log folder, on a worker."""
    stop = threading.Event()
    recorder = _Recorder(wanted, stop)
    result, error = None, None
    with wanted.connect() as connection:
        poller = Poller(wanted.source, lambda: connection, Handover(recorder, recorder), stop=stop, since=wanted.since)
        try:
            result = poller.poll()
        except HostError as failed:
            error = failed
    return Polled(tuple(recorder.steps), result, error, recorder.listed)


class RemotePoller:
    """Polls one log folder by an executor; otherwise as `harness.collect.poll.Poller`.

    Args:
        executor: Does the polls.
        wanted: The poll, as it is the first time.
        sink: Takes what was made.
        handover: Takes the chunks and stores the positions.
        stop: Set to end a poll early.
    """

    def __init__(
        self, executor: Executor, wanted: Poll, sink: EventSink, handover: Handover, stop: threading.Event
    ) -> None:
        self.source = wanted.source
        self._executor = executor
        self._wanted = wanted
        self._sink = sink
        self._handover = handover
        self._stop = stop

    def disconnect(self) -> None:
        """Do nothing: each poll has a connection of its own, on its worker."""

    def poll(self) -> PollResult:
        """Read what is new; see `harness.collect.poll.Poller.poll`.

        Raises:
            HostError: The host or the folder as a whole can't be read.
            StoreError: Output or positions can't be written; collecting must end.
            ClusterError: The executor was lost.
        """
        sum_: PollResult | None = None
        while True:
            polled = self._polled()
            for step in polled.steps if polled is not None else ():
                self._keep(step)
            if polled is None or polled.result is None:
                if polled is not None and polled.error is not None:
                    raise polled.error
                return replace(sum_ or PollResult(self.source), interrupted=True)
            if polled.listed is not None:
                self._handover.positions.forget(self.source.key, polled.listed, older=FORGET_AFTER)
            sum_ = polled.result if sum_ is None else sum_ + polled.result
            if not polled.result.interrupted or self._stop.is_set():
                return replace(sum_, interrupted=polled.result.interrupted)

    def _polled(self) -> Polled | None:
        """Let a worker poll; None where somebody says stop meanwhile."""
        known = tuple(self._handover.positions.of(self.source.key).values())
        wanted = replace(self._wanted, known=known, muted=self.source.key in self._sink.rules.muted)
        return until_stopped(self._executor.submit(Task(f"poll {self.source.key}", poll, wanted)), self._stop)

    def _keep(self, step: Step) -> None:
        made = step.made
        if made is None:
            self._handover.positions.advance(self.source.key, (step.position,), gone=step.gone)
        else:
            self._handover.store(self.source.key, partial(self._sink.take, made), step.position, gone=step.gone)
