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
    "event-map": (
        "harness.cli.logsources_eventmap",
        "event_map_command",
        "List the event ids of the logs that the console doesn't know.",
    ),
    "export": ("harness.cli.logsources_export", "export_command", "Write the definitions of an inventory's hosts."),
    "plan": (
        "harness.cli.logsources_plan",
        "plan_command",
        "Show how the console differs; exit 2 when push would change something.",
    ),
    "push": ("harness.cli.logsources_plan", "push_command", "Create and update the console's log sources."),
    "remove": ("harness.cli.logsources_remove", "remove_command", "Remove log sources that are named."),
    "status": ("harness.cli.logsources_status", "status_command", "Show which log sources deliver, and which don't."),
}


@click.group("logsources", cls=LazyGroup, lazy=_COMMANDS)
def logsources_command() -> None:
    """Log sources, which say what the console polls of the hosts of an inventory."""
