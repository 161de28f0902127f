"""From an inventory's hosts to what is polled of each: its log sources, and how its shares are reached."""

from __future__ import annotations

import math
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import TYPE_CHECKING

from harness import workers
from harness.cli.hosts import run_hosts
from harness.errors import HarnessError, HostError, InputError, InventoryError, SharePathError
from harness.logsource.derive import derive
from harness.modules.log_folders import read_folders
from harness.modules.session import Session
from harness.remote.smbhost import smb_endpoint

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.cli.definitions import GivenSources
    from harness.cli.lab import Reached
    from harness.collect.source import Family
    from harness.exchange.folders import Folders, Stated
    from harness.inventory import Host, Inventory
    from harness.logsource.model import LogSource
    from harness.play.runner import RunHost
    from harness.remote.smb import SmbEndpoint
    from harness.source import Problem

_FORKS = 20
_WAKE_SECONDS = 0.2
_LEAVE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class PolledHost:
    """A host whose logs are polled.

    Args:
        name: Its name in the inventory.
        sources: Its log sources.
        endpoint: Where its shares are.
        address: Its IP address, which payloads name as ``SourceIp``; empty where its name has none.
        note: Where the folders come from, and why.
        stated: What the host says of its own logging; None where it wasn't asked.
        home: The log sources that it would have by its own word, where the sources are from a file and it was asked.
        written: The families that a server of its version and roles writes; none where a file says what is polled.
    """

    name: str
    sources: tuple[LogSource, ...]
    endpoint: SmbEndpoint
    address: str
    note: str
    stated: Stated | None = None
    home: tuple[LogSource, ...] = ()
    written: frozenset[Family] = frozenset()


@dataclass(frozen=True, slots=True)
class HostSources:
    """The log sources of a host.

    Args:
        name: Its name in the inventory.
        sources: Its log sources.
        note: Where the folders come from, and why.
        stated: What the host says of its own logging; None where it wasn't asked.
    """

    name: str
    sources: tuple[LogSource, ...]
    note: str
    stated: Stated | None = None


def host_sources(
    hosts: Sequence[Host], inventory: Inventory, lab: Mapping[str, Reached], *, ask: bool = True
) -> tuple[HostSources, ...]:
    """Find out what the console is to poll of each host; nothing is polled.

    Args:
        hosts: The hosts of this run.
        inventory: Where they come from.
        lab: Where the simulated ones answer.
        ask: Read the folders off the hosts; a host that can't say has its version's default folders.

    Raises:
        InputError: Some hosts can't be reached as they are described; every problem at once.
        SharePathError: A host keeps its logs where no share is.
    """
    problems: list[Problem] = []
    ready = _ready(hosts, inventory, {}, lab, problems, ask=ask)
    if problems:
        raise InventoryError(dict.fromkeys(problems))
    answers = _ask(hosts if ask else (), ready, threading.Event(), forks=_FORKS, seconds=math.inf)
    return tuple(_sources(host, answers.get(host.name), lab.get(host.name)) for host in hosts)


def polled_hosts(
    hosts: Sequence[Host],
    inventory: Inventory,
    extra: Mapping[str, str],
    lab: Mapping[str, Reached],
    *,
    stop: threading.Event,
    ask: bool = True,
    forks: int = _FORKS,
    seconds: float = math.inf,
    given: GivenSources | None = None,
) -> tuple[PolledHost, ...]:
    """Find out what is polled of each host.

    Args:
        hosts: The hosts of this run.
        inventory: Where they come from.
        extra: Extra variables of the command line.
        lab: Where the simulated ones answer.
        stop: Set to end the questions early.
        ask: Read the folders off the hosts; a host that can't say is polled at its version's default folders.
        forks: Hosts asked at a time.
        seconds: How long the questions may take.
        given: Log sources from a file, which count instead of what hosts and inventory say.

    Returns:
        The hosts in their order; those that didn't answer before ``stop``, or in time, have the defaults.

    Raises:
        InputError: Some hosts can't be reached as they are described; every problem at once.
        SharePathError: A host keeps its logs where no share is.
    """
    problems: list[Problem] = []
    endpoints: dict[str, SmbEndpoint] = {}
    for host in hosts:
        try:
            endpoints[host.name] = share_endpoint(host, lab.get(host.name))
        except InputError as error:
            problems += error.problems
    ready = _ready(hosts, inventory, extra, lab, problems, ask=ask)
    if problems:
        raise InventoryError(dict.fromkeys(problems))
    answers = _ask(hosts if ask else (), ready, stop, forks=forks, seconds=seconds)
    return tuple(
        _polled(host, endpoints[host.name], answers.get(host.name), lab.get(host.name), given) for host in hosts
    )


def _polled(
    host: Host,
    endpoint: SmbEndpoint,
    answer: Folders | HarnessError | None,
    lab: Reached | None,
    given: GivenSources | None,
) -> PolledHost:
    """Put together what is polled of a host: its own log sources, or those of a file."""
    address = _ip(endpoint.target)
    if given is None:
        own = _sources(host, answer, lab)
        written = frozenset(polled.family for source in derive(host, None) for polled in source.polled())
        return PolledHost(host.name, own.sources, endpoint, address, own.note, own.stated, written=written)
    note = f"log sources of {given.file}"
    sources = given.by_host[host.name]
    if answer is None or isinstance(answer, HarnessError):
        return PolledHost(host.name, sources, endpoint, address, note)
    home: tuple[LogSource, ...] = ()
    with suppress(SharePathError):  # then the file's word is all there is
        home = derive(host, answer)
    return PolledHost(host.name, sources, endpoint, address, note, answer.stated, home)


def _ready(
    hosts: Sequence[Host],
    inventory: Inventory,
    extra: Mapping[str, str],
    lab: Mapping[str, Reached],
    problems: list[Problem],
    *,
    ask: bool,
) -> dict[str, RunHost]:
    """Make hosts ready to be asked, and collect why some can't be."""
    for host in hosts:
        try:
            derive(host, None)
        except InputError as error:
            problems += error.problems
    try:
        return run_hosts(hosts if ask else (), inventory, extra, lab)
    except InputError as error:
        problems += error.problems
        return {}


def _sources(host: Host, answer: Folders | HarnessError | None, lab: Reached | None) -> HostSources:
    why = f", because {answer.message}" if isinstance(answer, HarnessError) else ""
    folders = answer if answer is not None and not isinstance(answer, HarnessError) else None
    try:
        sources = derive(host, folders)
    except SharePathError as error:
        message = f"{host.name} keeps a log where the console can't poll it: {error.message}"
        raise SharePathError(message, path=error.path, hint=error.hint) from error
    if lab is not None and not host.get("logsource_user"):
        domain, _, user = lab.smb_user.rpartition("\\")
        where = "the lab's own"
        sources = tuple(replace(each, domain=domain, user=user, password_reference=where) for each in sources)
    note = "folders read from the host" if folders is not None else sources[0].origin + why
    stated = folders.stated if folders is not None else None
    return HostSources(host.name, sources, note, stated)


def _ask(
    hosts: Sequence[Host], ready: Mapping[str, RunHost], stop: threading.Event, *, forks: int, seconds: float
) -> dict[str, Folders | HarnessError]:
    """Ask hosts where their logs are, some at a time."""
    answers: dict[str, Folders | HarnessError] = {}
    sessions: list[Session] = []
    over = threading.Event()

    def ask(host: Host) -> None:
        run = ready[host.name]
        session = Session(run.connect, run.target, run.clock(), lambda: None)
        sessions.append(session)
        try:
            if over.is_set():
                return
            answers[host.name] = read_folders(session, run.target, frozenset(host.get("exchange_roles") or ()))
        except HarnessError as error:
            answers[host.name] = error
        except Exception as error:  # noqa: BLE001 - one host's mishap leaves the others alone
            answers[host.name] = HostError(f"unexpected {type(error).__name__}: {error}", host=host.name)
        finally:
            session.close()

    threads = workers.start(ask, hosts, forks=forks, stop=over, name="ask")
    until = time.monotonic() + seconds
    for thread in threads:
        while thread.is_alive() and not stop.is_set() and time.monotonic() < until:
            thread.join(_WAKE_SECONDS)
    over.set()
    if any(thread.is_alive() for thread in threads):
        for session in tuple(sessions):
            session.interrupt()
        for thread in threads:
            thread.join(_LEAVE_SECONDS / len(threads))
    return dict(answers)


def share_endpoint(host: Host, lab: Reached | None) -> SmbEndpoint:
    """Give how a host's shares are reached.

    Args:
        host: The host.
        lab: Where it answers if it is simulated.

    Raises:
        InputError: It can't be reached as it is described.
    """
    if lab is None:
        return smb_endpoint(host)
    own = {} if host.get("smb_user") else {"user": lab.smb_user, "password": lab.password}
    return smb_endpoint(host, address=lab.address, port=lab.smb_port, auth="ntlm", **own)


def _ip(target: str) -> str:
    """Give an address for a name; empty where it has none."""
    try:
        return str(ip_address(target))
    except ValueError:
        pass
    try:
        found = socket.getaddrinfo(target, None, type=socket.SOCK_STREAM)
    except OSError:
        return ""
    return str(found[0][4][0])
