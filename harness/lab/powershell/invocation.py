"""Runs commands: finds them, binds their arguments, and moves objects along a pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.lab.powershell import conversions
from harness.lab.powershell.binding import Argument, Binder, splat
from harness.lab.powershell.cmdlet import Call, Cmdlet, Native
from harness.lab.powershell.errors import ThrownError, command_not_found, runtime_error
from harness.lab.powershell.formatting import text
from harness.lab.powershell.members import Members
from harness.lab.powershell.objects import (
    NOTHING,
    ErrorRecord,
    Hashtable,
    NotSimulatedError,
    Position,
    PSList,
    PSObject,
    ScriptBlock,
    TerminatingError,
    Value,
)
from harness.lab.powershell.scope import Scope
from harness.lab.powershell.stages import (
    BlockStage,
    CmdletStage,
    NativeStage,
    Stage,
    StopUpstreamSignal,
)
from harness.lab.powershell.syntax import (
    Command,
    CommandExpression,
    Expandable,
    Literal,
    ParameterToken,
    Variable,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.lab.powershell.cmdlet import NetType
    from harness.lab.powershell.objects import Out
    from harness.lab.powershell.session import Session
    from harness.lab.powershell.syntax import Node, Pipeline, Redirection, ScriptBlockNode

_SILENT = {"silentlycontinue", "ignore"}


class Invocation:
    """Commands and pipelines of one process; expressions and statements come from the subclass.

    Args:
        session: The process.
    """

    value: Callable[[Node], Value]
    run_block: Callable[..., None]
    raw_value: Callable[[Node], Value]
    expression_element: Callable[[CommandExpression, Out], None]
    position: Callable[..., Position]

    def __init__(self, session: Session) -> None:
        self.session: Session = session
        self.scope = Scope(None)
        self.members = Members(self)
        self.errors = PSList()
        self.try_depth = 0
        self.success = True
        self.body: ScriptBlockNode | None = None
        self.sinks: dict[str, Callable[[Value], None]] = {}
        """Where the error (2), warning (3), verbose (4) and debug (5) streams go; to the host where not redirected."""
        self.host: dict[str, Callable[[Value], None]] = {}
        """What the host does with each stream; filled by it."""

    # Variables

    def variable(self, name: str) -> Value:
        """Give a variable's value, ``None`` where it isn't set."""
        holder = self.scope.holder(name.lower())
        found = holder.variables[name.lower()] if holder else None
        return None if found is NOTHING else found

    def scoped_variable(self, name: str, scope: str) -> Value:
        """Give ``$scope:name``."""
        if scope == "env":
            return self.session.environment.get(name)
        if scope == "variable":
            return self.variable(name)
        if scope == "function":
            found = self.scope.function(name.lower())
            return ScriptBlock(found.body) if found else None
        holder = self._scope(scope)
        if name.lower() in holder.variables:
            found_value = holder.variables[name.lower()]
            return None if found_value is NOTHING else found_value
        return self.missing_variable(name, f"{scope}:{name}")

    def _scope(self, name: str) -> Scope:
        if name in {"local", "private"}:
            return self.scope
        if name in {"global", "script"}:
            return self.scope.root()
        raise NotSimulatedError(f"the drive {name}: in a variable's name")

    def missing_variable(self, name: str, shown: str = "") -> Value:
        """Give what reading an unset variable gives: ``$null``, or an error in strict mode."""
        lowered = name.lower()
        if lowered == "?":
            return self.success
        if lowered == "error":
            return self.errors
        if lowered == "psitem" and self.session.version >= (3, 0):
            return self.variable("_")
        if self.scope.strictness() and lowered not in {"_", "args", "input", "lastexitcode"}:
            raise runtime_error(
                f"The variable '${shown or name}' cannot be retrieved because it has not been set.",
                "VariableIsUndefined",
                target=shown or name,
            )
        return None

    def set_variable(self, name: str, value: Value, scope: str = "") -> None:
        """Set a variable in the current scope, or in the one that is named."""
        lowered = name.lower()
        if scope == "env":
            if value is None or value is NOTHING:
                self.session.environment.pop(name, None)
            else:
                self.session.environment[name] = text(value)
            return
        if lowered in {"true", "false", "null", "?", "error", "pid", "host", "psversiontable"} and not scope:
            if lowered == "null":
                return
            raise runtime_error(
                f"Cannot overwrite variable {name} because it is read-only or constant.",
                "VariableNotWritable",
                "WriteError",
                name,
                "System.Management.Automation.SessionStateUnauthorizedAccessException",
            )
        holder = self._scope(scope) if scope else self.scope
        if lowered in holder.constraints:
            value = self.convert(None if value is NOTHING else value, holder.constraints[lowered].name)
        holder.variables[lowered] = value

    def separator(self) -> str:
        """Give ``$OFS``."""
        holder = self.scope.holder("ofs")
        return text(holder.variables["ofs"]) if holder else " "

    def function_name(self) -> str:
        """Give the name of the function that runs; empty where none does."""
        invocation = self.variable("myinvocation")
        command = invocation.get("MyCommand") if isinstance(invocation, PSObject) else None
        return text(command.get("Name")) if isinstance(command, PSObject) else ""

    # Types

    def convert(self, value: Value, name: str) -> Value:
        """Convert a value to a type by name."""
        return self.members.convert(value, name)

    def is_a(self, value: Value, net: NetType) -> bool:
        """Say whether a value is of a type or of one derived from it."""
        return self.members.is_a(value, net)

    def custom_object(self, table: Hashtable) -> Value:
        """Make a custom object of ``[pscustomobject]@{}``; PowerShell 2.0 leaves it a hashtable."""
        if self.session.version < (3, 0):
            return Hashtable(table.items())
        return PSObject(properties=[(text(key), value) for key, value in table.items()])

    # Streams

    def report(self, record: ErrorRecord) -> None:
        """Put an error into ``$Error`` and onto the error stream."""
        self.errors.insert(0, record)
        self._write("2", record)

    def _write(self, stream: str, value: Value) -> None:
        sink = self.sinks.get(stream) or self.host.get(stream)
        if sink is not None:
            sink(value)

    def write_error(self, record: ErrorRecord, action: str, call: Call | None = None) -> None:
        """Report a non-terminating error under an action preference."""
        self.locate(record, call)
        if call is not None:
            call.state["$failed"] = True
            self._keep(call, "ErrorVariable", record)
        lowered = action.lower()
        if lowered == "stop":
            raise ThrownError(record)
        if lowered == "inquire":
            raise NotSimulatedError("-ErrorAction Inquire")
        if lowered == "ignore":
            return
        self.errors.insert(0, record)
        if lowered != "silentlycontinue":
            self._write("2", record)

    def _keep(self, call: Call, parameter: str, value: Value) -> None:
        name = call.bound.get(parameter)
        if not name:
            return
        held = self.variable(name.removeprefix("+"))
        if not isinstance(held, PSList):
            held = PSList()
            self.set_variable(name.removeprefix("+"), held)
        held.append(value)

    def locate(self, record: ErrorRecord, call: Call | None) -> None:
        """Fill in where an error happened."""
        position = call.state.get("$position") if call is not None else None
        if not record.position.line and isinstance(position, Position):
            record.position = position

    def write_warning(self, message: str, action: str, call: Call | None = None) -> None:
        """Report a warning under an action preference."""
        lowered = action.lower()
        if lowered == "stop":
            raise ThrownError(self._stopped(message, "WarningPreference", call))
        if lowered not in _SILENT:
            self._write("3", message)

    def _stopped(self, message: str, preference: str, call: Call | None) -> ErrorRecord:
        found = runtime_error(
            f'The running command stopped because the preference variable "{preference}" or common parameter is set to '
            f"Stop: {message}",
            "ActionPreferenceStop",
            "OperationStopped",
            exception="System.Management.Automation.ActionPreferenceStopException",
        ).record
        self.locate(found, call)
        return found

    def write_verbose(self, message: str, call: Call | None = None, stream: str = "4") -> None:
        """Write to the verbose or debug stream, where it is on."""
        switch, preference = ("Verbose", "VerbosePreference") if stream == "4" else ("Debug", "DebugPreference")
        given = call.bound.get(switch) if call is not None else None
        shown = given if given is not None else text(self.variable(preference)).lower() not in {"", *_SILENT}
        if shown:
            self._write(stream, message)

    def should_process(self, call: Call, target: str, action: str) -> bool:
        """Say whether a cmdlet that supports it goes ahead."""
        what_if = call.bound.get("WhatIf")
        if what_if if what_if is not None else conversions.truth(self.variable("WhatIfPreference")):
            self._write("host", f'What if: Performing the operation "{action}" on target "{target}".')
            return False
        if call.bound.get("Confirm"):
            raise TerminatingError(
                call.record(
                    "Windows PowerShell is in NonInteractive mode. Read and Prompt functionality is not available.",
                    error_id="InvalidOperation",
                    category="InvalidOperation",
                    exception="System.Management.Automation.PSInvalidOperationException",
                )
            )
        return True

    def emit(self, call: Call, value: Value) -> None:
        """Send an object down a cmdlet's pipeline."""
        call.state["$out"](value)

    # Script blocks

    def invoke_block(
        self,
        block: ScriptBlock,
        arguments: Sequence[Value] = (),
        underscore: Value = NOTHING,
        *,
        dot: bool = False,
    ) -> list[Value]:
        """Run a script block with arguments, in a scope of its own, and give its output."""
        collected: list[Value] = []
        stage = BlockStage(self, block.body, [Argument(None, a) for a in arguments], name="", dot=dot)
        stage.out = collected.append
        stage.underscore = underscore
        stage.run_alone()
        return collected

    def invoke_inline(self, block: ScriptBlock, underscore: Value, out: Out | None = None) -> list[Value]:
        """Run a script block in the current scope with ``$_`` set, as ``ForEach-Object`` does."""
        collected: list[Value] = []
        scope = self.scope
        saved = scope.variables.get("_", NOTHING)
        scope.variables["_"] = underscore
        body, self.body = self.body, block.body
        try:
            BlockStage.run_body(self, block.body, out or collected.append)
        finally:
            self.body = body
            if saved is NOTHING:
                scope.variables.pop("_", None)
            else:
                scope.variables["_"] = saved
        return collected

    # Pipelines

    def run_pipeline(self, node: Pipeline, out: Out) -> None:
        """Run a pipeline and send its output on."""
        elements = node.elements
        head = elements[0]
        if len(elements) == 1 and isinstance(head, CommandExpression):
            self._expression_head(head, out)
            return
        stages: list[Stage] = []
        for element in elements:
            if isinstance(element, Command):
                stage = self.stage(element, piped=bool(stages) or isinstance(head, CommandExpression))
                stages.append(stage)
        for index, stage in enumerate(stages):
            following = stages[index + 1] if index + 1 < len(stages) else None
            stage.connect(following.feed if following else out)
        self._drive(head, stages)
        self.success = not any(stage.failed for stage in stages)

    def _drive(self, head: Command | CommandExpression, stages: list[Stage]) -> None:
        stopped: Stage | None = None
        try:
            for stage in stages:
                stage.start()
            if isinstance(head, CommandExpression):
                self._expression_head(head, stages[0].feed)
            else:
                stages[0].feed(NOTHING)
        except StopUpstreamSignal as signal:
            stopped = signal.stage if signal.stage in stages else None
            if stopped is None:
                raise
        first = stages.index(stopped) + 1 if stopped is not None else 0
        for index in range(first, len(stages)):
            try:
                stages[index].finish()
            except StopUpstreamSignal as signal:
                if signal.stage not in stages:
                    raise

    def _expression_head(self, node: CommandExpression, out: Out) -> None:
        if node.redirections:
            self.with_redirections(node.redirections, out, lambda inner: self.expression_element(node, inner))
        else:
            self.expression_element(node, out)

    def with_redirections(self, redirections: Sequence[Redirection], out: Out, run: Callable[[Out], None]) -> None:
        """Run something with its streams redirected; what its output feeds isn't affected."""
        before = self.sinks
        sinks, inner = self.redirected(redirections, out)
        self.sinks = sinks

        def restored(value: Value) -> None:
            self.sinks = before
            try:
                inner(value)
            finally:
                self.sinks = sinks

        try:
            run(restored)
        finally:
            self.sinks = before

    def redirected(
        self, redirections: Sequence[Redirection], out: Out
    ) -> tuple[dict[str, Callable[[Value], None]], Out]:
        """Give the sinks and the output that redirections make of the present ones."""
        sinks = dict(self.sinks)
        inner = out
        for redirection in redirections:
            streams = "123456" if redirection.stream == "*" else redirection.stream
            if redirection.stream not in {"1", "2"} and self.session.version < (3, 0):
                raise runtime_error(
                    f"The redirection of stream {redirection.stream} is not supported in this version.",
                    "RedirectionNotSupported",
                    "ParserError",
                )
            for stream in streams:
                if redirection.target == 1:
                    if stream != "1":
                        sinks[stream] = out
                elif stream == "1":
                    inner = _discard
                else:
                    sinks[stream] = _discard
        return sinks, inner

    # Commands

    def stage(self, node: Command, *, piped: bool) -> Stage:
        """Find a command and bind its arguments.

        Args:
            node: The command.
            piped: Whether something is piped into it.
        """
        position = self._command_position(node)
        try:
            target = self._target(node)
            stage = self._stage_of(node, target)
            stage.prepare(piped=piped)
        except TerminatingError as error:
            if not error.record.position.line:
                error.record.position = position
            raise
        stage.redirections = node.redirections
        stage.position = position
        return stage

    def _command_position(self, node: Command) -> Position:
        found = self.position(node)
        name = node.name.value if isinstance(node.name, Literal) else ""
        return Position(found.line, found.column, found.text, text(name), found.file)

    def _target(self, node: Command) -> Value:
        name = node.name
        if isinstance(name, Literal | Expandable):
            return text(self.value(name))
        found = self.value(name)
        if isinstance(found, PSObject) and found.get("Name") and "CommandType" in found.properties:
            return text(found.get("Name"))
        if isinstance(found, ScriptBlock):
            return found
        if isinstance(found, str):
            return found
        raise runtime_error(
            f"The expression after '{node.operator}' in a pipeline element produced an object that was not valid. It "
            "must result in a command name, a script block, or a CommandInfo object.",
            "BadExpression",
        )

    def _stage_of(self, node: Command, target: Value) -> Stage:
        if isinstance(target, ScriptBlock):
            arguments = self.arguments(node)
            return BlockStage(self, target.body, arguments, name="", dot=node.operator == ".")
        name = target
        function = self.scope.function(name.lower())
        for _ in range(5):
            alias = None if function else self.session.alias(name)
            if alias is None:
                break
            name = alias
            function = self.scope.function(name.lower())
        if function is not None:
            arguments = self.arguments(node)
            stage = BlockStage(self, function.body, arguments, name=function.name, dot=node.operator == ".")
            stage.is_filter = function.is_filter
            return stage
        found = self.find_command(name)
        if isinstance(found, Native):
            return NativeStage(self, found, self.native_arguments(node))
        return CmdletStage(self, found, self.arguments(node))

    def find_command(self, name: str) -> Cmdlet | Native:
        """Find a cmdlet or program.

        Raises:
            TerminatingError: This machine hasn't got it.
            NotSimulatedError: Nobody knows.
        """
        found = self.session.command(name)
        if found is None and "-" not in name:
            # PowerShell tries the verb Get before it gives up.
            try:
                found = self.session.command(f"Get-{name}")
            except NotSimulatedError:
                found = None
        if found is None:
            raise command_not_found(name)
        return found

    def arguments(self, node: Command) -> list[Argument]:
        """Evaluate a command's elements."""
        found: list[Argument] = []
        for element in node.elements:
            if isinstance(element, ParameterToken):
                if element.value is None:
                    found.append(Argument(element.name))
                else:
                    found.append(Argument(element.name, self.value(element.value), has_value=True))
            elif isinstance(element, Variable) and element.splat:
                found += splat(self.variable(element.name) if not element.scope else self.value(element))
            else:
                found.append(Argument(None, self.value(element)))
        return found

    def native_arguments(self, node: Command) -> list[str]:
        """Evaluate a native program's arguments: everything becomes text."""
        found: list[str] = []
        for argument in self.arguments(node):
            if argument.name is not None:
                found.append(f"-{argument.name}" + (":" + text(argument.value) if argument.has_value else ""))
            elif isinstance(argument.value, list):
                found += [text(item) for item in argument.value]
            else:
                found.append(text(argument.value))
        return found

    def binder(self, cmdlet: Cmdlet) -> Binder:
        """Make the binder of a cmdlet."""
        return Binder(cmdlet.name, self.session.parameters(cmdlet), cmdlet.default_set, self.convert)


def _discard(_value: Value) -> None:
    pass
