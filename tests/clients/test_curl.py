"""curl asks the host who it is."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.clients.conftest import Host

IDENTIFY = (
    '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Header/><s:Body>'
    '<i:Identify xmlns:i="http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd"/></s:Body></s:Envelope>'
)


@pytest.fixture(name="identify")
def _identify(need_program: Callable[[str], str]) -> Callable[..., tuple[int, str]]:
    """Send Identify with curl; gives the HTTP status and the body."""
    curl = need_program("curl")

    def identify(host: Host, scheme: str, *options: str, user: str | None = None) -> tuple[int, str]:
        command = [
            curl,
            "--silent",
            "--show-error",
            "--noproxy",
            "*",
            "--max-time",
            "20",
            "--write-out",
            "\n%{http_code}",
        ]
        command += ["--cacert", str(host.trust), "--header", "Content-Type: application/soap+xml;charset=UTF-8"]
        command += [*options, "--data-binary", IDENTIFY, host.url(scheme)]
        if user is not None:
            command += ["--config", "-"]
        given = f'user = "{user}"\n'.replace("\\", "\\\\") if user is not None else None
        done = subprocess.run(command, input=given, capture_output=True, text=True, check=True)
        body, _, status = done.stdout.rpartition("\n")
        return int(status), body

    return identify


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("scheme_option", ["--basic", "--ntlm"])
def test_identify(identify: Callable[..., tuple[int, str]], lax: Host, scheme: str, scheme_option: str) -> None:
    """Basic and NTLM both sign in, over HTTP and over HTTPS with the pinned certificate."""
    user = f"{lax.login}:{lax.password}"
    status, body = identify(lax, scheme, scheme_option, user=user)

    assert 200 == status
    assert "OS: 10.0.14393 SP: 0.0 Stack: 3.0" in body


@pytest.mark.parametrize("scheme_option", ["--basic", "--ntlm"])
def test_wrong_password(identify: Callable[..., tuple[int, str]], lax: Host, scheme_option: str) -> None:
    """It ends in 401."""
    assert 401 == identify(lax, "https", scheme_option, user=f"{lax.login}:wrong")[0]


def test_ntlm_over_https_with_windows_defaults(identify: Callable[..., tuple[int, str]], windows: Host) -> None:
    """A client that sends no channel bindings, as curl, gets in at the default level."""
    assert 200 == identify(windows, "https", "--ntlm", user=f"{windows.login}:{windows.password}")[0]


def test_identify_unauthenticated(identify: Callable[..., tuple[int, str]], windows: Host) -> None:
    """What Test-WSMan does without credentials."""
    status, body = identify(windows, "http", "--header", "WSMANIDENTIFY: unauthenticated")

    assert 200 == status
    assert "OS: 0.0.0 SP: 0.0 Stack: 3.0" in body
