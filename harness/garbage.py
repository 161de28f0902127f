"""How often Python looks for garbage that refers to itself."""

from __future__ import annotations

import gc
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_SELDOM = (20_000, 20, 20)
_lock = threading.Lock()
_under_way: list[tuple[int, int, int]] = []


def collect_seldom() -> None:
    """Look for it seldom: what was loaded, and the records that are held, would be looked through again and again."""
    gc.set_threshold(*_SELDOM)


@contextmanager
def collected_seldom() -> Iterator[None]:
    """Do so for a while, in a process that isn't ours; several threads may, and the last one leaves it as it was."""
    with _lock:
        _under_way.append(_under_way[0] if _under_way else gc.get_threshold())
        collect_seldom()
    try:
        yield
    finally:
        with _lock:
            before = _under_way.pop()
            if not _under_way:
                gc.set_threshold(*before)
