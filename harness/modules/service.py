"""The module `service`: a Windows service that runs, or that a handler restarts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import pydantic

from harness.modules.base import Arguments, Change, Difference, Module, missing
from harness.remote import powershell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.modules.base import Resource, Target
    from harness.remote.powershell import Script

_RUNNING = "Running"


class ServiceArguments(Arguments):
    """Which services run, or are restarted."""

    names: list[str] = pydantic.Field(min_length=1, description="Short names, for example MSExchangeTransport")
    state: Literal["running", "restarted"] = pydantic.Field(description="restarted: in a handler only")


class Service(Module[ServiceArguments]):
    """Windows services."""

    name = "service"
    Arguments = ServiceArguments

    def handler_only(self, arguments: ServiceArguments) -> str:
        """A restart is an act, not a state: a task would do it on every run."""
        if arguments.state == "restarted":
            return "state: restarted belongs into a handler; a task would restart the service on every run"
        return ""

    def read(self, arguments: ServiceArguments, _target: Target) -> Script:
        """Print the services."""
        return powershell.script("service.read.ps1.j2", names=arguments.names)

    def compare(self, arguments: ServiceArguments, resources: Sequence[Resource]) -> Difference:
        """Find services that don't run; a restart always changes the process."""
        changes = []
        for resource in _all(arguments, resources):
            if resource.properties["state"] != _RUNNING:
                changes.append(Change(resource, "state", resource.properties["state"], _RUNNING))
            elif arguments.state == "restarted":
                changes.append(Change(resource, "process", resource.properties["process"], "a new one"))
        return Difference(tuple(changes))

    def confirm(self, arguments: ServiceArguments, before: Sequence[Resource], after: Sequence[Resource]) -> Difference:
        """A restarted service runs in another process than before."""
        if arguments.state != "restarted":
            return self.compare(arguments, after)
        process = {resource.id: resource.properties["process"] for resource in before}
        changes = [
            Change(resource, "process", process[resource.id], "a new one")
            for resource in _all(arguments, after)
            if resource.properties["state"] != _RUNNING or resource.properties["process"] == process[resource.id]
        ]
        return Difference(tuple(changes))

    def write(self, _arguments: ServiceArguments, difference: Difference, _target: Target) -> Script:
        """Start what doesn't run, restart what does."""
        return powershell.script(
            "service.write.ps1.j2",
            start=[change.resource.id for change in difference.changes if change.setting == "state"],
            restart=[change.resource.id for change in difference.changes if change.setting == "process"],
        )


def _all(arguments: ServiceArguments, resources: Sequence[Resource]) -> list[Resource]:
    found = {resource.id.casefold(): resource for resource in resources}
    for name in arguments.names:
        if name.casefold() not in found:
            raise missing("service", name, [resource.id for resource in resources])
    return [found[name] for name in dict.fromkeys(map(str.casefold, arguments.names))]
