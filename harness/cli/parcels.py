"""Hosts on their way to workers: what is packed here, and what is done with it there."""

from __future__ import annotations

import math
import socket
import threading
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.cli.lab import PASSWORD, Reached, folder_of
from harness.cli.polled import PolledHost, polled_hosts, share_endpoint
from harness.errors import InputError, InventoryError
from harness.executor import Task, until_stopped
from harness.inventory.secrets import SecretResolver
from harness.inventory.travel import PackedHost, alone, pack, unpack
from harness.remote.smb import SmbConnection

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from harness.cli.definitions import GivenSources
    from harness.executor import Executor, Pending
    from harness.inventory import Host
    from harness.source import Problem


@dataclass(frozen=True, slots=True)
class Parcel:
    """A host as it travels to a worker.

    Args:
        host: The host.
        lab: Where it answers if it is simulated, as `Reached` has it; without its password.
        password: A reference to the file with that password.
        ask: Whether the host is asked where its logs are.
        given: Its log sources from a file.
    """

    host: PackedHost
    lab: Mapping[str, Any] | None = None
    password: str = ""
    ask: bool = True
    given: GivenSources | None = None

    def unpack(self) -> tuple[Host, Reached | None]:
        """Give the host, and where it answers if it is simulated.

        Raises:
            SecretError: A secret's reference leads nowhere here.
        """
        host = unpack(self.host)
        if self.lab is None:
            return host, None
        secret = SecretResolver().secret(self.password, key="password", source=host.line, folder=Path())
        return host, Reached(password=secret, **self.lab)


def parcels(
    hosts: Iterable[Host],
    lab: Mapping[str, Reached],
    inventory: Path,
    *,
    confidential: bool,
    ask: bool = True,
    given: GivenSources | None = None,
) -> dict[str, Parcel]:
    """Pack hosts.

    Args:
        hosts: The hosts.
        lab: Where the simulated ones answer.
        inventory: The inventory's path.
        confidential: Whether nobody on the way can read what is sent.
        ask: Whether the hosts are asked where their logs are.
        given: Log sources from a file, which count instead of what hosts and inventory say.

    Raises:
        InventoryError: A secret can't travel; every problem at once.
    """
    reference = f"file:{(folder_of(inventory) / PASSWORD).absolute()}"
    packed = pack(hosts, confidential=confidential)
    made = {}
    for name, host in packed.items():
        own = None if given is None else replace(given, by_host={name: given.by_host[name]}, definitions={}, notices=())
        reached = _without_password(lab[name]) if name in lab else None
        made[name] = Parcel(host, reached, reference if reached else "", ask, own)
    return made


def _without_password(reached: Reached) -> dict[str, Any]:
    return {each.name: getattr(reached, each.name) for each in fields(reached) if each.name != "password"}


def ask_here(parcel: Parcel, *, seconds: float = math.inf) -> PolledHost:
    """Find out, on a worker, what is polled of a host."""
    host, lab = parcel.unpack()
    reached = {} if lab is None else {host.name: lab}
    stop = threading.Event()
    (polled,) = polled_hosts(
        [host], alone(host), {}, reached, stop=stop, ask=parcel.ask, seconds=seconds, given=parcel.given
    )
    return polled


def _asked(parcel: Parcel) -> PolledHost:
    """As `ask_here`, for the way back: without the password."""
    with on_worker():
        polled = ask_here(parcel)
    return replace(polled, endpoint=replace(polled.endpoint, password=None))


def asked(
    executor: Executor, packed: Mapping[str, Parcel], stop: threading.Event, *, forks: int
) -> tuple[PolledHost, ...]:
    """Let workers find out what is polled of each host.

    Args:
        executor: Has workers.
        packed: The hosts.
        stop: Set to end early.
        forks: Hosts asked at a time.

    Returns:
        The hosts in their order, without passwords; none where somebody said stop.

    Raises:
        InputError: Some hosts can't be reached as they are described; every problem at once.
        HarnessError: As `polled_hosts` raises, or the executor was lost.
    """
    waiting: deque[Pending[PolledHost]] = deque()
    problems: dict[Problem, None] = {}
    found: list[PolledHost] = []

    def take() -> None:
        try:
            polled = until_stopped(waiting.popleft(), stop)
        except InputError as error:
            problems.update(dict.fromkeys(error.problems))
        else:
            found.extend([] if polled is None else [polled])

    for name, each in packed.items():
        waiting.append(executor.submit(Task(f"ask {name}", _asked, each, waits=True)))
        if len(waiting) >= forks:
            take()
    while waiting:
        take()
    if problems:
        raise InventoryError(problems)
    return () if stop.is_set() else tuple(found)


@dataclass(frozen=True, slots=True)
class Connect:
    """Gives a connection to a host's shares, on a worker.

    Args:
        parcel: The host.
    """

    parcel: Parcel

    def __call__(self) -> SmbConnection:
        """Make it; it signs in at first use.

        Raises:
            SecretError: A secret's reference leads nowhere on this worker.
        """
        with on_worker():
            return SmbConnection(share_endpoint(*self.parcel.unpack()))


@contextmanager
def on_worker() -> Iterator[None]:
    """Say of what is wrong with a host that it is so on this worker, which may lack a secret that others have.

    Raises:
        InputError: Something is wrong.
    """
    try:
        yield
    except InputError as error:
        place = f"on the worker at {socket.gethostname()}"
        raise InventoryError(replace(each, message=f"{each.message}, {place}") for each in error.problems) from error
