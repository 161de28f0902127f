"""Windows services of an Exchange 2016 Mailbox server: what they depend on, and how they start and stop."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

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


def _exchange(name: str, title: str, start: str = "Automatic", requires: tuple[str, ...] = _TOPOLOGY) -> Service:
    return Service(name, f"Microsoft Exchange {title}", start, requires, program=f"Bin\\{name}.exe")


CATALOGUE: dict[str, Service] = {
    service.name: service
    for service in (
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
        Service("WAS", "Windows Process Activation Service", "Manual", ("RpcSs",), shared=True),
        Service("W3SVC", "World Wide Web Publishing Service", requires=("WAS",), shared=True),
        Service("IISADMIN", "IIS Admin Service", requires=("SamSs", "RpcSs"), shared=True),
        Service("WinRM", "Windows Remote Management (WS-Management)", requires=("RpcSs",), shared=True),
        Service("FMS", "Microsoft Filtering Management Service", requires=("RpcSs",)),
        Service("HostControllerService", "Microsoft Exchange Search Host Controller"),
        _exchange("MSExchangeADTopology", "Active Directory Topology", requires=("Netlogon", "NetTcpPortSharing")),
        _exchange("MSExchangeAntispamUpdate", "Anti-spam Update"),
        _exchange("MSExchangeCompliance", "Compliance Service"),
        _exchange("MSExchangeDagMgmt", "DAG Management", requires=(*_TOPOLOGY, "NetTcpPortSharing")),
        _exchange("MSExchangeDelivery", "Mailbox Transport Delivery"),
        _exchange("MSExchangeDiagnostics", "Diagnostics", requires=()),
        _exchange("MSExchangeEdgeSync", "EdgeSync"),
        _exchange("MSExchangeFastSearch", "Search"),
        _exchange("MSExchangeFrontEndTransport", "Frontend Transport"),
        _exchange("MSExchangeHM", "Health Manager", requires=("EventLog", "Winmgmt")),
        _exchange("MSExchangeHMRecovery", "Health Manager Recovery", requires=("EventLog", "Winmgmt")),
        _exchange("MSExchangeImap4", "IMAP4", "Manual"),
        _exchange("MSExchangeIMAP4BE", "IMAP4 Backend", "Manual"),
        _exchange(
            "MSExchangeIS",
            "Information Store",
            requires=(*_TOPOLOGY, "LanmanServer", "LanmanWorkstation", "EventLog", "RpcSs"),
        ),
        _exchange("MSExchangeMailboxAssistants", "Mailbox Assistants"),
        _exchange("MSExchangeMailboxReplication", "Mailbox Replication", requires=(*_TOPOLOGY, "NetTcpPortSharing")),
        _exchange("MSExchangeMitigation", "Emergency Mitigation Service"),
        _exchange("MSExchangePop3", "POP3", "Manual"),
        _exchange("MSExchangePOP3BE", "POP3 Backend", "Manual"),
        _exchange("MSExchangeRepl", "Replication"),
        _exchange("MSExchangeRPC", "RPC Client Access"),
        _exchange("MSExchangeServiceHost", "Service Host"),
        _exchange("MSExchangeSubmission", "Mailbox Transport Submission"),
        _exchange("MSExchangeThrottling", "Throttling"),
        _exchange("MSExchangeTransport", "Transport", requires=("FMS", *_TOPOLOGY)),
        _exchange("MSExchangeTransportLogSearch", "Transport Log Search"),
        _exchange("MSExchangeUM", "Unified Messaging", requires=("KeyIso", *_TOPOLOGY)),
        _exchange("MSExchangeUMCR", "Unified Messaging Call Router", requires=("KeyIso", *_TOPOLOGY)),
    )
}


def stock(catalogue: Mapping[str, Service] = CATALOGUE) -> dict[str, Json]:
    """Give the services' state on a server that has just started: what starts by itself or is needed runs.

    Args:
        catalogue: What is installed, by name.
    """
    started = [name for name, service in catalogue.items() if service.start == "Automatic"]
    for name in started:
        started += [needed for needed in catalogue[name].requires if needed not in started]
    process = 640
    state = {}
    for name in catalogue:
        process += _PROCESS_STEP
        running = name in started
        state[name] = {"state": "Running" if running else "Stopped", "process": process if running else 0}
    return {"last_process": process, "state": state}


@dataclass(frozen=True, slots=True)
class Services:
    """A host's services.

    Args:
        store: Where their state is kept, under ``services``.
        catalogue: What is installed, by name.
    """

    store: Store
    catalogue: Mapping[str, Service] = field(default_factory=lambda: CATALOGUE)

    def state(self, name: str) -> ServiceState:
        """Give what a service does now."""
        with self.store.lock:
            held = self.store.document["services"]["state"][name]
            return ServiceState(held["state"], held["process"])

    def running(self, name: str) -> bool:
        """Say whether it is installed and runs."""
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
