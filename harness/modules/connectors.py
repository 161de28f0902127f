"""The modules `receive_connector` and `send_connector`: protocol logging."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import pydantic

from harness.errors import TaskError
from harness.modules.base import Arguments, Difference, Module, by_resource, differing, named
from harness.remote import powershell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.modules.base import Change, Resource, Target
    from harness.remote.powershell import Script

Level = Literal["verbose", "none"]
_AS_EXCHANGE_WRITES = {"verbose": "Verbose", "none": "None"}
_SEND_CONNECTOR = "send connector"
_RECEIVE_CONNECTOR = "receive connector"
Names = list[str]


class ReceiveConnectorArguments(Arguments):
    """Which receive connectors of the server log their conversations."""

    names: Names = pydantic.Field(["*"], min_length=1, description="Names or patterns with * and ?")
    protocol_logging: Level = pydantic.Field(description="Whether each conversation is logged")


class ReceiveConnector(Module[ReceiveConnectorArguments]):
    """Protocol logging of the server's receive connectors."""

    name = "receive_connector"
    Arguments = ReceiveConnectorArguments

    def read(self, _arguments: ReceiveConnectorArguments, target: Target) -> Script:
        """Print every receive connector of the server."""
        _check(target, _RECEIVE_CONNECTOR)
        return powershell.script("receive_connector.read.ps1.j2", cmdlets={"Get-ReceiveConnector"})

    def compare(self, arguments: ReceiveConnectorArguments, resources: Sequence[Resource]) -> Difference:
        """Find the connectors of another level."""
        chosen, notes = named(resources, arguments.names, _RECEIVE_CONNECTOR)
        return Difference(_levels(chosen, arguments.protocol_logging), notes=tuple(notes))

    def write(self, _arguments: ReceiveConnectorArguments, difference: Difference, _target: Target) -> Script:
        """Set the level, connector by connector."""
        return powershell.script(
            "receive_connector.write.ps1.j2",
            cmdlets={"Get-ReceiveConnector", "Set-ReceiveConnector"},
            changes=[{"id": resource.id, **settings} for resource, settings in by_resource(difference.changes)],
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

    def read(self, _arguments: SendConnectorArguments, target: Target) -> Script:
        """Print every send connector of the organisation and the transport services of the server."""
        _check(target, _SEND_CONNECTOR)
        services = target.version.intra_org
        return powershell.script(
            "send_connector.read.ps1.j2",
            cmdlets={"Get-SendConnector", *(service.get for service in services)},
            services=[{"kind": service.kind, "get": service.get} for service in services],
        )

    def compare(self, arguments: SendConnectorArguments, resources: Sequence[Resource]) -> Difference:
        """Find the connectors and services of another level."""
        connectors = [resource for resource in resources if resource.kind == _SEND_CONNECTOR]
        chosen, notes = named(connectors, arguments.names, _SEND_CONNECTOR)
        sources = [connector for connector in chosen if connector.properties.get("source")]
        changes = _levels(sources, arguments.protocol_logging)
        if arguments.intra_org:
            services = [resource for resource in resources if resource.kind != _SEND_CONNECTOR]
            changes += _levels(services, arguments.intra_org)
        return Difference(changes, notes=tuple(notes))

    def write(self, _arguments: SendConnectorArguments, difference: Difference, target: Target) -> Script:
        """Set the level, one object at a time."""
        cmdlets = {"Get-SendConnector", "Set-SendConnector"}
        by_kind = {service.kind: service for service in target.version.intra_org}
        connectors, services = [], []
        for resource, settings in by_resource(difference.changes):
            if resource.kind == _SEND_CONNECTOR:
                connectors.append({"id": resource.id, **settings})
                continue
            service = by_kind[resource.kind]
            cmdlets |= {service.get, service.set}
            services.append(
                {"kind": service.kind, "get": service.get, "set": service.set, "id": resource.id, **settings}
            )
        return powershell.script(
            "send_connector.write.ps1.j2", cmdlets=cmdlets, connectors=connectors, services=services
        )


def _check(target: Target, kind: str) -> None:
    if target.version.management == "wmi":
        raise TaskError(
            f"Exchange {target.version.name} has no {kind}s with protocol logging",
            hint="its SMTP virtual servers log conversations in both directions: use smtp_virtual_server",
        )


def _levels(resources: Sequence[Resource], level: Level) -> tuple[Change, ...]:
    wanted = {"protocol_logging": _AS_EXCHANGE_WRITES[level]}
    return tuple(change for resource in resources for change in differing(resource, wanted))
