"""Log sources brought to a console over HTTPS, and what goes wrong on the way."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from running_console import running_console
from siem import PASSWORD, QUICK, Reached, reached, source

from harness.errors import (
    AuthenticationError,
    CertificateError,
    ConsoleRefusalError,
    DeadlineError,
    HostError,
    ProtocolFaultError,
    UnreachableError,
)
from harness.lab.siem.settings import ConsoleSettings
from harness.logsource.console import bulk
from harness.logsource.console.difference import Action, compare, identifier_of, unwanted
from harness.logsource.console.push import Outcome, Settings, Status, remove
from harness.logsource.resolve import resolve

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

FLEET = [source(f"ex{number:02}") for number in range(1, 4)]


def statuses(found: Sequence[Outcome]) -> list[str]:
    """Give how log sources came out."""
    return [each.status.value for each in found]


def test_pushed_twice(siem: Reached) -> None:
    """The first time they are created, the second time nothing is sent at all."""
    first = siem.push(FLEET)
    before = siem.running.log_sources()

    second = siem.push(FLEET)

    assert (["created"] * 3, ["unchanged"] * 3) == (statuses(first), statuses(second))
    assert before == siem.running.log_sources()
    assert [each.id for each in first] == [each.id for each in second] == sorted(siem.ids().values())
    assert not siem.plan(FLEET).changes


def test_what_is_created_is_what_is_wanted(siem: Reached) -> None:
    """Every parameter stands there, and the password is the account's."""
    (outcome,) = siem.push([source("ex01", polling_interval=30, throttle=500, credibility=8, groups=("Exchange",))])
    (made,) = siem.running.log_sources()
    parameters = siem.running.parameters("Exchange @ ex01")

    assert (outcome.id, 8) == (made["id"], made["credibility"])
    assert ("ex01", "ex01.corp.example", "svc-jsa", "30", "500") == tuple(
        parameters[name] for name in ("identifier", "SERVER_ADDRESS", "USERNAME", "POLLING_INTERVAL", "THROTTLE")
    )
    assert "c$/inetpub/logs/LogFiles/W3SVC1/" == parameters["OWA_LOG_FOLDER_PATH"]


def test_a_renamed_host_keeps_its_id(siem: Reached) -> None:
    """The identifier stays, the name changes: an update, of the name alone."""
    siem.push(FLEET)
    before = siem.ids()["Exchange @ ex01"]
    renamed = [replace(FLEET[0], name="Mail @ paris"), *FLEET[1:]]
    (item, *_) = siem.plan(renamed).items

    found = siem.push(renamed)

    assert ["updated", "unchanged", "unchanged"] == statuses(found)
    assert before == siem.ids()["Mail @ paris"]
    assert [("name", "Exchange @ ex01", "Mail @ paris")] == [
        (each.field, each.before, each.after) for each in item.differences
    ]


def test_two_swap_their_names(siem: Reached) -> None:
    """Both are updates of the same request; what the console refuses of that is told, and nothing is lost."""
    siem.push(FLEET[:2])
    one, two = FLEET[:2]
    moved = [replace(one, name="Mail @ ex01"), replace(two, name=one.name)]

    assert ["updated", "updated"] == statuses(siem.push(moved))
    assert {"Mail @ ex01", "Exchange @ ex01"} == set(siem.ids())


def test_another_identifier_is_another_log_source(siem: Reached) -> None:
    """With the old one's name it can't be; the old one's identifier and what to do are told."""
    siem.push(FLEET[:1])
    plan = siem.plan([replace(FLEET[0], identifier="mail01")])

    (found,) = siem.push([replace(FLEET[0], identifier="mail01")])

    assert [Action.REFUSE] == [item.action for item in plan.items]
    assert "with the identifier 'ex01'" in found.sentence
    assert "logsource_identifier=ex01" in found.hint
    assert "remove INVENTORY --identifier ex01" in found.hint


def test_what_isnt_managed_is_left_alone(siem: Reached) -> None:
    """Fields and parameters that the inventory says nothing of stay as somebody set them at the console."""
    siem.push(FLEET[:1])
    (before,) = siem.running.log_sources()
    bulk.run(
        siem.console,
        [{"id": before["id"], "description": "by hand", "credibility": 9, "store_event_payload": False}],
        seconds=5,
    )

    found = siem.push([replace(FLEET[0], polling_interval=60)])

    (after,) = siem.running.log_sources()
    changed = {name for name in after if after[name] != before[name]}
    assert ["updated"] == statuses(found)
    assert ("by hand", 9, False) == (after["description"], after["credibility"], after["store_event_payload"])
    assert {"description", "credibility", "store_event_payload", "protocol_parameters"} >= changed - {"modified_date"}
    assert "60" == siem.running.parameters(after["name"])["POLLING_INTERVAL"]
    assert "svc-jsa" == siem.running.parameters(after["name"])["USERNAME"]


def test_parameters_of_others_go_along(siem: Reached) -> None:
    """An update sends all parameters that the console has, so none is lost if it takes them as the whole."""
    siem.push(FLEET[:1])
    changed = [replace(FLEET[0], polling_interval=60)]
    schema = siem.console.schema(changed)
    (existing,) = siem.running.log_sources()
    foreign = {"id": 77, "name": "OF_A_LATER_VERSION", "value": "kept"}
    existing["protocol_parameters"].append(foreign)

    (item,) = compare([resolve(each, schema) for each in changed], [existing], schema)
    body = item.body(PASSWORD, send_password=False)

    has = {each["name"] for each in existing["protocol_parameters"]}
    assert has - {"PASSWORD"} == {each["name"] for each in body["protocol_parameters"]}
    assert foreign in body["protocol_parameters"]
    assert {"id", "protocol_parameters"} == set(body)


def test_passwords_are_sent_when_asked_for(siem: Reached) -> None:
    """They can't be compared, so an update sends them only on demand, and then to every log source."""
    siem.push(FLEET[:1])

    plan = siem.plan(FLEET[:1], update_passwords=True)
    found = siem.push(FLEET[:1], replace(QUICK, update_passwords=True))

    assert [[("Password", "(sent)")]] == [
        [(each.field, each.after) for each in item.differences] for item in plan.items
    ]
    assert ["updated"] == statuses(found)


def _counted(siem: Reached) -> list[Any]:
    """Keep what is sent from now on."""
    sent: list[Any] = []
    patch = siem.console.patch

    def counting(items: Any) -> str:
        sent.append(items)
        return patch(items)

    siem.console.patch = counting  # type: ignore[method-assign]
    return sent


def test_a_password_of_which_nobody_knows_is_sent_again(siem: Reached) -> None:
    """Whether it arrived can't be seen on the console; sent twice it does no harm."""
    siem.push(FLEET)
    siem.running.befall(cut="after", method="PATCH", times=1)
    patches = _counted(siem)

    found = siem.push(FLEET, replace(QUICK, update_passwords=True))

    assert (["updated"] * 3, 2) == (statuses(found), len(patches))
    values = [
        each["value"] for item in patches[1] for each in item["protocol_parameters"] if each["name"] == "PASSWORD"
    ]
    assert [PASSWORD.reveal()] * 3 == values


def test_a_name_that_somebody_takes_meanwhile(siem: Reached) -> None:
    """Between plan and push another log source of the type got it: refused, with both ways out."""
    taken = source("other", name="Exchange @ ex02")

    found = siem.push(FLEET, meanwhile=lambda: siem.push([taken]))

    assert ["created", "refused", "created"] == statuses(found)
    assert "with the identifier 'other'" in found[1].sentence


def test_one_of_fifty_is_refused(siem: Reached) -> None:
    """Its sentence says why and what to do; the other forty-nine are done."""
    siem.running.befall(refuse_name="ex07")
    fleet = [source(f"ex{number:02}") for number in range(1, 51)]

    found = siem.push(fleet)

    refused = [each for each in found if each.status is Status.REFUSED]
    assert ["ex07"] == [each.item.wanted.source.host for each in refused if each.item]
    assert "the console failed [HTTP 500, code 1100" in refused[0].sentence
    assert 49 == statuses(found).count("created") == len(siem.ids())


def test_a_name_that_is_another_types(siem: Reached) -> None:
    """The console refuses it by code, and the others are done."""
    other = {"name": "Exchange @ ex02", "type_id": 0, "protocol_type_id": 0}
    other["type_id"] = next(e["id"] for e in siem.running.list_of("log_source_types") if e["name"] == "Universal DSM")
    identity = [{"name": "identifier", "value": "appliance"}]
    bulk.run(siem.console, [{**other, "protocol_parameters": identity}], seconds=5)

    patches = _counted(siem)

    found = siem.push(FLEET)

    assert (["created", "refused", "created"], 1) == (statuses(found), len(patches))
    assert "another log source of this name" in found[1].sentence


@pytest.mark.parametrize("cut", ["before", "after", "within"])
def test_the_connection_is_cut_in_the_middle(siem: Reached, cut: Any) -> None:
    """Whether the console acted or not: each log source stands there once, and none is reported wrongly."""
    siem.running.befall(cut=cut, method="PATCH", times=1)

    found = siem.push(FLEET)

    assert ["created"] * 3 == statuses(found)
    assert [each.name for each in FLEET] == sorted(siem.ids())
    assert all(each.id == siem.ids()[each.item.wanted.source.name] for each in found if each.item)
    assert (cut == "after") is any("the console was looked at" in each.sentence for each in found)


def test_the_connection_is_cut_while_the_task_is_asked_for(siem: Reached) -> None:
    """Asking is repeated."""
    siem.running.befall(cut="before", method="GET", path="log_source_bulk_tasks", times=2)

    assert ["created"] * 3 == statuses(siem.push(FLEET))


def test_nobody_answers_any_more(siem: Reached) -> None:
    """The console dies with the task: what became of it isn't known, and a second run makes it good."""
    found = siem.push(FLEET, meanwhile=lambda: siem.running.befall(cut="after"))
    siem.running.befall()

    assert ["unknown"] * 3 == statuses(found)
    assert all(isinstance(each.error, UnreachableError) for each in found)
    assert ["unchanged"] * 3 == statuses(siem.push(FLEET))
    assert 3 == len(siem.ids())


def test_a_second_run_while_the_first_ones_task_is_at_work(tmp_path: Path) -> None:
    """As after Ctrl-C: what the first run's task makes meanwhile isn't made twice."""
    with (
        running_console(tmp_path / "siem", ConsoleSettings(task_seconds=0.15)) as running,
        reached(running) as siem,
    ):
        siem.console.agree_on_version()
        schema, plan = siem.console.schema(FLEET), siem.plan(FLEET)
        siem.console.patch([item.body(None, send_password=False) for item in plan.items])

        found = siem.push(FLEET)

        assert schema
        assert set(statuses(found)) <= {"created", "unchanged"}
        assert [each.name for each in FLEET] == sorted(each["name"] for each in running.log_sources())


def test_a_task_that_takes_too_long(tmp_path: Path) -> None:
    """It isn't followed for ever; the console goes on, and nothing is sent a second time meanwhile."""
    with (
        running_console(tmp_path / "siem", ConsoleSettings(task_seconds=0.5)) as running,
        reached(running) as siem,
    ):
        siem.console.agree_on_version()

        found = siem.push(FLEET[:2], Settings(seconds=0.1, settle=0.01))

        assert {"unknown"} >= set(statuses(found)) - {"created"}
        assert all(isinstance(each.error, DeadlineError) for each in found if each.status is Status.UNKNOWN)


def test_a_task_that_the_console_forgot(siem: Reached) -> None:
    """What stands on the console has the last word."""
    siem.running.befall(answer_status=404, path="log_source_bulk_tasks")

    found = siem.push(FLEET)

    assert ["created"] * 3 == statuses(found)
    assert all("the console was looked at" in each.sentence for each in found)


def test_too_many_requests(siem: Reached) -> None:
    """A change that wasn't taken is sent again once the console says it may."""
    siem.running.befall(answer_status=429, retry_after=0, method="PATCH", times=2)

    assert ["created"] * 3 == statuses(siem.push(FLEET))


def test_a_proxys_page_instead_of_an_answer(siem: Reached) -> None:
    """A proxy that gave up says nothing of the console, which is looked at before anything is sent again."""
    siem.running.befall(answer_status=504, page=True, method="PATCH", times=1)

    found = siem.push(FLEET)

    assert ["created"] * 3 == statuses(found)
    assert 3 == len(siem.ids())


def test_a_portals_page(siem: Reached) -> None:
    """What isn't the console's API is named so."""
    siem.running.befall(answer_status=200, page=True)

    with pytest.raises(ProtocolFaultError, match="a web page"):
        siem.plan(FLEET)


def test_a_wrong_token(siem: Reached) -> None:
    """Nothing else is tried, and where the token comes from is said."""
    with (
        reached(siem.running, token="00000000-no-such-token") as stranger,
        pytest.raises(AuthenticationError) as caught,
    ):
        stranger.console.agree_on_version()

    assert "doesn't take the token" in caught.value.message
    assert "console_token" in caught.value.hint


def test_a_token_that_may_only_read(siem: Reached) -> None:
    """What it may not do is said with the role that it needs."""
    with reached(siem.running, token=siem.running.token_of("reader")) as reader:
        reader.console.agree_on_version()
        with pytest.raises(ConsoleRefusalError) as caught:
            reader.plan(FLEET)

    assert "the token may not do this" in caught.value.message
    assert "Manage Log Sources" in caught.value.hint


def test_a_token_that_manages_log_sources(siem: Reached) -> None:
    """It needs no more than that, though it is told little of the log source types."""
    with reached(siem.running, token=siem.running.token_of("manager")) as manager:
        manager.console.agree_on_version()

        assert ["created"] * 3 == statuses(manager.push(FLEET))


def test_a_certificate_that_isnt_trusted(siem: Reached) -> None:
    """Its fingerprint is shown, to be compared with the console's; no request goes out."""
    with reached(siem.running, trust="") as stranger, pytest.raises(CertificateError) as caught:
        stranger.console.agree_on_version()

    assert caught.value.fingerprint
    assert caught.value.fingerprint in caught.value.message
    assert "--ca" in caught.value.hint


def test_nobody_there(siem: Reached, tmp_path: Path) -> None:
    """A port where nobody listens."""
    ca = tmp_path / "ca.pem"
    ca.write_bytes(siem.running.ca.read_bytes())
    with reached(siem.running, trust=str(ca)) as found:
        siem.running.stop()
        with pytest.raises(UnreachableError, match="refuses the connection"):
            found.console.agree_on_version()


def test_a_console_that_hangs(siem: Reached) -> None:
    """A question ends after its time."""
    siem.running.befall(hang=True)

    with (
        reached(siem.running, read_seconds=0.1) as found,
        pytest.raises(DeadlineError, match=r"no answer to .* 0\.1 s"),
    ):
        found.console.agree_on_version()


def test_removing(siem: Reached) -> None:
    """What is named goes, what isn't stays; twice is as good as once."""
    siem.push(FLEET)
    there = {each.identifier: each for each in unwanted(siem.running.log_sources(), _pairs(siem))}

    first = remove(siem.console, [there["ex01"], there["ex03"]], [type_ for type_, _ in _pairs(siem)], QUICK)
    second = remove(siem.console, [there["ex01"]], [], QUICK)

    assert (["removed", "removed"], ["removed"]) == (statuses(first), statuses(second))
    assert "it was gone already" == second[0].sentence
    assert ["Exchange @ ex02"] == list(siem.ids())


@pytest.mark.parametrize("cut", ["before", "after"])
def test_removing_over_a_connection_that_is_cut(siem: Reached, cut: Any) -> None:
    """The console is looked at; what is still there is removed then."""
    siem.push(FLEET)
    there = {each.identifier: each for each in unwanted(siem.running.log_sources(), _pairs(siem))}
    siem.running.befall(cut=cut, method="PATCH", times=1)

    found = remove(siem.console, [there["ex01"]], [type_ for type_, _ in _pairs(siem)], QUICK)

    assert ["removed"] == statuses(found)
    assert ["Exchange @ ex02", "Exchange @ ex03"] == sorted(siem.ids())


def _pairs(siem: Reached) -> set[tuple[int, int]]:
    return siem.console.pairs([("Microsoft Exchange Server", "Microsoft Exchange")])


def test_many_go_in_several_requests(siem: Reached, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each outcome is still its own log source's."""
    monkeypatch.setattr(bulk, "AT_ONCE", 2)

    found = siem.push(FLEET)

    assert [siem.ids()[each.name] for each in FLEET] == [each.id for each in found]


def test_what_wasnt_sent_any_more(siem: Reached, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the console refuses a request as a whole, the ones before it stay done and the rest isn't sent."""
    monkeypatch.setattr(bulk, "AT_ONCE", 1)
    patches: list[object] = []
    send = siem.console.patch

    def patch(items: Any) -> str:
        patches.append(items)
        if len(patches) == 2:
            raise HostError("no", host="siem")
        return send(items)

    monkeypatch.setattr(siem.console, "patch", patch)

    found = siem.push(FLEET)

    assert ["created", "unsent", "unsent"] == statuses(found)
    assert 2 == len(patches)


def test_identifiers_are_found_whatever_their_case(siem: Reached) -> None:
    """A console where somebody wrote EX01 isn't given a second one."""
    siem.push([replace(FLEET[0], identifier="EX01")])

    found = siem.push(FLEET[:1])

    assert ["updated"] == statuses(found)
    assert ["ex01"] == [identifier_of(each) for each in siem.running.log_sources()]
