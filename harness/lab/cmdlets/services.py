"""Get-, Start-, Stop- and Restart-Service."""

from __future__ import annotations

import fnmatch
from typing import TYPE_CHECKING

from harness.lab.cmdlets.exchange import machine_of, misbehave
from harness.lab.powershell.cmdlet import Parameter, Registry
from harness.lab.powershell.objects import EnumValue, NotSimulatedError, PSObject, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.lab.machine import Machine
    from harness.lab.powershell.cmdlet import Call

SERVICES = Registry()
_COMMANDS = "Microsoft.PowerShell.Commands"
_CONTROLLER = "System.ServiceProcess.ServiceController"
_STATUS = {"Stopped": 1, "Running": 4}
_START = {"Automatic": 2, "Manual": 3, "Disabled": 4}
_WILDCARDS = "*?["


def _controller(machine: Machine, name: str, *, related: bool = True) -> PSObject:
    """Make what ``Get-Service`` gives: the state as of now.

    Args:
        machine: The host.
        name: The service.
        related: Whether it shows the services it has to do with; those that it shows don't.
    """
    service = machine.services.catalogue[name]
    state = machine.services.state(name).state
    properties: dict[str, Value] = {
        "Name": name,
        "ServiceName": name,
        "DisplayName": service.display_name,
        "Status": EnumValue("System.ServiceProcess.ServiceControllerStatus", state, _STATUS[state]),
        "StartType": EnumValue("System.ServiceProcess.ServiceStartMode", service.start, _START[service.start]),
        "CanStop": state == "Running",
        "MachineName": ".",
    }
    if related:
        required = [_controller(machine, other, related=False) for other in service.requires]
        dependants = machine.services.dependants(name)
        properties["RequiredServices"] = required
        properties["ServicesDependedOn"] = required
        properties["DependentServices"] = [_controller(machine, other, related=False) for other in dependants]
    return PSObject(_CONTROLLER, properties, columns=("Status", "Name", "DisplayName"), partial=True)


def _selected(call: Call) -> list[str]:
    """Give the names of the services that a call means; report those that don't exist."""
    for name in ("Include", "Exclude", "ComputerName", "DependentServices", "RequiredServices"):
        if name in call:
            raise NotSimulatedError(f"parameter -{name} of {call.cmdlet.name}")
    known = machine_of(call).services.catalogue
    if "DisplayName" in call:
        return _matching(call, call.get("DisplayName"), lambda name: known[name].display_name, "display name")
    wanted = call.get("InputObject") or call.get("Name")
    if wanted is None:
        return sorted(known, key=str.lower)
    given = [item.get("Name") if isinstance(item, PSObject) else str(item) for item in wanted]
    return _matching(call, given, str, "service name")


def _matching(call: Call, patterns: list[Value], text: Callable[[str], str], what: str) -> list[str]:
    names: list[str] = []
    known = machine_of(call).services.catalogue
    for pattern in patterns:
        matched = [name for name in known if fnmatch.fnmatchcase(text(name).lower(), str(pattern).lower())]
        if not matched and not any(character in str(pattern) for character in _WILDCARDS):
            record = call.record(
                f"Cannot find any service with {what} '{pattern}'.",
                error_id=f"NoServiceFoundForGiven{'Name' if what == 'service name' else 'DisplayName'}",
                category="ObjectNotFound",
                target=pattern,
                exception=f"{_COMMANDS}.ServiceCommandException",
            )
            call.write_error(record)
        names += sorted(matched, key=str.lower)
    return names


def _service_parameters(*, default: bool) -> tuple[Parameter, ...]:
    """Give the ways to name services; objects are taken by position as well, as ``-Name``."""
    return (
        Parameter("Name", "object[]", position=0, mandatory=not default, sets=("Default",), aliases=("ServiceName",)),
        Parameter("DisplayName", "string[]", mandatory=True, sets=("DisplayName",)),
        Parameter("InputObject", "object[]", mandatory=not default, sets=("InputObject",), pipeline=True),
        Parameter("Include", "string[]"),
        Parameter("Exclude", "string[]"),
    )


@SERVICES.cmdlet(
    "Get-Service",
    *_service_parameters(default=True),
    Parameter("ComputerName", "string[]", aliases=("Cn",)),
    Parameter("DependentServices", "switch", aliases=("DS",)),
    Parameter("RequiredServices", "switch", aliases=("SDO", "ServicesDependedOn")),
    default_set="Default",
    class_name=f"{_COMMANDS}.GetServiceCommand",
)
def get_service(call: Call) -> Iterator[Value]:
    """Give services by name, all in alphabetical order where none is named."""
    misbehave(call)
    for name in _selected(call):
        yield _controller(machine_of(call), name)


_CHANGE = (*_service_parameters(default=False), Parameter("PassThru", "switch"))
_FORCE = Parameter("Force", "switch")


@SERVICES.cmdlet(
    "Start-Service",
    *_CHANGE,
    default_set="InputObject",
    should_process=True,
    class_name=f"{_COMMANDS}.StartServiceCommand",
)
def start_service(call: Call) -> Iterator[Value]:
    """Start services and what they require."""
    return _change(call, "Start", machine_of(call).services.start)


@SERVICES.cmdlet(
    "Stop-Service",
    *_CHANGE,
    _FORCE,
    Parameter("NoWait", "switch", since="5.0"),
    default_set="InputObject",
    should_process=True,
    class_name=f"{_COMMANDS}.StopServiceCommand",
)
def stop_service(call: Call) -> Iterator[Value]:
    """Stop services; with ``-Force`` those that depend on them as well."""
    return _change(call, "Stop", machine_of(call).services.stop)


@SERVICES.cmdlet(
    "Restart-Service",
    *_CHANGE,
    _FORCE,
    default_set="InputObject",
    should_process=True,
    class_name=f"{_COMMANDS}.RestartServiceCommand",
)
def restart_service(call: Call) -> Iterator[Value]:
    """Stop and start services; with ``-Force`` those that depend on them as well."""
    return _change(call, "Restart", machine_of(call).services.restart)


def _change(call: Call, verb: str, act: Callable[[str], object]) -> Iterator[Value]:
    misbehave(call)
    machine = machine_of(call)
    for name in _selected(call):
        if verb != "Start" and not call.get("Force") and _has_running_dependants(machine, name):
            call.write_error(_needed(call, name))
            continue
        target = f"{machine_of(call).services.catalogue[name].display_name} ({name})"
        if call.should_process(target, f"{verb}-Service") and not machine.faults.ignores(call.cmdlet.name):
            act(name)
        if call.get("PassThru"):
            yield _controller(machine, name)


def _has_running_dependants(machine: Machine, name: str) -> bool:
    return any(machine.services.running(other) for other in machine.services.dependants(name))


def _needed(call: Call, name: str) -> Value:
    title = machine_of(call).services.catalogue[name].display_name
    return call.record(
        f"Cannot stop service '{title} ({name})' because it has dependent services. "
        "It can only be stopped if the Force flag is set.",
        error_id="ServiceHasDependentServices",
        category="InvalidOperation",
        target=name,
        exception=f"{_COMMANDS}.ServiceCommandException",
    )
