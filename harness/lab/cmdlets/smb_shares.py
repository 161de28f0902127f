"""Cmdlets about the SMB server: SmbShare, which Windows Server 2012 brought."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.lab.cmdlets.exchange import machine_of, misbehave
from harness.lab.cmdlets.network import CIM, NETWORK, failed, from_2012, only
from harness.lab.powershell.cmdlet import Parameter
from harness.lab.powershell.objects import NotSimulatedError, PSObject, UInt32, Value
from harness.lab.state import principals
from harness.lab.state.network import LANMAN, READ

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from harness.lab.powershell.cmdlet import Call

SMB_SHARE = NETWORK.source("SmbShare", kind="module", available=from_2012, version="2.0.0.0")

_FLAGS = {
    "EnableSMB1Protocol": ("SMB1", True),
    "EnableSMB2Protocol": ("SMB2", True),
    "RequireSecuritySignature": ("RequireSecuritySignature", False),
    "EnableSecuritySignature": ("EnableSecuritySignature", False),
    "EncryptData": ("EncryptData", False),
    "RejectUnencryptedAccess": ("RejectUnencryptedAccess", True),
    "AutoShareServer": ("AutoShareServer", True),
}
"""Settings of the SMB server: the registry's name, and what counts where it isn't set."""


@NETWORK.cmdlet("Get-SmbServerConfiguration", source=SMB_SHARE, class_name="Get-SmbServerConfiguration")
def get_smb_server_configuration(call: Call) -> Iterator[Value]:
    """Give the SMB server's settings."""
    misbehave(call)
    network = machine_of(call).network
    values: dict[str, Value] = {name: network.flag(held, default=default) for name, (held, default) in _FLAGS.items()}
    yield PSObject(f"{CIM}#ROOT/Microsoft/Windows/SMB/MSFT_SmbServerConfiguration", values, partial=True)


@NETWORK.cmdlet(
    "Set-SmbServerConfiguration",
    *(Parameter(name, "bool") for name in _FLAGS),
    Parameter("Force", "switch"),
    should_process=True,
    source=SMB_SHARE,
    class_name="Set-SmbServerConfiguration",
)
def set_smb_server_configuration(call: Call) -> None:
    """Change the SMB server's settings."""
    misbehave(call)
    if not call.get("Force"):
        raise NotSimulatedError("Set-SmbServerConfiguration without -Force, which asks")
    machine = machine_of(call)
    for name, (held, _) in _FLAGS.items():
        if name in call and not machine.faults.ignores(call.cmdlet.name):
            machine.network.set_value(LANMAN, held, int(bool(call.get(name))))


def _sids(call: Call, names: Iterable[Value]) -> list[str]:
    found = []
    for name in names:
        sid = principals.sid(machine_of(call), str(name))
        if sid is None:
            raise call.throw(failed(call, 1332, "No mapping between account names and security IDs was done.", name))
        found.append(sid)
    return found


@NETWORK.cmdlet(
    "New-SmbShare",
    Parameter("Name", "string", mandatory=True, position=0, pipeline_by_name=True),
    Parameter("Path", "string", mandatory=True, position=1, pipeline_by_name=True),
    Parameter("ScopeName", "string", position=2),
    Parameter("Description", "string"),
    Parameter("FullAccess", "string[]"),
    Parameter("ChangeAccess", "string[]"),
    Parameter("ReadAccess", "string[]"),
    Parameter("NoAccess", "string[]"),
    should_process=True,
    source=SMB_SHARE,
    class_name="New-SmbShare",
)
def new_smb_share(call: Call) -> Iterator[Value]:
    """Share a folder."""
    misbehave(call)
    only(call, "Name", "Path", "ReadAccess")
    machine = machine_of(call)
    name, path = str(call.get("Name")), str(call.get("Path"))
    if machine.network.share(name) is not None:
        raise call.throw(failed(call, 2118, "The name has already been shared.", name))
    if machine.network.folder(path) is None:
        raise call.throw(failed(call, 2116, "The device or directory does not exist.", path))
    readers = _sids(call, call.get("ReadAccess") or [])
    if not call.should_process(name) or machine.faults.ignores(call.cmdlet.name):
        return
    machine.network.add_share(name, path, [[0, sid, READ] for sid in readers] or None)
    yield PSObject(
        f"{CIM}#ROOT/Microsoft/Windows/SMB/MSFT_SmbShare",
        {"Name": name, "ScopeName": "*", "Path": path, "Description": "", "CurrentUsers": UInt32(0)},
        partial=True,
    )


@NETWORK.cmdlet(
    "Grant-SmbShareAccess",
    Parameter("Name", "string[]", mandatory=True, position=0, sets=("Query",)),
    Parameter("ScopeName", "string[]", position=1),
    Parameter("AccountName", "string[]"),
    Parameter("AccessRight", "string", choices=("Full", "Change", "Read", "Custom")),
    Parameter("Force", "switch"),
    default_set="Query",
    should_process=True,
    source=SMB_SHARE,
    class_name="Grant-SmbShareAccess",
)
def grant_smb_share_access(call: Call) -> Iterator[Value]:
    """Add to a share's permissions."""
    misbehave(call)
    only(call, "Name", "AccountName", "AccessRight", "Force")
    if not call.get("Force") or str(call.get("AccessRight")).lower() != "read":
        raise NotSimulatedError("Grant-SmbShareAccess without -Force, or of another right than Read")
    machine = machine_of(call)
    sids = _sids(call, call.get("AccountName") or [])
    for name in call.get("Name"):
        if machine.network.share(str(name)) is None:
            call.write_error(
                call.record(
                    f"No MSFT_SMBShare objects found with property 'Name' equal to '{name}'.  Verify the value of the "
                    "property and retry.",
                    error_id="CmdletizationQuery_NotFound_Name",
                    category="ObjectNotFound",
                    target=name,
                    exception="Microsoft.PowerShell.Cmdletization.CmdletizationException",
                )
            )
            continue
        for sid, account in zip(sids, call.get("AccountName"), strict=True):
            if not machine.faults.ignores(call.cmdlet.name):
                machine.network.allow_in_share(str(name), sid, READ)
            granted = {"Name": str(name), "AccountName": account, "AccessControlType": "Allow", "AccessRight": "Read"}
            yield PSObject(f"{CIM}#ROOT/Microsoft/Windows/SMB/MSFT_SmbShareAccessControlEntry", granted, partial=True)
