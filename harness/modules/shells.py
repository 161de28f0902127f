"""What scripts need before they can run: an Exchange session, the IIS cmdlets. Brought up once in a process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from harness.errors import ScriptError
from harness.remote import powershell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.modules.base import Target
    from harness.remote.powershell import Script

Need = Literal["exchange", "web"]
_DIRECTORY = "Microsoft.Exchange.Data.Directory."
_SECRET = "exchange_password"  # noqa: S105  the name by which the session's script finds it


def needs(script: Script) -> frozenset[Need]:
    """Say what must be loaded before this script can run."""
    found: set[Need] = set()
    if script.cmdlets:
        found.add("exchange")
    if script.web:
        found.add("web")
    return frozenset(found)


def loads(scripts: Sequence[Script], target: Target) -> dict[Need, Script]:
    """Give the scripts that bring up all that these scripts need."""
    needed = frozenset[Need]().union(*(needs(script) for script in scripts))
    found: dict[Need, Script] = {}
    if "exchange" in needed:
        cmdlets = frozenset[str]().union(*(script.cmdlets for script in scripts))
        found["exchange"] = _exchange(cmdlets, target)
    if "web" in needed:
        found["web"] = powershell.script("webadministration.ps1")
    return found


def _exchange(cmdlets: frozenset[str], target: Target) -> Script:
    if target.shell == "snapin":
        return powershell.script("exchange_snapin.ps1.j2", snapin=target.version.snapin)
    explicit = target.password is not None
    return powershell.script(
        "exchange_remoting.ps1.j2",
        secrets={_SECRET: target.password} if target.password is not None else None,
        fqdn=target.fqdn,
        explicit_credential=explicit,
        user=target.user,
        commands=cmdlets,
    )


def explain(error: ScriptError, script: Script, target: Target) -> ScriptError:
    """Add what to do next to a failure that is known.

    Args:
        error: What the host reported.
        script: The script that failed, or the one that should have been brought up before it.
        target: The host.
    """
    hint = _hint(error, script, target)
    if not hint:
        return error
    return ScriptError(
        error.message,
        category=error.category,
        identifier=error.identifier,
        exception=error.exception,
        source=error.source,
        hint=hint,
    )


def _hint(error: ScriptError, script: Script, target: Target) -> str:
    kinds = set(error.identifier.split(","))
    if "PSSessionOpenFailed" in error.identifier or "PSSessionStateBroken" in kinds:
        return _no_session(kinds, target)
    if "AddPSSnapInRead" in kinds:
        return _no_snapin(script, target)
    if script.cmdlets and error.exception.startswith(_DIRECTORY):
        return _no_directory(target)
    if "GetWMIManagementException" in kinds and target.version.management == "wmi":
        return (
            "root\\MicrosoftIISv2 comes with IIS 6, root\\MicrosoftExchangeV2 with Exchange 2003: the account must be "
            "an administrator of the server, and Exchange Administrator for message tracking"
        )
    hidden = {"CommandNotFoundException": "cmdlets", "NamedParameterNotFound": "parameters"}
    return next((_hidden(what, target) for kind, what in hidden.items() if script.cmdlets and kind in kinds), "")


def _no_session(kinds: set[str], target: Target) -> str:
    if "ComputerNotFound" in kinds:
        return "set exchange_fqdn to a name of the server that its own name service knows"
    if "CannotConnect" in kinds:
        return (
            "no Exchange endpoint answers there: IIS is stopped, or the server has no role that brings one, as an Edge "
            "server hasn't; compare exchange_roles with harness facts, or name another server in exchange_fqdn"
        )
    if target.password is None:
        return (
            "the sign-in can't travel on to the server's own PowerShell endpoint (second hop): give exchange_user "
            "and exchange_password, or use winrm_transport=credssp, or kerberos with winrm_kerberos_delegation=true"
        )
    return (
        f"Exchange refused '{target.user}': check exchange_user and exchange_password, that the account's "
        "RemotePowerShellEnabled is true, and exchange_fqdn if the server answers to another name"
    )


def _no_snapin(script: Script, target: Target) -> str:
    if script.web:
        return (
            "the IIS cmdlets aren't installed: add the Windows feature Web-Scripting-Tools; on Windows Server 2008 "
            "install Microsoft's IIS PowerShell snap-in"
        )
    return (
        f"Exchange {target.version.name} isn't installed on this server, or is another version: check exchange_version "
        "with harness facts; where only its management tools are missing, add them with Exchange's setup"
    )


def _no_directory(target: Target) -> str:
    if target.server.edge:
        return "the Edge server's own directory doesn't answer: see its service Microsoft Exchange ADAM"
    if target.shell == "snapin" and "remoting" in target.version.accesses:
        return (
            "the snap-in speaks to the directory with a sign-in that can't travel on (second hop): use "
            "exchange_access=remoting with exchange_user and exchange_password, or winrm_transport=credssp, or "
            "kerberos with winrm_kerberos_delegation=true"
        )
    if target.shell == "snapin":
        return (
            "the snap-in speaks to the directory with a sign-in that can't travel on (second hop), and Exchange "
            f"{target.version.name} has no other way in: use winrm_transport=credssp, or kerberos with "
            "winrm_kerberos_delegation=true, or basic over HTTPS"
        )
    return "Exchange can't reach its directory: see the domain controllers' state from the server"


def _hidden(what: str, target: Target) -> str:
    if target.shell == "snapin":
        return (
            f"the snap-in of this server has no such {what}: check exchange_version and exchange_roles with harness "
            "facts"
        )
    return (
        f"Exchange hides {what} that the account's roles don't include: give it Server Management or Organization "
        "Management"
    )
