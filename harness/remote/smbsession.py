"""A signed-in SMB session: connect, agree on version and protection, sign in, all within a time limit."""

from __future__ import annotations

import logging
import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal, Protocol

from smbprotocol.exceptions import SMBException
from smbprotocol.session import Session

from harness.errors import HostError, ProtocolMismatchError, UnreachableError
from harness.remote.smberrors import NOT_SUPPORTED, NoAnswer, no_answer, sign_in_error, status_of
from harness.remote.smbwire import SmbWire

Dialect = Literal["2.0.2", "2.1", "3.0", "3.0.2", "3.1.1"]
DIALECTS: dict[Dialect, int] = {
    "2.0.2": 0x0202,
    "2.1": 0x0210,
    "3.0": 0x0300,
    "3.0.2": 0x0302,
    "3.1.1": 0x0311,
}
_SIGN_OFF_SECONDS = 2

# Whatever goes wrong comes out as one of our errors.
logging.getLogger("smbprotocol").addHandler(logging.NullHandler())


class Revealable(Protocol):
    """A secret, as the inventory resolves it."""

    def reveal(self) -> str:
        """Give the secret itself."""


@dataclass(frozen=True, slots=True)
class SmbEndpoint:
    """Where to read, and as whom.

    Args:
        host: The host's name in the inventory; Kerberos asks for a ticket to this name.
        user: Without domain.
        password: ``None`` for a Kerberos ticket that is there already.
        address: What to connect to; empty for ``host``.
        port: TCP.
        domain: Empty for a local account.
        min_dialect: Nothing older is accepted.
        max_dialect: Nothing newer is offered.
        require_signing: Refuse a session that isn't signed; a guest's can't be.
        encrypt: Refuse a session that isn't encrypted.
        auth: ``negotiate`` takes Kerberos where it can, else NTLM.
        timeout: Seconds for the connection and for each answer.
    """

    host: str
    user: str
    password: Revealable | None = field(repr=False, compare=False)
    address: str = ""
    port: int = 445
    domain: str = ""
    min_dialect: Dialect = "2.0.2"
    max_dialect: Dialect = "3.1.1"
    require_signing: bool = True
    encrypt: bool = False
    auth: Literal["ntlm", "kerberos", "negotiate"] = "negotiate"
    timeout: float = 30.0

    @property
    def target(self) -> str:
        """What to connect to."""
        return self.address or self.host

    @property
    def account(self) -> str:
        """The user as Windows writes it: ``DOMAIN\\user``."""  # noqa: D301 - the text has one backslash
        return f"{self.domain}\\{self.user}" if self.domain else self.user


def sign_in(endpoint: SmbEndpoint) -> Session:
    """Connect, negotiate and sign in.

    Raises:
        HostError: One of the reasons in ``harness.errors``.
    """
    connection = _negotiate(endpoint)
    try:
        _check_offer(connection, endpoint)
        session = Session(
            connection,
            endpoint.account,
            endpoint.password.reveal() if endpoint.password else None,
            require_encryption=endpoint.encrypt,
            hostname_override=endpoint.host,
            auth_protocol=endpoint.auth,
        )
        session.connect()
    except (SMBException, OSError) as error:
        connection.disconnect(close=False)
        raise sign_in_error(error, endpoint) from error
    except BaseException:
        connection.disconnect(close=False)
        raise
    # It has served its purpose, and nothing that lives on needs to know it.
    session.password = None
    return session


def _negotiate(endpoint: SmbEndpoint) -> SmbWire:
    """Connect and agree on a dialect.

    smbprotocol offers either everything or one dialect, so a lower limit than the newest is tried from there
    down.
    """
    newest, oldest = DIALECTS[endpoint.max_dialect], DIALECTS[endpoint.min_dialect]
    if newest == max(DIALECTS.values()):
        return _connect(endpoint, None)
    offers = sorted((code for code in DIALECTS.values() if oldest <= code <= newest), reverse=True)
    for offer in offers:
        try:
            return _connect(endpoint, offer)
        except SMBException as error:
            if status_of(error) != NOT_SUPPORTED:
                raise sign_in_error(error, endpoint) from error
    raise _mismatch(
        endpoint,
        f"{endpoint.host} speaks none of SMB {endpoint.min_dialect} to {endpoint.max_dialect}",
        "widen the range of SMB versions",
    )


def _connect(endpoint: SmbEndpoint, dialect: int | None) -> SmbWire:
    """Connect and negotiate.

    Raises:
        UnreachableError: Nobody answers on the port.
        DeadlineError: The host takes the connection and says nothing.
        SMBException: The one dialect that was offered isn't accepted.
    """
    # A client GUID of its own: Samba hands connections of one GUID to one process.
    connection = SmbWire(
        uuid.uuid4(),
        endpoint.target,
        endpoint.port,
        require_signing=endpoint.require_signing,
        seconds=endpoint.timeout,
    )
    try:
        connection.connect(dialect=dialect, timeout=endpoint.timeout)
    except ValueError as error:
        # So smbprotocol says that the socket didn't connect.
        raise _unreachable(endpoint, error.__cause__ or error) from error
    except (SMBException, OSError) as error:
        connection.disconnect(close=False)
        if isinstance(error, NoAnswer):
            raise no_answer(error, endpoint, which="connect") from error
        if dialect is not None and status_of(error) == NOT_SUPPORTED:
            raise
        raise sign_in_error(error, endpoint) from error
    return connection


def _check_offer(connection: SmbWire, endpoint: SmbEndpoint) -> None:
    """Refuse what is less than the endpoint asks for, before any credential is sent."""
    if connection.dialect < DIALECTS[endpoint.min_dialect]:
        agreed = next(name for name, code in DIALECTS.items() if code == connection.dialect)
        raise _mismatch(
            endpoint,
            f"{endpoint.host} speaks SMB {agreed}, and at least {endpoint.min_dialect} was asked for",
            "enable the newer version on the host, or lower the oldest one that is accepted",
        )
    if endpoint.encrypt and not connection.supports_encryption:
        raise _mismatch(
            endpoint,
            f"{endpoint.host} can't encrypt SMB, and encryption was asked for",
            "encryption needs SMB 3 on the host; enable it there, or don't ask for it",
        )


def _unreachable(endpoint: SmbEndpoint, error: BaseException) -> HostError:
    if isinstance(error, TimeoutError):
        return no_answer(NoAnswer(endpoint.timeout), endpoint, which="connect")
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return UnreachableError(
        f"nobody answers on {endpoint.target} port {endpoint.port} (SMB): {reason}",
        host=endpoint.host,
        tried=(f"smb://{endpoint.target}:{endpoint.port}",),
        hint=f"check the name, and that firewalls let TCP {endpoint.port} through",
    )


def _mismatch(endpoint: SmbEndpoint, message: str, hint: str) -> ProtocolMismatchError:
    return ProtocolMismatchError(
        message, host=endpoint.host, tried=(f"smb://{endpoint.target}:{endpoint.port}",), hint=hint
    )


def sign_off(session: Session) -> None:
    """Log off, so that the host doesn't keep the session, and disconnect."""
    with suppress(SMBException, OSError):
        session.disconnect(close=False, timeout=_SIGN_OFF_SECONDS)
    with suppress(OSError):
        session.connection.disconnect(close=False)
