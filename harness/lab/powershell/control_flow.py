"""The parser of conditions, loops, ``switch`` and ``try``."""

from __future__ import annotations

import re

from harness.lab.powershell.script_blocks import ScriptBlockParser
from harness.lab.powershell.syntax import (
    Block,
    Catch,
    For,
    ForEach,
    If,
    Node,
    Statement,
    Switch,
    Try,
    TypeLiteral,
    Variable,
    While,
)

_SWITCH_OPTION = re.compile(r"-(regex|wildcard|exact|casesensitive|file|parallel)(?!\w)", re.IGNORECASE)


class ControlFlowParser(ScriptBlockParser):
    """Reads the statements that run blocks; the rest comes from the subclass."""

    def _condition(self, keyword: str) -> Statement:
        self.lines()
        if self.peek() != "(":
            self.fail(
                f"Missing '(' after '{keyword}' in {keyword} statement.",
                error_id="MissingOpenParenthesisAfterKeyword",
                incomplete=self.at >= self.end,
            )
        self.enter()
        self.at += 1
        self.lines()
        if self.peek() == ")":
            self.fail(
                f"Missing condition in {keyword} statement after '{keyword} ('.",
                error_id="IfStatementMissingCondition",
            )
        condition = self.statement()
        self.lines()
        self.expect(")", f"after expression in '{keyword}' statement")
        self.leave()
        return condition

    def _if(self, _label: str, start: int) -> Statement:
        clauses = [(self._condition("if"), self.braces("if ( condition )"))]
        otherwise = None
        while True:
            here = self.at
            self.lines()
            keyword = self._keyword()
            if keyword == "elseif":
                self.at += len(keyword)
                clauses.append((self._condition("elseif"), self.braces("elseif ( condition )")))
            elif keyword == "else":
                self.at += len(keyword)
                otherwise = self.braces("'else' keyword")
                break
            else:
                self.at = here
                break
        return If(*self.place(start), tuple(clauses), otherwise)

    # Loops

    def _foreach(self, label: str, start: int) -> Statement:
        self.lines()
        if self.is_dash():
            self.not_simulated("foreach -parallel")
        self.enter()
        self.expect("(", "after 'foreach'")
        self.lines()
        line, column = self.place()
        found = self.variable() if self.peek() == "$" else None
        if found is None:
            self.fail(
                "Missing variable name after foreach.",
                error_id="MissingVariableNameAfterForeach",
                incomplete=self.at >= self.end,
            )
        variable = Variable(line, column, found[1], found[0])
        self.lines()
        if self._keyword() != "in":
            self.fail(
                "Missing 'in' after variable in foreach loop.",
                error_id="MissingInInForeach",
                incomplete=self.at >= self.end,
            )
        self.at += 2
        self.lines()
        if self.peek() == ")":
            self.fail("Missing expression after 'in' in foreach loop.", error_id="MissingForeachExpression")
        values = self.statement()
        self.lines()
        self.expect(")", "after expression in foreach loop")
        self.leave()
        return ForEach(*self.place(start), label, variable, values, self.braces("foreach ( )"))

    def _for(self, label: str, start: int) -> Statement:
        self.lines()
        self.enter()
        self.expect("(", "after 'for'")
        parts: list[Statement | None] = []
        for closing in ";;)":
            self.lines()
            parts.append(None if self.peek() in (";", ")") else self.statement())
            self.lines()
            if closing == ";" and not self.take(";"):
                parts += [None] * (3 - len(parts))
                break
        self.lines()
        self.expect(")", "after expression in 'for' statement")
        self.leave()
        return For(*self.place(start), label, parts[0], parts[1], parts[2], self.braces("for ( )"))

    def _while(self, label: str, start: int) -> Statement:
        condition = self._condition("while")
        return While(*self.place(start), label, condition, self.braces("while ( )"), do=False, until=False)

    def _do(self, label: str, start: int) -> Statement:
        body = self.braces("do")
        self.lines()
        keyword = self._keyword()
        if keyword not in {"while", "until"}:
            self.fail(
                "Missing while or until keyword in do loop.",
                error_id="MissingWhileOrUntilInDoWhile",
                incomplete=self.at >= self.end,
            )
        self.at += len(keyword)
        condition = self._condition(keyword)
        return While(*self.place(start), label, condition, body, do=True, until=keyword == "until")

    def _switch(self, label: str, start: int) -> Statement:
        mode, cased = "exact", False
        self.lines()
        while found := self.match(_SWITCH_OPTION):
            option = found[1].lower()
            if option in {"file", "parallel"}:
                self.not_simulated(f"switch -{option}")
            if option == "casesensitive":
                cased = True
            else:
                mode = option
            self.at = found.end()
            self.lines()
        values = self._condition("switch")
        self.lines()
        self.expect("{", "in switch statement")
        self.enter()
        clauses: list[tuple[Node, Block]] = []
        default: Block | None = None
        self._separators()
        while not self.take("}"):
            if self.at >= self.end:
                self.expect("}", "in switch statement")
            if self._keyword() == "default":
                if default is not None:
                    self.fail(
                        "The switch statement can only have one default clause.",
                        error_id="MultipleSwitchDefaultClauses",
                    )
                self.at += len("default")
                default = self.braces("default")
            else:
                pattern = self._single_argument()
                clauses.append((pattern, self.braces("switch clause")))
            self._separators()
        self.leave()
        return Switch(*self.place(start), label, mode, cased, values, tuple(clauses), default)

    # Errors

    def _try(self, _label: str, start: int) -> Statement:
        body = self.braces("try")
        catches: list[Catch] = []
        final: Block | None = None
        while True:
            here = self.at
            self.lines()
            keyword = self._keyword()
            if keyword == "catch" and final is None:
                catches.append(self._catch())
            elif keyword == "finally" and final is None:
                self.at += len(keyword)
                final = self.braces("finally")
            else:
                self.at = here
                break
        if not catches and final is None:
            self.fail(
                "The Try statement is missing its Catch or Finally block.",
                error_id="MissingCatchOrFinally",
                incomplete=self.at >= self.end,
            )
        return Try(*self.place(start), body, tuple(catches), final)

    def _catch(self) -> Catch:
        line, column = self.place()
        self.at += len("catch")
        self.lines()
        types: list[TypeLiteral] = []
        while self.peek() == "[":
            types.append(self.type_literal())
            self.lines()
            if not self.take(","):
                break
            self.lines()
        return Catch(line, column, tuple(types), self.braces("catch"))
