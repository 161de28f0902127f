"""What a simulated host does with a command line: the programs that a shell can start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.lab.cmdlets import connectors, transport  # noqa: F401  they declare Exchange's cmdlets
from harness.lab.cmdlets.exchange import EXCHANGE
from harness.lab.cmdlets.iis import IIS
from harness.lab.cmdlets.sessions import SESSIONS
from harness.lab.cmdlets.windows import WINDOWS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.lab.machine import HostProcess, Machine
    from harness.lab.process import ProcessIO

REGISTRIES = (WINDOWS, IIS, EXCHANGE, SESSIONS)
"""Everything that a PowerShell process of a host has beyond the language's own."""
