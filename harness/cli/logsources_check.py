"""The command `harness logsources check`: definitions against a console's own rules, without the console."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.logsource.check import Fault


@click.command("check")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--console-schema",
    "schema",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="What the console answered for its log source types and protocols: one JSON object of both arrays.",
)
@click.option(
    "--output",
    type=click.Choice(("text", "json")),
    default="text",
    show_default=True,
    help="For people, or for programs: JSON alone on standard output.",
)
def check_command(file: Path, schema: Path, output: str) -> int:
    """Check the log source definitions in FILE against what the console says of itself. No console is asked.

    Every fault is told at once, with its place and its path in the file.

    Exit codes: 0 the console would take them, 1 something was found, 3 FILE or the console's answers can't be read.
    """
    from harness.logsource.check import check, unchecked
    from harness.logsource.jsonfile import load
    from harness.logsource.schema import read
    from harness.report.terminal import Terminal

    terminal = Terminal(sys.stdout, sys.stderr)
    console = read(schema)
    entries = load(file)
    faults = check(entries, console)
    for pattern in unchecked(entries, console):
        terminal.notice(f"note: harness can't run the console's pattern {pattern}, so nothing was checked against it")
    if output == "json":
        click.echo(_document(faults))
    else:
        for fault in faults:
            terminal.styled(str(fault), "red")
        count = f"{len(entries)} log source{'' if len(entries) == 1 else 's'}"
        terminal.say(f"{count}, {len(faults) or 'nothing'} wrong")
    return 1 if faults else 0


def _document(faults: Sequence[Fault]) -> str:
    found: list[dict[str, Any]] = [
        {
            "path": fault.path,
            "file": fault.source.file,
            "line": fault.source.line,
            "column": fault.source.column,
            "message": fault.message,
            "hint": fault.hint,
        }
        for fault in faults
    ]
    return json.dumps({"faults": found}, indent=2, ensure_ascii=False)
