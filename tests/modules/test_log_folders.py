"""Folders are read off the host, through a session like any other."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from harness.errors import HostError
from harness.exchange import versions
from harness.exchange.folders import Folders, SmtpFolders, Stated
from harness.modules import log_folders
from harness.modules.base import Target
from harness.modules.session import Session
from harness.remote.connection import Clock, Finished

if TYPE_CHECKING:
    from collections.abc import Callable

TARGET = Target("ex01", versions.DEFAULT)
LOGS = "E:\\Logs"
ANSWER: list[dict[str, Any]] = [
    {"kind": "host", "system_drive": "C:"},
    {
        "kind": "transport",
        "service": "frontend",
        "receive": f"{LOGS}\\FrontEnd\\ProtocolLog\\SmtpReceive",
        "send": f"{LOGS}\\FrontEnd\\ProtocolLog\\SmtpSend",
        "tracking": None,
        "tracks": None,
    },
    {
        "kind": "transport",
        "service": "hub",
        "receive": "D:\\R",
        "send": None,
        "tracking": "D:\\Tracking",
        "tracks": False,
    },
    {"kind": "receive connector", "name": "Default EX01", "level": "Verbose"},
    {"kind": "receive connector", "name": "Relay", "level": "None"},
    {"kind": "send connector", "name": "Internet", "level": "None"},
    {"kind": "site", "id": "2", "name": "Exchange Back End", "directory": "C:\\back"},
    {"kind": "site", "id": "7", "name": "Default Web Site", "directory": "%SystemDrive%\\inetpub\\logs\\"},
]


class Answering:
    """A connection to a PowerShell that answers every script with the same value.

    Args:
        status: ``ok`` or ``failed``.
        value: What it prints.
    """

    def __init__(self, status: str, value: object) -> None:
        self._status = status
        self._data = base64.b64encode(json.dumps(value).encode()).decode()
        self.scripts: list[str] = []

    def execute(self, _command: str, stdin: bytes, take: Callable[[bytes], None], _clock: Clock) -> Finished:
        """Answer a batch."""
        for line in stdin.decode("ascii").splitlines():
            verb, number, data = [*line.split(" "), "", ""][:3]
            if verb == "load":
                take(f"harness-result {number} ok {base64.b64encode(b'null').decode()}\n".encode())
            elif verb == "run":
                self.scripts.append(base64.b64decode(data).decode())
                take(f"harness-result {number} {self._status} {self._data}\n".encode())
        return Finished(0, "")

    def interrupt(self) -> None:
        """Nothing runs on."""

    def close(self) -> None:
        """Nothing is open."""


def read(connection: Answering) -> Folders:
    """Read the folders over a connection."""
    clock = Clock("ex01", task_seconds=5, run_seconds=5)
    return log_folders.read_folders(Session(lambda: connection, TARGET, clock, lambda: None), TARGET)


def test_the_answer_becomes_folders() -> None:
    """Each service's folders, those of the site that serves OWA, and the connectors that log nothing."""
    expected = Folders(
        owa="%SystemDrive%\\inetpub\\logs\\W3SVC7",
        smtp=(
            SmtpFolders(
                "frontend", f"{LOGS}\\FrontEnd\\ProtocolLog\\SmtpReceive", f"{LOGS}\\FrontEnd\\ProtocolLog\\SmtpSend"
            ),
            SmtpFolders("hub", "D:\\R", ""),
        ),
        tracking="D:\\Tracking",
        origin="the host",
        stated=Stated(("receive connector 'Relay'", "send connector 'Internet'"), tracking=False),
    )

    assert expected == read(Answering("ok", ANSWER))


def test_without_the_usual_name_the_first_site_counts() -> None:
    """A renamed Default Web Site keeps its number."""
    answer = [ANSWER[0], {"kind": "site", "id": "1", "name": "Mail", "directory": "C:\\logs"}]

    assert "C:\\logs\\W3SVC1" == read(Answering("ok", answer)).owa


@pytest.mark.parametrize("answer", [None, [], [{"kind": "host"}], [*ANSWER, {"kind": "disk"}], ["text"]])
def test_other_answers_are_refused(answer: object) -> None:
    """What the script can't have printed isn't guessed at."""
    with pytest.raises(HostError, match="log folders can't be read"):
        read(Answering("ok", answer))


def test_a_failure_on_the_host_names_the_host() -> None:
    """So that the caller can fall back to the defaults and say why."""
    failure = {"message": "no such cmdlet", "category": "ObjectNotFound", "identifier": "CommandNotFoundException"}
    with pytest.raises(HostError, match="no such cmdlet") as caught:
        read(Answering("failed", failure | {"type": "x", "line": 3}))

    assert "ex01" == caught.value.host


def test_the_script_asks_only_what_the_roles_have() -> None:
    """An Edge server has neither IIS nor the front-end's cmdlets."""
    script = log_folders.script(TARGET, frozenset({"edge_transport"}))

    assert ({"Get-ReceiveConnector", "Get-SendConnector", "Get-TransportService"}, False) == (
        script.cmdlets,
        script.web,
    )
    assert "if ($false) {" in script.text
