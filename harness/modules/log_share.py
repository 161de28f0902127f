"""The module `log_share`: a read-only share of a folder of logs, for an account that is no administrator."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

import pydantic

from harness.errors import ScriptError, TaskError
from harness.modules.base import Arguments, Difference, Module, differing
from harness.remote import powershell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.modules.base import Resource, Target, Value
    from harness.remote.powershell import Script

_FORBIDDEN = '"/\\[]:|<>+=;,*?'
_LONGEST_SHARE = 80
_RESERVED = frozenset({"ipc$", "admin$", "print$", "fax$", "pipe", "mailslot", "netlogon", "sysvol"})
_DRIVE_SHARE = re.compile(r"[A-Za-z]\$")
_FOLDER = re.compile(r'[A-Za-z]:(?:\\[^\\/:*?"<>|\[\]\x00-\x1f]+)+')
_ACCOUNT = re.compile(
    r'(?:[^"/\\\[\]:|<>+=;,*?@\x00-\x1f]+\\)?[^"/\\\[\]:|<>+=;,*?@\x00-\x1f]+|[^"/\\\[\]:|<>+=;,*?@\s]+@[\w.-]+'
)

# Of a security descriptor's entries: the type, and the rights that make "read" (files and folders share the bits).
_DENY = 1
_READ = 0x000200A9
_GENERIC_ALL = 0x10000000
_GENERIC_READ = 0x80000000
_GENERIC_EXECUTE = 0x20000000
_WRITE = 0x000D0156
_CONTAINERS_AND_OBJECTS = 3
_EVERYBODY = ("S-1-1-0", "S-1-5-11")
"""Everyone, and Authenticated Users: what they may do, every account may do."""


def _share_name(name: str) -> str:
    if not name.strip() or len(name) > _LONGEST_SHARE or any(character in name for character in _FORBIDDEN):
        raise ValueError(f"{name!r} can't name a share: at most 80 characters, none of {_FORBIDDEN}")
    if not name.isprintable() or name != name.strip():
        raise ValueError(f"{name!r} can't name a share: it begins or ends with a blank or holds a control character")
    if name.lower() in _RESERVED or _DRIVE_SHARE.fullmatch(name):
        raise ValueError(f"{name!r} is one of Windows's own shares")
    return name


def _folder(path: str) -> str:
    path = path.rstrip("\\")
    if not _FOLDER.fullmatch(path):
        raise ValueError(f"{path!r} is no folder on a local drive; write for example C:\\inetpub\\logs\\LogFiles")
    if any(part in (".", "..") or part != part.rstrip(" .") for part in path.split("\\")[1:]):
        raise ValueError(f"{path!r} holds a part that Windows would read as another name")
    return path


def _account(name: str) -> str:
    if not _ACCOUNT.fullmatch(name):
        raise ValueError(f"{name!r} is no account name; write for example CORP\\svc-jsa")
    return name


class LogShareArguments(Arguments):
    """A folder of logs that one account may read over the network. Nothing that others may do is changed."""

    name: Annotated[str, pydantic.AfterValidator(_share_name)] = pydantic.Field(description="The share's name")
    path: Annotated[str, pydantic.AfterValidator(_folder)] = pydantic.Field(
        description="The folder; it must exist, on a local drive"
    )
    account: Annotated[str, pydantic.AfterValidator(_account)] = pydantic.Field(
        description="Who reads: the collector's account, for example CORP\\svc-jsa"
    )


class LogShare(Module[LogShareArguments]):
    """A share and the permission to read its folder."""

    name = "log_share"
    Arguments = LogShareArguments

    def read(self, arguments: LogShareArguments, _target: Target) -> Script:
        """Print the share, the folder and who may do what."""
        return powershell.script("log_share.read.ps1.j2", **arguments.model_dump())

    def resources(self, value: object) -> tuple[Resource, ...]:
        """Bring entries of security descriptors to what the account may do."""
        return tuple(_judged(resource) for resource in super().resources(value))

    def compare(self, arguments: LogShareArguments, resources: Sequence[Resource]) -> Difference:
        """Find what the account lacks.

        Raises:
            TaskError: The account, the folder or the share isn't what the task takes it for.
        """
        (share,) = resources
        _check(arguments, share)
        found = share.properties
        wanted: dict[str, Value] = {"share_access": "read", "folder_access": "read"}
        if found["path"] is None:
            wanted["path"] = arguments.path
        return Difference(tuple(differing(share, wanted)), notes=tuple(_notes(arguments, share)))

    def write(self, arguments: LogShareArguments, difference: Difference, _target: Target) -> Script:
        """Give the folder's permission first, so that the share never shows what can't be read."""
        settings = {change.setting for change in difference.changes}
        share = difference.changes[0].resource
        return powershell.script(
            "log_share.write.ps1.j2",
            **arguments.model_dump(),
            folder="folder_access" in settings,
            # By SID: a name could hold what icacls reads as its own syntax.
            permission=f"*{share.properties['sid']}:(OI)(CI)RX",
            create="path" in settings,
            grant="share_access" in settings and "path" not in settings,
        )


@dataclass(frozen=True, slots=True)
class _Entry:
    """One entry of an access list.

    Args:
        denies: Whether it takes away.
        sid: Whom it is about.
        rights: The bits.
        covers: Whether it holds for the folder and for all that is in it.
    """

    denies: bool
    sid: str
    rights: int
    covers: bool = True

    @property
    def reads(self) -> bool:
        """Whether it holds all that reading needs."""
        generic = _GENERIC_READ | _GENERIC_EXECUTE
        return bool(self.rights & _GENERIC_ALL) or any(self.rights & bits == bits for bits in (_READ, generic))

    @property
    def writes(self) -> bool:
        """Whether it holds any right to change something."""
        return bool(self.rights & (_WRITE | _GENERIC_ALL))

    @property
    def hinders(self) -> bool:
        """Whether it takes away what reading needs."""
        return self.denies and bool(self.rights & (_READ | _GENERIC_ALL | _GENERIC_READ))


def _entry(text: str) -> _Entry:
    try:
        kind, sid, rights, *flags = text.split(" ")
        inherited, propagation = (int(flag) for flag in flags) if flags else (_CONTAINERS_AND_OBJECTS, 0)
        return _Entry(
            int(kind) == _DENY,
            sid,
            int(rights) & 0xFFFFFFFF,
            covers=inherited == _CONTAINERS_AND_OBJECTS and propagation == 0,
        )
    except ValueError:
        raise ScriptError(f"the host's answer isn't an entry of an access list: {text!r:.200}") from None


def _access(entries: Sequence[_Entry], sid: object) -> str:
    """Say what an account may do by itself or as anybody may: ``none``, ``read`` or ``denied``."""
    concerned = [entry for entry in entries if entry.sid in (sid, *_EVERYBODY)]
    if any(entry.hinders for entry in concerned):
        return "denied"
    return "read" if any(entry.reads and entry.covers and not entry.denies for entry in concerned) else "none"


def _judged(resource: Resource) -> Resource:
    found = resource.properties
    sid, shared = found.get("sid"), found.get("path") is not None
    share = [_entry(text) for text in _texts(found.get("entries"))]
    # A share without an access list of its own lets everyone read.
    open_to_all = shared and (not share or any(entry.sid in _EVERYBODY and not entry.denies for entry in share))
    access = _access(share, sid) if share or not shared else "read"
    folder = _access([_entry(text) for text in _texts(found.get("rules"))], sid)
    writable = any(entry.sid == sid and entry.writes and not entry.denies for entry in share)
    judged: dict[str, Value] = {
        "share_access": access,
        "folder_access": folder,
        "writable": writable,
        "open_to_all": open_to_all,
    }
    kept = ("sid", "problem", "path", "type", "drive", "exists", "can_grant")
    return replace(resource, properties={**{name: found.get(name) for name in kept}, **judged})


def _texts(value: object) -> list[str]:
    return [str(each) for each in value] if isinstance(value, tuple) else []


def _check(arguments: LogShareArguments, share: Resource) -> None:
    found = share.properties
    if found["sid"] is None:
        raise TaskError(
            f"the server doesn't know the account {arguments.account!r}: {found['problem']}",
            hint="write DOMAIN\\name; a local account as SERVER\\name",
        )
    if found["drive"] != "Fixed":
        raise TaskError(
            f"{arguments.path} isn't on a local drive (its type is {found['drive']})",
            hint="share the folder where the log is written; a log can't be read through two servers",
        )
    if not found["exists"]:
        raise TaskError(
            f"the server has no folder {arguments.path}",
            hint="Exchange and IIS make their folders with the first log: switch logging on first, or correct the path",
        )
    if found["path"] is not None and (found["type"] != 0 or not _same(str(found["path"]), arguments.path)):
        raise TaskError(
            f"there is a share {share.name!r} already, of {found['path'] or 'something that is no folder'}",
            hint="a share that exists is never pointed elsewhere: choose another name",
        )
    for setting, what in (("share_access", f"the share {share.name!r}"), ("folder_access", arguments.path)):
        if found[setting] == "denied":
            raise TaskError(
                f"{what} denies {arguments.account} what reading needs",
                hint="an entry that denies beats every permission; somebody meant it: remove it by hand",
            )
    if found["path"] is not None and found["share_access"] == "none" and not found["can_grant"]:
        raise TaskError(
            f"the share {share.name!r} exists and doesn't let {arguments.account} read",
            hint="before Windows Server 2012 only a new share can be given permissions from here: add it by hand",
        )


def _same(one: str, other: str) -> bool:
    return one.rstrip("\\").casefold() == other.rstrip("\\").casefold()


def _notes(arguments: LogShareArguments, share: Resource) -> list[str]:
    notes = []
    if share.properties["writable"]:
        notes.append(f"the share {share.name!r} lets {arguments.account} change files; reading would do")
    if share.properties["open_to_all"]:
        notes.append(f"the share {share.name!r} is open to everyone; who reads is up to the folder's permissions")
    return notes
