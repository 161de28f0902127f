"""Many changes in one request, and what became of each.

The console takes them as a task and reports every operation in the order of the request. Where its word doesn't reach
us, because the connection broke, the console failed or forgot the task, an operation's outcome is unknown. It is never
repeated on that ground alone: whoever asked has to look at what stands on the console first.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from harness.errors import ConsoleRefusalError, DeadlineError, HostError, ProtocolFaultError
from harness.logsource.console.client import may_have_acted
from harness.logsource.console.refusals import operation

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.logsource.console.api import Console
    from harness.logsource.console.client import Object

AT_ONCE = 100
"""How many operations a request has at most."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 3.0
_BAD, _FAILED = 400, 500
_IN_PROGRESS = frozenset({"IN_PROGRESS", "CANCELLING"})


class Fate(StrEnum):
    """What became of an operation."""

    DONE = "done"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    UNSENT = "unsent"


@dataclass(frozen=True, slots=True)
class Operation:
    """What became of an operation.

    Args:
        fate: What.
        id: The log source's id; None where it isn't known.
        reason: Why it was refused, a key of ``refusals.yml``.
        sentence: Why, in words.
        hint: What to do.
        error: What stood in the way, where it wasn't the console's refusal of this one.
    """

    fate: Fate
    id: int | None = None
    reason: str = ""
    sentence: str = ""
    hint: str = ""
    error: HostError | None = None


def run(
    console: Console, items: Sequence[Object], *, seconds: float, progress: Callable[[int, int], None] | None = None
) -> tuple[Operation, ...]:
    """Ask for changes and follow them to their end.

    Args:
        console: The console.
        items: As `Console.patch` takes them.
        seconds: How long to follow one task.
        progress: Told how many of all operations are done.

    Returns:
        What became of each, in their order.
    """
    results: list[Operation] = []
    for start in range(0, len(items), AT_ONCE):
        part = items[start : start + AT_ONCE]

        def told(done: int, before: int = start) -> None:
            if progress is not None:
                progress(before + done, len(items))

        results += _part(console, part, seconds, told)
        if results[-1].fate is Fate.UNSENT:
            results += [results[-1]] * (len(items) - len(results))
            break
    return tuple(results)


def _part(console: Console, items: Sequence[Object], seconds: float, told: Callable[[int], None]) -> list[Operation]:
    told(0)
    try:
        task = console.patch(items)
        if not task:
            raise ProtocolFaultError(
                f"{console.client.host} took the request, but named no task for it",
                host=console.client.host,
                code=202,
                hint="something on the way may drop the header Location",
            )
    except HostError as error:
        fate = Fate.UNKNOWN if _unknown(error) else Fate.UNSENT
        return [Operation(fate, sentence=error.message, hint=error.hint, error=error)] * len(items)
    try:
        answer = _follow(console, task, seconds, told)
        return _outcomes(items, answer)
    except HostError as error:
        return [Operation(Fate.UNKNOWN, sentence=error.message, hint=error.hint, error=error)] * len(items)


def _unknown(error: HostError) -> bool:
    """Tell whether the console may have acted on a request that ended so."""
    if isinstance(error, ConsoleRefusalError):
        return error.status >= _FAILED
    # A page that isn't the API's may come from a proxy that gave up on a console which is at work.
    return isinstance(error, ProtocolFaultError) or may_have_acted(error)


def _follow(console: Console, task: str, seconds: float, told: Callable[[int], None]) -> Object:
    end = time.monotonic() + seconds
    pause = _FIRST_PAUSE
    while True:
        answer = console.task(task)
        statuses = answer.get("operation_statuses") or []
        told(sum(each.get("http_status") is not None for each in statuses))
        if answer.get("status") not in _IN_PROGRESS:
            return answer
        if time.monotonic() + pause > end:
            raise DeadlineError(
                f"{console.client.host} is at work on bulk task {task} for more than {seconds:g} s",
                host=console.client.host,
                which="task",
                seconds=seconds,
                hint="it goes on by itself; run again later, or give more with --timeout",
            )
        console.client.sleep(pause)
        pause = min(pause * 1.5, _LONGEST_PAUSE)


def _outcomes(items: Sequence[Object], answer: Object) -> list[Operation]:
    statuses = answer.get("operation_statuses") or []
    if len(statuses) != len(items):
        sentence = f"the console reports {len(statuses)} operations where {len(items)} were asked for"
        return [Operation(Fate.UNKNOWN, sentence=sentence)] * len(items)
    cancelled = answer.get("status") == "CANCELLED"
    return [_outcome(item, status, cancelled=cancelled) for item, status in zip(items, statuses, strict=True)]


def _outcome(item: Object, status: Object, *, cancelled: bool) -> Operation:
    id_ = status.get("log_source_id") or item.get("id")
    http = status.get("http_status")
    if http is None:
        if cancelled:
            hint = "run again"
            return Operation(Fate.REFUSED, id_, "cancelled", "somebody cancelled the task before this was done", hint)
        return Operation(Fate.UNKNOWN, id_, sentence="the console ended the task without a word about this one")
    if http < _BAD:
        return Operation(Fate.DONE, id_)
    kind = status.get("operation_type") or _kind(item)
    found = operation(kind, http, status.get("unique_code") or 0, status.get("message") or "")
    return Operation(Fate.REFUSED, id_, found.reason, found.sentence, found.hint)


def _kind(item: Object) -> str:
    if "id" not in item:
        return "CREATE"
    return "DELETE" if item.get("deleted") else "UPDATE"
