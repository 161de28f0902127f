"""One simulated host: its state, and every front end that shows or changes it."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.lab import console
from harness.lab.exchange2003 import Exchange2003
from harness.lab.logs.protocol import ProtocolLogs
from harness.lab.logs.smtpsvc import VirtualServerLog
from harness.lab.logs.spool import Spool
from harness.lab.logs.tracking import Tracking
from harness.lab.logs.tracking2003 import Tracking2003
from harness.lab.logs.w3c import WebLogs
from harness.lab.mailflow import MailFlow
from harness.lab.mailflow2003 import MailFlow2003
from harness.lab.reception import MAIL, SUBMISSION, Receiver, Receiver2003
from harness.lab.smtp import Service, SmtpServer
from harness.lab.web import WebServer
from harness.lab.webpages import OutlookWebAccess2003, OutlookWebApp
from harness.lab.winrm import certificate as certificates
from harness.lab.winrm.server import WinRMServer
from harness.lab.winrm.settings import HostSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from harness.lab.logs.files import Files
    from harness.lab.machine import Machine
    from harness.lab.smtp import Flow, Takes


@dataclass(frozen=True, slots=True)
class Ports:
    """Where a host's services answer, on its address.

    Args:
        winrm: WS-Management over HTTP.
        smtp: The port that plays 25.
        submission: The port that plays 587.
        http: The web sites.
    """

    winrm: int
    smtp: int
    submission: int
    http: int


def utc_now() -> dt.datetime:
    """Give the time."""
    return dt.datetime.now(dt.UTC)


class SimulatedHost:
    """A host on the network.

    Args:
        machine: Its state.
        address: Its loopback address.
        users: Who may sign in: passwords by account name.
        files: Where its logs go.
        certificates_folder: Where its certificate is kept.
        flush_delay: Seconds for which IIS and the SMTP services hold log lines back at most.
        probe_interval: Seconds between two messages of its monitoring; 0 for none.
        now: The clock.
    """

    def __init__(
        self,
        machine: Machine,
        address: str,
        users: Mapping[str, str],
        files: Files,
        certificates_folder: Path,
        *,
        flush_delay: float = 0.5,
        probe_interval: float = 0.0,
        now: Callable[[], dt.datetime] = utc_now,
    ) -> None:
        self.machine = machine
        self.address = address
        self.spool = Spool(files, machine.name)
        """What writes its logs; tests have it write at once."""
        settings = HostSettings(
            name=machine.name, fqdn=machine.fqdn, domain=machine.netbios_domain, users=users, address=address
        )
        self.winrm = WinRMServer(settings, functools.partial(console.run, machine))
        self.receiver, self.flow = self._mail(now, flush_delay)
        kept = certificates.keep(certificates_folder, machine.fqdn, (machine.fqdn, machine.name, address))
        self.certificate = kept.certificate
        """The PEM file for an SMTP client to trust."""
        tls = certificates.server_context(kept, {})
        self._smtp = SmtpServer(Service(machine, self.receiver, self.flow, tls, now), address)
        pages = OutlookWebAccess2003(machine) if isinstance(machine, Exchange2003) else OutlookWebApp(machine)
        self._web = WebServer(machine, address, WebLogs(machine, self.spool, now, flush_delay), pages)
        self._probe_interval = probe_interval
        self._probes: asyncio.Task[None] | None = None

    def _mail(self, now: Callable[[], dt.datetime], delay: float) -> tuple[Takes, Flow]:
        """Give who takes mail, and what becomes of it."""
        machine, spool = self.machine, self.spool
        if isinstance(machine, Exchange2003):
            receiver = Receiver2003(machine, VirtualServerLog(machine, 1, spool, now, delay))
            return receiver, MailFlow2003(machine, self.address, Tracking2003(machine, spool), now)
        protocol = ProtocolLogs(machine, spool, now, delay)
        flow = MailFlow(machine, self.address, protocol, Tracking(machine, spool, now), now)
        return Receiver(machine, protocol), flow

    async def start(self) -> Ports:
        """Bring every front end up, on free ports.

        Raises:
            OSError: The address isn't there.
        """
        winrm = (await self.winrm.start())["http"][1]
        smtp = await self._smtp.start()
        if self._probe_interval:
            self._probes = asyncio.create_task(self._probe())
        return Ports(winrm, smtp[MAIL], smtp[SUBMISSION], await self._web.start())

    async def stop(self) -> None:
        """Take everything down; the log lines that are still held back are written."""
        if self._probes is not None:
            self._probes.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._probes
        await self._smtp.stop()
        await self._web.stop()
        await self.winrm.stop()
        await asyncio.to_thread(self.spool.close)

    async def _probe(self) -> None:
        while True:
            await asyncio.sleep(self._probe_interval)
            if self.flow.monitored:
                self.flow.probe()
