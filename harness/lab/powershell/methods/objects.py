"""Properties and methods of every object, and of the kinds that have few of their own."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from harness.lab.powershell import conversions
from harness.lab.powershell.cmdlet import NetType
from harness.lab.powershell.formatting import format_date, format_value, text
from harness.lab.powershell.methods.strings import comparison
from harness.lab.powershell.objects import DotNetError, ErrorRecord, NotSimulatedError, PSList, PSObject, Value, Version

if TYPE_CHECKING:
    from harness.lab.powershell.invocation import Invocation
    from harness.lab.powershell.methods.tables import Methods, Properties


def _to_string(_owner: Invocation, value: Value, pattern: Value = "", _culture: Value = None) -> str:
    if isinstance(value, datetime) and not pattern:
        # The session's culture is en-US.
        return format_date(value, "M/d/yyyy h:mm:ss tt")
    if isinstance(value, list):
        return conversions.type_name(value)
    if isinstance(value, ErrorRecord):
        return value.message
    if isinstance(value, PSObject) or not isinstance(pattern, str) or not pattern:
        return text(value)
    if isinstance(value, Version):
        return ".".join(str(value).split(".")[: int(pattern)])
    try:
        return format_value(value, pattern)
    except ValueError as error:
        raise DotNetError(str(error), "System.FormatException") from None


def _get_type(owner: Invocation, value: Value) -> NetType:
    name = conversions.type_name(value)
    try:
        return owner.session.find_type(name)
    except NotSimulatedError:
        # A type that is only known by its objects.
        return NetType(name)


def _equals(_owner: Invocation, value: Value, other: Value, mode: Value = None) -> bool:
    if isinstance(value, str):
        one, two = comparison(value, other, mode)
        return isinstance(other, str) and one == two
    return bool(conversions.type_name(value) == conversions.type_name(other) and value == other)


def _block_invoke(owner: Invocation, value: Value, *given: Value) -> PSList:
    return PSList(owner.invoke_block(value, list(given)), "System.Collections.ObjectModel.Collection`1")


def _refuse(construct: str) -> Value:
    raise NotSimulatedError(construct)


PROPERTIES: Properties = {
    ("type", "name"): lambda v, _o: v.name.split("[[")[0].rsplit(".", 1)[-1],
    ("type", "fullname"): lambda v, _o: v.name,
    ("type", "namespace"): lambda v, _o: v.name.rpartition(".")[0],
    ("type", "isenum"): lambda v, _o: bool(v.members),
    ("type", "isarray"): lambda v, _o: v.name.endswith("[]"),
    ("type", "basetype"): lambda v, o: o.session.find_type(v.base),
    ("version", "major"): lambda v, _o: v.major,
    ("version", "minor"): lambda v, _o: v.minor,
    ("version", "build"): lambda v, _o: v.build,
    ("version", "revision"): lambda v, _o: v.revision,
    ("enumvalue", "value__"): lambda v, _o: v.value,
    ("inputlines", "current"): lambda v, _o: v.current,
    ("uuid", "guid"): lambda v, _o: str(v),
    ("scriptblock", "ast"): lambda _v, _o: _refuse("the property Ast"),
}
METHODS: Methods = {
    ("object", "tostring"): ("2.0", _to_string),
    ("object", "gettype"): ("2.0", _get_type),
    ("object", "equals"): ("2.0", _equals),
    ("inputlines", "movenext"): ("2.0", lambda _o, v: v.move_next()),
    ("scriptblock", "invoke"): ("2.0", _block_invoke),
}
