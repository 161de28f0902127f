"""What harness and a console have to do with each other, for people and for programs."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from harness.logsource.console.difference import Action, shown_name
from harness.logsource.console.push import GOOD, Status
from harness.logsource.console.watch import span
from harness.redaction import redactor
from harness.report import document as results

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from harness.logsource.console.api import Console
    from harness.logsource.console.deploy import Deployed
    from harness.logsource.console.difference import Difference, Item, Orphan, Plan
    from harness.logsource.console.eventmap import Mapped
    from harness.logsource.console.push import Outcome
    from harness.logsource.console.verified import Verified
    from harness.logsource.console.watch import Watched
    from harness.report.terminal import Terminal

_ACTIONS = {
    Action.CREATE: ("create", "yellow"),
    Action.UPDATE: ("update", "yellow"),
    Action.KEEP: ("ok", "green"),
    Action.REFUSE: ("refused", "red"),
}
_STYLES = {
    Status.CREATED: "yellow",
    Status.UPDATED: "yellow",
    Status.REMOVED: "yellow",
    Status.UNCHANGED: "green",
    Status.REFUSED: "red",
    Status.UNKNOWN: "magenta",
    Status.UNSENT: "red",
}
_NOT_SET = "(not set)"
_FEW = 10


def headline(terminal: Terminal, word: str, inventory: str, console: Console) -> None:
    """Say what begins, and with whom."""
    terminal.headline(f"{word} [{inventory}] => {console.client.host}, API {console.client.version}")


def plan(terminal: Terminal, each: Plan) -> None:
    """Show what would be done with every log source, and how many there are of each kind."""
    for item in each.items:
        label, style = _ACTIONS[item.action]
        terminal.styled(f"{label}: [{shown_name(item.wanted)}] {_named(item)}", style)
        for line in _lines(item):
            terminal.styled(f"    {line}", style)
    counts = Counter(item.action for item in each.items)
    words = [
        f"{counts[action]} {word}"
        for action, word in (
            (Action.CREATE, "to create"),
            (Action.UPDATE, "to update"),
            (Action.REFUSE, "that can't be"),
            (Action.KEEP, "as they should be"),
        )
        if counts[action]
    ]
    terminal.say("log sources: " + (", ".join(words) or "none"))


def orphans(terminal: Terminal, found: Sequence[Orphan], inventory: str) -> None:
    """Name what the console has and the inventory doesn't, and how it is taken away."""
    for each in found[:_FEW]:
        since = f"; {each.successor} has its server now" if each.successor else ""
        terminal.notice(
            f"note: log source {each.id}, {each.name!r}, is of no host of the inventory{since}; "
            f"nothing is removed unasked: harness logsources remove {inventory} --identifier {each.identifier}"
        )
    if len(found) > _FEW:
        terminal.notice(f"note: and {len(found) - _FEW} more; --output json has them all")


def _named(item: Item) -> str:
    own = item.wanted.source.name
    return f"{own!r}" + (f", log source {item.id}" if item.id is not None else "")


def _lines(item: Item) -> Iterable[str]:
    for each in item.differences:
        yield _difference(each, new=item.existing is None)
    if item.why:
        yield item.why
    if item.hint:
        yield f"hint: {item.hint}"


def _difference(each: Difference, *, new: bool) -> str:
    if new or each.after == "(sent)":
        return f"{each.field}: {each.after}"
    return f"{each.field}: {each.before or _NOT_SET} -> {each.after or _NOT_SET}"


def outcomes(terminal: Terminal, found: Iterable[Outcome]) -> None:
    """Show how each log source came out, and how many did each way."""
    found = tuple(found)
    for each in found:
        style = _STYLES[each.status]
        terminal.styled(f"{each.status}: {_whose(each)}", style)
        for line in (each.sentence, f"hint: {each.hint}" if each.hint else ""):
            if line:
                terminal.styled(f"    {line}", style)
    counts = Counter(each.status for each in found)
    words = ", ".join(f"{counts[status]} {status}" for status in Status if counts[status])
    bad = any(each.status not in GOOD for each in found)
    terminal.styled(f"log sources: {words or 'none'}", "red" if bad else "green")


def _whose(each: Outcome) -> str:
    id_ = f", log source {each.id}" if each.id is not None else ""
    if each.orphan is not None:
        return f"[{each.orphan.identifier}] {each.orphan.name!r}{id_}"
    if each.item is None:
        return id_.removeprefix(", ")
    return f"[{shown_name(each.item.wanted)}] {each.item.wanted.source.name!r}{id_}"


def deployed(terminal: Terminal, each: Deployed) -> None:
    """Show how a deploy ended."""
    terminal.styled(each.sentence, "green" if each.done else "red")
    if each.hint and not each.done:
        terminal.styled(f"hint: {each.hint}", "red")


def watched(terminal: Terminal, found: Sequence[Watched], now: datetime, verified: Verified | None) -> None:
    """Show each log source's state, last event and rate, and what verify saw of its host."""
    for each in found:
        style = "red" if each.faults else "yellow" if each.state == "WARN" else "green"
        id_ = f", log source {each.id}" if each.id is not None else ""
        last = f"last event {span(now - each.last_event)} ago" if each.last_event else "no event yet"
        terminal.styled(f"[{each.source.identifier}] {each.state}{id_}, {last}, {each.rate:g} events/s", style)
        for line in each.faults:
            terminal.styled(f"    {line}", style)
        for message in each.messages:
            terminal.styled(f"    {message.severity}: {message.text}", style)
        if each.requires_deploy:
            terminal.styled("    it counts only after a deploy: harness logsources push --deploy", style)
        for line in verified.lines(each.source) if verified is not None else ():
            terminal.styled(f"    verify: {line}", style)
    bad = sum(bool(each.faults) for each in found)
    terminal.styled(f"log sources: {len(found)}, {bad} with a fault", "red" if bad else "green")


def mapped(terminal: Terminal, found: Sequence[Mapped]) -> None:
    """Show the event ids that the console doesn't know, and how many it knows."""
    for each in found:
        seen = each.seen
        if each.known:
            own = ", mapped on this console" if each.custom else ""
            terminal.styled(f"known: {seen.family} {seen.id}: {', '.join(each.qids)}{own} ({seen.count})", "green")
            continue
        terminal.styled(f"unknown: {seen.family} {seen.id or '(none)'}: {seen.count} events, first {seen.place}", "red")
        if each.near:
            terminal.styled(f"    the console knows {each.near!r}, in other letters", "red")
    unknown = sum(not each.known for each in found)
    terminal.styled(f"event ids: {len(found)}, {unknown} unknown", "red" if unknown else "green")


def document(console: Console, **parts: Any) -> str:  # noqa: ANN401 - JSON holds anything
    """Write a command's result as a JSON document.

    Args:
        console: Whose it is.
        **parts: Its members.
    """
    whole = {"console": console.client.host, "api_version": console.client.version, **parts}
    return redactor.redact(json.dumps(whole, indent=2))


def plan_document(each: Plan, unasked: Mapping[str, str]) -> dict[str, Any]:
    """Give a plan as JSON can hold it."""
    return {"log_sources": [_item(item) for item in each.items], **beside_document(each, unasked)}


def beside_document(each: Plan, unasked: Mapping[str, str]) -> dict[str, Any]:
    """Give what plan and push tell beside the inventory's log sources: orphans, and hosts that weren't asked."""
    return {
        "orphans": [_orphan(orphan) for orphan in each.orphans],
        "left_out": [{"host": host, "why": why} for host, why in unasked.items()],
    }


def _item(item: Item) -> dict[str, Any]:
    source = item.wanted.source
    return {
        "host": source.host,
        "identifier": source.identifier,
        "name": source.name,
        "id": item.id,
        "action": item.action.value,
        "differences": [{"field": each.field, "before": each.before, "after": each.after} for each in item.differences],
        "why": item.why or None,
        "hint": item.hint or None,
    }


def _orphan(each: Orphan) -> dict[str, Any]:
    return {"id": each.id, "name": each.name, "identifier": each.identifier, "successor": each.successor or None}


def outcome_document(each: Outcome) -> dict[str, Any]:
    """Give an outcome as JSON can hold it."""
    if each.orphan is not None:
        whose = {"host": None, "identifier": each.orphan.identifier, "name": each.orphan.name}
    elif each.item is not None:
        source = each.item.wanted.source
        whose = {"host": source.host, "identifier": source.identifier, "name": source.name}
    else:
        whose = {}
    return {
        **whose,
        "id": each.id,
        "status": each.status.value,
        "why": each.sentence or None,
        "hint": each.hint or None,
        "error": results.error(each.error),
    }


def watched_document(each: Watched, verified: Verified | None) -> dict[str, Any]:
    """Give a log source's state as JSON can hold it."""
    return {
        "host": each.source.host,
        "identifier": each.source.identifier,
        "id": each.id,
        "name": each.name or None,
        "state": each.state,
        "messages": [{"severity": message.severity, "text": message.text} for message in each.messages],
        "last_event": each.last_event.isoformat() if each.last_event else None,
        "events_per_second": each.rate,
        "requires_deploy": each.requires_deploy,
        "faults": list(each.faults),
        "verified": verified.families(each.source) if verified is not None else None,
    }


def mapped_document(each: Mapped) -> dict[str, Any]:
    """Give an event id as JSON can hold it."""
    return {
        "family": each.seen.family,
        "event_id": each.seen.id,
        "events": each.seen.count,
        "first": each.seen.place,
        "known": each.known,
        "records": list(each.qids),
        "near": each.near or None,
    }
