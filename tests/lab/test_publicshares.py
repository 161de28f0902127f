"""What the lab's file server serves of the shares that somebody made, and to whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.lab import publicshares
from harness.lab.logs.files import PlainFiles
from harness.lab.state import principals
from harness.lab.state.network import ADMINISTRATORS, EVERYONE, FULL, READ

if TYPE_CHECKING:
    from pathlib import Path

    from harness.lab.machine import Machine

LOGS = "C:\\inetpub\\logs\\LogFiles"
COLLECTOR = "svc-jsa"


@pytest.fixture
def server(machine: Machine) -> Machine:
    """A server with an administrator and the collector's account."""
    machine.accounts = {"Administrator": "x", COLLECTOR: "y"}
    return machine


def readers(server: Machine, folder: Path) -> dict[str, frozenset[str]]:
    """Give who may read each share that is served."""
    return {share.name: share.readers for share in publicshares.shares(server, PlainFiles(folder))}


def own(server: Machine) -> str:
    """Give the collector's security identifier."""
    found = principals.sid(server, COLLECTOR)
    assert found is not None
    return found


def test_both_lists_must_let_in(server: Machine, tmp_path: Path) -> None:
    """The share's list and the folder's: administrators are in the folder's from the start, the collector isn't."""
    server.network.add_share("logs", LOGS, [[0, own(server), READ], [0, ADMINISTRATORS, FULL]])
    before = readers(server, tmp_path)
    server.network.allow_in_folder(LOGS.lower(), [0, own(server), READ, 3, 0])
    after = readers(server, tmp_path)

    assert ({"administrator"}, {"administrator", COLLECTOR}) == (before["logs"], after["logs"])
    assert (tmp_path / "c" / "inetpub" / "logs" / "LogFiles").is_dir()


def test_an_entry_that_denies_beats_all_others(server: Machine, tmp_path: Path) -> None:
    """In either list; and a share without a list of its own is open to all whom the folder lets in."""
    server.network.allow_in_folder(LOGS, [0, EVERYONE, READ, 3, 0])
    server.network.add_share("open", LOGS, None)
    server.network.add_share("shut", LOGS, [[0, EVERYONE, READ], [1, own(server), READ]])
    listed = readers(server, tmp_path)
    server.network.allow_in_folder(LOGS, [1, own(server), READ, 3, 0])

    assert ({"administrator", COLLECTOR}, {"administrator"}) == (listed["open"], listed["shut"])
    assert {"administrator"} == readers(server, tmp_path)["open"]


@pytest.mark.parametrize("name", ["x]\npath = /", "a%U", "[global", "a;b", "#c"])
def test_a_name_that_sambas_configuration_cannot_hold_is_not_served(
    server: Machine, tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It would become a section, a variable or a comment there; lab.log names it."""
    server.network.add_share(name, LOGS, None)

    assert name not in readers(server, tmp_path)
    assert repr(name) in caplog.text


def test_drives_and_folders_that_are_not_there_are_not_served(server: Machine, tmp_path: Path) -> None:
    """Windows's own shares are served apart, if at all."""
    assert {} == readers(server, tmp_path)
