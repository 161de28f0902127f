"""`harness apply` on a simulated server of each version and role."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from harness.exchange import versions
from harness.lab.client import Simulated

if TYPE_CHECKING:
    from collections.abc import Callable

    from running_lab import Ended, RunningLab

NAME = "srv01.lab.example"
# Version, roles, and how each task of the shipped playbook ends the first time: OWA, receive, send, tracking.
SERVERS = [
    ("2003", ("mailbox",), "changed skipped skipped changed"),
    ("2007", ("hub_transport",), "skipped changed changed ok"),
    ("2007", ("mailbox",), "skipped skipped skipped ok"),
    ("2007", ("client_access",), "changed skipped skipped skipped"),
    ("2007", ("unified_messaging",), "skipped skipped skipped skipped"),
    ("2007", ("mailbox", "client_access", "hub_transport"), "changed changed changed ok"),
    ("2007", ("edge_transport",), "skipped changed ok ok"),
    ("2010", ("hub_transport",), "skipped changed changed ok"),
    ("2010", ("mailbox",), "skipped skipped skipped ok"),
    ("2010", ("client_access",), "changed skipped skipped skipped"),
    ("2010", ("unified_messaging",), "skipped skipped skipped skipped"),
    ("2010", ("edge_transport",), "skipped changed ok ok"),
    ("2013", ("client_access",), "changed changed ok skipped"),
    ("2013", ("mailbox",), "changed changed changed ok"),
    ("2013", ("mailbox", "client_access"), "changed changed changed ok"),
    ("2013", ("edge_transport",), "skipped changed ok ok"),
    ("2016", ("mailbox",), "changed changed changed ok"),
    ("2016", ("edge_transport",), "skipped changed ok ok"),
    ("2019", ("mailbox",), "changed changed changed ok"),
    ("2019", ("edge_transport",), "skipped changed ok ok"),
    ("SE", ("mailbox",), "changed changed changed ok"),
    ("SE", ("edge_transport",), "skipped changed ok ok"),
]


_APART = {"smtp_virtual_server", "smtp_log_folders"}


def statuses(ended: Ended, host: int = 0) -> str:
    """Give how each task ended on a host, but for those that have tests of their own: Exchange 2003's, and a choice."""
    tasks = ended.json["plays"][0]["hosts"][host]["tasks"]
    return " ".join(task["status"] for task in tasks if task["module"] not in _APART)


def delegating(version: str) -> dict[str, Any]:
    """Exchange 2007 can be reached by its snap-in alone, whose process needs a sign-in that travels on."""
    return {"delegation": version == "2007"}


def test_no_version_and_no_role_is_left_out() -> None:
    """The table in docs/versions.md promises a run on a server of every role alone."""
    alone = {(version, roles[0]) for version, roles, _ in SERVERS if len(roles) == 1}

    assert {(name, role) for name, version in versions.VERSIONS.items() for role in version.roles} == alone


@pytest.mark.parametrize("stated", [True, False], ids=["stated", "assumed"])
@pytest.mark.parametrize(
    ("version", "roles", "first"),
    [pytest.param(*server, id=f"{server[0]}-{'+'.join(server[1])}") for server in SERVERS],
)
def test_the_shipped_playbook_serves_every_server(
    make_lab: Callable[..., RunningLab], version: str, roles: tuple[str, ...], first: str, stated: bool
) -> None:
    """What the server has is configured once and then stays, whether the inventory says what it is or not."""
    lab = make_lab(Simulated(NAME, version, roles=roles, **delegating(version)))
    if stated:
        with lab.inventory.open("a") as inventory:
            inventory.write(f"exchange_version={version}\nexchange_roles={','.join(roles)}\n")

    once = lab.run("apply", "--output", "json")
    again = lab.run("apply", "--output", "json")

    assert (0, 0) == (once.code, again.code)
    assert first == statuses(once)
    assert first.replace("changed", "ok") == statuses(again)
    assert {"Verbose"} >= {str(entry.protocol_logging) for entry in lab.machine(NAME).receive_connectors}


def test_naming_version_and_roles_saves_a_process(make_lab: Callable[..., RunningLab]) -> None:
    """A wrong assumption costs requests, a stated one doesn't, and the usual server needs no statement."""
    edge = make_lab(Simulated(NAME, "2016", roles=("edge_transport",)), "usual.lab.example")

    def cost(host: str, *lines: str) -> int:
        edge.inventory.write_text("\n".join([f"{host} connection=lab", "[all:vars]", *lines]) + "\n")
        before = edge.server(host).requests
        assert 0 == edge.run("plan", "--tags", "msgtrk").code
        return edge.server(host).requests - before

    assumed = cost(NAME)
    stated = cost(NAME, "exchange_version=2016", "exchange_roles=edge_transport")
    usual = cost("usual.lab.example")

    assert assumed > stated
    assert usual <= stated


def test_a_subscribed_edge_server_is_refused(make_lab: Callable[..., RunningLab]) -> None:
    """Its send connectors come from the organisation; the error says where to go, and the other tasks are done."""
    lab = make_lab("ex01.lab.example", Simulated(NAME, "2016", roles=("edge_transport",), subscribed=True))

    ended = lab.run("apply", "--limit", NAME)

    assert 1 == ended.code
    assert "this Edge server is subscribed to the organisation" in ended.out
    assert "hint: name them in a send_connector task for a server inside the organisation" in ended.out
    assert re.search(rf"^{NAME}\s+: ok=2\s+changed=1\s", ended.out, re.MULTILINE)


def test_the_second_hop_of_2007_names_its_cures(make_lab: Callable[..., RunningLab]) -> None:
    """Over NTLM the snap-in can't speak to the directory, and there is no endpoint to turn to."""
    lab = make_lab(Simulated(NAME, "2007", roles=("hub_transport",)))

    ended = lab.run("apply")

    assert 1 == ended.code
    assert "second hop" in ended.out
    assert "winrm_transport=credssp" in ended.out
    assert "Exchange 2007 has no other way in" in ended.out


def test_a_mailbox_server_that_stops_tracking_is_named(make_lab: Callable[..., RunningLab]) -> None:
    """No probe can be sent through it; that it tracks is asked of the server, and of the files that it writes."""
    hub, mailbox = "hub01.lab.example", "mbx01.lab.example"
    lab = make_lab(
        Simulated(hub, "2010", roles=("hub_transport",)),
        Simulated(mailbox, "2010", roles=("mailbox",), probe_interval=1.0),
    )
    with lab.inventory.open("a") as inventory:
        inventory.write("exchange_version=2010\n[exchange]\nmbx01.lab.example exchange_roles=mailbox\n")
    tracks = lab.run("verify", "--limit", mailbox)
    off = lab.playbook("- hosts: all\n  tasks:\n    - message_tracking: {enabled: false}\n")
    lab.run("apply", "-p", off, "--limit", mailbox)

    silent = lab.run("verify", "--limit", mailbox)

    assert (0, 1) == (tracks.code, silent.code), tracks.out + silent.out
    assert "skipped: [mbx01.lab.example] => MSGTRK::probe" in tracks.out
    assert "ok: [mbx01.lab.example] => MSGTRK::fields_present" in tracks.out
    assert "failed: [mbx01.lab.example] => MSGTRK::tracking_enabled" in silent.out
    assert "enable message tracking (message_tracking)" in silent.out


def test_a_mailbox_server_without_a_log_fails(make_lab: Callable[..., RunningLab]) -> None:
    """Where nothing was ever submitted there is no file, and what nobody saw isn't proven."""
    lab = make_lab(Simulated(NAME, "2010", roles=("mailbox",)))
    with lab.inventory.open("a") as inventory:
        inventory.write("exchange_version=2010\nexchange_roles=mailbox\n")

    ended = lab.run("verify", "--timeout", "4")

    assert 1 == ended.code
    assert "ok: [srv01.lab.example] => MSGTRK::tracking_enabled" in ended.out
    assert "failed: [srv01.lab.example] => MSGTRK::fields_present" in ended.out
