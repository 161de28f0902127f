"""Which encodings of log files can be read: the log source's "File Encoding".

Readers find line ends, separators and quotes as bytes, and decode what stands between them. That is right for every
encoding in which a byte below 0x30 always is the ASCII character of that number, whatever stands before it: UTF-8,
the Windows and ISO code pages, and the double-byte ones of East Asia, whose second bytes begin at 0x30. It is wrong for
UTF-16 and UTF-32, for EBCDIC, and for encodings that switch their alphabet with an escape sequence.
"""

from __future__ import annotations

import codecs
from functools import cache

from harness.errors import HarnessError
from harness.suggest import did_you_mean

DEFAULT = "utf-8"
"""Exchange and IIS write UTF-8; so says the log source unless told otherwise."""

KNOWN = (
    "UTF-8",
    "US-ASCII",
    *(f"ISO-8859-{part}" for part in (*range(1, 11), 13, 14, 15, 16)),
    *(f"windows-{page}" for page in range(1250, 1259)),
    *(f"IBM{page}" for page in (437, 850, 852, 855, 857, 858, 862, 866)),
    *("Big5", "EUC-JP", "EUC-KR", "GB18030", "GB2312", "GBK", "KOI8-R", "KOI8-U", "Shift_JIS", "TIS-620"),
)
"""Names that both the console's Java and Python know, to choose a suggestion from."""

# Everything that ASCII has, and what would be an escape to UTF-7, ISO 2022, HZ and Python's own.
_ASCII = bytes(range(128)) + rb"\u0041 +AGE- ~{VP~} " + b'\x1b$B$"\x1b(B'


@cache
def readable(name: str) -> str:
    """Give the codec of an encoding that log files may have.

    Args:
        name: As a log source names it; upper and lower case, hyphens and underscores don't matter.

    Raises:
        HarnessError: There is no such encoding, or lines can't be told apart by their bytes in it.
    """
    codec, kept = "", False
    try:
        codec = codecs.lookup(name).name
        kept = _ASCII.decode(codec) == _ASCII.decode("ascii")
    except UnicodeError:
        pass
    except (LookupError, ValueError):
        raise HarnessError(
            f"there is no encoding {name!r}",
            hint=did_you_mean(name, KNOWN) or "UTF-8 is what Exchange and IIS write; windows-1252 is a code page",
        ) from None
    if codec == "utf-8-sig":
        return DEFAULT
    if not kept:
        raise HarnessError(
            f"logs in the encoding {name!r} can't be read: its line ends and separators aren't single bytes of ASCII",
            hint="Exchange and IIS never write it: use UTF-8, or the server's Windows code page, such as windows-1252",
        )
    return codec
