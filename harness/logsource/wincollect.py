r"""Log sources of Exchange 2003, which the console's own protocol doesn't read: a WinCollect agent on the server does.

The agent reads local folders (``C:\…``) and sends events to a destination. Both are known to the console by name, and
both have to be registered there before: its API only lists them.

That an agent is chosen by a parameter of the protocol, and what the parameters are called, isn't documented. They are
found by their labels, and a console that has others is told so.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PureWindowsPath
from typing import TYPE_CHECKING, Any

from harness.errors import InputError
from harness.exchange.folders import Folders, SmtpFolders
from harness.logsource.derive import common, share_form
from harness.logsource.model import LogSource
from harness.logsource.parameters import plain
from harness.logsource.resolve import ResolvedParameter, resolve
from harness.source import Problem, Source
from harness.suggest import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.inventory import Host
    from harness.logsource.resolve import Resolved
    from harness.logsource.schema import ConsoleParameter, ProtocolType, Schema

VERSION = "2003"
PROTOCOL = "WinCollect Microsoft Exchange"
"""Believed; ``logsource_protocol`` names another one."""

_LABELS: Mapping[str, tuple[str, ...]] = {
    "identifier": ("identifier", "Log Source Identifier"),
    "agent": ("WinCollect Agent", "Agent"),
    "local": ("Local System",),
    "owa": ("OWA Log Folder Path",),
    "smtp": ("SMTP Log Folder Path",),
    "tracking": ("MSGTRK Log Folder Path",),
}
_RUNNING = "RUNNING"


@dataclass(frozen=True, slots=True)
class WinCollectSource:
    """A log source that an agent collects.

    Args:
        source: What it has in common with others; its folders are the share form of the local ones.
        agent: The agent's name, as the console lists it.
        destinations: Names of where the agent sends events.
        folders: The local folders.
        place: Where the inventory names the host.
    """

    source: LogSource
    agent: str
    destinations: tuple[str, ...]
    folders: Folders
    place: Source


def default_folders(host: Host) -> Folders:
    """Give the folders that a host with Exchange 2003 has unless somebody moved them.

    Args:
        host: From the inventory; its name stands in the folder of message tracking.
    """
    server = host.name.partition(".")[0].upper()
    return Folders(
        owa=r"C:\WINDOWS\system32\LogFiles\W3SVC1",
        smtp=(SmtpFolders("hub", r"C:\WINDOWS\system32\LogFiles\SMTPSVC1", ""),),
        tracking=rf"C:\Program Files\Exchsrvr\{server}.log",
        origin="defaults of Exchange 2003",
    )


def derive(host: Host, folders: Folders | None) -> WinCollectSource:
    """Define a host's log source.

    Args:
        host: From the inventory.
        folders: As read off the host; None for the version's defaults.

    Raises:
        InputError: The console wouldn't take what the inventory says of it.
        SharePathError: A folder isn't on a local drive.
    """
    found = folders or default_folders(host)
    smtp = next((each.receive for each in found.smtp), "")
    own = {**common(host), "protocol": host.get("logsource_protocol") or PROTOCOL, "origin": found.origin}

    def share(path: str) -> str:
        return share_form(path, system_drive=found.system_drive) if path else ""

    source = LogSource(**own, owa_folder=share(found.owa), smtp_folder=share(smtp), msgtrk_folder=share(found.tracking))
    return WinCollectSource(
        source,
        str(host.get("logsource_wincollect_agent") or host.name.partition(".")[0]),
        tuple(host.get("logsource_wincollect_destinations") or ()),
        found,
        host.source("logsource_wincollect_agent"),
    )


def resolved(
    each: WinCollectSource, schema: Schema, agents: Sequence[Mapping[str, Any]], places: Sequence[Mapping[str, Any]]
) -> Resolved:
    """Look up what a log source names, its agent and destinations included.

    Args:
        each: The log source.
        schema: What the console says of itself.
        agents: The agents that the console lists.
        places: The destinations that the console lists.

    Raises:
        InputError: The console doesn't know a name, or knows no agent or destination at all.
    """
    agent = _agent(each, agents)
    destinations = _destinations(each, places)
    found = resolve(each.source, schema, lambda protocol: _parameters(each, agent, protocol))
    return type(found)(found.source, {**found.fields, **destinations}, found.parameters)


def note(each: WinCollectSource, agents: Sequence[Mapping[str, Any]]) -> str:
    """Say what is odd with the agent; empty where nothing is.

    Args:
        each: The log source.
        agents: The agents that the console lists.
    """
    for agent in agents:
        if str(agent.get("name", "")).casefold() == each.agent.casefold() and agent.get("status") != _RUNNING:
            return f"the WinCollect agent {agent.get('name')} of {each.source.host} is {agent.get('status')}"
    return ""


def _agent(each: WinCollectSource, agents: Sequence[Mapping[str, Any]]) -> str:
    names = [str(agent.get("name", "")) for agent in agents]
    found = next((name for name in names if name.casefold() == each.agent.casefold()), None)
    if found is not None:
        return found
    if not names:
        message = f"{each.source.host}: the console has no WinCollect agent at all"
        hint = "install WinCollect 7 on the server and register it; WinCollect 10 is managed apart from this API"
    else:
        message = f"{each.source.host}: the console has no WinCollect agent named {each.agent!r}"
        hint = did_you_mean(each.agent, names) or f"it has {', '.join(sorted(names))}; set logsource_wincollect_agent"
    raise InputError([Problem(each.place, message, hint)])


def _destinations(each: WinCollectSource, places: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Give the fields for the destinations; one internal one is the default."""
    by_name = {str(place.get("name", "")).casefold(): place for place in places}
    internal = [place for place in places if place.get("internal")]
    known = ", ".join(sorted(str(place.get("name")) for place in places))
    problems: list[Problem] = []
    chosen: list[Mapping[str, Any]] = []
    for name in each.destinations:
        if name.casefold() in by_name:
            chosen.append(by_name[name.casefold()])
        else:
            hint = did_you_mean(name, map(str, by_name)) or (f"it has {known}" if known else "")
            message = f"{each.source.host}: the console has no WinCollect destination named {name!r}"
            problems.append(Problem(each.place, message, hint))
    if not each.destinations and len(internal) == 1:
        chosen = internal
    elif not each.destinations:
        message = f"{each.source.host}: nobody says where its WinCollect agent sends events"
        hint = f"set logsource_wincollect_destinations; the console has {known or 'none, so make one there first'}"
        problems.append(Problem(each.place, message, hint))
    inside = [place["id"] for place in chosen if place.get("internal")]
    if len(inside) > 1:
        message = f"{each.source.host}: a log source has one internal WinCollect destination at most"
        problems.append(Problem(each.place, message, "leave one out of logsource_wincollect_destinations"))
    if problems:
        raise InputError(problems)
    outside = [place["id"] for place in chosen if not place.get("internal")]
    return {
        **({"wincollect_internal_destination_id": inside[0]} if inside else {}),
        **({"wincollect_external_destination_ids": outside} if outside else {}),
    }


def _parameters(each: WinCollectSource, agent: str, protocol: ProtocolType) -> tuple[ResolvedParameter, ...]:
    values = {
        "identifier": each.source.identifier,
        "agent": agent,
        "local": "true",
        "owa": _local(each.folders.owa, each.folders),
        "smtp": _local(next((smtp.receive for smtp in each.folders.smtp), ""), each.folders),
        "tracking": _local(each.folders.tracking, each.folders),
    }
    found = {key: _labelled(protocol, labels) for key, labels in _LABELS.items()}
    missing = [_LABELS[key][-1] for key, parameter in found.items() if parameter is None]
    if missing:
        message = f"the console's protocol {protocol.name} has no parameter {missing[0]!r}"
        known = ", ".join(parameter.shown for parameter in protocol.parameters)
        raise InputError([Problem(Source(each.source.name), message, f"it has {known}" if known else "")])
    return tuple(
        ResolvedParameter("identifier" if key == "identifier" else None, parameter, values[key])
        for key, parameter in found.items()
        if parameter is not None
    )


def _labelled(protocol: ProtocolType, labels: Sequence[str]) -> ConsoleParameter | None:
    wanted = {plain(label) for label in labels}
    return next((each for each in protocol.parameters if {plain(each.name), plain(each.label)} & wanted), None)


def _local(path: str, folders: Folders) -> str:
    r"""Write a folder as an agent takes it: ``C:\folder\``."""
    if not path:
        return ""
    whole = path.replace("%SystemDrive%", folders.system_drive)
    return str(PureWindowsPath(whole)).rstrip("\\") + "\\"
