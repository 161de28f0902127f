"""The command `harness lint`: what it prints, and its exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

# Four scripts: in a block with a template, plain, in quotes, and a handler's.
PLAYBOOK = r"""- hosts: all
  tasks:
    - name: block
      powershell:
        exchange: [get-transportservice]
        test: "$true"
        set: |
          $name = {{ facts.fqdn }}

          if ('a' -in @('a')) { Get-TransportService $name }
    - name: plain
      powershell:
        set: Get-Content -Path C:\a -Tail 3
      notify: last
  handlers:
    - name: last
      powershell:
        set: '$a = @{ b = ''c'' }; ConvertTo-Json $a'
"""


def _lint(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "harness", "lint", *map(str, arguments)], capture_output=True, text=True, check=False
    )


@pytest.fixture
def playbook(tmp_path: Path) -> Path:
    """Give a playbook with scripts."""
    path = tmp_path / "play.yml"
    path.write_text(PLAYBOOK, encoding="utf-8")
    return path


def test_shipped_templates() -> None:
    """Harness's own scripts are fine: exit 0 and one line that says what was checked."""
    ran = _lint()

    assert (0, "") == (ran.returncode, ran.stderr)
    assert ran.stdout.rstrip().endswith(": nothing found")
    assert 1 == ran.stdout.count("\n")


def test_json() -> None:
    """JSON stands alone on standard output."""
    ran = _lint("--output", "json")

    assert 0 == ran.returncode
    assert [] == json.loads(ran.stdout)["findings"]


def test_playbook_is_checked_for_syntax(playbook: Path) -> None:
    """Without a version, a playbook's scripts are held to the newest PowerShell's syntax and nothing else."""
    ran = _lint("-p", playbook)

    assert (0, "4 scripts of playbooks: nothing found\n") == (ran.returncode, ran.stdout)


def test_playbook_is_checked_for_a_version(playbook: Path) -> None:
    """Each finding names the place in the playbook's own file."""
    ran = _lint("-p", playbook, "--exchange-version", "2010")

    assert 1 == ran.returncode
    assert [
        (
            f"{playbook}:10:19: -in came with Windows PowerShell 3.0 (write -contains with its sides changed) "
            "[construct; Exchange 2010]"
        ),
        f"{playbook}:10:33: Get-TransportService exists in Exchange 2013 and later only [cmdlet; Exchange 2010]",
        (
            f"{playbook}:13:37: -Tail of Get-Content exists in Windows PowerShell 3.0 and later only "
            "[parameter; Exchange 2010]"
        ),
        f"{playbook}:18:14: ConvertTo-Json exists in Windows PowerShell 3.0 and later only [cmdlet; Exchange 2010]",
        "4 scripts of playbooks for Exchange 2010: 4 found",
    ] == ran.stdout.splitlines()


def test_playbook_that_does_not_parse(playbook: Path) -> None:
    """A script that isn't PowerShell is found at its place; JSON has the same parts."""
    playbook.write_text(PLAYBOOK.replace("-Tail 3", "-Tail 3 )"), encoding="utf-8")

    ran = _lint("-p", playbook, "--output", "json")

    assert 1 == ran.returncode
    assert [
        {
            "file": str(playbook),
            "line": 13,
            "column": 45,
            "rule": "syntax",
            "message": "Unexpected token ')' in expression or statement",
            "hint": "",
            "versions": [],
        }
    ] == json.loads(ran.stdout)["findings"]


def test_cmdlet_that_the_task_does_not_name(playbook: Path) -> None:
    """An Exchange cmdlet that no session would bring up is found whatever the version."""
    playbook.write_text(PLAYBOOK.replace("get-transportservice", "Get-SendConnector"), encoding="utf-8")

    ran = _lint("-p", playbook)

    assert 1 == ran.returncode
    assert ran.stdout.startswith(
        f"{playbook}:10:33: Get-TransportService isn't among the cmdlets that the task names, so no session brings it "
        "up (name it under exchange) [undeclared]\n"
    )


def test_cmdlets_that_a_run_decides(playbook: Path) -> None:
    """Where a template names the cmdlets, lint can't tell and doesn't guess."""
    playbook.write_text(PLAYBOOK.replace("[get-transportservice]", '"{{ cmdlets }}"'), encoding="utf-8")

    assert 0 == _lint("-p", playbook).returncode


def test_wrong_playbook(playbook: Path) -> None:
    """A playbook that is wrong in itself is bad input: exit 3 and nothing on standard output."""
    playbook.write_text("- hosts: all\n  tasks:\n    - servise: {names: [a], state: running}\n", encoding="utf-8")

    ran = _lint("-p", playbook)

    assert (3, "") == (ran.returncode, ran.stdout)
    assert ran.stderr.startswith(f"{playbook}:3:7: ")


def test_unknown_version() -> None:
    """A version that nobody knows is bad input, not a check that finds nothing."""
    ran = _lint("--exchange-version", "2009")

    assert (3, "") == (ran.returncode, ran.stdout)
    assert ran.stderr.startswith("--exchange-version: Exchange 2009 isn't known (known: ")


def test_works_without_the_lab() -> None:
    """The parser needs none of the packages that simulated hosts do."""
    code = (
        "import sys; sys.modules['h11'] = None; sys.modules['spnego'] = None; sys.argv = ['harness', 'lint'];"
        "from harness.cli.main import main; main()"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert (0, "") == (ran.returncode, ran.stderr)
