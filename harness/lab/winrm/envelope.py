"""SOAP envelopes as WS-Management uses them: bytes to ``Request``, and answers to bytes. Nothing here does I/O."""

from __future__ import annotations

import re
import uuid
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape, quoteattr

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.lab.winrm.faults import Fault

SOAP: Final = "http://www.w3.org/2003/05/soap-envelope"
ADDRESSING: Final = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
TRANSFER: Final = "http://schemas.xmlsoap.org/ws/2004/09/transfer"
ENUMERATION: Final = "http://schemas.xmlsoap.org/ws/2004/09/enumeration"
WSMAN: Final = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
IDENTITY: Final = "http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd"
SHELL: Final = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
FAULT: Final = "http://schemas.microsoft.com/wbem/wsman/1/wsmanfault"
ANONYMOUS: Final = ADDRESSING + "/role/anonymous"

_DURATION = re.compile(
    r"P(?:(?P<days>\d+)D)?(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?"
)


class MalformedEnvelopeError(ValueError):
    """The bytes are no SOAP envelope; they are answered with HTTP 400."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request of a client.

    Args:
        action: The URI of what to do; empty for Identify, which has no headers.
        resource: The resource URI.
        message_id: What the answer relates to.
        selectors: Selector names and values, for example ``ShellId``.
        options: Option names and values, for example ``WINRS_CODEPAGE``.
        operation_seconds: OperationTimeout; ``None`` where the request has none.
        envelope_size: MaxEnvelopeSize in bytes; ``None`` where the request has none.
        body: The one element in the body; ``None`` for an empty body.
    """

    action: str
    resource: str
    message_id: str
    selectors: Mapping[str, str]
    options: Mapping[str, str]
    operation_seconds: float | None
    envelope_size: int | None
    body: ET.Element | None

    @property
    def is_identify(self) -> bool:
        """Whether the client asks who is there."""
        return self.body is not None and self.body.tag == f"{{{IDENTITY}}}Identify"

    @property
    def verb(self) -> str:
        """The action's last word, for example ``Receive``."""
        return "Identify" if self.is_identify else self.action.rpartition("/")[2]


class _NoDoctype(ET.TreeBuilder):
    """Builds the tree and refuses a document type, so that there is no entity to expand."""

    def doctype(self, _name: str, _public: str | None, _system: str | None) -> None:
        raise MalformedEnvelopeError("a document type is not allowed")


def parse(data: bytes) -> Request:
    """Read one request.

    Args:
        data: The envelope, UTF-8 or UTF-16.

    Raises:
        MalformedEnvelopeError: It isn't XML, isn't SOAP, or has a document type.
    """
    root = _parse_xml(data)
    if root.tag != f"{{{SOAP}}}Envelope":
        raise MalformedEnvelopeError("the root isn't a SOAP 1.2 envelope")
    body = root.find(f"{{{SOAP}}}Body")
    if body is None:
        raise MalformedEnvelopeError("the envelope has no body")
    header = root.find(f"{{{SOAP}}}Header")
    if header is None:
        header = ET.Element("none")
    return Request(
        action=_text(header, ADDRESSING, "Action"),
        resource=_text(header, WSMAN, "ResourceURI"),
        message_id=_text(header, ADDRESSING, "MessageID"),
        selectors=_named(header, "SelectorSet", "Selector"),
        options=_named(header, "OptionSet", "Option"),
        operation_seconds=parse_duration(_text(header, WSMAN, "OperationTimeout")),
        envelope_size=_whole_number(_text(header, WSMAN, "MaxEnvelopeSize")),
        body=next(iter(body), None),
    )


def _parse_xml(data: bytes) -> ET.Element:
    parser = ET.XMLParser(target=_NoDoctype())  # noqa: S314 - the builder refuses what makes XML unsafe
    try:
        parser.feed(data)
        root: ET.Element = parser.close()
    except (ET.ParseError, LookupError, ValueError) as error:
        raise MalformedEnvelopeError(str(error)) from error
    return root


def _text(parent: ET.Element, namespace: str, name: str) -> str:
    return (parent.findtext(f"{{{namespace}}}{name}") or "").strip()


def _named(header: ET.Element, group: str, name: str) -> dict[str, str]:
    found = header.findall(f"{{{WSMAN}}}{group}/{{{WSMAN}}}{name}")
    return {element.get("Name", ""): (element.text or "").strip() for element in found}


def _whole_number(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[0-9]{1,10}", text) else None


def parse_duration(text: str) -> float | None:
    """Read an XML duration of days or less, for example ``PT20.5S``; ``None`` where it is none.

    Returns:
        Seconds.
    """
    match = _DURATION.fullmatch(text)
    if not match or not any(match.groups()):
        return None
    days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


def answer(action: str, relates_to: str, body: str) -> bytes:
    """Build an answer.

    Args:
        action: The answer's action URI.
        relates_to: The request's message identifier.
        body: What goes between the body's tags; the prefixes ``s a x w rsp f`` are bound.
    """
    text = (
        f'<s:Envelope xml:lang="en-US" xmlns:s="{SOAP}" xmlns:a="{ADDRESSING}" xmlns:x="{TRANSFER}" '
        f'xmlns:w="{WSMAN}" xmlns:rsp="{SHELL}"><s:Header><a:Action>{escape(action)}</a:Action>'
        f"<a:MessageID>uuid:{str(uuid.uuid4()).upper()}</a:MessageID><a:To>{ANONYMOUS}</a:To>"
        f"<a:RelatesTo>{escape(relates_to)}</a:RelatesTo></s:Header><s:Body>{body}</s:Body></s:Envelope>"
    )
    return text.encode()


def fault_answer(fault: Fault, relates_to: str, machine: str) -> bytes:
    """Build the answer of an operation that failed.

    Args:
        fault: What failed.
        relates_to: The request's message identifier.
        machine: The host's name.
    """
    detail = f"<w:FaultDetail>{escape(fault.detail)}</w:FaultDetail>" if fault.detail else ""
    body = (
        f"<s:Fault><s:Code><s:Value>s:{'Sender' if fault.sender else 'Receiver'}</s:Value>"
        f"<s:Subcode><s:Value>{escape(fault.subcode)}</s:Value></s:Subcode></s:Code>"
        f'<s:Reason><s:Text xml:lang="en-US">{escape(fault.reason)}</s:Text></s:Reason>'
        f'<s:Detail>{detail}<f:WSManFault xmlns:f="{FAULT}" Code="{fault.code}" Machine={quoteattr(machine)}>'
        f"<f:Message>{escape(fault.message)}</f:Message></f:WSManFault></s:Detail></s:Fault>"
    )
    namespace = ADDRESSING if fault.subcode.startswith("a:") else "http://schemas.dmtf.org/wbem/wsman/1/wsman"
    return answer(f"{namespace}/fault", relates_to, body)


def identify_answer(os_version: str) -> bytes:
    """Build the answer to Identify.

    Args:
        os_version: The version of Windows; ``0.0.0`` to a client that hasn't signed in.
    """
    text = (
        f'<s:Envelope xml:lang="en-US" xmlns:s="{SOAP}"><s:Header/><s:Body>'
        f'<wsmid:IdentifyResponse xmlns:wsmid="{IDENTITY}">'
        f"<wsmid:ProtocolVersion>{WSMAN}</wsmid:ProtocolVersion>"
        "<wsmid:ProductVendor>Microsoft Corporation</wsmid:ProductVendor>"
        f"<wsmid:ProductVersion>OS: {escape(os_version)} SP: 0.0 Stack: 3.0</wsmid:ProductVersion>"
        "</wsmid:IdentifyResponse></s:Body></s:Envelope>"
    )
    return text.encode()
