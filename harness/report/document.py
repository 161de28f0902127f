"""A run as JSON: the same model that the terminal shows, for other programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from harness.errors import HarnessError, ScriptError, UnreachableError
from harness.redaction import redactor

if TYPE_CHECKING:
    from harness.modules.base import Change
    from harness.play.results import HostResult, PlayResult, RunResult, TaskResult


def run(result: RunResult) -> str:
    """Write a run as a JSON document."""
    document = {
        "check": result.check,
        "interrupted": result.interrupted,
        "plays": [_play(play) for play in result.plays],
    }
    return redactor.redact(json.dumps(document, indent=2, ensure_ascii=False))


def _play(play: PlayResult) -> dict[str, Any]:
    return {"name": play.name, "source": str(play.source), "hosts": [_host(host) for host in play.hosts]}


def _host(host: HostResult) -> dict[str, Any]:
    return {
        "host": host.host,
        "failed": host.failed,
        "stopped": host.stopped,
        "notes": list(host.notes),
        "error": error(host.error),
        "tasks": [_task(task) for task in host.tasks],
    }


def _task(task: TaskResult) -> dict[str, Any]:
    return {
        "task": task.task,
        "module": task.module,
        "source": str(task.source),
        "status": str(task.status),
        "handler": task.handler,
        "changes": [_change(change) for change in task.changes],
        "notes": list(task.notes),
        "error": error(task.error),
    }


def _change(change: Change) -> dict[str, Any]:
    return {
        "kind": change.resource.kind,
        "name": change.resource.name,
        "setting": change.setting,
        "before": change.before,
        "after": change.after,
    }


def error(each: HarnessError | None) -> dict[str, Any] | None:
    """Give an error as a JSON object; None for none."""
    if each is None:
        return None
    known: dict[str, Any] = {"type": type(each).__name__, "message": each.message, "hint": each.hint}
    if isinstance(each, ScriptError):
        known |= {"category": each.category, "identifier": each.identifier}
        known["source"] = str(each.source) if each.source else None
    if isinstance(each, UnreachableError):
        known["tried"] = list(each.tried)
    return known
