"""Requests to the console: sent again where that does no harm, read page by page, written to one log."""

from __future__ import annotations

import json
import os
import re
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from harness.errors import ConnectionLostError, DeadlineError, HostError, ProtocolFaultError, UnreachableError
from harness.logsource.console.call import Call, Reply, meaning
from harness.logsource.console.retry import Retry
from harness.redaction import redactor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from harness.logsource.console.call import Endpoint
    from harness.logsource.console.wire import Wire

Object = dict[str, Any]
"""An object of the API's."""

PAGE = 100
_TOTAL = re.compile(r"items\s+\S+/(\d+)")
_MOST_PAGES = 10_000


class RequestLog:
    """One line of JSON for each attempt: what was asked, how it was answered, how long that took. No body, no header.

    Args:
        path: The file, which is appended to and which only this user reads; None for no log.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._file = None
        if path is not None:
            self._file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a", encoding="utf-8")

    def attempt(self, call: Call, number: int, seconds: float, outcome: Reply | HostError, wait: float | None) -> None:
        """Write what came of an attempt.

        Args:
            call: The request.
            number: 1 for the first attempt.
            seconds: How long it took.
            outcome: The answer, or why there is none.
            wait: Seconds until the next attempt; None where this was the last.
        """
        if self._file is None:
            return
        line: Object = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "endpoint": call.endpoint.name,
            "method": call.endpoint.method,
            "path": call.path,
            "query": dict(call.query),
            "range": call.headers.get("Range"),
            "items": len(call.body) if isinstance(call.body, list) else None,
            "attempt": number,
            "seconds": round(seconds, 3),
            "status": outcome.status if isinstance(outcome, Reply) else None,
            "bytes": len(outcome.body) if isinstance(outcome, Reply) else None,
            "error": None if isinstance(outcome, Reply) else outcome.message,
            "again_after": None if wait is None else round(wait, 3),
        }
        self._file.write(redactor.redact(json.dumps(line)) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()


class Client:
    """Sends requests to one console.

    Args:
        wire: Sends a request once.
        host: The console's name.
        version: Of the API; empty to let the console choose, as for asking which there are.
        retry: When a request is sent again.
        log: Where attempts are written down.
        sleep: Waits for some seconds.
    """

    def __init__(
        self,
        wire: Wire,
        host: str,
        *,
        version: str = "",
        retry: Retry | None = None,
        log: RequestLog | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.host = host
        self.version = version
        self.sleep = sleep
        self._wire = wire
        self._retry = retry or Retry()
        self._log = log or RequestLog()
        self._late: float = 0.0
        self._answered = False

    def now(self) -> datetime:
        """Give the time by the console's clock, as its last answer told."""
        return datetime.fromtimestamp(time.time() + self._late, UTC)

    def ask(self, endpoint: Endpoint, **given: Any) -> Any:  # noqa: ANN401 - JSON holds anything
        """Send a request and give what the answer says.

        Args:
            endpoint: What is called.
            **given: As for `Endpoint.call`.

        Raises:
            HostError: See `meaning` and `Wire.send`; what only reads was tried several times.
        """
        call = endpoint.call(**given)
        return meaning(self.send(call), call, self.host)

    def send(self, call: Call) -> Reply:
        """Send a request, again where that does no harm.

        Args:
            call: The request.

        Returns:
            The last answer.

        Raises:
            HostError: No answer came; see `Wire.send`.
        """
        headers = {"Accept": "application/json"} | ({"Version": self.version} if self.version else {})
        attempt = 0
        while True:
            attempt += 1
            started = time.monotonic()
            outcome: Reply | HostError
            try:
                outcome = self._wire.send(call, headers)
            except (UnreachableError, DeadlineError) as error:
                outcome = error
            wait = self._wait(call, attempt, outcome)
            self._log.attempt(call, attempt, time.monotonic() - started, outcome, wait)
            if wait is not None:
                self.sleep(wait)
            elif isinstance(outcome, HostError):
                raise outcome
            else:
                self._answered = True
                if outcome.date is not None:
                    self._late = outcome.date.timestamp() - time.time()
                return outcome

    def _wait(self, call: Call, attempt: int, outcome: Reply | HostError) -> float | None:
        if isinstance(outcome, Reply):
            asked = outcome.headers.get("retry-after", "")
            return self._retry.after_answer(attempt, outcome.status, asked, reads=call.reads)
        if type(outcome) not in (UnreachableError, ConnectionLostError, DeadlineError) or not self._answered:
            # Whoever never answered is more likely misspelt than restarting.
            return None
        return self._retry.after_failure(attempt, reads=call.reads, sent=may_have_acted(outcome))

    def list(self, endpoint: Endpoint, *, filter_: str = "", fields: str = "") -> list[Object]:
        """Read a list to its end, page by page.

        Args:
            endpoint: The list.
            filter_: Which entries, in the console's own words.
            fields: Which members of each; all where empty.

        Raises:
            HostError: See `ask`.
        """
        query = {name: value for name, value in (("filter", filter_), ("fields", fields)) if value}
        entries: list[Object] = []
        for _ in range(_MOST_PAGES):
            start = len(entries)
            call = endpoint.call(query=query, headers={"Range": f"items={start}-{start + PAGE - 1}"})
            reply = self.send(call)
            page = meaning(reply, call, self.host)
            if not isinstance(page, list) or not all(isinstance(each, dict) for each in page):
                raise ProtocolFaultError(
                    f"{self.host} answered {call} with something that isn't a list of objects",
                    host=self.host,
                    code=reply.status,
                    hint="see console_url: another service may answer there",
                )
            if page and page == entries[-PAGE:]:
                # A console that passes over Range gives everything at once, and would do so for ever.
                break
            entries += page
            total = _TOTAL.match(reply.headers.get("content-range", ""))
            if not page or (total is not None and len(entries) >= int(total[1])):
                break
            if total is None and len(page) != PAGE:
                break
        return entries

    def close(self) -> None:
        """Let go of the connection and the log."""
        self._wire.close()
        self._log.close()


def may_have_acted(error: HostError) -> bool:
    """Tell whether a request that ended so may have been acted upon.

    Args:
        error: What came instead of an answer.
    """
    if isinstance(error, ConnectionLostError):
        return error.sent
    return isinstance(error, DeadlineError) and error.which != "connect"


def equal(name: str, value: str | int) -> str:
    """Write a filter for entries whose member has a value.

    Args:
        name: The member.
        value: A number, or a text, which is quoted.
    """
    if isinstance(value, int):
        return f"{name}={value}"
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'{name}="{escaped}"'


def one_of(name: str, numbers: Iterable[int]) -> str:
    """Write a filter for entries whose member has one of several numbers.

    Args:
        name: The member.
        numbers: What it may be.
    """
    return f"{name} in ({', '.join(map(str, numbers))})"
