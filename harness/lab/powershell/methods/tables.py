"""What the tables of properties and methods share: their types, and how a method reads a number."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from harness.lab.powershell import conversions

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.lab.powershell.invocation import Invocation
    from harness.lab.powershell.objects import Value

    Properties: TypeAlias = dict[tuple[str, str], Callable[[Value, Invocation], Value]]
    """Kind of value and property name in lower case to the function that reads it."""
    Methods: TypeAlias = dict[tuple[str, str], tuple[str, Callable[..., Value]]]
    """The same for methods, to the first version that has it and the function: (owner, value, *arguments)."""

OUT_OF_RANGE = "System.ArgumentOutOfRangeException"


def as_index(value: Value) -> int:
    """Give an argument that is a place or a count."""
    return int(conversions.integer(int)(value))
