r"""The module `collector_access`: would the console's collector get in, and what would stop it.

The collector reads files over SMB and signs in through NTLM; its protocol's documentation excludes NTLMv2 session
security. What each value means is Microsoft's documentation of the policies of the same names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import pydantic

from harness.errors import TaskError
from harness.modules.base import Arguments, Change, Difference, Module
from harness.remote import powershell

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from harness.modules.base import Resource, Target, Value
    from harness.remote.powershell import Script

Fix = Literal["admin_share", "local_account_filter", "smb2", "ntlm_session_security", "ntlm_incoming"]

_SERVER = r"HKLM:\SYSTEM\CurrentControlSet\Services\LanmanServer\Parameters"
_UAC = r"HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\System"
_LSA = r"HKLM:\SYSTEM\CurrentControlSet\Control\Lsa"
_NTLM = r"HKLM:\SYSTEM\CurrentControlSet\Control\Lsa\MSV1_0"
_KEYS = {
    "AutoShareServer": _SERVER,
    "LocalAccountTokenFilterPolicy": _UAC,
    "EnableLUA": _UAC,
    "LmCompatibilityLevel": _LSA,
    "NtlmMinServerSec": _NTLM,
    "RestrictReceivingNTLMTraffic": _NTLM,
}
_SMB_VALUES = ("SMB1", "SMB2", "RequireSecuritySignature")
"""Registry values that the read script itself brings to ``smb1``, ``smb2`` and ``signing``."""
_NTLMV2_SESSION = 0x00080000
_DENY_DOMAIN_ACCOUNTS, _DENY_ALL = 1, 2
_NTLMV2_ONLY = 5
_VISTA = 6


class CollectorAccessArguments(Arguments):
    """How the collector means to get in. What would stop it fails the task, before anything is changed."""

    through: Literal["admin_share", "log_share"] = pydantic.Field(
        "admin_share", description="Paths like c$/…, or a share of their own"
    )
    account: Literal["domain", "local"] = pydantic.Field("domain", description="Whose account the collector has")
    fix: list[Fix] = pydantic.Field([], description="What may be changed; each of them loosens the server a little")


@dataclass(frozen=True, slots=True)
class _Finding:
    """Something that would stop the collector.

    Args:
        text: What, in a sentence.
        hint: What to do when the module may not, or can't.
        fix: The name of the remedy; None where there is none.
        setting: What the remedy sets.
        value: To what.
        effect: What a user should know of the remedy once it is done.
    """

    text: str
    hint: str
    fix: Fix | None = None
    setting: str = ""
    value: Value = None
    effect: str = ""


class CollectorAccess(Module[CollectorAccessArguments]):
    """The server's settings that decide over the collector's sign-in."""

    name = "collector_access"
    Arguments = CollectorAccessArguments

    def read(self, _arguments: CollectorAccessArguments, _target: Target) -> Script:
        """Print the settings."""
        return powershell.script(
            "collector_access.read.ps1.j2",
            values=[
                {"name": name, "key": key} for name, key in {**_KEYS, **dict.fromkeys(_SMB_VALUES, _SERVER)}.items()
            ],
            shown=list(_KEYS),
        )

    def compare(self, arguments: CollectorAccessArguments, resources: Sequence[Resource]) -> Difference:
        """Find what would stop the collector.

        Raises:
            TaskError: Something would, and the task doesn't name its remedy.
        """
        (server,) = resources
        findings = list(_findings(arguments, server.properties))
        left = [finding for finding in findings if finding.fix is None or finding.fix not in arguments.fix]
        if left:
            raise TaskError(
                "the collector would not get in: " + "; ".join(finding.text for finding in left),
                hint="; ".join(dict.fromkeys(_hint(finding) for finding in left)),
            )
        notes = _notes(server.properties)
        notes += [finding.effect for finding in findings if finding.effect]
        return Difference(_changes(server, findings), notes=tuple(notes))

    def confirm(
        self, arguments: CollectorAccessArguments, before: Sequence[Resource], after: Sequence[Resource]
    ) -> Difference:
        """Look at what was written: some of it takes effect later, with a restart."""
        (server,) = after
        wanted = {change.setting: change.after for change in self.compare(arguments, before).changes}
        return Difference(
            tuple(
                Change(server, setting, server.properties.get(setting), value)
                for setting, value in wanted.items()
                if server.properties.get(setting) != value
            )
        )

    def write(self, _arguments: CollectorAccessArguments, difference: Difference, _target: Target) -> Script:
        """Set the values."""
        return powershell.script(
            "collector_access.write.ps1.j2",
            values=[
                {"key": _KEYS[change.setting], "name": change.setting, "value": change.after}
                for change in difference.changes
                if change.setting in _KEYS
            ],
            smb2=any(change.setting == "smb2" for change in difference.changes),
            server_key=_SERVER,
        )


def _changes(server: Resource, findings: Sequence[_Finding]) -> tuple[Change, ...]:
    return tuple(
        Change(server, finding.setting, server.properties.get(finding.setting), finding.value) for finding in findings
    )


def _hint(finding: _Finding) -> str:
    return f"{finding.hint}, or name {finding.fix} in fix" if finding.fix else finding.hint


def _findings(arguments: CollectorAccessArguments, found: Mapping[str, Value]) -> Iterator[_Finding]:
    if arguments.through == "admin_share":
        yield from _admin_share(found)
        if arguments.account == "local":
            yield from _local_account(found)
    yield from _smb(found)
    yield from _ntlm(arguments, found)


def _admin_share(found: Mapping[str, Value]) -> Iterator[_Finding]:
    if found["AutoShareServer"] == 0:
        yield _Finding(
            "Windows is told not to make C$ (AutoShareServer is 0)",
            "use a share of its own (log_share)",
            "admin_share",
            "AutoShareServer",
            1,
            effect="C$ comes back with the next restart of the Server service (LanmanServer)",
        )
    elif not found["drive_share"]:
        yield _Finding("there is no C$", "restart the Server service (LanmanServer), which makes C$, or use log_share")


def _local_account(found: Mapping[str, Value]) -> Iterator[_Finding]:
    if _major(found) >= _VISTA and found["EnableLUA"] != 0 and found["LocalAccountTokenFilterPolicy"] != 1:
        yield _Finding(
            "a local account is no administrator over the network (LocalAccountTokenFilterPolicy is not 1)",
            "use a domain account, or a share of its own (log_share)",
            "local_account_filter",
            "LocalAccountTokenFilterPolicy",
            1,
        )


def _smb(found: Mapping[str, Value]) -> Iterator[_Finding]:
    if _major(found) < _VISTA:
        yield _Finding(
            "this Windows speaks SMB 1 only, which the console no longer does",
            "collect with an agent such as WinCollect",
        )
    elif not found["smb2"]:
        yield _Finding(
            "SMB 2 is switched off, and the console speaks nothing older",
            "switch SMB 2 on",
            "smb2",
            "smb2",
            value=True,
            effect="before Windows Server 2012 SMB 2 comes back with the next restart of the server",
        )


def _ntlm(arguments: CollectorAccessArguments, found: Mapping[str, Value]) -> Iterator[_Finding]:
    security = found["NtlmMinServerSec"]
    if isinstance(security, int) and security & _NTLMV2_SESSION:
        yield _Finding(
            "NTLMv2 session security is required (NtlmMinServerSec), which the console's protocol doesn't have",
            "ask for an exception to the policy 'Minimum session security for NTLM SSP based servers'",
            "ntlm_session_security",
            "NtlmMinServerSec",
            security & ~_NTLMV2_SESSION,
        )
    incoming = found["RestrictReceivingNTLMTraffic"]
    if incoming == _DENY_ALL or (incoming == _DENY_DOMAIN_ACCOUNTS and arguments.account == "domain"):
        yield _Finding(
            f"incoming NTLM is refused (RestrictReceivingNTLMTraffic is {incoming})",
            "ask for an exception to the policy 'Restrict NTLM: Incoming NTLM traffic'",
            "ntlm_incoming",
            "RestrictReceivingNTLMTraffic",
            0,
        )


def _notes(found: Mapping[str, Value]) -> list[str]:
    notes = []
    if found["encryption"]:
        notes.append("the server takes encrypted sessions only: choose SMB3 in the log source")
    if found["signing"]:
        notes.append("the server requires signed SMB sessions")
    if found["smb1"] and _major(found) >= _VISTA:
        notes.append("SMB 1 is on; the console doesn't need it")
    if found["LmCompatibilityLevel"] == _NTLMV2_ONLY:
        notes.append("LmCompatibilityLevel is 5: where this server checks passwords itself it takes NTLMv2 only")
    return notes


def _major(found: Mapping[str, Value]) -> int:
    return int(str(found["windows"]).partition(".")[0])
