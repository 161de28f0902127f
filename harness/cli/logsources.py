"""The command group `harness logsources`: log sources as the console takes them."""

from __future__ import annotations

import click

from harness.cli.lazy import LazyGroup

_COMMANDS = {
    "check": (
        "harness.cli.logsources_check",
        "check_command",
        "Check definitions against what a console says of itself, offline.",
    ),
    "export": ("harness.cli.logsources_export", "export_command", "Write the definitions of an inventory's hosts."),
}


@click.group("logsources", cls=LazyGroup, lazy=_COMMANDS)
def logsources_command() -> None:
    """The definitions of log sources: what the console polls of the hosts of an inventory."""
