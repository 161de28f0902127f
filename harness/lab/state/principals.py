"""Accounts and their security identifiers, as far as permissions name them."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zlib import crc32

if TYPE_CHECKING:
    from harness.lab.machine import Machine

_DOMAIN = "S-1-5-21-1004336348-1177238915-682003330"
_LOCAL = "S-1-5-21-2025429265-764733703-839522115"
_WELL_KNOWN = {
    ("", "everyone"): "S-1-1-0",
    ("nt authority", "authenticated users"): "S-1-5-11",
    ("nt authority", "system"): "S-1-5-18",
    ("builtin", "administrators"): "S-1-5-32-544",
    ("builtin", "users"): "S-1-5-32-545",
}
DOMAIN_USERS = {"administrator": 500, "guest": 501, "domain admins": 512, "domain users": 513, "svc-jsa": 1105}
"""Who is in the domain beside those that may sign in to the lab."""
_ORDINARY = frozenset({"guest", "domain users", "svc-jsa"})
_LOCAL_USERS = {"administrator": 500, "guest": 501}
_FIRST_MADE_UP, _MADE_UP = 2000, 1_000_000


def administers(account: str) -> bool:
    """Say whether an account that may sign in is an administrator of the servers: all are but those of ordinary users.

    Args:
        account: Its own name, without a domain.
    """
    return account.lower() not in _ORDINARY


def sid(machine: Machine, account: str) -> str | None:
    r"""Give an account's security identifier; None where the server doesn't know it.

    Args:
        machine: The server that is asked.
        account: ``DOMAIN\name``, ``SERVER\name``, ``name@domain`` or ``name``.
    """
    domain, separator, name = account.lower().rpartition("\\")
    if not separator:
        name, _, domain = account.lower().partition("@")
    known = _WELL_KNOWN.get((domain, name))
    if known is None and not domain:
        known = next((found for (_, other), found in _WELL_KNOWN.items() if other == name), None)
    if known is not None:
        return known
    if domain == machine.name.lower():
        return f"{_LOCAL}-{_LOCAL_USERS[name]}" if name in _LOCAL_USERS else None
    if domain not in ("", machine.spec.domain, machine.netbios_domain.lower()):
        return None
    if name in DOMAIN_USERS:
        return f"{_DOMAIN}-{DOMAIN_USERS[name]}"
    if name in {each.lower() for each in machine.accounts}:
        return f"{_DOMAIN}-{_FIRST_MADE_UP + crc32(name.encode()) % _MADE_UP}"
    return None
