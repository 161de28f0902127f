"""The commands `harness logsources …`. A command's file is imported only when it is called."""

from __future__ import annotations

import importlib

import click

_COMMANDS = {
    "event-map": ("harness.cli.logsources_eventmap", "event_map_command"),
    "plan": ("harness.cli.logsources_plan", "plan_command"),
    "push": ("harness.cli.logsources_plan", "push_command"),
    "remove": ("harness.cli.logsources_remove", "remove_command"),
    "status": ("harness.cli.logsources_status", "status_command"),
}


class _LazyGroup(click.Group):
    """Imports a command when it is asked for."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return sorted(_COMMANDS)

    def get_command(self, _ctx: click.Context, name: str) -> click.Command | None:
        if name not in _COMMANDS:
            return None
        module, attribute = _COMMANDS[name]
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command


@click.group("logsources", cls=_LazyGroup)
def logsources_command() -> None:
    """Log sources on the console."""
