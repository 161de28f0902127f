"""A simulated console behind HTTPS."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from running_console import running_console
from siem import Reached, reached

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def siem(tmp_path: Path) -> Iterator[Reached]:
    """A fresh console, reached as its administrator."""
    with running_console(tmp_path / "siem") as running, reached(running) as found:
        found.console.agree_on_version()
        yield found
