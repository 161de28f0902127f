"""What differs between versions of Exchange, as data.

Sources: the "Applicable" lines of the cmdlets' documentation (Get-TransportService, Get-FrontendTransportService,
Set-SendConnector …), and the registry keys that Microsoft's own support scripts read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class TransportService:
    """A transport service and the cmdlets that read and write it.

    Args:
        kind: As reports name it.
        get: The cmdlet that reads it.
        set: The cmdlet that writes it.
    """

    kind: str
    get: str
    set: str


@dataclass(frozen=True, slots=True)
class Version:
    """One version of Exchange.

    Args:
        name: As the inventory writes it.
        product: The first two numbers of a build.
        access: How a script gets at the Exchange cmdlets by default: ``remoting`` or ``snapin``.
        snapin: The snap-in's name.
        setup_keys: Registry keys that hold the installation path and the build, the first that exists counts.
        tracking: The service which the message tracking settings belong to; None where there are no such cmdlets.
        intra_org: The services that log traffic within the organisation, beside the send connectors.
        log_target: Whether IIS has ``logTargetW3C`` (IIS 8.5 and later).
        management: How settings are read and written: with the cmdlets of Exchange's shell and of IIS 7 (``shell``), or
            through WMI, since Exchange 2003 and IIS 6 have no cmdlets.
    """

    name: str
    product: tuple[int, int]
    access: str
    snapin: str
    setup_keys: tuple[str, ...]
    tracking: TransportService | None
    intra_org: tuple[TransportService, ...]
    log_target: bool
    management: Literal["shell", "wmi"] = "shell"


_TRANSPORT = TransportService("transport service", "Get-TransportService", "Set-TransportService")
_FRONT_END = TransportService(
    "front-end transport service", "Get-FrontendTransportService", "Set-FrontendTransportService"
)

VERSIONS = {
    version.name: version
    for version in (
        Version(
            name="2003",
            product=(6, 5),
            access="snapin",  # never asked: no script of this version's calls an Exchange cmdlet
            snapin="",
            setup_keys=(r"HKLM:\SOFTWARE\Microsoft\Exchange\Setup",),
            tracking=None,
            intra_org=(),
            log_target=False,
            management="wmi",
        ),
        Version(
            name="2016",
            product=(15, 1),
            access="remoting",
            snapin="Microsoft.Exchange.Management.PowerShell.SnapIn",
            setup_keys=(r"HKLM:\SOFTWARE\Microsoft\ExchangeServer\v15\Setup",),
            tracking=_TRANSPORT,
            intra_org=(_TRANSPORT, _FRONT_END),
            log_target=True,
        ),
    )
}
DEFAULT = VERSIONS["2016"]
"""What is assumed of a host whose inventory names no version."""


def of_build(build: str) -> Version | None:
    """Give the version that a build number belongs to, for example ``15.1.2507.6``; None where harness knows none."""
    numbers = build.split(".")
    if len(numbers) < 2 or not all(number.isdecimal() for number in numbers):  # noqa: PLR2004  major and minor
        return None
    product = (int(numbers[0]), int(numbers[1]))
    return next((version for version in VERSIONS.values() if version.product == product), None)
