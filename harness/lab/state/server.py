"""The Exchange server object, as ``Get-ExchangeServer`` shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.lab.powershell.objects import PSObject
from harness.lab.state.connectors import NETWORK_ADDRESSES, OBJECT_ID_KIND, SERVER_ROLE
from harness.lab.state.directory import ObjectClass
from harness.lab.state.kinds import BOOL, INT, PATH, SPAN, STRING, STRINGS, enumeration, named

if TYPE_CHECKING:
    from harness.lab.state.directory import Forest
    from harness.lab.store import Json

_DATA = "Microsoft.Exchange.Data"
_DIRECTORY = f"{_DATA}.Directory"
EDITION = enumeration(
    f"{_DATA}.ServerEditionType",
    {"Unknown": -1, "Standard": 0, "Enterprise": 1, "StandardEvaluation": 2, "EnterpriseEvaluation": 3},
)


@dataclass(frozen=True, slots=True)
class Build:
    """A version of Exchange, for example 15.1.2507.6."""

    major: int
    minor: int
    build: int
    revision: int

    @property
    def text(self) -> str:
        """As ``AdminDisplayVersion`` gives it."""
        return f"Version {self.major}.{self.minor} (Build {self.build}.{self.revision})"

    def as_object(self) -> PSObject:
        """Make ``AdminDisplayVersion``."""
        properties = {
            "Major": self.major,
            "Minor": self.minor,
            "Build": self.build,
            "Revision": self.revision,
            "FilePatchLevelDescription": None,
        }
        return PSObject(f"{_DATA}.ServerVersion", properties, text=self.text)


BUILDS = {"2003": Build(6, 5, 7638, 0), "2016": Build(15, 1, 2507, 6)}
"""The build that is simulated of each version: Service Pack 2 of 2003, Cumulative Update 23 of 2016, the last ones."""


@dataclass(frozen=True, slots=True)
class Windows:
    """What a server stands on.

    Args:
        caption: As WMI gives it.
        version: For example ``10.0.14393``.
        powershell: The version of Windows PowerShell.
    """

    caption: str
    version: str
    powershell: str


EXCHANGE_SERVER = ObjectClass(
    type_names=(
        f"{_DIRECTORY}.Management.ExchangeServer",
        f"{_DIRECTORY}.Management.ADPresentationObject",
        f"{_DIRECTORY}.ADObject",
        f"{_DIRECTORY}.ADRawEntry",
        f"{_DATA}.ConfigurableObject",
        "System.Object",
    ),
    properties={
        "DataPath": PATH,
        "Domain": STRING,
        "Edition": EDITION,
        "ExchangeLegacyDN": STRING,
        "ExchangeLegacyServerRole": INT,
        "Fqdn": STRING,
        "CustomerFeedbackEnabled": BOOL,
        "InternetWebProxy": STRING,
        "InternetWebProxyBypassList": STRING,
        "IsHubTransportServer": BOOL,
        "IsClientAccessServer": BOOL,
        "IsExchange2007OrLater": BOOL,
        "IsEdgeServer": BOOL,
        "IsMailboxServer": BOOL,
        "IsE14OrLater": BOOL,
        "IsE15OrLater": BOOL,
        "IsProvisionedServer": BOOL,
        "IsUnifiedMessagingServer": BOOL,
        "IsFrontendTransportServer": BOOL,
        "NetworkAddress": NETWORK_ADDRESSES,
        "OrganizationalUnit": STRING,
        "AdminDisplayVersion": named(f"{_DATA}.ServerVersion"),
        "Site": OBJECT_ID_KIND,
        "ServerRole": SERVER_ROLE,
        "ErrorReportingEnabled": BOOL,
        "MitigationsEnabled": BOOL,
        "StaticDomainControllers": STRINGS,
        "StaticGlobalCatalogs": STRINGS,
        "StaticConfigDomainController": STRING,
        "StaticExcludedDomainControllers": STRINGS,
        "MonitoringGroup": STRING,
        "CurrentDomainControllers": STRINGS,
        "CurrentGlobalCatalogs": STRINGS,
        "CurrentConfigDomainController": STRING,
        "ProductID": STRING,
        "IsExchangeTrialEdition": BOOL,
        "IsExpiredExchangeTrialEdition": BOOL,
        "MailboxProvisioningAttributes": STRING,
        "RemainingTrialPeriod": SPAN,
        "MitigationsApplied": STRING,
        "MitigationsBlocked": STRING,
        "DataCollectionEnabled": BOOL,
    },
    category="ms-Exch-Exchange-Server",
    object_classes=("top", "server", "msExchExchangeServer"),
    hidden=frozenset({"AdminDisplayName"}),
)


def mailbox_server(name: str, fqdn: str, forest: Forest, install_path: str) -> dict[str, Json]:
    """Give the settings of a new Mailbox server.

    Args:
        name: Its short name.
        fqdn: Its full name.
        forest: Where its organisation lives.
        install_path: Where Exchange is, with the trailing backslash.
    """
    domain = fqdn.partition(".")[2]
    legacy = f"/o={forest.organisation}/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)"
    protocols = ("ncacn_vns_spp", "netbios", "ncacn_np", "ncacn_spx")
    return {
        "DataPath": f"{install_path}Mailbox",
        "Domain": domain,
        "Edition": "Standard",
        "ExchangeLegacyDN": f"{legacy}/cn=Configuration/cn=Servers/cn={name}",
        "ExchangeLegacyServerRole": 0,
        "Fqdn": fqdn,
        "CustomerFeedbackEnabled": False,
        "InternetWebProxy": None,
        "InternetWebProxyBypassList": None,
        "IsHubTransportServer": True,
        "IsClientAccessServer": True,
        "IsExchange2007OrLater": True,
        "IsEdgeServer": False,
        "IsMailboxServer": True,
        "IsE14OrLater": True,
        "IsE15OrLater": True,
        "IsProvisionedServer": False,
        "IsUnifiedMessagingServer": True,
        "IsFrontendTransportServer": True,
        "NetworkAddress": [
            *(f"{protocol}:{name}" for protocol in protocols),
            f"ncacn_ip_tcp:{fqdn}",
            f"ncalrpc:{name}",
        ],
        "OrganizationalUnit": f"{domain}/{name}",
        "ServerRole": "Mailbox",
        "ErrorReportingEnabled": True,
        "MitigationsEnabled": True,
        "StaticDomainControllers": [],
        "StaticGlobalCatalogs": [],
        "StaticConfigDomainController": "",
        "StaticExcludedDomainControllers": [],
        "MonitoringGroup": "",
        # Read from the server itself and only with -Status; the directory doesn't keep them.
        "CurrentDomainControllers": [],
        "CurrentGlobalCatalogs": [],
        "CurrentConfigDomainController": "",
        "ProductID": "",
        "IsExchangeTrialEdition": False,
        "IsExpiredExchangeTrialEdition": False,
        "MailboxProvisioningAttributes": None,
        "RemainingTrialPeriod": "00:00:00",
        "MitigationsApplied": None,
        "MitigationsBlocked": None,
        "DataCollectionEnabled": False,
    }
