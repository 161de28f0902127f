"""How each Windows writes down an inbound firewall rule, brought to one form.

Windows Server 2012 and later answer with objects; 2008 keeps a line of ``|``-separated terms for each rule in the
registry (grammar: Microsoft's MS-GPFAS, "Firewall Rule and the Firewall Rule Grammar Rule"); 2003 keeps a line
``445:TCP:addresses:Enabled:name`` for each open port of each of its two profiles.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any, TypeAlias

from harness.errors import ScriptError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from harness.modules.base import Value

ANY = "any"
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
Rule: TypeAlias = "dict[str, Value]"
"""``state``, ``enabled``, ``direction``, ``action``, ``profile``, ``protocol``, ``ports``, ``addresses``; of an absent
rule all but ``state`` are None. ``held_by`` is the name that an open port has on Windows Server 2003."""

_ABSENT: Rule = dict.fromkeys(
    ("enabled", "direction", "action", "profile", "protocol", "ports", "addresses", "held_by"), None
) | {"state": "absent"}
_PROTOCOLS = {"6": "TCP", "17": "UDP"}
_PORT_OPENING_TERMS = 5


def one_form(properties: Mapping[str, Any]) -> Rule:
    """Bring what the read script printed of one rule to one form.

    Raises:
        ScriptError: It isn't what the script prints.
    """
    match properties:
        case {"way": "NetSecurity", "rule": None} | {"way": "registry", "rules": []}:
            return dict(_ABSENT)
        case {"way": "NetSecurity", "rule": dict() as rule}:
            return _of_object(rule)
        case {"way": "registry", "rules": [*rules]}:
            return _worst([_of_line(str(line)) for line in rules])
        case {"way": "port opening", "domain": domain, "standard": standard}:
            return _of_port_openings(domain, standard)
    raise ScriptError(f"the host's answer isn't a firewall rule: {dict(properties)!r:.200}")


def _present(**settings: Value) -> Rule:
    return {**_ABSENT, "state": "present", **settings}


def _of_object(rule: Mapping[str, Any]) -> Rule:
    return _present(
        enabled=str(rule["enabled"]) == "True",
        direction=str(rule["direction"]),
        action=str(rule["action"]),
        profile=str(rule["profile"]),
        protocol=str(rule["protocol"]).upper(),
        ports=tuple(str(port) for port in rule["ports"]),
        addresses=addresses(rule["addresses"]),
    )


def _of_line(line: str) -> Rule:
    terms: dict[str, list[str]] = {}
    for term in line.split("|")[1:]:
        name, _, value = term.partition("=")
        terms.setdefault(name, []).append(value)

    def one(name: str, default: str = "") -> str:
        return terms.get(name, [default])[0]

    protocol = one("Protocol", "Any")
    return _present(
        enabled=one("Active").upper() == "TRUE",
        direction={"In": "Inbound", "Out": "Outbound"}.get(one("Dir"), one("Dir")),
        action=one("Action"),
        profile=", ".join(terms.get("Profile", ["Any"])),
        protocol=_PROTOCOLS.get(protocol, protocol),
        ports=tuple(part for value in terms.get("LPort", ["Any"]) for part in value.split(",")),
        addresses=addresses(terms.get("RA4", []) + terms.get("RA6", []) or ["Any"]),
    )


def _worst(rules: list[Rule]) -> Rule:
    """Of rules of the same name, give one that isn't like the first: a write by name makes all of them alike."""
    return next((rule for rule in rules if rule != rules[0]), rules[0]) if len(rules) > 1 else rules[0]


def _of_port_openings(domain: object, standard: object) -> Rule:
    if not domain and not standard:
        return dict(_ABSENT)
    parsed = [_of_port_opening(str(line)) for line in (domain, standard) if line]
    first = parsed[0]
    if domain and standard and parsed[0] == parsed[1]:
        return first
    return {**first, "profile": "Domain" if domain else "Standard"}


def _of_port_opening(line: str) -> Rule:
    # An IPv6 address can't stand here, so colons part the terms; the name is the last one and may hold more.
    terms = line.split(":", _PORT_OPENING_TERMS - 1)
    if len(terms) != _PORT_OPENING_TERMS:
        raise ScriptError(f"the host's answer isn't an open port of its firewall: {line!r:.200}")
    port, protocol, scope, mode, name = terms
    return _present(
        enabled=mode.strip().upper() == "ENABLED",
        direction="Inbound",
        action="Allow",
        profile="Any",
        protocol=protocol.upper(),
        ports=(port,),
        addresses=addresses(scope.split(",")),
        held_by=name,
    )


def addresses(texts: Iterable[object]) -> tuple[str, ...]:
    """Give addresses and networks in one form, in order: ``10.0.0.7``, ``10.0.0.0/24``, ``any``."""
    return tuple(sorted({_address(str(text).strip()) for text in texts}))


def _address(text: str) -> str:
    if text.lower() in ("any", "*"):
        return ANY
    try:
        first, dash, last = text.partition("-")
        if not dash:
            return short(ipaddress.ip_network(text, strict=False))
        networks = [*ipaddress.summarize_address_range(ipaddress.ip_address(first), ipaddress.ip_address(last))]
    except (ValueError, TypeError):
        return text  # a keyword such as LocalSubnet
    return short(networks[0]) if len(networks) == 1 else text


def short(network: Network) -> str:
    """Write a network; a single address without its length."""
    return str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)


def with_mask(address: str) -> str:
    """Write an IPv4 address or network with a mask, as ``netsh firewall`` takes it."""
    return ipaddress.IPv4Network(address).with_netmask
