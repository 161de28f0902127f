"""Selects hosts by a pattern such as ``exchange:&paris:!ex07``, as Ansible does.

One thing is stricter: a part that matches nothing is an error, for a misspelt ``!ex07`` would let it through.
"""

from __future__ import annotations

import fnmatch
import ipaddress
import re
from difflib import get_close_matches
from typing import TYPE_CHECKING

from harness.errors import InventoryError
from harness.source import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from harness.source import Source

_PARTS = re.compile(r"(?:[^\s:\[\]]|\[[^\]]*\])+")
_SUBSCRIPT = re.compile(r"(?P<name>.+)\[(?:(?P<index>-?[0-9]+)|(?P<first>[0-9]+):(?P<last>[0-9]*))\]")
_WILDCARDS = frozenset("*?[")


class _NoMatchError(Exception):
    """A part doesn't match, or isn't a pattern; holds message and hint."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def select(
    pattern: str, hosts: tuple[str, ...], members: Mapping[str, tuple[str, ...]], source: Source
) -> tuple[str, ...]:
    """Give the names of the hosts that a pattern stands for.

    Args:
        pattern: As in `Inventory.select`.
        hosts: All hosts' names.
        members: For each group the names of its hosts.
        source: Where the pattern was written, for errors.

    Returns:
        Each name once, in the pattern's order.

    Raises:
        InventoryError: Parts match nothing or aren't patterns; holds all of them.
    """
    parts = split(pattern, hosts)
    problems: list[Problem] = []
    matches: dict[str, tuple[str, ...]] = {}
    for part in parts:
        try:
            matches[part] = _match(part.lstrip("&!"), hosts, members)
        except _NoMatchError as error:
            problems.append(Problem(source, error.message, error.hint))
    if not parts:
        problems.append(Problem(source, "the pattern is empty", "write all for all hosts"))
    if problems:
        raise InventoryError(problems)
    chosen = [name for part in parts if part[0] not in "&!" for name in matches[part]]
    if all(part[0] in "&!" for part in parts):
        chosen = list(members["all"])
    for part in parts:
        if part[0] == "&":
            chosen = [name for name in chosen if name in matches[part]]
    excluded = {name for part in parts if part[0] == "!" for name in matches[part]}
    return tuple(name for name in dict.fromkeys(chosen) if name not in excluded)


def split(pattern: str, hosts: Iterable[str] = ()) -> list[str]:
    """Split a pattern into its parts, at commas if there are any, else at colons outside brackets.

    Args:
        pattern: As in `Inventory.select`.
        hosts: Names that are never split: those of hosts may hold colons.
    """
    if "," in pattern:
        return [part.strip() for part in pattern.split(",") if part.strip()]
    whole = pattern.strip()
    if whole in hosts or _is_address(whole.lstrip("&!")):
        return [whole]
    return _PARTS.findall(whole)


def _match(part: str, hosts: tuple[str, ...], members: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Give the hosts of one part, without its leading ``&`` or ``!``."""
    if part in hosts:
        return (part,)
    subscript = None if part.startswith("~") else _SUBSCRIPT.fullmatch(part)
    if not subscript:
        return _by_name(part, hosts, members)
    return _by_subscript(part, subscript, _by_name(subscript["name"], hosts, members))


def _by_name(name: str, hosts: tuple[str, ...], members: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    if not name:
        message = "a part of the pattern is empty"
        raise _NoMatchError(message)
    expression = _expression(name)
    groups = [group for group in members if expression.match(group)]
    found = [host for group in groups for host in members[group]]
    if not groups or name.startswith("~") or any(character in name for character in "*?[."):
        matching = [host for host in hosts if expression.match(host)]
        found += matching
        if not groups and not matching:
            raise _no_match(name, hosts, members)
    return tuple(dict.fromkeys(found))


def _expression(name: str) -> re.Pattern[str]:
    if not name.startswith("~"):
        return re.compile(fnmatch.translate(name))
    try:
        return re.compile(name[1:])
    except re.error as error:
        message = f"'{name}' isn't a regular expression: {error}"
        raise _NoMatchError(message, "a comma or a colon ends a part, in a regular expression as well") from error


def _by_subscript(part: str, subscript: re.Match[str], found: tuple[str, ...]) -> tuple[str, ...]:
    index = subscript["index"]
    if index is None:
        last = int(subscript["last"]) + 1 if subscript["last"] else len(found)
        chosen = found[int(subscript["first"]) : last]
    else:
        chosen = found[int(index) :][:1] if -len(found) <= int(index) < len(found) else ()
    if not chosen:
        message = f"'{part}' matches nothing: {subscript['name']} has {len(found)} hosts, counted from 0"
        raise _NoMatchError(message)
    return chosen


def _no_match(name: str, hosts: tuple[str, ...], members: Iterable[str]) -> _NoMatchError:
    message = f"'{name}' matches no host and no group"
    if name.startswith("~") or _WILDCARDS.intersection(name):
        return _NoMatchError(message)
    near = get_close_matches(name, (*hosts, *members), n=1)
    return _NoMatchError(message, f"did you mean {near[0]}?" if near else "")


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
