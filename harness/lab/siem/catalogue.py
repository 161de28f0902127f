"""What is installed on a simulated console, with the ids that it has there and nowhere else."""

from __future__ import annotations

import functools
import random
import tomllib
import uuid
from importlib import resources
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.lab.store import Json

_EPOCH: Final = 1764288000000


@functools.cache
def known() -> Json:
    """Give the catalogue as it is written down; not to be changed."""
    return tomllib.loads(resources.files(__package__).joinpath("catalogue.toml").read_text(encoding="utf-8"))


def install(seed: int, *, wincollect: bool = True) -> dict[str, Json]:
    """Give the lists of a fresh console, by the last part of their addresses.

    Args:
        seed: Decides all ids but those that are the same everywhere; the same seed gives the same console.
        wincollect: Whether WinCollect has agents and destinations there.
    """
    return _Installation(seed, wincollect=wincollect).lists()


def schema(seed: int) -> dict[str, Json]:
    """Give what a customer exports of a console once, to check definitions without it."""
    lists = install(seed)
    names = ("log_source_types", "protocol_types", "log_source_groups", "log_source_languages", "log_source_extensions")
    return {name: lists[name] for name in names} | {"event_collectors": lists["event_collectors"]}


class _Installation:
    def __init__(self, seed: int, *, wincollect: bool) -> None:
        self._known = known()
        self._wincollect = wincollect
        # Not for secrets: the ids of a simulated console must only differ and come again.
        self._random = random.Random(seed)  # noqa: S311
        self._languages = self._named("languages", 2, 20)
        self._groups = self._named("groups", 100_000, 9_000)
        self._protocols = self._named("protocols", 1_000, 1_000)
        self._types = self._named("types", 200, 200)

    def _ids(self, first: int, spread: int) -> Iterator[int]:
        """Give ids that grow and have gaps, as on a console where things came and went."""
        at = first
        while True:
            at += self._random.randint(1, spread)
            yield at

    def _named(self, section: str, first: int, spread: int) -> dict[str, int]:
        ids = self._ids(first, spread)
        return {each["name"]: each["id"] if "id" in each else next(ids) for each in self._known[section]}

    def _uuid(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def lists(self) -> dict[str, Json]:
        """Give all lists."""
        records, mappings = self._events()
        return {
            "log_source_languages": [{"id": number, "name": name} for name, number in self._languages.items()],
            "log_source_groups": self._group_list(),
            "protocol_types": self._protocol_list(),
            "log_source_types": [self._type(each) for each in self._known["types"]],
            "log_source_extensions": self._extensions(),
            "event_collectors": self._collectors(),
            "disconnected_log_collectors": [],
            "wincollect_agents": self._agents() if self._wincollect else [],
            "wincollect_destinations": self._destinations() if self._wincollect else [],
            "low_level_categories": self._categories(),
            "qid_records": records,
            "dsm_event_mappings": mappings,
        }

    def _type(self, known: Json) -> Json:
        documented = [{"protocol_id": self._protocols[name], "documented": True} for name in known["protocols"]]
        others = [{"protocol_id": self._protocols[name], "documented": False} for name in known.get("undocumented", ())]
        return {
            "custom": False,
            "default_protocol_id": documented[0]["protocol_id"],
            "id": self._types[known["name"]],
            "internal": known.get("internal", False),
            "latest_version": self._known["version"],
            "log_source_extension_id": None,
            "name": known["name"],
            "protocol_types": [*documented, *others],
            "supported_language_ids": [self._languages[name] for name in known.get("languages", ("English",))],
            "uuid": self._uuid(),
            "version": self._known["version"],
        }

    def _protocol_list(self) -> list[Json]:
        ids, groups = self._ids(40_000, 90), self._ids(300, 9)
        return [self._protocol(each, ids, groups) for each in self._known["protocols"]]

    def _protocol(self, known: Json, ids: Iterator[int], group_ids: Iterator[int]) -> Json:
        groups = {each["name"]: next(group_ids) for each in known.get("groups", ())}
        numbers = {each["name"]: each["id"] if "id" in each else next(ids) for each in known["parameters"]}
        return {
            "gateway_supported": known.get("gateway_supported", False),
            "id": self._protocols[known["name"]],
            "inbound": known["inbound"],
            "latest_version": self._known["version"],
            "name": known["name"],
            "parameter_groups": [
                {"id": groups[each["name"]], "name": each["name"], "required": each["required"]}
                for each in known.get("groups", ())
            ],
            "parameters": [_parameter(each, numbers, groups) for each in known["parameters"]],
            "testing_capabilities": dict(known["testing"]),
            "version": self._known["version"],
        }

    def _group_list(self) -> list[Json]:
        parents = {each["name"]: self._groups.get(each.get("parent", "")) for each in self._known["groups"]}
        return [
            {
                "assignable": each.get("assignable", True),
                "child_group_ids": [self._groups[name] for name, parent in parents.items() if parent == number],
                "description": "",
                "id": number,
                "modification_date": _EPOCH,
                "name": each["name"],
                "owner": "admin",
                "parent_id": parents[each["name"]],
            }
            for each in self._known["groups"]
            for number in (self._groups[each["name"]],)
        ]

    def _extensions(self) -> list[Json]:
        ids = self._ids(1, 30)
        return [
            {"description": each["description"], "id": next(ids), "name": each["name"], "uuid": self._uuid()}
            for each in self._known["extensions"]
        ]

    def _collectors(self) -> list[Json]:
        ids, hosts = self._ids(100, 30), self._ids(50, 9)
        return [
            {
                "component_name": each["component_name"],
                "host_id": next(hosts),
                "id": next(ids),
                "name": f"{each['component_name']} :: {each['host']}",
            }
            for each in self._known["collectors"]
        ]

    def _agents(self) -> list[Json]:
        ids = self._ids(2, 30)
        return [
            {
                "autodiscovered": True,
                "autoupdates_enabled": True,
                "description": "",
                "enabled": True,
                "host": each["host"],
                "id": next(ids),
                "last_config_generation_time": _EPOCH,
                "last_heartbeat_time": _EPOCH,
                "name": each["name"],
                "os_version": each["os_version"],
                "status": "RUNNING",
                "version": each["version"],
            }
            for each in self._known["agents"]
        ]

    def _destinations(self) -> list[Json]:
        ids = self._ids(2, 30)
        return [
            {
                "event_rate_throttle": 5000,
                "host": each["host"],
                "id": next(ids),
                "internal": each["internal"],
                "name": each["name"],
                "port": 514,
                "tls_certificate": None,
                "transport_protocol": "TCP",
            }
            for each in self._known["destinations"]
        ]

    def _categories(self) -> list[Json]:
        return [
            {
                "description": each["name"],
                "high_level_category_id": each["high"],
                "id": each["id"],
                "name": each["name"],
                "severity": 0,
            }
            for each in self._known["categories"]
        ]

    def _events(self) -> tuple[list[Json], list[Json]]:
        events = self._known["events"]
        ids, qids, mapping_ids = self._ids(60_000, 90), self._ids(5_000_000, 90), self._ids(900, 90)
        records = [
            {
                "description": f"Microsoft Exchange: {event}",
                "id": next(ids),
                "log_source_type_id": None,
                "low_level_category_id": events["low_level_category"],
                "name": f"Microsoft Exchange: {event}",
                "qid": next(qids),
                "severity": 1,
                "uuid": None,
            }
            for event in events["known"]
        ]
        mappings = [
            {
                "custom_event": False,
                "id": next(mapping_ids),
                "log_source_event_category": events["category"],
                "log_source_event_id": event,
                "log_source_type_id": self._types[events["type"]],
                "qid_record_id": record["id"],
                "uuid": self._uuid(),
            }
            for event, record in zip(events["known"], records, strict=True)
        ]
        return records, mappings


def _parameter(known: Json, numbers: dict[str, int], groups: dict[str, int]) -> Json:
    plain = ("default_value", "max_length", "max_value", "min_length", "min_value", "pattern", "pattern_description")
    return {name: known.get(name) for name in plain} | {
        "allowed_values": [{"name": value, "value": value} for value in known.get("allowed_values", ())],
        "description": known["description"],
        "group_id": groups[known["group"]] if "group" in known else None,
        "id": numbers[known["name"]],
        "label": known["label"],
        "name": known["name"],
        "required": known.get("required", False),
        "rules": [
            {
                "affected_property": rule["property"],
                "affected_property_value": rule["value"],
                "parameter_id": numbers[known["name"]],
                "trigger_parameter_id": numbers[rule["trigger"]],
                "trigger_pattern": rule["pattern"],
            }
            for rule in known.get("rules", ())
        ],
        "type": known["type"],
    }
