"""The parameters of a log source's protocol, held against the schema that the console publishes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NoReturn

from harness.lab.siem.refusal import refusal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.lab.store import Json

INVALID: Final = 1012
UNKNOWN: Final = 1013
BAD_FORMAT: Final = 1014
MISSING: Final = 1015
NOT_ALLOWED: Final = 1016
TOO_SHORT: Final = 1017
TOO_LONG: Final = 1018
TOO_BIG: Final = 1019
TOO_SMALL: Final = 1020
NO_MATCH: Final = 1021
BAD_ENCODING: Final = 1022
EMPTY_GROUP: Final = 1023
"""The codes for protocol parameters; they are the same when a log source is created and when it is updated."""

_ENCODINGS: Final = frozenset({"FILE_ENCODING", "incomingPayloadEncoding"})
_FORMATS: Final = {
    "INTEGER": re.compile(r"-?\d+"),
    "REAL": re.compile(r"-?\d+(\.\d+)?"),
    "BOOLEAN": re.compile(r"true|false"),
    "HOST": re.compile(r"[^\s/\\:?#]+|[0-9A-Fa-f:.]+"),
}


class Parameters:
    """Checks the parameters of one log source.

    Args:
        endpoint: Whose refusals are made.
        protocol: The protocol type, as the API gives it.
        encodings: The character encodings that the console knows.
    """

    def __init__(self, endpoint: str, protocol: Json, encodings: Sequence[str]) -> None:
        self._endpoint = endpoint
        self._encodings = encodings
        self._groups = protocol["parameter_groups"]
        self._schema: dict[str, Json] = {each["name"]: each for each in protocol["parameters"]}
        self._names: dict[int, str] = {each["id"]: each["name"] for each in protocol["parameters"]}

    def _refuse(self, code: int, message: str) -> NoReturn:
        raise refusal(self._endpoint, code, message)

    def read(self, given: Json) -> dict[str, str | None]:
        """Give values by name; a parameter is named by id or name, its value is a text or null.

        Raises:
            RefusedError: It isn't so.
        """
        if not isinstance(given, list):
            self._refuse(INVALID, "protocol_parameters is not a list")
        found: dict[str, str | None] = {}
        for each in given:
            name = self._name(each)
            value = each.get("value")
            if value is not None and not isinstance(value, str):
                self._refuse(BAD_FORMAT, f"the value of {name} is not a string")
            found[name] = value
        return found

    def _name(self, given: Json) -> str:
        if not isinstance(given, dict) or not given.keys() <= {"id", "name", "value"}:
            self._refuse(INVALID, "a protocol parameter has other members than id, name and value")
        number, name = given.get("id"), given.get("name")
        by_id = self._names.get(number) if isinstance(number, int) else None
        if (number is not None and by_id is None) or (name is not None and name not in self._schema):
            self._refuse(UNKNOWN, f"id {number}, name {name}: the protocol has no such parameter")
        if by_id is not None and name is not None and by_id != name:
            self._refuse(UNKNOWN, f"parameter {number} is {by_id}, not {name}")
        found: str | None = by_id or name
        if found is None:
            self._refuse(UNKNOWN, "a protocol parameter has neither id nor name")
        return found

    def settle(self, given: Mapping[str, str | None], kept: Mapping[str, str]) -> dict[str, str]:
        """Give all values of a log source: what is given, what it has, defaults.

        Args:
            given: What the request says, by name; null takes a value away, but leaves a password.
            kept: What the log source has.

        Raises:
            RefusedError: The schema doesn't allow it.
        """
        wanted = {name: value for name, value in kept.items() if name in self._schema}
        for name, value in given.items():
            if value is not None:
                wanted[name] = value
            elif self._schema[name]["type"] != "PASSWORD":
                wanted.pop(name, None)
        # Rules are triggered by what is in force, so defaults come first.
        in_force = {name: wanted.get(name) or self._schema[name]["default_value"] or "" for name in self._schema}
        for name in self._schema:
            in_force[name] = wanted.get(name) or self._affected(name, "DEFAULT", in_force) or in_force[name]
        available = {name for name in self._schema if self._affected(name, "AVAILABLE", in_force) != "false"}
        for name, value in given.items():
            if name not in available and value:
                self._refuse(INVALID, f"{name} is not available with the other parameters' values")
        settled = {name: value for name, value in in_force.items() if name in available}
        for name, value in settled.items():
            self._check(name, value, in_force)
        self._check_groups(settled)
        return settled

    def _affected(self, name: str, what: str, in_force: Mapping[str, str]) -> str | None:
        """Give what the rules make of a property; ``None`` where none is triggered."""
        for rule in self._schema[name]["rules"]:
            trigger = in_force[self._names[rule["trigger_parameter_id"]]]
            if rule["affected_property"] == what and re.fullmatch(rule["trigger_pattern"], trigger):
                found: str = rule["affected_property_value"]
                return found
        return None

    def _check(self, name: str, value: str, in_force: Mapping[str, str]) -> None:
        schema = self._schema[name]
        required = self._affected(name, "REQUIRED", in_force) or ("true" if schema["required"] else "false")
        if not value:
            if required == "true":
                self._refuse(MISSING, f"{name} is required")
            return
        self._check_format(name, schema["type"], value)
        allowed = [each["value"] for each in schema["allowed_values"]]
        if allowed and value not in allowed:
            self._refuse(NOT_ALLOWED, f"{name} is none of {', '.join(allowed)}")
        self._check_limits(name, schema, value)
        if schema["pattern"] and not re.fullmatch(schema["pattern"], value):
            self._refuse(NO_MATCH, f"{name}: {schema['pattern_description'] or schema['pattern']}")
        if name in _ENCODINGS and value not in self._encodings:
            self._refuse(BAD_ENCODING, f"{name}: there is no encoding {value}")

    def _check_format(self, name: str, kind: str, value: str) -> None:
        if kind == "REGEX":
            try:
                re.compile(value)
            except re.error as error:
                self._refuse(BAD_FORMAT, f"{name} is not a regular expression: {error}")
        elif kind in _FORMATS and not _FORMATS[kind].fullmatch(value):
            self._refuse(BAD_FORMAT, f"{name} is not of type {kind}")

    def _check_limits(self, name: str, schema: Json, value: str) -> None:
        if schema["min_length"] is not None and len(value) < schema["min_length"]:
            self._refuse(TOO_SHORT, f"{name} is shorter than {schema['min_length']} characters")
        if schema["max_length"] is not None and len(value) > schema["max_length"]:
            self._refuse(TOO_LONG, f"{name} is longer than {schema['max_length']} characters")
        if schema["max_value"] is not None and float(value) > float(schema["max_value"]):
            self._refuse(TOO_BIG, f"{name} is more than {schema['max_value']}")
        if schema["min_value"] is not None and float(value) < float(schema["min_value"]):
            self._refuse(TOO_SMALL, f"{name} is less than {schema['min_value']}")

    def _check_groups(self, settled: Mapping[str, str]) -> None:
        for group in self._groups:
            members = [name for name, schema in self._schema.items() if schema["group_id"] == group["id"]]
            if group["required"] and not any(settled.get(name) for name in members):
                self._refuse(EMPTY_GROUP, f"{group['name']}: one of {', '.join(members)} must be set")
