"""Playbook files into plays: every mistake in every file is found and reported at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ValidationError

from harness.document import Value, parse
from harness.errors import PlaybookError
from harness.play.expressions import (
    Expression,
    check_expression,
    check_templates,
    is_template,
    names_of,
    templates,
)
from harness.play.playbook import Batch, Play, Playbook, Task, members
from harness.play.schema import (
    FOREIGN_FILES,
    HANDLER_KEYS,
    NOT_SUPPORTED,
    PLAY_KEYS,
    TASK_KEYS,
    HandlerModel,
    PlayModel,
    TaskModel,
)
from harness.play.variables import RESERVED, reachable
from harness.problems import describe, explain
from harness.source import Problem, Source
from harness.suggest import did_you_mean, nearest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from pathlib import Path

    from harness.play.playbook import ModuleSpec

Model = TypeVar("Model", bound=BaseModel)


def load(paths: Sequence[Path], modules: Mapping[str, ModuleSpec]) -> Playbook:
    """Read playbook files; their plays follow one another.

    Args:
        paths: The files, in their order.
        modules: The modules that a task may call, by name.

    Raises:
        PlaybookError: Anything is wrong with any of them; it holds all problems in the order of the text.
    """
    plays: list[Play] = []
    problems: list[Problem] = []
    notices: list[Problem] = []
    for path in paths:
        reader = _Reader(str(path), modules)
        plays += reader.read(path)
        problems += sorted(reader.problems, key=lambda problem: problem.source)
        notices += reader.notices
    if problems:
        raise PlaybookError(problems)
    return Playbook(tuple(plays), tuple(notices))


@dataclass(frozen=True, slots=True)
class _Surroundings:
    """What a task has from its play."""

    variables: Mapping[str, Value]
    tags: frozenset[str]
    handler: bool = False


class _Reader:
    """Reads one file."""

    def __init__(self, file: str, modules: Mapping[str, ModuleSpec]) -> None:
        self.file = file
        self.modules = modules
        self.problems: list[Problem] = []
        self.notices: list[Problem] = []
        self.damaged: frozenset[Source] = frozenset()

    def report(self, source: Source, message: str, hint: str = "") -> None:
        self.problems.append(Problem(source, message, hint))

    def add(self, problems: Iterable[Problem]) -> None:
        """Report what a model found, unless YAML has already been found wrong there."""
        self.problems += [problem for problem in problems if problem.source not in self.damaged]

    def read(self, path: Path) -> list[Play]:
        try:
            text = path.read_bytes().decode("utf-8-sig")
        except OSError as error:
            self.report(Source(self.file), f"can't be read: {error.strerror or error}")
            return []
        except UnicodeDecodeError as error:
            line = error.object[: error.start].count(b"\n") + 1
            self.report(Source(self.file, line), "isn't UTF-8 text", "save the file as UTF-8")
            return []
        document, problems = parse(text, self.file)
        self.problems += problems
        self.damaged = frozenset(problem.source for problem in problems)
        if document is not None:
            return self.plays(document)
        if not problems:
            self.report(Source(self.file), "holds no plays")
        return []

    # Plays

    def plays(self, document: Value) -> list[Play]:
        if isinstance(document.data, Mapping):
            self.report(document.source, "a playbook is a list of plays, not a mapping", "begin the play with '- '")
            return []
        if not isinstance(document.data, tuple):
            self.report(document.source, f"a playbook is a list of plays, not {describe(document.plain())}")
            return []
        if not document.data:
            self.report(document.source, "holds no plays")
        return [play for value in document.data if (play := self.play(value)) is not None]

    def play(self, written: Value) -> Play | None:
        if not isinstance(written.data, Mapping):
            self.report(written.source, f"expected a play, found {describe(written.plain())}")
            return None
        self.unknown_keys(written, PLAY_KEYS, "a play")
        if FOREIGN_FILES & written.keys.keys():
            return None
        value = _only(written, PLAY_KEYS)
        parts = members(value)
        model = self.validated(PlayModel, value, "the play")
        variables = self.variables(parts.get("vars"))
        tags = frozenset(tag for text, _ in _texts(parts.get("tags")) for tag in _split(text))
        tasks = self.tasks(parts.get("tasks"), _Surroundings(variables, tags))
        handlers = self.tasks(parts.get("handlers"), _Surroundings(variables, tags, handler=True))
        self.check_hosts(parts.get("hosts"))
        self.check_handlers(parts.get("tasks"), parts.get("handlers"))
        # A foreign key such as 'roles' has been reported and may be where the tasks are.
        if not {"verify", *NOT_SUPPORTED} & written.keys.keys() and _is_empty(parts.get("tasks")):
            self.report(value.source, "the play has no tasks")
        if model is None:
            return None
        hosts = ",".join(_list(model.hosts))
        return Play(
            name=model.name or hosts,
            source=value.source,
            hosts=hosts,
            vars=variables,
            tasks=tuple(tasks),
            handlers=tuple(handlers),
            tags=tags,
            serial=tuple(map(_batch, model.serial if isinstance(model.serial, list) else [model.serial])),
            any_errors_fatal=model.any_errors_fatal,
            max_fail_percentage=model.max_fail_percentage,
            verify=parts.get("verify"),
        )

    def variables(self, value: Value | None) -> dict[str, Value]:
        """Give a play's variables, without those that are wrong."""
        variables: dict[str, Value] = {}
        if value is None:
            return variables
        for name, each in members(value).items():
            problems = list(check_templates(each))
            self.problems += problems
            if name in RESERVED:
                self.report(value.keys[name], f"the name {name!r} is reserved", "choose another name")
            elif not name.isidentifier():
                hint = "a name has letters, digits and _, and doesn't begin with a digit"
                self.report(value.keys[name], f"{name!r} can't be a variable's name", hint)
            elif not problems:
                variables[name] = each
        return variables

    def check_hosts(self, value: Value | None) -> None:
        for text, source in _texts(value):
            if is_template(text):
                self.report(source, "'hosts' can't hold a template", "name hosts or groups, and narrow with --limit")

    def check_handlers(self, tasks: Value | None, handlers: Value | None) -> None:
        """Compare who notifies with who can be notified."""
        known: dict[str, Source] = {}
        for handler in _mappings(handlers):
            for name, source in _texts(members(handler).get("name")):
                if name in known:
                    self.report(source, f"two handlers are named {name!r}, the first in line {known[name].line}")
                known.setdefault(name, source)
        notified = [each for task in _mappings(tasks) for each in _texts(members(task).get("notify"))]
        for name, source in notified:
            if name not in known:
                without = "" if known else "the play has no handlers"
                self.report(source, f"no handler is named {name!r}", did_you_mean(name, known) or without)
        for name in known.keys() - {name for name, _ in notified}:
            self.notices.append(Problem(known[name], f"no task notifies the handler {name!r}, so it never runs"))
        self.notices.sort(key=lambda notice: notice.source)

    # Tasks

    def tasks(self, value: Value | None, surroundings: _Surroundings) -> list[Task]:
        return [task for each in _mappings(value) if (task := self.task(each, surroundings)) is not None]

    def task(self, value: Value, surroundings: _Surroundings) -> Task | None:
        keys = HANDLER_KEYS if surroundings.handler else TASK_KEYS
        label = "the handler" if surroundings.handler else "the task"
        spec = self.module(value, keys, label)
        own = _only(value, keys)
        parts = members(own)
        model = self.validated(HandlerModel if surroundings.handler else TaskModel, own, label)
        when = self.conditions(parts.get("when"))
        loop = self.loop(parts.get("loop"))
        written = members(value)[spec.name] if spec else None
        sound = self.arguments(written, value.keys[spec.name], spec, surroundings) if spec and written else False
        if model is None or spec is None or written is None or not sound:
            return None
        inputs = names_of(written) | (names_of(loop) if loop else frozenset())
        conditions = frozenset().union(*(condition.names for condition in when))
        return Task(
            name=model.name or spec.name,
            source=value.source,
            spec=spec,
            written=written,
            when=when,
            loop=loop,
            tags=surroundings.tags.union(*(_split(tag) for tag in _list(model.tags))),
            notify=tuple(_list(model.notify)) if isinstance(model, TaskModel) else (),
            ignore_errors=model.ignore_errors,
            handler=surroundings.handler,
            needs_facts_for_arguments="facts" in reachable(inputs, surroundings.variables),
            needs_facts_for_when="facts" in reachable(conditions, surroundings.variables),
        )

    def module(self, value: Value, keys: Collection[str], label: str) -> ModuleSpec | None:
        """Find the one module that a task calls."""
        called = [key for key in value.keys if key in self.modules]
        for extra in called[1:]:
            message = f"{label} calls two modules, {called[0]!r} and {extra!r}"
            self.report(value.keys[extra], message, "make two tasks of it")
        unknown = self.unknown_keys(value, (*keys, *self.modules), label, () if called else self.modules)
        # An unknown key that doesn't resemble a task's own is the module, misspelt or unknown.
        if not called and all(nearest(key, keys) for key in unknown):
            self.report(value.source, f"{label} calls no module", f"there are: {', '.join(sorted(self.modules))}")
        return self.modules[called[0]] if called else None

    def conditions(self, value: Value | None) -> tuple[Expression, ...]:
        conditions = []
        for each in _each(value):
            if isinstance(each.data, bool):
                conditions.append(Expression(str(each.data).lower(), each.source))
            elif isinstance(each.data, str) and each.data:
                problem = check_expression(each.data, each.source)
                if problem:
                    self.problems.append(problem)
                else:
                    conditions.append(Expression(each.data, each.source))
        return tuple(conditions)

    def loop(self, value: Value | None) -> Value | None:
        if value is None or not value.data:
            return value if value and isinstance(value.data, tuple) else None
        if isinstance(value.data, str) and not is_template(value.data):
            problems = [problem for problem in [check_expression(value.data, value.source)] if problem]
            value = Value(value.source, "{{ " + value.data + " }}")
        else:
            problems = list(check_templates(value))
        self.problems += problems
        return None if problems else value

    def arguments(self, value: Value, key: Source, spec: ModuleSpec, surroundings: _Surroundings) -> bool:
        """Check a module's arguments as far as that goes before templates are filled in."""
        if value.data is not None and not isinstance(value.data, Mapping):
            hint = f"write the arguments of {spec.name} below it, one 'key: value' in each line"
            message = f"{spec.name}: expected a mapping (key: value), found {describe(value.plain())}"
            self.report(value.source, message, hint)
            return False
        problems = list(check_templates(value))
        self.problems += problems
        open_paths = [path for path, _, _ in templates(value)]
        try:
            arguments = spec.Arguments.model_validate(value.plain() or {})
        except ValidationError as error:
            known = {problem.source for problem in problems}
            found = [
                each.problem
                for each in explain(error, value, spec.Arguments, spec.name)
                if each.about_key or not any(map(each.touches, open_paths))
            ]
            self.add(problem for problem in found if problem.source not in known)
            return not found and not problems
        refusal = "" if surroundings.handler or open_paths else spec.handler_only(arguments)
        if refusal:
            self.report(key, refusal)
        return not problems and not refusal

    # Both

    def validated(self, model: type[Model], value: Value, label: str) -> Model | None:
        try:
            return model.model_validate(value.plain())
        except ValidationError as error:
            self.add(each.problem for each in explain(error, value, model, label))
            return None

    def unknown_keys(
        self, value: Value, known: Collection[str], label: str, modules: Collection[str] = ()
    ) -> list[str]:
        """Report the keys that aren't known, and give those that may be misspelt."""
        unknown = []
        for key, source in value.keys.items():
            if key in known:
                continue
            if key in NOT_SUPPORTED:
                self.report(source, f"{key!r} isn't supported", NOT_SUPPORTED[key])
            elif label == "the handler" and key in TASK_KEYS:
                self.report(source, f"a handler can't have {key!r}")
            else:
                near = did_you_mean(key.rpartition(".")[2], set(known) - value.keys.keys())
                what = "unknown module or key" if modules else "unknown key"
                every = f"modules: {', '.join(sorted(modules))}" if modules else f"known here: {', '.join(known)}"
                self.report(source, f"{what} {key!r} in {label}", near or every)
                unknown.append(key)
                continue
            unknown += [key] if modules else []
        return unknown


def _only(value: Value, keys: Collection[str]) -> Value:
    kept = {key: each for key, each in members(value).items() if key in keys}
    return Value(value.source, kept, {key: value.keys[key] for key in kept})


def _each(value: Value | None) -> tuple[Value, ...]:
    if value is None:
        return ()
    return value.data if isinstance(value.data, tuple) else (value,)


def _mappings(value: Value | None) -> Iterator[Value]:
    if value is not None and isinstance(value.data, tuple):
        yield from (each for each in value.data if isinstance(each.data, Mapping))


def _texts(value: Value | None) -> Iterator[tuple[str, Source]]:
    yield from ((each.data, each.source) for each in _each(value) if isinstance(each.data, str) and each.data)


def _is_empty(value: Value | None) -> bool:
    return value is None or value.data is None or value.data == ()


def _split(tags: str) -> frozenset[str]:
    return frozenset(tag.strip() for tag in tags.split(",") if tag.strip())


Item = TypeVar("Item")


def _list(value: Item | list[Item]) -> list[Item]:
    return value if isinstance(value, list) else [value]


def _batch(size: int | str) -> Batch:
    return Batch(count=size) if isinstance(size, int) else Batch(percent=int(size.rstrip("%")))
