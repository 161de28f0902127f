"""What a simulated host does with a command line: the programs that a shell can start."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import harness.lab.cmdlets.connectors
import harness.lab.cmdlets.smb_shares
import harness.lab.cmdlets.transport  # noqa: F401  these declare cmdlets in other modules' registries
from harness.lab.cmdlets.exchange import shell, shell_of
from harness.lab.cmdlets.iis import IIS, IIS_SNAPIN, WEB_ADMINISTRATION
from harness.lab.cmdlets.network import NETWORK
from harness.lab.cmdlets.services import SERVICES
from harness.lab.cmdlets.sessions import SESSIONS
from harness.lab.cmdlets.windows import WINDOWS
from harness.lab.powershell import host
from harness.lab.powershell.session import Session
from harness.lab.state.products import PRODUCTS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from harness.lab.machine import HostProcess, Machine
    from harness.lab.powershell.cmdlet import Registry
    from harness.lab.process import ProcessIO

_UNSUPPORTED = re.compile(r"[%&|<>^]")
"""What ``cmd.exe`` gives a meaning of its own."""


def registries(machine: Machine) -> tuple[Registry, ...]:
    """Give everything that a PowerShell process of a host has beyond the language's own."""
    if not machine.has_cmdlets:
        return WINDOWS, NETWORK, SERVICES
    web = IIS if machine.product.windows.web_module else IIS_SNAPIN
    return WINDOWS, NETWORK, SERVICES, web, shell_of(machine).registry, SESSIONS


def known_absent(machine: Machine) -> frozenset[str]:
    """Give what a host certainly hasn't: the modules, snap-ins and cmdlets of other versions, in lower case."""
    if not machine.has_cmdlets:
        later = [shell(product, edge=False) for product in PRODUCTS.values()]
        exchange = (name for each in later for name in each.registry.cmdlets)
        return frozenset(name.lower() for name in (*exchange, *IIS.cmdlets))
    snapins = {product.snapin for product in PRODUCTS.values()} - {machine.product.snapin}
    return shell_of(machine).absent | {name.lower() for name in (*snapins, WEB_ADMINISTRATION.name)}


def run(
    machine: Machine,
    command_line: str,
    environment: Mapping[str, str],
    io: ProcessIO,
    *,
    user: str = "",
    transport: str = "ntlm",
) -> int:
    r"""Run a command line as ``cmd.exe`` would, of which only single commands are simulated.

    Args:
        machine: The host.
        command_line: As a client sent it.
        environment: Variables that the client set for its shell.
        io: The process's streams.
        user: Who signed in, as ``DOMAIN\name``; the domain's administrator where left out.
        transport: How they signed in; see `Machine.sign_in`.

    Returns:
        The exit code.
    """
    process = machine.sign_in(user or f"{machine.netbios_domain}\\Administrator", transport)
    variables = {**machine.environment, "USERNAME": process.user.rpartition("\\")[2], **environment}
    name, arguments = _split(command_line)
    if name == "powershell":
        return _powershell(process, arguments, variables, io)
    program = _PROGRAMS.get(name) if name == "echo" or not arguments else None
    # A program whose arguments are simulated one way only stands in the table with them.
    program = program or _PROGRAMS.get(f"{name} {arguments}".lower())
    if program is None or _UNSUPPORTED.search(command_line):
        io.write_err(f"not simulated: the command line {command_line}\r\n".encode())
        return 1
    return program(process, arguments, io)


def _split(command_line: str) -> tuple[str, str]:
    """Give a command's name, without folder, extension and capitals, and what follows it."""
    text = command_line.strip()
    if text.startswith('"'):
        path, _, arguments = text[1:].partition('"')
    else:
        path, _, arguments = text.partition(" ")
    return path.replace("/", "\\").rpartition("\\")[2].lower().removesuffix(".exe"), arguments.strip()


def _powershell(process: HostProcess, arguments: str, variables: Mapping[str, str], io: ProcessIO) -> int:
    session = Session(
        registries(process.machine),
        machine=process,
        version=process.machine.product.windows.powershell,
        known_absent=known_absent(process.machine),
        environment=variables,
        io=io,
        computer_name=process.machine.name,
    )
    try:
        return host.run(arguments, io, session)
    finally:
        session.close()


def _write(io: ProcessIO, text: str) -> int:
    io.write_out(f"{text}\r\n".encode())
    return 0


def _hostname(process: HostProcess, _arguments: str, io: ProcessIO) -> int:
    return _write(io, process.machine.name)


def _whoami(process: HostProcess, _arguments: str, io: ProcessIO) -> int:
    return _write(io, process.user.lower())


def _echo(_process: HostProcess, arguments: str, io: ProcessIO) -> int:
    return _write(io, arguments or "ECHO is on.")


def _ver(process: HostProcess, _arguments: str, io: ProcessIO) -> int:
    return _write(io, f"\r\nMicrosoft Windows [Version {process.machine.product.windows.version}]")


def _netsh(process: HostProcess, _arguments: str, io: ProcessIO) -> int:
    process.machine.flush()
    return _write(io, "")


_PROGRAMS: dict[str, Callable[[HostProcess, str, ProcessIO], int]] = {
    "hostname": _hostname,
    "whoami": _whoami,
    "echo": _echo,
    "ver": _ver,
    "netsh http flush logbuffer": _netsh,
}
