"""The .NET types that the language itself and most scripts need."""

from __future__ import annotations

import base64
import binascii
import math
import ntpath
import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from harness.lab.powershell import conversions, operators
from harness.lab.powershell.cmdlet import NetType, Registry, with_session
from harness.lab.powershell.exceptions import EXCEPTIONS
from harness.lab.powershell.formatting import format_string, text
from harness.lab.powershell.objects import (
    Byte,
    CaseDict,
    Char,
    DotNetError,
    Hashtable,
    Int16,
    Int64,
    NotSimulatedError,
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
from harness.lab.powershell.parser import parse

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.lab.powershell.session import Session

TYPES = Registry()
_VALUE = "System.ValueType"
_ARGUMENT = "System.ArgumentException"


def _static(name: str, *aliases: str, **parts: Value) -> None:
    folded: dict[str, Any] = {key: CaseDict(part) if isinstance(part, dict) else part for key, part in parts.items()}
    TYPES.type(NetType(name, aliases, **folded))


# Numbers


def _number_type(name: str, python: type[int], least: int, most: int, *aliases: str) -> None:
    convert = conversions.integer(python)

    def read(value: Value, *_styles: Value) -> Value:
        try:
            whole = text(value).strip()
            return convert(python(int(whole)))
        except ValueError:
            raise DotNetError("Input string was not in a correct format.", "System.FormatException") from None

    _static(
        name,
        *aliases,
        base=_VALUE,
        cast=convert,
        statics={"MaxValue": python(most), "MinValue": python(least)},
        methods={"Parse": read},
    )


_number_type("System.Int32", int, -(2**31), 2**31 - 1, "int", "int32")
_number_type("System.Int64", Int64, -(2**63), 2**63 - 1, "long", "int64")
_number_type("System.Int16", Int16, -(2**15), 2**15 - 1, "int16", "short")
_number_type("System.Byte", Byte, 0, 255, "byte")
_number_type("System.SByte", SByte, -128, 127, "sbyte")
_number_type("System.UInt16", UInt16, 0, 2**16 - 1, "uint16", "ushort")
_number_type("System.UInt32", UInt32, 0, 2**32 - 1, "uint32", "uint")
_number_type("System.UInt64", UInt64, 0, 2**64 - 1, "uint64", "ulong")


def _parse_double(value: Value) -> float:
    try:
        return float(text(value))
    except ValueError:
        raise DotNetError("Input string was not in a correct format.", "System.FormatException") from None


_static(
    "System.Double",
    "double",
    "System.Single",
    "float",
    "single",
    base=_VALUE,
    cast=conversions.double,
    statics={"NaN": math.nan, "PositiveInfinity": math.inf, "NegativeInfinity": -math.inf},
    methods={"Parse": _parse_double, "IsNaN": math.isnan},
)
_static("System.Decimal", "decimal", base=_VALUE, cast=conversions.decimal)


def _parse_bool(value: Value) -> bool:
    found = text(value).strip().lower()
    if found not in {"true", "false"}:
        raise DotNetError("String was not recognized as a valid Boolean.", "System.FormatException")
    return found == "true"


_static("System.Boolean", "bool", "boolean", base=_VALUE, cast=conversions.boolean, methods={"Parse": _parse_bool})
_static(
    "System.Char",
    "char",
    base=_VALUE,
    cast=conversions.character,
    methods={
        "IsDigit": lambda v: text(v).isdigit(),
        "IsLetter": lambda v: text(v).isalpha(),
        "IsLetterOrDigit": lambda v: text(v).isalnum(),
        "IsWhiteSpace": lambda v: text(v).isspace(),
        "IsUpper": lambda v: text(v).isupper(),
        "IsLower": lambda v: text(v).islower(),
        "ToUpper": lambda v: Char(text(v).upper()),
        "ToLower": lambda v: Char(text(v).lower()),
    },
)


def _round(value: Value, places: Value = 0, mode: Value = None) -> Value:
    number = conversions.number(value)
    count = int(conversions.integer(int)(places))
    away = mode is not None and text(mode).lower() == "awayfromzero"
    rounded = Decimal(str(number)).quantize(Decimal(1).scaleb(-count), "ROUND_HALF_UP" if away else "ROUND_HALF_EVEN")
    return rounded if isinstance(number, Decimal) else float(rounded)


def _extreme(pick: Callable[..., Value]) -> Callable[[Value, Value], Value]:
    return lambda a, b: pick(conversions.number(a), conversions.number(b))


def _absolute(value: Value) -> Value:
    number = conversions.number(value)
    return type(number)(abs(number))


_static(
    "System.Math",
    "math",
    statics={"PI": math.pi, "E": math.e},
    methods={
        "Abs": _absolute,
        "Max": _extreme(max),
        "Min": _extreme(min),
        "Floor": lambda v: float(math.floor(conversions.number(v))),
        "Ceiling": lambda v: float(math.ceil(conversions.number(v))),
        "Truncate": lambda v: float(math.trunc(conversions.number(v))),
        "Round": _round,
        "Pow": lambda a, b: float(conversions.double(a) ** conversions.double(b)),
        "Sqrt": lambda v: math.sqrt(conversions.double(v)),
    },
)


# Text


def _is_blank(value: Value) -> bool:
    return text(value).strip() == ""


def _join(separator: Value, *parts: Value) -> str:
    items = parts[0] if len(parts) == 1 and isinstance(parts[0], list) else list(parts)
    return text(separator).join(text(item) for item in items)


def _format(pattern: Value, *arguments: Value) -> str:
    given = arguments[0] if len(arguments) == 1 and isinstance(arguments[0], list) else list(arguments)
    try:
        return format_string(text(pattern), given)
    except ValueError as error:
        raise DotNetError(str(error), "System.FormatException") from None


def _compare(one: Value, two: Value, ignore: Value = False) -> int:
    cased = not (ignore is True or (not isinstance(ignore, bool) and "ignorecase" in text(ignore).lower()))
    return operators.order(text(one), text(two), cased=cased)


def _same(one: Value, two: Value, mode: Value = None) -> bool:
    if mode is not None and "ignorecase" in text(mode).lower():
        return text(one).lower() == text(two).lower()
    return text(one) == text(two)


def _new_string(value: Value, count: Value = None) -> str:
    if count is not None:
        return text(value) * int(conversions.integer(int)(count))
    return "".join(text(item) for item in value) if isinstance(value, list) else text(value)


_static(
    "System.String",
    "string",
    cast=lambda v: "" if v is None else text(v),
    new=_new_string,
    statics={"Empty": ""},
    methods={
        "IsNullOrEmpty": lambda v: text(v) == "",
        "IsNullOrWhiteSpace": _is_blank,
        "Join": _join,
        "Format": _format,
        "Concat": lambda *parts: "".join(text(part) for part in parts),
        "Compare": _compare,
        "Equals": _same,
    },
)
_static("System.Text.StringBuilder", new=lambda value="": StringBuilder(value if isinstance(value, str) else ""))


def _match_object(found: Value) -> PSObject:
    success = found is not None
    groups = [_group(found, index) for index in range(len(found.groups()) + 1)] if success else [_group(None, 0)]
    named = {name: groups[number] for name, number in found.re.groupindex.items()} if success else {}

    def pick(key: Value) -> Value:
        if isinstance(key, int):
            return groups[key] if 0 <= key < len(groups) else _group(None, 0)
        return named.get(text(key), _group(None, 0))

    bag = PSObject("System.Text.RegularExpressions.GroupCollection", {"Count": len(groups)}, methods={"Item": pick})
    return PSObject(
        "System.Text.RegularExpressions.Match",
        {
            "Success": success,
            "Value": found[0] if success else "",
            "Index": found.start() if success else 0,
            "Length": len(found[0]) if success else 0,
            "Groups": bag,
        },
        text=found[0] if success else "",
    )


def _group(found: Value, index: int) -> PSObject:
    value = found[index] if found is not None else None
    return PSObject(
        "System.Text.RegularExpressions.Group",
        {
            "Success": value is not None,
            "Value": value or "",
            "Index": found.start(index) if value is not None else 0,
        },
        text=value or "",
    )


def _regex(pattern: Value, options: Value = None) -> Value:
    chosen = text(options).lower() if options is not None else ""
    if chosen not in {"", "none", "ignorecase"}:
        raise NotSimulatedError(f"the regular expression option {text(options)}")
    return operators.regex(text(pattern), cased=chosen != "ignorecase")


def _escape(value: Value) -> str:
    return "".join(
        "\\" + c if c in "\\*+?|{[()^$.# " else {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(c, c) for c in text(value)
    )


def _new_regex(pattern: Value, options: Value = None) -> PSObject:
    compiled = _regex(pattern, options)
    return PSObject(
        "System.Text.RegularExpressions.Regex",
        methods={
            "IsMatch": lambda v: bool(compiled.search(text(v))),
            "Match": lambda v: _match_object(compiled.search(text(v))),
            "Matches": lambda v: [_match_object(m) for m in compiled.finditer(text(v))],
            "Replace": lambda v, new: compiled.sub(operators.replacement(text(new)), text(v)),
            "Split": lambda v: PSList([p for p in compiled.split(text(v)) if p is not None], "System.String[]"),
        },
        text=text(pattern),
    )


_static(
    "System.Text.RegularExpressions.Regex",
    "regex",
    "Text.RegularExpressions.Regex",
    cast=_new_regex,
    new=_new_regex,
    methods={
        "Escape": _escape,
        "IsMatch": lambda v, p, o=None: bool(_regex(p, o).search(text(v))),
        "Match": lambda v, p, o=None: _match_object(_regex(p, o).search(text(v))),
        "Matches": lambda v, p, o=None: [_match_object(m) for m in _regex(p, o).finditer(text(v))],
        "Replace": lambda v, p, new, o=None: _regex(p, o).sub(operators.replacement(text(new)), text(v)),
        "Split": lambda v, p: PSList([x for x in _regex(p).split(text(v)) if x is not None], "System.String[]"),
    },
)


# Bytes


def _bytes(value: Value) -> bytes:
    if isinstance(value, PSList) and set(map(type, value)) <= {Byte}:
        return bytes(value)
    return bytes(int(b) for b in conversions_to_bytes(value))


def conversions_to_bytes(value: Value) -> list[Value]:
    """Give the bytes of a ``[byte[]]`` or of any array of numbers."""
    convert = conversions.integer(Byte)
    return [convert(item) for item in (value if isinstance(value, list) else [value])]


_BYTES = tuple(Byte(number) for number in range(256))


def _byte_array(data: bytes) -> PSList:
    return PSList([_BYTES[number] for number in data], "System.Byte[]")


def _encoding(name: str, codec: str, web: str, page: int) -> PSObject:
    def get_string(value: Value, start: Value = 0, count: Value = None) -> str:
        data = _bytes(value)
        last = len(data) if count is None else int(start) + int(count)
        return data[int(start) : last].decode(codec, "replace")

    return PSObject(
        name,
        {"WebName": web, "CodePage": page, "EncodingName": web},
        methods={
            "GetBytes": lambda v: _byte_array(_characters(v).encode(codec, "replace")),
            "GetString": get_string,
            "GetByteCount": lambda v: len(_characters(v).encode(codec, "replace")),
        },
        partial=True,
    )


def _characters(value: Value) -> str:
    return "".join(text(item) for item in value) if isinstance(value, list) else text(value)


_ENCODINGS = {
    "UTF8": ("System.Text.UTF8Encoding", "utf-8", "utf-8", 65001),
    "Unicode": ("System.Text.UnicodeEncoding", "utf-16-le", "utf-16", 1200),
    "BigEndianUnicode": ("System.Text.UnicodeEncoding", "utf-16-be", "utf-16BE", 1201),
    "ASCII": ("System.Text.ASCIIEncoding", "ascii", "us-ascii", 20127),
    "UTF32": ("System.Text.UTF32Encoding", "utf-32-le", "utf-32", 12000),
    "Default": ("System.Text.SBCSCodePageEncoding", "cp1252", "Windows-1252", 1252),
}


def _codec_of(encoding: Value) -> str:
    page = encoding.get("CodePage") if isinstance(encoding, PSObject) else None
    for _name, codec, _web, number in _ENCODINGS.values():
        if number == page:
            return codec
    return f"cp{page}"


def _get_encoding(name: Value) -> PSObject:
    for row in _ENCODINGS.values():
        if name == row[3] or text(name).lower() == row[2].lower():
            return _encoding(*row)
    try:
        page = int(text(name))
        "".encode(f"cp{page}")
    except (ValueError, LookupError):
        raise DotNetError(
            f"'{text(name)}' is not a supported encoding name. For information on defining a custom encoding, see the "
            "documentation for the Encoding.RegisterProvider method.\nParameter name: name",
            _ARGUMENT,
        ) from None
    return _encoding("System.Text.SBCSCodePageEncoding", f"cp{page}", f"ibm{page}", page)


def _make_reader(row: tuple[str, str, str, int]) -> Callable[[], PSObject]:
    return lambda: _encoding(*row)


_static(
    "System.Text.Encoding",
    "Text.Encoding",
    statics={name: _make_reader(row) for name, row in _ENCODINGS.items()},
    methods={"GetEncoding": _get_encoding},
)
for _name in ("UTF8", "Unicode", "ASCII"):
    _row = _ENCODINGS[_name]
    _static(
        _row[0],
        _row[0].removeprefix("System."),
        base="System.Text.Encoding",
        new=lambda *_options, _row=_row: _encoding(*_row),
    )


def _from_base64(value: Value) -> PSList:
    given = "".join(text(value).split())
    try:
        return _byte_array(base64.b64decode(given, validate=True))
    except (binascii.Error, ValueError):
        raise DotNetError(
            "The input is not a valid Base-64 string as it contains a non-base 64 character, more than two padding "
            "characters, or an illegal character among the padding characters. ",
            "System.FormatException",
        ) from None


def _to_int(value: Value, base: Value = 10) -> Value:
    if base != 10:  # noqa: PLR2004 - the usual one
        return conversions.integer(int)(int(text(value), int(base)))
    return conversions.integer(int)(value)


def _to_text(value: Value, base: Value = None) -> str:
    if isinstance(base, int) and base in {2, 8, 16}:
        return format(int(value), {2: "b", 8: "o", 16: "x"}[base])
    return text(value)


_static(
    "System.Convert",
    "convert",
    methods={
        "ToBase64String": lambda v: base64.b64encode(_bytes(v)).decode("ascii"),
        "FromBase64String": _from_base64,
        "ToInt32": _to_int,
        "ToInt64": conversions.integer(Int64),
        "ToString": _to_text,
        "ToBoolean": conversions.boolean,
        "ToByte": lambda v, base=10: conversions.integer(Byte)(int(text(v), base) if isinstance(v, str) else v),
        "ToDouble": conversions.double,
        "ToChar": conversions.character,
    },
)
_static(
    "System.BitConverter",
    "bitconverter",
    methods={"ToString": lambda v: "-".join(f"{b:02X}" for b in _bytes(v))},
)


# Time


def _new_date(*parts: Value) -> datetime:
    numbers = [int(conversions.integer(int)(part)) for part in parts]
    if len(numbers) < 3:  # noqa: PLR2004 - year, month, day
        raise NotSimulatedError("the constructor of [System.DateTime] with ticks")
    if len(numbers) == 7:  # noqa: PLR2004 - with milliseconds
        numbers[6] *= 1000
    try:
        return datetime(*numbers)  # type: ignore[arg-type] # noqa: DTZ001 - kind Unspecified
    except ValueError:
        raise DotNetError(
            "Year, Month, and Day parameters describe an un-representable DateTime.",
            "System.ArgumentOutOfRangeException",
        ) from None


def _parse_exact(value: Value, pattern: Value, _provider: Value = None, *_styles: Value) -> datetime:
    order = text(pattern)
    if len(order) == 1:
        raise NotSimulatedError(f"ParseExact with the format {order}")
    translated = order
    for part, into in (
        ("yyyy", "%Y"),
        ("MM", "%m"),
        ("dd", "%d"),
        ("HH", "%H"),
        ("mm", "%M"),
        ("ss", "%S"),
        ("fff", "%f"),
    ):
        translated = translated.replace(part, into)
    try:
        return datetime.strptime(text(value), translated.replace("'", ""))  # noqa: DTZ007 - kind Unspecified
    except ValueError:
        raise DotNetError("String was not recognized as a valid DateTime.", "System.FormatException") from None


def _parse_date(value: Value, *_providers: Value) -> datetime:
    try:
        return conversions.date(text(value))
    except DotNetError:
        raise DotNetError("String was not recognized as a valid DateTime.", "System.FormatException") from None


_static(
    "System.DateTime",
    "datetime",
    base=_VALUE,
    cast=conversions.date,
    new=_new_date,
    statics={
        "Now": lambda: datetime.now(UTC).replace(tzinfo=None),
        "UtcNow": lambda: datetime.now(UTC),
        "Today": lambda: datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None),
        "MinValue": datetime.min,  # noqa: DTZ901 - kind Unspecified
        "MaxValue": datetime.max,  # noqa: DTZ901 - kind Unspecified
    },
    methods={"Parse": _parse_date, "ParseExact": _parse_exact},
)


def _new_span(*parts: Value) -> timedelta:
    numbers = [int(conversions.integer(int)(part)) for part in parts]
    if len(numbers) == 1:
        return timedelta(microseconds=numbers[0] / 10)
    if len(numbers) == 3:  # noqa: PLR2004 - hours, minutes, seconds
        numbers = [0, *numbers]
    names = ("days", "hours", "minutes", "seconds", "milliseconds")
    return timedelta(**dict(zip(names, numbers, strict=False)))


_static(
    "System.TimeSpan",
    "timespan",
    base=_VALUE,
    cast=conversions.timespan,
    new=_new_span,
    statics={"Zero": timedelta()},
    methods={
        f"From{unit.capitalize()}": (lambda v, unit=unit: timedelta(**{unit: conversions.double(v)}))
        for unit in ("days", "hours", "minutes", "seconds", "milliseconds")
    }
    | {"Parse": conversions.timespan},
)


# Values of their own kind

_static(
    "System.Guid",
    "guid",
    base=_VALUE,
    cast=conversions.guid,
    new=conversions.guid,
    statics={"Empty": uuid.UUID(int=0)},
    methods={"NewGuid": uuid.uuid4, "Parse": conversions.guid},
)


def _new_version(*parts: Value) -> Version:
    if len(parts) == 1:
        return conversions.version(parts[0])
    return Version(*(int(conversions.integer(int)(part)) for part in parts))


_static(
    "System.Version",
    "version",
    cast=conversions.version,
    new=_new_version,
    methods={"Parse": conversions.version},
)
_static("System.Object", "object", new=lambda: PSObject("System.Object"))
_static("System.ValueType")
_static("System.Enum", base=_VALUE)
_static("System.Array", "array")
_static("System.Void", "void", base=_VALUE, cast=lambda _v: None)
_static("System.RuntimeType", "type", "System.Type")
_static("System.Object[]", "object[]", base="System.Array")
_static("System.Management.Automation.PSObject", "psobject", new=lambda *_base: PSObject())
_static(
    "System.Management.Automation.PSCustomObject",
    "pscustomobject",
    base="System.Management.Automation.PSObject",
)
_static("System.Management.Automation.ErrorRecord")
_static(
    "System.Collections.Hashtable",
    "hashtable",
    "Collections.Hashtable",
    cast=conversions.hashtable,
    new=lambda *_size: Hashtable(),
)
_static(
    "System.Collections.Specialized.OrderedDictionary",
    "ordered",
    new=lambda *_size: Hashtable(ordered=True),
)


def _array_list(value: Value = None) -> PSList:
    return PSList(value if isinstance(value, list) else [], "System.Collections.ArrayList")


_static("System.Collections.ArrayList", "Collections.ArrayList", cast=_array_list, new=_array_list)
_static(
    "System.Collections.Generic.List`1",
    new=lambda value=None: PSList(
        value if isinstance(value, list) else [], "System.Collections.Generic.List`1", fixed=False
    ),
)
_static("System.Collections.ObjectModel.Collection`1")
_static("System.Collections.IDictionary", "Collections.IDictionary")
_static("System.Collections.IEnumerable", "Collections.IEnumerable")


def _block(value: Value) -> ScriptBlock:
    return ScriptBlock(parse(text(value)))


_static("System.Management.Automation.ScriptBlock", "scriptblock", cast=_block, methods={"Create": _block})
_static(
    "System.Management.Automation.SwitchParameter",
    "switch",
    "switchparameter",
    base=_VALUE,
    cast=conversions.boolean,
    statics={"Present": True},
)
_static(
    "System.Security.SecureString",
    "securestring",
    "Security.SecureString",
    new=lambda *_characters: SecureString(),
)


def _credential(name: Value, password: Value) -> PSObject:
    if not isinstance(password, SecureString):
        raise DotNetError(
            f'Cannot convert argument "password", with value: "{text(password)}", for ".ctor" to type '
            '"System.Security.SecureString"',
            _ARGUMENT,
        )
    if not text(name):
        raise DotNetError('Cannot process argument because the value of argument "userName" is not valid.', _ARGUMENT)
    user = text(name)

    def network() -> PSObject:
        domain, _, account = user.rpartition("\\")
        return PSObject(
            "System.Net.NetworkCredential", {"UserName": account, "Domain": domain, "Password": password.text}
        )

    return PSObject(
        "System.Management.Automation.PSCredential",
        {"UserName": user, "Password": password},
        methods={"GetNetworkCredential": network},
    )


_static(
    "System.Management.Automation.PSCredential",
    "pscredential",
    "Management.Automation.PSCredential",
    new=_credential,
)


# The process


@with_session
def _out(session: Session) -> PSObject:
    return PSObject(
        "System.IO.TextWriter+SyncTextWriter",
        methods={
            "WriteLine": lambda *v: session.write_out(_line(v) + "\r\n"),
            "Write": lambda *v: session.write_out(_line(v)),
            "Flush": lambda: None,
        },
        partial=True,
    )


@with_session
def _err(session: Session) -> PSObject:
    return PSObject(
        "System.IO.TextWriter+SyncTextWriter",
        methods={
            "WriteLine": lambda *v: session.write_err(_line(v) + "\r\n"),
            "Write": lambda *v: session.write_err(_line(v)),
            "Flush": lambda: None,
        },
        partial=True,
    )


def _line(values: tuple[Value, ...]) -> str:
    if len(values) > 1:
        return _format(*values)
    return _characters(values[0]) if values else ""


@with_session
def _in(session: Session) -> PSObject:
    def rest() -> str:
        data = session.io.read_all()
        session.check()
        return data.decode(session.encoding, "replace").removeprefix("\ufeff")

    return PSObject(
        "System.IO.TextReader+SyncTextReader",
        methods={
            "ReadLine": session.read_line,
            "ReadToEnd": rest,
            "Close": lambda: None,
            "Dispose": lambda: None,
        },
        partial=True,
    )


@with_session
def _console_encoding(session: Session) -> PSObject:
    for row in _ENCODINGS.values():
        if row[1] == session.encoding:
            return _encoding(*row)
    return _get_encoding(session.encoding.removeprefix("cp"))


@with_session
def _set_console_encoding(session: Session, value: Value) -> None:
    session.set_encoding(_codec_of(value))


@with_session
def _write_line(session: Session, *values: Value) -> None:
    session.write_out(_line(values) + "\r\n")


@with_session
def _write(session: Session, *values: Value) -> None:
    session.write_out(_line(values))


@with_session
def _read_line(session: Session) -> Value:
    return session.read_line()


_static(
    "System.Console",
    "console",
    statics={
        "Out": _out,
        "Error": _err,
        "In": _in,
        "OutputEncoding": _console_encoding,
        "InputEncoding": _console_encoding,
        "IsInputRedirected": True,
        "IsOutputRedirected": True,
    },
    setters={"OutputEncoding": _set_console_encoding, "InputEncoding": _set_console_encoding},
    methods={"WriteLine": _write_line, "Write": _write, "ReadLine": _read_line},
)


@with_session
def _machine_name(session: Session) -> str:
    return session.computer_name.upper()


@with_session
def _user_name(session: Session) -> str:
    return session.environment.get("USERNAME", "")


@with_session
def _domain_name(session: Session) -> str:
    return session.environment.get("USERDOMAIN", session.computer_name.upper())


@with_session
def _get_variable(session: Session, name: Value, _target: Value = None) -> Value:
    return session.environment.get(text(name))


@with_session
def _set_variable(session: Session, name: Value, value: Value, target: Value = None) -> None:
    if target is not None and text(target).lower() != "process":
        raise NotSimulatedError(f"[Environment]::SetEnvironmentVariable for {text(target)}")
    session.environment[text(name)] = text(value)


@with_session
def _expand(session: Session, value: Value) -> str:
    import re  # noqa: PLC0415 - for this one function

    return re.sub(r"%([^%]+)%", lambda m: session.environment.get(m[1], m[0]), text(value))


@with_session
def _exit(_session: Session, code: Value) -> None:
    from harness.lab.powershell.evaluator import ExitSignal  # noqa: PLC0415 - the evaluator is built upon these types

    raise ExitSignal(int(conversions.integer(int)(code)))


_static(
    "System.Environment",
    "environment",
    statics={
        "NewLine": "\r\n",
        "MachineName": _machine_name,
        "UserName": _user_name,
        "UserDomainName": _domain_name,
        "Is64BitProcess": True,
        "Is64BitOperatingSystem": True,
    },
    methods={
        "GetEnvironmentVariable": _get_variable,
        "SetEnvironmentVariable": _set_variable,
        "ExpandEnvironmentVariables": _expand,
        "Exit": _exit,
    },
)
_static(
    "System.IO.Path",
    "IO.Path",
    methods={
        "Combine": lambda *parts: ntpath.join(*(text(part) for part in parts)),
        "GetFileName": lambda v: ntpath.basename(text(v)),
        "GetFileNameWithoutExtension": lambda v: ntpath.splitext(ntpath.basename(text(v)))[0],
        "GetExtension": lambda v: ntpath.splitext(text(v))[1],
        "GetDirectoryName": lambda v: ntpath.dirname(text(v)),
        "GetPathRoot": lambda v: ntpath.splitdrive(text(v))[0] + ("\\" if text(v)[2:3] in ("\\", "/") else ""),
        "IsPathRooted": lambda v: bool(ntpath.splitdrive(text(v))[0]) or text(v)[:1] in ("\\", "/"),
    },
)
_static(
    "System.Globalization.CultureInfo",
    "Globalization.CultureInfo",
    "cultureinfo",
    statics={"InvariantCulture": PSObject("System.Globalization.CultureInfo", {"Name": ""}, text="", partial=True)},
)
_static("System.GC", "gc", methods={"Collect": lambda: None})

_ENUMS = {
    "System.StringComparison": "CurrentCulture CurrentCultureIgnoreCase InvariantCulture InvariantCultureIgnoreCase "
    "Ordinal "
    "OrdinalIgnoreCase",
    "System.StringSplitOptions": "None RemoveEmptyEntries",
    "System.DayOfWeek": "Sunday Monday Tuesday Wednesday Thursday Friday Saturday",
    "System.DateTimeKind": "Unspecified Utc Local",
    "System.MidpointRounding": "ToEven AwayFromZero",
    "System.EnvironmentVariableTarget": "Process User Machine",
    "System.Management.Automation.ActionPreference": "SilentlyContinue Stop Continue Inquire Ignore Suspend",
    "System.Management.Automation.ErrorCategory": "NotSpecified OpenError CloseError DeviceError DeadlockDetected "
    "InvalidArgument InvalidData InvalidOperation InvalidResult InvalidType MetadataError NotImplemented NotInstalled "
    "ObjectNotFound OperationStopped OperationTimeout SyntaxError ParserError PermissionDenied ResourceBusy "
    "ResourceExists ResourceUnavailable ReadError WriteError FromStdErr SecurityError ProtocolError ConnectionError "
    "AuthenticationError LimitsExceeded QuotaExceeded NotEnabled",
}
for _enum, _members in _ENUMS.items():
    TYPES.enum(
        _enum,
        {name: number for number, name in enumerate(_members.split())},
        aliases=(_enum.removeprefix("System."),),
    )
TYPES.enum(
    "System.Text.RegularExpressions.RegexOptions",
    {"None": 0, "IgnoreCase": 1, "Multiline": 2, "ExplicitCapture": 4, "Compiled": 8, "Singleline": 16},
    flags=True,
)
for _exception, _base in EXCEPTIONS.items():
    TYPES.type(NetType(_exception, (_exception.removeprefix("System."),), _base))
