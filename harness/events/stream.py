"""From bytes to events, with either engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
        return self._given(self.reader.feed_batches(data, offset))

    def finish(self, *, final: bool) -> list[Given]:
        """End a poll, or with ``final`` the file."""
        return self._given(self.reader.finish(final=final))

    def feed_batches(self, data: bytes | memoryview, offset: int) -> list[EventBatch | Given]:
        """Take the bytes that follow, and give what became whole, rows in batches where the reader gives batches."""
        return [
            self._one(each) if isinstance(each, Record | Quarantined | Header) else self._batch(each)
            for each in self.reader.feed_batches(data, offset)
        ]

    def _given(self, items: Iterable[Batch | Item]) -> list[Given]:
        given: list[Given] = []
        for each in items:
            if isinstance(each, Record | Quarantined | Header):
                given.append(self._one(each))
            else:
                given += self._in_order(self._batch(each))
        return given

    def _in_order(self, batch: EventBatch) -> Iterable[Given]:
        """Give the rows of a batch and what stands between them."""
        events = batch.events()
        done = 0
        for before, item in batch.batch.between:
            yield from events[done:before]
            done = before
            yield self._one(item)
        yield from events[done:]

    def _one(self, item: Item) -> Given:
        return self._mapping.apply(item, self._host) if isinstance(item, Record) else item

    def _batch(self, batch: Any) -> EventBatch:  # noqa: ANN401 - a Batch, whose class needs packages to be named here
        from harness.events.columnar import EventBatch  # noqa: PLC0415 - needs the packages that made the batch

        return EventBatch(batch, self._mapping, self._host)
