"""Rendering PowerShell: templates print values only as literals, so no value ever becomes code.

A template is one file of ``templates/powershell/``. It holds ``{{ expression }}`` and nothing else of Jinja2's:
no conditions, no loops (PowerShell has both). Every literal stands on one line, so a line of the rendered script is
the same line of the template, and an error on the host can name it.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import jinja2

from harness import resources
from harness.redaction import Secret
from harness.source import Source

if TYPE_CHECKING:
    from pathlib import Path

# Each of these closes a single-quoted string: the ASCII apostrophe and four typographic quotes.
_QUOTES = "'\u2018\u2019\u201a\u201b"
_DOUBLED = str.maketrans({quote: quote * 2 for quote in _QUOTES})
_SPECIAL = re.compile(f"[{_QUOTES}\\r\\n\\0]")
_LARGEST = 2**63 - 1
_KEPT = 512  # texts of a few kB each


@dataclass(frozen=True, slots=True)
class Script:
    """A script as it travels.

    Args:
        text: PowerShell, its first line being ``source.line``.
        source: Where its first line stands.
        cmdlets: The Exchange cmdlets it calls; none means that it needs no Exchange session.
        web: Whether it needs the IIS cmdlets.
        secrets: What it finds in ``$HarnessSecret``, by name.
    """

    text: str
    source: Source
    cmdlets: frozenset[str] = frozenset()
    web: bool = False
    secrets: Mapping[str, Secret] = field(default_factory=dict)


def literal(value: object) -> str:
    """Write a value as one PowerShell literal, on one line.

    Args:
        value: None, a bool, an int, a string, or a list, tuple, set or mapping of such.

    Raises:
        TypeError: The value has no literal form, or is a secret.
        ValueError: A number is too large, or a string holds a NUL.
    """
    if isinstance(value, str):
        return _string(value)
    if value is None:
        return "$null"
    if isinstance(value, bool):
        return "$true" if value else "$false"
    if isinstance(value, int):
        if abs(value) > _LARGEST:
            raise ValueError(f"{value} does not fit PowerShell's 64-bit integer")
        return str(value)
    if isinstance(value, Mapping):
        pairs = "; ".join([f"{literal(key)} = {literal(member)}" for key, member in value.items()])
        return f"@{{{pairs}}}"
    if isinstance(value, AbstractSet):
        value = sorted(value)
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return f"@({', '.join([literal(member) for member in value])})"
    if isinstance(value, Secret):
        raise TypeError("a secret never enters a script's text; name it in Script.secrets")
    raise TypeError(f"{type(value).__name__} has no PowerShell literal")


def _string(value: str) -> str:
    if not _SPECIAL.search(value):
        return f"'{value}'"
    if "\0" in value:
        raise ValueError("a string for PowerShell cannot hold a NUL character")
    parts = []
    for character in ("\r", "\n"):
        # A line break would move every later line of the script.
        value = value.replace(character, f"\0{ord(character)}\0")
    for index, part in enumerate(value.split("\0")):
        if index % 2:
            parts.append(f"[char]{part}")
        elif part or "\0" not in value:
            parts.append(f"'{part.translate(_DOUBLED)}'")
    if len(parts) == 1 and parts[0].startswith("'"):
        return parts[0]
    # Beginning with a string makes every `+` a concatenation.
    return "(" + " + ".join(["''", *parts]) + ")"


class _Literal(str):
    """A value that `literal` has written."""

    __slots__ = ()


def _finalize(value: object) -> object:
    if isinstance(value, jinja2.Undefined | _Literal):
        return value  # StrictUndefined raises when it is printed
    return literal(value)


@functools.cache
def environment(folder: Path) -> jinja2.Environment:
    """Give the Jinja2 environment for a folder of templates: it prints nothing but literals."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        undefined=jinja2.StrictUndefined,
        finalize=_finalize,
        keep_trailing_newline=True,
        auto_reload=False,
        autoescape=False,  # noqa: S701  finalize does for PowerShell what autoescape does for HTML
    )


def render(name: str, /, **values: object) -> str:
    """Render one template of ``templates/powershell/``.

    Args:
        name: The file's name, for example ``message_tracking.read.ps1.j2``.
        values: What the template's expressions name.

    Raises:
        jinja2.UndefinedError: The template names a value that isn't given.
        TypeError, ValueError: See `literal`.
    """
    return rendered(resources.folder("templates"), name, tuple((key, literal(value)) for key, value in values.items()))


@functools.lru_cache(maxsize=_KEPT)
def rendered(templates: Path, name: str, literals: tuple[tuple[str, str], ...]) -> str:
    """Render a template once for all hosts and tasks that give it the same values."""
    template = environment(templates / "powershell").get_template(name)
    return template.render({key: _Literal(text) for key, text in literals})


def script(
    name: str,
    /,
    *,
    cmdlets: AbstractSet[str] = frozenset(),
    web: bool = False,
    secrets: Mapping[str, Secret] | None = None,
    **values: object,
) -> Script:
    """Render one template to a `Script` that knows where it came from."""
    source = Source(f"templates/powershell/{name}", 1)
    return Script(render(name, **values), source, frozenset(cmdlets), web, dict(secrets or {}))
