"""The nearest right word for a wrong one."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def nearest(word: str, known: Iterable[str]) -> str:
    """Give the known word that is closest, or nothing.

    Args:
        word: What was written.
        known: What could have been meant.
    """
    by_folded = {each.lower().replace("-", "_"): each for each in known}
    close = get_close_matches(word.lower().replace("-", "_")[:100], by_folded, n=1, cutoff=0.6)
    return by_folded[close[0]] if close else ""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Ask whether the closest known word was meant; nothing where none is close."""
    close = nearest(word, known)
    return f"did you mean {close!r}?" if close else ""
