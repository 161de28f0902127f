"""Golden cases: sample logs beside their events."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.errors import InputError
from harness.events import Family
from harness.source import Source
from harness.verify.gather import mappings
from harness.verify.golden import GoldenCase, cases

from .conftest import owa_header

if TYPE_CHECKING:
    from pathlib import Path

ROW = "2026-11-23 10:00:00 192.0.2.20 GET /owa/ - 443 EXAMPLE\\ann 198.51.100.7 HTTP/1.1 200\r\n"
MAPPINGS = mappings()


def make(folder: Path, name: str, log: str) -> Path:
    """Write a case without what is expected."""
    case = folder / name
    case.mkdir()
    (case / "u_ex261123.log").write_bytes(log.encode())
    return case


@pytest.fixture
def one(tmp_path: Path) -> GoldenCase:
    """A case with one event and one line that can't be read, and its expected events."""
    make(tmp_path, "one", owa_header() + ROW + "two values\r\n")
    [case] = cases(Family.OWA, tmp_path, Source("expect.yml", 2, 11))
    case.update(MAPPINGS)
    return case


def test_what_was_written_is_what_is_expected(one: GoldenCase) -> None:
    """An updated case holds every mapped field of each event, and the lines that can't be read."""
    expected = """\
events:
- line: 4
  event_id: GET 200
  username: EXAMPLE\\ann
  source_ip: 198.51.100.7
  destination_ip: 192.0.2.20
  device_time: '2026-11-23T10:00:00.000Z'
unparsed:
- line: 5
  reason: 'the row has 2 values where #Fields (line 3) names 11'
"""

    assert expected == one.expected.read_text("utf-8")
    assert one.check(MAPPINGS) is None


def test_a_difference_is_named_with_the_line_that_expects_otherwise(one: GoldenCase) -> None:
    """A failure shows the field, the line of expected.yml, what stands there and what came out."""
    one.expected.write_text(one.expected.read_text("utf-8").replace("GET 200", "GET 302"), "utf-8")
    failure = one.check(MAPPINGS)

    assert failure is not None
    assert f"events[0].event_id = 'GET 302' ({one.expected}:3:13)" == failure.expected
    assert "'GET 200'" == failure.seen
    assert "--update" in failure.hint


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("  username: EXAMPLE\\ann\n", ""),
        ("unparsed:\n", "  - line: 9\nunparsed:\n"),
        ("unparsed:\n", "surplus: 1\nunparsed:\n"),
        ("- line: 4", "- line: 5"),
    ],
)
def test_less_or_more_than_expected_is_a_difference(one: GoldenCase, old: str, new: str) -> None:
    """A field that is missing, an event too many, an unknown key: nothing is passed over."""
    text = one.expected.read_text("utf-8")
    changed = text.replace(old, new.replace("  - line", "- line"))
    one.expected.write_text(changed, "utf-8")

    assert text != changed
    assert one.check(MAPPINGS) is not None


def test_volatile_values_are_patterns_and_stay_when_updated(one: GoldenCase) -> None:
    """A pattern that matches holds and survives an update of something else; one that doesn't fails."""
    text = one.expected.read_text("utf-8")
    volatile = text.replace("'2026-11-23T10:00:00.000Z'", '{matches: "2026-.*Z"}')
    one.expected.write_text(volatile, "utf-8")

    assert one.check(MAPPINGS) is None

    one.expected.write_text(volatile.replace("GET 200", "GET 302"), "utf-8")

    assert one.update(MAPPINGS)
    assert "matches: 2026-.*Z" in one.expected.read_text("utf-8")
    assert one.check(MAPPINGS) is None

    one.expected.write_text(volatile.replace("2026-", "2025-"), "utf-8")

    assert one.check(MAPPINGS) is not None


def test_only_changed_cases_are_rewritten(one: GoldenCase) -> None:
    """A case that holds keeps its file byte for byte, comments included."""
    text = "# by hand\n" + one.expected.read_text("utf-8")
    one.expected.write_text(text, "utf-8")

    assert not one.update(MAPPINGS)
    assert text == one.expected.read_text("utf-8")


def test_a_case_without_expected_events_fails(tmp_path: Path) -> None:
    """A new case isn't a pass before somebody has looked at it."""
    make(tmp_path, "new", owa_header() + ROW)
    [case] = cases(Family.OWA, tmp_path, Source("expect.yml"))
    failure = case.check(MAPPINGS)

    assert failure is not None
    assert f"there is no {case.expected}" == failure.seen


def test_a_case_of_another_family_is_refused(tmp_path: Path) -> None:
    """A log under the wrong family is a mistake in the case, said with the reason."""
    make(tmp_path, "wrong", owa_header() + ROW)
    [case] = cases(Family.SMTP, tmp_path, Source("expect.yml"))
    with pytest.raises(InputError, match="is no SMTP log: it is a W3C log"):
        case.check(MAPPINGS)
