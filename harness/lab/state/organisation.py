"""An Exchange organisation: what its servers share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.lab.state.connectors import SEND_CONNECTOR, new_send_connector, server_id
from harness.lab.state.directory import Entry, Forest, escape, new_entry
from harness.lab.state.kinds import text_of
from harness.lab.state.server import EXCHANGE_SERVER
from harness.lab.store import Store

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from harness.lab.machine import Machine, MachineSpec
    from harness.lab.powershell.objects import PSList
    from harness.lab.store import Json

_FILE = "organisation.json"
_NAME = "First Organization"


class Organisation:
    """The objects that belong to no single server, and the servers.

    Args:
        domain: The DNS name of the forest's root domain; that of its file, where there is one, counts.
        folder: The lab's, where its file is kept.

    Raises:
        LabStateError: The folder holds a file that can't be used.
    """

    def __init__(self, domain: str, folder: Path) -> None:
        self.store = Store(folder / _FILE, self._initial(Forest(domain, _NAME)))
        self.forest = Forest(self.store.document["domain"], _NAME)
        self.machines: dict[str, Machine] = {}
        """The simulated servers that the cmdlets know, by short name in upper case."""
        self.older: dict[str, Machine] = {}
        """Exchange 2003's: they have names, and no cmdlet shows them."""

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
    def _initial(forest: Forest) -> dict[str, Json]:
        return {"domain": forest.domain, "servers": {}, "send_connectors": [new_send_connector("Internet", forest, {})]}

    def join(self, machine: Machine, settings: Mapping[str, Json]) -> None:
        """Add a server; a new one becomes a source of the connector that every lab's organisation has.

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
                if connector["name"] == "Internet":
                    connector["settings"]["SourceTransportServers"].append(machine.name)

    @property
    def computers(self) -> dict[str, Machine]:
        """All servers, by short name in upper case."""
        return {**self.machines, **self.older}

    def servers(self) -> list[Entry]:
        """Give the servers' objects."""
        with self.store.lock:
            return [self._server(stored) for stored in self.store.document["servers"].values()]

    def _server(self, stored: dict[str, Json]) -> Entry:
        machine = self.machines.get(str(stored["name"]).upper())
        site = f"CN=Default-First-Site-Name,CN=Sites,{self.forest.configuration}"
        site_text = f"{self.forest.domain}/Configuration/Sites/Default-First-Site-Name"
        computed = {"Site": self.forest.object_id(site, site_text)}
        if machine is not None:
            computed["AdminDisplayVersion"] = machine.build.as_object()
        return Entry(EXCHANGE_SERVER, stored, self.forest, computed)

    def send_connectors(self) -> list[Entry]:
        """Give the send connectors."""
        with self.store.lock:
            return [self._send_connector(stored) for stored in self.store.document["send_connectors"]]

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
        return Entry(SEND_CONNECTOR, stored, self.forest, computed)

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


def source_names(value: Json) -> list[str]:
    """Give the short names of servers from what a script gave for ``SourceTransportServers``."""
    items = value if isinstance(value, list) else [value]
    return [text_of(item).partition(".")[0] for item in items]
