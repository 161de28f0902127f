"""Message tracking follows the transport service's settings and has Exchange 2016's form."""

from __future__ import annotations

from pathlib import PureWindowsPath
from typing import TYPE_CHECKING

import pytest

from harness.lab.logs.tracking import DELIVERY, FIELDS, SUBMISSION, TRANSPORT, Tracking, TrackingEvent
from harness.lab.state.transport import TRANSPORT_SERVICE

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.lab.machine import Machine
    from harness.lab.store import Json
    from tests.lab.conftest import Drive, FakeClock

    Track = Callable[..., None]

STOCK = "C:\\Program Files\\Microsoft\\Exchange Server\\V15\\TransportRoles\\Logs\\MessageTracking\\"


def set_transport(machine: Machine, **settings: Json) -> None:
    """Set the transport service, as Set-TransportService does."""
    with machine.store.change():
        for name, value in settings.items():
            machine.transport(TRANSPORT_SERVICE).set(name, value)


@pytest.fixture
def track(machine: Machine, drive: Drive, clock: FakeClock) -> Track:
    """Track an event."""
    tracking = Tracking(machine, drive.spool, clock)

    def track(service: str = TRANSPORT, **cells: str) -> None:
        named = {name.replace("_", "-"): value for name, value in cells.items()}
        tracking.track(TrackingEvent(service, clock(), named))
        drive.spool.flush()

    return track


def test_file_begins_with_the_five_lines_of_exchange_2016(track: Track, drive: Drive) -> None:
    """Readers bind columns by #Fields; each line ends with CRLF."""
    track(event_id="RECEIVE")

    lines = drive.text(STOCK + "MSGTRK2026112314-1.LOG").split("\r\n")

    assert [
        "#Software: Microsoft Exchange Server",
        "#Version: 15.01.2507.006",
        "#Log-type: Message Tracking Log",
        "#Date: 2026-11-23T14:59:59.250Z",
        f"#Fields: {','.join(FIELDS)}",
    ] == lines[:5]
    assert 30 == len(FIELDS)
    assert (7, "") == (len(lines), lines[-1])


def test_values_that_hold_separators_come_back_whole(track: Track, drive: Drive) -> None:
    """Commas, quotes and line breaks in a subject are quoted; everything else stays bare."""
    subject = 'a "b", c\r\nd ü'
    track(message_subject=subject, sender_address="ann@example.net")
    track(message_subject="plain; text", message_info="04I: ")

    rows = drive.rows(STOCK + "MSGTRK2026112314-1.LOG")
    text = drive.text(STOCK + "MSGTRK2026112314-1.LOG")

    assert [(subject, ""), ("plain; text", "04I: ")] == [(row["message-subject"], row["message-info"]) for row in rows]
    assert 1 == text.count('"a ""b"", c\r\nd ü"')
    assert ",plain; text," in text


def test_each_service_has_its_own_files(track: Track, drive: Drive) -> None:
    """Transport, delivery and submission."""
    for service in (TRANSPORT, DELIVERY, SUBMISSION):
        track(service)

    names = [f"{STOCK}{prefix}2026112314-1.LOG" for prefix in ("MSGTRK", "MSGTRKMD", "MSGTRKMS")]

    assert names == drive.paths()


def test_nothing_is_tracked_while_tracking_is_off(machine: Machine, track: Track, drive: Drive) -> None:
    """No file either; once it is on again, events are tracked again."""
    set_transport(machine, MessageTrackingLogEnabled=False)
    track()

    assert [] == drive.paths()

    set_transport(machine, MessageTrackingLogEnabled=True)
    track()

    assert [STOCK + "MSGTRK2026112314-1.LOG"] == drive.paths()


def test_a_moved_folder_counts_from_the_next_event(machine: Machine, track: Track, drive: Drive) -> None:
    """The new folder is made; what was written stays where it is."""
    track()
    set_transport(machine, MessageTrackingLogPath="C:\\Logs\\Tracking")
    track()

    assert ["C:\\Logs\\Tracking\\MSGTRK2026112314-1.LOG", STOCK + "MSGTRK2026112314-1.LOG"] == drive.paths()


def test_no_folder_is_no_log(machine: Machine, track: Track, drive: Drive) -> None:
    """A path of $null switches tracking off."""
    set_transport(machine, MessageTrackingLogPath=None)
    track()

    assert [] == drive.paths()


def test_subjects_are_left_out_when_they_are_not_to_be_logged(machine: Machine, track: Track, drive: Drive) -> None:
    """The column stays."""
    set_transport(machine, MessageTrackingLogSubjectLoggingEnabled=False)
    track(message_subject="secret")

    assert [""] == [row["message-subject"] for row in drive.rows(STOCK + "MSGTRK2026112314-1.LOG")]


def test_an_hour_later_there_is_a_new_file(track: Track, drive: Drive, clock: FakeClock) -> None:
    """Names carry the hour in UTC; the new file has a header of its own."""
    track(message_id="<1>")
    clock.pass_time(seconds=1)
    track(message_id="<2>")

    names = [f"{STOCK}MSGTRK20261123{hour}-1.LOG" for hour in ("14", "15")]

    assert names == drive.paths()
    assert [["<1>"], ["<2>"]] == [[row["message-id"] for row in drive.rows(name)] for name in names]


def test_a_full_file_is_followed_by_the_next_number(machine: Machine, track: Track, drive: Drive) -> None:
    """No file is larger than allowed, and no event is lost: 12 events of which four fit into 2 KB with the header."""
    set_transport(machine, MessageTrackingLogMaxFileSize=2048)
    for number in range(12):
        track(message_id=f"<{number}>", custom_data="x" * 200)

    paths = sorted(drive.paths(), key=len)
    sizes = [len(drive.text(path).encode()) for path in paths]
    found = [row["message-id"] for path in paths for row in drive.rows(path)]

    assert [f"{STOCK}MSGTRK2026112314-{number}.LOG" for number in range(1, len(paths) + 1)] == paths
    assert len(paths) > 2
    assert max(sizes) <= 2048
    assert [f"<{number}>" for number in range(12)] == found


def test_a_service_that_starts_again_goes_on_with_its_newest_file(
    machine: Machine, drive: Drive, clock: FakeClock
) -> None:
    """The header isn't repeated; the tenth file is newer than the ninth."""
    for number in (9, 10):
        path = drive.files.local(PureWindowsPath(f"{STOCK}MSGTRK2026112314-{number}.LOG"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("#Fields: date-time\r\n")
    tracking = Tracking(machine, drive.spool, clock)
    tracking.track(TrackingEvent(TRANSPORT, clock(), {}))

    assert 1 == drive.text(STOCK + "MSGTRK2026112314-10.LOG").count("#")
    assert "2026-11-23T14:59:59.250Z" in drive.text(STOCK + "MSGTRK2026112314-10.LOG")


def test_an_existing_folder_of_other_case_is_used(machine: Machine, track: Track, drive: Drive) -> None:
    """Windows knows one folder by every spelling."""
    set_transport(machine, MessageTrackingLogPath="C:\\Logs\\Tracking")
    track()
    set_transport(machine, MessageTrackingLogPath="c:\\LOGS\\tracking")
    track()

    assert ["C:\\Logs\\Tracking\\MSGTRK2026112314-1.LOG"] == drive.paths()
    assert 2 == len(drive.rows("C:\\Logs\\Tracking\\MSGTRK2026112314-1.LOG"))


def test_a_path_that_cannot_be_written_costs_the_lines_not_the_service(
    machine: Machine, track: Track, drive: Drive, caplog: pytest.LogCaptureFixture
) -> None:
    """A share as the folder isn't simulated: it says so, and later events are tracked."""
    set_transport(machine, MessageTrackingLogPath="\\\\nas\\logs")
    track()
    set_transport(machine, MessageTrackingLogPath="C:\\Logs")
    track()

    assert ["C:\\Logs\\MSGTRK2026112314-1.LOG"] == drive.paths()
    assert ["1 log lines are lost: \\\\nas\\logs\\ is not on a drive of this host"] == [
        record.getMessage() for record in caplog.records
    ]
