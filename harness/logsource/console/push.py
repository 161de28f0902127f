"""Bringing the console in line with a plan, and taking log sources away; neither repeats anything blindly.

Whatever became of an operation, the console's own state has the last word. So an operation whose outcome is unknown,
and one that was refused because somebody else made the same log source meanwhile, are compared anew once nothing moves
any more. What then is as it should be counts as done; the rest is sent once more.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from harness.errors import HostError
from harness.logsource.console import bulk
from harness.logsource.console.bulk import Fate, Operation
from harness.logsource.console.difference import Action, compare

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from harness.logsource.console.api import Console
    from harness.logsource.console.client import Object
    from harness.logsource.console.difference import Item, Orphan, Plan
    from harness.logsource.schema import Schema
    from harness.redaction import Secret

ROUNDS = 2
_TAKEN = frozenset({"identity taken", "name taken", "no such log source"})
_LOOKS = 15


class Status(StrEnum):
    """How a log source came out."""

    CREATED = "created"
    UPDATED = "updated"
    REMOVED = "removed"
    UNCHANGED = "unchanged"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    UNSENT = "unsent"


GOOD = frozenset({Status.CREATED, Status.UPDATED, Status.REMOVED, Status.UNCHANGED})
_DONE = {Action.CREATE: Status.CREATED, Action.UPDATE: Status.UPDATED, Action.KEEP: Status.UNCHANGED}
_FATES = {Fate.REFUSED: Status.REFUSED, Fate.UNKNOWN: Status.UNKNOWN, Fate.UNSENT: Status.UNSENT}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one log source came out.

    Args:
        item: What was planned; of a log source that is removed, None.
        status: How it came out.
        id: Its id on the console; None where it isn't there or isn't known.
        sentence: Why, where it isn't as it should be; or how we know, where the console didn't say.
        hint: What to do.
        error: What stood in the way, where it wasn't a refusal of this one.
        orphan: The log source that is removed.
    """

    item: Item | None
    status: Status
    id: int | None = None
    sentence: str = ""
    hint: str = ""
    error: HostError | None = None
    orphan: Orphan | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """How a push goes about it.

    Args:
        seconds: How long one bulk task is followed.
        settle: Seconds between two looks at a console of which it isn't known what it is doing.
        update_passwords: Whether passwords are sent to log sources that are there already.
        progress: Told how many operations are done, of how many.
    """

    seconds: float = 600.0
    settle: float = 2.0
    update_passwords: bool = False
    progress: Callable[[int, int], None] | None = None


def push(
    console: Console, plan: Plan, schema: Schema, passwords: Mapping[str, Secret], settings: Settings
) -> tuple[Outcome, ...]:
    """Create and update what a plan says.

    Args:
        console: The console.
        plan: What to do.
        schema: What the console says of itself.
        passwords: By host, the account's.
        settings: How.

    Returns:
        How each log source came out, in the plan's order.
    """
    outcomes = {index: _settled(item) for index, item in enumerate(plan.items)}
    # Updates go first: one may free a name that another log source is to have.
    open_ = {
        index: plan.items[index]
        for action in (Action.UPDATE, Action.CREATE)
        for index, item in enumerate(plan.items)
        if item.action is action
    }
    for round_ in range(ROUNDS):
        bodies = [
            item.body(passwords.get(item.wanted.source.host), send_password=settings.update_passwords)
            for item in open_.values()
        ]
        operations = bulk.run(console, bodies, seconds=settings.seconds, progress=settings.progress) if bodies else ()
        unclear: dict[int, Item] = {}
        for (index, item), each in zip(open_.items(), operations, strict=True):
            outcomes[index] = _outcome(item, each, _DONE[item.action])
            if each.fate is Fate.UNKNOWN or (each.fate is Fate.REFUSED and each.reason in _TAKEN):
                unclear[index] = item
        if not unclear or not (looked := _look(console, _types(plan), settings)):
            break
        open_ = _again(unclear, looked.found, schema, outcomes, settings)
        if not open_ or looked.moving or round_ + 1 == ROUNDS:
            break
    return tuple(outcomes[index] for index in range(len(plan.items)))


def remove(
    console: Console, unwanted: Sequence[Orphan], type_ids: Sequence[int], settings: Settings
) -> tuple[Outcome, ...]:
    """Take log sources away.

    Args:
        console: The console.
        unwanted: Which.
        type_ids: Their types.
        settings: How.

    Returns:
        How each came out, in their order.
    """
    outcomes: dict[int, Outcome] = {}
    open_ = {each.id: each for each in unwanted}
    for _ in range(ROUNDS):
        bodies: list[Object] = [{"id": id_, "deleted": True} for id_ in open_]
        operations = bulk.run(console, bodies, seconds=settings.seconds, progress=settings.progress) if bodies else ()
        unclear = {}
        for (id_, orphan), each in zip(open_.items(), operations, strict=True):
            outcome = _outcome(None, each, Status.REMOVED)
            if each.reason == "no such log source":
                outcome = Outcome(None, Status.REMOVED, id_, "it was gone already")
            outcomes[id_] = replace(outcome, id=id_, orphan=orphan)
            if each.fate is Fate.UNKNOWN:
                unclear[id_] = orphan
        if not unclear or not (looked := _look(console, type_ids, settings)):
            break
        there = {each.get("id") for each in looked.found}
        for id_ in unclear.keys() - there:
            outcomes[id_] = replace(outcomes[id_], status=Status.REMOVED, sentence=_FOUND_GONE, hint="", error=None)
        open_ = {id_: orphan for id_, orphan in unclear.items() if id_ in there}
        if looked.moving:
            break
    return tuple(outcomes[each.id] for each in unwanted)


_FOUND = "its outcome wasn't told; the console was looked at, and has it as it should be"
_MEANWHILE = "somebody else made it meanwhile, as it should be"
_FOUND_GONE = "its outcome wasn't told; the console was looked at, and doesn't have it any more"


def _settled(item: Item) -> Outcome:
    if item.action is Action.REFUSE:
        return Outcome(item, Status.REFUSED, item.id, item.why, item.hint)
    return Outcome(item, Status.UNCHANGED, item.id)


def _outcome(item: Item | None, each: Operation, done: Status) -> Outcome:
    if each.fate is Fate.DONE:
        return Outcome(item, done, each.id)
    return Outcome(item, _FATES[each.fate], each.id, each.sentence, each.hint, each.error)


def _types(plan: Plan) -> Sequence[int]:
    return sorted({item.wanted.fields["type_id"] for item in plan.items})


def _again(
    unclear: Mapping[int, Item],
    found: Sequence[Object],
    schema: Schema,
    outcomes: dict[int, Outcome],
    settings: Settings,
) -> dict[int, Item]:
    """Compare anew; gives what is still to be done."""
    left: dict[int, Item] = {}
    anew = compare([item.wanted for item in unclear.values()], found, schema)
    for (index, before), item in zip(unclear.items(), anew, strict=True):
        refused = outcomes[index].status is Status.REFUSED
        if item.action is Action.REFUSE:
            outcomes[index] = _settled(item)
        elif refused and item.action is Action.KEEP:
            outcomes[index] = Outcome(before, Status.UNCHANGED, item.id, _MEANWHILE)
        elif item.action is not Action.KEEP:
            if not (refused and item.action is before.action):
                left[index] = item
        elif before.action is Action.UPDATE and settings.update_passwords:
            # Nobody can see whether the password arrived; sending it twice does no harm.
            left[index] = before
        else:
            outcomes[index] = Outcome(before, _DONE[before.action], item.id, _FOUND)
    return left


@dataclass(frozen=True, slots=True)
class _Looked:
    """What stands on the console.

    Args:
        found: Its log sources.
        moving: Whether they were still changing.
    """

    found: Sequence[Object]
    moving: bool


def _look(console: Console, type_ids: Sequence[int], settings: Settings) -> _Looked | None:
    """Look until two looks see the same; None where the console can't be asked."""
    try:
        before = console.log_sources(type_ids)
        for _ in range(_LOOKS):
            console.client.sleep(settings.settle)
            found = console.log_sources(type_ids)
            if _still(found) == _still(before):
                return _Looked(found, moving=False)
            before = found
    except HostError:
        return None
    return _Looked(before, moving=True)


def _still(found: Sequence[Object]) -> str:
    """Give what a change by us would change, and traffic wouldn't."""
    moving = {"average_eps", "last_event_time", "status"}
    return json.dumps([{k: v for k, v in each.items() if k not in moving} for each in found], sort_keys=True)
