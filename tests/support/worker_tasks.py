"""Tasks for workers, which import them by name."""

from __future__ import annotations

import os
from typing import NoReturn

from harness.errors import HostError, PathMissingError
from harness.redaction import redactor


def missing(host: str) -> NoReturn:
    """Fail as a host's share does."""
    raise PathMissingError("there is no such folder", host=host, share="c$", path="Logs", exists="c$", hint="look")


def talkative(name: str) -> NoReturn:
    """Fail with a secret in the text that only the worker knows of."""
    password = os.environ[name]
    redactor.register(password)
    raise HostError(f"the host said {password}", host="ex01", hint=f"don't say {password}")


def unexpected(name: str) -> NoReturn:
    """Fail as nobody expects, with a secret in the text."""
    password = os.environ[name]
    redactor.register(password)
    raise ValueError(password)


def deadly(code: int) -> NoReturn:
    """End the worker."""
    os._exit(code)
