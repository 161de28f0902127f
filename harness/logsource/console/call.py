"""A request to the console and its answer, without a network: what is sent, and what an answer means."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from harness.errors import AuthenticationError, ConsoleRefusalError, ProtocolFaultError
from harness.logsource.console.refusals import refusal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

_OK, _REDIRECT, _BAD, _UNAUTHORIZED = 200, 300, 400, 401
_HEAD = 120


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Something that can be called.

    Args:
        name: As ``refusals.yml`` has it, for example ``log_sources update``.
        method: The HTTP method.
        path: Below ``/api``, with names in braces, for example ``…/log_sources/{id}``.
    """

    name: str
    method: str
    path: str

    def call(
        self,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: object = None,
        **values: object,
    ) -> Call:
        """Make a request.

        Args:
            query: Its query, decoded.
            headers: Beside those that every request has.
            body: What is sent as JSON; None for no body.
            **values: What stands for the names in braces.
        """
        return Call(self, self.path.format(**values), query or {}, headers or {}, body)


@dataclass(frozen=True, slots=True)
class Call:
    """A request.

    Args:
        endpoint: What is called.
        path: Below ``/api``.
        query: Decoded.
        headers: Beside those that every request has.
        body: What is sent as JSON; it may hold secrets, so it isn't shown.
    """

    endpoint: Endpoint
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: object = field(default=None, repr=False)

    @property
    def reads(self) -> bool:
        """Whether it may be sent again however its first attempt ended."""
        return self.endpoint.method == "GET"

    def __str__(self) -> str:
        """Method and path, for messages."""
        return f"{self.endpoint.method} {self.path}"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as it came.

    Args:
        status: The HTTP status.
        headers: By name in lower case.
        body: Its bytes.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = field(default=b"", repr=False)

    @property
    def date(self) -> datetime | None:
        """The console's own time; None where it didn't say."""
        try:
            return parsedate_to_datetime(self.headers.get("date", ""))
        except ValueError:
            return None


def meaning(reply: Reply, call: Call, host: str) -> Any:  # noqa: ANN401 - JSON holds anything
    """Give what an answer says.

    Args:
        reply: The answer.
        call: What was asked.
        host: The console's name.

    Returns:
        Its JSON; None where it has no body.

    Raises:
        AuthenticationError: The console doesn't take the token.
        ConsoleRefusalError: It refuses the request.
        ProtocolFaultError: What answered isn't the console's API.
    """
    if _REDIRECT <= reply.status < _BAD:
        raise ProtocolFaultError(
            f"{host} sends {call} elsewhere, to {reply.headers.get('location', 'an unnamed place')}",
            host=host,
            code=reply.status,
            hint="the token isn't sent on; set console_url to the console itself",
        )
    try:
        content = json.loads(reply.body) if reply.body.strip() else None
    except (ValueError, RecursionError):
        raise _not_json(reply, call, host) from None
    if _OK <= reply.status < _REDIRECT:
        return content
    if reply.status == _UNAUTHORIZED:
        said = content.get("message", "") if isinstance(content, dict) else ""
        raise AuthenticationError(
            f"{host} doesn't take the token" + (f": {said}" if said else ""),
            host=host,
            tried=(str(call),),
            hint="see console_token: the console lists its tokens under Authorized Services, with the day they expire; "
            "a new one counts after a deploy",
        )
    raise _refused(reply, call, host, content if isinstance(content, dict) else {})


def _refused(reply: Reply, call: Call, host: str, content: Mapping[str, Any]) -> ConsoleRefusalError:
    code = content.get("code")
    number = code if isinstance(code, int) else 0
    said = str(content.get("message") or content.get("description") or "")
    found = refusal(call.endpoint.name, reply.status, number, said)
    return ConsoleRefusalError(
        f"{host}: {call}: {found.sentence}",
        host=host,
        endpoint=call.endpoint.name,
        status=reply.status,
        code=number,
        hint=found.hint,
    )


def _not_json(reply: Reply, call: Call, host: str) -> ProtocolFaultError:
    page = reply.body.lstrip()[:1] == b"<" or "html" in reply.headers.get("content-type", "")
    head = " ".join(reply.body[:_HEAD].decode("utf-8", "replace").split())
    what = "a web page" if page else f"something that isn't JSON ({head!r})"
    return ProtocolFaultError(
        f"{host} answered {call} with HTTP status {reply.status} and {what}",
        host=host,
        code=reply.status,
        hint="a proxy or a portal may stand between; see console_url, and NO_PROXY where HTTPS_PROXY is set",
    )
