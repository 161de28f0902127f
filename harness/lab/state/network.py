"""What decides over access from the network: firewall rules, shares, folders' access lists and some registry values.

One state stands behind all ways to it: a rule made with ``netsh`` shows in the registry and to ``Get-NetFirewallRule``.
"""

from __future__ import annotations

import ipaddress
import uuid
from typing import TYPE_CHECKING

from harness.lab.powershell.objects import CaseDict, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from harness.lab.store import Json, Store

_SYSTEM = "HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet"
LANMAN = f"{_SYSTEM}\\Services\\LanmanServer\\Parameters"
LSA = f"{_SYSTEM}\\Control\\Lsa"
NTLM = f"{LSA}\\MSV1_0"
UAC = "HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Policies\\System"
FIREWALL = f"{_SYSTEM}\\Services\\SharedAccess\\Parameters\\FirewallPolicy"
OLD_PROFILES = ("DomainProfile", "StandardProfile")
"""The two profiles of the firewall of Windows Server 2003."""

READ, CHANGE, FULL = 0x001200A9, 0x001301BF, 0x001F01FF
"""The rights that a share's permissions are made of."""
EVERYONE = "S-1-1-0"
ADMINISTRATORS = "S-1-5-32-544"
SYSTEM = "S-1-5-18"
DISK, DRIVE, IPC = 0, 0x80000000, 0x80000003
"""Types of share: a folder, a drive that Windows shares itself, the pipes."""
_ALL_INHERIT = 3
_PROTOCOLS = {"TCP": "6", "UDP": "17"}


def stock(install_path: str) -> dict[str, Json]:
    """Give the state of a server as it is after Exchange was installed.

    Args:
        install_path: Where Exchange is, with the trailing backslash.
    """
    logs = f"{install_path}TransportRoles\\Logs"
    folders = (
        "C:\\inetpub\\logs\\LogFiles",
        logs,
        *(f"{logs}\\{part}" for part in ("MessageTracking", "FrontEnd\\ProtocolLog", "Hub\\ProtocolLog")),
    )
    return {
        "rules": [
            {
                **rule("FPS-SMB-In-TCP", "File and Printer Sharing (SMB-In)", "TCP", "445", ["LocalSubnet"]),
                "group": "@FirewallAPI.dll,-28502",
                "enabled": False,
            },
        ],
        "openings": {profile: {} for profile in OLD_PROFILES},
        "shares": [
            {"name": "ADMIN$", "path": "C:\\Windows", "type": DRIVE, "entries": None},
            {"name": "C$", "path": "C:\\", "type": DRIVE, "entries": None},
            {"name": "IPC$", "path": "", "type": IPC, "entries": None},
            {
                "name": "address",
                "path": "C:\\Program Files\\Microsoft\\Exchange Server\\Address",
                "type": DISK,
                "entries": [[0, EVERYONE, READ]],
            },
        ],
        "folders": {folder: _own() for folder in folders},
        "registry": {
            LANMAN: {"EnableSecuritySignature": 0, "RequireSecuritySignature": 0},
            UAC: {"ConsentPromptBehaviorAdmin": 5, "EnableLUA": 1},
            LSA: {"LimitBlankPasswordUse": 1, "NoLmHash": 1},
            NTLM: {"NtlmMinClientSec": 0x20000000, "NtlmMinServerSec": 0x20000000},
        },
    }


def _own() -> list[list[Json]]:
    """Give the access list of a folder that is the system's and its administrators'."""
    return [[0, sid, FULL, _ALL_INHERIT, 0] for sid in (SYSTEM, ADMINISTRATORS)]


def rule(ident: str, name: str, protocol: str, port: str, remote: Iterable[str]) -> dict[str, Json]:
    """Give an inbound rule that allows a port.

    Args:
        ident: Its instance's identifier.
        name: Its display name.
        protocol: ``TCP`` or ``UDP``.
        port: The local port.
        remote: From where.
    """
    return {
        "id": ident,
        "name": name,
        "group": "",
        "enabled": True,
        "direction": "Inbound",
        "action": "Allow",
        "profile": "Any",
        "protocol": protocol,
        "ports": [port],
        "addresses": [address(each) for each in remote],
    }


def address(text: str) -> str:
    """Give an address as the firewall keeps it: a network with its mask, a single one plain.

    Raises:
        ValueError: It is neither an address nor a keyword.
    """
    keywords = {"any": "Any", "*": "Any", "localsubnet": "LocalSubnet"}
    if text.lower() in keywords:
        return keywords[text.lower()]
    network = ipaddress.ip_network(text)
    if network.prefixlen == network.max_prefixlen:
        return str(network.network_address)
    return str(network) if network.version == 6 else network.with_netmask  # noqa: PLR2004  IPv6 has no masks


class Network:
    """A host's network access.

    Args:
        store: Where it is kept, under ``network``.
        install_path: Where Exchange is, with the trailing backslash.
    """

    __slots__ = ("on_change", "store")

    def __init__(self, store: Store, install_path: str) -> None:
        self.store = store
        self.on_change: Callable[[], None] = lambda: None
        """Called after shares or access lists have changed; for the file server, which follows them."""
        with store.change() as document:
            document.setdefault("network", stock(install_path))

    def part(self, name: str) -> Json:
        """Give a part of the state to look at: ``rules``, ``openings``, ``shares``, ``folders`` or ``registry``."""
        with self.store.lock:
            return self.store.document["network"][name]

    # The firewall

    def rules(self, name: str) -> list[dict[str, Json]]:
        """Give the rules of a display name."""
        return [held for held in self.part("rules") if held["name"].lower() == name.lower()]

    def rule(self, ident: str) -> dict[str, Json] | None:
        """Give the rule of an identifier."""
        return next((held for held in self.part("rules") if held["id"].lower() == ident.lower()), None)

    def add_rule(self, name: str, protocol: str, port: str, remote: Iterable[str], ident: str = "") -> dict[str, Json]:
        """Add an inbound rule that allows a port; see `rule`."""
        with self.store.change() as document:
            made = rule(ident or f"{{{str(uuid.uuid4()).upper()}}}", name, protocol, port, remote)
            document["network"]["rules"].append(made)
            found: dict[str, Json] = made
            return found

    def change_rules(self, identifiers: Iterable[str], settings: Mapping[str, Json]) -> None:
        """Change rules."""
        with self.store.change() as document:
            wanted = set(identifiers)
            for held in document["network"]["rules"]:
                if held["id"] in wanted:
                    held.update(settings)

    def remove_rules(self, identifiers: Iterable[str]) -> None:
        """Remove rules."""
        with self.store.change() as document:
            gone = set(identifiers)
            held = document["network"]["rules"]
            held[:] = [each for each in held if each["id"] not in gone]

    def open_port(self, protocol: str, port: str, line: str | None) -> None:
        """Set or remove a port's entry of Windows Server 2003, in both profiles."""
        with self.store.change() as document:
            for profile in OLD_PROFILES:
                entries = document["network"]["openings"][profile]
                entries.pop(f"{port}:{protocol}", None)
                if line is not None:
                    entries[f"{port}:{protocol}"] = line

    # Shares and folders

    def share(self, name: str) -> dict[str, Json] | None:
        """Give a share."""
        return next((held for held in self.part("shares") if held["name"].lower() == name.lower()), None)

    def add_share(self, name: str, path: str, entries: Iterable[list[Json]] | None) -> None:
        """Share a folder; without entries everyone may read."""
        with self.store.change() as document:
            held = None if entries is None else list(entries)
            document["network"]["shares"].append({"name": name, "path": path, "type": DISK, "entries": held})
        self.on_change()

    def remove_share(self, name: str) -> None:
        """Stop sharing."""
        with self.store.change() as document:
            held = document["network"]["shares"]
            held[:] = [each for each in held if each["name"].lower() != name.lower()]
        self.on_change()

    def allow_in_share(self, name: str, sid: str, rights: int) -> None:
        """Add an entry to a share's permissions."""
        with self.store.change() as document:
            for held in document["network"]["shares"]:
                if held["name"].lower() == name.lower():
                    held["entries"] = [*(held["entries"] or [[0, EVERYONE, READ]]), [0, sid, rights]]
        self.on_change()

    def folder(self, path: str) -> list[list[Json]] | None:
        """Give a folder's access list; None where there is no such folder."""
        wanted = path.rstrip("\\").lower()
        found: dict[str, list[list[Json]]] = self.part("folders")
        return next((entries for held, entries in found.items() if held.lower() == wanted), None)

    def add_folder(self, path: str) -> None:
        """Make a folder that administrators and the system own, unless it is there."""
        with self.store.change() as document:
            if self.folder(path) is None:
                document["network"]["folders"][path.rstrip("\\")] = _own()

    def allow_in_folder(self, path: str, entry: list[Json]) -> None:
        """Add an entry to a folder's access list."""
        with self.store.change():
            entries = self.folder(path)
            if entries is not None and entry not in entries:
                entries.append(entry)
        self.on_change()

    # The registry

    def keys(self) -> CaseDict[CaseDict[Value]]:
        """Give the registry keys of all this: values by name by key."""
        with self.store.lock:
            found = {key: CaseDict(values) for key, values in self.part("registry").items()}
            found[f"{FIREWALL}\\FirewallRules"] = CaseDict((held["id"], line(held)) for held in self.part("rules"))
            for profile, entries in self.part("openings").items():
                if entries:
                    found[f"{FIREWALL}\\{profile}\\GloballyOpenPorts\\List"] = CaseDict(entries)
            return CaseDict(found)

    def value(self, key: str, name: str) -> Json:
        """Give a registry value; None where it isn't set."""
        return CaseDict(self.part("registry")[key]).get(name)

    def set_value(self, key: str, name: str, value: Json) -> bool:
        """Set a registry value.

        Returns:
            Whether the key is one of the simulated ones.
        """
        with self.store.change() as document:
            held = {each.lower(): values for each, values in document["network"]["registry"].items()}
            values = held.get(key.lower())
            if values is None:
                return False
            values[next((each for each in values if each.lower() == name.lower()), name)] = value
            return True

    def flag(self, name: str, *, default: bool) -> bool:
        """Give a setting of the SMB server; see `LANMAN`."""
        held = self.value(LANMAN, name)
        return default if held is None else bool(held)


def line(held: Mapping[str, Json]) -> str:
    """Write a rule as the registry holds it."""
    terms = [
        "v2.26",
        f"Action={held['action']}",
        f"Active={str(held['enabled']).upper()}",
        f"Dir={'In' if held['direction'] == 'Inbound' else 'Out'}",
        f"Protocol={_PROTOCOLS.get(held['protocol'], held['protocol'])}",
    ]
    terms += [f"Profile={profile}" for profile in held["profile"].split(", ") if profile != "Any"]
    terms += [f"LPort={port}" for port in held["ports"]]
    for text in held["addresses"]:
        if text == "LocalSubnet":
            terms += ["RA4=LocalSubnet", "RA6=LocalSubnet"]
        elif text != "Any":
            terms.append(f"RA{'6' if ':' in text else '4'}={text}")
    terms.append(f"Name={held['name']}")
    terms += [f"EmbedCtxt={held['group']}"] if held["group"] else []
    return "|".join(terms) + "|"
