"""Threads that work through a list, a bounded number at a time."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

T = TypeVar("T")


def start(
    run: Callable[[T], object], items: Iterable[T], *, forks: int, stop: threading.Event, name: str
) -> list[threading.Thread]:
    """Begin to run a function for each item, in order; returns at once.

    The threads are daemons: what hangs in an answer that doesn't come mustn't keep the process from ending.

    Args:
        run: Takes an item; what it raises ends its thread.
        items: What there is to do.
        forks: At most so many threads.
        stop: Once it is set, no further item is begun.
        name: The threads'.

    Returns:
        The threads; all is done once they have ended.
    """
    due: queue.SimpleQueue[T] = queue.SimpleQueue()
    for item in items:
        due.put(item)

    def work() -> None:
        while not stop.is_set():
            try:
                item = due.get_nowait()
            except queue.Empty:
                return
            run(item)

    threads = [threading.Thread(target=work, name=name, daemon=True) for _ in range(min(forks, due.qsize()))]
    for thread in threads:
        thread.start()
    return threads
