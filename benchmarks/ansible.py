"""Ansible as its users drive it: `raw` tasks over the winrm connection, against the same simulated hosts."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.lab import PASSWORD, USER

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.lab.client import LabHost


def find() -> str | None:
    """Give the path of `ansible-playbook`; None where it isn't installed."""
    beside = Path(sys.executable).with_name("ansible-playbook")
    return str(beside) if beside.exists() else shutil.which("ansible-playbook")


class Ansible:
    """A playbook of `raw` tasks, ready to run.

    Args:
        program: `ansible-playbook`.
        hosts: Where the hosts answer, by name.
        scripts: What the tasks run, one each.
        folder: Where its files go.
        forks: Hosts at a time.
    """

    def __init__(
        self, program: str, hosts: Mapping[str, LabHost], scripts: Sequence[str], folder: Path, *, forks: int
    ) -> None:
        folder.mkdir()
        self._folder = folder
        everybody = {
            "ansible_connection": "winrm",
            "ansible_winrm_transport": "ntlm",
            "ansible_winrm_scheme": "http",
            "ansible_winrm_message_encryption": "always",
            "ansible_shell_type": "powershell",
            "ansible_user": USER,
            "ansible_password": PASSWORD,
        }
        inventory = {
            "all": {
                "hosts": {
                    name: {"ansible_host": host.address, "ansible_port": host.port} for name, host in hosts.items()
                },
                "vars": everybody,
            }
        }
        (folder / "inventory.json").write_text(json.dumps(inventory), encoding="utf-8")
        play = {
            "hosts": "all",
            "gather_facts": False,
            "tasks": [{"ansible.builtin.raw": script, "changed_when": False} for script in scripts],
        }
        (folder / "playbook.json").write_text(json.dumps([play]), encoding="utf-8")
        self._command = [program, "-i", "inventory.json", "-f", str(forks), "playbook.json"]
        self._environment = {
            "PATH": f"{Path(program).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(folder),
            "ANSIBLE_HOME": str(folder / ".ansible"),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_DEPRECATION_WARNINGS": "0",
            "LC_ALL": "C.UTF-8",
            "no_proxy": "*",
        }

    def run(self) -> str:
        """Run it.

        Returns:
            What it printed.

        Raises:
            RuntimeError: A task failed.
        """
        ended = subprocess.run(
            self._command, cwd=self._folder, env=self._environment, capture_output=True, text=True, check=False
        )
        if ended.returncode != 0:
            raise RuntimeError(f"ansible-playbook failed: {ended.stdout[-2000:]}{ended.stderr[-2000:]}")
        return ended.stdout
