"""From an inventory's hosts to what is polled of each: its log sources, and how its shares are reached."""

from __future__ import annotations

import math
import socket
import threading
import time
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING

from harness.cli.hosts import run_hosts
from harness.errors import HarnessError, HostError, InputError, InventoryError, SharePathError
from harness.logsource.derive import derive
from harness.modules.log_folders import read_folders
from harness.modules.session import Session
from harness.remote.smbhost import smb_endpoint

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.cli.lab import Reached
    from harness.exchange.folders import Folders
    from harness.inventory import Host, Inventory
    from harness.logsource.model import LogSource
    from harness.play.runner import RunHost
    from harness.remote.smb import SmbEndpoint
    from harness.source import Problem

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
        silent: The connectors whose conversations reach no log, as the host says; None where it wasn't asked.
    """

    name: str
    sources: tuple[LogSource, ...]
    endpoint: SmbEndpoint
    address: str
    note: str
    silent: tuple[str, ...] | None = None


def polled_hosts(
    hosts: Sequence[Host],
    inventory: Inventory,
    extra: Mapping[str, str],
    lab: Mapping[str, Reached],
    *,
    stop: threading.Event,
    ask: bool = True,
    seconds: float = math.inf,
) -> tuple[PolledHost, ...]:
    """Find out what is polled of each host.

    Args:
        hosts: The hosts of this run.
        inventory: Where they come from.
        extra: Extra variables of the command line.
        lab: Where the simulated ones answer.
        stop: Set to end the questions early.
        ask: Read the folders off the hosts; a host that can't say is polled at its version's default folders.
        seconds: How long the questions may take.

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
            derive(host, None)
            endpoints[host.name] = share_endpoint(host, lab.get(host.name))
        except InputError as error:
            problems += error.problems
    asked = hosts if ask else ()
    ready: dict[str, RunHost] = {}
    try:
        ready = run_hosts(asked, inventory, extra, lab)
    except InputError as error:
        problems += error.problems
    if problems:
        raise InventoryError(dict.fromkeys(problems))
    answers = _ask(asked, ready, stop, seconds)
    return tuple(_polled(host, endpoints[host.name], answers.get(host.name)) for host in hosts)


def _polled(host: Host, endpoint: SmbEndpoint, answer: Folders | HarnessError | None) -> PolledHost:
    why = f", because {answer.message}" if isinstance(answer, HarnessError) else ""
    folders = answer if answer is not None and not isinstance(answer, HarnessError) else None
    try:
        sources = derive(host, folders)
    except SharePathError as error:
        message = f"{host.name} keeps a log where the console can't poll it: {error.message}"
        raise SharePathError(message, path=error.path, hint=error.hint) from error
    note = "folders read from the host" if folders is not None else sources[0].origin + why
    silent = folders.silent if folders is not None else None
    return PolledHost(host.name, sources, endpoint, _ip(endpoint.target), note, silent)


def _ask(
    hosts: Sequence[Host], ready: Mapping[str, RunHost], stop: threading.Event, seconds: float
) -> dict[str, Folders | HarnessError]:
    """Ask all hosts at once where their logs are."""
    answers: dict[str, Folders | HarnessError] = {}
    sessions: list[Session] = []

    def ask(host: Host) -> None:
        run = ready[host.name]
        session = Session(run.connect, run.target, run.clock(), lambda: None)
        sessions.append(session)
        try:
            answers[host.name] = read_folders(session, run.target, frozenset(host.get("exchange_roles") or ()))
        except HarnessError as error:
            answers[host.name] = error
        except Exception as error:  # noqa: BLE001 - one host's mishap leaves the others alone
            answers[host.name] = HostError(f"unexpected {type(error).__name__}: {error}", host=host.name)
        finally:
            session.close()

    threads = [threading.Thread(target=ask, args=(host,), name="ask", daemon=True) for host in hosts]
    until = time.monotonic() + seconds
    for thread in threads:
        thread.start()
    for thread in threads:
        while thread.is_alive() and not stop.is_set() and time.monotonic() < until:
            thread.join(_WAKE_SECONDS)
    if any(thread.is_alive() for thread in threads):
        for session in sessions:
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
