"""The command `harness lab`, and the lab as other commands use it."""

from __future__ import annotations

import os
import signal
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.labconsole import console_command
from harness.errors import HarnessError, InventoryError
from harness.redaction import Secret, redactor
from harness.source import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from harness.inventory import Host
    from harness.lab.client import LabHost, Simulated

_FOLDER = Path(".harness") / "lab"
_STOP_SECONDS = 10.0
_NEWEST = "2016"
PASSWORD = "password"  # noqa: S105 - a file's name
"""The file in a lab's folder that holds its administrator's password."""


@dataclass(frozen=True, slots=True)
class Reached:
    """Where a simulated host answers, and who may sign in; see ``harness.lab.client.LabHost``."""

    address: str
    port: int
    user: str
    password: Secret
    smb_port: int = 0
    smb_user: str = ""
    smtp_port: int = 0
    submission_port: int = 0
    http_port: int = 0
    certificate: str = ""


def folder_of(inventory: Path) -> Path:
    """Give the folder of an inventory's lab: it stands beside the inventory, so the state is found again."""
    return inventory.parent / _FOLDER


@contextmanager
def lab_of(hosts: Sequence[Host], inventory: Path) -> Iterator[dict[str, Reached]]:
    """Bring up those hosts that are simulated, for as long as a command runs.

    Args:
        hosts: Hosts of any kind.
        inventory: The inventory's path.

    Yields:
        Where each simulated one answers, by name.

    Raises:
        HarnessError: The lab doesn't start, or the extra ``lab`` isn't installed.
    """
    simulated = _simulated(hosts)
    if not simulated:
        yield {}
        return
    from harness.lab import client

    try:
        with client.lab(simulated, folder_of(inventory)) as found:
            yield {name: _reached(host) for name, host in found.items()}
    except client.LabError as error:
        raise HarnessError(str(error), hint="harness lab status shows what runs, harness lab down ends it") from error


def _simulated(hosts: Sequence[Host]) -> list[Simulated]:
    from harness.lab.client import Simulated

    found = []
    for host in hosts:
        if host.get("connection") != "lab":
            continue
        password, smb_password = host.secret("winrm_password"), host.secret("smb_password")
        flush_delay = host.get("lab_flush_delay")
        found.append(
            Simulated(
                name=host.name,
                version=host.get("exchange_version") or _NEWEST,
                address=host.get("lab_address") or "",
                user=host.get("winrm_user") or "",
                password=password.reveal() if password else "",
                smb_user=host.get("smb_user") or "",
                smb_password=smb_password.reveal() if smb_password else "",
                **({} if flush_delay is None else {"flush_delay": flush_delay}),
                probe_interval=host.get("lab_probe_interval") or 0.0,
                roles=host.get("exchange_roles") or (),
                delegation=bool(host.get("lab_delegation")),
                subscribed=bool(host.get("lab_edge_subscribed")),
                anonymous_mail=bool(host.get("lab_anonymous_mail")),
            )
        )
    _check(found, {host.name: host for host in hosts})
    return found


def _check(simulated: Sequence[Simulated], hosts: Mapping[str, Host]) -> None:
    """Refuse hosts that can't be simulated as they are described; every one of them at once."""
    if not simulated:
        return
    from harness.lab.spec import spec_of

    problems = []
    for wanted in simulated:
        try:
            spec_of(wanted)
        except ValueError as error:
            host = hosts[wanted.name]
            names = ("lab_edge_subscribed", "exchange_roles", "exchange_version")
            named = next((name for name in names if host.get(name)), "connection")
            problems.append(Problem(host.source(named), f"{wanted.name}: {error}"))
    if problems:
        raise InventoryError(problems)


def _reached(host: LabHost) -> Reached:
    redactor.register(host.password)
    return Reached(
        address=host.address,
        port=host.port,
        user=host.user,
        password=Secret(host.password),
        smb_port=host.smb_port,
        smb_user=host.smb_user,
        smtp_port=host.smtp_port,
        submission_port=host.submission_port,
        http_port=host.http_port,
        certificate=host.certificate,
    )


_inventory = click.argument("inventory", type=click.Path(path_type=Path))


@click.group("lab")
def lab_command() -> None:
    """Simulated Exchange servers on this machine, behind real protocols, and a console.

    Other commands start the lab by themselves; `up` keeps it running, for clients of your own.
    """


lab_command.add_command(console_command)


@lab_command.command("up")
@_inventory
def up(inventory: Path) -> int:
    """Serve the simulated hosts of INVENTORY until interrupted. Their state is kept."""
    from harness.inventory import load
    from harness.lab import server

    hosts = _simulated(tuple(load(inventory).hosts.values()))
    if not hosts:
        raise HarnessError(f"{inventory} has no host with connection=lab")
    folder = folder_of(inventory)
    if not server.run(hosts, folder, on_ready=lambda: _show(folder)):
        raise HarnessError(f"a lab already serves {folder}", hint="harness lab status shows it")
    return 0


@lab_command.command("status")
@_inventory
def status(inventory: Path) -> int:
    """Show where the simulated hosts of INVENTORY answer; exit 1 when none runs."""
    from harness.lab import client

    folder = folder_of(inventory)
    if not client.running(folder):
        click.echo(f"no lab serves {folder}")
        return 1
    _show(folder)
    return 0


@lab_command.command("send")
@_inventory
@click.option(
    "--to", "names", metavar="HOST", multiple=True, help="A simulated host; may be given again. All by default."
)
@click.option("--count", default=1, show_default=True, type=click.IntRange(1), help="How many messages and visits.")
def send(inventory: Path, names: tuple[str, ...], count: int) -> int:
    """Make traffic on simulated hosts of INVENTORY: mail from outside, a user's mail to the outside, visits to OWA.

    A lab that doesn't run is started for it.
    """
    from harness.inventory import load

    simulated = _simulated(tuple(load(inventory).hosts.values()))
    known = [host.name for host in simulated]
    unknown = [name for name in names if name not in known]
    if unknown or not known:
        what = f"no simulated host {', '.join(unknown)}" if unknown else "no host with connection=lab"
        raise HarnessError(f"{inventory} has {what}", hint=f"simulated: {', '.join(known)}" if known else "")
    from harness.lab import client, traffic

    try:
        with client.lab(simulated, folder_of(inventory)) as found:
            for name in names or known:
                done = traffic.send(found[name], count)
                click.echo(
                    f"{name}: {len(done.received)} messages received, {len(done.sent)} sent, "
                    f"{done.requests} web requests"
                )
    except client.LabError as error:
        raise HarnessError(str(error), hint="harness lab status shows what runs, harness lab down ends it") from error
    except OSError as error:
        raise HarnessError(f"the lab refused: {error}", hint=f"see {folder_of(inventory) / 'lab.log'}") from error
    return 0


@lab_command.command("down")
@_inventory
def down(inventory: Path) -> int:
    """End the lab of INVENTORY."""
    from harness.lab import client

    folder = folder_of(inventory)
    if not client.running(folder):
        click.echo(f"no lab serves {folder}")
        return 0
    os.kill(client.process_id(folder), signal.SIGTERM)
    until = time.monotonic() + _STOP_SECONDS
    while client.running(folder):
        if time.monotonic() > until:
            raise HarnessError(f"the lab did not end within {_STOP_SECONDS:g} s")
        time.sleep(0.05)
    click.echo(f"the lab of {folder} has ended")
    return 0


def _show(folder: Path) -> None:
    """Say where the hosts answer; the password stays in its file."""
    from harness.lab import client

    for name, host in (client.read_hosts(folder) or {}).items():
        click.echo(f"{name}: WinRM at http://{host.address}:{host.port}/wsman as {host.user}")
        click.echo(f"  SMB on port {host.smb_port}, SMTP on {host.smtp_port}, web on {host.http_port}")
    click.echo(f"the password stands in {folder / PASSWORD}")
