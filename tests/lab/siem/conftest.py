"""A console as new."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from running_console import RunningConsole, running_console

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def console(tmp_path: Path) -> Iterator[RunningConsole]:
    """A console as new, over plain HTTP: a certificate takes its time."""
    with running_console(tmp_path / "console", tls=False) as running:
        yield running
