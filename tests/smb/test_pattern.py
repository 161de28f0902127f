"""Java's regular expressions, read as Java reads them."""

from __future__ import annotations

import pytest

from harness.collect.pattern import compile_java
from harness.collect.source import PolledFolder
from harness.errors import FilePatternError, HarnessError, SharePathError


def folder(**options: object) -> PolledFolder:
    """A log folder with some options."""
    values: dict[str, object] = {
        "host": "ex01",
        "identifier": "ex01",
        "family": "MSGTRK",
        "share": "c$",
        "folder": "Logs",
        "file_pattern": r".*\.(?:log|LOG)$",
    }
    return PolledFolder(**(values | options))  # type: ignore[arg-type] - a misspelt option fails at once


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        (r"MSGTRK\d+-\d+\.(?:log|LOG)$", "MSGTRK2018112722-1.LOG", "MSGTRKMD2018112722-1.LOG"),
        (r".*\.(?:log|LOG)$", "u_ex231123.log", "u_ex231123.Log"),
        (r"(?i).*\.log", "RECV2023011116-1.LOG", "RECV2023011116-1.LOG.bak"),
        (r"\Qa.b[\E\d", "a.b[7", "aXb[7"),
        (r"(?<year>\d{4})-\k<year>\.log", "2024-2024.log", "2024-2025.log"),
        (r"\p{Alpha}+\p{Digit}*", "abc12", "\u00fcbc12"),
        (r"[\p{Upper}_|~]+\z", "A_|~", "a"),
        (r"\d++x", "12x", "\u0661x"),
    ],
)
def test_matches_as_java_does(pattern: str, yes: str, no: str) -> None:
    """Names are case-sensitive and classes ASCII, unless the pattern says otherwise."""
    compiled = compile_java(pattern)

    assert compiled.fullmatch(yes)
    assert not compiled.fullmatch(no)


@pytest.mark.parametrize(
    ("pattern", "position"),
    [("*.log", 0), (r"a[b&&c]", 3), (r"\p{Script=Greek}", 0), (r"a(?i)b", 1), ("(", 0)],
)
def test_refuses_what_it_would_read_otherwise(pattern: str, position: int) -> None:
    """A wildcard or a construct of Java's own is an error with its place, never read as something else."""
    with pytest.raises(FilePatternError) as caught:
        compile_java(pattern)

    assert position == caught.value.position
    assert caught.value.hint


def test_a_pattern_covers_the_whole_name_unless_told_otherwise() -> None:
    """The protocol is believed to match whole names; ``match`` changes that."""
    whole, part = folder(file_pattern="log"), folder(file_pattern="log", match="part")

    assert not whole.wants("a.log.txt")
    assert part.wants("a.log.txt")


def test_a_definition_is_checked_when_it_is_made() -> None:
    """A wrong path, encoding or interval doesn't wait for the first poll."""
    with pytest.raises(SharePathError):
        PolledFolder.at("c:/LogFiles", host="h", identifier="h", family="OWA", file_pattern=".*")
    with pytest.raises(HarnessError, match="no encoding 'windows-125'") as caught:
        folder(encoding="windows-125")
    assert caught.value.hint.startswith("did you mean 'windows-125")
    with pytest.raises(HarnessError, match="line ends and separators"):
        folder(encoding="UTF-16")
    with pytest.raises(HarnessError, match="interval"):
        folder(polling_interval=0)


def test_parameters_do_not_change_what_positions_are_kept_under() -> None:
    """A new interval, pattern or identifier doesn't collect everything again; another folder does."""
    one = folder()

    assert one.key == folder(identifier="mail", polling_interval=5, file_pattern=".*").key
    assert one.key != folder(folder="Other").key
    assert one.key != folder(family="OWA").key
