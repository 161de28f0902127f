"""Writes the generated parts of the documentation: commands, inventory keys, modules.

Run it from the repository's top: ``python docs/generate.py``. A test compares what it would write with the files.
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.main import cli
from harness.exchange import folders
from harness.exchange.versions import VERSIONS, Server
from harness.inventory import load
from harness.inventory.keys import KEYS
from harness.lint.finding import RULES
from harness.lint.table import table
from harness.modules.registry import MODULES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.inventory.keys import Key

DOCS = Path(__file__).parent
_MARKED = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def commands() -> str:
    """Give every command with its options."""
    parts = []
    with click.Context(cli, info_name="harness") as top:
        for name in cli.list_commands(top):
            command = cli.get_command(top, name)
            if command is not None:
                parts += _command(command, f"harness {name}", top)
    return "\n".join(parts)


def _command(command: click.Command, path: str, parent: click.Context) -> Iterator[str]:
    with click.Context(command, info_name=path.rpartition(" ")[2], parent=parent) as context:
        yield f"## {path}\n"
        yield f"    {command.get_usage(context).removeprefix('Usage: ')}\n"
        yield re.sub(r"\n +", "\n", (command.help or "").strip()) + "\n"
        options = [
            parameter.get_help_record(context) for parameter in command.params if isinstance(parameter, click.Option)
        ]
        if options:
            yield "| option | meaning |\n|---|---|"
            yield from (f"| `{record[0]}` | {_cell(record[1])} |" for record in options if record)
            yield ""
        if isinstance(command, click.Group):
            for name in command.list_commands(context):
                child = command.get_command(context, name)
                if child is not None:
                    yield from _command(child, f"{path} {name}", context)


def keys() -> str:
    """Give every inventory key."""
    rows = [
        f"| `{key.name}` | {_kind(key)} | {_default(key)} | {_aliases(key)} | {_cell(key.description)} |"
        for key in KEYS
    ]
    return "\n".join(["| key | value | default | Ansible's name | meaning |", "|---|---|---|---|---|", *rows]) + "\n"


def _kind(key: Key) -> str:
    if key.choices:
        return ", ".join(f"`{choice}`" for choice in key.choices)
    return {"flag": "true or false", "secret": "secret's reference", "seconds": "seconds"}.get(key.kind, key.kind)


def _default(key: Key) -> str:
    if key.default_from:
        return key.default_from
    return (
        "" if key.default is None else f"`{str(key.default).lower() if isinstance(key.default, bool) else key.default}`"
    )


def _aliases(key: Key) -> str:
    return ", ".join(f"`{alias}`" for alias in key.aliases)


def modules() -> str:
    """Give every module's arguments."""
    parts = []
    for name, module in sorted(MODULES.items()):
        schema: dict[str, Any] = module.Arguments.model_json_schema()
        parts += [f"### {name}\n", inspect.cleandoc(module.Arguments.__doc__ or "") + "\n"]
        parts.append("| argument | value | default | meaning |\n|---|---|---|---|")
        required = schema.get("required", [])
        for argument, field in schema["properties"].items():
            default = "required" if argument in required else f"`{_plain(field.get('default'))}`"
            parts.append(f"| `{argument}` | {_type(field)} | {default} | {_cell(field.get('description', ''))} |")
        parts.append("")
    return "\n".join(parts)


def _plain(value: object) -> str:
    match value:
        case None:
            return "as it is"
        case bool():
            return str(value).lower()
        case "" | []:
            return "none"
        case list():
            return ", ".join(str(each) for each in value)
    return str(value)


def _type(field: dict[str, Any]) -> str:
    if "anyOf" in field:
        return " or ".join(_type(each) for each in field["anyOf"] if each.get("type") != "null")
    if "enum" in field or "const" in field:
        return ", ".join(f"`{each}`" for each in field.get("enum", [field.get("const")]))
    if field.get("type") == "array":
        return f"list of {_type(field['items'])}"
    return {"string": "text", "boolean": "true or false"}.get(field.get("type", ""), field.get("type", ""))


def _cell(text: str | None) -> str:
    return re.sub(r"\s+", " ", text or "").replace("|", "\\|")


def versions() -> str:
    """Give what is configured, where the logs are, and what tests it, on a server of each version and role alone."""
    rows = [
        "| version | role | cmdlets through | settings | log folders | log formats | tests |",
        "|---|---|---|---|---|---|---|",
    ]
    simulated = _simulated()
    for version in VERSIONS.values():
        for role in version.roles:
            server = Server(version, frozenset({role}))
            cells = (
                version.name,
                role.replace("_", " "),
                _shells(server),
                _settings(server),
                _folders(server),
                _formats(server),
                _tests(server, simulated),
            )
            rows.append("| " + " | ".join(cells) + " |")
    return "\n".join(rows) + "\n"


_TESTS = "tests/end_to_end"
_TRACKING_COLUMNS = {"2003": 20, "2007": 21, "2010": 26, "2013": 27, "2016": 30, "2019": 30, "SE": 30}


def _formats(server: Server) -> str:
    """Give the files of each folder, in the folders' order."""
    name = server.version.name
    found = folders.of_roles(name, server.roles, "SERVER")
    old, daily = name == "2003", name in ("2003", "2007", "2010")
    parts = []
    if found.owa:
        parts.append(f"OWA: W3C, `{'' if old else 'u_'}exYYMMDD.log`")
    if found.smtp:
        stamp = _stamp(daily=daily)
        parts.append("SMTP: W3C, `exYYMMDD.log`" if old else f"SMTP: CSV, `RECV{stamp}-n.LOG`, `SEND{stamp}-n.LOG`")
    if found.tracking:
        submits = folders.submits_apart(name, server.roles)
        prefixes = ("MSGTRKM",) if submits else ("MSGTRK",) if daily or server.edge else ("MSGTRK", "MSGTRKM[ADS]")
        files = ["yyyymmdd.log"] if old else [f"{prefix}{_stamp(daily=daily)}-n.LOG" for prefix in prefixes]
        way = "tabs" if old else "CSV"
        parts.append(f"MSGTRK: {way}, {_TRACKING_COLUMNS[name]} columns, {', '.join(f'`{file}`' for file in files)}")
    return "<br>".join(parts) or "none"


def _stamp(*, daily: bool) -> str:
    """Give the date in a file's name: 2013 and later begin a file each hour."""
    return "yyyymmdd" if daily else "yyyymmddhh"


def _simulated() -> frozenset[tuple[str, frozenset[str]]]:
    """Give version and roles of every host of the inventory with one of each."""
    hosts = load(DOCS.parent / "inventory.lab-all.ini").hosts.values()
    named = [(host.get("exchange_version"), frozenset(host.get("exchange_roles") or ())) for host in hosts]
    return frozenset((version, roles or VERSIONS[version].usual) for version, roles in named)


def _tests(server: Server, simulated: frozenset[tuple[str, frozenset[str]]]) -> str:
    name = f"{server.version.name}-{'+'.join(sorted(server.roles))}"
    found = [f"{_TESTS}/test_versions.py::test_the_shipped_playbook_serves_every_server[{name}-stated]"]
    if (server.version.name, server.roles) in simulated:
        found.append(f"{_TESTS}/test_lab_all.py::test_its_logs_are_verified[{name}]")
    return "<br>".join(f"`{each}`" for each in found)


def _shells(server: Server) -> str:
    if server.version.management == "wmi":
        return "none: WMI"
    ways = {"remoting": "remoting", "snapin": f"snap-in `{server.version.snapin}`"}
    return ", or ".join(ways[access] for access in server.accesses)


def _settings(server: Server) -> str:
    settings = []
    if server.web:
        settings.append("IIS: `cs-method`, `cs-version`")
    if server.connectors:
        settings.append("`Set-ReceiveConnector`, `Set-SendConnector`")
    settings += [f"`{service.set}` between servers" for service in server.intra_org]
    if server.delivery:
        settings.append(f"`{server.delivery.set}` for delivery")
    if server.version.management == "wmi":
        settings += ["SMTP virtual servers: W3C log", "`Exchange_Server.EnableMessageTracking`"]
    if server.tracking:
        settings.append(f"`{server.tracking.set}` for tracking")
    return "<br>".join(settings) or "none"


def _folders(server: Server) -> str:
    found = folders.of_roles(server.version.name, server.roles, "SERVER")
    paths = [found.owa, *(path for smtp in found.smtp for path in (smtp.receive, smtp.send)), found.tracking]
    return "<br>".join(f"`{path[max(path.find('TransportRoles'), 0) :]}`" for path in paths if path) or "none"


def rules() -> str:
    """Give every rule of lint."""
    rows = [f"| `{name}` | {_cell(words)} |" for name, words in RULES.items()]
    return "\n".join(["| rule | what must hold |", "|---|---|", *rows, ""])


def platforms() -> str:
    """Give what lint lets scripts count on, by version of Exchange."""
    rows = [f"| {each.exchange} | {each.powershell} | {each.windows} |" for each in table().platforms.values()]
    return "\n".join(["| Exchange | Windows PowerShell | Windows Server |", "|---|---|---|", *rows, ""])


PARTS = {
    "commands": commands,
    "keys": keys,
    "modules": modules,
    "platforms": platforms,
    "rules": rules,
    "versions": versions,
}


def filled(text: str) -> str:
    """Give a page with its generated parts made anew."""
    return _MARKED.sub(lambda match: f"{match[1]}\n{PARTS[match[2]]()}\n{match[3]}", text)


if __name__ == "__main__":
    for page in DOCS.glob("*.md"):
        page.write_text(filled(page.read_text(encoding="utf-8")), encoding="utf-8")
