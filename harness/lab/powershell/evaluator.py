"""Runs a syntax tree: statements and expressions.

Output goes to an ``out`` function as it comes, so a pipeline streams. Loops, ``return`` and ``exit`` travel as Python
exceptions, errors as `TerminatingError`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

from harness.lab.powershell import conversions, operators
from harness.lab.powershell.errors import ThrownError, as_terminating, runtime_error
from harness.lab.powershell.formatting import text
from harness.lab.powershell.invocation import Invocation
from harness.lab.powershell.objects import (
    NOTHING,
    DotNetError,
    EnumValue,
    ErrorRecord,
    Hashtable,
    InputLines,
    NetException,
    Nothing,
    NotSimulatedError,
    Position,
    PSList,
    ScriptBlock,
    TerminatingError,
    Value,
)
from harness.lab.powershell.syntax import (
    ArrayExpression,
    ArrayLiteral,
    Assignment,
    Binary,
    Block,
    Cast,
    CommandExpression,
    Exit,
    Expandable,
    For,
    ForEach,
    FunctionDefinition,
    HashLiteral,
    If,
    Increment,
    Index,
    Invoke,
    Jump,
    Literal,
    Member,
    Node,
    Paren,
    Pipeline,
    Return,
    ScriptBlockExpression,
    ScriptSyntaxError,
    SubExpression,
    Switch,
    Throw,
    Try,
    TypeLiteral,
    Unary,
    Variable,
    While,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from harness.lab.powershell.cmdlet import NetType
    from harness.lab.powershell.scope import Scope
    from harness.lab.powershell.session import Session
    from harness.lab.powershell.syntax import Catch, Statement

    Out: TypeAlias = Callable[[Value], None]


@lru_cache(maxsize=16)
def _lines(source: str) -> tuple[str, ...]:
    """Give a script's lines, each command of which asks for its own."""
    return tuple(source.splitlines())


class ReturnSignal(Exception):  # noqa: N818 - control flow, not an error
    """``return`` on its way out of its block."""


class ExitSignal(Exception):  # noqa: N818 - control flow, not an error
    """``exit`` on its way out of the script."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class LoopSignal(Exception):  # noqa: N818 - control flow, not an error
    """``break`` or ``continue`` on its way to its loop."""

    def __init__(self, kind: str, label: str) -> None:
        super().__init__(kind)
        self.kind = kind
        self.label = label


STATEMENT_ERRORS = (TerminatingError, DotNetError, NotSimulatedError, ScriptSyntaxError, RecursionError)
_CONSTANTS: dict[str, Value] = {"true": True, "false": False, "null": None}
_COMPARISONS = frozenset({name for one in ("eq", "ne", "gt", "ge", "lt", "le") for name in (one, f"c{one}")})
_TYPE_OPERATORS = frozenset({"is", "isnot", "as"})
_ARITHMETIC = {"-": operators.subtract, "*": operators.multiply}


class Evaluator(Invocation):
    """The language's evaluator for one process.

    Args:
        session: The process.
    """

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

    # Statements

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

    @staticmethod
    def _shape(collected: list[Value]) -> Value:
        if not collected:
            return NOTHING
        return collected[0] if len(collected) == 1 else collected

    def _collected(self, block: Block) -> Value:
        collected: list[Value] = []
        self.run_block(block, collected.append)
        value = self._shape(collected)
        return None if value is NOTHING else value

    def _condition(self, statement: Statement) -> bool:
        return conversions.truth(self.result(statement))

    def _assignment(self, node: Assignment, _out: Out) -> None:
        self.assign(node)

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

    def _if(self, node: If, out: Out) -> None:
        for condition, block in node.clauses:
            if self._condition(condition):
                self.run_block(block, out)
                return
        if node.otherwise is not None:
            self.run_block(node.otherwise, out)

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

    def _function(self, node: FunctionDefinition, _out: Out) -> None:
        scope, _, name = node.name.rpartition(":")
        if scope not in {"", "global", "script", "local", "private"}:
            raise NotSimulatedError(f"a function in the scope {scope}")
        holder = self.scope.root() if scope in {"global", "script"} else self.scope
        holder.functions[name.lower()] = node

    # Expressions

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

    def separator(self) -> str:
        """Give ``$OFS``."""
        holder = self.scope.holder("ofs")
        return text(holder.variables["ofs"]) if holder else " "

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

    # Pipelines

    def _pipeline(self, node: Pipeline, out: Out) -> None:
        self.run_pipeline(node, out)

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

    def array(self, items: Sequence[Value], element: str) -> PSList:
        """Make an array of a type."""
        return PSList(items, f"{element}[]")
