"""Definitions against a console's own rules."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from logsource_samples import answers, console, log_source

from harness.errors import InputError
from harness.logsource.check import Fault, check, unchecked
from harness.logsource.jsonfile import load, write
from harness.logsource.resolve import resolve
from harness.logsource.schema import Schema, from_answers, read

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from harness.logsource.model import LogSource

Item = dict[str, Any]


def exported(*sources: LogSource, ids: bool = False) -> list[Item]:
    """Give what export writes, to be changed."""
    resolved = {each.identifier: resolve(each, console()) for each in sources} if ids else None
    items: list[Item] = json.loads(write(sources, resolved))
    return items


def checked(path: Path, items: list[Item], schema: Schema | None = None) -> list[Fault]:
    """Write a file and check it."""
    path.write_text(json.dumps(items, indent=1), encoding="utf-8")
    return check(load(path), schema or console())


def put(item: Item, label: str, value: str | None) -> int:
    """Set a parameter of a definition; gives its index."""
    for index, each in enumerate(item["protocol_parameters"]):
        if label in {each.get("label"), each["name"]}:
            each["value"] = value
            return index
    raise LookupError(label)


@pytest.mark.parametrize("ids", [False, True])
def test_what_export_writes_is_right(tmp_path: Path, ids: bool) -> None:
    """With names, and with the console's ids."""
    sources = [log_source(), log_source(name="b", identifier="b", owa_pattern=r"u_ex\d+\.log", msgtrk_folder="")]

    assert [] == checked(tmp_path / "f.json", exported(*sources, ids=ids))


@pytest.mark.parametrize(
    ("label", "value", "words", "hint"),
    [
        ("OWA Log Folder Path", "c:/inetpub/logs/", "names a drive", "write 'c$/inetpub/logs/'"),
        ("OWA Log Folder Path", "\\\\ex01\\c$\\logs", "names a server", "write 'c$/logs/'"),
        ("SMTP Log Folder Path", "c$/a/../b/", "would leave the folder", "the folder's own name"),
        ("OWA File Pattern", "*.log", "isn't a regular expression", "not a wildcard"),
        ("MSGTRK File Pattern", r"MSGTRK[\d+", "isn't a regular expression", ""),
        ("SMTP File Pattern", "[a-z&&[^b]]+", "which harness can't check as Java would run it", ""),
        ("Username", "", "is required and empty", ""),
        ("Log Source Identifier", "x" * 256, "256 characters, and at most 255", ""),
        ("Server Address", "ex 01", "neither an address nor a host's name", ""),
        ("Polling Interval (seconds)", "10.5", "'10.5' isn't a whole number", ""),
        ("Polling Interval (seconds)", "0", "0 is less than 1", ""),
        ("Throttle Events/Second", "50000", "50000 is more than 20000", ""),
        ("SMB Version", "SMB1", "'SMB1' isn't allowed", "allowed: AUTO, SMB2, SMB3"),
        ("Recursive", "yes", "'yes' is neither true nor false", ""),
    ],
)
@pytest.mark.parametrize("ids", [False, True])
def test_a_wrong_value_has_its_path(  # noqa: PLR0917 - a table's columns
    tmp_path: Path, label: str, value: str, words: str, hint: str, ids: bool
) -> None:
    """The one fault names the second definition's parameter, with line and column of the value."""
    broken = log_source(name="b", identifier="b", owa_pattern="u_ex.*")
    items = exported(log_source(), broken, ids=ids)
    names = {each.label: each.name for each in console().protocol_types[1].parameters}
    index = put(items[1], names[label] if ids else label, value)
    faults = [
        fault
        for fault in checked(tmp_path / "f.json", items)
        if "doesn't match the console's pattern" not in fault.message
    ]

    (fault,) = faults
    assert f"[1].protocol_parameters[{index}].value" == fault.path
    assert words in fault.message
    assert hint in fault.hint
    line = (tmp_path / "f.json").read_text().splitlines()[fault.source.line - 1]
    assert line[fault.source.column - 1 :].startswith(json.dumps(value))


def _drop(label: str) -> Callable[[Item], None]:
    def change(item: Item) -> None:
        item["protocol_parameters"] = [each for each in item["protocol_parameters"] if each["label"] != label]

    return change


def _twice(item: Item) -> None:
    item["protocol_parameters"].append(dict(item["protocol_parameters"][0]))


def _foreign(item: Item) -> None:
    item["protocol_parameters"].append({"name": "OWA_FOLDERS", "value": "x"})


def _no_folder(item: Item) -> None:
    for family in ("OWA", "SMTP", "MSGTRK"):
        put(item, f"{family} Log Folder Path", "")


def _other_id(item: Item) -> None:
    item["protocol_parameters"][0] |= {"id": 5002}


@pytest.mark.parametrize(
    ("change", "path", "words"),
    [
        (lambda item: item.update(name="a\\b"), "[0].name", "has a backslash"),
        (lambda item: item.update(name="x" * 300), "[0].name", "300 characters"),
        (lambda item: item.pop("name"), "[0].name", "has no name"),
        (lambda item: item.update(description="x" * 256), "[0].description", "256 characters"),
        (lambda item: item.update(type_name="Exchange"), "[0].type_name", "no log source type named 'Exchange'"),
        (lambda item: item.update(type_id=98), "[0].type_id", "no log source type 98"),
        (lambda item: item.update(type_id=12), "[0].type_id", "is 'Microsoft Windows Security Event Log', not"),
        (lambda item: item.update(protocol_type_name="IMAP"), "[0].protocol_type_name", "no protocol named 'IMAP'"),
        (lambda item: item.update(language_id=9), "[0].language_id", "has no language 9"),
        (
            lambda item: item.update(target_event_collector_id=8),
            "[0].target_event_collector_id",
            "no event collector 8",
        ),
        (lambda item: item.update(group_ids=[100140, 5]), "[0].group_ids[1]", "no log source group 5"),
        (lambda item: item.update(group_ids=[0]), "[0].group_ids[0]", "takes no log sources"),
        (lambda item: item.update(group_names=["Mial"]), "[0].group_names[0]", "no log source group named 'Mial'"),
        (
            lambda item: item.update(target_event_collector_id=7, disconnected_log_collector_id=1),
            "[0].disconnected_log_collector_id",
            "not both",
        ),
        (_drop("Username"), "[0].protocol_parameters", "Username is required and missing"),
        (_drop("Server Address"), "[0].protocol_parameters", "Server Address is required and missing"),
        (_twice, "[0].protocol_parameters[21]", "Log Source Identifier stands in [0] already"),
        (_foreign, "[0].protocol_parameters[21].name", "has no parameter 'OWA_FOLDERS'"),
        (_no_folder, "[0].protocol_parameters", "one of the group 'Folders' is required"),
        (_other_id, "[0].protocol_parameters[0].id", "parameter 5002 is 'SERVER_ADDRESS', not 'identifier'"),
    ],
)
def test_a_wrong_definition_has_its_path(tmp_path: Path, change: Callable[[Item], None], path: str, words: str) -> None:
    """Whatever the console would refuse is found, where it stands."""
    items = exported(log_source())
    change(items[0])
    faults = checked(tmp_path / "f.json", items)

    assert [path] == [fault.path for fault in faults if words in fault.message], faults


def test_all_faults_at_once_in_the_order_of_the_text(tmp_path: Path) -> None:
    """One run is enough to mend a file."""
    items = exported(log_source(), log_source(name="c", identifier="c"))
    put(items[0], "OWA Log Folder Path", "c:/logs")
    items[1]["name"] = "a\\b"
    put(items[1], "Polling Interval (seconds)", "soon")

    faults = checked(tmp_path / "f.json", items)

    places = [(fault.source.line, fault.source.column) for fault in faults]
    assert sorted(places) == places
    assert ["[0]", "[0]", "[1]", "[1]"] == [fault.path[:3] for fault in faults]


def test_two_of_a_kind(tmp_path: Path) -> None:
    """A console holds one name, and one identifier for a type and protocol; case doesn't tell them apart."""
    same = log_source(name="EXCHANGE @ EX01", identifier="EX01")
    faults = checked(tmp_path / "f.json", exported(log_source(), same))

    assert [
        ("[1].name", "[0] has the name"),
        ("[1].protocol_parameters[0].value", "[0] has the same type, protocol"),
    ] == [
        (fault.path, fault.message[: len(words)])
        for fault, words in zip(faults, ("[0] has the name", "[0] has the same type, protocol"), strict=True)
    ]


def test_conditions_follow_the_values(tmp_path: Path) -> None:
    """With custom patterns one of them is required; without, a console that is told one has no use for it."""
    custom = exported(log_source(owa_pattern="u_ex.*"), ids=True)
    index = put(custom[0], "MSGTRK_REGEX", "")
    (required,) = checked(tmp_path / "f.json", custom)
    put(custom[0], "MSGTRK_REGEX", "M.*")
    put(custom[0], "CUSTOM", "false")
    unavailable = checked(tmp_path / "f.json", custom)

    assert (f"[0].protocol_parameters[{index}].value", "MSGTRK File Pattern is required and empty") == (
        required.path,
        required.message,
    )
    assert "because 'Use Custom File Patterns' is 'true'" == required.hint
    assert 6 == len([fault for fault in unavailable if "isn't available" in fault.message])


def test_a_password_is_never_shown(tmp_path: Path) -> None:
    """Not even where it is what is wrong; a placeholder is right whatever its length."""
    items = exported(log_source(password_reference="env:" + "X" * 100))
    assert [] == checked(tmp_path / "f.json", items)

    put(items[0], "Password", "correct horse " * 10)
    (fault,) = checked(tmp_path / "f.json", items)

    assert "140 characters, and at most 64" in fault.message
    assert "horse" not in str(fault)


def test_a_password_that_a_pattern_refuses_isnt_shown(tmp_path: Path) -> None:
    """Nor one that isn't among the allowed values, whatever a console has of either."""
    changed = answers()
    secret = next(each for each in changed["protocol_types"][1]["parameters"] if each["name"] == "LOGIN_SECRET")
    secret |= {"pattern": "[0-9]+", "allowed_values": [{"name": "1", "value": "1"}]}
    items = exported(log_source())
    put(items[0], "Password", "correct horse")
    faults = checked(tmp_path / "f.json", items, from_answers(changed))

    assert 2 == len(faults)
    assert "horse" not in " ".join(map(str, faults))


def test_an_update_needs_only_what_it_changes(tmp_path: Path) -> None:
    """With an id nothing else is required, and with ``deleted`` nothing is looked at."""
    items = [{"id": 3, "enabled": False}, {"id": 4, "deleted": True}, {"deleted": True}]

    assert ["[2].deleted"] == [fault.path for fault in checked(tmp_path / "f.json", items)]


def test_patterns_that_cant_be_run_are_listed(tmp_path: Path) -> None:
    """Nothing is said to be right that wasn't looked at."""
    changed = answers()
    changed["protocol_types"][1]["parameters"][3]["pattern"] = r"\p{IsGreek}+"
    schema = from_answers(changed)
    assert [] == checked(tmp_path / "f.json", exported(log_source()), schema)

    assert [r"\p{IsGreek}+"] == unchecked(load(tmp_path / "f.json"), schema)


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("[{]", ":1:3", "isn't JSON"),
        ("{}", ":1:1", "isn't an array of log sources"),
        ('[{"naem": "x"}]', ":1:3", "unknown key '[0].naem'"),
        ('[{"name": 3}]', ":1:11", "'[0].name': expected text"),
        ('[{"credibility": 11}]', ":1:18", "'[0].credibility': expected 10 or less"),
        ('[{"protocol_parameters": [{"value": 10}]}]', ":1:37", "'[0].protocol_parameters[0].value': expected text"),
    ],
)
def test_a_file_of_another_form_is_refused(tmp_path: Path, text: str, place: str, words: str) -> None:
    """With line and column."""
    path = tmp_path / "f.json"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        load(path)

    (problem,) = caught.value.problems
    assert f"{path}{place}" == str(problem.source)
    assert words in problem.message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[]", "expected a mapping"),
        ('{"log_source_types": []}', "'protocol_types' is missing"),
        ('{"log_source_types": [], "protocol_types": [{"id": "x", "name": "y"}]}', "'protocol_types[0].id'"),
        ("{", "isn't JSON"),
    ],
)
def test_answers_of_another_form_are_refused(tmp_path: Path, text: str, words: str) -> None:
    """With what was expected."""
    path = tmp_path / "answers.json"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read(path)

    assert words in caught.value.problems[0].message
