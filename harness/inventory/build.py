"""Loads an inventory: reads its files, settles the groups, lays the variables over each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import get_close_matches
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from harness.errors import InventoryError
from harness.inventory import ini, yamlvars
from harness.inventory.groups import GroupTree
from harness.inventory.ini import ALL, Raw
from harness.inventory.model import Group, Host, Inventory
from harness.inventory.secrets import SecretResolver
from harness.inventory.settings import Layer, Maker, stack, with_defaults
from harness.source import Problem, Source

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


def load(path: Path, *, extra: Mapping[str, str] = _NOTHING, secrets: SecretResolver | None = None) -> Inventory:
    """Load an inventory and the ``group_vars/`` and ``host_vars/`` beside it.

    A variable set in several places has the value of the last of these: the inventory's ``:vars`` sections
    (those of ``all``, then of parents, then of children; by name within a depth), ``group_vars/all``, the
    other ``group_vars/`` in the same order, the host's line, ``host_vars/``, the command line.

    Values are taken literally: ``{{ ... }}`` in one isn't evaluated.

    Args:
        path: The inventory in Ansible's INI form.
        extra: Variables from the command line, which override all others.
        secrets: Follows the references to secrets; the installed plugins' schemes included by default.

    Raises:
        InventoryError: Something is wrong; holds all problems, the inventory file's first, in its order.
    """
    file = ini.parse(_text(path), str(path))
    maker = Maker(secrets or SecretResolver(), path.parent)
    return _Builder(path, file, maker).build(extra)


def _text(path: Path) -> str:
    """Read the inventory's text.

    Raises:
        InventoryError: It can't be read.
    """
    where = Source(str(path))
    try:
        return path.read_bytes().decode("utf-8-sig")
    except IsADirectoryError:
        problem = Problem(where, "is a folder", "give the inventory file in it")
    except OSError as error:
        problem = Problem(where, f"can't be read: {error.strerror}")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        problem = Problem(Source(str(path), line), "isn't UTF-8 text", "save the inventory as UTF-8")
    raise InventoryError([problem])


@dataclass(slots=True)
class _Builder:
    """Builds the inventory of one file.

    Args:
        path: The inventory's path.
        file: What it says.
        maker: Makes settings, and collects what is wrong.
        host_layers: For each host, the settings of its lines.
        group_layers: For each group, the settings of its ``:vars`` sections.
    """

    path: Path
    file: ini.IniFile
    maker: Maker
    host_layers: dict[str, Layer] = field(default_factory=dict)
    group_layers: dict[str, Layer] = field(default_factory=dict)

    def build(self, extra: Mapping[str, str]) -> Inventory:
        tree, problems = GroupTree.of(self.file)
        self.maker.problems += [*self.file.problems, *problems]
        self.maker.notices += self.file.notices
        self._read_lines()
        self._sort(self.maker.problems)
        group_files = self._read_folder("group_vars", tree.names)
        host_files = self._read_folder("host_vars", tree.hosts)
        command_line = self.maker.layer(
            Raw(name, value, Source(f"-e {name}"), "command line") for name, value in extra.items()
        )
        if self.maker.problems:
            raise InventoryError(dict.fromkeys(self.maker.problems))
        vars_of = _Layers(self.group_layers, group_files, self.host_layers, host_files, command_line)
        return Inventory(
            str(self.path),
            hosts=MappingProxyType({name: vars_of.host(name, tree) for name in tree.hosts}),
            groups=MappingProxyType({name: vars_of.group(name, tree) for name in tree.names}),
            notices=tuple(dict.fromkeys(self.maker.notices)),
        )

    def _read_lines(self) -> None:
        """Make the settings of the inventory file itself."""
        for line in self.file.hosts:
            layer = self.maker.layer(line.variables)
            for name in line.names:
                self.host_layers[name] = stack([self.host_layers.get(name, {}), layer])
        for group, raws in self.file.variables.items():
            self.group_layers[group] = self.maker.layer(raws)
        self._sort(self.maker.notices)

    def _read_folder(self, kind: str, names: Iterable[str]) -> dict[str, Layer]:
        """Read ``group_vars/`` or ``host_vars/``.

        Args:
            kind: The folder's name.
            names: The groups or the hosts.
        """
        folder = self.path.parent / kind
        if not folder.is_dir():
            return {}
        names = tuple(names)
        layers: dict[str, Layer] = {}
        for name in names:
            files, passed_over = yamlvars.find(folder, name)
            self.maker.notices += [
                Problem(Source(str(path)), f"isn't read, because {folder / name} or another file of that name is")
                for path in passed_over
            ]
            layers[name] = stack([self._read_file(path) for path in files])
        self._report_strangers(folder, names)
        return layers

    def _read_file(self, path: Path) -> Layer:
        raws, problems = yamlvars.read(path, str(path.relative_to(self.path.parent)))
        start = len(self.maker.problems)
        self.maker.problems += problems
        layer = self.maker.layer(raws)
        self.maker.problems[start:] = sorted(self.maker.problems[start:], key=lambda problem: problem.source)
        return layer

    def _report_strangers(self, folder: Path, names: tuple[str, ...]) -> None:
        """Report files that belong to no group or host: likely a misspelt name."""
        for path in sorted(folder.iterdir()):
            name = path.name.removesuffix(path.suffix) if path.suffix in yamlvars.EXTENSIONS else path.name
            if name in names or path.name in names or path.name.startswith(".") or path.name.endswith("~"):
                continue
            kind = folder.name.removesuffix("_vars")
            near = get_close_matches(name, names, n=1)
            hint = f"did you mean {near[0]}?" if near else ""
            self.maker.notices.append(
                Problem(Source(str(path)), f"isn't read, because there is no {kind} {name}", hint)
            )

    @staticmethod
    def _sort(problems: list[Problem]) -> None:
        problems.sort(key=lambda problem: problem.source)


@dataclass(frozen=True, slots=True)
class _Layers:
    """The settings of every place, to be laid over each other.

    Args:
        group_lines: For each group, those of its ``:vars`` sections.
        group_files: For each group, those in ``group_vars/``.
        host_lines: For each host, those of its lines.
        host_files: For each host, those in ``host_vars/``.
        command_line: Those that override all others.
    """

    group_lines: Mapping[str, Layer]
    group_files: Mapping[str, Layer]
    host_lines: Mapping[str, Layer]
    host_files: Mapping[str, Layer]
    command_line: Layer

    def host(self, name: str, tree: GroupTree) -> Host:
        groups = tree.groups_of[name]
        layer = stack(
            [
                *(self.group_lines.get(group, {}) for group in (ALL, *groups)),
                *(self.group_files.get(group, {}) for group in (ALL, *groups)),
                self.host_lines[name],
                self.host_files.get(name, {}),
                self.command_line,
            ]
        )
        line = tree.lines[name]
        return Host(name, tuple(groups), MappingProxyType(with_defaults(layer, name, line)), line)

    def group(self, name: str, tree: GroupTree) -> Group:
        return Group(
            name,
            hosts=tuple(tree.inside[name]),
            children=tuple(tree.children[name]),
            members=tree.members[name],
            depth=tree.depths[name],
            settings=MappingProxyType(stack([self.group_lines.get(name, {}), self.group_files.get(name, {})])),
        )
