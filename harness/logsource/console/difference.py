"""How what stands on the console differs from what the inventory wants, in what harness manages and nothing else.

A log source is found by its type, its protocol and its identifier, and by nothing else: its name may change and its id
stays. What is wanted of a password can't be compared, since a console doesn't give it away.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from harness.logsource.derive import belongs

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from harness.logsource.console.client import Object
    from harness.logsource.resolve import Resolved, ResolvedParameter
    from harness.logsource.schema import Named, Schema
    from harness.redaction import Secret

Identity = tuple[int, int, str]
"""Type, protocol, and the identifier in one case."""

IDENTIFIER, SERVER_ADDRESS = "identifier", "SERVER_ADDRESS"
"""The two parameters whose names are known."""

_LOOKED_UP = {
    "target_event_collector_id": "event_collectors",
    "group_ids": "log_source_groups",
    "language_id": "log_source_languages",
    "log_source_extension_id": "log_source_extensions",
}
_LABELS = {
    "coalesce_events": "coalescing",
    "store_event_payload": "store payload",
    "target_event_collector_id": "event collector",
    "log_source_extension_id": "extension",
    "language_id": "language",
    "group_ids": "groups",
}
_IDENTITY = frozenset({"type_id", "protocol_type_id"})
_SENT = "(sent)"


class Action(StrEnum):
    """What would be done with a log source."""

    CREATE = "create"
    UPDATE = "update"
    KEEP = "keep"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Difference:
    """A field or a parameter that differs.

    Args:
        field: As the console's form or harness calls it.
        before: On the console, for people; None where it has no value there.
        after: As it is wanted.
    """

    field: str
    before: str | None
    after: str


@dataclass(frozen=True, slots=True)
class Item:
    """A log source of the inventory's, beside what the console has of it.

    Args:
        wanted: What the inventory wants, with the console's ids.
        action: What would be done.
        existing: What the console has; None where it has nothing.
        differences: What differs; of one to create, all that harness gives it.
        why: Why it is refused.
        hint: What to do about that.
    """

    wanted: Resolved
    action: Action
    existing: Object | None = None
    differences: tuple[Difference, ...] = ()
    why: str = ""
    hint: str = ""

    @property
    def id(self) -> int | None:
        """Its id on the console; None where it isn't there."""
        return int(self.existing["id"]) if self.existing is not None else None

    def body(self, password: Secret | None, *, send_password: bool) -> Object:
        """Give what is sent to the console; it holds the password in clear.

        An update has the fields that differ. Protocol parameters go together: those that the console has, with ours
        laid over them, so that none is lost whichever way the console takes a part of them.

        Args:
            password: The account's; None where the inventory has none.
            send_password: Whether an update sends it, too.
        """
        secret = password.reveal() if password is not None else None
        if self.existing is None:
            return {**self.wanted.fields, "protocol_parameters": [*_parameters(self.wanted, secret)]}
        changed = {
            name: value
            for name, value in self.wanted.fields.items()
            if name not in _IDENTITY and not _same(value, self.existing.get(name))
        }
        body: Object = {"id": self.existing["id"], **changed}
        ours = {each["name"]: each for each in _parameters(self.wanted, secret if send_password else None)}
        if send_password or any(_differs(each, self.existing) for each in _compared(self.wanted)):
            passwords = {each.console.name for each in self.wanted.parameters if each.is_password}
            theirs = {name: each for name, each in _theirs(self.existing).items() if name not in passwords}
            body["protocol_parameters"] = [*(theirs | ours).values()]
        return body


@dataclass(frozen=True, slots=True)
class Orphan:
    """A log source on the console that no host of the inventory has.

    Args:
        id: Its id.
        name: Its name.
        identifier: Its identifier.
        successor: The identifier of a new log source for the same server; empty where none is known.
    """

    id: int
    name: str
    identifier: str
    successor: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """All of it.

    Args:
        items: In the inventory's order.
        orphans: By identifier.
    """

    items: tuple[Item, ...]
    orphans: tuple[Orphan, ...] = ()

    def having(self, *actions: Action) -> tuple[Item, ...]:
        """Give the items of some actions."""
        return tuple(item for item in self.items if item.action in actions)

    @property
    def changes(self) -> bool:
        """Whether anything would be changed, or can't be."""
        return any(item.action is not Action.KEEP for item in self.items)


def compare(
    wanted: Sequence[Resolved], existing: Sequence[Object], schema: Schema, *, update_passwords: bool = False
) -> tuple[Item, ...]:
    """Compare each log source with what the console has of it.

    Args:
        wanted: What the inventory wants.
        existing: The console's log sources of the types that count.
        schema: What the console says of itself.
        update_passwords: Whether passwords are sent to log sources that are there already.
    """
    by_identity = _by_identity(existing)
    found = [_find(each, by_identity) for each in wanted]
    holders = {str(each.get("name", "")).casefold(): each for each in existing}
    renamed = {
        one["id"] for each, one in zip(wanted, found, strict=True) if one and one.get("name") != each.source.name
    }
    names = _Names(schema)
    return tuple(
        _refused(each, one, holders, renamed) or _item(each, one, names, update_passwords=update_passwords)
        for each, one in zip(wanted, found, strict=True)
    )


def orphans(
    items: Iterable[Item], existing: Iterable[Object], ours: Collection[str], bases: Iterable[str]
) -> tuple[Orphan, ...]:
    """Find what the console has and no host of the inventory.

    Args:
        items: The comparison of the hosts of this run.
        existing: The console's log sources of the types that count.
        ours: Identifiers of the inventory's log sources.
        bases: The first identifiers of hosts that weren't asked for their folders.
    """
    items = tuple(items)
    pairs = {(item.wanted.fields["type_id"], item.wanted.fields["protocol_type_id"]) for item in items}
    folded = {each.casefold() for each in ours}
    bases = tuple(bases)
    successors = {
        _text(each.value): item.wanted.source.identifier
        for item in items
        if item.action is Action.CREATE
        for each in item.wanted.parameters
        if each.attribute == "server_address"
    }
    found = []
    for each in existing:
        own = identifier_of(each)
        if (each.get("type_id"), each.get("protocol_type_id")) not in pairs or own.casefold() in folded:
            continue
        if any(belongs(own, base) for base in bases):
            continue
        found.append(
            Orphan(
                int(each["id"]),
                str(each.get("name", "")),
                own,
                successors.get(_text(_values(each).get(SERVER_ADDRESS, "")), ""),
            )
        )
    return tuple(sorted(found, key=lambda orphan: (orphan.identifier, orphan.id)))


def unwanted(existing: Iterable[Object], pairs: Collection[tuple[int, int]]) -> tuple[Orphan, ...]:
    """Give the console's log sources of some types and protocols, as what may be removed.

    Args:
        existing: The console's log sources.
        pairs: Types and protocols.
    """
    return tuple(
        Orphan(int(each["id"]), str(each.get("name", "")), identifier_of(each))
        for each in existing
        if (each.get("type_id"), each.get("protocol_type_id")) in pairs
    )


def identifier_of(existing: Object) -> str:
    """Give the identifier of one of the console's log sources; empty where it has none."""
    return _values(existing).get(IDENTIFIER, "")


def shown_name(resolved: Resolved) -> str:
    """Give what a log source goes by in lists: its host, and its identifier where that says more."""
    source = resolved.source
    return source.host if source.identifier == source.host else f"{source.host} ({source.identifier})"


def _by_identity(existing: Iterable[Object]) -> dict[Identity, list[Object]]:
    found: dict[Identity, list[Object]] = {}
    for each in existing:
        key = (int(each.get("type_id", -1)), int(each.get("protocol_type_id", -1)), identifier_of(each).casefold())
        found.setdefault(key, []).append(each)
    return found


def _find(wanted: Resolved, by_identity: Mapping[Identity, Sequence[Object]]) -> Object | None:
    own = wanted.source.identifier
    key = (wanted.fields["type_id"], wanted.fields["protocol_type_id"], own.casefold())
    candidates = by_identity.get(key, ())
    return next((each for each in candidates if identifier_of(each) == own), next(iter(candidates), None))


def _refused(
    wanted: Resolved, existing: Object | None, holders: Mapping[str, Object], renamed: Collection[int]
) -> Item | None:
    """Give an item that the console would refuse because its name is another one's."""
    holder = holders.get(wanted.source.name.casefold())
    if holder is None or holder["id"] in renamed or (existing is not None and holder["id"] == existing["id"]):
        return None
    own = identifier_of(holder)
    name = wanted.source.name
    why = f"the console's log source {holder['id']} has the name {name!r} already, with the identifier {own!r}"
    hint = (
        f"to go on with that one, set logsource_identifier={own} for {wanted.source.host}; else give another "
        f"logsource_name, or remove it first: harness logsources remove INVENTORY --identifier {own}"
    )
    return Item(wanted, Action.REFUSE, existing, why=why, hint=hint)


def _item(wanted: Resolved, existing: Object | None, names: _Names, *, update_passwords: bool) -> Item:
    differences = [
        Difference(_LABELS.get(name, name), names.shown(name, existing.get(name)) if existing else None, str(shown))
        for name, value in wanted.fields.items()
        if name not in _IDENTITY
        and (shown := names.shown(name, value)) is not None
        and (existing is None or not _same(value, existing.get(name)))
    ]
    has = _values(existing) if existing else {}
    differences += [
        Difference(each.console.shown, has.get(each.console.name), each.value)
        for each in _compared(wanted)
        if (existing is None and each.value) or (existing is not None and _differs(each, existing))
    ]
    password = next((each for each in wanted.parameters if each.is_password and each.value), None)
    if password is not None and (existing is None or update_passwords):
        differences.append(Difference(password.console.shown, None, _SENT))
    action = Action.CREATE if existing is None else Action.UPDATE if differences else Action.KEEP
    return Item(wanted, action, existing, tuple(differences))


def _compared(wanted: Resolved) -> Iterator[ResolvedParameter]:
    """Give the parameters that can be compared; file patterns count only where they aren't the protocol's own."""
    custom = wanted.source.custom_patterns
    for each in wanted.parameters:
        if not each.is_password and (custom or not (each.attribute or "").endswith("_pattern")):
            yield each


def _parameters(wanted: Resolved, password: str | None) -> Iterator[Object]:
    for each in _compared(wanted):
        yield {"id": each.console.id, "name": each.console.name, "value": each.value}
    for each in wanted.parameters:
        if each.is_password and password is not None:
            yield {"id": each.console.id, "name": each.console.name, "value": password}


def _theirs(existing: Object) -> dict[str, Object]:
    """Give the parameters that the console has, without those whose values it keeps to itself."""
    return {
        str(each["name"]): {"id": each.get("id"), "name": each["name"], "value": each["value"]}
        for each in existing.get("protocol_parameters") or ()
        if each.get("name") is not None and each.get("value") is not None
    }


def _values(existing: Object) -> dict[str, str]:
    return {name: str(each["value"]) for name, each in _theirs(existing).items()}


def _text(value: str) -> str:
    return value.strip().casefold()


def _differs(wanted: ResolvedParameter, existing: Object) -> bool:
    has = _values(existing).get(wanted.console.name)
    if has is None:
        # A console may leave out what has its default.
        has = wanted.console.default_value or ""
    match wanted.console.type.upper():
        case "BOOLEAN" | "HOST":
            return _text(has) != _text(wanted.value)
        case "INTEGER" | "REAL" | "INTERVAL":
            return _number(has) != _number(wanted.value)
        case _:
            return has != wanted.value


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _same(wanted: object, has: object) -> bool:
    if isinstance(wanted, list):
        return isinstance(has, list) and set(wanted) == set(has)
    return wanted == has or (wanted in (None, "") and has in (None, ""))


class _Names:
    """Names for the console's ids."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema

    def shown(self, field: str, value: Any) -> str | None:  # noqa: ANN401 - JSON holds anything
        """Write a field's value for people; None where there is none."""
        if value is None or value == []:
            return None
        if field in _LOOKED_UP:
            known: Sequence[Named] = getattr(self._schema, _LOOKED_UP[field]) or ()
            names = {each.id: each.name for each in known}
            ids = value if isinstance(value, list) else [value]
            return ", ".join(names.get(id_) or f"id {id_}" for id_ in ids)
        if isinstance(value, bool):
            return "true" if value else "false"
        return str(value)
