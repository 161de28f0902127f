"""Secrets stand in an inventory as references, which are followed when a connection needs them, not before.

``env:NAME`` reads an environment variable, ``file:PATH`` a file, ``prompt:`` and ``prompt:LABEL`` ask at the
terminal, and ``SCHEME:rest`` asks the plugin that provides that scheme. ``plain:VALUE``, or anything else, is
the secret itself.
"""

from __future__ import annotations

import getpass
import os
import re
import sys
import threading
import warnings
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pluggy

from harness.errors import SecretError
from harness.redaction import Redactor, Secret, redactor
from harness.source import Problem, Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

PLAIN = "plain"
BUILT_IN = ("env", "file", "prompt")

hookspec = pluggy.HookspecMarker("harness")
hookimpl = pluggy.HookimplMarker("harness")

_SCHEME = re.compile(r"(?P<scheme>[a-z][a-z0-9_-]*):(?P<rest>.*)", re.DOTALL)
_LONGEST_FILE = 1 << 20


class SecretProvider(Protocol):
    """What a plugin gives to make a further kind of reference work.

    Args:
        scheme: What stands before the colon: lower-case letters, digits, ``_`` and ``-``.
    """

    scheme: str

    def get(self, rest: str) -> str:
        """Give the secret.

        Args:
            rest: What stands after the colon.

        Raises:
            LookupError: There is no such secret. Its text isn't shown, nor is that of any other exception.
        """


class Hooks:
    """The hooks that a plugin may implement, found through the entry points of the group ``harness``."""

    @hookspec
    def harness_secret_providers(self) -> Iterable[SecretProvider]:  # type: ignore[empty-body]  # a specification
        """Give the plugin's secret providers."""


@dataclass(frozen=True, slots=True)
class Reference:
    """Where a secret is to be found.

    Args:
        scheme: For example ``env``; ``plain`` where the secret itself was written.
        rest: What stands after the colon; empty for ``plain``.
        key: The variable that holds the reference.
        source: Where it stands.
    """

    scheme: str
    rest: str
    key: str
    source: Source

    def __str__(self) -> str:
        """Write it as the user did, but for a secret that stands in clear."""
        return "in clear" if self.scheme == PLAIN else f"{self.scheme}:{self.rest}"


class ReferredSecret(Secret):
    """A secret that is fetched when its value is first needed.

    Args:
        reference: Where it is to be found.
        fetch: Gives the value; raises `SecretError`.
        folder: Where a relative path of a reference to a file begins.
    """

    __slots__ = ("_fetch", "folder", "reference")

    def __init__(self, reference: Reference, fetch: Callable[[], str], folder: Path) -> None:
        super().__init__("")
        self.reference = reference
        self.folder = folder
        self._fetch = fetch

    def reveal(self) -> str:
        """Give the value in clear.

        Raises:
            SecretError: The reference leads nowhere.
        """
        return self._fetch()


class SecretResolver:
    """Follows references, each one once, and registers every value with the redactor.

    It may be used from several threads at once.

    Args:
        folder: Relative paths of ``file:`` begin here.
        providers: Further schemes; those of the installed plugins where it is None.
        redactor: Where values are registered.
    """

    def __init__(
        self,
        *,
        folder: Path | None = None,
        providers: Iterable[SecretProvider] | None = None,
        redactor: Redactor = redactor,
    ) -> None:
        self.folder = folder
        self._given = providers
        self._redactor = redactor
        self._lock = threading.RLock()
        self._values: dict[tuple[str, str, Source | None], str] = {}

    @cached_property
    def _providers(self) -> dict[str, SecretProvider]:
        given = self._installed() if self._given is None else self._given
        return {provider.scheme: provider for provider in given}

    def secret(self, text: str, *, key: str, source: Source, folder: Path) -> ReferredSecret:
        """Read a secret's text: a reference, or the secret itself, which is registered at once.

        Args:
            text: As the user wrote it.
            key: The variable that holds it.
            source: Where it stands.
            folder: Where relative paths begin, unless the resolver was given a folder.

        Raises:
            SecretError: The reference can't be one: its scheme is misspelt, or what it needs is missing.
        """
        match = _SCHEME.fullmatch(text)
        scheme = match["scheme"] if match else PLAIN
        if match and scheme == PLAIN:
            text = match["rest"]
        elif match and (scheme in BUILT_IN or scheme in self._providers):
            reference = Reference(scheme, match["rest"], key, source)
            if not reference.rest and scheme != "prompt":
                raise _error(reference, f"{scheme}: needs something after the colon")
            begin = self.folder or folder
            return ReferredSecret(reference, lambda: self._resolve(reference, begin), begin)
        elif match:
            near = get_close_matches(scheme, (*BUILT_IN, *self._providers), n=1, cutoff=0.6)
            if near:
                reference = Reference(PLAIN, "", key, source)
                hint = f"did you mean {near[0]}:? A password that begins like that is written plain:PASSWORD"
                raise _error(reference, "the value looks like a misspelt reference", hint)
        reference = Reference(PLAIN, "", key, source)
        if not text:
            raise _error(reference, "the secret is empty")
        self._redactor.register(text)
        return ReferredSecret(reference, lambda: text, folder)

    def _resolve(self, reference: Reference, folder: Path) -> str:
        asks_here = reference.scheme == "prompt" and not reference.rest
        identity = (reference.scheme, reference.rest, reference.source if asks_here else None)
        with self._lock:
            if identity not in self._values:
                value = self._fetch(reference, folder)
                if not value:
                    raise _error(reference, f"{reference} is empty")
                self._redactor.register(value)
                self._values[identity] = value
            return self._values[identity]

    def _fetch(self, reference: Reference, folder: Path) -> str:
        if reference.scheme == "env":
            return _from_environment(reference)
        if reference.scheme == "file":
            return _from_file(reference, folder)
        if reference.scheme == "prompt":
            return _from_terminal(reference)
        return self._from_provider(reference)

    def _from_provider(self, reference: Reference) -> str:
        provider = self._providers[reference.scheme]
        try:
            return provider.get(reference.rest)
        except Exception as error:  # noqa: BLE001 -- a plugin may raise anything, and its text may hold the secret
            reason = type(error).__name__
            raise _error(reference, f"the plugin for {reference.scheme}: failed with {reason}") from None

    @staticmethod
    def _installed() -> list[SecretProvider]:
        manager = pluggy.PluginManager("harness")
        manager.add_hookspecs(Hooks)
        manager.load_setuptools_entrypoints("harness")
        return [provider for given in manager.hook.harness_secret_providers() for provider in given]


def _from_environment(reference: Reference) -> str:
    value = os.environ.get(reference.rest)
    if value is None:
        hint = f"set it before you start harness: export {reference.rest}=..."
        raise _error(reference, f"the environment variable {reference.rest} isn't set", hint)
    return value


def _from_file(reference: Reference, folder: Path) -> str:
    path = folder / Path(reference.rest).expanduser()
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            text = file.read(_LONGEST_FILE)
    except OSError as error:
        raise _error(reference, f"can't read {path}: {error.strerror}") from error
    except UnicodeDecodeError:
        raise _error(reference, f"{path} isn't UTF-8 text") from None
    return text.removesuffix("\n").removesuffix("\r")


def _from_terminal(reference: Reference) -> str:
    if not sys.stdin or not sys.stdin.isatty():
        hint = "run harness from a terminal, or use env:NAME or file:PATH"
        raise _error(reference, "can't ask for it, because there is no terminal", hint)
    label = reference.rest or f"{reference.key} ({reference.source})"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", getpass.GetPassWarning)
            return getpass.getpass(f"{label}: ")
    except (EOFError, getpass.GetPassWarning) as error:
        raise _error(reference, "the terminal gave no answer, or would have shown it") from error


def _error(reference: Reference, message: str, hint: str = "") -> SecretError:
    return SecretError([Problem(reference.source, f"{reference.key}: {message}", hint)])
