"""Cmdlets about the firewall: NetSecurity, which Windows Server 2012 brought."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.lab.cmdlets.exchange import machine_of, misbehave
from harness.lab.powershell.cmdlet import Parameter, Registry
from harness.lab.powershell.objects import EnumValue, NotSimulatedError, PSObject, Value
from harness.lab.state.network import address

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from harness.lab.machine import HostProcess, Machine
    from harness.lab.powershell.cmdlet import Call
    from harness.lab.powershell.objects import ErrorRecord
    from harness.lab.store import Json

NETWORK = Registry()
_GENERATED = "Microsoft.PowerShell.Cmdletization.GeneratedTypes.NetSecurity"
CIM = "Microsoft.Management.Infrastructure.CimInstance"
_CIM_ERROR = "Microsoft.Management.Infrastructure.CimException"


def windows_of(machine: Machine) -> tuple[int, int]:
    """Give Windows's version: (6, 1) for Windows Server 2008 R2."""
    major, minor = machine.product.windows.version.split(".")[:2]
    return int(major), int(minor)


def from_2012(process: Value) -> bool:
    """Say whether a process's Windows has what Windows Server 2012 brought."""
    host: HostProcess = process
    return windows_of(host.machine) >= (6, 2)


NET_SECURITY = NETWORK.source("NetSecurity", kind="module", available=from_2012, version="2.0.0.0")


def failed(call: Call, number: int, message: str, target: Value = None) -> ErrorRecord:
    """Make the error of a call to Windows that failed."""
    return call.record(
        message, error_id=f"Windows System Error {number}", category="NotSpecified", target=target, exception=_CIM_ERROR
    )


def _rule(held: dict[str, Json]) -> PSObject:
    def member(kind: str, name: str, number: int) -> EnumValue:
        return EnumValue(f"{_GENERATED}.{kind}", name, number)

    profiles = {"Any": 0, "Domain": 1, "Private": 2, "Public": 4}
    properties: dict[str, Value] = {
        "Name": held["id"],
        "InstanceID": held["id"],
        "DisplayName": held["name"],
        "Group": held["group"],
        "RuleGroup": held["group"],
        "Enabled": member("Enabled", str(held["enabled"]), 1 if held["enabled"] else 2),
        "Profile": member("Profile", held["profile"], sum(profiles[name] for name in held["profile"].split(", "))),
        "Direction": member("Direction", held["direction"], 1 if held["direction"] == "Inbound" else 2),
        "Action": member("Action", held["action"], 2 if held["action"] == "Allow" else 4),
        "PolicyStoreSource": "PersistentStore",
    }
    return PSObject(f"{CIM}#root/standardcimv2/MSFT_NetFirewallRule", properties, partial=True)


def _named(call: Call) -> Iterator[dict[str, Json]]:
    for ident in call.get("Name") or []:
        if any(character in str(ident) for character in "*?["):
            raise NotSimulatedError(f"a wildcard in -Name of {call.cmdlet.name}")
        held = machine_of(call).network.rule(str(ident))
        if held is not None:
            yield held
            continue
        call.write_error(
            call.record(
                f"No MSFT_NetFirewallRule objects found with property 'InstanceID' equal to '{ident}'.  Verify the "
                "value of the property and retry.",
                error_id="CmdletizationQuery_NotFound_InstanceID",
                category="ObjectNotFound",
                target=ident,
                exception="Microsoft.PowerShell.Cmdletization.CmdletizationException",
            )
        )


def only(call: Call, *simulated: str) -> None:
    """Refuse parameters that are declared, since they exist, and not simulated."""
    for name in call.bound:
        declared = next((each.name for each in call.cmdlet.parameters if each.name.lower() == name.lower()), None)
        if declared is not None and declared not in simulated:
            raise NotSimulatedError(f"parameter -{declared} of {call.cmdlet.name}")


_NAME = Parameter("Name", "string[]", mandatory=True, position=0, sets=("ByName",), aliases=("ID",))
_OTHER_QUERIES = (
    Parameter("DisplayName", "string[]", mandatory=True, sets=("ByDisplayName",)),
    Parameter("Group", "string[]", mandatory=True, sets=("ByGroup",), aliases=("RuleGroup",)),
    Parameter("DisplayGroup", "string[]", mandatory=True, sets=("ByDisplayGroup",)),
    Parameter("PolicyStore", "string"),
)
_SETTINGS = (
    Parameter("Description", "string"),
    Parameter("Enabled", "string", choices=("True", "False")),
    Parameter("Profile", "string[]", choices=("Any", "Domain", "Private", "Public", "NotApplicable")),
    Parameter("Direction", "string", choices=("Inbound", "Outbound")),
    Parameter("Action", "string", choices=("NotConfigured", "Allow", "Block")),
    Parameter("LocalAddress", "string[]"),
    Parameter("RemoteAddress", "string[]"),
    Parameter("Protocol", "string"),
    Parameter("LocalPort", "string[]"),
    Parameter("RemotePort", "string[]"),
    Parameter("Program", "string"),
    Parameter("Service", "string"),
)
_SIMULATED = ("Enabled", "Profile", "Direction", "Action", "RemoteAddress", "Protocol", "LocalPort")


def _settings(call: Call) -> dict[str, Json]:
    found: dict[str, Json] = {}
    if "Enabled" in call:
        found["enabled"] = str(call.get("Enabled")).lower() == "true"
    for name in ("Direction", "Action"):
        if name in call:
            found[name.lower()] = str(call.get(name)).capitalize()
    if "Profile" in call:
        found["profile"] = ", ".join(str(each).capitalize() for each in call.get("Profile"))
    if "Protocol" in call:
        found["protocol"] = str(call.get("Protocol")).upper()
    if "LocalPort" in call:
        found["ports"] = [str(each) for each in call.get("LocalPort")]
    if "RemoteAddress" in call:
        try:
            found["addresses"] = [address(str(each)) for each in call.get("RemoteAddress")]
        except ValueError:
            raise call.throw(
                failed(
                    call, 87, "The address is invalid. Addresses may be specified as IP addresses, ranges, or subnets."
                )
            ) from None
    return found


@NETWORK.cmdlet(
    "Get-NetFirewallRule",
    _NAME,
    *_OTHER_QUERIES,
    Parameter("All", "switch", sets=("GetAll",)),
    default_set="GetAll",
    source=NET_SECURITY,
    class_name="Get-NetFirewallRule",
)
def get_net_firewall_rule(call: Call) -> Iterator[Value]:
    """Give rules."""
    misbehave(call)
    only(call, "Name", "All")
    held = _named(call) if "Name" in call else iter(machine_of(call).network.part("rules"))
    for each in held:
        yield _rule(each)


def _of_rule(call: Call) -> dict[str, Json]:
    """Give the rule that a filter is asked of."""
    given = call.get("AssociatedNetFirewallRule")
    held = machine_of(call).network.rule(str(given.get("Name"))) if isinstance(given, PSObject) else None
    if held is None:
        raise NotSimulatedError(f"{call.cmdlet.name} of something that isn't a rule")
    return held


_ASSOCIATED = Parameter(
    "AssociatedNetFirewallRule", mandatory=True, pipeline=True, sets=("ByAssociatedNetFirewallRule",)
)


def _one_or_many(values: Iterable[str]) -> Value:
    """Give a list's only member as itself, which is how these objects come."""
    found = list(values)
    return found[0] if len(found) == 1 else found


@NETWORK.cmdlet(
    "Get-NetFirewallPortFilter",
    _ASSOCIATED,
    default_set="ByAssociatedNetFirewallRule",
    source=NET_SECURITY,
    class_name="Get-NetFirewallPortFilter",
)
def get_net_firewall_port_filter(call: Call) -> Iterator[Value]:
    """Give a rule's ports."""
    held = _of_rule(call)
    properties = {"Protocol": held["protocol"], "LocalPort": _one_or_many(held["ports"]), "RemotePort": "Any"}
    yield PSObject(f"{CIM}#root/standardcimv2/MSFT_NetProtocolPortFilter", properties, partial=True)


@NETWORK.cmdlet(
    "Get-NetFirewallAddressFilter",
    _ASSOCIATED,
    default_set="ByAssociatedNetFirewallRule",
    source=NET_SECURITY,
    class_name="Get-NetFirewallAddressFilter",
)
def get_net_firewall_address_filter(call: Call) -> Iterator[Value]:
    """Give a rule's addresses."""
    held = _of_rule(call)
    properties = {"LocalAddress": "Any", "RemoteAddress": _one_or_many(held["addresses"])}
    yield PSObject(f"{CIM}#root/standardcimv2/MSFT_NetAddressFilter", properties, partial=True)


@NETWORK.cmdlet(
    "New-NetFirewallRule",
    Parameter("Name", "string", aliases=("ID",)),
    Parameter("DisplayName", "string", mandatory=True),
    Parameter("Group", "string"),
    Parameter("PolicyStore", "string"),
    *_SETTINGS,
    should_process=True,
    source=NET_SECURITY,
    class_name="New-NetFirewallRule",
)
def new_net_firewall_rule(call: Call) -> Iterator[Value]:
    """Make a rule."""
    misbehave(call)
    only(call, "Name", "DisplayName", "Group", *_SIMULATED)
    machine = machine_of(call)
    ident, name = str(call.get("Name") or ""), str(call.get("DisplayName"))
    if ident and machine.network.rule(ident) is not None:
        raise call.throw(failed(call, 183, "Cannot create a file when that file already exists.", ident))
    settings = _settings(call)
    if not call.should_process(name) or machine.faults.ignores(call.cmdlet.name):
        return
    with machine.store.change():
        held = machine.network.add_rule(name, "Any", "Any", ["Any"], ident)
        machine.network.change_rules([held["id"]], {**settings, "group": str(call.get("Group") or "")})
    yield _rule(held)


@NETWORK.cmdlet(
    "Set-NetFirewallRule",
    _NAME,
    *_OTHER_QUERIES,
    Parameter("NewDisplayName", "string"),
    *_SETTINGS,
    Parameter("PassThru", "switch"),
    default_set="ByName",
    should_process=True,
    source=NET_SECURITY,
    class_name="Set-NetFirewallRule",
)
def set_net_firewall_rule(call: Call) -> None:
    """Change rules."""
    misbehave(call)
    only(call, "Name", *_SIMULATED)
    machine = machine_of(call)
    settings = _settings(call)
    for held in list(_named(call)):
        if call.should_process(held["name"]) and not machine.faults.ignores(call.cmdlet.name):
            machine.network.change_rules([held["id"]], settings)


@NETWORK.cmdlet(
    "Remove-NetFirewallRule",
    _NAME,
    *_OTHER_QUERIES,
    Parameter("PassThru", "switch"),
    default_set="ByName",
    should_process=True,
    source=NET_SECURITY,
    class_name="Remove-NetFirewallRule",
)
def remove_net_firewall_rule(call: Call) -> None:
    """Remove rules."""
    misbehave(call)
    only(call, "Name")
    machine = machine_of(call)
    for held in list(_named(call)):
        if call.should_process(held["name"]) and not machine.faults.ignores(call.cmdlet.name):
            machine.network.remove_rules([held["id"]])
