"""Simulated organisations and servers."""

from __future__ import annotations

import asyncio
import csv
import datetime as dt
import smtplib
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING, Any

import pytest

from harness.lab.host import SimulatedHost
from harness.lab.logs.files import PlainFiles
from harness.lab.logs.spool import Spool
from harness.lab.machine import Machine
from harness.lab.spec import MachineSpec
from harness.lab.state.organisation import Organisation, Organisations

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from harness.lab.host import Ports

PASSWORD = "pa:ss'word ü"
LETTER = "From: Ann <ann@example.net>\r\nSubject: Hello\r\nMessage-ID: <1@example.net>\r\n\r\nText\r\n"


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., tuple[Machine, ...]]:
    """Start servers of one organisation from the folder of this test, new ones or those of an earlier start."""

    def start(*names: str) -> tuple[Machine, ...]:
        specs = [MachineSpec(f"{name}.corp.example") for name in names]
        organisation = Organisation.open(tmp_path, specs)
        machines = tuple(Machine.create(spec, organisation, tmp_path) for spec in specs)
        for machine in machines:
            machine.accounts = {"Administrator": PASSWORD}
        return machines

    return start


@pytest.fixture
def machine(start: Callable[..., tuple[Machine, ...]]) -> Machine:
    """A newly installed server."""
    return start("EX01")[0]


@dataclass(slots=True)
class FakeClock:
    """A clock that a test sets."""

    time: dt.datetime = field(default_factory=lambda: dt.datetime(2026, 11, 23, 14, 59, 59, 250_000, tzinfo=dt.UTC))

    def __call__(self) -> dt.datetime:
        """Give the time."""
        return self.time

    def pass_time(self, **spans: float) -> None:
        """Let time pass."""
        self.time += dt.timedelta(**spans)


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands a moment before three in the afternoon of 23 November 2026."""
    return FakeClock()


class Drive:
    """A host's drives, read back as a log reader would."""

    def __init__(self, folder: Path) -> None:
        self.files = PlainFiles(folder)
        self.spool = Spool(self.files, "test")
        self._folder = folder

    def paths(self, pattern: str = "*") -> list[str]:
        """Give the Windows paths of all files."""
        self.spool.flush()
        found = (path.relative_to(self._folder) for path in self._folder.glob(f"c/**/{pattern}") if path.is_file())
        return sorted(f"{path.parts[0].upper()}:\\" + "\\".join(path.parts[1:]) for path in found)

    def text(self, path: str) -> str:
        """Give a file's text, with its line ends."""
        self.spool.flush()
        return self.files.local(PureWindowsPath(path)).read_bytes().decode()

    def rows(self, path: str) -> list[dict[str, str]]:
        """Read a comma-separated log by its header."""
        lines = self.text(path).splitlines(keepends=True)
        fields = next(line for line in lines if line.startswith("#Fields: ")).removeprefix("#Fields: ").strip()
        rows = list(csv.reader(line for line in lines if not line.startswith("#")))
        return [dict(zip(fields.split(","), row, strict=True)) for row in rows]

    def w3c(self, path: str) -> list[dict[str, str]]:
        """Read a W3C log, each row by the header above it."""
        found, fields = [], [""]
        for line in self.text(path).split("\r\n")[:-1]:
            if line.startswith("#Fields: "):
                fields = line.removeprefix("#Fields: ").split(" ")
            elif not line.startswith("#"):
                found.append(dict(zip(fields, line.split(" "), strict=True)))
        return found


@pytest.fixture
def drive(tmp_path: Path) -> Iterator[Drive]:
    """The drives of a host, empty."""
    drive = Drive(tmp_path / "hosts" / "127.0.0.1")
    yield drive
    drive.spool.close()


@dataclass(frozen=True, slots=True)
class Running:
    """A simulated host whose front ends answer in a thread of this process."""

    host: SimulatedHost
    ports: Ports
    machine: Machine
    drive: Drive
    address: str = "127.0.0.1"


@contextmanager
def loop_in_a_thread() -> Iterator[Callable[[Coroutine[Any, Any, Any]], Any]]:
    """Run coroutines from a test that isn't one."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="lab")
    thread.start()
    try:
        yield lambda coroutine: asyncio.run_coroutine_threadsafe(coroutine, loop).result(30)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture
def in_loop() -> Iterator[Callable[[Coroutine[Any, Any, Any]], Any]]:
    """Run coroutines in a thread of their own."""
    with loop_in_a_thread() as run:
        yield run


@pytest.fixture
def running(machine: Machine, tmp_path: Path, clock: FakeClock) -> Iterator[Running]:
    """A newly installed server with its front ends; log lines are held back until a test asks for them."""
    drive = Drive(tmp_path / "hosts" / "127.0.0.1")
    drive.spool.close()
    machine.accounts = {"Administrator": PASSWORD, "bob": "bob's:canary"}
    host = SimulatedHost(
        machine,
        "127.0.0.1",
        machine.accounts,
        drive.files,
        tmp_path / "certificates",
        flush_delay=600.0,
        now=clock,
    )
    drive.spool = host.spool
    with loop_in_a_thread() as run:
        ports = run(host.start())
        yield Running(host, ports, machine, drive)
        run(host.stop())


@pytest.fixture
def serve(tmp_path: Path, clock: FakeClock) -> Iterator[Callable[..., Running]]:
    """Start a server of some version and roles, with its receive connectors verbose."""
    with loop_in_a_thread() as run:
        started: list[SimulatedHost] = []

        def serve(version: str, roles: str, **more: bool) -> Running:
            spec = MachineSpec("ex01.corp.example", version, tuple(roles.split()), **more)
            organisations = Organisations(tmp_path)
            machine = Machine.create(spec, organisations.of(spec), tmp_path)
            organisations.settle(machine)
            machine.accounts = {"Administrator": PASSWORD}
            with machine.store.change():
                for connector in machine.receive_connectors:
                    connector.set("ProtocolLoggingLevel", "Verbose")
            drive = Drive(tmp_path / "hosts" / "127.0.0.1")
            drive.spool.close()
            host = SimulatedHost(
                machine,
                "127.0.0.1",
                machine.accounts,
                drive.files,
                tmp_path / "certificates",
                flush_delay=600.0,
                now=clock,
            )
            drive.spool = host.spool
            ports = run(host.start())
            started.append(host)
            return Running(host, ports, machine, drive)

        yield serve
        for host in started:
            run(host.stop())


def deliver(running: Running) -> None:
    """Send a message from outside."""
    with smtplib.SMTP(running.address, running.ports.smtp, "client.example.net", timeout=10) as client:
        client.sendmail("ann@example.net", ["bob@corp.example"], LETTER)
