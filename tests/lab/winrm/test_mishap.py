"""What goes wrong on purpose goes wrong the way it says, and heals."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest
import requests
from winrm.exceptions import InvalidCredentialsError, WinRMTransportError

from harness.lab.winrm import Mishap

if TYPE_CHECKING:
    from tests.lab.winrm.conftest import Host


def befall(host: Host, **mishap: object) -> None:
    """Let it happen."""
    host.background.call(host.server.set_mishap(Mishap(**mishap)))


def test_refused_connections_and_recovery(host: Host) -> None:
    """Nobody listens; afterwards the same port answers again and shells are still there."""
    client = host.client()
    shell = client.open_shell()
    befall(host, refuse_connections=True)
    with pytest.raises(requests.ConnectionError, match="refused"):
        host.client().open_shell()
    befall(host)
    client.transport.close_session()
    command = host.client().run_command(shell, "echo back")

    assert b"back\r\n" == host.client().get_command_output(shell, command)[0]


def test_hanging_host(host: Host) -> None:
    """It accepts and never answers: the client's own time-out is what ends it."""
    befall(host, hang=True)
    begun = time.monotonic()
    with pytest.raises(requests.ReadTimeout):
        host.client(operation_timeout_sec=1, read_timeout_sec=2).open_shell()

    assert 1.9 < time.monotonic() - begun < 10


def test_delay(host: Host) -> None:
    """Each answer comes later by so much."""
    client = host.client()
    client.open_shell()
    befall(host, delay_seconds=0.3)
    begun = time.monotonic()
    client.open_shell()

    assert 0.3 <= time.monotonic() - begun < 5


@pytest.mark.parametrize("status", [500, 503])
def test_http_error_status(host: Host, status: int) -> None:
    """Every request gets the status."""
    befall(host, answer_status=status)
    with pytest.raises(WinRMTransportError) as error:
        host.client().open_shell()

    assert status == error.value.code


def test_drop_after_requests(host: Host) -> None:
    """So many requests are served; the next one's connection breaks, once; then all is well."""
    client = host.client()
    shell = client.open_shell()
    befall(host, drop_after_requests=1, times=1)
    command = client.run_command(shell, "echo kept")
    with pytest.raises(requests.ConnectionError):
        client.get_command_output(shell, command)
    client.transport.close_session()

    assert b"kept\r\n" == host.client().get_command_output(shell, command)[0]
    assert 0 in [exchange.status for exchange in host.server.exchanges]


def test_drop_in_receive(host: Host) -> None:
    """Only Receive breaks; what was to be received is still there for the next."""
    client = host.client()
    befall(host, drop_in_receive=True, times=1)
    shell = client.open_shell()
    command = client.run_command(shell, "echo kept")
    with pytest.raises(requests.ConnectionError):
        client.get_command_output(shell, command)

    assert ("Receive", 0) == (host.server.exchanges[-1].action, host.server.exchanges[-1].status)
    assert b"kept\r\n" == host.client().get_command_output(shell, command)[0]


def test_rejected_passwords(host: Host) -> None:
    """The right password isn't, until it is again."""
    befall(host, reject_passwords=True)
    with pytest.raises(InvalidCredentialsError):
        host.client().open_shell()
    befall(host)

    assert host.client().open_shell()


def test_stopping_ends_programs_and_waiting_clients(host: Host) -> None:
    """A stopped host leaves no thread behind, and a client that waits is told by the end of its connection."""
    client = host.client()
    shell = client.open_shell()
    command = client.run_command(shell, "silent")
    failures = []

    def receive() -> None:
        try:
            client.get_command_output(shell, command)
        except requests.ConnectionError as error:
            failures.append(error)

    waiting = threading.Thread(target=receive)
    waiting.start()
    time.sleep(0.2)
    host.background.call(host.server.stop())
    waiting.join(5)

    assert 1 == len(failures)
    assert [] == [thread.name for thread in threading.enumerate() if thread.name.startswith("EX01")]


def test_receive_of_a_client_that_vanished_takes_no_output(host: Host) -> None:
    """The output of a command waits for the client that is still there."""
    client = host.client(operation_timeout_sec=20, read_timeout_sec=30)
    shell = client.open_shell()
    command = client.run_command(shell, "cat")
    client.transport.read_timeout_sec = 0.3
    with pytest.raises(requests.ReadTimeout):
        client.get_command_output_raw(shell, command)
    other = host.client()
    other.send_command_input(shell, command, b"kept", end=True)
    time.sleep(0.2)

    assert b"kept" == other.get_command_output(shell, command)[0]
    assert ("", 0) in [(exchange.action, exchange.status) for exchange in host.server.exchanges]
