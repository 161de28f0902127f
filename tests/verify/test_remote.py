"""A host that a worker probes and polls: what it is given, and what becomes of what it found."""

from __future__ import annotations

import pickle
import threading
import time
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

import pytest

from harness.document import parse
from harness.errors import ClusterError
from harness.events import Family
from harness.executor import LocalExecutor
from harness.verify.loader import load
from harness.verify.remote import RemoteHost, Visit
from harness.verify.results import Outcome, VerifyResult, outcome
from harness.verify.workload import HostWork

if TYPE_CHECKING:
    from harness.executor import Task


class Noting(LocalExecutor):
    """Notes tasks and does none of them."""

    def __init__(self) -> None:
        self.tasks: list[Task[Any]] = []

    def submit(self, task: Task[Any]) -> Future[Any]:
        """Fail as a lost cluster does."""
        self.tasks.append(task)
        failed: Future[Any] = Future()
        failed.set_exception(ClusterError("the scheduler was lost", hint="run it again"))
        return failed


def work(text: str) -> HostWork:
    """Give what a section asks of a host."""
    document, _ = parse(text, "expectations.yml")
    assert document is not None
    section = load(document)
    return HostWork(section.items, (), section.deadlines, section.probes, 20)


def never(_: HostWork, __: float) -> Any:
    """Reach a host that nobody asks for."""
    raise AssertionError


@pytest.mark.parametrize(
    ("text", "again"),
    [
        ("OWA: {probe: owa}", False),
        ("SMTP: {probe: smtp, connectors_logged: true}\nMSGTRK: {probe: smtp}", False),
        ("OWA: {fields_present: [cs-method], min_events: 1}", True),
    ],
)
def test_only_what_reads_is_done_again(text: str, again: bool) -> None:
    """A probe is traffic of our own: where its worker is lost it isn't sent twice."""
    executor = Noting()
    host = RemoteHost(executor, Visit("ex01", never, work(text), (), ()), lambda _: None)
    host.run(threading.Event(), time.monotonic() + 10)
    (task,) = executor.tasks

    assert again == task.again
    assert task.waits
    assert "<ex01>" == repr(task.argument)


def test_a_lost_cluster_is_no_pass() -> None:
    """Every expectation fails for that reason, and the exit code is that of what can't be reached."""
    wanted = work("OWA: {fields_present: [cs-method]}")
    host = RemoteHost(Noting(), Visit("ex01", never, wanted, (), ()), lambda _: None)
    host.run(threading.Event(), time.monotonic() + 10)
    watched = host.watched[Family.OWA]
    ((expectation, judge),) = watched.judges
    came: Outcome = outcome("ex01", "fields_present", expectation, judge, watched)

    assert watched.done.is_set()
    assert "seen:     the scheduler was lost" in came.lines()
    assert 4 == VerifyResult([came]).exit_code


@pytest.mark.parametrize(
    "text",
    [
        "OWA: {probe: owa, fields_present: [a], fresh_within: 1m, min_events: 1, max_unparsed: 0, event_ids: [GET]}",
        "SMTP: {probe: smtp, connectors_logged: true, connectors_verbose: true}\nMSGTRK: {probe: smtp}",
        "MSGTRK: {every: [{destination_ip: {in_network: [10.0.0.0/8]}}], some: [{username: {matches: '.+@x'}}]}",
    ],
)
def test_all_that_can_be_expected_travels(text: str) -> None:
    """Expectations on the way there, their judges on the way back."""
    wanted = work(text)
    there = pickle.loads(pickle.dumps(wanted))  # noqa: S301 - our own
    judges = [each.check.judge() for each in there.expectations]
    back = pickle.loads(pickle.dumps(judges))  # noqa: S301 - our own

    assert [each.name for each in wanted.expectations] == [each.name for each in there.expectations]
    assert len(wanted.expectations) == len(back)
