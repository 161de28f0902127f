"""When a request is sent again, and after how long."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_TOO_MANY = 429
_FAILED = 500
_LONGEST_ASKED = 120.0


@dataclass(frozen=True, slots=True)
class Retry:
    """How often a request is sent, and how long to wait in between.

    Args:
        attempts: How often at most.
        first: Seconds before the second attempt, at most; doubled for each further one.
        longest: Seconds that no wait exceeds, unless the console asks for more.
        chance: Gives a number from 0 to 1, so that many clients don't come back together.
    """

    attempts: int = 5
    first: float = 0.5
    longest: float = 30.0
    chance: Callable[[], float] = field(default=random.random)

    def after_answer(self, attempt: int, status: int, asked: str, *, reads: bool) -> float | None:
        """Give the seconds to wait before an answered request is sent again; None where it isn't.

        A request that writes is repeated only where the answer says that nothing was done with it.

        Args:
            attempt: 1 for the first.
            status: The HTTP status of the answer.
            asked: The answer's ``Retry-After``; empty where it has none.
            reads: Whether the request only reads.
        """
        again = status == _TOO_MANY or (reads and status >= _FAILED)
        if not again or attempt >= self.attempts:
            return None
        wanted = _seconds(asked)
        return self._pause(attempt) if wanted is None else min(wanted, _LONGEST_ASKED)

    def after_failure(self, attempt: int, *, reads: bool, sent: bool) -> float | None:
        """Give the seconds to wait after a request that got no answer; None where it isn't sent again.

        Args:
            attempt: 1 for the first.
            reads: Whether the request only reads.
            sent: Whether any of it may have reached the console.
        """
        if attempt >= self.attempts or (sent and not reads):
            return None
        return self._pause(attempt)

    def _pause(self, attempt: int) -> float:
        """Give a wait between half and all of what the attempt's number allows."""
        most = min(self.first * 2.0 ** (attempt - 1), self.longest)
        return most * (0.5 + self.chance() / 2)


def _seconds(asked: str) -> float | None:
    """Read ``Retry-After``: seconds, or a date."""
    if asked.strip().isdecimal():
        return float(asked)
    try:
        when = parsedate_to_datetime(asked)
    except ValueError:
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return max((when - datetime.now(UTC)).total_seconds(), 0.0)
