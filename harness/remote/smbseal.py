"""What protects SMB messages: signatures and encryption, with a session's keys."""

from __future__ import annotations

import hashlib
import hmac
import os
import struct
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import cmac
from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from smbprotocol import Dialects
from smbprotocol.connection import Ciphers, SigningAlgorithms

from harness.remote.smberrors import Unproven

if TYPE_CHECKING:
    from collections.abc import Callable

    from smbprotocol.connection import Connection
    from smbprotocol.session import Session

    Buffer = bytes | bytearray | memoryview

SEALED = b"\xfdSMB"
# What stands before an encrypted message: signature, nonce; length, nothing, encrypted or not, session.
SEAL = struct.Struct("<4s16s16sIHHQ")
TAG = 16
_TAG_AT = 4
_PROVEN_FROM = 20
_ENCRYPTED = 1
_GCM_NONCE = 12
_CCM_NONCE = 11
_NONCE_FIELD = 16
_FROM_SERVER = 1


class Keys:
    """A session's keys, and what was agreed on to use them with.

    Args:
        connection: What was negotiated.
        session: Whose keys they are; signed in.
    """

    def __init__(self, connection: Connection, session: Session) -> None:
        self._session_id = int(session.session_id)
        self._sign = _signer(connection, session.signing_key) if session.signing_key else None
        if session.encryption_key:
            modern = connection.dialect >= Dialects.SMB_3_1_1
            gcm = modern and connection.cipher_id in {Ciphers.AES_128_GCM, Ciphers.AES_256_GCM}
            cipher = AESGCM if gcm else AESCCM
            self._nonce = _GCM_NONCE if gcm else _CCM_NONCE
            self._sealing, self._opening = cipher(session.encryption_key), cipher(session.decryption_key)

    def signature(self, message: Buffer, number: int, *, answer: bool = False) -> bytes:
        """Sign a message whose field for the signature is all zeros.

        Args:
            message: With its header.
            number: The message's.
            answer: Whether the server sent it.

        Raises:
            Unproven: A guest's session has no key.
        """
        if self._sign is None:
            raise Unproven("the session has no key, so that nothing can be signed")
        return self._sign(message, number, answer)

    def seal(self, message: Buffer) -> bytes:
        """Encrypt a message, and put before it what a server needs to decrypt it."""
        nonce = os.urandom(self._nonce)
        proven = SEAL.pack(SEALED, b"", nonce, len(message), 0, _ENCRYPTED, self._session_id)[_PROVEN_FROM:]
        sealed = self._sealing.encrypt(nonce, message, proven)
        return b"".join((SEALED, sealed[-TAG:], proven, sealed[:-TAG]))

    def unseal(self, head: bytes, body: memoryview) -> bytes:
        """Decrypt a message.

        Args:
            head: What stands before it.
            body: What was encrypted, and room for a tag after it.

        Raises:
            Unproven: It isn't what the server encrypted.
        """
        _, body[-TAG:], nonce, length, _, flags, _ = SEAL.unpack(head)
        if flags != _ENCRYPTED or length != len(body) - TAG:
            raise Unproven("an encrypted answer isn't formed as it should be")
        try:
            return self._opening.decrypt(nonce[: self._nonce], body, head[_PROVEN_FROM:])
        except InvalidTag:
            raise Unproven("an encrypted answer isn't what the server sent") from None


def _signer(connection: Connection, key: bytes) -> Callable[[Buffer, int, bool], bytes]:
    """Give what signs with a key, as both sides agreed."""
    if connection.dialect < Dialects.SMB_3_0_0:
        return lambda message, _, __: hmac.digest(key, message, hashlib.sha256)[:TAG]
    agreed = connection.signing_algorithm_id if connection.dialect >= Dialects.SMB_3_1_1 else None
    if agreed == SigningAlgorithms.HMAC_SHA256:
        return lambda message, _, __: hmac.digest(key, message, hashlib.sha256)[:TAG]
    if agreed == SigningAlgorithms.AES_GMAC:
        cipher = AESGCM(key)
        return lambda message, number, answer: cipher.encrypt(
            number.to_bytes(8, "little") + int(answer).to_bytes(4, "little"), b"", message
        )

    def sign(message: Buffer, _: int, __: bool) -> bytes:
        code = cmac.CMAC(AES(key))
        code.update(message)  # type: ignore[arg-type]  # any buffer will do
        return code.finalize()

    return sign
