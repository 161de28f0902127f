"""What a playbook changes shows in the logs that simulated hosts write, and what it doesn't change doesn't."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.lab import traffic

if TYPE_CHECKING:
    from running_lab import RunningLab

HOST = "ex01.lab.example"
LOGS = "Program Files/Microsoft/Exchange Server/V15/TransportRoles/Logs"
WEB = "inetpub/logs/LogFiles/W3SVC1"


def _use(lab: RunningLab) -> None:
    """Make traffic, and have everything written."""
    traffic.send(lab.reached(HOST), 1)
    lab.host(HOST).spool.flush()


def _read(lab: RunningLab, folder: str) -> str:
    """Give the files of a folder of drive C, one after the other."""
    files = sorted((lab.drive(HOST) / folder).glob("**/*.*"))
    return "".join(path.read_text(encoding="utf-8") for path in files if path.is_file())


def test_logs_follow_the_playbook(lab: RunningLab) -> None:
    """On a new server IIS logs no version and no connector but the default front end is verbose; then it is otherwise.

    The web log has both layouts in one file. A connector that is set back is silent again, and so is tracking.
    """
    _use(lab)

    assert " cs-version " not in _read(lab, WEB)
    assert "Client Frontend" not in _read(lab, f"{LOGS}/FrontEnd/ProtocolLog/SmtpReceive")
    assert "" == _read(lab, f"{LOGS}/Hub")

    assert 0 == lab.run("apply").code
    _use(lab)

    web = _read(lab, WEB)

    assert [False, True] == [" cs-version " in line for line in web.splitlines() if line.startswith("#Fields")]
    assert 4 == web.count(" HTTP/1.1 ")
    assert "Client Frontend" in _read(lab, f"{LOGS}/FrontEnd/ProtocolLog/SmtpReceive")
    assert ",Internet," in _read(lab, f"{LOGS}/Hub/ProtocolLog/SmtpSend")
    assert "\\Default EX01," in _read(lab, f"{LOGS}/Hub/ProtocolLog/SmtpReceive")

    back = lab.playbook(
        "- hosts: all\n  tasks:\n"
        "    - receive_connector: {names: ['Default Frontend EX01'], protocol_logging: none}\n"
        "    - message_tracking: {enabled: false}\n"
    )
    before = [_read(lab, folder) for folder in (f"{LOGS}/MessageTracking", WEB)]
    silent = _read(lab, f"{LOGS}/FrontEnd/ProtocolLog/SmtpReceive").count("Default Frontend")
    assert 0 == lab.run("apply", "-p", back, "--limit", HOST).code
    _use(lab)
    after = [_read(lab, folder) for folder in (f"{LOGS}/MessageTracking", WEB)]

    assert [True, False] == [old == new for old, new in zip(before, after, strict=True)]
    assert silent == _read(lab, f"{LOGS}/FrontEnd/ProtocolLog/SmtpReceive").count("Default Frontend")
