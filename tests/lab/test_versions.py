"""Servers of each version and role: what is installed, what their PowerShell knows, and what reaches the directory."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from harness.lab import console
from harness.lab.machine import Machine
from harness.lab.powershell.session import MemoryIO
from harness.lab.spec import MachineSpec
from harness.lab.state.organisation import Organisations
from harness.lab.state.transport import TRANSPORT_SERVICE

if TYPE_CHECKING:
    from pathlib import Path

EXCHANGE = "C:\\Program Files\\Microsoft\\Exchange Server\\"
ADMIN = "Microsoft.Exchange.Management.PowerShell.Admin"
E2010 = "Microsoft.Exchange.Management.PowerShell.E2010"
SNAPIN = "Microsoft.Exchange.Management.PowerShell.SnapIn"
HUB = ["Default:2525", "Client Proxy:465"]
FRONT_END = ["Default Frontend:25", "Outbound Proxy Frontend:717", "Client Frontend:587"]
EDGE = ["Default internal receive connector:25"]
BOTH_SITES = ["Default Web Site", "Exchange Back End"]


@dataclass(frozen=True)
class Kind:
    """A version and roles, and what such a server is known by."""

    version: str
    roles: str
    build: str
    windows: str
    powershell: str
    iis: str
    folder: str
    snapin: str
    connectors: list[str]
    logs: str
    sites: list[str]
    role_keys: list[str]
    services: set[str] = field(default_factory=set)
    lacks: set[str] = field(default_factory=set)

    def __str__(self) -> str:
        """Name the case."""
        return f"{self.version}-{self.roles.replace(' ', '-')}"


KINDS = [
    Kind(
        "2007",
        "hub_transport",
        "8.3.83.6",
        "6.0.6002",
        "2.0",
        "",
        EXCHANGE,
        ADMIN,
        ["Default:25", "Client:587"],
        "ProtocolLog",
        [],
        ["v8.0\\HubTransportRole"],
        {"MSExchangeTransport", "MSExchangeADTopology", "MSExchangeEdgeSync"},
        {"W3SVC", "MSExchangeIS", "MSExchangeFrontEndTransport"},
    ),
    Kind(
        "2007",
        "edge_transport",
        "8.3.83.6",
        "6.0.6002",
        "2.0",
        "",
        EXCHANGE,
        ADMIN,
        EDGE,
        "ProtocolLog",
        [],
        ["v8.0\\EdgeTransportRole"],
        {"MSExchangeTransport", "ADAM_MSExchange", "MSExchangeEdgeCredential"},
        {"MSExchangeADTopology", "W3SVC", "MSExchangeEdgeSync"},
    ),
    Kind(
        "2007",
        "mailbox client_access hub_transport",
        "8.3.83.6",
        "6.0.6002",
        "2.0",
        "7.0",
        EXCHANGE,
        ADMIN,
        ["Default:25", "Client:587"],
        "ProtocolLog",
        ["Default Web Site"],
        ["v8.0\\MailboxRole", "v8.0\\ClientAccessRole", "v8.0\\HubTransportRole"],
        {"MSExchangeMailSubmission", "W3SVC", "MSExchangeFDS"},
        {"MSExchangeFBA", "MSExchangeRPC", "MSExchangeSubmission"},
    ),
    Kind(
        "2010",
        "hub_transport",
        "14.3.123.4",
        "6.1.7601",
        "2.0",
        "7.5",
        EXCHANGE + "V14\\",
        E2010,
        ["Default:25", "Client:587"],
        "ProtocolLog",
        ["Default Web Site"],
        ["v14\\HubTransportRole"],
        {"MSExchangeTransport", "W3SVC"},
        {"MSExchangeIS", "MSExchangeFrontEndTransport", "MSExchangeHM"},
    ),
    Kind(
        "2010",
        "mailbox",
        "14.3.123.4",
        "6.1.7601",
        "2.0",
        "7.5",
        EXCHANGE + "V14\\",
        E2010,
        [],
        "",
        ["Default Web Site"],
        ["v14\\MailboxRole"],
        {"MSExchangeIS", "MSExchangeMailSubmission", "MSExchangeTransportLogSearch"},
        {"MSExchangeTransport", "MSExchangeDelivery"},
    ),
    Kind(
        "2010",
        "client_access",
        "14.3.123.4",
        "6.1.7601",
        "2.0",
        "7.5",
        EXCHANGE + "V14\\",
        E2010,
        [],
        "",
        ["Default Web Site"],
        ["v14\\ClientAccessRole"],
        {"MSExchangeFBA", "MSExchangeAB", "MSExchangeMailboxReplication"},
        {"MSExchangeTransport", "MSExchangeIS"},
    ),
    Kind(
        "2010",
        "edge_transport",
        "14.3.123.4",
        "6.1.7601",
        "2.0",
        "",
        EXCHANGE + "V14\\",
        E2010,
        EDGE,
        "ProtocolLog",
        [],
        ["v14\\EdgeTransportRole"],
        {"MSExchangeTransport", "ADAM_MSExchange"},
        {"MSExchangeADTopology", "W3SVC"},
    ),
    Kind(
        "2013",
        "client_access",
        "15.0.1497.2",
        "6.3.9600",
        "4.0",
        "8.5",
        EXCHANGE + "V15\\",
        SNAPIN,
        FRONT_END,
        "",
        BOTH_SITES,
        ["v15\\CafeRole", "v15\\FrontendTransportRole"],
        {"MSExchangeFrontEndTransport", "MSExchangeUMCR"},
        {"MSExchangeTransport", "MSExchangeIS", "MSExchangeMitigation"},
    ),
    Kind(
        "2013",
        "mailbox",
        "15.0.1497.2",
        "6.3.9600",
        "4.0",
        "8.5",
        EXCHANGE + "V15\\",
        SNAPIN,
        ["Default:25", "Client Proxy:465"],
        "Hub\\ProtocolLog",
        BOTH_SITES,
        ["v15\\MailboxRole", "v15\\HubTransportRole", "v15\\ClientAccessRole", "v15\\UnifiedMessagingRole"],
        {"MSExchangeTransport", "MSExchangeDelivery", "MSExchangeSubmission"},
        {"MSExchangeFrontEndTransport", "MSExchangeMitigation", "MSExchangeSA"},
    ),
    Kind(
        "2013",
        "mailbox client_access",
        "15.0.1497.2",
        "6.3.9600",
        "4.0",
        "8.5",
        EXCHANGE + "V15\\",
        SNAPIN,
        HUB + FRONT_END,
        "Hub\\ProtocolLog",
        BOTH_SITES,
        [
            *("v15\\MailboxRole", "v15\\HubTransportRole", "v15\\ClientAccessRole", "v15\\UnifiedMessagingRole"),
            *("v15\\CafeRole", "v15\\FrontendTransportRole"),
        ],
        {"MSExchangeTransport", "MSExchangeFrontEndTransport"},
        {"MSExchangeMitigation"},
    ),
    *(
        Kind(
            version,
            "mailbox",
            build,
            windows,
            "5.1",
            "10.0",
            EXCHANGE + "V15\\",
            SNAPIN,
            HUB + FRONT_END,
            "Hub\\ProtocolLog",
            BOTH_SITES,
            [
                *("v15\\MailboxRole", "v15\\HubTransportRole", "v15\\ClientAccessRole"),
                *("v15\\CafeRole", "v15\\FrontendTransportRole"),
                *(["v15\\UnifiedMessagingRole"] if version == "2016" else []),
            ],
            {"MSExchangeTransport", "MSExchangeFrontEndTransport", "MSExchangeMitigation"},
            {"ADAM_MSExchange", "MSExchangeSA", *(["MSExchangeUM"] if version != "2016" else [])},
        )
        for version, build, windows in (
            ("2016", "15.1.2507.6", "10.0.14393"),
            ("2019", "15.2.1748.10", "10.0.17763"),
            ("SE", "15.2.2562.17", "10.0.26100"),
        )
    ),
    *(
        Kind(
            version,
            "edge_transport",
            build,
            windows,
            powershell,
            "",
            EXCHANGE + "V15\\",
            SNAPIN,
            EDGE,
            "Edge\\ProtocolLog",
            [],
            ["v15\\EdgeTransportRole"],
            {"MSExchangeTransport", "ADAM_MSExchange", "MSExchangeEdgeCredential"},
            {"W3SVC", "MSExchangeADTopology", "MSExchangeFrontEndTransport"},
        )
        for version, build, windows, powershell in (
            ("2013", "15.0.1497.2", "6.3.9600", "4.0"),
            ("2016", "15.1.2507.6", "10.0.14393", "5.1"),
            ("2019", "15.2.1748.10", "10.0.17763", "5.1"),
        )
    ),
]
each_kind = pytest.mark.parametrize("kind", KINDS, ids=str)


def install(folder: Path, version: str, roles: str, **more: bool) -> Machine:
    """Install a server in a folder."""
    spec = MachineSpec("ex01.corp.example", version, tuple(roles.split()), **more)
    organisations = Organisations(folder)
    machine = Machine.create(spec, organisations.of(spec), folder)
    machine.accounts = {"Administrator": "secret"}
    organisations.settle(machine)
    return machine


def ps(machine: Machine, script: str, transport: str = "ntlm") -> list[str]:
    """Run a script and give its output's lines; an error that ends it comes as its identifier and its message."""
    framed = f"try {{ $ErrorActionPreference = 'Stop'\n{script} }} catch {{ $_.FullyQualifiedErrorId; [string]$_ }}"
    encoded = base64.b64encode(framed.encode("utf-16-le")).decode("ascii")
    io = MemoryIO()
    line = f"powershell -OutputFormat Text -EncodedCommand {encoded}"
    console.run(machine, line, {}, io, transport=transport)

    assert b"" == io.stderr
    return io.stdout.decode().splitlines()


def exchange(machine: Machine, script: str, transport: str = "local") -> list[str]:
    """Run a script with the cmdlets of the version's snap-in."""
    return ps(machine, f"Add-PSSnapin {machine.product.snapin}\n{script}", transport)


@each_kind
def test_what_setup_leaves(kind: Kind, tmp_path: Path) -> None:
    """Build, folders, connectors, sites and services of a new server."""
    machine = install(tmp_path, kind.version, kind.roles)
    connectors = [
        f"{entry.name.removesuffix(' EX01')}:{entry.settings['Bindings'][0].rpartition(':')[2]}"
        for entry in machine.receive_connectors
    ]
    services = set(machine.services.catalogue)
    logs = ""
    if TRANSPORT_SERVICE.key in machine.transport_services:
        path = machine.transport(TRANSPORT_SERVICE).settings["ReceiveProtocolLogPath"]
        logs = path.removeprefix(f"{kind.folder}TransportRoles\\Logs\\").removesuffix("\\SmtpReceive")

    assert kind.folder == machine.spec.install_path
    assert kind.connectors == connectors
    assert kind.logs == logs
    assert kind.sites == [site["name"] for site in machine.iis.sites()]
    assert kind.services <= services
    assert not kind.lacks & services
    assert {"Running"} == {machine.service(name).state for name in kind.services}


@each_kind
def test_what_a_script_finds_in_the_registry(kind: Kind, tmp_path: Path) -> None:
    """Setup's key, the roles' keys and IIS's say what is installed; no other role's key is there."""
    machine = install(tmp_path, kind.version, kind.roles)
    vendor = "Exchange" if kind.version == "2007" else "ExchangeServer"
    keys = [key for key in machine.registry if key.endswith("Role")]
    setup = f"HKLM:\\SOFTWARE\\Microsoft\\{vendor}\\{kind.role_keys[0].partition(chr(92))[0]}\\Setup"
    found = ps(
        machine,
        f"$s = Get-ItemProperty '{setup}'; $s.MsiInstallPath\n"
        '"$($s.MsiProductMajor).$($s.MsiProductMinor).$($s.MsiBuildMajor).$($s.MsiBuildMinor)"\n'
        "(Get-WmiObject Win32_OperatingSystem).Version\n"
        "$k = 'HKLM:\\SOFTWARE\\Microsoft\\InetStp'\n"
        'if (Test-Path $k) { $i = Get-ItemProperty $k; "$($i.MajorVersion).$($i.MinorVersion)" } else { "" }\n'
        '"$($PSVersionTable.PSVersion.Major).$($PSVersionTable.PSVersion.Minor)"',
    )

    assert [kind.folder, kind.build, kind.windows, kind.iis, kind.powershell] == found
    assert {f"HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\{vendor}\\{key}" for key in kind.role_keys} == set(keys)


@each_kind
def test_powershell_2_lacks_what_it_lacks(kind: Kind, tmp_path: Path) -> None:
    """ConvertTo-Json came with 3.0: before it, it is a name that nobody has heard of."""
    found = ps(install(tmp_path, kind.version, kind.roles), "ConvertTo-Json -Compress 1, 2")
    if kind.powershell == "2.0":
        assert "CommandNotFoundException" == found[0]
        assert "'ConvertTo-Json' is not recognized" in found[1]
    else:
        assert ["[1,2]"] == found


CMDLETS = {
    "Get-TransportServer": "all",
    "Set-TransportServer": "all",
    "Get-MailboxServer": "old",
    "Set-MailboxServer": "old",
    "Get-TransportService": "new edge",
    "Set-TransportService": "new edge",
    "Get-FrontendTransportService": "new",
    "Set-FrontendTransportService": "new",
    "Get-MailboxTransportService": "new",
    "Set-MailboxTransportService": "new",
    "Get-ReceiveConnector": "all",
    "Get-SendConnector": "all",
    "Get-ExchangeServer": "all",
    "Get-EdgeSubscription": "all",
}
"""Which servers have a cmdlet: of any version, those up to 2010, those from 2013 on, and of the latter Edge ones."""


@each_kind
def test_cmdlets_of_a_version(kind: Kind, tmp_path: Path) -> None:
    """A version's snap-in brings its own cmdlets; another version's are not recognized."""
    machine = install(tmp_path, kind.version, kind.roles)
    edge, old = machine.parts.edge, kind.version in ("2007", "2010")
    expected = {
        name: where == "all" or (old and where == "old" and not edge) or (not old and where.endswith("edge"))
        for name, where in CMDLETS.items()
    } | {name: not old and not edge for name, where in CMDLETS.items() if where == "new"}
    asked = [name for name in CMDLETS if old or edge or not name.endswith("MailboxServer")]
    found = exchange(
        machine,
        "\n".join(f"[bool](Get-Command {name} -ErrorAction SilentlyContinue)" for name in asked),
    )
    refused = [name for name in asked if not expected[name]]

    assert [str(expected[name]) for name in asked] == found
    for name in refused:
        assert "CommandNotFoundException" == exchange(machine, name)[0]


@each_kind
def test_only_the_own_snapin_is_there(kind: Kind, tmp_path: Path) -> None:
    """Each generation's snap-in has a name of its own."""
    machine = install(tmp_path, kind.version, kind.roles)
    names = f"'{ADMIN}', '{E2010}', '{SNAPIN}'"
    found = ps(
        machine,
        f"foreach ($n in {names}) {{ if (Get-PSSnapin -Name $n -Registered -ErrorAction SilentlyContinue) {{ $n }} }}",
    )

    assert [kind.snapin] == found


@each_kind
def test_the_second_hop(kind: Kind, tmp_path: Path) -> None:
    """Over NTLM the snap-in can't reach the domain controller; delegation helps, and an Edge server needs none."""
    read = "(Get-ExchangeServer $env:COMPUTERNAME).Name"
    machine = install(tmp_path / "plain", kind.version, kind.roles)
    delegated = install(tmp_path / "delegated", kind.version, kind.roles, delegation=True)
    over_ntlm = exchange(machine, read, "ntlm")

    assert ["EX01"] == exchange(machine, read, "credssp")
    assert ["EX01"] == exchange(delegated, read, "ntlm")
    if machine.parts.edge:
        assert ["EX01"] == over_ntlm
    else:
        assert "Active Directory operation failed on dc01.corp.example" in over_ntlm[1]


@each_kind
def test_the_endpoint(kind: Kind, tmp_path: Path) -> None:
    """Remote sessions came with 2010, and an Edge server has no IIS to serve them."""
    machine = install(tmp_path, kind.version, kind.roles)
    found = ps(
        machine,
        "$p = New-Object System.Security.SecureString; 'secret'.ToCharArray() | ForEach-Object { $p.AppendChar($_) }\n"
        "$c = New-Object System.Management.Automation.PSCredential('CORP\\Administrator', $p)\n"
        "$s = New-PSSession -ConfigurationName Microsoft.Exchange -Authentication Kerberos -Credential $c "
        "-ConnectionUri http://ex01.corp.example/PowerShell/\n"
        "Import-PSSession $s -CommandName Get-ExchangeServer, Get-TransportServer | Out-Null\n"
        "(Get-ExchangeServer).Name",
    )
    if kind.version == "2007" or machine.parts.edge:
        assert "PSSessionOpenFailed" in found[0]
        assert "Connecting to remote server ex01.corp.example failed" in found[1]
        assert ("HTTP status code of 404" if machine.iis.installed else "cannot connect to the destination") in found[1]
    else:
        assert ["EX01"] == found


@pytest.mark.parametrize(
    ("version", "roles", "line"),
    [
        ("2007", "hub_transport", "Set-ReceiveConnector 'Default EX01' -ExtendedProtectionPolicy None"),
        ("2010", "hub_transport", "Set-ReceiveConnector 'Default EX01' -TransportRole HubTransport"),
        ("2010", "hub_transport", "Set-SendConnector Internet -FrontendProxyEnabled $true"),
        ("2010", "hub_transport", "Set-TransportServer EX01 -QueueLogPath C:\\Logs"),
        ("2007", "hub_transport", "Set-TransportServer EX01 -IrmLogPath C:\\Logs"),
        ("2013", "client_access", "Set-FrontendTransportService EX01 -RoutingTableLogPath C:\\Logs"),
        ("2013", "mailbox", "Set-ReceiveConnector 'Default EX01' -AuthTarpitInterval 00:00:05"),
        ("2013", "mailbox", "Set-SendConnector Internet -IsCoexistenceConnector $true"),
    ],
)
def test_parameters_of_a_later_or_earlier_version(version: str, roles: str, line: str, tmp_path: Path) -> None:
    """A parameter that the version hasn't got can't be found."""
    found = exchange(install(tmp_path, version, roles), line)

    assert found[0].startswith("NamedParameterNotFound")


@pytest.mark.parametrize(
    ("version", "roles", "noun"),
    [
        ("2010", "mailbox", "TransportServer"),
        ("2010", "hub_transport", "MailboxServer"),
        ("2013", "client_access", "TransportService"),
        ("2013", "client_access", "MailboxTransportService"),
        ("2013", "mailbox", "FrontendTransportService"),
    ],
)
def test_a_server_lacks_the_services_of_other_roles(version: str, roles: str, noun: str, tmp_path: Path) -> None:
    """The cmdlet is there, the organisation has it; this server's object isn't."""
    found = exchange(install(tmp_path, version, roles), f"Get-{noun} EX01")

    assert "ManagementObjectNotFoundException" in found[0]
    assert "object 'EX01' couldn't be found" in found[1]


@pytest.mark.parametrize(
    ("version", "roles", "noun", "sizes"),
    [
        ("2007", "hub_transport", "TransportServer", ["10MB", "250MB"]),
        ("2007", "mailbox", "MailboxServer", ["10MB", "250MB"]),
        ("2007", "edge_transport", "TransportServer", ["10MB", "250MB"]),
        ("2010", "hub_transport", "TransportServer", ["10 MB (10,485,760 bytes)", "1000 MB (1,048,576,000 bytes)"]),
        ("2010", "mailbox", "MailboxServer", ["10 MB (10,485,760 bytes)", "250 MB (262,144,000 bytes)"]),
        ("2013", "mailbox", "TransportService", ["10 MB (10,485,760 bytes)", "1000 MB (1,048,576,000 bytes)"]),
        ("2016", "edge_transport", "TransportService", ["10 MB (10,485,760 bytes)", "1000 MB (1,048,576,000 bytes)"]),
    ],
)
def test_message_tracking_in_the_version_s_own_forms(
    version: str, roles: str, noun: str, sizes: list[str], tmp_path: Path
) -> None:
    """Paths are objects in the server's own process; 2007 writes sizes in its own way; what is set reads back."""
    machine = install(tmp_path, version, roles)
    shown = (
        f"$s = Get-{noun} EX01; $s.MessageTrackingLogPath.PathName; $s.MessageTrackingLogMaxFileSize.ToString()\n"
        "[string]$s.MessageTrackingLogMaxDirectorySize; [string]$s.MessageTrackingLogMaxAge"
    )
    before = exchange(machine, shown)
    exchange(machine, f"Set-{noun} EX01 -MessageTrackingLogPath D:\\Tracking -MessageTrackingLogMaxFileSize 20MB")
    after = exchange(machine, shown)

    assert [f"{machine.spec.install_path}TransportRoles\\Logs\\MessageTracking", *sizes, "30.00:00:00"] == before
    assert "D:\\Tracking" == after[0]
    assert sizes[0].replace("10MB", "20MB").replace("10 MB (10,485,760", "20 MB (20,971,520") == after[1]


def test_the_old_cmdlet_warns_on_later_versions(tmp_path: Path) -> None:
    """Get-TransportServer still works in 2013 and later, and says what to use instead."""
    machine = install(tmp_path, "2013", "mailbox")
    found = exchange(machine, "(Get-TransportServer EX01 3>&1) | ForEach-Object { [string]$_ }")

    assert "Use the Get-TransportService cmdlet instead." in found[0]
    assert "EX01" == found[1]


@pytest.mark.parametrize(
    ("version", "way"), [("2007", "snap-in"), ("2010", "module"), ("2013", "module"), ("2019", "module")]
)
def test_iis_cmdlets(version: str, way: str, tmp_path: Path) -> None:
    """A snap-in on Windows Server 2008 and a module later; the Referer is logged by default from IIS 8 on."""
    machine = install(tmp_path, version, "mailbox")
    bring = {"snap-in": "Add-PSSnapin WebAdministration", "module": "Import-Module WebAdministration"}
    other = bring["module" if way == "snap-in" else "snap-in"]
    place = "-PSPath MACHINE/WEBROOT/APPHOST -Filter system.applicationHost/sites/siteDefaults/logFile"
    read = f"Get-WebConfigurationProperty {place} -Name logExtFileFlags"
    fields = ps(machine, f"{bring[way]}\n{read}")[0].split(",")

    assert {"Method", "TimeTaken"} <= set(fields)
    assert ("Referer" in fields) == (version not in ("2007", "2010"))
    assert ps(machine, other)[1].startswith(("The specified module", "The Windows PowerShell snap-in"))
    assert [str(way == "module")] == ps(machine, "[bool](Get-Module -ListAvailable WebAdministration)")


def test_no_iis_no_cmdlets(tmp_path: Path) -> None:
    """A server without IIS has neither its service nor its cmdlets."""
    machine = install(tmp_path, "2016", "edge_transport")

    assert "CommandNotFoundException" == ps(machine, "Get-Website")[0]
    assert "Modules_ModuleNotFound" in ps(machine, "Import-Module WebAdministration")[0]
    assert "NoServiceFoundForGivenName" in ps(machine, "Get-Service W3SVC")[0]


def test_a_subscribed_edge_server(tmp_path: Path) -> None:
    """Both sides know of the subscription, and EdgeSync has brought the Edge server its send connectors."""
    organisations = Organisations(tmp_path)
    specs = [
        MachineSpec("ex01.corp.example", "2016"),
        MachineSpec("edge01.corp.example", "2016", ("edge_transport",), subscribed=True),
        MachineSpec("edge02.corp.example", "2016", ("edge_transport",)),
    ]
    machines = []
    for spec in specs:
        machines.append(Machine.create(spec, organisations.of(spec), tmp_path))
        organisations.settle(machines[-1])
    inside, subscribed, alone = machines
    read = "foreach ($s in @(Get-EdgeSubscription)) { $s.Name + ' ' + $s.Site }"
    named = ["EDGE01 corp.example/Configuration/Sites/Default-First-Site-Name"]

    assert [named, named, []] == [exchange(machine, read) for machine in machines]
    assert [["Internet"], []] == [exchange(machine, "(Get-SendConnector).Name") or [] for machine in (inside, alone)]
    assert [
        "EdgeSync - Inbound to Default-First-Site-Name",
        "EdgeSync - Default-First-Site-Name to Internet",
    ] == exchange(subscribed, "Get-SendConnector | ForEach-Object { $_.Name }")


def test_each_domain_has_its_organisation(tmp_path: Path) -> None:
    """Servers of one domain share their send connectors, those of another domain don't, nor does an Edge server."""
    organisations = Organisations(tmp_path)
    names = ["ex01.one.example", "ex02.one.example", "ex01.two.example"]
    one, other, two = (organisations.of(MachineSpec(name)) for name in names)

    assert one is other
    assert one is not two
    assert one is not organisations.of(MachineSpec("edge.one.example", roles=("edge_transport",)))


def test_servers_of_one_name_in_two_domains(tmp_path: Path) -> None:
    """Each keeps its own state."""
    organisations = Organisations(tmp_path)
    specs = [MachineSpec(f"ex01.{domain}.example") for domain in ("one", "two")]
    first, second = (Machine.create(spec, organisations.of(spec), tmp_path) for spec in specs)
    exchange(first, "Set-TransportService EX01 -MessageTrackingLogEnabled $false")

    assert [["False"], ["True"]] == [
        exchange(machine, "(Get-TransportService EX01).MessageTrackingLogEnabled") for machine in (first, second)
    ]


@pytest.mark.parametrize(
    ("version", "roles"),
    [
        ("2000", ""),
        ("2003", "edge_transport"),
        ("2003", "mailbox hub_transport"),
        ("2007", "edge_transport hub_transport"),
        ("2013", "hub_transport"),
        ("2016", "client_access"),
        ("2019", "edge_transport mailbox"),
    ],
)
def test_what_setup_does_not_install(version: str, roles: str) -> None:
    """Roles that a version hasn't got, or that can't stand together, are refused."""
    with pytest.raises(ValueError, match=f"Exchange {version} is not"):
        MachineSpec("ex01.corp.example", version, tuple(roles.split()))
