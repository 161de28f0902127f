"""Get-, Set- and New-ReceiveConnector and -SendConnector; Get-ExchangeServer and Get-EdgeSubscription."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.lab.cmdlets.exchange import (
    Found,
    apply,
    declares,
    host_of,
    identity_text,
    look_up,
    look_up_one,
    machine_of,
    name_is_good,
    not_found,
    refuse,
    stored_changes,
)
from harness.lab.powershell.cmdlet import Parameter
from harness.lab.powershell.objects import NotSimulatedError
from harness.lab.state.connectors import receive_connector_class, send_connector_class
from harness.lab.state.kinds import STRING, STRINGS
from harness.lab.state.organisation import source_names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.lab.cmdlets.exchange import Declarations
    from harness.lab.machine import Machine
    from harness.lab.powershell.cmdlet import Call
    from harness.lab.powershell.objects import Value
    from harness.lab.state.directory import Entry
    from harness.lab.state.kinds import Kind

_RECEIVE_READ_ONLY = ("ProxyEnabled", "LiveCredentialEnabled", "Server", "AcceptConsumerMail")
_SEND_READ_ONLY = (
    "SmartHostsString",
    "CertificateSubject",
    "Region",
    "ConnectedDomains",
    "IsSmtpConnector",
    "SourceRoutingGroup",
    "HomeMTA",
    "HomeMtaServerId",
    "AuthenticationCredential",
    "SourceTransportServers",
)
_OF_2010 = ("IsCoexistenceConnector", "LinkedReceiveConnector")


def _receive_settings(year: int) -> dict[str, Kind]:
    known = receive_connector_class(year).properties
    return {name: kind for name, kind in known.items() if name not in _RECEIVE_READ_ONLY}


def _send_settings(year: int) -> dict[str, Kind]:
    known = send_connector_class(year).properties
    return {name: kind for name, kind in known.items() if name not in _SEND_READ_ONLY}


_GET_IDENTITY = Parameter("Identity", position=0, pipeline=True, allow_null=True)
_SET_IDENTITY = Parameter("Identity", mandatory=True, position=0, pipeline=True)
_NAME = Parameter("Name", "string")


def _receive_connectors(machines: list[Machine]) -> list[Found]:
    return [(machine.store, entry) for machine in machines for entry in machine.receive_connectors]


def _year(call: Call) -> int:
    return machine_of(call).product.year


def _machines(call: Call) -> list[Machine]:
    """Give the servers that a call's ``-Server`` names; every one of the organisation's where it isn't given."""
    everyone = machine_of(call).organisation.machines
    wanted = identity_text(call.get("Server"))
    if wanted is None:
        return list(everyone.values())
    found = everyone.get(wanted.partition(".")[0].upper())
    if found is None or wanted.lower() not in (found.name.lower(), found.fqdn.lower()):
        not_found(call, wanted)
        return []
    return [found]


def get_receive_connector(call: Call) -> Iterator[Entry]:
    """Give the receive connectors of all servers, of one, or one of them."""
    for _, entry in look_up(call, _receive_connectors(_machines(call))):
        yield entry


def set_receive_connector(call: Call) -> None:
    """Change one receive connector."""
    everything = _receive_connectors(list(machine_of(call).organisation.machines.values()))
    found = look_up_one(call, everything)
    if found is None:
        return
    changes = stored_changes(call, {"Name": STRING, **_receive_settings(_year(call))})
    if _renames(call, found, changes, [pair for pair in everything if pair[0] is found[0]]):
        apply(call, found, changes)


def _renames(call: Call, found: Found, changes: dict[str, Value], others: list[Found]) -> bool:
    """Check the new name, where there is one; report what is wrong with it."""
    name = changes.get("Name")
    if name is None or name == found[1].name:
        return True
    return name_is_good(call, name, [pair for pair in others if pair[1].guid != found[1].guid])


def new_receive_connector(call: Call) -> Iterator[Entry]:
    """Make a receive connector for custom use; what the other usages preset isn't simulated."""
    if call.parameter_set != "Custom":
        raise NotSimulatedError(f"New-ReceiveConnector with the usage {call.parameter_set}")
    machine = machine_of(call)
    servers = _machines(call) if "Server" in call else [machine]
    if not servers:
        return
    machine = servers[0]
    name = call.get("Name")
    if not name_is_good(call, name, _receive_connectors([machine])) or not call.should_process(name):
        return
    if "Bindings" not in call or "RemoteIPRanges" not in call:
        refuse(
            call, "Bindings and RemoteIPRanges are needed for a connector of the usage Custom.", "TaskArgumentException"
        )
        return
    yield machine.add_receive_connector(name, **stored_changes(call, _receive_settings(_year(call))))


def _send_connectors(machine: Machine) -> list[Found]:
    organisation = machine.organisation
    return [(organisation.store, entry) for entry in organisation.send_connectors()]


def get_send_connector(call: Call) -> Iterator[Entry]:
    """Give the organisation's send connectors, or one of them."""
    for _, entry in look_up(call, _send_connectors(machine_of(call))):
        yield entry


def _send_changes(call: Call) -> dict[str, Value]:
    for name in ("AuthenticationCredential", *_OF_2010):
        if name in call:
            raise NotSimulatedError(f"parameter -{name} of {call.cmdlet.name}")
    if "SourceTransportServers" in call and machine_of(call).parts.edge:
        raise NotSimulatedError(f"parameter -SourceTransportServers of {call.cmdlet.name} on an Edge server")
    changes = stored_changes(call, _send_settings(_year(call)))
    if "SourceTransportServers" in call:
        changes["SourceTransportServers"] = source_names(STRINGS.parse(call.get("SourceTransportServers")))
    return changes


def _known_sources(call: Call, changes: dict[str, Value]) -> bool:
    """Check that every source server exists; report one that doesn't."""
    known = {entry.name.lower() for entry in machine_of(call).organisation.servers()}
    for name in changes.get("SourceTransportServers", ()):
        if name.lower() not in known:
            not_found(call, name)
            return False
    return True


def set_send_connector(call: Call) -> None:
    """Change one send connector, for every server of the organisation."""
    everything = _send_connectors(machine_of(call))
    found = look_up_one(call, everything)
    if found is None:
        return
    changes = {**stored_changes(call, {"Name": STRING}), **_send_changes(call)}
    if _renames(call, found, changes, everything) and _known_sources(call, changes):
        apply(call, found, changes)


def new_send_connector(call: Call) -> Iterator[Entry]:
    """Make a send connector; the usages preset nothing that is simulated."""
    organisation = machine_of(call).organisation
    name = call.get("Name")
    changes = _send_changes(call)
    if "AddressSpaces" not in changes:
        refuse(call, "AddressSpaces is needed for a send connector.", "TaskArgumentException")
        return
    changes.setdefault("SourceTransportServers", [machine_of(call).name])
    good = name_is_good(call, name, _send_connectors(machine_of(call))) and _known_sources(call, changes)
    if good and call.should_process(name):
        yield organisation.add_send_connector(name, **changes)


def get_exchange_server(call: Call) -> Iterator[Entry]:
    """Give the organisation's servers, or one of them."""
    if "Status" in call and call.get("Status"):
        raise NotSimulatedError("parameter -Status of Get-ExchangeServer")
    organisation = host_of(call).machine.organisation
    everything = [(organisation.store, entry) for entry in organisation.servers()]
    domain = call.get("Domain")
    for _, entry in look_up(call, everything, known_as=lambda server: str(server.settings["Fqdn"])):
        if domain is None or str(entry.settings["Domain"]).lower() == str(domain).lower():
            yield entry


def get_edge_subscription(call: Call) -> Iterator[Entry]:
    """Give the subscriptions of Edge servers: the organisation's, or an Edge server's own (the latter is believed)."""
    organisation = machine_of(call).organisation
    for _, entry in look_up(call, [(organisation.store, entry) for entry in organisation.subscriptions()]):
        yield entry


_USAGES = ("Custom", "Internet", "Partner", "Internal", "Client")
_SPLIT = 2010


@declares
def _receive(exchange: Declarations) -> None:
    settings = _receive_settings(exchange.product.year)
    exchange.cmdlet(
        "Get-ReceiveConnector",
        get_receive_connector,
        (
            Parameter("Identity", position=0, sets=("Identity",), pipeline=True, allow_null=True),
            Parameter("Server", sets=("Server",), pipeline=True),
        ),
        default_set="Identity",
    )
    exchange.cmdlet(
        "Set-ReceiveConnector",
        set_receive_connector,
        (_SET_IDENTITY, _NAME, *exchange.properties(settings)),
        should_process=True,
    )
    exchange.cmdlet(
        "New-ReceiveConnector",
        new_receive_connector,
        (
            Parameter("Name", "string", mandatory=True, position=0),
            Parameter("Bindings", "object[]", sets=(*_USAGES, "UsageType")),
            Parameter("RemoteIPRanges", "object[]"),
            *(Parameter(name, "switch", sets=(name,), mandatory=name != "Custom") for name in _USAGES),
            Parameter("Usage", "string", mandatory=True, sets=("UsageType",), choices=_USAGES),
            Parameter("Server", pipeline=True),
            *exchange.properties(settings, "Bindings", "RemoteIPRanges"),
        ),
        default_set="Custom",
        should_process=True,
    )


@declares
def _send(exchange: Declarations) -> None:
    parameters = (
        *exchange.properties(_send_settings(exchange.product.year)),
        Parameter("AuthenticationCredential"),
        Parameter("SourceTransportServers", "object[]"),
        Parameter("Force", "switch"),
        *(Parameter(name) for name in _OF_2010 if exchange.product.year <= _SPLIT),
    )
    usages = ("Custom", "Internal", "Internet", "Partner")
    exchange.cmdlet("Get-SendConnector", get_send_connector, (_GET_IDENTITY,))
    exchange.cmdlet("Set-SendConnector", set_send_connector, (_SET_IDENTITY, _NAME, *parameters), should_process=True)
    exchange.cmdlet(
        "New-SendConnector",
        new_send_connector,
        (
            Parameter("Name", "string", mandatory=True, position=0),
            *(Parameter(name, "switch") for name in usages),
            Parameter("Usage", "string", choices=usages),
            *parameters,
        ),
        should_process=True,
    )


@declares
def _servers(exchange: Declarations) -> None:
    exchange.cmdlet(
        "Get-ExchangeServer",
        get_exchange_server,
        (
            Parameter("Identity", position=0, sets=("Identity",), pipeline=True, allow_null=True),
            Parameter("Domain", "string", mandatory=True, sets=("Domain",)),
            Parameter("Status", "switch"),
        ),
        default_set="Identity",
    )
    exchange.cmdlet("Get-EdgeSubscription", get_edge_subscription, (_GET_IDENTITY,))
