"""What is exported is what is read back."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from logsource_samples import console, log_source

from harness.errors import InputError
from harness.logsource.jsonfile import write
from harness.logsource.model import MSGTRK_PATTERNS
from harness.logsource.reading import definitions
from harness.logsource.resolve import resolve
from harness.redaction import redactor

if TYPE_CHECKING:
    from pathlib import Path

    from harness.logsource.model import LogSource

WORDS = st.text(st.characters(exclude_categories=["C"], exclude_characters="\\"), min_size=1, max_size=30)
FOLDERS = st.sampled_from(["", "c$/inetpub/logs/LogFiles/W3SVC1/", "Tracking/", "e$/Größe & mehr/日誌/"])
PATTERNS = st.sampled_from([r".*\.(?:log|LOG)$", r"u_ex\d+\.log", r'a"b\\c'])
SOURCES = st.builds(
    log_source,
    name=WORDS,
    host=WORDS,
    identifier=WORDS,
    server_address=WORDS,
    description=st.just("") | WORDS,
    owa_folder=FOLDERS,
    smtp_folder=FOLDERS,
    msgtrk_folder=FOLDERS,
    owa_pattern=PATTERNS,
    smtp_pattern=PATTERNS,
    msgtrk_patterns=st.tuples(PATTERNS, PATTERNS, PATTERNS, PATTERNS),
    recursive=st.booleans(),
    force_file_read=st.booleans(),
    polling_interval=st.integers(1, 3600).map(float),
    throttle=st.integers(0, 20000).map(float),
    encoding=st.sampled_from(["UTF-8", "windows-1252"]),
    smb_version=st.sampled_from(["AUTO", "SMB2", "SMB3"]),
    origin=st.just("") | WORDS,
    domain=st.just("") | WORDS,
    user=st.just("") | WORDS,
    password_reference=st.just("") | WORDS.map("env:{}".format),
    enabled=st.booleans(),
    credibility=st.none() | st.integers(0, 10),
    coalescing=st.none() | st.booleans(),
    store_payload=st.none() | st.booleans(),
    collector=st.just("") | WORDS,
    language=st.just("") | WORDS,
    extension=st.just("") | WORDS,
    groups=st.lists(WORDS, max_size=2).map(tuple),
)


@given(st.lists(SOURCES, max_size=3))
def test_a_file_with_names_holds_everything(tmp_path_factory: pytest.TempPathFactory, sources: list[LogSource]) -> None:
    """No field is lost or changed on the way into a file and back, whatever it holds."""
    path = tmp_path_factory.mktemp("file") / "sources.json"
    path.write_text(write(sources), encoding="utf-8")

    assert sources == [each.source for each in definitions(path)]


def test_a_file_with_ids_holds_everything_that_the_console_knows(tmp_path: Path) -> None:
    """With the console's answers; the host and where its folders come from are no business of a console's."""
    source = log_source(
        collector="eventcollector0 :: jsa", groups=("Mail",), extension="ExchangeSenderAsUser", owa_pattern="u_ex.*"
    )
    path = tmp_path / "sources.json"
    path.write_text(write([source], {source.identifier: resolve(source, console())}))

    assert [replace(source, host="", origin="")] == [each.source for each in definitions(path, console())]


def test_a_file_with_ids_has_nothing_of_ours() -> None:
    """The API's own members alone, so that it can be sent as it is."""
    source = log_source(credibility=3, groups=("Mail",))
    (item,) = json.loads(write([source], {source.identifier: resolve(source, console())}))

    assert {"name", "type_id", "protocol_type_id", "enabled", "credibility", "group_ids", "protocol_parameters"} == set(
        item
    )
    assert {("id", "name", "value")} == {tuple(each) for each in item["protocol_parameters"]}


def test_without_answers_a_consoles_own_names_arent_guessed(tmp_path: Path) -> None:
    """What the names mean only the console knows; the hint says what to give."""
    source = log_source()
    path = tmp_path / "sources.json"
    path.write_text(write([source], {source.identifier: resolve(source, console())}))
    with pytest.raises(InputError) as caught:
        definitions(path)

    assert re.search(r"sources.json:\d+:\d+: \[0\].protocol_parameters\[3\]: .* LOGIN", str(caught.value))
    assert {"give the console's answers with --console-schema"} == {each.hint for each in caught.value.problems}


def test_ids_are_null_and_unknown_names_too() -> None:
    """Only the two names that are confirmed stand in a file that no console has seen."""
    (item,) = json.loads(write([log_source()]))

    assert (None, None) == (item["type_id"], item["protocol_type_id"])
    assert {"identifier", "SERVER_ADDRESS", None} == {each["name"] for each in item["protocol_parameters"]}
    assert {None} == {each["id"] for each in item["protocol_parameters"]}


def _put(item: dict[str, Any], label: str, value: str) -> None:
    next(each for each in item["protocol_parameters"] if each["label"] == label)["value"] = value


@pytest.mark.parametrize(
    ("label", "value", "words"),
    [
        ("OWA Log Folder Path", "c:/logs/", "'c:/logs/' names a drive"),
        ("OWA File Pattern", "*.log", "isn't a regular expression"),
        ("MSGTRK File Pattern", "[", "isn't a regular expression"),
        ("Recursive", "yes", "expected true or false, found 'yes'"),
        ("Polling Interval (seconds)", "soon", "expected a number, found 'soon'"),
        ("SMB Version", "SMB1", "expected AUTO, SMB2 or SMB3, found 'SMB1'"),
    ],
)
def test_what_cant_be_polled_is_refused_with_its_place(tmp_path: Path, label: str, value: str, words: str) -> None:
    """Line, column and path of the value."""
    items = json.loads(write([log_source()]))
    _put(items[0], label, value)
    path = tmp_path / "sources.json"
    path.write_text(json.dumps(items, indent=1))
    with pytest.raises(InputError) as caught:
        definitions(path)

    (problem,) = caught.value.problems
    assert words in problem.message
    assert re.match(rf"\[0\]\.protocol_parameters\[\d+\]\.value: {re.escape(label)}: ", problem.message)
    assert json.dumps(value) in path.read_text().splitlines()[problem.source.line - 1]


def test_a_password_in_clear_is_redacted_from_then_on(tmp_path: Path) -> None:
    """Somebody put it in before sending the file; nothing that harness says repeats it."""
    items = json.loads(write([log_source()]))
    _put(items[0], "Password", "c4nary-in-the-file")
    path = tmp_path / "sources.json"
    path.write_text(json.dumps(items))
    try:
        (found,) = definitions(path)
        shown = redactor.redact(f"{found.source!r} c4nary-in-the-file")
    finally:
        redactor.clear()

    assert "" == found.source.password_reference
    assert "c4nary" not in shown


def test_deleted_ones_arent_log_sources(tmp_path: Path) -> None:
    """The API's array may hold orders to delete."""
    items = [*json.loads(write([log_source()])), {"id": 4, "deleted": True}]
    path = tmp_path / "sources.json"
    path.write_text(json.dumps(items))

    assert ["ex01"] == [each.source.identifier for each in definitions(path)]


def test_missing_patterns_are_the_protocols_own(tmp_path: Path) -> None:
    """A console that has no custom patterns polls by those."""
    items = json.loads(write([log_source()]))
    items[0]["protocol_parameters"] = [
        each for each in items[0]["protocol_parameters"] if "Pattern" not in each["label"]
    ]
    path = tmp_path / "sources.json"
    path.write_text(json.dumps(items))

    (found,) = definitions(path)
    assert MSGTRK_PATTERNS == found.source.msgtrk_patterns
