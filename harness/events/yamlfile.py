"""YAML files of the user's, whose every value knows its line and column."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from harness.errors import InputError
from harness.source import Problem, Source

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic import ValidationError


@dataclass(frozen=True, slots=True)
class Document:
    """A YAML file that was read.

    Args:
        file: Its path as the user gave it.
        tree: Its mappings and lists, which know their places.
    """

    file: str
    tree: CommentedMap

    @property
    def plain(self) -> dict[str, Any]:
        """The same as plain dictionaries and lists."""
        plain = _plain(self.tree)
        return plain if isinstance(plain, dict) else {}

    def place(self, *path: str | int) -> Source:
        """Give the place of a key or a list's item, or of the closest thing above it that stands in the file."""
        node: Any = self.tree
        line, column = 0, 0
        for step in path:
            if isinstance(node, CommentedMap) and step in node:
                line, column = node.lc.key(step)
            elif isinstance(node, CommentedSeq) and isinstance(step, int) and step < len(node):
                line, column = node.lc.item(step)
            else:
                continue  # pydantic names the branches of a union too; they don't stand in the file
            node = node[step]
        return Source(self.file, line + 1, column + 1)


def read_yaml(file: str, text: str) -> Document:
    """Read a YAML file whose outermost thing is a mapping.

    Raises:
        InputError: It isn't YAML, or something else stands outermost.
    """
    try:
        tree = YAML(typ="rt").load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark
        place = Source(file, mark.line + 1, mark.column + 1) if mark else Source(file)
        raise InputError([Problem(place, f"not YAML: {error.problem or error.context or 'it breaks off'}")]) from None
    except YAMLError as error:
        raise InputError([Problem(Source(file), f"not YAML: {error}")]) from None
    if not isinstance(tree, CommentedMap):
        raise InputError(
            [Problem(Source(file, 1, 1), "a mapping file begins with format: and the fields that it maps")]
        )
    return Document(file, tree)


def problems_of(error: ValidationError, document: Document, model: type[BaseModel]) -> list[Problem]:
    """Turn what pydantic found into problems with places and suggestions, in the file's order."""
    problems: dict[tuple[Source, str], Problem] = {}
    for fault in error.errors(include_url=False, include_context=False, include_input=False):
        path = fault["loc"]
        hint = ""
        message = fault["msg"][:1].lower() + fault["msg"][1:]
        name = str(path[-1]) if path else ""
        if fault["type"] == "extra_forbidden":
            known = _keys(model, path[:-1])
            near = difflib.get_close_matches(name, known, n=1)
            message = f"there is no key {name!r} here"
            hint = f"did you mean {near[0]!r}?" if near else f"one of {', '.join(known)}"
        elif fault["type"] == "missing":
            message = f"{name!r} is missing here"
        elif fault["type"] == "string_pattern_mismatch":
            message = f"{name!r} must begin with 'confirmed: ', 'seen in the field: ', 'believed: ' or 'chosen: '"
        else:
            message = message.removeprefix("value error, ")
        problem = Problem(document.place(*path), message, hint)
        problems.setdefault((problem.source, problem.message), problem)
    return sorted(problems.values(), key=lambda problem: problem.source)


def _keys(model: type[BaseModel], path: Iterable[str | int]) -> list[str]:
    """Give the keys that a model has at a path."""
    for step in path:
        if step in model.model_fields:
            model = _model_in(model.model_fields[str(step)].annotation) or model
    return list(model.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:  # noqa: ANN401 - an annotation may be anything
    """Give the model inside an annotation such as ``list[Model]`` or ``Model | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part))), None)


def _plain(node: Any) -> Any:  # noqa: ANN401 - a YAML node may be anything
    """Give plain dictionaries, lists and scalars."""
    if isinstance(node, CommentedMap):
        return {str(key): _plain(value) for key, value in node.items()}
    if isinstance(node, CommentedSeq):
        return [_plain(value) for value in node]
    return str(node) if isinstance(node, str) else node
