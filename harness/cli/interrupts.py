"""Ctrl-C and a polite kill, for every command that works on hosts.

Left to itself, Python raises `KeyboardInterrupt` wherever the main thread happens to be. One that comes while a module
is imported, or in a finaliser or a callback, is lost there, and the command runs on. So a command that has begun
takes the signal itself, and what it waits for looks at an event.
"""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def stopped_by_signals(stop: Callable[[], None]) -> Iterator[threading.Event]:
    """Let Ctrl-C and a polite kill end a run in good order; a second one ends harness at once.

    Args:
        stop: Ends what is under way. It is called in a thread of its own: a handler runs between two steps of the main
            thread, which may hold the very lock that it needs.

    Yields:
        An event that is set once such a signal has come, before ``stop`` is called.
    """
    interrupted = threading.Event()

    def end() -> None:
        interrupted.set()
        stop()

    def handle(number: int, _frame: object) -> None:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
        threading.Thread(target=end, name="stop", daemon=True).start()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield interrupted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
