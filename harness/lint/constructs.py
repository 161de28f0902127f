"""Which constructs of the language came with which version of Windows PowerShell.

Sources: "What's new in Windows PowerShell" 3.0, 4.0 and 5.0; about_Operators, about_Redirection, about_Hash_Tables,
about_Functions_CmdletBindingAttribute, about_Arrays (Where and ForEach methods), about_Simplified_Syntax.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.lab.powershell.syntax import (
    Attribute,
    Binary,
    Cast,
    Command,
    HashLiteral,
    Invoke,
    Literal,
    ParameterToken,
    Redirection,
    ScriptBlockExpression,
    TypeLiteral,
    Variable,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.lab.powershell.syntax import Node, Script

_OPERATORS = frozenset({"in", "notin", "cin", "cnotin", "shl", "shr"})
_VARIABLES = {"psitem": "$_", "pscommandpath": "", "psscriptroot": ""}
_METHODS = {"where": "Where-Object", "foreach": "ForEach-Object"}
_TYPES = {"pscredential": "[System.Management.Automation.PSCredential]", "ciminstance": "", "cimsession": ""}
_NEWER_DOT_NET = {("string", "isnullorwhitespace"): "[string]::IsNullOrEmpty(…Trim())"}
_SIMPLE = frozenset({"where-object", "foreach-object"})
_OLD_STREAMS = frozenset({"1", "2"})


@dataclass(frozen=True, slots=True)
class Construct:
    """A use of something that not every version has.

    Args:
        node: Where.
        since: The version of Windows PowerShell that brought it.
        name: What it is, as people write it.
        instead: What to write for older versions; empty where nothing does the same.
    """

    node: Node
    since: str
    name: str
    instead: str = ""


def constructs(script: Script) -> Iterator[Construct]:
    """Give every use of what is newer than PowerShell 2.0."""
    lines = script.source.splitlines()
    for node in script.walk():
        yield from _construct(node, lines)


def _construct(node: Node, lines: list[str]) -> Iterator[Construct]:  # noqa: C901, PLR0912  one row per construct
    match node:
        case Cast(type=TypeLiteral(name=name), operand=HashLiteral()) if name.lower() == "pscustomobject":
            yield Construct(node, "3.0", "[pscustomobject]@{…}", "New-Object -TypeName PSObject -Property @{…}")
        case Cast(type=TypeLiteral(name=name)) if name.lower() == "ordered":
            yield Construct(node, "3.0", "[ordered]")
        case TypeLiteral(name=name) if name.lower() in _TYPES:
            yield Construct(node, "3.0", f"[{name}]", _TYPES[name.lower()])
        case Variable(name=name, scope="") if name.lower() in _VARIABLES:
            yield Construct(node, "3.0", f"${name}", _VARIABLES[name.lower()])
        case Binary(operator=operator) if operator in _OPERATORS:
            yield Construct(node, "3.0", f"-{operator}", "-contains with its sides changed" if "in" in operator else "")
        case Invoke(name=Literal(value=str(name)), static=False) if name.lower() in _METHODS:
            yield Construct(node, "4.0", f".{name}(…)", _METHODS[name.lower()])
        case Invoke(name=Literal(value=str(name)), static=True) if name.lower() == "new":
            yield Construct(node, "5.0", "::new(…)", "New-Object")
        case Invoke(target=TypeLiteral(name=kind), name=Literal(value=str(name)), static=True):
            instead = _NEWER_DOT_NET.get((kind.lower().removeprefix("system."), name.lower()))
            if instead:
                yield Construct(node, "3.0", f"[{kind}]::{name}", instead)
        case Redirection(stream=stream) if stream not in _OLD_STREAMS:
            yield Construct(node, "3.0", f"the redirection of stream {stream}")
        case Command(name=Literal(value=str(name))) if simplified(node):
            yield Construct(node, "3.0", f"{name} without a script block", f"{name} {{ … }}")
        case Attribute():
            yield from _bare_arguments(node, lines)
        case _:
            pass


def simplified(command: Command) -> bool:
    """Say whether Where-Object or ForEach-Object is called with a property's name instead of a script block."""
    if not isinstance(command.name, Literal) or str(command.name.value).lower() not in _SIMPLE:
        return False
    named = any(isinstance(element, ParameterToken) for element in command.elements)
    blocks = any(
        isinstance(element, ScriptBlockExpression | Variable)
        or (isinstance(element, ParameterToken) and isinstance(element.value, ScriptBlockExpression | Variable))
        for element in command.elements
    )
    return bool(command.elements) and not blocks and (named or isinstance(command.elements[0], Literal))


def _bare_arguments(attribute: Attribute, lines: list[str]) -> Iterator[Construct]:
    """Find ``[Parameter(Mandatory)]``: the parser reads it as true, standing where no variable is written."""
    for name, value in attribute.named:
        if isinstance(value, Variable) and lines[value.line - 1][value.column - 1 : value.column] != "$":
            yield Construct(attribute, "3.0", f"[{attribute.name}({name})]", f"{name} = $true")
