"""The inventory with one simulated server of each version and role."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from running_lab import run

if TYPE_CHECKING:
    from running_lab import Ended

INVENTORY = Path(__file__).parents[2] / "inventory.lab-all.ini"


def outcomes(ended: Ended) -> dict[str, set[str]]:
    """Give how tasks ended, by host."""
    hosts = ended.json["plays"][0]["hosts"]
    return {host["host"]: {task["status"] for task in host["tasks"]} for host in hosts}


@pytest.mark.timeout(120)
def test_the_second_run_changes_nothing_on_any(tmp_path: Path) -> None:
    """The first run configures every server, whatever its version and roles; the second finds nothing to do."""
    inventory = Path(shutil.copy(INVENTORY, tmp_path))
    first, second = (run("apply", inventory, "--output", "json") for _ in range(2))

    assert (0, 0) == (first.code, second.code)
    assert 15 == len(outcomes(first))
    assert {"changed", "ok", "skipped"} == set().union(*outcomes(first).values())
    assert {"ok", "skipped"} == set().union(*outcomes(second).values())
    # Message tracking is on from the start, and nothing else is to be done on a 2010 Mailbox server.
    assert ["ex10mbx.e2010.lab.example"] == [host for host, found in outcomes(first).items() if "changed" not in found]


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("ex01.lab.example exchange_version=2016 lab_edge_subscribed=true", "only an Edge server is subscribed"),
        ("ex01.lab.example exchange_version=2016 exchange_roles=hub_transport", "hub_transport"),
    ],
)
def test_what_cannot_be_simulated_is_refused_by_line(tmp_path: Path, line: str, message: str) -> None:
    """The inventory's file and line, before anything starts."""
    inventory = tmp_path / "inventory.ini"
    inventory.write_text(f"[exchange]\n{line} connection=lab\n")
    ended = run("apply", inventory)

    assert 3 == ended.code
    assert "inventory.ini:2" in ended.err
    assert message in ended.err
    assert not (tmp_path / ".harness" / "lab" / "hosts.json").exists()
