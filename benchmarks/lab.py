"""A lab in processes of its own that say what they were asked and how long they computed, so their share is known."""

from __future__ import annotations

import asyncio
import fcntl
import gc
import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from harness.lab.client import LabHost, Simulated, write_hosts
from harness.lab.server import Lab

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


USER, PASSWORD = "LAB\\bench", "bench:pass w0rd"


@dataclass(frozen=True, slots=True)
class Figures:
    """What a lab has done since it started.

    Args:
        cpu: Seconds that its processes computed, all threads together.
        requests: HTTP requests by host.
    """

    cpu: float
    requests: dict[str, int]


class LabProcesses:
    """The running processes.

    Args:
        processes: They.
        hosts: Where their hosts answer.
    """

    def __init__(self, processes: Sequence[subprocess.Popen[str]], hosts: dict[str, LabHost]) -> None:
        self._processes = processes
        self.hosts = hosts

    def figures(self) -> Figures:
        """Ask what they have done."""
        cpu, requests = 0.0, {}
        for process in self._processes:
            _tell(process, "figures")
            done = Figures(**json.loads(_stream(process.stdout).readline()))
            cpu += done.cpu
            requests |= done.requests
        return Figures(cpu, requests)


@contextmanager
def lab(names: Sequence[str], folder: Path) -> Iterator[LabProcesses]:
    """Serve simulated servers; commands find them as those of the inventory that stands in the folder.

    Each core has a process with its part of them, since one Python process computes on one core only, and servers
    don't wait for each other.

    Args:
        names: Their full names.
        folder: Where `inventory.ini` and the lab's state go.
    """
    state = folder / ".harness" / "lab"
    state.mkdir(parents=True)
    write_inventory(names, folder)
    hosts = [
        Simulated(
            name,
            "2016",
            address=f"127.77.{place // 250}.{place % 250 + 1}",
            user=USER,
            password=PASSWORD,
            delegation=True,
        )
        for place, name in enumerate(names)
    ]
    count = min(len(os.sched_getaffinity(0)), len(hosts))
    processes: list[subprocess.Popen[str]] = []
    with (state / "server.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        (state / "server.pid").write_text(str(os.getpid()), encoding="ascii")
        try:
            for number in range(count):
                processes.append(_started(folder / f"lab-{number}"))
                _tell(processes[-1], json.dumps([asdict(host) for host in hosts[number::count]]))
            found = {name: host for process in processes for name, host in _hosts(process).items()}
            write_hosts(state, found)
            yield LabProcesses(processes, found)
        finally:
            for process in processes:
                _stream(process.stdin).close()
            for process in processes:
                process.wait(60)


def _address(place: int) -> str:
    return f"127.77.{place // 250}.{place % 250 + 1}"


def _started(folder: Path) -> subprocess.Popen[str]:
    """Start a process with a folder of its own."""
    folder.mkdir()
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks.lab", str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _tell(process: subprocess.Popen[str], line: str) -> None:
    _stream(process.stdin).write(f"{line}\n")
    _stream(process.stdin).flush()


def _hosts(process: subprocess.Popen[str]) -> dict[str, LabHost]:
    """Wait until a process says where its hosts answer."""
    line = _stream(process.stdout).readline()
    if not line:
        raise RuntimeError("the lab didn't start")
    return {name: LabHost(**host) for name, host in json.loads(line).items()}


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
    running = Lab([Simulated(**host) for host in json.loads(sys.stdin.readline())], folder)
    try:
        found = await running.start()
        # What many servers are made of stays; looking through it for what doesn't takes a tenth of the time.
        gc.freeze()
        gc.set_threshold(100_000, 50, 100)
        _say({name: asdict(host) for name, host in found.items()})
        while await asyncio.to_thread(sys.stdin.readline):
            _say(_figures(running))
    finally:
        await running.stop()


def _say(value: object) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    # Many servers compute here at once; handing the interpreter from one to the next that often costs a tenth.
    sys.setswitchinterval(0.02)
    asyncio.run(_serve(Path(sys.argv[1])))
