"""A program for tests: collects the lines of a log folder into a file until it is killed.

Arguments: address, port, user, store, output, polling interval, and how an unfinished line is kept: in
the ``state`` or by its ``position``. The password comes over standard input.
"""

from __future__ import annotations

import sys
import threading
from dataclasses import dataclass
from pathlib import Path

from harness.collect.delivery import Handover
from harness.collect.follow import follow_hosts
from harness.collect.output import FileSink, OutputFile
from harness.collect.poll import Poller
from harness.collect.positions import Positions
from harness.collect.source import PolledFolder
from harness.remote.smb import SmbConnections, SmbEndpoint

from .lines import Lines, lines


@dataclass(frozen=True, slots=True)
class Secret:
    """The password."""

    value: str

    def reveal(self) -> str:
        """Give it."""
        return self.value


def main() -> None:
    """Collect."""
    address, port, user, store, output, interval, kept = sys.argv[1:]
    convert = lines if kept == "state" else Lines()
    endpoint = SmbEndpoint(
        "ex01", user, Secret(sys.stdin.readline().rstrip("\n")), address=address, port=int(port), auth="ntlm"
    )
    stop = threading.Event()
    connections = SmbConnections()
    with Positions(Path(store)) as positions, FileSink(OutputFile(Path(output), positions), convert) as sink:
        source = PolledFolder(
            host="ex01",
            identifier="ex01",
            family="SMTP",
            share="c$",
            folder="Logs",
            file_pattern=r".*\.LOG",
            polling_interval=float(interval),
            throttle=0,
        )
        poller = Poller(source, lambda: connections.get(endpoint), Handover(sink, positions), stop=stop)
        follow_hosts(
            [[poller]],
            stop,
            on_result=lambda _: None,
            on_error=lambda _, error: sys.stderr.write(f"{error}\n"),
        )


if __name__ == "__main__":
    main()
