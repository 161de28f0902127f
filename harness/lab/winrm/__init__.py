"""A WS-Management and WinRS service for simulated Windows hosts, on loopback.

It speaks the protocol to clients that weren't written for it: a client can't tell it from a host by its messages.
What a shell runs comes from the caller as a ``Program``.
"""

from harness.lab.winrm.background import Background
from harness.lab.winrm.mishap import Mishap
from harness.lab.winrm.server import Exchange, WinRMServer
from harness.lab.winrm.settings import HostSettings, Limits
from harness.lab.winrm.shells import Program

__all__ = ["Background", "Exchange", "HostSettings", "Limits", "Mishap", "Program", "WinRMServer"]
