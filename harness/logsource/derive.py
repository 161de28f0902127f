r"""From a host to its log sources.

A log source has one folder for SMTP protocol logs. Up to Exchange 2010 that is enough; from 2013 on the transport,
front-end transport and mailbox transport services each have a folder of their own, and their common parent also
holds logs of other kinds. So each service becomes a log source, with an identifier of its own: ``ex01``,
``ex01-frontend``, ``ex01-mailbox``. Message tracking and Outlook Web Access belong to the first.

Receive and send logs are polled through the folder above both, which Exchange names ``ProtocolLog``. Where somebody
moved them elsewhere, the folder above may hold anything, a database's transaction logs for example, which end in
``.log`` too; then they become two log sources, ``…`` and ``…-send``.

Up to 2010 the mailbox role tracks what it submits in files ``MSGTRKM…``, which none of the protocol's file patterns is
believed to match: such a host's log source has a pattern of its own. The protocol doesn't read Exchange 2003, and
WinCollect does: its log source says so, over the same folders. Each further SMTP virtual server there is a log source
by itself, ``…-smtpsvc2``.
"""

from __future__ import annotations

import re
from contextlib import suppress
from ipaddress import ip_address
from pathlib import PureWindowsPath
from typing import TYPE_CHECKING, Any

from harness.errors import InventoryError, SharePathError
from harness.events import Format
from harness.exchange import folders as known
from harness.exchange import versions
from harness.exchange.folders import Folders
from harness.logsource.model import MSGTRK_2003_PATTERNS, MSGTRK_UP_TO_2010_PATTERNS, LogSource
from harness.remote.sharepath import SharePath, clean
from harness.source import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.exchange.folders import Service, SmtpFolders
    from harness.inventory import Host

__all__ = ["Folders", "default_folders", "derive", "share_form"]

_SYSTEM_DRIVE = re.compile("%SystemDrive%", re.IGNORECASE)
_DRIVE = re.compile(r"^[A-Za-z]:$")
_PROTOCOL_LOG = "protocollog"
_NETBIOS_LENGTH = 15
_EXCHANGE_2003 = "2003"
_SUFFIXES: dict[Service, str] = {"hub": "", "edge": "", "frontend": "-frontend", "mailbox": "-mailbox"}


def derive(host: Host, folders: Folders | None) -> tuple[LogSource, ...]:
    """Define a host's log sources.

    Args:
        host: From the inventory.
        folders: As read off the host; None for its version's defaults.

    Returns:
        At least one; identifiers differ.

    Raises:
        InventoryError: The host's default folders can't be told without its name.
        SharePathError: A folder isn't on a local drive.
    """
    return tuple(_log_sources(host, folders or default_folders(host)))


def default_folders(host: Host) -> Folders:
    """Give the folders that a host has unless somebody moved them.

    Args:
        host: From the inventory; its version, roles and name count.

    Raises:
        InventoryError: A folder has the server's name in it, and the inventory has an address only.
    """
    version, server = version_of(host), _computer_name(host)
    if not server and version == _EXCHANGE_2003:
        problem = Problem(
            host.source("exchange_version"),
            f"{host.name}: Exchange {version} names the folder of message tracking after the server",
            "set exchange_fqdn to the server's full name",
        )
        raise InventoryError([problem])
    return known.of_roles(version, frozenset(host.get("exchange_roles") or ()), server)


def version_of(host: Host) -> str:
    """Give the version of Exchange that a host's log sources are for."""
    return host.get("exchange_version") or versions.DEFAULT.name


def _computer_name(host: Host) -> str:
    """Give the name that Windows has for a host; empty where the inventory has an address only."""
    name = str(host.get("exchange_fqdn") or host.name)
    with suppress(ValueError):
        ip_address(name)
        return ""
    return name.partition(".")[0].upper()[:_NETBIOS_LENGTH]


def share_form(path: str, *, system_drive: str = "C:") -> str:
    r"""Write a Windows path as a log source takes it.

    Args:
        path: For example ``C:\inetpub\logs`` or ``%SystemDrive%\inetpub\logs``.
        system_drive: What ``%SystemDrive%`` stands for.

    Returns:
        For example ``c$/inetpub/logs/``.

    Raises:
        SharePathError: It isn't a path on a local drive, so there is no administrative share for it.
    """
    whole = PureWindowsPath(_SYSTEM_DRIVE.sub(lambda _: system_drive, path))
    if not _DRIVE.match(whole.drive) or not whole.root:
        raise SharePathError(
            f"{path!r} isn't a path on a local drive",
            path=path,
            hint="Exchange and IIS must write their logs to a drive of the host's, as D:\\Logs",
        )
    if any(re.search(r"%\w+%", part) for part in whole.parts):
        raise SharePathError(
            f"{path!r} has a variable that isn't known here", path=path, hint="write the folder itself"
        )
    return str(SharePath(f"{whole.drive[0].lower()}$", clean("/".join(whole.parts[1:]))))


def _log_sources(host: Host, folders: Folders) -> Iterator[LogSource]:
    def share(path: str) -> str:
        return share_form(path, system_drive=folders.system_drive) if path else ""

    places = dict(_smtp_places(folders.smtp))
    places.setdefault("", "")
    for suffix in sorted(places):
        identifier = host.name + suffix
        yield LogSource(
            name=f"Exchange @ {identifier}",
            host=host.name,
            identifier=identifier,
            server_address=host.get("address") or host.name,
            owa_folder="" if suffix else share(folders.owa),
            smtp_folder=share(places[suffix]),
            msgtrk_folder="" if suffix else share(folders.tracking),
            origin=folders.origin,
            **_files(host),
        )


def _files(host: Host) -> dict[str, Any]:
    """Give what collects a version's files, and how they are named and written."""
    version = version_of(host)
    if version == _EXCHANGE_2003:
        return {
            "protocol": "WinCollect Microsoft Exchange",
            "msgtrk_patterns": MSGTRK_2003_PATTERNS,
            "smtp_format": Format.SMTP2003,
            "msgtrk_format": Format.MSGTRK2003,
        }
    apart = known.submits_apart(version, frozenset(host.get("exchange_roles") or ()))
    return {"msgtrk_patterns": MSGTRK_UP_TO_2010_PATTERNS} if apart else {}


def _smtp_places(services: tuple[SmtpFolders, ...]) -> Iterator[tuple[str, str]]:
    """Give the folder to poll for each identifier's suffix."""
    taken: set[str] = set()
    for smtp in services:
        suffix = _SUFFIXES[smtp.service]
        if suffix in taken:  # another virtual server of Exchange 2003
            suffix += f"-{PureWindowsPath(smtp.receive).name.lower()}"
        taken.add(suffix)
        above = _protocol_log_above(smtp)
        if above:
            yield suffix, above
            continue
        yield suffix, smtp.receive or smtp.send
        if smtp.receive and smtp.send and PureWindowsPath(smtp.receive) != PureWindowsPath(smtp.send):
            yield f"{suffix}-send", smtp.send


def _protocol_log_above(smtp: SmtpFolders) -> str:
    """Give Exchange's own folder above both; empty where there is none."""
    if not smtp.receive or not smtp.send:
        return ""
    above_send = PureWindowsPath(smtp.send).parents
    for parent in PureWindowsPath(smtp.receive).parents:
        if parent.name.casefold() == _PROTOCOL_LOG and parent in above_send:
            return str(parent)
    return ""
