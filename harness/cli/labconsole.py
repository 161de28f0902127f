"""The command `harness lab console`: a simulated console to import log sources into."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.errors import HarnessError

if TYPE_CHECKING:
    from types import ModuleType

    from harness.lab.siem.process import Reached
    from harness.lab.siem.settings import VersionState

_STATE = Path(".harness") / "console"
_PORT = 8443
_STATUSES = ("SUCCESS", "WARN", "ERROR", "NA", "DISABLED")
_SEVERITIES = {"ERROR": "ERROR", "WARN": "WARN"}


@click.group("console", invoke_without_command=True)
@click.option(
    "--state",
    default=_STATE,
    show_default=True,
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Where its log sources, ids, tokens and certificate are kept.",
)
@click.option("--address", default="127.0.0.1", show_default=True, help="Where to listen.")
@click.option("--port", default=_PORT, show_default=True, help="The port; 0 takes a free one.")
@click.option("--tls/--no-tls", default=True, show_default=True, help="HTTPS, or plain HTTP on loopback.")
@click.option("--seed", type=int, metavar="N", help="Decides the ids of a console that is new; arbitrary by default.")
@click.option(
    "--task-seconds", default=0.0, metavar="S", help="How long a bulk task works on each log source. [default: 0]"
)
@click.option("--deploy-seconds", default=0.0, metavar="S", help="How long a deploy takes. [default: 0]")
@click.option(
    "--api-version",
    "versions",
    multiple=True,
    metavar="VERSION[:deprecated|:removed]",
    help="A version of the API; may be given again. By default 20.0:removed, 22.0:deprecated and 26.0.",
)
@click.option("--wincollect/--no-wincollect", default=True, help="Whether a new one has an agent of WinCollect.")
@click.option("--print-schema", is_flag=True, help="Print the types, protocols and lists of a new one, and end.")
@click.pass_context
def console_command(
    context: click.Context,
    *,
    state: Path,
    address: str,
    port: int,
    tls: bool,
    seed: int | None,
    task_seconds: float,
    deploy_seconds: float,
    versions: tuple[str, ...],
    wincollect: bool,
    print_schema: bool,
) -> int:
    """Serve a simulated JSA or QRadar console until interrupted: the part of its REST API that log sources need.

    Its state is kept, and found again by the next one. Ids are its own, as on every console: those of a new one
    are arbitrary, or follow from --seed.
    """
    context.obj = state
    if context.invoked_subcommand is not None:
        return 0
    if print_schema:
        from harness.lab.siem import catalogue

        click.echo(json.dumps(catalogue.schema(seed or 0), indent=1))
        return 0
    process = _process()
    from harness.lab.siem.settings import ConsoleSettings

    settings = ConsoleSettings(task_seconds=task_seconds, deploy_seconds=deploy_seconds, wincollect=wincollect)
    if versions:
        settings = ConsoleSettings(
            task_seconds=task_seconds,
            deploy_seconds=deploy_seconds,
            wincollect=wincollect,
            api_versions=dict(_version(each) for each in versions),
        )
    process.serve(state, settings, address=address, port=port, tls=tls, seed=seed, on_ready=_show)
    return 0


def _process() -> ModuleType:
    """Import what serves and finds a console; it needs packages that harness doesn't need otherwise."""
    try:
        from harness.lab.siem import process
    except ModuleNotFoundError as error:
        hint = "pip install 'exchange-log-harness[lab]'"
        raise HarnessError(f"the simulated console needs {error.name}", hint=hint) from error
    return process


def _version(text: str) -> tuple[str, VersionState]:
    version, _, state = text.partition(":")
    if state not in {"", "deprecated", "removed"}:
        raise click.BadParameter(f"{text}: deprecated or removed may follow the colon", param_hint="--api-version")
    return version, "deprecated" if state == "deprecated" else "removed" if state == "removed" else "current"


def _show(reached: Reached) -> None:
    """Say where it answers; tokens stay in their files."""
    click.echo(f"console at {reached.url}/api")
    if reached.ca:
        click.echo(f"  certificate to trust: {reached.ca}")
    for role, path in reached.tokens.items():
        click.echo(f"  token of {role}: file:{path}")


@console_command.command("source")
@click.argument("name")
@click.option("--status", type=click.Choice(_STATUSES), help="What the console says of it.")
@click.option("--message", "messages", multiple=True, metavar="TEXT", help="Said with the status; may be given again.")
@click.option("--silent-for", type=float, metavar="S", help="Its last event came so many seconds ago.")
@click.option("--eps", type=float, metavar="N", help="Its average events per second.")
@click.pass_obj
def source(
    state: Path,
    /,
    *,
    name: str,
    status: str | None,
    messages: tuple[str, ...],
    silent_for: float | None,
    eps: float | None,
) -> int:
    """Set what a running console says of its log source NAME."""
    process = _process()
    changes: dict[str, object] = {"name": name}
    if status is not None:
        severity = _SEVERITIES.get(status, "INFO")
        changes |= {"status": status, "messages": [{"severity": severity, "text": text} for text in messages]}
    elif messages:
        raise click.BadParameter("a message goes with --status", param_hint="--message")
    if silent_for is not None:
        changes["last_event_time"] = int((time.time() - silent_for) * 1000)
    if eps is not None:
        changes["average_eps"] = eps
    process.tell(state, "log_source", changes)
    return 0


@console_command.command("mishap")
@click.option("--status", "answer_status", type=int, metavar="N", help="Answer with this HTTP status.")
@click.option("--retry-after", type=int, metavar="S", help="Name so many seconds in Retry-After.")
@click.option("--page", is_flag=True, help="Answer with a proxy's HTML page.")
@click.option(
    "--cut", type=click.Choice(["before", "after", "within"]), help="Break the connection: when, seen from the act."
)
@click.option("--hang", is_flag=True, help="Never answer.")
@click.option("--delay", "delay_seconds", type=float, metavar="S", help="Answer so much later.")
@click.option("--refuse", "refuse_name", metavar="TEXT", help="Fail to save log sources with this in their names.")
@click.option("--method", metavar="METHOD", help="Only requests of this method.")
@click.option("--path", metavar="TEXT", help="Only requests with this in their address.")
@click.option("--times", type=click.IntRange(1), metavar="N", help="So many requests; all of them by default.")
@click.pass_obj
def mishap(state: Path, /, **changes: object) -> int:
    """Let something befall a running console; without options all is well again."""
    _process().tell(state, "mishap", {name: value for name, value in changes.items() if value is not None})
    return 0
