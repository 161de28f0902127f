"""Polling hosts for verification: all at the same time, through their log sources, until every expectation is settled.

What is read: the newest files of each folder, and what was changed since the hour began, not what lies there from
earlier. From Exchange 2013 on a file holds an hour; an IIS log holds a day by default. Positions are kept in memory,
so verification neither sees nor moves those of the collector.

Nothing but counts and a few examples is kept of what is read (`harness.verify.seen`).
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from harness import debug, workers
from harness.collect.delivery import Delivered, Handover
from harness.collect.poll import Poller
from harness.collect.positions import Positions
from harness.errors import (
    HarnessError,
    HostError,
    PathMissingError,
    ProbeError,
    ShareMissingError,
    UnreachableError,
)
from harness.events import Family, Format, Header, Record, load, reader_for, recognise
from harness.events.formats import HEAD
from harness.verify import hops
from harness.verify.expectations import SWITCH
from harness.verify.probe import DEADLINE, PROBED, SmtpProbe, greeted_by_probe, mentions, recognises
from harness.verify.probed import ConnectorsLogged, ProbeArrives
from harness.verify.seen import KEPT, Arrival, Seen, Trail

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from harness.collect.delivery import Chunk
    from harness.collect.source import PolledFolder
    from harness.events import Event, Reader
    from harness.events import Mapping as FieldMapping
    from harness.exchange.folders import Stated
    from harness.remote.smb import SmbConnection
    from harness.verify.expectations import Expectation, Failure, Judge
    from harness.verify.probe import Kind, Probe, Sent

INTERVAL = 2.0
"""Seconds from one poll to the next."""

_GRACE = 5.0
_WAKE = 0.2
# How long to wait for what the other folders may show, once one of a family's folders is known to be wrong.
_LOST = 10.0


@dataclass(frozen=True, slots=True)
class Subject:
    """A host as verification needs it.

    Args:
        name: Its name in the inventory.
        address: The server's address, for rows that name no client.
        folders: Its log folders, as its log sources describe them.
        connect: Gives a connection to its shares.
        probe: Makes a probe of a kind.
        stated: What the host says of its own logging; None where it wasn't asked.
        written: The families that a host of its version and roles writes, wherever that is.
        takes_mail: Whether it has a receive connector, or an SMTP virtual server, for a probe's message.
        home: Where the host itself says that each family's logs are, where the folders are from elsewhere.
    """

    name: str
    address: str
    folders: Sequence[PolledFolder]
    connect: Callable[[], SmbConnection]
    probe: Callable[[Kind], Probe]
    stated: Stated | None = None
    written: frozenset[Family] = frozenset()
    takes_mail: bool = True
    home: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(slots=True)
class Watched:
    """One family on one host.

    Args:
        seen: What was seen of it.
        judges: Each of its expectations with the judge that sees this host's events.
        deadline: Seconds that it has.
        probe: The kind of probe that must leave something in it; None for none.
        done: Set once nothing changes any more.
        absent: Whether the host has no such log.
        unprobed: Whether a probe can't be sent that would leave something in it.
    """

    seen: Seen
    judges: Sequence[tuple[Expectation, Judge]]
    deadline: float
    probe: Kind | None = None
    done: threading.Event = field(default_factory=threading.Event)
    absent: bool = False
    unprobed: bool = False
    sent: Sent | None = None
    pollers: list[Poller] = field(default_factory=list)

    def failures(self) -> list[Failure]:
        """Give what doesn't hold now."""
        judges = [judge for each, judge in self.judges if not (self.unprobed and isinstance(each.check, ProbeArrives))]
        return [failure for judge in judges if (failure := judge.judge(self.seen)) is not None]


class _Sink:
    """Turns chunks into events for a family's judges.

    The readers stay in memory with what they hold of an unfinished line, so nothing needs to be stored with a position.
    """

    def __init__(self, watched: Watched, address: str, mappings: Mapping[Format, FieldMapping]) -> None:
        self._watched = watched
        self._address = address
        self._mappings = mappings
        self._readers: dict[tuple[str, datetime], Reader] = {}
        self._heads: dict[tuple[str, datetime], bytes] = {}

    def deliver(self, chunk: Chunk) -> Delivered:
        """Read a chunk."""
        key = (chunk.path, chunk.created)
        seen = self._watched.seen
        seen.bytes += len(chunk.data)
        if chunk.offset == 0:
            self._readers.pop(key, None)
            self._heads[key] = b""
        if key in self._readers:
            return self._read(self._readers[key], chunk.data, chunk.offset)
        if key not in self._heads:
            return Delivered(0, b"")  # a file of another kind
        head = self._heads[key] + chunk.data
        reader = self._reader(f"{chunk.source.share}/{chunk.path}", head, chunk.source.encoding)
        if reader is None and len(head) < HEAD:
            self._heads[key] = head
            return Delivered(0, b"")
        del self._heads[key]
        if reader is None:
            return Delivered(0, b"")
        self._readers[key] = reader
        return self._read(reader, head, 0)

    def outputs(self) -> Mapping[str, int]:
        """Nothing is written."""
        return {}

    def _read(self, reader: Reader, data: bytes, offset: int) -> Delivered:
        before = self._watched.seen.events
        for item in reader.feed(data, offset):
            if isinstance(item, Header):
                self._watched.seen.take_header(item)
            elif not isinstance(item, Record):
                self._watched.seen.take_unparsed(item)
            else:
                self._record(item)
        return Delivered(self._watched.seen.events - before, b"")

    def _reader(self, file: str, head: bytes, encoding: str) -> Reader | None:
        """Give a reader for a file by its first bytes; None where it is no log of this family."""
        recognised = recognise(file, head)
        seen = self._watched.seen
        if recognised.format is None or recognised.format.family is not seen.family:
            seen.foreign[seen.place(file)] = recognised.reason
            return None
        seen.foreign.pop(seen.place(file), None)
        return reader_for(recognised.format, file, encoding=encoding)

    def _record(self, item: Record) -> None:
        watched = self._watched
        event = self._mappings[item.format].apply(item, self._address)
        watched.seen.take_event(event)
        for _, judge in watched.judges:
            judge.take(event)
        self._follow(event)
        if watched.sent is not None and watched.seen.arrival is None and recognises(watched.sent.token, event):
            seconds = time.monotonic() - watched.sent.at
            watched.seen.arrival = Arrival(seconds, watched.seen.at(event), event)

    def _follow(self, event: Event) -> None:
        """Note what an event says of the way of the SMTP probe's message."""
        seen, sent = self._watched.seen, self._watched.sent
        if seen.family is Family.SMTP:
            if greeted_by_probe(event):
                seen.former = hops.connector(event)
            if sent is not None and mentions(sent.token, event):
                seen.trail.logged[hops.session(event)] = hops.connector(event)
        elif seen.family is Family.MSGTRK and sent is not None and recognises(sent.token, event):
            seen.trail.tracked |= hops.of(event)
            seen.trail.ended = seen.trail.ended or hops.ends(event)


def probed(expectations: Iterable[Expectation]) -> dict[Family, Kind]:
    """Give the kind of probe that each family must show, as far as one is expected."""
    found: dict[Family, Kind] = {}
    for expectation in expectations:
        if isinstance(expectation.check, ProbeArrives):
            found[expectation.family] = expectation.check.kind
        elif isinstance(expectation.check, ConnectorsLogged):
            found |= dict.fromkeys(PROBED["smtp"], "smtp")
    return found


def watch(
    name: str,
    expectations: Sequence[Expectation],
    families: Iterable[Family],
    deadlines: Mapping[Family, float],
    *,
    keep: int,
    stated: Stated | None = None,
) -> dict[Family, Watched]:
    """Give what there is to watch on a host.

    Args:
        name: Its name in the inventory.
        expectations: All that is expected of it.
        families: Families that are looked at even where nothing is expected of them.
        deadlines: Seconds for each family that has a deadline of its own.
        keep: How many of the last events of each family are kept.
        stated: What the host says of its own logging; None where it wasn't asked.
    """
    trail = Trail()
    probes = probed(expectations)
    return {
        family: Watched(
            Seen(name, family, keep=keep, trail=trail, stated=stated),
            [(each, each.check.judge()) for each in expectations if each.family is family],
            deadlines.get(family, DEADLINE),
            probes.get(family),
        )
        for family in dict.fromkeys([*(expectation.family for expectation in expectations), *probes, *families])
    }


class Gathers(Protocol):
    """One host, wherever it is polled."""

    @property
    def watched(self) -> Mapping[Family, Watched]:
        """What is watched, each settled once its ``done`` is set."""

    def run(self, stop: threading.Event, until: float) -> None:
        """Probe and poll until all is settled; see `HostGather.run`."""


class HostGather:
    """One host: its probes, its polls, and what they showed.

    Args:
        subject: The host.
        expectations: All that is expected of it.
        families: Families that are looked at even where nothing is expected of them.
        deadlines: Seconds for each family that has a deadline of its own.
        mappings: How records become events.
        keep: How many of the last events of each family are kept.
    """

    def __init__(
        self,
        subject: Subject,
        expectations: Sequence[Expectation],
        *,
        families: Iterable[Family] = (),
        deadlines: Mapping[Family, float] | None = None,
        mappings: Mapping[Format, FieldMapping],
        keep: int = KEPT,
    ) -> None:
        self.subject = subject
        self._mappings = mappings
        self.watched = watch(subject.name, expectations, families, deadlines or {}, keep=keep, stated=subject.stated)

    def run(self, stop: threading.Event, until: float) -> None:
        """Probe and poll until all is settled.

        Args:
            stop: Set to end early.
            until: When to end in any case, on the monotonic clock.
        """
        try:
            self._run(stop, until)
        except HarnessError as error:
            self._give_up(error)
        except Exception as error:  # noqa: BLE001 - it would end this thread unheard, and its host with a pass
            message = f"unexpected {type(error).__name__} while {self.subject.name} was polled"
            self._give_up(HostError(message, host=self.subject.name, hint=debug.keep(error)))
        finally:
            for watched in self.watched.values():
                watched.done.set()

    def _run(self, stop: threading.Event, until: float) -> None:
        with self.subject.connect() as connection, Positions(Path(":memory:")) as positions:
            since = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
            for family, watched in self.watched.items():
                own = [folder for folder in self.subject.folders if folder.family == family.value]
                watched.absent = not own and family not in self.subject.written
                if not own and not watched.absent:
                    message = f"{self.subject.name} says that it has no folder for its {family} log"
                    hint = f"give the log a folder on the server, and see {SWITCH[family]}"
                    self._settle(watched, HostError(message, host=self.subject.name, hint=hint))
                watched.seen.trail.untracked |= family is Family.MSGTRK and watched.absent
                watched.unprobed = watched.probe == "smtp" and not self.subject.takes_mail
                watched.seen.folders = tuple(map(_place, own))
                watched.seen.home = tuple(self.subject.home.get(family.value, ()))
                handover = Handover(_Sink(watched, self.subject.address, self._mappings), positions)
                watched.pollers = [
                    # The throttle is for what the console is sent; here nothing is sent.
                    Poller(replace(folder, throttle=0), lambda: connection, handover, stop=stop, since=since)
                    for folder in own
                ]
            self._probe()
            self._poll(stop, until)

    def _probe(self) -> None:
        """Send each probe that is expected, once."""
        for kind, families in PROBED.items():
            waiting = [self.watched[each] for each in families if each in self.watched]
            waiting = [each for each in waiting if each.probe == kind and not each.absent and not each.unprobed]
            if not waiting:
                continue
            probe = self.subject.probe(kind)
            try:
                sent = probe.send()
            except ProbeError as error:
                for watched in waiting:
                    watched.seen.probe_error = error
                continue
            for watched in waiting:
                refusal = probe.refused(sent) if isinstance(probe, SmtpProbe) else None
                watched.seen.trail.error = refusal
                if refusal is not None and watched.seen.family is Family.MSGTRK:
                    watched.seen.probe_error = refusal
                else:
                    watched.sent, watched.seen.sent = sent, True

    def _poll(self, stop: threading.Event, until: float) -> None:
        begun = time.monotonic()
        waiting = [each for each in self.watched.values() if not each.absent and not each.done.is_set()]
        while waiting and not stop.is_set():
            round_begun = time.monotonic()
            over = [
                watched for watched in waiting if self._poll_family(watched) or self._is_over(watched, begun, until)
            ]
            # What one family's log says may be what another waits for, so they are done together or by their deadlines.
            for watched in over:
                if len(over) == len(waiting) or watched.seen.family is not Family.MSGTRK:
                    watched.done.set()
            waiting = [watched for watched in waiting if not watched.done.is_set()]
            if waiting:
                stop.wait(max(0.0, min(INTERVAL - (time.monotonic() - round_begun), until - time.monotonic())))

    @staticmethod
    def _is_over(watched: Watched, begun: float, until: float) -> bool:
        """Tell whether more polls can change nothing, or time is up."""
        now = time.monotonic()
        start = watched.sent.at if watched.sent is not None else begun
        watched.seen.seconds = now - start
        watched.seen.cut = now >= until
        if watched.seen.cut or now >= start + watched.deadline:
            return True
        if watched.seen.lost:
            return watched.seen.lost == len(watched.seen.folders) or now >= start + _LOST
        if watched.seen.error is not None:
            return False
        return all(failure.final for failure in watched.failures())

    def _poll_family(self, watched: Watched) -> bool:
        """Poll the folders of a family.

        Returns:
            Whether polling again is of no use.
        """
        seen = watched.seen
        errors: list[HostError] = []
        files = 0
        refused: dict[str, str] = {}
        missing: set[str] = set()
        for poller in watched.pollers:
            try:
                result = poller.poll()
            except HostError as error:
                errors.append(error)
                place = _place(poller.source)
                refused[place] = error.message + (f" ({error.hint})" if error.hint else "")
                if isinstance(error, PathMissingError | ShareMissingError):
                    missing.add(place)
            else:
                files += result.listed
                refused |= {f"{poller.source.share}/{path}": error.message for path, error in result.refused.items()}
        whole = len(errors) == len(watched.pollers)
        seen.error = errors[0] if whole else None
        seen.refused = refused
        seen.missing = frozenset(missing)
        seen.files = files
        seen.polled_at = datetime.now(UTC)
        first = not seen.polls
        seen.polls += not whole
        return whole and first and isinstance(errors[0], UnreachableError)

    def _give_up(self, error: HarnessError) -> None:
        for watched in self.watched.values():
            if not watched.done.is_set():
                watched.seen.error = error

    @staticmethod
    def _settle(watched: Watched, error: HarnessError) -> None:
        watched.seen.error = error
        watched.done.set()


def _place(folder: PolledFolder) -> str:
    return f"{folder.share}/{folder.folder}"


class Gathering:
    """All hosts at the same time, within one time.

    Args:
        hosts: One for each.
        until: When to end in any case, on the monotonic clock.
        stop: Set to end early, from any thread; what is under way ends with its next answer.
        forks: Hosts at a time.
    """

    def __init__(self, hosts: Mapping[str, Gathers], *, until: float, stop: threading.Event, forks: int = 20) -> None:
        self.hosts = hosts
        self._until = until
        self._forks = forks
        self._stop = stop

    def start(self) -> None:
        """Begin; returns at once."""
        workers.start(self._run, self.hosts.values(), forks=self._forks, stop=self._stop, name="verify")

    def wait(self, name: str, family: Family) -> Watched | None:
        """Wait until a family on a host is settled.

        Returns:
            What was seen; None where time ran out before that, or somebody said stop.
        """
        watched = self.hosts[name].watched[family]
        until = self._until + _GRACE
        while not self._stop.is_set():
            left = until - time.monotonic()
            if watched.done.wait(max(0.0, min(_WAKE, left))):
                return watched
            if left <= 0:
                break
        return None

    def _run(self, host: Gathers) -> None:
        host.run(self._stop, self._until)


def mappings(overrides: Iterable[Path] = ()) -> dict[Format, FieldMapping]:
    """Give the mapping of every format.

    Args:
        overrides: Mapping files of the user's.

    Raises:
        InputError: One is wrong.
    """
    files = tuple(overrides)
    return {format_: load(format_, files) for format_ in Format}
