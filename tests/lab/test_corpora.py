"""The lab's objects beside those that live servers exported: same properties, same kinds of value."""

from __future__ import annotations

import datetime as dt
import os
import re
import uuid
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from harness.lab.powershell.objects import EnumValue, PSObject
from harness.lab.state.kinds import text_of

if TYPE_CHECKING:
    from harness.lab.machine import Machine
    from harness.lab.state.directory import Entry

_NS = "{http://schemas.microsoft.com/powershell/2004/04}"
_SIZE = re.compile(r"[\d.]+ [KMGT]?B \([\d,]+ bytes\)")
_SPAN = re.compile(r"(\d+\.)?\d\d:\d\d:\d\d")
_PRIMITIVE = {"S": "string", "B": "bool", "I32": "int", "G": "guid", "DT": "time", "Nil": "null"}
_SET_LATER = {"TlsCertificateName"}
"""What the exporting servers' administrators have set and a new server hasn't."""


class Export:
    """A file that ``Export-Clixml`` wrote."""

    def __init__(self, path: Path) -> None:
        root = ET.parse(path).getroot()  # noqa: S314  the file is one that the developer chose to test against
        self.types = {names.get("RefId"): [name.text or "" for name in names] for names in root.iter(f"{_NS}TN")}
        self.known = {found.get("RefId"): found for found in root.iter(f"{_NS}Obj")}
        self.objects = list(root)

    def properties(self, element: ET.Element) -> dict[str, ET.Element]:
        """Give an object's properties, references resolved."""
        held = element.find(f"{_NS}Props")
        assert held is not None
        return {
            str(member.get("N")): self.known[member.get("RefId")] if member.tag == f"{_NS}Ref" else member
            for member in held
        }

    def type_names(self, element: ET.Element) -> list[str]:
        """Give an object's type names."""
        names = element.find(f"{_NS}TN")
        if names is None:
            names = element.find(f"{_NS}TNRef")
        assert names is not None
        return self.types[names.get("RefId")]

    def kind(self, element: ET.Element) -> str:
        """Say what kind of value an element holds."""
        tag = element.tag.removeprefix(_NS)
        if tag != "Obj":
            return _PRIMITIVE[tag]
        names = self.type_names(element)
        if element.find(f"{_NS}LST") is not None:
            return f"list {names[0].partition('[')[0]}"
        if "System.Enum" in names:
            return f"enum {names[0]}"
        return _object_kind(names[0], element.findtext(f"{_NS}ToString") or "")


def _object_kind(type_name: str, text: str) -> str:
    form = "size" if _SIZE.fullmatch(text) else "span" if _SPAN.fullmatch(text) else "text"
    # A limited and an unlimited value are of the same kind.
    return f"object {type_name.partition(',')[0]}" + ("" if "Unlimited" in type_name else f" {form}")


def _kind(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, PSObject):
        return _object_kind(value.type_name, text_of(value))
    if isinstance(value, list):
        return f"list {str(getattr(value, 'type_name', 'System.Object[]')).partition('[')[0]}"
    if isinstance(value, EnumValue):
        return f"enum {value.type_name}"
    kinds = {bool: "bool", int: "int", str: "string", uuid.UUID: "guid", dt.datetime: "time"}
    return kinds[type(value)]


@pytest.fixture
def corpora() -> Path:
    """The folder with exported objects."""
    folder = os.environ.get("HARNESS_CORPORA")
    if not folder:
        pytest.skip("HARNESS_CORPORA names no folder with exported objects")
    return Path(folder)


def _compare(export: Export, element: ET.Element, entry: Entry) -> None:
    shown = entry.as_object()
    real = export.properties(element)
    expected = {name: export.kind(member) for name, member in real.items()}
    actual = {name: _kind(shown.get(name)) for name in shown.properties}
    for name in _SET_LATER & expected.keys():
        if "null" in (expected[name], actual.get(name)):
            expected[name] = actual[name]

    assert expected == actual
    assert export.type_names(element) == list(shown.type_names)


def test_receive_connectors(corpora: Path, machine: Machine) -> None:
    """Each stock connector has the properties of its counterpart, each with the same kind of value."""
    export = Export(corpora / "E19-GetReceiveConnector.xml")
    names = [str(export.properties(element)["Name"].text) for element in export.objects]
    server = names[0].removeprefix("Default ")

    assert [entry.name.replace("EX01", server) for entry in machine.receive_connectors] == names
    for element, entry in zip(export.objects, machine.receive_connectors, strict=True):
        _compare(export, element, entry)


def test_receive_connector_settings(corpora: Path, machine: Machine) -> None:
    """The stock connectors' limits, groups and mechanisms are those of a real server."""
    export = Export(corpora / "E19-GetReceiveConnector.xml")
    same = (
        "AuthMechanism",
        "PermissionGroups",
        "TransportRole",
        "SizeEnabled",
        "MessageRateLimit",
        "MessageRateSource",
        "MaxInboundConnection",
        "MaxInboundConnectionPerSource",
        "MaxRecipientsPerMessage",
        "MaxMessageSize",
        "MaxHeaderSize",
        "TarpitInterval",
        "ConnectionTimeout",
    )
    for element, entry in zip(export.objects, machine.receive_connectors, strict=True):
        real = export.properties(element)
        expected = {name: real[name].findtext(f"{_NS}ToString") or real[name].text for name in same}
        shown = entry.as_object()

        assert expected == {name: text_of(shown.get(name)) for name in same}


def test_send_connector(corpora: Path, machine: Machine) -> None:
    """The send connector has the real one's properties."""
    export = Export(corpora / "E19-GetSendConnector.xml")
    _compare(export, export.objects[0], machine.organisation.send_connectors()[0])


@pytest.mark.parametrize("file", ["E16-GetExchangeServer.xml", "E19-GetExchangeServer.xml"])
def test_exchange_server(corpora: Path, machine: Machine, file: str) -> None:
    """The server has the real ones' properties."""
    export = Export(corpora / file)
    _compare(export, export.objects[0], machine.organisation.servers()[0])


def test_iis(corpora: Path, machine: Machine) -> None:
    """Sites, and what a new server's configuration says of logging, are a real server's."""
    root = ET.parse(corpora / "E16_applicationHost_Default.config").getroot()  # noqa: S314  as above
    sites = [(int(site.get("id", 0)), site.get("name")) for site in root.iter("site")]
    defaults = root.find(".//siteDefaults/logFile")
    log = root.find(".//system.applicationHost/log")
    assert defaults is not None
    assert log is not None

    assert sites == [(site["id"], site["name"]) for site in machine.iis.sites()]
    assert dict(defaults.attrib) == machine.store.document["iis"]["siteDefaults"]["logFile"]
    assert [] == [site for site in root.iter("site") if site.find("logFile") is not None]
    assert {} == log.attrib == machine.store.document["iis"]["log"]
