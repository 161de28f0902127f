"""The module `firewall`: inbound rules for the ports that the console's collector needs, from its addresses only."""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal

import pydantic

from harness.errors import TaskError
from harness.modules import firewall_rules
from harness.modules.base import Arguments, Change, Difference, Module, differing
from harness.modules.firewall_rules import ANY
from harness.remote import powershell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.modules.base import Resource, Target, Value
    from harness.remote.powershell import Script

# The endpoint mapper, NetBIOS names, datagrams and sessions, and SMB itself.
_DSM = (("TCP", 135), ("UDP", 137), ("UDP", 138), ("TCP", 139), ("TCP", 445))
_SMB2 = (("TCP", 445),)
_WINRM = (("TCP", 5985), ("TCP", 5986))


def _address(text: str) -> str:
    if text.lower() == ANY:
        return ANY
    try:
        network = ipaddress.ip_network(text)
    except ValueError as wrong:
        if "host bits" in str(wrong):
            meant = ipaddress.ip_network(text, strict=False)
            raise ValueError(f"{text!r} is an address with a network's length: write {meant} for the network") from None
        raise ValueError(f"{text!r} is no address and no network such as 10.0.0.7 or 10.0.0.0/24") from None
    if network.prefixlen == 0:
        raise ValueError(f"{text!r} is every address there is; if that is meant, write any")
    return firewall_rules.short(network)


def _parts(value: object) -> object:
    """Take ``10.0.0.7, 10.0.0.8`` for a list: an INI inventory knows no other."""
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


Address = Annotated[str, pydantic.AfterValidator(_address)]
Addresses = Annotated[list[Address], pydantic.BeforeValidator(_parts)]


class FirewallArguments(Arguments):
    """Which ports of the server are open, and to whom. Only rules named `harness-…` are read and written."""

    collectors: Addresses = pydantic.Field(
        [], description="Who may connect: addresses or networks, or any alone; required unless state is absent"
    )
    profile: Literal["dsm", "smb2"] = pydantic.Field("dsm", description="All ports that the DSM names, or 445 only")
    winrm: bool = pydantic.Field(False, description="The ports 5985 and 5986 too; otherwise they are left alone")
    state: Literal["present", "absent"] = "present"

    @pydantic.model_validator(mode="after")
    def _says_who(self) -> FirewallArguments:
        if self.state == "present" and not self.collectors:
            raise ValueError("name the collectors: the addresses that the console reads logs from")
        if ANY in self.collectors and len(self.collectors) > 1:
            raise ValueError("any stands alone: it includes all other addresses")
        return self


class Firewall(Module[FirewallArguments]):
    """The rules of harness in the server's firewall.

    The task describes all of them: of the ports that the DSM names, those that the profile doesn't include are closed
    again. Rules of any other name are never touched.
    """

    name = "firewall"
    Arguments = FirewallArguments

    def read(self, arguments: FirewallArguments, _target: Target) -> Script:
        """Print harness's rules."""
        return powershell.script("firewall.read.ps1.j2", rules=[_rule(*port) for port in _looked_at(arguments)])

    def resources(self, value: object) -> tuple[Resource, ...]:
        """Bring every Windows's way of writing a rule to one form."""
        return tuple(
            replace(
                resource,
                properties={
                    **{name: resource.properties.get(name) for name in ("port", "way")},
                    **firewall_rules.one_form(resource.properties),
                },
            )
            for resource in super().resources(value)
        )

    def compare(self, arguments: FirewallArguments, resources: Sequence[Resource]) -> Difference:
        """Find rules that are missing, differ, or are too many.

        Raises:
            TaskError: On Windows Server 2003 the port is open under somebody else's name, or an address is IPv6.
        """
        changes = []
        wanted = {_name(*port) for port in _wanted(arguments)}
        for resource in resources:
            if resource.properties["way"] == "port opening" and resource.name in wanted:
                _check_old(arguments, resource)
            elif resource.properties["held_by"] not in (None, resource.name):
                continue
            if resource.name not in wanted:
                changes += differing(resource, {"state": "absent"})
            elif resource.properties["state"] == "absent":
                changes += _opened(arguments, resource)
            else:
                changes += differing(resource, _settings(arguments, resource))
        return Difference(tuple(changes))

    def write(self, arguments: FirewallArguments, difference: Difference, _target: Target) -> Script:
        """Make, change and remove rules."""
        ports = {_name(*port): _rule(*port) for port in _looked_at(arguments)}
        state = {change.resource.name: change.after for change in difference.changes if change.setting == "state"}
        changed = dict.fromkeys(change.resource.name for change in difference.changes)
        everyone = ANY in arguments.collectors
        collectors = list(firewall_rules.addresses(arguments.collectors))
        return powershell.script(
            "firewall.write.ps1.j2",
            addresses=["Any"] if everyone else collectors,
            remote_ip="remoteip=" + ",".join(collectors),
            scope=["scope=ALL"] if everyone else ["scope=CUSTOM", "addresses=" + _old_addresses(collectors)],
            create=[ports[name] for name in changed if state.get(name) == "present"],
            change=[ports[name] for name in changed if name not in state],
            remove=[ports[name] for name in changed if state.get(name) == "absent"],
        )


def _name(protocol: str, port: int) -> str:
    # No blank and no quote: the name travels as a part of a native program's argument.
    return f"harness-{protocol}-{port}"


def _rule(protocol: str, port: int) -> dict[str, Value]:
    return {"name": _name(protocol, port), "protocol": protocol, "port": port}


def _looked_at(arguments: FirewallArguments) -> tuple[tuple[str, int], ...]:
    return _DSM + (_WINRM if arguments.winrm else ())


def _wanted(arguments: FirewallArguments) -> tuple[tuple[str, int], ...]:
    if arguments.state == "absent":
        return ()
    return (_DSM if arguments.profile == "dsm" else _SMB2) + (_WINRM if arguments.winrm else ())


def _settings(arguments: FirewallArguments, resource: Resource) -> dict[str, Value]:
    return {
        "enabled": True,
        "direction": "Inbound",
        "action": "Allow",
        "profile": "Any",
        "protocol": resource.name.split("-")[1],
        "ports": (str(resource.properties["port"]),),
        "addresses": firewall_rules.addresses(arguments.collectors),
    }


def _opened(arguments: FirewallArguments, resource: Resource) -> list[Change]:
    """Give the changes of a rule that isn't there: what a reader wants to know of it."""
    settings: dict[str, Value] = {"state": "present", "addresses": firewall_rules.addresses(arguments.collectors)}
    return [Change(resource, setting, resource.properties[setting], value) for setting, value in settings.items()]


def _check_old(arguments: FirewallArguments, resource: Resource) -> None:
    """Refuse what the firewall of Windows Server 2003 can't do."""
    if resource.properties["held_by"] not in (None, resource.name):
        raise TaskError(
            f"port {resource.properties['port']} is already open under the name {resource.properties['held_by']!r}",
            hint="this Windows keeps one entry for a port: delete that one, or leave this port to it",
        )
    for address in arguments.collectors:
        if ":" in address:
            raise TaskError(
                f"the firewall of this Windows takes no IPv6 address: {address}",
                hint="give the collector's IPv4 address",
            )


def _old_addresses(collectors: list[str]) -> str:
    return ",".join(
        firewall_rules.with_mask(address) for address in collectors if ":" not in address and address != ANY
    )
