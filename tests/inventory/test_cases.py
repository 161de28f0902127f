"""One test for each file in ``tests/cases/inventory/``.

A case holds an inventory, the files beside it and extra variables; and either the problems that are reported,
or some of the hosts' values, the groups' members, and the notices.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ruamel.yaml import YAML

from harness.errors import InventoryError

if TYPE_CHECKING:
    from tests.inventory.conftest import Loader

CASES = sorted((Path(__file__).parent.parent / "cases" / "inventory").glob("*.yml"))


@pytest.fixture(params=CASES, ids=lambda path: path.stem)
def case(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Read a case."""
    content: dict[str, Any] = YAML(typ="safe", pure=True).load(request.param)
    unknown = set(content) - {"why", "inventory", "files", "extra", "problems", "hosts", "groups", "notices"}
    assert not unknown, f"the case has unknown keys: {unknown}"
    return content


def test_case(case: dict[str, Any], load_text: Loader) -> None:
    """An inventory says what its case says that it says."""
    given = {"extra": case.get("extra", {})}
    if "problems" in case:
        with pytest.raises(InventoryError) as caught:
            load_text(case["inventory"], case.get("files", {}), **given)

        assert case["problems"] == [str(problem) for problem in caught.value.problems]
        return
    inventory = load_text(case["inventory"], case.get("files", {}), **given)
    expected = case.get("hosts", {})
    actual = {
        name: {key: _as_yaml(inventory.hosts[name].variables.get(key)) for key in values}
        for name, values in expected.items()
    }

    assert expected == actual
    assert case.get("groups", {}) == {name: list(inventory.groups[name].members) for name in case.get("groups", {})}
    assert case.get("notices", []) == [str(notice) for notice in inventory.notices]


def _as_yaml(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value
