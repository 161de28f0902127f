"""Receive and send connectors: their properties, and those that setup leaves on a server, by version and role.

What 2010 and later have is in their cmdlets' reference, parameter by parameter; what 2007 with Service Pack 3 has, in
its own reference of Set-ReceiveConnector and Set-SendConnector.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from harness.lab.state.directory import CONFIGURATION_BASES, OBJECT_ID, Forest, ObjectClass, escape, new_entry
from harness.lab.state.kinds import (
    BOOL,
    FQDN,
    INT,
    SIZE,
    SPAN,
    STRING,
    UNLIMITED_INT,
    UNLIMITED_SIZE,
    Kind,
    enumeration,
    in_year,
    many,
    multi_valued,
    named,
    text_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.lab.powershell.objects import PSObject, Value
    from harness.lab.state.products import Parts, Product
    from harness.lab.store import Json

_DATA = "Microsoft.Exchange.Data"
_CONFIG = f"{_DATA}.Directory.SystemConfiguration"
_KB, _MB = 1024, 1024**2

PROTOCOL_LOGGING = enumeration(f"{_DATA}.ProtocolLoggingLevel", {"None": 0, "Verbose": 1})
AUTH_MECHANISMS = enumeration(
    f"{_CONFIG}.AuthMechanisms",
    {
        "None": 0,
        "Tls": 1,
        "Integrated": 2,
        "BasicAuth": 4,
        "BasicAuthRequireTLS": 8,
        "ExchangeServer": 16,
        "ExternalAuthoritative": 32,
    },
    flags=True,
)
PERMISSION_GROUPS = enumeration(
    f"{_DATA}.PermissionGroups",
    {
        "None": 0,
        "AnonymousUsers": 1,
        "ExchangeUsers": 2,
        "ExchangeServers": 4,
        "ExchangeLegacyServers": 8,
        "Partners": 16,
        "Custom": 32,
    },
    flags=True,
)
SERVER_ROLE = enumeration(
    f"{_CONFIG}.ServerRole",
    {
        "None": 0,
        "Mailbox": 2,
        "ClientAccess": 4,
        "UnifiedMessaging": 16,
        "HubTransport": 32,
        "Edge": 64,
        "FrontendTransport": 16384,
    },
    flags=True,
)
SIZE_MODE = enumeration(f"{_DATA}.SizeMode", {"Disabled": 0, "Enabled": 1, "EnabledWithoutValue": 2})
RATE_SOURCE = enumeration(f"{_CONFIG}.MessageRateSourceFlags", {"None": 0, "IPAddress": 1, "User": 2, "All": 3})
EXTENDED_PROTECTION = enumeration(f"{_CONFIG}.ExtendedProtectionPolicySetting", {"None": 0, "Allow": 1, "Require": 2})
ERROR_POLICIES = enumeration(
    f"{_DATA}.ErrorPolicies",
    {"Default": 0, "DowngradeDnsFailures": 1, "DowngradeCustomFailures": 2, "UpgradeCustomFailures": 4},
    flags=True,
)
SMART_HOST_AUTH = enumeration(
    f"{_CONFIG}.SmtpSendConnectorConfig+AuthMechanisms",
    {"None": 0, "BasicAuth": 2, "BasicAuthRequireTLS": 4, "ExchangeServer": 8, "ExternalAuthoritative": 16},
)
CONNECTOR_TYPE = enumeration(f"{_DATA}.SendConnectorType", {"Default": 0, "XPremises": 1})
REGION = enumeration(f"{_DATA}.SendConnectorRegion", {"NotSpecified": 0})
TLS_AUTH_LEVEL = enumeration(
    f"{_DATA}.TlsAuthLevel", {"EncryptionOnly": 1, "CertificateValidation": 2, "DomainValidation": 3}
)


def _binding(text: str) -> Mapping[str, Value]:
    port = text.rpartition(":")[2]
    family = "InterNetworkV6" if text.startswith("[") else "InterNetwork"
    return {"Port": int(port), "AddressFamily": family}


def _address_space(text: str) -> Mapping[str, Value]:
    scheme, _, rest = text.rpartition(":")
    domain, _, cost = rest.partition(";")
    smtp = scheme in ("", "SMTP")
    return {
        "Address": domain,
        "Type": scheme or "SMTP",
        "Cost": int(cost or 1),
        "Domain": domain,
        "IsSmtpType": smtp,
    }


def _parse_address_space(value: Value) -> str:
    members = _address_space(text_of(value))
    return f"{members['Type']}:{members['Domain']};{members['Cost']}"


def _network_address(text: str) -> Mapping[str, Value]:
    protocol, _, address = text.partition(":")
    return {"ProtocolType": protocol, "AddressString": address}


IP_BINDING = named(f"{_DATA}.IPBinding", _binding)
_ADDRESS_SPACE = Kind(
    f"{_DATA}.AddressSpace",
    _parse_address_space,
    named(f"{_DATA}.AddressSpace", _address_space).live,
)
BINDINGS = multi_valued(f"{_DATA}.IPBinding", IP_BINDING)
IP_RANGES = multi_valued(f"{_DATA}.IPRange", named(f"{_DATA}.IPRange"))
SMART_HOSTS = multi_valued(f"{_DATA}.SmartHost", named(f"{_DATA}.SmartHost"))
ADDRESS_SPACES = multi_valued(f"{_DATA}.AddressSpace", _ADDRESS_SPACE)
DOMAINS = multi_valued(f"{_DATA}.ConnectedDomain", named(f"{_DATA}.ConnectedDomain"))
CAPABILITIES = multi_valued(f"{_DATA}.SmtpReceiveDomainCapabilities", named(f"{_DATA}.SmtpReceiveDomainCapabilities"))
NETWORK_ADDRESSES = many(named(f"{_DATA}.CustomNetworkAddress", _network_address), f"{_DATA}.NetworkAddressCollection")
CERTIFICATE = named(f"{_DATA}.SmtpX509Identifier")
IP_ADDRESS = named("System.Net.IPAddress")
OBJECT_ID_KIND = named(OBJECT_ID)
OBJECT_IDS = many(
    OBJECT_ID_KIND,
    f"{_DATA}.Directory.ADMultiValuedProperty`1[[{OBJECT_ID}, Microsoft.Exchange.Data.Directory, Version=15.0.0.0, "
    "Culture=neutral, PublicKeyToken=31bf3856ad364e35]]",
)

RECEIVE_CONNECTOR = ObjectClass(
    type_names=(f"{_CONFIG}.ReceiveConnector", *CONFIGURATION_BASES),
    properties={
        "AuthMechanism": AUTH_MECHANISMS,
        "Banner": STRING,
        "BinaryMimeEnabled": BOOL,
        "Bindings": BINDINGS,
        "ChunkingEnabled": BOOL,
        "DefaultDomain": OBJECT_ID_KIND,
        "DeliveryStatusNotificationEnabled": BOOL,
        "EightBitMimeEnabled": BOOL,
        "SmtpUtf8Enabled": BOOL,
        "BareLinefeedRejectionEnabled": BOOL,
        "DomainSecureEnabled": BOOL,
        "EnhancedStatusCodesEnabled": BOOL,
        "LongAddressesEnabled": BOOL,
        "OrarEnabled": BOOL,
        "SuppressXAnonymousTls": BOOL,
        "ProxyEnabled": BOOL,
        "AdvertiseClientSettings": BOOL,
        "Fqdn": FQDN,
        "ServiceDiscoveryFqdn": FQDN,
        "TlsCertificateName": CERTIFICATE,
        "Comment": STRING,
        "Enabled": BOOL,
        "ConnectionTimeout": SPAN,
        "ConnectionInactivityTimeout": SPAN,
        "MessageRateLimit": UNLIMITED_INT,
        "MessageRateSource": RATE_SOURCE,
        "MaxInboundConnection": UNLIMITED_INT,
        "MaxInboundConnectionPerSource": UNLIMITED_INT,
        "MaxInboundConnectionPercentagePerSource": INT,
        "MaxHeaderSize": SIZE,
        "MaxHopCount": INT,
        "MaxLocalHopCount": INT,
        "MaxLogonFailures": INT,
        "MaxMessageSize": SIZE,
        "MaxProtocolErrors": UNLIMITED_INT,
        "MaxRecipientsPerMessage": INT,
        "PermissionGroups": PERMISSION_GROUPS,
        "PipeliningEnabled": BOOL,
        "ProtocolLoggingLevel": PROTOCOL_LOGGING,
        "RemoteIPRanges": IP_RANGES,
        "RequireEHLODomain": BOOL,
        "RequireTLS": BOOL,
        "EnableAuthGSSAPI": BOOL,
        "ExtendedProtectionPolicy": EXTENDED_PROTECTION,
        "LiveCredentialEnabled": BOOL,
        "TlsDomainCapabilities": CAPABILITIES,
        "Server": OBJECT_ID_KIND,
        "TransportRole": SERVER_ROLE,
        "RejectReservedTopLevelRecipientDomains": BOOL,
        "RejectReservedSecondLevelRecipientDomains": BOOL,
        "RejectSingleLabelRecipientDomains": BOOL,
        "AcceptConsumerMail": BOOL,
        "SizeEnabled": SIZE_MODE,
        "TarpitInterval": SPAN,
        "AuthTarpitInterval": SPAN,
        "MaxAcknowledgementDelay": SPAN,
    },
    category="ms-Exch-Smtp-Receive-Connector",
    object_classes=("top", "msExchSmtpReceiveConnector"),
)

SEND_CONNECTOR = ObjectClass(
    type_names=(
        f"{_CONFIG}.SmtpSendConnectorConfig",
        f"{_CONFIG}.MailGateway",
        f"{_CONFIG}.SendConnector",
        f"{_CONFIG}.ADLegacyVersionableObject",
        *CONFIGURATION_BASES,
    ),
    properties={
        "DNSRoutingEnabled": BOOL,
        "TlsDomain": named(f"{_DATA}.SmtpDomainWithSubdomains"),
        "TlsAuthLevel": TLS_AUTH_LEVEL,
        "ErrorPolicies": ERROR_POLICIES,
        "SmartHosts": SMART_HOSTS,
        "Port": INT,
        "ConnectionInactivityTimeOut": SPAN,
        "ForceHELO": BOOL,
        "FrontendProxyEnabled": BOOL,
        "IgnoreSTARTTLS": BOOL,
        "CloudServicesMailEnabled": BOOL,
        "Fqdn": FQDN,
        "TlsCertificateName": CERTIFICATE,
        "RequireTLS": BOOL,
        "RequireOorg": BOOL,
        "Enabled": BOOL,
        "ProtocolLoggingLevel": PROTOCOL_LOGGING,
        "SmartHostAuthMechanism": SMART_HOST_AUTH,
        "AuthenticationCredential": STRING,
        "UseExternalDNSServersEnabled": BOOL,
        "DomainSecureEnabled": BOOL,
        "SourceIPAddress": IP_ADDRESS,
        "SmtpMaxMessagesPerConnection": INT,
        "ConnectorType": CONNECTOR_TYPE,
        "SmartHostsString": STRING,
        "CertificateSubject": STRING,
        "Region": REGION,
        "AddressSpaces": ADDRESS_SPACES,
        "ConnectedDomains": DOMAINS,
        "IsScopedConnector": BOOL,
        "IsSmtpConnector": BOOL,
        "Comment": STRING,
        "SourceRoutingGroup": OBJECT_ID_KIND,
        "SourceTransportServers": OBJECT_IDS,
        "HomeMTA": OBJECT_ID_KIND,
        "HomeMtaServerId": OBJECT_ID_KIND,
        "MaxMessageSize": UNLIMITED_SIZE,
    },
    category="ms-Exch-Routing-SMTP-Connector",
    object_classes=("top", "msExchConnector", "mailGateway", "msExchRoutingSMTPConnector"),
)


_SPLIT = 2010
_VERBOSE_SINCE = 2016
_SINCE_2010 = {"AdvertiseClientSettings", "BareLinefeedRejectionEnabled", "ExtendedProtectionPolicy"} | {
    *("LiveCredentialEnabled", "SuppressXAnonymousTls", "TlsDomainCapabilities"),
    *("ErrorPolicies", "RequireOorg", "TlsAuthLevel", "TlsDomain"),
}
_SINCE_2013 = {"ProxyEnabled", "ServiceDiscoveryFqdn", "SmtpUtf8Enabled", "TlsCertificateName", "TransportRole"} | {
    *("CertificateSubject", "CloudServicesMailEnabled", "FrontendProxyEnabled"),
}
_SINCE_2016 = {"AcceptConsumerMail", "AuthTarpitInterval", "ConnectorType", "Region"} | {
    *("RejectReservedSecondLevelRecipientDomains", "RejectReservedTopLevelRecipientDomains"),
    "RejectSingleLabelRecipientDomains",
}
_SINCE = {
    name: year for year, names in {2010: _SINCE_2010, 2013: _SINCE_2013, 2016: _SINCE_2016}.items() for name in names
}


def _in_year(kind: ObjectClass, year: int) -> ObjectClass:
    shown = {name: in_year(held, year) for name, held in kind.properties.items() if _SINCE.get(name, 0) <= year}
    return replace(kind, properties=shown)


@cache
def receive_connector_class(year: int) -> ObjectClass:
    """Give the class of receive connectors as a version shows it.

    Args:
        year: The version's.
    """
    return _in_year(RECEIVE_CONNECTOR, year)


@cache
def send_connector_class(year: int) -> ObjectClass:
    """Give the class of send connectors as a version shows it.

    Args:
        year: The version's.
    """
    return _in_year(SEND_CONNECTOR, year)


def receive_defaults(fqdn: str) -> dict[str, Json]:
    """Give the settings of a receive connector that nothing else was said of.

    Args:
        fqdn: The server's full name, which the connector greets with.
    """
    return {
        "AuthMechanism": "Tls",
        "Banner": "",
        "BinaryMimeEnabled": True,
        "Bindings": ["[::]:25", "0.0.0.0:25"],
        "ChunkingEnabled": True,
        "DefaultDomain": None,
        "DeliveryStatusNotificationEnabled": True,
        "EightBitMimeEnabled": True,
        "SmtpUtf8Enabled": True,
        "BareLinefeedRejectionEnabled": False,
        "DomainSecureEnabled": False,
        "EnhancedStatusCodesEnabled": True,
        "LongAddressesEnabled": False,
        "OrarEnabled": False,
        "SuppressXAnonymousTls": False,
        "ProxyEnabled": False,
        "AdvertiseClientSettings": False,
        "Fqdn": fqdn,
        "ServiceDiscoveryFqdn": None,
        "TlsCertificateName": None,
        "Comment": "",
        "Enabled": True,
        "ConnectionTimeout": "00:10:00",
        "ConnectionInactivityTimeout": "00:05:00",
        "MessageRateLimit": "Unlimited",
        "MessageRateSource": "IPAddress",
        "MaxInboundConnection": 5000,
        "MaxInboundConnectionPerSource": 20,
        "MaxInboundConnectionPercentagePerSource": 2,
        "MaxHeaderSize": 256 * _KB,
        "MaxHopCount": 60,
        "MaxLocalHopCount": 5,
        "MaxLogonFailures": 3,
        "MaxMessageSize": 36 * _MB,
        "MaxProtocolErrors": 5,
        "MaxRecipientsPerMessage": 200,
        "PermissionGroups": "None",
        "PipeliningEnabled": True,
        "ProtocolLoggingLevel": "None",
        "RemoteIPRanges": ["::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "0.0.0.0-255.255.255.255"],
        "RequireEHLODomain": False,
        "RequireTLS": False,
        "EnableAuthGSSAPI": False,
        "ExtendedProtectionPolicy": "None",
        "LiveCredentialEnabled": False,
        "TlsDomainCapabilities": [],
        "TransportRole": "FrontendTransport",
        "RejectReservedTopLevelRecipientDomains": False,
        "RejectReservedSecondLevelRecipientDomains": False,
        "RejectSingleLabelRecipientDomains": False,
        "AcceptConsumerMail": False,
        "SizeEnabled": "Enabled",
        "TarpitInterval": "00:00:05",
        "AuthTarpitInterval": "00:00:05",
        "MaxAcknowledgementDelay": "00:00:30",
    }


_EVERY_AUTH = "Tls, Integrated, BasicAuth, BasicAuthRequireTLS, ExchangeServer"
_CLIENT = {"MessageRateLimit": 5, "MessageRateSource": "User", "EnableAuthGSSAPI": True}

# What differs from `receive_defaults`. Microsoft's page on receive connectors of Exchange 2016 says that Default
# Frontend alone logs its conversations on a new server; a 2019 server was seen with Outbound Proxy Frontend so too.
_STOCK: tuple[tuple[str, int, Mapping[str, Json]], ...] = (
    (
        "Default",
        2525,
        {
            "AuthMechanism": _EVERY_AUTH,
            "PermissionGroups": "ExchangeUsers, ExchangeServers, ExchangeLegacyServers",
            "TransportRole": "HubTransport",
            "SizeEnabled": "EnabledWithoutValue",
            "MaxInboundConnectionPerSource": "Unlimited",
            "MaxInboundConnectionPercentagePerSource": 100,
            "MaxRecipientsPerMessage": 5000,
        },
    ),
    (
        "Client Proxy",
        465,
        {
            **_CLIENT,
            "AuthMechanism": _EVERY_AUTH,
            "PermissionGroups": "ExchangeUsers, ExchangeServers",
            "TransportRole": "HubTransport",
        },
    ),
    (
        "Default Frontend",
        25,
        {
            "AuthMechanism": _EVERY_AUTH,
            "DomainSecureEnabled": True,
            "PermissionGroups": "AnonymousUsers, ExchangeServers, ExchangeLegacyServers",
            "ProtocolLoggingLevel": "Verbose",
        },
    ),
    (
        "Outbound Proxy Frontend",
        717,
        {
            "AuthMechanism": _EVERY_AUTH,
            "DomainSecureEnabled": True,
            "PermissionGroups": "ExchangeServers",
            "TarpitInterval": "00:00:00",
        },
    ),
    (
        "Client Frontend",
        587,
        {
            **_CLIENT,
            "AuthMechanism": "Tls, Integrated, BasicAuth, BasicAuthRequireTLS",
            "PermissionGroups": "ExchangeUsers",
        },
    ),
)


# Up to 2010, where a message is at most 10 MB large.
_UP_TO_2010 = {"MaxMessageSize": 10 * _MB, "MaxHeaderSize": 64 * _KB, "MaxLocalHopCount": 8}
_OF_A_HUB: tuple[tuple[str, int, Mapping[str, Json]], ...] = (
    ("Default", 25, {**_UP_TO_2010, **_STOCK[0][2]}),
    ("Client", 587, {**_UP_TO_2010, **_STOCK[4][2]}),
)
_OF_AN_EDGE: tuple[tuple[str, int, Mapping[str, Json]], ...] = (
    (
        "Default internal receive connector",
        25,
        {
            "AuthMechanism": "Tls, ExchangeServer",
            "PermissionGroups": "AnonymousUsers, ExchangeServers, Partners",
            "TransportRole": "HubTransport",
            "MessageRateLimit": 600,
        },
    ),
)


def _stock(product: Product, parts: Parts) -> list[tuple[str, int, Mapping[str, Json]]]:
    """Give the names, ports and settings of what setup makes."""
    if parts.edge:
        return [(name, port, {**settings, **_old(product)}) for name, port, settings in _OF_AN_EDGE]
    if product.year <= _SPLIT:
        return list(_OF_A_HUB) if parts.hub else []
    found = list(_STOCK[:2]) if parts.hub else []
    if parts.hub and not parts.front_end:
        name, _, settings = found[0]
        found[0] = (name, 25, settings)  # where no front end holds the port
    if parts.front_end:
        found += _STOCK[2:]
    if product.year < _VERBOSE_SINCE:
        found = [(name, port, {**settings, "ProtocolLoggingLevel": "None"}) for name, port, settings in found]
    return found


def _old(product: Product) -> Mapping[str, Json]:
    return _UP_TO_2010 if product.year <= _SPLIT else {}


def stock_receive_connectors(
    server: str, fqdn: str, forest: Forest, product: Product, parts: Parts
) -> list[dict[str, Json]]:
    """Make the connectors that setup leaves on a server, in their stored form.

    Args:
        server: The server's short name.
        fqdn: Its full name.
        forest: Where it lives.
        product: Its version.
        parts: What it consists of.
    """
    shown = receive_connector_class(product.year).properties
    return [
        new_receive_connector(
            f"{name} {server}",
            server,
            forest,
            {
                setting: value
                for setting, value in {
                    **receive_defaults(fqdn),
                    "Bindings": [f"[::]:{port}", f"0.0.0.0:{port}"],
                    **settings,
                }.items()
                if setting in shown
            },
        )
        for name, port, settings in _stock(product, parts)
    ]


def new_receive_connector(name: str, server: str, forest: Forest, settings: Mapping[str, Json]) -> dict[str, Json]:
    """Make a receive connector's stored form."""
    container = f"CN=SMTP Receive Connectors,CN=Protocols,CN={escape(server)},{forest.servers}"
    return new_entry(name, container, settings, scope=server)


def new_send_connector(name: str, forest: Forest, settings: Mapping[str, Json]) -> dict[str, Json]:
    """Make a send connector's stored form; settings that aren't given have their defaults.

    Args:
        name: Its name.
        forest: Where it lives.
        settings: By property; ``SourceTransportServers`` as short names.
    """
    defaults: dict[str, Json] = {
        "DNSRoutingEnabled": True,
        "TlsDomain": None,
        "TlsAuthLevel": None,
        "ErrorPolicies": "Default",
        "SmartHosts": [],
        "Port": 25,
        "ConnectionInactivityTimeOut": "00:10:00",
        "ForceHELO": False,
        "FrontendProxyEnabled": False,
        "IgnoreSTARTTLS": False,
        "CloudServicesMailEnabled": False,
        "Fqdn": None,
        "TlsCertificateName": None,
        "RequireTLS": False,
        "RequireOorg": False,
        "Enabled": True,
        "ProtocolLoggingLevel": "None",
        "SmartHostAuthMechanism": "None",
        "AuthenticationCredential": None,
        "UseExternalDNSServersEnabled": False,
        "DomainSecureEnabled": False,
        "SourceIPAddress": "0.0.0.0",  # noqa: S104  Exchange's way to say: whichever address fits
        "SmtpMaxMessagesPerConnection": 20,
        "ConnectorType": "Default",
        "CertificateSubject": None,
        "Region": "NotSpecified",
        "AddressSpaces": ["SMTP:*;1"],
        "ConnectedDomains": [],
        "IsScopedConnector": False,
        "IsSmtpConnector": True,
        "Comment": "",
        "SourceTransportServers": [],
        "MaxMessageSize": 35 * _MB,
    }
    return new_entry(name, f"CN=Connections,{forest.routing_group}", {**defaults, **settings})


def server_id(forest: Forest, server: str) -> PSObject:
    """Make the reference to a server of the organisation."""
    return forest.object_id(f"CN={escape(server)},{forest.servers}", server)
