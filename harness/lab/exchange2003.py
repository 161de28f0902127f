"""A simulated Exchange 2003 server: Windows Server 2003, IIS 6 with its metabase, and WMI in place of cmdlets.

Documented: the WMI classes, their properties and methods; the log folders' names; the registry values ``Services`` and
``NewestBuild``. Believed: what the registry value ``Services Version`` holds, the form of ``ExchangeVersion``, how long
tracking logs are kept at first, which services need which.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.lab.machine import Machine
from harness.lab.powershell.objects import CaseDict
from harness.lab.state import iis, metabase, services
from harness.lab.state.services import Service

if TYPE_CHECKING:
    from pathlib import Path

    from harness.lab.logs.w3c import W3cSettings
    from harness.lab.powershell.objects import Value
    from harness.lab.spec import MachineSpec
    from harness.lab.state.organisation import Organisation
    from harness.lab.store import Json

_SOFTWARE = "HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft"


def _exchange(name: str, title: str, requires: tuple[str, ...], start: str = "Automatic") -> Service:
    return Service(name, f"Microsoft Exchange {title}", start, requires, program=f"bin\\{name}.exe")


SERVICES = {
    service.name: service
    for service in (
        Service("EventLog", "Event Log", shared=True),
        Service("RpcSs", "Remote Procedure Call (RPC)", shared=True),
        Service("SamSs", "Security Accounts Manager", requires=("RpcSs",), shared=True),
        Service("Winmgmt", "Windows Management Instrumentation", requires=("RpcSs",), shared=True),
        Service("W32Time", "Windows Time", shared=True),
        Service("LanmanWorkstation", "Workstation", shared=True),
        Service("LanmanServer", "Server", shared=True),
        Service("Netlogon", "Net Logon", requires=("LanmanWorkstation",), shared=True),
        Service("WinRM", "Windows Remote Management (WS-Management)", requires=("RpcSs",), shared=True),
        Service("IISADMIN", "IIS Admin Service", requires=("RpcSs", "SamSs"), shared=True),
        Service("HTTPFilter", "HTTP SSL", "Manual", ("IISADMIN",), shared=True),
        Service("W3SVC", "World Wide Web Publishing Service", requires=("IISADMIN", "HTTPFilter"), shared=True),
        Service("SMTPSVC", "Simple Mail Transfer Protocol (SMTP)", requires=("IISADMIN", "EventLog"), shared=True),
        Service("RESvc", "Microsoft Exchange Routing Engine", requires=("IISADMIN",), shared=True),
        _exchange("MSExchangeSA", "System Attendant", ("RpcSs", "EventLog", "LanmanWorkstation", "LanmanServer")),
        _exchange("MSExchangeIS", "Information Store", ("MSExchangeSA",)),
        _exchange("MSExchangeMTA", "MTA Stacks", ("MSExchangeSA", "IISADMIN")),
        _exchange("MSExchangeMGMT", "Management", ("RpcSs", "Winmgmt")),
        _exchange("MSExchangeES", "Event", ("MSExchangeIS",), start="Manual"),
    )
}


class Exchange2003(Machine):
    """A host with Exchange 2003.

    Args:
        spec: What is installed.
        organisation: What it shares with other servers: their names.
        folder: The lab's, where its file is kept.
    """

    __slots__ = ("metabase",)

    has_cmdlets = False

    def __init__(self, spec: MachineSpec, organisation: Organisation, folder: Path) -> None:
        super().__init__(spec, organisation, folder)
        self.transport_services = {}
        self.services = services.Services(self.store, SERVICES)
        self.metabase = metabase.Metabase(self.store, lambda: self.faults.directory_copies)

    def _join(self) -> None:
        self.organisation.older[self.name.upper()] = self

    def _initial(self) -> dict[str, Json]:
        return {
            "metabase": metabase.stock(),
            "exchange_server": {
                "MessageTrackingEnabled": False,
                "MessageTrackingLogFilePath": f"{self.spec.install_path}{self.name}.log",
                "MessageTrackingLogFileLifetime": 7,
                "SubjectLoggingEnabled": False,
            },
            "services": services.stock(SERVICES),
            # What later versions have in their place is empty here, for the front ends that look for it.
            "iis": iis.absent(),
            "receive_connectors": [],
            "transport": {},
        }

    @property
    def exchange_server(self) -> dict[str, Json]:
        """What ``Exchange_Server`` holds of message tracking."""
        with self.store.lock:
            return dict(self.store.document["exchange_server"])

    def enable_message_tracking(self, enabled: bool, path: str | None) -> None:
        """Switch message tracking, and move its folder where one is named."""
        with self.store.change() as document:
            held = document["exchange_server"]
            held["MessageTrackingEnabled"] = enabled
            if path is not None:
                held["MessageTrackingLogFilePath"] = path

    def web_log(self, site: int) -> W3cSettings | None:
        """Give how a web site's W3C file is set now; ``None`` where there is no such file."""
        return self.metabase.w3c(f"W3SVC/{site}")

    def smtp_log(self, number: int) -> W3cSettings | None:
        """Give how the W3C file of an SMTP virtual server is set now; ``None`` where there is no such file."""
        return self.metabase.w3c(f"SmtpSvc/{number}")

    @property
    def log_folders(self) -> dict[str, str]:
        """Where each family's files are: ``OWA``, ``SMTP`` and ``MSGTRK``."""
        web, smtp = (str(self.metabase.settings(node)["LogFileDirectory"]) for node in ("W3SVC/1", "SmtpSvc/1"))
        return {
            "OWA": f"{web}\\W3SVC1",
            "SMTP": f"{smtp}\\SMTPSVC1",
            "MSGTRK": str(self.exchange_server["MessageTrackingLogFilePath"]),
        }

    @property
    def registry(self) -> CaseDict[CaseDict[Value]]:
        """The simulated part of the registry: values by name by key."""
        setup: dict[str, Value] = {
            "Services": self.spec.install_path.removesuffix("\\"),
            "Services Version": 65,
            "NewestBuild": self.build.build,
        }
        windows: dict[str, Value] = {"ProductName": "Microsoft Windows Server 2003", "CurrentBuildNumber": "3790"}
        named = {
            f"{_SOFTWARE}\\Exchange\\Setup": setup,
            f"{_SOFTWARE}\\Windows NT\\CurrentVersion": windows,
            f"{_SOFTWARE}\\InetStp": {"MajorVersion": 6, "MinorVersion": 0},
        }
        return CaseDict((key, CaseDict(values)) for key, values in named.items())

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables of a process that a remote user starts."""
        own = super().environment
        del own["ProgramData"]
        own = {name: value.replace("C:\\Windows", "C:\\WINDOWS") for name, value in own.items()}
        return own | {
            "ALLUSERSPROFILE": "C:\\Documents and Settings\\All Users",
            "PATHEXT": ".COM;.EXE;.BAT;.CMD;.VBS;.VBE;.JS;.JSE;.WSF;.WSH",
            "PROCESSOR_ARCHITECTURE": "x86",
        }
