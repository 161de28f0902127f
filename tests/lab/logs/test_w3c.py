"""IIS's logs follow the site's settings and have the form that http.sys gives them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from harness.lab.logs.w3c import COLUMNS, WebLogs, WebRequest
from harness.lab.state.iis import FIELDS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from harness.lab.machine import Machine
    from tests.lab.conftest import Drive, FakeClock

    Request = Callable[..., None]

FOLDER = "C:\\inetpub\\logs\\LogFiles\\W3SVC1\\"
DAILY = FOLDER + "u_ex261123.log"
DEFAULT_COLUMNS = (
    "date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) "
    "sc-status sc-substatus sc-win32-status time-taken"
)


@pytest.fixture
def logs(machine: Machine, drive: Drive, clock: FakeClock) -> WebLogs:
    """A host's web logs, which are held back for long."""
    return WebLogs(machine, drive.spool, clock, 600.0)


@pytest.fixture
def request_(logs: WebLogs, clock: FakeClock) -> Request:
    """Log a request."""

    def request(site: int = 1, headers: dict[str, str] | None = None, **values: str) -> None:
        named = {name.replace("_", "-"): value for name, value in values.items()}
        logs.log(WebRequest(clock(), site, named, headers or {}))

    return request


def test_every_field_has_a_column(machine: Machine, request_: Request, drive: Drive) -> None:
    """With all flags on, each column is there once, in the order of http.sys and not in that of the flags."""
    machine.iis.set_log_file(1, "logExtFileFlags", ",".join(reversed(FIELDS)))
    request_(cs_method="GET", cs_version="HTTP/1.1")

    header = drive.text(DAILY).split("\r\n")[3]

    assert set(FIELDS) == set(COLUMNS)
    assert (
        "#Fields: date time s-sitename s-computername s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip "
        "cs-version cs(User-Agent) cs(Cookie) cs(Referer) cs-host sc-status sc-substatus sc-win32-status sc-bytes "
        "cs-bytes time-taken"
    ) == header
    assert ("W3SVC1", "EX01", "HTTP/1.1") == tuple(
        drive.w3c(DAILY)[0][name] for name in ("s-sitename", "s-computername", "cs-version")
    )


def test_a_new_server_logs_without_the_version(request_: Request, drive: Drive) -> None:
    """The default fields; #Date is the first row's; lines end with CRLF."""
    request_(cs_method="GET", cs_version="HTTP/1.1")

    assert [
        "#Software: Microsoft Internet Information Services 10.0",
        "#Version: 1.0",
        "#Date: 2026-11-23 14:59:59",
        f"#Fields: {DEFAULT_COLUMNS}",
        "2026-11-23 14:59:59 - GET - - - - - - - - - - -",
        "",
    ] == drive.text(DAILY).split("\r\n")


def test_a_field_that_is_switched_on_repeats_the_header_in_mid_file(
    machine: Machine, request_: Request, drive: Drive
) -> None:
    """Rows before it keep the old layout, those after it have the new one; switched off again, the old one is back."""
    default = str(machine.iis.log_file(1)["logExtFileFlags"])
    for flags in (default, f"{default},ProtocolVersion", default):
        machine.iis.set_log_file(1, "logExtFileFlags", flags)
        request_(cs_version="HTTP/1.1")
        request_(cs_version="HTTP/2.0")

    rows = drive.w3c(DAILY)

    assert 3 == drive.text(DAILY).count("#Fields: ")
    assert [None, None, "HTTP/1.1", "HTTP/2.0", None, None] == [row.get("cs-version") for row in rows]


def test_a_restart_of_the_web_service_repeats_the_header(machine: Machine, request_: Request, drive: Drive) -> None:
    """As iisreset does."""
    request_()
    machine.services.restart("W3SVC")
    request_()

    assert 2 == drive.text(DAILY).count("#Fields: ")
    assert 2 == len(drive.w3c(DAILY))


@pytest.mark.parametrize(
    ("name", "value"), [("enabled", False), ("logFormat", "IIS"), ("logTargetW3C", "ETW"), ("logFormat", "NCSA")]
)
def test_no_file(machine: Machine, request_: Request, drive: Drive, name: str, value: object) -> None:
    """Logging is off, of another format, or goes to event tracing alone."""
    machine.iis.set_log_file(1, name, value)
    request_()

    assert [] == drive.paths()


def test_a_central_log_is_not_the_sites(machine: Machine, request_: Request, drive: Drive) -> None:
    """With one log for the whole server a site has no file."""
    machine.iis.set_log("centralLogFileMode", "CentralW3C")
    request_()

    assert [] == drive.paths()


def test_file_beside_event_tracing(machine: Machine, request_: Request, drive: Drive) -> None:
    """Both targets at once are possible."""
    machine.iis.set_log_file(1, "logTargetW3C", "File,ETW")
    request_()

    assert [DAILY] == drive.paths()


@pytest.mark.parametrize(
    ("period", "names"),
    [
        ("Hourly", ["u_ex26112314.log", "u_ex26112315.log"]),
        ("Daily", ["u_ex261123.log"]),
        ("Weekly", ["u_ex261104.log"]),
        ("Monthly", ["u_ex2611.log"]),
    ],
)
def test_names(
    machine: Machine, request_: Request, drive: Drive, clock: FakeClock, *, period: str, names: list[str]
) -> None:
    """A file's name is its rows' period, in UTC, although they are written later."""
    machine.iis.set_log_file(1, "period", period)
    request_()
    clock.pass_time(seconds=1)
    request_()

    assert [FOLDER + name for name in names] == drive.paths()


def test_next_day(request_: Request, drive: Drive, clock: FakeClock) -> None:
    """A row of the day before that is written after midnight stays in its own day's file."""
    clock.pass_time(hours=9)
    request_(cs_method="GET")
    clock.pass_time(hours=1)
    request_(cs_method="POST")

    assert [["GET"], ["POST"]] == [
        [row["cs-method"] for row in drive.w3c(FOLDER + name)] for name in ("u_ex261123.log", "u_ex261124.log")
    ]


def test_files_told_apart_by_a_number(machine: Machine, request_: Request, drive: Drive) -> None:
    """By size alone: the next number once the file is full."""
    machine.iis.set_log_file(1, "period", "MaxSize")
    machine.iis.set_log_file(1, "truncateSize", 1048576)
    for _ in range(3):
        request_(cs_uri_query="x" * 600_000)

    assert [f"{FOLDER}u_extend{number}.log" for number in (1, 2, 3)] == drive.paths()


def test_names_without_utf8(machine: Machine, request_: Request, drive: Drive) -> None:
    """The prefix says that a file is in UTF-8."""
    machine.iis.set_log("logInUTF8", "false")
    request_()

    assert [FOLDER + "ex261123.log"] == drive.paths()


def test_columns_of_the_sites_owner(machine: Machine, request_: Request, drive: Drive) -> None:
    """They come last, and the file's name says so."""
    with machine.store.change() as document:
        added = {"logFieldName": "X-Forwarded-For", "sourceName": "x-forwarded-for", "sourceType": "RequestHeader"}
        document["iis"]["sites"][0]["logFile"]["customFields"] = [added]
    request_(headers={"x-forwarded-for": "198.51.100.7"})

    path = FOLDER + "u_ex261123_x.log"

    assert [path] == drive.paths()
    assert ("X-Forwarded-For", "198.51.100.7") == list(drive.w3c(path)[0].items())[-1]


def test_directory(machine: Machine, request_: Request, drive: Drive) -> None:
    """Environment variables are put in, whatever their case; a folder per site."""
    machine.iis.set_log_file(1, "directory", "%SYSTEMDRIVE%\\Logs\\%nonsense%")
    request_(2)
    request_(1)

    assert [
        "C:\\Logs\\%nonsense%\\W3SVC1\\u_ex261123.log",
        "C:\\inetpub\\logs\\LogFiles\\W3SVC2\\u_ex261123.log",
    ] == drive.paths()


def test_text_has_no_blanks(request_: Request, drive: Drive) -> None:
    """Blanks and control characters become a plus sign, nothing a dash; quotes stay."""
    request_(cs_uri_stem='/a b"\t', cs_uri_query="", **{"cs(User-Agent)": "Mozilla/5.0 (X11;\r\n é)"})

    row = drive.w3c(DAILY)[0]

    assert ('/a+b"+', "-", "Mozilla/5.0+(X11;+++é)") == (
        row["cs-uri-stem"],
        row["cs-uri-query"],
        row["cs(User-Agent)"],
    )


def test_rows_are_held_back_until_they_are_flushed(machine: Machine, request_: Request, tmp_path: Path) -> None:
    """Nothing is on disk before; netsh's flush writes everything and waits for it."""
    request_()
    path = tmp_path / "hosts/127.0.0.1/c/inetpub/logs/LogFiles/W3SVC1/u_ex261123.log"
    time.sleep(0.05)

    assert not path.exists()

    for hook in machine.flush_hooks:
        hook()

    assert path.exists()


def test_rows_are_written_once_there_are_enough_of_them(machine: Machine, request_: Request, tmp_path: Path) -> None:
    """flushByEntryCountW3CLog."""
    machine.iis.set_log_file(1, "flushByEntryCountW3CLog", 2)
    path = tmp_path / "hosts/127.0.0.1/c/inetpub/logs/LogFiles/W3SVC1/u_ex261123.log"
    request_()
    time.sleep(0.05)

    assert not path.exists()

    request_()
    until = time.monotonic() + 5
    while not path.exists() and time.monotonic() < until:
        time.sleep(0.01)

    assert path.exists()
