"""Each case file: what the host says, what is wanted, and what follows; one test for each case."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from harness.errors import TaskError
from harness.exchange import versions
from harness.modules.base import Difference, Module, Target
from harness.modules.registry import MODULES
from harness.report import text

CASES = Path(__file__).parent.parent / "cases" / "modules"


@dataclass(frozen=True, slots=True)
class Case:
    """One document of a case file."""

    name: str
    module: str
    wanted: dict[str, Any]
    host: list[dict[str, Any]]
    changes: list[str]
    notes: list[str]
    error: str
    write: list[str]
    target: Target
    read: list[str]
    skipped: str


def _target(server: dict[str, Any]) -> Target:
    """Make the host that a case is about; without more it is a 2016 mailbox server."""
    version = versions.VERSIONS[server.get("version", "2016")]
    roles = frozenset(server["roles"]) if "roles" in server else None
    return Target("ex01", version, roles=roles)


def _cases() -> list[Case]:
    found = []
    for file in sorted(CASES.glob("*.yml")):
        states: dict[str, Any] = {}
        for document in YAML(typ="safe").load_all(file):
            states |= document.get("states", {})
            for name, case in document.get("cases", {}).items():
                found.append(
                    Case(
                        f"{file.stem}: {name}",
                        file.stem,
                        case["wanted"],
                        states[case["host"]] if "host" in case else [],
                        case.get("changes", []),
                        case.get("notes", []),
                        case.get("error", ""),
                        case.get("write", []),
                        _target(case.get("server", {})),
                        case.get("read", []),
                        case.get("skipped", ""),
                    )
                )
    return found


def _compare(case: Case, module: Module[Any], arguments: Any) -> Difference:
    """Do what a run does up to the difference."""
    read = module.read(arguments, case.target).text

    assert [] == [piece for piece in case.read if piece not in read]
    return module.compare(arguments, module.resources(case.host))


@pytest.mark.parametrize("case", _cases(), ids=lambda case: case.name)
def test_case(case: Case) -> None:
    """The difference is exactly the expected one, and both scripts hold the expected literals."""
    module = MODULES[case.module]
    arguments = module.Arguments.model_validate(case.wanted)

    assert case.skipped == module.misfit(arguments, case.target.server)
    if case.skipped:
        return
    if case.error:
        with pytest.raises(TaskError) as caught:
            _compare(case, module, arguments)
        assert case.error == f"{caught.value.message} ({caught.value.hint})"
        return
    difference = _compare(case, module, arguments)

    assert case.changes == [text.change(change) for change in difference.changes]
    assert case.notes == list(difference.notes)
    if difference:
        script = module.write(arguments, difference, case.target).text
        assert [] == [piece for piece in case.write if piece not in script]


@pytest.mark.parametrize("name", sorted(MODULES))
def test_every_module_has_cases(name: str) -> None:
    """A module without a case file has no proof of what it compares."""
    assert (CASES / f"{name}.yml").is_file()
