"""Properties and methods of errors and their exceptions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.lab.powershell import conversions
from harness.lab.powershell.formatting import text
from harness.lab.powershell.objects import ErrorRecord, Hashtable, NetException, PSObject, Value

if TYPE_CHECKING:
    from harness.lab.powershell.invocation import Invocation
    from harness.lab.powershell.methods.tables import Methods, Properties


def _category(value: ErrorRecord, owner: Invocation) -> PSObject:
    target = "" if value.target is None else text(value.target)
    reason = value.exception.type_name.rsplit(".", 1)[-1]
    kind = "" if value.target is None else conversions.type_name(value.target).rsplit(".", 1)[-1]
    shown = f"{value.category}: ({target}:{kind}) [{value.activity}], {reason}"
    return PSObject(
        "System.Management.Automation.ErrorCategoryInfo",
        {
            "Category": owner.session.find_type("System.Management.Automation.ErrorCategory")
            and conversions.enum_member(
                value.category, owner.session.find_type("System.Management.Automation.ErrorCategory")
            ),
            "Activity": value.activity,
            "Reason": reason,
            "TargetName": target,
            "TargetType": kind,
        },
        text=shown,
    )


def _invocation(value: ErrorRecord, _owner: Invocation) -> PSObject:
    place = value.position
    command = None
    if place.command:
        command = PSObject(
            "System.Management.Automation.CmdletInfo",
            {"Name": place.command},
            text=place.command,
            partial=True,
        )
    return PSObject(
        "System.Management.Automation.InvocationInfo",
        {
            "MyCommand": command,
            "ScriptLineNumber": place.line,
            "OffsetInLine": place.column,
            "Line": place.text,
            "ScriptName": place.file or None,
            "InvocationName": place.command,
            "PositionMessage": f"At line:{place.line} char:{place.column}\r\n+ {place.text.strip()}",
        },
        partial=True,
    )


def _stack(value: ErrorRecord, owner: Invocation) -> Value:
    if owner.session.version < (3, 0):
        return None
    return f"at <ScriptBlock>, {value.position.file or '<No file>'}: line {value.position.line}"


def _exception_record(value: NetException, _owner: Invocation) -> Value:
    return value.record or ErrorRecord(value, value.message)


def _base_exception(_owner: Invocation, value: NetException) -> NetException:
    while value.inner is not None:
        value = value.inner
    return value


PROPERTIES: Properties = {
    ("error", "exception"): lambda v, _o: v.exception,
    ("error", "categoryinfo"): _category,
    ("error", "fullyqualifiederrorid"): lambda v, _o: v.error_id or v.message,
    ("error", "targetobject"): lambda v, _o: v.target,
    ("error", "invocationinfo"): _invocation,
    ("error", "errordetails"): lambda _v, _o: None,
    ("error", "scriptstacktrace"): _stack,
    ("exception", "message"): lambda v, _o: v.message,
    ("exception", "innerexception"): lambda v, _o: v.inner,
    ("exception", "errorrecord"): _exception_record,
    ("exception", "stacktrace"): lambda _v, _o: None,
    ("exception", "data"): lambda _v, _o: Hashtable(),
}
METHODS: Methods = {
    ("exception", "getbaseexception"): ("2.0", _base_exception),
}
