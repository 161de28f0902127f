"""Shares of a host that logs are read through instead of the administrative shares of its drives: ``smb_shares``."""

from __future__ import annotations

import re
from pathlib import PureWindowsPath
from typing import TYPE_CHECKING

from harness.errors import InventoryError, SharePathError
from harness.exchange import values
from harness.remote.sharepath import SharePath, clean
from harness.source import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.inventory import Host

_DRIVE = re.compile(r"[A-Za-z]\$")

Share = tuple[str, PureWindowsPath]
"""A share's name, and its folder on the host."""


def shares_of(host: Host) -> tuple[Share, ...]:
    """Give the shares that the inventory names for a host; of nested folders the inner one first.

    Raises:
        InventoryError: One isn't a share and its folder; all of them.
    """
    found: list[Share] = []
    problems: list[Problem] = []
    for text in host.get("smb_shares") or ():
        name, _, folder = (part.strip() for part in text.partition("="))
        try:
            place = SharePath.parse(f"{name}/")
            found.append((place.share, PureWindowsPath(values.local_path(folder))))
        except (SharePathError, ValueError) as error:
            message = f"{host.name}: {text!r} is no share with its folder: {error}"
            hint = "write NAME=FOLDER, as jsa-iis$=C:\\inetpub\\logs\\LogFiles, with commas between several"
            problems.append(Problem(host.source("smb_shares"), message, hint))
    if problems:
        raise InventoryError(problems)
    return tuple(sorted(found, key=lambda share: -len(share[1].parts)))


def through(path: PureWindowsPath, shares: Sequence[Share]) -> str:
    """Write a path in the log source form by the first share that holds it; empty where none does.

    Args:
        path: A folder on the host.
        shares: As `shares_of` gives them.

    Raises:
        SharePathError: It holds what no Windows name has.
    """
    for name, folder in shares:
        if path.is_relative_to(folder):
            return str(SharePath(name, clean("/".join(path.relative_to(folder).parts))))
    return ""


def local(folder: str, shares: Sequence[Share]) -> PureWindowsPath:
    r"""Give the folder on the host that a log source's folder stands for.

    Args:
        folder: For example ``c$/inetpub/logs/``, or ``weblogs$/``.
        shares: As `shares_of` gives them.

    Raises:
        SharePathError: It isn't in share form, or nobody knows where the share is.
    """
    place = SharePath.parse(folder)
    parts = [part for part in place.folder.split("/") if part]
    for name, at in shares:
        if name.casefold() == place.share.casefold():
            return at.joinpath(*parts)
    if not _DRIVE.fullmatch(place.share):
        hint = "name it under smb_shares, as NAME=FOLDER"
        raise SharePathError(f"nobody says which folder the share {place.share} is of", path=folder, hint=hint)
    return PureWindowsPath(f"{place.share[0].upper()}:\\", *parts)
