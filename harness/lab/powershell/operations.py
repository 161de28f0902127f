"""Evaluates operators: which operation on values an operator of the syntax tree is, in this version of PowerShell.

The operations themselves stand in `harness.lab.powershell.operators`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.lab.powershell import conversions, operators
from harness.lab.powershell.errors import runtime_error
from harness.lab.powershell.formatting import text
from harness.lab.powershell.invocation import Invocation
from harness.lab.powershell.objects import DotNetError, EnumValue, TerminatingError, Value

if TYPE_CHECKING:
    from harness.lab.powershell.cmdlet import NetType
    from harness.lab.powershell.syntax import Binary, Node, Unary

_COMPARISONS = frozenset({name for one in ("eq", "ne", "gt", "ge", "lt", "le") for name in (one, f"c{one}")})
_TYPE_OPERATORS = frozenset({"is", "isnot", "as"})
_ARITHMETIC = {"-": operators.subtract, "*": operators.multiply}


class Operations(Invocation):
    """The operators of one process; operands come from the subclass.

    Args:
        session: The process.
    """

    def _unary(self, node: Unary) -> Value:
        value = self.value(node.operand)
        name = node.operator
        if name == "not":
            return not conversions.truth(value)
        if name == "-":
            return operators.subtract(0, value)
        if name == "+":
            return operators.arithmetic("+", 0, value)
        if name == "bnot":
            return (
                type(value)(~value)
                if isinstance(value, int) and not isinstance(value, bool)
                else ~int(conversions.integer(int)(value))
            )
        if name == "join":
            return "".join(text(item) for item in (value if isinstance(value, list) else [value]))
        return operators.unary_split(value)

    def _binary(self, node: Binary) -> Value:
        name = node.operator
        if name == "and":
            return conversions.truth(self.value(node.left)) and conversions.truth(self.value(node.right))
        if name == "or":
            return conversions.truth(self.value(node.left)) or conversions.truth(self.value(node.right))
        left = self.value(node.left)
        if name in _TYPE_OPERATORS:
            return self._type_operator(name, left, node.right)
        return self.operate(name, left, self.value(node.right))

    def operate(self, name: str, left: Value, right: Value) -> Value:  # noqa: PLR0911 - one row per operator
        """Do a binary operator on two values."""
        if name in _COMPARISONS:
            return operators.compare(name, left, right)
        if name == "+":
            return operators.add(left, right, self.separator())
        if name in _ARITHMETIC:
            return _ARITHMETIC[name](left, right)
        if name in {"/", "%"}:
            return operators.arithmetic(name, left, right)
        if name == "..":
            return operators.span(left, right)
        if name == "f":
            return operators.format_operator(left, right)
        if name == "xor":
            return conversions.truth(left) != conversions.truth(right)
        if name in {"band", "bor", "bxor", "shl", "shr"}:
            return self._bitwise(name, left, right)
        if name == "join":
            return text(right).join(text(item) for item in (left if isinstance(left, list) else [left]))
        cased = name[0] == "c" and name != "contains"
        plain = name[1:] if cased else name
        return self._pattern_operator(plain, left, right, cased=cased)

    def _bitwise(self, name: str, left: Value, right: Value) -> Value:
        if name in {"shl", "shr"} and self.session.version < (3, 0):
            raise runtime_error(
                f"Unexpected token '-{name}' in expression or statement.", "UnexpectedToken", "ParserError"
            )
        for one, other in ((left, right), (right, left)):
            if isinstance(one, EnumValue):
                net = self.session.find_type(one.type_name)
                result = operators.bitwise(name, one.value, conversions.enum_member(other, net).value)
                return conversions.enum_member(int(result), net)
        return operators.bitwise(name, left, right)

    def _pattern_operator(self, name: str, left: Value, right: Value, *, cased: bool) -> Value:
        negate = name.startswith("not")
        kind = name.removeprefix("not")
        if kind == "like":
            return operators.like(left, right, cased=cased, negate=negate)
        if kind == "match":
            return operators.match(self, left, right, cased=cased, negate=negate)
        if kind == "contains":
            return operators.contains(left, right, cased=cased) != negate
        if kind == "in":
            if self.session.version < (3, 0):
                raise runtime_error(
                    f"Unexpected token '-{name}' in expression or statement.",
                    "UnexpectedToken",
                    "ParserError",
                )
            return operators.contains(right, left, cased=cased) != negate
        if kind == "replace":
            return operators.replace(left, right, cased=cased)
        return operators.split(left, right, cased=cased)

    def _type_operator(self, name: str, left: Value, right: Node) -> Value:
        wanted = self.value(right)
        net: NetType = wanted if not isinstance(wanted, str) else self.session.find_type(wanted)
        if name == "as":
            try:
                return self.convert(left, net.name)
            except (DotNetError, TerminatingError):
                return None
        return self.is_a(left, net) == (name == "is")
