"""A simulated Exchange server: one object behind all of a host's front ends."""

from __future__ import annotations

import hmac
import threading
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from harness.lab.powershell.objects import CaseDict
from harness.lab.spec import NETBIOS_LENGTH
from harness.lab.state import iis, registry, services, transport, variants
from harness.lab.state.connectors import (
    PERMISSION_GROUPS,
    new_receive_connector,
    receive_connector_class,
    receive_defaults,
    server_id,
    stock_receive_connectors,
)
from harness.lab.state.directory import Entry, Forest, new_entry
from harness.lab.state.network import Network
from harness.lab.state.products import EXCHANGE_2003, Build
from harness.lab.state.server import new_server
from harness.lab.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from harness.lab.logs.w3c import W3cSettings
    from harness.lab.powershell.objects import Value
    from harness.lab.spec import MachineSpec
    from harness.lab.state.organisation import Organisation
    from harness.lab.store import Json

_FOLDER = "machines"
_FIRST = 2007
_ONE_SITE = 2010
# Sign-ins whose process can go on to another machine in the user's name. Through others the second hop fails.
_DELEGATING = frozenset({"basic", "credssp", "local"})


@dataclass(slots=True)
class Faults:
    """What goes wrong on a host on purpose; cmdlets by name, any case.

    Args:
        hidden: Cmdlets that the user's management roles don't include: remote sessions lack them.
        ignored: ``Set-`` cmdlets that report success and change nothing.
        slow: Seconds that a cmdlet takes before it does anything.
        broken: The message that a cmdlet fails with.
        unknown_identity_returns_all: ``Get-`` cmdlets give every object for an identity that they don't know, as their
            documentation warns, instead of an error.
        directory_copies: Nodes of Exchange 2003's metabase, ``SmtpSvc/1``, with the seconds after which the System
            Attendant undoes a change with what the directory holds (DS2MB).
        denied_namespaces: WMI name spaces that the user has no right to.
    """

    hidden: set[str] = field(default_factory=set)
    ignored: set[str] = field(default_factory=set)
    slow: dict[str, float] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)
    unknown_identity_returns_all: bool = False
    directory_copies: dict[str, float] = field(default_factory=dict)
    denied_namespaces: set[str] = field(default_factory=set)

    def hides(self, cmdlet: str) -> bool:
        """Say whether the user's roles lack a cmdlet."""
        return cmdlet.lower() in {name.lower() for name in self.hidden}

    def ignores(self, cmdlet: str) -> bool:
        """Say whether a cmdlet changes nothing."""
        return cmdlet.lower() in {name.lower() for name in self.ignored}

    def delay(self, cmdlet: str) -> float:
        """Give the seconds that a cmdlet takes."""
        return {name.lower(): seconds for name, seconds in self.slow.items()}.get(cmdlet.lower(), 0.0)

    def failure(self, cmdlet: str) -> str | None:
        """Give the message that a cmdlet fails with."""
        return {name.lower(): message for name, message in self.broken.items()}.get(cmdlet.lower())


@dataclass(frozen=True, slots=True)
class RemoteSession:
    """A session to the server's own Exchange endpoint.

    Args:
        id: Its number in the process that opened it.
        guid: ``InstanceId``.
        user: Who signed in.
    """

    id: int
    guid: uuid.UUID
    user: str


class Machine:
    """A host's state and what is true of it.

    Args:
        spec: What is installed.
        organisation: What it shares with other servers.
        folder: The lab's, where its file is kept.
    """

    has_cmdlets: ClassVar[bool] = True
    """Whether there are cmdlets of Exchange's and IIS's."""

    __slots__ = (
        "_installed_keys",
        "_sessions",
        "_sessions_lock",
        "accounts",
        "faults",
        "flush_hooks",
        "iis",
        "network",
        "organisation",
        "parts",
        "product",
        "services",
        "spec",
        "store",
        "transport_services",
    )

    def __init__(self, spec: MachineSpec, organisation: Organisation, folder: Path) -> None:
        self.spec = spec
        self.organisation = organisation
        self.accounts: Mapping[str, str] = {}
        """The passwords of those who may sign in, by account name without a domain; kept in memory only."""
        self.faults = Faults()
        self.product = spec.product
        self.parts = spec.parts
        self.transport_services = variants.services_of(self.product, self.parts)
        """Those that this server has, by key."""
        self.store = Store(folder / _FOLDER / f"{spec.fqdn.lower()}.json", self._initial())
        self.iis = iis.Iis(self.store, iis.log_file_schema(self.product.windows.iis), self.parts.iis)
        self.services = services.Services(self.store, services.catalogue(self.product, self.parts))
        self.network = Network(self.store, spec.install_path)
        self._installed_keys = registry.keys(self.product, self.parts, self.product.windows, spec.install_path)
        self.flush_hooks: list[Callable[[], None]] = []
        """Called when someone asks IIS to write the log lines that it still holds."""
        self._sessions: dict[uuid.UUID, RemoteSession] = {}
        self._sessions_lock = threading.Lock()
        self._join()

    def _join(self) -> None:
        server = new_server(
            self.name,
            self.fqdn,
            self.forest,
            install_path=self.spec.install_path,
            product=self.product,
            parts=self.parts,
        )
        self.organisation.join(self, server)

    @classmethod
    def create(cls, spec: MachineSpec, organisation: Organisation, folder: Path) -> Machine:
        """Install a server, or find it again in its folder.

        Args:
            spec: What is installed.
            organisation: What it shares with other servers.
            folder: The lab's, where its file is kept.

        Raises:
            LabStateError: The folder holds a file that can't be used.
            ValueError: The organisation has another server of that short name.
        """
        if spec.computer in organisation.computers:
            other = organisation.computers[spec.computer].fqdn
            raise ValueError(f"{spec.fqdn} and {other} would both be the computer {spec.computer}")
        if spec.product is EXCHANGE_2003:
            from harness.lab.exchange2003 import Exchange2003  # noqa: PLC0415  it derives from this class

            return Exchange2003(spec, organisation, folder)
        return cls(spec, organisation, folder)

    def _initial(self) -> dict[str, Json]:
        container, path = self.forest.servers, self.spec.install_path
        back_end = self.product.year > _ONE_SITE
        connectors = stock_receive_connectors(self.name, self.fqdn, self.forest, self.product, self.parts)
        for connector in connectors:
            if self.spec.anonymous_mail and connector["name"] == f"Default {self.name}":
                groups = connector["settings"]["PermissionGroups"]
                connector["settings"]["PermissionGroups"] = PERMISSION_GROUPS.parse(f"AnonymousUsers, {groups}")
        return {
            "receive_connectors": connectors,
            "transport": {
                key: new_entry(self.name, container, service.defaults(path))
                for key, service in self.transport_services.items()
            },
            "iis": iis.stock(path, back_end=back_end) if self.parts.iis else iis.absent(),
            "services": services.stock(services.catalogue(self.product, self.parts)),
        }

    @property
    def name(self) -> str:
        """The computer's short name."""
        return self.spec.computer

    @property
    def fqdn(self) -> str:
        """The computer's full name."""
        return self.spec.fqdn

    @property
    def netbios_domain(self) -> str:
        """Its domain's short name; an Edge server belongs to none, its accounts are its own."""
        if self.parts.edge:
            return self.name
        return self.spec.domain.partition(".")[0].upper()[:NETBIOS_LENGTH]

    @property
    def forest(self) -> Forest:
        """Where it lives."""
        return self.organisation.forest

    @property
    def build(self) -> Build:
        """The build of Exchange."""
        return self.product.build

    @property
    def registry(self) -> CaseDict[CaseDict[Value]]:
        """The simulated part of the registry: values by name by key."""
        found = CaseDict(self._installed_keys)
        found.update(self.network.keys())
        return found

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables of a process that a remote user starts."""
        # Setup of 2007 doesn't leave the variable yet.
        exchange = {"ExchangeInstallPath": self.spec.install_path} if self.product.year > _FIRST else {}
        return {
            **exchange,
            "ALLUSERSPROFILE": "C:\\ProgramData",
            "CommonProgramFiles": "C:\\Program Files\\Common Files",
            "COMPUTERNAME": self.name,
            "ComSpec": "C:\\Windows\\system32\\cmd.exe",
            "NUMBER_OF_PROCESSORS": "4",
            "OS": "Windows_NT",
            "PATHEXT": ".COM;.EXE;.BAT;.CMD;.VBS;.VBE;.JS;.JSE;.WSF;.WSH;.MSC",
            "PROCESSOR_ARCHITECTURE": "AMD64",
            "ProgramData": "C:\\ProgramData",
            "ProgramFiles": "C:\\Program Files",
            "SystemDrive": "C:",
            "SystemRoot": "C:\\Windows",
            "TEMP": "C:\\Windows\\Temp",
            "USERDNSDOMAIN": self.spec.domain.upper(),
            "USERDOMAIN": self.netbios_domain,
            "windir": "C:\\Windows",
        }

    @property
    def receive_connectors(self) -> list[Entry]:
        """This server's receive connectors."""
        with self.store.lock:
            return [self._receive_connector(stored) for stored in self.store.document["receive_connectors"]]

    def _receive_connector(self, stored: dict[str, Json]) -> Entry:
        kind = receive_connector_class(self.product.year)
        return Entry(kind, stored, self.forest, {"Server": server_id(self.forest, self.name)})

    def add_receive_connector(self, name: str, **settings: Json) -> Entry:
        """Make a receive connector.

        Args:
            name: Any text.
            settings: By property, in their stored form; the others have their defaults.
        """
        with self.store.change() as document:
            shown = receive_connector_class(self.product.year).properties
            defaults = {key: value for key, value in receive_defaults(self.fqdn).items() if key in shown}
            stored = new_receive_connector(name, self.name, self.forest, {**defaults, **settings})
            document["receive_connectors"].append(stored)
            return self._receive_connector(stored)

    def transport(self, service: transport.Service) -> Entry:
        """Give the object of one of the transport services, as this server's version shows it.

        Args:
            service: Of any version: that of a 2010 Hub Transport server is known by its later name as well.

        Raises:
            KeyError: The server doesn't have it.
        """
        own = self.transport_services[service.key]
        with self.store.lock:
            return Entry(own.kind, self.store.document["transport"][service.key], self.forest)

    def site_fields(self, site: str) -> frozenset[str]:
        """Give the fields of a site's W3C log, by the site's name."""
        number = next(held["id"] for held in self.iis.sites() if held["name"] == site)
        return frozenset(str(self.iis.log_file(number)["logExtFileFlags"]).split(","))

    def web_log(self, site: int) -> W3cSettings | None:
        """Give how a web site's W3C file is set now; ``None`` where there is no such file."""
        return self.iis.w3c(site)

    def service(self, name: str) -> services.ServiceState:
        """Give what a Windows service does now."""
        return self.services.state(name)

    @property
    def sessions(self) -> tuple[RemoteSession, ...]:
        """The sessions to the Exchange endpoint that are open now."""
        with self._sessions_lock:
            return tuple(self._sessions.values())

    def open_session(self, number: int, user: str) -> RemoteSession:
        """Note that a session was opened."""
        session = RemoteSession(number, uuid.uuid4(), user)
        with self._sessions_lock:
            self._sessions[session.guid] = session
        return session

    def close_session(self, session: RemoteSession) -> None:
        """Note that a session was closed, or that its process has ended."""
        with self._sessions_lock:
            self._sessions.pop(session.guid, None)

    def flush(self) -> None:
        """Have IIS write the log lines that it still holds."""
        for hook in self.flush_hooks:
            hook()

    def knows(self, user: str, password: str) -> bool:
        r"""Say whether a credential is right.

        Args:
            user: ``name``, ``DOMAIN\name`` or ``name@domain``.
            password: In plain.
        """
        domain, separator, name = user.rpartition("\\")
        if not separator:
            name, _, domain = user.partition("@")
        if domain and domain.lower() not in (self.spec.domain, self.netbios_domain.lower()):
            return False
        held = {account.lower(): kept for account, kept in self.accounts.items()}.get(name.lower())
        return held is not None and hmac.compare_digest(held.encode(), password.encode())

    def sign_in(self, user: str, transport: str) -> HostProcess:
        r"""Make what a process of a signed-in user has of this host.

        Args:
            user: For example ``CORP\administrator``.
            transport: How they signed in: ``ntlm``, ``basic``, ``kerberos``, ``credssp``, ``certificate`` or ``local``.
        """
        return HostProcess(self, user, transport)


@dataclass(slots=True)
class HostProcess:
    """What a simulated process has of its host. The evaluator hands it to every cmdlet as ``call.machine``.

    Args:
        machine: The host.
        user: Who runs it.
        transport: How they signed in.
    """

    machine: Machine
    user: str
    transport: str
    sessions: dict[int, RemoteSession] = field(default_factory=dict)
    """The remote sessions that this process has opened and not yet closed, by number."""
    opened: int = 0
    """How many it has ever opened."""

    @property
    def delegates(self) -> bool:
        """Whether the process can reach another machine, the domain controller for one, in its user's name."""
        return self.transport in _DELEGATING or self.machine.spec.delegation

    @property
    def reaches_directory(self) -> bool:
        """Whether Exchange's cmdlets work in it: an Edge server's directory is on the server itself."""
        return self.delegates or self.machine.parts.edge

    def open_session(self, user: str) -> RemoteSession:
        """Open a session to the host's Exchange endpoint."""
        self.opened += 1
        session = self.machine.open_session(self.opened, user)
        self.sessions[session.id] = session
        return session

    def close_session(self, number: int) -> None:
        """Close a session, if it is open."""
        session = self.sessions.pop(number, None)
        if session is not None:
            self.machine.close_session(session)
