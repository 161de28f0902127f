"""The cmdlets of Exchange, IIS and Windows, as a script meets them."""

from __future__ import annotations

import base64
import gc
import re
from typing import TYPE_CHECKING

import pytest

from harness.lab import console
from harness.lab.powershell.session import MemoryIO
from harness.lab.state.transport import TRANSPORT_SERVICE

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.lab.machine import Machine

    Start = Callable[..., tuple[Machine, ...]]

_SNAPIN = "Add-PSSnapin Microsoft.Exchange.Management.PowerShell.SnapIn\n"
_SHOW_ERROR = "try {{ $ErrorActionPreference = 'Stop'\n{} }} catch {{ $_.FullyQualifiedErrorId; $_.Exception.Message }}"


def ps(machine: Machine, script: str) -> list[str]:
    """Run a script at the server's own console and give its output's lines; nothing may go to standard error."""
    encoded = base64.b64encode(script.encode("utf-16-le")).decode("ascii")
    io = MemoryIO()
    console.run(machine, f"powershell -OutputFormat Text -EncodedCommand {encoded}", {}, io, transport="local")

    assert b"" == io.stderr
    return io.stdout.decode().splitlines()


def exchange(machine: Machine, script: str) -> list[str]:
    """Run a script with Exchange's snap-in."""
    return ps(machine, _SNAPIN + script)


def error(machine: Machine, script: str) -> str:
    """Run a script with Exchange's snap-in and give the identifier and the message of its error."""
    return "\n".join(exchange(machine, _SHOW_ERROR.format(script)))


def test_identity_forms(machine: Machine) -> None:
    """Name, SERVER\\Name, GUID and distinguished name all find the connector, and only it."""  # noqa: D301  one backslash
    entry = machine.receive_connectors[2]
    forms = [entry.name, entry.identity, entry.guid, entry.dn, entry.name.upper()]
    found = [exchange(machine, f"(Get-ReceiveConnector -Identity '{form}').Name") for form in forms]

    assert [["Default Frontend EX01"]] * 5 == found


def test_unknown_identity_is_an_error(machine: Machine) -> None:
    """What people report of a name that doesn't exist."""
    found = error(machine, "Get-TransportService -Identity NOWHERE")

    assert (
        "The operation couldn't be performed because object 'NOWHERE' couldn't be found on 'dc01.corp.example'."
        in found
    )
    assert re.match(
        r"\[Server=EX01,RequestId=[-0-9a-f]{36},TimeStamp=.*\] "
        r"\[FailureCategory=Cmdlet-ManagementObjectNotFoundException\] [0-9A-F]+,"
        r"Microsoft\.Exchange\.Management\.SystemConfigurationTasks\.GetTransportService\n",
        found,
    )


def test_null_identity_gives_everything(machine: Machine) -> None:
    """The documented trap."""
    assert ["5"] == exchange(machine, "@(Get-ReceiveConnector -Identity $null).Count")


def test_receive_connectors_of_all_servers_or_one(start: Start) -> None:
    """Without -Server every server's; with it one's; -Server and -Identity exclude each other."""
    one, _ = start("EX01", "EX02")
    counts = exchange(
        one,
        "@(Get-ReceiveConnector).Count\n"
        "Get-ReceiveConnector -Server ex02.corp.example | ForEach-Object { [string]$_.Server }",
    )

    assert ["10", *["EX02"] * 5] == counts
    assert "AmbiguousParameterSet" in error(one, "Get-ReceiveConnector -Server EX01 -Identity x")


def test_a_set_that_changes_nothing_warns(machine: Machine) -> None:
    """As Exchange does; it is no error."""
    before = machine.store.path.read_bytes()
    found = exchange(machine, "Set-TransportService EX01 -MessageTrackingLogEnabled $true")

    assert "WARNING: The command completed successfully but no settings of 'EX01' have been modified." == "".join(found)
    assert before == machine.store.path.read_bytes()


def test_what_if_changes_nothing(machine: Machine) -> None:
    """-WhatIf says what would be done, and leaves it."""
    exchange(machine, "Set-ReceiveConnector 'Default EX01' -ProtocolLoggingLevel Verbose -WhatIf")

    assert "None" == machine.receive_connectors[0].settings["ProtocolLoggingLevel"]


def test_an_object_names_itself(machine: Machine) -> None:
    """What a Get- gives can be piped into the Set-."""
    exchange(
        machine,
        "Get-ReceiveConnector -Server EX01 | Set-ReceiveConnector -ProtocolLoggingLevel Verbose -Confirm:$false "
        "-WarningAction SilentlyContinue",
    )

    assert {"Verbose"} == {entry.protocol_logging for entry in machine.receive_connectors}


@pytest.mark.parametrize(
    "script",
    [
        "Set-ReceiveConnector 'Default EX01' -ProtocolLoggingLevels Verbose",
        "Set-SendConnector Internet -Server EX01",
        "Get-SendConnector -Server EX01",
        "Set-TransportService EX01 -SendConnectorProtocolLogPath C:\\Logs",
        "Set-WebConfigurationProperty -Filter x -Name y -Vlaue z",
        "Restart-Service W3SVC -Forced",
    ],
)
def test_a_parameter_that_does_not_exist_is_refused(machine: Machine, script: str) -> None:
    """Names that Exchange doesn't know, some of them from Microsoft's own pages, fail as they do there."""
    assert "NamedParameterNotFound" in error(machine, script)


def test_new_connectors(machine: Machine) -> None:
    """Made by cmdlets under any name, once."""
    name = "It''s new"
    made = exchange(
        machine,
        f"(New-ReceiveConnector -Name '{name}' -Bindings 0.0.0.0:2526 -RemoteIPRanges 10.0.0.0/8).Identity.ToString()\n"
        f"[string](New-SendConnector -Name '{name}' -AddressSpaces corp.example).AddressSpaces[0]",
    )
    again = error(machine, f"New-ReceiveConnector -Name '{name}' -Bindings 0.0.0.0:2527 -RemoteIPRanges 10.0.0.0/8")

    assert ["EX01\\It's new", "SMTP:corp.example;1"] == made
    assert "already exists" in again
    assert "It's new" == machine.receive_connectors[-1].name
    assert ["EX01"] == machine.organisation.send_connectors()[-1].settings["SourceTransportServers"]


def test_renamed_connector_has_a_new_identity(machine: Machine) -> None:
    """The GUID stays."""
    guid = machine.receive_connectors[0].guid
    exchange(machine, "Set-ReceiveConnector 'Default EX01' -Name Inside")
    entry = machine.receive_connectors[0]

    assert ("Inside", "EX01\\Inside", guid) == (entry.name, entry.identity, entry.guid)
    assert entry.dn.startswith("CN=Inside,CN=SMTP Receive Connectors,")


def test_file_may_not_be_larger_than_its_folder(machine: Machine) -> None:
    """Of any of a service's logs."""
    found = error(machine, "Set-TransportService EX01 -SendProtocolLogMaxFileSize 1GB")

    assert (
        "SendProtocolLogMaxFileSize must be less than or equal to the value of SendProtocolLogMaxDirectorySize" in found
    )
    assert 10 * 1024**2 == machine.transport(TRANSPORT_SERVICE).settings["SendProtocolLogMaxFileSize"]


def test_live_objects_and_copies_differ(machine: Machine) -> None:
    """In its own process a size is an object with methods; through a session it is text."""
    machine.accounts = {"Administrator": "pw"}
    live = exchange(machine, "(Get-TransportService EX01).MessageTrackingLogMaxFileSize.ToBytes()")
    copy = ps(
        machine,
        "$s = New-PSSession -ConfigurationName Microsoft.Exchange -ConnectionUri http://ex01.corp.example/PowerShell/ "
        "-Authentication Kerberos\n"
        "Import-PSSession $s -CommandName Get-TransportService | Out-Null\n"
        "(Get-TransportService EX01).MessageTrackingLogMaxFileSize.GetType().Name\n"
        "(Get-PSSession).State\n"
        "Remove-PSSession $s\n$s.State",
    )

    assert ["10485760"] == live
    assert ["String", "Opened", "Closed"] == copy


def test_get_exchange_server(machine: Machine) -> None:
    """Found by its full name; its version is an object with a text."""
    found = exchange(
        machine,
        "$s = Get-ExchangeServer ex01.corp.example\n$s.Name\n"
        "[string]$s.AdminDisplayVersion\n$s.AdminDisplayVersion.Build",
    )

    assert ["EX01", "Version 15.1 (Build 2507.6)", "2507"] == found


def test_iis_values_are_text_or_attributes(machine: Machine) -> None:
    """Enumerations and flags are text; a switch and a path are attributes with a Value."""
    place = "-PSPath 'MACHINE/WEBROOT/APPHOST' -Filter system.applicationHost/sites/siteDefaults/logFile"
    get = f"Get-WebConfigurationProperty {place} -Name"
    found = ps(
        machine,
        f"({get} period).GetType().Name\n({get} logTargetW3C)\n"
        f"({get} enabled).Value.GetType().Name\n({get} directory).Value",
    )

    assert ["String", "File", "Boolean", "%SystemDrive%\\inetpub\\logs\\LogFiles"] == found


@pytest.mark.parametrize(
    "filter_",
    [
        'system.applicationHost/sites/site[@name="Default Web Site"]/logFile',
        "/system.applicationHost/sites/site[@id=''1'']/logFile",
    ],
)
def test_iis_finds_a_site(machine: Machine, filter_: str) -> None:
    """By name or number; a dotted name reaches the same attribute."""
    place = f"-PSPath 'MACHINE/WEBROOT/APPHOST' -Filter '{filter_}'"
    ps(machine, f"Set-WebConfigurationProperty {place} -Name period -Value Hourly")
    ps(
        machine,
        "Set-WebConfigurationProperty -PSPath 'MACHINE/WEBROOT/APPHOST' "
        f"-Filter '{filter_.removesuffix('/logFile')}' -Name logFile.enabled -Value $false",
    )

    assert ("Hourly", False) == (machine.iis.log_file(1)["period"], machine.iis.log_file(1)["enabled"])
    assert "Daily" == machine.iis.log_file(2)["period"]


def test_iis_warns_of_a_site_that_is_not_there(machine: Machine) -> None:
    """A filter without a match is a warning, and nothing else."""
    before = machine.store.path.read_bytes()
    filter_ = "system.applicationHost/sites/site[@id='9']/logFile"
    place = f"-PSPath 'MACHINE/WEBROOT/APPHOST' -Filter \"{filter_}\""
    found = ps(machine, f"Set-WebConfigurationProperty {place} -Name period -Value Hourly")

    assert (
        f"WARNING: Target configuration object '{filter_}' is not found at path 'MACHINE/WEBROOT/APPHOST'."
    ) == "".join(found)
    assert before == machine.store.path.read_bytes()


def test_iis_beyond_the_simulated_part(machine: Machine) -> None:
    """Says so instead of guessing."""
    place = "Get-WebConfigurationProperty -PSPath 'MACHINE/WEBROOT/APPHOST'"

    assert "NotSimulated" in error(machine, f"{place} -Filter '//logFile' -Name period")
    assert "NotSimulated" in error(machine, f"{place} -Filter system.applicationHost/log -Name nonsense")


def test_central_logging(machine: Machine) -> None:
    """The server-wide section."""
    place = "-PSPath 'MACHINE/WEBROOT/APPHOST' -Filter system.applicationHost/log -Name centralLogFileMode"
    found = ps(machine, f"Get-WebConfigurationProperty {place}\nSet-WebConfigurationProperty {place} -Value CentralW3C")

    assert ["Site"] == found
    assert "CentralW3C" == machine.iis.log()["centralLogFileMode"]


def test_services_by_pattern(machine: Machine) -> None:
    """Wildcards, in alphabetical order; a name that nobody has is an error."""
    found = ps(machine, "Get-Service MSExchangeT*, w3svc | ForEach-Object { $_.Name + ' ' + $_.Status }")

    assert [
        "MSExchangeThrottling Running",
        "MSExchangeTransport Running",
        "MSExchangeTransportLogSearch Running",
        "W3SVC Running",
    ] == found
    assert "Cannot find any service with service name 'Nope'." in error(machine, "Get-Service Nope")


def test_service_with_dependants_needs_force(machine: Machine) -> None:
    """Without -Force it stays; with it the dependants restart as well."""
    before = machine.services.state("W3SVC")
    refused = error(machine, "Restart-Service WAS")
    kept = machine.services.state("W3SVC")
    ps(machine, "Restart-Service WAS -Force")

    assert "ServiceHasDependentServices,Microsoft.PowerShell.Commands.RestartServiceCommand" in refused
    assert before == kept
    assert ("Running", True) == (machine.services.state("W3SVC")[0], machine.services.state("W3SVC") != before)


def test_wmi_filter(machine: Machine) -> None:
    """The simulated part of WQL."""
    found = ps(
        machine,
        "Get-WmiObject Win32_Service -Filter \"Name='W3SVC' or Name='WinRM'\" "
        "| ForEach-Object { $_.Name + ' ' + $_.StartMode }\n"
        "(Get-WmiObject Win32_ComputerSystem).Domain",
    )

    assert ["W3SVC Auto", "WinRM Auto", "corp.example"] == found


def test_registry(machine: Machine) -> None:
    """The keys of this Exchange exist, those of others don't; other keys aren't known."""
    key = "HKLM:\\SOFTWARE\\Microsoft\\ExchangeServer"
    found = ps(
        machine,
        f"Test-Path {key}\\v15\\Setup\nTest-Path {key}\\v14\\Setup\n"
        f"(Get-ItemProperty {key}\\v15\\Setup).MsiBuildMajor\n(Get-Item {key}\\v15\\Setup).Name",
    )

    assert ["True", "False", "2507", "HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\ExchangeServer\\v15\\Setup"] == found
    assert "PathNotFound" in error(machine, f"Get-ItemProperty {key}\\v14\\Setup")
    assert "NotSimulated" in error(machine, "Test-Path HKLM:\\SOFTWARE\\Contoso")


def test_names_resolve(start: Start) -> None:
    """Servers of the organisation by either name; others not."""
    one, _ = start("EX01", "EX02")
    found = ps(
        one, "[System.Net.Dns]::GetHostEntry('ex02').HostName\n[System.Net.Dns]::GetHostByName('localhost').HostName"
    )

    assert ["EX02.corp.example", "EX01.corp.example"] == found
    assert "No such host is known" in error(one, "[System.Net.Dns]::GetHostEntry('nowhere.example')")


def test_environment(machine: Machine) -> None:
    """What scripts look up."""
    there = ps(machine, "Test-Path env:COMPUTERNAME\nTest-Path env:NOWHERE")
    found = ps(machine, "$env:COMPUTERNAME\n$env:ExchangeInstallPath\n$env:SystemDrive\n$env:USERDNSDOMAIN")

    assert ["EX01", "C:\\Program Files\\Microsoft\\Exchange Server\\V15\\", "C:", "CORP.EXAMPLE"] == found
    assert ["True", "False"] == there


@pytest.mark.parametrize(
    ("line", "output"),
    [
        ("hostname", "EX01"),
        ("HOSTNAME.EXE", "EX01"),
        ("C:\\Windows\\system32\\hostname.exe", "EX01"),
        ('"C:\\Windows\\system32\\whoami.exe"', "corp\\administrator"),
        ("echo hello  world", "hello  world"),
        ("ver", "\r\nMicrosoft Windows [Version 10.0.14393]"),
        ("netsh http flush logbuffer", ""),
    ],
)
def test_programs(machine: Machine, line: str, output: str) -> None:
    """What a shell can start beside PowerShell."""
    io = MemoryIO()

    assert 0 == console.run(machine, line, {}, io)
    assert f"{output}\r\n" == io.stdout.decode()
    assert b"" == io.stderr


@pytest.mark.parametrize("line", ["format c:", "hostname && ver", "echo %PATH%", "netsh int show", "ver /x", ""])
def test_other_programs_are_not_simulated(machine: Machine, line: str) -> None:
    """Never "not recognized", as nobody knows what a real host has."""
    io = MemoryIO()

    assert 1 == console.run(machine, line, {}, io)
    assert f"not simulated: the command line {line}\r\n" == io.stderr.decode()


def test_a_process_leaves_nothing_behind(machine: Machine) -> None:
    """What a process was made of isn't left for the garbage collector: with a thousand of them that takes long."""
    script = f"{_SNAPIN}Get-ReceiveConnector | Where-Object {{ $_.Enabled }} | Select-Object -First 1 -Property Name"
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        ps(machine, script)
        gc.collect()
        left = {type(each).__name__ for each in gc.garbage if type(each).__module__.startswith("harness.lab")}
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()

    assert set() == left


def test_flush_reaches_the_front_ends(machine: Machine) -> None:
    """Whoever holds log lines back hears of it."""
    heard = []
    machine.flush_hooks.append(lambda: heard.append("flushed"))
    console.run(machine, "netsh http flush logbuffer", {}, MemoryIO())
    ps(machine, "netsh http flush logbuffer")

    assert ["flushed", "flushed"] == heard
