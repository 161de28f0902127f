"""The Exchange server object, as ``Get-ExchangeServer`` shows it."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from harness.lab.powershell.objects import PSObject
from harness.lab.state.connectors import NETWORK_ADDRESSES, OBJECT_ID_KIND, SERVER_ROLE
from harness.lab.state.directory import ObjectClass
from harness.lab.state.kinds import BOOL, INT, PATH, SPAN, STRING, STRINGS, enumeration, named

if TYPE_CHECKING:
    from harness.lab.state.directory import Forest
    from harness.lab.state.products import Build, Parts, Product
    from harness.lab.store import Json

_DATA = "Microsoft.Exchange.Data"
_DIRECTORY = f"{_DATA}.Directory"
EDITION = enumeration(
    f"{_DATA}.ServerEditionType",
    {"Unknown": -1, "Standard": 0, "Enterprise": 1, "StandardEvaluation": 2, "EnterpriseEvaluation": 3},
)

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


_SPLIT = 2010
_UNIFIED = 2016
_SINCE = {
    "IsE14OrLater": 2010,
    "InternetWebProxy": 2010,
    "CustomerFeedbackEnabled": 2010,
    "IsE15OrLater": 2013,
    "IsFrontendTransportServer": 2013,
    "MonitoringGroup": 2013,
    "MailboxProvisioningAttributes": 2013,
    "InternetWebProxyBypassList": 2016,
    "MitigationsEnabled": 2016,
    "MitigationsApplied": 2016,
    "MitigationsBlocked": 2016,
    "DataCollectionEnabled": 2016,
}
"""The version that first shows a property; 2007 shows the others. (Believed: the reference doesn't tell.)"""


@cache
def server_class(year: int) -> ObjectClass:
    """Give the class of the server object as a version shows it.

    Args:
        year: The version's.
    """
    shown = {name: kind for name, kind in EXCHANGE_SERVER.properties.items() if _SINCE.get(name, 0) <= year}
    return replace(EXCHANGE_SERVER, properties=shown)


def server_version(build: Build) -> PSObject:
    """Make ``AdminDisplayVersion``."""
    properties = {
        "Major": build.major,
        "Minor": build.minor,
        "Build": build.build,
        "Revision": build.revision,
        "FilePatchLevelDescription": None,
    }
    return PSObject(f"{_DATA}.ServerVersion", properties, text=build.text)


def _server_role(product: Product, parts: Parts) -> str:
    """Give ``ServerRole``; from 2016 on it is one role, whatever that consists of."""
    if parts.edge:
        return "Edge"
    names = {"Mailbox": parts.mailbox}
    if product.year < _UNIFIED:
        names["ClientAccess"] = parts.client_access
    if product.year <= _SPLIT:
        names |= {"UnifiedMessaging": parts.unified_messaging, "HubTransport": parts.hub}
    return ", ".join(name for name, has in names.items() if has)


def new_server(
    name: str, fqdn: str, forest: Forest, *, install_path: str, product: Product, parts: Parts
) -> dict[str, Json]:
    """Give the settings of a new server's object.

    Args:
        name: Its short name.
        fqdn: Its full name.
        forest: Where its organisation lives.
        install_path: Where Exchange is, with the trailing backslash.
        product: Its version.
        parts: What it consists of.
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
        "IsHubTransportServer": parts.hub,
        "IsClientAccessServer": parts.client_access,
        "IsExchange2007OrLater": True,
        "IsEdgeServer": parts.edge,
        "IsMailboxServer": parts.mailbox,
        "IsE14OrLater": product.year >= _SPLIT,
        "IsE15OrLater": product.year > _SPLIT,
        "IsProvisionedServer": False,
        "IsUnifiedMessagingServer": parts.unified_messaging,
        "IsFrontendTransportServer": parts.front_end,
        "NetworkAddress": [
            *(f"{protocol}:{name}" for protocol in protocols),
            f"ncacn_ip_tcp:{fqdn}",
            f"ncalrpc:{name}",
        ],
        "OrganizationalUnit": f"{domain}/{name}",
        "ServerRole": _server_role(product, parts),
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
