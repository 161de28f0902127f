"""What a known failure is explained with: its own cure each."""

from __future__ import annotations

import pytest

from harness.errors import ScriptError
from harness.exchange import versions
from harness.modules import shells
from harness.modules.base import Target
from harness.redaction import Secret
from harness.remote import powershell

READ = powershell.script("receive_connector.read.ps1.j2", cmdlets={"Get-ReceiveConnector"}, delivery=[])
WEB = powershell.script("iis_logging.read.ps1.j2", web=True)
NO_SESSION = ScriptError("refused", identifier="1312,PSSessionOpenFailed")
NO_ENDPOINT = ScriptError("nobody", identifier="CannotConnect,PSSessionOpenFailed")
NO_NAME = ScriptError("unknown", identifier="ComputerNotFound,PSSessionOpenFailed")
NO_SNAPIN = ScriptError("none", identifier="AddPSSnapInRead,Microsoft.PowerShell.Commands.AddPSSnapinCommand")
NO_DIRECTORY = ScriptError(
    "Active Directory operation failed", exception="Microsoft.Exchange.Data.Directory.ADInvalidCredentialException"
)
NO_CMDLET = ScriptError("not recognized", identifier="CommandNotFoundException")
NO_PARAMETER = ScriptError("not found", identifier="NamedParameterNotFound,Set-ReceiveConnector")


def target(version: str = "2016", *roles: str, access: str = "auto", password: str = "") -> Target:
    """Make a host."""
    return Target(
        "ex01",
        versions.VERSIONS[version],
        access=access,
        user="CORP\\harness",
        password=Secret(password) if password else None,
        roles=frozenset(roles) or None,
    )


@pytest.mark.parametrize(
    ("error", "script", "host", "words"),
    [
        (NO_SESSION, READ, target(), ["second hop", "exchange_user", "credssp", "winrm_kerberos_delegation"]),
        (NO_SESSION, READ, target(password="x"), ["refused 'CORP\\harness'", "RemotePowerShellEnabled"]),
        (NO_ENDPOINT, READ, target(password="x"), ["IIS", "no role", "exchange_roles", "exchange_fqdn"]),
        (NO_NAME, READ, target(), ["exchange_fqdn"]),
        (NO_SNAPIN, READ, target("2007"), ["Exchange 2007 isn't installed", "exchange_version"]),
        (NO_SNAPIN, WEB, target("2007"), ["IIS cmdlets", "Web-Scripting-Tools", "snap-in"]),
        (NO_DIRECTORY, READ, target("2007"), ["second hop", "2007 has no other way in", "credssp"]),
        (NO_DIRECTORY, READ, target("2016", access="snapin"), ["second hop", "exchange_access=remoting"]),
        (NO_DIRECTORY, READ, target("2016", "edge_transport"), ["Edge", "ADAM"]),
        (NO_DIRECTORY, READ, target("2016"), ["domain controllers"]),
        (NO_CMDLET, READ, target(), ["hides cmdlets", "Server Management"]),
        (NO_PARAMETER, READ, target(), ["hides parameters", "Server Management"]),
        (NO_CMDLET, READ, target("2010", "edge_transport"), ["no such cmdlets", "exchange_version"]),
        (NO_PARAMETER, READ, target("2007"), ["no such parameters", "exchange_version"]),
    ],
)
def test_a_known_failure_names_its_cure(
    error: ScriptError, script: powershell.Script, host: Target, words: list[str]
) -> None:
    """What the host said is kept, and what to do next depends on the server and the way to its cmdlets."""
    explained = shells.explain(error, script, host)

    assert (error.message, error.identifier, error.exception) == (
        explained.message,
        explained.identifier,
        explained.exception,
    )
    assert [] == [word for word in words if word not in explained.hint]


def test_every_known_failure_has_a_sentence_of_its_own() -> None:
    """One hint for several causes would send people the wrong way."""
    hints = [
        shells.explain(error, READ, target("2016", access=access)).hint
        for access in ("remoting", "snapin")
        for error in (NO_SESSION, NO_ENDPOINT, NO_NAME, NO_SNAPIN, NO_DIRECTORY, NO_CMDLET, NO_PARAMETER)
    ]

    assert 10 == len(set(hints))


@pytest.mark.parametrize("error", [NO_CMDLET, NO_PARAMETER, NO_DIRECTORY])
def test_a_script_without_exchange_is_not_explained_with_exchange(error: ScriptError) -> None:
    """A user's own script that calls a wrong cmdlet has nothing to do with management roles."""
    assert "" == shells.explain(error, powershell.Script("Get-Nothing", READ.source), target()).hint
