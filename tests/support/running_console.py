"""A simulated console in a thread of this process, so that tests can look at it, break it and start it again."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from harness.lab.siem.console import Console
from harness.lab.siem.server import ConsoleServer
from harness.lab.siem.settings import ConsoleSettings, Mishap
from harness.lab.winrm.background import Background

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SEED = 20
"""The seed of consoles in tests; the exported schema in ``tests/cases/logsource`` is of the same one."""


class RunningConsole:
    """A console that listens on loopback.

    Args:
        folder: Where its state goes; a folder that has one is used again.
        settings: What it is like.
        seed: Decides its ids.
        tls: Whether it speaks HTTPS.
    """

    def __init__(
        self, folder: Path, settings: ConsoleSettings | None = None, *, seed: int = SEED, tls: bool = True
    ) -> None:
        self._folder = folder
        self._tls = tls
        self._seed = seed
        self._settings = settings or ConsoleSettings()
        self._background: Background[ConsoleServer] | None = None
        self._last: ConsoleServer | None = None
        self._port = 0
        self.state = folder
        """The folder with its state."""

    def start(self) -> None:
        """Listen; after a stop on the same port as before, with the state of before."""
        console = Console(self._folder, self._settings, seed=self._seed, tls=self._tls)
        server = ConsoleServer(console, self._folder, port=self._port, tls=self._tls)
        self._last = server
        self._background = Background(server).__enter__()
        self._port = int(server.url.rpartition(":")[2])

    def stop(self) -> None:
        """Stop listening; its state stays on disk, and where it answered is still known."""
        if self._background is not None:
            self._background.__exit__()
            self._background = None

    @property
    def _server(self) -> ConsoleServer:
        assert self._last is not None, "it was never started"
        return self._last

    @property
    def console(self) -> Console:
        """The console behind the network."""
        return self._server.console

    @property
    def url(self) -> str:
        """Where it answers, without ``/api``: ``https://127.0.0.1:PORT``."""
        return self._server.url

    @property
    def ca(self) -> Path:
        """The certificate to trust, as a file."""
        assert self._server.ca is not None, "it speaks HTTP"
        return self._server.ca

    @property
    def token(self) -> str:
        """The administrator's token."""
        return self.token_of("admin")

    def token_of(self, role: str) -> str:
        """Give the token of ``admin``, ``manager`` (may manage log sources), ``reader`` or ``tenant``."""
        return self.console.tokens.of(role)

    def log_sources(self) -> list[dict[str, Any]]:
        """Give all log sources as the API does, by no request of its own."""
        return self._call(self.console.log_sources)

    def parameters(self, name: str) -> dict[str, str | None]:
        """Give a log source's protocol parameters by name."""
        found = next(each for each in self.log_sources() if each["name"] == name)
        return {each["name"]: each["value"] for each in found["protocol_parameters"]}

    def list_of(self, name: str) -> list[dict[str, Any]]:
        """Give what is installed: ``log_source_types``, ``protocol_types``, ``event_collectors`` and so on."""
        found: list[dict[str, Any]] = self.console.document["lists"][name]
        return found

    def report(self, name: str, **changes: Any) -> None:
        """Set what a console finds out: status, messages (each severity and text), last_event_time, average_eps."""
        self._call(self.console.report, name, changes)

    def befall(self, mishap: Mishap | None = None, **changes: Any) -> None:
        """Let something go wrong, for example ``befall(answer_status=503, times=2)``; nothing makes all well again."""
        self._call(setattr, self.console, "mishap", mishap or Mishap(**changes))

    def behave(self, settings: ConsoleSettings) -> None:
        """Change what it is like from now on."""
        self._settings = settings
        self._call(setattr, self.console, "settings", settings)

    def _call(self, what: Any, *arguments: Any) -> Any:
        """Call something on the server's own thread."""

        async def call() -> Any:
            return what(*arguments)

        assert self._background is not None, "it was stopped"
        return self._background.call(call())


@contextmanager
def running_console(
    folder: Path, settings: ConsoleSettings | None = None, *, seed: int = SEED, tls: bool = True
) -> Iterator[RunningConsole]:
    """Give a console that listens until the block ends."""
    console = RunningConsole(folder, settings, seed=seed, tls=tls)
    console.start()
    try:
        yield console
    finally:
        console.stop()
