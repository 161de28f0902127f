"""WinRM: one shell on one host, over pywinrm's `Protocol`."""

from __future__ import annotations

import logging
import math
import threading
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

from winrm.exceptions import WinRMOperationTimeoutError
from winrm.protocol import Protocol

from harness.errors import ConnectionLostError, DeadlineError, HostError, StoppedError, UnreachableError
from harness.remote import faults
from harness.remote.connection import Clock, Finished
from harness.remote.endpoint import objection
from harness.remote.wire import ConnectionGoneError, Wire, WireTransport

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.remote.connection import Endpoint

_Answer = TypeVar("_Answer")

CODEPAGE_UTF8: Final = 65001

LONGEST_COMMAND: Final = 8191
"""The characters that ``cmd.exe`` takes."""

CHUNK: Final = 96 * 1024
"""Bytes of standard input in one message. As base64 they are 131,072 characters; with the envelope around them that
stays under 153,600, the limit of WinRM 2.0 (Windows Server 2008 R2), which is also what pywinrm announces. Later
hosts take 512,000, but larger messages would save little: most batches fit in one chunk."""

_GRACE: Final = 1.0
"""Seconds that an answer may take beyond a deadline: WinRM counts its operation time-out in whole seconds."""

_FAREWELL: Final = 2.0
"""Seconds for a request that cleans up after a failure; nobody wants to wait for these."""

_CLOSING: Final = 10.0
"""Seconds for ending a shell in which all went well."""

_SIGN_IN_REQUESTS: Final = 3

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """The time-outs of one message, in seconds.

    Args:
        connect: For TCP and TLS.
        operation: For the host to hold the message back before it answers that there is nothing yet.
        read: For each wait for bytes.
        total: For all of it, sign-in included.
    """

    connect: float
    operation: int
    read: float
    total: float


def limits(endpoint: Endpoint, remaining: float, *, polls: bool, signed_in: bool) -> Limits:
    """Derive a message's time-outs from the deadlines.

    Args:
        endpoint: The host.
        remaining: Seconds to the nearest deadline.
        polls: Whether the host holds the message back until there is output.
        signed_in: Whether no requests are needed to sign in first.
    """
    longest = remaining + _GRACE
    margin = min(5.0, max(0.5, endpoint.read_seconds / 2))
    operation = max(1, math.floor(min(endpoint.read_seconds - margin, math.ceil(remaining))))
    connect = min(endpoint.connect_seconds, longest)
    read = min(operation + margin if polls else max(endpoint.read_seconds, operation + margin), longest)
    requests = 1 if signed_in else 1 + _SIGN_IN_REQUESTS
    return Limits(connect, operation, read, min(connect + read * requests, longest))


@dataclass(frozen=True, slots=True)
class _Client:
    """pywinrm's two objects."""

    protocol: Protocol
    transport: WireTransport


class WinRMConnection:
    """One host over WinRM. Opens when first used.

    There is one shell, without the user's profile, with UTF-8 as its code page. Each command runs under ``cmd.exe``
    as WinRM does by default, since that finds ``powershell.exe`` on every Windows; standard input is a pipe, not a
    console. A command that has ended is acknowledged (Signal) only before the next one starts, as the protocol
    demands; after the last one, ending the shell (Delete) does that. The shell of a command that didn't end by
    itself isn't used again.

    Proxies, certificate bundles and ``~/.netrc`` of the environment are never used.

    Args:
        endpoint: The host.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._wire = Wire()
        self._opened: _Client | None = None
        self._shell = ""
        self._ended_command = ""
        self._spoiled = False
        self._sent = False
        self._established = False
        self._stopped = threading.Event()

    def execute(self, command_line: str, stdin: bytes, on_output: Callable[[bytes], None], clock: Clock) -> Finished:
        """Run one command to its end; see `Connection.execute`.

        Raises:
            ValueError: The command line is longer than ``cmd.exe`` takes.
        """
        if len(command_line) > LONGEST_COMMAND:
            message = f"a command line of {len(command_line)} characters; cmd.exe takes {LONGEST_COMMAND}"
            raise ValueError(message)
        self._sent = False
        protocol = self._open().protocol
        command = ""
        try:
            self._prepare_shell(protocol, clock)
            command = self._call(
                lambda: protocol.run_command(self._shell, command_line, console_mode_stdin=False, skip_cmd_shell=False),
                clock,
                starts=True,
            )
            self._send(protocol, command, stdin, clock)
            finished = self._receive(protocol, command, on_output, clock)
        except BaseException as error:
            self._spoiled = True
            if command and not isinstance(error, ConnectionLostError):
                self._try(lambda: protocol.cleanup_command(self._shell, command), _FAREWELL)
            raise
        self._ended_command = command
        return finished

    def interrupt(self) -> None:
        """End the running command and make `execute` raise; see `Connection.interrupt`.

        A name look-up and a TCP connection in the making can't be ended, and delay this by the connect time-out.
        """
        self._stopped.set()
        self._wire.halt()

    def close(self) -> None:
        """End the shell, and everything in it. Never raises."""
        try:
            if self._opened is not None and self._shell:
                self._delete_shell(self._opened.protocol, _FAREWELL if self._spoiled else _CLOSING)
        except Exception:  # noqa: BLE001 - raised from a caller's finally, it would hide what went before
            _log.debug("the shell on %s couldn't be ended", self._endpoint.host, exc_info=True)
        finally:
            self._shell = ""
            if self._opened is not None:
                self._opened.transport.close_session()

    def _open(self) -> _Client:
        """Give pywinrm's objects. Nothing is sent yet.

        Raises:
            UnreachableError: The endpoint's settings forbid it.
            StoppedError: It was interrupted.
        """
        if self._stopped.is_set():
            raise self._stop()
        if self._opened is None:
            endpoint = self._endpoint
            wrong = objection(endpoint)
            if wrong is not None:
                raise UnreachableError(wrong.message, host=endpoint.host, hint=wrong.hint)
            # Only our transport gets credentials; the one that pywinrm makes here is thrown away.
            protocol = Protocol(endpoint.url, transport="kerberos")
            transport = WireTransport(endpoint, self._wire)
            protocol.transport = transport
            self._opened = _Client(protocol, transport)
        return self._opened

    def _prepare_shell(self, protocol: Protocol, clock: Clock) -> None:
        """Have a shell that takes a command."""
        if self._shell and self._spoiled:
            # What may still run there has to end before anything else starts.
            self._delete_shell(protocol, _FAREWELL)
        self._spoiled = False
        if self._shell and self._ended_command:
            ended, self._ended_command = self._ended_command, ""
            self._call(lambda: protocol.cleanup_command(self._shell, ended), clock)
        if not self._shell:
            self._ended_command = ""
            self._shell = self._call(lambda: protocol.open_shell(codepage=CODEPAGE_UTF8, noprofile=True), clock)

    def _delete_shell(self, protocol: Protocol, seconds: float) -> None:
        """End the shell, as far as the host can be reached."""
        shell, self._shell = self._shell, ""
        self._try(lambda: protocol.close_shell(shell, close_session=False), seconds)

    def _send(self, protocol: Protocol, command: str, stdin: bytes, clock: Clock) -> None:
        """Send standard input, and its end."""
        chunks = [stdin[start : start + CHUNK] for start in range(0, len(stdin), CHUNK)] or [b""]
        for number, chunk in enumerate(chunks, start=1):
            self._call(
                partial(protocol.send_command_input, self._shell, command, chunk, end=number == len(chunks)),
                clock,
            )
        clock.task_done()

    def _receive(self, protocol: Protocol, command: str, on_output: Callable[[bytes], None], clock: Clock) -> Finished:
        """Hand output on until the command has ended."""
        stderr = bytearray()
        while True:
            try:
                out, err, exit_code, done = self._call(
                    lambda: protocol.get_command_output_raw(self._shell, command), clock, polls=True
                )
            except WinRMOperationTimeoutError:
                continue
            stderr += err
            if out:
                on_output(out)
            if done:
                return Finished(exit_code, stderr.decode(errors="replace"))

    def _try(self, operation: Callable[[], object], seconds: float) -> None:
        """Run an operation that cleans up, even when stopped; when the host doesn't let us, so be it."""
        self._wire.resume()
        seconds -= _GRACE
        clock = Clock(self._endpoint.host, task_seconds=seconds, run_seconds=seconds)
        try:
            self._call(operation, clock, cleans_up=True)
        except HostError as error:
            _log.debug("cleaning up on %s: %s", self._endpoint.host, error)

    def _call(
        self,
        operation: Callable[[], _Answer],
        clock: Clock,
        *,
        starts: bool = False,
        polls: bool = False,
        cleans_up: bool = False,
    ) -> _Answer:
        """Run one operation of pywinrm's under the deadlines.

        When the connection had ended before the operation was sent, it signs in again, once, and goes on in the
        same shell.

        Args:
            operation: Sends one message and gives the answer.
            clock: The deadlines.
            starts: Whether it starts the command.
            polls: Whether it waits for output, so that WinRM's own time-out is nothing bad.
            cleans_up: Whether it is run although somebody asked to stop.

        Raises:
            HostError: It failed.
            WinRMOperationTimeoutError: There was no output; only where it polls.
        """
        transport = self._client().transport
        now = self._limit(clock, polls=polls)

        def once() -> _Answer:
            if self._stopped.is_set() and not cleans_up:
                raise self._stop()
            clock.check()
            with self._wire.cut_after(now.total):
                return operation()

        try:
            try:
                answer = once()
            except ConnectionGoneError:
                transport.close_session()
                now = self._limit(clock, polls=polls)
                answer = once()
        except faults.LIBRARY as error:
            if polls and isinstance(error, WinRMOperationTimeoutError):
                raise
            raise self._failure(error, clock, now, starts=starts) from error
        self._established = True
        self._sent = self._sent or starts
        return answer

    def _limit(self, clock: Clock, *, polls: bool) -> Limits:
        """Set the time-outs of the next message."""
        client = self._client()
        signed_in = client.transport.session is not None or self._endpoint.transport in ("basic", "certificate")
        now = limits(self._endpoint, max(clock.remaining(), 0.0), polls=polls, signed_in=signed_in)
        client.protocol.operation_timeout_sec = now.operation
        client.transport.limit(now.connect, now.read)
        return now

    def _client(self) -> _Client:
        """Give pywinrm's objects, which are there by now."""
        if self._opened is None:
            raise AssertionError
        return self._opened

    def _failure(self, error: Exception, clock: Clock, now: Limits, *, starts: bool) -> HostError:
        """Say what a library's exception means here."""
        if self._stopped.is_set():
            return self._stop()
        self._sent = self._sent or (starts and not faults.unsent(error))
        attempt = faults.Attempt(
            self._endpoint,
            seconds=now.read,
            connecting=self._wire.connecting,
            established=self._established or self._wire.signed_in,
            offered=self._wire.offered,
            sent=self._sent,
        )
        cut = self._wire.timed_out
        failure = faults.read_deadline(attempt) if cut else faults.translate(error, attempt)
        if isinstance(failure, DeadlineError):
            try:
                clock.check()
            except DeadlineError as passed:
                return passed
        return failure

    def _stop(self) -> StoppedError:
        """Say that somebody asked to stop."""
        return StoppedError(f"{self._endpoint.host} was interrupted", host=self._endpoint.host)
