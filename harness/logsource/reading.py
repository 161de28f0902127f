"""Definitions read back from a file: what was exported is what is verified and imported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from harness.collect.pattern import compile_java
from harness.errors import DefinitionError, FilePatternError, HarnessError, InputError, SharePathError
from harness.events import Format
from harness.logsource.jsonfile import DefinitionItem, Entry, Steps, load
from harness.logsource.model import MSGTRK_PATTERNS, PROTOCOL, TYPE, WINCOLLECT, LogSource
from harness.logsource.parameters import MSGTRK_ATTRIBUTES, find, plain, reference
from harness.logsource.resolve import console_parameter
from harness.logsource.schema import Schema
from harness.redaction import redactor
from harness.remote.sharepath import SharePath
from harness.source import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from harness.logsource.parameters import Attribute
    from harness.logsource.schema import ProtocolType


@dataclass(frozen=True, slots=True)
class Definition:
    """A log source that was read from a file.

    Args:
        source: The log source; its host is empty where the file doesn't name it.
        entry: Where it stands.
    """

    source: LogSource
    entry: Entry

    def steps(self, attribute: Attribute) -> Steps:
        """Give the way to a parameter's value; none where the file calls it by an id alone."""
        for index, each in enumerate(self.entry.parameters):
            known = find((each.name or "", each.label or ""))
            if known is not None and known.attribute == attribute:
                return ("protocol_parameters", index, "value")
        return ()


def definitions(path: Path, schema: Schema | None = None) -> list[Definition]:
    """Read log sources back.

    Args:
        path: The file, as `write` or a console wrote it.
        schema: What the console says of itself, for the names that a file with ids lacks.

    Raises:
        InputError: One can't be used; every problem with its place.
    """
    found: list[Definition] = []
    problems: list[Problem] = []
    for entry in load(path):
        if entry.item.deleted:
            continue
        reader = _Reader(entry, schema)
        source = reader.run()
        problems += reader.problems
        if source is not None:
            found.append(Definition(source, entry))
    if problems:
        raise InputError(problems)
    return found


class _Reader:
    """One definition into a log source; problems are collected."""

    def __init__(self, entry: Entry, schema: Schema | None) -> None:
        self._entry = entry
        self._schema = schema
        self._patterns = dict(zip(MSGTRK_ATTRIBUTES, MSGTRK_PATTERNS, strict=True))
        self.problems: list[Problem] = []

    def run(self) -> LogSource | None:
        item = self._entry.item
        given = dict(self._parameters())
        if self.problems:
            return None
        names = self._names()
        # Only a definition that no console has seen says how the files are written.
        old = names["protocol"] == WINCOLLECT
        fields: dict[str, Any] = {
            "host": item.harness.host,
            "origin": item.harness.folders_from,
            "name": item.name or "",
            "description": item.description or "",
            "enabled": item.enabled is not False,
            "credibility": item.credibility,
            "coalescing": item.coalesce_events,
            "store_payload": item.store_event_payload,
            "msgtrk_patterns": tuple(self._patterns.values()),
            "smtp_format": Format(item.harness.smtp_format or (Format.SMTP2003 if old else Format.SMTP)),
            "msgtrk_format": Format(item.harness.msgtrk_format or (Format.MSGTRK2003 if old else Format.MSGTRK)),
            "identifier": "",
            "server_address": "",
            **given,
            **names,
        }
        try:
            return LogSource(**fields)
        except HarnessError as error:
            field = error.field if isinstance(error, DefinitionError) else ""
            self._problem(error.message, error.hint, field)
            return None

    def _names(self) -> dict[str, Any]:
        item, schema = self._entry.item, self._schema or _NOTHING
        groups = item.group_names or [_named(None, id_, schema.log_source_groups) for id_ in item.group_ids or ()]
        named: dict[str, Any] = {
            "type": _named(item.type_name, item.type_id, schema.log_source_types) or TYPE,
            "protocol": _named(item.protocol_type_name, item.protocol_type_id, schema.protocol_types) or PROTOCOL,
            "collector": _named(
                item.target_event_collector_name, item.target_event_collector_id, schema.event_collectors
            ),
            "extension": _named(
                item.log_source_extension_name, item.log_source_extension_id, schema.log_source_extensions
            ),
            "language": _named(item.language_name, item.language_id, schema.log_source_languages),
            "groups": tuple(filter(None, groups)),
        }
        return named

    def _parameters(self) -> Iterator[tuple[str, Any]]:
        protocol = self._protocol()
        for index, each in enumerate(self._entry.parameters):
            steps: Steps = ("protocol_parameters", index)
            texts = [each.name or "", each.label or ""]
            console = console_parameter(protocol, id_=each.id, name=each.name, label=each.label) if protocol else None
            if console is not None:
                texts += [console.name, console.label]
            known = find(texts)
            if known is None:
                shown = each.label or each.name or (f"parameter {each.id}" if each.id is not None else "a parameter")
                hint = "" if self._schema else "give the console's answers with --console-schema"
                self._at(steps, f"harness doesn't know {shown}", hint)
                continue
            try:
                value = self._value(known.attribute, each.value or "")
            except (ValueError, SharePathError, FilePatternError) as error:
                hint = error.hint if isinstance(error, HarnessError) else ""
                self._at((*steps, "value"), f"{known.label}: {error}", hint)
                continue
            yield from value

    def _protocol(self) -> ProtocolType | None:
        item = self._entry.item
        for each in self._schema.protocol_types if self._schema else ():
            if each.id == item.protocol_type_id or plain(each.name) == plain(item.protocol_type_name or ""):
                return each
        return None

    def _value(self, attribute: Attribute, text: str) -> list[tuple[str, Any]]:
        if attribute in _FOLDERS and text:
            SharePath.parse(text)
        if attribute.endswith("_pattern"):
            compile_java(text)
        if attribute in self._patterns:
            self._patterns[attribute] = text
            return []
        if attribute == "custom_patterns":
            return []  # it follows from the patterns
        if attribute == "password":
            found = reference(text)
            if found is None:
                redactor.register(text)
            return [("password_reference", found or "")]
        return [(attribute, _CONVERTERS[attribute](text) if attribute in _CONVERTERS else text)]

    def _problem(self, message: str, hint: str, field: str) -> None:
        steps: Steps = (field,) if field in DefinitionItem.model_fields else ()
        self._at(steps, message, hint)

    def _at(self, steps: Steps, message: str, hint: str) -> None:
        entry = self._entry
        self.problems.append(Problem(entry.place(*steps), f"{entry.path(*steps)}: {message}", hint))


def _flag(text: str) -> bool:
    if text.casefold() not in {"true", "false"}:
        message = f"expected true or false, found {text!r}"
        raise ValueError(message)
    return text.casefold() == "true"


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        message = f"expected a number, found {text!r}"
        raise ValueError(message) from None


def _smb_version(text: str) -> Literal["AUTO", "SMB2", "SMB3"]:
    folded = plain(text).upper()
    match folded:
        case "AUTO" | "SMB2" | "SMB3":
            return folded
    message = f"expected AUTO, SMB2 or SMB3, found {text!r}"
    raise ValueError(message)


_FOLDERS = frozenset({"smtp_folder", "owa_folder", "msgtrk_folder"})
_CONVERTERS: dict[str, Callable[[str], object]] = {
    "recursive": _flag,
    "force_file_read": _flag,
    "polling_interval": _number,
    "throttle": _number,
    "smb_version": _smb_version,
}
_NOTHING = Schema((), ())


def _named(given: str | None, id_: int | None, among: Iterable[Any] | None) -> str:
    """Give a name that was written, or a console's for an id; empty where neither is known."""
    return given or next((str(each.name) for each in among or () if each.id == id_), "")
