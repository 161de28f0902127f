r"""From a host to its log sources.

A log source has one folder for SMTP protocol logs. Up to Exchange 2010 that is enough; from 2013 on the transport,
front-end transport and mailbox transport services each have a folder of their own, and their common parent also
holds logs of other kinds. So each service becomes a log source, with an identifier of its own: ``ex01``,
``ex01-frontend``, ``ex01-mailbox``. Message tracking and Outlook Web Access belong to the first.

Receive and send logs are polled through the folder above both, which Exchange names ``ProtocolLog``. Where somebody
moved them elsewhere, the folder above may hold anything, a database's transaction logs for example, which end in
``.log`` too; then they become two log sources, ``…`` and ``…-send``.

With ``exchange_smtp_layout=relocated`` the services' logs were moved below ``exchange_smtp_root``, which holds nothing
else (`harness.modules.smtp_log_folders` does that), and one log source polls them all.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import PureWindowsPath
from typing import TYPE_CHECKING

from harness.errors import InventoryError, SharePathError
from harness.exchange import folders as known
from harness.exchange import values, versions
from harness.exchange.folders import Folders
from harness.logsource.model import LogSource
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
_RELOCATED = "relocated"
_SUFFIXES: dict[Service, str] = {"hub": "", "edge": "", "frontend": "-frontend", "mailbox": "-mailbox"}


def derive(host: Host, folders: Folders | None) -> tuple[LogSource, ...]:
    """Define a host's log sources.

    Args:
        host: From the inventory.
        folders: As read off the host; None for its version's defaults.

    Returns:
        At least one; identifiers differ.

    Raises:
        InventoryError: The protocol can't collect from this version of Exchange, or the host's SMTP logs aren't where
            the inventory says that they were moved.
        SharePathError: A folder isn't on a local drive.
    """
    return tuple(_log_sources(host, folders or default_folders(host)))


def default_folders(host: Host) -> Folders:
    """Give the folders that a host has unless somebody moved them.

    Args:
        host: From the inventory; its version and roles count.

    Raises:
        InventoryError: The protocol can't collect from this version of Exchange.
    """
    version = host.get("exchange_version") or versions.DEFAULT.name
    if version not in known.DEFAULTS:
        problem = Problem(
            host.source("exchange_version"),
            f"{host.name}: the console's Microsoft Exchange protocol doesn't read the logs of Exchange {version}",
            "collect it with WinCollect; the protocol reads " + ", ".join(known.DEFAULTS),
        )
        raise InventoryError([problem])
    found = known.of_roles(version, frozenset(host.get("exchange_roles") or ()))
    if host.get("exchange_smtp_layout") != _RELOCATED:
        return found
    root = str(host.get("exchange_smtp_root"))
    moved = tuple(known.relocated(root, smtp.service) for smtp in found.smtp)
    return replace(found, smtp=moved, origin=f"{found.origin}, SMTP logs below {root}" if moved else found.origin)


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

    root = _relocated_root(host, folders)
    places = {"": root} if root else dict(_smtp_places(folders.smtp))
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
        )


def _relocated_root(host: Host, folders: Folders) -> str:
    """Give the folder of all SMTP logs of a host whose inventory says that they were moved; empty for another host's.

    Raises:
        InventoryError: They weren't, as the host says.
    """
    root = str(host.get("exchange_smtp_root"))
    if host.get("exchange_smtp_layout") != _RELOCATED or not folders.smtp:
        return ""
    found = known.common_root(folders.smtp)
    if found and values.same_path(found, root):
        return root
    elsewhere = next(each for each in folders.smtp if each != known.relocated(root, each.service))
    problem = Problem(
        host.source("exchange_smtp_layout"),
        f"{host.name}: its SMTP logs should all be below {root}, but those of the {elsewhere.service} service are in "
        f"{elsewhere.receive or 'no folder'} and {elsewhere.send or 'no folder'}",
        "move them: harness apply with the shipped playbook, or a task smtp_log_folders of your own; or set "
        "exchange_smtp_layout=per_service",
    )
    raise InventoryError([problem])


def _smtp_places(services: tuple[SmtpFolders, ...]) -> Iterator[tuple[str, str]]:
    """Give the folder to poll for each identifier's suffix."""
    for smtp in services:
        suffix = _SUFFIXES[smtp.service]
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
