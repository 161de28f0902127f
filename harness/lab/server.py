"""The lab's process: every simulated host of a folder, behind its real protocols."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import logging
import os
import secrets
import signal
import socket
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from harness.lab import publicshares
from harness.lab.client import LabHost, Simulated, write_hosts
from harness.lab.embedded_smb import EmbeddedSmb
from harness.lab.host import SimulatedHost
from harness.lab.logs.files import HeldFiles, PlainFiles
from harness.lab.machine import Machine
from harness.lab.samba import Samba
from harness.lab.smbserver import LabSmbError, SmbUser
from harness.lab.spec import spec_of
from harness.lab.state.organisation import Organisations
from harness.lab.state.principals import administers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.lab.logs.files import Files
    from harness.lab.smbserver import SmbServer
    from harness.lab.winrm.server import WinRMServer

_log = logging.getLogger(__name__)
_ADMINISTRATOR = "Administrator"


class Lab:
    """All simulated hosts of a folder.

    Args:
        hosts: What to simulate.
        folder: Where the state is kept.
    """

    def __init__(self, hosts: Sequence[Simulated], folder: Path) -> None:
        self._simulated = hosts
        self._folder = folder
        self.smb: SmbServer | None = None
        """The file server of all hosts, once it runs."""
        self.hosts: dict[str, SimulatedHost] = {}

    @property
    def machines(self) -> dict[str, Machine]:
        """The hosts' states, by name."""
        return {name: host.machine for name, host in self.hosts.items()}

    @property
    def winrm(self) -> dict[str, WinRMServer]:
        """The hosts' WinRM services, by name."""
        return {name: host.winrm for name, host in self.hosts.items()}

    async def start(self) -> dict[str, LabHost]:
        """Bring all hosts up, and give where each one answers."""
        try:
            return await self._start()
        except BaseException:
            await self.stop()
            raise

    async def _start(self) -> dict[str, LabHost]:
        password = _own_password(self._folder)
        addresses = [host.address or _address(number) for number, host in enumerate(self._simulated)]
        users = [_users(host, password) for host in self._simulated]
        smb = asyncio.create_task(asyncio.to_thread(_serve_files, self._folder, addresses, _smb_users(users)))
        try:
            organisations = Organisations(self._folder)
            machines = [_machine(host, organisations, self._folder) for host in self._simulated]
        finally:
            self.smb = await smb
        found = {}
        for host, machine, address, known in zip(self._simulated, machines, addresses, users, strict=True):
            machine.accounts = known
            self.hosts[host.name] = await asyncio.to_thread(self._host, host, machine, address, known)
            await asyncio.to_thread(self._publish, machine, address)
            ports = await self.hosts[host.name].start()
            found[host.name] = LabHost(
                address=address,
                port=ports.winrm,
                user=f"{machine.netbios_domain}\\{_ADMINISTRATOR}",
                password=known[_ADMINISTRATOR],
                smb_port=self.smb.port if self.smb else 0,
                smtp_port=ports.smtp,
                submission_port=ports.submission,
                http_port=ports.http,
                certificate=str(self.hosts[host.name].certificate),
            )
        return found

    def _host(self, host: Simulated, machine: Machine, address: str, users: dict[str, str]) -> SimulatedHost:
        files: Files = PlainFiles(self._folder / "hosts" / address)
        if self.smb is not None and not self.smb.degraded:
            writer = SmbUser(_ADMINISTRATOR, users[_ADMINISTRATOR])
            files = HeldFiles(self._folder / "hosts" / address, address, self.smb.port, writer)
        return SimulatedHost(
            machine,
            address,
            users,
            files,
            self._folder / "certificates",
            flush_delay=host.flush_delay,
            probe_interval=host.probe_interval,
        )

    def _publish(self, machine: Machine, address: str) -> None:
        """Serve the shares that are made on a host, from now on."""
        samba = self.smb
        if not isinstance(samba, Samba):
            return
        drives = PlainFiles(self._folder / "hosts" / address)

        turn = threading.Lock()  # of two changes at once the later one must be what is served

        def follow() -> None:
            with turn:
                samba.publish(address, publicshares.shares(machine, drives))

        machine.network.on_change = follow
        follow()

    async def stop(self) -> None:
        """Take all hosts down, and no process of theirs stays."""
        for host in self.hosts.values():
            await host.stop()
        if self.smb is not None:
            await asyncio.to_thread(self.smb.stop)


def _users(host: Simulated, password: str) -> dict[str, str]:
    """Give the passwords of a host's accounts. An inventory may name the administrator and choose its password."""
    users = {_ADMINISTRATOR: password}
    for user, own in ((host.user, host.password), (host.smb_user, host.smb_password)):
        if user and own:
            account = _account(user)
            users[_ADMINISTRATOR if account.lower() == _ADMINISTRATOR.lower() else account] = own
    return users


def _smb_users(hosts: Sequence[dict[str, str]]) -> list[SmbUser]:
    """Give everybody who may sign in to the one file server of all hosts."""
    users: dict[str, SmbUser] = {}
    for name, password in (account for host in hosts for account in host.items()):
        kept = users.setdefault(name.lower(), SmbUser(name, password, admin=administers(name)))
        if kept.password != password:
            _log.warning("%s has several passwords; over SMB the first one counts on every host", name)
    return list(users.values())


def _serve_files(folder: Path, addresses: Sequence[str], users: Sequence[SmbUser]) -> SmbServer | None:
    """Start the file server of all hosts: Samba's, else the embedded one; ``None`` where neither can be had."""
    for kind in (Samba, EmbeddedSmb):
        server: SmbServer = kind(folder, list(dict.fromkeys(addresses)), users)
        try:
            server.start()
        except LabSmbError as error:
            _log.warning("%s (%s)", error.message, error.hint)
        else:
            if server.degraded:
                _log.warning("SMB is served by the embedded server: SMB 2.0.2, no encryption, no share modes")
            return server
    _log.warning("the hosts' logs are not served over SMB")
    return None


def _machine(host: Simulated, organisations: Organisations, folder: Path) -> Machine:
    spec = spec_of(host)
    machine = Machine.create(spec, organisations.of(spec), folder)
    organisations.settle(machine)
    return machine


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
