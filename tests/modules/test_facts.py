"""Facts: what is made of a host's answer, and what it is checked against."""

from __future__ import annotations

from typing import Any

import pytest

from harness.errors import HostError
from harness.exchange import versions
from harness.modules import facts
from harness.modules.base import Target


def answer(build: str = "15.1.2507.6", *keys: str, powershell: str = "5.1.14393.0") -> list[dict[str, Any]]:
    """Make what a host prints."""
    exchange = {"build": build, "install_path": "C:\\Exchange\\", "role_keys": list(keys or ("MailboxRole",))}
    return [
        {
            "computer_name": "EX01",
            "fqdn": "ex01.corp.example",
            "powershell": powershell,
            "windows": {"version": "6.1.7601", "caption": "Windows"},
            "iis": None,
            "exchange": exchange if build else None,
            "time": {"utc": "2026-01-02T03:04:05.1234567Z", "offset": -210, "zone": "Newfoundland Standard Time"},
        }
    ]


def target(version: str = "2016", roles: frozenset[str] | None = None, *stated: str, access: str = "auto") -> Target:
    """Make a host as the inventory describes it."""
    return Target("ex01", versions.VERSIONS[version], access=access, roles=roles, stated=frozenset(stated))


@pytest.mark.parametrize(
    ("build", "keys", "version", "roles", "shell"),
    [
        ("8.3.83.6", ("HubTransportRole",), "2007", {"hub_transport"}, "snapin"),
        ("14.3.123.4", ("MailboxRole", "ClientAccessRole"), "2010", {"mailbox", "client_access"}, "remoting"),
        ("15.0.1497.2", ("CafeRole",), "2013", {"client_access"}, "remoting"),
        ("15.2.2562.17", ("EdgeTransportRole",), "SE", {"edge_transport"}, "snapin"),
    ],
)
def test_what_the_inventory_leaves_open_follows_from_facts(
    build: str, keys: tuple[str, ...], version: str, roles: set[str], shell: str
) -> None:
    """Scripts are made for the server that is there, not for the one that was assumed."""
    found = facts.settled(target(), facts.parse(answer(build, *keys), target()))

    assert (version, roles, shell) == (found.version.name, found.roles, found.shell)


@pytest.mark.parametrize(
    ("stated", "build", "keys", "words"),
    [
        (
            target("2013", None, "version"),
            "15.1.2507.6",
            (),
            "runs Exchange 2016 (build 15.1.2507.6), the inventory says 2013",
        ),
        (
            target("2010", frozenset({"mailbox"}), "version", "roles"),
            "14.3.123.4",
            ("MailboxRole", "HubTransportRole"),
            "the host has the Exchange roles hub_transport, mailbox, the inventory says mailbox",
        ),
        (target(), "5.5.2653.23", (), "which this harness doesn't support"),
    ],
)
def test_a_host_that_is_another_than_stated_is_refused(
    stated: Target, build: str, keys: tuple[str, ...], words: str
) -> None:
    """Half of its logs would stay unconfigured, or the wrong cmdlets be called."""
    with pytest.raises(HostError) as caught:
        facts.parse(answer(build, *keys), stated)
    assert words in caught.value.message
    assert caught.value.hint


def test_a_role_that_brings_nothing_need_not_be_stated() -> None:
    """Unified messaging has no log that the DSM reads."""
    stated = target("2010", frozenset({"mailbox"}), "version", "roles")
    found = facts.parse(answer("14.3.123.4", "MailboxRole", "UnifiedMessagingRole"), stated)

    assert ["mailbox", "unified_messaging"] == found["exchange"]["roles"]


def test_a_way_that_the_server_does_not_offer_is_refused() -> None:
    """An Edge server has no endpoint for the remoting that the inventory insists on."""
    wanted = target(access="remoting")
    with pytest.raises(HostError, match="has no remoting") as caught:
        facts.settled(wanted, facts.parse(answer("15.1.2507.6", "EdgeTransportRole"), wanted))
    assert "snapin" in caught.value.hint


def test_an_unknown_build_is_a_note() -> None:
    """The newest known version's ways are tried, and the report says so."""
    found = facts.parse(answer("16.0.100.1"), target())

    assert "SE" == found["exchange"]["version"]
    assert ["Exchange build 16.0.100.1 is newer than all that harness knows: it is treated as SE"] == list(
        facts.notes(found)
    )


@pytest.mark.parametrize(("powershell", "count"), [("1.0", 1), ("2.0", 0), ("5.1", 0)])
def test_an_old_powershell_is_a_note(powershell: str, count: int) -> None:
    """Scripts that use what it lacks would fail in ways that are hard to read."""
    found = facts.parse(answer("8.3.83.6", "HubTransportRole", powershell=powershell), target())

    assert count == len(facts.notes(found))


def test_a_host_without_exchange_has_none() -> None:
    """It isn't an error: tasks of other kinds may run there."""
    found = facts.parse(answer(""), target())

    assert (None, ()) == (found["exchange"], facts.notes(found))
    assert target() == facts.settled(target(), found)


@pytest.mark.parametrize("wrong", [[], [1], [{}], [{**answer()[0], "more": 1}], answer() * 2, None])
def test_an_answer_of_another_form_is_an_error(wrong: object) -> None:
    """A host that answers something else isn't believed in part."""
    with pytest.raises(HostError, match="can't be read"):
        facts.parse(wrong, target())


def test_the_clock_is_read_to_the_microsecond() -> None:
    """.NET writes seven digits, Python reads six."""
    clock = facts.clock(facts.parse(answer(), target()))

    assert clock is not None
    assert "2026-01-02T03:04:05.123456+00:00" == clock.isoformat()
