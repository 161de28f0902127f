"""pywinrm, which wasn't written for this server, works with it as with Windows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from winrm.exceptions import (
    InvalidCredentialsError,
    WinRMOperationTimeoutError,
    WinRMTransportError,
    WSManFaultError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from winrm.protocol import Protocol

    from harness.lab.winrm.certificate import Certificate
    from tests.lab.winrm.conftest import Host

ANY_SIGN_IN = {"allow_basic": True, "allow_unencrypted": True}
WAYS = {
    "basic over http": ("basic", "http", {}, ANY_SIGN_IN),
    "plaintext over http": ("plaintext", "http", {}, ANY_SIGN_IN),
    "ntlm over http, not encrypted": ("ntlm", "http", {"message_encryption": "never"}, ANY_SIGN_IN),
    "ntlm over http": ("ntlm", "http", {}, {}),
    "ntlm over http, always encrypted": ("ntlm", "http", {"message_encryption": "always"}, {}),
    "ntlm over https": ("ntlm", "https", {}, {}),
    "ntlm over https, always encrypted": ("ntlm", "https", {"message_encryption": "always"}, {}),
    "ntlm over https, strict bindings": ("ntlm", "https", {}, {"channel_bindings": "strict"}),
    "ntlm over https, no bindings sent": ("ntlm", "https", {"send_cbt": False}, {}),
    "ssl": ("ssl", "https", {}, {"allow_basic": True}),
}


def run(client: Protocol, line: str, stdin: bytes | None = None, codepage: int = 65001) -> tuple[bytes, bytes, int]:
    """Run one command in a shell of its own."""
    shell = client.open_shell(codepage=codepage)
    try:
        command = client.run_command(shell, line, console_mode_stdin=stdin is None)
        if stdin is not None:
            client.send_command_input(shell, command, stdin, end=True)
        result = client.get_command_output(shell, command)
        client.cleanup_command(shell, command)
    finally:
        client.close_shell(shell)
    return result


@pytest.fixture(name="way", params=WAYS.values(), ids=WAYS)
def _way(request: pytest.FixtureRequest, run_host: Callable[..., Host]) -> Protocol:
    """A client that signs in and protects its messages in one of the ways."""
    transport, scheme, options, settings = request.param
    return run_host(**settings).client(transport, scheme, **options)


def test_command_gives_output_and_exit_code(way: Protocol) -> None:
    """Standard output, standard error and exit code arrive, however the client signs in."""
    result = [run(way, "echo one two"), run(way, "warn careful"), run(way, "exit 7")]

    assert [(b"one two\r\n", b"", 0), (b"", b"careful\r\n", 0), (b"", b"", 7)] == result


def test_standard_input_is_utf8_in_code_page_65001(way: Protocol) -> None:
    """What is piped in comes back byte by byte."""
    text = "Größe, Ελλάδα\n".encode()

    assert (text, b"", 0) == run(way, "cat", stdin=text)


def test_a_megabyte_of_output_arrives_in_envelopes_of_the_asked_size(way: Protocol) -> None:
    """Output larger than the client's MaxEnvelopeSize comes in several answers, complete."""
    out, err, code = run(way, "big 1000000")

    assert (b"x" * 1_000_000, b"", 0) == (out, err, code)


def test_wrong_password_is_refused(run_host: Callable[..., Host]) -> None:
    """No transport lets a wrong password or an unknown user in."""
    host = run_host(**ANY_SIGN_IN)
    for transport, scheme in [("basic", "http"), ("ntlm", "http"), ("ntlm", "https"), ("ssl", "https")]:
        for wrong in [{"password": "wrong"}, {"username": "CORP\\nobody"}, {"username": "OTHER\\administrator"}]:
            with pytest.raises(InvalidCredentialsError):
                host.client(transport, scheme, **wrong).open_shell()

    assert 0 == len(host.server.shells)


@pytest.mark.parametrize(
    "username",
    ["administrator", "ADMINISTRATOR", "corp\\administrator", "EX01\\administrator", "administrator@corp.example"],
)
def test_every_form_of_a_user_name_signs_in(host: Host, username: str) -> None:
    """A user is found by plain name, domain and name, host and name, and principal name, in any case."""
    assert (b"ok\r\n", b"", 0) == run(host.client(username=username), "echo ok")


def test_basic_is_off_by_default(host: Host) -> None:
    """As on Windows, Basic must be switched on."""
    with pytest.raises(InvalidCredentialsError):
        host.client("ssl", "https").open_shell()


def test_unencrypted_message_over_http_is_refused_by_default(host: Host) -> None:
    """As on Windows, a plain message over HTTP isn't looked at (AllowUnencrypted is false)."""
    with pytest.raises(WinRMTransportError) as refused:
        host.client(message_encryption="never").open_shell()

    assert 500 == refused.value.code
    assert 0 == len(host.server.shells)


def test_client_certificate_signs_its_user_in(run_host: Callable[..., Host], client_certificate: Certificate) -> None:
    """A mapped certificate stands for its user."""
    host = run_host(client_certificates={"auditor": client_certificate.certificate})
    pem = {"cert_pem": str(client_certificate.certificate), "cert_key_pem": str(client_certificate.key)}

    assert (b"ok\r\n", b"", 0) == run(host.client("certificate", "https", **pem), "echo ok")
    assert {"auditor"} == {exchange.user for exchange in host.server.exchanges}


def test_certificate_header_without_certificate_is_refused(
    run_host: Callable[..., Host], client_certificate: Certificate
) -> None:
    """The header alone proves nothing."""
    host = run_host(client_certificates={"auditor": client_certificate.certificate})
    client = host.client("ntlm", "https")
    session = client.transport.build_session()
    session.auth = None
    session.headers["Authorization"] = "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual"

    with pytest.raises(InvalidCredentialsError):
        client.open_shell()


def test_untrusted_server_certificate_is_noticed(host: Host) -> None:
    """The certificate is nobody's until the client pins it."""
    client = host.client("ntlm", "https", ca_trust_path=None)
    with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
        client.open_shell()


def test_output_is_in_the_shells_code_page(host: Host) -> None:
    """In the default code page 437 a character it lacks is lost, as on Windows; in 65001 none is."""
    assert "Größe ?\r\n".encode("cp437") == run(host.client(), "echo Größe €", codepage=437)[0]
    assert "Größe €\r\n".encode() == run(host.client(), "echo Größe €", codepage=65001)[0]


def test_input_is_in_the_shells_code_page(host: Host) -> None:
    """What pywinrm sends as code page 437 reaches the program as text, and comes back as code page 437."""
    assert "größe".encode("cp437") == run(host.client(), "cat", stdin="größe".encode("cp437"), codepage=437)[0]


def test_operation_time_out_is_reported_and_can_be_repeated(host: Host) -> None:
    """A Receive without output fails with TimedOut after OperationTimeout; the command goes on."""
    client = host.client(operation_timeout_sec=1, read_timeout_sec=5)
    shell = client.open_shell()
    command = client.run_command(shell, "upper")
    with pytest.raises(WinRMOperationTimeoutError):
        client.get_command_output_raw(shell, command)
    client.send_command_input(shell, command, b"late\n", end=True)

    assert (b"LATE\n", b"", 0) == client.get_command_output(shell, command)


def test_unknown_shell_and_command_have_windows_codes(host: Host) -> None:
    """A shell or command that isn't there fails with 2150858843 and says which."""
    client = host.client()
    with pytest.raises(WSManFaultError) as no_shell:
        client.run_command("11111111-1111-1111-1111-111111111111", "echo")
    shell = client.open_shell()
    with pytest.raises(WSManFaultError) as no_command:
        client.get_command_output_raw(shell, "22222222-2222-2222-2222-222222222222")

    assert [2150858843, 2150858843] == [no_shell.value.wsman_fault_code, no_command.value.wsman_fault_code]
    assert "w:InvalidSelectors" == no_shell.value.fault_subcode
    assert "11111111-1111-1111-1111-111111111111" in no_shell.value.response


def test_command_line_of_8192_characters_is_too_long_for_cmd(host: Host) -> None:
    """8,191 characters run; one more is cmd.exe's own error, not a fault."""
    client = host.client()
    fits = "echo " + "x" * (8191 - len("echo "))

    assert 0 == run(client, fits)[2]
    assert (b"", b"The command line is too long.\r\n", 1) == run(client, fits + "x")
    assert fits.removeprefix("echo ").encode() + b"\r\n" == run(client, fits)[0]


def test_oversized_request_is_refused_and_the_connection_lives(host: Host) -> None:
    """A request over MaxEnvelopeSize is answered with 413; a smaller one after it works."""
    client = host.client()
    shell = client.open_shell()
    command = client.run_command(shell, "cat")
    with pytest.raises(WinRMTransportError) as refused:
        client.send_command_input(shell, command, b"x" * 600_000)
    client.transport.close_session()
    client.send_command_input(shell, command, b"y" * 100_000, end=True)

    assert 413 == refused.value.code
    assert b"y" * 100_000 == client.get_command_output(shell, command)[0]


def test_shell_survives_the_loss_of_its_connection(host: Host) -> None:
    """A shell belongs to its user, not to a connection: the same user goes on over a new one."""
    client = host.client()
    shell = client.open_shell()
    client.transport.close_session()
    other = host.client()
    command = other.run_command(shell, "echo still here")

    assert (b"still here\r\n", b"", 0) == other.get_command_output(shell, command)


def test_shell_of_another_user_is_out_of_reach(host: Host) -> None:
    """Access is denied, with Windows' error 5."""
    shell = host.client().open_shell()
    with pytest.raises(WSManFaultError) as refused:
        host.client(username="auditor", password="audit").run_command(shell, "echo")

    assert 5 == refused.value.wsman_fault_code


def test_requests_of_a_task_in_an_open_shell(host: Host) -> None:
    """A short command in an open shell costs three HTTP requests: Command, Receive, Signal."""
    client = host.client()
    shell = client.open_shell()
    before = host.server.requests
    command = client.run_command(shell, "echo quick")
    client.get_command_output(shell, command)
    client.cleanup_command(shell, command)

    assert 3 == host.server.requests - before
    assert [("Command", 200), ("Receive", 200), ("Signal", 200)] == [
        (exchange.action, exchange.status) for exchange in list(host.server.exchanges)[-3:]
    ]
