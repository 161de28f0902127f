"""What the console makes of events: mappings of event ids to QID records, standard ones and those that users add."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Final

from harness.lab.siem.refusal import refusal

if TYPE_CHECKING:
    from harness.lab.store import Json

_MAPPING: Final = "dsm_event_mappings create"
_RECORD: Final = "qid_records create"
_INVALID: Final = 1005
_TAKEN: Final = 1008
_KEY: Final = ("log_source_type_id", "log_source_event_id", "log_source_event_category")
_OWN_QIDS: Final = 2_000_000
_MOST_SEVERE: Final = 10


class Events:
    """The event mappings and QID records of one console.

    Args:
        document: The console's state.
    """

    def __init__(self, document: dict[str, Json]) -> None:
        self._lists = document["lists"]

    def _has(self, name: str, number: Json) -> bool:
        return any(each["id"] == number for each in self._lists[name])

    def map(self, body: Json) -> Json:
        """Add a mapping.

        Raises:
            RefusedError: There is one already, or it refers to what isn't there.
        """
        given = body if isinstance(body, dict) else {}
        kinds = {"log_source_event_id": str, "log_source_event_category": str}
        for name in (*_KEY, "qid_record_id"):
            if not isinstance(given.get(name), kinds.get(name, int)):
                raise refusal(_MAPPING, _INVALID, f"{name} is missing or of another kind")
        if not self._has("log_source_types", given["log_source_type_id"]):
            raise refusal(_MAPPING, _INVALID, f"log_source_type_id {given['log_source_type_id']}")
        if not self._has("qid_records", given["qid_record_id"]):
            raise refusal(_MAPPING, _INVALID, f"qid_record_id {given['qid_record_id']}")
        mappings = self._lists["dsm_event_mappings"]
        if any(each["custom_event"] and all(each[name] == given[name] for name in _KEY) for each in mappings):
            raise refusal(_MAPPING, _TAKEN, f"{given['log_source_event_id']} is mapped already")
        made = {name: given[name] for name in (*_KEY, "qid_record_id")}
        made |= {"custom_event": True, "id": _next(mappings), "uuid": str(uuid.uuid4())}
        mappings.append(made)
        return made

    def record(self, body: Json) -> Json:
        """Add a QID record.

        Raises:
            RefusedError: It refers to what isn't there.
        """
        given = body if isinstance(body, dict) else {}
        for name, there in (
            ("log_source_type_id", "log_source_types"),
            ("low_level_category_id", "low_level_categories"),
        ):
            if not self._has(there, given.get(name)):
                raise refusal(_RECORD, _INVALID, f"{name} {given.get(name)}")
        severity = given.get("severity", 0)
        if not isinstance(given.get("name"), str) or not given["name"]:
            raise refusal(_RECORD, _INVALID, "name is missing")
        if not isinstance(severity, int) or not 0 <= severity <= _MOST_SEVERE:
            raise refusal(_RECORD, _INVALID, f"severity {severity}")
        records = self._lists["qid_records"]
        own = [each["qid"] for each in records if _OWN_QIDS <= each["qid"] < 2 * _OWN_QIDS]
        made = {
            "description": given.get("description"),
            "id": _next(records),
            "log_source_type_id": None,
            "low_level_category_id": given["low_level_category_id"],
            "name": given["name"],
            "qid": max(own, default=_OWN_QIDS) + 1,
            "severity": severity,
            "uuid": None,
        }
        records.append(made)
        return made


def _next(entries: list[Json]) -> int:
    return max((int(each["id"]) for each in entries), default=0) + 1
