"""The lab's process: every simulated host of a folder, behind its real protocols."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import functools
import json
import os
import secrets
import signal
import socket
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from harness.lab import console
from harness.lab.client import LabHost, Simulated, write_hosts
from harness.lab.machine import Machine, MachineSpec
from harness.lab.state.organisation import Organisations
from harness.lab.winrm.server import WinRMServer
from harness.lab.winrm.settings import HostSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_ADMINISTRATOR = "Administrator"


class Lab:
    """All simulated hosts of a folder.

    Args:
        hosts: What to simulate.
        folder: Where the state is kept.
    """

    def __init__(self, hosts: Sequence[Simulated], folder: Path) -> None:
        self._hosts = hosts
        self._folder = folder
        self.machines: dict[str, Machine] = {}
        self.winrm: dict[str, WinRMServer] = {}

    async def start(self) -> dict[str, LabHost]:
        """Bring all hosts up, and give where each one answers."""
        password = _own_password(self._folder)
        organisations = Organisations(self._folder)
        found = {}
        for number, host in enumerate(self._hosts):
            spec = _spec(host)
            machine = Machine.create(spec, organisations.of(spec), self._folder)
            organisations.settle(machine)
            users = {_ADMINISTRATOR: password}
            if host.user:
                users[_account(host.user)] = host.password
            machine.accounts = users
            settings = HostSettings(
                name=machine.name,
                fqdn=machine.fqdn,
                domain=machine.netbios_domain,
                users=users,
                address=host.address or _address(number),
            )
            server = WinRMServer(settings, functools.partial(console.run, machine))
            address, port = (await server.start())["http"]
            self.machines[host.name], self.winrm[host.name] = machine, server
            found[host.name] = LabHost(address, port, f"{machine.netbios_domain}\\{_ADMINISTRATOR}", password)
        return found

    async def stop(self) -> None:
        """Take all hosts down."""
        for server in self.winrm.values():
            await server.stop()


def _spec(host: Simulated) -> MachineSpec:
    return MachineSpec(
        name=host.name,
        exchange_version=host.version,
        roles=tuple(host.roles),
        delegation=host.delegation,
        subscribed=host.subscribed,
    )


def _account(user: str) -> str:
    r"""Give the account's own name of ``DOMAIN\user`` or ``user@domain``."""
    return user.rpartition("\\")[2].partition("@")[0]


def _address(number: int) -> str:
    """Give a host its own loopback address where the system has the whole of 127.0.0.0/8, as Linux does."""
    own = f"127.77.{number // 250}.{number % 250 + 1}"
    with contextlib.suppress(OSError), socket.socket() as probe:
        probe.bind((own, 0))
        return own
    return "127.0.0.1"


def _own_password(folder: Path) -> str:
    """Give the administrator's password: made up once, kept where only this user reads it."""
    file = folder / "password"
    with contextlib.suppress(FileExistsError):
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as new:
            new.write(secrets.token_urlsafe(18))
    return file.read_text(encoding="utf-8")


async def serve(hosts: Sequence[Simulated], folder: Path, on_ready: Callable[[], None] | None) -> None:
    """Serve until a signal comes; a lab that a command started also ends with its last user."""
    lab = Lab(hosts, folder)
    write_hosts(folder, await lab.start())
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    if on_ready is None:
        threading.Thread(target=_wait_for_users, args=(folder, loop, ended), daemon=True).start()
    else:
        on_ready()
    await ended.wait()
    (folder / "hosts.json").unlink(missing_ok=True)
    await lab.stop()


def _wait_for_users(folder: Path, loop: asyncio.AbstractEventLoop, ended: asyncio.Event) -> None:
    """Wait for the command that started this process to go, then for all others that use the lab."""
    sys.stdin.buffer.read()
    with (folder / "users.lock").open("ab") as lease:
        fcntl.flock(lease, fcntl.LOCK_EX)
        loop.call_soon_threadsafe(ended.set)


def run(hosts: Sequence[Simulated], folder: Path, *, on_ready: Callable[[], None] | None = None) -> bool:
    """Serve in this process.

    Args:
        hosts: What to simulate.
        folder: Where the state is kept.
        on_ready: Called once all hosts answer; they are then served until a signal comes. Without it the lab ends when
            standard input is closed and no command uses it any more.

    Returns:
        False, at once, where another process serves the folder.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / "server.lock").open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        (folder / "hosts.json").unlink(missing_ok=True)
        (folder / "server.pid").write_text(str(os.getpid()), encoding="ascii")
        asyncio.run(serve(hosts, folder, on_ready))
        return True


if __name__ == "__main__":
    line = sys.stdin.buffer.readline()
    run([Simulated(**host) for host in json.loads(line)], Path(sys.argv[1]))
