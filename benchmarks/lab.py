"""A lab in a process of its own that says what it was asked and how long it computed, so that its share can be told."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from harness.lab.client import Simulated, write_hosts
from harness.lab.server import Lab

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.lab.client import LabHost

USER, PASSWORD = "LAB\\bench", "bench:pass w0rd"


@dataclass(frozen=True, slots=True)
class Figures:
    """What a lab has done since it started.

    Args:
        cpu: Seconds that its process computed, all threads together.
        requests: HTTP requests by host.
    """

    cpu: float
    requests: dict[str, int]


class LabProcess:
    """The running process.

    Args:
        process: It.
        hosts: Where its hosts answer.
    """

    def __init__(self, process: subprocess.Popen[str], hosts: dict[str, LabHost]) -> None:
        self._process = process
        self.hosts = hosts

    def figures(self) -> Figures:
        """Ask what it has done."""
        _stream(self._process.stdin).write("figures\n")
        _stream(self._process.stdin).flush()
        return Figures(**json.loads(_stream(self._process.stdout).readline()))


@contextmanager
def lab(names: Sequence[str], folder: Path) -> Iterator[LabProcess]:
    """Serve simulated servers; commands find them as those of the inventory that stands in the folder.

    Args:
        names: Their full names.
        folder: Where `inventory.ini` and the lab's state go.
    """
    from harness.lab.client import read_hosts  # noqa: PLC0415 - the lab is an extra

    state = folder / ".harness" / "lab"
    state.mkdir(parents=True)
    write_inventory(names, folder)
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.lab", str(state)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        hosts = [asdict(Simulated(name, "2016", user=USER, password=PASSWORD, delegation=True)) for name in names]
        _stream(process.stdin).write(json.dumps(hosts) + "\n")
        _stream(process.stdin).flush()
        if not _stream(process.stdout).readline():
            raise RuntimeError("the lab didn't start")
        yield LabProcess(process, read_hosts(state) or {})
    finally:
        _stream(process.stdin).close()
        process.wait(60)


def write_inventory(names: Sequence[str], folder: Path) -> Path:
    """Write the inventory of simulated servers.

    The snap-in is the shortest way to the cmdlets, and the one that a `raw` task of Ansible's can go as well.
    """
    path = folder / "inventory.ini"
    lines = [
        "[exchange]",
        *names,
        "[exchange:vars]",
        "connection=lab",
        "exchange_version=2016",
        "exchange_access=snapin",
        "lab_delegation=true",
        f"winrm_user={USER}",
        "winrm_password=file:password",
    ]
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")
    secret = folder / "password"
    secret.write_text(PASSWORD, encoding="utf-8")
    secret.chmod(0o600)
    return path


def _stream(stream: IO[str] | None) -> IO[str]:
    if stream is None:
        raise AssertionError
    return stream


def _figures(running: Lab) -> dict[str, Any]:
    return {
        "cpu": time.process_time(),
        "requests": {name: server.requests for name, server in running.winrm.items()},
    }


async def _serve(folder: Path) -> None:
    hosts = [Simulated(**host) for host in json.loads(sys.stdin.readline())]
    running = Lab(hosts, folder)
    try:
        write_hosts(folder, await running.start())
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while await asyncio.to_thread(sys.stdin.readline):
            sys.stdout.write(json.dumps(_figures(running)) + "\n")
            sys.stdout.flush()
    finally:
        await running.stop()


def _main() -> None:
    folder = Path(sys.argv[1])
    with (folder / "server.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        (folder / "server.pid").write_text(str(os.getpid()), encoding="ascii")
        asyncio.run(_serve(folder))


if __name__ == "__main__":
    _main()
