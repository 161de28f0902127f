"""Properties and methods of the .NET types that scripts use most; each file has those of one subject."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.lab.powershell.methods import collections, dates, errors, objects, strings

if TYPE_CHECKING:
    from harness.lab.powershell.methods.tables import Methods, Properties

PROPERTIES: Properties = (
    strings.PROPERTIES | collections.PROPERTIES | dates.PROPERTIES | errors.PROPERTIES | objects.PROPERTIES
)
METHODS: Methods = strings.METHODS | collections.METHODS | dates.METHODS | errors.METHODS | objects.METHODS

__all__ = ["METHODS", "PROPERTIES"]
