"""What differs between versions and roles."""

from __future__ import annotations

import pytest

from harness.exchange import folders, versions
from harness.exchange.versions import Server
from harness.inventory import keys

ROLES = [(version, role) for version in versions.VERSIONS.values() for role in version.roles]


def server(version: str, *roles: str) -> Server:
    """Give a server."""
    return Server(versions.VERSIONS[version], frozenset(roles))


@pytest.mark.parametrize(
    ("build", "name"),
    [
        ("6.5.7638.0", "2003"),
        ("8.0.685.24", "2007"),
        ("8.3.83.6", "2007"),
        ("14.0.639.21", "2010"),
        ("14.3.123.4", "2010"),
        ("15.0.516.32", "2013"),
        ("15.1.2507.6", "2016"),
        ("15.2.221.12", "2019"),
        ("15.2.1544.4", "2019"),
        ("15.2.2562.17", "SE"),
        ("15.2.9999.0", "SE"),
    ],
)
def test_a_build_belongs_to_its_version(build: str, name: str) -> None:
    """2019 and SE share their first two numbers; the build parts them. Service packs are no versions."""
    version = versions.of_build(build)

    assert version is not None
    assert (name, False) == (version.name, versions.is_newer(build))


@pytest.mark.parametrize("build", ["15.3.1.0", "16.0.0.0"])
def test_a_build_from_the_future_counts_as_the_newest(build: str) -> None:
    """A server that was updated before harness was is still served; it is told apart for a note."""
    assert (versions.NEWEST, True) == (versions.of_build(build), versions.is_newer(build))


@pytest.mark.parametrize("build", ["5.5.2653.23", "", "15", "15.x", "fifteen.one"])
def test_what_is_older_or_no_build_is_no_version(build: str) -> None:
    """Nothing is assumed of it."""
    assert versions.of_build(build) is None
    assert not versions.is_newer(build)


def test_every_version_of_the_inventory_is_known() -> None:
    """A version that the inventory accepts and nobody serves would be found out on the host."""
    assert set(keys.VERSIONS) == set(versions.VERSIONS)


def test_every_role_is_one_that_the_inventory_can_name() -> None:
    """A role under another spelling could never be stated."""
    assert {role for _, role in ROLES} == set(keys.ROLES)


@pytest.mark.parametrize(("version", "role"), ROLES, ids=lambda value: getattr(value, "name", value))
def test_a_role_is_found_by_its_registry_key(version: versions.Version, role: str) -> None:
    """Every key alone says the role and no other."""
    for key in version.roles[role].keys:
        assert frozenset({role}) == version.roles_of([key.upper(), "AdminTools"])


@pytest.mark.parametrize(
    ("keys_there", "roles"),
    [
        (("ClientAccessRole", "HubTransportRole", "MailboxRole", "UnifiedMessagingRole"), {"mailbox"}),
        (("CafeRole", "FrontendTransportRole"), {"client_access"}),
        (("CafeRole", "FrontendTransportRole", "MailboxRole", "HubTransportRole"), {"mailbox", "client_access"}),
        (("EdgeTransportRole",), {"edge_transport"}),
        ((), set()),
    ],
)
def test_2013_mailbox_and_client_access_are_told_apart(keys_there: tuple[str, ...], roles: set[str]) -> None:
    """A mailbox server has a key named ClientAccessRole, too, which isn't what clients connect to."""
    assert roles == versions.VERSIONS["2013"].roles_of(keys_there)


@pytest.mark.parametrize(
    ("version", "roles", "tracking", "intra_org", "delivery"),
    [
        ("2007", ["hub_transport"], "Set-TransportServer", ["Set-TransportServer"], None),
        ("2007", ["edge_transport"], "Set-TransportServer", [], None),
        ("2010", ["mailbox"], "Set-MailboxServer", [], None),
        ("2010", ["mailbox", "hub_transport"], "Set-TransportServer", ["Set-TransportServer"], None),
        ("2010", ["client_access"], None, [], None),
        ("2013", ["client_access"], None, ["Set-FrontendTransportService"], None),
        ("2013", ["mailbox"], "Set-TransportService", ["Set-TransportService"], "Set-MailboxTransportService"),
        (
            "2016",
            ["mailbox"],
            "Set-TransportService",
            ["Set-TransportService", "Set-FrontendTransportService"],
            "Set-MailboxTransportService",
        ),
        ("SE", ["edge_transport"], "Set-TransportService", [], None),
    ],
)
def test_settings_belong_to_the_cmdlets_of_version_and_role(
    version: str, roles: list[str], tracking: str | None, intra_org: list[str], delivery: str | None
) -> None:
    """The wrong cmdlet doesn't exist there, or sets nothing."""
    found = server(version, *roles)

    assert tracking == (found.tracking.set if found.tracking else None)
    assert intra_org == [service.set for service in found.intra_org]
    assert delivery == (found.delivery.set if found.delivery else None)


@pytest.mark.parametrize(
    ("version", "roles", "web", "connectors"),
    [
        ("2007", ["client_access"], True, False),
        ("2007", ["hub_transport"], False, True),
        ("2010", ["mailbox"], False, False),
        ("2010", ["unified_messaging"], False, False),
        ("2010", ["edge_transport"], False, True),
        ("2013", ["client_access"], True, True),
        ("2013", ["mailbox"], True, True),
        ("2019", ["mailbox"], True, True),
        ("2019", ["edge_transport"], False, True),
    ],
)
def test_what_a_role_brings_along(version: str, roles: list[str], web: bool, connectors: bool) -> None:
    """It decides which tasks are skipped on such a server."""
    assert (web, connectors) == (server(version, *roles).web, server(version, *roles).connectors)


@pytest.mark.parametrize(
    ("version", "roles", "accesses", "snapin"),
    [
        ("2007", ["hub_transport"], ("snapin",), "Microsoft.Exchange.Management.PowerShell.Admin"),
        ("2010", ["hub_transport"], ("remoting", "snapin"), "Microsoft.Exchange.Management.PowerShell.E2010"),
        ("2010", ["edge_transport"], ("snapin",), "Microsoft.Exchange.Management.PowerShell.E2010"),
        ("2016", ["edge_transport"], ("snapin",), "Microsoft.Exchange.Management.PowerShell.SnapIn"),
        ("SE", ["mailbox"], ("remoting", "snapin"), "Microsoft.Exchange.Management.PowerShell.SnapIn"),
    ],
)
def test_the_way_to_the_cmdlets(version: str, roles: list[str], accesses: tuple[str, ...], snapin: str) -> None:
    """The first one is the default; an Edge server and Exchange 2007 have no endpoint to speak to."""
    assert (accesses, snapin) == (server(version, *roles).accesses, server(version, *roles).version.snapin)


@pytest.mark.parametrize(
    ("version", "roles", "words"),
    [
        ("2016", ["client_access"], "Exchange 2016 has no role client_access; it has mailbox, edge_transport"),
        ("2010", ["edge_transport", "mailbox"], "an Edge server has no other role"),
    ],
)
def test_roles_that_cannot_be_are_refused(version: str, roles: list[str], words: str) -> None:
    """A misread inventory must not lead to half a configuration."""
    with pytest.raises(ValueError, match=words):
        server(version, *roles)


@pytest.mark.parametrize("version", versions.VERSIONS.values(), ids=lambda version: version.name)
def test_the_usual_roles_make_a_server(version: versions.Version) -> None:
    """What is assumed of a host of which nothing is known must be possible."""
    assert version.usual
    assert not Server(version, version.usual).edge


@pytest.mark.parametrize(
    ("roles", "name"), [(set(), "2016"), ({"edge_transport"}, "2016"), ({"hub_transport"}, "2010")]
)
def test_roles_alone_hint_at_a_version(roles: set[str], name: str) -> None:
    """An inventory that names roles and no version isn't refused for a version that it never named."""
    assert name == versions.likely(frozenset(roles)).name


@pytest.mark.parametrize("version", [version for version in versions.VERSIONS if version != "2003"])
def test_services_with_protocol_logs_are_those_with_default_folders(version: str) -> None:
    """What is read off a host and what is assumed of it are about the same services, whatever roles it has."""
    known = versions.VERSIONS[version]
    together = frozenset(known.roles) - {versions.EDGE}
    roles = [frozenset(), known.usual, together, *(frozenset({role}) for role in known.roles)]

    assert [folders.services(version, each) for each in roles] == [
        set(Server(known, each or known.usual).protocol_logs) for each in roles
    ]
