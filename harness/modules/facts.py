"""The facts of a host: what conditions and templates can ask of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.errors import HostError
from harness.exchange import versions
from harness.remote import powershell

if TYPE_CHECKING:
    from harness.modules.base import Target
    from harness.remote.powershell import Script


_TEMPLATES = {"shell": "facts.ps1.j2", "wmi": "facts.2003.ps1.j2"}


def script(target: Target) -> Script:
    """Give the script that reads the facts."""
    return powershell.script(_TEMPLATES[target.version.management], setup_keys=target.version.setup_keys)


def parse(value: object, target: Target) -> dict[str, Any]:
    """Bring the script's output to facts.

    Args:
        value: What the script printed.
        target: The host, as the inventory describes it.

    Returns:
        ``computer_name``, ``fqdn``, ``powershell`` (version), ``windows`` (``version``, ``caption``) and ``exchange``
        (``version``, ``build``, ``install_path``), which is None where there is no Exchange.

    Raises:
        HostError: The output isn't what the script prints, or the host runs another Exchange than the inventory says.
    """
    printed: Any = value
    match printed:
        case [{"computer_name": str(), "windows": dict(), "exchange": None} as facts]:
            return dict(facts)
        case [{"computer_name": str(), "windows": dict(), "exchange": {"build": str(build), **rest}} as facts]:
            return {**facts, "exchange": {"version": _version(build, target), "build": build, **rest}}
    raise HostError(f"the host's facts can't be read: {value!r:.200}", host=target.host)


def _version(build: str, target: Target) -> str:
    found = versions.of_build(build)
    if found is None:
        raise HostError(
            f"the host runs Exchange build {build}, which this harness doesn't support",
            host=target.host,
            hint="supported: " + ", ".join(versions.VERSIONS),
        )
    if found is not target.version:
        raise HostError(
            f"the host runs Exchange {found.name} (build {build}), the inventory says {target.version.name}",
            host=target.host,
            hint=f"set exchange_version={found.name}",
        )
    return found.name
