"""IIS's logging configuration: elements with attributes, defaults for all sites, and the schema's own defaults.

The value that counts is the site element's own attribute, else that of ``siteDefaults``, else the schema's default.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from harness.lab.logs.w3c import W3cSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.lab.store import Json, Store

FIELDS = {
    "Date": 1,
    "Time": 2,
    "ClientIP": 4,
    "UserName": 8,
    "SiteName": 16,
    "ComputerName": 32,
    "ServerIP": 64,
    "Method": 128,
    "UriStem": 256,
    "UriQuery": 512,
    "HttpStatus": 1024,
    "Win32Status": 2048,
    "BytesSent": 4096,
    "BytesRecv": 8192,
    "TimeTaken": 16384,
    "ServerPort": 32768,
    "UserAgent": 65536,
    "Cookie": 131072,
    "Referer": 262144,
    "ProtocolVersion": 524288,
    "Host": 1048576,
    "HttpSubStatus": 2097152,
}
"""The fields of a W3C log and their bits in ``logExtFileFlags``."""

_DEFAULT_FIELDS = (
    "Date,Time,ClientIP,UserName,ServerIP,Method,UriStem,UriQuery,HttpStatus,Win32Status,TimeTaken,ServerPort,UserAgent,"
    "Referer,HttpSubStatus"
)
_LOG_FOLDER = "%SystemDrive%\\inetpub\\logs\\LogFiles"


class IisError(Exception):
    """IIS refuses a value; the message is its own."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute of the schema.

    Args:
        type: Its type there.
        default: The value of an element that doesn't have it: a bool, an int, or text.
        members: The names of an enumeration or of flags, with their numbers.
        least: The smallest number.
        most: The largest number.
    """

    type: Literal["bool", "int", "string", "enum", "flags"]
    default: bool | int | str
    members: Mapping[str, int] | None = None
    least: int = 0
    most: int = 2**32 - 1

    def parse(self, value: object) -> bool | int | str:
        """Check a value and give its stored form.

        Args:
            value: A bool, a number or text.

        Raises:
            IisError: The schema doesn't allow it.
        """
        if self.type == "bool":
            return self._bool(value)
        if self.type == "int":
            return self._int(value)
        if self.type in ("enum", "flags") and self.members is not None:
            return self._names(value, self.members)
        return str(value)

    def _bool(self, value: object) -> bool:
        text = str(value).lower()
        if text not in ("true", "false"):
            raise IisError(f"{value} is not a valid value for Boolean.")
        return text == "true"

    def _int(self, value: object) -> int:
        try:
            number = int(str(value))
        except ValueError:
            raise IisError(f"{value} is not a valid value for Int32.") from None
        if not self.least <= number <= self.most:
            raise IisError(f"Integer value must be between {self.least} and {self.most} inclusive\r\n")
        return number

    def _names(self, value: object, members: Mapping[str, int]) -> str:
        flags = self.type == "flags"
        refused = IisError(
            f"{'Flags must be some combination of' if flags else 'Enum must be one of'} {', '.join(members)}\r\n"
        )
        if isinstance(value, int) and not isinstance(value, bool):
            chosen = [name for name, bit in members.items() if (value & bit if flags else value == bit)]
            if (sum(members[name] for name in chosen) if flags else len(chosen)) != (value if flags else 1):
                raise refused
            return ",".join(chosen)
        text = str(value)
        wanted = [part.strip() for part in text.split(",")] if flags and text else [text] if text else []
        if any(name not in members for name in wanted):
            raise refused
        return ",".join(name for name in members if name in wanted)


LOG_FILE: dict[str, Attribute] = {
    "logExtFileFlags": Attribute("flags", _DEFAULT_FIELDS, FIELDS),
    "customLogPluginClsid": Attribute("string", ""),
    "logFormat": Attribute("enum", "W3C", {"IIS": 0, "NCSA": 1, "W3C": 2, "Custom": 3}),
    "logTargetW3C": Attribute("flags", "File", {"File": 1, "ETW": 2}),
    "directory": Attribute("string", _LOG_FOLDER),
    "period": Attribute("enum", "Daily", {"MaxSize": 0, "Daily": 1, "Weekly": 2, "Monthly": 3, "Hourly": 4}),
    "truncateSize": Attribute("int", 20971520, least=1048576),
    "localTimeRollover": Attribute("bool", default=False),
    "enabled": Attribute("bool", default=True),
    "logSiteId": Attribute("bool", default=True),
    "flushByEntryCountW3CLog": Attribute("int", 0),
    "maxLogLineLength": Attribute("int", 65536, least=2, most=65536),
}
"""The attributes of a ``logFile`` element of IIS 10, in the schema's order."""

_SINCE = {"logSiteId": (8, 0), "logTargetW3C": (8, 5), "flushByEntryCountW3CLog": (8, 5), "maxLogLineLength": (8, 5)}


def log_file_schema(version: tuple[int, int]) -> dict[str, Attribute]:
    """Give the attributes of a ``logFile`` element.

    Args:
        version: That of IIS. The Referer is among the default fields from 8 on only.
    """
    schema = {name: attribute for name, attribute in LOG_FILE.items() if _SINCE.get(name, (7, 0)) <= version}
    if version < (8, 0):
        fields = ",".join(name for name in _DEFAULT_FIELDS.split(",") if name != "Referer")
        schema["logExtFileFlags"] = Attribute("flags", fields, FIELDS)
    return schema


LOG: dict[str, Attribute] = {
    "logInUTF8": Attribute("bool", default=True),
    "centralLogFileMode": Attribute("enum", "Site", {"Site": 0, "CentralBinary": 1, "CentralW3C": 2}),
}
"""The attributes of the ``log`` section."""


def stock(install_path: str, *, back_end: bool) -> dict[str, Json]:
    """Give the configuration of a newly installed server.

    Args:
        install_path: Where Exchange is, with the trailing backslash.
        back_end: Whether it has the second site, which servers talk to among themselves.
    """
    first = {
        "id": 1,
        "name": "Default Web Site",
        "pool": "MSExchangeOWAAppPool" if back_end else "DefaultAppPool",
        "path": "%SystemDrive%\\inetpub\\wwwroot",
        "bindings": ["http *:80:", "https :443:", "http 127.0.0.1:80:", "https 127.0.0.1:443:"],
        "logFile": {},
    }
    second = {
        "id": 2,
        "name": "Exchange Back End",
        "pool": "DefaultAppPool",
        "path": f"{install_path}ClientAccess",
        "bindings": ["http *:81:", "https *:444:"],
        "logFile": {},
    }
    return {
        "log": {},
        "siteDefaults": {"logFile": {"logFormat": "W3C", "directory": _LOG_FOLDER}},
        "sites": [first, second] if back_end else [first],
    }


def absent() -> dict[str, Json]:
    """Give the configuration of a server without IIS."""
    return {"log": {}, "siteDefaults": {"logFile": {}}, "sites": []}


@dataclass(frozen=True, slots=True)
class Iis:
    """A host's IIS.

    Args:
        store: Where its configuration is kept, under ``iis``.
        schema: The attributes of its ``logFile`` elements.
        installed: Whether there is one; a host without has no sites.
    """

    store: Store
    schema: Mapping[str, Attribute]
    installed: bool = True

    def sites(self) -> list[dict[str, Json]]:
        """Give the sites' stored forms, in the file's order."""
        with self.store.lock:
            return [dict(site) for site in self.store.document["iis"]["sites"]]

    def log_file(self, site: int | None) -> dict[str, bool | int | str]:
        """Give what counts for a site's logging, by attribute.

        Args:
            site: Its number; ``None`` for the defaults of all sites.

        Raises:
            KeyError: There is no such site.
        """
        with self.store.lock:
            defaults = self.store.document["iis"]["siteDefaults"]["logFile"]
            own = defaults if site is None else self._site(site)["logFile"]
            return {
                name: own.get(name, defaults.get(name, attribute.default)) for name, attribute in self.schema.items()
            }

    def set_log_file(self, site: int | None, name: str, value: object) -> None:
        """Give a site, or the defaults, an attribute of its own.

        Args:
            site: Its number; ``None`` for the defaults of all sites.
            name: The attribute.
            value: A bool, a number or text.

        Raises:
            IisError: The schema doesn't allow the value.
            KeyError: There is no such site or attribute.
        """
        stored = self.schema[name].parse(value)
        with self.store.change() as document:
            element = document["iis"]["siteDefaults"] if site is None else self._site(site)
            element["logFile"][name] = stored

    def log(self) -> dict[str, bool | int | str]:
        """Give the server-wide ``log`` section, by attribute."""
        with self.store.lock:
            own = self.store.document["iis"]["log"]
            return {name: own.get(name, attribute.default) for name, attribute in LOG.items()}

    def set_log(self, name: str, value: object) -> None:
        """Set an attribute of the ``log`` section; raises as `set_log_file` does."""
        stored = LOG[name].parse(value)
        with self.store.change() as document:
            document["iis"]["log"][name] = stored

    def w3c(self, site: int) -> W3cSettings | None:
        """Give how a site's W3C file is set; ``None`` where it has none, or there is no such site."""
        found = next((held for held in self.sites() if held["id"] == site), None)
        if found is None:
            return None
        own, server = self.log_file(site), self.log()
        to_file = "File" in str(own.get("logTargetW3C", "File")).split(",")
        if not (to_file and own["enabled"] and own["logFormat"] == "W3C" and server["centralLogFileMode"] == "Site"):
            return None
        return W3cSettings(
            directory=str(own["directory"]),
            period=str(own["period"]),
            fields=frozenset(str(own["logExtFileFlags"]).split(",")),
            prefix="u_" if server["logInUTF8"] else "",
            max_size=int(own["truncateSize"]),
            added={each["logFieldName"]: each["sourceName"] for each in found["logFile"].get("customFields", ())},
            entries=int(own.get("flushByEntryCountW3CLog", 0)),
        )

    def _site(self, number: int) -> dict[str, Json]:
        for site in self.store.document["iis"]["sites"]:
            if site["id"] == number:
                held: dict[str, Json] = site
                return held
        raise KeyError(number)
