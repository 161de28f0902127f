"""pypsrp's WinRS client runs commands on the host."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pypsrp.wsman import WSMan

    from harness.lab.winrm.certificate import Certificate
    from tests.clients.conftest import Host

WAYS = {
    "basic over http": ("lax", {"ssl": False, "auth": "basic", "encryption": "never"}),
    "basic over https": ("lax", {"ssl": True, "auth": "basic"}),
    "ntlm over http": ("windows", {"ssl": False, "auth": "ntlm"}),
    "ntlm over https": ("windows", {"ssl": True, "auth": "ntlm"}),
    "ntlm over https, encrypted": ("windows", {"ssl": True, "auth": "ntlm", "encryption": "always"}),
    "negotiate over http": ("windows", {"ssl": False, "auth": "negotiate"}),
    "negotiate over https": ("windows", {"ssl": True, "auth": "negotiate"}),
}


@pytest.fixture(name="connect")
def _connect(need_package: Callable[[str, str], None]) -> Callable[..., WSMan]:
    """Make a WSMan connection to a host."""
    need_package("pypsrp", "pypsrp")
    from pypsrp.wsman import WSMan  # noqa: PLC0415 - only there once the fixture has found it

    def connect(host: Host, *, ssl: bool, **options: object) -> WSMan:
        address, port = host.https if ssl else host.http
        defaults = {"username": host.login, "password": host.password, "cert_validation": str(host.trust)}
        return WSMan(address, port=port, ssl=ssl, no_proxy=True, **{**defaults, **options})

    return connect


@pytest.fixture(name="wsman", params=WAYS.values(), ids=WAYS)
def _wsman(request: pytest.FixtureRequest, connect: Callable[..., WSMan]) -> Iterator[WSMan]:
    """A connection that signs in in one of the ways."""
    host, options = request.param
    with connect(request.getfixturevalue(host), **options) as wsman:
        yield wsman


def run(wsman: WSMan, line: str, stdin: bytes | None = None) -> tuple[bytes, bytes, int]:
    """Run one command; gives output, errors and exit code."""
    from pypsrp.shell import Process, SignalCode, WinRS  # noqa: PLC0415 - only there once the fixture has found it

    with WinRS(wsman, codepage=65001) as shell:
        process = Process(shell, line)
        if stdin is None:
            process.invoke()
        else:
            process.begin_invoke()
            process.send(stdin, end=True)
            process.end_invoke()
        process.signal(SignalCode.TERMINATE)
        return process.stdout, process.stderr, process.rc


@pytest.mark.parametrize("name", WAYS)
def test_execute_cmd(request: pytest.FixtureRequest, need_package: Callable[[str, str], None], name: str) -> None:
    """The one-line client runs a command and reads its text, in code page 437."""
    need_package("pypsrp", "pypsrp")
    from pypsrp.client import Client  # noqa: PLC0415 - only there once the fixture has found it

    fixture, options = WAYS[name]
    host = request.getfixturevalue(fixture)
    address, port = host.https if options["ssl"] else host.http
    with Client(
        address,
        port=port,
        username=host.login,
        password=host.password,
        cert_validation=str(host.trust),
        no_proxy=True,
        **options,
    ) as client:
        results = [client.execute_cmd("hostname"), client.execute_cmd("echo Größe")]

    assert [("EX01\r\n", "", 0), ("Größe\r\n", "", 0)] == results


def test_failing_command(wsman: WSMan) -> None:
    """Standard error and the exit code arrive."""
    out, err, code = run(wsman, "nonsense")

    assert (b"", 1) == (out, code)
    assert b"not recognized" in err


def test_standard_input(wsman: WSMan) -> None:
    """What is piped in arrives byte by byte."""
    text = "Größe\n".encode() * 1000

    assert (text, b"", 0) == run(wsman, "more", stdin=text)


def test_a_megabyte_of_output(wsman: WSMan) -> None:
    """It comes in several envelopes, complete."""
    out, _, code = run(wsman, "big 1000000")

    assert (1_000_000, 0) == (len(out), code)


@pytest.mark.parametrize("auth", ["basic", "ntlm", "negotiate"])
def test_wrong_password(connect: Callable[..., WSMan], lax: Host, auth: str) -> None:
    """It is refused."""
    from pypsrp.exceptions import AuthenticationError  # noqa: PLC0415 - only there once the fixture has found it

    with pytest.raises(AuthenticationError), connect(lax, ssl=True, auth=auth, password="wrong") as wsman:
        run(wsman, "hostname")


def test_operation_time_out(connect: Callable[..., WSMan], windows: Host) -> None:
    """A Receive without output ends in time with TimedOut."""
    from pypsrp.exceptions import WSManFaultError  # noqa: PLC0415 - only there once the fixture has found it
    from pypsrp.shell import Process, WinRS  # noqa: PLC0415 - only there once the fixture has found it

    begun = time.monotonic()
    with connect(windows, ssl=False, auth="ntlm") as wsman, WinRS(wsman) as shell:
        process = Process(shell, "pause")
        process.begin_invoke()
        with pytest.raises(WSManFaultError) as fault:
            shell.receive(command_id=process.id, timeout=1)

    assert 2150858793 == fault.value.code
    assert 0.9 < time.monotonic() - begun < 10


def test_unknown_shell_and_command(connect: Callable[..., WSMan], windows: Host) -> None:
    """Both have Windows' number."""
    from pypsrp.exceptions import WSManFaultError  # noqa: PLC0415 - only there once the fixture has found it
    from pypsrp.shell import WinRS  # noqa: PLC0415 - only there once the fixture has found it

    with connect(windows, ssl=False, auth="negotiate") as wsman:
        shell = WinRS(wsman)
        shell.open()
        with pytest.raises(WSManFaultError) as no_command:
            shell.receive(command_id="87E77BEB-6761-4C48-9D70-A00266B8459A")
        shell.close()
        with pytest.raises(WSManFaultError) as no_shell:
            shell.receive(command_id="87E77BEB-6761-4C48-9D70-A00266B8459A")

    assert (2150858843, 2150858843) == (no_command.value.code, no_shell.value.code)


def test_certificate(
    connect: Callable[..., WSMan], host_under_test: Callable[..., Host], client_certificate: Certificate
) -> None:
    """A client certificate signs its user in."""
    host = host_under_test(client_certificates=(("administrator", client_certificate.certificate),))
    pem = {"certificate_pem": str(client_certificate.certificate), "certificate_key_pem": str(client_certificate.key)}
    with connect(host, ssl=True, auth="certificate", username=None, password=None, **pem) as wsman:
        assert (b"EX01\r\n", b"", 0) == run(wsman, "hostname")
