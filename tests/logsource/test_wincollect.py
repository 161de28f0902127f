"""Log sources of Exchange 2003, which a WinCollect agent collects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from harness.errors import InputError
from harness.exchange.folders import Folders, SmtpFolders
from harness.inventory import load
from harness.logsource.derive import derive
from harness.logsource.schema import from_answers
from harness.logsource.wincollect import note, resolved

if TYPE_CHECKING:
    from pathlib import Path

    from harness.inventory import Host
    from harness.logsource.resolve import Resolved

LABELS = (
    "Log Source Identifier",
    "WinCollect Agent",
    "Local System",
    "Password",
    "OWA Log Folder Path",
    "SMTP Log Folder Path",
    "MSGTRK Log Folder Path",
)
AGENTS = [{"name": "EX03", "status": "RUNNING"}, {"name": "EX04", "status": "STOPPED"}]
INSIDE, OUTSIDE = {"id": 21, "name": "console", "internal": True}, {"id": 22, "name": "standby", "internal": False}


def _schema(labels: tuple[str, ...] = LABELS) -> Any:
    parameters = [{"id": number, "name": f"P{number}", "label": label} for number, label in enumerate(labels)]
    protocol = {"id": 7, "name": "WinCollect Microsoft Exchange", "parameters": parameters}
    types = [{"id": 99, "name": "Microsoft Exchange Server"}]
    return from_answers({"log_source_types": types, "protocol_types": [protocol]})


def _host(tmp_path: Path, line: str = "") -> Host:
    inventory = tmp_path / "inventory.ini"
    inventory.write_text(f"ex03.corp.example exchange_version=2003 {line}\n")
    return load(inventory).hosts["ex03.corp.example"]


def _resolved(
    host: Host, places: Any, *, agents: Any = AGENTS, folders: Folders | None = None, labels: tuple[str, ...] = LABELS
) -> Resolved:
    (source,) = derive(host, folders)
    return resolved(source, host, _schema(labels), agents, places)


def test_the_agent_reads_local_folders(tmp_path: Path) -> None:
    """As the server knows them, where the protocol of later versions takes a share."""
    found = _resolved(_host(tmp_path), [INSIDE, OUTSIDE])

    values = {each.console.label: each.value for each in found.parameters}
    assert {
        "Log Source Identifier": "ex03.corp.example",
        "WinCollect Agent": "EX03",
        "Local System": "true",
        "OWA Log Folder Path": "C:\\WINDOWS\\system32\\LogFiles\\W3SVC1\\",
        "SMTP Log Folder Path": "C:\\WINDOWS\\system32\\LogFiles\\SMTPSVC1\\",
        "MSGTRK Log Folder Path": "C:\\Program Files\\Exchsrvr\\EX03.log\\",
    } == values
    assert 21 == found.fields["wincollect_internal_destination_id"]
    assert "wincollect_external_destination_ids" not in found.fields


def test_folders_that_were_moved(tmp_path: Path) -> None:
    """Those that were read off the host count."""
    moved = Folders("%SystemDrive%\\W3", (SmtpFolders("hub", "D:\\Smtp", ""),), "", "the host", system_drive="E:")

    found = _resolved(_host(tmp_path), [INSIDE], folders=moved)

    values = {each.console.label: each.value for each in found.parameters}
    assert ("E:\\W3\\", "D:\\Smtp\\", "") == tuple(values[label] for label in LABELS[4:])


def test_folders_that_are_shared_for_others(tmp_path: Path) -> None:
    """A share that verify reads through is none of the agent's business: it stands on the server itself."""
    found = _resolved(_host(tmp_path, "smb_shares='iis=C:\\WINDOWS\\system32\\LogFiles'"), [INSIDE])

    values = {each.console.label: each.value for each in found.parameters}
    assert "C:\\WINDOWS\\system32\\LogFiles\\W3SVC1\\" == values["OWA Log Folder Path"]


def test_destinations_by_name(tmp_path: Path) -> None:
    """Internal and external ones have fields of their own."""
    host = _host(tmp_path, "logsource_wincollect_destinations=Standby,console")

    found = _resolved(host, [INSIDE, OUTSIDE])

    assert (21, [22]) == (
        found.fields["wincollect_internal_destination_id"],
        found.fields["wincollect_external_destination_ids"],
    )


@pytest.mark.parametrize(
    ("line", "agents", "places", "words"),
    [
        ("", [], [INSIDE], "the console has no WinCollect agent at all"),
        ("", [AGENTS[1]], [INSIDE], "no WinCollect agent named 'ex03'"),
        ("logsource_wincollect_agent=EX3", AGENTS, [INSIDE], "did you mean 'EX03'"),
        ("", AGENTS, [], "the console has none, so make one there first"),
        ("", AGENTS, [INSIDE, {**INSIDE, "id": 23, "name": "dc2"}], "the console has console, dc2"),
        ("logsource_wincollect_destinations=stanby", AGENTS, [INSIDE, OUTSIDE], "did you mean 'standby'"),
        (
            "logsource_wincollect_destinations=console,dc2",
            AGENTS,
            [INSIDE, {**INSIDE, "id": 23, "name": "dc2"}],
            "one internal WinCollect destination at most",
        ),
    ],
)
def test_what_isnt_registered(tmp_path: Path, line: str, agents: Any, places: Any, words: str) -> None:
    """Agents and destinations can't be made through the API, so a missing one is refused with what to do."""
    with pytest.raises(InputError) as caught:
        _resolved(_host(tmp_path, line), places, agents=agents)

    assert words in str(caught.value)
    assert "inventory.ini:1" in str(caught.value)


def test_a_protocol_that_calls_its_parameters_otherwise(tmp_path: Path) -> None:
    """What it has is listed, since nothing of it is documented."""
    with pytest.raises(InputError, match=r"no parameter 'WinCollect Agent' \(it has .*Agent of WinCollect"):
        _resolved(_host(tmp_path), [INSIDE], labels=("Agent of WinCollect", *LABELS[:1], *LABELS[2:]))


def test_an_agent_that_doesnt_run(tmp_path: Path) -> None:
    """It is told, and doesn't keep the log source from being made."""
    host = _host(tmp_path, "logsource_wincollect_agent=ex04")

    assert "the WinCollect agent EX04 of ex03.corp.example is STOPPED" == note(host, AGENTS)
    assert "" == note(_host(tmp_path), AGENTS)
