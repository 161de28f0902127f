"""`exchange_smtp_layout`: all SMTP logs below one root, read through one log source, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from running_lab import Ended, RunningLab

NAME = "ex01.lab.example"
ROOT = "C:\\Logs\\Smtp"


@pytest.fixture
def asked(make_lab: Callable[..., RunningLab]) -> RunningLab:
    """A server whose inventory asks for relocated logs."""
    lab = make_lab(NAME)
    layout(lab, "relocated")
    return lab


def layout(lab: RunningLab, wanted: str) -> None:
    """Ask for a layout."""
    text = lab.inventory.read_text().partition("exchange_smtp_layout")[0]
    lab.inventory.write_text(f"{text}exchange_smtp_layout={wanted}\nexchange_smtp_root={ROOT}\n")


def smtp_folders(ended: Ended) -> list[str]:
    """Give the folders that were polled for SMTP."""
    return next(each["folders"] for each in ended.json["families"] if each["family"] == "SMTP")


def prefixes(root: Path) -> set[str]:
    """Give what the log files below a folder are, by service."""
    return {f"{file.relative_to(root).parts[0]}/{file.name[:4]}" for file in root.rglob("*.LOG")}


@pytest.mark.timeout(120)
def test_logs_move_below_one_root_and_back(asked: RunningLab) -> None:
    """Refused before the move; then one log source proves all; nothing more to do; and per service again."""
    early = asked.run("verify")
    first = asked.run("apply")
    relocated = asked.run("verify", "--output", "json")
    second = asked.run("plan")
    written = prefixes(asked.drive(NAME) / "Logs" / "Smtp")
    layout(asked, "per_service")
    back = asked.run("apply", "-t", "smtp")
    again = asked.run("plan", "-t", "smtp")
    apart = asked.run("verify", "--output", "json")

    assert 1 == early.code
    assert f"its SMTP logs should all be below {ROOT}" in " ".join(early.out.split())
    assert (0, 0, 0) == (first.code, relocated.code, second.code), first.out + relocated.err + second.out
    assert {"passed"} == {each["status"] for each in relocated.json["expectations"]}
    assert ["C$/Logs/Smtp"] == [folder.replace("c$", "C$") for folder in smtp_folders(relocated)]
    assert {"Hub/RECV", "FrontEnd/RECV", "Mailbox/RECV"} <= written
    assert (0, 0, 0) == (back.code, again.code, apart.code), back.out + again.out + apart.err
    assert 3 == len(smtp_folders(apart))
