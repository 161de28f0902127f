"""Where the files that ship with harness lie: playbooks and templates.

In a checkout they stand at the top of the repository; in a wheel they stand in ``harness/shipped/``.
"""

from __future__ import annotations

import functools
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


@functools.cache
def folder(name: str) -> Path:
    """Give the folder of shipped files of that name.

    Args:
        name: ``playbooks`` or ``templates``.

    Raises:
        FileNotFoundError: The installation is incomplete.
    """
    for top in (_PACKAGE / "shipped", _PACKAGE.parent):
        if (top / name).is_dir():
            return top / name
    message = f"harness is installed without its folder {name!r}: install it again"
    raise FileNotFoundError(message)
