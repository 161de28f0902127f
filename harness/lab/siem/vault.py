"""Passwords of log sources: never in clear on disk, never in an answer but encrypted for an administrator."""

from __future__ import annotations

import base64
import os
from typing import TYPE_CHECKING, Final

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

if TYPE_CHECKING:
    from pathlib import Path

ALGORITHMS: Final = {"AES128": 16, "AES256": 32}
"""The algorithms of the header `x-qrd-encryption-algorithm`, with the length of their keys."""

_SALT: Final = 16
_NONCE: Final = 12
_ROUNDS: Final = 10_000


class Vault:
    """Keeps secrets on disk.

    Args:
        folder: Where its key is kept; made if need be.
    """

    def __init__(self, folder: Path) -> None:
        path = folder / "key"
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)
            path.write_bytes(Fernet.generate_key())
        self._fernet = Fernet(path.read_bytes())

    def seal(self, secret: str) -> str:
        """Encrypt for the disk."""
        return self._fernet.encrypt(secret.encode()).decode()

    def open(self, sealed: str) -> str:
        """Decrypt what `seal` gave."""
        return self._fernet.decrypt(sealed.encode()).decode()


def encrypted(secret: str, algorithm: str, password: str) -> str:
    """Encrypt for a client that asks for sensitive data.

    How a console does it isn't documented; this is base64 of salt, nonce and AES-GCM's output, and no client should
    rely on it.
    """
    salt, nonce = os.urandom(_SALT), os.urandom(_NONCE)
    key = PBKDF2HMAC(hashes.SHA256(), ALGORITHMS[algorithm], salt, _ROUNDS).derive(password.encode())
    return base64.b64encode(salt + nonce + AESGCM(key).encrypt(nonce, secret.encode(), None)).decode()
