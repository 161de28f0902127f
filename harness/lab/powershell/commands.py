"""The parser of commands: their name, arguments and redirections, where a word needs no quotes."""

from __future__ import annotations

import re

from harness.lab.powershell.expressions import ExpressionParser
from harness.lab.powershell.lexer import DASHES, DOUBLE_QUOTES, SINGLE_QUOTES
from harness.lab.powershell.syntax import (
    ArrayLiteral,
    Command,
    CommandExpression,
    Expandable,
    Literal,
    Node,
    ParameterToken,
    Pipeline,
    Redirection,
    Variable,
)

_PARAMETER = re.compile(rf"[{DASHES}]([A-Za-z_?][^\s;(){{}},|&.\[:{SINGLE_QUOTES}{DOUBLE_QUOTES}]*)(:?)")
_REDIRECTION = re.compile(r"(?P<stream>[1-6*])?(?P<arrow>>>?)(?:&(?P<into>[12]))?")
_WORD = re.compile(rf"[^\s;(){{}},|&`$<>{SINGLE_QUOTES}{DOUBLE_QUOTES}]+")
_FIRST_OF_WORD = re.compile(r"[^\s;(){},|&<>@]|@(?=[^\w({'\"])")
_SPLAT = re.compile(r"@(?:(\w+):)?(\w+)")
# What ends a command's argument after a variable; anything else makes it part of a longer word.
_AFTER_VARIABLE = re.compile(r"[\s;(){},|&<>.\[:]|$")
_STATEMENT_OPERATORS = re.compile(
    rf"[{DASHES}](?:not|bnot|join|split|csplit|isplit)(?!\w)|[{DASHES}]{{2}}\s*\$", re.IGNORECASE
)
_EXPRESSION_STARTS = f"$({{!,+{SINGLE_QUOTES}{DOUBLE_QUOTES}"


class CommandParser(ExpressionParser):
    """Reads pipelines."""

    def pipeline(self, first: CommandExpression | None = None) -> Pipeline:
        """Read the elements of a pipeline.

        Args:
            first: The first element where it has been read already.
        """
        line, column = (first.line, first.column) if first else self.place()
        elements: list[Command | CommandExpression] = [first or self.element(first=True)]
        while True:
            self.blanks()
            if self.starts("||") or self.starts("&&"):
                self.fail(
                    f"The token '{self.peek(2)}' is not a valid statement separator in this version.",
                    error_id="InvalidEndOfLine",
                )
            if not self.take("|"):
                break
            self.lines()
            if self.at >= self.end or self.peek() in ")};|":
                self.fail(
                    "An empty pipe element is not allowed.",
                    error_id="EmptyPipeElement",
                    incomplete=self.at >= self.end,
                )
            elements.append(self.element(first=False))
        return Pipeline(line, column, tuple(elements))

    def starts_expression(self) -> bool:
        """Say whether a pipeline's element starts with an expression instead of a command's name."""
        character = self.peek()
        if not character:
            return False
        if character in _EXPRESSION_STARTS or character == "[":
            return True
        if character == "@":
            return True
        if self.is_dash():
            return bool(self.match(_STATEMENT_OPERATORS)) or self._number_at(self.at + 1)
        return self._number_at(self.at)

    def _number_at(self, at: int) -> bool:
        here, self.at = self.at, at
        number = self.number()
        # 7z or 2to3 are commands; so is a number that a letter follows.
        found = number is not None and not re.match(r"\w", self.peek())
        self.at = here
        return found

    def element(self, *, first: bool) -> Command | CommandExpression:
        """Read one element of a pipeline."""
        line, column = self.place()
        start = self.at
        character = self.peek()
        if character == "&" or (character == "." and re.match(r"[\s$({'\"]", self.peek(2)[1:] or "x")):
            self.at += 1
            self.lines()
            return self._command(line, column, start, character)
        if self.starts_expression():
            if not first:
                self.fail(
                    "Expressions are only allowed as the first element of a pipeline.",
                    error_id="ExpressionsMustBeFirstInPipeline",
                )
            expression = self.expression()
            return self.finish_expression(expression, line, column, start)
        return self._command(line, column, start, "")

    def finish_expression(self, expression: Node, line: int, column: int, start: int) -> CommandExpression:
        """Make an element of an expression that has been read."""
        redirections = []
        self.blanks()
        end = self.at
        while (redirection := self._redirection()) is not None:
            redirections.append(redirection)
            end = self.at
            self.blanks()
        text = self.text[start:end].rstrip()
        return CommandExpression(line, column, expression, tuple(redirections), text)

    def _command(self, line: int, column: int, start: int, operator: str) -> Command:
        name = self._name(operator)
        elements: list[Node] = []
        redirections: list[Redirection] = []
        end = self.at
        while True:
            self.blanks()
            if self.at >= self.end or self.peek() in "\r\n;|)}" or self.starts("&&"):
                break
            redirection = self._redirection()
            if redirection:
                redirections.append(redirection)
            else:
                elements.append(self._argument())
            end = self.at
        text = self.text[start:end]
        return Command(line, column, name, operator, tuple(elements), tuple(redirections), text)

    def _name(self, operator: str) -> Node:
        if operator and self.starts_expression():
            return self._suffixes(self.primary())
        if self.at >= self.end or not self.match(_FIRST_OF_WORD):
            if not operator:
                self._no_value()
            self.fail(
                f"Missing expression after '{operator}' in pipeline element.",
                error_id="MissingExpression",
                incomplete=self.at >= self.end,
            )
        return self._word()

    def _redirection(self) -> Redirection | None:
        line, column = self.place()
        if self.peek() == "<" and not self.starts("<#"):
            self.fail("The '<' operator is reserved for future use.", error_id="RedirectionNotSupported")
        found = self.match(_REDIRECTION)
        if not found:
            return None
        self.at = found.end()
        stream = found["stream"] or "1"
        if found["into"]:
            if found["into"] != "1":
                self.not_simulated(f"the redirection {found[0]}", found.start())
            return Redirection(line, column, stream, int(found["into"]))
        self.blanks()
        target = self._single_argument()
        if not (isinstance(target, Variable) and target.name.lower() == "null"):
            self.not_simulated("redirection into a file", found.start())
        return Redirection(line, column, stream, target)

    # Arguments

    def _argument(self) -> Node:
        line, column = self.place()
        if self.peek() == "&":
            self.fail(
                "The ampersand (&) character is not allowed. The & operator is reserved for future use; "
                "wrap an ampersand "
                'in double quotation marks ("&") to pass it as part of a string.',
                error_id="AmpersandNotAllowed",
            )
        if self.is_dash():
            found = self.match(_PARAMETER)
            if found:
                return self._parameter(found, line, column)
            if re.match(rf"[{DASHES}]{{2}}(%|\s|$)", self.text[self.at : self.at + 3]):
                self.not_simulated(f"the argument {self.peek(3).strip()}")
        return self._list()

    def _parameter(self, found: re.Match[str], line: int, column: int) -> Node:
        self.at = found.end()
        if not found[2]:
            # -foo.bar and -foo"x" are words for native programs.
            if self.peek() and self.peek() in f".[{SINGLE_QUOTES}{DOUBLE_QUOTES}":
                self.not_simulated(f"the argument {found[0]}{self.peek()}…", found.start())
            return ParameterToken(line, column, found[1], None)
        self.blanks()
        if self.at >= self.end or self.peek() in "\r\n;|)}":
            self.fail(
                f"Parameter -{found[1]} requires an argument.",
                error_id="ParameterRequiresArgument",
                incomplete=self.at >= self.end,
            )
        return ParameterToken(line, column, found[1], self._list())

    def _list(self) -> Node:
        line, column = self.place()
        items = [self._single_argument()]
        while True:
            here = self.at
            self.blanks()
            if not self.take(","):
                self.at = here
                break
            self.lines()
            if self.at >= self.end or self.peek() in ")};|":
                self.fail(
                    "Missing an argument in parameter list.",
                    error_id="MissingArgument",
                    incomplete=self.at >= self.end,
                )
            items.append(self._single_argument())
        return items[0] if len(items) == 1 else ArrayLiteral(line, column, tuple(items))

    def _single_argument(self) -> Node:  # noqa: PLR0911 - one row per first character
        line, column = self.place()
        character = self.peek()
        if character == "@":
            return self._at_argument(line, column)
        if character == "$":
            return self._dollar_argument(line, column)
        if character and character in "({":
            return self._ended(self._suffixes(self.primary()))
        if character and character in SINGLE_QUOTES + DOUBLE_QUOTES:
            return self._ended(self._suffixes(self.primary()))
        start = self.at
        if self.is_dash() and self._number_at(self.at + 1):
            self.at += 1
            number = self._negative_number()
            if self._ends_word():
                return Literal(line, column, number)
            self.at = start
        number = self.number()
        if number is not None and self._ends_word():
            return Literal(line, column, number)
        self.at = start
        if not self.match(_FIRST_OF_WORD):
            self._no_value()
        return self._word()

    def _ends_word(self) -> bool:
        return self.at >= self.end or self.peek() in " \t\r\n;,|){}&<>\u00a0"

    def _ended(self, node: Node) -> Node:
        if not self._ends_word():
            self.not_simulated(f"'{self.peek()}' right after a quoted or bracketed argument")
        return node

    def _at_argument(self, line: int, column: int) -> Node:
        found = self.match(_SPLAT)
        if found:
            self.at = found.end()
            return Variable(line, column, found[2], (found[1] or "").lower(), splat=True)
        return self._ended(self._suffixes(self.primary()))

    def _dollar_argument(self, line: int, column: int) -> Node:
        start = self.at
        if self.starts("$("):
            node = self.primary()
            if self._ends_word() or self.peek() in ".[":
                return self._ended(self._suffixes(node))
            self.at = start
            return self._word()
        found = self.variable()
        if found is None or not _AFTER_VARIABLE.match(self.text, self.at):
            # A lone dollar sign, or a word such as $folder\file.
            self.at = start
            return self._word()
        if self.peek() == ":" and self.peek(2) != "::":
            self._invalid_reference()
        node = self._suffixes(Variable(line, column, found[1], found[0]))
        return self._ended(node)

    def _word(self) -> Node:  # noqa: C901, PLR0912 - one row per kind of character
        """Read an unquoted word; quotes and variables within it count."""
        line, column = self.place()
        start = self.at
        parts: list[str | Node] = []
        text: list[str] = []
        quoted = False
        while self.at < self.end:
            found = self.match(_WORD)
            if found:
                text.append(found[0])
                self.at = found.end()
                continue
            character = self.peek()
            if character == "`":
                if self.peek(2)[1:] in ("\n", "\r", ""):
                    break
                text.append(self.peek(2)[1:])
                self.at += 2
            elif character == "$":
                node = self.expansion(self.end)
                if node is None:
                    text.append("$")
                else:
                    parts += ["".join(text)] if text else []
                    text = []
                    parts.append(node)
            elif character in SINGLE_QUOTES:
                text.append(self.single_quoted())
                quoted = True
            elif character in DOUBLE_QUOTES:
                node = self.double_quoted()
                quoted = True
                if isinstance(node, Literal):
                    text.append(node.value)
                else:
                    parts += ["".join(text)] if text else []
                    text = []
                    parts.append(node)
            else:
                break
        if self.at == start:
            # A backtick at the very end, or what no word starts with.
            self._no_value()
        if text:
            parts.append("".join(text))
        if len(parts) == 1 and isinstance(parts[0], str):
            return Literal(line, column, parts[0], bare=not quoted)
        return Expandable(line, column, tuple(parts))
