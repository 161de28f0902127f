"""Mapping files: which columns of a record become which fields of an event.

There is one YAML file per format, in ``mappings/`` beside this module::

    format: msgtrk
    source_ip:
      provenance: "seen in the field: ..."
      candidates:
        - field: client-ip
          transforms: [strip-zone]
        - field: "#SourceIp"

The candidates of a field are tried in their order; the first that gives a value of the field's type counts. A
candidate takes one column (``field``) or puts several together (``template``, with names in braces; it gives
nothing where one of them is empty or ``-``). ``when`` lists columns and the patterns that their whole values must
match.

Besides the file's columns a mapping can name: ``#Software``, ``#Version``, ``#Log-type`` and ``#Date`` (the
header's lines), ``#day`` (the day of a row that carries a time only), ``#file`` (the file's name without its
folder) and ``#SourceIp`` (the address of the server, where the caller knows it).

`load` gives the mapping that ships with harness, with the user's files laid over it field by field.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache, partial
from importlib import resources
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from harness.document import parse
from harness.errors import InputError
from harness.events import transforms
from harness.events.candidate import MATCH, PSEUDO, Candidate, MappedField
from harness.events.event import MAPPED
from harness.events.mapping import Mapping
from harness.events.record import Format
from harness.problems import explain
from harness.source import Problem, Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path
    from typing import Self

_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")


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
class Overlay:
    """A mapping file of the user's with its text, so that it can be laid over on another machine.

    Args:
        file: Its path, for messages.
        text: What it holds.
    """

    file: str
    text: str

    @classmethod
    def of(cls, path: Path) -> Self:
        """Read a file.

        Raises:
            InputError: It can't be read.
        """
        try:
            return cls(str(path), path.read_text("utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise InputError([_unreadable(path, error)]) from error

    def __str__(self) -> str:
        """The file's path."""
        return self.file

    def read_text(self, encoding: str) -> str:  # noqa: ARG002 - as a path's
        """Give the text, as a path does."""
        return self.text


@lru_cache(maxsize=64)
def load_kept(format: Format, overlays: tuple[Overlay, ...]) -> Mapping:  # noqa: A002 - the field's own word
    """As `load`; what was loaded once is kept, for a process that does many small tasks."""
    return load(format, overlays)


def _unreadable(path: object, error: Exception) -> Problem:
    return Problem(Source(str(path)), f"the mapping can't be read: {error}")


def load(format: Format, overrides: Iterable[Path | Overlay] = ()) -> Mapping:  # noqa: A002 - the field's own word
    """Give the mapping of a format.

    Args:
        format: The format whose records it maps.
        overrides: The user's files; those of other formats are checked and passed over. Each field that such a file
            maps replaces that field, candidates and all; of several files the last counts.

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
            problems.append(_unreadable(path, error))
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
    document, problems = parse(text, file)
    if document is None or problems:
        raise InputError(problems or [Problem(Source(file), "the mapping is empty")])
    try:
        model = MappingModel.model_validate(document.plain())
    except ValidationError as error:
        found = [finding.problem for finding in explain(error, document, MappingModel, "the mapping")]
        raise InputError(sorted(found, key=lambda problem: problem.source)) from None

    def place(*path: str | int) -> Source:
        return document.find(path)[0].source

    try:
        format_ = Format(model.format)
    except ValueError:
        hint = f"one of {', '.join(Format)}"
        raise InputError([Problem(place("format"), f"there is no format {model.format!r}", hint)]) from None
    fields = {}
    for name in MAPPED:
        field: FieldModel | None = getattr(model, name)
        if field is None:
            continue
        candidates = [
            _candidate(candidate, partial(place, name, "candidates", at), problems)
            for at, candidate in enumerate(field.candidates)
        ]
        fields[name] = MappedField(name, tuple(candidates), field.required, field.provenance)
    if problems:
        raise InputError(problems)
    return format_, fields


def _candidate(model: CandidateModel, place: Callable[..., Source], problems: list[Problem]) -> Candidate:
    """Compile a candidate; what is wrong with it is added to the problems."""
    if model.field is not None:
        columns: tuple[str, ...] = (model.field,)
        texts: tuple[str, ...] = ()
    else:
        template = model.template or ""
        texts = tuple(_PLACEHOLDER.split(template)[::2])
        columns = tuple(_PLACEHOLDER.findall(template))
        if not columns:
            problems.append(
                Problem(place("template"), "the template names no column", "write a column's name in braces")
            )
    problems += [
        Problem(place(), f"there is no {name!r}", f"one of {', '.join(PSEUDO)}")
        for name in (*columns, *model.when)
        if name.startswith("#") and name not in PSEUDO
    ]
    when: dict[str, re.Pattern[str]] = {}
    for name, pattern in model.when.items():
        try:
            when[name] = re.compile(pattern)
        except re.error as error:
            problems.append(Problem(place("when", name), f"{pattern!r} is no regular expression: {error}"))
    steps = []
    for at, transform in enumerate(model.transforms):
        try:
            steps.append(_transform(transform))
        except (ValueError, re.error) as error:
            problems.append(Problem(place("transforms", at), str(error)))
    return Candidate(columns, texts, tuple(when.items()), tuple(steps), place())


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
        return f"{MATCH}{model.match}", transforms.match(model.match)
    return "table", transforms.table(model.table or {})
