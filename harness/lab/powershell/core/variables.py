"""The cmdlets of variables, and of the scope that holds them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.lab.powershell.cmdlet import Parameter, Registry
from harness.lab.powershell.formatting import text
from harness.lab.powershell.objects import NOTHING, NotSimulatedError, PSObject, Value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.lab.powershell.cmdlet import Call

VARIABLES = Registry()
VARIABLES.alias("gv", "Get-Variable")
VARIABLES.alias("sv", "Set-Variable")
VARIABLES.alias("set", "Set-Variable")
VARIABLES.alias("rv", "Remove-Variable")


def _not_found(call: Call, name: str) -> None:
    call.write_error(
        call.record(
            f"Cannot find a variable with the name '{name}'.",
            error_id="VariableNotFound",
            category="ObjectNotFound",
            target=name,
            exception="System.Management.Automation.ItemNotFoundException",
        )
    )


@VARIABLES.cmdlet(
    "Get-Variable",
    Parameter("Name", "string[]", position=0, pipeline=True),
    Parameter("ValueOnly", "switch"),
    Parameter("Scope", "string"),
    class_name="Microsoft.PowerShell.Commands.GetVariableCommand",
)
def get_variable(call: Call) -> Iterator[Value]:
    """Give variables by name."""
    evaluator = call.session.evaluator
    if not call.get("Name"):
        raise NotSimulatedError("Get-Variable without a name")
    for name in call.get("Name"):
        holder = evaluator.scope.holder(name.lower())
        scope = text(call.get("Scope")).lower()
        if scope in {"global", "script"}:
            holder = evaluator.scope.root() if name.lower() in evaluator.scope.root().variables else None
        elif scope in {"local", "0"}:
            holder = evaluator.scope if name.lower() in evaluator.scope.variables else None
        elif scope:
            raise NotSimulatedError(f"Get-Variable -Scope {scope}")
        if holder is None:
            _not_found(call, name)
            continue
        value = holder.variables[name.lower()]
        value = None if value is NOTHING else value
        if call.get("ValueOnly"):
            yield from value if isinstance(value, list) else [value]
        else:
            yield PSObject("System.Management.Automation.PSVariable", {"Name": name, "Value": value}, partial=True)


@VARIABLES.cmdlet(
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


@VARIABLES.cmdlet(
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
            _not_found(call, name)


@VARIABLES.cmdlet(
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


@VARIABLES.cmdlet(
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
