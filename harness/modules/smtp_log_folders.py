"""The module `smtp_log_folders`: protocol logs of all transport services below one root, or each where setup put it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, cast

import pydantic

from harness.errors import TaskError
from harness.exchange import folders, values
from harness.exchange.folders import SmtpFolders
from harness.modules.base import Arguments, Difference, Module, by_resource, differing
from harness.remote import powershell

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from harness.exchange.folders import Service
    from harness.exchange.versions import Server
    from harness.modules.base import Change, Resource, Target, Value
    from harness.remote.powershell import Script

_PARAMETERS = {"receive": "ReceiveProtocolLogPath", "send": "SendProtocolLogPath"}


def _root(path: str) -> str:
    path = values.local_path(path)
    if path.endswith("\\"):
        raise ValueError(f"{path!r} is a whole drive; write a folder that is for these logs alone, as D:\\Logs\\Smtp")
    if not folders.common_root([folders.relocated(path, "hub")]):
        raise ValueError(f"{path!r} is where Exchange keeps logs of other kinds; write a folder for these logs alone")
    return path


class SmtpLogFoldersArguments(Arguments):
    """Where the server's transport services write their SMTP protocol logs."""

    layout: Literal["relocated", "per_service"] = pydantic.Field(
        "relocated",
        description="All below `root`, for one log source; or each service's where setup put it: what an earlier "
        "`relocated` moved goes back, and folders that somebody chose stay",
    )
    root: Annotated[str, pydantic.AfterValidator(_root)] | None = pydantic.Field(
        None,
        description="For `relocated`: a folder on a local drive that holds nothing else. Exchange makes it, and in it "
        "a folder for each service",
    )

    @pydantic.model_validator(mode="after")
    def _root_is_named(self) -> SmtpLogFoldersArguments:
        if self.layout == "relocated" and self.root is None:
            raise ValueError("layout relocated needs a root: the folder that the logs are moved below")
        return self


class SmtpLogFolders(Module[SmtpLogFoldersArguments]):
    """The folders of SMTP protocol logs. Files that are there already stay where they are."""

    name = "smtp_log_folders"
    Arguments = SmtpLogFoldersArguments

    def misfit(self, _arguments: SmtpLogFoldersArguments, server: Server) -> str:
        """Only servers that take part in SMTP have such logs; those of Exchange 2003 belong to a virtual server."""
        if server.protocol_logs:
            return ""
        return f"{server.name} has no transport service that writes SMTP protocol logs"

    def read(self, _arguments: SmtpLogFoldersArguments, target: Target) -> Script:
        """Print each service's folders."""
        services = target.server.protocol_logs
        return powershell.script(
            "smtp_log_folders.read.ps1.j2",
            cmdlets={service.get for service in services.values()},
            version=target.version.name,
            setup_keys=list(target.version.setup_keys),
            services=[
                {
                    "service": name,
                    "kind": service.kind,
                    "get": service.get,
                    "tracking": service == target.server.tracking,
                }
                for name, service in services.items()
            ],
        )

    def compare(self, arguments: SmtpLogFoldersArguments, resources: Sequence[Resource]) -> Difference:
        """Find the folders that are elsewhere.

        Raises:
            TaskError: The root would hold logs of another kind, or the host doesn't say where it is installed.
        """
        if arguments.root is not None and arguments.layout == "relocated":
            _check(arguments.root, resources)
            return Difference(_moves(resources, _below(arguments.root, resources)))
        if not folders.common_root(_smtp(resource) for resource in resources):
            return Difference()
        return Difference(_moves(resources, _stock(resources)))

    def confirm(
        self, arguments: SmtpLogFoldersArguments, before: Sequence[Resource], after: Sequence[Resource]
    ) -> Difference:
        """Hold the folders against what was to be written: those that moved back half-way have no common root left."""
        if arguments.layout == "relocated" or not self.compare(arguments, before):
            return self.compare(arguments, after)
        return Difference(_moves(after, _stock(after)))

    def write(self, _arguments: SmtpLogFoldersArguments, difference: Difference, target: Target) -> Script:
        """Set the folders, one service at a time."""
        services = {service.kind: service for service in target.server.protocol_logs.values()}
        changes = [
            {
                "kind": resource.kind,
                "id": resource.id,
                "get": services[resource.kind].get,
                "set": services[resource.kind].set,
                "settings": {_PARAMETERS[setting]: value for setting, value in settings.items()},
            }
            for resource, settings in by_resource(difference.changes)
        ]
        return powershell.script(
            "smtp_log_folders.write.ps1.j2",
            cmdlets={str(change[cmdlet]) for change in changes for cmdlet in ("get", "set")},
            changes=changes,
        )


def _smtp(resource: Resource) -> SmtpFolders:
    found = resource.properties
    return SmtpFolders(_service(resource), str(found["receive"] or ""), str(found["send"] or ""))


def _service(resource: Resource) -> Service:
    return cast("Service", resource.properties["service"])


def _check(root: str, resources: Sequence[Resource]) -> None:
    for resource in resources:
        tracking = str(resource.properties["tracking"] or "")
        if f"{tracking}\\".casefold().startswith(f"{root}\\".casefold()):
            raise TaskError(
                f"message tracking writes to {tracking}, below {root}: one log source would read both as SMTP logs",
                hint="choose a root that holds nothing else, or move message tracking with message_tracking",
            )


def _below(root: str, resources: Sequence[Resource]) -> Iterator[SmtpFolders]:
    return (folders.relocated(root, _service(resource)) for resource in resources)


def _stock(resources: Sequence[Resource]) -> Iterator[SmtpFolders]:
    for resource in resources:
        install = resource.properties["install"]
        if not install:
            raise TaskError(
                "the host doesn't say where Exchange is installed, so where its logs were isn't known",
                hint="harness facts shows what it says; message tracking and protocol log paths can be set by hand",
            )
        yield folders.stock(str(resource.properties["version"]), str(install), _service(resource))


def _moves(resources: Sequence[Resource], wanted: Iterator[SmtpFolders]) -> tuple[Change, ...]:
    """Give what differs; paths compare as Windows does."""
    changes: list[Change] = []
    for resource, place in zip(resources, wanted, strict=True):
        paths: Mapping[str, Value] = {
            setting: path
            for setting, path in (("receive", place.receive), ("send", place.send))
            if not values.same_path(str(resource.properties[setting] or ""), path)
        }
        changes += differing(resource, paths)
    return tuple(changes)
