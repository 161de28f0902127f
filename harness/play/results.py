"""What a run found and did: the one model that every renderer draws from."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from harness.errors import UnreachableError

if TYPE_CHECKING:
    from harness.errors import HarnessError
    from harness.modules.base import Change
    from harness.source import Source


class Status(StrEnum):
    """How a task ended on a host; in check mode ``changed`` means that it would change."""

    OK = "ok"
    CHANGED = "changed"
    UNKNOWN = "unknown"
    SKIPPED = "skipped"
    FAILED = "failed"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class TaskResult:
    """One task on one host.

    Args:
        host: The host's name in the inventory.
        task: The task's name, with its loop item where it has one.
        module: The module's name.
        source: Where the task stands.
        status: How it ended.
        changes: What was changed, or would be.
        notes: What the user should know though nothing failed.
        error: Why it failed.
        handler: Whether it ran because another task notified it.
    """

    host: str
    task: str
    module: str
    source: Source
    status: Status
    changes: tuple[Change, ...] = ()
    notes: tuple[str, ...] = ()
    error: HarnessError | None = None
    handler: bool = False


@dataclass(frozen=True, slots=True)
class HostResult:
    """One play on one host.

    Args:
        host: The host's name in the inventory.
        tasks: In the order of the playbook, handlers last.
        error: What ended the host's part early: unreachable, a deadline, broken off.
        stopped: Why the host was left out or cut short though it did nothing wrong, for example an interrupt.
        notes: What the user should know about the host though nothing failed.
    """

    host: str
    tasks: tuple[TaskResult, ...] = ()
    error: HarnessError | None = None
    stopped: str = ""
    notes: tuple[str, ...] = ()

    def count(self, *statuses: Status) -> int:
        """Count the tasks that ended in one of these ways."""
        return sum(task.status in statuses for task in self.tasks)

    @property
    def failed(self) -> bool:
        """Say whether anything failed that isn't ignored."""
        return self.error is not None or self.count(Status.FAILED) > 0


@dataclass(frozen=True, slots=True)
class PlayResult:
    """One play on all its hosts, in the order of the inventory."""

    name: str
    source: Source
    hosts: tuple[HostResult, ...]


@dataclass(frozen=True, slots=True)
class RunResult:
    """A whole run.

    Args:
        plays: In order.
        check: Whether nothing was to be changed.
        interrupted: Whether the user ended it.
        notes: What concerns no single host.
    """

    plays: tuple[PlayResult, ...]
    check: bool
    interrupted: bool = False
    notes: tuple[str, ...] = field(default=())

    @property
    def changed(self) -> bool:
        """Say whether anything was changed or would be, or may be."""
        parts = [host for play in self.plays for host in play.hosts]
        return any(part.count(Status.CHANGED, Status.UNKNOWN) for part in parts)

    @property
    def exit_code(self) -> int:
        """Give a command's exit code: 130 interrupted, 1 failed, 4 unreachable only, else 0."""
        parts = [host for play in self.plays for host in play.hosts]
        if self.interrupted:
            return 130
        if any(part.failed and not isinstance(part.error, UnreachableError) for part in parts):
            return 1
        return UnreachableError.exit_code if any(part.failed for part in parts) else 0

    def hosts(self) -> dict[str, list[HostResult]]:
        """Give each host's parts, hosts in the order of their first play."""
        parts: dict[str, list[HostResult]] = {}
        for play in self.plays:
            for host in play.hosts:
                parts.setdefault(host.host, []).append(host)
        return parts
