"""The parser of statements and script blocks, and the way in: `parse`."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from harness.lab.powershell.commands import CommandParser
from harness.lab.powershell.syntax import (
    ArrayLiteral,
    Assignment,
    Attribute,
    Block,
    Cast,
    Catch,
    Exit,
    Expandable,
    For,
    ForEach,
    FunctionDefinition,
    If,
    Index,
    Jump,
    Literal,
    Member,
    Node,
    ParamBlock,
    ParameterDefinition,
    Pipeline,
    Return,
    Script,
    ScriptBlockNode,
    Statement,
    Switch,
    Throw,
    Try,
    TypeLiteral,
    Variable,
    While,
)

if TYPE_CHECKING:
    from collections.abc import Callable

_KEYWORD = re.compile(r"([A-Za-z]+)(?![\w\-.:\\/])")
_LABEL = re.compile(r":(\w+)")
_NAME = re.compile(r"(?:(\w+):)?([^\s(){};,|&$'\"`<>:]+)")
_ASSIGNMENT = re.compile(r"[+\-*/%]?=(?!=)")
_ATTRIBUTE = re.compile(r"\[\s*([A-Za-z_][\w.]*)\s*\(")
_ARGUMENT_NAME = re.compile(r"([A-Za-z_]\w*)\s*(=)?")
_SWITCH_OPTION = re.compile(r"-(regex|wildcard|exact|casesensitive|file|parallel)(?!\w)", re.IGNORECASE)
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
_NAMED_BLOCKS = ("begin", "process", "end")


class Parser(CommandParser):
    """Reads scripts."""

    def script(self) -> Script:
        """Read the whole text."""
        self.take("\ufeff")
        node = self._body("", 0)
        if self.at < self.end:
            self.fail(f"Unexpected token '{self.peek()}' in expression or statement.")
        return node

    # Blocks

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

    # Statements

    def _keyword(self) -> str:
        found = self.match(_KEYWORD)
        return found[1].lower() if found else ""

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
