"""Variables and functions by scope."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.lab.powershell.cmdlet import NetType
    from harness.lab.powershell.objects import Value
    from harness.lab.powershell.syntax import FunctionDefinition, ScriptBlockNode


class Scope:
    """What one function, script block or the script itself has set; names in lower case.

    Args:
        parent: The scope of the caller: PowerShell looks names up along the calls, not along the text.
    """

    __slots__ = ("body", "constraints", "functions", "parent", "strict", "variables")

    def __init__(self, parent: Scope | None) -> None:
        self.parent = parent
        self.variables: dict[str, Value] = {}
        self.constraints: dict[str, NetType] = {}
        self.functions: dict[str, FunctionDefinition] = {}
        self.strict: int | None = None
        self.body: ScriptBlockNode | None = None

    def holder(self, name: str) -> Scope | None:
        """Give the nearest scope that has the variable."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.variables:
                return scope
            scope = scope.parent
        return None

    def function(self, name: str) -> FunctionDefinition | None:
        """Find a function."""
        scope: Scope | None = self
        while scope is not None:
            found = scope.functions.get(name)
            if found is not None:
                return found
            scope = scope.parent
        return None

    def root(self) -> Scope:
        """Give the global scope."""
        scope = self
        while scope.parent is not None:
            scope = scope.parent
        return scope

    def strictness(self) -> int:
        """Give the version of strict mode in force; 0 where it is off."""
        scope: Scope | None = self
        while scope is not None:
            if scope.strict is not None:
                return scope.strict
            scope = scope.parent
        return 0
