"""Windows' own cmdlets about WMI and the registry; name resolution; a few native programs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from harness.lab.cmdlets import metabase, permissions
from harness.lab.cmdlets.exchange import machine_of, misbehave
from harness.lab.cmdlets.network_programs import netsh_firewall
from harness.lab.powershell.cmdlet import NetType, Parameter, Registry, with_session
from harness.lab.powershell.core.variables import test_path as core_test_path
from harness.lab.powershell.objects import (
    CaseDict,
    DotNetError,
    NotSimulatedError,
    PSObject,
    UInt16,
    UInt32,
    UInt64,
    Value,
)
from harness.lab.state.network import FIREWALL
from harness.lab.state.registry import full_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.lab.machine import Machine
    from harness.lab.powershell.cmdlet import Call, NativeCall
    from harness.lab.powershell.session import Session

WINDOWS = Registry()
_COMMANDS = "Microsoft.PowerShell.Commands"
_WMI_START = {"Automatic": "Auto", "Manual": "Manual", "Disabled": "Disabled"}
_WILDCARDS = "*?["


# WMI

_CONDITION = re.compile(r"""\s*(\w+)\s*=\s*(?:'([^']*)'|"([^"]*)")\s*""")


def _wmi_service(machine: Machine, name: str) -> dict[str, Value]:
    service = machine.services.catalogue[name]
    state, process = machine.services.state(name)
    program = (
        "C:\\Windows\\system32\\svchost.exe" if service.shared else f'"{machine.spec.install_path}{service.program}"'
    )
    return {
        "Name": name,
        "Caption": service.display_name,
        "DisplayName": service.display_name,
        "State": state,
        "Started": state == "Running",
        "StartMode": _WMI_START[service.start],
        "Status": "OK",
        "ProcessId": UInt32(process),
        "ExitCode": UInt32(0),
        "StartName": "LocalSystem",
        "PathName": program,
        "SystemName": machine.name,
    }


def _wmi_system(machine: Machine) -> dict[str, Value]:
    windows = machine.product.windows
    return {
        "Caption": windows.caption,
        "Name": f"{windows.caption}|C:\\Windows|\\Device\\Harddisk0\\Partition2",
        "Version": windows.version,
        "BuildNumber": windows.build,
        "CSName": machine.name,
        "CurrentTimeZone": 0,
        "Locale": "0409",
        "MUILanguages": ["en-US"],
        "OSArchitecture": "64-bit",
        "OSLanguage": UInt32(1033),
        "ProductType": UInt32(3),
        "ServicePackMajorVersion": UInt16(0),
        "ServicePackMinorVersion": UInt16(0),
        "SystemDirectory": "C:\\Windows\\system32",
        "SystemDrive": "C:",
        "TotalVisibleMemorySize": UInt64(16 * 1024**2),
        "WindowsDirectory": "C:\\Windows",
    }


def _wmi_computer(machine: Machine) -> dict[str, Value]:
    return {
        "Name": machine.name,
        "DNSHostName": machine.name,
        "Domain": "WORKGROUP" if machine.parts.edge else machine.spec.domain,
        "DomainRole": UInt16(2 if machine.parts.edge else 3),
        "PartOfDomain": not machine.parts.edge,
        "Manufacturer": "Microsoft Corporation",
        "Model": "Virtual Machine",
        "NumberOfLogicalProcessors": UInt32(4),
        "TotalPhysicalMemory": UInt64(16 * 1024**3),
    }


def _instances(machine: Machine, name: str) -> list[dict[str, Value]]:
    if name.lower() == "win32_service":
        return [_wmi_service(machine, service) for service in sorted(machine.services.catalogue, key=str.lower)]
    if name.lower() == "win32_operatingsystem":
        return [_wmi_system(machine)]
    if name.lower() == "win32_computersystem":
        return [_wmi_computer(machine)]
    if name.lower() == "win32_timezone":
        return [{"StandardName": "Coordinated Universal Time", "Bias": 0}]
    if name.lower() == "win32_share":
        return permissions.shares(machine)
    if name.lower() == "win32_logicalsharesecuritysetting":
        return permissions.share_settings(machine)
    raise NotSimulatedError(f"the WMI class {name}")


_WMI_NAMES = {
    name.lower(): name
    for name in (
        "Win32_Service",
        "Win32_OperatingSystem",
        "Win32_ComputerSystem",
        "Win32_TimeZone",
        "Win32_Share",
        "Win32_LogicalShareSecuritySetting",
    )
}


@WINDOWS.cmdlet(
    "Get-WmiObject",
    Parameter("Class", "string", mandatory=True, position=0, sets=("query",)),
    Parameter("Property", "string[]", position=1, sets=("query",)),
    Parameter("Filter", "string", sets=("query",)),
    Parameter("Query", "string", mandatory=True, sets=("WQLQuery",)),
    Parameter("Namespace", "string", aliases=("NS",)),
    Parameter("ComputerName", "string[]", aliases=("Cn",)),
    Parameter("Credential"),
    Parameter("List", "switch", sets=("list",)),
    Parameter("Amended", "switch"),
    Parameter("Authentication", "string"),
    Parameter("Impersonation", "string"),
    Parameter("EnableAllPrivileges", "switch"),
    Parameter("AsJob", "switch"),
    default_set="query",
    class_name=f"{_COMMANDS}.GetWmiObjectCommand",
)
def get_wmi_object(call: Call) -> Iterator[Value]:
    """Give the instances of a class, all or those with some property's value."""
    misbehave(call)
    for name in ("Property", "Query", "ComputerName", "Credential", "List", "AsJob"):
        if name in call:
            raise NotSimulatedError(f"parameter -{name} of Get-WmiObject")
    space = str(call.get("Namespace") or "root\\cimv2").replace("/", "\\")
    machine = machine_of(call)
    wanted = str(call.get("Class"))
    if space.lower() in (metabase.IIS.lower(), metabase.EXCHANGE.lower()):
        for found in metabase.instances(call, space, wanted):
            if _fits(dict(found.properties), call.get("Filter")):
                yield found
        return
    if space.lower() != "root\\cimv2":
        raise NotSimulatedError(f"the WMI name space {space}")
    for instance in _instances(machine, wanted):
        if _fits(instance, call.get("Filter")):
            yield _wmi_object(machine, _WMI_NAMES[wanted.lower()], instance)


def _fits(instance: dict[str, Value], condition: Value) -> bool:
    """Say whether an instance fits a WQL condition; only ``Name='value'``, joined by ``or``, is simulated."""
    if not condition:
        return True
    folded = {name.lower(): value for name, value in instance.items()}
    for part in re.split(r"\s+or\s+", str(condition), flags=re.IGNORECASE):
        found = _CONDITION.fullmatch(part)
        if not found or found[1].lower() not in folded:
            raise NotSimulatedError(f"the WMI filter {condition}")
        if str(folded[found[1].lower()]).lower() == (found[2] if found[2] is not None else found[3]).lower():
            return True
    return False


def _wmi_object(machine: Machine, name: str, instance: dict[str, Value]) -> PSObject:
    path = f"\\\\{machine.name}\\root\\cimv2:{name}"
    values = {name: value for name, value in instance.items() if not callable(value)}
    methods = {name: value for name, value in instance.items() if callable(value)}
    properties = {"__CLASS": name, "__SERVER": machine.name, "__NAMESPACE": "root\\cimv2", **values}
    types = (f"System.Management.ManagementObject#root\\cimv2\\{name}", "System.Management.ManagementObject")
    return PSObject(types, properties, methods=methods, text=path, partial=True)


# The registry


def _known_key(call: Call, path: str) -> str:
    """Give the full key of a path.

    Raises:
        NotSimulatedError: It isn't in the simulated part of the registry.
    """
    key = full_key(path)
    if key is None:
        raise NotSimulatedError(f"the path {path} of {call.cmdlet.name}; the registry is")
    below_microsoft = key.lower().partition("\\software\\microsoft\\")[2]
    known = below_microsoft.startswith(("exchange", "inetstp")) or key.lower().startswith(FIREWALL.lower())
    if key not in machine_of(call).registry and not known:
        raise NotSimulatedError(f"the registry key {path}")
    return key


def _paths(call: Call) -> list[str]:
    literal = call.get("LiteralPath")
    paths = [str(path) for path in (call.get("Path") if literal is None else literal)]
    for path in paths:
        if literal is None and any(character in path for character in _WILDCARDS):
            raise NotSimulatedError(f"the wildcard in the path {path}")
    return paths


_PATH = (
    Parameter("Path", "string[]", mandatory=True, position=0, sets=("Path",), pipeline=True, pipeline_by_name=True),
    Parameter(
        "LiteralPath",
        "string[]",
        mandatory=True,
        sets=("LiteralPath",),
        aliases=("PSPath",),
        pipeline_by_name=True,
    ),
)
_FILTERS = (Parameter("Filter", "string"), Parameter("Include", "string[]"), Parameter("Exclude", "string[]"))


def _no_filters(call: Call, *more: str) -> None:
    for name in ("Filter", "Include", "Exclude", *more):
        if name in call:
            raise NotSimulatedError(f"parameter -{name} of {call.cmdlet.name}")


@WINDOWS.cmdlet(
    "Test-Path",
    *_PATH,
    *_FILTERS,
    Parameter("PathType", "string", aliases=("Type",), choices=("Any", "Container", "Leaf")),
    Parameter("IsValid", "switch"),
    default_set="Path",
    class_name=f"{_COMMANDS}.TestPathCommand",
)
def test_path(call: Call) -> Iterator[Value]:
    """Say whether registry keys exist; the language's own drives are its own cmdlet's."""
    _no_filters(call, "PathType", "IsValid")
    paths = _paths(call)
    if "Path" in call and all(path.partition(":")[0].lower() in ("variable", "env", "function") for path in paths):
        yield from core_test_path(call)
        return
    for path in paths:
        yield _known_key(call, path) in machine_of(call).registry


def _existing(call: Call, path: str) -> str | None:
    key = _known_key(call, path)
    if key in machine_of(call).registry:
        return machine_of(call).registry.spelling(key)
    record = call.record(
        f"Cannot find path '{path}' because it does not exist.",
        error_id="PathNotFound",
        category="ObjectNotFound",
        target=path,
        exception="System.Management.Automation.ItemNotFoundException",
    )
    call.write_error(record)
    return None


def _provider(key: str) -> dict[str, Value]:
    parent, _, child = key.rpartition("\\")
    prefix = "Microsoft.PowerShell.Core\\Registry::"
    return {"PSPath": prefix + key, "PSParentPath": prefix + parent, "PSChildName": child}


@WINDOWS.cmdlet(
    "Get-ItemProperty",
    *_PATH,
    Parameter("Name", "string[]", position=1, aliases=("PSProperty",)),
    *_FILTERS,
    default_set="Path",
    class_name=f"{_COMMANDS}.GetItemPropertyCommand",
)
def get_item_property(call: Call) -> Iterator[Value]:
    """Give the values of registry keys, all or the named ones."""
    misbehave(call)
    _no_filters(call)
    for path in _paths(call):
        key = _existing(call, path)
        if key is None:
            continue
        values = machine_of(call).registry[key]
        wanted = [str(name) for name in call.get("Name") or values]
        missing = [name for name in wanted if name not in values]
        if missing:
            record = call.record(
                f"Property {missing[0]} does not exist at path {key}.",
                error_id="System.Management.Automation.PSArgumentException",
                category="InvalidArgument",
                target=missing[0],
                exception="System.Management.Automation.PSArgumentException",
            )
            call.write_error(record)
            continue
        yield PSObject(properties={**{values.spelling(name): values[name] for name in wanted}, **_provider(key)})


@WINDOWS.cmdlet(
    "Get-Item",
    *_PATH,
    *_FILTERS,
    Parameter("Force", "switch"),
    default_set="Path",
    class_name=f"{_COMMANDS}.GetItemCommand",
)
def get_item(call: Call) -> Iterator[Value]:
    """Give registry keys."""
    _no_filters(call)
    for path in _paths(call):
        key = _existing(call, path)
        if key is not None:
            values = machine_of(call).registry[key]
            properties = {"Name": key, "Property": list(values), "ValueCount": len(values), **_provider(key)}
            yield PSObject("Microsoft.Win32.RegistryKey", properties, text=key, partial=True)


@WINDOWS.cmdlet(
    "Set-ItemProperty",
    *_PATH,
    Parameter("Name", "string", mandatory=True, position=1, aliases=("PSProperty",)),
    Parameter("Value", mandatory=True, position=2, allow_null=True),
    Parameter("Type", "string", choices=("String", "ExpandString", "Binary", "DWord", "MultiString", "QWord")),
    Parameter("Force", "switch"),
    Parameter("PassThru", "switch"),
    *_FILTERS,
    default_set="Path",
    should_process=True,
    class_name=f"{_COMMANDS}.SetItemPropertyCommand",
)
def set_item_property(call: Call) -> None:
    """Set a number among the registry's values, making it where it isn't there."""
    misbehave(call)
    _no_filters(call, "PassThru")
    machine = machine_of(call)
    value = call.get("Value")
    if str(call.get("Type")).lower() != "dword" or not isinstance(value, int) or isinstance(value, bool):
        raise NotSimulatedError("Set-ItemProperty of anything but a DWord")
    for path in _paths(call):
        key = _existing(call, path)
        name = str(call.get("Name"))
        if (
            key is None
            or not call.should_process(f"Item: {path} Property: {name}")
            or machine.faults.ignores(call.cmdlet.name)
        ):
            continue
        if not machine.network.set_value(key, name, int(value)):
            raise NotSimulatedError(f"Set-ItemProperty of the key {path}")


# Names


@with_session
def _host_entry(session: Session, name: Value) -> PSObject:
    """Resolve a name: this computer's, or another's of the organisation."""
    machine: Machine = session.machine.machine
    wanted = str(name).lower()
    found = machine if wanted in ("", "localhost", ".") else None
    for other in machine.organisation.computers.values():
        if wanted in (other.name.lower(), other.fqdn.lower()):
            found = other
    if found is None:
        raise DotNetError("No such host is known", "System.Net.Sockets.SocketException")
    return PSObject("System.Net.IPHostEntry", {"HostName": found.fqdn, "Aliases": []}, partial=True)


@with_session
def _host_name(session: Session) -> str:
    machine: Machine = session.machine.machine
    return machine.name


WINDOWS.type(
    NetType(
        "System.Net.Dns",
        ("Net.Dns",),
        methods=CaseDict({"GetHostEntry": _host_entry, "GetHostByName": _host_entry, "GetHostName": _host_name}),
    )
)


# Native programs


@WINDOWS.native("hostname")
def hostname(call: NativeCall) -> int:
    """Write the computer's name."""
    call.write_out(call.machine.machine.name)
    return 0


@WINDOWS.native("whoami")
def whoami(call: NativeCall) -> int:
    """Write who runs the process."""
    if call.arguments:
        raise NotSimulatedError(f"whoami {' '.join(call.arguments)}")
    call.write_out(str(call.machine.user).lower())
    return 0


@WINDOWS.native("netsh")
def netsh(call: NativeCall) -> int:
    """Have IIS write the log lines that it still holds, or change the firewall."""
    if call.arguments and call.arguments[0].lower() in ("advfirewall", "firewall"):
        return netsh_firewall(call)
    if [argument.lower() for argument in call.arguments] != ["http", "flush", "logbuffer"]:
        raise NotSimulatedError(f"netsh {' '.join(call.arguments)}")
    call.machine.machine.flush()
    call.write_out("")
    return 0
