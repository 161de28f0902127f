"""The table of cmdlets: which version has which, with which parameters.

``documented.toml`` is made from the public documentation, ``added.toml`` holds what that doesn't say.
"""

from __future__ import annotations

import functools
import tomllib
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Scale = Literal["exchange", "powershell", "windows"]
_SCALES: Mapping[Scale, tuple[str, ...]] = {
    "exchange": ("2003", "2007", "2010", "2013", "2016", "2019", "SE"),
    "powershell": ("2.0", "3.0", "4.0", "5.0", "5.1"),
    "windows": ("2003", "2008", "2008R2", "2012", "2012R2", "2016", "2019", "2022", "2025"),
}
_SCALE_OF: Mapping[str, Scale] = {
    "exchange": "exchange",
    "powershell": "powershell",
    "windows-2012": "windows",
    "web": "windows",
}
_NAMES = {"exchange": "Exchange", "powershell": "Windows PowerShell", "windows": "Windows Server"}

COMMON = frozenset(
    {"debug", "erroraction", "errorvariable", "outbuffer", "outvariable", "verbose", "warningaction", "warningvariable"}
)
"""The parameters that every cmdlet has since PowerShell 2.0."""
COMMON_SWITCHES = frozenset({"debug", "verbose"})


@dataclass(frozen=True, slots=True)
class Platform:
    """What a script for one version of Exchange may count on: the oldest that this version is run with.

    Args:
        exchange: The version's name, for example ``2010``.
        powershell: The version of Windows PowerShell.
        windows: The version of Windows Server.
    """

    exchange: str
    powershell: str
    windows: str

    def value(self, scale: Scale) -> str:
        """Give the platform's version on a scale."""
        return {"exchange": self.exchange, "powershell": self.powershell, "windows": self.windows}[scale]

    def has_powershell(self, version: str) -> bool:
        """Say whether its PowerShell is that new."""
        return _at_least("powershell", self.powershell, version)

    def has_windows(self, version: str) -> bool:
        """Say whether its Windows Server is that new."""
        return _at_least("windows", self.windows, version)


def newer(scale: Scale, one: str, other: str) -> str:
    """Give the newer of two versions; an empty one is older than all."""
    order = ("", *_SCALES[scale])
    return max(one, other, key=order.index)


def _at_least(scale: Scale, has: str, wanted: str) -> bool:
    order = _SCALES[scale]
    return order.index(has) >= order.index(wanted)


@dataclass(frozen=True, slots=True)
class Versions:
    """Some versions of one scale.

    Args:
        scale: What they count.
        runs: First and last version of each unbroken run.
    """

    scale: Scale
    runs: tuple[tuple[str, str], ...]

    def __contains__(self, platform: Platform) -> bool:
        """Say whether a platform is among them."""
        order = _SCALES[self.scale]
        at = order.index(platform.value(self.scale))
        return any(order.index(first) <= at <= order.index(last) for first, last in self.runs)

    def __str__(self) -> str:
        """Write them for people: ``Exchange 2013 to SE``."""
        parts = []
        for first, last in self.runs:
            if first == last:
                parts.append(first)
            elif last == _SCALES[self.scale][-1]:
                parts.append(f"{first} and later")
            else:
                parts.append(f"{first} to {last}")
        return f"{_NAMES[self.scale]} {', '.join(parts)}"


@dataclass(frozen=True, slots=True)
class Cmdlet:
    """One cmdlet.

    Args:
        name: As it is documented.
        source: ``exchange``, ``powershell``, ``windows-2012`` or ``web``.
        versions: Who has it.
        positional: How many arguments it takes without their names.
        switches: Its switches, in lower case.
        parameters: Documented name and who has it, by lower-case name. A name can stand for several runs of versions.
    """

    name: str
    source: str
    versions: tuple[Versions, ...]
    positional: int
    switches: frozenset[str]
    parameters: Mapping[str, tuple[str, tuple[Versions, ...]]]

    def on(self, platform: Platform) -> bool:
        """Say whether a platform has it."""
        return any(platform in versions for versions in self.versions)

    def known_on(self, platform: Platform) -> list[str]:
        """Give the parameters that a platform has."""
        return [name for name, where in self.parameters.values() if any(platform in versions for versions in where)]


class Table:
    """All cmdlets that lint knows."""

    def __init__(self, documented: Mapping[str, Any], added: Mapping[str, Any]) -> None:
        self.platforms = {name: Platform(name, **values) for name, values in added["platforms"].items()}
        self.programs: Mapping[str, str] = added["programs"]
        self._cmdlets = {name.lower(): _cmdlet(name, entry, added) for name, entry in documented.items()}

    def cmdlet(self, name: str) -> Cmdlet | None:
        """Give a cmdlet by its name in any case; None where lint doesn't know it."""
        return self._cmdlets.get(name.lower())

    def names(self) -> list[str]:
        """Give the names of all cmdlets."""
        return [cmdlet.name for cmdlet in self._cmdlets.values()]


def _cmdlet(name: str, entry: Mapping[str, Any], added: Mapping[str, Any]) -> Cmdlet:
    scale = _SCALE_OF[entry["source"]]
    versions = [_versions(scale, entry["versions"])]
    corrected = {
        parameter: since
        for since, part in (("2.0-", "since-2"), ("3.0-", "since-3"))
        for parameter in added[part].get(name, "").split()
    }
    parameters: dict[str, tuple[str, tuple[Versions, ...]]] = {}
    for written, names in entry.get("parameters", {}).items():
        for parameter in names.split():
            where = _versions(scale, corrected.get(parameter, written))
            parameters[parameter.lower()] = (parameter, (where,))
    if name in added["exchange-2007"]:
        old = _versions("exchange", "2007")
        versions.append(old)
        for parameter in added["exchange-2007"][name].split():
            documented, where_else = parameters.get(parameter.lower(), (parameter, ()))
            parameters[parameter.lower()] = (documented, (old, *where_else))
    return Cmdlet(
        name=name,
        source=entry["source"],
        versions=tuple(versions),
        positional=added["positional"].get(name, entry["positional"]),
        switches=frozenset(entry.get("switches", "").lower().split()),
        parameters=parameters,
    )


def _versions(scale: Scale, written: str) -> Versions:
    """Read ``2010``, ``2010-2013``, ``3.0-`` or several of these parted by commas."""
    runs = []
    for part in written.split(","):
        first, dash, last = part.partition("-")
        runs.append((first, last or (_SCALES[scale][-1] if dash else first)))
    return Versions(scale, tuple(runs))


@functools.cache
def table() -> Table:
    """Give the table that ships with harness."""
    here = files("harness.lint")
    documented, added = (
        tomllib.loads((here / name).read_text(encoding="utf-8")) for name in ("documented.toml", "added.toml")
    )
    return Table(documented, added)
