"""The module `message_tracking`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import pydantic

from harness.errors import TaskError
from harness.exchange import values
from harness.modules.base import Arguments, Difference, Module, by_resource, differing
from harness.remote import powershell

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.exchange.versions import Server, TransportService
    from harness.modules.base import Resource, Target
    from harness.remote.powershell import Script

_PARAMETERS = {
    "enabled": "MessageTrackingLogEnabled",
    "path": "MessageTrackingLogPath",
    "maximum_age": "MessageTrackingLogMaxAge",
    "maximum_directory_size": "MessageTrackingLogMaxDirectorySize",
    "maximum_file_size": "MessageTrackingLogMaxFileSize",
    "subject_logging": "MessageTrackingLogSubjectLoggingEnabled",
}


Size = Annotated[str, pydantic.BeforeValidator(lambda value: values.size(str(value)))]
Age = Annotated[str, pydantic.BeforeValidator(lambda value: values.age(str(value)))]
LocalPath = Annotated[str, pydantic.AfterValidator(values.local_path)]


class MessageTrackingArguments(Arguments):
    """Message tracking of the server. What isn't named stays as it is."""

    enabled: bool = pydantic.Field(True, description="Whether messages are tracked")
    path: LocalPath | None = pydantic.Field(None, description="Folder on a local drive; Exchange creates it")
    maximum_age: Age | None = pydantic.Field(None, description="Older files are removed; 0.00:00:00 keeps all")
    maximum_directory_size: Size | None = pydantic.Field(None, description="For each file-name prefix")
    maximum_file_size: Size | None = pydantic.Field(None, description="Then a new file begins")
    subject_logging: bool | None = pydantic.Field(None, description="Whether subjects are logged")

    @pydantic.model_validator(mode="after")
    def _file_fits_directory(self) -> MessageTrackingArguments:
        if self.maximum_file_size == values.UNLIMITED:
            raise ValueError("maximum_file_size cannot be unlimited")
        if self.maximum_file_size and self.maximum_directory_size:
            directory = values.size_in_bytes(self.maximum_directory_size)
            file = values.size_in_bytes(self.maximum_file_size)
            if directory is not None and file is not None and file > directory:
                raise ValueError("maximum_file_size is larger than maximum_directory_size")
        return self


class MessageTracking(Module[MessageTrackingArguments]):
    """Message tracking of the server."""

    name = "message_tracking"
    Arguments = MessageTrackingArguments

    def misfit(self, _arguments: MessageTrackingArguments, server: Server) -> str:
        """Client access and unified messaging alone track nothing."""
        if server.tracks:
            return ""
        return f"{server.name} doesn't track messages: mailbox, hub transport and Edge servers do"

    def read(self, arguments: MessageTrackingArguments, target: Target) -> Script:
        """Print the server's message tracking settings."""
        return _READ[target.version.management](arguments, target)

    def resources(self, value: object) -> tuple[Resource, ...]:
        """Bring sizes and ages to their one form."""
        return tuple(_in_one_form(resource) for resource in super().resources(value))

    def compare(self, arguments: MessageTrackingArguments, resources: Sequence[Resource]) -> Difference:
        """Find the settings that differ; paths compare without case, as Windows does."""
        changes = []
        for resource in resources:
            for change in differing(resource, arguments.model_dump()):
                if change.setting == "path" and values.same_path(str(change.before), str(change.after)):
                    continue
                changes.append(change)
        return Difference(tuple(changes))

    def write(self, arguments: MessageTrackingArguments, difference: Difference, target: Target) -> Script:
        """Set all that differs in one call."""
        return _WRITE[target.version.management](arguments, difference, target)


def _read_service(_arguments: MessageTrackingArguments, target: Target) -> Script:
    service = _service(target)
    return powershell.script(
        "message_tracking.read.ps1.j2", cmdlets={service.get}, get=service.get, service=service.kind
    )


def _write_service(_arguments: MessageTrackingArguments, difference: Difference, target: Target) -> Script:
    service = _service(target)
    ((resource, settings),) = by_resource(difference.changes)
    return powershell.script(
        "message_tracking.write.ps1.j2",
        cmdlets={service.get, service.set},
        get=service.get,
        set=service.set,
        service=service.kind,
        id=resource.id,
        settings={_PARAMETERS[setting]: value for setting, value in settings.items()},
    )


def _service(target: Target) -> TransportService:
    service = target.server.tracking
    if service is None:
        raise TaskError(f"{target.server.name} doesn't track messages")
    return service


def _read_server(arguments: MessageTrackingArguments, target: Target) -> Script:
    """Read through WMI, whose only documented way to change anything is a method that takes a switch and a folder."""
    asked = sorted(arguments.model_dump(exclude_none=True).keys() - {"enabled", "path"})
    if asked:
        raise TaskError(
            f"on Exchange {target.version.name} message_tracking can set enabled and path, not {', '.join(asked)}",
            hint="put it in a task with when: facts.exchange.version != '2003', and use Exchange System Manager",
        )
    return powershell.script("message_tracking.2003.read.ps1.j2")


def _write_server(arguments: MessageTrackingArguments, difference: Difference, _target: Target) -> Script:
    ((resource, settings),) = by_resource(difference.changes)
    return powershell.script(
        "message_tracking.2003.write.ps1.j2", id=resource.id, enabled=arguments.enabled, path=settings.get("path")
    )


_READ: dict[str, Callable[[MessageTrackingArguments, Target], Script]] = {
    "shell": _read_service,
    "wmi": _read_server,
}
_WRITE: dict[str, Callable[[MessageTrackingArguments, Difference, Target], Script]] = {
    "shell": _write_service,
    "wmi": _write_server,
}


_FORMS = {"maximum_directory_size": values.size, "maximum_file_size": values.size, "maximum_age": values.age}


def _in_one_form(resource: Resource) -> Resource:
    settings = dict(resource.properties)
    for name, form in _FORMS.items():
        if name in settings:
            settings[name] = form(str(settings[name]))
    return replace(resource, properties=settings)
