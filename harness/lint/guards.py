"""What a script has made sure of: that a command is there, or that Windows or PowerShell is new enough.

Understood are ``Get-Command NAME``, comparisons of Windows's version with a literal (``-ge`` and ``-lt``), comparisons
of ``$PSVersionTable.PSVersion.Major`` with a number, these in a variable, and ``-not``, ``-and`` and ``-or``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from harness.lab.powershell.syntax import (
    ArrayExpression,
    Binary,
    Cast,
    Command,
    CommandExpression,
    Literal,
    Member,
    Paren,
    Pipeline,
    Unary,
    Variable,
)
from harness.lint.table import newer

if TYPE_CHECKING:
    from harness.lab.powershell.syntax import Node
    from harness.lint.table import Platform
    from harness.lint.values import Variables

_WINDOWS = {"6.0": "2008", "6.1": "2008R2", "6.2": "2012", "6.3": "2012R2", "10.0": "2016"}
# What each Windows Server came with; an administrator can install newer ones, but not remove it.
_POWERSHELL_OF = {"2012": "3.0", "2012R2": "4.0", "2016": "5.1"}
_POWERSHELL = {3: "3.0", 4: "4.0", 5: "5.0"}
_ASKS_WINDOWS = "get-harnesswindows"


@dataclass(frozen=True, slots=True)
class Sure:
    """What is sure at a place of a script.

    Args:
        commands: Commands that are there, in lower case.
        windows: The least version of Windows Server; empty where nothing was asked.
        powershell: The least version of PowerShell, likewise.
    """

    commands: frozenset[str] = frozenset()
    windows: str = ""
    powershell: str = ""

    def __or__(self, other: Sure) -> Sure:
        """Give what is sure when both are."""
        return Sure(
            self.commands | other.commands,
            newer("windows", self.windows, other.windows),
            newer("powershell", self.powershell, other.powershell),
        )

    def on(self, platform: Platform) -> Platform:
        """Give the platform that a script can count on at this place."""
        windows = newer("windows", platform.windows, self.windows)
        own = _POWERSHELL_OF.get(windows, "") if windows != platform.windows else ""
        powershell = newer("powershell", platform.powershell, newer("powershell", self.powershell, own))
        return replace(platform, windows=windows, powershell=powershell)


_NOTHING = (Sure(), Sure())


class Guards:
    """The conditions of a script.

    Args:
        variables: What its variables can hold.
    """

    def __init__(self, variables: Variables) -> None:
        self._variables = variables

    def when(self, condition: Node) -> tuple[Sure, Sure]:  # noqa: PLR0911  one row per kind of condition
        """Give what is sure when a condition holds, and what is when it doesn't."""
        node = _bare(condition)
        match node:
            case Unary(operator="not", operand=operand):
                holds, fails = self.when(operand)
                return fails, holds
            case Binary(operator="and", left=left, right=right):
                return self.when(left)[0] | self.when(right)[0], Sure()
            case Binary(operator="or", left=left, right=right):
                return Sure(), self.when(left)[1] | self.when(right)[1]
            case Binary(operator="ge", left=left, right=right):
                return self._at_least(left, right), Sure()
            case Binary(operator="lt", left=left, right=right):
                return Sure(), self._at_least(left, right)
            case Variable(name=name):
                (value, *others) = self._variables.assigned(name) or (condition,)
                indirect = any(isinstance(each, Variable) for each in value.walk())
                return _NOTHING if others or indirect else self.when(value)
            case Command():
                return self._asked(node), Sure()
            case _:
                return _NOTHING

    def _at_least(self, left: Node, right: Node) -> Sure:
        match _bare(right):
            case Cast(operand=Literal(value=str(version))) if self._is_windows(left):
                return Sure(windows=_WINDOWS.get(version, ""))
            case Literal(value=int(major)) if _is_powershell(left):
                return Sure(powershell=_POWERSHELL.get(major, ""))
            case _:
                return Sure()

    def _is_windows(self, node: Node) -> bool:
        node = _bare(node)
        if isinstance(node, Variable):
            values = [_bare(each) for each in self._variables.assigned(node.name)]
            return bool(values) and all(isinstance(each, Command) and self._is_windows(each) for each in values)
        return isinstance(node, Command) and _word(node.name).lower() == _ASKS_WINDOWS

    @staticmethod
    def _asked(command: Command) -> Sure:
        if _word(command.name).lower() != "get-command":
            return Sure()
        names = [_word(element).lower() for element in command.elements if isinstance(element, Literal)]
        return Sure(frozenset(names[:1]))


def constant(condition: Node) -> bool | None:
    """Give a condition's value where a literal is all there is of it, as values in a template are; else None."""
    node = _bare(condition)
    if isinstance(node, Variable) and node.name.lower() in {"true", "false"}:
        return node.name.lower() == "true"
    return None


def is_empty(values: Node) -> bool:
    """Say whether a loop has nothing to go over."""
    node = _bare(values)
    return isinstance(node, ArrayExpression) and not node.body.statements


def _is_powershell(node: Node) -> bool:
    """Say whether a node is ``$PSVersionTable.PSVersion.Major``."""
    match _bare(node):
        case Member(target=Member(target=Variable(name=table), name=Literal(value=first)), name=Literal(value=second)):
            return [table.lower(), first, second] == ["psversiontable", "PSVersion", "Major"]
    return False


def _bare(node: Node) -> Node:
    """Take away what doesn't change whether a node is true."""
    while True:
        match node:
            case Paren(body=inner) | Pipeline(elements=(CommandExpression(expression=inner),)):
                node = inner
            case Pipeline(elements=(Command() as inner,)):
                node = inner
            case Cast(type=kind, operand=inner) if kind.name.lower() == "bool":
                node = inner
            case _:
                return node


def _word(node: Node) -> str:
    return node.value if isinstance(node, Literal) and isinstance(node.value, str) else ""
