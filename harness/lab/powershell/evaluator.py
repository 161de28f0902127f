"""Runs a syntax tree: its statements, upon the expressions, operators and commands of the base classes.

Output goes to an ``out`` function as it comes, so a pipeline streams. Loops, ``return`` and ``exit`` travel as Python
exceptions, errors as `TerminatingError`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from harness.lab.powershell import conversions, operators
from harness.lab.powershell.errors import ThrownError, as_terminating
from harness.lab.powershell.formatting import text
from harness.lab.powershell.objects import (
    NOTHING,
    DotNetError,
    ErrorRecord,
    InputLines,
    NetException,
    NotSimulatedError,
    Position,
    ScriptBlock,
    TerminatingError,
    Value,
)
from harness.lab.powershell.signals import ExitSignal, LoopSignal, ReturnSignal
from harness.lab.powershell.syntax import (
    Assignment,
    CommandExpression,
    Exit,
    For,
    ForEach,
    FunctionDefinition,
    If,
    Jump,
    Pipeline,
    Return,
    ScriptBlockExpression,
    ScriptSyntaxError,
    Switch,
    Throw,
    Try,
    While,
)
from harness.lab.powershell.values import Values

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from harness.lab.powershell.objects import Out
    from harness.lab.powershell.session import Session
    from harness.lab.powershell.syntax import Block, Catch, Node, Statement

STATEMENT_ERRORS = (TerminatingError, DotNetError, NotSimulatedError, ScriptSyntaxError, RecursionError)


@lru_cache(maxsize=16)
def _lines(source: str) -> tuple[str, ...]:
    """Give a script's lines, each command of which asks for its own."""
    return tuple(source.splitlines())


class Evaluator(Values):
    """The language's evaluator for one process.

    Args:
        session: The process.
    """

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._statements: dict[type[Node], Callable[..., None]] = {
            Pipeline: self._pipeline,
            Assignment: self._assignment,
            If: self._if,
            ForEach: self._foreach,
            For: self._for,
            While: self._while,
            Switch: self._switch,
            Try: self._try,
            Throw: self._throw,
            Return: self._return,
            Exit: self._exit,
            Jump: self._jump,
            FunctionDefinition: self._function,
        }

    def run_block(self, block: Block, out: Out) -> None:
        """Run statements in the current scope.

        Raises:
            TerminatingError: One failed and something encloses it that wants to know, or it ends the script.
        """
        statements = self._statements
        terminated = self.session.io.terminated
        for statement in block.statements:
            if terminated.is_set():
                self.session.check()
            try:
                statements[type(statement)](statement, out)
            except STATEMENT_ERRORS as error:
                self._statement_failed(error, statement)

    def position(self, node: Node, body_text: str = "") -> Position:
        """Give the place of a node in the script that runs."""
        body = self.body
        source = _lines(body.source) if body else ()
        line = source[node.line - 1] if 0 < node.line <= len(source) else body_text
        return Position(node.line, node.column, line, file=body.file if body else "")

    def _statement_failed(self, error: Exception, statement: Statement) -> None:
        found = as_terminating(error, self.position(self._blamed(statement)))
        if isinstance(error, NotSimulatedError):
            self.session.not_simulated.append(found.record.message)
        self.success = False
        if self.try_depth or getattr(found, "reported", False):
            raise found from None
        action = text(self.variable("ErrorActionPreference")).lower()
        if isinstance(error, NotSimulatedError | ScriptSyntaxError):
            # Never swallowed: what the lab doesn't have must be seen.
            action = "stop" if action == "stop" else "continue"
        if action in {"silentlycontinue", "ignore"}:
            if action == "silentlycontinue":
                self.errors.insert(0, found.record)
            return
        if action == "stop" or isinstance(found, ThrownError):
            raise found from None
        self.report(found.record)

    @staticmethod
    def _blamed(statement: Statement) -> Node:
        if isinstance(statement, Assignment):
            return statement.target
        return statement

    def result(self, statement: Statement) -> Value:
        """Run a statement for its value: ``$null`` for no output, the object for one, an array for more."""
        value = self.raw_result(statement)
        return None if value is NOTHING else value

    def raw_result(self, statement: Statement) -> Value:
        """Run a statement for its value, with `NOTHING` for no output."""
        if isinstance(statement, Pipeline) and len(statement.elements) == 1:
            element = statement.elements[0]
            if isinstance(element, CommandExpression) and not element.redirections:
                value = self.raw_value(element.expression)
                self.success = True
                return value
        collected: list[Value] = []
        if isinstance(statement, Assignment):
            # ($x = 5) gives the value as well as setting it.
            return self.assign(statement)
        self._statements[type(statement)](statement, collected.append)
        return self._shape(collected)

    def _pipeline(self, node: Pipeline, out: Out) -> None:
        self.run_pipeline(node, out)

    def _assignment(self, node: Assignment, _out: Out) -> None:
        self.assign(node)

    def _function(self, node: FunctionDefinition, _out: Out) -> None:
        scope, _, name = node.name.rpartition(":")
        if scope not in {"", "global", "script", "local", "private"}:
            raise NotSimulatedError(f"a function in the scope {scope}")
        holder = self.scope.root() if scope in {"global", "script"} else self.scope
        holder.functions[name.lower()] = node

    # Conditions and loops

    def _if(self, node: If, out: Out) -> None:
        for condition, block in node.clauses:
            if self._condition(condition):
                self.run_block(block, out)
                return
        if node.otherwise is not None:
            self.run_block(node.otherwise, out)

    def _condition(self, statement: Statement) -> bool:
        return conversions.truth(self.result(statement))

    def _loop_body(self, label: str, body: Block, out: Out) -> bool:
        """Run a loop's body once; say whether to go on."""
        try:
            self.run_block(body, out)
        except LoopSignal as signal:
            if signal.label and signal.label != label.lower():
                raise
            return signal.kind == "continue"
        return True

    def _foreach(self, node: ForEach, out: Out) -> None:
        values = self.raw_result(node.values)
        name = node.variable.name
        for value in self.enumerate(values):
            if value is NOTHING:
                return
            self.session.check()
            self.set_variable(name, value, node.variable.scope)
            if not self._loop_body(node.label, node.body, out):
                return

    def enumerate(self, value: Value) -> Iterable[Value]:
        """Give what a loop or a pipeline sees of a value; ``foreach`` skips a ``$null`` from PowerShell 3.0 on."""
        if isinstance(value, list):
            return list(value)
        if isinstance(value, InputLines):
            return value
        if value is NOTHING or (value is None and self.session.version >= (3, 0)):
            return []
        return [value]

    def _for(self, node: For, out: Out) -> None:
        if node.start is not None:
            self._statements[type(node.start)](node.start, lambda _value: None)
        while node.condition is None or self._condition(node.condition):
            self.session.check()
            if not self._loop_body(node.label, node.body, out):
                return
            if node.step is not None:
                self._statements[type(node.step)](node.step, lambda _value: None)

    def _while(self, node: While, out: Out) -> None:
        if node.do:
            while True:
                self.session.check()
                if not self._loop_body(node.label, node.body, out) or self._condition(node.condition) == node.until:
                    return
        while self._condition(node.condition):
            self.session.check()
            if not self._loop_body(node.label, node.body, out):
                return

    def _switch(self, node: Switch, out: Out) -> None:
        value = self.raw_result(node.values)
        items = list(value) if isinstance(value, list) else [None if value is NOTHING else value]
        saved = self.scope.variables.get("_", NOTHING)
        try:
            for item in items:
                self.session.check()
                self.scope.variables["_"] = item
                if not self._switch_item(node, item, out):
                    return
        finally:
            self._restore("_", saved)

    def _switch_item(self, node: Switch, item: Value, out: Out) -> bool:
        matched = False
        try:
            for pattern, block in node.clauses:
                if self._switch_matches(node, pattern, item):
                    matched = True
                    self.run_block(block, out)
                    self.scope.variables["_"] = item
            if not matched and node.default is not None:
                self.run_block(node.default, out)
        except LoopSignal as signal:
            if signal.label and signal.label != node.label.lower():
                raise
            return signal.kind == "continue"
        return True

    def _switch_matches(self, node: Switch, pattern: Node, item: Value) -> bool:
        if isinstance(pattern, ScriptBlockExpression):
            return conversions.truth(self._shape(self.invoke_inline(ScriptBlock(pattern.body), item)))
        wanted = self.value(pattern)
        if isinstance(wanted, ScriptBlock):
            return conversions.truth(self._shape(self.invoke_inline(wanted, item)))
        if node.mode == "regex":
            return bool(operators.match(self, text(item), wanted, cased=node.case_sensitive, negate=False))
        if node.mode == "wildcard":
            return bool(operators.like(text(item), wanted, cased=node.case_sensitive, negate=False))
        return (
            bool(operators.contains([item], wanted, cased=node.case_sensitive))
            if not isinstance(item, str)
            else bool(operators.contains([item], text(wanted), cased=node.case_sensitive))
        )

    # Errors

    def _try(self, node: Try, out: Out) -> None:
        catches = bool(node.catches)
        try:
            self.try_depth += catches
            try:
                self.run_block(node.body, out)
            finally:
                self.try_depth -= catches
        except TerminatingError as error:
            handler = self._handler(node, error.record) if catches else None
            if handler is None:
                raise
            self._catch(handler, error.record, out)
        finally:
            if node.final is not None:
                self.run_block(node.final, out)

    def _catch(self, handler: Catch, record: ErrorRecord, out: Out) -> None:
        self.errors.insert(0, record)
        saved = self.scope.variables.get("_", NOTHING)
        self.scope.variables["_"] = record
        try:
            self.run_block(handler.body, out)
        finally:
            self._restore("_", saved)

    def _restore(self, name: str, saved: Value) -> None:
        if saved is NOTHING:
            self.scope.variables.pop(name, None)
        else:
            self.scope.variables[name] = saved

    def _handler(self, node: Try, record: ErrorRecord) -> Catch | None:
        exception: NetException | None = record.exception
        while exception is not None:
            chain = {name.lower() for name in self.session.bases(exception.type_name)}
            for handler in node.catches:
                if any(self.session.find_type(caught.name).name.lower() in chain for caught in handler.types):
                    return handler
            exception = exception.inner
        return next((handler for handler in node.catches if not handler.types), None)

    def _throw(self, node: Throw, _out: Out) -> None:
        if node.value is None:
            current = self.variable("_")
            if isinstance(current, ErrorRecord):
                raise ThrownError(current)
            value: Value = "ScriptHalted"
        else:
            value = self.result(node.value)
        raise ThrownError(self._thrown_record(value, node))

    def _thrown_record(self, value: Value, node: Throw) -> ErrorRecord:
        if isinstance(value, ErrorRecord):
            return value
        if isinstance(value, NetException):
            if value.record is not None:
                return value.record
            return ErrorRecord(value, value.message, "OperationStopped", position=self.position(node))
        shown = text(value)
        exception = NetException(shown, "System.Management.Automation.RuntimeException")
        return ErrorRecord(exception, shown, "OperationStopped", value, position=self.position(node))

    # Ways out

    def _return(self, node: Return, out: Out) -> None:
        if node.value is not None:
            self._statements[type(node.value)](node.value, out)
        raise ReturnSignal

    def _exit(self, node: Exit, _out: Out) -> None:
        value = self.result(node.value) if node.value is not None else 0
        code = conversions.integer(int)(value)
        raise ExitSignal(int(code))

    def _jump(self, node: Jump, _out: Out) -> None:
        raise LoopSignal(node.kind, text(self.value(node.label)).lower() if node.label else "")
