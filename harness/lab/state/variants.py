"""The transport services in each version of Exchange: what each version has of the newest ones' settings.

From the reference of the ``Set-`` cmdlets, parameter by parameter; 2007's own reference for that version.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from harness.lab.state.kinds import PATH, in_year
from harness.lab.state.transport import (
    FRONTEND_TRANSPORT_SERVICE,
    MAILBOX_SERVER,
    MAILBOX_TRANSPORT_SERVICE,
    SERVICES,
    TRANSPORT_SERVICE,
    Service,
    Setting,
    presentation_class,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.lab.state.products import Parts, Product
    from harness.lab.store import Json

_FIRST = 2007
_SPLIT = 2010
_MB = 1024**2
_HUB = "TransportRoles\\Logs\\Hub\\"

# The first version that has the settings whose names begin so, by service; 2007 and 2013 have the others.
_SINCE: dict[str, dict[str, int]] = {
    TRANSPORT_SERVICE.key: {
        "ActiveUserStatisticsLog": 2010,
        "IntraOrgConnectorSmtpMaxMessagesPerConnection": 2010,
        "IrmLog": 2010,
        "ServerStatisticsLog": 2010,
        "UseDowngradedExchangeServerAuth": 2010,
        "AgentLog": 2013,
        "DnsLog": 2013,
        "QueueLog": 2013,
        "RequestBrokerLog": 2016,
        "TransportHttpLog": 2016,
    },
    FRONTEND_TRANSPORT_SERVICE.key: {"RoutingTableLog": 2016},
    MAILBOX_TRANSPORT_SERVICE.key: {"RoutingTableLog": 2016, "MailboxDeliveryConnectorMaxInboundConnection": 2016},
    MAILBOX_SERVER.key: {},
}
_DEFAULTS_OF_2007: dict[str, Json] = {
    "ConnectivityLogEnabled": False,
    "ConnectivityLogMaxDirectorySize": 250 * _MB,
    "MessageTrackingLogMaxDirectorySize": 250 * _MB,
}
_DEFAULTS_OF_2010: dict[str, Json] = {"IrmLogPath": "Logging\\IRMLogs"}
_NOUNS = {TRANSPORT_SERVICE.key: "TransportServer"}


def noun(service: Service, product: Product) -> str:
    """Give the noun of a service's cmdlets.

    Args:
        service: Any of them.
        product: The version: up to 2010 there was the transport server instead of its service.
    """
    return _NOUNS.get(service.key, service.key) if product.year <= _SPLIT else service.key


@cache
def services_in(product: Product, *, edge: bool = False) -> Mapping[str, Service]:
    """Give a version's services by key.

    Args:
        product: The version.
        edge: Whether they are an Edge server's.
    """
    known = (TRANSPORT_SERVICE, MAILBOX_SERVER) if product.year <= _SPLIT else SERVICES
    return {service.key: _variant(service, product, edge=edge) for service in known}


def services_of(product: Product, parts: Parts) -> Mapping[str, Service]:
    """Give a server's services by key.

    Args:
        product: The version.
        parts: What the server consists of.
    """
    known = services_in(product, edge=parts.edge)
    return {key: service for key, service in known.items() if service.parts & parts.names}


def _variant(service: Service, product: Product, *, edge: bool) -> Service:
    since = _SINCE[service.key]

    def has(name: str) -> bool:
        return all(year <= product.year for start, year in since.items() if name.startswith(start))

    settings = {
        name: _setting(name, setting, product, edge=edge) for name, setting in service.settings.items() if has(name)
    }
    name = service.kind.type_names[0].rpartition(".")[2]
    return replace(
        service,
        kind=presentation_class(name, settings, service.kind.category),
        settings=settings,
        reserved=tuple(name for name in service.reserved if has(name)) if product.year > _SPLIT else (),
    )


def _setting(name: str, setting: Setting, product: Product, *, edge: bool) -> Setting:
    default = setting.default
    if setting.kind is PATH and default:
        default = default.replace(_HUB, _folder(product, edge=edge))
    if product.year <= _SPLIT:
        default = _DEFAULTS_OF_2010.get(name, default)
    if product.year <= _FIRST:
        default = _DEFAULTS_OF_2007.get(name, default)
    return Setting(in_year(setting.kind, product.year), default)


def _folder(product: Product, *, edge: bool) -> str:
    """Give the folder of the transport service's logs: its own from 2013 on, when there are several services."""
    if product.year <= _SPLIT:
        return "TransportRoles\\Logs\\"
    return "TransportRoles\\Logs\\Edge\\" if edge else _HUB
