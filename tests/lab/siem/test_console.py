"""What the contract doesn't say of the simulated console: what lasts, what goes wrong, what parameters' rules do."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
import requests
from running_console import SEED, RunningConsole, running_console

from harness.lab.siem.settings import ConsoleSettings

if TYPE_CHECKING:
    from pathlib import Path

SOURCES = "/config/event_sources/log_source_management/log_sources"
GROUPS = "/config/event_sources/log_source_management/log_source_groups"
OWA = "c$/inetpub/logs/LogFiles/W3SVC1/"


class Client:
    """A client that isn't harness's: requests, with a session that keeps its connection."""

    def __init__(self, console: RunningConsole, role: str = "admin") -> None:
        self._console = console
        self._session = requests.Session()
        self._session.headers["SEC"] = console.token_of(role)
        self._session.trust_env = False

    def ask(self, method: str, path: str, body: Any = None, **options: Any) -> requests.Response:
        """Ask, by an address below /api or a whole one."""
        url = path if path.startswith("http") else f"{self._console.url}/api{path}"
        verify = str(self._console.ca) if url.startswith("https") else True
        return self._session.request(method, url, json=body, verify=verify, timeout=10, **options)

    def bulk(self, *sources: dict[str, Any]) -> str:
        """Send log sources, and give where the task is."""
        answer = self.ask("PATCH", SOURCES, list(sources))
        assert (202, b"") == (answer.status_code, answer.content)
        return answer.headers["Location"]


def source(name: str, **parameters: str | None) -> dict[str, Any]:
    """Give a log source of the Exchange protocol; a parameter that is None is left out."""
    values = {
        "identifier": f"{name}.example.com",
        "SERVER_ADDRESS": "192.0.2.1",
        "USERNAME": "svc-jsa",
        "PASSWORD": "canary-9f3c",
        "OWA_LOG_FOLDER_PATH": OWA,
        **parameters,
    }
    given = [{"name": each, "value": value} for each, value in values.items() if value is not None]
    return {"name": name, "type_id": 99, "protocol_parameters": given}


def test_requests_over_https(tmp_path: Path) -> None:
    """A client that verifies certificates and keeps its connection gets what it asks for."""
    with running_console(tmp_path / "console") as console:
        client = Client(console)
        made = client.ask("POST", SOURCES, source("mx1"))
        found = client.ask("GET", SOURCES, params={"filter": 'name = "mx1"', "fields": "name,protocol_type_id"})

        assert 201 == made.status_code
        assert [{"name": "mx1", "protocol_type_id": made.json()["protocol_type_id"]}] == found.json()
        assert console.url.startswith("https://127.0.0.1:")


def test_untrusted_certificate(tmp_path: Path) -> None:
    """A client that doesn't know the certificate doesn't get through."""
    with running_console(tmp_path / "console") as console, pytest.raises(requests.exceptions.SSLError):
        requests.get(f"{console.url}/api/help/versions", headers={"SEC": console.token}, timeout=10)


def test_passwords_are_not_kept_in_clear(console: RunningConsole) -> None:
    """Neither a log source nor a task that waits puts a password on the disk in clear."""
    console.behave(ConsoleSettings(task_seconds=3600))
    client = Client(console)
    assert 201 == client.ask("POST", SOURCES, source("mx1")).status_code
    client.bulk(source("mx2"))

    assert [] == [file.name for file in console.state.iterdir() if b"canary-9f3c" in file.read_bytes()]


def test_same_password_changes_nothing(console: RunningConsole) -> None:
    """A log source sent again as it is stays as it was, dates and all; so does one whose password is left out."""
    client = Client(console)
    number = client.ask("POST", SOURCES, source("mx1")).json()["id"]
    before = console.log_sources()
    held = console.console.document["log_sources"][0]["parameters"]["PASSWORD"]
    time.sleep(0.002)

    assert 200 == client.ask("POST", f"{SOURCES}/{number}", source("mx1")).status_code
    assert 200 == client.ask("POST", f"{SOURCES}/{number}", before[0]).status_code
    assert before == console.log_sources()
    assert held == console.console.document["log_sources"][0]["parameters"]["PASSWORD"]


def test_state_survives(tmp_path: Path) -> None:
    """A console that is stopped and started again has its log sources, its ids, its tokens, and its address."""
    running = RunningConsole(tmp_path / "console", seed=SEED, tls=False)
    running.start()
    client = Client(running)
    client.ask("POST", SOURCES, source("mx1"))
    running.report("mx1", status="WARN", messages=[{"severity": "WARN", "text": "late"}], average_eps=1.5)
    before, url, types = running.log_sources(), running.url, running.list_of("protocol_types")
    token = running.token
    running.stop()
    with pytest.raises(requests.exceptions.ConnectionError):
        client.ask("GET", SOURCES)
    running.start()
    found = Client(running).ask("GET", SOURCES).json()
    running.stop()

    assert before == found
    assert ("WARN", "late") == (found[0]["status"]["status"], found[0]["status"]["messages"][0]["text"])
    assert (url, types, token) == (running.url, running.list_of("protocol_types"), running.token)


def test_task_goes_on_after_a_stop(tmp_path: Path) -> None:
    """A bulk task that was under way when the console stopped is done by the next one."""
    settings = ConsoleSettings(task_seconds=0.15)
    running = RunningConsole(tmp_path / "console", settings, tls=False)
    running.start()
    location = Client(running).bulk(*(source(f"mx{number}") for number in range(4)))
    running.stop()
    running.start()
    task = Client(running).ask("GET", location).json()
    while task["status"] == "IN_PROGRESS":
        time.sleep(0.05)
        task = Client(running).ask("GET", location).json()
    names = [each["name"] for each in running.log_sources()]
    running.stop()

    assert ("COMPLETED_SUCCESSFULLY", ["mx0", "mx1", "mx2", "mx3"]) == (task["status"], names)


def test_cancelled_task_keeps_what_was_done(console: RunningConsole) -> None:
    """Cancelling stops what wasn't done; what was done stays and has its status."""
    console.behave(ConsoleSettings(task_seconds=0.3))
    client = Client(console)
    location = client.bulk(*(source(f"mx{number}") for number in range(20)))
    while not console.log_sources():
        time.sleep(0.02)

    first = client.ask("POST", location, {"status": "CANCELLED"}).json()["status"]
    then = client.ask("GET", location).json()
    done = [each["http_status"] for each in then["operation_statuses"]]

    assert ("CANCELLING", "CANCELLED") == (first, then["status"])
    assert 20 > len(console.log_sources()) == done.count(201) == 20 - done.count(None)


def test_one_of_fifty(console: RunningConsole) -> None:
    """One log source that the console fails to save leaves the other forty-nine alone, and is told by its place."""
    console.befall(refuse_name="mx17")
    location = Client(console).bulk(*(source(f"mx{number}") for number in range(50)))
    task = Client(console).ask("GET", location).json()

    assert "COMPLETED_WITH_ERRORS" == task["status"]
    assert [17] == [number for number, each in enumerate(task["operation_statuses"]) if each["unique_code"]]
    assert (500, 1100) == (task["operation_statuses"][17]["http_status"], task["operation_statuses"][17]["unique_code"])
    assert 49 == len(console.log_sources())


@pytest.mark.parametrize(
    ("mishap", "seen"),
    [
        ({"answer_status": 429, "retry_after": 7}, (429, "7", "", "")),
        ({"answer_status": 503}, (503, None, "", "")),
        ({"answer_status": 500}, (500, None, "application/json", '{"http_response')),
        ({"answer_status": 502, "page": True}, (502, None, "text/html", "<html>")),
    ],
    ids=["429", "503", "500", "page"],
)
def test_bad_answers(console: RunningConsole, mishap: dict[str, Any], seen: tuple[Any, ...]) -> None:
    """A mishap befalls as many requests as it says, and the console does nothing then."""
    console.befall(**mishap, times=1)
    client = Client(console)
    answer = client.ask("POST", SOURCES, source("mx1"))
    status, retry_after, kind, begins = seen

    assert (status, retry_after) == (answer.status_code, answer.headers.get("Retry-After"))
    assert answer.headers.get("Content-Type", "").startswith(kind)
    assert answer.text.startswith(begins)
    assert [] == console.log_sources()
    assert 201 == client.ask("POST", SOURCES, source("mx1")).status_code


@pytest.mark.parametrize(("cut", "made"), [("before", 0), ("after", 1), ("within", 1)])
def test_cuts(console: RunningConsole, cut: str, made: int) -> None:
    """A connection that breaks leaves the client in doubt; the console has acted or has not."""
    console.befall(cut=cut, method="POST", times=1)
    client = Client(console)
    with pytest.raises((requests.exceptions.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        client.ask("POST", SOURCES, source("mx1"))

    assert made == len(console.log_sources())
    assert [201, 409][made] == client.ask("POST", SOURCES, source("mx1")).status_code


def test_hang_and_delay(console: RunningConsole) -> None:
    """A console may not answer, or late; the address chooses which requests it befalls."""
    console.befall(hang=True, path="log_sources")
    client = Client(console)
    assert 200 == client.ask("GET", GROUPS).status_code
    with pytest.raises(requests.exceptions.Timeout):
        requests.get(f"{console.url}/api{SOURCES}", headers={"SEC": console.token}, timeout=0.2)
    console.befall(delay_seconds=0.2, times=1)
    begun = time.monotonic()

    assert 200 == client.ask("GET", SOURCES).status_code
    assert 0.2 <= time.monotonic() - begun


def test_rules_of_parameters(console: RunningConsole) -> None:
    """The file patterns are there only with custom file patterns, and go with them."""
    client = Client(console)
    refused = client.ask("POST", SOURCES, source("mx1", SMTP_FILE_PATTERN=r".*\.log"))
    made = client.ask("POST", SOURCES, source("mx1", USE_CUSTOM_FILE_PATTERNS="true", SMTP_FILE_PATTERN=r".*\.txt"))
    with_patterns = console.parameters("mx1")
    off = {"protocol_parameters": [{"name": "USE_CUSTOM_FILE_PATTERNS", "value": "false"}]}
    client.ask("POST", f"{SOURCES}/{made.json()['id']}", off)

    assert (422, 1012) == (refused.status_code, refused.json()["code"])
    assert (r".*\.txt", r"MSGTRK\d+-\d+\.(?:log|LOG)$") == (
        with_patterns["SMTP_FILE_PATTERN"],
        with_patterns["MSGTRK_FILE_PATTERN"],
    )
    assert [] == [name for name in console.parameters("mx1") if "PATTERN" in name and not name.startswith("USE")]


def test_default_that_depends(console: RunningConsole) -> None:
    """A rule may change the default of a parameter that isn't given."""
    (jdbc,) = [each["id"] for each in console.list_of("protocol_types") if each["name"] == "JDBC"]
    (universal,) = [each["id"] for each in console.list_of("log_source_types") if each["name"] == "Universal DSM"]
    ports = []
    for kind in ("MSDE", "Oracle"):
        values = {"identifier": kind, "databaseType": kind, "serverAddress": "192.0.2.7"}
        given = [{"name": name, "value": value} for name, value in values.items()]
        body = {"name": kind, "type_id": universal, "protocol_type_id": jdbc, "protocol_parameters": given}
        assert 201 == Client(console).ask("POST", SOURCES, body).status_code
        ports.append(console.parameters(kind)["port"])

    assert ["1433", "1521"] == ports


def test_wincollect(console: RunningConsole) -> None:
    """A log source of WinCollect's protocol needs a destination; an account only where it isn't the local system."""
    client = Client(console)
    (protocol,) = [each["id"] for each in console.list_of("protocol_types") if "WinCollect" in each["name"]]
    destinations = {each["internal"]: each["id"] for each in console.list_of("wincollect_destinations")}

    def made(name: str, **parameters: str) -> dict[str, Any]:
        values = {"identifier": name, "WINCOLLECT_AGENT": "WINCOLLECT01", "OWA_LOG_FOLDER_PATH": "C:\\W3SVC1\\"}
        given = [{"name": each, "value": value} for each, value in (values | parameters).items()]
        return {"name": name, "type_id": 99, "protocol_type_id": protocol, "protocol_parameters": given}

    codes = [
        client.ask("POST", SOURCES, body).json().get("code")
        for body in (
            made("a"),
            made("b") | {"wincollect_internal_destination_id": destinations[True]},
            made("c", LOCAL_SYSTEM="false") | {"wincollect_external_destination_ids": [destinations[False]]},
        )
    ]

    assert [1034, None, 1015] == codes


def test_disabled(console: RunningConsole) -> None:
    """A log source that is disabled says so, and one that is enabled again knows nothing yet."""
    client = Client(console)
    number = client.ask("POST", SOURCES, source("mx1")).json()["id"]
    seen = []
    for enabled in (False, True):
        client.ask("POST", f"{SOURCES}/{number}", {"enabled": enabled})
        seen.append(console.log_sources()[0]["status"]["status"])

    assert ["DISABLED", "NA"] == seen


def test_deploy_takes_time(console: RunningConsole) -> None:
    """A deploy goes from INITIALIZING over IN_PROGRESS to COMPLETE; what changed meanwhile needs the next one."""
    console.behave(ConsoleSettings(deploy_seconds=0.4))
    client = Client(console)
    client.ask("POST", SOURCES, source("mx1"))
    seen = [client.ask("POST", "/staged_config/deploy_status", {"type": "INCREMENTAL"}).json()["status"]]
    client.ask("POST", SOURCES, source("mx2"))
    while seen[-1] != "COMPLETE":
        time.sleep(0.02)
        seen.append(client.ask("GET", "/staged_config/deploy_status").json()["status"])

    assert ["INITIALIZING", "IN_PROGRESS", "COMPLETE"] == sorted(set(seen), key=seen.index)
    assert [False, True] == [each["requires_deploy"] for each in console.log_sources()]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"name": "a", "descripton": "typing error"}, 422, 11),
        ({"name": "a", "credibility": "5"}, 422, 11),
        ([], 422, 11),
        (None, 422, 10),
    ],
    ids=["unknown member", "wrong kind", "not an object", "no body"],
)
def test_bodies_that_are_not_understood(console: RunningConsole, body: Any, status: int, code: int) -> None:
    """What the console doesn't know it refuses, rather than guess."""
    answer = Client(console).ask("POST", SOURCES, body)

    assert (status, code) == (answer.status_code, answer.json()["code"])


def test_requests_that_lead_nowhere(console: RunningConsole) -> None:
    """An address or method that isn't there, a body of another type, an address outside the API."""
    client = Client(console)
    form = client.ask("POST", SOURCES, data="name=a", headers={"Content-Type": "application/x-www-form-urlencoded"})

    assert 415 == form.status_code
    assert 404 == client.ask("GET", "/siem/offenses").status_code
    assert 405 == client.ask("DELETE", SOURCES).status_code
    assert 422 == client.ask("GET", SOURCES, headers={"Range": "items=9-3"}).status_code
    assert 422 == client.ask("GET", f"{GROUPS}?fields=id,nothing").status_code
    assert (404, "text/html; charset=utf-8") == (
        client.ask("GET", f"{console.url}/console").status_code,
        client.ask("GET", f"{console.url}/console").headers["Content-Type"],
    )


def test_groups_and_records(console: RunningConsole) -> None:
    """Groups and QID records that are added are there, each refusal has the number of its endpoint."""
    client = Client(console)
    group = client.ask("POST", GROUPS, {"name": "Berlin"})
    codes = [
        client.ask("POST", GROUPS, body).json()["code"]
        for body in ({"name": "Berlin"}, {}, {"name": "x" * 256}, {"name": "a", "parent_id": 7})
    ]
    shown = client.ask("GET", f"{GROUPS}/{group.json()['id']}").json()
    source_in_group = client.ask("POST", SOURCES, source("mx1") | {"group_ids": [group.json()["id"]]})

    assert (201, [1001, 1002, 1003, 1005]) == (group.status_code, codes)
    assert ("Berlin", True, 1) == (shown["name"], shown["assignable"], shown["parent_id"])
    assert 201 == source_in_group.status_code
    body = {"log_source_type_id": 99, "name": "New", "low_level_category_id": 4711}
    assert 1005 == client.ask("POST", "/data_classification/qid_records", body).json()["code"]


def test_parsing_order(console: RunningConsole) -> None:
    """Log sources with a common identifier have an order, and no two the same."""
    client = Client(console)
    (syslog,) = [each["id"] for each in console.list_of("protocol_types") if each["name"] == "Syslog"]
    same = [{"name": "identifier", "value": "mx1"}]
    for number, kind in enumerate((12, 13)):
        body = {"name": f"{number}", "type_id": kind, "protocol_type_id": syslog, "protocol_parameters": same}
        assert 201 == client.ask("POST", SOURCES, body).status_code
    first, second = console.log_sources()
    taken = client.ask("POST", f"{SOURCES}/{second['id']}", {"parsing_order": first["parsing_order"]})

    assert [1, 2] == [first["parsing_order"], second["parsing_order"]]
    assert (422, 1041) == (taken.status_code, taken.json()["code"])


def test_a_task_without_log_sources(console: RunningConsole) -> None:
    """Nothing is soon done."""
    client = Client(console)

    assert "COMPLETED_SUCCESSFULLY" == client.ask("GET", client.bulk()).json()["status"]
