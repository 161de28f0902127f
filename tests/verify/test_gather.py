"""Polling for verification over real SMB: what is seen, when it ends, and what is said when it fails."""

from __future__ import annotations

import os
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from harness.document import parse
from harness.errors import ProtocolFaultError
from harness.events import Family
from harness.exchange.folders import Stated
from harness.remote.smb import SmbConnection
from harness.verify import gather
from harness.verify.gather import Gathering, HostGather, mappings
from harness.verify.loader import load
from harness.verify.results import Outcome, Status, outcome

from .conftest import (
    ADDRESSES,
    LogHost,
    Mailbox,
    mail_server,
    msgtrk_row,
    owa_header,
    owa_probe,
    owa_row,
    smtp_header,
    smtp_probe,
    smtp_row,
    web_server,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

OWA_LOG = "owa/u_ex261123.log"
SMTP_LOG = "smtp/RECV2026112310-1.LOG"
MSGTRK_LOG = "msgtrk/MSGTRK2026112310-1.LOG"
ALL_PROBES = """\
OWA: {probe: owa, fields_present: [cs-method, cs-version]}
SMTP: {probe: smtp, connectors_logged: true}
MSGTRK: {probe: smtp}
"""


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Poll faster than in life, so that tests don't take minutes."""
    monkeypatch.setattr(gather, "INTERVAL", 0.2)


def verify(host: LogHost, text: str, *, timeout: float = 20.0, **options: Any) -> dict[str, Outcome]:
    """Verify one host; give the outcomes by family and name."""
    return verify_hosts({host.name: host}, text, timeout=timeout, **options)[host.name]


def verify_hosts(
    hosts: Mapping[str, LogHost], text: str, *, timeout: float = 20.0, families: tuple[str, ...] = (), **options: Any
) -> dict[str, dict[str, Outcome]]:
    """Verify hosts at the same time."""
    value, problems = parse(text, "expect.yml")
    assert value is not None
    assert not problems
    expectations = load(value)
    gathers = {
        name: HostGather(
            host.subject(*families, **options),
            expectations.items,
            deadlines=expectations.deadlines,
            mappings=mappings(),
        )
        for name, host in hosts.items()
    }
    stop = threading.Event()
    gathering = Gathering(gathers, until=time.monotonic() + timeout, stop=stop)
    gathering.start()
    found: dict[str, dict[str, Outcome]] = {}
    for name in hosts:
        for item in expectations.items:
            watched = gathering.wait(name, item.family)
            judge = next(judge for each, judge in gathers[name].watched[item.family].judges if each is item)
            result = outcome(name, item.name, item, judge, watched)
            found.setdefault(name, {})[f"{item.family}::{item.name}"] = result
    stop.set()
    return found


def failed(outcomes: Mapping[str, Outcome]) -> dict[str, str]:
    """Give what was seen where an expectation failed."""
    return {name: each.failure.seen for name, each in outcomes.items() if each.failure is not None}


@contextmanager
def front_ends(
    host: LogHost, *, front: bool = True, hub: bool = True, tracked: bool = True, web: bool = True
) -> Iterator[None]:
    """Serve SMTP and HTTP as Exchange does, each connector with or without its log."""
    mailbox = Mailbox()

    def message(greeting: str, identifier: str) -> None:
        if front:
            host.append(SMTP_LOG, smtp_row("<", f"EHLO {greeting}", session="F1"))
        if hub:
            rows = smtp_row("<", f"XPROXYFROM DOMAIN={greeting}", session="H1", connector=r"EX01\Default EX01")
            host.append(SMTP_LOG, rows)
        if tracked:
            rows = msgtrk_row(identifier, session="H1") + msgtrk_row(
                identifier, event="DELIVER", session="M1", connector=""
            )
            host.append(MSGTRK_LOG, rows)

    def request(path: str) -> int:
        if web:
            host.append(OWA_LOG, owa_row(path.partition("?")[2], 302))
        return 302

    mailbox.on_message = message
    with mail_server(mailbox) as smtp, web_server(request) as http:
        host.probes = {"smtp": smtp_probe(smtp), "owa": owa_probe(http)}
        yield


def test_probes_prove_all_three_families(host: LogHost) -> None:
    """Every probe comes out in its log, found by what only it carries, and the delay is told."""
    host.write_all()
    with front_ends(host):
        outcomes = verify(host, ALL_PROBES)

    assert {} == failed(outcomes)
    assert {Status.PASSED} == {each.status for each in outcomes.values()}


@pytest.mark.parametrize(
    ("off", "expected"),
    [
        ("front", {"SMTP::probe"}),
        ("hub", {"SMTP::connectors_logged"}),
        ("tracked", {"MSGTRK::probe", "SMTP::connectors_logged"}),
        ("web", {"OWA::probe"}),
    ],
)
def test_a_log_that_is_off_fails_by_name(host: LogHost, off: str, expected: set[str]) -> None:
    """Each of the four switches, turned off, fails exactly what it is about, once its deadline has passed."""
    host.write_all()
    with front_ends(host, **{off: False}):
        outcomes = verify(host, ALL_PROBES, timeout=1.5)

    assert expected == set(failed(outcomes))


def test_a_silent_connector_is_named(host: LogHost) -> None:
    """Message tracking knows the connector whose protocol log says nothing, and so does the failure."""
    host.write_all()
    with front_ends(host, hub=False):
        outcomes = verify(host, ALL_PROBES, timeout=1.5)

    assert r"'EX01\Default EX01' (session H1)" in failed(outcomes)["SMTP::connectors_logged"]


def test_connectors_alone_bring_their_probe_along(host: LogHost) -> None:
    """Selected by itself, the expectation still has the message sent and message tracking looked at."""
    host.write_all()
    value, _ = parse(ALL_PROBES, "expect.yml")
    assert value is not None
    [item] = [each for each in load(value).items if each.name == "connectors_logged"]
    gathered = HostGather(host.subject(), [item], mappings=mappings())
    with front_ends(host):
        gathered.run(threading.Event(), time.monotonic() + 10)
    watched = gathered.watched[Family.SMTP]

    assert watched.judges[0][1].judge(watched.seen) is None
    assert {"H1": r"EX01\Default EX01"} == watched.seen.trail.tracked


def test_the_connector_of_earlier_probes_is_named(host: LogHost) -> None:
    """A front end that logged probes before and doesn't any more is named, though nothing else names it."""
    host.write_all()
    host.append(SMTP_LOG, smtp_row("<", f"EHLO probe-{'0' * 32}.harness.invalid", connector=r"EX01\Internet Frontend"))
    with front_ends(host, front=False):
        outcomes = verify(host, ALL_PROBES, timeout=1.5)

    assert r"earlier probes were logged by the connector 'EX01\Internet Frontend'" in failed(outcomes)["SMTP::probe"]


def test_columns_by_format(host: LogHost) -> None:
    """Each log is held against the columns of its own format; one of a format that nobody named doesn't pass."""
    host.write("smtp/RECV2026112310-1.LOG", smtp_header() + smtp_row("<", "EHLO client.example"))
    columns = "SMTP: {{fields_present: {{{}}}}}"
    right, wrong, other = (
        verify(host, columns.format(each), families=("SMTP",))
        for each in ("smtp: [data]", "smtp: [cs-method]", "smtp2003: [cs-method]")
    )

    assert {} == failed(right)
    assert "lacks cs-method" in failed(wrong)["SMTP::fields_present"]
    assert "of the format smtp, of which no columns are named" in failed(other)["SMTP::fields_present"]


@pytest.mark.parametrize(
    ("stated", "expected"), [(Stated(tracking=True), None), (Stated(tracking=False), "is off"), (None, "wasn't asked")]
)
def test_what_the_server_says_of_tracking(host: LogHost, stated: Stated | None, expected: str | None) -> None:
    """On is on, off is off, and a host that wasn't asked proves nothing."""
    host.write_all()
    value, _ = parse("MSGTRK: {tracking_enabled: true}", "expect.yml")
    assert value is not None
    gathered = HostGather(replace(host.subject(), stated=stated), load(value).items, mappings=mappings())
    gathered.run(threading.Event(), time.monotonic() + 10)
    failure = gathered.watched[Family.MSGTRK].failures()

    assert ([] if expected is None else [True]) == [expected is not None and expected in each.seen for each in failure]


def test_a_host_without_a_connector_gets_no_message(host: LogHost) -> None:
    """The probe is skipped with the reason, and all else that is expected of the log still counts."""
    host.write_all()
    value, _ = parse("MSGTRK: {probe: smtp, min_events: 2}", "expect.yml")
    assert value is not None
    items = load(value).items
    gathered = HostGather(replace(host.subject(), takes_mail=False), items, mappings=mappings())
    with front_ends(host):
        gathered.run(threading.Event(), time.monotonic() + 1)
    watched = gathered.watched[Family.MSGTRK]
    probe, count = (outcome(host.name, each.name, each, judge, watched) for each, judge in watched.judges)

    assert (Status.SKIPPED, Status.FAILED) == (probe.status, count.status)
    assert "no receive connector" in probe.reason
    assert not watched.seen.sent


def test_a_log_without_a_folder_fails(host: LogHost) -> None:
    """A server whose roles write a log, and which has no place for it, isn't one that has no such log."""
    host.write_all()
    value, _ = parse("SMTP: {min_events: 1}\nOWA: {min_events: 1}", "expect.yml")
    assert value is not None
    subject = replace(host.subject("OWA"), written=frozenset({Family.SMTP, Family.OWA}))
    gathered = HostGather(subject, load(value).items, mappings=mappings())
    gathered.run(threading.Event(), time.monotonic() + 10)
    smtp, owa = (
        outcome(host.name, each.name, each, judge, gathered.watched[family])
        for family in (Family.SMTP, Family.OWA)
        for each, judge in gathered.watched[family].judges
    )

    assert (Status.FAILED, Status.PASSED) == (smtp.status, owa.status)
    assert "has no folder for its SMTP log" in str(smtp.failure)


def test_health_mailboxes_prove_nothing(host: LogHost) -> None:
    """However much of Exchange's own monitoring goes on, a probe that doesn't arrive fails."""
    host.write_all()
    stop = threading.Event()

    def monitor() -> None:
        while not stop.wait(0.05):
            host.append(OWA_LOG, owa_row("HealthMailbox0001"))
            host.append(SMTP_LOG, smtp_row("<", "MAIL FROM:<HealthMailbox0001@lab.example>"))
            host.append(MSGTRK_LOG, msgtrk_row("<HealthMailbox0001@ex01.lab.example>"))

    monitoring = threading.Thread(target=monitor)
    monitoring.start()
    try:
        with front_ends(host, front=False, hub=False, tracked=False, web=False):
            outcomes = verify(host, ALL_PROBES, timeout=1.5)
    finally:
        stop.set()
        monitoring.join()

    assert {"OWA::probe", "SMTP::probe", "SMTP::connectors_logged", "MSGTRK::probe"} == set(failed(outcomes))


def test_a_family_s_deadline_ends_its_wait(host: LogHost) -> None:
    """A probe that doesn't come is given up after the family's deadline, not after the whole run's time."""
    host.write_all()
    with front_ends(host, web=False):
        begun = time.monotonic()
        outcomes = verify(host, "OWA: {probe: owa, deadline: 1 s}", families=("OWA",), timeout=60)
        took = time.monotonic() - begun

    assert {"OWA::probe"} == set(failed(outcomes))
    assert 1 <= took < 10


def test_a_probe_that_can_not_be_sent_fails_at_once(host: LogHost) -> None:
    """Nobody waits two minutes for what was never sent; what else is expected is judged all the same."""
    host.write_all()
    with front_ends(host):
        pass
    begun = time.monotonic()
    outcomes = verify(host, "OWA: {probe: owa, fields_present: [cs-method]}", families=("OWA",), timeout=60)

    assert time.monotonic() - begun < 10
    assert {"OWA::probe"} == set(failed(outcomes))
    assert "Connection refused" in failed(outcomes)["OWA::probe"]


def test_a_missing_column_is_named_with_file_and_line(host: LogHost) -> None:
    """The newest header counts: a column that went away fails even though the file had it before."""
    host.write(OWA_LOG, owa_header() + owa_row() + owa_header("date time cs-method sc-status"))
    host.append(OWA_LOG, "2026-11-23 10:00:00 GET 200\r\n")
    outcomes = verify(host, "OWA: {fields_present: [cs-method, cs-version]}", families=("OWA",))
    failure = outcomes["OWA::fields_present"].failure

    assert failure is not None
    assert f"//ex01.lab.example/c$/{OWA_LOG}:7 lacks cs-version" in failure.seen
    assert "iis_logging" in failure.hint
    assert "expect.yml:1:7: fields_present" == outcomes["OWA::fields_present"].lines()[0]


def test_a_header_without_the_column_is_not_final_while_a_probe_is_under_way(host: LogHost) -> None:
    """IIS writes its new header with the next request: the old one doesn't fail what was just switched on."""
    host.write(OWA_LOG, owa_header("date time cs-method sc-status") + "2026-11-23 10:00:00 GET 200\r\n")

    def request(path: str) -> int:
        host.append(OWA_LOG, owa_header() + owa_row(path.partition("?")[2]))
        return 302

    def late(path: str) -> int:
        threading.Timer(0.7, request, [path]).start()
        return 302

    with web_server(late) as port:
        host.probes = {"owa": owa_probe(port)}
        outcomes = verify(host, "OWA: {fields_present: [cs-version], probe: owa}", families=("OWA",))

    assert {} == failed(outcomes)


CHECKS = """\
OWA:
  fresh_within: 1h
  min_events: 3
  max_unparsed: 1
  event_ids: [GET 200, GET 302]
  every:
    - source_ip: {in_network: 198.51.100.0/24}
  some:
    - event_id: GET 302
"""


def test_every_other_kind_of_expectation_holds(host: LogHost) -> None:
    """Fresh, enough, readable, known, every and some: a log that is as expected passes all of them."""
    host.write(OWA_LOG, owa_header() + owa_row() + owa_row() + owa_row(status=302) + "one two\r\n")
    outcomes = verify(host, CHECKS, families=("OWA",))

    assert {} == failed(outcomes)


def test_every_other_kind_of_expectation_fails_with_its_line(host: LogHost) -> None:
    """A log that is as bad as can be fails each of them, and each says where it saw that."""
    old = "2020-01-01 10:00:00 192.0.2.20 GET /owa/ - 443 - 203.0.113.9 HTTP/1.1 500\r\n"
    host.write(OWA_LOG, owa_header() + old + "one two\r\nthree\r\n")
    seen = failed(verify(host, CHECKS, families=("OWA",), timeout=1.0))
    place = f"//ex01.lab.example/c$/{OWA_LOG}"

    assert {
        "OWA::fresh_within",
        "OWA::min_events",
        "OWA::max_unparsed",
        "OWA::event_ids",
        "OWA::every[source_ip]",
        "OWA::some[event_id]",
    } == set(seen)
    assert f"of 2020-01-01T10:00:00.000Z at {place}:4" in seen["OWA::fresh_within"]
    assert f"1 event, the last at {place}:4" == seen["OWA::min_events"]
    assert seen["OWA::max_unparsed"].startswith(f"2: {place}:5: the row has 2 values")
    assert f"unknown: 'GET 500' (1 times, first at {place}:4)" == seen["OWA::event_ids"]
    assert f"1 event of 1 otherwise: {place}:4: source_ip='203.0.113.9'" == seen["OWA::every[source_ip]"]
    assert f"none among 1 event; the last is {place}:4: event_id='GET 500'" == seen["OWA::some[event_id]"]


def test_nothing_to_judge_is_never_a_pass(host: LogHost) -> None:
    """In an empty folder nothing holds: not that every event is so, nor that every line can be read."""
    outcomes = verify(host, CHECKS, families=("OWA",), timeout=1.0)
    expected = dict.fromkeys(outcomes, "no file in //ex01.lab.example/c$/owa")

    assert expected == failed(outcomes)


def test_events_are_waited_for(host: LogHost) -> None:
    """What isn't there at the first poll may come with a later one."""
    host.write(OWA_LOG, owa_header())
    threading.Timer(0.8, host.append, [OWA_LOG, owa_row() * 3]).start()
    outcomes = verify(host, "OWA: {min_events: 3}", families=("OWA",))

    assert {} == failed(outcomes)


def test_old_files_are_not_read(host: LogHost) -> None:
    """Verification looks at the newest files, not at a year of logs: only the two newest of a series are read."""
    for day in range(1, 6):
        host.write(f"owa/u_ex26110{day}.log", owa_header() + owa_row() * 10)
    long_ago = time.time() - 7200
    for day in range(1, 6):
        os.utime(host.file(f"owa/u_ex26110{day}.log"), (long_ago, long_ago))
    outcomes = verify(host, "OWA: {min_events: 21}", families=("OWA",), timeout=1.0)

    assert "20 events" in failed(outcomes)["OWA::min_events"]


def test_a_log_of_another_family_is_not_taken_for_ours(host: LogHost) -> None:
    """A log source whose folder is the wrong one fails with the reason, though files and rows are there."""
    host.write("owa/RECV2026112310-1.LOG", smtp_header() + smtp_row("<", "EHLO client.example"))
    outcomes = verify(host, "OWA: {min_events: 1}", families=("OWA",), timeout=1.0)

    assert (
        "no event; //ex01.lab.example/c$/owa/RECV2026112310-1.LOG was not read: "
        "its #Log-type is 'SMTP Receive Protocol Log'" == failed(outcomes)["OWA::min_events"]
    )


def test_a_folder_that_is_not_there_is_named(host: LogHost) -> None:
    """The failure says how far the path leads and what stands there instead."""
    subject = host.subject("OWA")
    wrong = replace(subject, folders=(host.folder("OWA", "Owa2/W3SVC1"),))
    value, _ = parse("OWA: {min_events: 1}", "expect.yml")
    assert value is not None
    [item] = load(value).items
    gathered = HostGather(wrong, [item], mappings=mappings())
    gathered.run(threading.Event(), time.monotonic() + 1)
    watched = gathered.watched[Family.OWA]
    result = outcome(host.name, item.name, item, watched.judges[0][1], watched)

    assert result.failure is not None
    assert "it has no folder 'Owa2'" in result.failure.seen
    assert result.failure.hint.startswith("did you mean 'owa'?; a log that was never on has no folder")


def test_a_host_that_refuses_the_password_is_unreachable_at_once(host: LogHost) -> None:
    """Nothing is tried for minutes, and the outcome says that it was the host, so that the exit code can."""
    host.write_all()
    begun = time.monotonic()
    wrong = verify(host, "OWA: {min_events: 1}", families=("OWA",), timeout=60, user="nobody-here")

    assert time.monotonic() - begun < 10
    assert wrong["OWA::min_events"].unreachable
    assert "refused" in failed(wrong)["OWA::min_events"]


def test_a_file_with_an_odd_status_is_named(host: LogHost, monkeypatch: pytest.MonkeyPatch) -> None:
    """A log that alone can't be read, for a reason that nobody foresaw, explains why its events are missing."""
    host.write_all()

    def odd(*_: object) -> object:
        raise ProtocolFaultError("SMB status 0xc0000279", host=host.name, code=0xC0000279)

    monkeypatch.setattr(SmbConnection, "open", odd)
    monkeypatch.setattr(SmbConnection, "glance", odd)
    outcomes = verify(host, "OWA: {min_events: 1}", families=("OWA",), timeout=0.5)

    assert "SMB status 0xc0000279" in failed(outcomes)["OWA::min_events"]


def test_hosts_are_polled_at_the_same_time(host: LogHost) -> None:
    """Hosts that need their whole deadline take it together; one host's trouble isn't another's."""
    other = LogHost(host.server, host.root, ADDRESSES[1], "ex02.lab.example")
    host.write_all()
    dead = LogHost(host.server, host.root, "127.0.0.99", "ex03.lab.example")
    begun = time.monotonic()
    hosts = {each.name: each for each in (dead, other, host)}
    outcomes = verify_hosts(hosts, "OWA: {min_events: 1, deadline: 2 s}", families=("OWA",))

    assert time.monotonic() - begun < 6
    assert Status.PASSED is outcomes[host.name]["OWA::min_events"].status
    assert outcomes[dead.name]["OWA::min_events"].unreachable
    assert Status.FAILED is outcomes[other.name]["OWA::min_events"].status


def test_time_is_up(host: LogHost) -> None:
    """The whole is bounded: what isn't settled by then fails, and says what gives it more time."""
    host.write_all()
    with front_ends(host, web=False):
        begun = time.monotonic()
        outcomes = verify(host, ALL_PROBES, timeout=1.0)
        took = time.monotonic() - begun

    assert took < 5
    assert "when --timeout ended the wait" in failed(outcomes)["OWA::probe"]


def test_connectors_of_a_host_that_tracks_nothing_are_skipped(host: LogHost) -> None:
    """A client-access server has no tracking log: nobody knows its connectors, and waiting would change nothing."""
    host.write_all()
    with front_ends(host):
        outcomes = verify_hosts({host.name: host}, ALL_PROBES, families=("OWA", "SMTP"))[host.name]

    assert {} == failed(outcomes)
    assert "skipped" == outcomes["SMTP::connectors_logged"].status
