"""The samples leave nothing out: no server, no way to the cmdlets, no module, no part of a template."""

from __future__ import annotations

from collections import defaultdict

import pytest

from harness.exchange.versions import VERSIONS, Server, Version
from harness.lab.powershell import parse
from harness.lab.powershell.syntax import ForEach, If, Node
from harness.lint import samples
from harness.lint.guards import constant, is_empty
from harness.modules.registry import MODULES

_EVERYWHERE = {"service", "firewall", "log_share", "collector_access"}
_CONNECTORS = {"receive_connector", "send_connector"}
_SMTP = {*_CONNECTORS, "smtp_log_folders"}
_ALL = {*_SMTP, "iis_logging", "message_tracking"}
# What a server has beside what every server has, by version and role.
_OF_SERVER: dict[tuple[str, str], set[str]] = {
    ("2003", "mailbox"): {"iis_logging", "smtp_virtual_server", "message_tracking"},
    ("2007", "hub_transport"): {*_SMTP, "message_tracking"},
    ("2007", "edge_transport"): {*_SMTP, "message_tracking"},
    ("2007", "mailbox"): {"message_tracking"},
    ("2007", "client_access"): {"iis_logging"},
    ("2010", "unified_messaging"): set(),
    ("2013", "mailbox"): _ALL,
    ("2013", "client_access"): {*_SMTP, "iis_logging"},
    ("2016", "mailbox"): _ALL,
    ("SE", "edge_transport"): {*_SMTP, "message_tracking"},
}


@pytest.mark.parametrize("version", VERSIONS.values(), ids=lambda version: version.name)
def test_every_server(version: Version) -> None:
    """Each role alone and the usual ones together are rendered, for each way to the cmdlets that such a server has."""
    targets = list(samples.targets(version))

    rendered = {(target.server.roles, target.shell) for target in targets}
    wanted = [version.usual, *(frozenset({role}) for role in version.roles)]
    assert {(roles, access) for roles in wanted for access in Server(version, roles).accesses} == rendered
    # A session is opened with an account of its own, and without one.
    explicit = {target.password is not None for target in targets if target.shell == "remoting"}
    assert (set() if version.accesses == ("snapin",) else {True, False}) == explicit


@pytest.mark.parametrize("server", _OF_SERVER, ids=" ".join)
def test_modules_of_a_server(server: tuple[str, str]) -> None:
    """A module is passed over for a server that has nothing of it, and for no other."""
    version, role = server
    target = next(each for each in samples.targets(VERSIONS[version]) if each.server.roles == {role})

    rendered = {module for module in MODULES if list(samples.of_module(module, target))}
    assert _EVERYWHERE | _OF_SERVER[server] == rendered


def _parts(tree: Node) -> list[tuple[int, str, bool]]:
    """Give every branch and loop: its line, what it is, and whether it can do anything with the values it was given."""
    parts = []
    for node in tree.walk():
        if isinstance(node, ForEach):
            parts.append((node.line, "loop", not is_empty(node.values)))
        if isinstance(node, If):
            parts += [(node.line, "branch", constant(condition) is not False) for condition, _ in node.clauses]
    return parts


def test_every_part_of_a_template() -> None:
    """Each loop has something to go over and each branch is taken in some sample: a part that isn't goes unchecked."""
    reached: defaultdict[tuple[str, int, int, str], bool] = defaultdict(bool)
    for version in VERSIONS.values():
        for script in samples.scripts(version):
            for number, (line, kind, alive) in enumerate(_parts(parse(script.text))):
                reached[script.source.file, line, number, kind] |= alive

    assert [] == [where for where, alive in reached.items() if not alive]
    assert len(reached) > len(MODULES)
