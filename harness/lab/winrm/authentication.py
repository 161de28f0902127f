"""Who is at the other end of a connection: Basic, NTLM, Negotiate and client certificates."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from harness.lab.winrm import encryption
from harness.lab.winrm.ntlm import SecurityContext, SignInError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.lab.winrm.accounts import Accounts
    from harness.lab.winrm.settings import HostSettings

MUTUAL: Final = "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual"
"""The Authorization header of a client that signs in with its certificate."""

_FIRST_TOKENS: Final = (b"NTLMSSP\x00\x01", b"\x60")
"""How a client's first token begins: NTLM's NEGOTIATE message, SPNEGO's NegTokenInit."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The request is a known user's.

    Args:
        user: The account's name.
        headers: What the answer carries on top.
    """

    user: str
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """The request is to be answered with 401.

    Args:
        headers: One WWW-Authenticate for each scheme, or the next token of a sign-in that goes on.
    """

    headers: tuple[tuple[str, str], ...]


class Gate:
    """Authenticates the requests of one connection; with NTLM and Negotiate the connection itself is signed in.

    Args:
        settings: The host.
        accounts: Its users.
        certificate_hash: SHA-256 of the server's certificate; ``None`` over HTTP.
        certificate_users: User names by SHA-256 of the client certificate each may sign in with.
        client_certificate: SHA-256 of the certificate the client proved to own; ``None`` for none.
    """

    def __init__(
        self,
        settings: HostSettings,
        accounts: Accounts,
        *,
        certificate_hash: bytes | None = None,
        certificate_users: Mapping[bytes, str] | None = None,
        client_certificate: bytes | None = None,
    ) -> None:
        self._settings = settings
        self._accounts = accounts
        self._certificate_hash = certificate_hash
        self._certificate_user = (certificate_users or {}).get(client_certificate or b"")
        self._pending: SecurityContext | None = None
        self._context: SecurityContext | None = None

    @property
    def over_tls(self) -> bool:
        """Whether the connection itself is encrypted."""
        return self._certificate_hash is not None

    def decrypt(self, body: bytes) -> bytes:
        """Give the message in an encrypted body.

        Raises:
            EncryptionError: It isn't one that this connection's user sent next.
        """
        return encryption.decrypt(body, self._required_context())

    def encrypt(self, message: bytes) -> bytes:
        """Give the encrypted body of an answer to an encrypted request.

        Raises:
            EncryptionError: The sign-in was lost in between.
        """
        return encryption.encrypt(message, self._required_context())

    def _required_context(self) -> SecurityContext:
        if self._context is None:
            raise encryption.EncryptionError("nobody has signed in with a scheme that encrypts")
        return self._context

    def check(self, authorization: str) -> SignedIn | Refused:
        """Authenticate one request.

        Args:
            authorization: The Authorization header; empty for none.
        """
        scheme, _, value = authorization.strip().partition(" ")
        if not scheme:
            return self._signed_in_before()
        if scheme == MUTUAL:
            return SignedIn(self._certificate_user) if self._certificate_user else self._refuse()
        if scheme.lower() == "basic" and self._settings.allow_basic:
            return self._check_basic(value)
        if scheme.lower() in {"negotiate", "ntlm"}:
            return self._check_token(scheme, value)
        return self._refuse()

    def _signed_in_before(self) -> SignedIn | Refused:
        if self._context is not None and self._context.account is not None:
            return SignedIn(self._context.account.name)
        return self._refuse()

    def _refuse(self) -> Refused:
        self._context = self._pending = None
        schemes = ["Negotiate", "NTLM"]
        if self._settings.allow_basic:
            schemes.append('Basic realm="WSMAN"')
        return Refused(tuple(("WWW-Authenticate", scheme) for scheme in schemes))

    def _check_basic(self, value: str) -> SignedIn | Refused:
        try:
            pair = base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            return self._refuse()
        try:
            text = pair.decode()
        except UnicodeDecodeError:
            text = pair.decode("latin-1")  # what python-requests makes of a password with umlauts
        user, _, password = text.partition(":")
        account = self._accounts.sign_in(user, password)
        return SignedIn(account.name) if account else self._refuse()

    def _check_token(self, scheme: str, value: str) -> SignedIn | Refused:
        try:
            token = base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            return self._refuse()
        context, self._pending = self._pending, None
        if context is None or token.startswith(_FIRST_TOKENS):
            context = SecurityContext(self._settings, self._accounts, self._certificate_hash)
        try:
            reply = context.step(token)
        except SignInError:
            return self._refuse()
        headers: tuple[tuple[str, str], ...] = ()
        if reply is not None:
            headers = (("WWW-Authenticate", f"{scheme} {base64.b64encode(reply).decode()}"),)
        if context.account is None:
            self._pending = context
            return Refused(headers)
        self._context = context
        return SignedIn(context.account.name, headers)
