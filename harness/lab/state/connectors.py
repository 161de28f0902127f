"""Receive and send connectors: their properties, and those of a freshly installed Exchange 2016 Mailbox server."""

from __future__ import annotations

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
    many,
    multi_valued,
    named,
    text_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.lab.powershell.objects import PSObject, Value
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
    {"None": 0, "Mailbox": 2, "ClientAccess": 4, "HubTransport": 32, "Edge": 64, "FrontendTransport": 16384},
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


def stock_receive_connectors(server: str, fqdn: str, forest: Forest) -> list[dict[str, Json]]:
    """Make the five connectors that setup leaves on a Mailbox server, in their stored form.

    Args:
        server: The server's short name.
        fqdn: Its full name.
        forest: Where it lives.
    """
    return [
        new_receive_connector(
            f"{name} {server}",
            server,
            forest,
            {**receive_defaults(fqdn), "Bindings": [f"[::]:{port}", f"0.0.0.0:{port}"], **settings},
        )
        for name, port, settings in _STOCK
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
