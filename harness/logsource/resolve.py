"""From names to a console's ids: what is to be sent for a log source."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from harness.errors import InputError
from harness.logsource.parameters import find, parameters, plain, values
from harness.logsource.rules import conditions
from harness.source import Problem, Source
from harness.suggest import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from harness.logsource.model import LogSource
    from harness.logsource.parameters import Attribute
    from harness.logsource.schema import ConsoleParameter, LogSourceType, Named, ProtocolType, Schema


@dataclass(frozen=True, slots=True)
class ResolvedParameter:
    """A parameter of a log source's, by the console's own name.

    Args:
        attribute: The value of the model that it takes; None where it isn't of the Microsoft Exchange protocol.
        console: What the console says of it.
        value: Always text; of a password a placeholder.
    """

    attribute: Attribute | None
    console: ConsoleParameter
    value: str

    @property
    def is_password(self) -> bool:
        """Whether the value is a placeholder for a secret."""
        return self.attribute == "password"


@dataclass(frozen=True, slots=True)
class Resolved:
    """A log source with a console's ids.

    Args:
        source: The log source.
        fields: The fields of the API's body, but for the parameters; only those that harness manages.
        parameters: In the order of the console's form.
        left_out: Labels of parameters that the console doesn't know and that make no great difference.
    """

    source: LogSource
    fields: Mapping[str, Any]
    parameters: tuple[ResolvedParameter, ...]
    left_out: tuple[str, ...] = field(default=())

    def body(self, password: str | None = None) -> dict[str, Any]:
        """Give the body that the API takes.

        Args:
            password: In clear, for a console; None for the placeholder that names its reference.
        """
        given = [
            {
                "id": each.console.id,
                "name": each.console.name,
                "value": password if each.is_password and password is not None else each.value,
            }
            for each in self.parameters
        ]
        return {**self.fields, "protocol_parameters": given}


Parameters = Callable[["ProtocolType"], tuple[ResolvedParameter, ...]]


def resolve(source: LogSource, schema: Schema, parameters: Parameters | None = None) -> Resolved:
    """Look up what a log source names.

    Args:
        source: The log source.
        schema: What the console says of itself.
        parameters: Gives the parameters of another protocol than Microsoft Exchange.

    Raises:
        InputError: The console doesn't know a name; all of them.
    """
    lookup = _Lookup(source, schema, parameters)
    resolved = lookup.run()
    if lookup.problems or resolved is None:
        raise InputError(lookup.problems)
    return resolved


def by_attribute(protocol: ProtocolType) -> dict[Attribute, ConsoleParameter]:
    """Say which of a protocol's parameters take which value of a log source's.

    Args:
        protocol: The protocol, as the console describes it.
    """
    found: dict[Attribute, ConsoleParameter] = {}
    for each in protocol.parameters:
        known = find((each.name, each.label))
        if known is not None:
            found.setdefault(known.attribute, each)
    return found


def console_parameter(
    protocol: ProtocolType, *, id_: int | None = None, name: str | None = None, label: str | None = None
) -> ConsoleParameter | None:
    """Find the parameter of a protocol that a definition means.

    Args:
        protocol: The protocol, as the console describes it.
        id_: Its id; where it is given nothing else counts.
        name: Its name, which counts before its label.
        label: Its label, the console's or the one that harness knows it by.
    """
    if id_ is not None:
        return next((each for each in protocol.parameters if each.id == id_), None)
    if name:
        named = next((each for each in protocol.parameters if each.name == name), None)
        if named is not None or not label:
            return named
    known = find((label or "",))
    for each in protocol.parameters:
        if label and plain(each.label) == plain(label):
            return each
    return by_attribute(protocol).get(known.attribute) if known is not None else None


def type_named(schema: Schema, name: str) -> LogSourceType | None:
    """Give the log source type of a name; None where there is none."""
    return next((each for each in schema.log_source_types if each.name.casefold() == name.casefold()), None)


def protocol_named(schema: Schema, name: str, offered: LogSourceType | None = None) -> ProtocolType | None:
    """Give the protocol of a name; None where there is none.

    Args:
        schema: What the console says of itself.
        name: The protocol's name.
        offered: A log source type whose protocols are preferred, where several have the name.
    """
    named = [each for each in schema.protocol_types if each.name.casefold() == name.casefold()]
    ids = {each.protocol_id for each in offered.protocol_types} if offered is not None else set()
    return next((each for each in named if each.id in ids), named[0] if named else None)


def offers(type_: LogSourceType, protocol: ProtocolType) -> bool:
    """Tell whether a log source type may use a protocol; true where the console doesn't say."""
    return not type_.protocol_types or protocol.id in {each.protocol_id for each in type_.protocol_types}


class _Lookup:
    """One log source; problems are collected."""

    def __init__(self, source: LogSource, schema: Schema, parameters: Parameters | None) -> None:
        self._source = source
        self._given = parameters
        self._schema = schema
        self._where = Source(source.name)
        self.problems: list[Problem] = []

    def run(self) -> Resolved | None:
        source = self._source
        type_ = type_named(self._schema, source.type)
        protocol = protocol_named(self._schema, source.protocol, type_)
        if type_ is None:
            self._unknown("log source type", source.type, [each.name for each in self._schema.log_source_types])
        if protocol is None:
            self._unknown("protocol", source.protocol, [each.name for each in self._schema.protocol_types])
        names = self._names()
        if type_ is None or protocol is None:
            return None
        if not offers(type_, protocol):
            self.problems.append(
                Problem(self._where, f"the console's {type_.name} can't be collected over {protocol.name}")
            )
        fields = {
            "name": source.name,
            **({"description": source.description} if source.description else {}),
            "type_id": type_.id,
            "protocol_type_id": protocol.id,
            **managed(source),
            **names,
        }
        found, left_out = self._parameters(protocol) if self._given is None else (self._given(protocol), ())
        return Resolved(source, fields, found, left_out)

    def _names(self) -> dict[str, Any]:
        source, schema = self._source, self._schema
        found: dict[str, Any] = {}
        for key, what, name, among in (
            ("target_event_collector_id", "event collector", source.collector, schema.event_collectors),
            ("log_source_extension_id", "log source extension", source.extension, schema.log_source_extensions),
            ("language_id", "log source language", source.language, schema.log_source_languages),
        ):
            if name:
                found[key] = self._id(what, name, among)
        if source.groups:
            groups = schema.log_source_groups
            found["group_ids"] = [self._id("log source group", name, groups) for name in source.groups]
        return found

    def _id(self, what: str, name: str, among: Sequence[Named] | None) -> int | None:
        if among is None:
            message = f"the {what} {name!r} can't be looked up: the console's answers hold no {what}s"
            key = "event_collectors" if "collector" in what else what.replace(" ", "_") + "s"
            self.problems.append(Problem(self._where, message, f"add what GET …/{key} answers, under the key {key}"))
            return None
        found = [each.id for each in among if each.name.casefold() == name.casefold()]
        if len(found) == 1:
            return found[0]
        if found:
            self.problems.append(Problem(self._where, f"the console has {len(found)} {what}s named {name!r}"))
        else:
            self._unknown(what, name, [each.name for each in among])
        return None

    def _unknown(self, what: str, name: str, known: Iterable[str]) -> None:
        names = sorted(filter(None, known))
        few = ", ".join(names) if 0 < len(names) <= _FEW else ""
        hint = did_you_mean(name, names) or (f"it has {few}" if few else "")
        self.problems.append(Problem(self._where, f"the console has no {what} named {name!r}", hint))

    def _parameters(self, protocol: ProtocolType) -> tuple[tuple[ResolvedParameter, ...], tuple[str, ...]]:
        known = by_attribute(protocol)
        given = values(self._source)
        found: list[ResolvedParameter] = []
        left_out: list[str] = []
        by_id = {console.id: as_allowed(console, given[attribute]) for attribute, console in known.items()}
        asked = conditions(protocol, by_id)
        for each in parameters():
            console = known.get(each.attribute)
            value = given[each.attribute]
            if console is not None and not asked[console.id].available:
                continue
            if console is not None:
                found.append(ResolvedParameter(each.attribute, console, as_allowed(console, value)))
            elif value and each.kept:
                message = f"the console's {protocol.name} protocol has no parameter {each.label!r}"
                labels = [parameter.shown for parameter in protocol.parameters]
                self.problems.append(Problem(self._where, message, "it has " + ", ".join(labels) if labels else ""))
            elif value:
                left_out.append(each.label)
        return tuple(found), tuple(left_out)


_FEW = 12


def managed(source: LogSource) -> dict[str, Any]:
    """Give the fields that need no console to be known; those that are left to it are missing."""
    fields = {
        "enabled": source.enabled,
        "credibility": source.credibility,
        "coalesce_events": source.coalescing,
        "store_event_payload": source.store_payload,
    }
    return {name: value for name, value in fields.items() if value is not None}


def as_allowed(console: ConsoleParameter, value: str) -> str:
    """Write a value as the console does, where it lists what it allows: in its own upper and lower case."""
    folded = value.casefold()
    for allowed in console.allowed_values:
        if folded in {allowed.value.casefold(), allowed.name.casefold()}:
            return allowed.value
    return value
