"""The protocol's parameters as data: which label of the console's form is which value of a log source.

The names that a console gives its parameters aren't published, but for two. So a parameter is found in what the
console says of itself, by its label, and `parameters.yml` says how sure each one is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from ruamel.yaml import YAML

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from harness.logsource.model import LogSource

Known = Literal["confirmed", "sibling", "believed"]
Attribute = Literal[
    "identifier",
    "server_address",
    "domain",
    "user",
    "password",
    "smtp_folder",
    "owa_folder",
    "msgtrk_folder",
    "custom_patterns",
    "msgtrk_pattern",
    "msgtrkmd_pattern",
    "msgtrkms_pattern",
    "msgtrkma_pattern",
    "smtp_pattern",
    "owa_pattern",
    "force_file_read",
    "recursive",
    "smb_version",
    "polling_interval",
    "throttle",
    "encoding",
]
"""A value of a log source's that the protocol has a parameter for."""

MSGTRK_ATTRIBUTES: tuple[Attribute, ...] = (
    "msgtrk_pattern",
    "msgtrkmd_pattern",
    "msgtrkms_pattern",
    "msgtrkma_pattern",
)
"""The order of ``LogSource.msgtrk_patterns``."""

_PLACEHOLDER = re.compile(r"<password: (?P<reference>.*)>")


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of the protocol's.

    Args:
        attribute: The value of a log source's that it takes.
        label: What the console's form calls it.
        name: What the API calls it; empty where that isn't known.
        known: How sure that is.
        also: Further spellings of the label.
        unlike: Labels of something else.
        kept: Whether a console that has no such parameter is an error.
    """

    attribute: Attribute
    label: str
    name: str
    known: Known
    also: tuple[str, ...]
    unlike: tuple[str, ...]
    kept: bool

    @property
    def spellings(self) -> tuple[str, ...]:
        """Every text that it is found by, as `plain` gives it; the surest first."""
        return tuple(plain(text) for text in (self.name, self.label, *self.also) if text)


class _Entry(BaseModel):
    """An entry of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    attribute: Attribute
    label: Annotated[str, Field(min_length=1)]
    name: str = ""
    known: Known
    also: list[str] = []
    unlike: list[str] = []
    kept: bool = False


@cache
def parameters() -> tuple[Parameter, ...]:
    """Give all of them, in the order of the console's form."""
    text = resources.files("harness.logsource").joinpath("parameters.yml").read_text(encoding="utf-8")
    entries = TypeAdapter(list[_Entry]).validate_python(YAML(typ="safe", pure=True).load(text))
    found = tuple(
        Parameter(each.attribute, each.label, each.name, each.known, tuple(each.also), tuple(each.unlike), each.kept)
        for each in entries
    )
    if [each.attribute for each in found] != list(get_args(Attribute)):
        message = "parameters.yml and the model differ"
        raise ValueError(message)
    return found


def plain(text: str) -> str:
    """Give what counts of a label or a name."""
    return re.sub(r"[^a-z0-9]", "", text.casefold())


def find(texts: Iterable[str]) -> Parameter | None:
    """Find a parameter by what a console or a file calls it.

    Args:
        texts: Its name and its label, the surer one first; empty ones don't count.
    """
    given = list(filter(None, map(plain, texts)))
    for text in given:
        for each in parameters():
            if text in each.spellings and not any(plain(label) in given for label in each.unlike):
                return each
    return None


def values(source: LogSource) -> Mapping[Attribute, str]:
    """Give a log source's values as the API takes them: always text.

    The password's is a placeholder that names its reference.

    Args:
        source: The log source.
    """
    return {
        "identifier": source.identifier,
        "server_address": source.server_address,
        "domain": source.domain,
        "user": source.user,
        "password": placeholder(source.password_reference),
        "smtp_folder": source.smtp_folder,
        "owa_folder": source.owa_folder,
        "msgtrk_folder": source.msgtrk_folder,
        "custom_patterns": _flag(source.custom_patterns),
        **dict(zip(MSGTRK_ATTRIBUTES, source.msgtrk_patterns, strict=True)),
        "smtp_pattern": source.smtp_pattern,
        "owa_pattern": source.owa_pattern,
        "force_file_read": _flag(source.force_file_read),
        "recursive": _flag(source.recursive),
        "smb_version": source.smb_version,
        "polling_interval": f"{source.polling_interval:g}",
        "throttle": f"{source.throttle:g}",
        "encoding": source.encoding,
    }


def placeholder(reference: str) -> str:
    """Write what stands in a password's place; empty where there is no password.

    Args:
        reference: Where the password is to be found.
    """
    return f"<password: {reference}>" if reference else ""


def reference(text: str) -> str | None:
    """Read the reference out of what `placeholder` wrote; None where it isn't such a text."""
    if not text:
        return ""
    found = _PLACEHOLDER.fullmatch(text)
    return found["reference"] if found else None


def _flag(value: bool) -> str:
    return "true" if value else "false"
