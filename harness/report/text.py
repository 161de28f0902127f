"""How values, changes and errors read; shared by all renderers for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.errors import ScriptError, UnreachableError

if TYPE_CHECKING:
    from harness.errors import HarnessError
    from harness.modules.base import Change, Value
    from harness.play.results import TaskResult


def change(each: Change) -> str:
    """Write a change on one line: ``Default Web Site: fields + cs-version``."""
    where = f"{each.resource.kind} '{each.resource.name}': {each.setting}"
    if isinstance(each.before, tuple) and isinstance(each.after, tuple):
        added = [f"+ {member}" for member in each.after if member not in each.before]
        removed = [f"- {member}" for member in each.before if member not in each.after]
        return f"{where} {' '.join([*added, *removed])}"
    return f"{where} {value(each.before)} -> {value(each.after)}"


def value(each: Value) -> str:
    """Write a value."""
    match each:
        case None:
            return "(not set)"
        case bool():
            return "true" if each else "false"
        case tuple():
            return ", ".join(each)
        case _:
            return str(each)


def error(each: HarnessError) -> str:
    """Write an error with all that it knows, on one line and a hint."""
    text = each.message
    if isinstance(each, ScriptError):
        known = [part for part in (each.category, each.identifier) if part]
        if known:
            text += f" [{', '.join(known)}]"
        if each.source is not None:
            text += f" (at {each.source})"
    if isinstance(each, UnreachableError):
        untold = [attempt for attempt in each.tried if attempt not in text]
        text += f" (tried {', '.join(untold)})" if untold else ""
    return text + (f"\nhint: {each.hint}" if each.hint else "")


def located(task: TaskResult) -> str:
    """Write a task's error with its place: the value's own where the error knows it, else the task's."""
    words = error(task.error) if task.error is not None else ""
    return words if words.startswith(f"{task.source.file}:") else f"{task.source}: {words}"


def kind(each: HarnessError) -> str:
    """Say as what a recap counts a host's error."""
    return "unreachable" if isinstance(each, UnreachableError) else "failed"
