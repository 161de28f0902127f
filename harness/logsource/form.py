"""A log source as the console's form shows it: the fields in their order, with the values as people type them.

The order of the protocol's own fields up to the password is documented; that of the others is believed, as is what
stands before and after them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from harness.logsource.model import WINCOLLECT
from harness.logsource.parameters import parameters, values

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.collect.source import Family
    from harness.logsource.model import LogSource
    from harness.logsource.resolve import Resolved

Part = Literal["general", "protocol", "handling"]
Kind = Literal["text", "path", "pattern", "flag", "account", "secret", "choice"]

_KINDS: dict[str, Kind] = {
    "user": "account",
    "password": "secret",
    "custom_patterns": "flag",
    "force_file_read": "flag",
    "recursive": "flag",
    "smb_version": "choice",
}


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the form.

    Args:
        part: Where in the form it stands.
        label: What the form calls it.
        value: What to put in; empty to leave it empty, or as the console proposes it.
        kind: What it is, for the one who types.
        left: Whether it is left as the console proposes it.
        shown: Whether the form shows it, as the other values are.
        believed: Whether the label isn't confirmed.
    """

    part: Part
    label: str
    value: str
    kind: Kind = "text"
    left: bool = False
    shown: bool = True
    believed: bool = False


def fields(source: LogSource, resolved: Resolved | None = None) -> tuple[Field, ...]:
    """Give the fields of a log source.

    Args:
        source: The log source.
        resolved: The same with a console's own labels and values; None where no console is known.
    """
    return (*_general(source), *_protocol(source, resolved), *_handling(source))


def shown(source: LogSource, resolved: Resolved | None = None) -> tuple[Field, ...]:
    """Give the fields that a console's form shows, for people who fill it in.

    Args:
        source: The log source.
        resolved: As in `fields`.
    """
    if source.protocol == WINCOLLECT and resolved is None:
        return (*_general(source), *_wincollect(source), *_handling(source))
    return tuple(each for each in fields(source, resolved) if each.shown)


def _wincollect(source: LogSource) -> Iterator[Field]:
    """Give the fields of an agent's plug-in; it reads local folders. All is believed but the folders' labels."""
    yield Field("protocol", "Log Source Identifier", source.identifier)
    yield Field("protocol", "Local System", "true", "flag", believed=True)
    families: tuple[Family, ...] = ("OWA", "SMTP", "MSGTRK")
    for family in families:
        yield Field("protocol", f"{family} Log Folder Path", _local(source.folder(family)), "path")
    yield Field("protocol", "Polling Interval (ms)", f"{source.polling_interval * 1000:g}", believed=True)
    yield Field("protocol", "WinCollect Agent", f"the agent on {source.host}", "choice", believed=True)


def _local(folder: str) -> str:
    r"""Write a folder as the server itself does: ``C:\…`` for ``c$/…/``; another share's has no such form."""
    drive, dollar, rest = folder.partition("$/")
    return f"{drive.upper()}:\\{rest.strip('/').replace('/', chr(92))}" if dollar else folder


def _general(source: LogSource) -> Iterator[Field]:
    yield Field("general", "Log Source Name", source.name)
    yield Field("general", "Log Source Description", source.description)
    yield Field("general", "Log Source Type", source.type, "choice")
    yield Field("general", "Protocol Configuration", source.protocol, "choice")


def _protocol(source: LogSource, resolved: Resolved | None) -> Iterator[Field]:
    given = values(source)
    console = {each.attribute: each for each in resolved.parameters} if resolved is not None else None
    for each in parameters():
        own = console.get(each.attribute) if console is not None else None
        kind: Kind = _KINDS.get(each.attribute, "text")
        if each.attribute.endswith("_folder"):
            kind = "path"
        if each.attribute.endswith("_pattern"):
            kind = "pattern"
        yield Field(
            "protocol",
            own.console.shown if own is not None else each.label,
            own.value if own is not None else given[each.attribute],
            kind,
            shown=own is not None if console is not None else kind != "pattern" or source.custom_patterns,
            believed=own is None and each.known == "believed",
        )


def _handling(source: LogSource) -> Iterator[Field]:
    def flag(label: str, value: bool | None) -> Field:
        shown = "" if value is None else "true" if value else "false"
        return Field("handling", label, shown, "flag", left=value is None)

    def choice(label: str, value: str) -> Field:
        return Field("handling", label, value, "choice", left=not value)

    yield flag("Enabled", source.enabled)
    yield choice("Credibility", "" if source.credibility is None else str(source.credibility))
    yield choice("Target Event Collector", source.collector)
    yield flag("Coalescing Events", source.coalescing)
    yield flag("Store Event Payload", source.store_payload)
    yield choice("Log Source Language", source.language)
    yield choice("Log Source Extension", source.extension)
    yield choice("Log Source Groups", ", ".join(source.groups))
