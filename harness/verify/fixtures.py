"""The fixtures for tests of the user's own; see `harness.verify.plugin`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.events import Family
from harness.verify.plugin import NAME, VerifyPlugin

if TYPE_CHECKING:
    from harness.events import Event
    from harness.inventory import Host


@pytest.fixture(scope="session")
def exchange_host(request: pytest.FixtureRequest) -> Host:
    """A host of the inventory; a test that asks for it runs once for each."""
    return _plugin(request).workload.tasks[request.param].host


@pytest.fixture(scope="session")
def owa_events(request: pytest.FixtureRequest, exchange_host: Host) -> tuple[Event, ...]:
    """The last events of the host's Outlook Web Access log."""
    return _plugin(request).events(exchange_host, Family.OWA)


@pytest.fixture(scope="session")
def smtp_events(request: pytest.FixtureRequest, exchange_host: Host) -> tuple[Event, ...]:
    """The last events of the host's SMTP protocol logs."""
    return _plugin(request).events(exchange_host, Family.SMTP)


@pytest.fixture(scope="session")
def msgtrk_events(request: pytest.FixtureRequest, exchange_host: Host) -> tuple[Event, ...]:
    """The last events of the host's message tracking log."""
    return _plugin(request).events(exchange_host, Family.MSGTRK)


def _plugin(request: pytest.FixtureRequest) -> VerifyPlugin:
    plugin = request.config.pluginmanager.get_plugin(NAME)
    if not isinstance(plugin, VerifyPlugin):
        pytest.fail("harness has no inventory: give --harness-inventory=FILE", pytrace=False)
    return plugin
