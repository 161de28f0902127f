"""Numbers, dates and values as text, in the invariant culture that string expansion uses."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from uuid import UUID

from harness.lab.powershell.objects import (
    CUSTOM_OBJECT,
    Char,
    EnumValue,
    ErrorRecord,
    Hashtable,
    NetException,
    Nothing,
    NotSimulatedError,
    PSList,
    PSObject,
    ScriptBlock,
    SecureString,
    StringBuilder,
    Value,
    Version,
)

_PLACEHOLDER = re.compile(r"\{\{|\}\}|\{(\d+)(?:,\s*(-?\d+))?(?::((?:[^{}])*))?\}|[{}]")
_DATE_PART = re.compile(
    r"yyyy|yy|MMMM|MMM|MM|M|dddd|ddd|dd|d|HH|H|hh|h|mm|m|ss|s|f{1,7}|tt|zzz|K|'[^']*'|\"[^\"]*\"|\\.|%|.",
    re.DOTALL,
)
_EXPONENT, _SMALL = 15, -5
_TICKS_PER_MICROSECOND = 10
SECONDS_PER_DAY = 86400

STANDARD_DATES = {
    "d": "MM/dd/yyyy",
    "D": "dddd, dd MMMM yyyy",
    "g": "MM/dd/yyyy HH:mm",
    "G": "MM/dd/yyyy HH:mm:ss",
    "s": "yyyy-MM-ddTHH:mm:ss",
    "u": "yyyy-MM-dd HH:mm:ssZ",
    "t": "HH:mm",
    "T": "HH:mm:ss",
    "o": "yyyy-MM-ddTHH:mm:ss.fffffffK",
    "O": "yyyy-MM-ddTHH:mm:ss.fffffffK",
}


def double_text(number: float) -> str:
    """Write a double as .NET Framework does: 15 significant digits."""
    if number != number:  # noqa: PLR0124 - NaN is the one value that differs from itself
        return "NaN"
    if number in (float("inf"), float("-inf")):
        return "Infinity" if number > 0 else "-Infinity"
    if number == 0:
        return "0"
    mantissa, _, exponent = f"{number:.14E}".partition("E")
    power = int(exponent)
    if _SMALL <= power < _EXPONENT:
        plain = f"{Decimal(f'{mantissa}E{power}'):f}"
        return plain.rstrip("0").rstrip(".") if "." in plain else plain
    digits = mantissa.rstrip("0").rstrip(".")
    return f"{digits}E{'+' if power > 0 else '-'}{abs(power):02d}"


def timespan_text(span: timedelta) -> str:
    """Write a time span in its constant form: ``[-][d.]hh:mm:ss[.fffffff]``."""
    sign = "-" if span < timedelta() else ""
    span = abs(span)
    hours, rest = divmod(span.seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    days = f"{span.days}." if span.days else ""
    fraction = f".{span.microseconds:06d}0" if span.microseconds else ""
    return f"{sign}{days}{hours:02d}:{minutes:02d}:{seconds:02d}{fraction}"


def text(value: Value, separator: str = " ") -> str:  # noqa: PLR0911 - one row per type
    """Give the text of a value as string expansion and ``[string]`` do.

    Args:
        value: Any value.
        separator: ``$OFS``, put between an array's elements.
    """
    if isinstance(value, str):
        return str(value)
    if value is None or isinstance(value, Nothing):
        return ""
    if isinstance(value, bool):
        return "True" if value else "False"
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, list):
        if isinstance(value, PSList) and value.type_name.startswith("System.Collections.") and not value:
            return ""
        return separator.join(text(item) for item in value)
    return _object_text(value)


def _object_text(value: Value) -> str:  # noqa: C901, PLR0911 - one row per type
    if isinstance(value, float):
        return double_text(value)
    if isinstance(value, datetime):
        return format_date(value, "G")
    if isinstance(value, timedelta):
        return timespan_text(value)
    if isinstance(value, PSObject):
        return psobject_text(value)
    if isinstance(value, Hashtable):
        return "System.Collections.Specialized.OrderedDictionary" if value.ordered else "System.Collections.Hashtable"
    if isinstance(value, ScriptBlock):
        return str(value.body.text)
    if isinstance(value, ErrorRecord):
        return value.message
    if isinstance(value, NetException):
        return f"{value.type_name}: {value.message}"
    if isinstance(value, StringBuilder):
        return value.text()
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, EnumValue | Version | UUID):
        return str(value)
    if isinstance(value, SecureString):
        return "System.Security.SecureString"
    return str(getattr(value, "name", f"System.{type(value).__name__}"))


def psobject_text(value: PSObject) -> str:
    """Give ``ToString()`` of an object."""
    if value.text is not None:
        return value.text if isinstance(value.text, str) else value.text()
    if value.type_name == CUSTOM_OBJECT or value.type_name.startswith("Selected."):
        return "@{" + "; ".join(f"{name}={text(value.get(name))}" for name in value.properties) + "}"
    return value.type_name


def format_string(template: str, arguments: list[Value]) -> str:
    """Do what ``-f`` does.

    Raises:
        ValueError: The template isn't one, or names an argument that isn't there; the message is .NET's.
    """

    def put(found: re.Match[str]) -> str:
        if found[0] in ("{{", "}}"):
            return found[0][0]
        if found[1] is None:
            raise ValueError("Input string was not in a correct format.")
        index = int(found[1])
        if index >= len(arguments):
            raise ValueError(
                "Index (zero based) must be greater than or equal to zero and less than the size of the argument list."
            )
        shown = format_value(arguments[index], found[3] or "")
        width = int(found[2] or 0)
        return shown.ljust(-width) if width < 0 else shown.rjust(width)

    return _PLACEHOLDER.sub(put, template)


def format_value(value: Value, pattern: str) -> str:
    """Give the text of one value in a .NET format, for example ``N2``, ``x8`` or ``yyyy-MM-dd``."""
    if isinstance(value, datetime):
        return format_date(value, pattern or "G")
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return _format_other(value, pattern)
    if not pattern:
        return text(value)
    found = re.fullmatch(r"([A-Za-z])(\d*)", pattern)
    return _standard_number(value, found[1], found[2]) if found else _custom_number(value, pattern)


def _format_other(value: Value, pattern: str) -> str:
    if isinstance(value, timedelta) and pattern:
        return _format_timespan(value, pattern)
    if isinstance(value, UUID) and pattern:
        return {"n": value.hex, "d": str(value), "b": f"{{{value}}}"}.get(pattern.lower(), str(value))
    if isinstance(value, EnumValue) and pattern.lower() in {"d", "x"}:
        return str(value.value) if pattern.lower() == "d" else f"{value.value:08X}"
    return text(value)


def _format_timespan(value: timedelta, pattern: str) -> str:
    if pattern in {"c", "t", "T"}:
        return timespan_text(value)
    span = abs(value)
    parts = {
        "dd": f"{span.days:02d}",
        "d": str(span.days),
        "hh": f"{span.seconds // 3600:02d}",
        "mm": f"{span.seconds // 60 % 60:02d}",
        "ss": f"{span.seconds % 60:02d}",
        "fff": f"{span.microseconds // 1000:03d}",
    }
    return re.sub(r"\\(.)|dd?|hh|mm|ss|fff|(.)", lambda m: m[1] or parts.get(m[0], m[0]), pattern)


def _standard_number(value: float | Decimal, kind: str, digits: str) -> str:  # noqa: PLR0911 - one row per letter
    whole = isinstance(value, int)
    places = int(digits) if digits else 2
    letter = kind.lower()
    if letter in {"x", "d"}:
        if not whole:
            raise ValueError("Format specifier was invalid.")
        width = int(digits or 0)
        number = int(value)
        if letter == "d":
            return f"{'-' if number < 0 else ''}{abs(number):0{width}d}"
        bits = 64 if type(value).__name__.endswith("64") else 32
        return f"{number & (1 << bits) - 1 if number < 0 else number:0{width}{kind}}"
    rounded = Decimal(str(value) if isinstance(value, float) else value)
    if letter == "n":
        return f"{_rounded(rounded, places):,f}"
    if letter == "f":
        return f"{_rounded(rounded, places):f}"
    if letter == "p":
        return f"{_rounded(rounded * 100, places):,f} %"
    if letter == "e":
        mantissa, exponent = f"{value:.{int(digits) if digits else 6}e}".split("e")
        return f"{mantissa}{kind}{exponent[0]}{int(exponent[1:]):03d}"
    if letter == "g":
        return text(value)
    raise NotSimulatedError(f"the number format {kind}{digits}")


def _rounded(number: Decimal, places: int) -> Decimal:
    return number.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def _custom_number(value: float | Decimal, pattern: str) -> str:
    found = re.fullmatch(r"([^0#.,;%']*)([0#,]*)(?:\.([0#]+))?([^0#.,;%']*)", pattern)
    if not found or not found[2] + (found[3] or ""):
        raise NotSimulatedError(f"the number format {pattern}")
    fraction = found[3] or ""
    number = _rounded(Decimal(str(value) if isinstance(value, float) else value), len(fraction))
    whole, _, decimals = f"{abs(number):f}".partition(".")
    required = fraction.count("0")
    while len(decimals) > required and decimals.endswith("0"):
        decimals = decimals[:-1]
    whole = whole.lstrip("0").rjust(found[2].replace(",", "").count("0"), "0")
    if "," in found[2]:
        whole = f"{int(whole or 0):,}" if whole else whole
    sign = "-" if number < 0 else ""
    return f"{sign}{found[1]}{whole}{'.' + decimals if decimals else ''}{found[4]}"


def format_date(value: datetime, pattern: str) -> str:
    """Give a date in a .NET format."""
    if len(pattern) == 1:
        if pattern not in STANDARD_DATES:
            raise NotSimulatedError(f"the date format {pattern}")
        if pattern == "u" and value.tzinfo:
            value = value.astimezone(UTC)
        pattern = STANDARD_DATES[pattern].replace("Z", "'Z'").replace("T", "'T'")
    hour = value.hour % 12 or 12
    parts = {
        "yyyy": f"{value.year:04d}",
        "yy": f"{value.year % 100:02d}",
        "MMMM": value.strftime("%B"),
        "MMM": value.strftime("%b"),
        "MM": f"{value.month:02d}",
        "M": str(value.month),
        "dddd": value.strftime("%A"),
        "ddd": value.strftime("%a"),
        "dd": f"{value.day:02d}",
        "d": str(value.day),
        "HH": f"{value.hour:02d}",
        "H": str(value.hour),
        "hh": f"{hour:02d}",
        "h": str(hour),
        "mm": f"{value.minute:02d}",
        "m": str(value.minute),
        "ss": f"{value.second:02d}",
        "s": str(value.second),
        "tt": "AM" if value.hour < 12 else "PM",  # noqa: PLR2004 - noon
        "zzz": (value.strftime("%z")[:3] + ":" + value.strftime("%z")[3:5]) if value.tzinfo else "+00:00",
        "K": "Z" if value.tzinfo else "",
        "%": "",
    }

    def put(found: re.Match[str]) -> str:
        part = found[0]
        if part[0] == "f":
            return f"{value.microsecond * _TICKS_PER_MICROSECOND:07d}"[: len(part)]
        if part[0] in "'\"":
            return part[1:-1]
        return part[1:] if part[0] == "\\" else parts.get(part, part)

    return _DATE_PART.sub(put, pattern)


def char_or_text(value: Value) -> str:
    """Give the text of a string or a char."""
    return str(value) if isinstance(value, Char) else text(value)
