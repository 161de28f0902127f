"""The modules `receive_connector` and `send_connector`: protocol logging."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import pydantic

from harness.errors import TaskError
from harness.modules.base import Arguments, Difference, Module, by_resource, differing, is_pattern, named
from harness.remote import powershell

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.exchange.versions import Server, TransportService
    from harness.modules.base import Change, Resource, Target, Value
    from harness.remote.powershell import Script

Level = Literal["verbose", "none"]
_AS_EXCHANGE_WRITES = {"verbose": "Verbose", "none": "None"}
_SEND_CONNECTOR = "send connector"
_RECEIVE_CONNECTOR = "receive connector"
_EDGE_SUBSCRIPTION = "Edge subscription"
Names = list[str]


class ReceiveConnectorArguments(Arguments):
    """Which receive connectors of the server log their conversations."""

    names: Names = pydantic.Field(["*"], min_length=1, description="Names or patterns with * and ?")
    protocol_logging: Level = pydantic.Field(description="Whether each conversation is logged")
    mailbox_delivery: Level | None = pydantic.Field(
        None, description="The same for delivery into mailboxes, where that is done over SMTP: from Exchange 2013 on"
    )


class ReceiveConnector(Module[ReceiveConnectorArguments]):
    """Protocol logging of the server's receive connectors."""

    name = "receive_connector"
    Arguments = ReceiveConnectorArguments

    def misfit(self, _arguments: ReceiveConnectorArguments, server: Server) -> str:
        """Mailbox, client access and unified messaging servers up to 2010 receive no mail over SMTP."""
        return _unlike(server) or ("" if server.connectors else f"{server.name} has no receive connectors")

    def read(self, arguments: ReceiveConnectorArguments, target: Target) -> Script:
        """Print every receive connector of the server, and the service that delivers into its mailboxes."""
        delivery = target.server.delivery if arguments.mailbox_delivery else None
        services = [delivery] if delivery else []
        return powershell.script(
            "receive_connector.read.ps1.j2",
            cmdlets={"Get-ReceiveConnector", *(service.get for service in services)},
            delivery=[{"kind": service.kind, "get": service.get} for service in services],
        )

    def compare(self, arguments: ReceiveConnectorArguments, resources: Sequence[Resource]) -> Difference:
        """Find the connectors of another level."""
        connectors = [resource for resource in resources if resource.kind == _RECEIVE_CONNECTOR]
        chosen, notes = named(connectors, arguments.names, _RECEIVE_CONNECTOR)
        changes = _levels(chosen, arguments.protocol_logging)
        if arguments.mailbox_delivery:
            services = [resource for resource in resources if resource.kind != _RECEIVE_CONNECTOR]
            changes += _levels(services, arguments.mailbox_delivery)
        return Difference(changes, notes=tuple(notes))

    def write(self, _arguments: ReceiveConnectorArguments, difference: Difference, target: Target) -> Script:
        """Set the level, one object at a time."""
        connectors, services, cmdlets = _parts(
            difference, _RECEIVE_CONNECTOR, [target.server.delivery] if target.server.delivery else []
        )
        return powershell.script(
            "receive_connector.write.ps1.j2",
            cmdlets={"Get-ReceiveConnector", "Set-ReceiveConnector", *cmdlets},
            connectors=connectors,
            delivery=services,
        )


class SendConnectorArguments(Arguments):
    """Which send connectors of the organisation log their conversations, and whether servers among themselves do."""

    names: Names = pydantic.Field(["*"], min_length=1, description="Names or patterns with * and ?")
    protocol_logging: Level = pydantic.Field(description="Whether each conversation is logged")
    intra_org: Level | None = pydantic.Field(
        None, description="The same for mail between the servers of the organisation"
    )


class SendConnector(Module[SendConnectorArguments]):
    """Protocol logging of the send connectors that this server is a source of, and of its transport services."""

    name = "send_connector"
    Arguments = SendConnectorArguments
    shared = frozenset({_SEND_CONNECTOR})

    def misfit(self, _arguments: SendConnectorArguments, server: Server) -> str:
        """Mailbox, client access and unified messaging servers up to 2010 send no mail over SMTP."""
        if server.connectors:
            return ""
        return _unlike(server) or f"{server.name} sends no mail over SMTP: it is the source of no send connector"

    def read(self, _arguments: SendConnectorArguments, target: Target) -> Script:
        """Print every send connector of the organisation and the transport services of the server."""
        services, edge = target.server.intra_org, target.server.edge
        cmdlets = {"Get-SendConnector", *(service.get for service in services)}
        return powershell.script(
            "send_connector.read.ps1.j2",
            cmdlets=cmdlets | {"Get-EdgeSubscription"} if edge else cmdlets,
            services=[{"kind": service.kind, "get": service.get} for service in services],
            edge=edge,
        )

    def compare(self, arguments: SendConnectorArguments, resources: Sequence[Resource]) -> Difference:
        """Find the connectors and services of another level.

        Raises:
            TaskError: A connector isn't there, or EdgeSync would undo the change.
        """
        connectors = [resource for resource in resources if resource.kind == _SEND_CONNECTOR]
        chosen, notes = named(connectors, arguments.names, _SEND_CONNECTOR)
        exact = {name.casefold() for name in arguments.names if not is_pattern(name)}
        own = [each for each in chosen if each.properties.get("source") or each.name.casefold() in exact]
        changes = _levels(own, arguments.protocol_logging)
        if changes and any(resource.kind == _EDGE_SUBSCRIPTION for resource in resources):
            raise _subscribed(changes)
        if arguments.intra_org:
            services = [each for each in resources if each.kind not in {_SEND_CONNECTOR, _EDGE_SUBSCRIPTION}]
            changes += _levels(services, arguments.intra_org)
        return Difference(changes, notes=tuple(notes))

    def write(self, _arguments: SendConnectorArguments, difference: Difference, target: Target) -> Script:
        """Set the level, one object at a time."""
        connectors, services, cmdlets = _parts(difference, _SEND_CONNECTOR, target.server.intra_org)
        return powershell.script(
            "send_connector.write.ps1.j2",
            cmdlets={"Get-SendConnector", "Set-SendConnector", *cmdlets},
            connectors=connectors,
            services=services,
        )


def _subscribed(changes: Sequence[Change]) -> TaskError:
    """Make the error for an Edge server whose send connectors come from the organisation.

    A subscribed Edge server's own send connectors are deleted, and EdgeSync brings those of the organisation that have
    the subscription as their source (Microsoft's page "EdgeSync replication data").
    """
    names = ", ".join(repr(change.resource.name) for change in changes)
    return TaskError(
        f"this Edge server is subscribed to the organisation: EdgeSync brings its send connectors {names} from there, "
        "so they can't be changed here",
        hint="name them in a send_connector task for a server inside the organisation (a mailbox server, up to 2010 a "
        "hub transport server); EdgeSync carries the change here, at once after Start-EdgeSynchronization there",
    )


def _parts(
    difference: Difference, connector: str, services: Sequence[TransportService]
) -> tuple[list[Mapping[str, Value]], list[Mapping[str, Value]], set[str]]:
    """Part the changes into those of connectors and those of services.

    Args:
        difference: What to change.
        connector: The connectors' kind.
        services: The services that the server has.

    Returns:
        For the templates: connectors, services, and the services' cmdlets.
    """
    by_kind = {service.kind: service for service in services}
    connectors: list[Mapping[str, Value]] = []
    others: list[Mapping[str, Value]] = []
    cmdlets: set[str] = set()
    for resource, settings in by_resource(difference.changes):
        if resource.kind == connector:
            connectors.append({"id": resource.id, **settings})
            continue
        service = by_kind[resource.kind]
        cmdlets |= {service.get, service.set}
        others.append({"kind": service.kind, "get": service.get, "set": service.set, "id": resource.id, **settings})
    return connectors, others, cmdlets


def _levels(resources: Sequence[Resource], level: Level) -> tuple[Change, ...]:
    wanted = {"protocol_logging": _AS_EXCHANGE_WRITES[level]}
    return tuple(change for resource in resources for change in differing(resource, wanted))


def _unlike(server: Server) -> str:
    """Say of Exchange 2003 what logs its conversations; nothing of later versions."""
    if server.version.management != "wmi":
        return ""
    return f"Exchange {server.version.name} logs the conversations of SMTP virtual servers: see smtp_virtual_server"
