"""Servers in a thread of their own, for clients that block."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Generic, Protocol, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine


class Server(Protocol):
    """What can be started and stopped."""

    async def start(self) -> object:
        """Listen."""
        ...

    async def stop(self) -> None:
        """Stop listening."""
        ...


T = TypeVar("T")
S = TypeVar("S", bound=Server)


class Background(Generic[S]):
    """Runs servers on one event loop in one thread, from ``with`` until its end.

    Args:
        servers: The servers, not started.
    """

    def __init__(self, *servers: S) -> None:
        self.servers = servers
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="lab-servers", daemon=True)

    def call(self, work: Coroutine[object, object, T], *, seconds: float = 30.0) -> T:
        """Run a coroutine on the servers' loop and wait for it.

        Args:
            work: For example ``server.set_mishap(Mishap(hang=True))``.
            seconds: How long to wait.

        Raises:
            TimeoutError: It took longer.
        """
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(seconds)

    def __enter__(self) -> Self:
        """Start the servers."""
        self._thread.start()
        try:
            for server in self.servers:
                self.call(server.start())
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the servers and the thread."""
        for server in self.servers:
            self.call(server.stop())
        self.call(self._loop.shutdown_default_executor())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
