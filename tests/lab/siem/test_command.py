"""`harness lab console`: a console in a process of its own, driven by curl as by any stranger."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from running_console import SEED
from running_lab import run

from harness.lab.siem import catalogue

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEMA = Path(__file__).parents[2] / "cases" / "logsource" / "console-schema.json"
SOURCES = "/config/event_sources/log_source_management/log_sources"
CURL = shutil.which("curl")

needs_curl = pytest.mark.skipif(CURL is None, reason="curl is not installed")


class Served:
    """A console that a process of its own serves."""

    def __init__(self, said: str, state: Path) -> None:
        self.url = said.splitlines()[0].removeprefix("console at ")
        self.said = said
        self.state = state

    def curl(self, *arguments: str, role: str = "admin") -> str:
        """Run curl with a token and the console's certificate."""
        certificate = str(self.state / "console.pem")
        secret = (self.state / f"token.{role}").read_text()
        command = [str(CURL), "-sS", "--fail-with-body", "--cacert", certificate, "-H", f"SEC: {secret}", *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout

    def get(self, path: str, **query: str) -> Any:
        """Get JSON, with a query that curl encodes."""
        data = [part for name, value in query.items() for part in ("--data-urlencode", f"{name}={value}")]
        return json.loads(self.curl("-G", *data, self.url + path))


@contextmanager
def served(state: Path, *options: str) -> Iterator[Served]:
    """Serve, and end it as Ctrl-C does."""
    command = [sys.executable, "-m", "harness", "lab", "console", "--state", str(state), "--port", "0", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line.rstrip("\n"))
            if "tenant" in line:
                break
        yield Served("\n".join(lines), state)
    finally:
        process.send_signal(signal.SIGINT)
        with process:
            code = process.wait(30)
    assert 0 == code


@needs_curl
def test_curl(tmp_path: Path) -> None:
    """What curl made is there for the next console on the same folder, with the same ids, tokens and certificate."""
    state = tmp_path / "console"
    with served(state, "--seed", str(SEED)) as console:
        protocols = f"{SOURCES.rpartition('/')[0]}/protocol_types"
        (protocol,) = console.get(protocols, filter='name="Microsoft Exchange"', fields="id,name")
        body = {
            "name": "Exchange @ mx1",
            "type_id": 99,
            "protocol_type_id": protocol["id"],
            "protocol_parameters": [
                {"name": "identifier", "value": "mx1.example.com"},
                {"name": "SERVER_ADDRESS", "value": "192.0.2.1"},
                {"name": "USERNAME", "value": "svc-jsa"},
                {"name": "PASSWORD", "value": "canary-9f3c"},
                {"name": "OWA_LOG_FOLDER_PATH", "value": "c$/inetpub/logs/LogFiles/W3SVC1/"},
            ],
        }
        sent = ("-X", "PATCH", "-H", "Content-Type: application/json", "-d", json.dumps([body]))
        head = console.curl("-i", *sent, console.url + SOURCES, role="manager")
        location = next(line.split(": ")[1].strip() for line in head.splitlines() if line.startswith("Location"))
        task = json.loads(console.curl(location))
        assert ["COMPLETED_SUCCESSFULLY", 201] == [task["status"], task["operation_statuses"][0]["http_status"]]
        with pytest.raises(subprocess.CalledProcessError) as refused:
            console.curl("-X", "DELETE", f"{console.url}{SOURCES}/4020", role="reader")
        assert 26 == json.loads(refused.value.stdout)["code"]
        said = console.said
        assert 0 == run(
            "lab", "console", "--state", state, "source", "Exchange @ mx1", "--status", "ERROR", "--message",
            "The folder is not there", "--eps", "0",
        ).code  # fmt: skip
        before = console.get(SOURCES)
    with served(state) as console:
        after = console.get(SOURCES)

    assert before == after
    assert ("ERROR", "The folder is not there") == (
        after[0]["status"]["status"],
        after[0]["status"]["messages"][0]["text"],
    )
    assert [token.read_text() not in said for token in state.glob("token.*")] == [True] * 4
    assert not any(b"canary-9f3c" in file.read_bytes() for file in state.iterdir())


def test_folder_in_use(tmp_path: Path) -> None:
    """Two consoles don't write one state; the second says what to do."""
    state = tmp_path / "console"
    with served(state, "--no-tls"):
        ended = run("lab", "console", "--state", state, "--port", "0")

    assert (1, f"a console already serves {state}") == (ended.code, ended.err)


def test_plain_http_beyond_loopback(tmp_path: Path) -> None:
    """Tokens and passwords don't travel in clear to other machines."""
    ended = run("lab", "console", "--state", tmp_path, "--no-tls", "--address", "0.0.0.0")  # noqa: S104

    assert (1, True) == (ended.code, "plain HTTP on 0.0.0.0" in ended.err)


def test_nobody_to_tell(tmp_path: Path) -> None:
    """A console that isn't served can't be told anything."""
    ended = run("lab", "console", "--state", tmp_path, "mishap", "--status", "503")

    assert (1, f"no console serves {tmp_path}") == (ended.code, ended.err)


def test_without_the_extra(tmp_path: Path) -> None:
    """Who installed harness without the lab is told what to install."""
    code = "import sys; sys.modules['h11'] = None; from harness.cli.main import main; main()"
    command = [sys.executable, "-c", code, "lab", "console", "--state", str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert 1 == ended.returncode
    assert "the simulated console needs h11\nhint: pip install 'exchange-log-harness[lab]'\n" == ended.stderr


def test_exported_schema() -> None:
    """The schema that tests check definitions against is what the command prints of the consoles in tests."""
    printed = run("lab", "console", "--print-schema", "--seed", str(SEED)).out

    assert printed == SCHEMA.read_text()


def test_ids_are_its_own() -> None:
    """Nothing can rely on ids: consoles differ in all but those that are documented or seen to be the same."""
    lists = catalogue.install(1), catalogue.install(2)
    same = {
        name: [one["name"] for one, other in zip(*entries, strict=True) if one["id"] == other["id"]]
        for name in ("log_source_types", "protocol_types", "event_collectors", "log_source_groups", "wincollect_agents")
        for entries in [tuple(each[name] for each in lists)]
    }
    parameters = [
        {parameter["id"] for parameter in protocol["parameters"]}
        for each in lists
        for protocol in each["protocol_types"]
        if protocol["name"] == "Microsoft Exchange"
    ]

    assert {
        "log_source_types": ["Microsoft Exchange Server", "Microsoft IIS", "Microsoft Windows Security Event Log"],
        "protocol_types": ["Syslog"],
        "event_collectors": [],
        "log_source_groups": ["Other", "Log Source Groups"],
        "wincollect_agents": [],
    } == same
    assert parameters[0] != parameters[1]
    assert not {16, 17, 18} & {protocol["id"] for each in lists for protocol in each["protocol_types"]}


def test_same_seed_same_console() -> None:
    """A seed brings a console again."""
    assert catalogue.install(7) == catalogue.install(7)
