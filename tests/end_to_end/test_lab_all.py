"""The inventory with one simulated server of each version and role: configured, verified, and then as it should be."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from running_lab import run

from harness.exchange.versions import VERSIONS
from harness.inventory import load

if TYPE_CHECKING:
    from running_lab import Ended

    from harness.inventory import Host

INVENTORY = Path(__file__).parents[2] / "inventory.lab-all.ini"
HOSTS = load(INVENTORY).hosts
# What the host serves, so that its log can't be skipped: OWA, SMTP conversations, message tracking.
ALL = {"OWA", "SMTP", "MSGTRK"}
FAMILIES = {
    "2003-mailbox": ALL,
    "2007-hub_transport": {"SMTP", "MSGTRK"},
    "2007-client_access+hub_transport+mailbox": ALL,
    "2007-edge_transport": {"SMTP", "MSGTRK"},
    "2010-hub_transport": {"SMTP", "MSGTRK"},
    "2010-mailbox": {"MSGTRK"},
    "2010-client_access": {"OWA"},
    "2010-edge_transport": {"SMTP", "MSGTRK"},
    "2013-client_access": {"OWA", "SMTP"},
    "2013-mailbox": ALL,
    "2016-mailbox": ALL,
    "2016-edge_transport": {"SMTP", "MSGTRK"},
    "2019-mailbox": ALL,
    "2019-edge_transport": {"SMTP", "MSGTRK"},
    "SE-mailbox": ALL,
}


def server_of(host: Host) -> str:
    """Give what a host is: its version and roles."""
    version = VERSIONS[host.get("exchange_version")]
    return f"{version.name}-{'+'.join(sorted(host.get('exchange_roles') or version.usual))}"


@dataclass(frozen=True)
class Runs:
    """What the commands said, one after the other."""

    first: Ended
    verified: Ended
    second: Ended
    log: Path

    def expectations(self, host: str) -> list[dict[str, Any]]:
        """Give what became of each expectation on a host."""
        return [each for each in self.verified.json["expectations"] if each["host"] == host]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """Apply, verify, apply again: each command with a lab of its own, whose state is in a folder."""
    inventory = Path(shutil.copy(INVENTORY, tmp_path_factory.mktemp("lab")))
    first = run("apply", inventory, "--output", "json")
    verified = run("verify", inventory, "--output", "json")
    second = run("apply", inventory, "--output", "json")
    return Runs(first, verified, second, inventory.parent / ".harness" / "lab" / "lab.log")


def outcomes(ended: Ended) -> dict[str, set[str]]:
    """Give how tasks ended, by host."""
    hosts = ended.json["plays"][0]["hosts"]
    return {host["host"]: {task["status"] for task in host["tasks"]} for host in hosts}


def test_no_kind_of_server_is_left_out() -> None:
    """Each host of the inventory is of another kind, and of each kind it is known what must be there."""
    assert sorted(FAMILIES) == sorted(server_of(host) for host in HOSTS.values())


@pytest.mark.timeout(180)
def test_the_second_run_changes_nothing_on_any(runs: Runs) -> None:
    """The first run configures every server, whatever its version and roles; the second finds nothing to do."""
    first, second = runs.first, runs.second

    assert (0, 0) == (first.code, second.code)
    assert list(HOSTS) == list(outcomes(first))
    assert {"changed", "ok", "skipped"} == set().union(*outcomes(first).values())
    assert {"ok", "skipped"} == set().union(*outcomes(second).values())
    # Message tracking is on from the start, and nothing else is to be done on a 2010 Mailbox server.
    assert ["ex10mbx.e2010.lab.example"] == [host for host, found in outcomes(first).items() if "changed" not in found]


@pytest.mark.timeout(180)
@pytest.mark.parametrize("host", [pytest.param(name, id=server_of(host)) for name, host in HOSTS.items()])
def test_its_logs_are_verified(runs: Runs, host: str) -> None:
    """Every expectation holds; skipped is what the host has no log for, and a probe that it can't be sent."""
    found = runs.expectations(host)
    families = FAMILIES[server_of(HOSTS[host])]
    skipped = {f"{each['family']}::{each['name']}" for each in found if each["status"] == "skipped"}
    # Tracking tells connectors, and a server without any takes no message.
    lacking = {("SMTP::connectors_logged", "MSGTRK"), ("MSGTRK::probe", "SMTP")}

    assert 0 == runs.verified.code, runs.verified.out
    assert {"passed", "skipped"} >= {each["status"] for each in found}
    assert {each["family"] for each in found if each["status"] == "passed"} == families
    assert {name for name in skipped if name.partition("::")[0] in families} == {
        name for name, other in lacking if other not in families and name.partition("::")[0] in families
    }


def test_it_was_read_over_samba(runs: Runs) -> None:
    """With share modes and signing, as from a Windows server, and not through the simpler server."""
    degraded = "embedded server" in runs.log.read_text()
    if degraded and not os.environ.get("HARNESS_REQUIRE_SAMBA"):
        pytest.skip("Samba isn't installed; set HARNESS_REQUIRE_SAMBA to make this a failure")

    assert not degraded


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("ex01.lab.example exchange_version=2016 lab_edge_subscribed=true", "only an Edge server is subscribed"),
        ("ex01.lab.example exchange_version=2016 exchange_roles=hub_transport", "hub_transport"),
    ],
)
def test_what_cannot_be_simulated_is_refused_by_line(tmp_path: Path, line: str, message: str) -> None:
    """The inventory's file and line, before anything starts."""
    inventory = tmp_path / "inventory.ini"
    inventory.write_text(f"[exchange]\n{line} connection=lab\n")
    ended = run("apply", inventory)

    assert 3 == ended.code
    assert "inventory.ini:2" in ended.err
    assert message in ended.err
    assert not (tmp_path / ".harness" / "lab" / "hosts.json").exists()
