"""Log sources as the console's protocol polls them."""

from __future__ import annotations

import pytest

from harness.errors import FilePatternError, HarnessError, SharePathError
from harness.logsource.model import LogSource


def source(**values: object) -> LogSource:
    """A log source with given values."""
    usual = {"name": "Exchange @ ex01", "host": "ex01", "identifier": "ex01", "server_address": "10.0.0.7"}
    return LogSource(**(usual | values))  # type: ignore[arg-type]  # a misspelt field fails at once


def test_an_empty_folder_leaves_its_family_out() -> None:
    """As in the console's form."""
    polled = source(owa_folder="c$/inetpub/logs/LogFiles/W3SVC1/", msgtrk_folder="Tracking/").polled()

    assert [("OWA", "c$", "inetpub/logs/LogFiles/W3SVC1"), ("MSGTRK", "Tracking", "")] == [
        (folder.family, folder.share, folder.folder) for folder in polled
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("MSGTRK2018112722-1.LOG", True),
        ("MSGTRK20180101-10.log", True),
        ("MSGTRKMD2022091915-1.LOG", True),
        ("MSGTRKMS2022091915-1.LOG", True),
        ("MSGTRKMA2022091915-1.LOG", True),
        ("MSGTRKM20120105-1.LOG", False),
        ("MSGTRK2018112722-1.LOG.bak", False),
        ("OLDMSGTRK2018112722-1.LOG", False),
        ("MSGTRK2018112722-1.Log", False),
    ],
)
def test_tracking_patterns(name: str, expected: bool) -> None:
    """One folder is polled for all four patterns, and selects what the protocol's own defaults select."""
    (polled,) = source(msgtrk_folder="c$/Tracking/").polled()

    assert expected == polled.wants(name)


def test_parameters_reach_what_is_polled() -> None:
    """Polling goes by the definition, so that a wrong one shows before it is imported."""
    (polled,) = source(
        smtp_folder="d$/Logs/",
        smtp_pattern=r"RECV\d+-\d+\.LOG",
        recursive=False,
        force_file_read=True,
        polling_interval=30.0,
        throttle=5,
    ).polled()

    assert (False, True, 30.0, 5, r"RECV\d+-\d+\.LOG") == (
        polled.recursive,
        polled.force_file_read,
        polled.polling_interval,
        polled.throttle,
        polled.file_pattern,
    )


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"name": "x" * 256}, HarnessError),
        ({"name": "a\\b"}, HarnessError),
        ({"owa_folder": "c:/inetpub/"}, SharePathError),
        ({"owa_folder": "c$/inetpub/", "owa_pattern": "("}, FilePatternError),
        ({"smtp_folder": "c$/x/", "polling_interval": 0.0}, HarnessError),
    ],
)
def test_what_the_console_refuses_is_refused(values: dict[str, object], error: type[HarnessError]) -> None:
    """A wrong definition isn't made at all."""
    with pytest.raises(error):
        source(**values)
