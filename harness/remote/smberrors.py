"""What smbprotocol raises, said so that a reader knows what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smbprotocol.exceptions import (
    SMBAuthenticationError,
    SMBConnectionClosed,
    SMBException,
    SMBResponseException,
)

from harness.errors import (
    AccessDeniedError,
    AuthenticationError,
    ConnectionLostError,
    DeadlineError,
    FileLockedError,
    HostError,
    PathMissingError,
    ProtocolFaultError,
    ProtocolMismatchError,
    ShareMissingError,
)

if TYPE_CHECKING:
    from typing import Literal

    from harness.remote.smbsession import SmbEndpoint

ACCESS_DENIED = 0xC0000022
SHARING_VIOLATION = 0xC0000043
BAD_NETWORK_NAME = 0xC00000CC
# No such file, name not found, path not found, not a folder, delete pending.
MISSING = frozenset({0xC000000F, 0xC0000034, 0xC000003A, 0xC0000103, 0xC0000056})
# The share, the session or the connection went away: signing in again helps.
GONE = frozenset({0xC00000C9, 0xC0000203, 0xC000035C, 0xC000020C})
NOT_SUPPORTED = 0xC00000BB

# What Windows says when it refuses a sign-in: why, and what to do.
_REFUSALS = {
    0xC000006D: ("the user name or password is wrong", "check user, domain and password"),
    0xC000006A: ("the password is wrong", "check the password"),
    0xC0000064: ("there is no such user", "check user and domain"),
    0xC000006E: ("the account is restricted", "an empty password or a policy keeps it from the network"),
    0xC000006F: ("the account may not sign in at this hour", "change its logon hours"),
    0xC0000070: ("the account may not sign in from this machine", "change its workstations"),
    0xC0000071: ("the password has expired", "set a new one"),
    0xC0000072: ("the account is disabled", "enable it, or use another"),
    0xC0000193: ("the account has expired", "extend it, or use another"),
    0xC0000224: ("the password must be changed first", "sign in once by hand, or clear that flag"),
    0xC0000234: ("the account is locked out", "unlock it, and find what keeps using a wrong password"),
    0xC000015B: ("the account lacks the right to sign in over the network", "grant it on the host"),
    0xC000005E: ("no domain controller answers the host", "check the host's own domain connection"),
    0xC0000133: ("the clocks are too far apart", "set this machine's clock and the host's"),
}


class NoAnswer(SMBException):  # type: ignore[misc]
    """The host took a request and gave no answer in time.

    Args:
        seconds: How long was waited.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(f"no answer in {seconds:g} s")
        self.seconds = seconds


class Unproven(SMBException):  # type: ignore[misc]
    """An answer that isn't signed or encrypted by the server as it must be, so that anybody may have sent it."""


def status_of(error: BaseException) -> int:
    """Give the NT status in an error of smbprotocol's, 0 where it carries none."""
    return int(error.status) if isinstance(error, SMBResponseException) else 0


def is_lost(error: BaseException) -> bool:
    """Tell whether a new connection may help."""
    return isinstance(error, (SMBConnectionClosed, OSError)) or status_of(error) in GONE


def sign_in_error(error: SMBException, endpoint: SmbEndpoint) -> HostError:  # noqa: PLR0911 - one for each case
    """Translate what came up while signing in.

    Args:
        error: From smbprotocol.
        endpoint: Where and as whom.
    """
    tried = _tried(endpoint)
    if isinstance(error, NoAnswer):
        return no_answer(error, endpoint, which="connect")
    status = status_of(error)
    if status in _REFUSALS:
        why, hint = _REFUSALS[status]
        return AuthenticationError(
            f"{endpoint.host} refused {endpoint.account!r}: {why}", host=endpoint.host, tried=tried, hint=hint
        )
    if status in {ACCESS_DENIED, NOT_SUPPORTED}:
        return ProtocolMismatchError(
            f"{endpoint.host} refused the session of {endpoint.account!r} (status 0x{status:08x}): it may "
            "demand encryption, signing or Kerberos that was not offered",
            host=endpoint.host,
            tried=tried,
            hint="allow SMB up to 3.1.1, switch encryption on, or use Kerberos",
        )
    if isinstance(error, SMBAuthenticationError):
        return AuthenticationError(
            f"can't sign in to {endpoint.host} as {endpoint.account!r} with {endpoint.auth}: "
            f"{error.__cause__ or error}",
            host=endpoint.host,
            tried=tried,
            hint="Kerberos needs the 'kerberos' extra, a ticket or password, and the host's full name; "
            "NTLM needs a password",
        )
    if status:
        return _fault(status, endpoint, "signing in")
    if isinstance(error, SMBConnectionClosed):
        return ConnectionLostError(
            f"{endpoint.host} closed the connection while signing in",
            host=endpoint.host,
            tried=tried,
            hint="the host may speak SMB 1 only, or a firewall may be in between",
        )
    # Left over: signing or encryption that a guest session can't have, a signature that doesn't verify.
    return _not_safe(error, endpoint, "sign in with an account of the host's or its domain's, not as a guest")


def share_error(  # noqa: PLR0911 - one for each case
    error: SMBException, endpoint: SmbEndpoint, share: str, path: str
) -> HostError:
    """Translate what came up with a share, a folder or a file.

    Args:
        error: From smbprotocol.
        endpoint: Where and as whom.
        share: The share's name.
        path: Below the share; empty for the share itself.
    """
    if isinstance(error, NoAnswer):
        return no_answer(error, endpoint, which="read")
    place = f"//{endpoint.host}/{share}" + (f"/{path}" if path else "")
    where = {"host": endpoint.host, "share": share}
    status = status_of(error)
    if status == BAD_NETWORK_NAME or (status in MISSING and not path):
        return ShareMissingError(f"{endpoint.host} has no share {share!r}", **where, hint=_share_hint(share))
    if status in MISSING:
        return PathMissingError(f"{place} isn't there", **where, path=path, hint="check the path")
    if status == ACCESS_DENIED:
        return AccessDeniedError(
            f"{endpoint.account!r} may not read {place}",
            **where,
            path=path,
            hint=_access_hint(share, endpoint),
        )
    if status == SHARING_VIOLATION:
        return FileLockedError(
            f"another program keeps {place} to itself",
            **where,
            path=path,
            hint="it is tried again at the next poll",
        )
    if isinstance(error, Unproven):
        return _not_safe(error, endpoint, "something on the way changes messages; look for it before trying again")
    if is_lost(error):
        return ConnectionLostError(
            f"{endpoint.host} broke the connection off while {place} was read",
            host=endpoint.host,
            hint="try again; if it keeps happening, look at the host's event log",
        )
    if status:
        return _fault(status, endpoint, place)
    return ProtocolFaultError(f"{place}: {error}", host=endpoint.host, code=0)


def no_answer(error: NoAnswer, endpoint: SmbEndpoint, *, which: Literal["connect", "read"]) -> DeadlineError:
    """Translate a deadline that passed."""
    return DeadlineError(
        f"{endpoint.host} did not answer on SMB port {endpoint.port} within {error.seconds:g} s",
        host=endpoint.host,
        which=which,
        seconds=error.seconds,
        hint="see whether the host is overloaded, or raise the SMB timeout",
    )


def _not_safe(error: SMBException, endpoint: SmbEndpoint, hint: str) -> ProtocolMismatchError:
    return ProtocolMismatchError(
        f"the session with {endpoint.host} isn't as safe as asked for: {error}",
        host=endpoint.host,
        tried=_tried(endpoint),
        hint=hint,
    )


def _tried(endpoint: SmbEndpoint) -> tuple[str]:
    return (f"smb://{endpoint.target}:{endpoint.port} ({endpoint.auth})",)


def _fault(status: int, endpoint: SmbEndpoint, what: str) -> ProtocolFaultError:
    return ProtocolFaultError(
        f"{endpoint.host} answered {what} with SMB status 0x{status:08x}", host=endpoint.host, code=status
    )


def _share_hint(share: str) -> str:
    if share.endswith("$"):
        return "administrative shares are off when AutoShareServer is 0; publish the log folder instead"
    return "check the share's name with Get-SmbShare on the host"


def _access_hint(share: str, endpoint: SmbEndpoint) -> str:
    if not share.endswith("$"):
        return "give the account read permission on the share and on the folder"
    if endpoint.domain:
        return "administrative shares need an administrator; else publish the log folder as a read-only share"
    return (
        "administrative shares need an administrator, and a local one only gets in when "
        "LocalAccountTokenFilterPolicy is 1; else publish the log folder as a read-only share"
    )
