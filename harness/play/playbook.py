"""Plays and tasks as they run: read, checked, and with the place of every text."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from pydantic import BaseModel, ValidationError

from harness.errors import TaskError
from harness.play.expressions import Expression, render, templates
from harness.problems import describe, explain

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from harness.document import Value
    from harness.source import Problem, Source

Host = TypeVar("Host")


class ModuleSpec(Protocol):
    """What a playbook needs to know of a module."""

    @property
    def name(self) -> str:
        """The key that calls it in a task."""

    @property
    def Arguments(self) -> type[BaseModel]:  # noqa: N802 - it is a class
        """The model of its desired state."""

    @property
    def literals(self) -> Mapping[str, Callable[[object], str]]:
        """Its arguments that are code, each with the function that writes a value as a literal of its language.

        A template inside such an argument fills values in through that function only. Most modules have none.
        """

    def handler_only(self, arguments: Any, /) -> str:  # noqa: ANN401 - an instance of its own Arguments
        """Say in one sentence why these arguments stand in a handler only; nothing where they may stand in a task."""


@dataclass(frozen=True, slots=True)
class Batch:
    """How many hosts one round of a play takes.

    Args:
        count: Hosts; 0 where the percentage decides.
        percent: Of all the play's hosts, 1 to 100.
    """

    count: int = 0
    percent: int = 0

    def size(self, total: int) -> int:
        """Give the number of hosts out of a total, rounded down, at least 1."""
        return self.count or max(1, total * self.percent // 100)


@dataclass(frozen=True, slots=True)
class Task:
    """One module call on each host.

    Args:
        name: Its name, or the module's where it has none. Templates in it aren't filled in.
        source: Where it begins.
        spec: Its module.
        written: The module's arguments as written.
        when: Conditions; all must hold.
        loop: A list, or a text that gives one; None without a loop.
        tags: Its own and its play's.
        notify: Names of handlers that a change wakes.
        ignore_errors: The play goes on after it failed.
        handler: It runs only when it is notified.
        needs_facts_for_arguments: Its arguments or its loop mention facts, directly or through the play's ``vars``.
        needs_facts_for_when: Its conditions do.
    """

    name: str
    source: Source
    spec: ModuleSpec
    written: Value
    when: tuple[Expression, ...] = ()
    loop: Value | None = None
    tags: frozenset[str] = frozenset()
    notify: tuple[str, ...] = ()
    ignore_errors: bool = False
    handler: bool = False
    needs_facts_for_arguments: bool = False
    needs_facts_for_when: bool = False
    _common: list[BaseModel] = field(default_factory=list, init=False, repr=False, compare=False)
    """The arguments once they were checked, where no template makes them different from host to host."""

    @property
    def module(self) -> str:
        """The module's name."""
        return self.spec.name

    @property
    def needs_facts(self) -> bool:
        """Whether anything in it mentions facts."""
        return self.needs_facts_for_arguments or self.needs_facts_for_when

    def unmet(self, variables: Mapping[str, object]) -> Expression | None:
        """Give the first condition that doesn't hold on a host; None where the task applies.

        Raises:
            TaskError: A condition fails, or is neither true nor false.
        """
        return next((condition for condition in self.when if not condition.holds(variables)), None)

    def items(self, variables: Mapping[str, object]) -> tuple[object, ...] | None:
        """Give what the loop goes over; None without a loop.

        Raises:
            TaskError: The loop's expression fails, or doesn't give a list.
        """
        if self.loop is None:
            return None
        items = render(self.loop, variables)
        if isinstance(items, list):
            return tuple(items)
        raise TaskError(f"{self.loop.source}: 'loop' gives {describe(items)}, not a list")

    def arguments(self, variables: Mapping[str, object]) -> BaseModel:
        """Fill in the templates for one host, and check the result.

        Args:
            variables: The host's, with ``item`` in a loop.

        Raises:
            TaskError: A template fails or the module refuses a value; one line for each, beginning with its place.
        """
        if self._common:
            return self._common[0]
        data = {
            key: render(value, variables, self.spec.literals.get(key)) for key, value in members(self.written).items()
        }
        try:
            arguments = self.spec.Arguments.model_validate(data)
        except ValidationError as error:
            found = explain(error, self.written, self.spec.Arguments, self.module)
            raise TaskError("\n".join(str(each.problem) for each in found)) from None
        refusal = "" if self.handler else self.spec.handler_only(arguments)
        if refusal:
            raise TaskError(f"{self.written.source}: {refusal}")
        if next(templates(self.written), None) is None:
            self._common.append(arguments)
        return arguments


@dataclass(frozen=True, slots=True)
class Play:
    """Tasks for the hosts of a pattern.

    Args:
        name: Its name, or its hosts where it has none.
        source: Where it begins.
        hosts: A pattern, as ``--limit`` takes it.
        vars: Its variables as written.
        tasks: In their order.
        handlers: In their order, each under a name of its own.
        tags: Its own; its tasks carry them too.
        serial: How many hosts each round takes, the last again and again; empty for all at once.
        any_errors_fatal: One failure ends the play on every host.
        max_fail_percentage: More failed hosts of a round than this end the play; None for no limit.
        verify: Expectations as written, None without.
    """

    name: str
    source: Source
    hosts: str
    vars: Mapping[str, Value] = field(default_factory=dict)
    tasks: tuple[Task, ...] = ()
    handlers: tuple[Task, ...] = ()
    tags: frozenset[str] = frozenset()
    serial: tuple[Batch, ...] = ()
    any_errors_fatal: bool = False
    max_fail_percentage: float | None = None
    verify: Value | None = None


@dataclass(frozen=True, slots=True)
class Playbook:
    """The plays of all playbook files, in the order they were given.

    Args:
        plays: At least one per file.
        notices: What is odd but not wrong.
    """

    plays: tuple[Play, ...]
    notices: tuple[Problem, ...] = ()


def members(value: Value) -> Mapping[str, Value]:
    """Give a mapping's values; none where it is left empty."""
    return {} if value.data is None or isinstance(value.data, (str, bool, int, float, tuple)) else value.data


def selects(task: Task, tags: Collection[str] = (), skip_tags: Collection[str] = ()) -> bool:
    """Tell whether ``--tags`` and ``--skip-tags`` leave a task in, as in Ansible.

    ``always`` on a task keeps it unless that tag is skipped by name, ``never`` leaves it out unless one of its tags
    is asked for by name. ``all``, ``tagged`` and ``untagged`` can be asked for and skipped.

    Args:
        task: The task.
        tags: What is asked for; nothing stands for ``all``.
        skip_tags: What is left out; it wins over ``tags``.
    """
    own = task.tags or {"untagged"}
    asked = frozenset(tags) or {"all"}
    groups = {"all"} | ({"tagged"} if task.tags else set())
    wanted = "always" in own or own & asked or ("never" not in own and groups & asked)
    skipped = own & frozenset(skip_tags) or ("always" not in own and groups & frozenset(skip_tags))
    return bool(wanted) and not skipped


def batches(hosts: Sequence[Host], serial: Sequence[Batch]) -> Iterator[tuple[Host, ...]]:
    """Split a play's hosts into its rounds.

    Args:
        hosts: All of the play's hosts.
        serial: The rounds' sizes; the last is used again until no host is left.

    Yields:
        The hosts of each round, never none.
    """
    start, round_number = 0, 0
    while start < len(hosts):
        batch = serial[min(round_number, len(serial) - 1)] if serial else Batch(count=len(hosts))
        yield tuple(hosts[start : start + batch.size(len(hosts))])
        start, round_number = start + batch.size(len(hosts)), round_number + 1
