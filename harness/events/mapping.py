"""Mappings: which columns of a record become which fields of an event.

A mapping is a YAML file per format, in ``mappings/`` beside this module::

    format: msgtrk
    source_ip:
      provenance: "seen in the field: ..."
      candidates:
        - field: client-ip
          transforms: [strip-zone]
        - field: "#SourceIp"

The candidates of a field are tried in their order; the first that gives a value of the field's type counts. A candidate takes one
column (``field``) or puts several together (``template``, with names in braces; it gives nothing where one of them is empty or
``-``). ``when`` lists columns and the patterns that their whole values must match.

Besides the file's columns a mapping can name: ``#Software``, ``#Version``, ``#Log-type`` and ``#Date`` (the header's lines), ``#day``
(the day of a row that carries a time only), ``#file`` (the file's name without its folder) and ``#SourceIp`` (the address of the
server, where the caller knows it).

`load` gives the mapping that ships with harness, with the user's files laid over it field by field.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from harness.errors import InputError
from harness.events import transforms
from harness.events.event import MAPPED, Event, Shortfall
from harness.events.record import Format, Record
from harness.events.yamlfile import problems_of, read_yaml
from harness.source import Problem, Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping as Mapped
    from pathlib import Path

_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")
_PSEUDO = ("#Software", "#Version", "#Log-type", "#Date", "#day", "#file", "#SourceIp")

_Get = "Callable[[Record, str], str]"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class TransformModel(_Strict):
    """A transform with an argument."""

    match: str | None = None
    table: dict[str, str] | None = None

    @model_validator(mode="after")
    def _one(self) -> TransformModel:
        if (self.match is None) == (self.table is None):
            message = "a transform is a name, or one of match: and table:"
            raise ValueError(message)
        return self


class CandidateModel(_Strict):
    """One place that a mapped field may come from."""

    field: str | None = None
    template: str | None = None
    when: dict[str, str] = {}
    transforms: list[str | TransformModel] = []

    @model_validator(mode="after")
    def _one(self) -> CandidateModel:
        if (self.field is None) == (self.template is None):
            message = "a candidate has either field: or template:"
            raise ValueError(message)
        return self


class FieldModel(_Strict):
    """Where one mapped field comes from."""

    provenance: Annotated[str, Field(pattern=r"^(confirmed|seen in the field|believed|chosen): ")]
    required: bool = True
    candidates: Annotated[list[CandidateModel], Field(min_length=1)]


class MappingModel(_Strict):
    """A mapping file."""

    format: str
    event_id: FieldModel | None = None
    username: FieldModel | None = None
    source_ip: FieldModel | None = None
    destination_ip: FieldModel | None = None
    device_time: FieldModel | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """A transform that ran.

    Args:
        name: As the mapping writes it.
        result: What it gave.
    """

    name: str
    result: str


@dataclass(frozen=True, slots=True)
class Trace:
    """How a mapped field got its value.

    Args:
        field: Its name, one of `event.MAPPED`.
        columns: The columns, or names that begin with ``#``, that the value was taken from.
        taken: What was taken from them.
        steps: The transforms, in their order.
        value: The value as the event has it, as text; empty where nothing was found.
        source: Where the candidate stands in a mapping file.
        problem: Why the field stayed empty; empty where it didn't.
        provenance: Where the belief in this mapping comes from.
    """

    field: str
    columns: tuple[str, ...]
    taken: str
    steps: tuple[Step, ...]
    value: str
    source: Source
    problem: str
    provenance: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """One place that a mapped field may come from.

    Args:
        columns: The columns that it reads.
        take: Gives their text from a record and the server's address.
        when: Columns and patterns that must match.
        transforms: Names and functions.
        source: Where it stands in a mapping file.
    """

    columns: tuple[str, ...]
    take: Callable[[Record, str], str]
    when: tuple[tuple[str, re.Pattern[str]], ...]
    transforms: tuple[tuple[str, Callable[[str], str]], ...]
    source: Source

    def applies(self, record: Record, host: str) -> bool:
        """Whether its conditions hold."""
        return all(pattern.fullmatch(_column(record, name, host)) for name, pattern in self.when)

    def text(self, record: Record, host: str) -> str:
        """Give its text; empty where it gives nothing."""
        if self.when and not self.applies(record, host):
            return ""
        text = self.take(record, host)
        for _, transform in self.transforms:
            if not text:
                return ""
            text = transform(text)
        return text


@dataclass(frozen=True, slots=True)
class MappedField:
    """Where one mapped field comes from.

    Args:
        name: One of `event.MAPPED`.
        candidates: Tried in this order.
        required: Whether an event without it has a problem.
        provenance: Where the belief comes from.
    """

    name: str
    candidates: tuple[Candidate, ...]
    required: bool
    provenance: str

    def find(self, record: Record, host: str) -> tuple[Any, Candidate | None, str]:
        """Give the value, the candidate that gave it, and the problem where none did."""
        wrong = ""
        convert = _TYPES[self.name]
        for candidate in self.candidates:
            text = candidate.text(record, host)
            if text:
                try:
                    return convert(text), candidate, ""
                except ValueError as error:
                    wrong = wrong or f"{' '.join(candidate.columns)} gives {text[:80]!r}: {error}"
        if not wrong and self.required:
            tried = dict.fromkeys(name for candidate in self.candidates for name in candidate.columns)
            wrong = f"nothing in {', '.join(tried)}"
        return None, None, wrong


@dataclass(frozen=True, slots=True)
class Mapping:
    """Which columns of a record become which fields of an event.

    Args:
        format: The format whose records it maps.
        fields: One for each of `event.MAPPED`, in that order.
    """

    format: Format
    fields: tuple[MappedField, ...]

    def apply(self, record: Record, host: str = "") -> Event:
        """Map a record.

        Args:
            record: The row.
            host: The address of the server that it was read from; empty where that isn't known.
        """
        values = []
        shortfalls = []
        for field in self.fields:
            value, _, problem = field.find(record, host)
            values.append(value)
            if problem:
                shortfalls.append(Shortfall(field.name, problem))
        event_id, username, source_ip, destination_ip, device_time = values
        return Event(
            record,
            event_id or "",
            username or "",
            source_ip or "",
            destination_ip or "",
            device_time,
            tuple(shortfalls),
        )

    def explain(self, record: Record, host: str = "") -> tuple[Trace, ...]:
        """Say how each mapped field got its value."""
        return tuple(self._trace(field, record, host) for field in self.fields)

    def _trace(self, field: MappedField, record: Record, host: str) -> Trace:
        value, candidate, problem = field.find(record, host)
        if candidate is None:
            return Trace(field.name, (), "", (), "", field.candidates[0].source, problem, field.provenance)
        taken = text = candidate.take(record, host)
        steps = []
        for name, transform in candidate.transforms:
            text = transform(text)
            steps.append(Step(name, text))
        shown = write_time(value) if isinstance(value, datetime) else value
        return Trace(field.name, candidate.columns, taken, tuple(steps), shown, candidate.source, "", field.provenance)


_TYPES: Mapped[str, Callable[[str], Any]] = {
    "event_id": str,
    "username": str,
    "source_ip": transforms.address,
    "destination_ip": transforms.address,
    "device_time": transforms.moment,
}


def write_time(time: datetime | None) -> str:
    """Write a device time as Exchange does, with as many decimals as it has, three at least; empty for None."""
    if time is None:
        return ""
    text = time.isoformat(timespec="milliseconds" if time.microsecond % 1000 == 0 else "microseconds")
    return text.replace("+00:00", "Z")


def load(format: Format, overrides: Iterable[Path] = ()) -> Mapping:  # noqa: A002 - the field's own word
    """Give the mapping of a format.

    Args:
        format: The format whose records it maps.
        overrides: The user's files; those of other formats are checked and passed over. Each field that such a file maps
            replaces that field, candidates and all; of several files the last counts.

    Raises:
        InputError: A file is wrong; holds every problem of every file.
    """
    shipped = resources.files("harness.events") / "mappings" / f"{format.value}.yml"
    fields = _parse(f"harness/events/mappings/{format.value}.yml", shipped.read_text("utf-8"))[1]
    problems: list[Problem] = []
    for path in overrides:
        try:
            named, own = _parse(str(path), path.read_text("utf-8"))
        except InputError as error:
            problems.extend(error.problems)
        except (OSError, UnicodeDecodeError) as error:
            problems.append(Problem(Source(str(path)), f"the mapping can't be read: {error}"))
        else:
            if named is format:
                fields |= own
    if problems:
        raise InputError(problems)
    return Mapping(format, tuple(fields[name] for name in MAPPED))


def _parse(file: str, text: str) -> tuple[Format, dict[str, MappedField]]:
    """Read a mapping file.

    Raises:
        InputError: It is wrong; holds every problem.
    """
    document = read_yaml(file, text)
    try:
        model = MappingModel.model_validate(document.plain)
    except ValidationError as error:
        raise InputError(problems_of(error, document, MappingModel)) from None
    problems: list[Problem] = []
    try:
        format_ = Format(model.format)
    except ValueError:
        hint = f"one of {', '.join(Format)}"
        raise InputError([Problem(document.place("format"), f"there is no format {model.format!r}", hint)]) from None
    fields = {}
    for name in MAPPED:
        field: FieldModel | None = getattr(model, name)
        if field is None:
            continue
        candidates = []
        for at, candidate in enumerate(field.candidates):
            place = (name, "candidates", at)
            made = _candidate(candidate, document.place(*place), problems, lambda *more, place=place: document.place(*place, *more))
            candidates.append(made)
        fields[name] = MappedField(name, tuple(candidates), field.required, field.provenance)
    if problems:
        raise InputError(problems)
    return format_, fields


def _candidate(
    model: CandidateModel, source: Source, problems: list[Problem], place: Callable[..., Source]
) -> Candidate:
    """Compile a candidate; what is wrong with it is added to the problems."""
    if model.field is not None:
        columns: tuple[str, ...] = (model.field,)
        take = _taker(model.field)
    else:
        template = model.template or ""
        columns = tuple(_PLACEHOLDER.findall(template))
        take = _filler(template)
        if not columns:
            problems.append(Problem(place("template"), "the template names no column", "write a column's name in braces"))
    for name in (*columns, *model.when):
        if name.startswith("#") and name not in _PSEUDO:
            problems.append(Problem(source, f"there is no {name!r}", f"one of {', '.join(_PSEUDO)}"))
    when = []
    for name, pattern in model.when.items():
        try:
            when.append((name, re.compile(pattern)))
        except re.error as error:
            problems.append(Problem(place("when", name), f"{pattern!r} is no regular expression: {error}"))
    steps = []
    for at, transform in enumerate(model.transforms):
        try:
            steps.append(_transform(transform))
        except (ValueError, re.error) as error:
            problems.append(Problem(place("transforms", at), str(error)))
    return Candidate(columns, take, tuple(when), tuple(steps), source)


def _transform(model: str | TransformModel) -> tuple[str, Callable[[str], str]]:
    """Give a transform's name and function.

    Raises:
        ValueError: There is none of that name, or its argument is wrong.
    """
    if isinstance(model, str):
        if model not in transforms.PLAIN:
            known = ", ".join(transforms.PLAIN)
            message = f"there is no transform {model!r}; there are {known}, match: PATTERN and table: {{FROM: TO}}"
            raise ValueError(message)
        return model, transforms.PLAIN[model]
    if model.match is not None:
        return f"match: {model.match}", transforms.match(model.match)
    return "table", transforms.table(model.table or {})


def _column(record: Record, name: str, host: str) -> str:
    """Give the text of a column or of one of the names that begin with ``#``."""
    if not name.startswith("#"):
        return record.get(name)
    header = record.header
    match name:
        case "#Software":
            return header.software
        case "#Version":
            return header.version
        case "#Log-type":
            return header.log_type
        case "#Date":
            return header.date
        case "#day":
            return record.day.isoformat() if record.day else ""
        case "#file":
            return header.file.replace("\\", "/").rpartition("/")[2]
        case _:
            return host


def _taker(name: str) -> Callable[[Record, str], str]:
    """Give a function that takes one column."""
    if name.startswith("#"):
        return lambda record, host: _column(record, name, host)
    return lambda record, _: record.get(name)


def _filler(template: str) -> Callable[[Record, str], str]:
    """Give a function that fills a template; it gives nothing where a column is empty or ``-``."""
    texts = _PLACEHOLDER.split(template)

    def fill(record: Record, host: str) -> str:
        parts = []
        for at, text in enumerate(texts):
            if at % 2:
                value = _column(record, text, host)
                if value in ("", "-"):
                    return ""
                parts.append(value)
            else:
                parts.append(text)
        return "".join(parts)

    return fill
