"""From names to a console's ids."""

from __future__ import annotations

from typing import Any

import pytest
from logsource_samples import answers, console, log_source

from harness.errors import InputError
from harness.logsource.resolve import resolve
from harness.logsource.schema import from_answers


def given(body: dict[str, Any]) -> dict[str, str]:
    """Give a body's parameters by the console's names."""
    return {each["name"]: each["value"] for each in body["protocol_parameters"]}


def test_ids_and_names_are_the_consoles() -> None:
    """Nothing of ours is left in what the API takes; parameters are found by their labels."""
    source = log_source(
        collector="eventcollector0 :: jsa", groups=("mail", "Exchange"), language="English", credibility=7
    )
    body = resolve(source, console()).body()

    assert {
        "name": "Exchange @ ex01",
        "type_id": 99,
        "protocol_type_id": 4117,
        "enabled": True,
        "credibility": 7,
        "target_event_collector_id": 7,
        "language_id": 1,
        "group_ids": [100141, 100140],
    } == {name: value for name, value in body.items() if name != "protocol_parameters"}
    assert ("svc-jsa", "d$/Exchange/ProtocolLog/", "10") == tuple(
        given(body)[name] for name in ("LOGIN", "SMTP_DIR", "POLL")
    )
    assert {(5001, "identifier"), (5006, "SMTP_DIR")} <= {
        (each["id"], each["name"]) for each in body["protocol_parameters"]
    }


def test_every_value_is_text() -> None:
    """The API takes no number and no flag as a parameter's value."""
    body = resolve(log_source(recursive=False, polling_interval=30.0, throttle=500), console()).body()

    assert {"RECURSIVE": "false", "POLL": "30", "EPS": "500", "FORCE": "false"}.items() <= given(body).items()
    assert {str} == {type(value) for value in given(body).values()}


def test_a_password_is_put_in_only_where_it_is_given() -> None:
    """A file has the placeholder; what is sent to a console has the password."""
    resolved = resolve(log_source(), console())

    assert "<password: env:JSA_PASSWORD>" == given(resolved.body())["LOGIN_SECRET"]
    assert "s3cret" == given(resolved.body("s3cret"))["LOGIN_SECRET"]


def test_what_the_console_has_no_use_for_is_left_out() -> None:
    """A pattern is available only with custom patterns, and a console without file encodings gets none."""
    usual = resolve(log_source(), console())
    custom = resolve(log_source(owa_pattern=r"u_ex\d+\.log"), console())

    assert ("File Encoding",) == usual.left_out
    assert ("OWA_REGEX" in given(usual.body()), given(usual.body())["CUSTOM"]) == (False, "false")
    assert (r"u_ex\d+\.log", "true") == (given(custom.body())["OWA_REGEX"], given(custom.body())["CUSTOM"])


def test_a_value_is_written_as_the_console_writes_it() -> None:
    """Allowed values are compared without case, and by what the form shows for them."""
    changed = answers()
    smb = next(each for each in changed["protocol_types"][1]["parameters"] if each["name"] == "SMB")
    smb["allowed_values"] = [{"name": "Auto", "value": "0"}, {"name": "SMB3", "value": "3"}]

    assert "0" == given(resolve(log_source(), from_answers(changed)).body())["SMB"]


def test_every_unknown_name_is_told_at_once() -> None:
    """With what the console has instead, where that is near."""
    source = log_source(type="Microsoft Exchange", protocol="Exchange", collector="eventcollector1", groups=("Nail",))
    with pytest.raises(InputError) as caught:
        resolve(source, console())

    found = [(problem.message, problem.hint) for problem in caught.value.problems]
    assert [
        ("the console has no log source type named 'Microsoft Exchange'", "did you mean 'Microsoft Exchange Server'?"),
        ("the console has no protocol named 'Exchange'", "did you mean 'Microsoft Exchange'?"),
        ("the console has no event collector named 'eventcollector1'", "did you mean 'eventcollector0 :: jsa'?"),
        ("the console has no log source group named 'Nail'", "did you mean 'Mail'?"),
    ] == found


def test_a_console_without_a_folder_parameter_is_an_error() -> None:
    """A log source that can't say where its logs are is of no use; what is there is listed."""
    changed = answers()
    parameters = changed["protocol_types"][1]["parameters"]
    parameters[:] = [each for each in parameters if each["name"] != "SMTP_DIR"]
    with pytest.raises(InputError) as caught:
        resolve(log_source(), from_answers(changed))

    (problem,) = caught.value.problems
    assert "has no parameter 'SMTP Log Folder Path'" in problem.message
    assert "OWA Log Folder Path" in problem.hint


def test_what_wasnt_asked_for_cant_be_looked_up() -> None:
    """The hint names the call whose answer is missing."""
    changed = answers()
    del changed["log_source_groups"]
    with pytest.raises(InputError) as caught:
        resolve(log_source(groups=("Mail",)), from_answers(changed))

    (problem,) = caught.value.problems
    assert "log_source_groups" in problem.hint


def test_a_type_that_isnt_collected_over_the_protocol() -> None:
    """Found before the console finds it."""
    with pytest.raises(InputError, match="can't be collected over Microsoft Exchange"):
        resolve(log_source(type="Microsoft Windows Security Event Log"), console())


def test_milliseconds_arent_seconds() -> None:
    """WinCollect's polling interval has the same name and another unit: it isn't filled with seconds."""
    changed = answers()
    poll = next(each for each in changed["protocol_types"][1]["parameters"] if each["name"] == "POLL")
    poll |= {"name": "POLLING_INTERVAL", "label": "Polling Interval (ms)"}
    resolved = resolve(log_source(), from_answers(changed))

    assert "POLLING_INTERVAL" not in given(resolved.body())
    assert "Polling Interval (seconds)" in resolved.left_out
