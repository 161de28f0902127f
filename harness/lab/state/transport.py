"""The transport services of Exchange 2016: their settings and the documented defaults.

Each service's object has a property for each parameter of its ``Set-`` cmdlet. Parameters that Microsoft reserves for
itself are in `Service.reserved`: they can be given to the cmdlets, and using one is "not simulated". What the services
are in other versions follows from these in `harness.lab.state.variants`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.lab.state.connectors import IP_ADDRESS, PROTOCOL_LOGGING
from harness.lab.state.directory import ObjectClass
from harness.lab.state.kinds import (
    BOOL,
    GUID,
    INT,
    PATH,
    SIZE,
    SPAN,
    STRING,
    UNLIMITED_INT,
    UNLIMITED_SIZE,
    Kind,
    enumeration,
    multi_valued,
    named,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.lab.store import Json

_MB = 1024**2
_DIRECTORY = "Microsoft.Exchange.Data.Directory"
PROTOCOL_OPTION = enumeration(
    f"{_DIRECTORY}.SystemConfiguration.ProtocolOption", {"Any": 0, "UseUdpOnly": 1, "UseTcpOnly": 2}
)
ADDRESSES = multi_valued("System.Net.IPAddress", IP_ADDRESS)
ADDRESS = named("Microsoft.Exchange.Data.SmtpAddress")
_NO_GUID = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True, slots=True)
class Setting:
    """One property of a service.

    Args:
        kind: What it holds.
        default: Its stored form on a new server; a path is relative to the installation folder.
    """

    kind: Kind
    default: Json


@dataclass(frozen=True, slots=True)
class Service:
    """One of the transport services.

    Args:
        key: Where its settings stand in a host's state, whatever the version calls it.
        kind: Its class.
        settings: By property.
        parts: The parts of a server (see `Parts`) of which any brings it.
        reserved: Parameters of its ``Set-`` cmdlet that aren't simulated.
    """

    key: str
    kind: ObjectClass
    settings: Mapping[str, Setting]
    parts: frozenset[str]
    reserved: tuple[str, ...] = ()

    def defaults(self, install_path: str) -> dict[str, Json]:
        """Give a new server's settings.

        Args:
            install_path: Where Exchange is, with the trailing backslash.
        """
        return {
            name: install_path + setting.default if setting.kind is PATH and setting.default else setting.default
            for name, setting in self.settings.items()
        }


def _log(
    name: str,
    path: str | None,
    days: int,
    directory: Json,
    *,
    enabled: bool | None = None,
    file: int | None = 10,
    directory_kind: Kind = UNLIMITED_SIZE,
    file_kind: Kind = UNLIMITED_SIZE,
) -> dict[str, Setting]:
    """Make the settings of one log.

    Args:
        name: What they begin with.
        path: Its folder, below the installation folder.
        days: How long its files are kept.
        directory: How large the folder may grow, in MB.
        enabled: Whether it is on; ``None`` where it has no such setting.
        file: How large a file may grow, in MB; ``None`` where it has no such setting.
        directory_kind: Of the folder's limit.
        file_kind: Of the file's limit.
    """
    settings = {} if enabled is None else {f"{name}Enabled": Setting(BOOL, enabled)}
    settings[f"{name}MaxAge"] = Setting(SPAN, f"{days}.00:00:00")
    settings[f"{name}MaxDirectorySize"] = Setting(directory_kind, directory * _MB)
    if file is not None:
        settings[f"{name}MaxFileSize"] = Setting(file_kind, file * _MB)
    settings[f"{name}Path"] = Setting(PATH, path)
    return settings


def _name_resolution() -> dict[str, Setting]:
    settings = {}
    for side in ("External", "Internal"):
        settings[f"{side}DNSAdapterEnabled"] = Setting(BOOL, default=True)
        settings[f"{side}DNSAdapterGuid"] = Setting(GUID, _NO_GUID)
        settings[f"{side}DNSProtocolOption"] = Setting(PROTOCOL_OPTION, "Any")
        settings[f"{side}DNSServers"] = Setting(ADDRESSES, [])
    settings["ExternalIPAddress"] = Setting(IP_ADDRESS, None)
    return settings


_LOGS = "TransportRoles\\Logs\\"
_CONTENT_TRACING = {"ContentConversionTracingEnabled": Setting(BOOL, default=False)}


def _pipeline_tracing(folder: str) -> dict[str, Setting]:
    return {
        "PipelineTracingEnabled": Setting(BOOL, default=False),
        "PipelineTracingPath": Setting(PATH, f"{_LOGS}{folder}\\PipelineTracing"),
        "PipelineTracingSenderAddress": Setting(ADDRESS, None),
    }


def _protocol_logs(folder: str) -> dict[str, Setting]:
    return {
        **_log("ReceiveProtocolLog", f"{_LOGS}{folder}\\ProtocolLog\\SmtpReceive", 30, 250),
        **_log("SendProtocolLog", f"{_LOGS}{folder}\\ProtocolLog\\SmtpSend", 30, 250),
    }


_DELIVERIES = {
    "MaxConcurrentMailboxDeliveries": Setting(INT, 20),
    "MaxConcurrentMailboxSubmissions": Setting(INT, 20),
}
_RETRIES = {
    "TransientFailureRetryCount": Setting(INT, 6),
    "TransientFailureRetryInterval": Setting(SPAN, "00:05:00"),
}

_TRANSPORT: dict[str, Setting] = {
    **_log(
        "ActiveUserStatisticsLog",
        f"{_LOGS}Hub\\ActiveUsersStats",
        30,
        250,
        directory_kind=SIZE,
        file_kind=SIZE,
    ),
    **_log("AgentLog", f"{_LOGS}Hub\\AgentLog", 7, 250, enabled=True),
    "AntispamAgentsEnabled": Setting(BOOL, default=False),
    **_log("ConnectivityLog", f"{_LOGS}Hub\\Connectivity", 30, 1000, enabled=True),
    **_CONTENT_TRACING,
    "DelayNotificationTimeout": Setting(SPAN, "04:00:00"),
    **_log("DnsLog", None, 7, 100, enabled=False),
    **_name_resolution(),
    "IntraOrgConnectorProtocolLoggingLevel": Setting(PROTOCOL_LOGGING, "None"),
    "IntraOrgConnectorSmtpMaxMessagesPerConnection": Setting(INT, 20),
    **_log("IrmLog", "IRMLogs", 30, 250, enabled=True, file_kind=SIZE),
    **_DELIVERIES,
    "MaxConnectionRatePerMinute": Setting(INT, 1200),
    "MaxOutboundConnections": Setting(UNLIMITED_INT, 1000),
    "MaxPerDomainOutboundConnections": Setting(UNLIMITED_INT, 40),
    "MessageExpirationTimeout": Setting(SPAN, "2.00:00:00"),
    "MessageRetryInterval": Setting(SPAN, "00:05:00"),
    **_log("MessageTrackingLog", f"{_LOGS}MessageTracking", 30, 1000, enabled=True, file_kind=SIZE),
    "MessageTrackingLogSubjectLoggingEnabled": Setting(BOOL, default=True),
    "OutboundConnectionFailureRetryInterval": Setting(SPAN, "00:10:00"),
    "PickupDirectoryMaxHeaderSize": Setting(SIZE, 64 * 1024),
    "PickupDirectoryMaxMessagesPerMinute": Setting(INT, 100),
    "PickupDirectoryMaxRecipientsPerMessage": Setting(INT, 100),
    "PickupDirectoryPath": Setting(PATH, "TransportRoles\\Pickup"),
    **_pipeline_tracing("Hub"),
    "PoisonMessageDetectionEnabled": Setting(BOOL, default=True),
    "PoisonThreshold": Setting(INT, 2),
    **_log("QueueLog", f"{_LOGS}Hub\\QueueViewer", 7, 200),
    "QueueMaxIdleTime": Setting(SPAN, "00:03:00"),
    **_protocol_logs("Hub"),
    "RecipientValidationCacheEnabled": Setting(BOOL, default=False),
    "ReplayDirectoryPath": Setting(PATH, "TransportRoles\\Replay"),
    "RootDropDirectoryPath": Setting(STRING, None),
    **_log("RoutingTableLog", f"{_LOGS}Hub\\Routing", 7, 50, file=None),
    **_log("ServerStatisticsLog", f"{_LOGS}Hub\\ServerStats", 30, 250, directory_kind=SIZE, file_kind=SIZE),
    **_RETRIES,
    "UseDowngradedExchangeServerAuth": Setting(BOOL, default=False),
}

_FRONTEND: dict[str, Setting] = {
    **_log("AgentLog", f"{_LOGS}FrontEnd\\AgentLog", 7, 250, enabled=True),
    "AntispamAgentsEnabled": Setting(BOOL, default=False),
    **_log("ConnectivityLog", f"{_LOGS}FrontEnd\\Connectivity", 30, 1000, enabled=True),
    **_log("DnsLog", None, 7, 100, enabled=False),
    **_name_resolution(),
    "IntraOrgConnectorProtocolLoggingLevel": Setting(PROTOCOL_LOGGING, "Verbose"),
    "MaxConnectionRatePerMinute": Setting(INT, 1200),
    **_protocol_logs("FrontEnd"),
    **_log("RoutingTableLog", f"{_LOGS}FrontEnd\\Routing", 7, 250, file=None),
    **_RETRIES,
}

_MAILBOX: dict[str, Setting] = {
    **_log("ConnectivityLog", f"{_LOGS}Mailbox\\Connectivity", 30, 1000, enabled=True),
    **_CONTENT_TRACING,
    **_log("MailboxDeliveryAgentLog", f"{_LOGS}Mailbox\\AgentLog\\Delivery", 7, 250, enabled=True),
    "MailboxDeliveryConnectorMaxInboundConnection": Setting(UNLIMITED_INT, 5000),
    "MailboxDeliveryConnectorProtocolLoggingLevel": Setting(PROTOCOL_LOGGING, "None"),
    **_log("MailboxDeliveryThrottlingLog", f"{_LOGS}Throttling\\Delivery", 7, 200, enabled=True),
    **_log("MailboxSubmissionAgentLog", f"{_LOGS}Mailbox\\AgentLog\\Submission", 7, 250, enabled=True),
    **_DELIVERIES,
    **_pipeline_tracing("Mailbox"),
    **_protocol_logs("Mailbox"),
    **_log("RoutingTableLog", f"{_LOGS}Mailbox\\Routing", 7, 250, file=None),
}

_BASES = (
    f"{_DIRECTORY}.Management.ADPresentationObject",
    f"{_DIRECTORY}.ADObject",
    f"{_DIRECTORY}.ADRawEntry",
    "Microsoft.Exchange.Data.ConfigurableObject",
    "System.Object",
)


def presentation_class(name: str, settings: Mapping[str, Setting], schema: str) -> ObjectClass:
    """Make the class of a service's object.

    Args:
        name: Its own name, without the name space.
        settings: By property.
        schema: The schema class, as in ``ObjectCategory``.
    """
    properties = {key: setting.kind for key, setting in settings.items()}
    return ObjectClass(
        type_names=(f"{_DIRECTORY}.Management.{name}", *_BASES),
        properties=properties,
        category=schema,
        object_classes=("top", "server", "msExchExchangeServer"),
    )


def _reserved_log(name: str) -> tuple[str, ...]:
    return tuple(name + part for part in ("Enabled", "MaxAge", "MaxDirectorySize", "MaxFileSize", "Path"))


TRANSPORT_SERVICE = Service(
    "TransportService",
    presentation_class("TransportServer", _TRANSPORT, "ms-Exch-Exchange-Server"),
    _TRANSPORT,
    frozenset({"hub", "edge"}),
    reserved=(
        *_reserved_log("RequestBrokerLog"),
        *_reserved_log("ResourceLog"),
        *_reserved_log("TransportHttpLog"),
        *_reserved_log("TransportMaintenanceLog"),
        "TransportSyncAccountsPoisonAccountThreshold",
        "TransportSyncAccountsPoisonDetectionEnabled",
        "TransportSyncAccountsPoisonItemThreshold",
        "TransportSyncAccountsSuccessivePoisonItemThreshold",
        "TransportSyncEnabled",
        "TransportSyncExchangeEnabled",
        "TransportSyncHubHealthLogEnabled",
        "TransportSyncHubHealthLogFilePath",
        "TransportSyncHubHealthLogMaxAge",
        "TransportSyncHubHealthLogMaxDirectorySize",
        "TransportSyncHubHealthLogMaxFileSize",
        "TransportSyncImapEnabled",
        "TransportSyncLogEnabled",
        "TransportSyncLogFilePath",
        "TransportSyncLogLoggingLevel",
        "TransportSyncLogMaxAge",
        "TransportSyncLogMaxDirectorySize",
        "TransportSyncLogMaxFileSize",
        "TransportSyncMaxDownloadItemsPerConnection",
        "TransportSyncMaxDownloadSizePerConnection",
        "TransportSyncMaxDownloadSizePerItem",
        "TransportSyncPopEnabled",
        "TransportSyncRemoteConnectionTimeout",
        "WindowsLiveHotmailTransportSyncEnabled",
        "WlmLogMaxAge",
        "WlmLogMaxDirectorySize",
        "WlmLogMaxFileSize",
        "WlmLogPath",
    ),
)
FRONTEND_TRANSPORT_SERVICE = Service(
    "FrontendTransportService",
    presentation_class("FrontendTransportServerPresentationObject", _FRONTEND, "ms-Exch-Exchange-Transport-Server"),
    _FRONTEND,
    frozenset({"front_end"}),
)
MAILBOX_TRANSPORT_SERVICE = Service(
    "MailboxTransportService",
    presentation_class("MailboxTransportServerPresentationObject", _MAILBOX, "ms-Exch-Exchange-Transport-Server"),
    _MAILBOX,
    frozenset({"mailbox"}),
)
_MAILBOX_SERVER = _log("MessageTrackingLog", f"{_LOGS}MessageTracking", 30, 250, enabled=True, file_kind=SIZE)
_MAILBOX_SERVER["MessageTrackingLogSubjectLoggingEnabled"] = Setting(BOOL, default=True)
MAILBOX_SERVER = Service(
    "MailboxServer",
    presentation_class("MailboxServer", _MAILBOX_SERVER, "ms-Exch-Exchange-Server"),
    _MAILBOX_SERVER,
    frozenset({"mailbox"}),
)
"""The Mailbox server's own object, which has tracking settings up to 2010."""
SERVICES = (TRANSPORT_SERVICE, FRONTEND_TRANSPORT_SERVICE, MAILBOX_TRANSPORT_SERVICE)


def size_conflict(settings: Mapping[str, Json]) -> tuple[str, str] | None:
    """Find a log whose files may be larger than its folder.

    Returns:
        The two properties' names, or ``None``.
    """
    for name, size in settings.items():
        if not name.endswith("MaxFileSize"):
            continue
        folder = name.removesuffix("FileSize") + "DirectorySize"
        limit = settings.get(folder)
        if limit in (None, "Unlimited"):
            continue
        if size == "Unlimited" or size > limit:
            return name, folder
    return None
