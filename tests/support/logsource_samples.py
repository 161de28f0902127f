"""Log sources, a console's answers, and files of definitions for tests."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from harness.logsource.model import LogSource
from harness.logsource.schema import Schema, read

ANSWERS = Path(__file__).parent.parent / "cases" / "logsource" / "answers.json"
"""What a console answered; its names are none of those that harness knows, but for the two that are confirmed."""

USUAL = {
    "name": "Exchange @ ex01",
    "host": "ex01",
    "identifier": "ex01",
    "server_address": "10.0.0.7",
    "user": "svc-jsa",
    "password_reference": "env:JSA_PASSWORD",
    "owa_folder": "c$/inetpub/logs/LogFiles/W3SVC1/",
    "smtp_folder": "d$/Exchange/ProtocolLog/",
    "msgtrk_folder": "Tracking/",
}


def log_source(**values: Any) -> LogSource:
    """A log source with given values."""
    return LogSource(**(USUAL | values))


@cache
def console() -> Schema:
    """What the console says of itself."""
    return read(ANSWERS)


def answers() -> dict[str, Any]:
    """The same as JSON, to be changed."""
    found: dict[str, Any] = json.loads(ANSWERS.read_text(encoding="utf-8"))
    return found
