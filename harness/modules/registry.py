"""The modules that a task can name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.modules.collector_access import CollectorAccess
from harness.modules.connectors import ReceiveConnector, SendConnector
from harness.modules.firewall import Firewall
from harness.modules.iis_logging import IisLogging
from harness.modules.log_share import LogShare
from harness.modules.message_tracking import MessageTracking
from harness.modules.powershell import PowerShell
from harness.modules.service import Service
from harness.modules.smtp_log_folders import SmtpLogFolders
from harness.modules.smtp_virtual_server import SmtpVirtualServer

if TYPE_CHECKING:
    from harness.modules.base import Module

MODULES: dict[str, Module[Any]] = {
    module.name: module
    for module in (
        IisLogging(),
        ReceiveConnector(),
        SendConnector(),
        SmtpVirtualServer(),
        SmtpLogFolders(),
        MessageTracking(),
        Service(),
        Firewall(),
        LogShare(),
        CollectorAccess(),
        PowerShell(),
    )
}
