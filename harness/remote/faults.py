"""What goes wrong between us and a host, in words an operator understands.

pywinrm lets through what requests, urllib3, ssl, spnego and the operating system raise. `translate` turns each into
one of `harness.errors`, by class and attribute; only OpenSSL's reason and the file-name complaint of requests have
no better mark than their text. Exceptions that aren't in `LIBRARY` aren't known, and so never caught.
"""

from __future__ import annotations

import hashlib
import socket
import ssl
import struct
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Final
from xml.etree.ElementTree import ParseError

import requests
import urllib3.exceptions
from spnego.exceptions import SpnegoError
from winrm.exceptions import (
    AuthenticationError as WinRMAuthenticationError,
)
from winrm.exceptions import (
    WinRMError,
    WinRMOperationTimeoutError,
    WinRMTransportError,
    WSManFaultError,
)

from harness.errors import (
    AuthenticationError,
    CertificateError,
    ConnectionLostError,
    DeadlineError,
    HostError,
    ProtocolFaultError,
    UnreachableError,
)
from harness.remote.wire import ConnectionGoneError, PlainAnswerError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.remote.connection import Endpoint

_MALFORMED: Final = (ParseError, StopIteration, LookupError, ValueError, AssertionError, struct.error)
"""What pywinrm's reading of an answer ends in when the answer isn't WS-Management."""

_REFUSED: Final = (SpnegoError, WinRMAuthenticationError, PermissionError)


def _credssp_errors() -> tuple[type[Exception], ...]:
    """Give what the CredSSP package raises, where it is installed."""
    try:
        exceptions = import_module("requests_credssp.exceptions")
    except ImportError:
        return ()
    return (exceptions.AuthenticationException, exceptions.InvalidConfigurationException)


LIBRARY: Final[tuple[type[Exception], ...]] = (
    ConnectionGoneError,
    PlainAnswerError,
    WinRMError,
    WinRMTransportError,
    WinRMOperationTimeoutError,
    SpnegoError,
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    OSError,
    *_MALFORMED,
    *_credssp_errors(),
)
"""All that pywinrm and what it stands on are known to raise."""

ACCESS_DENIED: Final = 5
"""Windows' ERROR_ACCESS_DENIED, as WinRM's fault for a user who signed in but may not have a shell."""

_FAULT_HINTS: Final = {
    2150858843: "the shell is gone: the host ended it, or its WinRM service was restarted; run again",
    2150859173: "too many shells of this user on the host; they end by themselves when idle, or raise "
    "MaxShellsPerUser with: winrm set winrm/config/winrs '@{MaxShellsPerUser=\"30\"}'",
    2150859174: "too many requests of this user at once on the host; lower --forks or raise "
    "MaxConcurrentOperationsPerUser",
}

_HTTP: Final = {
    400: (
        "refused the request as malformed",
        "see the host's event log Windows Remote Management/Operational",
    ),
    403: ("forbids it", "see whether the host or a firewall on the way filters by address or certificate"),
    404: (
        "answers, but has no WinRM there",
        "see winrm_port; on the host: winrm enumerate winrm/config/listener",
    ),
    503: ("says the service is unavailable", "see whether the host is starting, and its WinRM service"),
}


@dataclass(frozen=True, slots=True)
class Attempt:
    """What was going on when an exception came.

    Args:
        endpoint: The host.
        seconds: How long an answer was waited for.
        connecting: Whether TCP or TLS were still being set up.
        established: Whether the host has answered us properly before.
        offered: The sign-in schemes that it offered, as in its ``WWW-Authenticate``.
        sent: Whether the command may have started.
    """

    endpoint: Endpoint
    seconds: float
    connecting: bool = False
    established: bool = False
    offered: str = ""
    sent: bool = False


def translate(error: Exception, attempt: Attempt) -> HostError:
    """Say what an exception means.

    Args:
        error: One of `LIBRARY`.
        attempt: What was going on.

    Returns:
        What to raise.
    """
    chain = tuple(causes(error))
    return (
        _protocol(error, attempt)
        or _timeout(chain, attempt)
        or _tls(chain, attempt)
        or _sign_in(error, chain, attempt)
        or _network(chain, attempt)
        or _rest(error, attempt)
    )


def unsent(error: Exception) -> bool:
    """Tell whether not a byte of the message can have reached the host.

    Args:
        error: One of `LIBRARY`.
    """
    never = (
        ConnectionGoneError,
        urllib3.exceptions.NewConnectionError,
        urllib3.exceptions.ConnectTimeoutError,
    )
    return any(isinstance(each, never) for each in causes(error))


def causes(error: object, depth: int = 0) -> Iterator[BaseException]:
    """Give an exception and all that it was made from: requests and urllib3 keep those in ``args`` and ``reason``."""
    if isinstance(error, BaseException) and depth < 8:  # noqa: PLR2004 - only against a circle
        yield error
        for inner in (*error.args, getattr(error, "reason", None), error.__cause__):
            yield from causes(inner, depth + 1)


def _protocol(error: Exception, attempt: Attempt) -> HostError | None:
    """WinRM answered, and it says no."""
    endpoint = attempt.endpoint
    if isinstance(error, WSManFaultError):
        code = error.wsman_fault_code or error.wmierror_code or error.code
        reason = " ".join(error.reason.split())
        if code == ACCESS_DENIED:
            return AuthenticationError(
                f"{endpoint.attempt} signed {endpoint.user or 'us'} in, but denies it a shell",
                host=endpoint.host,
                tried=(endpoint.attempt,),
                hint="the user has to be a member of Administrators or Remote Management Users on the host",
            )
        return ProtocolFaultError(
            f"{endpoint.url} answered with fault {code}: {reason}",
            host=endpoint.host,
            code=code,
            hint=_FAULT_HINTS.get(code, ""),
        )
    if isinstance(error, WinRMTransportError):
        return _http_status(error, attempt)
    if isinstance(error, PlainAnswerError):
        return ProtocolFaultError(
            f"{endpoint.url} answered in clear although messages are encrypted",
            host=endpoint.host,
            code=200,
            hint="something on the way may be changing answers; find out before you go on",
        )
    if isinstance(error, requests.TooManyRedirects):
        return _no_winrm(attempt, "redirects elsewhere")
    return None


def _http_status(error: WinRMTransportError, attempt: Attempt) -> HostError:
    """An HTTP error without a fault in it."""
    endpoint = attempt.endpoint
    what, hint = _HTTP.get(error.code, (f"answers with HTTP status {error.code}", "see winrm_port"))
    if error.code == 500 and not error.response_text:  # noqa: PLR2004 - the status itself
        what = "refused the request without a word"
        hint = (
            "a host does this to messages in clear: set winrm_message_encryption=auto with winrm_transport=ntlm, "
            "or winrm_scheme=https"
            if endpoint.in_clear
            else "see the host's event log Windows Remote Management/Operational"
        )
    return ProtocolFaultError(f"{endpoint.url} {what}", host=endpoint.host, code=error.code, hint=hint)


def _timeout(chain: tuple[BaseException, ...], attempt: Attempt) -> HostError | None:
    """Nothing came for too long."""
    endpoint = attempt.endpoint
    kinds = (
        requests.Timeout,
        urllib3.exceptions.ReadTimeoutError,
        WinRMOperationTimeoutError,
        TimeoutError,
    )
    if not any(isinstance(each, kinds) for each in chain):
        return None
    if attempt.connecting:
        return DeadlineError(
            f"no connection to {endpoint.attempt} within {endpoint.connect_seconds:g} s",
            host=endpoint.host,
            which="connect",
            seconds=endpoint.connect_seconds,
            hint="see whether the host is up and a firewall lets the port through",
        )
    return read_deadline(attempt)


def read_deadline(attempt: Attempt) -> DeadlineError:
    """Say that an answer didn't come.

    Args:
        attempt: What was going on.
    """
    endpoint = attempt.endpoint
    return DeadlineError(
        f"{endpoint.attempt} was reached, but gave no answer within {attempt.seconds:g} s",
        host=endpoint.host,
        which="read",
        seconds=attempt.seconds,
        hint="see the host's load and its WinRM service, or raise winrm_read_timeout",
    )


def _tls(chain: tuple[BaseException, ...], attempt: Attempt) -> HostError | None:
    """TLS didn't come about."""
    endpoint = attempt.endpoint
    failures = [each for each in chain if isinstance(each, ssl.SSLError)]
    if not failures:
        return None
    for failure in failures:
        if isinstance(failure, ssl.SSLCertVerificationError):
            return _certificate(failure, attempt)
    if attempt.established:
        return None
    reason = failures[-1].reason or str(failures[-1])
    if "WRONG_VERSION_NUMBER" in reason or "RECORD_LAYER_FAILURE" in reason or "HTTP_REQUEST" in reason:
        what, hint = (
            "speaks plain HTTP, not HTTPS",
            "set winrm_scheme=http, or the port of the HTTPS listener",
        )
    elif ("PROTOCOL" in reason and "VERSION" in reason) or "UNSUPPORTED_PROTOCOL" in reason:
        what = "offers no TLS version from 1.2 on"
        hint = "enable TLS 1.2 on the host, or use winrm_scheme=http with winrm_transport=ntlm, which encrypts"
    else:
        what, hint = (
            f"broke off TLS ({reason})",
            "see the listener's certificate and TLS settings on the host",
        )
    return UnreachableError(f"{endpoint.attempt} {what}", host=endpoint.host, tried=(endpoint.attempt,), hint=hint)


def _certificate(failure: ssl.SSLCertVerificationError, attempt: Attempt) -> CertificateError:
    """The host's certificate isn't trusted."""
    endpoint = attempt.endpoint
    shown = fingerprint(endpoint.address, endpoint.port, endpoint.connect_seconds)
    return CertificateError(
        f"the certificate of {endpoint.attempt} isn't trusted: {failure.verify_message}"
        + (f"; its SHA-256 fingerprint is {shown}" if shown else ""),
        host=endpoint.host,
        fingerprint=shown,
        tried=(endpoint.attempt,),
        hint="compare the fingerprint with the host's; then set winrm_ca_trust_path to a PEM file of its authority, "
        "or, for a test only, winrm_server_cert_validation=ignore",
    )


def fingerprint(address: str, port: int, seconds: float) -> str:
    """Ask what certificate a host shows. Nothing is sent but TLS's greeting.

    Args:
        address: A name or an IP address.
        port: Where it speaks TLS.
        seconds: The limit for each step.

    Returns:
        SHA-256 as colon-separated upper-case hex; empty where it can't be had.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with (
            socket.create_connection((address, port), timeout=seconds) as plain,
            context.wrap_socket(plain, server_hostname=address) as secure,
        ):
            certificate = secure.getpeercert(binary_form=True)
    except (OSError, ValueError):
        return ""
    return hashlib.sha256(certificate).digest().hex(":").upper() if certificate else ""


def _sign_in(error: Exception, chain: tuple[BaseException, ...], attempt: Attempt) -> HostError | None:
    """The host refused our credentials, or the way they were shown."""
    endpoint = attempt.endpoint
    # requests_ntlm looks the header up in the host's second answer, whatever that is.
    no_challenge = isinstance(error, KeyError) and error.args == ("www-authenticate",)
    kerberos = endpoint.transport == "kerberos" and not isinstance(error, requests.ConnectionError)
    refused = (
        isinstance(error, (*_REFUSED, *_credssp_errors()))
        or no_challenge
        or (kerberos and isinstance(error, requests.RequestException))
    )
    if not refused or _has(chain, ssl.SSLError):
        return None
    hints = {
        "ntlm": "see winrm_user (DOMAIN\\user, user@domain, or a user of the host's own), winrm_password, "
        "and whether the account is locked",
        "basic": "see winrm_user (a local user of the host's), winrm_password, and on the host: "
        "winrm get winrm/config/service/auth",
        "certificate": "see whether the host maps the certificate to a user: "
        "winrm enumerate winrm/config/service/certmapping",
        "kerberos": "see the ticket with: klist; get one with: kinit user@REALM; the address has to be the "
        "host's full domain name",
        "credssp": "see winrm_user, winrm_password, and on the host: Enable-WSManCredSSP -Role Server",
    }
    wanted = {"ntlm": ("ntlm", "negotiate"), "basic": ("basic",), "kerberos": ("kerberos", "negotiate")}
    offered = [part.split()[0] for part in attempt.offered.split(",") if part.strip()]
    missing = offered and not {each.lower() for each in offered} & set(wanted.get(endpoint.transport, offered))
    if missing:
        return AuthenticationError(
            f"{endpoint.url} doesn't take {endpoint.transport}; it offers {', '.join(offered)}",
            host=endpoint.host,
            tried=(endpoint.attempt,),
            hint=f"set winrm_transport to what it offers, or enable {endpoint.transport} on the host",
        )
    who = endpoint.user or f"the {endpoint.transport} credentials"
    detail = f": {error}" if kerberos and not isinstance(error, WinRMError) else ""
    return AuthenticationError(
        f"{endpoint.attempt} refused {who}{detail}",
        host=endpoint.host,
        tried=(endpoint.attempt,),
        hint=hints[endpoint.transport],
    )


def _network(chain: tuple[BaseException, ...], attempt: Attempt) -> HostError | None:
    """TCP or the name service failed."""
    endpoint = attempt.endpoint
    broken = (
        requests.ConnectionError,
        requests.exceptions.ChunkedEncodingError,
        urllib3.exceptions.HTTPError,
        ConnectionGoneError,
        ssl.SSLError,
        ConnectionError,
    )
    if not any(isinstance(each, broken) for each in chain):
        return None
    if attempt.established:
        return ConnectionLostError(
            f"{endpoint.attempt} broke the connection off" + (" while the command was running" if attempt.sent else ""),
            host=endpoint.host,
            tried=(endpoint.attempt,),
            sent=attempt.sent,
            hint="see whether the host restarted or a device on the way cut the connection; then run again",
        )
    what, hint = _first_contact(chain, attempt)
    return UnreachableError(f"{endpoint.attempt} {what}", host=endpoint.host, tried=(endpoint.attempt,), hint=hint)


def _first_contact(chain: tuple[BaseException, ...], attempt: Attempt) -> tuple[str, str]:
    """Say why nobody was reached."""
    endpoint = attempt.endpoint
    if _has(chain, urllib3.exceptions.NameResolutionError) or _has(chain, socket.gaierror):
        return (
            f"can't be looked up: {endpoint.address} has no address",
            "see the spelling and the name service, or set address",
        )
    if _has(chain, ConnectionRefusedError):
        return (
            "refuses the connection",
            "see winrm_port, and on the host: winrm quickconfig and its firewall",
        )
    for each in chain:
        if isinstance(each, OSError) and each.errno and each.strerror and not isinstance(each, ConnectionError):
            return f"can't be reached: {each.strerror}", "see the network on the way"
    if endpoint.scheme == "http":
        return (
            "takes the connection and breaks it off",
            "perhaps this port speaks HTTPS: set winrm_scheme=https; or something on the way cuts it",
        )
    return (
        "takes the connection and breaks it off",
        "see winrm_port and the listener's certificate on the host",
    )


def _rest(error: Exception, attempt: Attempt) -> HostError:
    """What is left: addresses that aren't any, files that aren't PEM, answers that aren't WS-Management."""
    endpoint = attempt.endpoint
    if isinstance(error, (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema)):
        return UnreachableError(
            f"{endpoint.url} isn't an address",
            host=endpoint.host,
            tried=(endpoint.attempt,),
            hint="see address and winrm_port",
        )
    if isinstance(error, OSError) and not isinstance(error, requests.RequestException):
        return UnreachableError(
            f"{endpoint.attempt} can't be reached: {error}",
            host=endpoint.host,
            tried=(endpoint.attempt,),
            hint="see winrm_ca_trust_path, winrm_cert_pem and winrm_cert_key_pem",
        )
    if isinstance(error, (requests.RequestException, WinRMError)):
        return UnreachableError(f"{endpoint.attempt}: {error}", host=endpoint.host, tried=(endpoint.attempt,))
    return _no_winrm(attempt, f"gave an answer that isn't WS-Management ({type(error).__name__})")


def _no_winrm(attempt: Attempt, what: str) -> ProtocolFaultError:
    """Something else listens there."""
    return ProtocolFaultError(
        f"{attempt.endpoint.url} {what}",
        host=attempt.endpoint.host,
        code=200,
        hint="see winrm_port and what listens there",
    )


def _has(chain: tuple[BaseException, ...], kind: type[BaseException]) -> bool:
    """Whether one of them is of that class."""
    return any(isinstance(each, kind) for each in chain)
