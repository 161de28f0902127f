"""The cmdlets of commands and of what brings them: modules and snap-ins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.lab.powershell import conversions, operators
from harness.lab.powershell.cmdlet import Parameter, Registry
from harness.lab.powershell.errors import command_not_found
from harness.lab.powershell.objects import NotSimulatedError, PSObject, Value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.lab.powershell.cmdlet import Call, Source

MODULES = Registry()
_LABELS = {"module": "module", "snapin": "snap-in"}
MODULES.alias("gcm", "Get-Command")
MODULES.alias("ipmo", "Import-Module")
MODULES.alias("gmo", "Get-Module")


@MODULES.cmdlet(
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
    if not call.get("Name"):
        raise NotSimulatedError("Get-Command without a name")
    for name in call.get("Name"):
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


def _available(call: Call, kind: str, name: str) -> list[Source]:
    """Find what this machine has of a name."""
    declared = [s for s in call.session.sources(kind) if s.name.lower() == name.lower()]
    if not declared and name.lower() not in call.session.known_absent:
        raise NotSimulatedError(f"the {_LABELS[kind]} {name}")
    return [s for s in declared if s.available(call.machine)]


@MODULES.cmdlet(
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
        available = _available(call, "module", name)
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


@MODULES.cmdlet(
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


@MODULES.cmdlet(
    "Remove-Module", Parameter("Name", "string[]", mandatory=True, position=0), Parameter("Force", "switch")
)
def remove_module(call: Call) -> None:
    """Unload modules and imported sessions."""
    for source in [s for kind in ("module", "session") for s in _by_name(call, kind)]:
        call.session.unload(source)


@MODULES.cmdlet(
    "Add-PSSnapin",
    Parameter("Name", "string[]", mandatory=True, position=0, pipeline_by_name=True, pipeline=True),
    Parameter("PassThru", "switch"),
    class_name="Microsoft.PowerShell.Commands.AddPSSnapinCommand",
)
def add_pssnapin(call: Call) -> Iterator[Value]:
    """Load snap-ins."""
    for name in call.get("Name"):
        available = _available(call, "snapin", name)
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


@MODULES.cmdlet(
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
