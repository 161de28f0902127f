"""Real Dask clusters on loopback: a scheduler and its workers, each a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from harness.executor.address import Address
from harness.executor.cluster import DaskExecutor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

START_SECONDS = 60.0
SUPPORT = Path(__file__).parent


def wait_for(condition: Callable[[], bool], what: str) -> None:
    """Wait until something holds."""
    ends = time.monotonic() + START_SECONDS
    while not condition():
        assert time.monotonic() < ends, what
        time.sleep(0.05)


class Cluster:
    """A scheduler and its workers.

    Args:
        folder: For their logs.
        options: Of all of them, for TLS.
        environment: Of the workers, beside this process's.
    """

    def __init__(self, folder: Path, options: Sequence[str] = (), environment: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self._options = options
        # Workers import harness, and the tests' tasks.
        self._environment = {**os.environ, "PYTHONPATH": str(SUPPORT), **(environment or {})}
        self._file = folder / "scheduler.json"
        self._processes: list[subprocess.Popen[bytes]] = []
        self.workers: list[subprocess.Popen[bytes]] = []
        protocol = ["--protocol", "tls"] if options else []
        command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--port", "0", *protocol]
        self._start([*command, "--scheduler-file", str(self._file)], "scheduler")

    @property
    def address(self) -> str:
        """As the user writes it."""
        # It is there before it is whole.
        wait_for(lambda: self._file.exists() and "}" in self._file.read_text()[-2:], "the scheduler didn't start")
        written = str(json.loads(self._file.read_text())["address"])
        return written.replace("tcp://", "dask://").replace("tls://", "dask+tls://")

    def worker(self, prelude: str = "") -> subprocess.Popen[bytes]:
        """Start a worker, with something to do before."""
        main = f"{prelude}\nfrom distributed.cli.dask_worker import main\nmain()"
        options = ["--no-nanny", "--nthreads", "1", "--scheduler-file", str(self._file)]
        self.workers.append(self._start([sys.executable, "-c", main, *options], f"worker{len(self.workers)}"))
        return self.workers[-1]

    def _start(self, command: list[str], name: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("wb") as log:
            own = ["--host", "127.0.0.1", "--no-dashboard", *self._options]
            process = subprocess.Popen([*command, *own], stdout=log, stderr=log, env=self._environment, cwd=self.folder)
        self._processes.append(process)
        return process

    def executor(self, **files: Path) -> DaskExecutor:
        """Connect to it."""
        tls = {"ca": None, "cert": None, "key": None, **files}
        address = Address.parse(self.address, **tls)
        assert address is not None
        return DaskExecutor(address, seconds=30)

    def ensure(self, count: int) -> None:
        """Have so many workers, whatever became of the ones before."""
        from distributed import Client  # noqa: PLC0415 - an extra

        alive = [worker for worker in self.workers if worker.poll() is None]
        for _ in range(count - len(alive)):
            self.worker()
        with Client(self.address.replace("dask://", "tcp://"), set_as_default=False) as client:
            wait_for(lambda: len(client.nthreads()) == count, f"there aren't {count} workers")

    def kill_worker(self) -> None:
        """End one of the workers as the kernel does where memory is short."""
        worker = next(worker for worker in self.workers if worker.poll() is None)
        worker.send_signal(signal.SIGKILL)
        worker.wait()

    def logs(self) -> str:
        """Give all that they logged."""
        return "\n".join(path.read_text() for path in self.folder.glob("*.log"))

    def stop(self) -> None:
        """End all of it."""
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.wait()


@contextmanager
def running(cluster: Cluster) -> Iterator[Cluster]:
    """End a cluster with the block."""
    try:
        yield cluster
    finally:
        cluster.stop()


PASSWORD = "canary-4711-Passw0rd"
"""What the workers' environment holds as ``WORKERS_PASSWORD``, and this process's doesn't."""
