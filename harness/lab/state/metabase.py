"""IIS 6's metabase: the log settings of web sites and SMTP virtual servers, each inherited from the service above it.

Bits and defaults of ``LogExtFileFlags`` and the numbers of ``LogFilePeriod`` are those of the metabase property
reference; that a new server's SMTP service logs nothing follows from Exchange's own documentation (protocol logging:
none). What ``LogPluginClsid`` holds there, and that the folder is written out, is believed.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.lab.logs.w3c import W3cSettings
from harness.lab.state.iis import FIELDS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from harness.lab.store import Json, Store

W3C = "{FF160663-DE82-11CF-BC0A-00AA006111E0}"
IIS_DEFAULT_FLAGS = 2199503
"""Date, time, addresses, user, method, address and query, status, agent: all but the protocol version, among others."""
SCHEMA_DEFAULT_FLAGS = 1414
LOG_FOLDER = "C:\\WINDOWS\\system32\\LogFiles"

_LOGGED = 1
_PERIODS = ("MaxSize", "Daily", "Weekly", "Monthly", "Hourly")

_DEFAULTS: dict[str, Json] = {
    "LogType": 0,
    "LogPluginClsid": "",
    "LogExtFileFlags": SCHEMA_DEFAULT_FLAGS,
    "LogFilePeriod": 1,
    "LogFileDirectory": LOG_FOLDER,
    "LogFileTruncateSize": 20971520,
    "LogFileLocaltimeRollover": False,
}


def stock() -> dict[str, Json]:
    """Give the metabase of a newly installed Exchange 2003 server: own settings by node."""
    return {
        "W3SVC": {"LogType": 1, "LogPluginClsid": W3C, "LogExtFileFlags": IIS_DEFAULT_FLAGS},
        "W3SVC/1": {"ServerComment": "Default Web Site"},
        "SmtpSvc": {"LogPluginClsid": W3C},
        "SmtpSvc/1": {"ServerComment": "Default SMTP Virtual Server"},
    }


@dataclass(slots=True)
class Metabase:
    """A host's metabase.

    Args:
        store: Where it is kept, under ``metabase``.
        overwrites: Gives, by node, the seconds after which the System Attendant copies the directory over a change.
    """

    store: Store
    overwrites: Callable[[], Mapping[str, float]]
    _pending: dict[str, tuple[float, dict[str, Json]]] = field(default_factory=dict)
    """By node: when it is overwritten, and with what."""

    def nodes(self, service: str, *, servers: bool) -> list[str]:
        """Give a service's node, or those of its sites or virtual servers."""
        with self.store.lock:
            held = list(self.store.document["metabase"])
        return [node for node in held if (node.startswith(f"{service}/") if servers else node == service)]

    def settings(self, node: str) -> dict[str, Json]:
        """Give what is in force for a node, inherited values included."""
        with self.store.lock:
            self._overwrite()
            held = self.store.document["metabase"]
            service, _, server = node.partition("/")
            return {**_DEFAULTS, **held[service], **(held[node] if server else {})}

    def w3c(self, node: str) -> W3cSettings | None:
        """Give how the W3C log of a site or virtual server is set; ``None`` where it has none, or isn't there."""
        service = node.partition("/")[0]
        if node not in self.nodes(service, servers=True):
            return None
        held = self.settings(node)
        if held["LogType"] != _LOGGED or str(held["LogPluginClsid"]).upper() != W3C:
            return None
        return W3cSettings(
            directory=str(held["LogFileDirectory"]),
            period=_PERIODS[int(held["LogFilePeriod"])],
            fields=frozenset(name for name, bit in FIELDS.items() if int(held["LogExtFileFlags"]) & bit),
            max_size=int(held["LogFileTruncateSize"]),
        )

    def put(self, node: str, changes: Mapping[str, Json]) -> None:
        """Give a node settings of its own."""
        with self.store.change() as document:
            self._overwrite()
            own = document["metabase"][node]
            seconds = self.overwrites().get(node)
            if seconds is not None and node not in self._pending:
                self._pending[node] = (time.monotonic() + seconds, dict(own))
            own |= changes

    def add(self, node: str, **settings: Json) -> None:
        """Make a site or virtual server."""
        with self.store.change() as document:
            document["metabase"][node] = settings

    def _overwrite(self) -> None:
        """Do what the System Attendant would have done by now."""
        due = [node for node, (moment, _) in self._pending.items() if time.monotonic() >= moment]
        for node in due:
            with self.store.change() as document:
                document["metabase"][node] = self._pending.pop(node)[1]
