"""An Exchange organisation: what its servers share."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from harness.lab.state.connectors import SEND_CONNECTOR, new_send_connector, server_id
from harness.lab.state.directory import Entry, Forest, escape, new_entry
from harness.lab.state.kinds import text_of
from harness.lab.state.server import EXCHANGE_SERVER
from harness.lab.store import Store

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from harness.lab.machine import Machine
    from harness.lab.powershell.objects import PSList
    from harness.lab.store import Json

_FILE = "organisation.json"


class Organisation:
    """The objects that belong to no single server, and the servers.

    Args:
        forest: Where it lives.
        folder: Where its file is kept.
        accounts: Passwords by account name (without a domain); they are kept in memory only.
    """

    def __init__(self, forest: Forest, folder: Path, accounts: Mapping[str, str]) -> None:
        self.forest = forest
        self.store = Store(folder / _FILE, self._initial(forest))
        self.accounts = {name.lower(): password for name, password in accounts.items()}
        self.machines: dict[str, Machine] = {}
        """The simulated servers, by short name in upper case."""

    @classmethod
    def create(
        cls, domain: str, folder: Path, *, name: str = "First Organization", accounts: Mapping[str, str] | None = None
    ) -> Organisation:
        """Set up an organisation, or find it again in its folder.

        Args:
            domain: The DNS name of its domain.
            folder: Where its file is kept.
            name: Its own name.
            accounts: Passwords by account name.

        Raises:
            LabStateError: The folder holds a file that can't be used.
        """
        return cls(Forest(domain, name), folder, accounts or {})

    @staticmethod
    def _initial(forest: Forest) -> dict[str, Json]:
        return {"servers": {}, "send_connectors": [new_send_connector("Internet", forest, {})]}

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

    def signs_in(self, user: str, password: str) -> bool:
        r"""Say whether a credential is right.

        Args:
            user: ``name``, ``DOMAIN\name`` or ``name@domain``.
            password: In plain.
        """
        domain, separator, name = user.rpartition("\\")
        if not separator:
            name, _, domain = user.partition("@")
        if domain and domain.lower() not in (self.forest.domain.lower(), self.forest.netbios.lower()):
            return False
        held = self.accounts.get(name.lower())
        return held is not None and hmac.compare_digest(held.encode(), password.encode())


def source_names(value: Json) -> list[str]:
    """Give the short names of servers from what a script gave for ``SourceTransportServers``."""
    items = value if isinstance(value, list) else [value]
    return [text_of(item).partition(".")[0] for item in items]
