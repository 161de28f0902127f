"""Many servers at once: `harness apply` with nothing to change, beside Ansible running the same cmdlets.

Every server is simulated, on a loopback address of its own, and speaks WinRM with NTLM and message encryption. Both
sides work on the same servers in turns. The servers compute on the same two cores, so their share is told.
"""

from __future__ import annotations

import os
import re
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import ansible
from benchmarks.lab import PASSWORD, USER, LabProcesses, lab
from benchmarks.table import Goal, Measured, Table, ratio

if TYPE_CHECKING:
    from collections.abc import Sequence

_TOP = Path(__file__).parent.parent
_FORKS = 20
_HOSTS = 50
_TASKS = 20
_ROUNDS = 3
_THEIR_ROUNDS = 2  # a minute each
_FASTER = 10.0
_REQUESTS = 12
_FLAT = 1.2
_WAITING = 1000
_LOOK_SECONDS = 0.02
_WAIT_SECONDS = 6
_MEMORY_MB = 500

_WEB = "Import-Module WebAdministration; "
_EXCHANGE = "Add-PSSnapin Microsoft.Exchange.Management.PowerShell.SnapIn; "
_FILTER = "system.applicationHost/sites/site[@id=''1'']/logFile"
_LOG = f"-PSPath 'MACHINE/WEBROOT/APPHOST' -Filter '{_FILTER}' -Name logExtFileFlags"
_SERVICES = ("MSExchangeTransport", "W3SVC", "MSExchangeFrontEndTransport", "IISADMIN", "MSExchangeIS")

# A task as a playbook says it, true of a server as it is installed, and the cmdlets that a script of one's own would
# call for it.
_KINDS = (
    (
        "iis_logging: {{sites: [Default Web Site], fields: [cs-method, cs-uri-stem]}}",
        _WEB + f"Get-WebConfigurationProperty {_LOG}",
    ),
    (
        'receive_connector: {{names: ["Default Frontend *"], protocol_logging: verbose}}',
        _EXCHANGE + "Get-ReceiveConnector -Server $env:COMPUTERNAME | ForEach-Object {{ $_.ProtocolLoggingLevel }}",
    ),
    (
        'send_connector: {{names: ["*"], protocol_logging: none}}',
        _EXCHANGE + "Get-SendConnector | ForEach-Object {{ $_.ProtocolLoggingLevel }}",
    ),
    (
        "message_tracking: {{enabled: true}}",
        _EXCHANGE + "(Get-TransportService -Identity $env:COMPUTERNAME).MessageTrackingLogEnabled",
    ),
    (
        "service: {{names: [{service}], state: running}}",
        "(Get-WmiObject -Class Win32_Service | Where-Object {{ $_.Name -eq '{service}' }}).State",
    ),
)


def run(scale: float = 1.0) -> list[Table]:
    """Measure fleets.

    Args:
        scale: How much is measured; 1 for figures.
    """
    hosts = max(2, int(_HOSTS * scale))
    rounds = max(1, int(_ROUNDS * scale))
    sizes = [max(1, int(size * scale)) for size in (1, 10, 50, 250)] if scale >= 1 else [1, hosts]
    names = [f"ex{number:03}.lab.example" for number in range(1, max(hosts, *sizes) + 1)]
    with tempfile.TemporaryDirectory(prefix="harness-bench-") as folder, lab(names, Path(folder)) as running:
        bench = _Bench(Path(folder), running, names)
        return [
            _against_ansible(bench, hosts, rounds),
            _by_tasks(bench, hosts, rounds + 2 if rounds > 1 else 1, (5, 20, 100) if scale >= 1 else (5, 100)),
            _by_hosts(bench, sizes, min(2, rounds)),
            _waiting(Path(folder) / "silent", max(20, int(_WAITING * scale)), max(1, int(_WAIT_SECONDS * scale))),
        ]


@dataclass(frozen=True, slots=True)
class _Ended:
    """How a process of harness's ended.

    Args:
        seconds: How long it took, its start included.
        cpu: Seconds that it computed.
        memory_mb: Its largest memory.
        code: Its exit code.
        said: What it printed.
    """

    seconds: float
    cpu: float
    memory_mb: int
    code: int
    said: str


@dataclass(frozen=True, slots=True)
class _Run:
    """One run on simulated servers.

    Args:
        ended: harness's process.
        lab: Seconds that the servers computed meanwhile.
        requests: Of the server that was asked most.
    """

    ended: _Ended
    lab: float
    requests: int


class _Bench:
    """The simulated servers with the playbooks that run on them.

    Args:
        folder: Where the inventory is.
        running: The lab.
        names: The servers' names.
    """

    def __init__(self, folder: Path, running: LabProcesses, names: Sequence[str]) -> None:
        self.folder = folder
        self.running = running
        self.names = names

    def apply(self, tasks: int, hosts: int, *, within: Sequence[str] = ()) -> _Run:
        """Run a playbook that finds nothing to change.

        Args:
            tasks: How many.
            hosts: On how many servers.
            within: A module, with its arguments, that runs harness in its process.

        Raises:
            RuntimeError: Something failed, or was changed.
        """
        playbook = self.folder / f"tasks-{tasks}.yml"
        lines = [f"    - {_kind(number)[0]}" for number in range(tasks)]
        playbook.write_text("\n".join(["- hosts: all", "  tasks:", *lines, ""]), encoding="utf-8")
        arguments = ["apply", str(self.folder / "inventory.ini"), "-p", str(playbook)]
        before = self.running.figures()
        ended = _harness([*arguments, "-l", ":".join(self.names[:hosts]), "--forks", str(_FORKS)], within)
        after = self.running.figures()
        recap = re.findall(r"^\S+ +: ok=(\d+) +changed=(\d+)", ended.said, re.MULTILINE)
        if recap != [(str(tasks), "0")] * hosts:
            raise RuntimeError(f"not every one of {hosts} hosts was ok and unchanged: {ended.said[-2000:]}")
        requests = max(after.requests[name] - before.requests[name] for name in self.names)
        return _Run(ended, after.cpu - before.cpu, requests)

    def profile(self, tasks: int, hosts: int) -> tuple[str, ...]:
        """Give the places where harness's time goes."""
        output = self.folder / "profile.txt"
        self.apply(tasks, hosts, within=["benchmarks.sampler", str(output)])
        return tuple(output.read_text(encoding="utf-8").splitlines())


def _kind(number: int) -> tuple[str, str]:
    """Give the task of a number, and the script that asks the same."""
    ours, theirs = _KINDS[number % len(_KINDS)]
    service = _SERVICES[number // len(_KINDS) % len(_SERVICES)]
    return ours.format(service=service), theirs.format(service=service)


def _harness(arguments: Sequence[str], within: Sequence[str] = ()) -> _Ended:
    """Run harness in a process of its own."""
    begun = time.perf_counter()
    with tempfile.TemporaryFile("w+") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", *within, "harness", *arguments], stdout=out, stderr=subprocess.STDOUT, cwd=_TOP
        )
        memory = 0
        while not (ended := os.wait4(process.pid, os.WNOHANG))[0]:
            memory = max(memory, _peak(process.pid))
            time.sleep(_LOOK_SECONDS)
        seconds = time.perf_counter() - begun
        _, status, usage = ended
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        return _Ended(seconds, usage.ru_utime + usage.ru_stime, memory, process.returncode, out.read())


def _peak(process: int) -> int:
    """Give a process's largest memory so far, in MB. What `wait4` tells counts this process as it was forked, too."""
    with suppress(OSError):
        for line in Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) >> 10
    return 0


def _side(name: str, runs: Sequence[_Run], hosts: int) -> Measured:
    """Give harness's side of a table."""
    return Measured(
        name,
        tuple(each.ended.seconds for each in runs),
        hosts,
        "hosts",
        {
            "requests/host": max(each.requests for each in runs),
            "ms/host": round(statistics.median(each.ended.seconds for each in runs) * 1000 / hosts, 1),
            "harness's cpu s": round(statistics.median(each.ended.cpu for each in runs), 2),
            "the servers' cpu s": round(statistics.median(each.lab for each in runs), 2),
            "memory MB": max(each.ended.memory_mb for each in runs),
        },
    )


def _against_ansible(bench: _Bench, hosts: int, rounds: int) -> Table:
    """20 tasks on 50 servers, both sides in turns."""
    title = (
        f"Fleet: {hosts} servers, {_TASKS} tasks, nothing to change, NTLM with message encryption, {_FORKS} at a time"
    )
    program = ansible.find()
    if program is None:
        runs = [bench.apply(_TASKS, hosts) for _ in range(rounds)]
        return Table(title, (_side("harness apply", runs, hosts),), _asked(runs), ("ansible-playbook: not installed",))
    scripts = [_kind(number)[1] for number in range(_TASKS)]
    chosen = {name: bench.running.hosts[name] for name in bench.names[:hosts]}
    theirs = ansible.Ansible(program, chosen, scripts, bench.folder / "ansible", forks=_FORKS)
    runs, times, labs, asked = [bench.apply(_TASKS, hosts)], [], [], 0
    for _ in range(min(rounds, _THEIR_ROUNDS)):
        before, begun = bench.running.figures(), time.perf_counter()
        theirs.run()
        times.append(time.perf_counter() - begun)
        after = bench.running.figures()
        labs.append(after.cpu - before.cpu)
        asked = max(after.requests[name] - before.requests[name] for name in chosen)
        runs.append(bench.apply(_TASKS, hosts))
    faster = ratio(times, [each.ended.seconds for each in runs])
    goal = Goal(
        f"at least {_FASTER:g} times faster than ansible-playbook -f {_FORKS}",
        _FASTER,
        faster,
        bound="the simulated servers, which compute on the same cores: their seconds stand beside harness's",
    )
    other = Measured(
        f"ansible-playbook -f {_FORKS} (ansible-core {metadata.version('ansible-core')})",
        tuple(times),
        hosts,
        "hosts",
        {"requests/host": asked, "the servers' cpu s": round(statistics.median(labs), 2)},
    )
    sides = (_side("harness apply", runs, hosts), other)
    return Table(title, sides, (goal, *_asked(runs)), profile=bench.profile(_TASKS, hosts))


def _asked(runs: Sequence[_Run]) -> tuple[Goal, ...]:
    """Say whether a server was asked seldom enough."""
    requests = max(each.requests for each in runs)
    return (Goal(f"at most {_REQUESTS} requests a host, sign-in included", _REQUESTS, requests, at_most=True),)


def _by_tasks(bench: _Bench, hosts: int, rounds: int, counts: Sequence[int]) -> Table:
    """The cost of a host doesn't grow with its tasks."""
    runs: dict[int, list[_Run]] = {count: [] for count in counts}
    for _ in range(rounds):
        for count, done in runs.items():
            done.append(bench.apply(count, hosts))
    seconds = {count: [each.ended.seconds for each in done] for count, done in runs.items()}
    return Table(
        f"Fleet: {hosts} servers, {', '.join(map(str, counts))} tasks",
        tuple(_side(f"{count} tasks", done, hosts) for count, done in runs.items()),
        (
            Goal(
                "100 tasks cost a host at most 1.2 times what 5 cost",
                _FLAT,
                ratio(seconds[100], seconds[5]),
                at_most=True,
                bound="what is rendered, compared and printed of each task, some 0.1 ms of computing",
            ),
            *_asked([each for done in runs.values() for each in done]),
        ),
    )


def _by_hosts(bench: _Bench, sizes: Sequence[int], rounds: int) -> Table:
    """Time grows no faster than the hosts."""
    runs = {size: [bench.apply(_TASKS, size) for _ in range(rounds)] for size in sizes}
    seconds = {size: [each.ended.seconds for each in done] for size, done in runs.items()}
    most, before = sizes[-1], sizes[-2]
    growth = ratio(seconds[most], seconds[before]) / (most / before)
    return Table(
        f"Fleet: {', '.join(map(str, sizes))} servers, {_TASKS} tasks",
        tuple(_side(f"{size} servers", done, size) for size, done in runs.items()),
        (
            Goal(
                f"from {before} to {most} servers time grows no faster than the servers",
                1.05,
                growth,
                at_most=True,
                bound="the simulated servers",
            ),
        ),
    )


def _waiting(folder: Path, count: int, seconds: int) -> Table:
    """Servers that take a connection and say nothing, all waited for at once."""
    folder.mkdir()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 3 * count)), hard))
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(2 * count)  # nobody takes these connections up
        inventory = folder / "inventory.ini"
        inventory.write_text(
            f"[exchange]\ndead[0001:{count:04}].lab.example\n[exchange:vars]\naddress=127.0.0.1\n"
            f"winrm_port={silent.getsockname()[1]}\nwinrm_user={USER}\nwinrm_password=env:HARNESS_BENCH\n"
            f"winrm_read_timeout={seconds}\nexchange_version=2016\n",
            encoding="utf-8",
        )
        os.environ["HARNESS_BENCH"] = PASSWORD
        alone = _harness(["apply", str(inventory), "-l", "dead0001.lab.example"])
        together = _harness(["apply", str(inventory), "--forks", str(count)])
    for ended, servers in ((alone, 1), (together, count)):
        if ended.said.count("gave no answer") != servers:
            raise RuntimeError(f"{servers} silent servers weren't all waited for: {ended.said[-2000:]}")
    each = (together.memory_mb - alone.memory_mb) * 1024 / count
    return Table(
        f"Fleet: {count} servers that take a connection and say nothing, all waited for at once",
        tuple(
            Measured(name, (ended.seconds,), notes={"memory MB": ended.memory_mb, "cpu s": round(ended.cpu, 2), **more})
            for name, ended, more in (
                ("1 server", alone, {}),
                (f"{count} servers", together, {"KB a server": round(each)}),
            )
        ),
        (Goal("1,000 waiting servers in 500 MB", _MEMORY_MB, alone.memory_mb + each * 1000 / 1024, at_most=True),),
    )
