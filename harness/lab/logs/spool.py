"""The thread that writes a host's logs: rows wait in memory as long as the service that they play holds them back."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from harness.lab.logs.files import Files

_log = logging.getLogger(__name__)
_CLOSE_SECONDS = 10.0


class Log(Protocol):
    """One log of a host."""

    def write(self, files: Files, rows: Sequence[Any]) -> None:
        """Write rows, in their order; what a row is depends on the log.

        Raises:
            OSError: They can't be written.
        """
        ...


@dataclass(slots=True, eq=False)
class _Waiting:
    due: float = float("inf")
    rows: list[Any] = field(default_factory=list)


class Spool:
    """Takes rows from the front ends and writes them in a thread of its own.

    Args:
        files: Where to.
        name: The host's, for the thread.
    """

    def __init__(self, files: Files, name: str) -> None:
        self._files = files
        self._changed = threading.Condition()
        self._waiting: dict[Log, _Waiting] = {}
        self._writing: frozenset[Log] = frozenset()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name=f"logs-{name}", daemon=True)
        self._thread.start()

    def put(self, log: Log, rows: Iterable[Any], *, delay: float = 0.0, entries: int = 0) -> None:
        """Hand in rows.

        Args:
            log: Whose they are.
            rows: In their order.
            delay: Seconds that the log holds its oldest row back.
            entries: How many waiting rows are written at once whatever the delay; 0 for no such limit.
        """
        with self._changed:
            waiting = self._waiting.setdefault(log, _Waiting())
            waiting.rows.extend(rows)
            now = time.monotonic()
            full = 0 < entries <= len(waiting.rows)
            waiting.due = now if full else min(waiting.due, now + delay)
            self._changed.notify_all()

    def flush(self, logs: Collection[Log] | None = None) -> None:
        """Have rows written now, and wait for it.

        Args:
            logs: Whose; ``None`` for all.
        """
        with self._changed:
            wanted = {log: rows for log, rows in self._waiting.items() if logs is None or log in logs}
            for waiting in wanted.values():
                waiting.due = 0.0
            self._changed.notify_all()
            under_way = self._writing

            def done() -> bool:
                # What others hand in meanwhile is held back as ever, and not waited for.
                if under_way and self._writing is under_way:
                    return False
                return not any(self._waiting.get(log) is rows or log in self._writing for log, rows in wanted.items())

            self._changed.wait_for(done, _CLOSE_SECONDS)

    def close(self) -> None:
        """Write what is left, and let go of the files."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join(_CLOSE_SECONDS)

    def _run(self) -> None:
        while True:
            with self._changed:
                ready = self._ready()
                while not ready and not self._closed:
                    nearest = min((each.due for each in self._waiting.values()), default=float("inf"))
                    idle = nearest - time.monotonic()
                    self._changed.wait(None if idle == float("inf") else max(idle, 0.0))
                    ready = self._ready()
                if not ready:
                    break
                self._writing = frozenset(log for log, _ in ready)
            for log, rows in ready:
                self._write(log, rows)
            with self._changed:
                self._writing = frozenset()
                self._changed.notify_all()
        self._files.close()

    def _ready(self) -> list[tuple[Log, list[Any]]]:
        now = time.monotonic()
        due = [log for log, waiting in self._waiting.items() if self._closed or waiting.due <= now]
        return [(log, self._waiting.pop(log).rows) for log in due]

    def _write(self, log: Log, rows: list[Any]) -> None:
        try:
            log.write(self._files, rows)
        except OSError as error:
            # As on a real server: a log that can't be written costs its lines, not the service.
            _log.warning("%d log lines are lost: %s", len(rows), error)
