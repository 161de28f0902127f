"""Options that several commands have, each worded once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    F = TypeVar("F", bound="Callable[..., Any]")

_FILE = click.Path(dir_okay=False, path_type=Path)

mapping_option = click.option(
    "--mapping",
    "mappings",
    type=_FILE,
    multiple=True,
    help="A mapping file to lay over the shipped one, field by field. May be given more than once.",
)

engine_option = click.option(
    "--engine",
    type=click.Choice(["auto", "strict", "fast"]),
    default="auto",
    show_default=True,
    envvar="HARNESS_ENGINE",
    show_envvar=True,
    help="How logs are read: row by row, or by the block (extra fast); both give the same.",
)


def log_sources_options(command: F) -> F:
    """Add the options of a command that polls log sources."""
    schema = click.option(
        "--console-schema",
        "schema",
        type=_FILE,
        metavar="FILE",
        help="For --log-sources: what the console answered, where the file has names or ids of the console's own.",
    )
    definitions = click.option(
        "--log-sources",
        "definitions",
        type=_FILE,
        metavar="FILE",
        help="Poll through the definitions in this file, as logsources export writes them, not as hosts and inventory "
        "say.",
    )
    return definitions(schema(command))
