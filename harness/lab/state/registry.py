"""The part of a server's registry that scripts look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.lab.powershell.objects import CaseDict, Value

if TYPE_CHECKING:
    from harness.lab.state.products import Parts, Product, Windows

_MICROSOFT = "HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft"
_WINDOWS = f"{_MICROSOFT}\\Windows NT\\CurrentVersion"
_IIS = f"{_MICROSOFT}\\InetStp"
_HIVES = {"HKLM": "HKEY_LOCAL_MACHINE", "HKCU": "HKEY_CURRENT_USER"}


_NEW_WINDOWS = 10
_SPLIT = 2010
_ROLES = {
    "mailbox": "MailboxRole",
    "hub": "HubTransportRole",
    "client_access": "ClientAccessRole",
    "unified_messaging": "UnifiedMessagingRole",
    "edge": "EdgeTransportRole",
}
# What clients connect to is of a kind of its own from 2013 on; a Mailbox server's part behind it kept the old name.
_ROLES_FROM_2013 = _ROLES | {"client_access": "CafeRole", "front_end": "FrontendTransportRole"}


def keys(product: Product, parts: Parts, windows: Windows, install_path: str) -> CaseDict[CaseDict[Value]]:
    """Give the values by name by key, as a 64-bit process sees them.

    Args:
        product: The version of Exchange.
        parts: What the server consists of.
        windows: What it stands on.
        install_path: Where Exchange is, with the trailing backslash.
    """
    build = product.build
    exchange = f"{_MICROSOFT}\\ExchangeServer\\v{build.major}"
    if product.year < _SPLIT:
        exchange = f"{_MICROSOFT}\\Exchange\\v8.0"
    installer: dict[str, Value] = {
        "MsiInstallPath": install_path,
        "MsiProductMajor": build.major,
        "MsiProductMinor": build.minor,
        "MsiBuildMajor": build.build,
        "MsiBuildMinor": build.revision,
    }
    setup: dict[str, Value] = {
        **installer,
        "Services": install_path.removesuffix("\\"),
        "NewestBuild": build.build,
        "CurrentBuild": (build.build << 16) + build.revision,
    }
    named: dict[str, dict[str, Value]] = {exchange: {}, f"{exchange}\\Setup": setup, _WINDOWS: _windows(windows)}
    if product.year < _SPLIT:
        # Exchange 2003's place, where setup of 2007 writes as well.
        named[f"{_MICROSOFT}\\Exchange\\Setup"] = installer
    names = _ROLES if product.year <= _SPLIT else _ROLES_FROM_2013
    roles = {names[part] for part in parts.names if part in names}
    if parts.mailbox and product.year > _SPLIT:
        roles.add("ClientAccessRole")
    for role in sorted(roles):
        named[f"{exchange}\\{role}"] = {"ConfiguredVersion": build.configured}
    if parts.iis:
        major, minor = windows.iis
        version = f"Version {major}.{minor}"
        named[_IIS] = {"MajorVersion": major, "MinorVersion": minor, "VersionString": version}
    return CaseDict((key, CaseDict(values)) for key, values in named.items())


def _windows(windows: Windows) -> dict[str, Value]:
    values: dict[str, Value] = {"ProductName": windows.name, "CurrentBuild": windows.build}
    major, minor = windows.version.split(".")[:2]
    if int(major) >= _NEW_WINDOWS:
        return {**values, "CurrentMajorVersionNumber": int(major), "CurrentMinorVersionNumber": int(minor)}
    return {**values, "CurrentVersion": f"{major}.{minor}"}


def full_key(path: str) -> str | None:
    r"""Give a registry path's full key, without a trailing backslash; ``None`` where it is no registry path.

    Args:
        path: ``HKLM:\…``, or ``HKEY_LOCAL_MACHINE\…`` behind the provider's name and ``::``.
    """
    text = path.replace("/", "\\").rstrip("\\")
    provider, separator, rest = text.partition("::")
    if separator:
        return rest if provider.lower().endswith("registry") else None
    drive, separator, rest = text.partition(":")
    hive = _HIVES.get(drive.upper()) if separator else None
    if hive is None:
        return None
    return f"{hive}\\{rest.lstrip(chr(92))}".rstrip("\\")
