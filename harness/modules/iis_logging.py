"""The module `iis_logging`: W3C logging of IIS sites."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import pydantic

from harness.modules import metabase, w3c
from harness.modules.base import Arguments, Change, Difference, Module, by_resource, differing, named
from harness.remote import powershell

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.exchange.versions import Server
    from harness.modules.base import Resource, Target, Value
    from harness.remote.powershell import Script

_ATTRIBUTES = {
    "enabled": "enabled",
    "format": "logFormat",
    "fields": "logExtFileFlags",
    "period": "period",
    "directory": "directory",
    "local_time_rollover": "localTimeRollover",
    "target": "logTargetW3C",
}
_PERIODS = {
    "hourly": "Hourly",
    "daily": "Daily",
    "weekly": "Weekly",
    "monthly": "Monthly",
    "max_size": "MaxSize",
}


class IisLoggingArguments(Arguments):
    """How sites write their W3C logs. What isn't named stays as it is."""

    sites: list[str] = pydantic.Field([], description="Names or patterns with * and ?")
    site_defaults: bool = pydantic.Field(False, description="The defaults, and with them every site")
    format: Literal["W3C"] = pydantic.Field("W3C", description="The only format that the DSM reads")
    fields: list[w3c.Field] = pydantic.Field([], description="W3C names such as cs-version, or IIS's flags")
    ensure: Literal["add", "exact"] = pydantic.Field("add", description="Keep other fields, or drop them")
    period: Literal["hourly", "daily", "weekly", "monthly", "max_size"] | None = None
    directory: str | None = pydantic.Field(None, min_length=3, description="Folder; variables as in %SystemDrive%")
    local_time_rollover: bool | None = pydantic.Field(None, description="Local time in file names; rows are UTC anyway")
    recheck_after: metabase.Wait = metabase.RECHECK

    @pydantic.model_validator(mode="after")
    def _says_where(self) -> IisLoggingArguments:
        if bool(self.sites) == self.site_defaults:
            raise ValueError("name either sites or site_defaults: true")
        if self.ensure == "exact" and not self.fields:
            raise ValueError("ensure: exact needs fields, else the log would be empty")
        return self


class IisLogging(Module[IisLoggingArguments]):
    """W3C logging of IIS sites."""

    name = "iis_logging"
    Arguments = IisLoggingArguments

    def misfit(self, _arguments: IisLoggingArguments, server: Server) -> str:
        """A server without client access has no IIS that serves Outlook Web Access; an Edge server has no IIS."""
        if server.web:
            return ""
        return f"{server.name} doesn't serve Outlook Web Access, so it has no IIS log for the console"

    def read(self, _arguments: IisLoggingArguments, target: Target) -> Script:
        """Print the log settings in force of the site defaults and of every site."""
        return _READ[target.version.management]()

    def resources(self, value: object) -> tuple[Resource, ...]:
        """Bring flags to W3C field names and booleans to booleans."""
        return tuple(_in_one_form(resource) for resource in super().resources(value))

    def compare(self, arguments: IisLoggingArguments, resources: Sequence[Resource]) -> Difference:
        """Find what differs in the settings in force.

        With ``site_defaults`` every site counts too: a site's own element beats the defaults.
        """
        if arguments.site_defaults:
            chosen, notes = list(resources), list[str]()
        else:
            sites = [resource for resource in resources if resource.kind == "site"]
            chosen, notes = named(sites, arguments.sites, "site")
        changes = [change for resource in chosen for change in _compare(arguments, resource)]
        return Difference(tuple(changes), notes=tuple(notes))

    def confirm(
        self, arguments: IisLoggingArguments, _before: Sequence[Resource], after: Sequence[Resource]
    ) -> Difference:
        """Say of a metabase that didn't keep a change who may have undone it."""
        return metabase.blame(self.compare(arguments, after))

    def write(self, arguments: IisLoggingArguments, difference: Difference, target: Target) -> Script:
        """Write the defaults first; a site gets a setting of its own only where it still differs then."""
        return _WRITE[target.version.management](arguments, difference)


def _read_configuration() -> Script:
    return powershell.script("iis_logging.read.ps1.j2", web=True)


def _write_configuration(_arguments: IisLoggingArguments, difference: Difference) -> Script:
    return powershell.script(
        "iis_logging.write.ps1.j2",
        web=True,
        changes=[
            {
                "id": resource.id,
                "settings": {_ATTRIBUTES[name]: _as_iis_writes(name, value) for name, value in settings.items()},
            }
            for resource, settings in by_resource(difference.changes)
        ],
    )


def _read_metabase() -> Script:
    return metabase.read(metabase.SITE_DEFAULTS, metabase.SITE)


def _write_metabase(arguments: IisLoggingArguments, difference: Difference) -> Script:
    return metabase.write(difference, recheck_after=arguments.recheck_after)


_READ: dict[str, Callable[[], Script]] = {"shell": _read_configuration, "wmi": _read_metabase}
_WRITE: dict[str, Callable[[IisLoggingArguments, Difference], Script]] = {
    "shell": _write_configuration,
    "wmi": _write_metabase,
}


def _compare(arguments: IisLoggingArguments, resource: Resource) -> list[Change]:
    target = resource.properties.get("target")
    wanted: dict[str, Value] = {
        "enabled": True,
        "format": arguments.format,
        "fields": _wanted_fields(arguments, resource),
        "period": _PERIODS[arguments.period] if arguments.period else None,
        "directory": arguments.directory,
        "local_time_rollover": arguments.local_time_rollover,
        # A site that logs to ETW alone writes no file for the console to read.
        "target": f"File,{target}" if target and "File" not in str(target).split(",") else None,
    }
    return differing(resource, wanted)


def _wanted_fields(arguments: IisLoggingArguments, resource: Resource) -> Value:
    if not arguments.fields:
        return None
    now = resource.properties["fields"]
    kept = now if arguments.ensure == "add" and isinstance(now, tuple) else ()
    return w3c.in_order({*kept, *arguments.fields})


def _in_one_form(resource: Resource) -> Resource:
    settings = dict(resource.properties)
    for name in ("enabled", "local_time_rollover"):
        settings[name] = str(settings[name]).lower() == "true"
    settings["fields"] = w3c.read(str(settings["fields"]))
    target = settings["target"]
    settings["target"] = ",".join(part.strip() for part in str(target).split(",")) if target else None
    return replace(resource, properties=settings)


def _as_iis_writes(setting: str, value: Value) -> Value:
    if setting == "fields" and isinstance(value, tuple):
        return w3c.names(value)
    if isinstance(value, bool):
        return str(value)
    return value
