"""Simulated hosts in this process, so that tests can look at them and break them, and the command line against them."""

from __future__ import annotations

import asyncio
import fcntl
import io
import json
import threading
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.cli.main import cli
from harness.errors import HarnessError
from harness.lab.client import LabHost, Simulated, read_hosts, write_hosts
from harness.lab.server import Lab

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator
    from pathlib import Path

    from harness.lab.host import SimulatedHost
    from harness.lab.machine import Machine
    from harness.lab.smbserver import SmbServer
    from harness.lab.winrm.mishap import Mishap
    from harness.lab.winrm.server import WinRMServer


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as JSON."""
        return json.loads(self.out)


class RunningLab:
    """A lab in a thread of this process.

    Args:
        folder: Where its inventory and its state go.
        hosts: Its hosts: names of 2016 servers, or servers of any kind. The inventory doesn't say what they are.
        user: An account that may sign in beside the lab's own.
        password: That account's.
    """

    def __init__(self, folder: Path, hosts: list[str | Simulated], user: str = "", password: str = "") -> None:
        simulated = [
            host if isinstance(host, Simulated) else Simulated(host, "2016", user=user, password=password)
            for host in hosts
        ]
        names = [host.name for host in simulated]
        self.inventory = folder / "inventory.ini"
        self.inventory.write_text("[exchange]\n" + "\n".join(names) + "\n[exchange:vars]\nconnection=lab\n")
        self._state = folder / ".harness" / "lab"
        self._state.mkdir(parents=True, exist_ok=True)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="lab")
        self._lab = Lab(simulated, self._state)

    @contextmanager
    def running(self) -> Iterator[RunningLab]:
        """Serve, and be found by commands as any lab is."""
        self._thread.start()
        with (self._state / "server.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            try:
                write_hosts(self._state, self._await(self._lab.start()))
                yield self
            finally:
                self._await(self._lab.stop())
                self._loop.call_soon_threadsafe(self._loop.stop)
                self._thread.join()
                self._loop.close()

    def _await(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(30)

    def machine(self, name: str) -> Machine:
        """Give a host's state."""
        return self._lab.machines[name]

    def host(self, name: str) -> SimulatedHost:
        """Give a host with its front ends."""
        return self._lab.hosts[name]

    def reached(self, name: str) -> LabHost:
        """Give where a host answers."""
        return (read_hosts(self._state) or {})[name]

    @property
    def smb(self) -> SmbServer | None:
        """The file server of all hosts."""
        return self._lab.smb

    def drive(self, name: str) -> Path:
        """Give the folder that is a host's drive C."""
        return self._state / "hosts" / self.host(name).address / "c"

    def server(self, name: str) -> WinRMServer:
        """Give a host's WinRM service."""
        return self._lab.winrm[name]

    def befall(self, name: str, mishap: Mishap) -> None:
        """Let something go wrong with a host."""
        self._await(self.server(name).set_mishap(mishap))

    def playbook(self, text: str) -> Path:
        """Write a playbook beside the inventory."""
        path = self.inventory.parent / "playbook.yml"
        path.write_text(text)
        return path

    def run(self, command: str, *arguments: str | Path) -> Ended:
        """Run a command on this lab's inventory, in this process."""
        return run(command, self.inventory, *arguments)


def run(*arguments: str | Path) -> Ended:
    """Run the command line in this process, as `main` does."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            code = cli.main([str(argument) for argument in arguments], standalone_mode=False)
        except HarnessError as error:
            code = error.exit_code
            err.write(error.message)
    return Ended(code if isinstance(code, int) else 0, out.getvalue(), err.getvalue())
