"""The pytest plugin: one item for each expectation on each host, and fixtures for tests of the user's own.

Hosts are polled in threads that begin when the first item or fixture asks, all hosts of the run at the same time; an
item waits for what it is about. Under pytest-xdist every worker polls by itself, and only the hosts that it was given
items of; ``--dist loadgroup`` or ``loadfile`` gives it all items of a host.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.errors import HarnessError, InputError
from harness.events import Family
from harness.redaction import redactor
from harness.verify.expectations import Failure
from harness.verify.results import Outcome, Status, outcome
from harness.verify.seen import KEPT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.events import Event
    from harness.inventory import Host
    from harness.verify.expectations import Expectation
    from harness.verify.gather import Gathering, Watched
    from harness.verify.golden import GoldenCase
    from harness.verify.seen import Seen
    from harness.verify.workload import Workload

EVENTS_KEPT = 1000
"""How many of the last events the fixtures give."""

NAME = "harness-verify"
"""What the plugin is registered as."""

FIXTURES = {"owa_events": Family.OWA, "smtp_events": Family.SMTP, "msgtrk_events": Family.MSGTRK}


class Unmet(Exception):  # noqa: N818 - it isn't an error of the program's
    """An expectation doesn't hold.

    Args:
        outcome: Why.
    """

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.id)
        self.outcome = outcome


class VerifyPlugin:
    """What pytest is given for one run.

    Args:
        workload: What is to be verified.
        update: Rewrite golden cases that differ.
        tell: Takes each outcome as it comes.
    """

    def __init__(
        self, workload: Workload, *, update: bool = False, tell: Callable[[Outcome], None] | None = None
    ) -> None:
        self.workload = workload
        self.updated: list[str] = []
        self.update = update
        self._tell = tell
        self._polls = _Polls(workload)

    def seen(self) -> list[Seen]:
        """Give what was seen of every family that was waited for."""
        return self._polls.seen()

    def report(self, result: Outcome) -> None:
        """Pass an outcome on, and fail or skip the item."""
        if self._tell is not None:
            self._tell(result)
        if result.status is Status.SKIPPED:
            pytest.skip(result.reason)
        if result.status is Status.FAILED:
            raise Unmet(result)

    def judge(self, host: str, name: str, expectation: Expectation) -> tuple[Outcome, Watched | None]:
        """Wait for what an expectation is about, and judge it."""
        try:
            watched = self._polls.wait(host, expectation.family)
        except HarnessError as error:
            failure = Failure("the host can be polled", error.message, error.hint)
            args = (host, expectation.family.value, name, expectation.source, Status.FAILED)
            return Outcome(*args, failure, error), None
        judges = watched.judges if watched is not None else ()
        judge = next((judge for each, judge in judges if each is expectation), None)
        return outcome(host, name, expectation, judge, watched), watched

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(
        self, session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        """Add the items before -k and the like select among them."""
        grouped = config.pluginmanager.has_plugin("xdist")
        for host, task in self.workload.tasks.items():
            for name, expectation in task.expectations():
                item = _expectation_item(session, self, host, name, expectation)
                if grouped:
                    item.add_marker(pytest.mark.xdist_group(host))
                items.append(item)
        items += [_golden_item(session, self, case) for case in self.workload.golden()]

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run a test that wants a host once for each."""
        if "exchange_host" in metafunc.fixturenames:
            metafunc.parametrize("exchange_host", list(self.workload.tasks), indirect=True, scope="session")

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Note what was selected; a worker of pytest-xdist is told later which of it is its own."""
        for item in session.items:
            if isinstance(item, ExpectationItem):
                self._polls.expect(item.host, item.expectation)
            elif isinstance(item, pytest.Function) and "exchange_host" in item.fixturenames:
                host = str(item.callspec.params["exchange_host"])
                for fixture, family in FIXTURES.items():
                    if fixture in item.fixturenames:
                        self._polls.look_at(host, family)
        self._polls.together = not hasattr(session.config, "workerinput")

    def pytest_sessionfinish(self) -> None:
        """Stop polling, however the run ended."""
        self.workload.stop.set()

    def events(self, host: Host, family: Family) -> tuple[Event, ...]:
        """Wait for a family, and give its last events; fails or skips the test that asks where there can be none."""
        try:
            watched = self._polls.wait(host.name, family)
        except HarnessError as error:
            pytest.fail(_shown(error), pytrace=False)
        if watched is None:
            pytest.fail(f"{host.name}: the {family} log was still being polled when the time was up", pytrace=False)
        if watched.seen.error is not None:
            pytest.fail(_shown(watched.seen.error), pytrace=False)
        if watched.absent:
            pytest.skip(f"a host of these roles has no {family} log")
        return tuple(watched.seen.last)


class _Polls:
    """Begins to poll when somebody asks; several threads don't."""

    def __init__(self, workload: Workload) -> None:
        self.together = True
        self._workload = workload
        self._expected: dict[str, list[Expectation]] = {}
        self._families: dict[str, set[Family]] = {}
        self._begun: dict[str, Gathering] = {}
        self._error: HarnessError | None = None
        self._until: float | None = None
        self._lock = threading.Lock()

    def expect(self, host: str, expectation: Expectation) -> None:
        """Note that an expectation was selected."""
        self._expected.setdefault(host, []).append(expectation)

    def look_at(self, host: str, family: Family) -> None:
        """Note that a test asks for a family's events."""
        self._families.setdefault(host, set()).add(family)

    def wait(self, host: str, family: Family) -> Watched | None:
        """Wait for a family; the first call begins with all hosts, or in a worker with this one.

        Raises:
            HarnessError: The hosts can't be reached as they are described.
            pytest.exit.Exception: Somebody said stop.
        """
        self._leave_if_stopped()
        with self._lock:
            if self._error is not None:
                raise self._error
            if host not in self._begun:
                self._begin([*self._expected, *self._families] if self.together else [host])
        watched = self._begun[host].wait(host, family)
        if watched is None:
            self._leave_if_stopped()
        return watched

    def _leave_if_stopped(self) -> None:
        if self._workload.stop.is_set():
            pytest.exit("interrupted")

    def seen(self) -> list[Seen]:
        """Give what was seen of every family that is settled."""
        gathered = [gathering.hosts for gathering in dict.fromkeys(self._begun.values())]
        return [
            watched.seen
            for hosts in gathered
            for host in hosts.values()
            for watched in host.watched.values()
            if watched.done.is_set() and not watched.absent
        ]

    def _begin(self, names: Sequence[str]) -> None:
        if self._until is None:
            self._until = time.monotonic() + self._workload.timeout
        expected = {name: self._expected[name] for name in names if name in self._expected}
        families = {name: self._families[name] for name in names if name in self._families}
        keep = EVENTS_KEPT if self._families else KEPT
        try:
            gathering = self._workload.gathering(expected, families, until=self._until, keep=keep)
        except HarnessError as error:
            self._error = error
            raise
        self._begun |= dict.fromkeys(names, gathering)
        gathering.start()


class _Item(pytest.Item):
    """An item of ours; its failure is a few lines, not a traceback."""

    source: Any

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:  # noqa: ANN401 - as in pytest
        """Say why."""
        if isinstance(excinfo.value, Unmet):
            return redactor.redact("\n".join(excinfo.value.outcome.lines()))
        if isinstance(excinfo.value, HarnessError):
            return redactor.redact(_shown(excinfo.value))
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Give the place where it is expected."""
        return Path(self.source.file), max(0, self.source.line - 1), self.nodeid.replace("::", " ")


class ExpectationItem(_Item):
    """An expectation on a host."""

    plugin: VerifyPlugin
    host: str
    expectation: Expectation

    def runtest(self) -> None:
        """Wait and judge."""
        result, watched = self.plugin.judge(self.host, self.name, self.expectation)
        arrival = watched.seen.arrival if watched is not None and self.name.startswith("probe") else None
        if arrival is not None:
            self.user_properties.append(("delay_seconds", round(arrival.seconds, 3)))
            self.user_properties.append(("found_at", arrival.place))
        self.plugin.report(result)


class GoldenItem(_Item):
    """A golden case."""

    plugin: VerifyPlugin
    case: GoldenCase

    def runtest(self) -> None:
        """Compare, or rewrite."""
        mappings = self.plugin.workload.mappings
        failure: Failure | None
        try:
            if self.plugin.update and self.case.update(mappings):
                self.plugin.updated.append(str(self.case.expected))
            failure = self.case.check(mappings)
        except InputError as error:
            failure = Failure("a case that can be read", error.message, error.hint)
        status = Status.PASSED if failure is None else Status.FAILED
        self.plugin.report(Outcome("", self.case.family.value, self.case.name, self.case.source, status, failure))


def _expectation_item(
    session: pytest.Session, plugin: VerifyPlugin, host: str, name: str, expectation: Expectation
) -> ExpectationItem:
    family = expectation.family.value
    item: ExpectationItem = ExpectationItem.from_parent(session, name=name, nodeid=f"{host}::{family}::{name}")
    item.plugin, item.host, item.expectation, item.source = plugin, host, expectation, expectation.source
    item.extra_keyword_matches |= {host, family}
    return item


def _golden_item(session: pytest.Session, plugin: VerifyPlugin, case: GoldenCase) -> GoldenItem:
    family = case.family.value
    item: GoldenItem = GoldenItem.from_parent(session, name=case.name, nodeid=f"{family}::{case.name}")
    item.plugin, item.case, item.source = plugin, case, case.source
    item.extra_keyword_matches |= {family, "golden"}
    return item


def _shown(error: HarnessError) -> str:
    return error.message + (f"\nhint: {error.hint}" if error.hint else "")
