"""``harness inventory``: shows hosts, groups and values, and where each value comes from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.redaction import MASK, Secret, redactor
from harness.source import Source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.inventory import Host, Inventory, Setting


@click.command("inventory")
@click.argument("inventory", type=click.Path(path_type=Path), envvar="HARNESS_INVENTORY")
@click.option("--host", "name", metavar="NAME", help="Show this host's values.")
@click.option("--explain", is_flag=True, help="Show where each value comes from, and what it overrides.")
@click.option("-l", "--limit", metavar="PATTERN", help="Only these hosts, e.g. 'exchange:&paris:!ex07'.")
@click.option("--list", "as_list", is_flag=True, help="Show the hosts' names alone, one a line.")
@click.option("-e", "--extra", metavar="KEY=VALUE", multiple=True, help="Override a variable.")
@click.option("--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
def inventory_command(
    *,
    inventory: Path,
    name: str | None,
    explain: bool,
    limit: str | None,
    as_list: bool,
    extra: tuple[str, ...],
    output: str,
) -> None:
    """Show what INVENTORY says: its groups and hosts, and with --host or --explain the hosts' values.

    Secrets are shown by their reference, such as env:NAME, and never by their value.
    """
    from harness.inventory import load

    loaded = load(inventory, extra=_pairs(extra))
    for notice in loaded.notices:
        _say(f"note: {notice}", to_stderr=True)
    hosts = loaded.select(name or limit, source=Source("--host" if name else "--limit"))
    if as_list:
        result: Any = [host.name for host in hosts]
        text = iter(result)
    elif name or explain:
        result = {host.name: _values(host, explain=explain) for host in hosts}
        text = _host_lines(hosts, explain=explain)
    else:
        result = _tree(loaded, hosts)
        text = _tree_lines(loaded, hosts)
    if output == "json":
        _say_json(result)
    else:
        for line in text:
            _say(line)


def _pairs(extra: tuple[str, ...]) -> dict[str, str]:
    """Split the ``KEY=VALUE`` of the command line.

    Raises:
        click.BadParameter: One has no equals sign; the message doesn't hold it.
    """
    pairs = {}
    for text in extra:
        key, equals, value = text.partition("=")
        if not equals:
            message = "expected KEY=VALUE"
            raise click.BadParameter(message, param_hint="--extra")
        pairs[key.strip()] = value
    return pairs


def _values(host: Host, *, explain: bool) -> dict[str, object]:
    """Give a host's values as JSON can hold them."""
    settings = host.settings.values()
    return {setting.name: _explained(setting) if explain else _shown(setting.value) for setting in settings}


def _explained(setting: Setting) -> dict[str, object]:
    """Give a value with its origin, as JSON can hold it."""
    return {
        "value": _shown(setting.value),
        "source": None if setting.origin == "default" else str(setting.source),
        "origin": setting.origin,
        "written": setting.written or setting.name,
        "overridden": [_explained(lost) for lost in setting.overridden],
    }


def _shown(value: object) -> object:
    """Give a value as JSON can hold it, secrets by their references."""
    if isinstance(value, Secret):
        reference = getattr(value, "reference", None)
        return f"{MASK} ({reference})" if reference else MASK
    if isinstance(value, dict):
        return {str(key): _shown(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_shown(item) for item in value]
    return value


def _host_lines(hosts: tuple[Host, ...], *, explain: bool) -> Iterator[str]:
    for host in hosts:
        yield f"{host.name}  ({', '.join(host.groups)})"
        width = max(len(name) for name in host.settings)
        for setting in host.settings.values():
            yield f"  {setting.name:<{width}}  {_text(setting)}" + (_origin(setting) if explain else "")
            for lost in setting.overridden if explain else ():
                yield f"  {'':<{width}}  instead of {_text(lost)}{_origin(lost)}"


def _text(setting: Setting) -> str:
    value = _shown(setting.value)
    return value if isinstance(value, str) else json.dumps(value)


def _origin(setting: Setting) -> str:
    alias = f", written {setting.written}" if setting.written else ""
    place = "" if setting.origin == "default" else f"{setting.source}: "
    return f"   # {place}{setting.origin}{alias}"


def _tree(inventory: Inventory, hosts: tuple[Host, ...]) -> dict[str, object]:
    """Give groups and hosts as JSON can hold them."""
    chosen = {host.name for host in hosts}
    return {
        "groups": {
            group.name: {
                "hosts": [name for name in group.hosts if name in chosen],
                "children": list(group.children),
            }
            for group in inventory.groups.values()
        },
        "hosts": {host.name: {"address": host.get("address"), "groups": list(host.groups)} for host in hosts},
    }


def _tree_lines(inventory: Inventory, hosts: tuple[Host, ...]) -> Iterator[str]:
    chosen = {host.name for host in hosts}

    def branch(name: str, depth: int) -> Iterator[str]:
        group = inventory.groups[name]
        if not chosen.intersection(group.members):
            return
        yield f"{'  ' * depth}{name}:"
        for child in group.children:
            yield from branch(child, depth + 1)
        for host in group.hosts if name != "all" else ():
            if host in chosen:
                yield f"{'  ' * (depth + 1)}{host}"

    yield from branch("all", 0)


def _say_json(value: object) -> None:
    """Write JSON; redacted before it becomes text, so that it stays JSON whatever the secrets are."""
    click.echo(json.dumps(_redacted(value), indent=2))


def _redacted(value: Any) -> Any:  # noqa: ANN401 -- JSON holds anything
    """Redact every string inside a value."""
    if isinstance(value, str):
        return redactor.redact(value)
    if isinstance(value, dict):
        return {redactor.redact(key): _redacted(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_redacted(item) for item in value]
    return value


def _say(text: str, *, to_stderr: bool = False) -> None:
    """Write a line of text."""
    click.echo(redactor.redact(text), err=to_stderr)
