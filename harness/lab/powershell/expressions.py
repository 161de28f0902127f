"""The parser of expressions: operators by precedence, then values with their members and indexes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NoReturn

from harness.lab.powershell.lexer import DASHES, DOUBLE_QUOTES, SINGLE_QUOTES, Scanner, unescape
from harness.lab.powershell.syntax import (
    ArrayExpression,
    ArrayLiteral,
    Binary,
    Block,
    Cast,
    Expandable,
    HashLiteral,
    Increment,
    Index,
    Invoke,
    Literal,
    Member,
    Node,
    Paren,
    ScriptBlockExpression,
    SubExpression,
    TypeLiteral,
    Unary,
    Variable,
)

if TYPE_CHECKING:
    from harness.lab.powershell.syntax import ScriptBlockNode, Statement

_CASED = (
    *("eq", "ne", "gt", "ge", "lt", "le", "like", "notlike", "match", "notmatch"),
    *("contains", "notcontains", "in", "notin", "replace", "split"),
)
_COMPARISONS = (*_CASED, "join", "is", "isnot", "as", "shl", "shr")
_PRECEDENCE = (
    dict.fromkeys(("and", "or", "xor"), 1)
    | dict.fromkeys(("band", "bor", "bxor"), 2)
    | dict.fromkeys(_COMPARISONS, 3)
    | {f"c{name}": 3 for name in _CASED}
    | {f"i{name}": 3 for name in _CASED}
    | {"+": 4, "-": 4, "*": 5, "/": 5, "%": 5, "f": 6, "..": 7}
)
_DASH_OPERATOR = re.compile(rf"[{DASHES}]([A-Za-z]+)(?!\w)")
_MEMBER_NAME = re.compile(r"[A-Za-z_]\w*")
_TYPE = re.compile(r"\[\s*([A-Za-z_][\w.+]*(?:`\d+)?)\s*(\[[\w\s.,\[\]]*\])?\s*\]")
_HASH_KEY = re.compile(r"[A-Za-z_][\w.-]*")
_EXPANDING = re.compile(rf"[^`${DOUBLE_QUOTES}]+")
_EXPANDING_HERE = re.compile(r"[^`$]+")


class ExpressionParser(Scanner):
    """Reads expressions; statements come from the subclass."""

    # Given by the statement parser

    def statement(self) -> Statement:
        """Read one statement."""
        raise NotImplementedError

    def block_until(self, closing: str) -> Block:
        """Read statements up to a closing bracket and take it."""
        raise NotImplementedError

    def script_block(self) -> ScriptBlockNode:
        """Read a script block with its braces."""
        raise NotImplementedError

    # Operators

    def expression(self, *, commas: bool = True) -> Node:
        """Read an expression.

        Args:
            commas: Whether a comma makes an array; in a method's arguments it doesn't.
        """
        self.enter()
        node = self._binary(1, commas=commas)
        self.leave()
        return node

    def _operator(self) -> tuple[str, int] | None:
        """Give the binary operator that is next and its length."""
        character = self.peek()
        if self.is_dash():
            found = self.match(_DASH_OPERATOR)
            if found:
                return found[1].lower(), len(found[0])
            return "-", 1
        if character == "." and self.peek(2) == "..":
            return "..", 2
        return (character, 1) if character and character in "+*/%" else None

    def _binary(self, least: int, *, commas: bool) -> Node:
        left = self._comma() if commas else self._unary()
        while True:
            self.blanks()
            operator = self._operator()
            if operator is None:
                return left
            name, length = operator
            precedence = _PRECEDENCE.get(name)
            if precedence is None:
                self.fail(f"Unexpected token '{self.peek(length)}' in expression or statement.")
            if precedence < least or self._is_assignment(length):
                return left
            line, column = self.place()
            self.at += length
            self.lines()
            self._value_must_follow(name)
            right = self._binary(precedence + 1, commas=commas)
            if name[0] == "i" and name[1:] in _CASED:
                name = name[1:]
            left = Binary(line, column, name, left, right)

    def _is_assignment(self, length: int) -> bool:
        return length == 1 and self.peek(2)[1:] == "=" and self.peek() in f"+*/%{DASHES}"

    def _value_must_follow(self, operator: str) -> None:
        if self.at >= self.end or self.peek() in ")}];|&":
            written = f"-{operator}" if operator.isalpha() else operator
            self.fail(
                f"You must provide a value expression following the '{written}' operator.",
                error_id="ExpectedValueExpression",
                incomplete=self.at >= self.end,
            )

    def _comma(self) -> Node:
        line, column = self.place()
        items = [self._unary()]
        while True:
            self.blanks()
            if not self.take(","):
                break
            self.lines()
            if self.at >= self.end or self.peek() in ")}];|":
                self.fail(
                    "Missing expression after ','.",
                    error_id="MissingExpressionAfterToken",
                    incomplete=self.at >= self.end,
                )
            items.append(self._unary())
        return items[0] if len(items) == 1 else ArrayLiteral(line, column, tuple(items))

    def _unary(self) -> Node:
        self.enter()
        try:
            return self._unary_inner()
        finally:
            self.leave()

    def _unary_inner(self) -> Node:
        line, column = self.place()
        character = self.peek()
        if character == ",":
            self.at += 1
            self.lines()
            return ArrayLiteral(line, column, (self._unary(),))
        if character == "!":
            self.at += 1
            self.lines()
            return Unary(line, column, "not", self._unary())
        if self.is_dash() or character == "+":
            return self._signed(line, column)
        if character == "[":
            return self._bracketed(line, column)
        return self.value()

    def _signed(self, line: int, column: int) -> Node:
        start = self.at
        sign = "+" if self.peek() == "+" else "-"
        if self.is_dash():
            found = self.match(_DASH_OPERATOR)
            if found:
                name = found[1].lower()
                if name not in {"not", "bnot", "join", "split", "csplit", "isplit"}:
                    self.fail(f"Unexpected token '{found[0]}' in expression or statement.")
                self.at = found.end()
                self.lines()
                self._value_must_follow(name)
                # The unary -join and -split take the whole list that follows.
                operand = self._unary()
                return Unary(line, column, name.removeprefix("i"), operand)
        self.at += 1
        if self.peek() == "+" if sign == "+" else self.is_dash():
            self.at += 1
            self.blanks()
            operand = self.value()
            self._must_be_assignable(operand, start)
            return Increment(line, column, operand, 1 if sign == "+" else -1, prefix=True)
        # A minus that touches a number belongs to it: -2147483648 is an int.
        if sign == "-" and (self.peek().isdigit() or (self.peek() == "." and self.peek(2)[1:].isdigit())):
            number = self._negative_number()
            if number is not None:
                return self._suffixes(Literal(line, column, number))
        self.blanks()
        return Unary(line, column, sign, self._unary())

    def _negative_number(self) -> object:
        at = self.at
        number = self.number()
        if number is None:
            return None
        if self.peek() == "." and self.peek(2)[1:].isalpha():
            self.at = at
            return None
        return -2147483648 if number == 2147483648 else type(number)(-number)  # noqa: PLR2004 - smallest int

    def _bracketed(self, line: int, column: int) -> Node:
        literal = self.type_literal()
        if self.starts("::"):
            return self._suffixes(literal)
        self.blanks()
        if self._operand_follows():
            return Cast(line, column, literal, self._unary())
        return self._suffixes(literal)

    def _operand_follows(self) -> bool:
        character = self.peek()
        if not character or character in ")}];|,\r\n.=*/%&<>":
            return False
        if self.is_dash() or character == "+":
            found = self.match(_DASH_OPERATOR)
            return found[1].lower() in {"not", "bnot"} if found else character == "+" or self.peek(2)[1:] != " "
        return character in f"$@({{[!{SINGLE_QUOTES}{DOUBLE_QUOTES}" or character.isdigit()

    def type_literal(self) -> TypeLiteral:
        """Read ``[name]``."""
        line, column = self.place()
        found = self.match(_TYPE)
        if not found:
            self.fail("Missing type name after '['.", error_id="MissingTypename")
        self.at = found.end()
        name = found[1] + re.sub(r"\s", "", found[2] or "")
        return TypeLiteral(line, column, name)

    # Values

    def value(self) -> Node:
        """Read a value with its members, indexes and a ``++`` behind it."""
        start = self.at
        node = self._suffixes(self.primary())
        if self.peek(2) == "++" or (self.is_dash() and self.is_dash(self.at + 1)):
            line, column = self.place(start)
            step = 1 if self.peek() == "+" else -1
            self._must_be_assignable(node, self.at)
            self.at += 2
            return Increment(line, column, node, step, prefix=False)
        return node

    def _must_be_assignable(self, node: Node, at: int) -> None:
        if not isinstance(node, Variable | Member | Index):
            self.fail(
                "The operator works only on variables or on properties.",
                at,
                error_id="OperatorRequiresVariableOrProperty",
            )

    def primary(self) -> Node:  # noqa: PLR0911 - one row per first character
        """Read a value without anything behind it."""
        line, column = self.place()
        character = self.peek()
        if character == "$":
            return self._dollar(line, column)
        if character and character in SINGLE_QUOTES:
            return Literal(line, column, self.single_quoted())
        if character and character in DOUBLE_QUOTES:
            return self.double_quoted()
        if character == "@":
            return self._at_sign(line, column)
        if character == "(":
            return self.paren()
        if character == "{":
            return ScriptBlockExpression(line, column, self.script_block())
        if character == "[":
            return self.type_literal()
        number = self.number()
        if number is not None:
            return Literal(line, column, number)
        return self._no_value()

    def _no_value(self) -> NoReturn:
        if self.at >= self.end:
            self.fail("An expression was expected.", error_id="ExpectedExpression", incomplete=True)
        word = re.compile(r"[^\s;(){}]+|.", re.DOTALL).match(self.text, self.at)
        self.fail(f"Unexpected token '{word[0] if word else ''}' in expression or statement.")

    def paren(self) -> Node:
        """Read ``(…)``."""
        line, column = self.place()
        self.enter()
        self.expect("(")
        self.lines()
        if self.peek() == ")":
            self.fail("An expression was expected after '('.", error_id="ExpectedExpression")
        body = self.statement()
        self.lines()
        self.expect(")", "in expression")
        self.leave()
        return Paren(line, column, body)

    def _dollar(self, line: int, column: int) -> Node:
        if self.starts("$("):
            self.enter()
            self.at += 2
            body = self.block_until(")")
            self.leave()
            return SubExpression(line, column, body)
        found = self.variable()
        if found is None:
            self.fail("Unexpected token '$' in expression or statement.")
        if self.peek() == ":" and self.peek(2) != "::":
            self._invalid_reference()
        scope, name = found
        if scope in {"using", "workflow"}:
            self.not_simulated(f"the scope ${scope}:", self.at)
        return Variable(line, column, name, scope)

    def _invalid_reference(self) -> None:
        self.fail(
            "Variable reference is not valid. ':' was not followed by a valid variable name character. "
            "Consider using ${} to delimit the name.",
            error_id="InvalidVariableReferenceWithDrive",
        )

    def _at_sign(self, line: int, column: int) -> Node:
        if self.here_string_opens():
            return self._here_string(line, column)
        if self.starts("@("):
            self.enter()
            self.at += 2
            body = self.block_until(")")
            self.leave()
            return ArrayExpression(line, column, body)
        if self.starts("@{"):
            return self._hash_literal(line, column)
        if _MEMBER_NAME.match(self.text, self.at + 1):
            self.fail(
                "The splatting operator '@' cannot be used to reference variables in an expression. "
                "'@' can be used only "
                "as an argument to a command.",
                error_id="SplattingNotPermitted",
            )
        return self.fail("Unrecognized token in source text.", error_id="UnrecognizedToken")

    def _hash_literal(self, line: int, column: int) -> Node:
        self.enter()
        self.at += 2
        pairs: list[tuple[Node, Statement]] = []
        self._separators()
        while not self.take("}"):
            key = self._hash_key()
            self.lines()
            if not self.take("="):
                self.fail(
                    "Missing '=' operator after key in hash literal.",
                    error_id="MissingEqualsInHashLiteral",
                    incomplete=self.at >= self.end,
                )
            self.lines()
            if self.at >= self.end or self.peek() in "};":
                self.fail(
                    "Missing statement after '=' in hash literal.",
                    error_id="MissingStatementInHashLiteral",
                    incomplete=self.at >= self.end,
                )
            self._no_duplicate(key, pairs)
            pairs.append((key, self.statement()))
            self.blanks()
            if self.peek() not in ("}", ";", "\n", "\r"):
                self.expect("}", "in hash literal")
                break
            self._separators()
        self.leave()
        return HashLiteral(line, column, tuple(pairs))

    def _separators(self) -> None:
        self.lines()
        while self.take(";"):
            self.lines()

    def _hash_key(self) -> Node:
        line, column = self.place()
        found = self.match(_HASH_KEY)
        if found:
            self.at = found.end()
            return Literal(line, column, found[0])
        return self._unary()

    def _no_duplicate(self, key: Node, pairs: list[tuple[Node, Statement]]) -> None:
        if not isinstance(key, Literal) or not isinstance(key.value, str):
            return
        folded = key.value.lower()
        if any(isinstance(k, Literal) and isinstance(k.value, str) and k.value.lower() == folded for k, _ in pairs):
            self.fail(
                f"Duplicate keys '{key.value}' are not allowed in hash literals.",
                error_id="DuplicateKeyInHashLiteral",
            )

    # Members

    def _suffixes(self, node: Node) -> Node:
        while True:
            character = self.peek()
            if character == "[":
                node = self._index(node)
            elif character == "." and self.peek(2) != "..":
                node = self._member(node, static=False)
            elif character == ":" and self.peek(2) == "::":
                node = self._member(node, static=True)
            else:
                return node

    def _index(self, node: Node) -> Node:
        line, column = self.place()
        self.enter()
        self.at += 1
        self.lines()
        if self.peek() == "]":
            self.fail("Array index expression is missing or not valid.", error_id="MissingArrayIndexExpression")
        index = self.expression()
        self.lines()
        self.expect("]", "after array index expression")
        self.leave()
        return Index(line, column, node, index)

    def _member(self, node: Node, *, static: bool) -> Node:
        self.at += 2 if static else 1
        self.lines()
        line, column = self.place()
        name = self._member_name()
        if self.peek() == "(":
            arguments = self._arguments()
            return Invoke(line, column, node, name, arguments, static)
        if self.peek() == "{" and isinstance(name, Literal):
            # .Where{…} is a call without parentheses.
            block = ScriptBlockExpression(*self.place(), self.script_block())
            return Invoke(line, column, node, name, (block,), static)
        return Member(line, column, node, name, static)

    def _member_name(self) -> Node:
        line, column = self.place()
        found = self.match(_MEMBER_NAME)
        if found:
            self.at = found.end()
            return Literal(line, column, found[0])
        character = self.peek()
        if character and character in f"$({SINGLE_QUOTES}{DOUBLE_QUOTES}":
            return self.primary()
        return self.fail(
            "Missing property name after reference operator.",
            error_id="MissingPropertyName",
            incomplete=self.at >= self.end,
        )

    def _arguments(self) -> tuple[Node, ...]:
        self.enter()
        self.at += 1
        self.lines()
        arguments: list[Node] = []
        while not self.take(")"):
            if arguments:
                if not self.take(","):
                    self.expect(")", "in method call")
                    break
                self.lines()
                if self.at >= self.end or self.peek() == ")":
                    self.fail(
                        "Missing expression after ','.",
                        error_id="MissingExpressionAfterToken",
                        incomplete=self.at >= self.end,
                    )
            arguments.append(self.expression(commas=False))
            self.lines()
        self.leave()
        return tuple(arguments)

    # Strings

    def double_quoted(self) -> Node:
        """Read a double-quoted string; any of its four quotes opens and closes it."""
        line, column = self.place()
        start = self.at
        self.at += 1
        parts = self._expand(start, self.end, quoted=True)
        return self._string(line, column, parts)

    def _here_string(self, line: int, column: int) -> Node:
        content, offset, expands = self.here_string()
        if not expands:
            return Literal(line, column, content)
        after = self.at
        self.at = offset
        parts = self._expand(offset, offset + len(content), quoted=False)
        self.at = after
        return self._string(line, column, parts)

    @staticmethod
    def _string(line: int, column: int, parts: list[str | Node]) -> Node:
        if not parts:
            return Literal(line, column, "")
        if len(parts) == 1 and isinstance(parts[0], str):
            return Literal(line, column, parts[0])
        return Expandable(line, column, tuple(parts))

    def _expand(self, start: int, limit: int, *, quoted: bool) -> list[str | Node]:
        """Read literal text and variables up to the closing quote, or to the limit for a here-string."""
        parts: list[str | Node] = []
        text: list[str] = []
        pattern = _EXPANDING if quoted else _EXPANDING_HERE
        while True:
            found = pattern.match(self.text, self.at, limit)
            if found:
                text.append(found[0])
                self.at = found.end()
            if self.at >= limit:
                if quoted:
                    self.fail(
                        'The string is missing the terminator: ".',
                        start,
                        error_id="TerminatorExpectedAtEndOfString",
                        incomplete=True,
                    )
                break
            character = self.text[self.at]
            if character == "$":
                node = self.expansion(limit)
                if node is None:
                    text.append("$")
                else:
                    parts += ["".join(text)] if text else []
                    text = []
                    parts.append(node)
            elif character == "`":
                text.append(unescape(self.text[self.at + 1 : self.at + 2]))
                self.at += 2
            elif self.text[self.at + 1 : self.at + 2] and self.text[self.at + 1] in DOUBLE_QUOTES:
                text.append(self.text[self.at + 1])
                self.at += 2
            else:
                self.at += 1
                break
        return [*parts, "".join(text)] if text else parts

    def expansion(self, limit: int) -> Node | None:
        """Read ``$name`` or ``$(…)`` within a string; a dollar sign alone is text."""
        line, column = self.place()
        if self.starts("$(") and self.at + 1 < limit:
            return self._dollar(line, column)
        found = self.variable()
        if found is None:
            self.at += 1
            return None
        scope, name = found
        # Within text the question mark isn't part of a longer name's end only where braces say so; as PowerShell does.
        if self.peek() == ":" and self.peek(2) != "::" and self.text[self.at - 1] != "}":
            self._invalid_reference()
        return Variable(line, column, name, scope)
