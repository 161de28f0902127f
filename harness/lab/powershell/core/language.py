"""The cmdlets that belong to the language: loops over a pipeline, streams, variables, modules."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from harness.lab.powershell import conversions, operators
from harness.lab.powershell.cmdlet import Parameter, Registry
from harness.lab.powershell.errors import command_not_found, runtime_error
from harness.lab.powershell.formatting import format_date, text
from harness.lab.powershell.objects import (
    NOTHING,
    ErrorRecord,
    NetException,
    NotSimulatedError,
    PSObject,
    ScriptBlock,
    Value,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.lab.powershell.cmdlet import Call, Source

LANGUAGE = Registry()
for _alias, _command in {
    "%": "ForEach-Object",
    "foreach": "ForEach-Object",
    "?": "Where-Object",
    "where": "Where-Object",
    "select": "Select-Object",
    "sort": "Sort-Object",
    "group": "Group-Object",
    "measure": "Measure-Object",
    "echo": "Write-Output",
    "write": "Write-Output",
    "sleep": "Start-Sleep",
    "gcm": "Get-Command",
    "gm": "Get-Member",
    "ipmo": "Import-Module",
    "gmo": "Get-Module",
    "gv": "Get-Variable",
    "sv": "Set-Variable",
    "set": "Set-Variable",
    "rv": "Remove-Variable",
}.items():
    LANGUAGE.alias(_alias, _command)

# Loops over a pipeline


def _foreach_begin(call: Call) -> None:
    if call.get("Begin") is not None:
        call.session.evaluator.invoke_inline(call.get("Begin"), None, call.write_output)


def _foreach_end(call: Call) -> None:
    if call.get("End") is not None:
        call.session.evaluator.invoke_inline(call.get("End"), None, call.write_output)


@LANGUAGE.cmdlet(
    "ForEach-Object",
    Parameter("Process", "scriptblock[]", mandatory=True, position=0, sets=("ScriptBlockSet",)),
    Parameter("MemberName", "string", mandatory=True, position=0, sets=("PropertyAndMethodSet",), since="3.0"),
    Parameter("ArgumentList", "object[]", aliases=("Args",), sets=("PropertyAndMethodSet",), since="3.0"),
    Parameter("Begin", "scriptblock", sets=("ScriptBlockSet",)),
    Parameter("End", "scriptblock", sets=("ScriptBlockSet",)),
    Parameter("InputObject", "psobject", pipeline=True),
    default_set="ScriptBlockSet",
    begin=_foreach_begin,
    end=_foreach_end,
    class_name="Microsoft.PowerShell.Commands.ForEachObjectCommand",
)
def foreach_object(call: Call) -> Iterator[Value]:
    """Run a block, or read a member, for each object."""
    item = call.get("InputObject")
    evaluator = call.session.evaluator
    if call.parameter_set == "ScriptBlockSet":
        for block in call.get("Process"):
            evaluator.invoke_inline(block, item, call.write_output)
        return
    name = call.get("MemberName")
    has, value = evaluator.members.lookup(item, name)
    if not has:
        arguments = call.get("ArgumentList") or []
        value = evaluator.members.call(item, name, arguments)
    yield from value if isinstance(value, list) else [value]


_SIMPLE = (
    "EQ",
    "NE",
    "GT",
    "GE",
    "LT",
    "LE",
    "Like",
    "NotLike",
    "Match",
    "NotMatch",
    "Contains",
    "NotContains",
    "In",
    "NotIn",
    "Is",
    "IsNot",
)
_SIMPLE_CASED = ("CEQ", "CNE", "CLike", "CMatch")


@LANGUAGE.cmdlet(
    "Where-Object",
    Parameter("FilterScript", "scriptblock", mandatory=True, position=0, sets=("ScriptBlockSet",)),
    Parameter("Property", "string", mandatory=True, position=0, sets=("PropertySet",), since="3.0"),
    Parameter("Value", "object", position=1, sets=("PropertySet",), since="3.0"),
    *(Parameter(name, "switch", sets=("PropertySet",), since="3.0") for name in (*_SIMPLE, *_SIMPLE_CASED)),
    Parameter("InputObject", "psobject", pipeline=True),
    default_set="ScriptBlockSet",
    class_name="Microsoft.PowerShell.Commands.WhereObjectCommand",
)
def where_object(call: Call) -> Iterator[Value]:
    """Pass on the objects for which the condition holds."""
    item = call.get("InputObject")
    evaluator = call.session.evaluator
    if call.parameter_set == "ScriptBlockSet":
        output = evaluator.invoke_inline(call.get("FilterScript"), item)
        if conversions.truth(output[0] if len(output) == 1 else output):
            yield item
        return
    value = evaluator.members.get(item, call.get("Property"))
    operator = next((name.lower() for name in (*_SIMPLE, *_SIMPLE_CASED) if call.get(name)), "")
    if operator in {"is", "isnot"}:
        raise NotSimulatedError(f"Where-Object -{operator}")
    if not operator and "Value" not in call:
        kept = conversions.truth(value)
    else:
        kept = conversions.truth(evaluator.operate(operator or "eq", value, call.get("Value")))
    if kept:
        yield item


# Streams


@LANGUAGE.cmdlet(
    "Write-Output",
    Parameter(
        "InputObject",
        "psobject[]",
        mandatory=True,
        position=0,
        pipeline=True,
        remaining=True,
        allow_null=True,
    ),
    Parameter("NoEnumerate", "switch", since="4.0"),
    class_name="Microsoft.PowerShell.Commands.WriteOutputCommand",
)
def write_output(call: Call) -> Iterator[Value]:
    """Write to the pipeline."""
    value = call.get("InputObject")
    if isinstance(value, list) and not call.get("NoEnumerate"):
        yield from value
    else:
        yield value


def _plain(call: Call, name: str) -> str:
    value = call.get(name)
    return text(value)


@LANGUAGE.cmdlet(
    "Write-Host",
    Parameter("Object", "object", position=0, pipeline=True, remaining=True),
    Parameter("NoNewline", "switch"),
    Parameter("Separator", "object", default=" "),
    Parameter("ForegroundColor", "string"),
    Parameter("BackgroundColor", "string"),
    class_name="Microsoft.PowerShell.Commands.WriteHostCommand",
)
def write_host(call: Call) -> None:
    """Write to the console, which a remote shell sees on standard output."""
    value = call.get("Object")
    shown = text(value, text(call.get("Separator")))
    end = "" if call.get("NoNewline") else "\n"
    call.session.evaluator.sinks.get("6", call.session.evaluator.host.get("host", lambda _v: None))(shown + end)


@LANGUAGE.cmdlet(
    "Write-Information",
    Parameter("MessageData", "object", mandatory=True, position=0, aliases=("Msg",)),
    Parameter("Tags", "string[]", position=1),
    since="5.0",
)
def write_information(call: Call) -> None:
    """Write to the information stream, which is silent unless asked for."""
    action = call.bound.get("InformationAction") or call.session.evaluator.variable("InformationPreference")
    if text(action).lower() == "continue":
        call.session.evaluator.host.get("host", lambda _v: None)(_plain(call, "MessageData") + "\n")


@LANGUAGE.cmdlet(
    "Write-Warning",
    Parameter("Message", "string", mandatory=True, position=0, aliases=("Msg",), pipeline=True, allow_null=True),
    class_name="Microsoft.PowerShell.Commands.WriteWarningCommand",
)
def write_warning(call: Call) -> None:
    """Write to the warning stream."""
    call.write_warning(_plain(call, "Message"))


@LANGUAGE.cmdlet(
    "Write-Verbose",
    Parameter("Message", "string", mandatory=True, position=0, aliases=("Msg",), pipeline=True, allow_null=True),
)
def write_verbose(call: Call) -> None:
    """Write to the verbose stream."""
    call.write_verbose(_plain(call, "Message"))


@LANGUAGE.cmdlet(
    "Write-Debug",
    Parameter("Message", "string", mandatory=True, position=0, aliases=("Msg",), pipeline=True, allow_null=True),
)
def write_debug(call: Call) -> None:
    """Write to the debug stream."""
    call.session.evaluator.write_verbose(_plain(call, "Message"), call, "5")


@LANGUAGE.cmdlet(
    "Write-Progress",
    Parameter("Activity", "string", mandatory=True, position=0),
    Parameter("Status", "string", position=1),
    Parameter("Id", "int", position=2),
    Parameter("PercentComplete", "int"),
    Parameter("SecondsRemaining", "int"),
    Parameter("CurrentOperation", "string"),
    Parameter("ParentId", "int"),
    Parameter("Completed", "switch"),
    Parameter("SourceId", "int"),
)
def write_progress(call: Call) -> None:
    """Show progress; without a console only CLIXML carries it."""
    evaluator = call.session.evaluator
    if text(evaluator.variable("ProgressPreference")).lower() == "continue":
        evaluator.host.get("progress", lambda _v: None)((call.get("Activity"), call.get("Status") or "Processing"))


@LANGUAGE.cmdlet(
    "Write-Error",
    Parameter(
        "Message",
        "string",
        mandatory=True,
        position=0,
        sets=("NoException",),
        aliases=("Msg",),
        pipeline=True,
        allow_null=True,
    ),
    Parameter("Exception", "object", mandatory=True, sets=("WithException",)),
    Parameter("ErrorRecord", "object", mandatory=True, sets=("ErrorRecord",)),
    Parameter("Category", "System.Management.Automation.ErrorCategory", sets=("NoException", "WithException")),
    Parameter("ErrorId", "string", sets=("NoException", "WithException")),
    Parameter("TargetObject", "object", sets=("NoException", "WithException")),
    Parameter("RecommendedAction", "string"),
    Parameter("CategoryActivity", "string", aliases=("Activity",)),
    Parameter("CategoryReason", "string", aliases=("Reason",)),
    Parameter("CategoryTargetName", "string", aliases=("TargetName",)),
    Parameter("CategoryTargetType", "string", aliases=("TargetType",)),
    default_set="NoException",
    class_name="Microsoft.PowerShell.Commands.WriteErrorCommand",
)
def write_error(call: Call) -> None:
    """Write to the error stream."""
    given = call.get("ErrorRecord")
    if isinstance(given, ErrorRecord):
        call.write_error(given)
        return
    kind = "Microsoft.PowerShell.Commands.WriteErrorException"
    exception = call.get("Exception") if "Exception" in call else NetException(_plain(call, "Message"), kind)
    category = call.get("Category")
    error_id = call.get("ErrorId") or exception.type_name
    # Within a function the identifier names it, as a cmdlet's names its class.
    function = call.session.evaluator.function_name()
    error_id += f",{function}" if function else ""
    record = ErrorRecord(
        exception,
        error_id,
        text(category) if category is not None else "NotSpecified",
        call.get("TargetObject"),
        activity=call.get("CategoryActivity") or "Write-Error",
    )
    call.write_error(record)


@LANGUAGE.cmdlet("Out-Null", Parameter("InputObject", "psobject", pipeline=True))
def out_null(_call: Call) -> None:
    """Drop everything."""


def _string_end(call: Call) -> Iterator[Value]:
    from harness.lab.powershell.display import render  # noqa: PLC0415 - only this cmdlet needs it

    rendered = render(call.state.get("items", []), call.session)
    if call.get("Stream"):
        yield from rendered.removesuffix("\r\n").split("\r\n")
    else:
        yield rendered


@LANGUAGE.cmdlet(
    "Out-String",
    Parameter("InputObject", "psobject", pipeline=True),
    Parameter("Width", "int"),
    Parameter("Stream", "switch"),
    end=_string_end,
)
def out_string(call: Call) -> None:
    """Render objects as the console would show them."""
    if "InputObject" in call:
        call.state.setdefault("items", []).append(call.get("InputObject"))


# Variables


@LANGUAGE.cmdlet(
    "Get-Variable",
    Parameter("Name", "string[]", position=0, pipeline=True),
    Parameter("ValueOnly", "switch"),
    Parameter("Scope", "string"),
    class_name="Microsoft.PowerShell.Commands.GetVariableCommand",
)
def get_variable(call: Call) -> Iterator[Value]:
    """Give variables by name."""
    evaluator = call.session.evaluator
    for name in call.get("Name") or _none("Get-Variable without a name"):
        holder = evaluator.scope.holder(name.lower())
        scope = text(call.get("Scope")).lower()
        if scope in {"global", "script"}:
            holder = evaluator.scope.root() if name.lower() in evaluator.scope.root().variables else None
        elif scope in {"local", "0"}:
            holder = evaluator.scope if name.lower() in evaluator.scope.variables else None
        elif scope:
            raise NotSimulatedError(f"Get-Variable -Scope {scope}")
        if holder is None:
            call.write_error(
                call.record(
                    f"Cannot find a variable with the name '{name}'.",
                    error_id="VariableNotFound",
                    category="ObjectNotFound",
                    target=name,
                    exception="System.Management.Automation.ItemNotFoundException",
                )
            )
            continue
        value = holder.variables[name.lower()]
        value = None if value is NOTHING else value
        if call.get("ValueOnly"):
            yield from value if isinstance(value, list) else [value]
        else:
            yield PSObject("System.Management.Automation.PSVariable", {"Name": name, "Value": value}, partial=True)


def _none(construct: str) -> list[str]:
    raise NotSimulatedError(construct)


@LANGUAGE.cmdlet(
    "Set-Variable",
    Parameter("Name", "string[]", mandatory=True, position=0, pipeline_by_name=True),
    Parameter("Value", "object", position=1, pipeline=True, pipeline_by_name=True),
    Parameter("Scope", "string"),
)
def set_variable(call: Call) -> None:
    """Set variables."""
    scope = text(call.get("Scope")).lower()
    if scope not in {"", "local", "script", "global", "0"}:
        raise NotSimulatedError(f"Set-Variable -Scope {scope}")
    for name in call.get("Name"):
        call.session.evaluator.set_variable(name, call.get("Value"), "" if scope == "0" else scope)


@LANGUAGE.cmdlet(
    "Remove-Variable",
    Parameter("Name", "string[]", mandatory=True, position=0),
    Parameter("Force", "switch"),
    Parameter("Scope", "string"),
    class_name="Microsoft.PowerShell.Commands.RemoveVariableCommand",
)
def remove_variable(call: Call) -> None:
    """Remove variables."""
    scope = call.session.evaluator.scope
    for name in call.get("Name"):
        if name.lower() in scope.variables:
            del scope.variables[name.lower()]
            scope.constraints.pop(name.lower(), None)
        else:
            call.write_error(
                call.record(
                    f"Cannot find a variable with the name '{name}'.",
                    error_id="VariableNotFound",
                    category="ObjectNotFound",
                    target=name,
                    exception="System.Management.Automation.ItemNotFoundException",
                )
            )


@LANGUAGE.cmdlet(
    "Test-Path",
    Parameter("Path", "string[]", mandatory=True, position=0, pipeline=True),
    Parameter("LiteralPath", "string[]"),
    Parameter("PathType", "string"),
)
def test_path(call: Call) -> Iterator[Value]:
    """Say whether a variable, environment variable or function exists; other drives are for the host's own cmdlets."""
    evaluator = call.session.evaluator
    for path in call.get("Path"):
        drive, _, name = path.partition(":")
        lowered = name.lstrip("\\/").lower()
        if drive.lower() == "variable":
            yield evaluator.scope.holder(lowered) is not None
        elif drive.lower() == "env":
            yield lowered in call.session.environment
        elif drive.lower() == "function":
            yield evaluator.scope.function(lowered) is not None
        else:
            raise NotSimulatedError(f"Test-Path {path}")


@LANGUAGE.cmdlet(
    "Set-StrictMode",
    Parameter("Version", "string", mandatory=True, sets=("Version",)),
    Parameter("Off", "switch", mandatory=True, sets=("Off",)),
    default_set="Version",
)
def set_strict_mode(call: Call) -> None:
    """Switch strict mode on or off in the caller's scope."""
    scope = call.session.evaluator.scope
    if call.get("Off"):
        scope.strict = 0
        return
    given = call.get("Version")
    latest = 2 if call.version < (3, 0) else 3
    scope.strict = latest if given.lower() == "latest" else int(given.partition(".")[0])


# Commands and modules


@LANGUAGE.cmdlet(
    "Get-Command",
    Parameter("Name", "string[]", position=0, pipeline=True),
    Parameter("CommandType", "string", aliases=("Type",)),
    Parameter("Module", "string[]", aliases=("PSSnapin",)),
    class_name="Microsoft.PowerShell.Commands.GetCommandCommand",
)
def get_command(call: Call) -> Iterator[Value]:
    """Give commands by name."""
    if "Module" in call or "CommandType" in call:
        raise NotSimulatedError("Get-Command with anything but names")
    for name in call.get("Name") or _none("Get-Command without a name"):
        if any(c in name for c in "*?["):
            yield from _matching_commands(call, name)
            continue
        found = _command_info(call, name)
        if found is not None:
            yield found
            continue
        record = command_not_found(name).record
        record.error_id = "CommandNotFoundException,Microsoft.PowerShell.Commands.GetCommandCommand"
        record.activity = "Get-Command"
        call.write_error(record)


def _command_info(call: Call, name: str) -> Value:
    session = call.session
    function = session.evaluator.scope.function(name.lower())
    if function is not None:
        return _info("Function", function.name, "")
    alias = session.alias(name)
    if alias:
        return _info("Alias", name, "")
    found = session.command(name)
    if found is None:
        return None
    source = getattr(found, "source", None)
    kind = "Application" if source is None else "Function" if source.kind == "session" else "Cmdlet"
    return _info(kind, found.name, source.name if source else "")


def _info(kind: str, name: str, source: str) -> PSObject:
    return PSObject(
        f"System.Management.Automation.{kind}Info",
        {"CommandType": kind, "Name": name, "ModuleName": source, "Source": source},
        text=name,
        partial=True,
    )


def _matching_commands(call: Call, pattern: str) -> Iterator[Value]:
    compiled = operators.wildcard(pattern)
    session = call.session
    names = {name: None for registry in session.registries for name in registry.cmdlets if compiled.fullmatch(name)}
    for name in names:
        found = session.command(name)
        if found is not None:
            yield _command_info(call, name)


def _module_info(source: Source) -> PSObject:
    kind = (
        "System.Management.Automation.PSModuleInfo"
        if source.kind == "module"
        else "System.Management.Automation.PSSnapInInfo"
    )
    return PSObject(
        kind,
        {"Name": source.name, "Version": conversions.version(source.version)},
        text=source.name,
        partial=True,
    )


def _by_name(call: Call, kind: str) -> list[Source]:
    wanted = call.get("Name")
    sources = call.session.sources(kind)
    if not wanted:
        return sources
    return [s for s in sources if any(operators.wildcard(name).fullmatch(s.name) for name in wanted)]


@LANGUAGE.cmdlet(
    "Import-Module",
    Parameter("Name", "string[]", mandatory=True, position=0, pipeline=True),
    Parameter("Force", "switch"),
    Parameter("Global", "switch"),
    Parameter("PassThru", "switch"),
    Parameter("DisableNameChecking", "switch"),
    class_name="Microsoft.PowerShell.Commands.ImportModuleCommand",
)
def import_module(call: Call) -> Iterator[Value]:
    """Load modules."""
    for name in call.get("Name"):
        declared = [s for s in call.session.sources("module") if s.name.lower() == name.lower()]
        if not declared and name.lower() not in call.session.known_absent:
            raise NotSimulatedError(f"the module {name}")
        available = [s for s in declared if s.available(call.machine)]
        if not available:
            call.write_error(
                call.record(
                    f"The specified module '{name}' was not loaded because no valid module file "
                    "was found in any module "
                    "directory.",
                    error_id="Modules_ModuleNotFound",
                    category="ResourceUnavailable",
                    target=name,
                    exception="System.IO.FileNotFoundException",
                )
            )
            continue
        call.session.import_source(available[-1])
        if call.get("PassThru"):
            yield _module_info(available[-1])


@LANGUAGE.cmdlet(
    "Get-Module",
    Parameter("Name", "string[]", position=0, pipeline=True),
    Parameter("ListAvailable", "switch"),
    Parameter("All", "switch"),
)
def get_module(call: Call) -> Iterator[Value]:
    """Give the modules that are loaded, or installed."""
    for source in _by_name(call, "module"):
        present = (
            source.available(call.machine) if call.get("ListAvailable") else source.name.lower() in call.session.loaded
        )
        if present:
            yield _module_info(source)


@LANGUAGE.cmdlet(
    "Remove-Module", Parameter("Name", "string[]", mandatory=True, position=0), Parameter("Force", "switch")
)
def remove_module(call: Call) -> None:
    """Unload modules and imported sessions."""
    for source in [s for kind in ("module", "session") for s in _by_name(call, kind)]:
        call.session.unload(source)


@LANGUAGE.cmdlet(
    "Add-PSSnapin",
    Parameter("Name", "string[]", mandatory=True, position=0, pipeline_by_name=True, pipeline=True),
    Parameter("PassThru", "switch"),
    class_name="Microsoft.PowerShell.Commands.AddPSSnapinCommand",
)
def add_pssnapin(call: Call) -> Iterator[Value]:
    """Load snap-ins."""
    for name in call.get("Name"):
        declared = [s for s in call.session.sources("snapin") if s.name.lower() == name.lower()]
        if not declared and name.lower() not in call.session.known_absent:
            raise NotSimulatedError(f"the snap-in {name}")
        available = [s for s in declared if s.available(call.machine)]
        if not available:
            call.write_error(
                call.record(
                    f"The Windows PowerShell snap-in '{name}' is not installed on this computer.",
                    error_id="AddPSSnapInRead",
                    category="InvalidArgument",
                    target=name,
                    exception="System.Management.Automation.PSArgumentException",
                )
            )
        elif name.lower() in call.session.loaded:
            call.write_error(
                call.record(
                    f"Cannot add Windows PowerShell snap-in {name} because it is already added. Verify the name of the "
                    "snap-in and try again.",
                    error_id="AddPSSnapInRead",
                    category="InvalidArgument",
                    target=name,
                    exception="System.Management.Automation.PSArgumentException",
                )
            )
        else:
            call.session.import_source(available[-1])
            if call.get("PassThru"):
                yield _module_info(available[-1])


@LANGUAGE.cmdlet(
    "Get-PSSnapin",
    Parameter("Name", "string[]", position=0),
    Parameter("Registered", "switch"),
    class_name="Microsoft.PowerShell.Commands.GetPSSnapinCommand",
)
def get_pssnapin(call: Call) -> Iterator[Value]:
    """Give the snap-ins that are loaded, or installed."""
    found = [
        s
        for s in _by_name(call, "snapin")
        if (s.available(call.machine) if call.get("Registered") else s.name.lower() in call.session.loaded)
    ]
    yield from (_module_info(source) for source in found)
    for name in call.get("Name") or []:
        plain = not any(c in name for c in "*?[")
        if plain and not any(s.name.lower() == name.lower() for s in found):
            call.write_error(
                call.record(
                    f"No Windows PowerShell snap-ins matching the pattern '{name}' were found. "
                    "Check the pattern and then "
                    "try the command again.",
                    error_id="NoPSSnapInsFound",
                    category="InvalidArgument",
                    target=name,
                    exception="System.Management.Automation.PSArgumentException",
                )
            )


# The rest


@LANGUAGE.cmdlet(
    "Start-Sleep",
    Parameter("Seconds", "double", mandatory=True, position=0, sets=("Seconds",)),
    Parameter("Milliseconds", "int", mandatory=True, sets=("Milliseconds",)),
    default_set="Seconds",
)
def start_sleep(call: Call) -> None:
    """Wait."""
    call.sleep(call.get("Seconds") if "Seconds" in call else call.get("Milliseconds") / 1000)


@LANGUAGE.cmdlet(
    "Get-Date",
    Parameter("Date", "datetime", position=0, pipeline=True),
    Parameter("Format", "string"),
    *(Parameter(name, "int") for name in ("Year", "Month", "Day", "Hour", "Minute", "Second")),
)
def get_date(call: Call) -> Iterator[Value]:
    """Give the simulated host's time; its time zone is UTC."""
    moment = call.get("Date") or datetime.now(UTC).replace(tzinfo=None)
    parts = {n.lower(): call.get(n) for n in ("Year", "Month", "Day", "Hour", "Minute", "Second") if n in call}
    moment = moment.replace(**parts)
    if "Format" not in call:
        yield moment
    elif call.get("Format").lower() == "filedatetime":
        raise NotSimulatedError("Get-Date -Format FileDateTime")
    else:
        yield format_date(moment, call.get("Format"))


@LANGUAGE.cmdlet(
    "New-TimeSpan",
    Parameter("Start", "datetime", position=0, sets=("Date",)),
    Parameter("End", "datetime", position=1, sets=("Date",)),
    *(Parameter(name, "int", sets=("Time",), default=0) for name in ("Days", "Hours", "Minutes", "Seconds")),
    default_set="Date",
)
def new_timespan(call: Call) -> Iterator[Value]:
    """Give a span of time."""
    if call.parameter_set == "Time":
        parts = {name.lower(): call.get(name) for name in ("Days", "Hours", "Minutes", "Seconds")}
        yield timedelta(**parts)
        return
    now = datetime.now(UTC).replace(tzinfo=None)
    yield (call.get("End") or now) - (call.get("Start") or now)


@LANGUAGE.cmdlet("Get-Host")
def get_host(call: Call) -> Iterator[Value]:
    """Give the host program."""
    yield PSObject(
        "System.Management.Automation.Internal.Host.InternalHost",
        {"Name": "ConsoleHost", "Version": conversions.version(call.session.version_text)},
        partial=True,
    )


@LANGUAGE.cmdlet(
    "Invoke-Command",
    Parameter("ScriptBlock", "scriptblock", mandatory=True, position=0),
    Parameter("ArgumentList", "object[]", aliases=("Args",)),
    Parameter("NoNewScope", "switch", since="3.0"),
)
def invoke_command(call: Call) -> Iterator[Value]:
    """Run a script block in this process; sessions belong to the host's own cmdlets."""
    block: ScriptBlock = call.get("ScriptBlock")
    if call.get("NoNewScope"):
        raise NotSimulatedError("Invoke-Command -NoNewScope")
    yield from call.invoke(block, *(call.get("ArgumentList") or []), underscore=NOTHING)


@LANGUAGE.cmdlet("Invoke-Expression", Parameter("Command", "string", mandatory=True, position=0, pipeline=True))
def invoke_expression(_call: Call) -> None:
    """Refuse: text that becomes code is what our scripts never do."""
    raise runtime_error(
        "not simulated: Invoke-Expression",
        "NotSimulated",
        "NotImplemented",
        exception="Harness.NotSimulatedException",
    )
