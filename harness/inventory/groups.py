"""The tree of groups: who stands in whom, how deep, and in which order groups override each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING

from harness.inventory.ini import ALL, UNGROUPED
from harness.source import Problem

if TYPE_CHECKING:
    from harness.inventory.ini import IniFile
    from harness.source import Source


@dataclass(slots=True)
class GroupTree:
    """The groups and hosts of a file. ``all`` holds every group, ``ungrouped`` the hosts of no other.

    Args:
        children: For each group the groups directly in it, in the text's order; a tree without cycles.
        inside: For each group the hosts directly in it, in the text's order.
        lines: For each host where it is first named, in the text's order.
        depths: For each group how far below ``all`` it stands, by the longest way.
        members: For each group its hosts and those of the groups below it, nearer groups first, each once.
        groups_of: For each host its groups without ``all``, a group before those that override it.
    """

    children: dict[str, list[str]] = field(default_factory=lambda: {ALL: [], UNGROUPED: []})
    inside: dict[str, list[str]] = field(default_factory=lambda: {ALL: [], UNGROUPED: []})
    lines: dict[str, Source] = field(default_factory=dict)
    depths: dict[str, int] = field(default_factory=dict)
    members: dict[str, tuple[str, ...]] = field(default_factory=dict)
    groups_of: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, file: IniFile) -> tuple[GroupTree, list[Problem]]:
        """Settle the groups that a file declares.

        Args:
            file: What the inventory file says.

        Returns:
            The tree, and what is wrong: groups that are used and not declared, and groups inside themselves.
        """
        tree = cls()
        for name in file.groups:
            tree.children.setdefault(name, [])
            tree.inside.setdefault(name, [])
        problems = [
            Problem(source, f"[{name}:vars] belongs to no group", tree._hint(name))
            for name, source in file.vars_sections.items()
            if name not in tree.children
        ]
        for line in file.hosts:
            for name in line.names:
                tree.lines.setdefault(name, line.source)
                if name not in tree.inside[line.group]:
                    tree.inside[line.group].append(name)
        problems += tree._add_children(file)
        tree._complete()
        return tree, problems

    def _add_children(self, file: IniFile) -> list[Problem]:
        problems = []
        for line in file.children:
            if line.child not in self.children:
                message = f"[{line.parent}:children] names the unknown group {line.child}"
                hint = self._hint(line.child)
                if line.child in self.lines:
                    hint = f"{line.child} is a host: a host's section is [{line.parent}]"
                problems.append(Problem(line.source, message, hint))
            elif line.child == ALL or line.parent in (line.child, *self._below(line.child)):
                message = f"the group {line.child} would stand inside itself, through {line.parent}"
                problems.append(Problem(line.source, message))
            elif line.child not in self.children[line.parent]:
                self.children[line.parent].append(line.child)
        return problems

    def _complete(self) -> None:
        """Put loose groups into ``all`` and loose hosts into ``ungrouped``, then measure the tree."""
        have_parents = {child for children in self.children.values() for child in children}
        roots = [name for name in self.children if name != ALL and name not in have_parents]
        self.children[ALL] = list(dict.fromkeys([UNGROUPED, *self.children[ALL], *roots]))
        named = [hosts for name, hosts in self.inside.items() if name not in {ALL, UNGROUPED}]
        grouped = {host for hosts in named for host in hosts}
        loose = [host for host in (*self.inside[UNGROUPED], *self.inside[ALL]) if host not in grouped]
        self.inside[UNGROUPED] = list(dict.fromkeys(loose))
        self._measure(ALL, 0)
        for name in sorted(self.children, key=lambda name: (self.depths[name], name)):
            below = (name, *self._below(name))
            hosts = dict.fromkeys(host for group in below for host in self.inside[group])
            self.members[name] = tuple(hosts)
            for host in hosts if name != ALL else ():
                self.groups_of.setdefault(host, []).append(name)

    def _measure(self, name: str, depth: int) -> None:
        if depth > self.depths.get(name, -1):
            self.depths[name] = depth
            for child in self.children[name]:
                self._measure(child, depth + 1)

    def _hint(self, name: str) -> str:
        near = get_close_matches(name, self.children, n=1)
        return f"did you mean {near[0]}?" if near else f"declare it with a section [{name}]"

    @property
    def names(self) -> tuple[str, ...]:
        """All groups' names: ``all``, ``ungrouped``, then in the text's order."""
        return tuple(self.children)

    @property
    def hosts(self) -> tuple[str, ...]:
        """All hosts' names, in the text's order."""
        return tuple(self.lines)

    def _below(self, name: str) -> tuple[str, ...]:
        """Give all groups below a group, level by level."""
        found: list[str] = []
        level = self.children[name]
        while level:
            found += [child for child in level if child not in found]
            level = list(dict.fromkeys(child for group in level for child in self.children[group]))
        return tuple(found)
