"""What is installed on a simulated server, told without simulating it: commands ask before they start the lab."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.lab.state.products import Parts, Product, parts_of, product_of

if TYPE_CHECKING:
    from harness.lab.client import Simulated

NETBIOS_LENGTH = 15
"""Characters of a computer's or a domain's short name, at most."""

_DEFAULT_DOMAIN = "lab.example"


@dataclass(frozen=True, slots=True)
class MachineSpec:
    """What is installed.

    Args:
        name: The computer's name, ``ex01.corp.example`` or ``ex01`` alone.
        exchange_version: ``2016``.
        roles: Of `harness.lab.state.products.ROLES`; those of a typical installation of that version where empty.
        install_path: Where Exchange is, with the trailing backslash; the version's default where empty.
        delegation: Whether the process of whoever signs in can reach another machine in that user's name, however they
            signed in: the lab speaks NTLM, and this has it play CredSSP, or Kerberos with delegation.
        subscribed: Whether it is an Edge server that is subscribed to its domain's organisation.
        anonymous_mail: Whether its administrator let anybody use its Default receive connector.
    """

    name: str
    exchange_version: str = "2016"
    roles: tuple[str, ...] = ()
    install_path: str = ""
    delegation: bool = False
    subscribed: bool = False
    anonymous_mail: bool = False

    def __post_init__(self) -> None:
        """Fill in the defaults, and refuse what isn't simulated.

        Raises:
            ValueError: The version or the roles aren't simulated.
        """
        product = product_of(self.exchange_version)
        object.__setattr__(self, "roles", self.roles or product.default_roles)
        object.__setattr__(self, "install_path", self.install_path or product.install_path)
        if not self.parts.edge and self.subscribed:
            raise ValueError(f"only an Edge server is subscribed to an organisation, and {self.name} is none")

    @property
    def product(self) -> Product:
        """The version of Exchange."""
        return product_of(self.exchange_version)

    @property
    def parts(self) -> Parts:
        """What the server consists of."""
        return parts_of(self.product, self.roles)

    @property
    def computer(self) -> str:
        """The short name, as Windows keeps it: in capitals, 15 characters at most."""
        return self.name.partition(".")[0].upper()[:NETBIOS_LENGTH]

    @property
    def domain(self) -> str:
        """The DNS name of the domain that it belongs to."""
        return self.name.partition(".")[2].lower() or _DEFAULT_DOMAIN

    @property
    def fqdn(self) -> str:
        """The full name."""
        return f"{self.name.partition('.')[0]}.{self.domain}"


def spec_of(host: Simulated) -> MachineSpec:
    """Give what is installed on a host that somebody wants to be simulated.

    Raises:
        ValueError: It can't be.
    """
    return MachineSpec(
        name=host.name,
        exchange_version=host.version,
        roles=tuple(host.roles),
        delegation=host.delegation,
        subscribed=host.subscribed,
        anonymous_mail=host.anonymous_mail,
    )
