"""Windows services of an Exchange server: what they depend on, and how they start and stop."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.lab.state.products import Parts, Product
    from harness.lab.store import Json, Store

_TOPOLOGY = ("MSExchangeADTopology",)
_PROCESS_STEP = 4


@dataclass(frozen=True, slots=True)
class Service:
    """A service as it is installed.

    Args:
        name: As ``Get-Service -Name`` takes it.
        display_name: As people read it.
        start: ``Automatic``, ``Manual`` or ``Disabled``.
        requires: The services that must run before it.
        shared: Whether it lives in a process with others (``svchost.exe``).
        program: Its program below the system or installation folder.
    """

    name: str
    display_name: str
    start: str = "Automatic"
    requires: tuple[str, ...] = ()
    shared: bool = False
    program: str = ""


class ServiceState(NamedTuple):
    """What a service does now.

    Args:
        state: ``Running`` or ``Stopped``.
        process_id: Its process's number; 0 when stopped.
    """

    state: str
    process_id: int


_WINDOWS = (
    Service("EventLog", "Windows Event Log", shared=True),
    Service("RpcSs", "Remote Procedure Call (RPC)", shared=True),
    Service("SamSs", "Security Accounts Manager", requires=("RpcSs",), shared=True),
    Service("KeyIso", "CNG Key Isolation", "Manual", ("RpcSs",), shared=True),
    Service("Winmgmt", "Windows Management Instrumentation", requires=("RpcSs",), shared=True),
    Service("W32Time", "Windows Time", shared=True),
    Service("LanmanWorkstation", "Workstation", shared=True),
    Service("LanmanServer", "Server", requires=("SamSs",), shared=True),
    Service("Netlogon", "Netlogon", requires=("LanmanWorkstation",), shared=True),
    Service("NetTcpPortSharing", "Net.Tcp Port Sharing Service", shared=True),
    Service("WinRM", "Windows Remote Management (WS-Management)", requires=("RpcSs",), shared=True),
)
_IIS = (
    Service("WAS", "Windows Process Activation Service", "Manual", ("RpcSs",), shared=True),
    Service("W3SVC", "World Wide Web Publishing Service", requires=("WAS",), shared=True),
    Service("IISADMIN", "IIS Admin Service", requires=("SamSs", "RpcSs"), shared=True),
)


@dataclass(frozen=True, slots=True)
class _Installed:
    """A service of Exchange's and the servers that have it.

    Args:
        service: As it is installed.
        on: Parts of a server (see `Parts`), of which any brings it.
        since: The first version, by its year.
        until: The last one.
    """

    service: Service
    on: frozenset[str]
    since: int
    until: int

    def fits(self, product: Product, parts: Parts) -> bool:
        """Say whether a server has it."""
        return self.since <= product.year <= self.until and bool(self.on & parts.names)


def _on(
    where: str,
    name: str,
    title: str,
    start: str = "Automatic",
    requires: tuple[str, ...] = _TOPOLOGY,
    *,
    since: int = 0,
    until: int = 9999,
    brand: str = "Microsoft Exchange ",
) -> _Installed:
    service = Service(name, f"{brand}{title}", start, requires, program=f"Bin\\{name}.exe")
    return _Installed(service, frozenset(where.split()), since, until)


_DOMAIN = "hub front_end mailbox client_access unified_messaging"
_EXCHANGE = (
    _on(_DOMAIN, "MSExchangeADTopology", "Active Directory Topology", requires=("Netlogon", "NetTcpPortSharing")),
    _on("edge", "ADAM_MSExchange", "ADAM", requires=("RpcSs",)),
    _on("edge", "MSExchangeEdgeCredential", "Credential Service", requires=("ADAM_MSExchange",)),
    _on("hub edge", "MSExchangeAntispamUpdate", "Anti-spam Update"),
    _on("hub", "MSExchangeEdgeSync", "EdgeSync"),
    _on("hub edge", "MSExchangeTransport", "Transport", requires=("FMS", *_TOPOLOGY)),
    _on("hub mailbox edge", "MSExchangeTransportLogSearch", "Transport Log Search"),
    _on(_DOMAIN + " edge", "MSExchangeServiceHost", "Service Host"),
    _on("client_access", "MSExchangeImap4", "IMAP4", "Manual"),
    _on("client_access", "MSExchangePop3", "POP3", "Manual"),
    _on(
        "mailbox",
        "MSExchangeIS",
        "Information Store",
        requires=(*_TOPOLOGY, "LanmanServer", "LanmanWorkstation", "EventLog", "RpcSs"),
    ),
    _on("mailbox", "MSExchangeMailboxAssistants", "Mailbox Assistants"),
    _on("mailbox", "MSExchangeRepl", "Replication"),
    _on("unified_messaging", "MSExchangeUM", "Unified Messaging", requires=("KeyIso", *_TOPOLOGY)),
    # Up to 2010.
    _on("mailbox", "MSExchangeSA", "System Attendant", until=2010),
    _on("mailbox", "MSExchangeMailSubmission", "Mail Submission", until=2010),
    _on("mailbox", "MSExchangeSearch", "Search Indexer", until=2010),
    _on("client_access unified_messaging", "MSExchangeFDS", "File Distribution", until=2010),
    _on(_DOMAIN, "MSExchangeMonitoring", "Monitoring", "Manual", until=2010),
    _on("client_access", "MSExchangeAB", "Address Book", since=2010, until=2010),
    _on("client_access", "MSExchangeFBA", "Forms-Based Authentication service", since=2010, until=2010),
    _on("client_access mailbox", "MSExchangeRPC", "RPC Client Access", since=2010, until=2010),
    _on("hub mailbox", "MSExchangeThrottling", "Throttling", since=2010, until=2010),
    _on(
        "client_access",
        "MSExchangeMailboxReplication",
        "Mailbox Replication",
        requires=(*_TOPOLOGY, "NetTcpPortSharing"),
        since=2010,
        until=2010,
    ),
    # From 2013 on.
    _on("mailbox", "FMS", "Filtering Management Service", requires=("RpcSs",), since=2013, brand="Microsoft "),
    _on("mailbox", "HostControllerService", "Search Host Controller", since=2013),
    _on(
        "mailbox",
        "MSExchangeDagMgmt",
        "DAG Management",
        requires=(*_TOPOLOGY, "NetTcpPortSharing"),
        since=2013,
    ),
    _on("mailbox", "MSExchangeDelivery", "Mailbox Transport Delivery", since=2013),
    _on("mailbox", "MSExchangeSubmission", "Mailbox Transport Submission", since=2013),
    _on("mailbox", "MSExchangeFastSearch", "Search", since=2013),
    _on("mailbox", "MSExchangeIMAP4BE", "IMAP4 Backend", "Manual", since=2013),
    _on("mailbox", "MSExchangePOP3BE", "POP3 Backend", "Manual", since=2013),
    _on("mailbox", "MSExchangeRPC", "RPC Client Access", since=2013),
    _on("mailbox", "MSExchangeThrottling", "Throttling", since=2013),
    _on(
        "mailbox",
        "MSExchangeMailboxReplication",
        "Mailbox Replication",
        requires=(*_TOPOLOGY, "NetTcpPortSharing"),
        since=2013,
    ),
    _on("front_end", "MSExchangeFrontEndTransport", "Frontend Transport", since=2013),
    _on(
        "front_end",
        "MSExchangeUMCR",
        "Unified Messaging Call Router",
        requires=("KeyIso", *_TOPOLOGY),
        since=2013,
        until=2016,
    ),
    _on(_DOMAIN + " edge", "MSExchangeDiagnostics", "Diagnostics", requires=(), since=2013),
    _on(_DOMAIN + " edge", "MSExchangeHM", "Health Manager", requires=("EventLog", "Winmgmt"), since=2013),
    # From 2016 on.
    _on(
        _DOMAIN + " edge",
        "MSExchangeHMRecovery",
        "Health Manager Recovery",
        requires=("EventLog", "Winmgmt"),
        since=2016,
    ),
    _on("mailbox", "MSExchangeCompliance", "Compliance Service", since=2016),
    _on("mailbox", "MSExchangeMitigation", "Emergency Mitigation Service", since=2016),
)


@cache
def catalogue(product: Product, parts: Parts) -> Mapping[str, Service]:
    """Give the services of a server, by name; those of Exchange are the ones that matter, not each that exists.

    Args:
        product: The version of Exchange.
        parts: What the server consists of.
    """
    found = [*_WINDOWS, *(_IIS if parts.iis else ())]
    found += [row.service for row in _EXCHANGE if row.fits(product, parts)]
    names = {service.name for service in found}
    replaced = {"MSExchangeADTopology": "ADAM_MSExchange"} if parts.edge else {}
    known = {}
    for service in found:
        needed = (replaced.get(name, name) for name in service.requires)
        known[service.name] = replace(service, requires=tuple(name for name in needed if name in names))
    return known


def stock(known: Mapping[str, Service]) -> dict[str, Json]:
    """Give the services' state on a server that has just started: what starts by itself or is needed runs.

    Args:
        known: The services that it has.
    """
    started = [name for name, service in known.items() if service.start == "Automatic"]
    for name in started:
        started += [needed for needed in known[name].requires if needed not in started]
    process = 640
    state = {}
    for name in known:
        process += _PROCESS_STEP
        running = name in started
        state[name] = {"state": "Running" if running else "Stopped", "process": process if running else 0}
    return {"last_process": process, "state": state}


@dataclass(frozen=True, slots=True)
class Services:
    """A host's services.

    Args:
        store: Where their state is kept, under ``services``.
        catalogue: What they are, by name.
    """

    store: Store
    catalogue: Mapping[str, Service]

    def state(self, name: str) -> ServiceState:
        """Give what a service does now."""
        with self.store.lock:
            held = self.store.document["services"]["state"][name]
            return ServiceState(held["state"], held["process"])

    def running(self, name: str) -> bool:
        """Say whether it runs; a service that the host doesn't have doesn't."""
        return name in self.catalogue and self.state(name).state == "Running"

    def dependants(self, name: str) -> list[str]:
        """Give the services that need this one, directly or through others, the nearest last."""
        found: list[str] = []
        waiting = deque([name])
        while waiting:
            needed = waiting.popleft()
            for service in self.catalogue.values():
                if needed in service.requires and service.name not in found:
                    found.append(service.name)
                    waiting.append(service.name)
        # A service stops before those that it requires do.
        return sorted(found, key=self._depth, reverse=True)

    def _depth(self, name: str) -> int:
        return 1 + max((self._depth(needed) for needed in self.catalogue[name].requires), default=0)

    def start(self, name: str) -> None:
        """Start a service and what it requires; nothing happens to one that runs."""
        with self.store.change() as document:
            if self.running(name):
                return
            for needed in self.catalogue[name].requires:
                self.start(needed)
            held = document["services"]
            held["last_process"] += _PROCESS_STEP
            held["state"][name] = {"state": "Running", "process": held["last_process"]}

    def stop(self, name: str) -> list[str]:
        """Stop a service and those that depend on it.

        Returns:
            The dependants that were running.
        """
        with self.store.change() as document:
            stopped = [other for other in self.dependants(name) if self.running(other)]
            for each in (*stopped, name):
                document["services"]["state"][each] = {"state": "Stopped", "process": 0}
            return stopped

    def restart(self, name: str) -> None:
        """Stop a service with those that depend on it, and start again what was running."""
        with self.store.change():
            stopped = self.stop(name)
            self.start(name)
            for other in reversed(stopped):
                self.start(other)
