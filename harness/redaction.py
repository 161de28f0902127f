"""Keeps secrets out of everything that harness prints, logs or saves.

A secret is held by a `Secret`, which shows itself as ``********``. Its text can still come back from outside:
in a host's error message, in a library's log line, in a dumped request. So every resolved secret is
registered with the one `redactor`, and every sink passes its text through `Redactor.redact`.
"""

from __future__ import annotations

import base64
import hmac
import html
import json
import re
import threading
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Iterator

MASK = "********"

SHORTEST = 4
"""Shorter values aren't redacted: two letters would blank half of every text, and show themselves by that."""

_SHORTEST_CORE = 6
"""The fewest base64 characters of an embedded secret that are searched for: 36 bits don't match by chance."""


class Secret:
    """A value that doesn't show itself.

    It can't be pickled or turned into JSON; two secrets are equal when their values are.

    Args:
        value: The secret in clear.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Give the value in clear, for the one place that needs it."""
        return self._value

    def __repr__(self) -> str:
        """Never the value."""
        return MASK

    def __format__(self, format_spec: str) -> str:
        """Never the value, nor its length, whatever the format asks for."""
        return MASK

    def __eq__(self, other: object) -> bool:
        """Compare by value, in a time that doesn't depend on it."""
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self.reveal().encode(), other.reveal().encode())

    def __hash__(self) -> int:
        """Agree with equality."""
        return hash((Secret, self.reveal()))

    def __copy__(self) -> Secret:
        """A secret doesn't change, so a copy is the secret itself."""
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        """A secret doesn't change, so a copy is the secret itself."""
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        """Refuse to be pickled.

        Raises:
            TypeError: Always.
        """
        message = "a secret can't be pickled: it would stand in the file in clear"
        raise TypeError(message)


class Redactor:
    """Replaces every registered secret, in each form that it is known to travel in, by ``********``.

    The forms: plain, base64 (standard and URL-safe alphabet, of UTF-8 and of UTF-16LE, alone or embedded at
    any of the three alignments), URL-quoted, JSON-escaped, XML-escaped, and as in Python's and PowerShell's
    string literals. Longer forms are replaced before shorter ones. Several threads may use it at once.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values: set[str] = set()
        self._forms: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self._outdated = False

    def register(self, value: str) -> None:
        """Redact this value from now on.

        Args:
            value: The secret in clear. A value shorter than `SHORTEST` characters is ignored.
        """
        if len(value) < SHORTEST:
            return
        with self._lock:
            # Many hosts have one password, and many passwords come one after the other before anything is said.
            if value not in self._values:
                self._values.add(value)
                self._forms.update(_forms(value))
                self._outdated = True

    def redact(self, text: str) -> str:
        """Give the text with every registered secret replaced.

        Args:
            text: Any text that is about to leave harness. It has to hold a secret in one piece, so redact
                before wrapping or cutting.
        """
        if self._outdated:
            self._compile()
        pattern = self._pattern
        return pattern.sub(MASK, text) if pattern else text

    def _compile(self) -> None:
        with self._lock:
            longest_first = sorted(self._forms, key=lambda form: (-len(form), form))
            self._pattern = re.compile("|".join(re.escape(form) for form in longest_first)) if longest_first else None
            self._outdated = False

    def clear(self) -> None:
        """Forget all values: for tests, and for a process that outlives its inventory."""
        with self._lock:
            self._values.clear()
            self._forms.clear()
            self._pattern = None
            self._outdated = False


def _forms(value: str) -> Iterator[str]:
    """Give every text that the value may appear as."""
    yield value
    yield value.replace("'", "''")
    yield repr(value)[1:-1]
    yield html.escape(value)
    yield html.escape(value, quote=False)
    for ascii_only in (True, False):
        yield json.dumps(value, ensure_ascii=ascii_only)[1:-1]
    yield from _url_forms(value)
    for encoded in (value.encode(errors="surrogatepass"), value.encode("utf-16-le", errors="surrogatepass")):
        for form in _base64_forms(encoded):
            yield form
            yield form.replace("+", "-").replace("/", "_")
            yield from _url_forms(form)


def _url_forms(text: str) -> Iterator[str]:
    """Give the ways in which clients quote a text in a URL or a form."""
    raw = text.encode(errors="surrogatepass")
    for quoted in (quote(raw, safe=""), quote(raw), quote_plus(raw)):
        yield quoted
        yield re.sub(r"%[0-9A-F]{2}", lambda match: match.group().lower(), quoted)


def _base64_forms(raw: bytes) -> Iterator[str]:
    """Give the base64 of the bytes alone, and the part of a longer base64 that they alone decide."""
    yield base64.b64encode(raw).decode("ascii")
    for offset, first in ((0, 0), (1, 2), (2, 3)):
        bits = 8 * (offset + len(raw))
        core = base64.b64encode(b"\0" * offset + raw).decode("ascii")[first : bits // 6]
        if len(core) >= _SHORTEST_CORE:
            yield core


redactor = Redactor()
"""The one instance that all sinks pass through."""
