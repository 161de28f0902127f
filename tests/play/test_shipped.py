"""The shipped playbooks agree with each other."""

from __future__ import annotations

import pytest
from ruamel.yaml import YAML

from harness import resources
from harness.modules.registry import MODULES
from harness.play.loader import load

PLAYBOOKS = resources.folder("playbooks")


def tasks(name: str) -> list[object]:
    """Give the tasks of a playbook's plays as written."""
    return [task for play in YAML(typ="safe").load(PLAYBOOKS / f"{name}.yml") for task in play["tasks"]]


@pytest.mark.parametrize("name", [path.stem for path in sorted(PLAYBOOKS.glob("*.yml"))])
def test_every_shipped_playbook_is_right(name: str) -> None:
    """It loads, without a notice."""
    playbook = load([PLAYBOOKS / f"{name}.yml"], MODULES)

    assert () == tuple(playbook.notices)
    assert playbook.plays


def test_the_families_make_the_whole() -> None:
    """What site.yml sets is what the three families' playbooks set, task by task."""
    assert tasks("site") == [task for name in ("owa", "smtp", "msgtrk") for task in tasks(name)]
