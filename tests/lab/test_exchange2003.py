"""A simulated Exchange 2003 server, as a script meets it."""

from __future__ import annotations

import base64
import time
from typing import TYPE_CHECKING

import pytest

from harness.exchange.folders import SmtpFolders, Stated
from harness.exchange.versions import VERSIONS
from harness.lab import console
from harness.lab.exchange2003 import Exchange2003
from harness.lab.machine import Machine
from harness.lab.powershell.session import MemoryIO
from harness.lab.spec import MachineSpec
from harness.lab.state.organisation import Organisation
from harness.modules import facts, log_folders
from harness.modules.base import Target
from harness.modules.metabase import SITE, SITE_DEFAULTS, VIRTUAL_SERVER, read
from harness.remote import batch, powershell

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SMTP = "Get-WmiObject -Namespace 'root\\MicrosoftIISv2' -Class IIsSmtpServerSetting -Filter \"Name='SmtpSvc/1'\""
SERVER = "Get-WmiObject -Namespace 'root\\MicrosoftExchangeV2' -Class Exchange_Server"
SHOW_ERROR = "try {{ $ErrorActionPreference = 'Stop'\n{} }} catch {{ $_.FullyQualifiedErrorId; $_.Exception.Message }}"
DEFAULT_FLAGS = 2199503


@pytest.fixture
def old(tmp_path: Path) -> Exchange2003:
    """A newly installed Exchange 2003 server, or the one of an earlier start."""
    return install(tmp_path)


def install(folder: Path) -> Exchange2003:
    """Install the server, or find it again in its folder."""
    spec = MachineSpec("old01.corp.example", exchange_version="2003")
    machine = Machine.create(spec, Organisation.open(folder, [spec]), folder)

    assert isinstance(machine, Exchange2003)
    return machine


def ps(machine: Machine, script: str) -> list[str]:
    """Run a script and give its output's lines; nothing may go to standard error."""
    encoded = base64.b64encode(script.encode("utf-16-le")).decode("ascii")
    io = MemoryIO()
    console.run(machine, f"powershell -OutputFormat Text -EncodedCommand {encoded}", {}, io)

    assert b"" == io.stderr
    return io.stdout.decode().splitlines()


def error(machine: Machine, script: str) -> list[str]:
    """Run a script and give the identifier and the message of its error."""
    return ps(machine, SHOW_ERROR.format(script))


def value(machine: Machine, *scripts: powershell.Script) -> object:
    """Run the product's own scripts as one batch, and give what the last one put out."""
    sent = batch.Batch()
    sent.load(batch.prelude())
    for script in scripts:
        sent.run(script)
    io = MemoryIO(sent.stdin())
    console.run(machine, batch.command_line(), {}, io)
    results = list(sent.reader().feed(io.stdout))[1:]

    assert [None] * len(scripts) == [result.error for result in results]
    return results[-1].value


def test_facts(old: Exchange2003) -> None:
    """What it says of itself: its version stands in other registry values than those of its successors."""
    target = Target("old01", VERSIONS["2003"], stated=frozenset({"version"}))
    found = facts.parse(value(old, facts.script()), target)
    del found["time"]

    assert {
        "computer_name": "OLD01",
        "fqdn": "old01.corp.example",
        "powershell": "2.0",
        "windows": {"version": "5.2.3790", "caption": "Microsoft(R) Windows(R) Server 2003, Standard Edition"},
        "iis": "6.0",
        "exchange": {
            "version": "2003",
            "build": "6.5.7638.0",
            "roles": ["mailbox"],
            "install_path": "C:\\Program Files\\Exchsrvr",
        },
    } == found


def test_log_folders(old: Exchange2003) -> None:
    """Where its logs are, and that its SMTP virtual server doesn't log yet, in the form that every version's have."""
    old.metabase.put("W3SVC/1", {"LogFileDirectory": "%SystemDrive%\\Logs\\"})
    target = Target("old01", VERSIONS["2003"])
    found = log_folders.parse(value(old, log_folders.script(target)), target)

    assert (
        "C:\\Logs\\W3SVC1",
        (SmtpFolders("hub", "C:\\WINDOWS\\system32\\LogFiles\\SMTPSVC1", ""),),
        "C:\\Program Files\\Exchsrvr\\OLD01.log",
        Stated(("SMTP virtual server 'Default SMTP Virtual Server'",), tracking=False),
    ) == (found.owa, found.smtp, found.tracking, found.stated)


def test_log_settings_in_force(old: Exchange2003) -> None:
    """A new server logs web requests with IIS 6's default fields, and no SMTP conversations."""
    found = value(old, read(SITE_DEFAULTS, SITE, VIRTUAL_SERVER))
    properties = {
        "enabled": "True",
        "format": "W3C",
        "fields": str(DEFAULT_FLAGS),
        "period": "Daily",
        "directory": "C:\\WINDOWS\\system32\\LogFiles",
        "local_time_rollover": "False",
        "target": None,
        "metabase": True,
    }

    assert [
        {"kind": "site defaults", "id": "W3SVC", "name": "site defaults", "properties": properties},
        {"kind": "site", "id": "W3SVC/1", "name": "Default Web Site", "properties": properties},
        {
            "kind": "SMTP virtual server",
            "id": "SmtpSvc/1",
            "name": "Default SMTP Virtual Server",
            "properties": {**properties, "enabled": "False", "fields": "1414"},
        },
    ] == found


def test_nothing_happens_before_put(old: Exchange2003) -> None:
    """A property that is set is only in the script's copy until Put, which stores what differs and nothing else."""
    before = old.store.path.read_bytes()
    ps(old, f"$s = {SMTP}\n$s.LogType = 1")
    unchanged = old.store.path.read_bytes()
    ps(old, f"$s = {SMTP}\n$s.LogType = 1\n[void]$s.Put()")

    assert before == unchanged
    assert {"ServerComment": "Default SMTP Virtual Server", "LogType": 1} == old.store.document["metabase"]["SmtpSvc/1"]


def test_a_site_inherits_what_its_service_has(old: Exchange2003) -> None:
    """A site's own value beats the service's."""
    old.metabase.add("W3SVC/2", ServerComment="Intranet", LogExtFileFlags=1)
    old.metabase.put("W3SVC", {"LogExtFileFlags": 3})

    assert (3, 1) == tuple(old.metabase.settings(node)["LogExtFileFlags"] for node in ("W3SVC/1", "W3SVC/2"))


def test_defaults_that_reach_a_site_are_not_written_into_it(old: Exchange2003) -> None:
    """The product's write leaves a site alone that has just inherited the value, so that it goes on inheriting."""
    change = {"settings": {"LogFilePeriod": 4}, "add": 524288, "remove": 0}
    write = powershell.script(
        "metabase.2003.write.ps1.j2",
        recheck_after=0,
        changes=[
            {"class": "IIsWebServiceSetting", "id": "W3SVC", **change},
            {"class": "IIsWebServerSetting", "id": "W3SVC/1", **change},
        ],
    )
    value(old, write)
    held = old.store.document["metabase"]

    assert (4, DEFAULT_FLAGS | 524288) == (held["W3SVC"]["LogFilePeriod"], held["W3SVC"]["LogExtFileFlags"])
    assert {"ServerComment": "Default Web Site"} == held["W3SVC/1"]


@pytest.mark.parametrize(
    ("add", "remove", "flags"),
    [(524288 | 128, 0, DEFAULT_FLAGS | 131072 | 524288), (1, 131072, DEFAULT_FLAGS), (128, 0, DEFAULT_FLAGS | 131072)],
)
def test_bits_are_changed_one_by_one(old: Exchange2003, add: int, remove: int, flags: int) -> None:
    """Fields that are on for someone else, cookies here, stay on unless they are to be removed."""
    old.metabase.put("W3SVC/1", {"LogExtFileFlags": DEFAULT_FLAGS | 131072})
    change = {"class": "IIsWebServerSetting", "id": "W3SVC/1", "settings": {}, "add": add, "remove": remove}
    value(old, powershell.script("metabase.2003.write.ps1.j2", changes=[change], recheck_after=0))

    assert flags == old.metabase.settings("W3SVC/1")["LogExtFileFlags"]


def test_a_value_of_another_type_is_refused(old: Exchange2003) -> None:
    """As WMI does, and nothing is stored."""
    found = error(old, f"$s = {SMTP}\n$s.LogType = 'on'\n[void]$s.Put()")

    assert ["ExceptionWhenSetting", 'Exception setting "LogType": "Type mismatch "'] == found
    assert 0 == old.metabase.settings("SmtpSvc/1")["LogType"]


@pytest.mark.parametrize(
    ("space", "name", "message"),
    [("root\\MicrosoftIISv2", "IIsFtp", "Invalid class "), ("root\\MicrosoftExchangeV2", "Nothing", "Invalid class ")],
)
def test_unknown_class(old: Exchange2003, space: str, name: str, message: str) -> None:
    """WMI's own words."""
    found = error(old, f"Get-WmiObject -Namespace '{space}' -Class {name}")

    assert ["GetWMIManagementException,Microsoft.PowerShell.Commands.GetWmiObjectCommand", message] == found


def test_name_space_that_is_not_there(start: Callable[..., tuple[Machine, ...]]) -> None:
    """A later server has neither IIS 6's nor Exchange 2003's provider."""
    (machine,) = start("EX01")
    _, message = error(machine, SERVER)

    assert 'Invalid namespace "root\\MicrosoftExchangeV2"' == message


def test_name_space_that_is_denied(old: Exchange2003) -> None:
    """The fault of an account without rights."""
    old.faults.denied_namespaces.add("root\\microsoftexchangev2")
    _, message = error(old, SERVER)

    assert "Access denied " == message
    assert ["0"] == ps(old, f"[string]({SMTP}).LogType")


@pytest.mark.parametrize(
    ("arguments", "enabled", "path"),
    [
        ("$true", True, "C:\\Program Files\\Exchsrvr\\OLD01.log"),
        ("$true, 'D:\\Track'", True, "D:\\Track"),
        ("$false", False, "C:\\Program Files\\Exchsrvr\\OLD01.log"),
    ],
)
def test_message_tracking(old: Exchange2003, arguments: str, enabled: bool, path: str) -> None:
    """The method switches it and moves its folder where one is given; what a script reads is what counts."""
    found = ps(
        old,
        f"$s = {SERVER}\n[void]$s.EnableMessageTracking({arguments})\n"
        f"$s = {SERVER}\n[string]$s.MessageTrackingEnabled\n$s.MessageTrackingLogFilePath",
    )

    assert [str(enabled), path] == found


def test_a_wrong_call_changes_nothing(old: Exchange2003) -> None:
    """The method takes a boolean and text."""
    one, two = (error(old, f"({SERVER}).EnableMessageTracking({given})") for given in ("'yes'", "$true, 'D:\\', 1"))

    assert "Type mismatch" in one[1]
    assert "MethodCountCouldNotFindBest" == two[0]
    assert not old.exchange_server["MessageTrackingEnabled"]


def test_the_directory_undoes_a_change(old: Exchange2003) -> None:
    """DS2MB: after some seconds a node has again what the directory holds; other nodes keep theirs."""
    old.faults.directory_copies["SmtpSvc/1"] = 0.2
    for node in ("SmtpSvc/1", "W3SVC/1"):
        old.metabase.put(node, {"LogType": 1, "LogFilePeriod": 4})
    at_once = old.metabase.settings("SmtpSvc/1")
    time.sleep(0.25)
    later = old.metabase.settings("SmtpSvc/1")

    assert (1, 4, 0, 1) == (at_once["LogType"], at_once["LogFilePeriod"], later["LogType"], later["LogFilePeriod"])
    assert 4 == old.metabase.settings("W3SVC/1")["LogFilePeriod"]


def test_state_is_found_again(tmp_path: Path, old: Exchange2003) -> None:
    """What one run changed is there in the next."""
    old.metabase.put("SmtpSvc/1", {"LogType": 1, "LogFileDirectory": "D:\\Logs"})
    old.enable_message_tracking(True, "E:\\Track")
    again = install(tmp_path)

    assert {"OWA": "C:\\WINDOWS\\system32\\LogFiles\\W3SVC1", "SMTP": "D:\\Logs\\SMTPSVC1", "MSGTRK": "E:\\Track"} == (
        again.log_folders
    )
    assert 1 == again.metabase.settings("SmtpSvc/1")["LogType"]


def test_powershell_2_without_cmdlets_of_exchange_and_iis(old: Exchange2003) -> None:
    """What later hosts have is genuinely not there, instead of not simulated."""
    missing = [
        error(old, name)[0] for name in ("Get-ReceiveConnector", "Get-WebConfigurationProperty", "ConvertTo-Json")
    ]

    assert ["2.0"] == ps(old, "[string]$PSVersionTable.PSVersion")
    assert ["CommandNotFoundException"] * 3 == missing


def test_services(old: Exchange2003) -> None:
    """The transport of 2003 is IIS's SMTP service."""
    found = ps(
        old, "Get-WmiObject -Class Win32_Service | Where-Object { $_.State -eq 'Running' } | ForEach-Object { $_.Name }"
    )

    assert {"SMTPSVC", "W3SVC", "MSExchangeSA", "MSExchangeIS"} <= set(found)
    assert "MSExchangeTransport" not in found


def test_beside_a_later_server(tmp_path: Path) -> None:
    """The cmdlets of a later server in the same lab don't show it, and its name resolves."""
    specs = [MachineSpec("old01.corp.example", exchange_version="2003"), MachineSpec("ex01.corp.example")]
    organisation = Organisation.open(tmp_path, specs)
    _, new = (Machine.create(spec, organisation, tmp_path) for spec in specs)
    found = ps(new, "[System.Net.Dns]::GetHostEntry('OLD01').HostName")

    assert ["old01.corp.example"] == found
    assert ["EX01"] == [server.name for server in organisation.servers()]
