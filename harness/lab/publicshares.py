"""Shares that somebody made on a simulated host, as its file server serves them: to whom both access lists let in.

Whoever may read a share's folder reads everything in it: the lab keeps one access list for each folder that is shared.
Nobody can write, whatever the lists say.
"""

from __future__ import annotations

import logging
import re
from pathlib import PureWindowsPath
from typing import TYPE_CHECKING

from harness.lab.smbserver import PublicShare
from harness.lab.state.network import ADMINISTRATORS, DISK, EVERYONE
from harness.lab.state.principals import administers, sid

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from harness.lab.logs.files import PlainFiles
    from harness.lab.machine import Machine
    from harness.lab.store import Json

_log = logging.getLogger(__name__)
_DENY = 1
_READ_DATA = 0x1
_AUTHENTICATED = "S-1-5-11"
# What Samba's configuration would read as something else can't stand in it; a percent sign begins a variable.
_SERVED = re.compile(r"[^\x00-\x1f%\[\]\"';#=]+")


def shares(machine: Machine, drives: PlainFiles) -> Iterator[PublicShare]:
    """Give a host's shares of folders that some account may read.

    Args:
        machine: The host.
        drives: Its file system.
    """
    for held in machine.network.part("shares"):
        rules = machine.network.folder(held["path"])
        if held["type"] != DISK or rules is None:
            continue
        entries = held["entries"] or [[0, EVERYONE, _READ_DATA]]
        readers = frozenset(name.lower() for name in machine.accounts if _reads(machine, name, (entries, rules)))
        folder = drives.local(PureWindowsPath(held["path"]))
        if not _SERVED.fullmatch(held["name"]) or not _SERVED.fullmatch(str(folder)):
            _log.warning(
                "%s: the share %r isn't served: Samba's configuration can't hold it", machine.name, held["name"]
            )
            continue
        folder.mkdir(parents=True, exist_ok=True)
        yield PublicShare(held["name"], folder, readers)


def _reads(machine: Machine, account: str, lists: Iterable[list[list[Json]]]) -> bool:
    """Say whether an account gets in by every list: somebody lets it, and nobody keeps it out."""
    own = {EVERYONE, _AUTHENTICATED, sid(machine, account)}
    if administers(account):
        own.add(ADMINISTRATORS)
    for entries in lists:
        kinds = {entry[0] == _DENY for entry in entries if entry[1] in own and entry[2] & _READ_DATA}
        if kinds != {False}:
            return False
    return True
