"""What is expected of the folders that definitions name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.events import Family, Header
from harness.events.formats import Format
from harness.verify.definitions import FolderRead
from harness.verify.seen import Headed, Seen

if TYPE_CHECKING:
    from harness.verify.expectations import Failure

FOLDER = "c$/inetpub/logs/LogFiles/W3SVC9"
HOME = "c$/inetpub/logs/LogFiles/W3SVC1"
WHERE = "[0].protocol_parameters[6].value in sources.json:50:18"


def judged(seen: Seen, folder: str = FOLDER) -> Failure | None:
    """Judge a folder by what was seen."""
    seen.folders = (folder,)
    return FolderRead("ex01", folder, WHERE).judge().judge(seen)


def seen(**values: object) -> Seen:
    """What was seen of the web log."""
    return Seen("ex01", Family.OWA, **values)  # type: ignore[arg-type]  # a misspelt field fails at once


def test_a_folder_that_was_read_is_right() -> None:
    """Whatever the host says of where its logs are."""
    header = Header(f"{FOLDER}/u_ex1.log", Format.OWA, ("date",), 4)

    assert None is judged(seen(home=(HOME,), headers={FOLDER: Headed("", header)}))


def test_an_empty_folder_of_the_hosts_own_is_right() -> None:
    """A log that nothing was written to is for other expectations to judge; so is one above the host's."""
    assert None is judged(seen(home=(FOLDER.upper(),)))
    assert None is judged(seen(home=(f"{FOLDER}/below",)))
    assert None is judged(seen())


def test_a_folder_that_isnt_there_is_named_with_its_cure() -> None:
    """The place in the file, and where the host keeps the log: final, since no waiting mends a wrong path."""
    failure = judged(seen(home=("d$/x", HOME), refused={FOLDER: "it isn't there"}, missing=frozenset({FOLDER})))

    assert failure is not None
    assert ("it isn't there", True) == (failure.seen, failure.final)
    assert f"//ex01/{FOLDER}" in failure.expected
    assert f"correct {WHERE}; the host keeps it in {HOME}/" == failure.hint


def test_a_folder_that_may_come_is_waited_for() -> None:
    """The host's own, which its service makes with the first line; or one whose host wasn't asked."""
    for home in ((FOLDER,), ()):
        failure = judged(seen(home=home, refused={FOLDER: "it isn't there"}, missing=frozenset({FOLDER})))

        assert failure is not None
        assert not failure.final


@pytest.mark.parametrize(
    ("folder", "expected"),
    [("c$/inetpub", False), ("c$/Windows", True), ("iislogs$/W3SVC1", False), ("Logs/W3SVC1", False)],
)
def test_a_folder_elsewhere_on_a_drive_is_wrong(folder: str, expected: bool) -> None:
    """It is there, but the log isn't below it; what a share of another name holds can't be told."""
    failure = judged(seen(home=(HOME,)), folder)

    assert expected == (failure is not None)


def test_a_log_that_no_definition_reads() -> None:
    """It would be missing on the console without a word."""
    failure = FolderRead("ex01", "", "sources.json").judge().judge(seen(home=(HOME,)))

    assert failure is not None
    assert ("none in sources.json", f"name its folder; the host keeps it in {HOME}/") == (failure.seen, failure.hint)
