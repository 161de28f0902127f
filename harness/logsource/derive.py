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

Folders are written with the administrative share of their drive, or with a share of ``smb_shares`` that holds them.

Up to 2010 the mailbox role tracks what it submits in files ``MSGTRKM…``, which none of the protocol's file patterns is
believed to match: such a host's log source has a pattern of its own. The protocol doesn't read Exchange 2003, and
WinCollect does: its log source says so, over the same folders. Each further SMTP virtual server there is a log source
by itself, ``…-smtpsvc2``.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import replace
from ipaddress import ip_address
from pathlib import PureWindowsPath
from typing import TYPE_CHECKING, Any

from harness.errors import DefinitionError, InventoryError, SharePathError
from harness.events import Format
from harness.exchange import folders as known
from harness.exchange import values, versions
from harness.exchange.folders import Folders
from harness.inventory.secrets import PLAIN, ReferredSecret
from harness.logsource.model import (
    MSGTRK_2003_PATTERNS,
    MSGTRK_UP_TO_2010_PATTERNS,
    WINCOLLECT,
    LogSource,
    conflicts,
)
from harness.logsource.shares import shares_of, through
from harness.remote.sharepath import SharePath, clean
from harness.source import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Any

    from harness.exchange.folders import Service, SmtpFolders
    from harness.inventory import Host
    from harness.logsource.shares import Share

__all__ = ["Folders", "belongs", "check_distinct", "default_folders", "derive", "share_form"]

_SYSTEM_DRIVE = re.compile("%SystemDrive%", re.IGNORECASE)
_DRIVE = re.compile(r"^[A-Za-z]:$")
_PROTOCOL_LOG = "protocollog"
_RELOCATED = "relocated"
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_NETBIOS_LENGTH = 15
_EXCHANGE_2003 = "2003"
_SUFFIX = re.compile(r"(-frontend|-mailbox)?(-smtpsvc\d+)?(-send)?", re.ASCII)
_SUFFIXES: dict[Service, str] = {"hub": "", "edge": "", "frontend": "-frontend", "mailbox": "-mailbox"}


def derive(host: Host, folders: Folders | None) -> tuple[LogSource, ...]:
    """Define a host's log sources.

    Args:
        host: From the inventory.
        folders: As read off the host; None for its version's defaults.

    Returns:
        At least one; identifiers differ.

    Raises:
        InventoryError: The host's default folders can't be told without its name, the host's SMTP logs aren't where
            the inventory says that they were moved, or the console wouldn't take what it says of the log source.
        SharePathError: A folder isn't on a local drive.
    """
    try:
        return tuple(_log_sources(host, folders or default_folders(host)))
    except DefinitionError as error:
        place = host.source(f"logsource_{error.field}")
        raise InventoryError([Problem(place, f"{host.name}: {error.message}", error.hint)]) from error


def check_distinct(sources: Iterable[LogSource], hosts: Mapping[str, Host]) -> None:
    """Refuse log sources that one console wouldn't hold beside each other.

    Args:
        sources: All that it is to hold.
        hosts: The inventory's hosts by name.

    Raises:
        InventoryError: Some have the same name, or the same type, protocol and identifier; all of them.
    """
    problems = []
    for source, other, what in conflicts(sources):
        key = f"logsource_{what}"
        value = getattr(source, what)
        shared = "" if what == "name" else f" for {source.type} over {source.protocol}"
        message = f"{source.host}: the {what} {value!r}{shared} is that of a log source of {other.host}'s as well"
        hint = f"a console holds one of them; give each host a {key} of its own"
        problems.append(Problem(hosts[source.host].source(key), message, hint))
    if problems:
        raise InventoryError(dict.fromkeys(problems))


def belongs(identifier: str, base: str) -> bool:
    """Tell whether a log source of that identifier may be one of a host's, wherever the host keeps its logs.

    Args:
        identifier: The log source's.
        base: The identifier of the host's first log source.
    """
    own, first = identifier.casefold(), base.casefold()
    return own.startswith(first) and _SUFFIX.fullmatch(own[len(first) :]) is not None


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
    found = known.of_roles(version, frozenset(host.get("exchange_roles") or ()), server)
    root = _wanted_root(host)
    if not root or not found.smtp:
        return found
    moved = tuple(known.relocated(root, smtp.service) for smtp in found.smtp)
    return replace(found, smtp=moved, origin=f"{found.origin}, SMTP logs below {root}")


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


def share_form(path: str, *, system_drive: str = "C:", shares: Sequence[Share] = ()) -> str:
    r"""Write a Windows path as a log source takes it.

    Args:
        path: For example ``C:\inetpub\logs`` or ``%SystemDrive%\inetpub\logs``.
        system_drive: What ``%SystemDrive%`` stands for.
        shares: Shares that are preferred to the drive's own.

    Returns:
        For example ``c$/inetpub/logs/``, or ``weblogs$/`` where a share of that name is of this folder.

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
    return through(whole, shares) or str(SharePath(f"{whole.drive[0].lower()}$", clean("/".join(whole.parts[1:]))))


def _log_sources(host: Host, folders: Folders) -> Iterator[LogSource]:
    shares = shares_of(host)

    def share(path: str) -> str:
        return share_form(path, system_drive=folders.system_drive, shares=shares) if path else ""

    settings = _settings(host)
    named = host.get("logsource_identifier") or host.name
    root = _relocated_root(host, folders)
    places = {"": root} if root else dict(_smtp_places(folders.smtp))
    places.setdefault("", "")
    for suffix in sorted(places):
        identifier = named + suffix
        yield LogSource(
            name=_filled(host, "logsource_name", identifier),
            description=_filled(host, "logsource_description", identifier),
            host=host.name,
            identifier=identifier,
            owa_folder="" if suffix else share(folders.owa),
            smtp_folder=share(places[suffix]),
            msgtrk_folder="" if suffix else share(folders.tracking),
            origin=folders.origin,
            **settings,
        )


def _settings(host: Host) -> dict[str, Any]:
    """Give what all log sources of a host have in common, as the inventory says."""
    domain, backslash, user = (host.get("logsource_user") or "").rpartition("\\")
    settings: dict[str, Any] = {
        "server_address": host.get("logsource_server_address") or host.get("address") or host.name,
        **_files(host),
        "domain": domain if backslash else host.get("logsource_domain") or "",
        "user": user,
        "password_reference": _reference(host),
    }
    for name in _AS_THEY_ARE:
        value = host.get(f"logsource_{name}")
        if value is not None:
            settings[name] = value
    return settings


_AS_THEY_ARE = (
    "type",
    "protocol",
    "smb_version",
    "polling_interval",
    "throttle",
    "encoding",
    "recursive",
    "force_file_read",
    "enabled",
    "credibility",
    "coalescing",
    "store_payload",
    "collector",
    "groups",
    "language",
    "extension",
)
"""Fields whose inventory keys have their names."""


def _filled(host: Host, key: str, identifier: str) -> str:
    """Give a text of the inventory's with its placeholders filled; no expression, so nothing of it is ever run."""
    known = {
        "identifier": identifier,
        "host": host.name,
        "version": host.get("exchange_version") or versions.DEFAULT.name,
    }
    text = host.get(key) or ""
    unknown = [name for name in _PLACEHOLDER.findall(text) if name not in known]
    if unknown:
        message = f"{key} has the placeholder {{{unknown[0]}}}, which stands for nothing"
        problem = Problem(host.source(key), message, "known: " + ", ".join(f"{{{name}}}" for name in known))
        raise InventoryError([problem])
    return _PLACEHOLDER.sub(lambda match: known[match[1]], text)


def _reference(host: Host) -> str:
    """Say where the password is to be found, without looking."""
    secret = host.get("logsource_password")
    if not isinstance(secret, ReferredSecret):
        return ""
    reference = secret.reference
    return f"{reference.key} in {reference.source}" if reference.scheme == PLAIN else str(reference)


def _files(host: Host) -> dict[str, Any]:
    """Give what collects a version's files, and how they are named and written."""
    version = version_of(host)
    if version == _EXCHANGE_2003:
        return {
            "protocol": WINCOLLECT,
            "msgtrk_patterns": MSGTRK_2003_PATTERNS,
            "smtp_format": Format.SMTP2003,
            "msgtrk_format": Format.MSGTRK2003,
        }
    apart = known.submits_apart(version, frozenset(host.get("exchange_roles") or ()))
    return {"msgtrk_patterns": MSGTRK_UP_TO_2010_PATTERNS} if apart else {}


def _wanted_root(host: Host) -> str:
    """Give the folder below which the inventory says that SMTP logs were moved; empty where it doesn't."""
    asked = host.get("exchange_smtp_layout") == _RELOCATED and version_of(host) != _EXCHANGE_2003
    return str(host.get("exchange_smtp_root")) if asked else ""


def _relocated_root(host: Host, folders: Folders) -> str:
    """Give the folder of all SMTP logs of a host whose inventory says that they were moved; empty for another host's.

    Raises:
        InventoryError: They weren't, as the host says.
    """
    root = _wanted_root(host)
    if not root or not folders.smtp:
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
