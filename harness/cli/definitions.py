"""Definitions from a file, host by host: what was exported is what is polled."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from harness.errors import InputError
from harness.events import Family as EventFamily
from harness.source import Problem, Source
from harness.verify.definitions import FolderRead
from harness.verify.expectations import Expectation, Expectations
from harness.verify.probe import ProbeOptions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from harness.collect.source import Family
    from harness.inventory import Host, Inventory
    from harness.logsource.model import LogSource
    from harness.logsource.parameters import Attribute
    from harness.logsource.reading import Definition


@dataclass(frozen=True, slots=True)
class GivenSources:
    """The log sources of a file.

    Args:
        file: The file's name.
        by_host: The log sources by the host's name in the inventory.
        definitions: The same as they stand in the file.
        notices: What the user should know: log sources of no host.
    """

    file: str
    by_host: Mapping[str, tuple[LogSource, ...]]
    definitions: Mapping[str, tuple[Definition, ...]]
    notices: tuple[str, ...] = ()


def given_sources(path: Path, inventory: Inventory, chosen: Sequence[Host], schema: Path | None) -> GivenSources:
    """Read a file and find the host of each log source.

    Args:
        path: The file.
        inventory: Whose hosts they are.
        chosen: The hosts of this run; each must have one.
        schema: A file of the console's answers, for what a file with ids alone doesn't say.

    Raises:
        InputError: The file is wrong, or a host has no log source in it.
    """
    from harness.logsource.reading import definitions
    from harness.logsource.schema import read

    by_host: dict[str, list[Definition]] = {}
    notices: list[str] = []
    for each in definitions(path, read(schema) if schema is not None else None):
        host = _host(each.source, inventory.hosts.values())
        if host is None:
            notices.append(f"{each.entry.place()}: {each.source.name} is a log source of no host of the inventory")
        elif host in chosen:
            by_host.setdefault(host.name, []).append(replace(each, source=replace(each.source, host=host.name)))
    missing = [host.name for host in chosen if host.name not in by_host]
    if missing:
        hint = "export them again, or leave the host out with --limit"
        raise InputError(Problem(Source(str(path)), f"there is no log source of {name}", hint) for name in missing)
    return GivenSources(
        str(path),
        {name: tuple(each.source for each in found) for name, found in by_host.items()},
        {name: tuple(found) for name, found in by_host.items()},
        tuple(notices),
    )


_ATTRIBUTES: Mapping[Family, Attribute] = {"OWA": "owa_folder", "SMTP": "smtp_folder", "MSGTRK": "msgtrk_folder"}


def expected(given: GivenSources, host: Host) -> Expectations:
    """Give what is expected of a host's log sources: that each reads its folders, and that no log is left out.

    Args:
        given: The log sources.
        host: Whose they are.
    """
    from harness.logsource.derive import derive

    items: list[Expectation] = []
    families: set[str] = set()
    for definition in given.definitions[host.name]:
        for polled in definition.source.polled():
            families.add(polled.family)
            steps = definition.steps(_ATTRIBUTES[polled.family])
            place = definition.entry.place(*steps)
            where = f"{definition.entry.path(*steps)} in {place}"
            check = FolderRead(polled.identifier, f"{polled.share}/{polled.folder}", where)
            items.append(Expectation(EventFamily(polled.family), check, place))
    usual = dict.fromkeys(polled.family for source in derive(host, None) for polled in source.polled())
    for family in (each for each in usual if each not in families):
        check = FolderRead(host.name, "", given.file)
        items.append(Expectation(EventFamily(family), check, Source(given.file)))
    return Expectations(tuple(items), (), ProbeOptions(), {})


def _host(source: LogSource, hosts: Iterable[Host]) -> Host | None:
    """Find a log source's host: by its name where the file has it, else by the address, else by the identifier."""
    by_name = {host.name: host for host in hosts}
    if source.host:
        return by_name.get(source.host)
    address = source.server_address.casefold()
    for host in by_name.values():
        known = (host.get("logsource_server_address"), host.get("address"), host.name)
        if address in {each.casefold() for each in known if each}:
            return host
    identifier = source.identifier.casefold()
    named = {(host.get("logsource_identifier") or host.name).casefold(): host for host in by_name.values()}
    fitting = [name for name in named if identifier == name or identifier.startswith(f"{name}-")]
    return named[max(fitting, key=len)] if fitting else None
