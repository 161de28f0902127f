"""A host on its way to another process: its secrets travel as references, which are followed there.

What can't be followed elsewhere, a password that stands in the inventory or is asked for at the terminal, travels by
its value, and that only where nobody on the way can read it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import InventoryError
from harness.inventory.model import Host, Inventory, Setting
from harness.inventory.secrets import PLAIN, ReferredSecret, SecretResolver
from harness.redaction import MASK, Secret
from harness.source import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harness.source import Source

_HERE = (PLAIN, "prompt")
"""References that lead nowhere in another process."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A secret by its value; it shows itself as a mask, but travels as it is.

    Args:
        value: In clear.
    """

    value: str = field(repr=False)

    def __repr__(self) -> str:
        """Never the value."""
        return MASK


@dataclass(frozen=True, slots=True)
class Referred:
    """A secret by its reference.

    Args:
        text: The reference; the path of a file is absolute.
    """

    text: str


@dataclass(frozen=True, slots=True)
class PackedHost:
    """A host that can travel.

    Args:
        name: Its name.
        groups: The groups it belongs to.
        settings: Its settings, their secrets `Sealed` or `Referred`.
        line: Where it is first named.
    """

    name: str
    groups: tuple[str, ...]
    settings: tuple[Setting, ...]
    line: Source

    def __repr__(self) -> str:
        """Name the host alone, since this is shown where tasks are."""
        return f"<{self.name}>"


def pack(hosts: Iterable[Host], *, confidential: bool) -> dict[str, PackedHost]:
    """Make hosts ready to travel.

    Args:
        hosts: The hosts.
        confidential: Whether nobody on the way can read what is sent.

    Returns:
        By name.

    Raises:
        InventoryError: A secret can't travel; every problem at once.
        SecretError: The terminal gives no answer.
    """
    problems: dict[Problem, None] = {}
    packed = {}
    for host in hosts:
        settings = []
        for setting in host.settings.values():
            value = setting.value
            if isinstance(value, Secret):
                try:
                    value = _packed(setting, value, confidential=confidential)
                except InventoryError as error:
                    # One that follows from another is told once.
                    problems |= {} if setting.origin.startswith("default") else dict.fromkeys(error.problems)
                    continue
            settings.append(replace(setting, value=value, overridden=()))
        packed[host.name] = PackedHost(host.name, host.groups, tuple(settings), host.line)
    if problems:
        raise InventoryError(problems)
    return packed


def _packed(setting: Setting, secret: Secret, *, confidential: bool) -> Sealed | Referred:
    if isinstance(secret, ReferredSecret) and secret.reference.scheme not in _HERE:
        reference = secret.reference
        rest = reference.rest
        if reference.scheme == "file":
            rest = str((secret.folder / Path(rest).expanduser()).absolute())
        return Referred(f"{reference.scheme}:{rest}")
    if not confidential:
        problem = Problem(
            setting.source,
            f"{setting.name} would travel to the workers in clear, since the scheduler's connection isn't encrypted",
            "write env:NAME or file:PATH, which each worker follows by itself, or use dask+tls://",
        )
        raise InventoryError([problem])
    return Sealed(secret.reveal())


def unpack(packed: PackedHost) -> Host:
    """Give a host that travelled here; its references are followed in this process when they are needed.

    Args:
        packed: The host.

    Raises:
        SecretError: A reference can't be followed here, for example because its plugin isn't installed.
    """
    resolver = SecretResolver()
    settings = {}
    for setting in packed.settings:
        value = setting.value
        if isinstance(value, Sealed | Referred):
            text = value.text if isinstance(value, Referred) else f"{PLAIN}:{value.value}"
            value = resolver.secret(text, key=setting.name, source=setting.source, folder=Path())
        settings[setting.name] = replace(setting, value=value)
    return Host(packed.name, packed.groups, settings, packed.line)


def alone(host: Host) -> Inventory:
    """Give an inventory of one host."""
    return Inventory(host.line.file, {host.name: host}, {})
