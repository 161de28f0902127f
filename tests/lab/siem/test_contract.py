"""The simulated console answers what the contract says, case by case."""

from __future__ import annotations

import http.client
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import console_contract
import pytest
from running_console import RunningConsole, running_console

from harness.lab.siem.refusal import documented
from harness.lab.siem.settings import ConsoleSettings

if TYPE_CHECKING:
    from pathlib import Path

CONTRACT = console_contract.load()
_PATIENCE = 10.0


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back; nothing when the connection broke."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        """The body."""
        return json.loads(self.text)


class Asker:
    """Asks a console what the contract says, with nothing of harness's client."""

    def __init__(self, console: RunningConsole, role: str = "admin") -> None:
        self._console = console
        self._role = role
        self.names: dict[str, Any] = {}

    def names_of(self, wanted: str) -> None:
        """Look up the placeholders that occur in a text."""
        for name, each in CONTRACT.names.items():
            if f"{{{name}}}" in wanted:
                self.names[name] = self._id(each)

    def _id(self, wanted: dict[str, Any]) -> int:
        query = {"filter": f'name="{wanted["name"]}"'}
        (entry,) = Asker(self._console).ask({"method": "GET", "path": wanted["list"], "query": query}).json
        if "parameter" in wanted:
            (entry,) = [each for each in entry["parameters"] if each["name"] == wanted["parameter"]]
        return int(entry["id"])

    def given(self, names: list[str]) -> None:
        """Make the objects of the contract that a case begins with."""
        for name in names:
            made = CONTRACT.objects[name]
            request = {"method": "POST", "path": made["path"], "body": made["body"]}
            reply = Asker.as_admin(self).ask(request)
            assert 201 == reply.status, reply.text
            self.names[f"given.{name}"] = reply.json["id"]

    def as_admin(self) -> Asker:
        """Give the same, asking as administrator."""
        other = Asker(self._console)
        other.names = self.names
        return other

    def ask(self, request: dict[str, Any]) -> Reply:
        """Send a request; a connection that breaks raises."""
        asked = console_contract.filled(request, self.names)
        path = urlsplit(asked["path"]).path.removeprefix("/api")
        query = "&".join(f"{name}={quote(value)}" for name, value in asked.get("query", {}).items())
        headers = {"SEC": self._token(), "Version": "26.0", "Accept": "application/json", **asked.get("headers", {})}
        body = None
        if "body" in asked:
            body = json.dumps(asked["body"])
            headers["Content-Type"] = "application/json"
        address = urlsplit(self._console.url)
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=_PATIENCE)
        try:
            sent = {name: value for name, value in headers.items() if value is not None}
            connection.request(asked["method"], f"/api{path}" + (f"?{query}" if query else ""), body, sent)
            reply = connection.getresponse()
            return Reply(reply.status, dict(reply.headers.items()), reply.read().decode())
        finally:
            connection.close()

    def _token(self) -> str | None:
        return {"nobody": None, "stranger": "not-a-token"}.get(self._role) or (
            self._console.token_of(self._role) if self._role in {"admin", "manager", "reader", "tenant"} else None
        )


def _kept(reply: Reply, path: str) -> Any:
    where, _, name = path.partition(".")
    return reply.headers[name] if where == "headers" else reply.json[name]


def _exchanged(asker: Asker, exchange: dict[str, Any]) -> None:
    wanted = exchange["answer"]
    if "cut" in wanted:
        with pytest.raises((ConnectionError, http.client.HTTPException)):
            asker.ask(exchange["request"])
        return
    reply = asker.ask(exchange["request"])
    until = time.monotonic() + _PATIENCE
    while exchange.get("until") and reply.json["status"] != wanted["body"]["status"] and time.monotonic() < until:
        reply = asker.ask(exchange["request"])
    assert (wanted["status"], reply.text) == (reply.status, reply.text)
    for name, value in wanted.get("headers", {}).items():
        assert console_contract.text_matches(value, reply.headers.get(name, "")), f"{name}: {reply.headers.get(name)}"
    if "body" in wanted:
        for name, path in exchange.get("keep", {}).items():
            asker.names[name] = _kept(reply, path)
        body = console_contract.filled(wanted["body"], asker.names)
        assert [] == list(console_contract.differences(body, reply.json, wanted.get("varies", [])))
    else:
        assert console_contract.text_matches("" if "nothing" in wanted else wanted["text"], reply.text)
        for name, path in exchange.get("keep", {}).items():
            asker.names[name] = _kept(reply, path)


@pytest.mark.parametrize("case", CONTRACT.cases, ids=lambda case: str(case["name"]))
def test_case(case: dict[str, Any], tmp_path: Path) -> None:
    """Every request of a case gets the answer that the documentation says."""
    settings = ConsoleSettings(**case.get("console", {}))
    with running_console(tmp_path / "console", settings, tls=False) as console:
        asker = Asker(console, case.get("by", "admin"))
        given = case.get("given", [])
        asker.names_of(json.dumps([case["exchanges"], [CONTRACT.objects[name] for name in given]]))
        asker.given(given)
        console.befall(**case.get("befall", {}))
        for exchange in case["exchanges"]:
            _exchanged(asker, exchange)


@pytest.mark.parametrize(
    "case", CONTRACT.refusals, ids=lambda case: f"{case['endpoint'].split()[1]}-{case['code']}-{'-'.join(case['body'])}"
)
def test_refusal(case: dict[str, Any], console: RunningConsole) -> None:
    """A log source that the documentation refuses is refused, with the status, code and text of its endpoint."""
    asker = Asker(console)
    given = case.get("given", [])
    body = console_contract.refused(CONTRACT, case)
    asker.names_of(json.dumps([body, [CONTRACT.objects[name] for name in given]]))
    asker.given(given)
    before = console.log_sources()
    endpoint = CONTRACT.endpoints[case["endpoint"]]
    number = body.get("id") or asker.names.get("given.base")
    path = endpoint["path"].replace("{id}", str(number))
    status, description = endpoint["codes"][case["code"]]

    reply = asker.ask({"method": endpoint["method"], "path": path, "body": body})

    assert (status, case["code"], description) == (reply.status, reply.json["code"], reply.json["description"])
    assert before == console.log_sources()
    if case.get("bulk"):
        item = {"id": asker.names.get("given.base"), **body} if case["endpoint"] == "log_sources update" else body
        path = CONTRACT.endpoints["log_sources bulk"]["path"]
        location = asker.ask({"method": "PATCH", "path": path, "body": [item]}).headers["Location"]
        (done,) = asker.ask({"method": "GET", "path": location}).json["operation_statuses"]
        assert (status, case["code"]) == (done["http_status"], done["unique_code"])


def test_codes() -> None:
    """The console knows exactly the codes that the documentation has, with their statuses and texts."""
    contract = {
        name: {code: tuple(each) for code, each in endpoint["codes"].items()}
        for name, endpoint in CONTRACT.endpoints.items()
        if endpoint["codes"]
    }
    known = {name: dict(codes) for name, codes in documented().items()}
    # On the page it has no text; consoles in the field answer with it.
    assert 409 == known["deploy_status create"].pop(1004)[0]

    assert contract == known
