"""The state of simulated hosts: what a new server is like, and what survives a restart."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING

import pytest

from harness.lab.machine import Machine
from harness.lab.spec import MachineSpec
from harness.lab.state.directory import escape, split_dn
from harness.lab.state.iis import IisError
from harness.lab.state.kinds import PATH, SIZE, SPAN, UNLIMITED_SIZE, flat, size_text, text_of
from harness.lab.state.organisation import Organisation
from harness.lab.state.transport import MAILBOX_TRANSPORT_SERVICE, SERVICES, TRANSPORT_SERVICE, size_conflict
from harness.lab.store import LabStateError, Store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Start = Callable[..., tuple[Machine, ...]]


def test_new_server_has_the_documented_receive_connectors(machine: Machine) -> None:
    """The five stock connectors: name, port, role, and the one that logs."""
    found = [
        (
            entry.name,
            [binding.rpartition(":")[2] for binding in entry.settings["Bindings"]],
            entry.settings["TransportRole"],
            entry.protocol_logging,
        )
        for entry in machine.receive_connectors
    ]

    assert [
        ("Default EX01", ["2525"] * 2, "HubTransport", "None"),
        ("Client Proxy EX01", ["465"] * 2, "HubTransport", "None"),
        ("Default Frontend EX01", ["25"] * 2, "FrontendTransport", "Verbose"),
        ("Outbound Proxy Frontend EX01", ["717"] * 2, "FrontendTransport", "None"),
        ("Client Frontend EX01", ["587"] * 2, "FrontendTransport", "None"),
    ] == found


def test_new_server_tracks_messages(machine: Machine) -> None:
    """Message tracking is on, with the documented limits and folder."""
    shown = machine.transport(TRANSPORT_SERVICE).as_object()

    assert {
        "MessageTrackingLogEnabled": "True",
        "MessageTrackingLogMaxAge": "30.00:00:00",
        "MessageTrackingLogMaxDirectorySize": "1000 MB (1,048,576,000 bytes)",
        "MessageTrackingLogMaxFileSize": "10 MB (10,485,760 bytes)",
        "MessageTrackingLogPath": (
            "C:\\Program Files\\Microsoft\\Exchange Server\\V15\\TransportRoles\\Logs\\MessageTracking"
        ),
        "IntraOrgConnectorProtocolLoggingLevel": "None",
    } == {
        name: text_of(shown.get(name))
        for name in shown.properties
        if (name.startswith("MessageTrackingLog") and "Subject" not in name) or name.startswith("IntraOrgConnectorP")
    }


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.key)
def test_no_log_is_larger_than_its_folder_by_default(service: object, machine: Machine) -> None:
    """The defaults pass the check that every change must pass."""
    assert size_conflict(machine.transport(service).settings) is None  # type: ignore[arg-type]  # an id needs object


def test_changes_survive_a_restart(start: Start) -> None:
    """What was stored through one object is there for the next one made from the same folder."""
    (first,) = start("EX01")
    connector = first.receive_connectors[0]
    with first.store.change():
        connector.set("ProtocolLoggingLevel", "Verbose")
    first.iis.set_log_file(1, "logExtFileFlags", "Date,Time,ProtocolVersion")
    first.services.restart("MSExchangeTransport")
    process = first.services.state("MSExchangeTransport")
    (again,) = start("EX01")

    assert "Verbose" == again.receive_connectors[0].settings["ProtocolLoggingLevel"]
    assert connector.guid == again.receive_connectors[0].guid
    assert "Date,Time,ProtocolVersion" == again.iis.log_file(1)["logExtFileFlags"]
    assert process == again.services.state("MSExchangeTransport")


def test_servers_share_the_send_connectors(start: Start) -> None:
    """Both servers see one connector, changed through either, and both are its sources."""
    one, two = start("EX01", "EX02")
    seen_by_one = one.organisation.send_connectors()[0]
    with one.organisation.store.change():
        seen_by_one.set("ProtocolLoggingLevel", "Verbose")
    seen_by_two = two.organisation.send_connectors()[0]

    assert "Verbose" == seen_by_two.settings["ProtocolLoggingLevel"]
    assert ["EX01", "EX02"] == seen_by_two.settings["SourceTransportServers"]


def test_a_restart_does_not_add_a_source_again(start: Start) -> None:
    """A server that was taken off the connector stays off it."""
    (machine,) = start("EX01")
    with machine.organisation.store.change():
        machine.organisation.send_connectors()[0].set("SourceTransportServers", [])
    (again,) = start("EX01")

    assert [] == again.organisation.send_connectors()[0].settings["SourceTransportServers"]


def test_a_failed_change_leaves_nothing(tmp_path: Path) -> None:
    """Neither the file nor memory keeps half of a change."""
    store = Store(tmp_path / "state.json", {"a": {"b": 1}})

    def half() -> None:
        with store.change() as document:
            document["a"]["b"] = 2
            raise ZeroDivisionError

    part = store.document["a"]
    with pytest.raises(ZeroDivisionError):
        half()

    assert {"a": {"b": 1}} == store.document
    assert store.document["a"] is part
    assert {"a": {"b": 1}} == Store(tmp_path / "state.json", {}).document


def test_many_threads_lose_no_change(tmp_path: Path) -> None:
    """Changes of several threads add up, on disk as well."""
    store = Store(tmp_path / "state.json", {"count": 0})

    def work() -> None:
        for _ in range(20):
            with store.change() as document:
                document["count"] += 1

    threads = [threading.Thread(target=work) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert 100 == Store(tmp_path / "state.json", {}).document["count"]


@pytest.mark.parametrize("text", ["", "{", "[]", json.dumps({"version": 99, "state": {}})])
def test_a_damaged_file_is_named(tmp_path: Path, text: str) -> None:
    """A file that can't be used is an error that names it and says what to do."""
    path = tmp_path / "state.json"
    path.write_text(text)
    with pytest.raises(LabStateError, match=r"state\.json") as caught:
        Store(path, {})

    assert "delete the file" in caught.value.hint


def test_passwords_stay_in_memory(start: Start, tmp_path: Path) -> None:
    """No file of the lab holds an account's password."""
    start("EX01")
    written = "".join(path.read_text(encoding="utf-8") for path in tmp_path.rglob("*.json"))

    assert "pa:ss" not in written


@pytest.mark.parametrize(
    ("user", "password", "right"),
    [
        ("administrator", "pa:ss'word ü", True),
        ("CORP\\Administrator", "pa:ss'word ü", True),
        ("administrator@corp.example", "pa:ss'word ü", True),
        ("OTHER\\administrator", "pa:ss'word ü", False),
        ("administrator", "wrong", False),
        ("nobody", "", False),
    ],
)
def test_accounts(machine: Machine, user: str, password: str, right: bool) -> None:
    """A credential is right under each form of the account's name, and only with its password."""
    assert right == machine.knows(user, password)


def test_only_what_is_simulated_can_be_installed(tmp_path: Path) -> None:
    """Another version, another role or a name that is taken is refused before anything is written."""
    spec = MachineSpec("mail-server-of-the-first-site.corp.example")
    organisation = Organisation.open(tmp_path, [spec])
    Machine.create(spec, organisation, tmp_path)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ValueError, match="Exchange 2000 is not simulated"):
        MachineSpec("ex01.corp.example", exchange_version="2000")
    with pytest.raises(ValueError, match="not installed with the roles edge"):
        MachineSpec("ex01.corp.example", roles=("edge",))
    with pytest.raises(ValueError, match="would both be the computer MAIL-SERVER-OF-"):
        Machine.create(MachineSpec("mail-server-of-the-second-site.corp.example"), organisation, tmp_path)

    assert before == sorted(tmp_path.rglob("*"))


def test_a_site_inherits_what_it_does_not_say(machine: Machine) -> None:
    """The site's own attribute beats the defaults, the defaults beat the schema."""
    stock = machine.iis.log_file(1)
    machine.iis.set_log_file(None, "period", "Hourly")
    inherited = machine.iis.log_file(1)["period"]
    machine.iis.set_log_file(1, "period", "Weekly")

    assert "ProtocolVersion" not in str(stock["logExtFileFlags"]).split(",")
    assert ("W3C", "File", "%SystemDrive%\\inetpub\\logs\\LogFiles") == (
        stock["logFormat"],
        stock["logTargetW3C"],
        stock["directory"],
    )
    assert ("Hourly", "Weekly", "Hourly") == (
        inherited,
        machine.iis.log_file(1)["period"],
        machine.iis.log_file(2)["period"],
    )


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("logExtFileFlags", "Date,Nonsense", "Flags must be some combination of Date, Time, "),
        ("logFormat", "w3c", "Enum must be one of IIS, NCSA, W3C, Custom"),
        ("period", 9, "Enum must be one of MaxSize, Daily"),
        ("truncateSize", "5", "Integer value must be between 1048576 and"),
        ("enabled", "maybe", "not a valid value for Boolean"),
    ],
)
def test_iis_refuses_what_its_schema_does_not_allow(machine: Machine, name: str, value: object, message: str) -> None:
    """A wrong value is refused with IIS's words and changes nothing."""
    before = machine.iis.log_file(1)
    with pytest.raises(IisError, match=message):
        machine.iis.set_log_file(1, name, value)

    assert before == machine.iis.log_file(1)


def test_iis_writes_flags_in_its_own_order(machine: Machine) -> None:
    """Flags given by name, with blanks, or as a number read back alike."""
    machine.iis.set_log_file(1, "logExtFileFlags", "ProtocolVersion, Method,Date")
    machine.iis.set_log_file(2, "logExtFileFlags", 1 | 128 | 524288)

    assert "Date,Method,ProtocolVersion" == machine.iis.log_file(1)["logExtFileFlags"]
    assert "Date,Method,ProtocolVersion" == machine.iis.log_file(2)["logExtFileFlags"]


def test_restarting_a_service_gives_it_a_new_process(machine: Machine) -> None:
    """Dependants stop with it and come back, those that were stopped before stay stopped."""
    before = {name: machine.services.state(name) for name in ("WAS", "W3SVC", "MSExchangePop3")}
    machine.services.restart("WAS")
    after = {name: machine.services.state(name) for name in ("WAS", "W3SVC", "MSExchangePop3")}

    assert ["Running", "Running", "Stopped"] == [state for state, _ in after.values()]
    assert after["WAS"][1] not in (0, before["WAS"][1])
    assert after["W3SVC"][1] not in (0, before["W3SVC"][1])
    assert ("Stopped", 0) == after["MSExchangePop3"]


def test_starting_a_service_starts_what_it_requires(machine: Machine) -> None:
    """A service that was stopped with its requirement brings that up again."""
    machine.services.stop("MSExchangeADTopology")
    stopped = machine.services.running("MSExchangeTransport")
    machine.services.start("MSExchangeTransport")

    assert not stopped
    assert machine.services.running("MSExchangeADTopology")
    assert machine.services.running("MSExchangeTransport")
    assert not machine.services.running("MSExchangeIS")


@pytest.mark.parametrize(
    ("text", "size"),
    [("10MB", 10485760), ("1 KB", 1024), ("36 MB (37,748,736 bytes)", 37748736), ("500", 500), (2048, 2048)],
)
def test_sizes_are_read(text: object, size: int) -> None:
    """Every form in which a size is written or shown reads back."""
    assert size == SIZE.parse(text)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (37748736, "36 MB (37,748,736 bytes)"),
        (159449088, "152.1 MB (159,449,088 bytes)"),
        (262144, "256 KB (262,144 bytes)"),
        (0, "0 B (0 bytes)"),
    ],
)
def test_sizes_are_written(size: int, text: str) -> None:
    """A size is written in its largest unit, with the exact bytes behind it."""
    assert text == size_text(size)


@pytest.mark.parametrize(
    ("given", "stored"),
    [("30.00:00:00", "30.00:00:00"), ("7", "7.00:00:00"), ("0:5", "00:05:00"), ("-01:00:00", "-01:00:00")],
)
def test_time_spans_are_read(given: str, stored: str) -> None:
    """.NET's forms of a time span."""
    assert stored == SPAN.parse(given)


@pytest.mark.parametrize("text", ["later", "25:00:00", "", "1:2:3:4:5"])
def test_what_is_no_time_span_is_refused(text: str) -> None:
    """Anything else is .NET's error."""
    with pytest.raises(ValueError, match="valid TimeSpan"):
        SPAN.parse(text)


@pytest.mark.parametrize("path", ["D:\\Logs", "C:\\", "C:\\Program Files\\Logs\\"])
def test_local_paths_are_taken(path: str) -> None:
    """An absolute path on a drive."""
    assert path == PATH.parse(path)


@pytest.mark.parametrize(
    "path", ["\\\\server\\share", "Logs", "C:Logs", "C:/Logs", "%TEMP%\\Logs", "C:\\Lo*gs", "C:\\a:b"]
)
def test_other_paths_are_refused(path: str) -> None:
    """UNC, relative, drive-relative, unexpanded, with wildcards, or of a stream."""
    with pytest.raises(ValueError, match="is not valid"):
        PATH.parse(path)


def test_unlimited() -> None:
    """The word is kept as such, anything else is a size."""
    assert ("Unlimited", 1048576) == (UNLIMITED_SIZE.parse("unlimited"), UNLIMITED_SIZE.parse("1MB"))


@pytest.mark.parametrize("name", ["plain", "a,b", "Default'; Remove-Item C:\\ -Recurse; '", " led", "#1", 'q"<>;=+'])
def test_names_survive_in_a_distinguished_name(name: str) -> None:
    """Any name is one part of its distinguished name."""
    parts = split_dn(f"CN={escape(name)},CN=Servers,DC=corp")

    assert ["CN=Servers", "DC=corp"] == parts[1:]


def test_a_copy_is_text_where_the_original_is_an_object(machine: Machine) -> None:
    """What a remote session brings: primitives as they are, all else as text."""
    entry = machine.transport(MAILBOX_TRANSPORT_SERVICE)
    live, copy = entry.as_object(), entry.as_object(wire=True)

    assert "C:" == live.get("ReceiveProtocolLogPath").get("DriveName")
    assert isinstance(copy.get("ReceiveProtocolLogPath"), str)
    assert copy.get("ConnectivityLogEnabled") is True
    assert copy.type_name == f"Deserialized.{live.type_name}"
    assert ["0.0.0.0:2525"] == [
        item for item in flat(machine.receive_connectors[0].as_object().get("Bindings")) if "[" not in item
    ]
