"""Past one machine: a folder of logs parsed by two workers of a Dask cluster beside one process."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING

from benchmarks import generate
from benchmarks.table import Goal, Measured, Table, in_turns, ratio

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_BYTES = 1_000_000_000
_FILE = 10_000_000  # Exchange begins a new file at 10 MB
_MORE = 3  # times as much: what it takes to begin and to end counts less
_WANTED = 1.7
_WORKERS = 2
_START_SECONDS = 60.0
_ONE, _TWO = "one process", "two workers"
_BOUND = (
    "two cores for two workers, the scheduler and the command itself: what those need is taken from the workers. "
    "Importing Dask and connecting takes most of a second in which no worker has anything to do, and the reader by the "
    "block needs four for a gigabyte; JSON lines, three bytes for each byte of log, go through scheduler and command"
)


def run(scale: float = 1.0) -> list[Table]:
    """Measure.

    Args:
        scale: How much is parsed; 1 for 1 GB.
    """
    if importlib.util.find_spec("distributed") is None:
        missing = "two workers: distributed isn't installed (pip install 'exchange-log-harness[dask]')"
        return [Table("Past one machine", (), (), (missing,))]
    with tempfile.TemporaryDirectory(prefix="harness-scale-") as name:
        folder = Path(name)
        large, small = folder / "large", folder / "small"
        size, tenth = _write(large, int(_BYTES * scale)), _write(small, int(_BYTES * scale / 10))
        with _cluster(folder) as cluster:
            return [
                _beside([large], size, cluster, "Parsing row by row, counted", "--summary", "--engine", "strict"),
                _beside([large], size, cluster, "Parsing by the block, counted", "--summary"),
                _beside([large] * _MORE, size, cluster, "Parsing by the block, counted", "--summary"),
                _beside([small] * _MORE, tenth, cluster, "Parsing to JSON lines", "--output", "json"),
                _killed(small, tenth, cluster),
            ]


def _write(folder: Path, size: int) -> int:
    """Write logs of three kinds: two as Exchange cuts them, and one of IIS that is large. Gives their bytes."""
    folder.mkdir()
    share = size // 3
    for kind in ("msgtrk", "smtp"):
        first = generate.write(folder, kind, min(_FILE, share))
        for number in range(1, share // _FILE):
            shutil.copyfile(first, folder / first.name.replace("-1", f"-{number + 1}"))
    generate.write(folder, "owa", share)
    return sum(path.stat().st_size for path in folder.iterdir())


class _Cluster:
    """A scheduler and workers on this machine.

    Args:
        folder: For their files.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / "scheduler.json"
        self.processes: list[subprocess.Popen[bytes]] = []
        self._start("distributed.cli.dask_scheduler", "--port", "0")
        self.address = self._address().replace("tcp://", "dask://")

    def _start(self, module: str, *options: str) -> subprocess.Popen[bytes]:
        common = ["--host", "127.0.0.1", "--no-dashboard", "--scheduler-file", str(self._file)]
        with (self._folder / "cluster.log").open("ab") as log:
            command = [sys.executable, "-m", module, *options, *common]
            process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self._folder)
        self.processes.append(process)
        return process

    def _address(self) -> str:
        until = time.monotonic() + _START_SECONDS
        while not (self._file.exists() and "}" in self._file.read_text()[-2:]):  # it is there before it is whole
            if time.monotonic() > until:
                message = f"the scheduler didn't start; see {self._folder / 'cluster.log'}"
                raise TimeoutError(message)
            time.sleep(0.1)
        return str(json.loads(self._file.read_text())["address"])

    def computed(self) -> tuple[float, float]:
        """Give how many seconds the scheduler and the workers have computed so far."""
        import psutil  # noqa: PLC0415 - comes with distributed

        used = [sum(psutil.Process(each.pid).cpu_times()[:2]) for each in self.processes]
        return used[0], sum(used[1:])

    def worker(self) -> subprocess.Popen[bytes]:
        """Start a worker."""
        return self._start("distributed.cli.dask_worker", "--nthreads", "1", "--no-nanny")

    def wait(self, count: int) -> None:
        """Wait for so many workers."""
        from distributed import Client  # noqa: PLC0415 - an extra

        with Client(self.address.replace("dask://", "tcp://"), set_as_default=False) as client:
            client.wait_for_workers(count, timeout=_START_SECONDS)


@contextmanager
def _cluster(folder: Path) -> Iterator[_Cluster]:
    cluster = _Cluster(folder)
    try:
        for _ in range(_WORKERS):
            cluster.worker()
        cluster.wait(_WORKERS)
        yield cluster
    finally:
        for process in cluster.processes:
            process.kill()
            process.wait()


def _command(logs: Sequence[Path], *options: str) -> list[str]:
    return [str(Path(sys.executable).with_name("harness")), "parse", *options, *map(str, logs)]


def _parse(command: list[str]) -> None:
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)


def _commands_computed() -> float:
    """Give how many seconds the commands that have ended computed."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _beside(logs: Sequence[Path], size: int, cluster: _Cluster, title: str, *options: str) -> Table:
    """Measure both sides."""
    title = f"{title}, {size * len(logs) / 1e9:.2f} GB in {sum(len(list(each.iterdir())) for each in logs)} files"
    notes: dict[str, dict[str, object]] = {}

    def run(name: str, command: list[str]) -> None:
        before = (_commands_computed(), *cluster.computed())
        _parse(command)
        after = (_commands_computed(), *cluster.computed())
        used = [round(end - begin, 1) for begin, end in zip(before, after, strict=True)]
        whose = ("the command's cpu s", "the scheduler's cpu s", "the workers' cpu s")
        notes[name] = dict(zip(whose[: 1 if name == _ONE else None], used, strict=False))

    sides = {
        _ONE: partial(run, _ONE, _command(logs, *options)),
        _TWO: partial(run, _TWO, _command(logs, *options, "--executor", cluster.address)),
    }
    times = in_turns(sides, 1)
    got = ratio(times[_ONE], times[_TWO])
    return Table(
        title,
        tuple(Measured(name, each, size * len(logs) / 1e6, "MB", notes[name]) for name, each in times.items()),
        (Goal(f"{title}: two workers at least {_WANTED} times one process", _WANTED, got, bound=_BOUND),),
    )


def _killed(logs: Path, size: int, cluster: _Cluster) -> Table:
    """Kill a worker in mid-run, and compare what came out to the byte."""
    whole = _digest(_command([logs], "--output", "json"), None)
    begun = time.perf_counter()
    victim = cluster.worker()
    cluster.wait(_WORKERS + 1)
    broken = _digest(_command([logs], "--output", "json", "--executor", cluster.address), victim)
    seconds = time.perf_counter() - begun
    return Table(
        "A worker killed in mid-run",
        (Measured("three workers, one of them killed", (seconds,), size / 1e6, "MB", {"sha256": broken[:16]}),),
        (Goal("the output is the same to the byte as one process's (1: yes)", 1, float(whole == broken)),),
    )


def _digest(command: list[str], victim: subprocess.Popen[bytes] | None) -> str:
    """Digest what a command writes; kill a worker once it has begun to write."""
    digest = hashlib.sha256()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        output = process.stdout
        if output is None:
            raise RuntimeError
        _drain(output, digest, victim)
    return digest.hexdigest()


def _drain(output: IO[bytes], digest: hashlib._Hash, victim: subprocess.Popen[bytes] | None) -> None:
    while data := output.read(1 << 20):
        digest.update(data)
        if victim is not None and victim.poll() is None:
            os.kill(victim.pid, signal.SIGKILL)
            victim.wait()
