"""The module `smtp_virtual_server`: protocol logging on Exchange 2003, which has no connectors with a log."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import pydantic

from harness.modules import metabase, w3c
from harness.modules.base import Arguments, Difference, Module, differing, named

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.exchange.versions import Server
    from harness.modules.base import Change, Resource, Target, Value
    from harness.remote.powershell import Script


class SmtpVirtualServerArguments(Arguments):
    """Which SMTP virtual servers of an Exchange 2003 server log their conversations, in both directions."""

    names: list[str] = pydantic.Field(["*"], min_length=1, description="Names or patterns with * and ?")
    protocol_logging: Literal["verbose", "none"] = pydantic.Field(description="Whether each conversation is logged")
    fields: list[w3c.Field] = pydantic.Field([], description="W3C names, or IIS's flags; others that are on stay")
    recheck_after: metabase.Wait = metabase.RECHECK

    @pydantic.model_validator(mode="after")
    def _fields_of_a_log(self) -> SmtpVirtualServerArguments:
        if self.fields and self.protocol_logging == "none":
            raise ValueError("fields mean nothing with protocol_logging: none")
        return self


class SmtpVirtualServer(Module[SmtpVirtualServerArguments]):
    """W3C protocol logging of SMTP virtual servers."""

    name = "smtp_virtual_server"
    Arguments = SmtpVirtualServerArguments

    def misfit(self, _arguments: SmtpVirtualServerArguments, server: Server) -> str:
        """From Exchange 2007 on connectors have taken their place."""
        return "" if server.version.management == "wmi" else f"{server.name} has no SMTP virtual servers"

    def read(self, _arguments: SmtpVirtualServerArguments, _target: Target) -> Script:
        """Print the log settings of every SMTP virtual server."""
        return metabase.read(metabase.VIRTUAL_SERVER)

    def resources(self, value: object) -> tuple[Resource, ...]:
        """Bring flags to W3C field names and booleans to booleans."""
        return tuple(_in_one_form(resource) for resource in super().resources(value))

    def compare(self, arguments: SmtpVirtualServerArguments, resources: Sequence[Resource]) -> Difference:
        """Find the virtual servers that log differently."""
        chosen, notes = named(resources, arguments.names, metabase.VIRTUAL_SERVER.kind)
        changes = [change for resource in chosen for change in _compare(arguments, resource)]
        return Difference(tuple(changes), notes=tuple(notes))

    def confirm(
        self, arguments: SmtpVirtualServerArguments, _before: Sequence[Resource], after: Sequence[Resource]
    ) -> Difference:
        """Say of a change that didn't last who may have undone it."""
        return metabase.blame(self.compare(arguments, after))

    def write(self, arguments: SmtpVirtualServerArguments, difference: Difference, _target: Target) -> Script:
        """Set what differs, one virtual server at a time."""
        return metabase.write(difference, recheck_after=arguments.recheck_after)


def _compare(arguments: SmtpVirtualServerArguments, resource: Resource) -> list[Change]:
    if arguments.protocol_logging == "none":
        return differing(resource, {"enabled": False})
    now = resource.properties["fields"]
    kept = now if isinstance(now, tuple) else ()
    wanted: dict[str, Value] = {
        "enabled": True,
        "format": "W3C",
        "fields": w3c.in_order({*kept, *arguments.fields}),
    }
    return differing(resource, wanted)


def _in_one_form(resource: Resource) -> Resource:
    settings = dict(resource.properties)
    settings["enabled"] = str(settings["enabled"]).lower() == "true"
    settings["fields"] = w3c.read(str(settings["fields"]))
    return replace(resource, properties=settings)
