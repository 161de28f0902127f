"""The users of a simulated host, looked up by every form of a name and compared by NT hash."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from spnego._ntlm_raw.crypto import ntowfv1  # private: see harness.lab.winrm.ntlm

if TYPE_CHECKING:
    from harness.lab.winrm.settings import HostSettings

_NT_HASH_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class Account:
    """One user.

    Args:
        name: As it stands in the settings.
        nt_hash: 16 bytes, as good as the password.
    """

    name: str
    nt_hash: bytes = field(repr=False)


def nt_hash(password: str) -> bytes:
    """Give the NT hash of a password."""
    hashed: bytes = ntowfv1(password)
    return hashed


class Accounts:
    """The users of one host.

    Args:
        settings: The host.

    Raises:
        ValueError: An NT hash isn't 16 bytes long.
    """

    def __init__(self, settings: HostSettings) -> None:
        self.locked = False
        """While set, nobody can sign in."""
        self._domains = {"", ".", *(name.upper() for name in (settings.name, settings.fqdn, settings.domain))}
        self._domains.add(settings.dns_domain.upper())
        self._accounts: dict[str, Account] = {}
        for name, secret in settings.users.items():
            hashed = nt_hash(secret) if isinstance(secret, str) else secret
            if len(hashed) != _NT_HASH_BYTES:
                raise ValueError(f"the NT hash of {name} isn't {_NT_HASH_BYTES} bytes long")
            self._accounts[name.upper()] = Account(name, hashed)

    def find(self, user: str, domain: str = "") -> Account | None:
        r"""Look a user up.

        Args:
            user: ``name``, ``DOMAIN\name`` or ``name@domain.example``, in any case.
            domain: The domain where it stands apart.
        """
        if self.locked:
            return None
        if not domain:
            before, backslash, after = user.partition("\\")
            if backslash:
                domain, user = before, after
            else:
                user, _, domain = user.partition("@")
        if domain.upper() not in self._domains:
            return None
        return self._accounts.get(user.upper())

    def sign_in(self, user: str, password: str) -> Account | None:
        """Look a user up and check the password."""
        account = self.find(user)
        if account is None or not hmac.compare_digest(account.nt_hash, nt_hash(password)):
            return None
        return account
