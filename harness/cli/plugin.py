"""The entry point for pytest: `pytest --harness-inventory inventory.ini` collects the expectations as items.

Without that option it does nothing, and imports nothing that costs time.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

_KEY = pytest.StashKey[Any]()
"""What `harness.cli.workload.prepare` gave; importing its type here would cost every run of pytest time."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options."""
    group = parser.getgroup("harness", "harness: expectations of Exchange servers' logs")
    group.addoption("--harness-inventory", metavar="FILE", help="The inventory; without it nothing is verified.")
    group.addoption(
        "--harness-playbook",
        metavar="FILE",
        action="append",
        default=[],
        help="A playbook whose plays say what to expect; can be given several times. Without it the shipped site.yml.",
    )
    group.addoption("--harness-limit", metavar="PATTERN", help="Only hosts of this pattern.")
    group.addoption("--harness-expectations", metavar="FILE", help="A file of expectations, for all hosts.")
    group.addoption(
        "--harness-timeout", metavar="SECONDS", type=float, default=300.0, help="For all hosts together; 300."
    )
    group.addoption("--harness-update", action="store_true", help="Rewrite golden cases that differ.")


def pytest_configure(config: pytest.Config) -> None:
    """Read the user's files, if there are any."""
    inventory = config.getoption("--harness-inventory", default=None)
    if not inventory:
        return
    from harness.cli.workload import Request, prepare
    from harness.errors import HarnessError
    from harness.verify import fixtures
    from harness.verify.plugin import NAME, VerifyPlugin

    expectations = config.getoption("--harness-expectations")
    request = Request(
        inventory=Path(inventory),
        playbooks=[Path(path) for path in config.getoption("--harness-playbook")],
        limit=config.getoption("--harness-limit"),
        expectations=Path(expectations) if expectations else None,
        timeout=config.getoption("--harness-timeout"),
    )
    try:
        prepared = prepare(request)
    except HarnessError as error:
        raise pytest.UsageError(error.message) from error
    config.stash[_KEY] = prepared
    plugin = VerifyPlugin(prepared.workload, update=config.getoption("--harness-update"))
    config.pluginmanager.register(plugin, NAME)
    config.pluginmanager.register(fixtures, f"{NAME}-fixtures")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Let simulated hosts go."""
    prepared = config.stash.get(_KEY, None)
    if prepared is not None:
        prepared.held.close()
