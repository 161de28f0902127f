"""A wire on which the answers are written down beforehand."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from harness.logsource.console.call import Reply
from harness.logsource.console.client import Client
from harness.logsource.console.retry import Retry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.errors import HostError
    from harness.logsource.console.call import Call


def reply(status: int, body: Any = None, **headers: str) -> Reply:
    """Make an answer; underscores in a header's name stand for hyphens."""
    whole = {"content-type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, whole, b"" if body is None else json.dumps(body).encode())


class ScriptedWire:
    """Gives answers in their order, and keeps what was asked.

    Args:
        *answers: Answers, or what is raised instead.
    """

    def __init__(self, *answers: Reply | HostError) -> None:
        self._answers = list(answers)
        self.calls: list[Call] = []
        self.headers: list[dict[str, str]] = []

    def send(self, call: Call, headers: Mapping[str, str]) -> Reply:
        """Give the next answer."""
        assert self._answers, f"nobody expected {call}"
        self.calls.append(call)
        self.headers.append({**headers, **call.headers})
        answer = self._answers.pop(0)
        if isinstance(answer, Reply):
            return answer
        raise answer

    def close(self) -> None:
        """Check that every answer was asked for."""
        assert not self._answers, f"{len(self._answers)} answers were not asked for"


def client(wire: ScriptedWire, waits: list[float] | None = None, **more: Any) -> Client:
    """Make a client that waits for no time at all, always for the longest that it may."""
    slept: list[float] = [] if waits is None else waits
    return Client(wire, "siem", version="26.0", retry=Retry(chance=lambda: 1.0), sleep=slept.append, **more)
