"""An Exchange organisation: what its servers share."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from harness.lab.state.connectors import (
    OBJECT_ID_KIND,
    SEND_CONNECTOR,
    new_send_connector,
    send_connector_class,
    server_id,
)
from harness.lab.state.directory import Entry, Forest, ObjectClass, escape, new_entry
from harness.lab.state.kinds import STRING, text_of
from harness.lab.state.server import EXCHANGE_SERVER, server_class, server_version
from harness.lab.store import Store

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from harness.lab.machine import Machine
    from harness.lab.powershell.objects import PSList
    from harness.lab.spec import MachineSpec
    from harness.lab.store import Json

_FOLDER = "organisations"
_NAME = "First Organization"
_NEWEST = 2025
_SITE = "Default-First-Site-Name"
_EDGE_SUBSCRIPTION = ObjectClass(
    type_names=("Microsoft.Exchange.Data.Directory.Management.EdgeSubscription", "System.Object"),
    properties={"Site": OBJECT_ID_KIND, "Domain": STRING},
    category="ms-Exch-Exchange-Server",
    object_classes=("top", "server", "msExchExchangeServer"),
)
"""What ``Get-EdgeSubscription`` shows; the properties are seen in public listings, the class's name is believed."""


class Organisation:
    """The objects that belong to no single server, and the servers; or what an Edge server has of its own instead.

    Args:
        domain: The DNS name of the forest's root domain; that of its file, where there is one, counts.
        folder: The lab's, where its file is kept.
        edge: The short name of the Edge server whose own directory this is; empty for an organisation.

    Raises:
        LabStateError: The folder holds a file that can't be used.
    """

    def __init__(self, domain: str, folder: Path, *, edge: str = "") -> None:
        name = f"{edge.lower()}.{domain}" if edge else domain
        self.edge = edge
        forest = Forest(domain, _NAME, local=bool(edge))
        self.store = Store(folder / _FOLDER / f"{name}.json", self._initial(forest, edge=edge))
        self.forest = replace(forest, domain=self.store.document["domain"])
        self.machines: dict[str, Machine] = {}
        """The simulated servers that the cmdlets know, by short name in upper case."""
        self.older: dict[str, Machine] = {}
        """Exchange 2003's: they have names, and no cmdlet shows them."""
        self.subscribed: list[Machine] = []
        """The Edge servers that are subscribed to it; of an Edge server's own directory: itself, if it is."""

    @classmethod
    def open(cls, folder: Path, specs: Sequence[MachineSpec]) -> Organisation:
        """Set up the organisation of some servers, or find it again in its folder.

        Args:
            folder: The lab's.
            specs: The servers; a new organisation's root domain is the first one's.

        Raises:
            LabStateError: The folder holds a file that can't be used.
        """
        return cls(specs[0].domain, folder)

    @staticmethod
    def _initial(forest: Forest, *, edge: str) -> dict[str, Json]:
        connectors = [] if edge else [new_send_connector("Internet", forest, {})]
        return {"domain": forest.domain, "servers": {}, "send_connectors": connectors}

    def join(self, machine: Machine, settings: Mapping[str, Json]) -> None:
        """Add a server; a new one that routes mail becomes a source of the connector that every organisation has.

        Args:
            machine: The server.
            settings: Its object's.
        """
        self.machines[machine.name.upper()] = machine
        with self.store.change() as document:
            if machine.name in document["servers"]:
                return
            document["servers"][machine.name] = new_entry(machine.name, self.forest.servers, settings)
            for connector in document["send_connectors"]:
                if connector["name"] == "Internet" and machine.parts.hub:
                    connector["settings"]["SourceTransportServers"].append(machine.name)

    @property
    def computers(self) -> dict[str, Machine]:
        """All servers, by short name in upper case."""
        return {**self.machines, **self.older}

    def subscribe(self, edge: Machine) -> None:
        """Take an Edge server in; what EdgeSync would bring it is there at once.

        Args:
            edge: The server, whose own directory is another `Organisation`.
        """
        own = edge.organisation
        for organisation in (self, own):
            organisation.subscribed.append(edge)
        inbound = {"AddressSpaces": ["SMTP:--;100"], "SmartHosts": ["--"], "DNSRoutingEnabled": False}
        names = {entry.name for entry in own.send_connectors()}
        wanted: dict[str, dict[str, Json]] = {
            f"EdgeSync - Inbound to {_SITE}": inbound,
            f"EdgeSync - {_SITE} to Internet": {},
        }
        for name, settings in wanted.items():
            if name not in names:
                own.add_send_connector(name, SourceTransportServers=[edge.name], **settings)

    def subscriptions(self) -> list[Entry]:
        """Give the subscriptions of Edge servers."""
        site = f"CN={_SITE},CN=Sites,{self.forest.configuration}"
        computed = {"Site": self.forest.object_id(site, f"{self.forest.domain}/Configuration/Sites/{_SITE}")}
        return [
            Entry(
                _EDGE_SUBSCRIPTION,
                {**edge.organisation.store.document["servers"][edge.name], "settings": {"Domain": edge.spec.domain}},
                self.forest,
                computed,
            )
            for edge in self.subscribed
        ]

    def servers(self) -> list[Entry]:
        """Give the servers' objects."""
        with self.store.lock:
            return [self._server(stored) for stored in self.store.document["servers"].values()]

    def _server(self, stored: dict[str, Json]) -> Entry:
        machine = self.machines.get(str(stored["name"]).upper())
        site = f"CN={_SITE},CN=Sites,{self.forest.configuration}"
        site_text = f"{self.forest.domain}/Configuration/Sites/{_SITE}"
        computed = {"Site": None if self.edge else self.forest.object_id(site, site_text)}
        if machine is None:
            return Entry(EXCHANGE_SERVER, stored, self.forest, computed)
        computed["AdminDisplayVersion"] = server_version(machine.build)
        return Entry(server_class(machine.product.year), stored, self.forest, computed)

    def send_connectors(self) -> list[Entry]:
        """Give the send connectors."""
        with self.store.lock:
            return [self._send_connector(stored) for stored in self.store.document["send_connectors"]]

    @property
    def year(self) -> int:
        """That of the newest server, which decides what the shared objects look like."""
        return max((machine.product.year for machine in self.machines.values()), default=_NEWEST)

    def _send_connector(self, stored: dict[str, Json]) -> Entry:
        servers = stored["settings"]["SourceTransportServers"]
        group = self.forest.routing_group
        computed = {
            "SourceTransportServers": self._server_ids(servers),
            "SourceRoutingGroup": self.forest.object_id(group, "Exchange Routing Group (DWBGZMFD01QNBJR)"),
            "SmartHostsString": ",".join(stored["settings"]["SmartHosts"]),
            "HomeMTA": None,
            "HomeMtaServerId": None,
        }
        if servers:
            home = f"CN=Microsoft MTA,CN={escape(servers[0])},{self.forest.servers}"
            computed["HomeMTA"] = self.forest.object_id(home, "Microsoft MTA")
            computed["HomeMtaServerId"] = server_id(self.forest, servers[0])
        return Entry(send_connector_class(self.year), stored, self.forest, computed)

    def _server_ids(self, servers: list[str]) -> PSList:
        kind = SEND_CONNECTOR.properties["SourceTransportServers"]
        ids = kind.show([])
        ids.extend(server_id(self.forest, server) for server in servers)
        found: PSList = ids
        return found

    def add_send_connector(self, name: str, **settings: Json) -> Entry:
        """Make a send connector.

        Args:
            name: Any text.
            settings: By property, in their stored form; the others have their defaults.
        """
        with self.store.change() as document:
            stored = new_send_connector(name, self.forest, settings)
            document["send_connectors"].append(stored)
            return self._send_connector(stored)


class Organisations:
    """The organisations of a lab: one for each domain, and each Edge server's own directory.

    Args:
        folder: The lab's, where their files are kept.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._found: dict[str, Organisation] = {}

    def of(self, spec: MachineSpec) -> Organisation:
        """Give the one that a server belongs to.

        Args:
            spec: What is installed.

        Raises:
            LabStateError: The folder holds a file that can't be used.
        """
        if spec.parts.edge:
            return Organisation(spec.domain, self._folder, edge=spec.computer)
        return self._of_domain(spec.domain)

    def _of_domain(self, domain: str) -> Organisation:
        if domain not in self._found:
            self._found[domain] = Organisation(domain, self._folder)
        return self._found[domain]

    def settle(self, machine: Machine) -> None:
        """Subscribe an Edge server to its domain's organisation, where the lab is told so.

        Args:
            machine: Any server, once it exists.
        """
        if machine.spec.subscribed:
            self._of_domain(machine.spec.domain).subscribe(machine)


def source_names(value: Json) -> list[str]:
    """Give the short names of servers from what a script gave for ``SourceTransportServers``."""
    items = value if isinstance(value, list) else [value]
    return [text_of(item).partition(".")[0] for item in items]
