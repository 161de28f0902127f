"""How the .NET types of this package are declared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.lab.powershell.cmdlet import NetType
from harness.lab.powershell.objects import CaseDict, Value

if TYPE_CHECKING:
    from harness.lab.powershell.cmdlet import Registry

VALUE_TYPE = "System.ValueType"
"""What numbers and other types without a null derive from."""


def declare(registry: Registry, name: str, *aliases: str, **parts: Value) -> None:
    """Declare a type; see `NetType` for its parts, whose members may be given as plain dicts."""
    folded: dict[str, Any] = {key: CaseDict(part) if isinstance(part, dict) else part for key, part in parts.items()}
    registry.type(NetType(name, aliases, **folded))
