"""Paths as a log source takes them: ``c$/Program Files/Microsoft/``, a share and a folder below it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from harness.errors import SharePathError

# Win32 refuses these in a name; `:` would also address an alternate data stream.
_FORBIDDEN = re.compile(r'[\x00-\x1f<>:"|?*\\]')
_LONGEST_NAME = 255


@dataclass(frozen=True, slots=True)
class SharePath:
    """A folder below a share.

    Args:
        share: For example ``c$`` or ``Logs``.
        folder: Below the share, with single forward slashes between the parts, none at the ends; empty for
            the share itself.
    """

    share: str
    folder: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the log source form.

        Args:
            text: For example ``c$/LogFiles/`` for an administrative share, or ``LogFiles/`` for a public one.

        Raises:
            SharePathError: It isn't such a path; the hint says what to write instead.
        """
        if drive := re.match(r"([A-Za-z]):", text):
            rest = text[2:].replace("\\", "/").strip("/")
            instead = f"{drive[1].lower()}$/{rest}/" if rest else f"{drive[1].lower()}$/"
            raise SharePathError(
                f"{text!r} names a drive, and a log source takes a share",
                path=text,
                hint=f"write {instead!r}",
            )
        if text.startswith(("\\\\", "//")):
            rest = "/".join(text.replace("\\", "/").strip("/").split("/")[1:])
            raise SharePathError(
                f"{text!r} names a server, and a log source has a field of its own for that",
                path=text,
                hint=f"write {rest + '/'!r}" if rest else "write a share and a folder, as 'c$/LogFiles/'",
            )
        if "\\" in text:
            raise SharePathError(f"{text!r} has backslashes", path=text, hint=f"write {text.replace(chr(92), '/')!r}")
        share, _, folder = text.strip("/").partition("/")
        if not share:
            raise SharePathError("a path is empty", path=text, hint="write a share and a folder, as 'c$/LogFiles/'")
        return cls(clean(share), clean(folder))

    def __str__(self) -> str:
        """Write the log source form, with its slash at the end."""
        return f"{self.share}/{self.folder}/" if self.folder else f"{self.share}/"


def clean(path: str) -> str:
    """Check a path below a share and bring it to its one form.

    Args:
        path: Parts with forward slashes between them.

    Returns:
        The same without empty parts and without slashes at the ends.

    Raises:
        SharePathError: It could leave the share, or isn't a name that Windows takes.
    """
    parts = [part for part in path.split("/") if part]
    for part in parts:
        problem = name_problem(part)
        if problem:
            raise SharePathError(
                f"{path!r} has the part {part!r}, which {problem}",
                path=path,
                hint="write the folder's own name",
            )
    return "/".join(parts)


def name_problem(name: str) -> str:
    """Say what is wrong with one name in a path.

    Args:
        name: A folder's or file's name, from a user or from a server's listing.

    Returns:
        The end of a sentence that begins with the name; empty for a good name.
    """
    if name in {".", ".."}:
        return "would leave the folder"
    if "/" in name or _FORBIDDEN.search(name):
        return "has a character that no Windows name has"
    if name.endswith((".", " ")):
        return "ends in a dot or a space, which Windows cuts off"
    if len(name) > _LONGEST_NAME:
        return f"has more than {_LONGEST_NAME} characters"
    return ""


def join(folder: str, name: str) -> str:
    """Put a name below a folder, which may be empty."""
    return f"{folder}/{name}" if folder else name


def parent(path: str) -> str:
    """Give the folder that holds a path; empty for what stands directly in the share."""
    return path.rpartition("/")[0]
