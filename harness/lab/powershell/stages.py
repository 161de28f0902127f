"""The elements of a running pipeline: a cmdlet, a function or script block, a native program."""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING
from weakref import ref

from harness.lab.powershell.binding import ALL_SETS, Argument, Binder
from harness.lab.powershell.cmdlet import Call, NativeCall
from harness.lab.powershell.errors import runtime_error
from harness.lab.powershell.formatting import text
from harness.lab.powershell.functions import declared_parameters, is_advanced
from harness.lab.powershell.objects import (
    NOTHING,
    DotNetError,
    ErrorRecord,
    Hashtable,
    NetException,
    Position,
    PSObject,
    TerminatingError,
    Value,
)
from harness.lab.powershell.scope import Scope
from harness.lab.powershell.signals import ReturnSignal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from harness.lab.powershell.cmdlet import Cmdlet, CmdletFunction, Native
    from harness.lab.powershell.evaluator import Evaluator
    from harness.lab.powershell.invocation import Invocation
    from harness.lab.powershell.objects import CaseDict, Out
    from harness.lab.powershell.syntax import Redirection, ScriptBlockNode


class StopUpstreamSignal(Exception):  # noqa: N818 - control flow, not an error
    """A stage has all that it wants: everything before it in its pipeline stops."""

    def __init__(self, stage: Stage) -> None:
        super().__init__("stop")
        self.stage = stage


class Stage:
    """One element of a pipeline.

    Args:
        owner: The evaluator.
    """

    def __init__(self, owner: Invocation) -> None:
        self.owner = owner
        self.failed = False
        self.piped = False
        self.position = Position()
        self.redirections: tuple[Redirection, ...] = ()
        self.out: Out = _nowhere

    def prepare(self, *, piped: bool) -> None:
        """Bind the command line."""
        self.piped = piped

    def connect(self, out: Out) -> None:
        """Say where the output goes; the next stage runs in the pipeline's own scope and streams."""
        owner = self.owner
        self._outer = outer = (owner.scope, owner.body, owner.sinks)

        def onward(value: Value) -> None:  # without self: what refers to itself waits for the garbage collector
            scope, body, sinks = owner.scope, owner.body, owner.sinks
            owner.scope, owner.body, owner.sinks = outer
            try:
                out(value)
            finally:
                owner.scope, owner.body, owner.sinks = scope, body, sinks

        self.out = onward
        if self.redirections:
            self._sinks, self.out = owner.redirected(self.redirections, onward)
        else:
            self._sinks = owner.sinks

    def start(self) -> None:
        """Begin."""
        self._run(self.begin)

    def feed(self, value: Value) -> None:
        """Take an object; `NOTHING` for the first stage of a pipeline."""
        self.owner.session.check()
        self._run(self.process, value)

    def finish(self) -> None:
        """End."""
        self._run(self.end)

    def _run(self, step: Callable[..., None], *arguments: Value) -> None:
        owner = self.owner
        owner.sinks = self._sinks
        try:
            step(*arguments)
        except (TerminatingError, DotNetError) as error:
            self.failed = True
            if isinstance(error, TerminatingError) and not error.record.position.line:
                error.record.position = self.position
            raise
        finally:
            owner.sinks = self._outer[2]

    def begin(self) -> None:
        """Do what comes before the first object."""

    def process(self, value: Value) -> None:
        """Do what is to be done with an object."""
        raise NotImplementedError

    def end(self) -> None:
        """Do what comes after the last object."""

    def run_alone(self) -> None:
        """Run outside a pipeline."""
        self.prepare(piped=False)
        self.connect(self.out)
        self.start()
        self.feed(NOTHING)
        self.finish()


def _nowhere(_value: Value) -> None:
    pass


class CmdletStage(Stage):
    """A cmdlet in a pipeline.

    Args:
        owner: The evaluator.
        cmdlet: Its declaration.
        arguments: Its command line.
    """

    def __init__(self, owner: Invocation, cmdlet: Cmdlet, arguments: Sequence[Argument]) -> None:
        super().__init__(owner)
        self.cmdlet = cmdlet
        self.arguments = arguments
        self.call = Call(owner.session, cmdlet)
        self.binder = owner.binder(cmdlet)

    def prepare(self, *, piped: bool) -> None:
        """Bind the command line."""
        super().prepare(piped=piped)
        self.binder.command = self.cmdlet.error_class
        try:
            self.binder.bind(self.arguments)
            self.call.parameter_set = self.binder.resolve(pipeline=piped)
        except TerminatingError as error:
            error.record.activity = self.cmdlet.name
            raise
        self.call.bound = self.binder.bound
        self.call.state["$stage"] = ref(self)
        for name in ("ErrorVariable", "OutVariable"):
            given = self.call.bound.get(name)
            if given and not given.startswith("+"):
                self.owner.set_variable(given, self.owner.convert([], "System.Collections.ArrayList"))

    def connect(self, out: Out) -> None:
        """Say where the output goes."""
        super().connect(out)
        kept = self.call.bound.get("OutVariable")
        if kept:
            onward = self.out
            owner = self.owner

            def keeping(value: Value) -> None:
                owner.variable(kept.removeprefix("+")).append(value)
                onward(value)

            self.out = keeping
        self.call.state["$out"] = self.out

    def begin(self) -> None:
        """Run BeginProcessing."""
        self.call.state["$position"] = self.position
        self._step(self.cmdlet.begin)

    def process(self, value: Value) -> None:
        """Run ProcessRecord for an object."""
        if value is NOTHING:
            if self.piped:
                return
            self._step(self.cmdlet.process)
            return
        call = self.call
        own = self.binder.bound
        try:
            extra = self.binder.from_pipeline(value, self.owner.members.lookup)
        except TerminatingError as error:
            # An object that doesn't bind is an error of its own; the next one may bind.
            error.record.activity = self.cmdlet.name
            self.owner.write_error(error.record, call.preference("ErrorAction"), call)
            self.failed = True
            return
        call.bound = _joined(own, extra)
        call.input = value
        try:
            self._step(self.cmdlet.process)
        finally:
            call.bound = own

    def end(self) -> None:
        """Run EndProcessing."""
        self._step(self.cmdlet.end)

    def _step(self, function: CmdletFunction | None) -> None:
        if function is None:
            return
        try:
            output: Iterable[Value] | None = function(self.call)
            if output is not None:
                for item in output:
                    self.out(item)
        except DotNetError as error:
            raise TerminatingError(
                ErrorRecord(
                    error.exception,
                    f"{error.error_id or error.exception.type_name},{self.cmdlet.error_class}",
                    activity=self.cmdlet.name,
                    position=self.position,
                )
            ) from None
        finally:
            self.failed = self.failed or "$failed" in self.call.state

    def stop_upstream(self) -> None:
        """Stop whatever feeds this stage, from PowerShell 3.0 on."""
        if self.owner.session.version >= (3, 0) and self.piped:
            self.end()
            raise StopUpstreamSignal(self)


def _joined(own: CaseDict[Value], extra: CaseDict[Value]) -> CaseDict[Value]:
    joined = type(own)(own)
    joined.update(extra)
    return joined


@lru_cache(maxsize=256)
def _my_invocation(name: str, position: Position) -> PSObject:
    """Make ``$MyInvocation``; a process gets a copy."""
    command = PSObject("System.Management.Automation.FunctionInfo", {"Name": name}, text=name, partial=True)
    return PSObject(
        "System.Management.Automation.InvocationInfo",
        {
            "MyCommand": command,
            "InvocationName": name or "&",
            "ScriptLineNumber": position.line,
            "Line": position.text,
        },
        partial=True,
    )


class BlockStage(Stage):
    """A function or a script block in a pipeline.

    Args:
        owner: The evaluator.
        body: What runs.
        arguments: Its command line.
        name: The function's name; empty for a script block.
        dot: Runs in the caller's scope.
    """

    def __init__(
        self, owner: Invocation, body: ScriptBlockNode, arguments: Sequence[Argument], *, name: str, dot: bool
    ) -> None:
        super().__init__(owner)
        self.body = body
        self.arguments = arguments
        self.name = name
        self.dot = dot
        self.is_filter = False
        self.underscore: Value = NOTHING
        self.items: list[Value] = []
        self.scope = owner.scope if dot else Scope(owner.scope)
        self.advanced = is_advanced(body)

    def prepare(self, *, piped: bool) -> None:
        """Bind the command line to the ``param`` block."""
        super().prepare(piped=piped)
        owner = self.owner
        scope = self.scope
        evaluator: Evaluator = owner  # type: ignore[assignment] # the evaluator is the one subclass there is
        parameters = declared_parameters(self.body, evaluator, advanced=self.advanced)
        binder = Binder(self.name, parameters, "", owner.convert, lenient=not self.advanced, script=True)
        binder.bind(self.arguments)
        self.set = binder.resolve(pipeline=piped) if self.advanced or any(p.mandatory for p in parameters) else ""
        self.binder = binder
        # Defaults may use the parameters before them, so they are evaluated in the new scope.
        outer, body = owner.scope, owner.body
        owner.scope, owner.body = scope, self.body
        try:
            scope.variables["args"] = binder.rest
            scope.variables["psboundparameters"] = Hashtable([(k, v) for k, v in binder.bound.items()], ordered=True)
            scope.variables["myinvocation"] = _my_invocation(self.name, self.position).copy()
            self._variables(evaluator)
        finally:
            owner.scope, owner.body = outer, body

    def _variables(self, evaluator: Evaluator) -> None:
        variables = self.scope.variables
        bound = self.binder.bound
        for name in ("ErrorAction", "WarningAction"):
            if self.advanced and name in bound:
                variables[f"{name}preference".lower()] = bound[name]
        if self.advanced and bound.get("Verbose"):
            variables["verbosepreference"] = "Continue"
        if self.body.params is None:
            return
        for definition in self.body.params.parameters:
            lowered = definition.name.lower()
            types = [t.name for t in definition.types]
            if definition.name in bound:
                variables[lowered] = bound[definition.name]
            elif definition.default is not None:
                value = evaluator.value(definition.default)
                variables[lowered] = evaluator.convert(value, types[0]) if types else value
            else:
                variables[lowered] = _unbound(evaluator, types)
            if types and types[0].lower() not in {"switch", "switchparameter"}:
                self.scope.constraints[lowered] = evaluator.session.find_type(types[0])

    def begin(self) -> None:
        """Run the begin block."""
        if self.body.begin is not None:
            self._inside(self.body.begin)

    def process(self, value: Value) -> None:
        """Run the process block, or keep the object for ``$input``."""
        body = self.body
        per_item = body.process is not None or self.is_filter
        if value is NOTHING:
            if not self.piped and per_item:
                self._inside(body.process or body.end)
            return
        if per_item:
            self._bind_item(value)
            self.scope.variables["_"] = value
            self._inside(body.process or body.end)
        else:
            self.items.append(value)

    def _bind_item(self, value: Value) -> None:
        if not any(p.pipeline or p.pipeline_by_name for p in self.binder.parameters):
            return
        for name, item in self.binder.from_pipeline(value, self.owner.members.lookup).items():
            self.scope.variables[name.lower()] = item

    def end(self) -> None:
        """Run the end block."""
        if self.is_filter or self.body.end is None:
            return
        if self.piped:
            self.scope.variables["input"] = self.items
        if self.underscore is not NOTHING:
            self.scope.variables["_"] = self.underscore
        if self.piped and self.items and any(p.pipeline or p.pipeline_by_name for p in self.binder.parameters):
            # Without a process block, pipeline parameters hold the last object.
            self._bind_item(self.items[-1])
        self._inside(self.body.end)

    def _inside(self, block: Value) -> None:
        owner = self.owner
        outer, body = owner.scope, owner.body
        owner.scope, owner.body = self.scope, self.body
        try:
            _run_returning(owner, block, self.out)
        finally:
            owner.scope, owner.body = outer, body

    @staticmethod
    def run_body(owner: Invocation, body: ScriptBlockNode, out: Out) -> None:
        """Run a block's statements in the current scope; ``return`` ends them."""
        if body.params is not None or body.begin is not None or body.process is not None:
            raise runtime_error(
                "not simulated: a script block with param, begin or process in this place",
                "NotSimulated",
                "NotImplemented",
                exception="Harness.NotSimulatedException",
            )
        _run_returning(owner, body.end, out)


def _run_returning(owner: Invocation, block: Value, out: Out) -> None:
    with suppress(ReturnSignal):
        owner.run_block(block, out)


def _unbound(evaluator: Evaluator, types: list[str]) -> Value:
    if not types:
        return None
    name = types[0].lower()
    if name in {"switch", "switchparameter"}:
        return False
    simple = {"string": "", "int": 0, "int32": 0, "bool": False, "boolean": False}
    if name in simple:
        return simple[name]
    return evaluator.convert(0, name) if name in {"long", "int64", "double", "byte", "decimal"} else None


class NativeStage(Stage):
    """A native program in a pipeline: it starts once all input has come.

    Args:
        owner: The evaluator.
        native: Its declaration.
        arguments: Its arguments.
    """

    def __init__(self, owner: Invocation, native: Native, arguments: list[str]) -> None:
        super().__init__(owner)
        self.native = native
        self.arguments = arguments
        self.lines: list[str] = []

    def process(self, value: Value) -> None:
        """Keep a line of input."""
        if value is not NOTHING:
            self.lines.append(text(value))

    def end(self) -> None:
        """Run the program."""
        owner = self.owner
        call = NativeCall(owner.session, self.arguments, self.lines, self.out, self._error_line)
        code = self.native.run(call)
        owner.scope.root().variables["lastexitcode"] = code
        self.failed = code != 0

    def _error_line(self, line: str) -> None:
        sink = self.owner.sinks.get("2")
        if sink is None:
            self.owner.session.write_err(line + "\r\n")
            return
        exception = NetException(line, "System.Management.Automation.RemoteException")
        sink(
            ErrorRecord(
                exception,
                "NativeCommandError",
                target=line,
                position=self.position,
                activity=self.native.name,
            )
        )


__all__ = ["ALL_SETS", "BlockStage", "CmdletStage", "NativeStage", "Stage", "StopUpstreamSignal"]
