"""What may stand in a playbook file, as pydantic models, and as a JSON schema for editors."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema
from pydantic.json_schema import models_json_schema

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.play.playbook import ModuleSpec

_PERCENTAGE = r"^(100|[1-9][0-9]?)%$"


def _percentage(text: str) -> str:
    if not re.search(_PERCENTAGE, text):
        raise ValueError("expected a number of hosts, or a percentage from '1%' to '100%'")
    return text


Text: TypeAlias = Annotated[str, Field(min_length=1)]
Texts: TypeAlias = Text | list[Text]
Condition: TypeAlias = Text | bool
BatchSize: TypeAlias = (
    Annotated[int, Field(ge=1)]
    | Annotated[str, AfterValidator(_percentage), WithJsonSchema({"type": "string", "pattern": _PERCENTAGE})]
)
Mappings: TypeAlias = list[dict[str, Any]]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class HandlerModel(_Model):
    """A task that runs at the play's end when a change notified it."""

    name: Text = Field(description="The name under which tasks notify it")
    when: Condition | list[Condition] = Field(default=[], description="Conditions without braces; all must hold")
    tags: Texts = Field(default=[], description="Names to choose tasks by")
    ignore_errors: bool = Field(default=False, description="Go on after it failed")


class TaskModel(HandlerModel):
    """One module call on each host."""

    name: Text = Field(default="", description="What it is for, in the user's words")
    loop: list[Any] | Text = Field(default=[], description="A list, or an expression that gives one")
    notify: Texts = Field(default=[], description="Handlers that a change wakes")


class PlayModel(_Model):
    """Tasks for the hosts of a pattern."""

    hosts: Texts = Field(description="A pattern of the inventory's hosts and groups")
    name: Text = Field(default="", description="What it is for, in the user's words")
    vars: dict[str, Any] = Field(default={}, description="Variables; stronger than the inventory's")
    tasks: Mappings | None = Field(default=None, description="In the order they run")
    handlers: Mappings | None = Field(default=None, description="Tasks that run only when they are notified")
    tags: Texts = Field(default=[], description="Tags that all of its tasks carry")
    serial: BatchSize | list[BatchSize] = Field(
        default=[], description="Hosts of one round: a number, a percentage, or a list of them"
    )
    any_errors_fatal: bool = Field(default=False, description="One failure ends the play on every host")
    max_fail_percentage: float | None = Field(
        default=None, ge=0, le=100, description="More failed hosts than this end the play"
    )
    verify: Any = Field(default=None, description="What harness verify expects of these hosts")


PLAY_KEYS = tuple(PlayModel.model_fields)
TASK_KEYS = tuple(TaskModel.model_fields)
HANDLER_KEYS = tuple(HandlerModel.model_fields)

FOREIGN_FILES = frozenset({"import_playbook", "include_playbook"})
"""These stand where a play would, so nothing else of a play is missed."""

_ONE_FILE = "write the plays into one file, or give several with -p"
_FLAT = "write the tasks directly under 'tasks'"

# Keys that a user of Ansible may bring along, with the way to do without them.
NOT_SUPPORTED = {
    "import_playbook": _ONE_FILE,
    "include_playbook": _ONE_FILE,
    "roles": _FLAT,
    "pre_tasks": _FLAT,
    "post_tasks": _FLAT,
    "include": _FLAT,
    "include_tasks": _FLAT,
    "import_tasks": _FLAT,
    "include_role": _FLAT,
    "import_role": _FLAT,
    "block": _FLAT,
    "rescue": _FLAT,
    "always": "the tag 'always' keeps a task in every selection; " + _FLAT,
    "register": "a module reads what it needs; 'when' can look at facts",
    "set_fact": "use 'vars' of the play",
    "vars_files": "use group_vars/ and host_vars/ beside the inventory",
    "vars_prompt": "write prompt: in the inventory, or use -e",
    "gather_facts": "facts are read when a task mentions them",
    "connection": "set it in the inventory",
    "remote_user": "set it in the inventory",
    "become": "sign in as the user who may do it",
    "delegate_to": "a task runs on the play's own hosts",
    "run_once": "a setting of the organisation is written once by itself",
    "environment": "scripts run in the host's own environment",
    "changed_when": "a module tells by itself what it changed",
    "failed_when": "a task fails when the host isn't as it says afterwards",
    "until": "a module waits by itself",
    "retries": "a module waits by itself",
    "delay": "a module waits by itself",
    "listen": "notify the handler by its name",
    "with_items": "use 'loop'",
    "with_list": "use 'loop'",
    "with_dict": "use 'loop' with dictsort",
    "strategy": "hosts run side by side; use 'serial' for rounds",
    "check_mode": "use --check, or harness plan",
    "diff": "use --diff",
    "no_log": "secrets are never shown",
}

_TEMPLATE = {"type": "string", "pattern": r"\{\{|\{%", "description": "A template, filled in for each host"}


def json_schema(modules: Mapping[str, ModuleSpec]) -> dict[str, Any]:
    """Describe a playbook file for editors, as JSON Schema 2020-12.

    Args:
        modules: The modules that a task may call, by name.
    """
    models: list[type[BaseModel]] = [PlayModel, TaskModel, HandlerModel, *(spec.Arguments for spec in modules.values())]
    references, definitions = models_json_schema([(model, "validation") for model in models])
    defs: dict[str, Any] = definitions["$defs"]
    own = {references[model, "validation"]["$ref"].rpartition("/")[2]: model for model in models[:3]}
    for name, definition in defs.items():
        if name not in own:
            _allow_templates(definition)
    play, task, handler = (defs[name] for name in own)
    for definition in (task, handler):
        for name, spec in modules.items():
            definition["properties"][name] = dict(references[spec.Arguments, "validation"])
        definition["oneOf"] = [{"required": [name]} for name in modules]
    for key, model in (("tasks", TaskModel), ("handlers", HandlerModel)):
        play["properties"][key] = {
            "type": "array",
            "items": references[model, "validation"],
            "description": PlayModel.model_fields[key].description,
        }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "harness playbook",
        "type": "array",
        "minItems": 1,
        "items": references[PlayModel, "validation"],
        "$defs": {**defs, "Template": _TEMPLATE},
    }


def _allow_templates(definition: dict[str, Any]) -> None:
    """Let a template stand where a module's model wants another type."""
    for name, schema in definition.get("properties", {}).items():
        definition["properties"][name] = {"anyOf": [schema, {"$ref": "#/$defs/Template"}]}
