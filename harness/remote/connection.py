"""How a batch reaches a host: the seam between what is sent and what carries it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Literal, Protocol

from harness.errors import DeadlineError

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.redaction import Secret

Scheme = Literal["http", "https"]
Transport = Literal["ntlm", "basic", "kerberos", "credssp", "certificate"]
Encryption = Literal["auto", "always", "never"]

ENCRYPTING: frozenset[str] = frozenset({"ntlm", "kerberos", "credssp"})
"""The transports that can encrypt messages themselves, so that plain HTTP is safe with them."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    r"""All that is needed to reach one host.

    Args:
        host: The host's name in the inventory, for messages.
        address: The name or IP address that is connected to.
        port: The TCP port.
        scheme: Whether TLS is spoken.
        transport: How to sign in.
        user: ``DOMAIN\user``, ``user@domain`` or a local user; empty for ``certificate``.
        password: None for ``certificate``, and for ``kerberos``, which uses the ticket cache.
        ca_trust_path: A file or folder of PEM certificates to trust instead of the bundled authorities.
        cert_pem: The client's certificate, for ``certificate``.
        cert_key_pem: The key of that certificate.
        validate_certificate: Whether the host has to show a trusted certificate.
        allow_unencrypted: Whether messages may travel in clear; only ever done to a loopback address.
        message_encryption: Encrypt messages: ``auto`` (over HTTP), ``always`` or ``never``.
        kerberos_delegation: Whether the host may use the ticket for a second hop.
        send_cbt: Whether sign-in is bound to the TLS channel.
        connect_seconds: The limit for TCP and TLS.
        read_seconds: The limit for one HTTP answer.
        task_seconds: The limit for one script.
        run_seconds: The limit for all scripts of one `Connection.execute`.
    """

    host: str
    address: str
    port: int = 5985
    scheme: Scheme = "http"
    transport: Transport = "ntlm"
    user: str = ""
    password: Secret | None = None
    ca_trust_path: str | None = None
    cert_pem: str | None = None
    cert_key_pem: str | None = None
    validate_certificate: bool = True
    allow_unencrypted: bool = False
    message_encryption: Encryption = "auto"
    kerberos_delegation: bool = False
    send_cbt: bool = True
    connect_seconds: float = 15
    read_seconds: float = 30
    task_seconds: float = 120
    run_seconds: float = 900

    @property
    def url(self) -> str:
        """Where the WinRM service answers."""
        address = f"[{self.address}]" if ":" in self.address else self.address
        return f"{self.scheme}://{address}:{self.port}/wsman"

    @property
    def attempt(self) -> str:
        """What is tried, for messages: ``http://ex01:5985/wsman (ntlm)``."""
        return f"{self.url} ({self.transport})"

    @property
    def is_loopback(self) -> bool:
        """Whether the address can't lead off this machine."""
        try:
            return ip_address(self.address).is_loopback
        except ValueError:
            return self.address.lower() == "localhost"

    @property
    def in_clear(self) -> bool:
        """Whether others on the way could read the messages."""
        encrypting = self.transport in ENCRYPTING and self.message_encryption != "never"
        return self.scheme == "http" and not encrypting


@dataclass(frozen=True, slots=True)
class Finished:
    """How a command ended.

    Args:
        exit_code: The process's exit code.
        stderr: What it wrote to standard error; PowerShell writes CLIXML there.
    """

    exit_code: int
    stderr: str


class Clock:
    """The deadlines of one `Connection.execute`.

    Args:
        host: The host's name in the inventory, for messages.
        task_seconds: The limit for one script; its time begins again with each `task_done`.
        run_seconds: The limit for all of them; its time begins now.
        now: Seconds of a clock that never goes back.
    """

    __slots__ = ("_host", "_now", "_run_ends", "_run_seconds", "_task_ends", "_task_seconds")

    def __init__(
        self,
        host: str,
        *,
        task_seconds: float,
        run_seconds: float,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._host = host
        self._now = now
        self._task_seconds = task_seconds
        self._run_seconds = run_seconds
        self._task_ends = now() + task_seconds
        self._run_ends = now() + run_seconds

    def task_done(self) -> None:
        """Start the next script's time: a result came in, or the whole input is sent."""
        self._task_ends = self._now() + self._task_seconds

    def remaining(self) -> float:
        """Give the seconds to the nearest deadline; zero or less when it has passed."""
        return min(self._task_ends, self._run_ends) - self._now()

    def check(self) -> None:
        """Do nothing while there is time.

        Raises:
            DeadlineError: A deadline has passed; ``which`` says ``run`` or ``task``.
        """
        now = self._now()
        if now >= self._run_ends:
            raise DeadlineError(
                f"the run took more than {self._run_seconds:g} s",
                host=self._host,
                which="run",
                seconds=self._run_seconds,
                hint="see which task is slow, or raise winrm_run_timeout",
            )
        if now >= self._task_ends:
            raise DeadlineError(
                f"a task took more than {self._task_seconds:g} s",
                host=self._host,
                which="task",
                seconds=self._task_seconds,
                hint="see what the host is waiting for, or raise winrm_task_timeout",
            )


class Connection(Protocol):
    """One host, reached. Only `interrupt` may be called from another thread."""

    def execute(self, command_line: str, stdin: bytes, on_output: Callable[[bytes], None], clock: Clock) -> Finished:
        """Run one command to its end.

        Args:
            command_line: As `cmd.exe` would get it; at most 8,191 characters.
            stdin: All of its standard input, which is closed after that.
            on_output: Gets standard output as it comes, cut anywhere.
            clock: The deadlines; `on_output` calls its `task_done`.

        Returns:
            Its exit code and standard error.

        Raises:
            UnreachableError: Nobody answered, or it refused us; see its subclasses. `ConnectionLostError` says
                in ``sent`` whether the command may have started.
            DeadlineError: A deadline passed. The command was ended as far as the host could be reached.
            ProtocolFaultError: The host answered with a fault.
            StoppedError: `interrupt` was called.
        """

    def interrupt(self) -> None:
        """End the running command and make `execute` raise, now and ever after."""

    def close(self) -> None:
        """End the shell, and everything in it. Never raises."""
