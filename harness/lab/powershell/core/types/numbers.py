"""Numbers, truth values and characters, and ``[Math]`` over them."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import TYPE_CHECKING

from harness.lab.powershell import conversions
from harness.lab.powershell.cmdlet import Registry
from harness.lab.powershell.core.types.declaring import VALUE_TYPE, declare
from harness.lab.powershell.formatting import text
from harness.lab.powershell.objects import Byte, Char, DotNetError, Int16, Int64, SByte, UInt16, UInt32, UInt64, Value

if TYPE_CHECKING:
    from collections.abc import Callable

NUMBERS = Registry()


def _number_type(name: str, python: type[int], least: int, most: int, *aliases: str) -> None:
    convert = conversions.integer(python)

    def read(value: Value, *_styles: Value) -> Value:
        try:
            whole = text(value).strip()
            return convert(python(int(whole)))
        except ValueError:
            raise DotNetError("Input string was not in a correct format.", "System.FormatException") from None

    declare(
        NUMBERS,
        name,
        *aliases,
        base=VALUE_TYPE,
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


declare(
    NUMBERS,
    "System.Double",
    "double",
    "System.Single",
    "float",
    "single",
    base=VALUE_TYPE,
    cast=conversions.double,
    statics={"NaN": math.nan, "PositiveInfinity": math.inf, "NegativeInfinity": -math.inf},
    methods={"Parse": _parse_double, "IsNaN": math.isnan},
)
declare(NUMBERS, "System.Decimal", "decimal", base=VALUE_TYPE, cast=conversions.decimal)


def _parse_bool(value: Value) -> bool:
    found = text(value).strip().lower()
    if found not in {"true", "false"}:
        raise DotNetError("String was not recognized as a valid Boolean.", "System.FormatException")
    return found == "true"


declare(
    NUMBERS,
    "System.Boolean",
    "bool",
    "boolean",
    base=VALUE_TYPE,
    cast=conversions.boolean,
    methods={"Parse": _parse_bool},
)
declare(
    NUMBERS,
    "System.Char",
    "char",
    base=VALUE_TYPE,
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


declare(
    NUMBERS,
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
