r"""WMI classes beyond ``root\cimv2``: IIS 6's metabase, and what Exchange 2003 says of its server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.lab.cmdlets.exchange import machine_of
from harness.lab.exchange2003 import Exchange2003
from harness.lab.powershell.objects import DotNetError, Property, PSObject, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from harness.lab.powershell.cmdlet import Call
    from harness.lab.powershell.objects import Method

IIS = "root\\MicrosoftIISv2"
EXCHANGE = "root\\MicrosoftExchangeV2"
_MANAGEMENT_ERROR = "System.Management.ManagementException"
_SETTINGS = ("LogType", "LogPluginClsid", "LogExtFileFlags", "LogFilePeriod", "LogFileDirectory", "LogFileTruncateSize")


def instances(call: Call, space: str, name: str) -> Iterator[PSObject]:
    """Give the instances of a class.

    Args:
        call: Of ``Get-WmiObject``.
        space: The name space, with backslashes.
        name: The class.
    """
    machine = machine_of(call)
    classes = _CLASSES.get(space.lower(), {}) if isinstance(machine, Exchange2003) else {}
    if space.lower() in {denied.lower() for denied in machine.faults.denied_namespaces}:
        _fail(call, "Access denied ")
    elif not classes or not isinstance(machine, Exchange2003):
        _fail(call, f'Invalid namespace "{space}"' if call.version >= (3, 0) else "Invalid namespace ")
    elif name.lower() not in classes:
        _fail(call, f'Invalid class "{name}"' if call.version >= (3, 0) else "Invalid class ")
    else:
        yield from classes[name.lower()](machine)


def _fail(call: Call, message: str) -> None:
    call.write_error(
        call.record(
            message, error_id="GetWMIManagementException", category="InvalidOperation", exception=_MANAGEMENT_ERROR
        )
    )


def _object(
    machine: Exchange2003,
    space: str,
    name: str,
    properties: Mapping[str, Value],
    methods: Mapping[str, Method],
) -> PSObject:
    system = {"__CLASS": name, "__SERVER": machine.name, "__NAMESPACE": space}
    types = (f"System.Management.ManagementObject#{space}\\{name}", "System.Management.ManagementObject")
    path = f"\\\\{machine.name}\\{space}:{name}.Name='{properties['Name']}'"
    return PSObject(types, {**system, **properties}, methods=methods, text=path, partial=True)


def _settable(values: dict[str, Value], name: str) -> Property:
    """Make a property whose new value is of the same type, and is kept aside until ``Put``."""
    kind = type(values[name])

    def assign(value: Value) -> None:
        if kind is bool or isinstance(value, bool):
            fits = kind is bool and isinstance(value, bool)
        else:
            fits = isinstance(value, kind)
        if not fits:
            raise DotNetError("Type mismatch ", _MANAGEMENT_ERROR)
        values[name] = value if kind is bool else kind(value)

    return Property(lambda: values[name], assign)


def _node(machine: Exchange2003, name: str, node: str, more: tuple[str, ...]) -> PSObject:
    """Make the settings of a node: they can be set, and ``Put`` stores what has been."""
    before = machine.metabase.settings(node)
    values = dict(before)

    def put() -> PSObject:
        changed = {key: value for key, value in values.items() if before[key] != value}
        if changed and not machine.faults.ignores("Put"):
            machine.metabase.put(node, changed)
        before.update(values)
        return PSObject("System.Management.ManagementPath", text=f"{IIS}:{name}.Name='{node}'", partial=True)

    settable = {key: _settable(values, key) for key in (*_SETTINGS, *more) if key in values}
    properties = {"Name": node, "ServerComment": None, **settable}
    if name == "IIsWebServiceSetting":
        del properties["ServerComment"]
    return _object(machine, IIS, name, properties, {"Put": put})


def _nodes(
    name: str, service: str, *, servers: bool, more: tuple[str, ...]
) -> Callable[[Exchange2003], Iterator[PSObject]]:
    def give(machine: Exchange2003) -> Iterator[PSObject]:
        for node in machine.metabase.nodes(service, servers=servers):
            yield _node(machine, name, node, more)

    return give


def _exchange_server(machine: Exchange2003) -> Iterator[PSObject]:
    held = machine.exchange_server
    build = machine.build

    def enable(enabled: Value, path: Value = None) -> None:
        if not isinstance(enabled, bool) or not isinstance(path, str | None):
            raise DotNetError("Type mismatch ", _MANAGEMENT_ERROR)
        if not machine.faults.ignores("EnableMessageTracking"):
            machine.enable_message_tracking(enabled, path)

    properties = {
        "Name": machine.name,
        "FQDN": machine.fqdn,
        "ExchangeVersion": f"Version {build.major}.{build.minor} (Build {build.build}.2: Service Pack 2)",
        "IsFrontEndServer": False,
        **held,
    }
    yield _object(machine, EXCHANGE, "Exchange_Server", properties, {"EnableMessageTracking": enable})


_WEB = ("LogFileLocaltimeRollover",)
_CLASSES: dict[str, dict[str, Callable[[Exchange2003], Iterator[PSObject]]]] = {
    IIS.lower(): {
        "iiswebservicesetting": _nodes("IIsWebServiceSetting", "W3SVC", servers=False, more=_WEB),
        "iiswebserversetting": _nodes("IIsWebServerSetting", "W3SVC", servers=True, more=(*_WEB, "ServerComment")),
        "iissmtpserversetting": _nodes("IIsSmtpServerSetting", "SmtpSvc", servers=True, more=("ServerComment",)),
    },
    EXCHANGE.lower(): {"exchange_server": _exchange_server},
}
