"""Keeps secrets out of everything that harness prints, logs or saves."""

from __future__ import annotations

MASK = "********"


class Secret:
    """A value that doesn't show itself.

    Args:
        value: The secret in clear.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Give the value in clear, for the one place that needs it."""
        return self._value

    def __repr__(self) -> str:
        """Never the value."""
        return MASK
