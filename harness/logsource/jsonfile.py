"""Definitions as a file: the array that a console takes, and how it is read back.

Without a console's answers the ids are null, and names stand beside them: ``type_name``, ``protocol_type_name``,
``group_names``, and of each parameter its label. With them the file holds what the console takes and nothing else.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness.errors import InputError
from harness.jsontext import parse
from harness.logsource.parameters import parameters, values
from harness.logsource.resolve import managed
from harness.problems import explain
from harness.source import Problem, Source

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from harness.document import Value
    from harness.logsource.model import LogSource
    from harness.logsource.resolve import Resolved

Steps = tuple[str | int, ...]
"""The way to a part of a definition."""


class ParameterItem(BaseModel):
    """A parameter in a definition."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    id: int | None = None
    name: str | None = None
    label: str | None = None
    value: str | None = None


class HarnessItem(BaseModel):
    """What harness notes beside a definition that no console has seen yet."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    host: str = ""
    folders_from: str = ""
    smtp_format: Literal["smtp", "smtp2003"] | None = None
    msgtrk_format: Literal["msgtrk", "msgtrk2003"] | None = None


class DefinitionItem(BaseModel):
    """A definition: the writable fields of the API, names beside ids, and what a console answers besides."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    id: int | None = None
    name: str | None = None
    description: str | None = None
    type_id: int | None = None
    type_name: str | None = None
    protocol_type_id: int | None = None
    protocol_type_name: str | None = None
    protocol_parameters: list[ParameterItem] | None = None
    enabled: bool | None = None
    gateway: bool | None = None
    credibility: Annotated[int, Field(ge=0, le=10)] | None = None
    target_event_collector_id: int | None = None
    target_event_collector_name: str | None = None
    disconnected_log_collector_id: int | None = None
    coalesce_events: bool | None = None
    store_event_payload: bool | None = None
    log_source_extension_id: int | None = None
    log_source_extension_name: str | None = None
    language_id: int | None = None
    language_name: str | None = None
    group_ids: list[int] | None = None
    group_names: list[str] | None = None
    requires_deploy: bool | None = None
    sending_ip: str | None = None
    parsing_order: int | None = None
    wincollect_internal_destination_id: int | None = None
    wincollect_external_destination_ids: list[int] | None = None
    legacy_bulk_group_name: str | None = None
    deleted: bool | None = None
    harness: HarnessItem = HarnessItem()
    # Only read; a file may come from a console.
    internal: Any = None
    status: Any = None
    auto_discovered: Any = None
    average_eps: Any = None
    creation_date: Any = None
    modified_date: Any = None
    last_event_time: Any = None


class DefinitionsFile(BaseModel):
    """The file, as the one field of an object, since a model has fields."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    items: list[DefinitionItem]


@dataclass(frozen=True, slots=True)
class Entry:
    """A definition in a file.

    Args:
        index: Its place in the array.
        item: What was written.
        value: The same with positions.
    """

    index: int
    item: DefinitionItem
    value: Value

    def place(self, *steps: str | int) -> Source:
        """Give where a part of it stands; the nearest part around it where it is missing."""
        return self.value.find(steps)[0].source

    def path(self, *steps: str | int) -> str:
        """Write the way to a part of it: ``[3].protocol_parameters[5].value``."""
        return f"[{self.index}]" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)

    @property
    def parameters(self) -> list[ParameterItem]:
        """Its parameters."""
        return self.item.protocol_parameters or []


def write(sources: Iterable[LogSource], resolved: Mapping[str, Resolved] | None = None) -> str:
    """Write log sources as a JSON array.

    Args:
        sources: The log sources.
        resolved: The same with a console's ids, by identifier; None where no console is known.
    """
    items = [resolved[each.identifier].body() if resolved is not None else _unresolved(each) for each in sources]
    return json.dumps(items, indent=2, ensure_ascii=False) + "\n"


def _unresolved(source: LogSource) -> dict[str, Any]:
    given = values(source)
    item: dict[str, Any] = {
        "name": source.name,
        **({"description": source.description} if source.description else {}),
        "type_id": None,
        "type_name": source.type,
        "protocol_type_id": None,
        "protocol_type_name": source.protocol,
        **managed(source),
    }
    for key, name in (
        ("target_event_collector", source.collector),
        ("log_source_extension", source.extension),
        ("language", source.language),
    ):
        if name:
            item |= {f"{key}_id": None, f"{key}_name": name}
    if source.groups:
        item |= {"group_ids": None, "group_names": list(source.groups)}
    item["protocol_parameters"] = [
        {"id": None, "name": each.name or None, "label": each.label, "value": given[each.attribute]}
        for each in parameters()
    ]
    item["harness"] = {
        "host": source.host,
        "folders_from": source.origin,
        "smtp_format": source.smtp_format.value,
        "msgtrk_format": source.msgtrk_format.value,
    }
    return item


def load(path: Path) -> list[Entry]:
    """Read a file as it stands; what its values are is looked at by `definitions` or by `check`.

    Args:
        path: The file.

    Raises:
        InputError: It can't be read, or isn't such a file; every problem with its place.
    """
    file = str(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError([Problem(Source(file), f"can't be read: {error.strerror}")]) from error
    except UnicodeDecodeError:
        raise InputError([Problem(Source(file), "isn't UTF-8 text")]) from None
    value, problems = parse(text, file)
    if value is None or problems:
        raise InputError(problems)
    if not isinstance(value.data, tuple):
        hint = "harness logsources export --format json writes one"
        raise InputError([Problem(value.source, "isn't an array of log sources", hint)])
    return _entries(value)


def _entries(value: Value) -> list[Entry]:
    whole = replace(value, data={"items": value}, keys={"items": value.source})
    try:
        items = DefinitionsFile.model_validate({"items": value.plain()}).items
    except ValidationError as error:
        found = explain(error, whole, DefinitionsFile, "the definitions")
        raise InputError(
            replace(each.problem, message=each.problem.message.replace("'items[", "'[")) for each in found
        ) from error
    members = value.data if isinstance(value.data, tuple) else ()
    return [Entry(index, item, member) for index, (item, member) in enumerate(zip(items, members, strict=True))]
