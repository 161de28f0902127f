"""Simulated organisations and servers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.lab.machine import Machine, MachineSpec
from harness.lab.state.organisation import Organisation

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PASSWORD = "pa:ss'word ü"


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., tuple[Machine, ...]]:
    """Start servers of one organisation from the folder of this test, new ones or those of an earlier start."""

    def start(*names: str) -> tuple[Machine, ...]:
        specs = [MachineSpec(f"{name}.corp.example") for name in names]
        organisation = Organisation.open(tmp_path, specs)
        machines = tuple(Machine.create(spec, organisation, tmp_path) for spec in specs)
        for machine in machines:
            machine.accounts = {"Administrator": PASSWORD}
        return machines

    return start


@pytest.fixture
def machine(start: Callable[..., tuple[Machine, ...]]) -> Machine:
    """A newly installed server."""
    return start("EX01")[0]
