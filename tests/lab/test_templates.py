"""The product's own scripts, rendered as they travel, run on a simulated server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from harness.lab import console
from harness.lab.powershell.session import MemoryIO
from harness.lab.state.transport import FRONTEND_TRANSPORT_SERVICE, TRANSPORT_SERVICE
from harness.modules import facts
from harness.redaction import Secret
from harness.remote import batch, powershell
from harness.source import Source

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.lab.machine import Machine

    Start = Callable[..., tuple[Machine, ...]]

PASSWORD = "pa:ss'word ü"
HOSTILE = [f"Default{quote}; Remove-Item C:\\ -Recurse; {quote}" for quote in "'\u2018\u2019\u201a\u201b"]
CMDLETS = [
    "Get-ReceiveConnector",
    "Set-ReceiveConnector",
    "Get-SendConnector",
    "Set-SendConnector",
    "Get-TransportService",
    "Set-TransportService",
    "Get-FrontendTransportService",
    "Set-FrontendTransportService",
]
SERVICES = [
    {
        "kind": "transport service",
        "get": "Get-TransportService",
        "set": "Set-TransportService",
    },
    {
        "kind": "front-end transport service",
        "get": "Get-FrontendTransportService",
        "set": "Set-FrontendTransportService",
    },
]


def remoting(password: str = PASSWORD, **values: object) -> powershell.Script:
    """The script that opens a session to the server's own endpoint."""
    return powershell.script(
        "exchange_remoting.ps1.j2",
        secrets={"exchange_password": Secret(password)},
        **{
            "fqdn": None,
            "explicit_credential": True,
            "user": "CORP\\administrator",
            "commands": CMDLETS,
            **values,
        },
    )


def snapin() -> powershell.Script:
    """The script that brings the cmdlets up in the process itself."""
    return powershell.script("exchange_snapin.ps1.j2", snapin="Microsoft.Exchange.Management.PowerShell.SnapIn")


WEB = powershell.script("webadministration.ps1")


def run(
    machine: Machine, *scripts: powershell.Script, load: tuple[powershell.Script, ...] = (), transport: str = "ntlm"
) -> tuple[list[batch.Result], list[batch.Result]]:
    """Run scripts as one batch.

    Returns:
        The results of what was loaded, and those of the scripts.
    """
    sent = batch.Batch()
    for script in (batch.prelude(), *load):
        sent.load(script)
    for script in scripts:
        sent.run(script)
    io = MemoryIO(sent.stdin())
    code = console.run(machine, batch.command_line(), {}, io, transport=transport)
    results = list(sent.reader().feed(io.stdout))
    loaded, ran = results[1 : 1 + len(load)], results[1 + len(load) :]

    assert b"" == io.stderr
    assert 0 == code
    assert len(scripts) == len(ran)
    return loaded, ran


def value(results: tuple[list[batch.Result], list[batch.Result]], number: int = 0) -> Any:
    """Give what a script put out; fails where one failed."""
    loaded, ran = results

    assert [None] * len(loaded) == [result.error for result in loaded]
    assert ran[number].error is None
    return ran[number].value


def script(name: str, **values: object) -> powershell.Script:
    """Render a template."""
    return powershell.script(name, **values)


def said(machine: Machine, text: str) -> Any:
    """Run a script of one's own in a batch and give what arrives of it."""
    return value(run(machine, powershell.Script(text, Source("test", 1))))


READ_RECEIVE = script("receive_connector.read.ps1.j2", delivery=[])
READ_SEND = script("send_connector.read.ps1.j2", services=SERVICES, edge=False)
READ_TRACKING = script("message_tracking.read.ps1.j2", get="Get-TransportService", service="transport service")


def read_iis() -> powershell.Script:
    """The script that reads IIS's settings."""
    return script("iis_logging.read.ps1.j2")


def levels(read: Any) -> dict[str, str]:
    """Give the protocol logging level of each object that was read."""
    return {found["name"]: found["properties"]["protocol_logging"] for found in read}


def test_facts(machine: Machine) -> None:
    """What a host says of itself."""
    (found,) = value(run(machine, facts.script()))

    assert {
        "computer_name": "EX01",
        "fqdn": "EX01.corp.example",
        "powershell": found["powershell"],
        "windows": {"version": "10.0.14393", "caption": "Microsoft Windows Server 2016 Standard"},
        "iis": "10.0",
        "exchange": {
            "build": "15.1.2507.6",
            "install_path": "C:\\Program Files\\Microsoft\\Exchange Server\\V15\\",
            "role_keys": found["exchange"]["role_keys"],
        },
        "time": {**found["time"], "offset": 0},
    } == found
    assert "MailboxRole" in found["exchange"]["role_keys"]
    assert found["powershell"].startswith("5.1")


@pytest.mark.parametrize(
    ("text", "arrives"),
    [
        ("@{}", [{}]),
        (
            "@{ text = 'plain'; flag = $true; number = -7; none = $null }",
            [{"text": "plain", "flag": True, "number": -7, "none": None}],
        ),
        ("@{ 'a \"quoted\" \\ name' = 'x'; plain = 'y' }", [{'a "quoted" \\ name': "x", "plain": "y"}]),
        ('@{ text = "line`r`nend`t`0 ""x"" C:\\" }', [{"text": 'line\r\nend\t\0 "x" C:\\'}]),
        ("@{ text = '$x $(hostname) {0} %' }", [{"text": "$x $(hostname) {0} %"}]),
        (
            "@{ long = [long]9007199254740993; deep = @{ list = @('a', @(1, $false), $null) } }",
            [{"long": 9007199254740993, "deep": {"list": ["a", [1, False], None]}}],
        ),
        ("@{ empty = @(); one = @('x'); nested = @{} }", [{"empty": [], "one": ["x"], "nested": {}}]),
        (
            "$one = New-Object PSObject; Add-Member -InputObject $one NoteProperty 'a\"b' 1; @{ object = $one }",
            [{"object": {'a"b': 1}}],
        ),
        ("'a'; 2; $true; 'b \"'", ["a", 2, True, 'b "']),
        ("@{ code = [DayOfWeek]::Monday; version = [version]'1.2' }", [{"code": "Monday", "version": "1.2"}]),
        ("@{ umlaut = 'ä€' }", [{"umlaut": "ä€"}]),
    ],
)
def test_what_a_script_gives_arrives(machine: Machine, text: str, arrives: object) -> None:
    """Flags stay flags, numbers numbers and texts themselves, whatever stands in them or in their names."""
    assert arrives == said(machine, text)


@pytest.mark.parametrize("way", ["remoting", "snapin"])
def test_stock_state_is_read_over_both_routes(machine: Machine, way: str) -> None:
    """A session to the endpoint and the snap-in give the scripts the same answers."""
    load, transport = ((remoting(),), "ntlm") if way == "remoting" else ((snapin(),), "credssp")
    results = run(machine, READ_RECEIVE, READ_SEND, READ_TRACKING, load=load, transport=transport)

    assert {
        "Default EX01": "None",
        "Client Proxy EX01": "None",
        "Default Frontend EX01": "Verbose",
        "Outbound Proxy Frontend EX01": "None",
        "Client Frontend EX01": "None",
    } == levels(value(results, 0))
    assert [("Internet", "None"), ("EX01", "None"), ("EX01", "Verbose")] == [
        (found["name"], found["properties"]["protocol_logging"]) for found in value(results, 1)
    ]
    assert {
        "enabled": True,
        "path": "C:\\Program Files\\Microsoft\\Exchange Server\\V15\\TransportRoles\\Logs\\MessageTracking",
        "maximum_age": "30.00:00:00",
        "maximum_directory_size": "1000 MB (1,048,576,000 bytes)",
        "maximum_file_size": "10 MB (10,485,760 bytes)",
        "subject_logging": True,
    } == value(results, 2)[0]["properties"]


def test_batch_leaves_no_session(machine: Machine) -> None:
    """The session is closed at the end, also when a script of the batch failed."""
    broken = powershell.Script("Get-ReceiveConnector -Nonsense", READ_RECEIVE.source)
    _, (good, bad) = run(machine, READ_RECEIVE, broken, load=(remoting(),))

    assert good.error is None
    assert bad.error is not None
    assert "NamedParameterNotFound" in bad.error.identifier
    assert () == machine.sessions


def test_write_changes_one_connector_and_survives_a_restart(start: Start) -> None:
    """The one that was named, under its GUID, and nothing else."""
    (machine,) = start("EX01")
    before = {entry.guid: dict(entry.settings) for entry in machine.receive_connectors}
    wanted = machine.receive_connectors[1].guid
    write = script(
        "receive_connector.write.ps1.j2", connectors=[{"id": wanted, "protocol_logging": "Verbose"}], delivery=[]
    )
    value(run(machine, write, load=(remoting(),)))
    (again,) = start("EX01")
    before[wanted]["ProtocolLoggingLevel"] = "Verbose"

    assert before == {entry.guid: entry.settings for entry in again.receive_connectors}


@pytest.mark.parametrize("danger", [False, True])
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_only_names(machine: Machine, name: str, danger: bool) -> None:
    """A connector whose name looks like code is read and set; so it is where an unknown identity gives everything."""
    machine.faults.unknown_identity_returns_all = danger
    machine.add_receive_connector(name)
    added = machine.organisation.add_send_connector(name)
    read = value(run(machine, READ_RECEIVE, load=(remoting(),)))
    (guid,) = [found["id"] for found in read if found["name"] == name]
    value(
        run(
            machine,
            script(
                "receive_connector.write.ps1.j2",
                connectors=[{"id": guid, "protocol_logging": "Verbose"}],
                delivery=[],
            ),
            script(
                "send_connector.write.ps1.j2",
                connectors=[{"id": added.guid, "protocol_logging": "Verbose"}],
                services=[],
            ),
            load=(remoting(),),
        )
    )
    changed = [e.name for e in machine.receive_connectors if e.protocol_logging == "Verbose"]
    sending = levels(value(run(machine, READ_SEND, load=(remoting(),))))

    assert ["Default Frontend EX01", name] == changed
    assert {"Internet": "None", name: "Verbose"} == {key: sending[key] for key in ("Internet", name)}


def test_unknown_identity_never_changes_anything(machine: Machine) -> None:
    """Where Exchange gives every object for an unknown identity, a write to one that is gone fails."""
    machine.faults.unknown_identity_returns_all = True
    before = machine.store.path.read_text()
    gone = "00000000-0000-0000-0000-000000000001"
    write = script(
        "receive_connector.write.ps1.j2", connectors=[{"id": gone, "protocol_logging": "Verbose"}], delivery=[]
    )
    _, (result,) = run(machine, write, load=(remoting(),))

    assert result.error is not None
    assert "0 receive connectors with Guid" in result.error.message
    assert before == machine.store.path.read_text()


def test_send_connector_written_through_one_server_is_seen_by_the_other(start: Start) -> None:
    """Send connectors belong to the organisation; the services' own level belongs to the server."""
    one, two = start("EX01", "EX02")
    guid = one.organisation.send_connectors()[0].guid
    write = script(
        "send_connector.write.ps1.j2",
        connectors=[{"id": guid, "protocol_logging": "Verbose"}],
        services=[{"id": "EX01", "protocol_logging": "Verbose", **SERVICES[0]}],
    )
    value(run(one, write, load=(remoting(),)))
    connector, service, _ = value(run(two, READ_SEND, load=(remoting(),)))

    assert ("Internet", "Verbose", True) == (
        connector["name"],
        connector["properties"]["protocol_logging"],
        connector["properties"]["source"],
    )
    assert ("EX02", "None") == (service["name"], service["properties"]["protocol_logging"])
    assert "Verbose" == one.transport(TRANSPORT_SERVICE).settings["IntraOrgConnectorProtocolLoggingLevel"]
    assert "Verbose" == one.transport(FRONTEND_TRANSPORT_SERVICE).settings["IntraOrgConnectorProtocolLoggingLevel"]


def test_message_tracking_is_written(machine: Machine) -> None:
    """Every setting arrives in its own type and reads back."""
    settings = {
        "MessageTrackingLogEnabled": False,
        "MessageTrackingLogPath": "D:\\It's a log",
        "MessageTrackingLogMaxAge": "14.00:00:00",
        "MessageTrackingLogMaxDirectorySize": "2GB",
        "MessageTrackingLogMaxFileSize": "20MB",
        "MessageTrackingLogSubjectLoggingEnabled": False,
    }
    write = script(
        "message_tracking.write.ps1.j2",
        get="Get-TransportService",
        set="Set-TransportService",
        service="transport service",
        id="EX01",
        settings=settings,
    )
    results = run(machine, write, READ_TRACKING, load=(remoting(),))
    value(results)

    assert {
        "enabled": False,
        "path": "D:\\It's a log",
        "maximum_age": "14.00:00:00",
        "maximum_directory_size": "2 GB (2,147,483,648 bytes)",
        "maximum_file_size": "20 MB (20,971,520 bytes)",
        "subject_logging": False,
    } == value(results, 1)[0]["properties"]


@pytest.mark.parametrize(
    ("name", "given", "identifier"),
    [
        ("MessageTrackingLogPath", "\\\\server\\logs", "CannotConvertArgument"),
        ("MessageTrackingLogMaxAge", "long", "CannotConvertArgument"),
        ("MessageTrackingLogMaxFileSize", "5GB", "DataValidationException"),
        ("IntraOrgConnectorProtocolLoggingLevel", "Loud", "CannotConvertArgument"),
        ("MessageTrackingLogPaths", "C:\\Logs", "NamedParameterNotFound"),
    ],
)
def test_what_exchange_refuses_changes_nothing(machine: Machine, name: str, given: str, identifier: str) -> None:
    """A wrong value or a wrong parameter is an error of the cmdlet's."""
    before = machine.store.path.read_text()
    write = script(
        "message_tracking.write.ps1.j2",
        get="Get-TransportService",
        set="Set-TransportService",
        service="transport service",
        id="EX01",
        settings={name: given},
    )
    _, (result,) = run(machine, write, load=(remoting(),))

    assert result.error is not None
    assert identifier in result.error.identifier
    assert before == machine.store.path.read_text()


def test_iis_fields_are_added(machine: Machine) -> None:
    """The write changes the site that it names, and reading gives what IIS made of it."""
    before = value(run(machine, read_iis(), load=(WEB,)))
    fields = before[1]["properties"]["fields"] + ",ProtocolVersion"
    write = script("iis_logging.write.ps1.j2", changes=[{"id": "1", "settings": {"logExtFileFlags": fields}}])
    value(run(machine, write, load=(WEB,)))
    defaults, first, second = value(run(machine, read_iis(), load=(WEB,)))

    assert ["site defaults", "Default Web Site", "Exchange Back End"] == [found["name"] for found in before]
    assert {
        "enabled": "True",
        "format": "W3C",
        "fields": before[0]["properties"]["fields"],
        "period": "Daily",
        "directory": "%SystemDrive%\\inetpub\\logs\\LogFiles",
        "local_time_rollover": "False",
        "target": "File",
    } == before[1]["properties"]
    assert {*fields.split(",")} == {*first["properties"]["fields"].split(",")}
    assert (before[0], before[2]) == (defaults, second)


def test_iis_refuses_an_unknown_field(machine: Machine) -> None:
    """IIS's own words arrive."""
    write = script("iis_logging.write.ps1.j2", changes=[{"id": "1", "settings": {"logExtFileFlags": "Date,Nonsense"}}])
    _, (result,) = run(machine, write, load=(WEB,))

    assert result.error is not None
    assert "Flags must be some combination of Date, Time" in result.error.message


def test_service_is_restarted(machine: Machine) -> None:
    """A restart gives it a new process; a stopped service starts; the read shows both."""
    names = ["MSExchangeTransport", "MSExchangePop3"]
    read = script("service.read.ps1.j2", names=names)
    before = {found["id"]: found["properties"] for found in value(run(machine, read))}
    write = script("service.write.ps1.j2", restart=["MSExchangeTransport"], start=["MSExchangePop3"])
    value(run(machine, write))
    after = {found["id"]: found["properties"] for found in value(run(machine, read))}

    assert {"MSExchangeTransport": "Running", "MSExchangePop3": "Stopped"} == {
        name: found["state"] for name, found in before.items()
    }
    assert {"MSExchangeTransport": "Auto", "MSExchangePop3": "Manual"} == {
        name: found["start_mode"] for name, found in before.items()
    }
    assert before["MSExchangeTransport"]["process"] != after["MSExchangeTransport"]["process"]
    assert "Running" == after["MSExchangePop3"]["state"]


def test_wrong_password(machine: Machine) -> None:
    """The endpoint refuses it, and says so as Windows does."""
    (loaded,), _ = run(machine, READ_RECEIVE, load=(remoting("wrong"),))

    assert loaded.error is not None
    assert "AccessDenied,PSSessionOpenFailed" == loaded.error.identifier
    assert (
        "[ex01.corp.example] Connecting to remote server ex01.corp.example failed with the following error message : "
        "Access is denied. For more information, see the about_Remote_Troubleshooting Help topic."
    ) == loaded.error.message
    assert () == machine.sessions


def test_second_hop(machine: Machine) -> None:
    """Over NTLM neither a session without a credential nor the snap-in reaches the directory."""
    (session,), _ = run(machine, READ_RECEIVE, load=(remoting(explicit_credential=False),))
    _, (read,) = run(machine, READ_RECEIVE, load=(snapin(),))

    assert session.error is not None
    assert "0x8009030e" in session.error.message
    assert read.error is not None
    assert "Active Directory operation failed" in read.error.message


def test_address_that_is_not_this_server(machine: Machine) -> None:
    """A name that nobody has can't be resolved."""
    (loaded,), _ = run(machine, READ_RECEIVE, load=(remoting(fqdn="nowhere.example"),))

    assert loaded.error is not None
    assert "ComputerNotFound,PSSessionOpenFailed" == loaded.error.identifier


def test_endpoint_is_gone_with_iis(machine: Machine) -> None:
    """The Exchange endpoint lives in IIS."""
    machine.services.stop("W3SVC")
    (loaded,), _ = run(machine, READ_RECEIVE, load=(remoting(),))

    assert loaded.error is not None
    assert "CannotConnect,PSSessionOpenFailed" == loaded.error.identifier


def test_hidden_cmdlet(machine: Machine) -> None:
    """A cmdlet that the user's roles don't include fails the script that calls it, and no other."""
    machine.faults.hidden.add("Set-ReceiveConnector")
    guid = machine.receive_connectors[0].guid
    write = script(
        "receive_connector.write.ps1.j2",
        connectors=[{"id": guid, "protocol_logging": "Verbose"}],
        delivery=[],
    )
    (loaded,), (read, written) = run(machine, READ_RECEIVE, write, load=(remoting(),))

    assert (None, None) == (loaded.error, read.error)
    assert written.error is not None
    assert "CommandNotFoundException" in written.error.identifier
    assert "Set-ReceiveConnector" in written.error.message
    assert () == machine.sessions


def test_set_that_does_not_stick(machine: Machine) -> None:
    """The fault that a confirming read must find: no error, no change."""
    machine.faults.ignored.add("set-receiveconnector")
    guid = machine.receive_connectors[0].guid
    write = script(
        "receive_connector.write.ps1.j2",
        connectors=[{"id": guid, "protocol_logging": "Verbose"}],
        delivery=[],
    )
    value(run(machine, write, load=(remoting(),)))

    assert "None" == machine.receive_connectors[0].settings["ProtocolLoggingLevel"]


def test_broken_cmdlet(machine: Machine) -> None:
    """The fault's message reaches the reader; other scripts of the batch go on."""
    machine.faults.broken["Get-SendConnector"] = "The LDAP server is unavailable."
    _, (broken, good) = run(machine, READ_SEND, READ_RECEIVE, load=(remoting(),))

    assert broken.error is not None
    assert "The LDAP server is unavailable." == broken.error.message
    assert good.error is None


def test_slow_cmdlet_ends_when_the_process_is_told_to(machine: Machine) -> None:
    """A cmdlet that hangs doesn't outlive its process."""
    machine.faults.slow["Get-WmiObject"] = 60.0
    io = MemoryIO()
    io.terminated.set()
    console.run(machine, "powershell -Command Get-WmiObject Win32_OperatingSystem", {}, io)

    assert b"" == io.stdout
