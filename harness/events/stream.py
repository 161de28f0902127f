"""From bytes to events, with either engine."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.events.event import Event
from harness.events.record import Header, Quarantined, Record

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harness.events.batch import Batch
    from harness.events.columnar import EventBatch
    from harness.events.mapping import Mapping
    from harness.events.reader import Reader
    from harness.events.record import Item

Given = Event | Quarantined | Header
"""What a stream gives, in the file's order."""


@dataclass(slots=True)
class Counted:
    """How many events of each kind there are.

    Args:
        kinds: By event ID.
        short: How many lack a mapped field.
        quarantined: What couldn't be read.
    """

    kinds: Counter[str] = field(default_factory=Counter)
    short: int = 0
    quarantined: list[Quarantined] = field(default_factory=list)

    def take(self, given: Given) -> None:
        """Count one."""
        if isinstance(given, Event):
            self.kinds[given.event_id] += 1
            self.short += bool(given.problems)
        elif isinstance(given, Quarantined):
            self.quarantined.append(given)


class EventStream:
    """Reads a file and maps its records.

    Args:
        reader: The file's reader.
        mapping: The mapping of its format.
        host: The address of the server that the file was read from; empty where that isn't known.
    """

    def __init__(self, reader: Reader, mapping: Mapping, host: str = "") -> None:
        self.reader = reader
        self._mapping = mapping
        self._host = host

    def feed(self, data: bytes | memoryview, offset: int) -> list[Given]:
        """Take the bytes that follow, and give what became whole."""
        return one_by_one(self._mapped(self.reader.feed_batches(data, offset)))

    def finish(self, *, final: bool) -> list[Given]:
        """End a poll, or with ``final`` the file."""
        return one_by_one(self._mapped(self.reader.finish(final=final)))

    def count(self, data: bytes | memoryview, offset: int) -> Counted:
        """Take the bytes that follow, and count what became whole."""
        return self._counted(self.reader.feed_batches(data, offset))

    def count_rest(self, *, final: bool = True) -> Counted:
        """End the file, or a part of it, and count what that made whole."""
        return self._counted(self.reader.finish(final=final))

    def _counted(self, items: Iterable[Batch | Item]) -> Counted:
        counted = Counted()
        for each in self._mapped(items):
            if isinstance(each, Event | Quarantined | Header):
                counted.take(each)
                continue
            counted.kinds.update(each.kinds())
            counted.short += each.short
            for _, item in each.between:
                counted.take(item)
        return counted

    def _mapped(self, items: Iterable[Batch | Item]) -> list[EventBatch | Given]:
        return map_items(items, self._mapping, self._host)


def map_items(items: Iterable[Batch | Item], mapping: Mapping, host: str = "") -> list[EventBatch | Given]:
    """Map what a reader gives, rows in batches where it gives batches.

    Args:
        items: What a reader gave.
        mapping: The mapping of its format.
        host: The address of the server that the file was read from; empty where that isn't known.
    """
    mapped: list[EventBatch | Given] = []
    for each in items:
        if isinstance(each, Record):
            mapped.append(mapping.apply(each, host))
        elif isinstance(each, Quarantined | Header):
            mapped.append(each)
        else:
            from harness.events.columnar import EventBatch  # noqa: PLC0415 - needs what has made the batch

            mapped.append(EventBatch(each, mapping, host))
    return mapped


def one_by_one(mapped: Iterable[EventBatch | Given]) -> list[Given]:
    """Give the events of batches among the others, in the file's order."""
    given: list[Given] = []
    for each in mapped:
        if isinstance(each, Event | Quarantined | Header):
            given.append(each)
            continue
        events = each.events()
        done = 0
        for before, item in each.between:
            given += events[done:before]
            done = before
            given.append(item)
        given += events[done:]
    return given
