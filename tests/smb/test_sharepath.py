"""Paths in the form that a log source takes."""

from __future__ import annotations

import pytest

from harness.errors import SharePathError
from harness.remote.sharepath import SharePath, clean


@pytest.mark.parametrize(
    ("text", "share", "folder"),
    [
        ("c$/LogFiles/", "c$", "LogFiles"),
        (
            "c$/Program Files/Microsoft/Exchange Server/V15/",
            "c$",
            "Program Files/Microsoft/Exchange Server/V15",
        ),
        ("LogFiles/", "LogFiles", ""),
        ("d$//Logs//W3SVC1", "d$", "Logs/W3SVC1"),
        ("/c$/\u00dcbersicht [1]/", "c$", "\u00dcbersicht [1]"),
    ],
)
def test_reads_the_log_source_form(text: str, share: str, folder: str) -> None:
    """Share and folder come apart; spaces, brackets and umlauts are plain characters."""
    path = SharePath.parse(text)

    assert (share, folder) == (path.share, path.folder)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("c:/LogFiles", "write 'c$/LogFiles/'"),
        ("C:\\inetpub\\logs", "write 'c$/inetpub/logs/'"),
        ("c$\\LogFiles\\", "write 'c$/LogFiles/'"),
        ("\\\\ex01\\c$\\LogFiles", "write 'c$/LogFiles/'"),
        ("", "write a share and a folder, as 'c$/LogFiles/'"),
    ],
)
def test_refuses_other_forms_and_says_what_to_write(text: str, hint: str) -> None:
    """A drive letter, backslashes or a server name are the usual mistakes; the hint is the path to copy."""
    with pytest.raises(SharePathError) as caught:
        SharePath.parse(text)

    assert hint == caught.value.hint
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(
    "path",
    [
        "../secret",
        "a/../b",
        "a/./b",
        "a\\b",
        "a:stream",
        "what?",
        "*.log",
        "line\nbreak",
        "dot.",
        "blank ",
        "x" * 256,
    ],
)
def test_refuses_names_that_leave_the_folder_or_that_windows_has_not(path: str) -> None:
    """No path of a user's or of a server's listing can point outside its folder."""
    with pytest.raises(SharePathError):
        clean(path)
