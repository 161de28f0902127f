"""What a variable can hold, as far as the script's own text tells.

The order of statements isn't followed: a variable holds whatever is assigned to it anywhere. What can't be told is
`UNKNOWN`, and a caller that needs to know must say so.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias

from harness.lab.powershell.syntax import (
    ArrayExpression,
    ArrayLiteral,
    Assignment,
    Binary,
    Block,
    Cast,
    CommandExpression,
    ForEach,
    FunctionDefinition,
    HashLiteral,
    Index,
    Literal,
    Member,
    ParameterDefinition,
    Paren,
    Pipeline,
    SubExpression,
    Variable,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.lab.powershell.syntax import Node, Script

_DEEPEST = 12
"""How far a value is followed; variables that depend on each other would have no end."""
_MOST = 500
"""How many values are looked at; a script that builds text in a loop would have any number."""


class Unknown:
    """A value that the text doesn't tell."""


UNKNOWN = Unknown()


@dataclass(frozen=True, slots=True)
class Text:
    """A string, and where it is written."""

    value: str
    node: Node


@dataclass(frozen=True, slots=True)
class Hash:
    """A hashtable: its keys, each with where it is written and the value's node."""

    pairs: tuple[tuple[Text, Node], ...]


Value: TypeAlias = Unknown | Text | Hash
"""A value that is told; arrays come as their members."""


class Variables:
    """The variables of a script and of those that it is loaded after."""

    def __init__(self, script: Script) -> None:
        self._assigned: dict[str, list[Node]] = {}
        self._members: dict[str, list[tuple[Text, Node]]] = {}
        self._looped: dict[str, list[Node]] = {}
        self._inside: dict[tuple[int, int], Node] = {}
        self._untold: set[str] = set()
        self._function: dict[tuple[int, int], FunctionDefinition] = {}
        for node in script.walk():
            self._note(node)

    def _note(self, node: Node) -> None:
        match node:
            case Assignment(target=Variable(name=name), operator="=", value=value):
                self._assigned.setdefault(name.lower(), []).append(value)
            case Assignment(target=Member(target=Variable(name=name), name=Literal(value=str(key)) as at), value=value):
                self._members.setdefault(name.lower(), []).append((Text(key, at), value))
            case Assignment(target=Index(target=Variable(name=name), index=Literal(value=str(key)) as at), value=value):
                self._members.setdefault(name.lower(), []).append((Text(key, at), value))
            case Assignment(target=target):
                # Several at once, `+=`, or a member of an unknown name: whatever it touches isn't told any more.
                self._untold |= {each.name.lower() for each in target.walk() if isinstance(each, Variable)}
            case ForEach(variable=variable, values=values, body=body):
                self._looped.setdefault(variable.name.lower(), []).append(values)
                # The walk gives outer loops first, so the innermost loop has the last word.
                for each in body.walk():
                    if isinstance(each, Variable) and each.name.lower() == variable.name.lower():
                        self._inside[each.line, each.column] = values
            case ParameterDefinition(name=name):
                self._untold.add(name.lower())
            case FunctionDefinition(body=body):
                # As with loops, the innermost function has the last word.
                self._function.update(((each.line, each.column), node) for each in body.walk())
            case _:
                pass

    def assigned(self, name: str) -> Sequence[Node]:
        """Give what is assigned to a variable anywhere."""
        return self._assigned.get(name.lower(), ())

    def values(self, node: Node) -> tuple[Value, ...]:
        """Give every value that an expression can have; of an array, its members. Of very many, `UNKNOWN` is one."""
        found = tuple(islice(self._values(node), _MOST))
        return (*found, UNKNOWN) if len(found) == _MOST else found

    def heads(self, node: Node, followed: frozenset[str] = frozenset()) -> frozenset[str]:
        """Give what the first member of an array can be; of what can't be told, the empty text.

        What is added to an array comes after its first member. A variable is followed within its own function.

        Args:
            node: The array.
            followed: The variables on the way here, in lower case; one that depends on itself has no end.
        """
        match node:
            case Literal(value=str(value)):
                return frozenset({value})
            case (
                Paren(body=inner)
                | Cast(operand=inner)
                | Pipeline(elements=(CommandExpression(expression=inner),))
                | Binary(operator="+", left=inner)
                | ArrayExpression(body=Block(statements=(inner, *_)))
                | ArrayLiteral(items=(inner, *_))
            ):
                return self.heads(inner, followed)
            case Variable(name=name) if name.lower() not in followed:
                here = self._function.get((node.line, node.column))
                own = [each for each in self.assigned(name) if self._function.get((each.line, each.column)) is here]
                found = (self.heads(each, followed | {name.lower()}) for each in own)
                return frozenset[str]().union(*found) or frozenset({""})
        return frozenset({""})

    def _values(self, node: Node, depth: int = 0) -> Iterator[Value]:  # noqa: C901  one row per kind of node
        if depth > _DEEPEST:
            yield UNKNOWN
            return
        deeper = depth + 1
        match node:
            case Literal(value=str(value)):
                yield Text(value, node)
            case Variable():
                yield from self._of_variable(node, deeper)
            case HashLiteral(pairs=pairs):
                yield self._hash(pairs)
            case Member(target=target, name=Literal(value=str(name)), static=False):
                yield from self._of_member(target, name, deeper)
            case Index(target=target, index=Literal(value=str(name))):
                yield from self._of_member(target, name, deeper)
            case Paren(body=body) | Cast(operand=body):
                yield from self._values(body, deeper)
            case Binary(operator="+", left=left, right=right):
                yield from self._sum(left, right, deeper)
            case Pipeline(elements=(CommandExpression(expression=expression),)):
                yield from self._values(expression, deeper)
            case ArrayExpression(body=block) | SubExpression(body=block):
                yield from self._all(block.statements, deeper)
            case ArrayLiteral(items=items):
                yield from self._all(items, deeper)
            case _:
                yield UNKNOWN

    def _all(self, nodes: Sequence[Node], depth: int) -> Iterator[Value]:
        for each in nodes:
            yield from self._values(each, depth)

    def _of_variable(self, variable: Variable, depth: int) -> Iterator[Value]:
        name = variable.name.lower()
        inside = self._inside.get((variable.line, variable.column))
        looped = self._looped.get(name, []) if inside is None else [inside]
        sources = [*self._assigned.get(name, ()), *looped]
        if name in self._untold or not sources:
            yield UNKNOWN
            return
        added = tuple(self._members.get(name, ()))
        for source in sources:
            for value in self._values(source, depth):
                yield Hash((*value.pairs, *added)) if isinstance(value, Hash) and added else value

    def _of_member(self, target: Node, name: str, depth: int) -> Iterator[Value]:
        for value in self._values(target, depth):
            found = (
                [each for key, each in value.pairs if key.value.lower() == name.lower()]
                if isinstance(value, Hash)
                else []
            )
            if not found:
                yield UNKNOWN
            for each in found:
                yield from self._values(each, depth)

    def _sum(self, left: Node, right: Node, depth: int) -> Iterator[Value]:
        for first in self._values(left, depth):
            for second in self._values(right, depth):
                if isinstance(first, Text) and isinstance(second, Text):
                    yield Text(first.value + second.value, first.node)
                else:
                    yield UNKNOWN

    @staticmethod
    def _hash(pairs: Sequence[tuple[Node, Node]]) -> Value:
        told: list[tuple[Text, Node]] = []
        for key, value in pairs:
            if not isinstance(key, Literal) or not isinstance(key.value, str):
                return UNKNOWN
            told.append((Text(key.value, key), value))
        return Hash(tuple(told))
