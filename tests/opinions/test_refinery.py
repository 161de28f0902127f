"""A second opinion on every script that harness sends: binary-refinery's parser, which we did not write.

It forgives much, so that it refuses nothing proves little; that it sees the same commands with the same parameters
does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from harness import resources
from harness.exchange.versions import VERSIONS
from harness.lab.powershell import parse
from harness.lab.powershell.syntax import Command, Literal, ParameterToken
from harness.lint import samples

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.opinion
Call = tuple[str, tuple[str, ...]]


def _scripts() -> Iterator[tuple[str, str]]:
    """Give name and text of every script, each once."""
    path = resources.folder("templates") / "powershell" / "bootstrap.ps1"
    yield "bootstrap.ps1", path.read_text(encoding="utf-8")
    seen: set[str] = set()
    for version in VERSIONS.values():
        for number, script in enumerate(samples.scripts(version)):
            if script.text not in seen:
                seen.add(script.text)
                yield f"{version.name} {number} {script.source.file}", script.text


def _ours(text: str) -> list[Call]:
    return sorted(
        (
            node.name.value if isinstance(node.name, Literal) else node.operator,
            tuple(each.name.lower() for each in node.elements if isinstance(each, ParameterToken)),
        )
        for node in parse(text).walk()
        if isinstance(node, Command)
    )


def _theirs(tree: Any, model: Any) -> list[Call]:
    calls = []
    for node in tree.walk():
        if isinstance(node, model.Ps1CommandInvocation):
            named = [
                each.name.removeprefix("-").rstrip(":").lower()
                for each in node.arguments
                if isinstance(each, model.Ps1CommandArgument) and each.name
            ]
            literal = isinstance(node.name, model.Ps1StringLiteral)
            calls.append((node.name.value if literal else node.invocation_operator, tuple(named)))
    return sorted(calls)


@pytest.mark.parametrize(("name", "text"), list(_scripts()), ids=lambda value: value if "\n" not in value else "")
def test_both_parsers_see_the_same_commands(name: str, text: str) -> None:
    """The other parser reads all of the script, and finds our commands with our parameters in it."""
    from refinery.lib.scripts.ps1 import model, parser  # noqa: PLC0415  in the tox environment `opinions` only

    tree = parser.Ps1Parser(text).parse()
    unread = [node for node in tree.walk() if isinstance(node, model.Ps1ErrorNode)]

    assert ([], name) == (unread, name)
    assert _ours(text) == _theirs(tree, model)
    assert _ours(text) or "webadministration" in name
