"""The command `harness` and its global options. A command's file is imported only when it is called."""

from __future__ import annotations

import atexit
import gc
import sys

import click

from harness import __version__
from harness.cli.lazy import LazyGroup
from harness.errors import HarnessError
from harness.garbage import collect_seldom

_COMMANDS = {
    "apply": ("harness.cli.apply", "apply_command", "Configure the hosts of an inventory."),
    "collect": ("harness.cli.collect", "collect_command", "Write down the events of the logs, polled over SMB."),
    "facts": ("harness.cli.facts", "facts_command", "Show what is true of each host, read off it."),
    "inventory": ("harness.cli.inventory", "inventory_command", "Show hosts, groups and where each value came from."),
    "lab": ("harness.cli.lab", "lab_command", "Simulated hosts on this machine."),
    "lint": ("harness.cli.lint", "lint_command", "Check scripts without running them, version by version."),
    "logsources": (
        "harness.cli.logsources",
        "logsources_command",
        "Log sources: written, checked, brought to the console, watched.",
    ),
    "parse": ("harness.cli.parse", "parse_command", "Show the events of local log files."),
    "plan": (
        "harness.cli.apply",
        "plan_command",
        "Show what apply would change; exit 2 when it would change something.",
    ),
    "verify": ("harness.cli.verify", "verify_command", "Prove that the logs arrive as the console will read them."),
}


_SETTINGS = {"auto_envvar_prefix": "HARNESS", "help_option_names": ["-h", "--help"]}


@click.group(cls=LazyGroup, lazy=_COMMANDS, context_settings=_SETTINGS)
@click.version_option(__version__, prog_name="harness")
def cli() -> None:
    """Make Exchange servers deliver their logs to a SIEM, and prove it.

    Every option can be given by an environment variable: HARNESS_APPLY_FORKS stands for the option --forks of apply.
    """


def main() -> None:
    """Run the command line; what harness raises on purpose ends it with its own exit code."""
    collect_seldom()
    atexit.register(gc.freeze)  # the interpreter needn't look through everything once more as it ends
    try:
        code = cli(standalone_mode=False)
    except click.Abort:
        sys.exit(130)
    except click.ClickException as wrong:
        wrong.show()
        sys.exit(3)
    except HarnessError as error:
        from harness.redaction import redactor

        hint = f"\nhint: {error.hint}" if error.hint else ""
        click.echo(redactor.redact(error.message + hint), err=True)
        sys.exit(error.exit_code)
    except Exception as error:  # noqa: BLE001  a traceback helps nobody at a prompt
        from harness import debug

        click.echo(f"unexpected {type(error).__name__}\nhint: {debug.keep(error)}", err=True)
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)
