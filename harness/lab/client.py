"""Finding or starting the lab: one process serves all simulated hosts of a folder, however many commands use it.

Three files of the folder say who is there. The server holds ``server.lock`` while it runs; every command that uses the
lab holds ``users.lock`` together with the others; ``hosts.json`` says where each host answers. A server that a command
started ends once that command is gone and nobody else uses it.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_START_SECONDS = 30.0


class LabError(Exception):
    """The lab can't be had."""


@dataclass(frozen=True, slots=True)
class Simulated:
    """A host to simulate.

    Args:
        name: Its full name in the inventory; what stands before the first dot is its computer name.
        version: Its Exchange.
        address: The loopback address it answers on; empty for the next free one.
        user: An account that may sign in, beside the lab's own administrator; empty for none.
        password: That account's password.
        smb_user: Another account, which reads logs; empty for none.
        smb_password: That one's password.
        flush_delay: Seconds for which IIS and the SMTP services hold log lines back at most.
        probe_interval: Seconds between two messages of the host's health manager; 0 for none.
        roles: What is installed on it, by the inventory's names; a typical installation where empty.
        delegation: Whether sign-ins are played as ones that can go on to another machine.
        subscribed: Whether it is an Edge server that is subscribed to its domain's organisation.
        anonymous_mail: Whether its Default receive connector takes mail from anybody; counts when it is new.
    """

    name: str
    version: str
    address: str = ""
    user: str = ""
    password: str = field(default="", repr=False)
    smb_user: str = ""
    smb_password: str = field(default="", repr=False)
    flush_delay: float = 0.5
    probe_interval: float = 0.0
    roles: tuple[str, ...] = ()
    delegation: bool = False
    subscribed: bool = False
    anonymous_mail: bool = False


@dataclass(frozen=True, slots=True)
class LabHost:
    """Where a simulated host answers, and who may sign in.

    Args:
        address: Its loopback address.
        port: Its WinRM service's.
        user: The lab's administrator.
        password: The administrator's password.
        smb_port: Its file server's, which serves ``C$`` and ``Logs``; 0 where none could be started.
        smtp_port: That of its front-end receive connector; what is said there is logged as of port 25.
        submission_port: That for users who sign in, which plays port 587.
        http_port: That of its web sites, which plays port 443 without TLS.
        certificate: The PEM file with its certificate, for SMTP clients to trust.
    """

    address: str
    port: int
    user: str
    password: str = field(repr=False)
    smb_port: int = 0
    smtp_port: int = 0
    submission_port: int = 0
    http_port: int = 0
    certificate: str = ""

    @property
    def smb_user(self) -> str:
        """Who may read its shares."""
        return self.user


@contextmanager
def lab(hosts: Sequence[Simulated], folder: Path) -> Iterator[dict[str, LabHost]]:
    """Use the lab: the one that runs, or one that is started and ends with the last command that uses it.

    Args:
        hosts: The hosts that are needed.
        folder: Where the lab keeps its state.

    Yields:
        Where each of them answers, by name.

    Raises:
        LabError: It doesn't start, or one runs that lacks some of the hosts.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / "users.lock").open("ab") as lease:
        fcntl.flock(lease, fcntl.LOCK_SH)
        process = None if running(folder) else start(hosts, folder)
        try:
            found = _wait(folder, process)
            lacking = [host.name for host in hosts if host.name not in found]
            if lacking:
                raise LabError(f"the lab that runs in {folder} doesn't simulate {', '.join(lacking)}; end it first")
            yield found
        finally:
            fcntl.flock(lease, fcntl.LOCK_UN)
            if process is not None:
                _let_go(process)


def running(folder: Path) -> bool:
    """Say whether a lab serves this folder."""
    if not (folder / "server.lock").exists():
        return False
    with (folder / "server.lock").open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def process_id(folder: Path) -> int:
    """Give the process that serves this folder."""
    return int((folder / "server.pid").read_text(encoding="ascii"))


def start(hosts: Sequence[Simulated], folder: Path) -> subprocess.Popen[bytes]:
    """Start a lab of one's own. It ends when its standard input is closed and nobody else uses it.

    The hosts travel over standard input, since they may hold a password.
    """
    with (folder / "lab.log").open("ab") as log:
        process = subprocess.Popen(  # noqa: S603  our own interpreter and module
            [sys.executable, "-m", "harness.lab.server", str(folder)],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C is for the command, which still needs the lab to clean up
        )
    _input(process).write(json.dumps([asdict(host) for host in hosts]).encode() + b"\n")
    _input(process).flush()
    return process


def _input(process: subprocess.Popen[bytes]) -> IO[bytes]:
    if process.stdin is None:
        raise LabError("the lab was started without a standard input")
    return process.stdin


def _wait(folder: Path, process: subprocess.Popen[bytes] | None) -> dict[str, LabHost]:
    """Wait until the lab says where its hosts are."""
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until:
        if process is not None and process.poll() not in (None, 0):
            raise LabError(f"the lab ended at once; {folder / 'lab.log'} says why")
        found = read_hosts(folder)
        if found is not None and running(folder):
            return found
        time.sleep(0.02)
    raise LabError(f"the lab did not start within {_START_SECONDS:g} s; see {folder / 'lab.log'}")


def read_hosts(folder: Path) -> dict[str, LabHost] | None:
    """Read where the hosts answer; None while no lab has said so."""
    try:
        text = (folder / "hosts.json").read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    return {name: LabHost(**host) for name, host in json.loads(text).items()}


def write_hosts(folder: Path, hosts: dict[str, LabHost]) -> None:
    """Say where the hosts answer; readable by this user only, since it holds the lab's password."""
    fresh = folder / "hosts.json.new"
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump({name: asdict(host) for name, host in hosts.items()}, file)
    fresh.replace(folder / "hosts.json")


def _let_go(process: subprocess.Popen[bytes]) -> None:
    _input(process).close()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        return  # another command still uses it
