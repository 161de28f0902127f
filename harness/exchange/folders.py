r"""Where each version of Exchange writes its logs unless somebody moved them, as data.

Documented, on Microsoft's pages about protocol logging and message tracking: the folders below the installation
folder, and that from 2013 on every transport service has protocol logs of its own; for 2003 that message tracking's
folder is named after the server. IIS's folder is documented for IIS 7 and later.

Believed, not documented: the installation folders of 2003 and 2007, IIS 6's ``system32\LogFiles`` for Exchange 2003
and for 2007 on Windows 2003, and that the Default Web Site and the Default SMTP Virtual Server are number 1 (they are,
unless somebody made them anew). Folders that were read off the host are always preferred.

`relocated` is harness's own: the tree of folders that Exchange 2013 makes for its services, below another root, which
holds nothing but SMTP protocol logs. So one log source can poll them all.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from harness.exchange.values import same_path

if TYPE_CHECKING:
    from collections.abc import Iterable

Service = Literal["hub", "frontend", "mailbox", "edge"]
"""A transport service that has protocol logs of its own; up to 2010 there is one only, ``hub`` or ``edge``."""

_PARTS: dict[Service, str] = {"hub": "Hub", "frontend": "FrontEnd", "mailbox": "Mailbox", "edge": "Edge"}
_STOCK_LOGS = r"\transportroles\logs"
_BACKSLASH = "\\"
_IIS = r"%SystemDrive%\inetpub\logs\LogFiles\W3SVC1"
_IIS_6 = r"%SystemDrive%\WINDOWS\system32\LogFiles"
_SERVER = "{server}"


@dataclass(frozen=True, slots=True)
class SmtpFolders:
    """Where one transport service writes its protocol logs; Windows paths, empty for none.

    Args:
        service: Which service.
        receive: What it was sent.
        send: What it sent.
    """

    service: Service
    receive: str
    send: str


@dataclass(frozen=True, slots=True)
class Stated:
    """What a host says of its own logging.

    Args:
        silent: The connectors, or virtual servers, whose conversations reach no log.
        tracking: Whether it tracks messages; None where its roles have no such thing.
    """

    silent: tuple[str, ...] = ()
    tracking: bool | None = None


@dataclass(frozen=True, slots=True)
class Folders:
    """Where a host writes its logs; Windows paths, empty for a log that it doesn't have.

    Args:
        owa: The log of the web site that serves Outlook Web Access, with its ``W3SVC…``.
        smtp: The protocol logs of each transport service.
        tracking: The message tracking log.
        origin: Where this comes from: ``the host``, or ``defaults of Exchange 2016``.
        system_drive: What ``%SystemDrive%`` stands for.
        stated: What the host says of its own logging; None where it wasn't asked.
    """

    owa: str
    smtp: tuple[SmtpFolders, ...]
    tracking: str
    origin: str
    system_drive: str = "C:"
    stated: Stated | None = None


def _protocol(logs: str, service: Service) -> SmtpFolders:
    return SmtpFolders(service, rf"{logs}\ProtocolLog\SmtpReceive", rf"{logs}\ProtocolLog\SmtpSend")


def relocated(root: str, service: Service) -> SmtpFolders:
    """Give the folders of a transport service whose protocol logs were moved below a root."""
    return _protocol(rf"{root.rstrip(_BACKSLASH)}\{_PARTS[service]}", service)


def _together(version: str, install: str, owa: str) -> Folders:
    """All protocol logs in one place: up to 2010."""
    logs = rf"{install}\TransportRoles\Logs"
    smtp = (_protocol(logs, "hub"), _protocol(logs, "edge"))
    return Folders(owa, smtp, rf"{logs}\MessageTracking", _origin(version))


def _apart(version: str) -> Folders:
    """Protocol logs apart for each service: from 2013 on."""
    logs = rf"{_INSTALL}\V15\TransportRoles\Logs"
    return Folders(
        _IIS, tuple(relocated(logs, service) for service in _PARTS), rf"{logs}\MessageTracking", _origin(version)
    )


def _origin(version: str) -> str:
    return f"defaults of Exchange {version}"


_TOGETHER = frozenset({"2003", "2007", "2010"})
_EXCHANGE_2003 = "2003"
_INSTALL = r"%SystemDrive%\Program Files\Microsoft\Exchange Server"

DEFAULTS: dict[str, Folders] = {
    # Of an SMTP virtual server both directions are in one log.
    "2003": Folders(
        rf"{_IIS_6}\W3SVC1",
        (SmtpFolders("hub", rf"{_IIS_6}\SMTPSVC1", ""),),
        rf"%SystemDrive%\Program Files\Exchsrvr\{_SERVER}.log",
        _origin("2003"),
    ),
    "2007": _together("2007", _INSTALL, rf"{_IIS_6}\W3SVC1"),
    "2010": _together("2010", rf"{_INSTALL}\V14", _IIS),
    "2013": _apart("2013"),
    "2016": _apart("2016"),
    "2019": _apart("2019"),
    "SE": _apart("SE"),
}
"""By the version's name in the inventory, with the folders of every service that the version can have.

Where a folder has the server's name in it, ``{server}`` stands for that.
"""


def of_roles(version: str, roles: frozenset[str], server: str) -> Folders:
    """Give the default folders of a host.

    Args:
        version: A key of ``DEFAULTS``.
        roles: As the inventory names them; empty for a server that has all but the edge's.
        server: The computer's short name.
    """
    known = DEFAULTS[version]
    running = services(version, roles)
    return replace(
        known,
        owa=known.owa if serves_owa(version, roles) else "",
        smtp=tuple(smtp for smtp in known.smtp if smtp.service in running),
        tracking=known.tracking.replace(_SERVER, server) if tracks_messages(roles) else "",
    )


def services(version: str, roles: frozenset[str]) -> frozenset[Service]:
    """Say which transport services a host runs.

    Args:
        version: As in ``DEFAULTS``.
        roles: As the inventory names them; empty for a server that has all but the edge's.
    """
    if "edge_transport" in roles:
        return frozenset({"edge"})
    if version in _TOGETHER:
        routes = not roles or version == _EXCHANGE_2003 or "hub_transport" in roles
        return frozenset({"hub"}) if routes else frozenset()
    if version == "2013" and roles:
        found: set[Service] = set()
        if "client_access" in roles:
            found.add("frontend")
        if "mailbox" in roles:
            found |= {"hub", "mailbox"}
        return frozenset(found)
    return frozenset({"hub", "frontend", "mailbox"})


def stock(version: str, install: str, service: Service) -> SmtpFolders:
    r"""Give the folders that setup gave a transport service.

    Args:
        version: A key of ``DEFAULTS``.
        install: Exchange's installation folder, as ``D:\Exchange``.
        service: Which.
    """
    logs = rf"{install.rstrip(_BACKSLASH)}\TransportRoles\Logs"
    return _protocol(logs, service) if version in _TOGETHER else relocated(logs, service)


def common_root(services: Iterable[SmtpFolders]) -> str:
    """Give the root below which all services' protocol logs were moved.

    Returns:
        Empty where they weren't: also for the folder where setup puts them, which holds logs of other kinds.
    """
    root = ""
    for smtp in services:
        above = smtp.receive.rstrip(_BACKSLASH).rsplit(_BACKSLASH, 3)[0]
        wanted = relocated(above, smtp.service)
        if not (same_path(smtp.receive, wanted.receive) and same_path(smtp.send, wanted.send)):
            return ""
        if not same_path(root or above, above):
            return ""
        root = above
    return "" if root.casefold().endswith(_STOCK_LOGS) else root


def serves_owa(version: str, roles: frozenset[str]) -> bool:
    """Say whether a host answers Outlook Web Access; arguments as for ``services``."""
    apart = version in _TOGETHER and version != _EXCHANGE_2003
    return not roles or "client_access" in roles or ("mailbox" in roles and not apart)


def owa_path(version: str) -> str:
    """Give what Outlook Web Access is requested at."""
    return "/exchange/" if version == _EXCHANGE_2003 else "/owa/"


def submits_apart(version: str, roles: frozenset[str]) -> bool:
    """Say whether a host tracks what its mailboxes send in files of another name; arguments as for ``services``.

    Up to 2010 the mailbox role does, ``MSGTRKM…``; from 2013 on it is a transport service's business, ``MSGTRKMS…``.
    """
    return version in _TOGETHER and version != _EXCHANGE_2003 and (not roles or "mailbox" in roles)


def tracks_messages(roles: frozenset[str]) -> bool:
    """Say whether a host writes message tracking logs; client access and unified messaging alone don't."""
    return not roles or bool(roles & {"hub_transport", "mailbox", "edge_transport"})
