"""Properties and methods of the .NET types that scripts use most: text, lists, tables, dates, errors."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from harness.lab.powershell import conversions, operators
from harness.lab.powershell.formatting import format_date, format_value, text
from harness.lab.powershell.objects import (
    Char,
    DotNetError,
    EnumValue,
    ErrorRecord,
    Hashtable,
    Int64,
    NetException,
    NotSimulatedError,
    PSList,
    PSObject,
    SecureString,
    StringBuilder,
    Value,
    Version,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.lab.powershell.cmdlet import NetType
    from harness.lab.powershell.invocation import Invocation

_TICKS = 10_000_000
_RANGE = "System.ArgumentOutOfRangeException"


def _index(value: Value) -> int:
    return int(conversions.integer(int)(value))


# Text


def _substring(_owner: Invocation, value: str, start: Value, length: Value = None) -> str:
    first = _index(start)
    count = len(value) - first if length is None else _index(length)
    if first < 0 or first > len(value):
        raise DotNetError("startIndex cannot be larger than length of string.\nParameter name: startIndex", _RANGE)
    if count < 0 or first + count > len(value):
        raise DotNetError(
            "Index and length must refer to a location within the string.\nParameter name: length", _RANGE
        )
    return value[first : first + count]


def _characters(given: Value) -> str:
    """Give the characters of the arguments of Trim or Split."""
    return "".join(text(item) for item in (given if isinstance(given, list) else [given]))


def _split(_owner: Invocation, value: str, *given: Value) -> PSList:
    options = given[-1] if len(given) > 1 else None
    count: int | None = None
    separators: Value = list(given)
    remove = False
    if isinstance(options, EnumValue | str) and text(options).lower() in {"removeemptyentries", "none"}:
        remove = text(options).lower() == "removeemptyentries"
        separators = given[0] if len(given) == 2 else list(given[:1])  # noqa: PLR2004 - separator and options
        if len(given) > 2:  # noqa: PLR2004 - a count stands between them
            count = _index(given[1])
    elif len(given) == 2 and isinstance(given[1], int) and not isinstance(given[1], bool):  # noqa: PLR2004 - and a count
        count = _index(given[1])
        separators = given[0]
    whole = isinstance(separators, PSList) and separators.type_name == "System.String[]"
    parts = _split_by(value, separators, count, whole=whole)
    return PSList([part for part in parts if part or not remove], "System.String[]")


def _split_by(value: str, separators: Value, count: int | None, *, whole: bool) -> list[str]:
    if whole:
        marks = [text(item) for item in separators if text(item)]
    else:
        # .NET Framework takes a string for a set of characters.
        marks = list(_characters(separators)) or [" ", "\t", "\r", "\n"]
    parts: list[str] = []
    rest = value
    while count is None or len(parts) < count - 1:
        found = min(((rest.find(m), -len(m), m) for m in marks if m in rest), default=None)
        if found is None:
            break
        parts.append(rest[: found[0]])
        rest = rest[found[0] + len(found[2]) :]
    return [*parts, rest]


def _comparison(value: str, other: Value, mode: Value) -> tuple[str, str]:
    ignore = mode is True or (mode is not None and "ignorecase" in text(mode).lower())
    return (value.lower(), text(other).lower()) if ignore else (str(value), text(other))


def _starts_with(_owner: Invocation, value: str, other: Value, mode: Value = None) -> bool:
    whole, part = _comparison(value, other, mode)
    return whole.startswith(part)


def _ends_with(_owner: Invocation, value: str, other: Value, mode: Value = None) -> bool:
    whole, part = _comparison(value, other, mode)
    return whole.endswith(part)


def _index_of(_owner: Invocation, value: str, other: Value, start: Value = 0, mode: Value = None) -> int:
    if isinstance(start, EnumValue | str):
        start, mode = 0, start
    whole, part = _comparison(value, other, mode)
    return whole.find(part, _index(start))


def _equals(_owner: Invocation, value: Value, other: Value, mode: Value = None) -> bool:
    if isinstance(value, str):
        one, two = _comparison(value, other, mode)
        return isinstance(other, str) and one == two
    return bool(conversions.type_name(value) == conversions.type_name(other) and value == other)


def _replace(_owner: Invocation, value: str, old: Value, new: Value) -> str:
    if text(old) == "":
        raise DotNetError("String cannot be of zero length.\nParameter name: oldValue", "System.ArgumentException")
    return value.replace(text(old), text(new))


def _remove(_owner: Invocation, value: str, start: Value, count: Value = None) -> str:
    first = _index(start)
    length = len(value) - first if count is None else _index(count)
    if first < 0 or length < 0 or first + length > len(value):
        raise DotNetError("Index and count must refer to a location within the string.\nParameter name: count", _RANGE)
    return value[:first] + value[first + length :]


def _insert(_owner: Invocation, value: str, start: Value, other: Value) -> str:
    first = _index(start)
    if not 0 <= first <= len(value):
        raise DotNetError(
            "Specified argument was out of the range of valid values.\nParameter name: startIndex", _RANGE
        )
    return value[:first] + text(other) + value[first:]


def _pad_left(_owner: Invocation, value: str, width: Value, fill: Value = " ") -> str:
    return value.rjust(_index(width), text(fill))


def _pad_right(_owner: Invocation, value: str, width: Value, fill: Value = " ") -> str:
    return value.ljust(_index(width), text(fill))


def _trimmer(which: str) -> Callable[..., str]:
    def trim(_owner: Invocation, value: str, *given: Value) -> str:
        characters = _characters(list(given)) if given else None
        return str(getattr(value, which)(characters))

    return trim


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
        from harness.lab.powershell.cmdlet import NetType as Declared  # noqa: PLC0415 - a name for run time only

        return Declared(name)


# Lists


def _fixed(value: list[Value]) -> None:
    if not isinstance(value, PSList) or value.fixed:
        raise DotNetError("Collection was of a fixed size.", "System.NotSupportedException")


def _add(_owner: Invocation, value: list[Value], item: Value) -> Value:
    _fixed(value)
    value.append(item)
    # ArrayList.Add gives the index; the generic collections give nothing.
    return len(value) - 1 if _is_array_list(value) else None


def _is_array_list(value: list[Value]) -> bool:
    return isinstance(value, PSList) and value.type_name == "System.Collections.ArrayList"


def _add_range(_owner: Invocation, value: list[Value], items: Value) -> None:
    _fixed(value)
    value.extend(items if isinstance(items, list) else [items])


def _list_insert(_owner: Invocation, value: list[Value], at: Value, item: Value) -> None:
    _fixed(value)
    value.insert(_index(at), item)


def _find(value: list[Value], wanted: Value) -> int:
    for index, item in enumerate(value):
        if conversions.type_name(item) == conversions.type_name(wanted) and item == wanted:
            return index
    return -1


def _list_remove(_owner: Invocation, value: list[Value], item: Value) -> Value:
    _fixed(value)
    at = _find(value, item)
    if at >= 0:
        del value[at]
    return None if _is_array_list(value) else at >= 0


def _remove_at(_owner: Invocation, value: list[Value], at: Value) -> None:
    _fixed(value)
    index = _index(at)
    if not 0 <= index < len(value):
        raise DotNetError(
            "Index was out of range. Must be non-negative and less than "
            "the size of the collection.\nParameter name: index",
            _RANGE,
        )
    del value[index]


def _list_clear(_owner: Invocation, value: list[Value]) -> None:
    _fixed(value)
    value.clear()


def _to_array(_owner: Invocation, value: list[Value]) -> list[Value]:
    return list(value)


def _where(owner: Invocation, value: list[Value], block: Value) -> list[Value]:
    return PSList(
        [item for item in value if conversions.truth(owner.invoke_block(block, (), item))],
        "System.Collections.ObjectModel.Collection`1",
    )


def _for_each(owner: Invocation, value: list[Value], block: Value) -> list[Value]:
    return PSList(
        [out for item in value for out in owner.invoke_block(block, (), item)],
        "System.Collections.ObjectModel.Collection`1",
    )


# Tables


def _table_add(_owner: Invocation, value: Hashtable, key: Value, item: Value) -> None:
    if key in value:
        raise DotNetError(
            f"Item has already been added. Key in dictionary: '{text(key)}'  Key being added: '{text(key)}'",
            "System.ArgumentException",
        )
    value[key] = item


def _table_remove(_owner: Invocation, value: Hashtable, key: Value) -> None:
    value.remove(key)


def _entries(_owner: Invocation, value: Hashtable) -> PSList:
    return PSList(
        [
            PSObject(
                "System.Collections.DictionaryEntry",
                {"Name": key, "Key": key, "Value": item},
                columns=("Name", "Value"),
            )
            for key, item in value.items()
        ]
    )


# Dates


def _moved(unit: str) -> Callable[..., datetime]:
    def move(_owner: Invocation, value: datetime, count: Value) -> datetime:
        return value + timedelta(**{unit: float(conversions.double(count))})

    return move


def _months(_owner: Invocation, value: datetime, count: Value) -> datetime:
    month = value.month - 1 + _index(count)
    year, month = value.year + month // 12, month % 12 + 1
    for day in range(value.day, 27, -1):
        try:
            return value.replace(year=year, month=month, day=day)
        except ValueError:
            continue
    return value.replace(year=year, month=month)


def _utc(_owner: Invocation, value: datetime) -> datetime:
    # The simulated host's time zone is UTC.
    return value.replace(tzinfo=UTC)


def _local(_owner: Invocation, value: datetime) -> datetime:
    return value.replace(tzinfo=None)


def _ticks(value: datetime) -> int:
    span = value.replace(tzinfo=None) - datetime.min  # noqa: DTZ901 - a .NET tick counts from the year 1
    return (span.days * 86400 + span.seconds) * _TICKS + span.microseconds * 10


# Errors


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


def _keys(value: Hashtable, _owner: Invocation) -> PSList:
    return PSList([key for key, _ in value.items()], "System.Collections.Hashtable+KeyCollection", fixed=True)


def _values(value: Hashtable, _owner: Invocation) -> PSList:
    return PSList([item for _, item in value.items()], "System.Collections.Hashtable+ValueCollection", fixed=True)


Reader = "Callable[[Value, Invocation], Value]"

PROPERTIES: dict[tuple[str, str], Callable[[Value, Invocation], Value]] = {
    ("string", "length"): lambda v, _o: len(v),
    ("hashtable", "count"): lambda v, _o: len(v),
    ("hashtable", "keys"): _keys,
    ("hashtable", "values"): _values,
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
    ("type", "name"): lambda v, _o: v.name.split("[[")[0].rsplit(".", 1)[-1],
    ("type", "fullname"): lambda v, _o: v.name,
    ("type", "namespace"): lambda v, _o: v.name.rpartition(".")[0],
    ("type", "isenum"): lambda v, _o: bool(v.members),
    ("type", "isarray"): lambda v, _o: v.name.endswith("[]"),
    ("type", "basetype"): lambda v, o: o.session.find_type(v.base),
    ("securestring", "length"): lambda v, _o: len(v.text),
    ("stringbuilder", "length"): lambda v, _o: len(v.text()),
    ("version", "major"): lambda v, _o: v.major,
    ("version", "minor"): lambda v, _o: v.minor,
    ("version", "build"): lambda v, _o: v.build,
    ("version", "revision"): lambda v, _o: v.revision,
    ("enumvalue", "value__"): lambda v, _o: v.value,
    ("inputlines", "current"): lambda v, _o: v.current,
    ("uuid", "guid"): lambda v, _o: str(v),
    ("scriptblock", "ast"): lambda _v, _o: _refuse("the property Ast"),
    ("datetime", "ticks"): lambda v, _o: conversions.integer(Int64)(_ticks(v)),
    ("datetime", "date"): lambda v, _o: v.replace(hour=0, minute=0, second=0, microsecond=0),
    ("datetime", "millisecond"): lambda v, _o: v.microsecond // 1000,
    ("datetime", "dayofyear"): lambda v, _o: v.timetuple().tm_yday,
    ("datetime", "kind"): lambda v, _o: EnumValue(
        "System.DateTimeKind", "Utc" if v.tzinfo else "Local", 1 if v.tzinfo else 2
    ),
    ("datetime", "dayofweek"): lambda v, _o: EnumValue("System.DayOfWeek", v.strftime("%A"), (v.weekday() + 1) % 7),
    ("timedelta", "days"): lambda v, _o: int(v / timedelta(days=1)),
    ("timedelta", "hours"): lambda v, _o: abs(v).seconds // 3600 * (-1 if v < timedelta() else 1),
    ("timedelta", "minutes"): lambda v, _o: abs(v).seconds // 60 % 60 * (-1 if v < timedelta() else 1),
    ("timedelta", "seconds"): lambda v, _o: abs(v).seconds % 60 * (-1 if v < timedelta() else 1),
    ("timedelta", "milliseconds"): lambda v, _o: abs(v).microseconds // 1000 * (-1 if v < timedelta() else 1),
    ("timedelta", "ticks"): lambda v, _o: conversions.integer(Int64)(round(v / timedelta(microseconds=1)) * 10),
    ("timedelta", "totaldays"): lambda v, _o: v / timedelta(days=1),
    ("timedelta", "totalhours"): lambda v, _o: v / timedelta(hours=1),
    ("timedelta", "totalminutes"): lambda v, _o: v / timedelta(minutes=1),
    ("timedelta", "totalseconds"): lambda v, _o: v / timedelta(seconds=1),
    ("timedelta", "totalmilliseconds"): lambda v, _o: v / timedelta(milliseconds=1),
}
"""Kind of value and property name in lower case to the function that reads it."""

for _part in ("year", "month", "day", "hour", "minute", "second"):
    PROPERTIES["datetime", _part] = lambda v, _o, _part=_part: getattr(v, _part)  # type: ignore[misc] # bound early
for _kind in ("list", "arraylist", "collection"):
    PROPERTIES[_kind, "count"] = lambda v, _o: len(v)
for _kind in ("list",):
    PROPERTIES[_kind, "length"] = lambda v, _o: len(v)
    PROPERTIES[_kind, "rank"] = lambda _v, _o: 1


def _refuse(construct: str) -> Value:
    raise NotSimulatedError(construct)


def _append(_owner: Invocation, value: StringBuilder, item: Value) -> StringBuilder:
    value.parts.append(text(item))
    return value


def _append_line(_owner: Invocation, value: StringBuilder, item: Value = "") -> StringBuilder:
    value.parts.append(text(item) + "\r\n")
    return value


def _append_format(_owner: Invocation, value: StringBuilder, pattern: Value, *items: Value) -> StringBuilder:
    value.parts.append(operators.format_operator(pattern, list(items)))
    return value


def _append_char(_owner: Invocation, value: SecureString, character: Value) -> None:
    if value.read_only:
        raise DotNetError("Instance is read-only.", "System.InvalidOperationException")
    value.text += str(conversions.character(character))


def _make_read_only(_owner: Invocation, value: SecureString) -> None:
    value.read_only = True


def _block_invoke(owner: Invocation, value: Value, *given: Value) -> PSList:
    return PSList(owner.invoke_block(value, list(given)), "System.Collections.ObjectModel.Collection`1")


def _base_exception(_owner: Invocation, value: NetException) -> NetException:
    while value.inner is not None:
        value = value.inner
    return value


METHODS: dict[tuple[str, str], tuple[str, Callable[..., Value]]] = {
    ("object", "tostring"): ("2.0", _to_string),
    ("object", "gettype"): ("2.0", _get_type),
    ("object", "equals"): ("2.0", _equals),
    ("string", "substring"): ("2.0", _substring),
    ("string", "split"): ("2.0", _split),
    ("string", "startswith"): ("2.0", _starts_with),
    ("string", "endswith"): ("2.0", _ends_with),
    ("string", "contains"): ("2.0", lambda _o, v, other: text(other) in v),
    ("string", "indexof"): ("2.0", _index_of),
    ("string", "lastindexof"): ("2.0", lambda _o, v, other: v.rfind(text(other))),
    ("string", "replace"): ("2.0", _replace),
    ("string", "remove"): ("2.0", _remove),
    ("string", "insert"): ("2.0", _insert),
    ("string", "padleft"): ("2.0", _pad_left),
    ("string", "padright"): ("2.0", _pad_right),
    ("string", "trim"): ("2.0", _trimmer("strip")),
    ("string", "trimstart"): ("2.0", _trimmer("lstrip")),
    ("string", "trimend"): ("2.0", _trimmer("rstrip")),
    ("string", "toupper"): ("2.0", lambda _o, v: v.upper()),
    ("string", "tolower"): ("2.0", lambda _o, v: v.lower()),
    ("string", "toupperinvariant"): ("2.0", lambda _o, v: v.upper()),
    ("string", "tolowerinvariant"): ("2.0", lambda _o, v: v.lower()),
    ("string", "tochararray"): ("2.0", lambda _o, v: PSList([Char(c) for c in v], "System.Char[]")),
    ("string", "compareto"): ("2.0", lambda _o, v, other: operators.order(v, other, cased=True)),
    ("hashtable", "add"): ("2.0", _table_add),
    ("hashtable", "remove"): ("2.0", _table_remove),
    ("hashtable", "clear"): ("2.0", lambda _o, v: v.clear()),
    ("hashtable", "clone"): ("2.0", lambda _o, v: v.copy()),
    ("hashtable", "contains"): ("2.0", lambda _o, v, key: key in v),
    ("hashtable", "containskey"): ("2.0", lambda _o, v, key: key in v),
    ("hashtable", "containsvalue"): ("2.0", lambda _o, v, item: any(one == item for _, one in v.items())),
    ("hashtable", "getenumerator"): ("2.0", _entries),
    ("datetime", "adddays"): ("2.0", _moved("days")),
    ("datetime", "addhours"): ("2.0", _moved("hours")),
    ("datetime", "addminutes"): ("2.0", _moved("minutes")),
    ("datetime", "addseconds"): ("2.0", _moved("seconds")),
    ("datetime", "addmilliseconds"): ("2.0", _moved("milliseconds")),
    ("datetime", "addmonths"): ("2.0", _months),
    ("datetime", "addyears"): ("2.0", lambda o, v, n: _months(o, v, _index(n) * 12)),
    ("datetime", "touniversaltime"): ("2.0", _utc),
    ("datetime", "tolocaltime"): ("2.0", _local),
    ("timedelta", "add"): ("2.0", lambda _o, v, other: v + other),
    ("timedelta", "negate"): ("2.0", lambda _o, v: -v),
    ("stringbuilder", "append"): ("2.0", _append),
    ("stringbuilder", "appendline"): ("2.0", _append_line),
    ("stringbuilder", "appendformat"): ("2.0", _append_format),
    ("securestring", "appendchar"): ("2.0", _append_char),
    ("securestring", "makereadonly"): ("2.0", _make_read_only),
    ("securestring", "dispose"): ("2.0", lambda _o, _v: None),
    ("scriptblock", "invoke"): ("2.0", _block_invoke),
    ("inputlines", "movenext"): ("2.0", lambda _o, v: v.move_next()),
    ("exception", "getbaseexception"): ("2.0", _base_exception),
}
"""Kind of value and method in lower case to the first PowerShell version and the function (owner, value, arguments)."""

for _kind in ("list", "arraylist", "collection"):
    METHODS |= {
        (_kind, "add"): ("2.0", _add),
        (_kind, "addrange"): ("2.0", _add_range),
        (_kind, "insert"): ("2.0", _list_insert),
        (_kind, "remove"): ("2.0", _list_remove),
        (_kind, "removeat"): ("2.0", _remove_at),
        (_kind, "clear"): ("2.0", _list_clear),
        (_kind, "contains"): ("2.0", lambda _o, v, item: _find(v, item) >= 0),
        (_kind, "indexof"): ("2.0", lambda _o, v, item: _find(v, item)),
        (_kind, "toarray"): ("2.0", _to_array),
        (_kind, "clone"): ("2.0", lambda _o, v: PSList(v, v.type_name) if isinstance(v, PSList) else list(v)),
        (_kind, "reverse"): ("2.0", lambda _o, v: v.reverse()),
        (_kind, "getvalue"): ("2.0", lambda _o, v, at: v[_index(at)]),
        (_kind, "getlength"): ("2.0", lambda _o, v, _dimension: len(v)),
        (_kind, "getenumerator"): ("2.0", lambda _o, v: list(v)),
        (_kind, "where"): ("4.0", _where),
        (_kind, "foreach"): ("4.0", _for_each),
    }
