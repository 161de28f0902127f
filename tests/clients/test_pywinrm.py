"""pywinrm's one-line client, on the host under test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import winrm
from winrm.exceptions import InvalidCredentialsError, WinRMOperationTimeoutError, WSManFaultError

if TYPE_CHECKING:
    from tests.clients.conftest import Host

WAYS = {
    "plaintext": ("lax", "http", {"transport": "plaintext"}),
    "basic over https": ("lax", "https", {"transport": "basic"}),
    "ssl": ("lax", "https", {"transport": "ssl"}),
    "ntlm over http": ("windows", "http", {"transport": "ntlm"}),
    "ntlm over http, always encrypted": ("windows", "http", {"transport": "ntlm", "message_encryption": "always"}),
    "ntlm over https": ("windows", "https", {"transport": "ntlm"}),
}


def connect(host: Host, scheme: str, **options: object) -> winrm.Session:
    """A session with nothing taken from the environment."""
    trust = str(host.trust) if scheme == "https" else None
    auth = (options.pop("user", host.login), options.pop("password", host.password))
    return winrm.Session(host.url(scheme), auth=auth, ca_trust_path=trust, proxy=None, **options)


@pytest.fixture(name="session", params=WAYS.values(), ids=WAYS)
def _session(request: pytest.FixtureRequest) -> winrm.Session:
    """A session that signs in in one of the ways."""
    fixture, scheme, options = request.param
    return connect(request.getfixturevalue(fixture), scheme, **options)


@pytest.mark.parametrize(
    ("line", "expected"),
    [("hostname", b"EX01\r\n"), ("whoami", b"corp\\administrator\r\n"), ("echo hello", b"hello\r\n")],
)
def test_run_cmd_and_run_ps(session: winrm.Session, line: str, expected: bytes) -> None:
    """A command and a script give the same."""
    answers = [session.run_cmd(line), session.run_ps(line)]

    assert [(expected, b"", 0)] * 2 == [(each.std_out, each.std_err, each.status_code) for each in answers]


def test_a_megabyte_of_output(session: winrm.Session) -> None:
    """It arrives complete."""
    assert 1_000_000 == len(session.run_cmd("big 1000000").std_out)


@pytest.mark.parametrize("transport", ["basic", "ntlm"])
def test_wrong_password(lax: Host, transport: str) -> None:
    """It is refused."""
    with pytest.raises(InvalidCredentialsError):
        connect(lax, "https", transport=transport, password="wrong").run_cmd("hostname")


def test_operation_time_out_and_unknown_shell(windows: Host) -> None:
    """The first has an exception of its own, the second Windows' number."""
    protocol = connect(windows, "http", transport="ntlm", operation_timeout_sec=1, read_timeout_sec=5).protocol
    shell = protocol.open_shell()
    command = protocol.run_command(shell, "pause")
    with pytest.raises(WinRMOperationTimeoutError):
        protocol.get_command_output_raw(shell, command)
    protocol.close_shell(shell)
    with pytest.raises(WSManFaultError) as fault:
        protocol.get_command_output_raw(shell, command)

    assert 2150858843 == fault.value.wsman_fault_code
