"""How the console says no: HTTP statuses, the unique codes of its endpoints, and the body that carries them."""

from __future__ import annotations

import functools
import tomllib
from importlib import resources
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.lab.store import Json

_MESSAGES: Final = {
    400: "Invalid syntax for this request was provided.",
    401: "You are unauthorized to access the requested resource.",
    403: "Your account is not authorized to access the requested resource",
    404: "We could not find the resource you requested.",
    405: "The requested resource does not support the method.",
    408: "The request took too long to arrive.",
    409: "The request could not be completed due to a conflict with the current state of the resource",
    413: "The request is too large.",
    415: "The content type of the request is not supported by the resource.",
    422: "The request was well-formed but was unable to be followed due to semantic errors",
    500: "Unexpected internal server error",
}

NO_TOKEN: Final = 18
NOT_ALLOWED: Final = 26
BAD_RANGE: Final = 36
BAD_VERSION: Final = 38
NO_BODY: Final = 10
BAD_PARAMETER: Final = 11
NOT_ROUTED: Final = 1
"""Codes of refusals that no endpoint makes. 10, 11, 18, 26 and 36 were seen in programs that talk to consoles."""


class RefusedError(Exception):
    """A request that is refused.

    Args:
        status: The HTTP status.
        code: The unique code.
        description: What the code stands for.
        message: What is wrong with this request; the description where there is no more to say.
    """

    def __init__(self, status: int, code: int, description: str = "", message: str = "") -> None:
        super().__init__(message or description)
        self.status = status
        self.code = code
        self.description = description
        self.message = message or description

    @property
    def body(self) -> dict[str, Json]:
        """What the client is told."""
        return {
            "http_response": {"code": self.status, "message": _MESSAGES.get(self.status, "")},
            "code": self.code,
            "description": self.description,
            "details": {},
            "message": self.message,
        }


@functools.cache
def documented() -> Mapping[str, Mapping[int, tuple[int, str]]]:
    """Give the refusals of each endpoint: unique code, HTTP status, description."""
    text = resources.files(__package__).joinpath("refusals.toml").read_text(encoding="utf-8")
    return {
        endpoint: {int(code): (status, words) for code, (status, words) in codes.items()}
        for endpoint, codes in tomllib.loads(text).items()
    }


def refusal(endpoint: str, code: int, message: str = "") -> RefusedError:
    """Make a documented refusal.

    Args:
        endpoint: For example ``log_sources create``.
        code: Its unique code.
        message: What is wrong with this request.

    Raises:
        KeyError: The endpoint documents no such code.
    """
    status, description = documented()[endpoint][code]
    return RefusedError(status, code, description, message)
