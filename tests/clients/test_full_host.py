"""Clients that we did not write, against a whole simulated Exchange server."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from running_lab import RunningLab

NAME = "ex01.lab.example"
USER, PASSWORD = "LAB\\peer", "pass:w0rd"
# The snap-in can't reach the directory after an NTLM sign-in, so Windows' own cmdlets serve here.
SCRIPT = "(Get-WmiObject -Class Win32_Service | Where-Object { $_.Name -eq 'MSExchangeTransport' }).State"


@pytest.fixture
def host(make_lab: Callable[..., RunningLab]) -> tuple[str, int]:
    """A simulated server's address and port."""
    lab = make_lab(NAME, user=USER, password=PASSWORD)
    return lab.server(NAME).addresses["http"]


def test_pywinrm_runs_a_script(host: tuple[str, int]) -> None:
    """As anybody's first lines with pywinrm do."""
    import winrm  # noqa: PLC0415  slow to import

    url = "http://{}:{}/wsman".format(*host)
    answer = winrm.Session(url, auth=(USER, PASSWORD), transport="ntlm", ca_trust_path=None).run_ps(SCRIPT)

    assert (0, b"Running\r\n") == (answer.status_code, answer.std_out)


def test_pypsrp_executes_a_command(host: tuple[str, int], need_package: Callable[[str, str], None]) -> None:
    """Its WinRS client, which Ansible's users know."""
    need_package("pypsrp", "pypsrp")
    from pypsrp.client import Client  # noqa: PLC0415  only there once it has been found

    address, port = host
    with Client(address, port=port, username=USER, password=PASSWORD, ssl=False, auth="ntlm") as client:
        out, _, code = client.execute_cmd("hostname")

    assert (0, "EX01\r\n") == (code, out)


def test_ansible_runs_a_raw_command(host: tuple[str, int], need_program: Callable[[str], str], tmp_path: Path) -> None:
    """`ansible.builtin.raw` over the winrm connection, with an inventory line that harness reads as well."""
    ansible = need_program("ansible")
    address, port = host
    inventory = tmp_path / "hosts.ini"
    inventory.write_text(
        f"{NAME} ansible_host={address} ansible_port={port} ansible_connection=winrm ansible_winrm_transport=ntlm "
        f"ansible_winrm_scheme=http ansible_user={USER.replace(chr(92), chr(92) * 2)} ansible_password={PASSWORD}\n"
    )
    environment = {
        **os.environ,
        "ANSIBLE_HOME": str(tmp_path),
        "LC_ALL": "C.UTF-8",
    }
    ended = subprocess.run(
        [ansible, "all", "-i", inventory, "-m", "ansible.builtin.raw", "-a", SCRIPT],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )

    assert 0 == ended.returncode, ended.stdout + ended.stderr
    assert [f"{NAME} | CHANGED | rc=0 >>", "Running"] == ended.stdout.split("\n")[:2]
