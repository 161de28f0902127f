"""The first poll of a log folder: whether what is there already counts.

Where it doesn't, the first poll reads past it: the sink is muted for the folder, so that every file's position and
reader are where they would be, and no event is made. Only then it is stored since when the folder is collected; a
collector that is killed in the middle of it reads past the rest when it starts again, if it is told to.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from harness.errors import PathMissingError, ShareMissingError

if TYPE_CHECKING:
    from harness.collect.poll import PollResult
    from harness.collect.positions import Positions
    from harness.collect.source import PolledFolder
    from harness.errors import HostError

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
# A file that was last changed longer ago isn't read past but passed over: its writer is done with it, whatever the
# clocks say. The newest files are always opened.
_RECENT = timedelta(days=1)


class FirstContact:
    """Decides from when on folders are collected.

    Args:
        positions: Where that is kept.
        muted: The sink's; see ``harness.collect.sink.Rules``.
        since_now: Leave out what a folder holds when it is first polled.
    """

    def __init__(self, positions: Positions, muted: set[str], *, since_now: bool) -> None:
        self._positions = positions
        self._muted = muted
        self._since_now = since_now
        self._now = datetime.now(UTC)

    def since(self, source: PolledFolder) -> datetime | None:
        """Say which of a folder's files count, before its first poll in this process.

        Args:
            source: The folder.

        Returns:
            Files that were last changed before aren't read; ``None`` where all are.
        """
        begun = self._positions.begun(source.key)
        if begun is None and self._since_now:
            self._muted.add(source.key)
            begun = self._now
        elif begun is None:
            self._positions.begin(source.key, _BEGINNING)
        return begun - _RECENT if begun is not None and begun != _BEGINNING else None

    def polled(self, result: PollResult) -> None:
        """Take note of a poll.

        Args:
            result: What it did.
        """
        if not result.interrupted:
            self._begin(result.source)

    def failed(self, source: PolledFolder, error: HostError) -> None:
        """Take note of a poll that failed: a folder that isn't there holds nothing to leave out.

        Args:
            source: The folder.
            error: Why.
        """
        if isinstance(error, ShareMissingError | PathMissingError):
            self._begin(source)

    def _begin(self, source: PolledFolder) -> None:
        if source.key in self._muted:
            self._positions.begin(source.key, self._now)
            self._muted.discard(source.key)
