"""The syntax tree: frozen, with the line and column of each node's first character."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.lab.powershell.objects import Value


class ScriptSyntaxError(Exception):
    """The text isn't a script, or uses syntax that the lab doesn't have.

    Args:
        message: As PowerShell words it, where it is PowerShell's own error.
        line: 1 for the first line.
        column: 1 for the first character.
        error_id: PowerShell's identifier; ``NotSimulated`` for valid syntax outside the subset.
        incomplete: The text ends too early: more text might make it a script.
    """

    def __init__(
        self,
        message: str,
        line: int,
        column: int,
        *,
        error_id: str = "UnexpectedToken",
        incomplete: bool = False,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.column = column
        self.error_id = error_id
        self.incomplete = incomplete

    def __str__(self) -> str:
        """Give the place before the message."""
        return f"line {self.line}, column {self.column}: {self.message}"


@dataclass(frozen=True, slots=True)
class Node:
    """The base of all nodes."""

    line: int
    column: int

    def children(self) -> Iterator[Node]:
        """Give the nodes directly below, in the order of the text."""
        for field in fields(self):
            yield from _nodes(getattr(self, field.name))

    def walk(self) -> Iterator[Node]:
        """Give this node and every node below it."""
        pending: list[Node] = [self]
        while pending:
            node = pending.pop()
            yield node
            pending.extend(reversed(list(node.children())))


def _nodes(value: object) -> Iterator[Node]:
    if isinstance(value, Node):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _nodes(item)


# Expressions


@dataclass(frozen=True, slots=True)
class Literal(Node):
    """A number or a string without expansion; ``bare`` marks an unquoted word of a command."""

    value: Value
    bare: bool = False


@dataclass(frozen=True, slots=True)
class Expandable(Node):
    """A double-quoted string or a word with variables in it."""

    parts: tuple[str | Node, ...]


@dataclass(frozen=True, slots=True)
class Variable(Node):
    """``$name``; ``scope`` is ``""``, ``global``, ``script``, ``local``, ``private``, ``env`` or ``function`` …."""

    name: str
    scope: str = ""
    splat: bool = False


@dataclass(frozen=True, slots=True)
class TypeLiteral(Node):
    """``[name]``, without the brackets."""

    name: str


@dataclass(frozen=True, slots=True)
class Cast(Node):
    """``[name]operand``."""

    type: TypeLiteral
    operand: Node


@dataclass(frozen=True, slots=True)
class Unary(Node):
    """``operator operand``; the operator in lower case without the dash: ``not``, ``-``, ``+``, ``join`` …."""

    operator: str
    operand: Node


@dataclass(frozen=True, slots=True)
class Binary(Node):
    """``left operator right``; the operator in lower case without the dash, ``i`` forms without the ``i``."""

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Increment(Node):
    """``++`` (step 1) or ``--`` (step -1), before or after its operand."""

    operand: Node
    step: int
    prefix: bool


@dataclass(frozen=True, slots=True)
class ArrayLiteral(Node):
    """``a, b``."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class ArrayExpression(Node):
    """``@(…)``."""

    body: Block


@dataclass(frozen=True, slots=True)
class SubExpression(Node):
    """``$(…)``."""

    body: Block


@dataclass(frozen=True, slots=True)
class Paren(Node):
    """``(…)``."""

    body: Statement


@dataclass(frozen=True, slots=True)
class HashLiteral(Node):
    """``@{…}``."""

    pairs: tuple[tuple[Node, Statement], ...]


@dataclass(frozen=True, slots=True)
class ScriptBlockExpression(Node):
    """``{…}`` as a value."""

    body: ScriptBlockNode


@dataclass(frozen=True, slots=True)
class Member(Node):
    """``target.name`` or ``[type]::name``."""

    target: Node
    name: Node
    static: bool


@dataclass(frozen=True, slots=True)
class Invoke(Node):
    """``target.name(arguments)`` or ``[type]::name(arguments)``."""

    target: Node
    name: Node
    arguments: tuple[Node, ...]
    static: bool


@dataclass(frozen=True, slots=True)
class Index(Node):
    """``target[index]``."""

    target: Node
    index: Node


# Pipelines


@dataclass(frozen=True, slots=True)
class Redirection(Node):
    """``2>&1`` or ``>$null``; ``target`` is a stream's number or a node."""

    stream: str
    target: int | Node


@dataclass(frozen=True, slots=True)
class ParameterToken(Node):
    """``-Name`` or ``-Name:value`` of a command."""

    name: str
    value: Node | None


@dataclass(frozen=True, slots=True)
class Command(Node):
    """A command of a pipeline.

    Args:
        name: A bare word, or any expression after ``&`` or ``.``.
        operator: ``""``, ``&`` or ``.``.
        elements: `ParameterToken`, or an argument's node.
        text: The command as it is written.
    """

    name: Node
    operator: str
    elements: tuple[Node, ...]
    redirections: tuple[Redirection, ...]
    text: str


@dataclass(frozen=True, slots=True)
class CommandExpression(Node):
    """An expression as an element of a pipeline."""

    expression: Node
    redirections: tuple[Redirection, ...]
    text: str


# Statements


@dataclass(frozen=True, slots=True)
class Pipeline(Node):
    """``a | b | c``."""

    elements: tuple[Command | CommandExpression, ...]


@dataclass(frozen=True, slots=True)
class Assignment(Node):
    """``target operator value``, for example with ``+=``."""

    target: Node
    operator: str
    value: Statement
    text: str


@dataclass(frozen=True, slots=True)
class If(Node):
    """``if … elseif … else``."""

    clauses: tuple[tuple[Statement, Block], ...]
    otherwise: Block | None


@dataclass(frozen=True, slots=True)
class ForEach(Node):
    """``foreach ($x in …)``."""

    label: str
    variable: Variable
    values: Statement
    body: Block


@dataclass(frozen=True, slots=True)
class For(Node):
    """``for (a; b; c)``."""

    label: str
    start: Statement | None
    condition: Statement | None
    step: Statement | None
    body: Block


@dataclass(frozen=True, slots=True)
class While(Node):
    """``while``, ``do … while`` and ``do … until``."""

    label: str
    condition: Statement
    body: Block
    do: bool
    until: bool


@dataclass(frozen=True, slots=True)
class Switch(Node):
    """``switch``; ``clauses`` are pattern and block."""

    label: str
    mode: str
    case_sensitive: bool
    values: Statement
    clauses: tuple[tuple[Node, Block], ...]
    default: Block | None


@dataclass(frozen=True, slots=True)
class Catch(Node):
    """``catch [type], [type] { … }``."""

    types: tuple[TypeLiteral, ...]
    body: Block


@dataclass(frozen=True, slots=True)
class Try(Node):
    """``try … catch … finally``."""

    body: Block
    catches: tuple[Catch, ...]
    final: Block | None


@dataclass(frozen=True, slots=True)
class Throw(Node):
    """``throw value``."""

    value: Statement | None
    text: str


@dataclass(frozen=True, slots=True)
class Return(Node):
    """``return value``."""

    value: Statement | None


@dataclass(frozen=True, slots=True)
class Exit(Node):
    """``exit value``."""

    value: Statement | None


@dataclass(frozen=True, slots=True)
class Jump(Node):
    """``break`` or ``continue``, perhaps with a label."""

    kind: str
    label: Node | None


@dataclass(frozen=True, slots=True)
class FunctionDefinition(Node):
    """``function name { … }`` or ``filter name { … }``."""

    name: str
    body: ScriptBlockNode
    is_filter: bool


Statement: TypeAlias = (
    Pipeline
    | Assignment
    | If
    | ForEach
    | For
    | While
    | Switch
    | Try
    | Throw
    | Return
    | Exit
    | Jump
    | FunctionDefinition
)


# Blocks


@dataclass(frozen=True, slots=True)
class Block(Node):
    """Statements in a row."""

    statements: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Attribute(Node):
    """``[name(arguments)]`` before a parameter."""

    name: str
    positional: tuple[Node, ...]
    named: tuple[tuple[str, Node], ...]


@dataclass(frozen=True, slots=True)
class ParameterDefinition(Node):
    """One parameter of a ``param`` block."""

    name: str
    attributes: tuple[Attribute, ...]
    types: tuple[TypeLiteral, ...]
    default: Node | None


@dataclass(frozen=True, slots=True)
class ParamBlock(Node):
    """``param(…)``; ``attributes`` are those of the block, for example ``CmdletBinding``."""

    attributes: tuple[Attribute, ...]
    parameters: tuple[ParameterDefinition, ...]


@dataclass(frozen=True, slots=True)
class ScriptBlockNode(Node):
    """A script block, a function's body or a whole script.

    Args:
        end: The statements where there are no named blocks.
        text: The text between the braces.
        file: The script's file; empty for a command line.
        source: The text of the whole script, for the lines in errors.
    """

    params: ParamBlock | None
    begin: Block | None
    process: Block | None
    end: Block | None
    text: str
    file: str
    source: str


Script: TypeAlias = ScriptBlockNode
