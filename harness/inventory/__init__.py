"""Hosts, groups, variables and secrets, each with the file and line it came from."""

from harness.inventory.build import load
from harness.inventory.model import Group, Host, Inventory, Setting
from harness.inventory.secrets import SecretProvider, SecretResolver, hookimpl

__all__ = [
    "Group",
    "Host",
    "Inventory",
    "SecretProvider",
    "SecretResolver",
    "Setting",
    "hookimpl",
    "load",
]
