"""Ansible's winrm connection and its raw module work against the host."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.lab.winrm.certificate import Certificate
    from tests.clients.conftest import Host


class Raw(Protocol):
    """Runs one command on a host with Ansible."""

    def __call__(self, host: Host, scheme: str, line: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Give what Ansible printed."""


WAYS = {
    "ntlm over http": ("windows", "http", {"ansible_winrm_transport": "ntlm"}),
    "ntlm over https": ("windows", "https", {"ansible_winrm_transport": "ntlm"}),
    "basic over https": ("lax", "https", {"ansible_winrm_transport": "basic"}),
    "basic over http": ("lax", "http", {"ansible_winrm_transport": "basic"}),
}


@pytest.fixture(name="raw")
def _raw(tmp_path: Path, need_program: Callable[[str], str]) -> Raw:
    """Run a command with ansible.builtin.raw; gives what Ansible says about the host, as JSON."""
    ansible = need_program("ansible")

    def raw(host: Host, scheme: str, line: str, **variables: str) -> subprocess.CompletedProcess[str]:
        address, port = host.https if scheme == "https" else host.http
        hostvars = {
            "ansible_host": address,
            "ansible_port": port,
            "ansible_connection": "winrm",
            "ansible_winrm_scheme": scheme,
            "ansible_user": host.login,
            "ansible_password": host.password,
            "ansible_shell_type": "powershell",
            "ansible_winrm_ca_trust_path": str(host.trust),
            **variables,
        }
        inventory = tmp_path / "inventory.json"
        inventory.write_text(json.dumps({"all": {"hosts": {"ex01": hostvars}}}))
        return subprocess.run(
            [ansible, "ex01", "-i", str(inventory), "-m", "ansible.builtin.raw", "-a", line],
            env={**_environment(tmp_path), "PATH": f"{Path(ansible).parent}{os.pathsep}{os.environ['PATH']}"},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )

    return raw


def _environment(home: Path) -> dict[str, str]:
    """What Ansible needs, and nothing of the user's own set-up."""
    return {
        "HOME": str(home),
        "ANSIBLE_HOME": str(home / ".ansible"),
        "ANSIBLE_LOAD_CALLBACK_PLUGINS": "1",
        "ANSIBLE_STDOUT_CALLBACK": "minimal",
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_DEPRECATION_WARNINGS": "0",
        "LC_ALL": "C.UTF-8",
        "no_proxy": "*",
        "PYTHONPATH": "",
    }


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize(("line", "expected"), [("hostname", "EX01"), ("whoami", "corp\\administrator")])
def test_raw(
    request: pytest.FixtureRequest, raw: Raw, way: tuple[str, str, dict[str, str]], line: str, expected: str
) -> None:
    """The command runs and its output is shown."""
    fixture, scheme, variables = way
    done = raw(request.getfixturevalue(fixture), scheme, line, **variables)

    assert 0 == done.returncode, done.stdout + done.stderr
    assert "ex01 | CHANGED | rc=0 >>" in done.stdout
    assert expected in done.stdout


def test_non_ascii_output(raw: Raw, windows: Host) -> None:
    """Text beyond ASCII arrives."""
    done = raw(windows, "http", "echo 'Größe €'", ansible_winrm_transport="ntlm")

    assert "Größe €" in done.stdout, done.stdout + done.stderr


def test_a_megabyte_of_output(raw: Raw, windows: Host) -> None:
    """It arrives complete, though it takes several envelopes."""
    done = raw(windows, "http", "big 1000000", ansible_winrm_transport="ntlm")

    assert 1_000_000 == done.stdout.count("x") - "ex01".count("x")


def test_failing_command(raw: Raw, windows: Host) -> None:
    """Its exit code is Ansible's rc."""
    done = raw(windows, "http", "nonsense", ansible_winrm_transport="ntlm")

    assert 0 != done.returncode
    assert "FAILED | rc=1" in done.stdout + done.stderr


def test_wrong_password(raw: Raw, windows: Host) -> None:
    """The host is unreachable, because of the credentials."""
    done = raw(windows, "http", "hostname", ansible_winrm_transport="ntlm", ansible_password="wrong")

    assert 0 != done.returncode
    assert "UNREACHABLE" in done.stdout + done.stderr
    assert "credentials were rejected" in done.stdout + done.stderr


def test_certificate(raw: Raw, host_under_test: Callable[..., Host], client_certificate: Certificate) -> None:
    """A client certificate signs its user in."""
    host = host_under_test(client_certificates=(("administrator", client_certificate.certificate),))
    done = raw(
        host,
        "https",
        "hostname",
        ansible_winrm_transport="certificate",
        ansible_winrm_cert_pem=str(client_certificate.certificate),
        ansible_winrm_cert_key_pem=str(client_certificate.key),
    )

    assert 0 == done.returncode, done.stdout + done.stderr
    assert "EX01" in done.stdout
