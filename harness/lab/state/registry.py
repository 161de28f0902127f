"""The part of a server's registry that scripts look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.lab.powershell.objects import CaseDict, Value

if TYPE_CHECKING:
    from harness.lab.state.server import Build

_EXCHANGE = "HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\ExchangeServer\\v15"
_WINDOWS = "HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion"
_IIS = "HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\InetStp"
_HIVES = {"HKLM": "HKEY_LOCAL_MACHINE", "HKCU": "HKEY_CURRENT_USER"}


def keys(build: Build, install_path: str) -> CaseDict[CaseDict[Value]]:
    """Give the values by name by key.

    Args:
        build: Of Exchange.
        install_path: Where it is, with the trailing backslash.
    """
    setup: dict[str, Value] = {
        "MsiInstallPath": install_path,
        "MsiProductMajor": build.major,
        "MsiProductMinor": build.minor,
        "MsiBuildMajor": build.build,
        "MsiBuildMinor": build.revision,
        "Services": install_path.removesuffix("\\"),
        "NewestBuild": build.build,
        "CurrentBuild": (build.build << 16) + build.revision,
    }
    role = {"ConfiguredVersion": f"{build.major}.{build.minor}.{build.build}.{build.revision}"}
    windows: dict[str, Value] = {
        "ProductName": "Windows Server 2016 Standard",
        "CurrentBuild": "14393",
        "CurrentMajorVersionNumber": 10,
        "CurrentMinorVersionNumber": 0,
    }
    named: dict[str, dict[str, Value]] = {
        _EXCHANGE: {},
        f"{_EXCHANGE}\\Setup": setup,
        f"{_EXCHANGE}\\MailboxRole": role,
        f"{_EXCHANGE}\\HubTransportRole": role,
        f"{_EXCHANGE}\\FrontendTransportRole": role,
        f"{_EXCHANGE}\\ClientAccessRole": role,
        _WINDOWS: windows,
        _IIS: {"MajorVersion": 10, "MinorVersion": 0, "VersionString": "Version 10.0"},
    }
    return CaseDict((key, CaseDict(values)) for key, values in named.items())


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
