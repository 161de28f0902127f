"""Definitions against what a console says of itself, without the console.

Everything is looked at and every fault is found at once. Rules are the console's own: its types, protocols, parameters,
lengths, bounds, allowed values, patterns and conditions. Harness adds two: a folder in share form, and a file pattern
that Java takes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.logsource.model import LONGEST_TEXT, PROTOCOL, TYPE
from harness.logsource.parameters import find
from harness.logsource.resolve import console_parameter, offers, protocol_named, type_named
from harness.logsource.rules import conditions, unreadable
from harness.logsource.valuecheck import faults as value_faults
from harness.suggest import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from harness.logsource.jsonfile import DefinitionItem, Entry, ParameterItem, Steps
    from harness.logsource.rules import Condition
    from harness.logsource.schema import ConsoleParameter, LogSourceType, Named, ProtocolType, Schema
    from harness.source import Source


_UNASSIGNABLE = frozenset({0, 1})


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that the console would refuse, or that would collect nothing.

    Args:
        source: File, line and column.
        path: The way to it in the file: ``[3].protocol_parameters[5].value``.
        message: What, in one sentence without a full stop.
        hint: What to do; empty where nothing helps.
    """

    source: Source
    path: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        """One line: ``file:line:column: [3].name: message (hint)``."""
        return f"{self.source}: {self.path}: {self.message}" + (f" ({self.hint})" if self.hint else "")


def check(entries: Sequence[Entry], schema: Schema) -> list[Fault]:
    """Check definitions.

    Args:
        entries: As they stand in the file.
        schema: What the console says of itself.

    Returns:
        Every fault, in the order of the text.
    """
    faults: list[Fault] = []
    seen = _Seen()
    for entry in entries:
        looker = _Entry(entry, schema)
        looker.run()
        faults += looker.faults
        faults += seen.duplicates(entry, looker)
    return sorted(faults, key=lambda fault: (fault.source.line, fault.source.column))


def unchecked(entries: Iterable[Entry], schema: Schema) -> list[str]:
    """List the console's patterns that `check` couldn't run, for the protocols that the definitions use."""
    found: list[str] = []
    for entry in entries:
        protocol = _Entry(entry, schema).protocol()
        if protocol is not None:
            found += unreadable(protocol)
    return list(dict.fromkeys(found))


class _Seen:
    """What a console holds one of."""

    def __init__(self) -> None:
        self._names: dict[str, int] = {}
        self._keys: dict[tuple[object, object, str], int] = {}

    def duplicates(self, entry: Entry, looker: _Entry) -> Iterator[Fault]:
        item = entry.item
        if item.deleted:
            return
        if item.name:
            first = self._names.setdefault(item.name.casefold(), entry.index)
            if first != entry.index:
                yield Fault(entry.place("name"), entry.path("name"), f"[{first}] has the name {item.name!r} as well")
        found = looker.identifier()
        if found is None:
            return
        steps, identifier = found
        first = self._keys.setdefault((*looker.kind(), identifier.casefold()), entry.index)
        if first != entry.index:
            yield Fault(
                entry.place(*steps),
                entry.path(*steps),
                f"[{first}] has the same type, protocol and identifier {identifier!r}",
                "a console holds one of them; give each its own identifier",
            )


@dataclass(frozen=True, slots=True)
class _Kind:
    """A type or a protocol as a definition names it."""

    key: str
    what: str
    id: int | None
    name: str | None


class _Entry:
    """One definition; faults are collected."""

    def __init__(self, entry: Entry, schema: Schema) -> None:
        self._entry = entry
        self._item: DefinitionItem = entry.item
        self._schema = schema
        self.faults: list[Fault] = []

    def run(self) -> None:
        """Look at all of it."""
        if self._item.deleted:
            if self._item.id is None:
                self._fault(("deleted",), "only a log source with an id can be deleted")
            return
        self._texts()
        self._kind()
        self._collector()
        self._lists()
        protocol = self.protocol()
        if protocol is not None and (self._item.id is None or self._item.protocol_parameters is not None):
            _Parameters(self._entry, protocol, self._fault).run()

    def type(self) -> LogSourceType | None:
        """Give the type that it names, by id or by name."""
        item = self._item
        if item.type_id is not None:
            return next((each for each in self._schema.log_source_types if each.id == item.type_id), None)
        return type_named(self._schema, item.type_name or TYPE)

    def protocol(self) -> ProtocolType | None:
        """Give the protocol that it names, by id or by name."""
        item = self._item
        if item.protocol_type_id is not None:
            return next((each for each in self._schema.protocol_types if each.id == item.protocol_type_id), None)
        return protocol_named(self._schema, item.protocol_type_name or PROTOCOL, self.type())

    def kind(self) -> tuple[object, object]:
        """Give type and protocol, as far as they tell log sources apart."""
        type_, protocol = self.type(), self.protocol()
        item = self._item
        return (
            type_.id if type_ else item.type_id or item.type_name,
            protocol.id if protocol else item.protocol_type_id or item.protocol_type_name,
        )

    def identifier(self) -> tuple[Steps, str] | None:
        """Give the identifier and the way to it."""
        protocol = self.protocol()
        for index, each in enumerate(self._entry.parameters):
            console = console_parameter(protocol, id_=each.id, name=each.name, label=each.label) if protocol else None
            known = find((console.name, console.label) if console else (each.name or "", each.label or ""))
            if known is not None and known.attribute == "identifier" and each.value:
                return ("protocol_parameters", index, "value"), each.value
        return None

    def _texts(self) -> None:
        item = self._item
        if not item.name and item.id is None:
            self._fault(("name",), "the log source has no name")
        if len(item.name or "") > LONGEST_TEXT:
            self._fault(("name",), f"the name has {len(item.name or '')} characters, more than {LONGEST_TEXT}")
        if "\\" in (item.name or ""):
            self._fault(("name",), f"the name {item.name!r} has a backslash, which the console refuses")
        if len(item.description or "") > LONGEST_TEXT:
            length = len(item.description or "")
            self._fault(("description",), f"the description has {length} characters, more than {LONGEST_TEXT}")

    def _kind(self) -> None:
        item, type_, protocol = self._item, self.type(), self.protocol()
        types, protocols = self._schema.log_source_types, self._schema.protocol_types
        self._known(_Kind("type", "log source type", item.type_id, item.type_name), type_, types)
        self._known(
            _Kind("protocol_type", "protocol", item.protocol_type_id, item.protocol_type_name), protocol, protocols
        )
        if type_ is None or protocol is None:
            return
        if not offers(type_, protocol):
            names = sorted(each.name for each in protocols if offers(type_, each))
            self._fault(
                self._written("protocol_type_id", "protocol_type_name"),
                f"the console doesn't collect {type_.name} over {protocol.name}",
                "it does over " + ", ".join(names) if names else "",
            )
        languages = type_.supported_language_ids
        if item.language_id is not None and languages and item.language_id not in languages:
            self._fault(("language_id",), f"{type_.name} has no language {item.language_id}")

    def _known(
        self,
        kind: _Kind,
        found: LogSourceType | ProtocolType | None,
        among: Sequence[LogSourceType | ProtocolType],
    ) -> None:
        if found is None and kind.id is not None:
            self._fault((f"{kind.key}_id",), f"the console has no {kind.what} {kind.id}")
        elif found is None and (kind.name is not None or self._item.id is None):
            wanted = kind.name or (TYPE if kind.key == "type" else PROTOCOL)
            steps = self._written(f"{kind.key}_name")
            hint = did_you_mean(wanted, [each.name for each in among])
            self._fault(steps, f"the console has no {kind.what} named {wanted!r}", hint)
        elif found is not None and kind.id is not None and kind.name not in {None, found.name}:
            self._fault((f"{kind.key}_id",), f"{kind.what} {kind.id} is {found.name!r}, not {kind.name!r}")

    def _collector(self) -> None:
        item = self._item
        if item.disconnected_log_collector_id is not None and (
            item.target_event_collector_id is not None or item.target_event_collector_name
        ):
            message = "a log source has an event collector or a disconnected log collector, not both"
            self._fault(("disconnected_log_collector_id",), message)

    def _lists(self) -> None:
        item, schema = self._item, self._schema
        for kind, among in (
            (
                _Kind(
                    "target_event_collector",
                    "event collector",
                    item.target_event_collector_id,
                    item.target_event_collector_name,
                ),
                schema.event_collectors,
            ),
            (
                _Kind(
                    "log_source_extension",
                    "log source extension",
                    item.log_source_extension_id,
                    item.log_source_extension_name,
                ),
                schema.log_source_extensions,
            ),
            (
                _Kind("language", "log source language", item.language_id, item.language_name),
                schema.log_source_languages,
            ),
        ):
            if kind.id is not None:
                self._listed((f"{kind.key}_id",), kind.what, kind.id, among)
            elif kind.name:
                self._listed((f"{kind.key}_name",), kind.what, kind.name, among)
        for index, id_ in enumerate(item.group_ids or ()):
            if id_ in _UNASSIGNABLE:
                self._fault(("group_ids", index), f"group {id_} takes no log sources")
                continue
            self._listed(("group_ids", index), "log source group", id_, schema.log_source_groups)
        for index, name in enumerate((item.group_names or ()) if not item.group_ids else ()):
            self._listed(("group_names", index), "log source group", name, schema.log_source_groups)

    def _listed(self, steps: Steps, what: str, wanted: int | str, among: Sequence[Named] | None) -> None:
        if among is None:
            return
        if isinstance(wanted, int):
            if wanted not in {each.id for each in among}:
                self._fault(steps, f"the console has no {what} {wanted}")
            return
        if wanted.casefold() not in {each.name.casefold() for each in among}:
            hint = did_you_mean(wanted, [each.name for each in among])
            self._fault(steps, f"the console has no {what} named {wanted!r}", hint)

    def _written(self, *keys: str) -> Steps:
        """Give the first of some keys that was written."""
        written = self._entry.value.keys
        return next(((key,) for key in keys if key in written), ())

    def _fault(self, steps: Steps, message: str, hint: str = "") -> None:
        self.faults.append(Fault(self._entry.place(*steps), self._entry.path(*steps), message, hint))


class _Parameters:
    """The protocol parameters of one definition."""

    def __init__(self, entry: Entry, protocol: ProtocolType, fault: Callable[..., None]) -> None:
        self._entry = entry
        self._protocol = protocol
        self._fault = fault

    def run(self) -> None:
        """Look at each that is written, then for those that are missing."""
        found = self._found()
        given = {id_: item.value or "" for id_, (_, item, _) in found.items()}
        asked = conditions(self._protocol, given)
        for id_, (index, item, console) in found.items():
            self._one(index, item, console, asked[id_])
        for console in self._protocol.parameters:
            condition = asked[console.id]
            if console.id not in found and condition.required and not condition.default:
                self._fault(("protocol_parameters",), f"{console.shown} is required and missing", condition.why)
        self._groups(given)

    def _found(self) -> dict[int, tuple[int, ParameterItem, ConsoleParameter]]:
        """Give what the console knows, by its id."""
        found: dict[int, tuple[int, ParameterItem, ConsoleParameter]] = {}
        for index, item in enumerate(self._entry.parameters):
            console = console_parameter(self._protocol, id_=item.id, name=item.name, label=item.label)
            if console is None:
                self._unknown(index, item)
            elif console.id in found:
                first = found[console.id][0]
                self._fault(("protocol_parameters", index), f"{console.shown} stands in [{first}] already")
            else:
                found[console.id] = (index, item, console)
        return found

    def _one(self, index: int, item: ParameterItem, console: ConsoleParameter, condition: Condition) -> None:
        steps: Steps = ("protocol_parameters", index, "value")
        if item.id is not None and item.name and item.name != console.name:
            wrong = f"parameter {item.id} is {console.name!r}, not {item.name!r}"
            self._fault(("protocol_parameters", index, "id"), wrong)
        if not condition.available:
            # Without ids it says what harness knows; `resolve` leaves out what the console has no use for.
            if item.id is not None:
                self._fault(steps, f"{console.shown} isn't available", condition.why)
        elif not item.value:
            if condition.required and not condition.default:
                self._fault(steps, f"{console.shown} is required and empty", condition.why)
        else:
            for message, hint in value_faults(console, item.value):
                self._fault(steps, f"{console.shown}: {message}", hint)

    def _groups(self, given: dict[int, str]) -> None:
        for group in self._protocol.parameter_groups:
            members = [each for each in self._protocol.parameters if each.group_id == group.id]
            if group.required and members and not any(given.get(each.id) or each.default_value for each in members):
                names = ", ".join(each.shown for each in members)
                self._fault(("protocol_parameters",), f"one of the group {group.name!r} is required: {names}")

    def _unknown(self, index: int, item: ParameterItem) -> None:
        shown = item.label or item.name or f"{item.id}"
        key = next((key for key in ("name", "label", "id") if getattr(item, key) is not None), None)
        steps: Steps = ("protocol_parameters", index, key) if key else ("protocol_parameters", index)
        known = find((item.name or "", item.label or ""))
        if item.id is None and known is not None and not known.kept:
            return  # `resolve` leaves it out
        names = [text for each in self._protocol.parameters for text in (each.label, each.name) if text]
        self._fault(steps, f"{self._protocol.name} has no parameter {shown!r}", did_you_mean(shown, names))
