"""From an inventory's hosts to what the engine needs of each: for whom scripts are made, and how to reach it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.errors import InputError, InventoryError
from harness.exchange import versions
from harness.exchange.versions import Server
from harness.modules.base import Target
from harness.play.runner import RunHost
from harness.play.variables import Variables
from harness.remote.connection import Clock
from harness.remote.endpoint import endpoint as endpoint_of
from harness.source import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.cli.lab import Reached
    from harness.exchange.versions import Version
    from harness.inventory import Host, Inventory
    from harness.play.playbook import Play
    from harness.remote.connection import Endpoint


def run_hosts(
    hosts: Sequence[Host], inventory: Inventory, extra: Mapping[str, str], lab: Mapping[str, Reached]
) -> dict[str, RunHost]:
    """Make every host ready to be reached; secrets are resolved here, before anything is touched.

    Args:
        hosts: The hosts of this run.
        inventory: Where they come from.
        extra: Extra variables of the command line.
        lab: Where the simulated ones answer.

    Raises:
        InventoryError: Some hosts can't be reached as they are described; every problem at once.
    """
    problems: list[Problem] = []
    ready: dict[str, RunHost] = {}
    groups = {name: list(group.members) for name, group in inventory.groups.items()}
    for host in hosts:
        try:
            target = _target(host, lab.get(host.name))
            endpoint = _endpoint(host, lab.get(host.name))
        except InputError as error:
            problems += error.problems
            continue
        ready[host.name] = _run_host(host, target, endpoint, groups, extra)
    if problems:
        raise InventoryError(dict.fromkeys(problems))
    return ready


def _run_host(
    host: Host, target: Target, endpoint: Endpoint, groups: Mapping[str, Any], extra: Mapping[str, str]
) -> RunHost:
    def connect() -> Any:  # noqa: ANN401  a Connection; the class is imported when it is needed
        from harness.remote.winrm import WinRMConnection

        return WinRMConnection(endpoint)

    def clock() -> Clock:
        return Clock(host.name, task_seconds=endpoint.task_seconds, run_seconds=endpoint.run_seconds)

    def variables(play: Play, names: tuple[str, ...]) -> Variables:
        reserved = {"inventory_hostname": host.name, "groups": groups, "play_hosts": list(names)}
        return Variables(play.vars, host=host.variables, extra=extra, reserved=reserved)

    return RunHost(target, connect, clock, variables)


def _target(host: Host, lab: Reached | None) -> Target:
    name = host.get("exchange_version")
    roles = frozenset(host.get("exchange_roles") or ())
    version = versions.VERSIONS.get(name) if name else versions.likely(roles)
    if version is None:
        problem = Problem(
            host.source("exchange_version"),
            f"{host.name}: Exchange {name} isn't supported yet",
            "supported: " + ", ".join(versions.VERSIONS),
        )
        raise InventoryError([problem])
    _check_server(host, version, roles)
    own = lab.password if lab else None
    password = host.secret("exchange_password") or host.secret("winrm_password") or own
    return Target(
        host=host.name,
        version=version,
        access=host.get("exchange_access"),
        fqdn=host.get("exchange_fqdn") or "",
        user=host.get("exchange_user") or host.get("winrm_user") or (lab.user if lab else ""),
        password=password,
        roles=roles or None,
        stated=frozenset(name for name, given in (("version", name), ("roles", roles)) if given),
    )


def _check_server(host: Host, version: Version, roles: frozenset[str]) -> None:
    """Refuse roles that the version doesn't have, and a way to its cmdlets that such a server doesn't offer."""
    try:
        server = Server(version, roles or version.usual)
    except ValueError as error:
        raise InventoryError([Problem(host.source("exchange_roles"), f"{host.name}: {error}")]) from error
    access = host.get("exchange_access")
    if access not in ("auto", *server.accesses):
        problem = Problem(
            host.source("exchange_access"),
            f"{host.name}: {server.name} has no {access}",
            "leave exchange_access out, or use " + " or ".join(server.accesses),
        )
        raise InventoryError([problem])


def _endpoint(host: Host, lab: Reached | None) -> Endpoint:
    if lab is None:
        return endpoint_of(host)
    own = {} if host.get("winrm_user") else {"user": lab.user, "password": lab.password}
    return endpoint_of(host, address=lab.address, port=lab.port, scheme="http", transport="ntlm", **own)
