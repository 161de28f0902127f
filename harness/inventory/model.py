"""Settings, hosts, groups and the inventory: what the rest of harness works with."""

from __future__ import annotations

from collections import ChainMap
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from harness.inventory import keys, patterns
from harness.redaction import Secret
from harness.source import Source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.source import Problem


@dataclass(frozen=True, slots=True)
class Setting:
    """One value and where it came from.

    Args:
        name: The variable's name; a declared key's own name, whichever alias was written.
        value: The value, converted to the declared key's kind; a secret is a `Secret`.
        source: Where it was written; for a default, what it follows from.
        origin: What kind of place that is: ``host line``, ``group exchange``, ``group_vars/all.yml``,
            ``command line``, ``default``.
        overridden: The values that lost against this one, the one of next higher precedence first.
        written: The name as it was written, where that is an alias.
    """

    name: str
    value: object
    source: Source
    origin: str
    overridden: tuple[Setting, ...] = ()
    written: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Host:
    """One host.

    Args:
        name: Its name in the inventory.
        groups: The groups it belongs to, directly or through their children, without ``all``; a group stands
            before those that override it.
        settings: Everything that is set for it, defaults included, by name.
        line: Where it is first named.
    """

    name: str
    groups: tuple[str, ...]
    settings: Mapping[str, Setting]
    line: Source = field(default=Source("inventory"))

    def get(self, name: str, default: object = None) -> Any:  # noqa: ANN401 -- its type is the key's kind
        """Give a value.

        Args:
            name: A variable's name; an alias does as well.
            default: What to give where nothing is set.
        """
        setting = self.settings.get(keys.canonical(name))
        return default if setting is None else setting.value

    def source(self, name: str) -> Source:
        """Give where a value was written; the host's own line where nothing is set.

        Args:
            name: As in `get`.
        """
        setting = self.settings.get(keys.canonical(name))
        return self.line if setting is None else setting.source

    def secret(self, name: str) -> Secret | None:
        """Follow a secret's reference and register its value with the redactor.

        Args:
            name: As in `get`.

        Returns:
            The secret, its value at hand; None where nothing is set.

        Raises:
            SecretError: The reference leads nowhere.
        """
        value = self.get(name)
        return Secret(value.reveal()) if isinstance(value, Secret) else None

    @property
    def variables(self) -> Mapping[str, object]:
        """The values for templates and conditions, by name and by the alias that was written.

        ``inventory_hostname``, ``inventory_hostname_short`` and ``group_names`` are as in Ansible.
        """
        values = {setting.name: setting.value for setting in self.settings.values()}
        aliases = {setting.written: setting.value for setting in self.settings.values() if setting.written}
        magic: dict[str, object] = {
            "inventory_hostname": self.name,
            "inventory_hostname_short": self.name.partition(".")[0],
            "group_names": sorted(self.groups),
        }
        return MappingProxyType(dict(ChainMap(magic, values, aliases)))


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """One group.

    Args:
        name: Its name.
        hosts: The names of the hosts that stand in it directly, in the file's order.
        children: The names of the groups that stand in it directly, in the file's order.
        members: The names of its hosts and of its children's, each once.
        depth: How far below ``all`` it stands, by the longest way: 0 for ``all`` itself.
        settings: What is set for the group itself, by name.
    """

    name: str
    hosts: tuple[str, ...]
    children: tuple[str, ...]
    members: tuple[str, ...]
    depth: int
    settings: Mapping[str, Setting]


@dataclass(frozen=True, slots=True, eq=False)
class Inventory:
    """All hosts and groups.

    Args:
        file: The inventory's path as the user gave it.
        hosts: By name, in the file's order.
        groups: By name; ``all`` and ``ungrouped`` first, then in the file's order.
        notices: What is right, but likely not what was meant, such as a password in clear.
    """

    file: str
    hosts: Mapping[str, Host]
    groups: Mapping[str, Group]
    notices: tuple[Problem, ...] = ()

    def select(self, pattern: str | None, *, source: Source | None = None) -> tuple[Host, ...]:
        """Give the hosts that a pattern stands for.

        Args:
            pattern: As Ansible's: ``all``, names of hosts and groups, wildcards, ``~regex``, ``group[0]``,
                ``group[1:3]``, joined by ``:`` or ``,``; ``&`` before a part keeps what is in it, too, and
                ``!`` takes it away. None stands for all hosts.
            source: Where the pattern was written, for errors.

        Returns:
            Each host once, in the pattern's order. Empty where parts match but nothing remains.

        Raises:
            InventoryError: A part of the pattern matches nothing, or isn't a pattern.
        """
        if pattern is None:
            return tuple(self.hosts.values())
        members = {name: group.members for name, group in self.groups.items()}
        names = patterns.select(pattern, tuple(self.hosts), members, source or Source("--limit"))
        return tuple(self.hosts[name] for name in names)
