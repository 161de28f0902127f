"""State on disk: one JSON file, replaced as a whole."""

from __future__ import annotations

import copy
import json
import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

from harness.errors import HarnessError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Json: TypeAlias = Any
"""What JSON can hold: None, bool, int, float, str, list and dict with string keys."""

_VERSION = 1


class LabStateError(HarnessError):
    """A file with a simulated host's state can't be used."""


class Store:
    """A JSON document in memory and on disk, for several threads.

    The document is changed inside `change` only, which writes it before it lets another thread in. A reader of the file
    sees the old document or the new one, never a half-written one.

    Args:
        path: The file. Its folder is made if need be.
        initial: The document of a file that doesn't exist yet; it is written at once.

    Raises:
        LabStateError: The file holds something else.
    """

    def __init__(self, path: Path, initial: dict[str, Json]) -> None:
        self.path = path
        self.lock = threading.RLock()
        self._depth = 0
        path.parent.mkdir(parents=True, exist_ok=True)
        held = self._read()
        self.document: dict[str, Json] = initial if held is None else held
        """The state; read it under `lock`, change it in `change`."""
        if held is None:
            self._write()

    @contextmanager
    def change(self) -> Iterator[dict[str, Json]]:
        """Hold the lock, give the document, and write it afterwards.

        When the block raises, the document goes back to what it was before. Blocks may be nested; the outermost one
        writes.
        """
        with self.lock:
            before = copy.deepcopy(self.document)
            self._depth += 1
            try:
                yield self.document
                if self._depth == 1 and self.document != before:
                    self._write()
            except BaseException:
                _restore(self.document, before)
                raise
            finally:
                self._depth -= 1

    def _read(self) -> dict[str, Json] | None:
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        try:
            held = json.loads(text)
        except ValueError as error:
            raise self._unusable(f"is not JSON: {error}") from error
        if not isinstance(held, dict) or held.get("version") != _VERSION or not isinstance(held.get("state"), dict):
            raise self._unusable(f"is not a simulated host's state of version {_VERSION}")
        state: dict[str, Json] = held["state"]
        return state

    def _unusable(self, why: str) -> LabStateError:
        return LabStateError(f"{self.path} {why}", hint="delete the file to start again from a freshly installed host")

    def _write(self) -> None:
        text = json.dumps({"version": _VERSION, "state": self.document}, indent=1)
        scratch = self.path.with_name(f"{self.path.name}.{os.getpid()}.new")
        with scratch.open("w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(self.path)


def _restore(held: Json, before: Json) -> Json:
    """Bring a value back to what it was, in place: others hold references to its parts."""
    if isinstance(held, dict) and isinstance(before, dict):
        for key in held.keys() - before.keys():
            del held[key]
        for key, value in before.items():
            held[key] = _restore(held.get(key), value)
        return held
    if isinstance(held, list) and isinstance(before, list):
        held[:] = [_restore(old, value) for old, value in zip(held, before, strict=False)] + before[len(held) :]
        return held
    return before
