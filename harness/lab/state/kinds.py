"""The kinds of value that Exchange's objects hold: how each is stored, parsed from a script and shown to one.

A value is stored as JSON in its plainest form (a size in bytes, a time span in .NET's text form). `Kind.show` is what a
cmdlet gives in its own process: .NET objects with properties. `flat` is what becomes of that on its way through an
implicit-remoting session, which sends an object's properties one level deep: whatever isn't a primitive arrives as its
text. (That sizes arrive as strings is known from people whom it surprised; that enumerations do is believed.)
"""

from __future__ import annotations

import datetime as dt
import re
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from harness.lab.powershell.objects import EnumValue, Int64, PSList, PSObject, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from harness.lab.store import Json

Parse: TypeAlias = "Callable[[Value], Json]"
"""Takes a script's value and gives the stored form; raises ValueError with .NET's or Exchange's message."""

_DATA = "Microsoft.Exchange.Data"
_UNITS = ("B", "KB", "MB", "GB", "TB")
_FIGURES = 1000
_FIRST = 2007
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?B)?\s*(?:\(([\d,]+)\s*bytes\))?\s*", re.IGNORECASE)
_SPAN = re.compile(r"\s*(-?)(?:(\d+)\.)?(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,7}))?)?\s*")
_DAYS = re.compile(r"\s*(-?)(\d+)\s*")
_DRIVE = re.compile(r'[A-Za-z]:\\(?:[^\\/:*?"<>|\x00-\x1f]+\\?)*(?<![ .])')


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of value.

    Args:
        type_name: The .NET type, as a parameter declares it.
        parse: From a script's value to the stored form.
        live: From the stored form to a script's value; not called for ``None``.
        many: Whether it is a list: never null, empty instead.
        members: Of an enumeration: name to number.
        flags: Whether these combine.
    """

    type_name: str
    parse: Parse
    live: Callable[[Json], Value]
    many: bool = False
    members: Mapping[str, int] | None = None
    flags: bool = False

    @property
    def key(self) -> str:
        """The name under which the type is declared for parameters: its own, without generic arguments in brackets."""
        generic, _, argument = self.type_name.partition("`1[[")
        return f"{generic}Of{argument.partition(',')[0].rpartition('.')[2].rstrip(']')}" if argument else generic

    def show(self, stored: Json) -> Value:
        """Give what a script sees of a stored value."""
        return None if stored is None and not self.many else self.live(stored)


def text_of(value: Value) -> str:
    """Give the text that ``ToString()`` gives for a value made here."""
    if isinstance(value, PSObject):
        text = value.text() if callable(value.text) else value.text
        return value.type_name if text is None else text
    return str(value)


def flat(value: Value) -> Value:
    """Give a property's value as it arrives through a remote session: primitives as they are, all else as text."""
    if isinstance(value, list):
        return PSList([flat(item) for item in value], "System.Collections.ArrayList")
    return text_of(value) if isinstance(value, PSObject | EnumValue) else value


def _plain(value: Value) -> str:
    return "" if value is None else text_of(value)


def _bool(value: Value) -> bool:
    if isinstance(value, bool | int):
        return bool(value)
    raise ValueError(
        f'Cannot convert value "{_plain(value)}" to type "System.Boolean". Boolean parameters accept only Boolean '
        "values and numbers, such as $True, $False, 1 or 0."
    )


def _int(value: Value) -> int:
    try:
        return int(_plain(value) if not isinstance(value, int) else value)
    except ValueError:
        raise ValueError("Input string was not in a correct format.") from None


def _string(value: Value) -> str | None:
    return None if value is None else _plain(value)


STRING = Kind("System.String", _string, str)
BOOL = Kind("System.Boolean", _bool, bool)
INT = Kind("System.Int32", _int, int)


def _guid(value: Value) -> str:
    try:
        return str(uuid.UUID(_plain(value)))
    except ValueError:
        raise ValueError("Guid should contain 32 digits with 4 dashes.") from None


GUID = Kind("System.Guid", _guid, uuid.UUID)


def _moment(value: Value) -> str:
    return _plain(value)


def _utc(stored: str) -> dt.datetime:
    return dt.datetime.fromisoformat(stored)


def _local(stored: str) -> dt.datetime:
    # The simulated servers keep UTC as their own time zone; a time without zone is of kind Local to the evaluator.
    return dt.datetime.fromisoformat(stored).replace(tzinfo=None)


LOCAL_TIME = Kind("System.DateTime", _moment, _local)
UTC_TIME = Kind("System.DateTime", _moment, _utc)


def enumeration(type_name: str, members: Mapping[str, int], *, flags: bool = False) -> Kind:
    """Make the kind of an enumeration; stored as the members' names.

    Args:
        type_name: Full name.
        members: Name to number.
        flags: Whether members combine, written ``A, B``.
    """
    folded = {name.lower(): name for name in members}

    def parse(value: Value) -> str:
        if isinstance(value, int) and not isinstance(value, bool):
            names = [name for name, number in members.items() if number == value]
            wanted = names[:1] or [str(value)]
        else:
            wanted = [part.strip() for part in _plain(value).split(",")] if flags else [_plain(value).strip()]
        unknown = [name for name in wanted if name.lower() not in folded]
        if unknown:
            known = ", ".join(members)
            raise ValueError(
                f"Unable to match the identifier name {unknown[0]} to a valid enumerator name. Specify one of the "
                f"following enumerator names and try again:\n{known}"
            )
        chosen = {folded[name.lower()] for name in wanted}
        return ", ".join(name for name in members if name in chosen)

    def live(stored: str) -> EnumValue:
        number = 0
        for name in stored.split(", "):
            number |= members[name]
        return EnumValue(type_name, stored, number)

    return Kind(type_name, parse, live, members=members, flags=flags)


def size_text(size: int) -> str:
    """Write a number of bytes as Exchange does: ``36 MB (37,748,736 bytes)``."""
    unit = 0
    while unit + 1 < len(_UNITS) and size >= 1024 ** (unit + 1):
        unit += 1
    # 1000 MB stays in megabytes, as it is below 1024 of them; four figures are shown.
    return f"{size / 1024**unit:.4g} {_UNITS[unit]} ({size:,} bytes)"


def _size(value: Value) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return int(value)
    text = _plain(value)
    found = _SIZE.fullmatch(text)
    if not found:
        raise ValueError(f"'{text}' is not a valid size: give a number of bytes, or a number with B, KB, MB, GB or TB.")
    number, unit, exact = found.groups()
    if exact:
        return int(exact.replace(",", ""))
    return int(float(number) * 1024 ** _UNITS.index((unit or "B").upper()))


def size_text_of_2007(size: int) -> str:
    """Write a number of bytes as Exchange 2007 does: ``36MB``, in the largest unit that leaves no rest."""
    unit = 0
    while size and unit + 1 < len(_UNITS) and size % 1024 ** (unit + 1) == 0:
        unit += 1
    return f"{size // 1024**unit}{_UNITS[unit]}"


def _size_kind(write: Callable[[int], str]) -> Kind:
    def live(size: int) -> PSObject:
        def to(power: int) -> Callable[[], Value]:
            return lambda: Int64(size // 1024**power)

        methods = {f"To{name}": to(power) for power, name in enumerate(("Bytes", "KB", "MB", "GB", "TB"))}
        return PSObject(f"{_DATA}.ByteQuantifiedSize", methods=methods, text=write(size), partial=True)

    return Kind(f"{_DATA}.ByteQuantifiedSize", _size, live)


SIZE = _size_kind(size_text)
_SIZE_OF_2007 = _size_kind(size_text_of_2007)


def unlimited(inner: Kind, generic: str) -> Kind:
    """Make the kind of a value that may be ``Unlimited``.

    Args:
        inner: The kind of a limited value.
        generic: The inner type as it stands in the name of the generic type.
    """
    name = f"{_DATA}.Unlimited`1[[{generic}]]"

    def parse(value: Value) -> Json:
        return "Unlimited" if _plain(value).strip().lower() == "unlimited" else inner.parse(value)

    def live(stored: Json) -> PSObject:
        if stored == "Unlimited":
            return PSObject(name, {"IsUnlimited": True}, text="Unlimited", partial=True)
        value = inner.live(stored)
        return PSObject(name, {"IsUnlimited": False, "Value": value}, text=text_of(value), partial=True)

    return Kind(name, parse, live)


_SIZE_TYPE = f"{_DATA}.ByteQuantifiedSize, {_DATA}, Version=15.0.0.0, Culture=neutral, PublicKeyToken=31bf3856ad364e35"
UNLIMITED_SIZE = unlimited(SIZE, _SIZE_TYPE)
_UNLIMITED_SIZE_OF_2007 = unlimited(_SIZE_OF_2007, _SIZE_TYPE)
UNLIMITED_INT = unlimited(
    INT, "System.Int32, mscorlib, Version=4.0.0.0, Culture=neutral, PublicKeyToken=b77a5c561934e089"
)


def in_year(kind: Kind, year: int) -> Kind:
    """Give a kind as a version shows it: 2007 writes sizes in its own way.

    Args:
        kind: The kind in later versions.
        year: The version's.
    """
    if year > _FIRST:
        return kind
    return _SIZE_OF_2007 if kind is SIZE else _UNLIMITED_SIZE_OF_2007 if kind is UNLIMITED_SIZE else kind


def parse_span(text: str) -> dt.timedelta:
    """Read .NET's form of a time span: ``[-][days.]hours:minutes[:seconds[.fraction]]``, or whole days.

    Raises:
        ValueError: It is none.
    """
    found = _SPAN.fullmatch(text)
    if found:
        sign, days, hours, minutes, seconds, fraction = found.groups()
        parts = [int(part or 0) for part in (days, hours, minutes, seconds)]
        if parts[1] < 24 and parts[2] < 60 and parts[3] < 60:  # noqa: PLR2004  hours, minutes and seconds of a day
            span = dt.timedelta(days=parts[0], hours=parts[1], minutes=parts[2], seconds=parts[3])
            span += dt.timedelta(microseconds=int((fraction or "0").ljust(7, "0")[:6]))
            return -span if sign else span
    only_days = _DAYS.fullmatch(text)
    if only_days:
        span = dt.timedelta(days=int(only_days[2]))
        return -span if only_days[1] else span
    raise ValueError("String was not recognized as a valid TimeSpan.")


def span_text(span: dt.timedelta) -> str:
    """Write a time span as .NET does: ``30.00:00:00``."""
    whole = abs(span)
    hours, rest = divmod(whole.seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    days = f"{whole.days}." if whole.days else ""
    fraction = f".{whole.microseconds:06}0" if whole.microseconds else ""
    return f"{'-' if span < dt.timedelta() else ''}{days}{hours:02}:{minutes:02}:{seconds:02}{fraction}"


def _span(value: Value) -> str:
    if isinstance(value, dt.timedelta):
        return span_text(value)
    return span_text(parse_span(_plain(value)))


def _span_object(stored: str) -> PSObject:
    span = parse_span(stored)
    whole = abs(span)
    sign = (span > dt.timedelta()) - (span < dt.timedelta())
    seconds = span.total_seconds()
    properties = {
        "Days": sign * whole.days,
        "Hours": sign * (whole.seconds // 3600),
        "Milliseconds": sign * (whole.microseconds // 1000),
        "Minutes": sign * (whole.seconds % 3600 // 60),
        "Seconds": sign * (whole.seconds % 60),
        "Ticks": Int64(round(seconds * 10_000_000)),
        "TotalDays": seconds / 86400,
        "TotalHours": seconds / 3600,
        "TotalMilliseconds": seconds * 1000,
        "TotalMinutes": seconds / 60,
        "TotalSeconds": seconds,
        "Sign": sign,
    }
    return PSObject(f"{_DATA}.EnhancedTimeSpan", properties, text=stored)


SPAN = Kind(f"{_DATA}.EnhancedTimeSpan", _span, _span_object)


def _path(value: Value) -> str | None:
    """A local absolute path; what Exchange says of another one is rendered in our own words."""
    if value is None or _plain(value) == "":
        return None
    text = _plain(value)
    if not _DRIVE.fullmatch(text):
        raise ValueError(
            f"The path '{text}' is not valid: it must be an absolute path on a local drive, for example C:\\Logs, "
            "and hold no wildcard, device or network name."
        )
    return text


def _path_object(stored: str) -> PSObject:
    properties = {"PathName": stored, "IsLocalFull": True, "IsUnc": False, "DriveName": stored[:2]}
    return PSObject(f"{_DATA}.LocalLongFullPath", properties, text=stored)


PATH = Kind(f"{_DATA}.LocalLongFullPath", _path, _path_object)


def named(type_name: str, properties: Callable[[str], Mapping[str, Value]] | None = None) -> Kind:
    """Make the kind of an object that is known by its text.

    Args:
        type_name: Full name.
        properties: From the text to the properties; an object whose properties aren't simulated where left out.
    """

    def live(stored: str) -> PSObject:
        members = properties(stored) if properties else {}
        return PSObject(type_name, members, text=stored, partial=properties is None)

    return Kind(type_name, _string, live)


FQDN = named(f"{_DATA}.Fqdn", lambda text: {"Domain": text})


def many(inner: Kind, type_name: str) -> Kind:
    """Make the kind of a multi-valued property.

    Args:
        inner: The kind of one item.
        type_name: The collection's full name.
    """

    def parse(value: Value) -> list[Json]:
        items = value if isinstance(value, list) else [] if value is None else [value]
        return [inner.parse(item) for item in items]

    def live(stored: Json) -> PSList:
        return PSList([inner.live(item) for item in stored or ()], type_name, fixed=False)

    return Kind(type_name, parse, live, many=True)


def multi_valued(item_type: str, inner: Kind, assembly: str = f"{_DATA}, Version=15.0.0.0") -> Kind:
    """Make the kind of a ``MultiValuedProperty`` of some type.

    Args:
        item_type: The items' full name.
        inner: The kind of one item.
        assembly: Where the items' type lives.
    """
    key = "b77a5c561934e089" if assembly.startswith("mscorlib") else "31bf3856ad364e35"
    generic = f"[[{item_type}, {assembly}, Culture=neutral, PublicKeyToken={key}]]"
    return many(inner, f"{_DATA}.MultiValuedProperty`1{generic}")


STRINGS = multi_valued("System.String", STRING, "mscorlib, Version=4.0.0.0")
