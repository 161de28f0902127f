"""What the contract says that a console answers, fed to the client."""

from __future__ import annotations

import contextlib
import json
import re
from typing import TYPE_CHECKING, Any

import console_contract
import hypothesis
import pytest
from hypothesis import strategies
from scripted_wire import ScriptedWire, client, reply

from harness.document import parse
from harness.errors import (
    AuthenticationError,
    ConnectionLostError,
    ConsoleRefusalError,
    HostError,
    ProtocolFaultError,
)
from harness.logsource.console import api, bulk, version
from harness.logsource.console import refusals as words
from harness.logsource.console.api import Console
from harness.logsource.console.bulk import Fate
from harness.logsource.console.call import Call, Endpoint, Reply, meaning
from harness.logsource.console.deploy import deploy
from harness.logsource.console.refusals import operation, refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

CONTRACT = console_contract.load()


def _json_bytes() -> strategies.SearchStrategy[bytes]:
    leaves = strategies.none() | strategies.booleans() | strategies.integers() | strategies.text(max_size=5)
    inner = strategies.recursive(
        leaves,
        lambda below: (
            strategies.lists(below, max_size=3)
            | strategies.dictionaries(strategies.sampled_from(["code", "message", "description"]), below)
        ),
        max_leaves=5,
    )
    return inner.map(lambda value: json.dumps(value).encode())


CASES = {case["name"]: case for case in CONTRACT.cases}
NAMES = CONTRACT.examples | {"source": 4062}
OURS = {each.name: each for each in vars(api).values() if isinstance(each, Endpoint)}


def _codes() -> Iterator[tuple[str, int, int, str]]:
    for name, each in CONTRACT.endpoints.items():
        if name in OURS or name.startswith("log_sources"):
            for code, (status, text) in each["codes"].items():
                yield name, code, status, text


def _body(status: int, code: int, text: str) -> dict[str, Any]:
    return {
        "http_response": {"code": status, "message": "x"},
        "code": code,
        "description": text,
        "details": {},
        "message": text,
    }


@pytest.mark.parametrize(("endpoint", "code", "status", "text"), [*_codes()])
def test_every_documented_refusal_has_words(endpoint: str, code: int, status: int, text: str) -> None:
    """Each code of each endpoint that is called has a reason of its own, and the console's words stand beside ours."""
    found = refusal(endpoint, status, code, text)

    assert found.reason
    assert not found.sentence.startswith("the console refused it")
    assert f"[HTTP {status}, code {code}: {text}]" in found.sentence


def test_every_endpoint_is_where_the_contract_has_it() -> None:
    """Method and path of each endpoint that harness calls are the documented ones."""
    for name, each in OURS.items():
        documented = CONTRACT.endpoints[name]

        assert (documented["method"], documented["path"]) == (each.method, each.path)


def test_the_same_code_means_different_things() -> None:
    """1004 is a name too long where one is created, and a missing name where one is updated."""
    kinds = ("CREATE", "UPDATE")

    assert ["name too long", "name missing"] == [operation(kind, 422, 1004, "").reason for kind in kinds]


def test_no_words_are_left_over() -> None:
    """Every reason is one of some endpoint's, and every endpoint's reason has words."""
    data = words._data()
    used = {reason for codes in data["endpoints"].values() for reason in codes.values()}

    assert used == set(data["reasons"])
    assert all(set(each) <= {"says", "hint"} and each["says"] for each in data["reasons"].values())


def test_a_code_that_isnt_documented_is_shown_as_it_is() -> None:
    """Status, code and the console's own words."""
    found = refusal("log_sources create", 418, 4711, "I'm a teapot")

    assert ("", "the console refused it [HTTP 418, code 4711: I'm a teapot]") == (found.reason, found.sentence)


def _exchanges() -> Iterator[Any]:
    for case in CONTRACT.cases:
        for number, exchange in enumerate(case["exchanges"]):
            yield pytest.param(exchange, id=f"{case['name']}-{number}")


def _answer(exchange: dict[str, Any]) -> Reply | ConnectionLostError:
    answer = exchange["answer"]
    if answer.get("cut"):
        return ConnectionLostError("cut", host="siem", sent=True)
    headers = {**answer.get("headers", {}), **answer.get("example_headers", {})}
    lower = {name.lower(): re.sub(r"^/|/$|\\", "", str(value)) for name, value in headers.items()}
    if "body" in answer:
        return reply(answer["status"], console_contract.filled(answer["body"], NAMES), **lower)
    text = answer.get("example_text", answer.get("text", ""))
    return Reply(answer["status"], lower, text.encode())


def _call(exchange: dict[str, Any]) -> Call:
    request = exchange["request"]
    named = next(
        (
            name
            for name, each in CONTRACT.endpoints.items()
            if (each["method"], each["path"]) == (request["method"], request["path"])
        ),
        "another",
    )
    return Call(Endpoint(named, request["method"], request["path"]), request["path"])


@pytest.mark.parametrize("exchange", [*_exchanges()])
def test_every_answer_is_understood(exchange: dict[str, Any]) -> None:
    """JSON comes through as it is; a refusal, a page and a broken connection are the error that is meant for it."""
    answer, call = _answer(exchange), _call(exchange)
    if isinstance(answer, ConnectionLostError):
        return
    documented = exchange["answer"]
    if answer.status < 300 and "text" not in documented:
        expected = console_contract.filled(documented["body"], NAMES) if "body" in documented else None

        assert expected == meaning(answer, call, "siem")
        return
    with pytest.raises((AuthenticationError, ConsoleRefusalError, ProtocolFaultError)) as caught:
        meaning(answer, call, "siem")

    if "<html" in documented.get("example_text", ""):
        assert isinstance(caught.value, ProtocolFaultError)
        assert "a web page" in caught.value.message
    elif answer.status == 401:
        assert isinstance(caught.value, AuthenticationError)
    else:
        assert isinstance(caught.value, ConsoleRefusalError)
        assert documented.get("body", {}).get("code", 0) == caught.value.code
        assert f"HTTP {answer.status}" in caught.value.message


def _fed(name: str) -> ScriptedWire:
    return ScriptedWire(*(_answer(exchange) for exchange in CASES[name]["exchanges"]))


def test_one_of_three_refused() -> None:
    """Each operation's outcome is that of its place in the request; the reason is that of its kind and code."""
    wire = _fed("one of three refused")

    found = bulk.run(Console(client(wire)), [{"name": "a"}, {"name": "b"}, {"id": 4060}], seconds=5)

    wire.close()
    assert [Fate.REFUSED, Fate.DONE, Fate.REFUSED] == [each.fate for each in found]
    assert ["name taken", "", "bad credibility"] == [each.reason for each in found]
    assert 4063 == found[1].id


def test_updating_and_deleting_in_bulk() -> None:
    """What isn't there can't be deleted, which is a reason of deletions."""
    wire = ScriptedWire(*(_answer(each) for each in CASES["updating and deleting in bulk"]["exchanges"][:2]))
    items = [{"id": 1, "enabled": False}, {"id": 2, "deleted": True}, {"id": 999999999, "deleted": True}]

    found = bulk.run(Console(client(wire)), items, seconds=5)

    assert [Fate.DONE, Fate.DONE, Fate.REFUSED] == [each.fate for each in found]
    assert "no such log source" == found[2].reason


def test_a_task_of_which_only_the_id_counts() -> None:
    """Whatever host and path the Location names, the task is asked for at the console itself."""
    wire = _fed("creating in bulk")

    found = bulk.run(Console(client(wire)), [{"name": "a"}, {"name": "b"}], seconds=5)

    assert [4062, 4063] == [each.id for each in found]
    assert "/config/event_sources/log_source_management/log_source_bulk_tasks/2f0c9b1e" == wire.calls[1].path


def test_a_task_that_was_cancelled() -> None:
    """What wasn't done when somebody cancelled the task is refused, and says so."""
    exchanges = CASES["cancelling a bulk task"]["exchanges"]
    wire = ScriptedWire(_answer(exchanges[0]), _answer(exchanges[2]))

    (found,) = bulk.run(Console(client(wire)), [{"name": "a"}], seconds=5)

    assert (Fate.REFUSED, "cancelled") == (found.fate, found.reason)


def test_a_task_that_the_console_forgot() -> None:
    """Then nobody knows what became of it."""
    wire = ScriptedWire(
        _answer(CASES["creating in bulk"]["exchanges"][0]), _answer(CASES["no such task"]["exchanges"][0])
    )

    found = bulk.run(Console(client(wire)), [{"name": "a"}, {"name": "b"}], seconds=5)

    assert [Fate.UNKNOWN, Fate.UNKNOWN] == [each.fate for each in found]
    assert "doesn't know this bulk task any more" in found[0].sentence


@pytest.mark.parametrize("name", ["cut before the console acted", "cut after the console acted"])
def test_a_request_that_was_cut_is_sent_once(name: str) -> None:
    """Whether the console acted can't be told, so its outcome is unknown and the request isn't repeated."""
    wire = ScriptedWire(_answer(CASES[name]["exchanges"][0]))

    (found,) = bulk.run(Console(client(wire)), [{"name": "a"}], seconds=5)

    assert (Fate.UNKNOWN, ["PATCH"]) == (found.fate, [call.endpoint.method for call in wire.calls])


def test_a_task_whose_answer_was_cut_is_asked_again() -> None:
    """Asking does no harm, so the outcome becomes known."""
    wire = _fed("a status of a task that is cut")
    assert ConnectionLostError is type(_answer(CASES["a status of a task that is cut"]["exchanges"][1]))

    (found,) = bulk.run(Console(client(wire)), [{"name": "a"}], seconds=5)

    assert (Fate.DONE, 4062) == (found.fate, found.id)
    assert ["PATCH", "GET", "GET"] == [call.endpoint.method for call in wire.calls]


def test_versions() -> None:
    """The newest that wasn't removed and that harness knows."""
    console = Console(client(_fed("versions")))
    console.client.version = ""

    console.agree_on_version()

    assert "26.0" == console.client.version


@pytest.mark.parametrize(
    ("spoken", "chosen"),
    [
        ([("17.0", False)], "17.0"),
        ([("9.1", False), ("16.0", True), ("20.0", False), ("27.0", False)], "20.0"),
    ],
)
def test_the_version_is_one_that_both_know(spoken: list[tuple[str, bool]], chosen: str) -> None:
    """Neither an older or newer one than harness knows, nor one that was removed."""
    assert chosen == version.choose([{"version": name, "removed": removed} for name, removed in spoken], "siem")


def test_no_version_that_both_know() -> None:
    """The error names both sides' versions."""
    with pytest.raises(ProtocolFaultError, match=r"versions 9\.1, 30\.0; harness knows 16\.0 to 26\.0"):
        version.choose([{"version": "30.0"}, {"version": "9.1"}], "siem")


def test_a_deploy_is_followed() -> None:
    """To its end, whatever its states are called."""
    wire = ScriptedWire(*(_answer(each) for each in CASES["deploying"]["exchanges"][:2]))

    assert deploy(Console(client(wire)), lambda: 0, seconds=5, progress=lambda _: None).done
    wire.close()


def test_nothing_to_deploy_is_no_failure() -> None:
    """The console refuses it, and its last deploy went well."""
    refused, done = _answer(CASES["nothing to deploy"]["exchanges"][0]), _answer(CASES["deploying"]["exchanges"][1])
    wire = ScriptedWire(refused, done, refused)

    found = deploy(Console(client(wire)), lambda: 0, seconds=5, progress=lambda _: None)

    assert (True, "the console has nothing to deploy") == (found.done, found.sentence)


def test_a_deploy_that_failed_on_one_host() -> None:
    """The host is named."""
    ended = {"status": "COMPLETE", "hosts": [{"ip": "192.0.2.7", "status": "TIMED_OUT"}]}
    wire = ScriptedWire(reply(200, {}), reply(200, ended))

    found = deploy(Console(client(wire)), lambda: 0, seconds=5, progress=lambda _: None)

    assert (False, "the deploy failed: 192.0.2.7: TIMED_OUT") == (found.done, found.sentence)


def test_a_deploy_that_the_console_hasnt_begun_yet() -> None:
    """It still tells how the one before ended; the log sources say whether theirs is done."""
    done = {"status": "COMPLETE", "hosts": []}
    wire = ScriptedWire(reply(200, {}), reply(200, done), reply(200, {"status": "IN_PROGRESS"}), reply(200, done))
    waiting = [4, 0]

    assert deploy(Console(client(wire)), lambda: waiting.pop(0), seconds=5, progress=lambda _: None).done
    wire.close()


def test_a_deploy_that_doesnt_help() -> None:
    """What the console says of the log sources counts."""
    done = {"status": "DONE", "hosts": {"SUCCESS": ["192.0.2.1"]}}
    wire = ScriptedWire(reply(200, {}), *[reply(200, done)] * 5)

    found = deploy(Console(client(wire)), lambda: 4, seconds=5, progress=lambda _: None)

    assert (False, "the console has deployed, and says that 4 log sources still need it") == (
        found.done,
        found.sentence,
    )


@hypothesis.settings(deadline=None)
@hypothesis.given(status=strategies.integers(100, 599), body=strategies.binary(max_size=200) | _json_bytes())
def test_any_answer_is_an_answer_or_an_error(status: int, body: bytes) -> None:
    """Whatever comes: a value, or an error that is meant for it."""
    with contextlib.suppress(HostError):
        meaning(Reply(status, {}, body), api.LOG_SOURCES.call(), "siem")


def test_json_without_an_end() -> None:
    """Brackets upon brackets aren't JSON to us."""
    with pytest.raises(ProtocolFaultError, match="isn't JSON"):
        meaning(Reply(200, {}, b"[" * 100_000), api.LOG_SOURCES.call(), "siem")


def test_the_file_of_words_is_plain_yaml() -> None:
    """No key stands twice."""
    text = (words.resources.files(words.__package__) / "refusals.yml").read_text(encoding="utf-8")

    assert [] == parse(text, "refusals.yml")[1]
