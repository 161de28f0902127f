"""The versions of Exchange that are simulated: their builds, the Windows that they stand on, and their server roles.

Builds are the last ones of each version that change what a server says of itself: update rollups of 2007 and 2010
don't, cumulative updates of 2013 and later do.
"""

from __future__ import annotations

from dataclasses import dataclass

ROLES = ("mailbox", "client_access", "hub_transport", "edge_transport", "unified_messaging")
"""What may be installed on a server, by the inventory's names."""

_EDGE = ("edge_transport",)
_FIRST = 2007
_SPLIT = 2010
_UNIFIED = 2016


@dataclass(frozen=True, slots=True)
class Build:
    """A version of Exchange, for example 15.1.2507.6."""

    major: int
    minor: int
    build: int
    revision: int

    @property
    def text(self) -> str:
        """As ``AdminDisplayVersion`` gives it."""
        return f"Version {self.major}.{self.minor} (Build {self.build}.{self.revision})"

    @property
    def configured(self) -> str:
        """As the registry's ``ConfiguredVersion`` gives it."""
        return f"{self.major}.{self.minor}.{self.build}.{self.revision}"


@dataclass(frozen=True, slots=True)
class Windows:
    """A Windows Server and what comes with it.

    Args:
        name: As the registry's ``ProductName`` gives it.
        caption: As WMI gives it; that of some versions ends in a blank.
        version: For example ``10.0.14393``.
        powershell: The version of Windows PowerShell on it, with the updates that its Exchange needs.
        iis: The version of IIS.
        web_module: Whether the IIS cmdlets are a module; before Windows Server 2008 R2 they were a snap-in to download.
    """

    name: str
    caption: str
    version: str
    powershell: str
    iis: tuple[int, int]
    web_module: bool = True

    @property
    def build(self) -> str:
        """The build number, the last part of the version."""
        return self.version.rpartition(".")[2]


def _windows(name: str, version: str, powershell: str, iis: tuple[int, int]) -> Windows:
    return Windows(f"{name} Standard", f"Microsoft {name} Standard", version, powershell, iis)


_2008 = Windows(
    "Windows Server (R) 2008 Standard",
    "Microsoft\N{REGISTERED SIGN} Windows Server\N{REGISTERED SIGN} 2008 Standard ",
    "6.0.6002",
    "2.0",
    (7, 0),
    web_module=False,
)
_2008_R2 = Windows(
    "Windows Server 2008 R2 Standard", "Microsoft Windows Server 2008 R2 Standard ", "6.1.7601", "2.0", (7, 5)
)


@dataclass(frozen=True, slots=True)
class Product:
    """A version of Exchange.

    Args:
        name: As the inventory writes it.
        year: For comparisons; that of the Subscription Edition is 2025.
        build: What a server says of itself.
        windows: What it stands on.
        snapin: The name of its PowerShell snap-in.
        folder: The last part of its default installation folder; 2007 has none.
    """

    name: str
    year: int
    build: Build
    windows: Windows
    snapin: str
    folder: str = "V15\\"

    @property
    def install_path(self) -> str:
        """The default installation folder, with the trailing backslash."""
        if self.year < _FIRST:
            return "C:\\Program Files\\Exchsrvr\\"
        return f"C:\\Program Files\\Microsoft\\Exchange Server\\{self.folder}"

    @property
    def default_roles(self) -> tuple[str, ...]:
        """What setup's typical installation chooses."""
        if self.year >= _UNIFIED or self.year < _FIRST:
            return ("mailbox",)
        if self.year > _SPLIT:
            return ("mailbox", "client_access")
        return ("mailbox", "client_access", "hub_transport")


_SNAPIN = "Microsoft.Exchange.Management.PowerShell.SnapIn"
PRODUCTS = {
    product.name: product
    for product in (
        Product(
            "2007", 2007, Build(8, 3, 83, 6), _2008, "Microsoft.Exchange.Management.PowerShell.Admin", folder=""
        ),  # Service Pack 3
        Product(
            "2010",
            2010,
            Build(14, 3, 123, 4),  # Service Pack 3
            _2008_R2,
            "Microsoft.Exchange.Management.PowerShell.E2010",
            folder="V14\\",
        ),
        Product(
            "2013",
            2013,
            Build(15, 0, 1497, 2),  # Cumulative Update 23
            _windows("Windows Server 2012 R2", "6.3.9600", "4.0", (8, 5)),
            _SNAPIN,
        ),
        Product(
            "2016",
            2016,
            Build(15, 1, 2507, 6),  # Cumulative Update 23
            _windows("Windows Server 2016", "10.0.14393", "5.1", (10, 0)),
            _SNAPIN,
        ),
        Product(
            "2019",
            2019,
            Build(15, 2, 1748, 10),  # Cumulative Update 15
            _windows("Windows Server 2019", "10.0.17763", "5.1", (10, 0)),
            _SNAPIN,
        ),
        Product(
            "SE",
            2025,
            Build(15, 2, 2562, 17),  # as released
            _windows("Windows Server 2025", "10.0.26100", "5.1", (10, 0)),
            _SNAPIN,
        ),
    )
}
"""By the inventory's name of each version, the oldest first."""


EXCHANGE_2003 = Product(
    "2003",
    2003,
    Build(6, 5, 7638, 0),  # Service Pack 2
    Windows(
        "Microsoft Windows Server 2003",
        "Microsoft(R) Windows(R) Server 2003, Standard Edition",
        "5.2.3790",
        "2.0",
        (6, 0),
        web_module=False,
    ),
    snapin="",
)
"""It stands apart: it has neither roles nor cmdlets; see `harness.lab.exchange2003`."""
_ALL = {EXCHANGE_2003.name: EXCHANGE_2003, **PRODUCTS}


def product_of(version: str) -> Product:
    """Give a version by the inventory's name.

    Raises:
        ValueError: It isn't simulated.
    """
    if version not in _ALL:
        raise ValueError(f"Exchange {version} is not simulated; these versions are: {', '.join(_ALL)}")
    return _ALL[version]


@dataclass(frozen=True, slots=True)
class Parts:
    """What a server consists of, whatever its version calls it.

    Args:
        hub: It routes mail: Hub Transport, or the Transport service of a Mailbox server.
        front_end: It has the Front End Transport service.
        mailbox: It has mailbox databases.
        client_access: Clients connect to it.
        edge: It stands outside the domain, with a directory of its own.
        unified_messaging: It answers calls.
        iis: It has IIS.
    """

    hub: bool
    front_end: bool
    mailbox: bool
    client_access: bool
    edge: bool
    unified_messaging: bool
    iis: bool

    @property
    def names(self) -> frozenset[str]:
        """The names of the parts that it has."""
        return frozenset(name for name in self.__slots__ if getattr(self, name))


def parts_of(product: Product, roles: tuple[str, ...]) -> Parts:
    """Say what a server with some roles consists of.

    Args:
        product: The version.
        roles: Of `ROLES`.

    Raises:
        ValueError: Setup doesn't install these roles together, or that version hasn't got them.
    """
    chosen = set(roles)
    allowed = {"mailbox"}
    if _FIRST <= product.year < _UNIFIED:
        allowed |= {"client_access"}
    if _FIRST <= product.year <= _SPLIT:
        allowed |= {"hub_transport", "unified_messaging"}
    if product.year < _FIRST and chosen != allowed:
        raise ValueError(f"Exchange {product.name} is not installed with roles: write mailbox, or none")
    if not chosen or (chosen != {*_EDGE} and not chosen <= allowed):
        together = ", ".join(name for name in ROLES if name in allowed)
        named = ", ".join(roles) or "(none)"
        raise ValueError(
            f"Exchange {product.name} is not installed with the roles {named}: there is {together}, and "
            f"{_EDGE[0]} alone on a server"
        )
    edge = chosen == {*_EDGE}
    mailbox, client_access = "mailbox" in chosen, "client_access" in chosen
    if product.year <= _SPLIT:
        # 2010 needs IIS on every server of the domain, for remote PowerShell; 2007 only where HTTP is served.
        return Parts(
            hub="hub_transport" in chosen,
            front_end=False,
            mailbox=mailbox,
            client_access=client_access,
            edge=edge,
            unified_messaging="unified_messaging" in chosen,
            iis=not edge if product.year == _SPLIT else mailbox or client_access,
        )
    front = mailbox if product.year >= _UNIFIED else client_access
    return Parts(
        hub=mailbox,
        front_end=front,
        mailbox=mailbox,
        client_access=front,
        edge=edge,
        unified_messaging=mailbox and product.year <= _UNIFIED,
        iis=not edge,
    )
