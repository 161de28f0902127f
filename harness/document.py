"""YAML 1.2 in which every value and every key knows its line and column.

Only ruamel.yaml's composer is used: it gives positions, and it runs no constructor, so no tag in a text can
make an object.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from harness.source import Problem, Source

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Data: TypeAlias = "str | bool | int | float | tuple[Value, ...] | Mapping[str, Value] | None"

# Deeper or larger than any playbook; aliases of aliases reach both with a few lines of text.
_MAX_DEPTH = 50
_MAX_VALUES = 200_000

_TAG = "tag:yaml.org,2002:"
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", re.ASCII)
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
_TEXT_TAGS = frozenset(_TAG + name for name in ("str", "timestamp", "value", "merge", "binary"))

# What ruamel.yaml raises on damaged text besides its own errors, as fuzzing showed.
_DAMAGED = (ValueError, LookupError, AttributeError, AssertionError, TypeError, NotImplementedError)


@dataclass(frozen=True, slots=True)
class Value:
    """A value of a YAML text and where it stands.

    Args:
        source: Where the value begins; where it is left empty, its key.
        data: The value; lists are tuples of values, mappings map text to values.
        keys: Of a mapping: where each key stands.
    """

    source: Source
    data: Data
    keys: Mapping[str, Source] = field(default_factory=dict)

    def plain(self) -> object:
        """Give the value without positions: scalars, lists and dicts."""
        if isinstance(self.data, tuple):
            return [value.plain() for value in self.data]
        if isinstance(self.data, Mapping):
            return {key: value.plain() for key, value in self.data.items()}
        return self.data

    def member(self, step: str | int) -> Value | None:
        """Give the value under a key or at an index; None where there is none."""
        if isinstance(self.data, Mapping):
            return self.data.get(step) if isinstance(step, str) else None
        if isinstance(self.data, tuple) and isinstance(step, int) and step < len(self.data):
            return self.data[step]
        return None

    def find(self, path: Sequence[str | int]) -> tuple[Value, tuple[str | int, ...]]:
        """Follow a path of keys and indexes as far as it leads.

        Args:
            path: For example ``("sites", 0)``; steps that lead nowhere are passed over.

        Returns:
            The value that was reached, and the steps that led to it.
        """
        value: Value = self
        taken: list[str | int] = []
        for step in path:
            inner = value.member(step)
            if inner is not None:
                value = inner
                taken.append(step)
        return value, tuple(taken)

    def walk(self, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Value]]:
        """Give this value and every value inside it, with their paths, in the order of the text."""
        yield path, self
        if isinstance(self.data, tuple):
            for index, value in enumerate(self.data):
                yield from value.walk((*path, index))
        elif isinstance(self.data, Mapping):
            for key, value in self.data.items():
                yield from value.walk((*path, key))


def parse(text: str, file: str) -> tuple[Value | None, list[Problem]]:
    """Read a text that holds one YAML document.

    Args:
        text: The document.
        file: The file's name for positions and messages.

    Returns:
        The document, or None where the text is empty or isn't YAML; and what is wrong with it.
    """
    yaml = YAML(typ="safe", pure=True)
    # YAML lets an anchor be given again; the library would warn to standard error.
    yaml.composer.warn_double_anchors = False
    try:
        node = yaml.compose(text)
    except ReaderError as error:
        return None, [_unprintable(error, text, file)]
    except MarkedYAMLError as error:
        return None, [_syntax(error, text, file)]
    except RecursionError:
        return None, [Problem(Source(file), "is nested too deeply")]
    except (YAMLError, *_DAMAGED) as error:
        return None, [Problem(Source(file), f"isn't YAML: {_first_line(error)}")]
    if node is None:
        return None, []
    builder = _Builder(file)
    value = builder.value(node, Source(file, 1, 1), 0)
    return None if builder.gave_up else value, builder.problems


class _Builder:
    """Turns nodes into values and collects what is wrong."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self.count = 0
        self.gave_up = False

    def value(self, node: Node, key: Source, depth: int) -> Value:
        source = key if isinstance(node, ScalarNode) and not node.value and not node.style else self.at(node)
        self.count += 1
        if depth > _MAX_DEPTH or self.count > _MAX_VALUES:
            self.give_up(source)
        if self.gave_up:
            return Value(source, None)
        self.check_tag(node)
        if isinstance(node, SequenceNode):
            return Value(source, tuple(self.value(each, self.at(each), depth + 1) for each in node.value))
        if isinstance(node, MappingNode):
            if node.flow_style and any(isinstance(key, MappingNode) for key, _ in node.value):
                self.problems.append(Problem(source, "a value that begins with {{ needs quotes", 'as in "{{ name }}"'))
                return Value(source, None)
            return self.mapping(node, source, depth)
        return Value(source, _scalar(str(node.tag), str(node.value)))

    def mapping(self, node: MappingNode, source: Source, depth: int) -> Value:
        data: dict[str, Value] = {}
        keys: dict[str, Source] = {}
        for key_node, value_node in node.value:
            at = self.at(key_node)
            key = self.key(key_node, at)
            value = self.value(value_node, at, depth + 1)
            if key is None:
                continue
            if key in data:
                self.problems.append(Problem(at, f"the key {key!r} stands twice, first in line {keys[key].line}"))
                continue
            data[key], keys[key] = value, at
        return Value(source, data, keys)

    def key(self, node: Node, at: Source) -> str | None:
        if not isinstance(node, ScalarNode):
            self.problems.append(Problem(at, "a key must be text, not a list or a mapping"))
        elif node.tag == _TAG + "merge":
            self.problems.append(Problem(at, "merge keys (<<) aren't part of YAML 1.2", "write the keys out"))
        else:
            key = _scalar(str(node.tag), str(node.value))
            if isinstance(key, str):
                return key
            self.problems.append(Problem(at, f"a key must be text, not {node.value!r}", "put it in quotes"))
        return None

    def check_tag(self, node: Node) -> None:
        tag = str(node.tag)
        if not tag.startswith(_TAG):
            hint = "a secret is written as env:NAME or file:PATH in the inventory" if tag == "!vault" else ""
            self.problems.append(Problem(self.at(node), f"the tag {tag} isn't supported", hint))

    def give_up(self, source: Source) -> None:
        if not self.gave_up:
            self.gave_up = True
            self.problems.append(Problem(source, "holds too much", "an alias may repeat itself without end"))

    def at(self, node: Node) -> Source:
        mark = node.start_mark
        return Source(self.file, mark.line + 1, mark.column + 1)


def _scalar(tag: str, text: str) -> str | bool | int | float | None:
    """Read a scalar by YAML 1.2's core schema: ``yes`` and ``1_000`` are text."""
    kind = tag.removeprefix(_TAG)
    if kind == "null":
        return None
    if kind == "bool" and text.lower() in {"true", "false"}:
        return text.lower() == "true"
    if kind in {"int", "float"}:
        return _number(text)
    return text


def _number(text: str) -> str | int | float:
    try:
        if _INTEGER.fullmatch(text):
            return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))
        if _NUMBER.fullmatch(text):
            return float(text)
    except ValueError:  # more digits than Python converts
        return text
    special = text.lower()
    return float(special.replace(".", "")) if special.lstrip("+-") in {".inf", ".nan"} else text


def _syntax(error: MarkedYAMLError, text: str, file: str) -> Problem:
    mark = error.problem_mark or error.context_mark
    source = Source(file, mark.line + 1, mark.column + 1) if mark else Source(file)
    problem = _first_line(error.problem or error.context or "unreadable")
    lines = text.splitlines()
    line = lines[mark.line] if mark and mark.line < len(lines) else ""
    if "'\\t'" in problem or "\t" in line[: len(line) - len(line.lstrip())]:
        return Problem(source, "a tab can't indent YAML", "use spaces")
    if "found another document" in problem:
        return Problem(source, "a second document begins here", "a playbook is one document; remove the ---")
    hint = ""
    if "mapping values are not allowed" in problem:
        hint = "check the indentation, and put a text that holds ': ' in quotes"
    if "cannot start any token" in problem:
        hint = "put the text in quotes"
    if error.context_mark and mark and error.context_mark.line != mark.line:
        problem += f", {error.context} that begins in line {error.context_mark.line + 1}"
    return Problem(source, f"isn't YAML: {problem}", hint)


def _unprintable(error: ReaderError, text: str, file: str) -> Problem:
    before = text[: error.position]
    line, column = before.count("\n") + 1, error.position - (before.rfind("\n") + 1) + 1
    code = error.character if isinstance(error.character, int) else ord(error.character)
    return Problem(Source(file, line, column), f"the character U+{code:04X} isn't allowed in YAML")


def _first_line(error: object) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
