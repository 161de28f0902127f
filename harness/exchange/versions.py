"""What differs between versions of Exchange and their server roles, as data.

Documented: the cmdlets (the "Applicable" lines of the cmdlets' reference; for 2007 its own reference), what EdgeSync
brings to a subscribed Edge server, the snap-ins' names, the registry keys of setup and of the roles (Microsoft's
own support scripts and setup read them), the version of PowerShell that each version's prerequisites name.

Believed: that a server with a hub transport and a mailbox role keeps one set of message tracking settings, so that
`Set-TransportServer` covers it; the key ``EdgeTransportRole`` of 2007.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

EDGE = "edge_transport"
"""The role that stands alone, outside of the domain."""
_ADMIN = "Microsoft.Exchange.Management.PowerShell.Admin"
_E2010 = "Microsoft.Exchange.Management.PowerShell.E2010"
_SNAPIN = "Microsoft.Exchange.Management.PowerShell.SnapIn"


@dataclass(frozen=True, slots=True)
class TransportService:
    """A transport service and the cmdlets that read and write it.

    Args:
        kind: As reports name it.
        get: The cmdlet that reads it.
        set: The cmdlet that writes it.
    """

    kind: str
    get: str
    set: str


@dataclass(frozen=True, slots=True)
class Role:
    """What a server role brings along.

    Args:
        keys: Registry keys below the version's; the server has the role where one of them exists.
        connectors: Whether the server has receive connectors of its own and is the source of send connectors.
        web: Whether IIS serves Outlook Web Access, or the part of it that lies behind the client access servers.
        tracking: The object that message tracking's settings belong to.
        intra_org: The services with an implicit send connector to other servers of the organisation.
        delivery: The service with an implicit receive connector for delivery into mailboxes.
        protocol_logs: The objects that the protocol logs' settings belong to, by what `harness.exchange.folders` calls
            the service.
    """

    keys: tuple[str, ...]
    connectors: bool = False
    web: bool = False
    tracking: TransportService | None = None
    intra_org: tuple[TransportService, ...] = ()
    delivery: TransportService | None = None
    protocol_logs: Mapping[str, TransportService] = field(default_factory=dict)

    @property
    def matters(self) -> bool:
        """Whether it brings anything to configure."""
        return self.connectors or self.web or self.tracking is not None


@dataclass(frozen=True, slots=True)
class Version:
    """One version of Exchange.

    Args:
        name: As the inventory writes it.
        first_build: The first three numbers of its first build; from 2007 to 2010 the second is the service pack.
        accesses: How a script can get at the Exchange cmdlets, the default first: ``remoting``, ``snapin``.
        snapin: The snap-in's name.
        powershell: The version of Windows PowerShell that a script can count on.
        registry: The registry key above those of setup and of the roles.
        setup_keys: Registry keys that hold the installation path and the build, the first that exists counts.
        roles: The roles that a server can have, the one whose tracking settings win first.
        usual: The roles of a server of which nothing is known.
        management: How settings are read and written: with the cmdlets of Exchange's shell and of IIS 7 (``shell``), or
            through WMI, since Exchange 2003 and IIS 6 have no cmdlets.
    """

    name: str
    first_build: tuple[int, int, int]
    accesses: tuple[str, ...]
    snapin: str
    powershell: tuple[int, int]
    registry: str
    setup_keys: tuple[str, ...]
    roles: Mapping[str, Role]
    usual: frozenset[str]
    management: Literal["shell", "wmi"] = "shell"

    def roles_of(self, keys: Iterable[str]) -> frozenset[str]:
        """Give the roles that registry keys stand for.

        Args:
            keys: Names of keys that exist below `registry`, any case.
        """
        found = {key.casefold() for key in keys}
        return frozenset(name for name, role in self.roles.items() if found & {key.casefold() for key in role.keys})


@dataclass(frozen=True, slots=True)
class Server:
    """What is true of a server: its version and its roles taken together.

    Args:
        version: Of Exchange.
        roles: As the inventory names them.
    """

    version: Version
    roles: frozenset[str]
    _role: tuple[Role, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Look the roles up, in the version's order.

        Raises:
            ValueError: The version doesn't have such a role, or the roles can't stand on one server.
        """
        unknown = sorted(self.roles - self.version.roles.keys())
        if unknown:
            known = ", ".join(self.version.roles)
            raise ValueError(f"Exchange {self.version.name} has no role {', '.join(unknown)}; it has {known}")
        if EDGE in self.roles and len(self.roles) > 1:
            raise ValueError("an Edge server has no other role")
        found = tuple(role for name, role in self.version.roles.items() if name in self.roles)
        object.__setattr__(self, "_role", found)

    @property
    def name(self) -> str:
        """Version and roles for a sentence: ``Exchange 2013 (client_access)``."""
        return f"Exchange {self.version.name} ({', '.join(sorted(self.roles)) or 'no role'})"

    @property
    def edge(self) -> bool:
        """Whether it is an Edge server."""
        return EDGE in self.roles

    @property
    def accesses(self) -> tuple[str, ...]:
        """How a script can get at the Exchange cmdlets, the default first; an Edge server has no Exchange endpoint."""
        return ("snapin",) if self.edge else self.version.accesses

    @property
    def connectors(self) -> bool:
        """Whether it has receive connectors of its own and can be the source of send connectors."""
        return any(role.connectors for role in self._role)

    @property
    def web(self) -> bool:
        """Whether IIS serves Outlook Web Access on it."""
        return any(role.web for role in self._role)

    @property
    def tracking(self) -> TransportService | None:
        """The object that message tracking's settings belong to; None where messages aren't tracked."""
        return next((role.tracking for role in self._role if role.tracking), None)

    @property
    def tracks(self) -> bool:
        """Whether it tracks messages: through a service's settings, or as Exchange 2003 does, as a server."""
        return self.tracking is not None or self.version.management == "wmi"

    @property
    def intra_org(self) -> tuple[TransportService, ...]:
        """The services with an implicit send connector to other servers of the organisation."""
        return tuple(dict.fromkeys(service for role in self._role for service in role.intra_org))

    @property
    def delivery(self) -> TransportService | None:
        """The service with an implicit receive connector for delivery into mailboxes; None before 2013."""
        return next((role.delivery for role in self._role if role.delivery), None)

    @property
    def protocol_logs(self) -> Mapping[str, TransportService]:
        """The objects that its protocol logs' settings belong to, by service; none where it takes part in no SMTP."""
        found = {name: service for role in self._role for name, service in role.protocol_logs.items()}
        return dict(sorted(found.items()))


def _service(kind: str, noun: str) -> TransportService:
    return TransportService(kind, f"Get-{noun}", f"Set-{noun}")


_TRANSPORT_SERVER = _service("transport server", "TransportServer")
_MAILBOX_SERVER = _service("mailbox server", "MailboxServer")
_TRANSPORT = _service("transport service", "TransportService")
_FRONT_END = _service("front-end transport service", "FrontendTransportService")
_MAILBOX_TRANSPORT = _service("mailbox transport service", "MailboxTransportService")

# Exchange 2003 has no server roles; what a server of it does is called by the name of the role that holds mailboxes.
_2003: dict[str, Role] = {"mailbox": Role(("Setup",), web=True)}
_UP_TO_2010: dict[str, Role] = {
    "hub_transport": Role(
        ("HubTransportRole",),
        connectors=True,
        tracking=_TRANSPORT_SERVER,
        intra_org=(_TRANSPORT_SERVER,),
        protocol_logs={"hub": _TRANSPORT_SERVER},
    ),
    EDGE: Role(
        ("EdgeTransportRole",),
        connectors=True,
        tracking=_TRANSPORT_SERVER,
        protocol_logs={"edge": _TRANSPORT_SERVER},
    ),
    "mailbox": Role(("MailboxRole",), tracking=_MAILBOX_SERVER),
    "client_access": Role(("ClientAccessRole",), web=True),
    "unified_messaging": Role(("UnifiedMessagingRole",)),
}
_EDGE_FROM_2013 = Role(("EdgeTransportRole",), connectors=True, tracking=_TRANSPORT, protocol_logs={"edge": _TRANSPORT})
# A 2013 mailbox server has a key ClientAccessRole as well; what clients connect to is the key CafeRole.
_2013: dict[str, Role] = {
    "mailbox": Role(
        ("MailboxRole",),
        connectors=True,
        web=True,
        tracking=_TRANSPORT,
        intra_org=(_TRANSPORT,),
        delivery=_MAILBOX_TRANSPORT,
        protocol_logs={"hub": _TRANSPORT, "mailbox": _MAILBOX_TRANSPORT},
    ),
    "client_access": Role(
        ("CafeRole",), connectors=True, web=True, intra_org=(_FRONT_END,), protocol_logs={"frontend": _FRONT_END}
    ),
    EDGE: _EDGE_FROM_2013,
}
_FROM_2016: dict[str, Role] = {
    "mailbox": Role(
        ("MailboxRole",),
        connectors=True,
        web=True,
        tracking=_TRANSPORT,
        intra_org=(_TRANSPORT, _FRONT_END),
        delivery=_MAILBOX_TRANSPORT,
        protocol_logs={"hub": _TRANSPORT, "frontend": _FRONT_END, "mailbox": _MAILBOX_TRANSPORT},
    ),
    EDGE: _EDGE_FROM_2013,
}
_V15 = r"HKLM:\SOFTWARE\Microsoft\ExchangeServer\v15"
_V14 = r"HKLM:\SOFTWARE\Microsoft\ExchangeServer\v14"
_V6 = r"HKLM:\SOFTWARE\Microsoft\Exchange"
_V8 = r"HKLM:\SOFTWARE\Microsoft\Exchange\v8.0"


def _from_2013(
    name: str, first_build: tuple[int, int, int], powershell: tuple[int, int], roles: dict[str, Role]
) -> Version:
    return Version(
        name=name,
        first_build=first_build,
        accesses=("remoting", "snapin"),
        snapin=_SNAPIN,
        powershell=powershell,
        registry=_V15,
        setup_keys=(rf"{_V15}\Setup",),
        roles=roles,
        usual=frozenset(roles) - {EDGE},
    )


VERSIONS = {
    version.name: version
    for version in (
        Version(
            name="2003",
            first_build=(6, 5, 0),
            accesses=("snapin",),  # never used: no script of this version's calls an Exchange cmdlet
            snapin="",
            powershell=(2, 0),
            registry=_V6,
            setup_keys=(rf"{_V6}\Setup",),
            roles=_2003,
            usual=frozenset(_2003),
            management="wmi",
        ),
        Version(
            name="2007",
            first_build=(8, 0, 0),
            accesses=("snapin",),
            snapin=_ADMIN,
            powershell=(2, 0),
            registry=_V8,
            setup_keys=(rf"{_V8}\Setup", r"HKLM:\SOFTWARE\Microsoft\Exchange\Setup"),
            roles=_UP_TO_2010,
            usual=frozenset({"hub_transport", "mailbox", "client_access"}),
        ),
        Version(
            name="2010",
            first_build=(14, 0, 0),
            accesses=("remoting", "snapin"),
            snapin=_E2010,
            powershell=(2, 0),
            registry=_V14,
            setup_keys=(rf"{_V14}\Setup",),
            roles=_UP_TO_2010,
            usual=frozenset({"hub_transport", "mailbox", "client_access"}),
        ),
        _from_2013("2013", (15, 0, 0), (3, 0), _2013),
        _from_2013("2016", (15, 1, 0), (4, 0), _FROM_2016),
        _from_2013("2019", (15, 2, 0), (5, 1), _FROM_2016),
        _from_2013("SE", (15, 2, 2562), (5, 1), _FROM_2016),
    )
}
"""By the name that the inventory uses, from old to new."""
DEFAULT = VERSIONS["2016"]
"""What is assumed of a host whose inventory names no version, until its facts say more."""
NEWEST = VERSIONS["SE"]
"""What a build is treated as that is newer than all that harness knows."""

_BUILD = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?(?:\.\d+)?")


def of_build(build: str) -> Version | None:
    """Give the version that a build number belongs to, for example ``15.1.2507.6``.

    A build newer than all that harness knows belongs to the newest version; see `is_newer`.

    Returns:
        None for a build older than all that harness knows, or no build at all.
    """
    numbers = _numbers(build)
    known = [version for version in VERSIONS.values() if numbers and version.first_build <= numbers]
    return max(known, key=lambda version: version.first_build, default=None)


def likely(roles: frozenset[str]) -> Version:
    """Give the version to assume of a host of which no more than its roles is known, if that."""
    return next((each for each in (DEFAULT, *reversed(VERSIONS.values())) if roles <= each.roles.keys()), DEFAULT)


def is_newer(build: str) -> bool:
    """Say whether a build is of a product that is newer than all that harness knows."""
    numbers = _numbers(build)
    return numbers is not None and numbers[:2] > NEWEST.first_build[:2]


def _numbers(build: str) -> tuple[int, int, int] | None:
    match = _BUILD.fullmatch(build)
    return (int(match[1]), int(match[2]), int(match[3] or 0)) if match else None
