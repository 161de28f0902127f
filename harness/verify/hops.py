"""What logs say of a message's way through a server: the connectors that it passed, and where the way ended.

From 2007 on message tracking names the connector and the SMTP session of each hop, and the protocol logs have the
session as well. Exchange 2003 names neither: there a tracking event says that SMTP took the message, and in its virtual
server's log, which has no sessions, a probe's conversation is known by its greeting.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.events import Format

if TYPE_CHECKING:
    from harness.events import Event

# Events that name an SMTP session at the beginning of their source-context …
_HOPS = frozenset({"RECEIVE", "SEND", "SENDEXTERNAL"})
# … and those after which a message is no longer the server's business, or goes on as another one.
_ENDS = frozenset({"DELIVER", "SEND", "SENDEXTERNAL", "FAIL", "DROP", "REDIRECT", "EXPAND", "BADMAIL"})
# Of Exchange 2003: SMTP hands a message to the queue; it was delivered (two ways to say so), sent on, or refused.
_SUBMITTED_2003 = "1019"
_ENDS_2003 = frozenset({"1023", "1028", "1031", "1030"})
_VIRTUAL_SERVER = "SMTP virtual server"
_INBOUND = "inbound"


def session(event: Event) -> str:
    """Give the session of an event of a protocol log."""
    return _INBOUND if event.record.format is Format.SMTP2003 else event.record.get("session-id")


def connector(event: Event) -> str:
    """Give the connector of an event of a protocol log."""
    if event.record.format is Format.SMTP2003:
        return event.record.get("s-sitename", _VIRTUAL_SERVER)
    return event.record.get("connector-id")


def of(event: Event) -> dict[str, str]:
    """Give the hop that an event of message tracking is about: the connector by its session; empty for none."""
    record = event.record
    if record.format is Format.MSGTRK2003:
        return {_INBOUND: _VIRTUAL_SERVER} if event.event_id == _SUBMITTED_2003 else {}
    if record.get("source") != "SMTP" or event.event_id not in _HOPS or not record.get("connector-id"):
        return {}
    return {record.get("source-context").partition(";")[0]: record.get("connector-id")}


def ends(event: Event) -> bool:
    """Say whether a message's way ends with an event of message tracking."""
    return event.event_id in (_ENDS_2003 if event.record.format is Format.MSGTRK2003 else _ENDS)
