"""``harness parse``: what the user sees."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from harness.cli.parse import parse_command
from harness.errors import InputError

if TYPE_CHECKING:
    from click.testing import Result

CASES = Path(__file__).parent.parent / "cases" / "events"
TRACKING = CASES / "msgtrk" / "exchange2016" / "MSGTRK2018112722-1.LOG"
CRASH = CASES / "msgtrk" / "crash" / "MSGTRK2018112722-4.LOG"
OWA = CASES / "owa" / "fields-change" / "u_ex240131.log"


def run(*arguments: str | Path, data: bytes = b"") -> Result:
    """Run the command."""
    return CliRunner().invoke(parse_command, [str(argument) for argument in arguments], input=data)


def problems(result: Result) -> list[str]:
    """Give what the command refused its input for."""
    assert isinstance(result.exception, InputError)
    return [str(problem) for problem in result.exception.problems]


def test_events_of_a_file() -> None:
    """One line per event on standard output, the counts on standard error."""
    result = run(TRACKING)

    assert 0 == result.exit_code
    assert 6 == len(result.stdout.splitlines())
    expected = (
        "2018-11-27T22:40:02.966Z  MSGTRK  SENDEXTERNAL  10.4.11.100 -> 192.168.25.195  admin3@qradar.domain.test"
    )
    assert expected == result.stdout.splitlines()[0]
    assert "msgtrk, 6 events, 0 lines that couldn't be read, 1 events with a mapped field" in result.stderr


def test_json_stands_alone_on_standard_output() -> None:
    """Every line is one object; fields, offset and payload are in it."""
    result = run("--output", "json", "--payload", "--source-ip", "192.0.2.9", OWA)
    events = [json.loads(line) for line in result.stdout.splitlines()]

    assert ["GET 200", "POST 302", "GET 200", "GET 401"] == [event["event_id"] for event in events]
    assert "HTTP/1.1" == events[1]["fields"]["cs-version"]
    assert events[0]["payload"].startswith(
        "SourceIp=192.0.2.9\tAgentDevice=WindowsExchange\tAgentLogFile=u_ex240131.log"
    )
    assert OWA.read_bytes()[events[1]["offset"] :].startswith(b"2024-01-31 08:10:02")


def test_standard_input_and_several_files() -> None:
    """``-`` reads standard input, recognised from its header."""
    result = run("-", OWA, data=TRACKING.read_bytes())

    assert 10 == len(result.stdout.splitlines())
    assert "-: msgtrk, 6 events" in result.stderr


def test_what_cant_be_read_is_shown_with_its_reason() -> None:
    """Quarantined lines come out on standard error with file, line, offset and reason; the exit code stays 0."""
    result = run(CRASH)

    assert 0 == result.exit_code
    assert f"{CRASH}:16: the row has 30 values where #Fields (line 12) names 26, at byte " in result.stderr
    assert 3 == len(result.stdout.splitlines())


def test_payload_lines() -> None:
    """Payloads come out as forwarded, one line each, even of a record that spans lines."""
    lines = run("--payload", TRACKING).stdout.splitlines()

    assert 6 == len(lines)
    assert "\tmessage-subject=first line second line\t" in lines[2]


@pytest.mark.parametrize(
    ("line", "subject"), [(8, b'"first line\r\nsecond line"'), (9, b'"first line\r\nsecond line"')]
)
def test_explain(line: int, subject: bytes) -> None:
    """The explanation's byte offsets are those of the file, from any line of a record."""
    result = run("--explain", str(line), "--output", "json", TRACKING)
    [shown] = [json.loads(text) for text in result.stdout.splitlines()]
    data = TRACKING.read_bytes()
    columns = {field["field"]: field["columns"] for field in shown["fields"]}
    taken = {
        field: data[found[0]["offset"] : found[0]["offset"] + found[0]["length"]]
        for field, found in columns.items()
        if found
    }

    assert subject in data[shown["offset"] : shown["offset"] + shown["length"]]
    assert b"RECEIVE" == taken["event_id"]
    assert b"bob@example.com" == taken["username"]
    assert b"10.4.11.100" == taken["source_ip"]
    assert b"2018-11-27T22:40:04.000Z" == taken["device_time"]


def test_explain_as_text() -> None:
    """Column, bytes, transforms and the mapping's line are named."""
    text = run("--explain", "7", TRACKING).stdout

    assert "destination_ip: fe80::1\n" in text
    assert "then   strip-zone -> fe80::1\n" in text
    assert "by     harness/events/mappings/msgtrk.yml:" in text


@pytest.mark.parametrize(
    ("line", "message"),
    [(1, "a header or a blank line"), (14, "a header or a blank line"), (16, "the row has 30 values")],
)
def test_explain_a_line_that_is_no_event(line: int, message: str) -> None:
    """A line that became nothing says why."""
    assert message in run("--explain", str(line), CRASH).stdout


def test_explain_a_line_that_isnt_there() -> None:
    """A number beyond the file's end is the user's mistake."""
    assert [f"{OWA}: the file has 13 lines, so there is no line 99"] == problems(run("--explain", "99", OWA))


def test_mapping_of_the_users(tmp_path: Path) -> None:
    """A mapping given on the command line counts."""
    file = tmp_path / "m.yml"
    file.write_text("format: msgtrk\nusername: {provenance: 'chosen: x', candidates: [{field: sender-address}]}\n")

    assert "admin1@qradar.domain.test" in run("--mapping", file, TRACKING).stdout.splitlines()[0]


def test_input_that_isnt_any_log(tmp_path: Path) -> None:
    """What isn't recognised, isn't there or holds no readable row is refused with exit code 3, each with its reason."""
    notes = tmp_path / "notes.txt"
    notes.write_text("hello\n")
    headless = tmp_path / "MSGTRK20240131-1.LOG"
    headless.write_text("no header here\n")
    result = run(notes, tmp_path / "none.log", headless, TRACKING)

    found = problems(result)
    assert 3 == len(found)
    assert "isn't recognised" in found[0]
    assert "can't be read" in found[1]
    assert "none of the file's rows could be read" in found[2]
    assert 3 == InputError.exit_code
    assert 6 == len(result.stdout.splitlines())


def test_control_characters_dont_reach_the_terminal() -> None:
    """Whoever writes escape sequences into a log can't steer the terminal of the one who reads it."""
    fields = b"#Fields: date time cs-method sc-status cs-username c-ip s-ip\n"
    data = fields + b"2024-01-31 08:00:00 GET 200 a\x1b[2Jb\xc2\x9bm - -\nx\x1b\n"
    result = run("-", data=data)

    assert "a\\x1b[2Jb\\x9bm" in result.stdout
    assert "\x1b" not in result.stdout + result.stderr


PROGRAM = "from harness.cli.parse import parse_command; parse_command()"
PEAK = """
import pathlib, re, sys
from harness.cli.parse import parse_command
try:
    parse_command()
finally:
    print(re.search(r"VmHWM:\\s+(\\d+)", pathlib.Path("/proc/self/status").read_text())[1], file=sys.stderr)
"""


def big_log(file: Path, megabytes: int) -> Path:
    """Write a log of that size."""
    lines = OWA.read_bytes().splitlines(keepends=True)
    header, row = b"".join(lines[:4]), lines[4]
    with file.open("wb") as out:
        out.write(header)
        for _ in range(megabytes):
            out.write(row * (1_000_000 // len(row)))
    return file


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_closed_pipe_ends_quietly(tmp_path: Path, unbuffered: str) -> None:
    """``| head`` ends the command without a traceback and without an error, and what wasn't taken isn't counted."""
    log = big_log(tmp_path / "u_ex240131.log", 4)
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(log)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": unbuffered},
    ) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.readline()
        process.stdout.close()
        errors = process.stderr.read()

    assert (0, "") == (process.returncode, errors)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="a process's peak of memory is read from /proc")
def test_memory_doesnt_grow_with_the_file(tmp_path: Path) -> None:
    """A file of 24 MB takes hardly more memory than one of 4 MB."""
    peaks = []
    for megabytes in (4, 24):
        log = big_log(tmp_path / f"u_ex{megabytes}.log", megabytes)
        done = subprocess.run(
            [sys.executable, "-c", PEAK, str(log)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=True,
        )
        peaks.append(int(done.stderr.split()[-1]))

    assert peaks[1] < peaks[0] * 1.2


def test_the_encoding_is_the_one_that_is_named() -> None:
    """A name in a code page comes out as UTF-8; an encoding that can't be read is refused before a file is opened."""
    log = b"#Fields: date time cs-method cs-username sc-status\r\n2024-01-31 08:00:00 GET CORP\\J\xfcrgen 200\r\n"
    result = run("--encoding", "windows-1252", "-", data=log)
    refused = run("--encoding", "UTF-16", "nowhere.log")
    unknown = run("--encoding", "UFT-8", "nowhere.log")

    assert "CORP\\Jürgen" in result.stdout
    assert ["--encoding: logs in the encoding 'UTF-16' can't be read"] == [
        text.partition(":")[0] + ":" + text.partition(":")[2].split(":")[0] for text in problems(refused)
    ]
    assert "did you mean 'UTF-8'?" in problems(unknown)[0]


@pytest.mark.parametrize("engine", ["strict", "fast"])
def test_summary_counts_kinds(engine: str) -> None:
    """How many events there are of each event ID, and none of the events; the same with either engine."""
    if engine == "fast":
        pytest.importorskip("numpy")
    text = run("--summary", "--engine", engine, TRACKING)
    shown = json.loads(run("--summary", "--engine", engine, "--output", "json", TRACKING).stdout)

    assert [["4", "RECEIVE"], ["1", "AGENTINFO"], ["1", "SENDEXTERNAL"]] == [
        line.split() for line in text.stdout.splitlines()
    ]
    assert {"RECEIVE": 4, "AGENTINFO": 1, "SENDEXTERNAL": 1} == shown["event_ids"]
    assert (6, 1, "msgtrk") == (shown["records"], shown["short"], shown["format"])


def test_engines_show_the_same(tmp_path: Path) -> None:
    """A log with many rows comes out the same, whichever engine reads it."""
    pytest.importorskip("numpy")
    log = tmp_path / TRACKING.name
    lines = TRACKING.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(lines[:5]) + b"".join(lines[5:]) * 40)
    strict, fast = (run("--engine", engine, "--output", "json", "--payload", log) for engine in ("strict", "fast"))

    assert 240 == len(strict.stdout.splitlines())
    assert (strict.stdout, strict.stderr) == (fast.stdout, fast.stderr)
