"""Accounts, drives, folders' access lists and shares' permissions, as .NET and WMI show them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.lab.cmdlets.network import NETWORK
from harness.lab.powershell.cmdlet import NetType, with_session
from harness.lab.powershell.formatting import text
from harness.lab.powershell.objects import (
    CaseDict,
    DotNetError,
    EnumValue,
    NotSimulatedError,
    PSList,
    PSObject,
    UInt32,
    Value,
)
from harness.lab.state import principals
from harness.lab.state.network import DISK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.lab.machine import Machine
    from harness.lab.powershell.session import Session
    from harness.lab.store import Json

_PRINCIPAL = "System.Security.Principal"
_ACCESS = "System.Security.AccessControl"
_LOCAL_DRIVES = ("C", "D")


def _identifier(sid: str) -> PSObject:
    return PSObject(f"{_PRINCIPAL}.SecurityIdentifier", {"Value": sid}, text=sid, partial=True)


@with_session
def _account(session: Session, *parts: Value) -> PSObject:
    if len(parts) != 1:
        raise NotSimulatedError("an NTAccount of several parts")
    name, machine = text(parts[0]), session.machine.machine

    def translate(_target: Value) -> PSObject:
        sid = principals.sid(machine, name)
        if sid is None:
            raise DotNetError(
                "Some or all identity references could not be translated.", f"{_PRINCIPAL}.IdentityNotMappedException"
            )
        return _identifier(sid)

    return PSObject(
        f"{_PRINCIPAL}.NTAccount", {"Value": name}, methods={"Translate": translate}, text=name, partial=True
    )


NETWORK.type(NetType(f"{_PRINCIPAL}.NTAccount", ("Security.Principal.NTAccount",), new=_account))
NETWORK.type(NetType(f"{_PRINCIPAL}.SecurityIdentifier", ("Security.Principal.SecurityIdentifier",)))


def _drive(letter: Value) -> PSObject:
    name = text(letter)[:1].upper()
    kind, number = ("Fixed", 3) if name in _LOCAL_DRIVES else ("NoRootDirectory", 1)
    drive = EnumValue("System.IO.DriveType", kind, number)
    return PSObject("System.IO.DriveInfo", {"Name": f"{name}:\\", "DriveType": drive}, text=f"{name}:\\", partial=True)


NETWORK.type(NetType("System.IO.DriveInfo", ("IO.DriveInfo",), new=_drive))


@with_session
def _exists(session: Session, path: Value) -> bool:
    return session.machine.machine.network.folder(text(path)) is not None


def _access_rule(entry: Sequence[Json]) -> PSObject:
    kind, sid, rights, inherited, propagation = entry
    return PSObject(
        f"{_ACCESS}.FileSystemAccessRule",
        {
            "FileSystemRights": EnumValue(f"{_ACCESS}.FileSystemRights", str(rights), rights),
            "AccessControlType": EnumValue(f"{_ACCESS}.AccessControlType", "Deny" if kind else "Allow", kind),
            "IdentityReference": _identifier(sid),
            "InheritanceFlags": EnumValue(f"{_ACCESS}.InheritanceFlags", str(inherited), inherited),
            "PropagationFlags": EnumValue(f"{_ACCESS}.PropagationFlags", str(propagation), propagation),
        },
        partial=True,
    )


@with_session
def _access_control(session: Session, path: Value) -> PSObject:
    entries = session.machine.machine.network.folder(text(path))
    if entries is None:
        raise DotNetError(f"Could not find a part of the path '{text(path)}'.", "System.IO.DirectoryNotFoundException")
    rules = [_access_rule(entry) for entry in entries]

    def access_rules(explicit: Value, inherited: Value, _target: Value) -> PSList:
        if explicit is not True or inherited is not True:
            raise NotSimulatedError("GetAccessRules of explicit or inherited rules alone")
        return PSList(rules, f"{_ACCESS}.AuthorizationRuleCollection")

    return PSObject(f"{_ACCESS}.DirectorySecurity", methods={"GetAccessRules": access_rules}, partial=True)


NETWORK.type(
    NetType(
        "System.IO.Directory",
        ("IO.Directory",),
        methods=CaseDict({"Exists": _exists, "GetAccessControl": _access_control}),
    )
)


# WMI


def shares(machine: Machine) -> list[dict[str, Value]]:
    """Give the instances of ``Win32_Share``."""
    return [
        {
            "Name": held["name"],
            "Caption": held["name"],
            "Path": held["path"],
            "Type": UInt32(held["type"]),
            "Status": "OK",
        }
        for held in machine.network.part("shares")
    ]


def share_settings(machine: Machine) -> list[dict[str, Value]]:
    """Give the instances of ``Win32_LogicalShareSecuritySetting``: of folders that are shared with permissions."""
    return [
        {"Name": held["name"], "Caption": f"Security settings of {held['name']}", **_descriptor(held["entries"])}
        for held in machine.network.part("shares")
        if held["type"] == DISK and held["entries"] is not None
    ]


def _descriptor(entries: Sequence[Sequence[Json]]) -> dict[str, Value]:
    """Give the method that answers with a security descriptor; a function among an instance's values is a method."""

    def get_security_descriptor() -> PSObject:
        access = [
            PSObject(
                "System.Management.ManagementBaseObject#Win32_ACE",
                {
                    "AceType": UInt32(kind),
                    "AccessMask": UInt32(mask),
                    "Trustee": PSObject(
                        "System.Management.ManagementBaseObject#Win32_Trustee", {"SIDString": sid}, partial=True
                    ),
                },
                partial=True,
            )
            for kind, sid, mask in entries
        ]
        descriptor = PSObject(
            "System.Management.ManagementBaseObject#Win32_SecurityDescriptor",
            {"DACL": PSList(access, "System.Object[]")},
            partial=True,
        )
        return PSObject(
            "System.Management.ManagementBaseObject#__PARAMETERS",
            {"Descriptor": descriptor, "ReturnValue": UInt32(0)},
            partial=True,
        )

    return {"GetSecurityDescriptor": get_security_descriptor}
