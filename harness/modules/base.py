"""What every module is: a resource's desired state, its difference, and two scripts.

A read script prints resources: mappings with ``kind``, ``id`` (unique within its kind), ``name`` and ``properties``.
Python compares them with what is wanted; a write script takes the differences and nothing else.
"""

from __future__ import annotations

import fnmatch
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, ClassVar, Generic, TypeAlias, TypeVar

import pydantic

from harness.errors import ScriptError, TaskError
from harness.exchange.versions import Server

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from harness.exchange.versions import Version
    from harness.redaction import Secret
    from harness.remote.powershell import Script

Value: TypeAlias = bool | int | str | tuple[str, ...] | None
"""A setting's value in its one form; what was a set is a tuple in a fixed order."""


class Arguments(pydantic.BaseModel):
    """The base of every module's arguments: nothing unknown is accepted."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)


A = TypeVar("A", bound=Arguments)


@dataclass(frozen=True, slots=True)
class Target:
    """The host that a script is made for.

    Args:
        host: Its name in the inventory.
        version: What is true of its Exchange.
        access: How scripts get at the Exchange cmdlets: ``remoting``, ``snapin``; ``auto`` for what suits the server.
        fqdn: The server's full name for a session to itself; empty to ask the host's name service.
        user: The account of an explicit credential for that session; empty to use the sign-in as it is.
        password: Its password.
        roles: Its server roles; None for those that are usual for the version.
        stated: Which of ``version`` and ``roles`` the inventory says; the others are assumed until the facts are read.
    """

    host: str
    version: Version
    access: str = "auto"
    fqdn: str = ""
    user: str = ""
    password: Secret | None = None
    roles: frozenset[str] | None = None
    stated: frozenset[str] = frozenset()
    server: Server = field(init=False, repr=False, compare=False)
    """What is true of its version and its roles together."""

    def __post_init__(self) -> None:
        """Take version and roles together.

        Raises:
            ValueError: See `Server`.
        """
        server = Server(self.version, self.version.usual if self.roles is None else self.roles)
        object.__setattr__(self, "server", server)

    @property
    def shell(self) -> str:
        """How scripts get at the Exchange cmdlets: ``remoting`` or ``snapin``."""
        return self.server.accesses[0] if self.access == "auto" else self.access


@dataclass(frozen=True, slots=True)
class Resource:
    """A thing on a host that has settings.

    Args:
        kind: For example ``receive connector``.
        id: What names it exactly once among its kind; never shown.
        name: What people call it.
        properties: Its settings as they were read.
    """

    kind: str
    id: str
    name: str
    properties: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Change:
    """One setting that differs from what is wanted."""

    resource: Resource
    setting: str
    before: Value
    after: Value


@dataclass(frozen=True, slots=True)
class Difference:
    """What a task would change.

    Args:
        changes: In the order of the host's answer.
        known: Whether the module can tell; False only for scripts of the user's without a test.
        notes: What the user should know though nothing fails.
        hint: What to do where this is what a write has left undone; empty for the general advice.
    """

    changes: tuple[Change, ...] = ()
    known: bool = True
    notes: tuple[str, ...] = ()
    hint: str = ""

    def __bool__(self) -> bool:
        """Say whether there is something to write."""
        return bool(self.changes) or not self.known


class Module(ABC, Generic[A]):
    """One kind of resource that tasks can name."""

    name: ClassVar[str]
    Arguments: ClassVar[type[Arguments]]
    shared: ClassVar[frozenset[str]] = frozenset()
    """Kinds that belong to the organisation: every server shows the same one, and one write serves all."""
    pure_read: ClassVar[bool] = True
    """Whether reading is free of side effects, so that it may be sent before a task's condition is known."""
    literals: ClassVar[Mapping[str, Callable[[object], str]]] = {}
    """The arguments that are code, each with the function that writes a value as a literal of its language."""

    def misfit(self, _arguments: A, _server: Server) -> str:
        """Give a sentence when a server of these roles has nothing that the task is about; else nothing.

        The task is then skipped, so that one playbook serves servers of all roles.
        """
        return ""

    def handler_only(self, _arguments: A) -> str:
        """Give a sentence when these arguments make sense in a handler only; else nothing."""
        return ""

    @abstractmethod
    def read(self, arguments: A, target: Target) -> Script:
        """Give the script that prints the current state."""

    def resources(self, value: object) -> tuple[Resource, ...]:
        """Bring the read script's output to resources, each value in its one form.

        Raises:
            ScriptError: The output isn't what the script prints.
        """
        return tuple(_resource(item) for item in (value if isinstance(value, list) else [value]))

    @abstractmethod
    def compare(self, arguments: A, resources: Sequence[Resource]) -> Difference:
        """Compare what is with what is wanted.

        Raises:
            TaskError: The arguments don't fit the host, for example a name that it doesn't have.
        """

    def confirm(self, arguments: A, _before: Sequence[Resource], after: Sequence[Resource]) -> Difference:
        """Give what is still different after a write."""
        return self.compare(arguments, after)

    @abstractmethod
    def write(self, arguments: A, difference: Difference, target: Target) -> Script:
        """Give the script that makes these changes."""


def _resource(item: object) -> Resource:
    match item:
        case {"kind": str(kind), "id": str(ident), "name": str(name), "properties": Mapping() as properties}:
            settings = {
                str(key): tuple(str(member) for member in value) if isinstance(value, list) else value
                for key, value in properties.items()
            }
            return Resource(kind, ident, name, settings)
    raise ScriptError(f"the host's answer isn't a resource: {item!r:.200}")


def by_resource(changes: Iterable[Change]) -> list[tuple[Resource, dict[str, Value]]]:
    """Gather changes: each resource once, with what each of its settings must become."""
    gathered: dict[tuple[str, str], tuple[Resource, dict[str, Value]]] = {}
    for change in changes:
        key = (change.resource.kind, change.resource.id)
        gathered.setdefault(key, (change.resource, {}))[1][change.setting] = change.after
    return list(gathered.values())


def differing(resource: Resource, wanted: Mapping[str, Value]) -> list[Change]:
    """Give a change for each wanted setting that the resource doesn't have; None is no wish."""
    return [
        Change(resource, setting, resource.properties.get(setting), value)
        for setting, value in wanted.items()
        if value is not None and resource.properties.get(setting) != value
    ]


def is_pattern(name: str) -> bool:
    """Say whether a name is a pattern; brackets are no wildcards, since names hold them."""
    return "*" in name or "?" in name


def named(resources: Sequence[Resource], patterns: Sequence[str], kind: str) -> tuple[list[Resource], list[str]]:
    """Give the resources whose name matches one of the patterns, and a note for each wildcard that matched none.

    Names compare without case, as Windows does. ``*`` and ``?`` are wildcards; brackets aren't, since names hold them.

    Raises:
        TaskError: A pattern without wildcards names nothing.
    """
    chosen: dict[str, Resource] = {}
    notes = []
    for pattern in patterns:
        wild = is_pattern(pattern)
        folded = pattern.casefold().replace("[", "[[]")
        found = [
            resource
            for resource in resources
            if (
                fnmatch.fnmatchcase(resource.name.casefold(), folded)
                if wild
                else resource.name.casefold() == pattern.casefold()
            )
        ]
        if not found and wild:
            notes.append(f"no {kind} is named like {pattern!r}")
        elif not found:
            raise missing(kind, pattern, [resource.name for resource in resources])
        chosen.update((resource.id, resource) for resource in found)
    return [resource for resource in resources if resource.id in chosen], notes


def missing(kind: str, name: str, existing: Sequence[str]) -> TaskError:
    """Make the error for a name that the host doesn't have."""
    close = get_close_matches(name, existing, n=1)
    hint = f"did you mean {close[0]!r}?" if close else ""
    if not hint:
        hint = "it has " + ", ".join(repr(each) for each in existing) if existing else "it has none at all"
    return TaskError(f"the host has no {kind} named {name!r}", hint=hint)
