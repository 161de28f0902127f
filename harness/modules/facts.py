"""The facts of a host: what conditions and templates can ask of it, and what the inventory is checked against."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pydantic

from harness.errors import HostError
from harness.exchange import versions
from harness.remote import powershell

if TYPE_CHECKING:
    from harness.exchange.versions import Version
    from harness.modules.base import Target
    from harness.remote.powershell import Script


class _Printed(pydantic.BaseModel):
    """What the script prints; nothing else may stand in it."""

    model_config = pydantic.ConfigDict(extra="forbid", strict=True)


class _Windows(_Printed):
    version: str
    caption: str


class _Exchange(_Printed):
    build: str
    install_path: str
    role_keys: list[str]


class _Time(_Printed):
    utc: str
    offset: int
    zone: str


class _Facts(_Printed):
    computer_name: str
    fqdn: str
    powershell: str
    windows: _Windows
    iis: str | None
    exchange: _Exchange | None
    time: _Time


_ANSWER = pydantic.TypeAdapter(tuple[_Facts])
_UTC = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?)\d*Z")


def script() -> Script:
    """Give the script that reads the facts; it looks for every version, whatever the inventory says."""
    return powershell.script(
        "facts.ps1.j2",
        versions=[
            {
                "setup_keys": version.setup_keys,
                "registry": version.registry,
                "installer": version.management == "shell",
                "role_keys": sorted({key for role in version.roles.values() for key in role.keys}),
            }
            for version in _one_of_each_registry()
        ],
    )


def _one_of_each_registry() -> list[Version]:
    """Give the versions whose registry keys differ, the newest first; an older one may have left its keys behind."""
    return list({version.registry: version for version in reversed(versions.VERSIONS.values())}.values())


def parse(value: object, target: Target) -> dict[str, Any]:
    """Bring the script's output to facts, and check that the inventory says the same.

    Args:
        value: What the script printed.
        target: The host, as the inventory describes it.

    Returns:
        As `read` gives them.

    Raises:
        HostError: The output isn't what the script prints, or the host runs another Exchange than the inventory says.
    """
    facts = read(value, target)
    check(facts, target)
    return facts


def read(value: object, target: Target) -> dict[str, Any]:
    """Bring the script's output to facts.

    Args:
        value: What the script printed.
        target: The host, as the inventory describes it.

    Returns:
        ``computer_name``, ``fqdn``, ``powershell`` (version), ``windows`` (``version``, ``caption``), ``iis`` (version,
        None without one), ``time`` (``utc``, ``offset`` in minutes, ``zone``) and ``exchange`` (``version``, ``build``,
        ``roles``, ``install_path``), which is None where there is no Exchange.

    Raises:
        HostError: The output isn't what the script prints, or the host runs an Exchange that harness doesn't support.
    """
    try:
        (printed,) = _ANSWER.validate_python(value, strict=False)
    except pydantic.ValidationError as error:
        raise HostError(f"the host's facts can't be read: {value!r:.200}", host=target.host) from error
    facts = printed.model_dump()
    if printed.exchange:
        facts["exchange"] = _exchange(printed.exchange, target)
    return facts


def _exchange(printed: _Exchange, target: Target) -> dict[str, Any]:
    version = versions.of_build(printed.build)
    if version is None:
        raise HostError(
            f"the host runs Exchange build {printed.build}, which this harness doesn't support",
            host=target.host,
            hint="supported: " + ", ".join(versions.VERSIONS),
        )
    return {
        "version": version.name,
        "build": printed.build,
        "roles": sorted(version.roles_of(printed.role_keys)),
        "install_path": printed.install_path,
    }


def check(facts: dict[str, Any], target: Target) -> None:
    """Check what the inventory says of a host.

    Raises:
        HostError: It says something else than the facts do.
    """
    exchange = facts["exchange"]
    if exchange is None:
        return
    version, roles = versions.VERSIONS[exchange["version"]], frozenset(exchange["roles"])
    if "version" in target.stated and version is not target.version:
        raise HostError(
            f"the host runs Exchange {version.name} (build {exchange['build']}), the inventory says "
            f"{target.version.name}",
            host=target.host,
            hint=f"set exchange_version={version.name}",
        )
    if "roles" in target.stated and _that_matter(roles, version) != _that_matter(target.roles or roles, version):
        raise HostError(
            f"the host has the Exchange roles {_listed(roles)}, the inventory says {_listed(target.roles or roles)}",
            host=target.host,
            hint=f"set exchange_roles={','.join(sorted(roles))}" if roles else "no server role is installed on it",
        )


def _that_matter(roles: frozenset[str], version: Version) -> frozenset[str]:
    """Leave out the roles that bring nothing which harness looks at."""
    return frozenset(role for role in roles if role not in version.roles or version.roles[role].matters)


def _listed(roles: frozenset[str]) -> str:
    return ", ".join(sorted(roles)) or "(none)"


def settled(target: Target, facts: dict[str, Any]) -> Target:
    """Give the host as its facts describe it, where the inventory left something open.

    Raises:
        HostError: The inventory names a way to the Exchange cmdlets that the server doesn't offer.
    """
    exchange = facts["exchange"]
    if exchange is None:
        return target
    found = replace(target, version=versions.VERSIONS[exchange["version"]], roles=frozenset(exchange["roles"]))
    if found.shell not in found.server.accesses:
        raise HostError(
            f"the host is {found.server.name}, which has no {found.shell}",
            host=target.host,
            hint="leave exchange_access out, or use " + " or ".join(found.server.accesses),
        )
    return found


def notes(facts: dict[str, Any]) -> tuple[str, ...]:
    """Give what the user should know about a host though nothing failed."""
    exchange = facts["exchange"]
    if exchange is None:
        return ()
    found = []
    version = versions.VERSIONS[exchange["version"]]
    if versions.is_newer(exchange["build"]):
        found.append(
            f"Exchange build {exchange['build']} is newer than all that harness knows: it is treated as {version.name}"
        )
    if _numbers(facts["powershell"]) < version.powershell:
        wanted = ".".join(map(str, version.powershell))
        found.append(f"PowerShell {facts['powershell']} is older than Exchange {version.name} asks for ({wanted})")
    return tuple(found)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:2])


def clock(facts: dict[str, Any]) -> datetime | None:
    """Give the host's clock as the facts were read; None where it can't be read."""
    match = _UTC.fullmatch(facts["time"]["utc"])
    return datetime.fromisoformat(match[1]).replace(tzinfo=UTC) if match else None
