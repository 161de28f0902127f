"""`harness collect` against a real Samba."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from .conftest import ADDRESS, OWA, OWA_HEADER, SMTP, SMTP_HEADER, TRACKING, owa_row, smtp_row

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .conftest import Collecting

RECEIVE = f"{SMTP}/RECV2023112314-1.LOG"
IIS = f"{OWA}/u_ex231123.log"
BROKEN = b"no row at all\r\n"


def wait_for(condition: Callable[[], bool], seconds: float = 20.0) -> bool:
    """Wait until something holds."""
    ends = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > ends:
            return False
        time.sleep(0.05)
    return True


def stems(output: Path) -> list[str]:
    """The requested paths in an output of JSON lines."""
    text = output.read_text() if output.exists() else ""
    return [json.loads(line)["fields"]["cs-uri-stem"] for line in text.splitlines(keepends=True) if line.endswith("\n")]


def quarantined(output: Path) -> Path:
    """The file beside an output."""
    return output.with_name(f"{output.name}.quarantine.jsonl")


def closed_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind((ADDRESS, 0))
        return int(listener.getsockname()[1])


def test_events_to_standard_output(collecting: Collecting) -> None:
    """JSON lines alone on standard output, with host, log source, mapped fields and columns; counts on the other."""
    collecting.write(RECEIVE, SMTP_HEADER + smtp_row("250 hello") + BROKEN)
    collecting.write(IIS, OWA_HEADER + owa_row("/owa/"))
    ended = collecting.run()
    owa, smtp = ended.events

    assert 0 == ended.code
    assert ("ex01.corp.example", "OWA", "GET 200", "CORP\\jane", "192.0.2.9", "2023-11-23T14:00:01.000Z") == (
        owa["log_source"],
        owa["family"],
        owa["event_id"],
        owa["username"],
        owa["source_ip"],
        owa["device_time"],
    )
    assert ("ex01.corp.example-frontend", "SMTP", f"c$/{RECEIVE}", 6, "250 hello") == (
        smtp["log_source"],
        smtp["family"],
        smtp["file"],
        smtp["line"],
        smtp["fields"]["data"],
    )
    assert "RECV2023112314-1.LOG:7: the row has 1 values" in ended.err
    assert "ex01.corp.example: SMTP, 1 event, 1 place that couldn't be read" in ended.err
    assert "ex01.corp.example: defaults of Exchange 2016" in ended.err


def test_a_run_goes_on_where_the_last_one_ended(collecting: Collecting) -> None:
    """Each line once in the file, also one that was half there; what can't be read once beside it."""
    output = collecting.folder / "events.jsonl"
    collecting.write(IIS, OWA_HEADER + owa_row("/1") + BROKEN + owa_row("/2")[:30])
    first = collecting.run("-o", output)
    collecting.append(IIS, owa_row("/2")[30:] + owa_row("/3"))
    second = collecting.run("-o", output)
    quarantine = [json.loads(line) for line in quarantined(output).read_text().splitlines()]

    assert (0, 0, b"", b"") == (first.code, second.code, first.out, second.out)
    assert ["/1", "/2", "/3"] == stems(output)
    assert [(f"c$/{IIS}", 6, "width", "no row at all")] == [
        (item["file"], item["line"], item["fault"], item["head"]) for item in quarantine
    ]


def test_payloads(collecting: Collecting) -> None:
    """One a line, as the protocol forwards them, with the host's address as SourceIp."""
    collecting.write(RECEIVE, SMTP_HEADER + smtp_row("250 hello"))
    (line,) = collecting.run("--format", "payload").out.decode().splitlines()
    prefix = [f"SourceIp={ADDRESS}", "AgentDevice=WindowsExchange", "AgentLogFile=RECV2023112314-1.LOG"]

    assert [*prefix, "AgentLogFormat=SMTP"] == line.split("\t")[:4]
    assert "data=250 hello" in line.split("\t")


def test_family(collecting: Collecting) -> None:
    """Only what was asked for is polled."""
    collecting.write(RECEIVE, SMTP_HEADER + smtp_row("250 hello"))
    collecting.write(IIS, OWA_HEADER + owa_row("/owa/"))

    assert ["OWA"] == [event["family"] for event in collecting.run("--family", "owa").events]


def test_mapping(collecting: Collecting) -> None:
    """A mapping of the user's is laid over the shipped one."""
    mapping = collecting.folder / "own.yml"
    mapping.write_text(
        'format: owa\nusername:\n  provenance: "chosen: test"\n  candidates:\n    - field: cs-uri-stem\n'
    )
    collecting.write(IIS, OWA_HEADER + owa_row("/owa/"))

    assert ["/owa/"] == [event["username"] for event in collecting.run("--mapping", mapping).events]


def test_since_now(collecting: Collecting) -> None:
    """What was there is left out, what comes is read under its header, and a later file is read whole."""
    output = collecting.folder / "events.jsonl"
    collecting.write(IIS, OWA_HEADER + owa_row("/old") + owa_row("/new")[:20])
    codes = [collecting.run("-o", output, "--since-now", "--family", "OWA").code]
    empty = stems(output)
    collecting.append(IIS, owa_row("/new")[20:])
    collecting.write(f"{OWA}/u_ex231124.log", OWA_HEADER + owa_row("/next"))
    codes.append(collecting.run("-o", output, "--since-now", "--family", "OWA").code)

    assert ([0, 0], []) == (codes, empty)
    assert ["/new", "/next"] == stems(output)


def test_since_now_with_a_folder_that_comes_later(collecting: Collecting) -> None:
    """There was nothing to leave out, so all of it counts."""
    output = collecting.folder / "events.jsonl"
    (collecting.share / OWA).parent.mkdir(parents=True)
    collecting.run("-o", output, "--since-now", "--family", "OWA")
    collecting.write(IIS, OWA_HEADER + owa_row("/first"))
    collecting.run("-o", output, "--since-now", "--family", "OWA")

    assert ["/first"] == stems(output)


def test_room_that_iis_made_is_no_line(collecting: Collecting) -> None:
    """Zero bytes at the end become lines later; each of those comes once, and nothing comes twice."""
    output = collecting.folder / "events.jsonl"
    collecting.write(IIS, OWA_HEADER + owa_row("/1") + bytes(1000))
    collecting.run("-o", output, "--family", "OWA")
    with (collecting.share / IIS).open("r+b") as stream:
        stream.seek(len(OWA_HEADER + owa_row("/1")))
        stream.write(owa_row("/2"))
    collecting.run("-o", output, "--family", "OWA")

    assert ["/1", "/2"] == stems(output)
    assert "" == quarantined(output).read_text()


def test_follow_ends_with_ctrl_c(collecting: Collecting) -> None:
    """Lines that come are written within a poll or two; Ctrl-C ends it at once, and that is no failure."""
    output = collecting.folder / "events.jsonl"
    collecting.write(IIS, OWA_HEADER + owa_row("/1"))
    process = collecting.start("--follow", "--interval", "0.2", "-o", output)
    try:
        first = wait_for(lambda: stems(output) == ["/1"])
        collecting.append(IIS, owa_row("/2"))
        second = wait_for(lambda: stems(output) == ["/1", "/2"])
        process.send_signal(signal.SIGINT)
        begun = time.monotonic()
        _, err = process.communicate(timeout=15)
    finally:
        process.kill()

    assert (True, True, 0) == (first, second, process.returncode), err
    assert time.monotonic() - begun < 5
    assert b"2 events written to" in err


def test_interrupted_once(collecting: Collecting) -> None:
    """A single run that is interrupted says so by its code; here the throttle keeps it busy."""
    collecting.write(IIS, OWA_HEADER + b"".join(owa_row(f"/{number}") for number in range(2000)))
    process = collecting.start("--throttle", "1", out=subprocess.PIPE)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=15)
    finally:
        process.kill()

    assert 130 == process.returncode


def test_a_reader_that_has_seen_enough(collecting: Collecting) -> None:
    """As `| head -1` does: no traceback, no failure."""
    collecting.write(IIS, OWA_HEADER + b"".join(owa_row(f"/{number}") for number in range(20000)))
    with collecting.start() as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        err = process.stderr.read()
        process.wait(timeout=15)

    assert (0, False) == (process.returncode, b"Error" in err), err


def test_two_collectors_of_one_state(collecting: Collecting) -> None:
    """The second one is refused, since everything would come twice."""
    output = collecting.folder / "events.jsonl"
    process = collecting.start("--follow", "-o", output)
    try:
        assert wait_for((collecting.folder / "events.jsonl.state" / "positions.db").exists)
        time.sleep(0.5)
        second = collecting.run("--follow", "-o", output)
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=15)

    assert 1 == second.code
    assert "another process collects" in second.err


def test_folders_that_are_missing(collecting: Collecting) -> None:
    """One that isn't there yet is said and no failure; a host without any is one, or a wrong path would pass."""
    none = collecting.run("--family", "MSGTRK")
    collecting.write(f"{TRACKING}/MSGTRK2023112314-1.LOG", b"")
    some = collecting.run("--family", "MSGTRK,OWA")

    assert (1, 0) == (none.code, some.code)
    assert "no folder 'Program Files'" in none.err
    assert "OWA: //ex01.corp.example/c$/inetpub" in some.err


def test_a_host_that_cannot_say_where_its_logs_are(collecting: Collecting) -> None:
    """Its version's default folders are polled, and it is said why; here WinRM answers at no port."""
    collecting.describe("winrm_user=jane", "winrm_password=env:COLLECT_PASSWORD", f"winrm_port={closed_port()}")
    collecting.ask = True
    collecting.write(IIS, OWA_HEADER + owa_row("/owa/"))
    ended = collecting.run("--family", "OWA")

    assert (0, 1) == (ended.code, len(ended.events)), ended.err
    assert "ex01.corp.example: defaults of Exchange 2016, because " in ended.err


def test_wrong_password(collecting: Collecting) -> None:
    """It is code 4, with what to do; and it isn't printed."""
    collecting.describe("smb_password=wrong-canary-0815")
    ended = collecting.run()

    assert 4 == ended.code
    assert "check user, domain and password" in ended.err
    assert "wrong-canary-0815" not in ended.err


def test_nobody_answers(collecting: Collecting) -> None:
    """It is code 4, and said once, not once for each folder."""
    collecting.describe(f"smb_port={closed_port()}")
    ended = collecting.run()

    assert 4 == ended.code
    assert 1 == ended.err.count("hint:")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--format", "parquet"], "Parquet needs a file"),
        (["--format", "parquet", "-o", "x", "--follow"], "--follow doesn't go with Parquet"),
        (["--family", "OWA,POP3"], "there is no family POP3"),
        (["--since-now"], "nothing could come of this"),
        (["--limit", "ex99"], "ex99"),
        (["--mapping", "missing.yml"], "missing.yml"),
    ],
)
def test_wrong_options(collecting: Collecting, arguments: list[str], message: str) -> None:
    """Nothing is touched, and the message says what is wrong."""
    ended = collecting.run(*arguments)

    assert 3 == ended.code
    assert message in ended.err


def test_no_password(collecting: Collecting) -> None:
    """The inventory's line is named."""
    text = collecting.inventory.read_text()
    collecting.inventory.write_text(text.replace("smb_password=env:COLLECT_PASSWORD", ""))
    ended = collecting.run()

    assert 3 == ended.code
    assert "reading logs over SMB needs a password" in ended.err
