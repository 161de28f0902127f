"""A console in a process of its own, and how others find it and tell it what befalls it."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import fcntl
import http.client
import json
import signal
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from harness.errors import HarnessError
from harness.lab.siem.console import Console
from harness.lab.siem.server import ConsoleServer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from harness.lab.siem.settings import ConsoleSettings
    from harness.lab.store import Json

_WHERE: Final = "reached.json"
_LOCK: Final = "server.lock"
_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Reached:
    """Where a console answers.

    Args:
        url: Without ``/api``.
        ca: The certificate to trust, a file; empty for plain HTTP.
        tokens: The files with the tokens, by role.
    """

    url: str
    ca: str
    tokens: Mapping[str, str]


def serve(
    folder: Path,
    settings: ConsoleSettings,
    *,
    address: str,
    port: int,
    tls: bool,
    seed: int | None,
    on_ready: Callable[[Reached], None],
) -> None:
    """Serve a console until the process is interrupted or terminated.

    Args:
        folder: Where its state is kept.
        settings: What it is like.
        address: Where to listen.
        port: 0 takes a free one.
        tls: Whether it speaks HTTPS.
        seed: Decides the ids of a console whose folder is new.
        on_ready: Called when it listens.

    Raises:
        HarnessError: The folder's console is served already, the port is taken, or the address isn't allowed.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (folder / _LOCK).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise HarnessError(
                f"a console already serves {folder}", hint="end it, or give another folder with --state"
            ) from error
        console = Console(folder, settings, seed=seed, tls=tls)
        server = ConsoleServer(console, folder, address=address, port=port, tls=tls)
        asyncio.run(_until_stopped(server, folder, on_ready))


async def _until_stopped(server: ConsoleServer, folder: Path, on_ready: Callable[[Reached], None]) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    try:
        await server.start()
    except OSError as error:
        raise HarnessError(
            f"the console can't listen: {error}", hint="give another port; 0 takes a free one"
        ) from error
    paths = {role: str(path.absolute()) for role, path in server.console.tokens.paths.items()}
    reached = Reached(server.url, str(server.ca.absolute()) if server.ca else "", paths)
    where = folder / _WHERE
    try:
        where.write_text(json.dumps(dataclasses.asdict(reached)), encoding="utf-8")
        on_ready(reached)
        await stopped.wait()
    finally:
        where.unlink(missing_ok=True)
        await server.stop()


def tell(folder: Path, what: str, changes: Mapping[str, Json]) -> None:
    """Tell a console that is served what befalls it.

    Args:
        folder: Where its state is kept.
        what: ``log_source`` or ``mishap``.
        changes: What `Console.report` or `Mishap` takes.

    Raises:
        HarnessError: None is served there, or it doesn't understand.
    """
    try:
        reached = Reached(**json.loads((folder / _WHERE).read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise HarnessError(f"no console serves {folder}", hint="start one with harness lab console") from error
    address = urlsplit(reached.url)
    host = address.hostname or ""
    connection = (
        http.client.HTTPSConnection(
            host, address.port, timeout=_SECONDS, context=ssl.create_default_context(cafile=reached.ca)
        )
        if reached.ca
        else http.client.HTTPConnection(host, address.port, timeout=_SECONDS)
    )
    token = Path(reached.tokens["admin"]).read_text(encoding="utf-8").strip()
    with contextlib.closing(connection):
        try:
            connection.request("POST", f"/lab/{what}", json.dumps(dict(changes)), {"SEC": token})
            answer = connection.getresponse()
            body = answer.read()
        except OSError as error:
            raise HarnessError(f"the console at {reached.url} doesn't answer: {error}") from error
    if answer.status >= http.client.BAD_REQUEST:
        raise HarnessError(f"the console at {reached.url} refused: {json.loads(body)}")
