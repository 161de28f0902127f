"""What is set on a simulated host's WinRM service; the defaults are those of Windows Server."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Limits:
    """Quotas of the service.

    Args:
        envelope_size: Bytes of one SOAP envelope, in either direction (``MaxEnvelopeSizekb`` is 500).
        shells: Open shells per user (``MaxShellsPerUser``).
        processes: Running commands per shell (``MaxProcessesPerShell``).
        command_line: Characters that ``cmd.exe`` takes on one command line.
        idle_seconds: How long a shell lives without a request (``IdleTimeout``).
        operation_seconds: How long an operation may wait when the request doesn't say (``MaxTimeoutms``).
        request_seconds: How long a client may take to send one request.
        keep_alive_seconds: How long a connection may stay open without a request.
    """

    envelope_size: int = 512_000
    shells: int = 30
    processes: int = 25
    command_line: int = 8191
    idle_seconds: float = 7200.0
    operation_seconds: float = 60.0
    request_seconds: float = 30.0
    keep_alive_seconds: float = 120.0


@dataclass(frozen=True, slots=True)
class HostSettings:
    """One simulated host as its WinRM service sees it.

    Args:
        name: The NetBIOS name, for example ``EX01``.
        fqdn: The DNS name, for example ``ex01.corp.example``; what follows the first dot is the DNS domain.
        domain: The NetBIOS name of the domain, for example ``CORP``.
        users: Account names without domain, and each one's password (text) or its NT hash (16 bytes).
        address: The address to listen on.
        http_port: 0 takes any free port; ``None`` is no listener.
        https_port: The same for HTTPS.
        allow_basic: Whether Basic is offered (``Auth/Basic``).
        allow_unencrypted: Whether a plain message is taken over HTTP (``AllowUnencrypted``).
        channel_bindings: ``CbtHardeningLevel``: ``relaxed`` refuses wrong bindings, ``strict`` also missing ones.
        certificate_folder: Where the HTTPS certificate and key are kept; ``None`` makes new ones at each start.
        client_certificates: User names and the PEM file with the self-signed certificate each may sign in with.
        os_version: What Identify tells a user who has signed in.
        limits: The quotas.
    """

    name: str
    fqdn: str
    domain: str
    users: Mapping[str, str | bytes] = field(repr=False)
    address: str = "127.0.0.1"
    http_port: int | None = 0
    https_port: int | None = None
    allow_basic: bool = False
    allow_unencrypted: bool = False
    channel_bindings: Literal["relaxed", "strict", "none"] = "relaxed"
    certificate_folder: Path | None = None
    client_certificates: Mapping[str, Path] = field(default_factory=lambda: MappingProxyType({}))
    os_version: str = "10.0.14393"
    limits: Limits = Limits()

    @property
    def dns_domain(self) -> str:
        """The DNS name of the domain; empty for a host in no domain."""
        return self.fqdn.partition(".")[2]
