"""Ctrl-C: what runs on the hosts is ended, and what was done so far is told."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from running_lab import RunningLab

FIRST = "ex01.lab.example"
TOP = Path(__file__).parent.parent.parent


def test_an_interrupt_ends_the_scripts_and_prints_the_recap(lab: RunningLab) -> None:
    """Within seconds, with exit code 130, and no shell or session is left on a host."""
    playbook = lab.playbook(
        "- hosts: all\n  tasks:\n    - powershell: {read: Start-Sleep -Seconds 60, test: '$true', set: 'throw 1'}\n"
    )
    command = [sys.executable, "-m", "harness", "apply", str(lab.inventory), "-p", str(playbook)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=TOP)
    until = time.monotonic() + 20
    while not len(lab.server(FIRST).shells) and time.monotonic() < until:
        time.sleep(0.05)
    time.sleep(0.5)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)

    out, err = process.communicate(timeout=20)

    assert 130 == process.returncode, err
    assert "PLAY RECAP" in out
    assert "interrupted" in out
    assert time.monotonic() - began < 10
    assert 0 == len(lab.server(FIRST).shells)
    assert () == lab.machine(FIRST).sessions


def test_commands_share_a_lab_and_leave_none_behind(tmp_path: Path) -> None:
    """Two commands at once use one lab; it ends with the last of them."""
    inventory = tmp_path / "inventory.ini"
    inventory.write_text("ex01.lab.example connection=lab\n")
    command = [sys.executable, "-m", "harness", "apply", str(inventory)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=TOP) for _ in range(2)]
    outputs = [process.communicate(timeout=60)[0] for process in both]
    status = subprocess.run(
        [sys.executable, "-m", "harness", "lab", "status", str(inventory)], capture_output=True, check=False, cwd=TOP
    )

    assert [0, 0] == [process.returncode for process in both], outputs
    assert 1 == status.returncode, status.stdout
