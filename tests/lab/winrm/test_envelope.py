"""Envelopes are read strictly and written as Windows writes them."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.lab.winrm import faults
from harness.lab.winrm.envelope import (
    ADDRESSING,
    FAULT,
    IDENTITY,
    SOAP,
    MalformedEnvelopeError,
    answer,
    fault_answer,
    identify_answer,
    parse,
    parse_duration,
)

RECEIVE = f"""<e:Envelope xmlns:e="{SOAP}" xmlns:a="{ADDRESSING}"
 xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
 xmlns:r="http://schemas.microsoft.com/wbem/wsman/1/windows/shell"><e:Header>
 <a:Action e:mustUnderstand="true"> http://schemas.microsoft.com/wbem/wsman/1/windows/shell/Receive </a:Action>
 <a:MessageID>uuid:1</a:MessageID><w:ResourceURI>urn:x</w:ResourceURI><w:OperationTimeout>PT20S</w:OperationTimeout>
 <w:MaxEnvelopeSize>153600</w:MaxEnvelopeSize><w:SelectorSet><w:Selector Name="ShellId">S</w:Selector></w:SelectorSet>
 <w:OptionSet><w:Option Name="WINRS_CODEPAGE">65001</w:Option></w:OptionSet></e:Header>
 <e:Body><r:Receive/></e:Body></e:Envelope>"""


def tree(data: bytes) -> ET.Element:
    """Read an answer back."""
    return ET.fromstring(data)  # noqa: S314 - what the server itself wrote


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_request_is_read_whatever_its_prefixes_and_encoding(encoding: str) -> None:
    """Everything the core needs is found by namespace, not by prefix."""
    request = parse(RECEIVE.encode(encoding))

    assert "Receive" == request.verb
    assert ("uuid:1", "urn:x", 20.0, 153600) == (
        request.message_id,
        request.resource,
        request.operation_seconds,
        request.envelope_size,
    )
    assert ({"ShellId": "S"}, {"WINRS_CODEPAGE": "65001"}) == (request.selectors, request.options)
    assert not request.is_identify


def test_identify_needs_no_header() -> None:
    """Identify is known by its body alone."""
    request = parse(
        f'<s:Envelope xmlns:s="{SOAP}"><s:Body><i:Identify xmlns:i="{IDENTITY}"/></s:Body></s:Envelope>'.encode()
    )

    assert (True, "Identify") == (request.is_identify, request.verb)


@pytest.mark.parametrize(
    "doctype",
    ['<!DOCTYPE e [<!ENTITY a "aaaa">]>', '<!DOCTYPE e SYSTEM "file:///etc/passwd">', "<!DOCTYPE e>"],
)
def test_document_type_is_refused(doctype: str) -> None:
    """No document type, so no entity: neither a bomb nor a file can be read in."""
    with pytest.raises(MalformedEnvelopeError, match="document type"):
        parse((doctype + RECEIVE).encode())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no xml",
        "<a/>",
        f'<e:Envelope xmlns:e="{SOAP}"/>',
        RECEIVE[:-5],
        '<?xml version="1.0" encoding="klingon"?><a/>',
    ],
)
def test_what_is_no_envelope_is_refused(text: str) -> None:
    """Anything else than a whole SOAP 1.2 envelope is one kind of error."""
    with pytest.raises(MalformedEnvelopeError):
        parse(text.encode())


@given(st.binary(max_size=300))
def test_no_bytes_break_the_parser(data: bytes) -> None:
    """Whatever comes in, the parser gives a request or says that it is malformed."""
    try:
        parse(data)
    except MalformedEnvelopeError:
        return


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=60))
def test_no_text_inside_an_envelope_breaks_the_parser(text: str) -> None:
    """The same for text at a place where a value stands."""
    try:
        parse(RECEIVE.replace("PT20S", text).encode())
    except MalformedEnvelopeError:
        return


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("PT20S", 20.0),
        ("PT60.000S", 60.0),
        ("P0DT0H1M30.5S", 90.5),
        ("PT2H", 7200.0),
        ("P1D", 86400.0),
        ("", None),
        ("P", None),
        ("PT", None),
        ("20", None),
        ("PT-1S", None),
    ],
)
def test_duration(text: str, seconds: float | None) -> None:
    """Durations of days and less are read; anything else counts as none."""
    assert seconds == parse_duration(text)


def test_fault_is_what_clients_look_for() -> None:
    """Code, subcode, reason, number, machine and message stand where clients read them, escaped."""
    root = tree(fault_answer(faults.unknown_shell("<&'\">"), "uuid:7", "EX01"))
    fault = root.find(f"{{{SOAP}}}Body/{{{SOAP}}}Fault")
    detail = fault.find(f"{{{SOAP}}}Detail/{{{FAULT}}}WSManFault")

    assert "s:Sender" == fault.findtext(f"{{{SOAP}}}Code/{{{SOAP}}}Value")
    assert "w:InvalidSelectors" == fault.findtext(f"{{{SOAP}}}Code/{{{SOAP}}}Subcode/{{{SOAP}}}Value")
    assert {"Code": "2150858843", "Machine": "EX01"} == detail.attrib
    assert "<&'\">" in detail.findtext(f"{{{FAULT}}}Message")
    assert "uuid:7" == root.findtext(f"{{{SOAP}}}Header/{{{ADDRESSING}}}RelatesTo")


def test_answer_relates_to_its_request() -> None:
    """Clients refuse an answer whose RelatesTo isn't their MessageID; each answer has an identifier of its own."""
    first, second = (tree(answer("urn:a", "uuid:<1>", "<x:Y/>")) for _ in range(2))
    header = f"{{{SOAP}}}Header/{{{ADDRESSING}}}"

    assert "uuid:<1>" == first.findtext(header + "RelatesTo")
    assert first.findtext(header + "MessageID") != second.findtext(header + "MessageID")


def test_identify_answer_names_vendor_and_version() -> None:
    """What Test-WSMan shows."""
    root = tree(identify_answer("10.0.14393"))

    assert "OS: 10.0.14393 SP: 0.0 Stack: 3.0" == root.findtext(f".//{{{IDENTITY}}}ProductVersion")
    assert "Microsoft Corporation" == root.findtext(f".//{{{IDENTITY}}}ProductVendor")
