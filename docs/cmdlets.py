"""Writes ``harness/lint/documented.toml``: which cmdlets and parameters the public documentation says there are.

Three repositories of Microsoft's documentation are read as git checkouts (bare ones will do, with their history)::

    python docs/cmdlets.py office-docs-powershell PowerShell-Docs windows-powershell-docs

Run it when a script needs a cmdlet that the table doesn't have: add its name below. What the documentation doesn't say
stands in ``harness/lint/added.toml``, written by hand.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

TABLE = Path(__file__).parent.parent / "harness" / "lint" / "documented.toml"

# The last commits with the pages of Windows PowerShell 3.0 to 5.0 and of Windows Server 2012.
_ARCHIVED_POWERSHELL = "55d6b7a985d3962f1b4b6d4f362d42ace1dbc8b7^"
_ARCHIVED_WINDOWS = "374feaa9158615049aa5cdbae7c7d8b8f32cc316^"

_EXCHANGE = """
    Get-AcceptedDomain Get-ClientAccessServer Get-ClientAccessService Get-EdgeSubscription Get-EventLogLevel
    Get-ExchangeServer Get-FrontendTransportService Get-MailboxServer Get-MailboxTransportService
    Get-MessageTrackingLog Get-OrganizationConfig Get-OwaVirtualDirectory Get-ReceiveConnector Get-SendConnector
    Get-ServerComponentState Get-TransportConfig Get-TransportServer Get-TransportService
    New-ReceiveConnector New-SendConnector Remove-ReceiveConnector Remove-SendConnector
    Set-EventLogLevel Set-FrontendTransportService Set-MailboxServer Set-MailboxTransportService Set-OwaVirtualDirectory
    Set-ReceiveConnector Set-SendConnector Set-TransportConfig Set-TransportServer Set-TransportService
    Start-EdgeSynchronization Test-EdgeSynchronization Test-ServiceHealth
"""
_POWERSHELL = {
    "Core": """
        Add-PSSnapin ForEach-Object Get-Command Get-Module Get-PSSession Get-PSSnapin Import-Module Invoke-Command
        New-PSSession New-PSSessionOption Out-Null Remove-Module Remove-PSSession Set-StrictMode Where-Object
    """,
    "Management": """
        Add-Content Clear-Item Copy-Item Get-ChildItem Get-Content Get-Item Get-ItemProperty Get-Location Get-Process
        Get-Service Get-WmiObject Invoke-WmiMethod Join-Path New-Item New-ItemProperty Remove-Item Remove-ItemProperty
        Remove-WmiObject Resolve-Path Restart-Service Set-Content Set-Item Set-ItemProperty Set-Location Set-Service
        Set-WmiInstance Split-Path Start-Process Start-Service Stop-Process Stop-Service Test-Connection Test-Path
    """,
    "Utility": """
        Add-Member Compare-Object ConvertFrom-Json ConvertTo-Csv ConvertTo-Json ConvertTo-Xml Get-Date Get-Member
        Get-Random Get-Unique Get-Variable Group-Object Import-PSSession Measure-Object New-Object New-TimeSpan
        Out-String Remove-Variable Select-Object Select-String Set-Variable Sort-Object Start-Sleep Write-Debug
        Write-Error Write-Output Write-Verbose Write-Warning Invoke-RestMethod Invoke-WebRequest
    """,
    "Security": "ConvertFrom-SecureString ConvertTo-SecureString Get-Acl Set-Acl",
}
_CIM = "Get-CimInstance Invoke-CimMethod New-CimSession Set-CimInstance Get-CimClass"
_WINDOWS_2012 = {
    "NetSecurity": """
        Get-NetFirewallAddressFilter Get-NetFirewallApplicationFilter Get-NetFirewallPortFilter Get-NetFirewallProfile
        Get-NetFirewallRule New-NetFirewallRule Remove-NetFirewallRule Set-NetFirewallRule Enable-NetFirewallRule
        Set-NetFirewallAddressFilter Set-NetFirewallPortFilter
    """,
    "SmbShare": """
        Get-SmbServerConfiguration Get-SmbShare Get-SmbShareAccess Grant-SmbShareAccess New-SmbShare Remove-SmbShare
        Revoke-SmbShareAccess Set-SmbServerConfiguration Set-SmbShare Block-SmbShareAccess Unblock-SmbShareAccess
    """,
}
_WEB = """
    Add-WebConfigurationProperty Clear-WebConfiguration Get-WebConfiguration Get-WebConfigurationProperty
    Get-WebBinding Get-Website Remove-WebConfigurationProperty Set-WebConfiguration Set-WebConfigurationProperty
    Get-WebAppPoolState Restart-WebAppPool Start-Website Stop-Website
"""
_EXCHANGE_VERSIONS = ("2010", "2013", "2016", "2019", "SE")
_PARAMETER = re.compile(r"^### -([A-Za-z]\w*)[ ]*\n(.*?)(?=^### |^## |\Z)", re.MULTILINE | re.DOTALL)
_INTRODUCED = re.compile(
    r"(?:introduced|added|beginning|new|available starting)\s+(?:in|with)\s+(?:Windows\s+)?PowerShell\s+(\d\.\d)",
    re.IGNORECASE,
)


@dataclass
class Cmdlet:
    """What a page says of one cmdlet."""

    source: str
    versions: str
    positional: int = 0
    switches: set[str] = field(default_factory=set)
    parameters: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))


def _show(repository: str, commit: str, path: str) -> str:
    return subprocess.run(  # noqa: S603  git, with our own arguments
        ["git", "-C", repository, "show", f"{commit}:{path}"],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
        encoding="utf-8",
    ).stdout.replace("\r\n", "\n")


def _value(text: str, name: str) -> str:
    found = re.search(rf"^{name}:[ ]*(.*)$", text, re.MULTILINE)
    return found[1].strip() if found else ""


def _pages(text: str) -> dict[str, str]:
    """Give each parameter's part of a page."""
    return {name: body for name, body in _PARAMETER.findall(text) if name != "CommonParameters"}


def _common(cmdlet: Cmdlet, pages: dict[str, str]) -> None:
    positions = set()
    for name, body in pages.items():
        if _value(body, "Type") in {"SwitchParameter", "Switch", "System.Management.Automation.SwitchParameter"}:
            cmdlet.switches.add(name)
        for position in re.findall(r"^Position:[ ]*(\d+)", body, re.MULTILINE):
            positions.add(position)
    cmdlet.positional = max(cmdlet.positional, len(positions))


def _exchange(repository: str, name: str) -> Cmdlet:
    text = _show(repository, "HEAD", f"exchange/exchange-ps/ExchangePowerShell/{name}.md")
    cmdlet = Cmdlet("exchange", _range(_value(text, "applicable")))
    pages = _pages(text)
    for parameter, body in pages.items():
        found = re.search(r"^> Applicable: (.*)$", body, re.MULTILINE)
        where = _range(found[1] if found else "")
        if where:
            cmdlet.parameters[where].append(parameter)
    _common(cmdlet, pages)
    return cmdlet


def _range(applicable: str) -> str:
    """Write the versions of an "Applicable" line as ``2010-SE``; several runs are parted by commas."""
    has = [f"Exchange Server {version}" in applicable for version in _EXCHANGE_VERSIONS]
    runs: list[list[str]] = []
    for index, version in enumerate(_EXCHANGE_VERSIONS):
        if has[index]:
            if index and has[index - 1]:
                runs[-1].append(version)
            else:
                runs.append([version])
    return ",".join(run[0] if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


def _powershell(repository: str, module: str, name: str) -> Cmdlet | None:
    """Give a cmdlet of PowerShell's own: what 3.0's page doesn't call new was in 2.0."""
    cmdlet = None
    known: set[str] = set()
    for version in ("3.0", "4.0", "5.0", "5.1"):
        commit = "HEAD" if version == "5.1" else _ARCHIVED_POWERSHELL
        text = _show(repository, commit, f"reference/{version}/{module}/{name}.md")
        if not text:
            continue
        if cmdlet is None:
            top = text.split("## PARAMETERS")[0].split("## EXAMPLES")[0]
            new = re.search(rf"(?:{name}|cmdlet)`?\s+(?:cmdlet )?(?:was|is) (?:introduced|new) in", top)
            cmdlet = Cmdlet("powershell", "3.0-" if new or version != "3.0" or name in _NEW_IN_3 else "2.0-")
        pages = _pages(text)
        for parameter, body in pages.items():
            if parameter in known:
                continue
            known.add(parameter)
            introduced = _INTRODUCED.search(body)
            since = version
            if version == "3.0" and cmdlet.versions == "2.0-" and not introduced:
                since = "2.0"
            cmdlet.parameters[f"{since}-"].append(parameter)
        _common(cmdlet, pages)
    return cmdlet


_SHORT, _LONG = 90, 110  # characters of a line of the table


_NEW_IN_3 = {"ConvertFrom-Json", "ConvertTo-Json", "Invoke-RestMethod", "Invoke-WebRequest", *_CIM.split()}


def _windows(text: str, source: str, since: str) -> Cmdlet:
    cmdlet = Cmdlet(source, f"{since}-")
    pages = _pages(text)
    cmdlet.parameters[f"{since}-"] += list(pages)
    _common(cmdlet, pages)
    return cmdlet


def _lines(name: str, cmdlet: Cmdlet) -> list[str]:
    lines = [
        f"[{name}]",
        f'source = "{cmdlet.source}"',
        f'versions = "{cmdlet.versions}"',
        f"positional = {cmdlet.positional}",
    ]
    if cmdlet.switches:
        lines.append(f"switches = {_words(sorted(cmdlet.switches))}")
    lines += [
        f'parameters."{where}" = {_words(sorted(names))}' for where, names in sorted(cmdlet.parameters.items()) if names
    ]
    return [*lines, ""]


def _words(words: list[str]) -> str:
    one = '"' + " ".join(words) + '"'
    if len(one) <= _SHORT:
        return one
    rows, row = [], ""
    for word in words:
        if len(row) + len(word) > _LONG:
            rows.append(row.rstrip())
            row = ""
        row += word + " "
    return '"""\n' + "\n".join([*rows, row.rstrip()]) + '"""'


def main(exchange: str, powershell: str, windows: str) -> None:
    """Write the table."""
    found: dict[str, Cmdlet | None] = {name: _exchange(exchange, name) for name in _EXCHANGE.split()}
    for module, names in _POWERSHELL.items():
        for name in names.split():
            found[name] = _powershell(powershell, f"Microsoft.PowerShell.{module}", name)
    for name in _CIM.split():
        found[name] = _powershell(powershell, "CimCmdlets", name)
    for module, names in _WINDOWS_2012.items():
        for name in names.split():
            text = _show(windows, _ARCHIVED_WINDOWS, f"docset/winserver2012-ps/{module.lower()}/{name}.md")
            text = text or _show(windows, _ARCHIVED_WINDOWS, f"docset/winserver2012-ps/{module}/{name}.md")
            found[name] = _windows(text, "windows-2012", "2012")
    for name in _WEB.split():
        text = _show(windows, "HEAD", f"docset/winserver2016-ps/WebAdministration/{name}.md")
        found[name] = _windows(text, "web", "2008")
    empty = [name for name, cmdlet in found.items() if cmdlet is None or not cmdlet.versions]
    if empty:
        sys.exit(f"no page, or no version on it: {', '.join(empty)}")
    lines = [
        "# Written by docs/cmdlets.py from Microsoft's public documentation; don't change it by hand.",
        "#",
        "# One table for each cmdlet: the versions that have it, how many arguments it takes without their names, its",
        "# switches, and its parameters by the versions that have them. What the versions count is the source's:",
        "# exchange      Exchange: the `Applicable` lines of MicrosoftDocs/office-docs-powershell",
        "#               exchange/exchange-ps/ExchangePowerShell/<Cmdlet>.md (they begin with 2010)",
        "# powershell    Windows PowerShell: MicrosoftDocs/PowerShell-Docs reference/3.0 to reference/5.1; what the",
        "#               page of 3.0 doesn't call new in 3.0 counts as 2.0's",
        "# windows-2012  Windows Server: MicrosoftDocs/windows-powershell-docs docset/winserver2012-ps",
        "# web           Windows Server: the same, docset/winserver2016-ps/WebAdministration",
        "",
    ]
    for name in sorted(found):
        cmdlet = found[name]
        if cmdlet is not None:
            lines += _lines(name, cmdlet)
    TABLE.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
