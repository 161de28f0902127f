"""Messages encrypted with the signed-in user's key, inside ``multipart/encrypted`` ([MS-WSMV] 2.2.9.1)."""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING, Final

from harness.lab.winrm.ntlm import SignInError

if TYPE_CHECKING:
    from harness.lab.winrm.ntlm import SecurityContext

_PROTOCOL: Final = "application/HTTP-SPNEGO-session-encrypted"
_BOUNDARY: Final = b"--Encrypted Boundary"
CONTENT_TYPE: Final = f'multipart/encrypted;protocol="{_PROTOCOL}";boundary="Encrypted Boundary"'

# The encrypted part is found by position, not by searching for a boundary: its bytes may be any.
_FRAME = re.compile(
    rb"--\s*Encrypted Boundary\r\n"
    rb"\s*Content-Type:\s*" + re.escape(_PROTOCOL.encode()) + rb"\r\n"
    rb"\s*OriginalContent:[^\r\n]*?;\s*Length=(?P<length>[0-9]{1,10})[^\r\n]*\r\n"
    rb"--\s*Encrypted Boundary\r\n"
    rb"\s*Content-Type:\s*application/octet-stream\r\n"
    rb"(?P<payload>.*)"
    rb"--\s*Encrypted Boundary--(?:\r\n)?",
    re.DOTALL | re.IGNORECASE,
)
_LENGTH_BYTES: Final = 4


class EncryptionError(ValueError):
    """The body isn't an encrypted message of this connection's."""


def is_encrypted(content_type: str) -> bool:
    """Say whether a body of that type is encrypted."""
    return content_type.lower().startswith("multipart/encrypted")


def decrypt(body: bytes, context: SecurityContext) -> bytes:
    """Give the message in an encrypted body.

    Raises:
        EncryptionError: The framing is wrong, the key is another, or a message was skipped.
    """
    frame = _FRAME.fullmatch(body)
    if frame is None or len(frame["payload"]) < _LENGTH_BYTES:
        raise EncryptionError("the framing is wrong")
    payload = frame["payload"]
    (signature_bytes,) = struct.unpack("<I", payload[:_LENGTH_BYTES])
    end = _LENGTH_BYTES + signature_bytes
    try:
        message = context.unwrap(payload[_LENGTH_BYTES:end], payload[end:])
    except SignInError as error:
        raise EncryptionError("it doesn't decrypt") from error
    if len(message) != int(frame["length"]):
        raise EncryptionError("its length isn't the announced one")
    return message


def encrypt(message: bytes, context: SecurityContext) -> bytes:
    """Give the encrypted body for a message; its type is ``CONTENT_TYPE``."""
    signature, data = context.wrap(message)
    head = (
        f"\r\n\tContent-Type: {_PROTOCOL}\r\n"
        f"\tOriginalContent: type=application/soap+xml;charset=UTF-8;Length={len(message)}\r\n"
    )
    return b"".join(
        [
            _BOUNDARY,
            head.encode(),
            _BOUNDARY,
            b"\r\n\tContent-Type: application/octet-stream\r\n",
            struct.pack("<I", len(signature)),
            signature,
            data,
            _BOUNDARY,
            b"--\r\n",
        ]
    )
