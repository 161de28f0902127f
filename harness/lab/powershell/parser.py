"""The parser of scripts, and the way in: `parse`."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from harness.lab.powershell.control_flow import ControlFlowParser
from harness.lab.powershell.syntax import (
    ArrayLiteral,
    Assignment,
    Cast,
    Exit,
    Expandable,
    FunctionDefinition,
    Index,
    Jump,
    Literal,
    Member,
    Node,
    ParamBlock,
    Return,
    Script,
    ScriptBlockNode,
    Statement,
    Throw,
    Variable,
)

if TYPE_CHECKING:
    from collections.abc import Callable

_LABEL = re.compile(r":(\w+)")
_NAME = re.compile(r"(?:(\w+):)?([^\s(){};,|&$'\"`<>:]+)")
_ASSIGNMENT = re.compile(r"[+\-*/%]?=(?!=)")
_OUTSIDE = frozenset(
    {
        "trap",
        "data",
        "class",
        "enum",
        "workflow",
        "using",
        "dynamicparam",
        "parallel",
        "sequence",
        "inlinescript",
        "configuration",
        "from",
        "define",
        "var",
    }
)


class Parser(ControlFlowParser):
    """Reads scripts: tells statements apart, and reads those that are no control flow."""

    def script(self) -> Script:
        """Read the whole text."""
        self.take("\ufeff")
        node = self._body("", 0)
        if self.at < self.end:
            self.fail(f"Unexpected token '{self.peek()}' in expression or statement.")
        return node

    def statement(self) -> Statement:
        """Read one statement."""
        self.enter()
        label = ""
        found = self.match(_LABEL)
        if found:
            label = found[1]
            self.at = found.end()
            self.lines()
        keyword = self._keyword()
        reader = self._readers().get(keyword)
        if keyword in _OUTSIDE:
            self._refuse_outside(keyword)
        start = self.at
        if reader is None or (
            keyword == "foreach"
            and not re.match(r"foreach\s*\(|foreach\s*-parallel", self.text[start : start + 200], re.IGNORECASE)
        ):
            if label:
                self.fail(f"Unexpected token ':{label}' in expression or statement.")
            node = self._pipeline_or_assignment()
        else:
            self.at += len(keyword)
            node = reader(label, start)
        self.leave()
        return node

    def _refuse_outside(self, keyword: str) -> None:
        followed = self.text[self.at + len(keyword) : self.at + len(keyword) + 80].lstrip()
        if keyword in {"from", "define", "var"}:
            self.fail(
                f"The '{keyword}' keyword is not supported in this version of the language.",
                error_id="ReservedKeywordNotAllowed",
            )
        if followed[:1] not in ("", "|", ";"):
            self.not_simulated(f"the statement {keyword}")

    def _readers(self) -> dict[str, Callable[[str, int], Statement]]:
        return {
            "if": self._if,
            "foreach": self._foreach,
            "for": self._for,
            "while": self._while,
            "do": self._do,
            "switch": self._switch,
            "try": self._try,
            "throw": self._throw,
            "return": self._return,
            "exit": self._exit,
            "break": self._jump,
            "continue": self._jump,
            "function": self._function,
            "filter": self._function,
            "else": self._stray,
            "elseif": self._stray,
            "catch": self._stray,
            "finally": self._stray,
            "until": self._stray,
            "in": self._stray,
            "param": self._stray,
        }

    def _stray(self, _label: str, start: int) -> Statement:
        word = self.text[start : self.at]
        if word.lower() in {"catch", "finally", "until", "in"}:
            # These are keywords only in their place; alone they name a command.
            self.at = start
            return self.pipeline()
        if word.lower() == "param":
            self.fail("Unexpected token 'param' in expression or statement.", start)
        # As PowerShell does, take it for a command of that name.
        self.at = start
        return self.pipeline()

    def _pipeline_or_assignment(self) -> Statement:
        line, column = self.place()
        start = self.at
        if not self.starts_expression() or self.peek() == "&":
            return self.pipeline()
        expression = self.expression()
        self.blanks()
        operator = self.match(_ASSIGNMENT)
        if not operator:
            return self.pipeline(self.finish_expression(expression, line, column, start))
        self._must_take_assignment(expression, start)
        self.at = operator.end()
        self.lines()
        if self.at >= self.end or self.peek() in ")};|":
            self.fail(
                f"You must provide a value expression following the '{operator[0]}' operator.",
                error_id="ExpectedValueExpression",
                incomplete=self.at >= self.end,
            )
        value = self.statement()
        return Assignment(line, column, expression, operator[0], value, self.text[start : self.at])

    def _must_take_assignment(self, target: Node, at: int) -> None:
        if isinstance(target, ArrayLiteral):
            for item in target.items:
                self._must_take_assignment(item, at)
        elif isinstance(target, Cast):
            self._must_take_assignment(target.operand, at)
        elif not isinstance(target, Variable | Member | Index):
            self.fail(
                "The assignment expression is not valid. The input to an assignment operator must be "
                "an object that is able "
                "to accept assignments, such as a variable or a property.",
                at,
                error_id="InvalidLeftHandSide",
            )

    def _optional_value(self) -> Statement | None:
        self.blanks()
        if self.at >= self.end or self.peek() in "\r\n;})|":
            return None
        return self.pipeline() if not self.starts_expression() else self._pipeline_or_assignment()

    def _throw(self, _label: str, start: int) -> Statement:
        value = self._optional_value()
        return Throw(*self.place(start), value, self.text[start : self.at])

    def _return(self, _label: str, start: int) -> Statement:
        return Return(*self.place(start), self._optional_value())

    def _exit(self, _label: str, start: int) -> Statement:
        return Exit(*self.place(start), self._optional_value())

    def _jump(self, _label: str, start: int) -> Statement:
        kind = self.text[start : self.at].lower()
        self.blanks()
        label = None
        if self.at < self.end and self.peek() not in "\r\n;})":
            label = self._single_argument()
            if not isinstance(label, Literal | Variable | Expandable | Member):
                self.fail(f"Unexpected label after {kind}.", error_id="UnexpectedToken")
        return Jump(*self.place(start), kind, label)

    def _function(self, _label: str, start: int) -> Statement:
        is_filter = self.text[start : self.at].lower() == "filter"
        self.blanks()
        found = self.match(_NAME)
        if not found:
            self.fail(
                f"Missing name after {'filter' if is_filter else 'function'} keyword.",
                error_id="MissingNameAfterKeyword",
                incomplete=self.at >= self.end,
            )
        self.at = found.end()
        scope = (found[1] or "").lower()
        self.lines()
        parameters = None
        place = self.place()
        if self.peek() == "(":
            parameters = ParamBlock(*place, (), self._parameters())
            self.lines()
        if self.peek() != "{":
            self.fail(
                "Missing function body in function declaration.",
                error_id="MissingFunctionBody",
                incomplete=self.at >= self.end,
            )
        body = self.script_block()
        if parameters is not None:
            if body.params is not None:
                self.fail("Unexpected token 'param' in expression or statement.", start)
            body = ScriptBlockNode(
                body.line,
                body.column,
                parameters,
                body.begin,
                body.process,
                body.end,
                body.text,
                body.file,
                body.source,
            )
        name = f"{scope}:{found[2]}" if scope else found[2]
        return FunctionDefinition(*self.place(start), name, body, is_filter)


@lru_cache(maxsize=512)
def parse(text: str, file: str = "") -> Script:
    """Parse a script; the tree is shared between callers that give the same text.

    Args:
        text: The script.
        file: Its name, for errors and positions.

    Raises:
        ScriptSyntaxError: It isn't a script, or it uses syntax outside the subset.
    """
    return Parser(text, file).script()
