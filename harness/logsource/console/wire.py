"""Requests over HTTPS: one attempt each, certificates checked, no redirect followed, failures in words."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

import requests
import urllib3.exceptions

from harness import __version__
from harness.errors import CertificateError, ConnectionLostError, DeadlineError, InputError, UnreachableError
from harness.logsource.console.call import Reply
from harness.remote.faults import causes, fingerprint, unsent
from harness.source import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.errors import HostError
    from harness.logsource.console.call import Call
    from harness.redaction import Secret
    from harness.source import Source

_HTTPS = 443


@dataclass(frozen=True, slots=True)
class Address:
    """Where a console answers.

    Args:
        host: Its name or IP address.
        port: Of HTTPS.
        url: What stands before ``/api``.
    """

    host: str
    port: int
    url: str

    @classmethod
    def parse(cls, text: str, source: Source) -> Address:
        """Read an address as the user gave it: ``https://console.corp.example``, or the name alone.

        Args:
            text: The address.
            source: Where it stands.

        Raises:
            InputError: It isn't one, or not of HTTPS.
        """
        whole = text.strip() if "://" in text else f"https://{text.strip()}"
        try:
            parts = urlsplit(whole)
            port = parts.port or _HTTPS
        except ValueError:
            parts, port = urlsplit(""), 0
        if parts.scheme != "https" or not parts.hostname or parts.username or parts.query or parts.fragment:
            hint = "write https://console.corp.example; the token is never sent in clear"
            raise InputError([Problem(source, f"{text!r} isn't the address of a console", hint)])
        path = parts.path.rstrip("/").removesuffix("/api")
        return cls(parts.hostname, port, f"https://{parts.netloc}{path}")

    def __str__(self) -> str:
        """The address, for people."""
        return self.url


class Wire(Protocol):
    """Sends requests."""

    def send(self, call: Call, headers: Mapping[str, str]) -> Reply:
        """Send a request once and give the answer, whatever it says.

        Args:
            call: The request.
            headers: Those that every request has; `Call.headers` go over them.

        Raises:
            UnreachableError: Nothing was sent. A subclass says more; a `ConnectionLostError` with ``sent`` may have
                been acted upon.
            DeadlineError: No answer came in time; where ``which`` is ``read``, it may have been acted upon.
        """
        ...

    def close(self) -> None:
        """Let go of the connection."""
        ...


class HttpsWire:
    """Requests over HTTPS with the token of an authorized service.

    Args:
        address: The console.
        token: The authorized service's.
        trust: A PEM file or folder of authorities; empty for those that are bundled with requests.
        connect_seconds: The longest wait for TCP and TLS.
        read_seconds: The longest wait for an answer.
    """

    def __init__(
        self,
        address: Address,
        token: Secret,
        *,
        trust: str = "",
        connect_seconds: float = 15.0,
        read_seconds: float = 60.0,
    ) -> None:
        self._address = address
        self._token = token
        self._verify: str | bool = trust or True
        self._seconds = (connect_seconds, read_seconds)
        self._session = requests.Session()
        # Otherwise requests would add what ~/.netrc holds for the name.
        self._session.auth = _as_it_is

    def send(self, call: Call, headers: Mapping[str, str]) -> Reply:
        """Send a request once; see `Wire.send`."""
        whole = {"User-Agent": f"harness/{__version__}", "SEC": self._token.reveal(), **headers, **call.headers}
        try:
            answer = self._session.request(
                call.endpoint.method,
                f"{self._address.url}/api{call.path}",
                params=dict(call.query),
                headers=whole,
                json=call.body,
                timeout=self._seconds,
                verify=self._verify,
                allow_redirects=False,
            )
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise self._failure(error, call) from error
        return Reply(answer.status_code, {k.lower(): v for k, v in answer.headers.items()}, answer.content)

    def close(self) -> None:
        """Let go of the connection."""
        self._session.close()

    def _failure(self, error: Exception, call: Call) -> HostError:
        chain = tuple(causes(error))
        host = self._address.host
        for each in chain:
            if isinstance(each, ssl.SSLCertVerificationError):
                return self._untrusted(each)
        if unsent(error) or any(isinstance(each, ConnectionRefusedError | ssl.SSLError) for each in chain):
            return self._unreached(chain)
        if any(isinstance(each, requests.Timeout | urllib3.exceptions.ReadTimeoutError) for each in chain):
            return DeadlineError(
                f"{host} gave no answer to {call} within {self._seconds[1]:g} s",
                host=host,
                which="read",
                seconds=self._seconds[1],
                hint="see the console's load",
            )
        if any(isinstance(each, urllib3.exceptions.HTTPError | ConnectionError) for each in chain):
            return ConnectionLostError(
                f"{host} broke the connection off during {call}",
                host=host,
                sent=True,
                tried=(self._address.url,),
                hint="see whether the console restarted, or a device on the way cut the connection; then run again",
            )
        hint = "see console_url and console_ca_trust_path"
        return UnreachableError(f"{self._address} can't be called: {error}", host=host, hint=hint)

    def _untrusted(self, failure: ssl.SSLCertVerificationError) -> CertificateError:
        shown = fingerprint(self._address.host, self._address.port, self._seconds[0])
        return CertificateError(
            f"the certificate of {self._address} isn't trusted: {failure.verify_message}"
            + (f"; its SHA-256 fingerprint is {shown}" if shown else ""),
            host=self._address.host,
            fingerprint=shown,
            tried=(self._address.url,),
            hint="compare the fingerprint with the console's; then give a PEM file of its authority: --ca, or "
            "console_ca_trust_path in the inventory",
        )

    def _unreached(self, chain: tuple[BaseException, ...]) -> UnreachableError:
        why, hint = "can't be reached", "see console_url and the network on the way"
        if any(isinstance(each, urllib3.exceptions.NameResolutionError) for each in chain):
            why, hint = "can't be looked up: the name has no address", "see console_url and the name service"
        elif any(isinstance(each, ConnectionRefusedError) for each in chain):
            why = "refuses the connection"
        elif any(isinstance(each, urllib3.exceptions.ConnectTimeoutError) for each in chain):
            why = f"gave no connection within {self._seconds[0]:g} s"
        elif any(isinstance(each, ssl.SSLError) for each in chain):
            why, hint = "doesn't speak TLS there", "see the port in console_url"
        return UnreachableError(
            f"{self._address} {why}", host=self._address.host, tried=(self._address.url,), hint=hint
        )


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
