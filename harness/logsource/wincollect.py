r"""Log sources of Exchange 2003, which the console's own protocol doesn't read: a WinCollect agent on the server does.

The agent reads local folders (``C:\…``) and sends events to a destination. Both are known to the console by name, and
both have to be registered there before: its API only lists them.

That an agent is chosen by a parameter of the protocol, and what the parameters are called, isn't documented. They are
found by their labels, and a console that has others is told so.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from harness.errors import InputError
from harness.logsource.derive import version_of
from harness.logsource.parameters import plain
from harness.logsource.resolve import ResolvedParameter, resolve
from harness.logsource.shares import local, shares_of
from harness.source import Problem, Source
from harness.suggest import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.inventory import Host
    from harness.logsource.console.client import Object
    from harness.logsource.model import LogSource
    from harness.logsource.resolve import Resolved
    from harness.logsource.schema import ConsoleParameter, ProtocolType, Schema

_VERSION = "2003"
_LABELS: Mapping[str, tuple[str, ...]] = {
    "identifier": ("identifier", "Log Source Identifier"),
    "agent": ("Agent", "WinCollect Agent"),
    "local": ("Local System",),
    "owa": ("OWA Log Folder Path",),
    "smtp": ("SMTP Log Folder Path",),
    "tracking": ("MSGTRK Log Folder Path",),
}
_RUNNING = "RUNNING"
_BACKSLASH = "\\"
_KEY = "logsource_wincollect_agent"


def collects(host: Host) -> bool:
    """Tell whether an agent collects a host's logs, not the console itself.

    Args:
        host: From the inventory.
    """
    return version_of(host) == _VERSION


def resolved(
    source: LogSource, host: Host, schema: Schema, agents: Sequence[Object], places: Sequence[Object]
) -> Resolved:
    """Look up what a log source names, its agent and destinations included.

    Args:
        source: The log source.
        host: Its host, which says which agent and destinations.
        schema: What the console says of itself.
        agents: The agents that the console lists.
        places: The destinations that the console lists.

    Raises:
        InputError: The console doesn't know a name, or knows no agent or destination at all.
    """
    agent = _agent(host, agents)
    destinations = _destinations(host, places)
    found = resolve(source, schema, lambda protocol: _parameters(source, host, agent, protocol))
    return replace(found, fields={**found.fields, **destinations})


def note(host: Host, agents: Sequence[Object]) -> str:
    """Say what is odd with a host's agent; empty where nothing is.

    Args:
        host: From the inventory.
        agents: The agents that the console lists.
    """
    wanted = _wanted(host).casefold()
    for agent in agents:
        if str(agent.get("name", "")).casefold() == wanted and agent.get("status") != _RUNNING:
            return f"the WinCollect agent {agent.get('name')} of {host.name} is {agent.get('status')}"
    return ""


def _wanted(host: Host) -> str:
    return str(host.get(_KEY) or host.name.partition(".")[0])


def _agent(host: Host, agents: Sequence[Object]) -> str:
    wanted = _wanted(host)
    names = [str(agent.get("name", "")) for agent in agents]
    found = next((name for name in names if name.casefold() == wanted.casefold()), None)
    if found is not None:
        return found
    if not names:
        message = f"{host.name}: the console has no WinCollect agent at all"
        hint = "install WinCollect 7 on the server and register it; WinCollect 10 is managed apart from this API"
    else:
        message = f"{host.name}: the console has no WinCollect agent named {wanted!r}"
        hint = did_you_mean(wanted, names) or f"it has {', '.join(sorted(names))}; set logsource_wincollect_agent"
    raise InputError([Problem(host.source(_KEY), message, hint)])


def _destinations(host: Host, places: Sequence[Object]) -> dict[str, Any]:
    """Give the fields for the destinations; one internal one is the default."""
    wanted: tuple[str, ...] = host.get("logsource_wincollect_destinations") or ()
    by_name = {str(place.get("name", "")).casefold(): place for place in places}
    internal = [place for place in places if place.get("internal")]
    known = ", ".join(sorted(str(place.get("name")) for place in places))
    problems: list[Problem] = []
    chosen: list[Object] = []
    for name in wanted:
        if name.casefold() in by_name:
            chosen.append(by_name[name.casefold()])
        else:
            hint = did_you_mean(name, map(str, by_name)) or (f"it has {known}" if known else "")
            message = f"{host.name}: the console has no WinCollect destination named {name!r}"
            problems.append(Problem(host.source(_KEY), message, hint))
    if not wanted and len(internal) == 1:
        chosen = internal
    elif not wanted:
        message = f"{host.name}: nobody says where its WinCollect agent sends events"
        hint = f"set logsource_wincollect_destinations; the console has {known or 'none, so make one there first'}"
        problems.append(Problem(host.source(_KEY), message, hint))
    inside = [place["id"] for place in chosen if place.get("internal")]
    if len(inside) > 1:
        message = f"{host.name}: a log source has one internal WinCollect destination at most"
        problems.append(Problem(host.source(_KEY), message, "leave one out of logsource_wincollect_destinations"))
    if problems:
        raise InputError(problems)
    outside = [place["id"] for place in chosen if not place.get("internal")]
    return {
        **({"wincollect_internal_destination_id": inside[0]} if inside else {}),
        **({"wincollect_external_destination_ids": outside} if outside else {}),
    }


def _parameters(source: LogSource, host: Host, agent: str, protocol: ProtocolType) -> tuple[ResolvedParameter, ...]:
    values = {
        "identifier": source.identifier,
        "agent": agent,
        "local": "true",
        "owa": _local(host, source.owa_folder),
        "smtp": _local(host, source.smtp_folder),
        "tracking": _local(host, source.msgtrk_folder),
    }
    found = {key: _labelled(protocol, labels) for key, labels in _LABELS.items()}
    missing = [_LABELS[key][-1] for key, parameter in found.items() if parameter is None]
    if missing:
        message = f"the console's protocol {protocol.name} has no parameter {missing[0]!r}"
        known = ", ".join(parameter.shown for parameter in protocol.parameters)
        raise InputError([Problem(Source(source.name), message, f"it has {known}" if known else "")])
    return tuple(
        ResolvedParameter("identifier" if key == "identifier" else None, parameter, values[key])
        for key, parameter in found.items()
        if parameter is not None
    )


def _labelled(protocol: ProtocolType, labels: Sequence[str]) -> ConsoleParameter | None:
    wanted = {plain(label) for label in labels}
    return next((each for each in protocol.parameters if {plain(each.name), plain(each.label)} & wanted), None)


def _local(host: Host, folder: str) -> str:
    r"""Write a folder as an agent takes it: ``C:\folder\``; empty for none."""
    return f"{str(local(folder, shares_of(host))).rstrip(_BACKSLASH)}{_BACKSLASH}" if folder else ""
