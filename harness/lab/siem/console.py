"""One simulated console: its state on disk, its clock, and the API in front of them."""

from __future__ import annotations

import hmac
import secrets
import time
from typing import TYPE_CHECKING, Final

from harness.lab.siem import catalogue
from harness.lab.siem.api import ROLES, Api
from harness.lab.siem.deploy import Deploy
from harness.lab.siem.events import Events
from harness.lab.siem.logsources import LogSources
from harness.lab.siem.settings import ConsoleSettings, Mishap
from harness.lab.siem.tasks import BulkTasks
from harness.lab.siem.vault import Vault
from harness.lab.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from harness.lab.siem.api import Answer, Request
    from harness.lab.store import Json

_SEEDS: Final = 1 << 32
_FIRST_SOURCE: Final = 4000


class Tokens:
    """The tokens of a console's authorized services: one for each role, in a file of its own.

    Args:
        folder: Where they are kept; made where they are missing.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.paths = {role: folder / f"token.{role}" for role in ROLES}
        for path in self.paths.values():
            if not path.exists():
                path.touch(mode=0o600)
                path.write_text(secrets.token_hex(18))
        self._tokens = {role: path.read_text().strip() for role, path in self.paths.items()}

    def of(self, role: str) -> str:
        """Give the token of a role."""
        return self._tokens[role]

    def role(self, token: str) -> str | None:
        """Give the role of a token; ``None`` for a token that isn't known."""
        known = token.encode()
        return next((role for role, own in self._tokens.items() if hmac.compare_digest(own.encode(), known)), None)


class Console:
    """A console without a network.

    Args:
        folder: Where its state is kept.
        settings: What it is like.
        seed: Decides the ids of a console whose folder is new; without one they are arbitrary.
        clock: Gives seconds since 1970.
        tls: Whether it is reached by HTTPS; its answers name their own address.
    """

    def __init__(
        self,
        folder: Path,
        settings: ConsoleSettings | None = None,
        *,
        seed: int | None = None,
        clock: Callable[[], float] = time.time,
        tls: bool = True,
    ) -> None:
        self.settings = settings or ConsoleSettings()
        self.mishap = Mishap()
        self.now = clock
        self.scheme = "https" if tls else "http"
        self.tokens = Tokens(folder)
        vault = Vault(folder)
        self._store = Store(folder / "console.json", _fresh(seed, self.settings))
        encodings = catalogue.known()["encodings"]
        self.sources = LogSources(self.document, vault, encodings, self.now_ms)
        self.sources.fails = self._fails
        self.tasks = BulkTasks(self.document, self.sources, vault)
        self.deploy = Deploy(self.document)
        self.events = Events(self.document)
        self._api = Api(self)

    @property
    def document(self) -> dict[str, Json]:
        """The state."""
        return self._store.document

    def now_ms(self) -> int:
        """Milliseconds since 1970."""
        return int(self.now() * 1000)

    def _fails(self, name: str) -> bool:
        return bool(self.mishap.refuse_name) and self.mishap.refuse_name in name

    def answer(self, request: Request) -> Answer:
        """Answer a request, and write down what it changed."""
        with self._store.change():
            self._advance()
            return self._api.answer(request)

    def _advance(self) -> None:
        self.tasks.advance(self.now())
        self.deploy.advance(self.now())

    def log_sources(self) -> list[Json]:
        """Give all log sources as the API does."""
        with self._store.change():
            self._advance()
            return [self.sources.answer(each) for each in self.sources.held]

    def report(self, name: str, changes: Mapping[str, Json]) -> None:
        """Set what a console finds out about a log source by itself.

        Args:
            name: The log source.
            changes: ``status`` with ``messages`` (each severity and text), ``last_event_time``, ``average_eps``.

        Raises:
            KeyError: There is no such log source.
        """
        with self._store.change():
            self._advance()
            found = next((each["id"] for each in self.sources.held if each["name"] == name), None)
            if found is None:
                raise KeyError(name)
            self.sources.report(found, changes)


def _fresh(seed: int | None, settings: ConsoleSettings) -> dict[str, Json]:
    number = secrets.randbelow(_SEEDS) if seed is None else seed
    lists = catalogue.install(number, wincollect=settings.wincollect)
    collecting = {each["name"] for each in catalogue.known()["protocols"] if each.get("wincollect")}
    return {
        "seed": number,
        "lists": lists,
        "wincollect_protocols": [each["id"] for each in lists["protocol_types"] if each["name"] in collecting],
        "log_sources": [],
        "next_id": _FIRST_SOURCE + number % 1000,
        "tasks": [],
        "undeployed": False,
        "deploy": None,
    }
