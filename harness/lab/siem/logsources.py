"""The console's log sources: created, updated and deleted, each held against what the documentation asks of it."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final, NoReturn

from harness.lab.siem.parameters import Parameters
from harness.lab.siem.refusal import BAD_PARAMETER, RefusedError, refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from harness.lab.siem.vault import Vault
    from harness.lab.store import Json

CREATE: Final = "log_sources create"
UPDATE: Final = "log_sources update"
DELETE: Final = "log_sources delete"

_SYSLOG: Final = 0
_LONGEST: Final = 255
_MOST_CREDIBLE: Final = 10

# Problem: unique code on creation and on update; 0 where the endpoint documents none.
_CODES: Final = {
    "name taken": (1001, 1001),
    "identity taken": (1002, 1002),
    "no name": (1003, 1004),
    "long name": (1004, 1005),
    "long description": (1005, 1006),
    "type": (1007, 1007),
    "internal type": (1008, 1008),
    "protocol": (1010, 1009),
    "combination": (1011, 1010),
    "credibility": (1024, 1024),
    "collector": (1025, 1025),
    "extension": (1026, 1026),
    "language": (1027, 1027),
    "unsupported language": (1028, 1028),
    "group": (1029, 1029),
    "unassignable group": (1031, 1030),
    "internal destination": (1032, 1031),
    "external destination": (1033, 1032),
    "no destination": (1034, 1033),
    "bulk group": (1036, 1035),
    "gateway": (1037, 1036),
    "requires deploy": (1038, 0),
    "sending ip": (1039, 1039),
    "parsing order": (0, 1040),
    "parsing order taken": (0, 1041),
    "disconnected collector": (1040, 1042),
    "both collectors": (1041, 1043),
    "backslash": (1043, 1045),
}

_KINDS: Final[Mapping[str, type]] = {
    "name": str,
    "description": str,
    "type_id": int,
    "protocol_type_id": int,
    "enabled": bool,
    "gateway": bool,
    "credibility": int,
    "target_event_collector_id": int,
    "disconnected_log_collector_id": int,
    "coalesce_events": bool,
    "store_event_payload": bool,
    "log_source_extension_id": int,
    "language_id": int,
    "group_ids": list,
    "requires_deploy": bool,
    "sending_ip": str,
    "parsing_order": int,
    "wincollect_internal_destination_id": int,
    "wincollect_external_destination_ids": list,
    "legacy_bulk_group_name": str,
}
_MAY_BE_NULL: Final = frozenset(
    {
        "description",
        "target_event_collector_id",
        "disconnected_log_collector_id",
        "log_source_extension_id",
        "sending_ip",
        "wincollect_internal_destination_id",
        "wincollect_external_destination_ids",
        "legacy_bulk_group_name",
    }
)
_READ_ONLY: Final = frozenset(
    {
        "id",
        "internal",
        "status",
        "auto_discovered",
        "average_eps",
        "creation_date",
        "modified_date",
        "last_event_time",
        "deleted",
    }
)
# Changes that take effect on collectors only once they are deployed; which ones do isn't documented.
_DEPLOYED: Final = ("protocol_type_id", "parameters", "enabled", "target_event_collector_id", "type_id")


class LogSources:
    """The log sources of one console.

    Args:
        document: The console's state.
        vault: Keeps passwords.
        encodings: The character encodings that the console knows.
        clock: Gives milliseconds since 1970.
    """

    def __init__(
        self, document: dict[str, Json], vault: Vault, encodings: Sequence[str], clock: Callable[[], int]
    ) -> None:
        self._document = document
        self._vault = vault
        self._encodings = encodings
        self._clock = clock
        self.fails: Callable[[str], bool] = lambda _name: False
        """Says of a name whether the console fails, for no reason of the client's, to create or update it."""

    @property
    def held(self) -> list[Json]:
        """The log sources as they are kept."""
        found: list[Json] = self._document["log_sources"]
        return found

    def find(self, number: int) -> Json | None:
        """Give the log source of an id."""
        return next((each for each in self.held if each["id"] == number), None)

    def answer(self, held: Json, reveal: Callable[[str], str] | None = None) -> Json:
        """Give a log source as the API does.

        Args:
            held: The log source.
            reveal: What becomes of a password; without it, it isn't given.
        """
        protocol = self._entry("protocol_types", held["protocol_type_id"]) or {"parameters": []}
        parameters = []
        for each in protocol["parameters"]:
            value = held["parameters"].get(each["name"])
            if each["name"] not in held["parameters"]:
                continue
            if each["type"] == "PASSWORD" and value:
                value = reveal(self._vault.open(value)) if reveal is not None else None
            parameters.append({"id": each["id"], "name": each["name"], "value": value})
        shown = {name: value for name, value in held.items() if name != "parameters"}
        return shown | {"protocol_parameters": parameters}

    def create(self, body: Json) -> Json:
        """Create one.

        Raises:
            RefusedError: It is refused; nothing has changed.
        """
        given = _members(body)
        now = self._clock()
        fresh: dict[str, Json] = {
            "auto_discovered": False,
            "average_eps": 0,
            "coalesce_events": True,
            "creation_date": now,
            "credibility": 5,
            "description": None,
            "disconnected_log_collector_id": None,
            "enabled": True,
            "gateway": False,
            "group_ids": [0],
            "id": self._document["next_id"],
            "internal": False,
            "language_id": None,
            "last_event_time": 0,
            "legacy_bulk_group_name": None,
            "log_source_extension_id": None,
            "modified_date": now,
            "name": None,
            "parameters": {},
            "parsing_order": None,
            "protocol_type_id": None,
            "requires_deploy": False,
            "sending_ip": None,
            "status": _status("NA", now),
            "store_event_payload": True,
            "target_event_collector_id": None,
            "type_id": None,
            "wincollect_external_destination_ids": None,
            "wincollect_internal_destination_id": None,
        }
        made = self._settled(CREATE, fresh, given)
        self._document["next_id"] += 1
        self.held.append(made)
        return made

    def update(self, number: int, body: Json) -> Json:
        """Change one; what isn't given stays.

        Raises:
            RefusedError: It is refused; nothing has changed.
        """
        held = self.find(number)
        if held is None:
            raise refusal(UPDATE, 1050, f"there is no log source {number}")
        changed = self._settled(UPDATE, held, _members(body))
        if any(changed[name] != held[name] for name in changed):
            changed["modified_date"] = self._clock()
        held.update(changed)
        return held

    def delete(self, number: int) -> None:
        """Delete one.

        Raises:
            RefusedError: It is refused.
        """
        held = self.find(number)
        if held is None:
            raise refusal(DELETE, 1010, f"there is no log source {number}")
        self.held.remove(held)
        self._document["undeployed"] = self._document["undeployed"] or held["protocol_type_id"] != _SYSLOG

    def report(self, number: int, changes: Mapping[str, Json]) -> None:
        """Set what a console finds out by itself: status, messages, last_event_time, average_eps."""
        held = self.find(number)
        if held is None:
            raise KeyError(number)
        for name in ("last_event_time", "average_eps"):
            if name in changes:
                held[name] = changes[name]
        if "status" in changes:
            now = self._clock()
            messages = [
                {"severity": each["severity"], "text": each["text"], "timestamp": now}
                for each in changes.get("messages", ())
            ]
            held["status"] = _status(changes["status"], now, messages)

    def _entry(self, name: str, number: Json) -> Json | None:
        return next((each for each in self._document["lists"][name] if each["id"] == number), None)

    def _settled(self, endpoint: str, before: Json, given: Mapping[str, Json]) -> Json:
        """Give a log source as it would be."""
        checks = _Checks(endpoint)
        after = dict(before) | {name: value for name, value in given.items() if name != "protocol_parameters"}
        self._check_name(checks, after)
        kind = self._check_type(checks, after)
        self._settle_parameters(endpoint, before, after, given.get("protocol_parameters", []))
        self._check_identity(checks, after)
        self._check_rest(checks, given, after)
        self._check_references(checks, before, after, kind)
        self._settle_order(checks, given, after)
        if self.fails(after["name"]):
            raise refusal(endpoint, 1100, f"{after['name']} could not be saved")
        if after["protocol_type_id"] != _SYSLOG:
            fresh = endpoint == CREATE or any(after[name] != before[name] for name in _DEPLOYED)
            after["requires_deploy"] = before["requires_deploy"] or fresh
        if after["enabled"] != before["enabled"]:
            after["status"] = _status("NA" if after["enabled"] else "DISABLED", self._clock())
        return after

    def _check_name(self, checks: _Checks, after: Json) -> None:
        name = after["name"]
        if not name:
            checks.refuse("no name")
        if len(name) > _LONGEST:
            checks.refuse("long name", f"it has {len(name)}")
        if "\\" in name:
            checks.refuse("backslash", name)
        if len(after["description"] or "") > _LONGEST:
            checks.refuse("long description")
        if any(each["name"] == name and each["id"] != after["id"] for each in self.held):
            checks.refuse("name taken", f"there is a log source {name} already")

    def _check_type(self, checks: _Checks, after: Json) -> Json:
        kind = self._entry("log_source_types", after["type_id"])
        if kind is None:
            checks.refuse("type", f"there is no type {after['type_id']}")
        if kind["internal"]:
            checks.refuse("internal type", kind["name"])
        if after["protocol_type_id"] is None:
            after["protocol_type_id"] = kind["default_protocol_id"]
        protocol = self._entry("protocol_types", after["protocol_type_id"])
        if protocol is None:
            checks.refuse("protocol", f"there is no protocol {after['protocol_type_id']}")
        if after["protocol_type_id"] not in {each["protocol_id"] for each in kind["protocol_types"]}:
            checks.refuse("combination", f"{kind['name']} doesn't take {protocol['name']}")
        return kind

    def _settle_parameters(self, endpoint: str, before: Json, after: Json, given: Json) -> None:
        protocol = self._entry("protocol_types", after["protocol_type_id"])
        assert protocol is not None, "checked before"  # noqa: S101
        same = before["protocol_type_id"] == after["protocol_type_id"]
        secret = {each["name"] for each in protocol["parameters"] if each["type"] == "PASSWORD"}
        kept = dict(before["parameters"]) if same else {}
        clear = {name: self._vault.open(value) if name in secret and value else value for name, value in kept.items()}
        parameters = Parameters(endpoint, protocol, self._encodings)
        settled = parameters.settle(parameters.read(given), clear)
        # A password that stays is kept as it was sealed, so that a log source that doesn't change is seen not to.
        after["parameters"] = {
            name: kept[name]
            if name in secret and clear.get(name) == value
            else self._vault.seal(value)
            if name in secret and value
            else value
            for name, value in settled.items()
        }

    def _check_identity(self, checks: _Checks, after: Json) -> None:
        def identity(source: Json) -> tuple[Json, ...]:
            return source["type_id"], source["protocol_type_id"], source["parameters"].get("identifier")

        others = (each for each in self.held if each["id"] != after["id"])
        taken = next((each for each in others if identity(each) == identity(after)), None)
        if taken is not None:
            checks.refuse("identity taken", f"{after['parameters'].get('identifier')} is that of {taken['name']}")

    def _check_rest(self, checks: _Checks, given: Mapping[str, Json], after: Json) -> None:
        protocol = self._entry("protocol_types", after["protocol_type_id"])
        if not 0 <= after["credibility"] <= _MOST_CREDIBLE:
            checks.refuse("credibility", f"it is {after['credibility']}")
        if after["legacy_bulk_group_name"] is not None:
            checks.refuse("bulk group")
        if after["gateway"] and not (protocol and protocol["gateway_supported"]):
            checks.refuse("gateway")
        if "requires_deploy" in given and after["protocol_type_id"] != _SYSLOG and checks.documents("requires deploy"):
            checks.refuse("requires deploy")
        if after["sending_ip"] is not None:
            try:
                ipaddress.ip_address(after["sending_ip"])
            except ValueError:
                checks.refuse("sending ip", after["sending_ip"])

    def _check_references(self, checks: _Checks, before: Json, after: Json, kind: Json) -> None:
        self._check_collectors(checks, after)
        if after["log_source_extension_id"] is not None:
            self._must("log_source_extensions", after["log_source_extension_id"], checks, "extension")
        languages = kind["supported_language_ids"]
        if after["language_id"] is None:
            after["language_id"] = languages[0]
        self._must("log_source_languages", after["language_id"], checks, "language")
        if after["language_id"] not in languages:
            checks.refuse("unsupported language", kind["name"])
        for number in after["group_ids"]:
            group = self._must("log_source_groups", number, checks, "group")
            # A log source of no group is shown in group 0; programs in the field send that back.
            if not group["assignable"] and number not in before["group_ids"]:
                checks.refuse("unassignable group", group["name"])
        self._check_destinations(checks, after)

    def _check_collectors(self, checks: _Checks, after: Json) -> None:
        target, disconnected = after["target_event_collector_id"], after["disconnected_log_collector_id"]
        if target is not None and disconnected is not None:
            checks.refuse("both collectors")
        if disconnected is not None:
            self._must("disconnected_log_collectors", disconnected, checks, "disconnected collector")
        elif target is None:
            after["target_event_collector_id"] = self._document["lists"]["event_collectors"][0]["id"]
        else:
            self._must("event_collectors", target, checks, "collector")

    def _check_destinations(self, checks: _Checks, after: Json) -> None:
        internal, external = after["wincollect_internal_destination_id"], after["wincollect_external_destination_ids"]
        for number, inside in [(internal, True), *((each, False) for each in external or ())]:
            problem = "internal destination" if inside else "external destination"
            if number is None:
                continue
            if self._must("wincollect_destinations", number, checks, problem)["internal"] != inside:
                checks.refuse(problem, f"destination {number} is of the other kind")
        if after["protocol_type_id"] in self._document["wincollect_protocols"] and internal is None and not external:
            checks.refuse("no destination")

    def _must(self, name: str, number: Json, checks: _Checks, problem: str) -> Json:
        found = self._entry(name, number)
        if found is None:
            checks.refuse(problem, f"there is no {number}")
        return found

    def _settle_order(self, checks: _Checks, given: Mapping[str, Json], after: Json) -> None:
        identifier = after["parameters"].get("identifier")
        taken = {
            each["parsing_order"]
            for each in self.held
            if each["parameters"].get("identifier") == identifier and each["id"] != after["id"]
        }
        order = given.get("parsing_order")
        if order is not None and checks.documents("parsing order"):
            if order < 0:
                checks.refuse("parsing order", f"it is {order}")
            if order in taken:
                checks.refuse("parsing order taken", f"it is {order}")
        elif after["parsing_order"] is None or after["parsing_order"] in taken:
            after["parsing_order"] = max(taken, default=0) + 1


class _Checks:
    """Knows by which code an endpoint names a problem."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._column = 0 if endpoint == CREATE else 1

    def documents(self, problem: str) -> bool:
        return bool(_CODES[problem][self._column])

    def refuse(self, problem: str, message: str = "") -> NoReturn:
        raise refusal(self._endpoint, _CODES[problem][self._column], message)


def _members(body: Json) -> dict[str, Json]:
    """Give the members that can be written, each of its kind; those that can only be read are ignored.

    Raises:
        RefusedError: A member isn't known or of another kind. What a console does then isn't documented.
    """
    if not isinstance(body, dict):
        raise RefusedError(422, BAD_PARAMETER, message="a log source is not a JSON object")
    found = {}
    for name, value in body.items():
        if name == "protocol_parameters":
            found[name] = value
        elif name in _KINDS:
            if value is not None and (type(value) is not _KINDS[name]):
                raise RefusedError(422, BAD_PARAMETER, message=f"{name} is not of type {_KINDS[name].__name__}")
            if value is not None or name in _MAY_BE_NULL:
                found[name] = value
        elif name not in _READ_ONLY:
            raise RefusedError(422, BAD_PARAMETER, message=f"a log source has no member {name}")
    return found


def _status(status: str, now: int, messages: Sequence[Json] = ()) -> Json:
    return {"last_updated": now, "messages": list(messages), "status": status}
