"""The parser of blocks: statements one after the other, script blocks and their parameters."""

from __future__ import annotations

import re

from harness.lab.powershell.commands import CommandParser
from harness.lab.powershell.syntax import (
    Assignment,
    Attribute,
    Block,
    Node,
    ParamBlock,
    ParameterDefinition,
    Pipeline,
    ScriptBlockNode,
    Statement,
    TypeLiteral,
    Variable,
)

_KEYWORD = re.compile(r"([A-Za-z]+)(?![\w\-.:\\/])")
_ATTRIBUTE = re.compile(r"\[\s*([A-Za-z_][\w.]*)\s*\(")
_ARGUMENT_NAME = re.compile(r"([A-Za-z_]\w*)\s*(=)?")
_NAMED_BLOCKS = ("begin", "process", "end")


class ScriptBlockParser(CommandParser):
    """Reads blocks and parameters; a statement comes from the subclass."""

    def block_until(self, closing: str) -> Block:
        """Read statements up to a closing bracket and take it."""
        line, column = self.place()
        statements = self._statements()
        if not self.take(closing):
            if closing == "}":
                self.fail(
                    "Missing closing '}' in statement block or type definition.",
                    error_id="MissingEndCurlyBrace",
                    incomplete=True,
                )
            self._closing_missing(closing)
        return Block(line, column, statements)

    def _closing_missing(self, closing: str) -> None:
        if self.at >= self.end:
            self.expect(closing, "in subexpression")
        self.fail(f"Unexpected token '{self.peek()}' in expression or statement.")

    def _statements(self) -> tuple[Statement, ...]:
        statements: list[Statement] = []
        while True:
            self._separators()
            if self.at >= self.end or self.peek() in ")}":
                return tuple(statements)
            statement = self.statement()
            statements.append(statement)
            self.blanks()
            # A block's closing brace ends a statement by itself.
            if self.at < self.end and self.peek() not in "\r\n;)}" and self.text[self.at - 1 : self.at].strip() != "}":
                before = self.text[: self.at].rstrip()
                if not before.endswith("}") or isinstance(statement, Pipeline | Assignment):
                    self._unexpected()

    def _unexpected(self) -> None:
        word = re.compile(r"\w+|'[^'\r\n]*'|\"[^\"\r\n]*\"|.", re.DOTALL).match(self.text, self.at)
        self.fail(f"Unexpected token '{word[0] if word else ''}' in expression or statement.")

    def braces(self, what: str) -> Block:
        """Read a statement block with its braces.

        Args:
            what: What it belongs to, for the error.
        """
        self.lines()
        if self.peek() != "{":
            self.fail(
                f"Missing statement block after {what}.",
                error_id="MissingStatementBlock",
                incomplete=self.at >= self.end,
            )
        self.enter()
        self.at += 1
        block = self.block_until("}")
        self.leave()
        return block

    def script_block(self) -> ScriptBlockNode:
        """Read a script block with its braces."""
        start = self.at
        self.enter()
        self.expect("{")
        node = self._body("}", start + 1)
        self.leave()
        return node

    def _body(self, closing: str, start: int) -> ScriptBlockNode:
        line, column = self.place()
        self._separators()
        params = self._param_block()
        self._separators()
        named: dict[str, Block] = {}
        while (keyword := self._keyword()) in _NAMED_BLOCKS and re.match(r"\s*\{", self.text[self.at + len(keyword) :]):
            if keyword in named:
                self.fail(
                    f"Script command clause '{keyword}' has already been defined.",
                    error_id="DuplicateScriptCommandClause",
                )
            self.at += len(keyword)
            named[keyword] = self.braces(keyword)
            self._separators()
        if keyword == "dynamicparam":
            self.not_simulated("dynamicparam")
        if not named:
            place = self.place()
            named["end"] = Block(*place, self._statements())
        elif self.at < self.end and self.peek() != "}":
            self._unexpected()
        finish = self.at
        if closing and not self.take(closing):
            self.fail(
                "Missing closing '}' in statement block or type definition.",
                error_id="MissingEndCurlyBrace",
                incomplete=True,
            )
        text = self.text[start:finish]
        blocks = (named.get("begin"), named.get("process"), named.get("end"))
        return ScriptBlockNode(line, column, params, *blocks, text, self.file, self.text)

    def _keyword(self) -> str:
        found = self.match(_KEYWORD)
        return found[1].lower() if found else ""

    # Parameters

    def _param_block(self) -> ParamBlock | None:
        start = self.at
        line, column = self.place()
        attributes = []
        while self.peek() == "[" and self.match(_ATTRIBUTE):
            attributes.append(self._attribute())
            self._separators()
        if self._keyword() != "param" or not re.match(r"param\s*\(", self.text[self.at : self.at + 200], re.IGNORECASE):
            self.at = start
            return None
        self.at += len("param")
        self.lines()
        return ParamBlock(line, column, tuple(attributes), self._parameters())

    def _parameters(self) -> tuple[ParameterDefinition, ...]:
        self.enter()
        self.expect("(")
        self.lines()
        parameters: list[ParameterDefinition] = []
        while not self.take(")"):
            if parameters:
                if not self.take(","):
                    self.expect(")", "in function parameter list")
                self.lines()
            parameters.append(self._parameter_definition())
            self.lines()
        self.leave()
        return tuple(parameters)

    def _parameter_definition(self) -> ParameterDefinition:
        attributes: list[Attribute] = []
        types: list[TypeLiteral] = []
        line, column = self.place()
        while self.peek() == "[":
            if self.match(_ATTRIBUTE):
                attributes.append(self._attribute())
            else:
                types.append(self.type_literal())
            self.lines()
        found = self.variable() if self.peek() == "$" else None
        if found is None:
            self.fail(
                "Missing expression after ','." if line else "",
                error_id="MissingExpressionAfterToken",
                incomplete=self.at >= self.end,
            )
        default = None
        self.lines()
        if self.take("="):
            self.lines()
            default = self.expression(commas=False)
        return ParameterDefinition(line, column, found[1], tuple(attributes), tuple(types), default)

    def _attribute(self) -> Attribute:
        line, column = self.place()
        found = self.match(_ATTRIBUTE)
        self.enter()
        self.at = found.end() if found else self.at
        self.lines()
        positional: list[Node] = []
        named: list[tuple[str, Node]] = []
        while not self.take(")"):
            if (positional or named) and not self.take(","):
                self.expect(")", "in attribute")
                break
            self.lines()
            name = self.match(_ARGUMENT_NAME)
            if name and name[2]:
                self.at = name.end()
                self.lines()
                named.append((name[1], self.expression(commas=False)))
            elif name:
                # [Parameter(Mandatory)]: from PowerShell 3.0 on, a name alone means true.
                self.at += len(name[1])
                named.append((name[1], Variable(*self.place(), "true")))
            else:
                positional.append(self.expression(commas=False))
            self.lines()
        self.lines()
        self.expect("]", "at end of attribute or type literal")
        self.leave()
        return Attribute(line, column, found[1] if found else "", tuple(positional), tuple(named))
