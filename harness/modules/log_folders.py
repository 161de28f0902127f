"""Where a host really writes its logs, and what it says of its own logging: read off the host."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pydantic

from harness.errors import HostError
from harness.exchange import folders
from harness.exchange.folders import Folders, Service, SmtpFolders, Stated
from harness.exchange.versions import Server
from harness.remote import powershell

if TYPE_CHECKING:
    from harness.modules.base import Target
    from harness.modules.session import Session
    from harness.remote.powershell import Script

_OWA_SITE = "default web site"
_FIRST_SITE = "1"
_VERBOSE = "verbose"


class _Printed(pydantic.BaseModel):
    """What the script prints; nothing else may stand in it."""

    model_config = pydantic.ConfigDict(extra="forbid", strict=True)


class _Host(_Printed):
    kind: str = pydantic.Field(pattern="^host$")
    system_drive: str = pydantic.Field(pattern="^[A-Za-z]:$")


class _Transport(_Printed):
    kind: str = pydantic.Field(pattern="^transport$")
    service: Service
    receive: str | None
    send: str | None
    tracking: str | None
    tracks: bool | None


class _Connector(_Printed):
    kind: str = pydantic.Field(pattern="^((receive|send) connector|SMTP virtual server)$")
    name: str
    level: str


class _Site(_Printed):
    kind: str = pydantic.Field(pattern="^site$")
    id: str = pydantic.Field(pattern="^[0-9]+$")
    name: str
    directory: str


_ANSWER = pydantic.TypeAdapter(list[_Host | _Transport | _Connector | _Site])


def script(target: Target, roles: frozenset[str] = frozenset()) -> Script:
    """Give the script that reads the folders.

    Args:
        target: The host.
        roles: Its Exchange roles; empty for a server that has all but the edge's.
    """
    if target.version.management == "wmi":
        return powershell.script("log_folders.2003.read.ps1.j2")
    server = Server(target.version, roles or target.version.usual)
    own = server.tracking
    # A mailbox server up to 2010 tracks messages, and has no protocol logs.
    running = server.protocol_logs or ({"mailbox": own} if own else {})
    services = [{"service": name, "get": service.get, "tracking": service == own} for name, service in running.items()]
    web = folders.serves_owa(target.version.name, roles)
    return powershell.script(
        "log_folders.read.ps1.j2",
        cmdlets={"Get-ReceiveConnector", "Get-SendConnector", *(service.get for service in running.values())},
        web=web,
        services=services,
        has_web=web,
    )


def parse(value: object, target: Target) -> Folders:
    """Bring the script's output to folders.

    Args:
        value: What the script printed.
        target: The host.

    Raises:
        HostError: The output isn't what the script prints.
    """
    try:
        printed = _ANSWER.validate_python(value)
    except pydantic.ValidationError as error:
        raise HostError(f"the host's log folders can't be read: {value!r:.200}", host=target.host) from error
    host = next((item for item in printed if isinstance(item, _Host)), None)
    if host is None:
        raise HostError(f"the host's log folders can't be read: {value!r:.200}", host=target.host)
    transports = [item for item in printed if isinstance(item, _Transport)]
    return Folders(
        owa=_owa([item for item in printed if isinstance(item, _Site)]),
        smtp=tuple(
            SmtpFolders(item.service, item.receive or "", item.send or "")
            for item in transports
            if item.receive or item.send
        ),
        tracking=next((item.tracking for item in transports if item.tracking), ""),
        origin="the host",
        system_drive=host.system_drive,
        stated=Stated(
            silent=tuple(
                f"{item.kind} '{item.name}'"
                for item in printed
                if isinstance(item, _Connector) and item.level.casefold() != _VERBOSE
            ),
            tracking=next((item.tracks for item in transports if item.tracks is not None), None),
        ),
    )


def read_folders(session: Session, target: Target, roles: frozenset[str] = frozenset()) -> Folders:
    """Ask a host where its logs are.

    Args:
        session: A session with it; it stays open.
        target: The host.
        roles: As for ``script``.

    Raises:
        HostError: It can't be reached, or doesn't say.
    """
    (answer,) = session.read([script(target, roles)])
    if answer.error is not None:
        raise HostError(
            f"the host's log folders can't be read: {answer.error.message}", host=target.host, hint=answer.error.hint
        )
    return parse(answer.value, target)


def _owa(sites: list[_Site]) -> str:
    """Give the log folder of the site that serves Outlook Web Access: by name, or the first one ever made."""
    by_name = [site for site in sites if site.name.casefold() == _OWA_SITE]
    for site in by_name or [site for site in sites if site.id == _FIRST_SITE]:
        return site.directory.rstrip("\\") + rf"\W3SVC{site.id}"
    return ""
