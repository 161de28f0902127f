"""The cmdlets that make and change objects, and turn them into JSON and back."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

from harness.lab.powershell import conversions
from harness.lab.powershell.cmdlet import Parameter, Registry
from harness.lab.powershell.core.selection import property_names
from harness.lab.powershell.formatting import text
from harness.lab.powershell.lexer import whole_number
from harness.lab.powershell.objects import (
    DotNetError,
    EnumValue,
    Hashtable,
    NotSimulatedError,
    Property,
    PSList,
    PSObject,
    ScriptBlock,
    SecureString,
    Value,
    Version,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.lab.powershell.cmdlet import Call

DATA = Registry()
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - kind Unspecified

# Objects


@DATA.cmdlet(
    "New-Object",
    Parameter("TypeName", "string", mandatory=True, position=0, sets=("Net",)),
    Parameter("ArgumentList", "object[]", position=1, sets=("Net",), aliases=("Args",)),
    Parameter("ComObject", "string", mandatory=True, sets=("Com",)),
    Parameter("Strict", "switch", sets=("Com",)),
    Parameter("Property", "hashtable"),
    default_set="Net",
    class_name="Microsoft.PowerShell.Commands.NewObjectCommand",
)
def new_object(call: Call) -> None:
    """Make an object of a .NET type."""
    if call.parameter_set == "Com":
        raise NotSimulatedError(f"New-Object -ComObject {call.get('ComObject')}")
    net = call.session.find_type(call.get("TypeName"))
    members = call.session.evaluator.members
    if net.name == "System.Management.Automation.PSCustomObject":
        made: Value = PSObject()
    else:
        made = members.create(net, call.get("ArgumentList") or [])
    properties = call.get("Property")
    for name, value in properties.items() if properties else []:
        if isinstance(made, PSObject) and net.name in {
            "System.Management.Automation.PSObject",
            "System.Management.Automation.PSCustomObject",
        }:
            made.properties[text(name)] = value
        else:
            members.set(made, text(name), value)
    call.write_output(made)


@DATA.cmdlet(
    "Add-Member",
    Parameter("MemberType", "string", position=0, sets=("MemberSet",), aliases=("Type",), mandatory=True),
    Parameter("Name", "string", position=1, sets=("MemberSet",), mandatory=True),
    Parameter("Value", "object", position=2, sets=("MemberSet",)),
    Parameter("SecondValue", "object", position=3, sets=("MemberSet",)),
    Parameter(
        "NotePropertyName",
        "string",
        position=0,
        sets=("NotePropertySingleMemberSet",),
        mandatory=True,
        since="3.0",
    ),
    Parameter(
        "NotePropertyValue",
        "object",
        position=1,
        sets=("NotePropertySingleMemberSet",),
        mandatory=True,
        allow_null=True,
        since="3.0",
    ),
    Parameter("InputObject", "psobject", mandatory=True, pipeline=True),
    Parameter("Force", "switch"),
    Parameter("PassThru", "switch"),
    default_set="MemberSet",
    class_name="Microsoft.PowerShell.Commands.AddMemberCommand",
)
def add_member(call: Call) -> Iterator[Value]:
    """Add a property or a method to an object."""
    item = call.get("InputObject")
    if not isinstance(item, PSObject):
        raise NotSimulatedError(f"Add-Member to a {conversions.type_name(item)}")
    name = call.get("Name") or call.get("NotePropertyName")
    value = call.get("Value") if "Name" in call else call.get("NotePropertyValue")
    if name in item.properties and not call.get("Force"):
        call.write_error(
            call.record(
                f'Cannot add a member with the name "{name}" because a member with that name already exists. '
                "To overwrite "
                "the member anyway, add the Force parameter to your command.",
                error_id="MemberAlreadyExists",
                category="InvalidOperation",
                target=item,
                exception="System.InvalidOperationException",
            )
        )
        return
    kind = text(call.get("MemberType") or "NoteProperty").lower()
    if kind == "noteproperty":
        item.properties[name] = value
    elif kind == "scriptproperty":
        item.properties[name] = Property(_computed(call, item, value))
    elif kind == "scriptmethod":
        item.methods[name] = _scripted(call, item, value)
    else:
        raise NotSimulatedError(f"Add-Member -MemberType {kind}")
    if call.get("PassThru"):
        yield item


def _computed(call: Call, item: PSObject, block: ScriptBlock) -> Callable[[], Value]:
    return lambda: _with_this(call, item, block, ())


def _scripted(call: Call, item: PSObject, block: ScriptBlock) -> Callable[..., Value]:
    return lambda *given: _with_this(call, item, block, given)


def _with_this(call: Call, item: PSObject, block: ScriptBlock, given: tuple[Value, ...]) -> Value:
    scope = call.session.evaluator.scope
    held = scope.variables.get("this")
    scope.variables["this"] = item
    try:
        output = call.invoke(block, *given)
    finally:
        scope.variables["this"] = held
    return output[0] if len(output) == 1 else (output or None)


@DATA.cmdlet(
    "ConvertTo-SecureString",
    Parameter("String", "string", mandatory=True, position=0, pipeline=True),
    Parameter("AsPlainText", "switch"),
    Parameter("Force", "switch"),
    Parameter("SecureKey", "object"),
    Parameter("Key", "byte[]"),
    class_name="Microsoft.PowerShell.Commands.ConvertToSecureStringCommand",
)
def convert_to_secure_string(call: Call) -> Iterator[Value]:
    """Make a secure string of plain text."""
    if not call.get("AsPlainText"):
        raise NotSimulatedError("ConvertTo-SecureString of an encrypted text")
    if not call.get("Force") and call.version < (6, 0):
        raise call.throw(
            call.record(
                "The system cannot protect plain text input. To suppress this warning and convert the plain text to a "
                "SecureString, reissue the command specifying the Force parameter.",
                error_id="ImportSecureString_ForceRequired",
                category="InvalidArgument",
                exception="System.ArgumentException",
            )
        )
    yield SecureString(call.get("String"))


# JSON


def _json_end(call: Call) -> Iterator[Value]:
    items = call.state.get("items", [])
    if not items:
        return
    # Objects of a pipeline become one array; a single one stays itself.
    value = items[0] if len(items) == 1 else items
    yield to_json(call, value, compress=bool(call.get("Compress")), depth=call.get("Depth"))


@DATA.cmdlet(
    "ConvertTo-Json",
    Parameter("InputObject", "object", mandatory=True, position=0, pipeline=True, allow_null=True),
    Parameter("Depth", "int", default=2),
    Parameter("Compress", "switch"),
    class_name="Microsoft.PowerShell.Commands.ConvertToJsonCommand",
    since="3.0",
    end=_json_end,
)
def convert_to_json(call: Call) -> None:
    """Turn objects into JSON as Windows PowerShell does."""
    call.state.setdefault("items", []).append(call.get("InputObject"))


def to_json(call: Call, value: Value, *, compress: bool, depth: int) -> str:
    """Give the JSON of a value."""
    plain = _plain(call, value, depth)
    return _compact(plain) if compress else _pretty(plain, 0)


def _plain(call: Call, value: Value, depth: int) -> Value:  # noqa: C901, PLR0911 - one row per kind of value
    """Turn a value into Python's JSON types; what lies too deep becomes text."""
    if value is None or isinstance(value, bool | float | Decimal):
        return value
    if isinstance(value, EnumValue):
        return value.value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, datetime):
        return _date(value)
    if isinstance(value, UUID):
        return str(value)
    if depth < 0:
        return text(value)
    if isinstance(value, list):
        return [_plain(call, item, depth - 1) for item in value]
    if isinstance(value, Hashtable):
        return {text(key): _plain(call, item, depth - 1) for key, item in value.items()}
    if isinstance(value, Version):
        parts = ("Major", "Minor", "Build", "Revision")
        return {p: getattr(value, p.lower()) for p in parts} | {"MajorRevision": -1, "MinorRevision": -1}
    if isinstance(value, PSObject):
        if value.partial:
            # A partial object would come out with fewer properties than on a real host.
            raise NotSimulatedError(f"ConvertTo-Json of a whole {value.type_name}")
        return {name: _plain(call, value.get(name), depth - 1) for name in property_names(value)}
    raise NotSimulatedError(f"ConvertTo-Json of a {conversions.type_name(value)}")


class _Date(str):
    __slots__ = ()


def _date(value: datetime) -> _Date:
    span = value.replace(tzinfo=None) - _EPOCH
    milliseconds = (span.days * 86400 + span.seconds) * 1000 + span.microseconds // 1000
    return _Date(f"\\/Date({milliseconds})\\/")


_ESCAPED = str.maketrans(
    {
        "'": "\\u0027",
        "<": "\\u003c",
        ">": "\\u003e",
        "&": "\\u0026",
        "\u0085": "\\u0085",
        "\u2028": "\\u2028",
        "\u2029": "\\u2029",
    }
)


def _scalar(value: Value) -> str:
    if isinstance(value, _Date):
        return f'"{value}"'
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).translate(_ESCAPED)
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    return text(value)


def _compact(value: Value) -> str:
    if isinstance(value, dict):
        return "{" + ",".join(f"{_scalar(name)}:{_compact(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_compact(item) for item in value) + "]"
    return _scalar(value)


def _pretty(value: Value, indent: int) -> str:
    """Lay JSON out as Windows PowerShell 5.1 does: an inner value is indented to where it starts."""
    inner, outer = " " * (indent + 4), " " * indent
    if isinstance(value, dict):
        if not value:
            return "{\r\n\r\n" + outer + "}"
        rows = [
            f"{inner}{_scalar(name)}:  {_pretty(item, indent + 4 + len(_scalar(name)) + 3)}"
            for name, item in value.items()
        ]
        return "{\r\n" + ",\r\n".join(rows) + f"\r\n{outer}}}"
    if isinstance(value, list):
        if not value:
            return "[\r\n\r\n" + outer + "]"
        rows = [inner + _pretty(item, indent + 4) for item in value]
        return "[\r\n" + ",\r\n".join(rows) + f"\r\n{outer}]"
    return _scalar(value)


def _from_end(call: Call) -> None:
    given = "\n".join(call.state.get("lines", []))
    try:
        value = json.loads(given, parse_float=Decimal)
    except ValueError as error:
        raise DotNetError(f"Invalid JSON primitive: {given[:20]}. ({error})", "System.ArgumentException") from None
    # Windows PowerShell gives an array as one object.
    call.write_output(_objects(value))


def _objects(value: Value) -> Value:
    if isinstance(value, dict):
        return PSObject(properties=[(name, _objects(item)) for name, item in value.items()])
    if isinstance(value, list):
        return [_objects(item) for item in value]
    return whole_number(value) if isinstance(value, int) and not isinstance(value, bool) else value


@DATA.cmdlet(
    "ConvertFrom-Json",
    Parameter("InputObject", "string", mandatory=True, position=0, pipeline=True),
    class_name="Microsoft.PowerShell.Commands.ConvertFromJsonCommand",
    since="3.0",
    end=_from_end,
)
def convert_from_json(call: Call) -> None:
    """Turn JSON into objects."""
    call.state.setdefault("lines", []).append(call.get("InputObject"))


# Paths


@DATA.cmdlet(
    "Join-Path",
    Parameter("Path", "string[]", mandatory=True, position=0, pipeline_by_name=True),
    Parameter("ChildPath", "string", mandatory=True, position=1, allow_null=True),
)
def join_path(call: Call) -> Iterator[Value]:
    """Join a folder and a child."""
    for path in call.get("Path"):
        yield path.rstrip("\\/") + "\\" + call.get("ChildPath").lstrip("\\/")


@DATA.cmdlet(
    "Split-Path",
    Parameter("Path", "string[]", mandatory=True, position=0, pipeline=True),
    Parameter("Leaf", "switch", sets=("LeafSet",)),
    Parameter("Parent", "switch", sets=("ParentSet",)),
    Parameter("Qualifier", "switch", sets=("QualifierSet",)),
    default_set="ParentSet",
)
def split_path(call: Call) -> Iterator[Value]:
    """Give a part of a path."""
    for path in call.get("Path"):
        folder, _, leaf = path.rstrip("\\").rpartition("\\")
        if call.get("Leaf"):
            yield leaf
        elif call.get("Qualifier"):
            yield path.partition(":")[0] + ":"
        else:
            yield folder + "\\" if folder.endswith(":") else folder


__all__ = ["DATA", "PSList", "to_json"]
