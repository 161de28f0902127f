"""A way to a server on which somebody sits, who may change what the server says."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable


class Relay:
    """Passes one connection on. What the server sends goes through `change`, a message at a time.

    Args:
        address: The server's.
        port: Its port.
    """

    def __init__(self, address: str, port: int) -> None:
        self.change: Callable[[bytearray], list[bytearray]] = lambda message: [message]
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._server = socket.create_connection((address, port))
        self._client: socket.socket | None = None
        self._threads = [threading.Thread(target=run) for run in (self._to_server, self._to_client)]
        self._accepted = threading.Event()
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> Self:
        """Give the relay itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self._accepted.set()
        for each in (self._listener, self._server, self._client):
            if each is not None:
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for each in (self._listener, self._server, self._client):
            if each is not None:
                each.close()

    def _to_server(self) -> None:
        with suppress(OSError):
            self._client, _ = self._listener.accept()
            self._accepted.set()
            while data := self._client.recv(1 << 16):
                self._server.sendall(data)

    def _to_client(self) -> None:
        self._accepted.wait()
        if self._client is None:
            return
        with suppress(OSError), self._server.makefile("rb") as stream:
            while length := stream.read(4):
                message = bytearray(stream.read(int.from_bytes(length, "big")))
                for each in self.change(message):
                    self._client.sendall(len(each).to_bytes(4, "big") + each)
