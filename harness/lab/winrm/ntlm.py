"""The host's side of NTLM and Negotiate, on top of pyspnego.

pyspnego's own acceptor reads its users from a file named by an environment variable, introduces itself with the
machine's host name and insists on channel bindings once it has any. This one has the host's own names and users, and
Windows' three levels of channel bindings. For that it replaces one private method, and so depends on private names of
pyspnego: the project pins its version, and a test names each of them.
"""

from __future__ import annotations

import hmac
import os
import struct
from typing import TYPE_CHECKING, Final

from spnego import NTLMHash
from spnego._context import GSSMech
from spnego._negotiate import NegotiateProxy
from spnego._ntlm import NTLMProxy
from spnego._ntlm_raw.crypto import hmac_md5, md5, ntowfv2, rc4k
from spnego._ntlm_raw.messages import (
    Authenticate,
    AvFlags,
    AvId,
    Challenge,
    FileTime,
    Negotiate,
    NegotiateFlags,
    NTClientChallengeV2,
    TargetInfo,
    Version,
)
from spnego.channel_bindings import GssChannelBindings
from spnego.exceptions import BadBindingsError, InvalidTokenError, SpnegoError

if TYPE_CHECKING:
    from harness.lab.winrm.accounts import Account, Accounts
    from harness.lab.winrm.settings import HostSettings

_PROOF_BYTES: Final = 16
_NTLMV1_BYTES: Final = 24
_MIC: Final = slice(72, 88)
_CLIENT_CHOOSES: Final = (
    NegotiateFlags.unicode
    | NegotiateFlags.sign
    | NegotiateFlags.seal
    | NegotiateFlags.extended_session_security
    | NegotiateFlags.key_exch
    | NegotiateFlags.key_128
    | NegotiateFlags.key_56
    | NegotiateFlags.version
)
_SERVER_SETS: Final = (
    NegotiateFlags.request_target
    | NegotiateFlags.target_type_domain
    | NegotiateFlags.target_info
    | NegotiateFlags.ntlm
    | NegotiateFlags.always_sign
)


class SignInError(Exception):
    """A token is malformed, or the user, password or channel bindings are wrong; never says which."""


class _Acceptor(NTLMProxy):
    """NTLMv2 for one connection, with the host's own names and users."""

    def __init__(
        self,
        settings: HostSettings,
        accounts: Accounts,
        certificate_hash: bytes | None,
    ) -> None:
        # An initiator is made and turned round, as an acceptor would look for the environment variable.
        super().__init__(username=NTLMHash(username="unused", nt_hash="0" * 32), usage="initiate")
        self.usage = "accept"
        self._is_wrapped = True
        self.account: Account | None = None
        self._settings = settings
        self._accounts = accounts
        self._certificate_hash = certificate_hash
        self._messages: list[bytes] = []
        self._server_challenge = os.urandom(8)

    def _step_accept(
        self,
        in_token: bytes,
        *,
        channel_bindings: GssChannelBindings | None = None,  # noqa: ARG002 - the base class passes it
    ) -> bytes | None:
        if not self._messages:
            reply = self._challenge(Negotiate.unpack(in_token))
            self._messages = [in_token, reply]
            return reply
        self._authenticate(in_token, Authenticate.unpack(in_token))
        return None

    def _challenge(self, negotiate: Negotiate) -> bytes:
        names = TargetInfo()
        names[AvId.nb_domain_name] = self._settings.domain
        names[AvId.nb_computer_name] = self._settings.name
        names[AvId.dns_domain_name] = self._settings.dns_domain
        names[AvId.dns_computer_name] = self._settings.fqdn
        names[AvId.timestamp] = FileTime.now()
        flags = (negotiate.flags & _CLIENT_CHOOSES) | _SERVER_SETS
        if not flags & NegotiateFlags.unicode:
            flags |= NegotiateFlags.oem  # curl, for one, writes its names in an eight-bit code
        version = Version.get_current() if flags & NegotiateFlags.version else None
        message: bytes = Challenge(
            flags,
            self._server_challenge,
            target_name=self._settings.domain,
            target_info=names,
            version=version,
        ).pack()
        return message

    def _authenticate(self, token: bytes, message: Authenticate) -> None:
        response = message.nt_challenge_response or b""
        if len(response) <= _NTLMV1_BYTES:
            raise InvalidTokenError(context_msg="anonymous, or NTLMv1")
        user, domain = message.user_name or "", message.domain_name or ""
        account = self._accounts.find(user, domain)
        if account is None:
            raise InvalidTokenError(context_msg="no such user")
        key = ntowfv2(user, account.nt_hash, domain)
        proof, client = response[:_PROOF_BYTES], response[_PROOF_BYTES:]
        if not hmac.compare_digest(proof, hmac_md5(key, self._server_challenge + client)):
            raise InvalidTokenError(context_msg="wrong password")
        pairs = NTClientChallengeV2.unpack(client).av_pairs
        self._check_bindings(pairs.get(AvId.channel_bindings, b""))

        session_key = hmac_md5(key, proof)
        protected = message.flags & (NegotiateFlags.sign | NegotiateFlags.seal)
        if message.flags & NegotiateFlags.key_exch and protected:
            session_key = rc4k(session_key, message.encrypted_random_session_key or b"")
        if pairs.get(AvId.flags, 0) & AvFlags.mic:
            self._check_mic(session_key, token)
        self.account = account
        self._session_key = session_key
        self._context_attr = message.flags
        self._complete = True

    def _check_bindings(self, given: bytes) -> None:
        if self._certificate_hash is None or self._settings.channel_bindings == "none":
            return
        if not given.strip(b"\x00"):
            if self._settings.channel_bindings == "strict":
                raise BadBindingsError(context_msg="no channel bindings")
            return
        ours = GssChannelBindings(application_data=b"tls-server-end-point:" + self._certificate_hash)
        if not hmac.compare_digest(given, md5(ours.pack())):
            raise BadBindingsError(context_msg="the channel bindings are those of another certificate")

    def _check_mic(self, session_key: bytes, token: bytes) -> None:
        blank = token[: _MIC.start] + bytes(_MIC.stop - _MIC.start) + token[_MIC.stop :]
        if not hmac.compare_digest(token[_MIC], hmac_md5(session_key, b"".join([*self._messages, blank]))):
            raise InvalidTokenError(context_msg="a message was changed on its way")


class SecurityContext:
    """One sign-in with NTLM or Negotiate, and what protects the messages after it.

    Each wrap and unwrap moves a key stream on, so a connection's messages must be handled in their order.

    Args:
        settings: The host.
        accounts: Its users.
        certificate_hash: SHA-256 of the certificate the client sees; ``None`` over HTTP.
    """

    def __init__(self, settings: HostSettings, accounts: Accounts, certificate_hash: bytes | None) -> None:
        self._ntlm = _Acceptor(settings, accounts, certificate_hash)
        self._context = NegotiateProxy(usage="accept", _negotiate_contexts={GSSMech.ntlm: self._ntlm})

    @property
    def account(self) -> Account | None:
        """Who signed in; ``None`` until it is complete."""
        return self._ntlm.account if self._context.complete else None

    def step(self, token: bytes) -> bytes | None:
        """Take the client's next token.

        Returns:
            The token to send back; ``None`` for none.

        Raises:
            SignInError: The sign-in is refused.
        """
        try:
            reply: bytes | None = self._context.step(token)
        except (SpnegoError, ValueError, LookupError, TypeError, AttributeError, struct.error) as error:
            # Malformed tokens surface in pyspnego's parsers as whatever the parser tripped over.
            raise SignInError(type(error).__name__) from error
        return reply

    def wrap(self, message: bytes) -> tuple[bytes, bytes]:
        """Encrypt and sign.

        Returns:
            The signature (16 bytes) and the encrypted message.
        """
        wrapped = self._context.wrap_winrm(message)
        return wrapped.header, wrapped.data

    def unwrap(self, signature: bytes, data: bytes) -> bytes:
        """Decrypt and check the signature.

        Raises:
            SignInError: The message isn't one of this context's, or not the next.
        """
        try:
            message: bytes = self._context.unwrap_winrm(signature, data)
        except (SpnegoError, ValueError) as error:
            raise SignInError(type(error).__name__) from error
        return message
