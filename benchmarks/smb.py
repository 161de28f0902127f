"""Reading logs over SMB: beside Samba's own client, on a server of our own, signed and encrypted; and idle polls."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import tempfile
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import smbclient

from benchmarks.sampler import busiest
from benchmarks.table import Goal, Measured, Table, in_turns
from harness.collect.delivery import Chunk, Delivered, Handover
from harness.collect.poll import Poller
from harness.collect.positions import Positions
from harness.collect.source import PolledFolder
from harness.lab.samba import Samba, SambaMissing
from harness.lab.smbserver import SmbUser, create_log, host_folders
from harness.redaction import Secret
from harness.remote.smb import SmbConnection, SmbEndpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Protection = Literal["signed", "encrypted"]

_ADDRESS = "127.0.0.31"
_USER = SmbUser("Administrator", "bench-pass-w0rd")
_BIG_MB = 200
_SMALL = 500
_SMALL_BYTES = 2048
_POLLED = 1000
_GLANCE = 1 << 16
_ROUNDS = 5
_RATE = 0.8
_PLAIN_READ = "smbclient.open_file().read() of smbprotocol"


def run(scale: float = 1.0) -> list[Table]:
    """Measure reading over SMB.

    Args:
        scale: How much is measured; 1 for figures.
    """
    tables = []
    for protection in ("signed", "encrypted"):
        with tempfile.TemporaryDirectory(prefix="harness-smb-") as folder:
            try:
                bench = _Bench(Path(folder), protection, scale)
            except SambaMissing as error:
                return [Table("SMB", (), (), (str(error),))]
            with closing(bench):
                tables += bench.tables()
    return tables


class _Bench:
    """A server with files on it, and all that reads them.

    Args:
        folder: For the server's files and ours.
        protection: What the server demands.
        scale: How much is measured.
    """

    def __init__(self, folder: Path, protection: Protection, scale: float) -> None:
        self._folder = folder
        self._protection = protection
        self._encrypted = protection == "encrypted"
        self._rounds = max(2, int(_ROUNDS * scale))
        self._server = Samba(
            folder / "lab",
            [_ADDRESS],
            [_USER],
            signing="required",
            encryption="required" if self._encrypted else "off",
        )
        self._server.start()
        self._big = max(1, int(_BIG_MB * scale)) << 20
        self._small = max(5, int(_SMALL * scale))
        self._polled = max(5, int(_POLLED * scale))
        share = host_folders(folder / "lab", _ADDRESS)[0]
        # Not zeros, which a file system may keep as a hole.
        block = os.urandom(1 << 20)
        with (share / "big.log").open("wb") as file:
            for _ in range(self._big >> 20):
                file.write(block)
        for name, count in (("small", self._small), ("polled", self._polled)):
            (share / name).mkdir()
            for number in range(count):
                with os.fdopen(create_log(share / name / f"RECV2026{number:06}-1.LOG"), "wb") as file:
                    file.write(block[:_SMALL_BYTES])
        self._connection = SmbConnection(
            SmbEndpoint(
                host=_ADDRESS,
                user=_USER.name,
                password=Secret(_USER.password),
                port=self._server.port,
                domain="LAB",
                auth="ntlm",
                encrypt=self._encrypted,
            )
        )
        smbclient.register_session(
            _ADDRESS, f"LAB\\{_USER.name}", _USER.password, port=self._server.port, encrypt=self._encrypted
        )

    def close(self) -> None:
        """End everything."""
        self._connection.close()
        smbclient.delete_session(_ADDRESS, port=self._server.port)
        self._server.stop()

    def tables(self) -> list[Table]:
        """Measure."""
        return [
            self._compare(
                f"SMB, {self._protection}: a file of {self._big >> 20} MB",
                self._big / (1 << 20),
                "MB",
                {"harness": self._read_big, _PLAIN_READ: partial(self._plain, ["big.log"], self._big)},
                "get big.log /dev/null",
            ),
            self._compare(
                f"SMB, {self._protection}: {self._small} files of 2 KB",
                self._small,
                "files",
                {
                    "harness": self._read_small,
                    _PLAIN_READ: partial(self._plain, self._names("small", self._small), _SMALL_BYTES),
                },
                f"prompt off; lcd {self._folder / 'got'}; cd small; mget *",
            ),
            self._polls(),
        ]

    def _compare(
        self, title: str, amount: float, unit: str, ours: Mapping[str, Callable[[], None]], command: str
    ) -> Table:
        """Compare with Samba's client, whose start and sign-in aren't counted, as ours aren't."""
        cli = shutil.which("smbclient")
        sides = dict(ours)
        if cli is not None:
            sides |= {"smbclient": partial(self._cli, cli, command), "start": partial(self._cli, cli, "exit")}
        for side in ours.values():
            side()  # signs in
        times = in_turns(sides, self._rounds)
        measured = [Measured(name, times[name], amount, unit) for name in ours]
        if cli is None:
            return Table(title, tuple(measured), (), ("smbclient: not installed",))
        start = statistics.median(times["start"])
        theirs = tuple(max(each - start, 1e-6) for each in times["smbclient"])
        measured.append(
            Measured(
                "smbclient, Samba's own", theirs, amount, unit, {"start and sign-in, not counted, s": round(start, 3)}
            )
        )
        goal = Goal(
            "at least 0.8 of smbclient's rate",
            _RATE,
            statistics.median(theirs) / statistics.median(times["harness"]),
            bound="deciphering and copying what comes, which the profile shows",
        )
        return Table(title, tuple(measured), (goal,), profile=busiest(ours["harness"]))

    def _read_big(self) -> None:
        with self._connection.open("C$", "big.log") as file:
            got = sum(len(chunk) for chunk in file.chunks(0, file.size_at_open))
        _check(got, self._big)

    def _read_small(self) -> None:
        names = self._names("small", self._small)
        for number, path in enumerate(names):
            for following in names[number + 1 : number + 4]:
                self._connection.look_ahead("C$", following, 0, _GLANCE)
            _check(len(self._connection.glance("C$", path, 0, _GLANCE).data), _SMALL_BYTES)

    def _plain(self, paths: list[str], size: int) -> None:
        for path in paths:
            name = path.replace("/", "\\")
            with smbclient.open_file(
                rf"\\{_ADDRESS}\C$\{name}", mode="rb", share_access="rwd", port=self._server.port
            ) as file:
                _check(len(file.read()), size)

    def _cli(self, program: str, command: str) -> None:
        got = self._folder / "got"
        got.mkdir(exist_ok=True)
        subprocess.run(
            [
                program,
                f"//{_ADDRESS}/C$",
                f"--port={self._server.port}",
                f"--user=LAB\\{_USER.name}%{_USER.password}",
                f"--client-protection={'encrypt' if self._encrypted else 'sign'}",
                f"--configfile={os.devnull}",
                f"--command={command}",
            ],
            check=True,
            capture_output=True,
        )

    @staticmethod
    def _names(folder: str, count: int) -> list[str]:
        return [f"{folder}/RECV2026{number:06}-1.LOG" for number in range(count)]

    def _polls(self) -> Table:
        """Polls of a folder in which nothing is new."""
        source = PolledFolder(
            host=_ADDRESS,
            identifier=_ADDRESS,
            throttle=0,
            share="C$",
            folder="polled",
            file_pattern=r"RECV.*\.LOG",
            family="SMTP",
        )
        with Positions(self._folder / "positions.db") as positions:
            poller = Poller(source, lambda: self._connection, Handover(_Nowhere(), positions))
            first = in_turns({"first": poller.poll}, 1)["first"]
            idle = in_turns({"idle": poller.poll}, 5 * self._rounds)["idle"]
            profile = busiest(poller.poll)
        return Table(
            f"SMB, {self._protection}: polls of a folder of {self._polled} files of 2 KB",
            (
                Measured("the first, which reads them all", first, self._polled, "files"),
                Measured("those that find nothing new", idle, self._polled, "files"),
            ),
            (),
            profile=profile,
        )


class _Nowhere:
    """Takes what a poll reads, and keeps nothing."""

    def deliver(self, chunk: Chunk) -> Delivered:
        """Count lines."""
        return Delivered(chunk.data.count(b"\n"), b"")

    def outputs(self) -> Mapping[str, int]:
        """Nothing is written."""
        return {}


def _check(got: int, expected: int) -> None:
    if got != expected:
        raise RuntimeError(f"{got} bytes were read instead of {expected}")
