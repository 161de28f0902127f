"""What type a value has, and how a value becomes one of another type."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING
from uuid import UUID

from harness.lab.powershell.cmdlet import NetType
from harness.lab.powershell.formatting import text
from harness.lab.powershell.lexer import whole_number
from harness.lab.powershell.objects import (
    Byte,
    Char,
    DotNetError,
    EnumValue,
    ErrorRecord,
    Hashtable,
    Int16,
    Int64,
    NetException,
    Nothing,
    PSList,
    PSObject,
    SByte,
    ScriptBlock,
    SecureString,
    StringBuilder,
    UInt16,
    UInt32,
    UInt64,
    Value,
    Version,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

INVALID_CAST = "System.Management.Automation.PSInvalidCastException"
_INTEGERS: Mapping[type[int], tuple[str, int, int]] = {
    int: ("System.Int32", -(2**31), 2**31 - 1),
    Int64: ("System.Int64", -(2**63), 2**63 - 1),
    Int16: ("System.Int16", -(2**15), 2**15 - 1),
    Byte: ("System.Byte", 0, 255),
    SByte: ("System.SByte", -128, 127),
    UInt16: ("System.UInt16", 0, 2**16 - 1),
    UInt32: ("System.UInt32", 0, 2**32 - 1),
    UInt64: ("System.UInt64", 0, 2**64 - 1),
}
_NAMES: Mapping[type, str] = {
    bool: "System.Boolean",
    str: "System.String",
    Char: "System.Char",
    float: "System.Double",
    Decimal: "System.Decimal",
    datetime: "System.DateTime",
    timedelta: "System.TimeSpan",
    UUID: "System.Guid",
    Version: "System.Version",
    list: "System.Object[]",
    ScriptBlock: "System.Management.Automation.ScriptBlock",
    SecureString: "System.Security.SecureString",
    StringBuilder: "System.Text.StringBuilder",
    ErrorRecord: "System.Management.Automation.ErrorRecord",
    NetType: "System.RuntimeType",
} | {python: row[0] for python, row in _INTEGERS.items()}
_NUMERIC = re.compile(r"\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\s*")
_HEX = re.compile(r"\s*0[xX]([0-9a-fA-F]+)\s*")
_UNITS = re.compile(r"(.*?)([kmgtp]b)\s*", re.IGNORECASE)


def type_name(value: Value) -> str:
    """Give the full .NET name of a value's type."""
    name = _NAMES.get(type(value))
    if name:
        return name
    if isinstance(value, PSObject | PSList | EnumValue | NetException):
        return value.type_name
    if isinstance(value, Hashtable):
        return "System.Collections.Specialized.OrderedDictionary" if value.ordered else "System.Collections.Hashtable"
    return "System.Object"


def is_number(value: Value) -> bool:
    """Say whether a value counts in arithmetic as it is."""
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def truth(value: Value) -> bool:  # noqa: PLR0911 - one row per kind of value
    """Convert to ``[bool]`` as conditions do."""
    if value is True or value is False:  # most are
        return value
    if isinstance(value, list):
        if len(value) == 1:
            inner = value[0]
            return len(inner) > 0 if isinstance(inner, list) else truth(inner)
        return len(value) > 1
    if isinstance(value, str):
        return len(value) > 0 if not isinstance(value, Char) else value != "\0"
    if isinstance(value, EnumValue):
        return value.value != 0
    if value is None or isinstance(value, Nothing):
        return False
    return bool(value) if isinstance(value, int | float | Decimal) else True


def cannot(
    value: Value, name: str, reason: str = "", error_id: str = "ConvertToFinalInvalidCastException"
) -> DotNetError:
    """Make the error of a conversion that isn't possible."""
    if reason:
        message = f'Cannot convert value "{text(value)}" to type "{name}". Error: "{reason}"'
    elif value is None:
        message = f'Cannot convert null to type "{name}".'
    else:
        message = f'Cannot convert the "{text(value)}" value of type "{type_name(value)}" to type "{name}".'
    return DotNetError(message, INVALID_CAST, error_id=error_id)


def number_from_text(value: str, target: str = "System.Int32") -> Value:
    """Read a number as PowerShell's conversions do: blanks around it, hexadecimal, an empty text is 0.

    Raises:
        DotNetError: It isn't a number.
    """
    stripped = value.strip()
    if not stripped:
        return 0
    found = _HEX.fullmatch(value)
    if found:
        return whole_number(int(found[1], 16))
    unit = _UNITS.fullmatch(value)
    if unit and _NUMERIC.fullmatch(unit[1]):
        factor = 1024 ** ("kmgtp".index(unit[2][0].lower()) + 1)
        return whole_number(int(Decimal(unit[1].strip()) * factor))
    if not _NUMERIC.fullmatch(value):
        raise cannot(value, target, "Input string was not in a correct format.", "InvalidCastFromStringToInteger")
    return whole_number(int(stripped)) if re.fullmatch(r"[+-]?\d+", stripped) else float(stripped)


def number(value: Value, target: str = "System.Int32") -> Value:
    """Convert to a number of whatever type fits.

    Raises:
        DotNetError: It can't be one.
    """
    if isinstance(value, bool):
        return int(value)
    if value is None or isinstance(value, Nothing):
        return 0
    if isinstance(value, Char):
        return ord(value) if target != "System.String" else value
    if isinstance(value, int | float | Decimal):
        return value
    if isinstance(value, str):
        return number_from_text(value, target)
    if isinstance(value, EnumValue):
        return value.value
    raise cannot(value, target, error_id="ConvertToFinalInvalidCastException")


def integer(python: type[int]) -> Callable[[Value], Value]:
    """Make the conversion to one of the integer types."""
    name, least, most = _INTEGERS[python]

    def convert(value: Value) -> Value:
        if isinstance(value, Char):
            found: Value = ord(value)
        else:
            found = number(value, name)
        if isinstance(found, float) and not math.isfinite(found):
            raise cannot(
                value,
                name,
                f"Value was either too large or too small for an {name[7:]}.",
                "InvalidCastIConvertible",
            )
        # Half goes to the even neighbour, as .NET's conversion does.
        whole = round(found)
        if not least <= whole <= most:
            article = "an" if name[7] in "IU" and not name.startswith("System.UInt") else "a"
            shown = {"System.Byte": "unsigned byte", "System.SByte": "signed byte"}.get(name, name[7:])
            article = "an" if shown[0] in "aeiouIU" and not shown.startswith("UInt") else article
            raise cannot(
                value,
                name,
                f"Value was either too large or too small for {article} {shown}.",
                "InvalidCastIConvertible" if not isinstance(value, str) else "InvalidCastFromStringToInteger",
            )
        return python(whole)

    return convert


def double(value: Value) -> float:
    """Convert to ``[double]``."""
    return float(number(value, "System.Double"))


def decimal(value: Value) -> Decimal:
    """Convert to ``[decimal]``."""
    found = number(value, "System.Decimal")
    try:
        return Decimal(str(found)) if isinstance(found, float) else Decimal(found)
    except InvalidOperation:
        raise cannot(value, "System.Decimal") from None


def boolean(value: Value) -> bool:
    """Convert to ``[bool]``."""
    return truth(value)


def character(value: Value) -> Char:
    """Convert to ``[char]``."""
    if isinstance(value, str):
        if len(value) != 1:
            raise cannot(value, "System.Char", "String must be exactly one character long.", "InvalidCastParse")
        return Char(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 16:
        return Char(chr(value))
    raise cannot(value, "System.Char")


_DATE_FORMATS = (
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y %I:%M:%S %p",
    "%m/%d/%Y %H:%M",
    "%m/%d/%Y",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%d",
    "%Y-%m-%dT%H:%M:%S",
    "%Y/%m/%d",
)


def date(value: Value) -> datetime:
    """Convert to ``[datetime]``: from text in the invariant culture or ISO 8601, or from ticks."""
    if isinstance(value, int) and not isinstance(value, bool):
        return datetime.min + timedelta(microseconds=int(value) // 10)  # noqa: DTZ901 - kind Unspecified
    if not isinstance(value, str):
        raise cannot(value, "System.DateTime")
    stripped = value.strip()
    for pattern in _DATE_FORMATS:
        try:
            return datetime.strptime(stripped, pattern)  # noqa: DTZ007 - kind Unspecified
        except ValueError:
            continue
    try:
        found = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", stripped))
    except ValueError:
        raise cannot(
            value,
            "System.DateTime",
            "String was not recognized as a valid DateTime.",
            "InvalidCastParseTargetInvocationWithFormatProvider",
        ) from None
    # .NET shifts a time with an offset to local time; a simulated host's clock runs in UTC.
    return found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found


_SPAN = re.compile(r"\s*(-)?(?:(\d+)\.)?(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,7}))?)?\s*|\s*(-?\d+)\s*")


def timespan(value: Value) -> timedelta:
    """Convert to ``[timespan]``: from ``[-][d.]hh:mm[:ss[.f]]``, from days as text, or from ticks."""
    if isinstance(value, int) and not isinstance(value, bool):
        return timedelta(microseconds=value / 10)
    found = _SPAN.fullmatch(value) if isinstance(value, str) else None
    if not found:
        raise cannot(
            value,
            "System.TimeSpan",
            "String was not recognized as a valid TimeSpan." if isinstance(value, str) else "",
            "InvalidCastParseTargetInvocationWithFormatProvider",
        )
    if found[7]:
        return timedelta(days=int(found[7]))
    span = timedelta(
        days=int(found[2] or 0),
        hours=int(found[3]),
        minutes=int(found[4]),
        seconds=int(found[5] or 0),
        microseconds=int((found[6] or "0").ljust(7, "0")) // 10,
    )
    return -span if found[1] else span


def version(value: Value) -> Version:
    """Convert to ``[version]``."""
    if isinstance(value, float):
        value = text(value)
    if isinstance(value, str) and re.fullmatch(r"\d+(\.\d+){1,3}", value.strip()):
        return Version(*(int(part) for part in value.strip().split(".")))
    raise cannot(
        value,
        "System.Version",
        "Version string portion was too short or too long." if isinstance(value, str) else "",
        "InvalidCastParseTargetInvocation",
    )


def guid(value: Value) -> UUID:
    """Convert to ``[guid]``."""
    try:
        return UUID(value) if isinstance(value, str) else _no_guid(value)
    except ValueError:
        raise cannot(
            value,
            "System.Guid",
            "Guid should contain 32 digits with 4 dashes (xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx).",
            "InvalidCastParseTargetInvocation",
        ) from None


def _no_guid(value: Value) -> UUID:
    raise cannot(value, "System.Guid")


def hashtable(value: Value) -> Hashtable:
    """Convert to ``[hashtable]``."""
    if isinstance(value, Hashtable):
        return Hashtable(value.items())
    raise cannot(value, "System.Collections.Hashtable")


def enum_member(value: Value, net: NetType) -> EnumValue:
    """Convert a name, several names or a number to an enumeration's member.

    Raises:
        DotNetError: There is no such member.
    """
    if isinstance(value, EnumValue) and value.type_name == net.name:
        return value
    if isinstance(value, str) and not re.fullmatch(r"-?\d+", value.strip()):
        names = [part.strip() for part in value.split(",")]
        unknown = [name for name in names if name not in net.members]
        if unknown or (len(names) > 1 and not net.flags):
            listed = ",".join(net.members)
            raise cannot(
                value,
                net.name,
                f"Unable to match the identifier name {value} to a valid enumerator name. "
                f"Specify one of the following enumerator names and try again:\n{listed}",
                "InvalidCastFromStringToEnumeration",
            )
        return _enum_number(sum({net.members[name] for name in names}), net)
    if isinstance(value, list):
        return enum_member(",".join(text(item) for item in value), net)
    if isinstance(value, bool) or value is None or not isinstance(value, int | str):
        raise cannot(value, net.name)
    return _enum_number(int(value), net)


def _enum_number(held: int, net: NetType) -> EnumValue:
    for name, value in net.members.items():
        if value == held:
            return EnumValue(net.name, name, held)
    if net.flags:
        names = [name for name, value in net.members.items() if value and held & value == value]
        if names and sum({net.members[name] for name in names}) == held:
            return EnumValue(net.name, ", ".join(names), held)
    raise cannot(held, net.name, f"The {net.name.rsplit('.', 1)[-1]} enumeration has no member {held}.")
