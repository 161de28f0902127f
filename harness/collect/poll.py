"""One poll of a log folder: list it, decide what to open, read what is new.

Windows updates a file's size and time in its folder late while a service has the file open. So the newest
files of each series of logs are opened at every poll, whatever the folder lists of them: the one that is
written now, and the one before it, whose last lines may have been on their way when its successor appeared.
Which are the newest is told by name (``…-10`` comes after ``…-9``), by time of creation and by time of
change.

IIS makes room in an open log beforehand, so a file may end in zero bytes that become lines later. Zero bytes at a
file's end are left for the poll that finds something behind them.

A file is known by path and creation time. It is read from its beginning when it is new, when it is shorter
than what was read, or when the bytes before the position aren't those that were read: then it was cut and
grew again.
"""

from __future__ import annotations

import threading
import time
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import timedelta
from hashlib import blake2b
from typing import TYPE_CHECKING

from harness.collect.delivery import Chunk
from harness.collect.positions import Position
from harness.collect.series import natural, newest_files
from harness.errors import PathMissingError, ProtocolFaultError, ShareError
from harness.remote.smb import Glance

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from harness.collect.delivery import Delivered, Handover
    from harness.collect.source import PolledFolder
    from harness.errors import HostError
    from harness.remote.smb import FileInfo, SmbConnection, SmbFile

# So often a folder is listed again because files vanished between listing and opening.
_LISTINGS = 3
_TAIL = 256
# More zero bytes at a file's end than that aren't room that was made, and are handed over as they are.
_LARGEST_ROOM = 1 << 20
_CHUNK = 1 << 20
# About 200 lines, so that a throttle slows down evenly.
_THROTTLED_CHUNK = 1 << 16
_GLANCE = 1 << 16
# So many small files are asked for before the one that is read now is through.
_AHEAD = 3
FORGET_AFTER = timedelta(days=30)
"""How long nothing was read of a file that is gone before it is forgotten."""


@dataclass(frozen=True, slots=True)
class PollResult:
    """What one poll did.

    Args:
        source: The log folder.
        listed: How many files its pattern selects.
        opened: How many were opened.
        read: How many of them had something new.
        data: Bytes read.
        events: As the sink counted them.
        vanished: How many were gone between listing and opening.
        restarted: Paths that were read again from the beginning, since they were cut short.
        refused: Why files or folders weren't read, by their paths; they are tried again at the next poll.
        interrupted: Whether the poll was ended early.
        seconds: How long it took.
    """

    source: PolledFolder
    listed: int = 0
    opened: int = 0
    read: int = 0
    data: int = 0
    events: int = 0
    vanished: int = 0
    restarted: tuple[str, ...] = ()
    refused: Mapping[str, HostError] = field(default_factory=dict)
    interrupted: bool = False
    seconds: float = 0.0

    def __add__(self, later: PollResult) -> PollResult:
        """Go on with what a poll did that follows at once, of the same folder."""
        return replace(
            later,
            opened=self.opened + later.opened,
            read=self.read + later.read,
            data=self.data + later.data,
            events=self.events + later.events,
            vanished=self.vanished + later.vanished,
            restarted=self.restarted + later.restarted,
            seconds=self.seconds + later.seconds,
        )


class Throttle:
    """Slows down to a number of events a second.

    Args:
        rate: Events a second; 0 for no limit.
        stop: Ends a wait early.
    """

    def __init__(self, rate: float, stop: threading.Event) -> None:
        self._rate = rate
        self._stop = stop
        self._free_at = 0.0

    @property
    def limited(self) -> bool:
        """Whether there is a limit at all."""
        return self._rate > 0

    def spend(self, events: int) -> None:
        """Wait until the events are within the rate."""
        if not self.limited or not events:
            return
        now = time.monotonic()
        self._free_at = max(now, self._free_at) + events / self._rate
        self._stop.wait(self._free_at - now)


class Poller:
    """Polls one log folder. It belongs to one thread, as its connection does.

    Args:
        source: What to poll.
        connect: Gives the connection.
        handover: Takes the chunks and stores the positions.
        stop: Set to end a poll early, at the next chunk.
        since: Files that were last changed before aren't read, but for the newest ones.
    """

    def __init__(
        self,
        source: PolledFolder,
        connect: Callable[[], SmbConnection],
        handover: Handover,
        *,
        stop: threading.Event | None = None,
        since: datetime | None = None,
    ) -> None:
        self.source = source
        self._connect = connect
        self._handover = handover
        self._stop = stop or threading.Event()
        self._since = since
        self._throttle = Throttle(source.throttle, self._stop)
        # The store is this process's alone, so it is read once.
        self._known = handover.positions.of(source.key)
        # The end of what was read, where the position is before it since the last line isn't finished.
        self._read_to: dict[tuple[str, datetime], int] = {}

    def poll(self) -> PollResult:
        """Read what is new.

        Returns:
            What was done. A file that can't be read doesn't keep the others from being read.

        Raises:
            HostError: The host or the folder as a whole can't be read.
            StoreError: Output or positions can't be written; collecting must end.
        """
        started = time.monotonic()
        tally = _Tally()
        connection = self._connect()
        done: set[str] = set()
        listing: list[FileInfo] = []
        for _ in range(_LISTINGS):
            vanished_before = tally.vanished
            listing = self._list(connection, tally)
            tally.there = {(info.path, info.created) for info in listing}
            due = self._to_open(listing)
            for number, info in enumerate(due):
                if self._stop.is_set():
                    break
                for following in due[number + 1 : number + 1 + _AHEAD]:
                    self._look_ahead(connection, following, done)
                if info.path not in done and self._look_at(connection, info, tally):
                    done.add(info.path)
            if tally.vanished == vanished_before or self._stop.is_set():
                break
        connection.look_back()
        if not self._stop.is_set():
            self._forget(tally.there)
        return PollResult(
            source=self.source,
            listed=len(listing),
            opened=tally.opened,
            read=len(tally.read),
            data=tally.data,
            events=tally.events,
            vanished=tally.vanished,
            restarted=tuple(tally.restarted),
            refused=tally.refused,
            interrupted=self._stop.is_set(),
            seconds=time.monotonic() - started,
        )

    def disconnect(self) -> None:
        """Close the connection, which all folders of a host share; the next poll opens it again."""
        self._connect().close()

    def _list(self, connection: SmbConnection, tally: _Tally) -> list[FileInfo]:
        found = connection.list(
            self.source.share,
            self.source.folder,
            wanted=self.source.wants,
            recursive=self.source.recursive,
            on_denied=tally.deny,
        )
        return sorted(found, key=lambda info: natural(info.path))

    def _to_open(self, listing: list[FileInfo]) -> list[FileInfo]:
        """Decide which files to open, in the order of their names."""
        if self.source.force_file_read:
            return listing
        newest = newest_files(listing)
        return [info for info in listing if info.path in newest or self._changed(info)]

    def _changed(self, info: FileInfo) -> bool:
        """Tell whether a file is listed otherwise than before, or wasn't read to its end."""
        if self._since is not None and info.modified < self._since:
            return False
        position = self._known.get((info.path, info.created))
        return (
            position is None
            or (info.size, info.modified) != (position.listed_size, position.listed_modified)
            or max(position.offset, self._read_to.get((info.path, info.created), 0)) < info.size
        )

    def _look_at(self, connection: SmbConnection, info: FileInfo, tally: _Tally) -> bool:
        """Open a file and read what is new.

        Returns:
            Whether it was there.
        """
        try:
            if not self._read_at_a_glance(connection, info, tally):
                with connection.open(self.source.share, info.path) as file:
                    tally.opened += 1
                    self._read(file, info, tally)
        except PathMissingError:
            # Purged or renamed since the listing: not a failure, but the listing is out of date.
            tally.vanished += 1
            return False
        except (ShareError, ProtocolFaultError) as error:
            tally.refused[info.path] = error
        return True

    def _read_at_a_glance(self, connection: SmbConnection, info: FileInfo, tally: _Tally) -> bool:
        """Look at a file that has little new or nothing, as most have, in one round trip.

        Returns:
            Whether that showed all that there is.
        """
        position = self._known.get((info.path, info.created))
        start = self._start(info)
        if info.size - start > _GLANCE:
            return False
        glance = connection.glance(self.source.share, info.path, start, _GLANCE)
        if glance.created != info.created or not (glance.holds(start) or self._is_read(glance, position)):
            return False
        if not self._read(glance, info, tally):
            return False
        tally.opened += 1
        return True

    def _look_ahead(self, connection: SmbConnection, info: FileInfo, done: set[str]) -> None:
        """Have a file's answer on its way while those before it are read."""
        start = self._start(info)
        if info.path not in done and info.size - start <= _GLANCE:
            connection.look_ahead(self.source.share, info.path, start, _GLANCE)

    def _start(self, info: FileInfo) -> int:
        """Give where reading a file begins, if it is the one that its listing says."""
        position = self._known.get((info.path, info.created))
        return max(0, position.offset - _TAIL) if position else 0

    def _is_read(self, file: SmbFile | Glance, position: Position | None) -> bool:
        """Tell whether a file ends where it was read to."""
        if position is None:
            return file.size_at_open == 0
        return file.size_at_open == max(position.offset, self._read_to.get((position.path, position.created), 0))

    def _read(self, file: SmbFile | Glance, info: FileInfo, tally: _Tally) -> bool:
        """Read a file from its position to the end that it had when it was opened.

        Returns:
            False where it must be read from its beginning, which a glance didn't show; nothing was done then.
        """
        position, gone = self._position(file, info, tally)
        after = None
        if file.size_at_open >= position.offset:
            after = self._read_from(file, position, gone, tally)
        if after is None and isinstance(file, Glance) and file.offset:
            return False
        if after is None:
            tally.restarted.append(info.path)
            position = replace(position, offset=0, tail=b"", state=b"")
            self._read_to.pop((position.path, position.created), None)
            after = self._read_from(file, position, gone, tally) or position
        if self._known.get((after.path, after.created)) != after:
            # Nothing was read; what the folder listed is kept, so that the file isn't opened again for
            # nothing.
            self._handover.positions.advance(self.source.key, (after,), gone=gone)
            self._keep(after, gone)
        return True

    def _position(self, file: SmbFile | Glance, info: FileInfo, tally: _Tally) -> tuple[Position, tuple[Position, ...]]:
        """Find a file's position.

        Returns:
            The position to start from, and the position under a former name, which it replaces.
        """
        position = self._known.get((info.path, file.created))
        gone: tuple[Position, ...] = ()
        # Where the times differ, the file was created anew since the listing.
        file_id = info.file_id if info.created == file.created else 0
        if position is None and file_id:
            for former in self._known.values():
                same = former.file_id == file_id and former.created == file.created
                if same and (former.path, former.created) not in tally.there:
                    position, gone = replace(former, path=info.path), (former,)
        position = replace(
            position or Position(path=info.path, created=file.created),
            file_id=file_id,
            listed_size=info.size,
            listed_modified=info.modified,
        )
        return position, gone

    def _read_from(
        self, file: SmbFile | Glance, position: Position, gone: tuple[Position, ...], tally: _Tally
    ) -> Position | None:
        """Read and hand over, from a position on.

        Returns:
            The position after what was read; ``None`` where the bytes before the position aren't those that
            were read before, so that nothing was handed over.
        """
        key = (position.path, position.created)
        if self._is_read(file, position):
            return position
        window = _Window(max(0, position.offset - _TAIL))
        at = position.offset
        largest = _THROTTLED_CHUNK if self._throttle.limited else _CHUNK
        length = file.size_at_open - window.start
        with closing(file.chunks(window.start, length, largest=largest)) as chunks:
            for data in chunks:
                unchecked = window.end < at
                window.add(data)
                if unchecked and (window.end < at or window.digest(at) != position.tail):
                    return None
                fresh = _without_room(window.after(at))
                # Where room follows, all that is written may have been read before.
                if not fresh or at + len(fresh) == self._read_to.get(key):
                    continue
                position, events = self._hand_over(position, at, fresh, window, gone)
                at += len(fresh)
                self._read_to[key] = at
                tally.count(position.path, len(fresh), events)
                self._throttle.spend(events)
                if self._stop.is_set():
                    break
        return position

    def _hand_over(
        self, position: Position, at: int, data: bytes, window: _Window, gone: tuple[Position, ...]
    ) -> tuple[Position, int]:
        """Hand a chunk over and store the position after it.

        Returns:
            That position, and the number of events.
        """
        chunk = Chunk(
            source=self.source,
            path=position.path,
            created=position.created,
            offset=at,
            data=data,
            state=position.state,
        )

        def settle(delivered: Delivered) -> Position:
            offset = at + len(data) if delivered.position is None else delivered.position
            return replace(position, offset=offset, tail=window.digest(offset), state=delivered.state)

        stored, events = self._handover.deliver(chunk, settle, gone=gone)
        window.drop_before(stored.offset)
        self._keep(stored, gone)
        return stored, events

    def _keep(self, position: Position, gone: Iterable[Position]) -> None:
        for former in gone:
            self._known.pop((former.path, former.created), None)
        self._known[position.path, position.created] = position

    def _forget(self, there: set[tuple[str, datetime]]) -> None:
        """Forget files that were purged long ago."""
        if there.issuperset(self._known):
            return
        if self._handover.positions.forget(self.source.key, there, older=FORGET_AFTER):
            self._known = self._handover.positions.of(self.source.key)


class _Window:
    """The bytes around a position: those before it, by which the file is known again, and those after it.

    Args:
        start: The place of the first byte that will be added.
    """

    def __init__(self, start: int) -> None:
        self.start = start
        self._data = bytearray()

    @property
    def end(self) -> int:
        """The place after the last byte."""
        return self.start + len(self._data)

    def add(self, data: bytes) -> None:
        """Take the bytes that follow."""
        self._data += data

    def after(self, position: int) -> bytes:
        """Give the bytes from a position on."""
        return bytes(self._data[position - self.start :])

    def digest(self, position: int) -> bytes:
        """Digest the bytes before a position.

        Raises:
            ValueError: It is outside the window: a sink went back behind a position that it gave before.
        """
        if not self.start <= position <= self.end:
            raise ValueError(f"position {position} isn't between {self.start} and {self.end}")
        end = position - self.start
        return blake2b(self._data[max(0, end - _TAIL) : end], digest_size=16).digest()

    def drop_before(self, position: int) -> None:
        """Forget what is not needed to go on from a position."""
        count = max(0, position - _TAIL - self.start)
        del self._data[:count]
        self.start += count


class _Tally:
    """Counts while a poll goes on."""

    def __init__(self) -> None:
        self.opened = self.data = self.events = self.vanished = 0
        self.there: set[tuple[str, datetime]] = set()
        self.read: set[str] = set()
        self.restarted: list[str] = []
        self.refused: dict[str, HostError] = {}

    def count(self, path: str, data: int, events: int) -> None:
        """Count a chunk."""
        self.read.add(path)
        self.data += data
        self.events += events

    def deny(self, error: ShareError) -> None:
        """Note why a folder wasn't listed."""
        self.refused[error.path] = error


def _without_room(data: bytes) -> bytes:
    """Leave out the zero bytes at the end."""
    written = data.rstrip(b"\0")
    return written if len(data) - len(written) <= _LARGEST_ROOM else data
