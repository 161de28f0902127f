"""pydantic's errors as plain sentences about the user's text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel, ValidationError

from harness.redaction import Secret
from harness.source import Problem
from harness.suggest import did_you_mean, nearest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from pydantic_core import ErrorDetails

    from harness.document import Value

Path = tuple[str | int, ...]

_ABOUT_KEYS = frozenset({"missing", "extra_forbidden"})

_CHOICES = frozenset({"literal_error", "enum"})

_WHOLE = "a whole number"
_EXPECTED = {
    "string_type": "text",
    "string_sub_type": "text",
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_from_float": _WHOLE,
    "int_parsing_size": "a smaller number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "decimal_type": "a number",
    "decimal_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "set_type": "a list",
    "frozen_set_type": "a list",
    "iterable_type": "a list",
    "dict_type": "a mapping (key: value)",
    "mapping_type": "a mapping (key: value)",
    "model_type": "a mapping (key: value)",
    "model_attributes_type": "a mapping (key: value)",
    "dataclass_type": "a mapping (key: value)",
    "none_required": "nothing",
    "path_type": "a path",
    "time_delta_type": "a duration",
    "time_delta_parsing": "a duration",
    "is_instance_of": "another kind of value",
}
_BOUNDS = {
    "greater_than": ("more than {}", "gt"),
    "greater_than_equal": ("{} or more", "ge"),
    "less_than": ("less than {}", "lt"),
    "less_than_equal": ("{} or less", "le"),
    "multiple_of": ("a multiple of {}", "multiple_of"),
    "string_too_short": ("text of {} characters or more", "min_length"),
    "string_too_long": ("text of {} characters or fewer", "max_length"),
    "too_short": ("{} entries or more", "min_length"),
    "too_long": ("{} entries or fewer", "max_length"),
    "string_pattern_mismatch": ("text that matches {}", "pattern"),
    "literal_error": ("{}", "expected"),
    "enum": ("{}", "expected"),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that pydantic found.

    Args:
        path: The way to it inside the value.
        problem: What to tell the user.
        about_key: A key is missing or unknown: it is wrong whatever the values are.
    """

    path: Path
    problem: Problem
    about_key: bool

    def touches(self, path: Path) -> bool:
        """Tell whether one of the two paths leads through the other."""
        shorter = min(len(path), len(self.path))
        return path[:shorter] == self.path[:shorter]


def explain(error: ValidationError, value: Value, model: type[BaseModel], label: str) -> list[Finding]:
    """Turn pydantic's errors into problems of the text.

    Args:
        error: What the model raised.
        value: The text that was validated, or from which the validated data was rendered.
        model: The model.
        label: What a message calls the value as a whole.

    Returns:
        What is wrong; the branches of a union make one finding.
    """
    groups: dict[Path, list[ErrorDetails]] = {}
    for each in error.errors(include_url=False):
        groups.setdefault(_path(each, value), []).append(each)
    return [
        Finding(path, _problem(path, _nearest_branches(errors), value, model, label), errors[0]["type"] in _ABOUT_KEYS)
        for path, errors in groups.items()
        if not _is_other_branch(path, errors, groups)
    ]


def _nearest_branches(errors: list[ErrorDetails]) -> list[ErrorDetails]:
    """Keep, of the branches of a union, those that the value came closest to: it had their type."""
    closest = [error for error in errors if error["type"] not in _EXPECTED.keys() | _CHOICES]
    return closest or errors


def _is_other_branch(path: Path, errors: list[ErrorDetails], groups: Collection[Path]) -> bool:
    """Tell whether a value only isn't of a union's other type: something inside it is what is wrong."""
    deeper = any(len(other) > len(path) and other[: len(path)] == path for other in groups)
    return deeper and all(error["type"] in _EXPECTED for error in errors)


def spelled(path: Path, label: str) -> str:
    """Write a path as a user would: ``sites[2].name``."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return repr(text.removeprefix(".")) if text else label


def _path(error: ErrorDetails, value: Value) -> Path:
    _, path = value.find(error["loc"])
    if error["type"] == "missing":
        return (*path, str(error["loc"][-1]))
    return path


def _problem(path: Path, errors: list[ErrorDetails], value: Value, model: type[BaseModel], label: str) -> Problem:
    first = errors[0]
    found, _ = value.find(path)
    name = spelled(path, label)
    if first["type"] == "missing":
        return Problem(found.source, f"{name} is missing in {label}")
    if first["type"] == "extra_forbidden":
        owner, _ = value.find(path[:-1])
        key = str(path[-1])
        near = did_you_mean(key, set(_fields(model)) - owner.keys.keys())
        known = "" if near or len(path) > 1 else f"known here: {', '.join(sorted(_own_fields(model)))}"
        return Problem(owner.keys.get(key, found.source), f"unknown key {name} in {label}", near or known)
    own = list(dict.fromkeys(_own_message(error) for error in errors if not _expected(error)))
    if own:
        return Problem(found.source, f"{name}: {'; '.join(own)}")
    expected = list(dict.fromkeys(filter(None, map(_expected, errors))))
    message = f"{name}: expected {' or '.join(expected)}, found {describe(first['input'])}"
    return Problem(found.source, message, _hint(errors, first["input"]))


def _expected(error: ErrorDetails) -> str:
    kind = error["type"]
    if kind in _EXPECTED:
        return _EXPECTED[kind]
    if kind not in _BOUNDS:
        return ""
    form, key = _BOUNDS[kind]
    bound = error.get("ctx", {}).get(key)
    if key == "min_length" and bound == 1:
        return "text that isn't empty" if kind == "string_too_short" else "at least one entry"
    return form.format(f"{bound:g}" if isinstance(bound, float) else bound)


def _own_message(error: ErrorDetails) -> str:
    """Give the sentence that a model's own validator raised, or the nearest to one."""
    raised = error.get("ctx", {}).get("error")
    message = str(raised) if isinstance(raised, Exception) and str(raised) else error["msg"]
    message = re.sub(r"^Input should be (a valid )?", "expected ", message)
    return message.rstrip(".")


def _hint(errors: list[ErrorDetails], found: object) -> str:
    if isinstance(found, bool | int | float) and all(error["type"] == "string_type" for error in errors):
        return "put it in quotes"
    if not isinstance(found, str):
        return ""
    options = [
        option
        for error in errors
        if error["type"] in _CHOICES
        for option in re.findall(r"'([^']*)'", str(error.get("ctx", {}).get("expected", "")))
    ]
    return did_you_mean(found, options) if nearest(found, options) != found else ""


def _own_fields(model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield field.alias or name


def _fields(model: type[BaseModel]) -> Iterator[str]:
    """Give the names of a model's fields and of the models inside it."""
    yield from _own_fields(model)
    for field in model.model_fields.values():
        for inner in _models(field.annotation):
            if inner is not model:
                yield from _fields(inner)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:  # noqa: ANN401 - an annotation can be any object
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)


def describe(value: object) -> str:
    """Say what a value is, for a message; a secret's value is never shown."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return f"the number {value}"
        case str():
            return f"the text {shorten(value)!r}"
    kinds = {"a secret": Secret, "a list": list | tuple | set | frozenset, "a mapping": Mapping}
    return next((kind for kind, types in kinds.items() if isinstance(value, types)), "something else")


def shorten(text: str, length: int = 60) -> str:
    """Cut a text for a message."""
    return text if len(text) <= length else text[: length - 3] + "..."
