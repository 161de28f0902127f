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
        organisation = Organisation.create("corp.example", tmp_path, accounts={"administrator": PASSWORD})
        return tuple(Machine.create(MachineSpec(name, "corp.example"), organisation, tmp_path / name) for name in names)

    return start


@pytest.fixture
def machine(start: Callable[..., tuple[Machine, ...]]) -> Machine:
    """A newly installed server."""
    return start("EX01")[0]
