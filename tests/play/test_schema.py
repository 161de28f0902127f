"""The JSON schema that editors use."""

from __future__ import annotations

import json
from typing import Any

from harness.modules.registry import MODULES
from harness.play.schema import NOT_SUPPORTED, PLAY_KEYS, TASK_KEYS, json_schema


def definition(schema: dict[str, Any], reference: dict[str, str]) -> dict[str, Any]:
    """Follow a reference."""
    found: dict[str, Any] = schema["$defs"][reference["$ref"].rpartition("/")[2]]
    return found


def test_the_schema_knows_every_key_and_module() -> None:
    """Plays, tasks, handlers and each module's arguments are described, and every reference leads somewhere."""
    schema = json_schema(MODULES)
    play = definition(schema, schema["items"])
    task = definition(schema, play["properties"]["tasks"]["items"])
    handler = definition(schema, play["properties"]["handlers"]["items"])
    tracking = definition(schema, task["properties"]["message_tracking"])

    assert set(PLAY_KEYS) == set(play["properties"])
    assert {*TASK_KEYS, *MODULES} == set(task["properties"])
    assert set(handler["properties"]) == set(task["properties"]) - {"loop", "notify"}
    assert [{"required": [name]} for name in MODULES] == task["oneOf"]
    assert set(MODULES["message_tracking"].Arguments.model_fields) == set(tracking["properties"])
    assert {"$ref": "#/$defs/Template"} in tracking["properties"]["enabled"]["anyOf"]
    assert play["additionalProperties"] is task["additionalProperties"] is tracking["additionalProperties"] is False
    references = {line.split('"')[3] for line in json.dumps(schema, indent=1).splitlines() if '"$ref"' in line}
    assert references <= {f"#/$defs/{name}" for name in schema["$defs"]}


def test_the_schema_is_made_anew_each_time() -> None:
    """One call leaves nothing behind for the next."""
    assert json_schema(MODULES) == json_schema(MODULES)


def test_no_key_is_both_known_and_not_supported() -> None:
    """A key with a way around it isn't a key that works."""
    assert set() == set(NOT_SUPPORTED) & {*PLAY_KEYS, *TASK_KEYS, *MODULES}
