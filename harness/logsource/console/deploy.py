"""Deploying what changed: asked for where a log source needs it, and followed to its end."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.errors import ConsoleRefusalError, DeadlineError, HostError
from harness.logsource.console.client import may_have_acted
from harness.logsource.console.refusals import refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from harness.logsource.console.api import Console
    from harness.logsource.console.client import Object

_PAUSE, _LONGEST_PAUSE = 1.0, 5.0
_LOOKS = 5
# The reference's text and its sample name the states differently; consoles are met with either.
_UNDER_WAY = frozenset({"INITIALIZING", "IN_PROGRESS", "START"})
_BAD_HOST = frozenset({"ERROR", "TIMED_OUT"})
_FAILED = 500


@dataclass(frozen=True, slots=True)
class Deployed:
    """How a deploy ended.

    Args:
        done: Whether it went well on every host; also where there was nothing to deploy.
        sentence: What happened.
        hint: What to do.
    """

    done: bool
    sentence: str
    hint: str = ""


def needed(found: Iterable[Object], ids: Iterable[int]) -> tuple[int, ...]:
    """Give the log sources that count only after a deploy, as the console says.

    Args:
        found: The console's log sources.
        ids: Those of the inventory.
    """
    ours = set(ids)
    return tuple(sorted(int(each["id"]) for each in found if each.get("id") in ours and each.get("requires_deploy")))


def deploy(
    console: Console, waiting: Callable[[], int], *, seconds: float, progress: Callable[[str], None]
) -> Deployed:
    """Ask for an incremental deploy, and follow it; one that is under way already is followed first.

    Whether it reached the log sources is asked of them: a console that has just taken the request may still tell how
    the deploy before it ended.

    Args:
        console: The console.
        waiting: Gives how many log sources still need one.
        seconds: How long to follow it.
        progress: Told how far it is.

    Raises:
        HostError: The console can't be asked, or refuses.
    """
    end = time.monotonic() + seconds
    if not _ask(console):
        before = _follow(console, end, seconds, progress)
        if not _ask(console):
            return Deployed(before.done, "the console has nothing to deploy", before.hint)
    for _ in range(_LOOKS):
        ended = _follow(console, end, seconds, progress)
        left = waiting()
        if not left or not ended.done:
            return ended
        console.client.sleep(_PAUSE)
    return Deployed(
        done=False,
        sentence=f"the console has deployed, and says that {left} log sources still need it",
        hint="see the console's messages, and deploy there",
    )


def _ask(console: Console) -> bool:
    """Ask for a deploy; gives whether it was accepted. One of which nobody knows is looked for."""
    try:
        console.deploy()
    except ConsoleRefusalError as error:
        if refusal(error.endpoint, error.status, error.code, "").reason == "nothing to deploy":
            return False
        if error.status < _FAILED:
            raise
    except HostError as error:
        if not may_have_acted(error):
            raise
    return True


def _follow(console: Console, end: float, seconds: float, progress: Callable[[str], None]) -> Deployed:
    pause = _PAUSE
    while True:
        answer = console.deploy_status()
        state = str(answer.get("status") or "UNKNOWN")
        if state not in _UNDER_WAY:
            return _end(state, answer)
        progress(f"deploy: {answer.get('percent_complete') or 0} %")
        if time.monotonic() + pause > end:
            raise DeadlineError(
                f"{console.client.host} is deploying for more than {seconds:g} s",
                host=console.client.host,
                which="task",
                seconds=seconds,
                hint="it goes on by itself; give more with --timeout",
            )
        console.client.sleep(pause)
        pause = min(pause * 1.5, _LONGEST_PAUSE)


def _end(state: str, answer: Object) -> Deployed:
    bad = [f"{host}: {status}" for host, status in _hosts(answer.get("hosts")) if status in _BAD_HOST]
    if bad or answer.get("has_errors") or answer.get("error_message"):
        why = "; ".join(filter(None, [str(answer.get("error_message") or ""), *bad])) or state
        return Deployed(
            done=False, sentence=f"the deploy failed: {why}", hint="see the console's messages, and deploy there"
        )
    return Deployed(done=True, sentence="deployed")


def _hosts(hosts: Any) -> Sequence[tuple[str, str]]:  # noqa: ANN401 - JSON holds anything
    """Read the hosts in either documented form: a list of hosts, or lists of hosts by state."""
    if isinstance(hosts, dict):
        return [(str(host), str(status)) for status, named in hosts.items() for host in named or ()]
    return [(str(each.get("ip")), str(each.get("status"))) for each in hosts or () if isinstance(each, dict)]
