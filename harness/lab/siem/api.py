"""The console's REST API: who may call what, and what is answered."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias
from urllib.parse import parse_qs

from harness.lab.siem import groups, lists, statistics, vault
from harness.lab.siem.lists import ListCodes
from harness.lab.siem.refusal import (
    BAD_PARAMETER,
    BAD_VERSION,
    NO_BODY,
    NO_TOKEN,
    NOT_ALLOWED,
    NOT_ROUTED,
    RefusedError,
    refusal,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from harness.lab.siem.console import Console
    from harness.lab.store import Json

PREFIX: Final = "/api"
_MANAGEMENT: Final = "/config/event_sources/log_source_management"
_SOURCES: Final = f"{_MANAGEMENT}/log_sources"
_TASKS: Final = f"{_MANAGEMENT}/log_source_bulk_tasks"
_SOURCE_LIST: Final = ListCodes("log_sources list", filter=1001, sort=1000)
_VERSIONS_FIRST_ID: Final = 31


@dataclass(frozen=True, slots=True)
class Role:
    """Who asks, by the token.

    Args:
        user: The name of the authorized service.
        rights: What it may: ``admin``, ``sources`` (manage log sources), ``read``.
        tenant: Whether it belongs to a tenant.
    """

    user: str
    rights: frozenset[str]
    tenant: bool = False


ROLES: Final = {
    "admin": Role("admin", frozenset({"admin", "sources", "read"})),
    "manager": Role("manager", frozenset({"sources", "read"})),
    "reader": Role("reader", frozenset({"read"})),
    "tenant": Role("tenant", frozenset({"sources", "read"}), tenant=True),
}


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came.

    Args:
        method: For example ``GET``.
        path: With ``/api``, without the query.
        headers: By lower-case name.
        query: What follows the question mark.
        body: All of it.
        peer: The client's address.
    """

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    query: str = ""
    body: bytes = b""
    peer: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered.

    Args:
        status: The HTTP status.
        body: JSON, if there is any.
        headers: Beside the body's type and length.
        empty: Whether there is no body.
    """

    status: int
    body: Json = None
    headers: Mapping[str, str] = field(default_factory=dict)
    empty: bool = False


@dataclass(frozen=True, slots=True)
class _Call:
    """A request that was let in."""

    request: Request
    role: Role
    query: Mapping[str, str]
    part: str

    @property
    def number(self) -> int:
        return int(self.part) if self.part.isdigit() else -1

    def json(self) -> Json:
        """Give the body.

        Raises:
            RefusedError: It isn't JSON, or isn't there.
        """
        if not self.request.body:
            raise RefusedError(422, NO_BODY, message="Request body must be populated for the body parameter")
        kind = self.request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise RefusedError(
                415, BAD_PARAMETER, message=f"Content-Type {kind or 'is missing'}; application/json is taken"
            )
        try:
            return json.loads(self.request.body)
        except ValueError as error:
            raise RefusedError(
                422, BAD_PARAMETER, message=f"Failed to transform user body parameter: {error}"
            ) from error


_Handler: TypeAlias = "Callable[[_Call], Answer]"


class Api:
    """The API of one console.

    Args:
        console: The console.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._routes: list[tuple[str, re.Pattern[str], str, _Handler]] = []
        self._add("GET", _SOURCES, "read", self._source_list)
        self._add("POST", _SOURCES, "sources", self._create)
        self._add("PATCH", _SOURCES, "sources", self._bulk)
        self._add("GET", f"{_SOURCES}/{{}}", "read", self._source)
        self._add("POST", f"{_SOURCES}/{{}}", "sources", self._update)
        self._add("DELETE", f"{_SOURCES}/{{}}", "sources", self._delete)
        self._add("GET", f"{_TASKS}/{{}}", "sources", self._task)
        self._add("POST", f"{_TASKS}/{{}}", "sources", self._cancel)
        self._add("POST", f"{_MANAGEMENT}/log_source_statistics", "read", self._statistics)
        self._add("POST", f"{_MANAGEMENT}/log_source_groups", "sources", self._create_group)
        self._add("POST", "/data_classification/dsm_event_mappings", "admin", self._map)
        self._add("POST", "/data_classification/qid_records", "admin", self._record)
        self._add("GET", "/staged_config/deploy_status", "read", self._deploy_status)
        self._add("POST", "/staged_config/deploy_status", "admin", self._deploy)
        self._add("GET", "/help/versions", "read", self._versions)
        self._add("GET", "/help/versions/{}", "read", self._version)
        for name, codes, missing, right in (
            ("log_source_types", ListCodes("log_source_types list"), 1002, "read"),
            ("protocol_types", ListCodes("protocol_types list"), 1002, "sources"),
            ("log_source_groups", ListCodes("log_source_groups list"), 1002, "read"),
            ("log_source_languages", ListCodes("log_source_languages list"), 1002, "read"),
            ("log_source_extensions", ListCodes("log_source_extensions list"), 1002, "read"),
        ):
            self._add_list(f"{_MANAGEMENT}/{name}", name, codes, missing, right)
        sources = "/config/event_sources"
        disconnected = ListCodes("disconnected_log_collectors list", filter=1002, sort=1004)
        agents = ListCodes("wincollect_agents list", filter=1010)
        self._add_list(f"{sources}/event_collectors", "event_collectors", ListCodes("event_collectors list"), 1002)
        self._add_list(f"{sources}/disconnected_log_collectors", "disconnected_log_collectors", disconnected, 1001)
        self._add_list(f"{sources}/wincollect/wincollect_agents", "wincollect_agents", agents, 1010)
        destinations = ListCodes("wincollect_destinations list")
        self._add_list(f"{sources}/wincollect/wincollect_destinations", "wincollect_destinations", destinations, 1010)
        for name in ("dsm_event_mappings", "qid_records", "low_level_categories"):
            self._add_list(f"/data_classification/{name}", name, ListCodes(f"{name} list"), 1002)

    def _add(self, method: str, template: str, right: str, handler: _Handler) -> None:
        pattern = re.compile(re.escape(template).replace(r"\{\}", "([^/]+)"))
        self._routes.append((method, pattern, right, handler))

    def _add_list(self, template: str, name: str, codes: ListCodes, missing: int, right: str = "read") -> None:
        def listed(call: _Call) -> Answer:
            return self._listed(call, self._visible(call, name), codes)

        def one(call: _Call) -> Answer:
            for each in self._visible(call, name):
                if each["id"] == call.number:
                    return Answer(200, _narrowed(call, each))
            raise refusal(f"{name} get", missing, f"there is no {call.part}")

        self._add("GET", template, right, listed)
        self._add("GET", f"{template}/{{}}", right, one)

    def answer(self, request: Request) -> Answer:
        """Answer a request."""
        try:
            headers = self._version_headers(request)
            role = self._role(request)
            found = self._routed(request, role)
        except RefusedError as error:
            return Answer(error.status, error.body)
        return Answer(found.status, found.body, {**headers, **found.headers}, found.empty)

    def _role(self, request: Request) -> Role:
        token = request.headers.get("sec")
        if token is None:
            words = (
                'No SEC header present in request. Please provide it via "SEC: token". You may also use BASIC '
                'authentication parameters if this host supports it. e.g. "Authorization: Basic base64Encoding"'
            )
            raise RefusedError(401, NO_TOKEN, message=words)
        name = self._console.tokens.role(token)
        if name is None:
            words = "The token of the SEC header isn't that of an authorized service"
            raise RefusedError(401, NO_TOKEN, message=words)
        return ROLES[name]

    def _version_headers(self, request: Request) -> dict[str, str]:
        version = request.headers.get("version")
        if version is None:
            return {}
        state = self._console.settings.api_versions.get(version)
        if state == "current":
            return {}
        if state == "deprecated":
            return {"Deprecated": "true"}
        what = "has been removed and is no longer valid" if state == "removed" else "is not a valid version"
        words = f"Version ({version}) from header parameter (Version) {what}. "
        words += "Please refer to documentation for list of valid versions."
        raise RefusedError(422, BAD_VERSION, message=words)

    def _routed(self, request: Request, role: Role) -> Answer:
        path = request.path.removeprefix(PREFIX)
        there = False
        for method, pattern, right, handler in self._routes:
            match = pattern.fullmatch(path)
            if match is None:
                continue
            there = True
            if method == request.method:
                if right not in role.rights:
                    words = "User has insufficient capabilities to access this endpoint resource"
                    raise RefusedError(403, NOT_ALLOWED, message=words)
                query = {name: values[-1] for name, values in parse_qs(request.query, keep_blank_values=True).items()}
                return handler(_Call(request, role, query, match[1] if match.lastindex else ""))
        if there:
            raise RefusedError(405, NOT_ROUTED, message=f"{path} has no {request.method}")
        raise RefusedError(404, NOT_ROUTED, message=f"the simulated console has no {path}")

    def _listed(self, call: _Call, entries: list[Json], codes: ListCodes) -> Answer:
        found = lists.chosen(entries, call.query.get("filter", ""), codes)
        found = lists.ordered(found, call.query.get("sort", ""), codes)
        page, content_range = lists.paged(found, call.request.headers.get("range"))
        headers = {"Content-Range": content_range} if content_range else {}
        return Answer(200, _narrowed(call, page), headers)

    def _visible(self, call: _Call, name: str) -> list[Json]:
        entries: list[Json] = self._console.document["lists"][name]
        if name == "log_source_types" and "admin" not in call.role.rights:
            return [{"id": each["id"], "name": each["name"]} for each in entries]
        return entries

    # Log sources

    def _source_list(self, call: _Call) -> Answer:
        reveal = _reveal(call, "log_sources list", first=1002)
        sources = self._console.sources
        return self._listed(call, [sources.answer(each, reveal) for each in sources.held], _SOURCE_LIST)

    def _source(self, call: _Call) -> Answer:
        reveal = _reveal(call, "log_sources get", first=1003)
        held = self._console.sources.find(call.number)
        if held is None:
            raise refusal("log_sources get", 1002, f"there is no log source {call.part}")
        return Answer(200, _narrowed(call, self._console.sources.answer(held, reveal)))

    def _create(self, call: _Call) -> Answer:
        _not_for_tenants(call, "log_sources create")
        made = self._console.sources.create(call.json())
        return Answer(201, _narrowed(call, self._console.sources.answer(made)))

    def _update(self, call: _Call) -> Answer:
        _not_for_tenants(call, "log_sources update")
        changed = self._console.sources.update(call.number, call.json())
        return Answer(200, _narrowed(call, self._console.sources.answer(changed)))

    def _delete(self, call: _Call) -> Answer:
        _not_for_tenants(call, "log_sources delete")
        self._console.sources.delete(call.number)
        return Answer(204, empty=True)

    def _bulk(self, call: _Call) -> Answer:
        _not_for_tenants(call, "log_sources bulk")
        task = self._console.tasks.start(call.json(), self._console.now(), self._console.settings.task_seconds)
        return Answer(202, headers={"Location": f"{self._base(call)}{_TASKS}/{task}"}, empty=True)

    def _base(self, call: _Call) -> str:
        host = call.request.headers.get("host")
        return f"{self._console.scheme}://{host}{PREFIX}" if host else PREFIX

    def _task(self, call: _Call) -> Answer:
        return Answer(200, _narrowed(call, self._console.tasks.get(call.part)))

    def _cancel(self, call: _Call) -> Answer:
        return Answer(200, _narrowed(call, self._console.tasks.cancel(call.part, call.json())))

    def _statistics(self, call: _Call) -> Answer:
        body = call.json()
        text = str(body.get("filter") or "") if isinstance(body, dict) else ""
        sources = self._console.sources
        codes = ListCodes("log_source_statistics create", filter=1001)
        found = lists.chosen([sources.answer(each) for each in sources.held], text, codes)
        return Answer(200, _narrowed(call, statistics.counts(found, text)))

    def _create_group(self, call: _Call) -> Answer:
        _not_for_tenants(call, "log_source_groups create")
        known = self._console.document["lists"]["log_source_groups"]
        made = groups.create(known, call.json(), call.role.user, self._console.now_ms())
        return Answer(201, _narrowed(call, made))

    # Events

    def _map(self, call: _Call) -> Answer:
        return Answer(201, _narrowed(call, self._console.events.map(call.json())))

    def _record(self, call: _Call) -> Answer:
        return Answer(201, _narrowed(call, self._console.events.record(call.json())))

    # The console itself

    def _deploy(self, call: _Call) -> Answer:
        console = self._console
        seconds = console.settings.deploy_seconds
        console.deploy.start(call.json(), call.role.user, call.request.peer, console.now(), seconds)
        return Answer(200, console.deploy.status)

    def _deploy_status(self, _call: _Call) -> Answer:
        return Answer(200, self._console.deploy.status)

    def _version_list(self) -> list[Json]:
        return [
            {
                "deprecated": state == "deprecated",
                "id": number,
                "removed": state == "removed",
                "root_resource_ids": [number * 100],
                "version": version,
            }
            for number, (version, state) in enumerate(
                self._console.settings.api_versions.items(), start=_VERSIONS_FIRST_ID
            )
        ]

    def _versions(self, call: _Call) -> Answer:
        return self._listed(call, self._version_list(), ListCodes("versions list"))

    def _version(self, call: _Call) -> Answer:
        for each in self._version_list():
            if each["id"] == call.number:
                return Answer(200, _narrowed(call, each))
        raise refusal("versions get", 1002, f"there is no {call.part}")


def _narrowed(call: _Call, body: Json) -> Json:
    """Give the fields that are asked for: by the query of a GET, by a header of a POST."""
    text = call.query.get("fields") or call.request.headers.get("fields")
    return lists.narrowed(body, lists.parse_fields(text)) if text else body


def _not_for_tenants(call: _Call, endpoint: str) -> None:
    if call.role.tenant:
        raise refusal(endpoint, 1000)


def _reveal(call: _Call, endpoint: str, *, first: int) -> Callable[[str], str] | None:
    """Give what becomes of passwords.

    Args:
        call: The call, whose headers may ask for them.
        endpoint: Whose refusals are made.
        first: The code for an algorithm that isn't known; that for a missing password is two more.
    """
    headers = call.request.headers
    algorithm, password = headers.get("x-qrd-encryption-algorithm"), headers.get("x-qrd-encryption-password")
    if algorithm is None and password is None:
        return None
    if "admin" not in call.role.rights:
        raise refusal(endpoint, 1010)
    if algorithm not in vault.ALGORITHMS:
        raise refusal(endpoint, first, f"{algorithm}")
    if not password:
        raise refusal(endpoint, first + 2)
    return lambda secret: vault.encrypted(secret, algorithm, password)
