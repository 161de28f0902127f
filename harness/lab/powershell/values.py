"""Evaluates expressions, and sets what an assignment names: variables, properties, elements."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.lab.powershell import conversions, operators
from harness.lab.powershell.errors import runtime_error
from harness.lab.powershell.formatting import text
from harness.lab.powershell.objects import NOTHING, Hashtable, InputLines, Nothing, ScriptBlock, Value
from harness.lab.powershell.operations import Operations
from harness.lab.powershell.syntax import (
    ArrayExpression,
    ArrayLiteral,
    Assignment,
    Binary,
    Block,
    Cast,
    CommandExpression,
    Expandable,
    HashLiteral,
    Increment,
    Index,
    Invoke,
    Literal,
    Member,
    Node,
    Paren,
    Pipeline,
    ScriptBlockExpression,
    SubExpression,
    TypeLiteral,
    Unary,
    Variable,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.lab.powershell.objects import Out
    from harness.lab.powershell.scope import Scope
    from harness.lab.powershell.session import Session
    from harness.lab.powershell.syntax import Statement

_CONSTANTS: dict[str, Value] = {"true": True, "false": False, "null": None}


class Values(Operations):
    """The expressions of one process; statements come from the subclass.

    Args:
        session: The process.
    """

    result: Callable[[Statement], Value]
    raw_result: Callable[[Statement], Value]

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._expressions: dict[type[Node], Callable[..., Value]] = {
            Literal: lambda node: node.value,
            Expandable: self._expandable,
            Variable: self._variable,
            TypeLiteral: lambda node: self.session.find_type(node.name),
            Cast: self._cast,
            Unary: self._unary,
            Binary: self._binary,
            Increment: self._increment,
            ArrayLiteral: lambda node: [self.value(item) for item in node.items],
            ArrayExpression: self._array_expression,
            SubExpression: lambda node: self._collected(node.body),
            Paren: lambda node: self.result(node.body),
            HashLiteral: self._hash_literal,
            ScriptBlockExpression: lambda node: ScriptBlock(node.body),
            Member: self._member,
            Invoke: self._invoke,
            Index: self._index,
        }

    def value(self, node: Node) -> Value:
        """Evaluate an expression."""
        if type(node) is Literal:  # every other node is one
            return node.value
        return self._expressions[type(node)](node)

    def raw_value(self, node: Node) -> Value:
        """Evaluate an expression, with `NOTHING` where it is a command's missing output."""
        if type(node) is Literal:
            return node.value
        if type(node) is Variable:
            return self._raw_variable(node)
        if type(node) is Paren:
            return self.raw_result(node.body)
        if type(node) is SubExpression:
            collected: list[Value] = []
            self.run_block(node.body, collected.append)
            return self._shape(collected)
        return self._expressions[type(node)](node)

    def _expandable(self, node: Expandable) -> str:
        separator = self.separator()
        return "".join(part if isinstance(part, str) else text(self._expansion(part), separator) for part in node.parts)

    def _expansion(self, part: Node) -> Value:
        if isinstance(part, Variable) and self.scope.strictness() == 1 and not part.scope:
            # Strict mode 1.0 leaves variables within strings alone.
            return self.variable(part.name)
        return self.value(part)

    def _variable(self, node: Variable) -> Value:
        value = self._raw_variable(node)
        return None if value is NOTHING else value

    def _raw_variable(self, node: Variable) -> Value:
        if node.scope:
            return self.scoped_variable(node.name, node.scope)
        name = node.name.lower()
        if name in _CONSTANTS:
            return _CONSTANTS[name]
        scope: Scope | None = self.scope
        while scope is not None:
            if name in scope.variables:
                return scope.variables[name]
            scope = scope.parent
        return self.missing_variable(node.name)

    def _cast(self, node: Cast) -> Value:
        name = node.type.name
        if isinstance(node.operand, HashLiteral) and name.lower() == "ordered":
            if self.session.version < (3, 0):
                raise runtime_error(
                    "Unable to find type [ordered]: make sure that the assembly containing this type is loaded.",
                    "TypeNotFound",
                )
            return self._hash_literal(node.operand, ordered=True)
        if isinstance(node.operand, HashLiteral) and self.session.find_type(name).name.endswith("PSCustomObject"):
            return self.custom_object(self._hash_literal(node.operand, ordered=True))
        return self.convert(self.value(node.operand), name)

    def _hash_literal(self, node: HashLiteral, *, ordered: bool = False) -> Hashtable:
        table = Hashtable(ordered=ordered)
        for key_node, statement in node.pairs:
            key = self.value(key_node)
            if key is None:
                raise runtime_error("A null key is not allowed in a hash literal.", "InvalidNullKey")
            if key in table:
                raise runtime_error(
                    f"Item has already been added. Key in dictionary: '{text(key)}'  Key being added: '{text(key)}'",
                    "DuplicateKeyInHashLiteral",
                )
            table[key] = self.result(statement)
        return table

    def _array_expression(self, node: ArrayExpression) -> Value:
        statements = node.body.statements
        if len(statements) == 1 and isinstance(statements[0], Pipeline) and len(statements[0].elements) == 1:
            element = statements[0].elements[0]
            if (
                isinstance(element, CommandExpression)
                and isinstance(element.expression, ArrayLiteral)
                and not element.redirections
            ):
                # @(1, 2) is the array itself, whatever its elements are.
                return self.value(element.expression)
        collected: list[Value] = []
        self.run_block(node.body, collected.append)
        return collected

    def _collected(self, block: Block) -> Value:
        collected: list[Value] = []
        self.run_block(block, collected.append)
        value = self._shape(collected)
        return None if value is NOTHING else value

    @staticmethod
    def _shape(collected: list[Value]) -> Value:
        if not collected:
            return NOTHING
        return collected[0] if len(collected) == 1 else collected

    def _member(self, node: Member) -> Value:
        target = self.value(node.target)
        name = text(self.value(node.name))
        return self.members.static(target, name) if node.static else self.members.get(target, name)

    def _invoke(self, node: Invoke) -> Value:
        target = self.value(node.target)
        name = text(self.value(node.name))
        arguments = [self.value(argument) for argument in node.arguments]
        if node.static:
            return self.members.call_static(target, name, arguments)
        return self.members.call(target, name, arguments)

    def _index(self, node: Index) -> Value:
        return self.members.index(self.value(node.target), self.value(node.index))

    def expression_element(self, node: CommandExpression, out: Out) -> None:
        """Write an expression's value to the pipeline, arrays element by element."""
        expression = node.expression
        if isinstance(expression, Increment):
            # $i++ as a statement writes nothing.
            self.value(expression)
            return
        value = self.raw_value(expression)
        self.success = True
        if isinstance(value, list | InputLines):
            for item in list(value) if isinstance(value, list) else value:
                out(item)
        elif not isinstance(value, Nothing):
            if isinstance(expression, Invoke) and value is None:
                # A method that returns nothing writes nothing.
                return
            out(value)

    # Places

    def assign(self, node: Assignment) -> Value:
        """Run an assignment and give the value that was set."""
        value = self.raw_result(node.value)
        self.success = self.success if isinstance(node.value, Pipeline) else True
        if node.operator != "=":
            held = self.value(node.target)
            right = None if value is NOTHING else value
            value = self.operate(node.operator[0] if node.operator[0] in "+*/%" else "-", held, right)
        self.set_target(node.target, value)
        return value

    def set_target(self, target: Node, value: Value) -> None:
        """Store a value in a variable, a property, an element or several of them."""
        if isinstance(target, Variable):
            self.set_variable(target.name, value, target.scope)
        elif isinstance(target, Member):
            holder = (
                self.session.find_type(target.target.name)
                if isinstance(target.target, TypeLiteral)
                else self.value(target.target)
            )
            self.members.set(holder, text(self.value(target.name)), self._settable(value), static=target.static)
        elif isinstance(target, Index):
            self.members.set_index(self.value(target.target), self.value(target.index), self._settable(value))
        elif isinstance(target, Cast):
            self._set_typed(target, value)
        elif isinstance(target, ArrayLiteral):
            self._set_several(target, value)

    @staticmethod
    def _settable(value: Value) -> Value:
        return None if value is NOTHING else value

    def _set_typed(self, target: Cast, value: Value) -> None:
        net = self.session.find_type(target.type.name)
        converted = self.convert(self._settable(value), target.type.name)
        if isinstance(target.operand, Variable):
            self.scope.constraints[target.operand.name.lower()] = net
        self.set_target(target.operand, converted)

    def _set_several(self, target: ArrayLiteral, value: Value) -> None:
        values = list(value) if isinstance(value, list) else [self._settable(value)]
        last = len(target.items) - 1
        for index, item in enumerate(target.items):
            if index < last or len(values) <= len(target.items):
                self.set_target(item, values[index] if index < len(values) else None)
            else:
                self.set_target(item, values[index:])

    def _increment(self, node: Increment) -> Value:
        held = self.value(node.operand)
        if held is not None and not conversions.is_number(held):
            raise runtime_error(
                f"The '{'++' if node.step > 0 else '--'}' operator works only on numbers. The operand is a "
                f"'{conversions.type_name(held)}'.",
                "OperatorRequiresNumber",
            )
        changed = operators.add(held if held is not None else 0, node.step, " ")
        self.set_target(node.operand, changed)
        return changed if node.prefix else held
