"""How a cmdlet, a .NET type or a native program of a simulated host is declared.

A `Registry` holds declarations; a `harness.lab.powershell.session.Session` is started with several of them, later ones
winning over earlier ones of the same name and source::

    EXCHANGE = Registry()
    SNAPIN = EXCHANGE.source("Microsoft.Exchange.Management.PowerShell.SnapIn", kind="snapin",
                             available=lambda machine: machine.exchange is not None)

    @EXCHANGE.cmdlet(
        "Get-ReceiveConnector",
        Parameter("Identity", "string", position=0, sets=("Identity",), pipeline=True),
        Parameter("Server", "string", sets=("Server",)),
        default_set="Identity",
        source=SNAPIN,
    )
    def get_receive_connector(call: Call) -> Iterator[Value]:
        for connector in call.machine.connectors:
            if call.get("Identity") in (None, connector.identity):
                yield connector.as_object()

Which name is what:

* a command of a loaded source, a function, an alias or a native program runs;
* a command of a *module* that is available on the machine is loaded on first use from PowerShell 3.0 on;
* a name that some declaration knows but that isn't available or loaded here (or that the caller lists as known to be
  absent) gives the genuine ``CommandNotFoundException``;
* a name that nobody declared is "not simulated": the lab can't know whether a real host has it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias, TypeVar

from harness.lab.powershell.objects import (
    CaseDict,
    ErrorRecord,
    NetException,
    TerminatingError,
    Value,
)

if TYPE_CHECKING:
    from harness.lab.powershell.session import Session


@dataclass(frozen=True, slots=True)
class Parameter:
    """One declared parameter.

    Args:
        name: Without the dash.
        type: As in a script, without brackets: ``string``, ``string[]``, ``int``, ``switch``, ``bool``,
            ``scriptblock``, ``Nullable[int]``, ``object``, or the name of a type registered with `Registry.type` or
            `Registry.enum`.
        mandatory: Must be given (in ``sets``, if any are named).
        position: 0 for the first positional argument; ``None`` where the name must be written.
        sets: The parameter sets it belongs to; all where empty.
        aliases: Other names.
        pipeline: Takes the value from the pipeline (ByValue).
        pipeline_by_name: Takes the value from the pipeline object's property of this name or alias.
        remaining: Takes all positional arguments that are left over.
        choices: ValidateSet; any case is accepted.
        allow_null: Accepts ``$null`` and empty values though it is mandatory.
        validate: Gives what is wrong with a converted value, or ``None``; becomes a ParameterArgumentValidationError.
        default: What `Call.get` gives when the parameter isn't bound.
        since: The first PowerShell version which has it; before it the parameter can't be found.
    """

    name: str
    type: str = "object"
    mandatory: bool = False
    position: int | None = None
    sets: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    pipeline: bool = False
    pipeline_by_name: bool = False
    remaining: bool = False
    choices: tuple[str, ...] = ()
    allow_null: bool = False
    validate: Callable[[Value], str | None] | None = None
    default: Value = None
    since: str = "2.0"


@dataclass(frozen=True, slots=True)
class Source:
    """A module, a snap-in or a remote session that brings commands.

    Args:
        name: As ``Import-Module`` and ``Add-PSSnapin`` take it; empty for what every process has.
        kind: ``session`` sources are loaded by whatever simulates ``Import-PSSession``, through `Session.load`.
        available: Whether it is installed on that machine.
        version: As ``Get-Module`` shows it.
        on_load: Called when it is loaded, for example to fail as the real one does.
        auto: A module that PowerShell 3.0 and later load by themselves when one of its commands is used.
    """

    name: str
    kind: Literal["builtin", "module", "snapin", "session"] = "module"
    available: Callable[[Value], bool] = lambda _machine: True
    version: str = "1.0"
    on_load: Callable[[Call], None] | None = None
    auto: bool = True


BUILTIN = Source("", "builtin")

CmdletFunction: TypeAlias = Callable[["Call"], Iterable[Value] | None]
"""Runs for one pipeline object (ProcessRecord); gives or yields what goes down the pipeline."""
F = TypeVar("F", bound=CmdletFunction)


@dataclass(frozen=True, slots=True)
class Cmdlet:
    """A declared cmdlet; see `Registry.cmdlet`."""

    name: str
    process: CmdletFunction
    parameters: tuple[Parameter, ...] = ()
    default_set: str = ""
    should_process: bool = False
    source: Source = BUILTIN
    class_name: str = ""
    begin: CmdletFunction | None = None
    end: CmdletFunction | None = None
    since: str = "2.0"

    @property
    def error_class(self) -> str:
        """The class in ``FullyQualifiedErrorId``: as declared, else a made-up name of the usual form."""
        return self.class_name or self.name.replace("-", "") + "Command"


@dataclass(frozen=True, slots=True)
class Native:
    """A declared native program; see `Registry.native`."""

    name: str
    run: Callable[[NativeCall], int]
    available: Callable[[Value], bool] = lambda _machine: True


@dataclass(frozen=True, slots=True)
class NetType:
    """A declared .NET type.

    Args:
        name: Full name.
        aliases: Type accelerators and short names.
        base: The full name of the type it derives from.
        new: The constructor: takes the script's arguments.
        cast: Converts a value to this type (``[X]$v``, parameters of this type); raises `DotNetError` where it can't. A
            value whose type is or derives from this type never gets here.
        statics: Static properties: name to value or to a function without arguments.
        setters: Static properties that can be set: name to a function of the new value.
        methods: Static methods: name to a function of the script's arguments.
        members: For an enumeration: name to number.
        flags: An enumeration whose members combine.

    Functions that need the process take a ``session`` as first argument and are marked with `with_session`.
    """

    name: str
    aliases: tuple[str, ...] = ()
    base: str = "System.Object"
    new: Callable[..., Value] | None = None
    cast: Callable[..., Value] | None = None
    statics: CaseDict[Value] = field(default_factory=CaseDict)
    setters: CaseDict[Callable[..., None]] = field(default_factory=CaseDict)
    methods: CaseDict[Callable[..., Value]] = field(default_factory=CaseDict)
    members: CaseDict[int] = field(default_factory=CaseDict)
    flags: bool = False


def with_session(function: Callable[..., Value]) -> Callable[..., Value]:
    """Mark a type's function: it is called with the `Session` before the script's arguments."""
    function.__dict__["with_session"] = True
    return function


class Registry:
    """Declarations of commands, programs, types and aliases; filled at import, not changed while processes run.

    Args:
        parts: Registries whose declarations this one takes over: a name is found sooner in one than in many.
    """

    def __init__(self, *parts: Registry) -> None:
        self.cmdlets: CaseDict[dict[str, Cmdlet]] = CaseDict()
        self.natives: CaseDict[Native] = CaseDict()
        self.types: CaseDict[NetType] = CaseDict()
        self.sources: CaseDict[Source] = CaseDict()
        self.aliases: CaseDict[str] = CaseDict()
        for part in parts:
            for kind, declared in vars(part).items():
                vars(self)[kind].update(declared)

    def source(
        self,
        name: str,
        *,
        kind: Literal["module", "snapin", "session"] = "module",
        available: Callable[[Value], bool] = lambda _machine: True,
        version: str = "1.0",
        on_load: Callable[[Call], None] | None = None,
        auto: bool = True,
    ) -> Source:
        """Declare a module, snap-in or session; see `Source`."""
        declared = Source(name, kind, available, version, on_load, auto)
        self.sources[name] = declared
        return declared

    def cmdlet(
        self,
        name: str,
        *parameters: Parameter,
        default_set: str = "",
        should_process: bool = False,
        source: Source = BUILTIN,
        class_name: str = "",
        begin: CmdletFunction | None = None,
        end: CmdletFunction | None = None,
        since: str = "2.0",
    ) -> Callable[[F], F]:
        """Declare a cmdlet; the decorated function is its ProcessRecord.

        Without pipeline input it runs once. Common parameters needn't be declared.

        Args:
            name: ``Verb-Noun``.
            parameters: All of its parameters, in the order of the documentation.
            default_set: The parameter set that wins where several would do.
            should_process: Whether ``-WhatIf`` and ``-Confirm`` exist.
            source: Where it comes from.
            class_name: The class that ``FullyQualifiedErrorId`` ends in.
            begin: BeginProcessing; only parameters from the command line are bound.
            end: EndProcessing.
            since: The first PowerShell version which has it.
        """

        def declare(process: F) -> F:
            declared = Cmdlet(
                name,
                process,
                parameters,
                default_set,
                should_process,
                source,
                class_name,
                begin,
                end,
                since,
            )
            self.cmdlets.setdefault(name, {})[source.name.lower()] = declared
            return process

        return declare

    def native(
        self,
        name: str,
        available: Callable[[Value], bool] = lambda _machine: True,
    ) -> Callable[[Callable[[NativeCall], int]], Callable[[NativeCall], int]]:
        """Declare a native program; the function gets a `NativeCall` and gives the exit code.

        Args:
            name: Without ``.exe``.
            available: Whether it is installed on that machine.
        """

        def declare(run: Callable[[NativeCall], int]) -> Callable[[NativeCall], int]:
            self.natives[name] = Native(name, run, available)
            return run

        return declare

    def type(self, declared: NetType) -> NetType:
        """Declare a .NET type."""
        for name in (declared.name, *declared.aliases):
            self.types[name] = declared
        return declared

    def enum(
        self, name: str, members: Mapping[str, int], *, aliases: tuple[str, ...] = (), flags: bool = False
    ) -> NetType:
        """Declare an enumeration; strings and numbers convert to its `EnumValue`, ``[X]::Member`` reads them."""
        return self.type(NetType(name, aliases, "System.Enum", members=CaseDict(members), flags=flags))

    def alias(self, name: str, command: str) -> None:
        """Declare an alias."""
        self.aliases[name] = command


class Call:
    """What a cmdlet's functions get: the bound parameters, the streams and the machine.

    Args:
        session: The process.
        cmdlet: The declaration.
    """

    def __init__(self, session: Session, cmdlet: Cmdlet) -> None:
        self.session = session
        self.cmdlet = cmdlet
        self.bound: CaseDict[Value] = CaseDict()
        """Converted values of the parameters that were given, by name."""
        self.parameter_set = cmdlet.default_set
        """The parameter set that was found."""
        self.input: Value = None
        """The current pipeline object; ``None`` without a pipeline."""
        self.state: dict[str, Value] = {}
        """Whatever ``begin``, ``process`` and ``end`` want to hand on."""

    @property
    def machine(self) -> Value:
        """The simulated host's state, as the caller gave it to the session."""
        return self.session.machine

    @property
    def version(self) -> tuple[int, int]:
        """The process's PowerShell version, for example ``(5, 1)``."""
        return self.session.version

    def get(self, name: str) -> Value:
        """Give a parameter's value: as bound, else its declared default."""
        if name in self.bound:
            return self.bound[name]
        return next(p.default for p in self.cmdlet.parameters if p.name.lower() == name.lower())

    def __contains__(self, name: str) -> bool:
        """Say whether the parameter was given."""
        return name in self.bound

    def write_output(self, value: Value) -> None:
        """Send one object down the pipeline, as it is: a list isn't taken apart."""
        self.session.evaluator.emit(self, value)

    def record(
        self,
        message: str,
        *,
        error_id: str,
        category: str = "NotSpecified",
        target: Value = None,
        exception: str = "System.Exception",
    ) -> ErrorRecord:
        """Make an error of this cmdlet's: ``FullyQualifiedErrorId`` becomes ``error_id,Class``.

        Args:
            message: ``Exception.Message``.
            error_id: The part before the comma.
            category: A name of ``ErrorCategory``.
            target: ``TargetObject``.
            exception: The exception's full type name.
        """
        return ErrorRecord(
            NetException(message, exception),
            f"{error_id},{self.cmdlet.error_class}",
            category,
            target,
            activity=self.cmdlet.name,
        )

    def write_error(self, record: ErrorRecord) -> None:
        """Report a non-terminating error; it terminates under ``-ErrorAction Stop``."""
        self.session.evaluator.write_error(record, self.preference("ErrorAction"), self)

    def throw(self, record: ErrorRecord) -> TerminatingError:
        """Make a terminating error: ``raise call.throw(call.record(…))``."""
        return TerminatingError(record)

    def write_warning(self, message: str) -> None:
        """Report a warning."""
        self.session.evaluator.write_warning(message, self.preference("WarningAction"), self)

    def write_verbose(self, message: str) -> None:
        """Report something that only ``-Verbose`` shows."""
        self.session.evaluator.write_verbose(message, self)

    def should_process(self, target: str, action: str = "") -> bool:
        """Say whether to go ahead; under ``-WhatIf`` writes what would be done and says no.

        Nobody can confirm in a process without a user, so ``-Confirm`` without ``:$false`` fails as it does there.

        Args:
            target: What would be changed.
            action: What would be done; the cmdlet's name where left out.
        """
        return self.session.evaluator.should_process(self, target, action or self.cmdlet.name)

    def preference(self, name: Literal["ErrorAction", "WarningAction"]) -> str:
        """Give the action preference in force: the common parameter's, else the variable's."""
        given = self.bound.get(name)
        return str(given if given is not None else self.session.evaluator.variable(name + "Preference"))

    def invoke(self, script_block: Value, *arguments: Value, underscore: Value = None) -> list[Value]:
        """Run a script block in its own scope and give what it wrote to the pipeline.

        Args:
            script_block: The ``[scriptblock]``.
            arguments: ``$args`` or its parameters.
            underscore: ``$_``.
        """
        return self.session.evaluator.invoke_block(script_block, arguments, underscore)

    def sleep(self, seconds: float) -> None:
        """Wait; ends the process at once when it is terminated."""
        self.session.sleep(seconds)


@dataclass(slots=True)
class NativeCall:
    """What a native program's function gets.

    Args:
        session: The process that started it.
        arguments: Its arguments, without its name.
        input: The lines piped into it.
        write_out: Writes one line of standard output.
        write_err: Writes one line of standard error.
    """

    session: Session
    arguments: list[str]
    input: list[str]
    write_out: Callable[[str], None]
    write_err: Callable[[str], None]

    @property
    def machine(self) -> Value:
        """The simulated host's state."""
        return self.session.machine
