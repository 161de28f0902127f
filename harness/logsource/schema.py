"""What a console says of its log source types and protocols: ids, parameters and their rules.

These are the answers of its API, kept in one file: an object whose keys are the last parts of the addresses, each with
the array that the console answered::

    {"log_source_types": [...], "protocol_types": [...], "event_collectors": [...]}

The first two are necessary; collectors, groups, languages and extensions only where a log source names some.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from harness.errors import InputError
from harness.jsontext import parse
from harness.problems import explain
from harness.source import Problem, Source

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_LENIENT = ConfigDict(extra="ignore", coerce_numbers_to_str=True)


def _none_is_empty(value: object) -> object:
    return () if value is None else value


def _none_is_nothing(value: object) -> object:
    return "" if value is None else value


def _nothing_is_none(value: object) -> object:
    return None if value == "" else value


Text = Annotated[str, BeforeValidator(_none_is_nothing)]
Bound = Annotated[float | None, BeforeValidator(_nothing_is_none)]
"""Of a number; the API writes it as text, which may be empty."""


@dataclass(frozen=True, slots=True)
class AllowedValue:
    """A value that a parameter may have, and what the form shows for it."""

    __pydantic_config__: ClassVar[ConfigDict] = _LENIENT

    name: Text = ""
    value: Text = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule about a parameter, which holds where another one's value matches.

    Args:
        trigger_parameter_id: The other parameter.
        trigger_pattern: What its value must match, a Java regular expression.
        affected_property: ``AVAILABLE``, ``REQUIRED`` or ``DEFAULT``.
        affected_property_value: What that becomes: ``true``, ``false``, or the default.
        parameter_id: The parameter that the rule is about.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _LENIENT

    trigger_parameter_id: int
    affected_property: str
    trigger_pattern: Text = ""
    affected_property_value: Text = ""
    parameter_id: int | None = None


@dataclass(frozen=True, slots=True)
class ConsoleParameter:
    """A parameter of a protocol, as the console describes it; lengths, bounds and pattern are None for no limit."""

    __pydantic_config__: ClassVar[ConfigDict] = _LENIENT

    id: int
    name: Text = ""
    label: Text = ""
    description: Text = ""
    type: Text = "STRING"
    group_id: int | None = None
    required: bool = False
    min_length: int | None = None
    max_length: int | None = None
    min_value: Bound = None
    max_value: Bound = None
    default_value: str | None = None
    pattern: str | None = None
    pattern_error_message: Text = ""
    pattern_description: Text = ""
    allowed_values: Annotated[tuple[AllowedValue, ...], BeforeValidator(_none_is_empty)] = ()
    rules: Annotated[tuple[Rule, ...], BeforeValidator(_none_is_empty)] = ()

    @property
    def shown(self) -> str:
        """What people know it by."""
        return self.label or self.name or f"parameter {self.id}"


@dataclass(frozen=True, slots=True)
class ParameterGroup:
    """Parameters of which one must be given where the group is required."""

    __pydantic_config__: ClassVar[ConfigDict] = _LENIENT

    id: int
    name: Text = ""
    required: bool = False


@dataclass(frozen=True, slots=True)
class ProtocolType:
    """A protocol."""

    __pydantic_config__: ClassVar[ConfigDict] = _LENIENT

    id: int
    name: str
    parameters: Annotated[tuple[ConsoleParameter, ...], BeforeValidator(_none_is_empty)] = ()
    parameter_groups: Annotated[tuple[ParameterGroup, ...], BeforeValidator(_none_is_empty)] = ()


@dataclass(frozen=True, slots=True)
class OfferedProtocol:
    """A protocol that a log source type may use."""

    __pydantic_config__: ClassVar[ConfigDict] = _LENIENT

    protocol_id: int
    documented: bool = False


@dataclass(frozen=True, slots=True)
class LogSourceType:
    """A log source type; an account without the rights to see more is told id and name only."""

    __pydantic_config__: ClassVar[ConfigDict] = _LENIENT

    id: int
    name: str
    protocol_types: Annotated[tuple[OfferedProtocol, ...], BeforeValidator(_none_is_empty)] = ()
    default_protocol_id: int | None = None
    supported_language_ids: Annotated[tuple[int, ...], BeforeValidator(_none_is_empty)] = ()


@dataclass(frozen=True, slots=True)
class Named:
    """A collector, group, language or extension."""

    __pydantic_config__: ClassVar[ConfigDict] = _LENIENT

    id: int
    name: Text = ""


@dataclass(frozen=True, slots=True)
class Schema:
    """What a console says of itself; a list that wasn't asked for is None.

    Args:
        log_source_types: Its log source types.
        protocol_types: Its protocols.
        event_collectors: Its event collectors.
        log_source_groups: Its log source groups.
        log_source_languages: Its log source languages.
        log_source_extensions: Its log source extensions.
    """

    log_source_types: tuple[LogSourceType, ...]
    protocol_types: tuple[ProtocolType, ...]
    event_collectors: tuple[Named, ...] | None = None
    log_source_groups: tuple[Named, ...] | None = None
    log_source_languages: tuple[Named, ...] | None = None
    log_source_extensions: tuple[Named, ...] | None = None


class _Answers(BaseModel):
    """The file."""

    model_config = _LENIENT

    log_source_types: tuple[LogSourceType, ...]
    protocol_types: tuple[ProtocolType, ...]
    event_collectors: tuple[Named, ...] | None = None
    log_source_groups: tuple[Named, ...] | None = None
    log_source_languages: tuple[Named, ...] | None = None
    log_source_extensions: tuple[Named, ...] | None = None

    def schema_(self) -> Schema:
        return Schema(**{name: getattr(self, name) for name in type(self).model_fields})


def from_answers(answers: Mapping[str, Sequence[Any]]) -> Schema:
    """Read the API's answers.

    Args:
        answers: The arrays, by the last part of their address.

    Raises:
        ValidationError: They aren't what the API's documentation says.
    """
    return _Answers.model_validate(answers).schema_()


def read(path: Path) -> Schema:
    """Read a file of answers.

    Args:
        path: The file.

    Raises:
        InputError: It can't be read, or isn't such a file; every problem with its place.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError([Problem(Source(str(path)), f"can't be read: {error.strerror}")]) from error
    except UnicodeDecodeError:
        raise InputError([Problem(Source(str(path)), "isn't UTF-8 text")]) from None
    try:
        return _Answers.model_validate(json.loads(text)).schema_()
    except (ValueError, RecursionError) as error:
        raise InputError(_problems(error, text, str(path))) from error


def _problems(error: Exception, text: str, file: str) -> list[Problem]:
    """Find the places of what is wrong; the file is read a second time, since positions take their time."""
    value, problems = parse(text, file)
    if value is None or not isinstance(error, ValidationError):
        return problems or [Problem(Source(file), f"isn't JSON: {error}")]
    found = [each.problem for each in explain(error, value, _Answers, "the console's answers")]
    hint = 'one object: {"log_source_types": [...], "protocol_types": [...]}, with the arrays that the console answered'
    return [Problem(each.source, each.message, each.hint or hint) for each in found]
