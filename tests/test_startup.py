"""What is imported before anybody needs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from harness.cli.main import cli

TOP = Path(__file__).parent.parent
ALWAYS = {"click", "harness"}
MODULES = {"harness", "harness.cli", "harness.cli.lazy", "harness.cli.main", "harness.errors", "harness.garbage"}
HELP = """
import json, sys
before = set(sys.modules)
sys.argv[0] = "harness"
from harness.cli.main import main
try:
    main()
except SystemExit as ended:
    assert not ended.code, ended.code
print(json.dumps(sorted(set(sys.modules) - before)), file=sys.stderr)
"""


def imported(*arguments: str) -> set[str]:
    """Run a command line; give the modules that it imported beside those of an interpreter that does nothing."""
    ended = subprocess.run(
        [sys.executable, "-c", HELP, *arguments], capture_output=True, text=True, check=True, cwd=TOP
    )
    return set(json.loads(ended.stderr.splitlines()[-1]))


def outsiders(modules: set[str]) -> set[str]:
    """Give the packages that aren't Python's own."""
    return {name.partition(".")[0] for name in modules} - set(sys.stdlib_module_names) - {"__main__"}


def test_help_imports_click_and_next_to_nothing_of_ours() -> None:
    """No library but click, and of harness the group and its errors alone."""
    modules = imported("--help")

    assert ALWAYS == outsiders(modules)
    assert MODULES == {name for name in modules if name.partition(".")[0] == "harness"}


@pytest.mark.parametrize("command", sorted(cli.list_commands(None)))  # type: ignore[arg-type]  # it needs no context
def test_help_of_a_command_imports_no_library_that_only_its_work_needs(command: str) -> None:
    """Its options are read off its own file; protocols, templates and YAML come when it runs."""
    assert ALWAYS == outsiders(imported(command, "--help"))
