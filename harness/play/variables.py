"""Which value a name has on one host.

From weak to strong, as in Ansible:

1. variables of the inventory,
2. the play's ``vars``,
3. extra variables of the command line (``-e``),
4. ``item`` in a loop and the names that harness sets itself.

Only the playbook's own texts are templates. A value from the inventory or the command line is data: braces in it
mean nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from harness.errors import TaskError
from harness.play.expressions import names_of, render

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harness.document import Value

ITEM = "item"
RESERVED = frozenset({"facts", "inventory_hostname", "groups", "play_hosts", ITEM})


class Variables(Mapping[str, object]):
    """The variables of one host in one play; the play's own are rendered when they are asked for.

    One thread at a time uses one of these.

    Args:
        play: The play's ``vars`` as written.
        host: The host's variables from the inventory.
        extra: Extra variables of the command line.
        reserved: What harness sets: ``facts`` once they are read, ``inventory_hostname``, ``groups``,
            ``play_hosts``, ``item``.
    """

    __slots__ = ("_extra", "_host", "_play", "_rendered", "_rendering", "_reserved")

    def __init__(
        self,
        play: Mapping[str, Value] | None = None,
        *,
        host: Mapping[str, object] | None = None,
        extra: Mapping[str, object] | None = None,
        reserved: Mapping[str, object] | None = None,
    ) -> None:
        self._play = play or {}
        self._host = host or {}
        self._extra = extra or {}
        self._reserved = reserved or {}
        self._rendered: dict[str, object] = {}
        self._rendering: list[str] = []

    def with_reserved(self, **reserved: object) -> Variables:
        """Give the same variables with more of the reserved ones, for example ``facts``."""
        return Variables(self._play, host=self._host, extra=self._extra, reserved={**self._reserved, **reserved})

    def with_item(self, item: object) -> Variables:
        """Give the same variables for one round of a loop."""
        return self.with_reserved(item=item)

    def __getitem__(self, name: str) -> object:
        """Give a variable's value.

        Raises:
            KeyError: No such variable.
            TaskError: It is one of the play's, and its template fails or refers to itself.
        """
        for layer in (self._reserved, self._extra):
            if name in layer:
                return layer[name]
        if name in self._play:
            return self._of_play(name)
        return self._host[name]

    def __contains__(self, name: object) -> bool:
        """Tell whether a variable is there, without rendering it."""
        return any(name in layer for layer in self._layers())

    def __iter__(self) -> Iterator[str]:
        """Give the names, each once."""
        return iter(dict.fromkeys(name for layer in self._layers() for name in layer))

    def __len__(self) -> int:
        """Count the names."""
        return len(set().union(*self._layers()))

    def _layers(self) -> tuple[Mapping[str, object], ...]:
        return self._reserved, self._extra, self._play, self._host

    def _of_play(self, name: str) -> object:
        if name in self._rendered:
            return self._rendered[name]
        value = self._play[name]
        if name in self._rendering:
            circle = " -> ".join([*self._rendering[self._rendering.index(name) :], name])
            message = f"{value.source}: the variable {name!r} refers to itself: {circle}"
            raise TaskError(message, hint="give it a value of its own")
        self._rendering.append(name)
        try:
            self._rendered[name] = render(value, self)
        finally:
            self._rendering.pop()
        return self._rendered[name]


def reachable(names: Iterable[str], play: Mapping[str, Value]) -> frozenset[str]:
    """Give the names and all that they lead to through the play's own variables.

    Args:
        names: Names that an expression mentions.
        play: The play's ``vars`` as written.
    """
    seen: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting.extend(names_of(play[name]) if name in play else ())
    return frozenset(seen)
