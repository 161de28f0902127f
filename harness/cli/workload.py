"""From the user's files to what `harness verify` and pytest run: expectations by host, and how hosts are reached."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

from harness.cli.definitions import expected, given_sources
from harness.cli.lab import lab_of
from harness.cli.parcels import ask_here, on_worker, parcels
from harness.cli.polled import polled_hosts
from harness.errors import InputError
from harness.events import Family, Format
from harness.events.mappingfile import Overlay
from harness.exchange.folders import owa_path, services
from harness.executor import LOCAL
from harness.inventory import load as load_inventory
from harness.logsource.derive import version_of
from harness.modules.registry import MODULES
from harness.play.loader import load as load_playbooks
from harness.remote.smb import SmbConnection
from harness.resources import folder
from harness.source import Problem, Source
from harness.verify.gather import Subject, mappings
from harness.verify.loader import load, load_file
from harness.verify.probe import OwaProbe, SmtpProbe
from harness.verify.remote import RemoteHost, Visit
from harness.verify.workload import Task, Workload

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from typing import Self

    from harness.cli.definitions import GivenSources
    from harness.cli.lab import Reached
    from harness.cli.parcels import Parcel
    from harness.cli.polled import PolledHost
    from harness.executor import Executor
    from harness.inventory import Host, Inventory
    from harness.verify.expectations import Expectations
    from harness.verify.probe import Kind, Probe, ProbeOptions
    from harness.verify.workload import HostWork

T = TypeVar("T")

_HTTPS = 443
_HTTP = 80


@dataclass(frozen=True, slots=True)
class Request:
    """What the user asked for.

    Args:
        inventory: The inventory.
        playbooks: Playbooks whose plays say what to expect; none for the shipped one, or for none where a file of
            expectations is given.
        limit: A pattern of hosts.
        expectations: A file of expectations, for all hosts.
        mappings: Mapping files to lay over the shipped ones.
        timeout: Seconds for all of it.
        forks: Hosts at a time.
        definitions: A file of log sources to poll through, instead of those that the hosts are found to have.
        schema: A file of a console's answers, for a file of definitions that has ids alone.
        executor: Polls the hosts.
    """

    inventory: Path
    playbooks: Sequence[Path] = ()
    limit: str | None = None
    expectations: Path | None = None
    mappings: Sequence[Path] = ()
    timeout: float = 300.0
    forks: int = 20
    definitions: Path | None = None
    schema: Path | None = None
    executor: Executor = LOCAL


@dataclass(slots=True)
class Prepared:
    """A workload, and what it holds on to until it is closed: the lab, where hosts are simulated.

    Args:
        workload: What is to be verified.
        notices: What the user should know.
    """

    workload: Workload
    notices: tuple[str, ...]
    held: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        """Give itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let the lab go."""
        self.held.close()


def prepare(
    request: Request, *, stop: threading.Event | None = None, notice: Callable[[str], None] = lambda _: None
) -> Prepared:
    """Read all of the user's files; no host is touched.

    Args:
        request: What the user asked for.
        stop: Set to end early, whatever is under way.
        notice: Takes what the user should know about hosts while they are asked.

    Raises:
        InputError: Anything is wrong with them, or nothing is left to verify; every problem at once.
    """
    problems: list[Problem] = []
    inventory = _kept(problems, lambda: load_inventory(request.inventory))
    sections = _sections(request, problems)
    layers = _kept(problems, lambda: mappings(request.mappings))
    if inventory is None or layers is None or problems:
        raise InputError(problems)
    chosen = inventory.select(request.limit)
    by_host: dict[str, list[Expectations]] = {}
    for pattern, source, section in sections:
        for host in inventory.select(pattern, source=source):
            if host in chosen:
                by_host.setdefault(host.name, []).append(section)
    tasks = {host.name: Task(host, tuple(by_host[host.name])) for host in chosen if host.name in by_host}
    if not tasks:
        where = Source("--limit" if request.limit else str(request.inventory))
        raise InputError([Problem(where, "no host is left to verify")])
    hosts = [task.host for task in tasks.values()]
    notices = [f"note: {each}" for each in inventory.notices]
    given = None
    if request.definitions is not None:
        given = given_sources(request.definitions, inventory, hosts, request.schema)
        notices += [f"note: {each}" for each in given.notices]
        for name, task in tasks.items():
            tasks[name] = replace(task, sections=(expected(given, task.host), *task.sections))
    held = ExitStack()
    stop = stop or threading.Event()
    reach = _Reach(
        inventory, request.inventory, hosts, held, forks=request.forks, stop=stop, notice=notice, given=given
    )
    elsewhere = None if request.executor is LOCAL else _Elsewhere(request, reach, notice)
    workload = Workload(tasks, reach, layers, request.timeout, request.forks, stop, elsewhere)
    return Prepared(workload, tuple(notices), held)


def _sections(request: Request, problems: list[Problem]) -> list[tuple[str, Source, Expectations]]:
    """Give every ``verify:`` section with the pattern of its hosts and where that stands."""
    found: list[tuple[str, Source, Expectations]] = []
    paths = request.playbooks
    if not paths and request.expectations is None:
        paths = [folder("playbooks") / "site.yml"]
    playbook = _kept(problems, lambda: load_playbooks(paths, MODULES)) if paths else None
    for play in playbook.plays if playbook is not None else ():
        if (value := play.verify) is not None:
            section = _kept(problems, lambda value=value: load(value))  # type: ignore[misc] # the loop's own value
            if section is not None:
                found.append((play.hosts, play.source, section))
    if (path := request.expectations) is not None:
        section = _kept(problems, lambda: load_file(path))
        if section is not None:
            found.append(("all", Source(str(path)), section))
    if not found and not problems:
        names = ", ".join(map(str, paths))
        problems.append(
            Problem(Source(names), "no play expects anything", "add verify: to a play, or give --expectations")
        )
    return found


def _kept(problems: list[Problem], read: Callable[[], T]) -> T | None:
    """Read one of the user's files and keep its problems, so that those of the next file show as well."""
    try:
        return read()
    except InputError as error:
        problems += error.problems
        return None


class _Reach:
    """Makes hosts ready to be polled; see `harness.verify.workload.Reach`.

    Args:
        inventory: Where the hosts come from.
        path: Its path.
        hosts: All hosts of the run, so that one lab serves them all.
        held: Keeps the lab.
        forks: Hosts asked at a time.
        stop: Set to end the questions early.
        notice: Takes what the user should know about hosts.
        given: Log sources from a file; None to take what the hosts are found to have.
    """

    def __init__(
        self,
        inventory: Inventory,
        path: Path,
        hosts: Sequence[Host],
        held: ExitStack,
        *,
        forks: int,
        stop: threading.Event,
        notice: Callable[[str], None],
        given: GivenSources | None,
    ) -> None:
        self._inventory = inventory
        self._path = path
        self._hosts = hosts
        self._held = held
        self._forks = forks
        self._stop = stop
        self._notice = notice
        self.given = given
        self._lab: Mapping[str, Reached] | None = None

    @property
    def hosts(self) -> Sequence[Host]:
        """All hosts of the run."""
        return self._hosts

    def lab(self) -> Mapping[str, Reached]:
        """Give where the simulated hosts answer, once they do."""
        if self._lab is None:
            self._lab = self._held.enter_context(lab_of(self._hosts, self._path))
        return self._lab

    def __call__(
        self, names: Sequence[str], probes: Mapping[str, ProbeOptions], seconds: float
    ) -> Mapping[str, Subject]:
        """Ask the hosts where their logs are."""
        lab = self.lab()
        wanted = [host for host in self._hosts if host.name in names]
        polled = polled_hosts(
            wanted,
            self._inventory,
            {},
            lab,
            stop=self._stop,
            forks=self._forks,
            seconds=seconds,
            given=self.given,
        )
        for each in polled:
            if each.note and not self._stop.is_set():
                self._notice(f"{each.name}: {each.note}")
        by_name = {each.name: each for each in polled}
        return {host.name: subject(host, by_name[host.name], lab.get(host.name), probes[host.name]) for host in wanted}


class _Elsewhere:
    """Has workers probe and poll hosts; see `harness.verify.workload.Elsewhere`.

    Args:
        request: What the user asked for.
        reach: Knows the hosts and their lab.
        notice: Takes what the user should know about hosts.
    """

    def __init__(self, request: Request, reach: _Reach, notice: Callable[[str], None]) -> None:
        self._request = request
        self._reach = reach
        self._notice = notice

    def __call__(self, works: Mapping[str, HostWork]) -> Mapping[str, RemoteHost]:
        """Pack the hosts."""
        hosts = [host for host in self._reach.hosts if host.name in works]
        executor = self._request.executor
        packed = parcels(
            hosts,
            self._reach.lab(),
            self._request.inventory,
            confidential=executor.confidential,
            given=self._reach.given,
        )
        overlays = tuple(map(Overlay.of, self._request.mappings))
        return {
            name: RemoteHost(executor, Visit(name, _Arrive(packed[name]), work, tuple(Format), overlays), self._notice)
            for name, work in works.items()
        }


@dataclass(frozen=True, slots=True)
class _Arrive:
    """Makes a host ready on a worker."""

    parcel: Parcel

    def __call__(self, work: HostWork, seconds: float) -> tuple[Subject, str]:
        """Ask it where its logs are."""
        with on_worker():
            host, lab = self.parcel.unpack()
            polled = ask_here(self.parcel, seconds=seconds)
            return subject(host, polled, lab, work.probes), polled.note


def subject(host: Host, polled: PolledHost, lab: Reached | None, options: ProbeOptions) -> Subject:
    """Give what verification needs of a host.

    Args:
        host: The host.
        polled: What is polled of it.
        lab: Where it answers if it is simulated.
        options: What the expectations say of probes.
    """

    def probe(kind: Kind) -> Probe:
        return smtp_probe(host, lab, options) if kind == "smtp" else owa_probe(host, lab, options)

    folders = tuple(each for source in polled.sources for each in source.polled())
    home: dict[str, tuple[str, ...]] = {}
    for each in (each for source in polled.home for each in source.polled()):
        home[each.family] = (*home.get(each.family, ()), f"{each.share}/{each.folder}")
    return Subject(
        name=host.name,
        address=polled.address,
        folders=folders,
        connect=lambda: SmbConnection(polled.endpoint),
        probe=probe,
        stated=polled.stated,
        written=frozenset(map(Family, polled.written)),
        takes_mail=bool(services(version_of(host), frozenset(host.get("exchange_roles") or ()))),
        home=home,
    )


def smtp_probe(host: Host, lab: Reached | None, options: ProbeOptions) -> SmtpProbe:
    """Give the SMTP probe of a host.

    Args:
        host: The host.
        lab: Where it answers if it is simulated.
        options: What the expectations say of it; the inventory says the rest.
    """
    name = host.get("exchange_fqdn") or host.name
    domain = name.partition(".")[2] or name
    starttls = host.get("probe_smtp_starttls") if options.starttls is None else options.starttls
    return SmtpProbe(
        host=host.name,
        address=lab.address if lab else host.get("address", host.name),
        name=name,
        port=options.smtp_port or (lab.smtp_port if lab else host.get("probe_smtp_port")),
        sender=options.sender or host.get("probe_sender") or f"harness@{domain}",
        recipient=options.recipient or host.get("probe_recipient") or f"postmaster@{domain}",
        starttls=bool(starttls),
        ca=host.get("probe_ca_trust_path") or "",
        user=host.get("probe_smtp_user") or "",
        password=host.secret("probe_smtp_password"),
    )


def owa_probe(host: Host, lab: Reached | None, options: ProbeOptions) -> OwaProbe:
    """Give the OWA probe of a host; arguments as those of `smtp_probe`."""
    scheme = options.owa_scheme or ("http" if lab else host.get("probe_owa_scheme"))
    port = options.owa_port or (lab.http_port if lab else host.get("probe_owa_port"))
    return OwaProbe(
        host=host.name,
        address=lab.address if lab else host.get("address", host.name),
        name=host.get("exchange_fqdn") or host.name,
        scheme=scheme,
        port=port or (_HTTPS if scheme == "https" else _HTTP),
        path=options.owa_path or owa_path(version_of(host)),
        ca=host.get("probe_ca_trust_path") or "",
    )
