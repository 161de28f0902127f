"""The address of what runs tasks, as the user writes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from harness.errors import InputError
from harness.source import Problem, Source

if TYPE_CHECKING:
    from pathlib import Path

_SCHEMES = {"dask": "tcp", "dask+tls": "tls"}
_OPTION = Source("--executor")
_HINT = "write local, dask://scheduler:8786, or dask+tls://scheduler:8786"
PORT = 8786
"""Where a scheduler listens by default."""


@dataclass(frozen=True, slots=True)
class Address:
    """A scheduler's address.

    Args:
        written: As the user wrote it.
        host: Its name or IP address.
        port: Its port.
        tls: Whether TLS is spoken.
        ca: The PEM file of the authority that signs the cluster's certificates; None for Dask's own configuration.
        cert: The PEM file with this client's certificate; None for the same.
        key: The PEM file with its key; None for the same.
    """

    written: str
    host: str
    port: int
    tls: bool
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None

    @property
    def url(self) -> str:
        """As Dask writes it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'tls' if self.tls else 'tcp'}://{host}:{self.port}"

    @classmethod
    def parse(cls, text: str, *, ca: Path | None, cert: Path | None, key: Path | None) -> Self | None:
        """Read an address.

        Args:
            text: As the user wrote it.
            ca: See the class.
            cert: See the class.
            key: See the class.

        Returns:
            The address; None for this process.

        Raises:
            InputError: It isn't one, or a file isn't there.
        """
        files = {"ca": ca, "cert": cert, "key": key}
        problems = []
        scheme, _, _ = text.partition("://")
        tls = scheme == "dask+tls"
        for name, path in files.items():
            option = Source(f"--executor-tls-{name}")
            if path is not None and not tls:
                problems.append(Problem(option, f"{text} isn't encrypted", "write dask+tls:// where TLS is spoken"))
            elif path is not None and not path.is_file():
                problems.append(Problem(option, f"there is no file {path}"))
        address = None
        if text != "local":
            try:
                parts = urlsplit(text)
                if parts.scheme not in _SCHEMES or not parts.hostname or parts.path.strip("/") or parts.query:
                    raise ValueError(text)  # noqa: TRY301 - as a port that is none does
                address = cls(text, parts.hostname, parts.port or PORT, tls, ca, cert, key)
            except ValueError:
                problems.insert(0, Problem(_OPTION, f"{text!r} is no address of an executor", _HINT))
        if problems:
            raise InputError(problems)
        return address
