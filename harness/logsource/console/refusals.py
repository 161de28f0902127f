"""The console's documented refusals in words: ``refusals.yml``, by endpoint and code."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from harness.document import parse

if TYPE_CHECKING:
    from collections.abc import Mapping

_FAILED = 500
_FORBIDDEN = 403
_SINGLE = {"CREATE": "log_sources create", "UPDATE": "log_sources update", "DELETE": "log_sources delete"}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why something was refused.

    Args:
        reason: Its key in ``refusals.yml``; empty where the code isn't documented for the endpoint.
        sentence: What is wrong, with the console's own words.
        hint: What to do; empty where nothing is known.
    """

    reason: str
    sentence: str
    hint: str


def refusal(endpoint: str, status: int, code: int, said: str) -> Refusal:
    """Say what a refusal means.

    Args:
        endpoint: Its name in ``refusals.yml``, for example ``log_sources create``.
        status: The HTTP status.
        code: The endpoint's code; 0 where none was given.
        said: The console's own words.
    """
    data = _data()
    codes: Mapping[str, Any] = data["endpoints"].get(endpoint, {})
    reason = codes.get(str(code)) or data["endpoints"]["every endpoint"].get(str(code), "")
    mark = f"HTTP {status}" + (f", code {code}" if code else "")
    own = f"{mark}: {said}" if said else mark
    if reason:
        words = data["reasons"][reason]
        return Refusal(reason, f"{words['says']} [{own}]", words.get("hint", ""))
    hint = ""
    if status >= _FAILED:
        hint = "see the console's own log, /var/log/qradar.error"
    elif status == _FORBIDDEN:
        hint = data["reasons"]["not allowed"]["hint"]
    return Refusal("", f"the console refused it [{own}]", hint)


def operation(kind: str, status: int, code: int, said: str) -> Refusal:
    """Say why an operation of a bulk task was refused; its codes are believed to be those of single requests.

    Args:
        kind: ``CREATE``, ``UPDATE`` or ``DELETE``.
        status: As `refusal`.
        code: As `refusal`.
        said: As `refusal`.
    """
    return refusal(_SINGLE.get(kind, ""), status, code, said)


@cache
def _data() -> Mapping[str, Any]:
    text = resources.files(__package__).joinpath("refusals.yml").read_text(encoding="utf-8")
    value, problems = parse(text, "refusals.yml")
    if value is None or problems:
        message = f"refusals.yml is broken: {problems}"
        raise ValueError(message)
    data: Any = value.plain()
    return dict(data)
