"""What the binary operators do."""

from __future__ import annotations

import math
import operator
import re
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING

from harness.lab.powershell import conversions
from harness.lab.powershell.formatting import format_string, text
from harness.lab.powershell.lexer import whole_number
from harness.lab.powershell.objects import (
    Char,
    DotNetError,
    EnumValue,
    Hashtable,
    Int64,
    NotSimulatedError,
    PSList,
    ScriptBlock,
    UInt32,
    UInt64,
    Value,
    Version,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.lab.powershell.invocation import Invocation

RUNTIME = "System.Management.Automation.RuntimeException"
_LONGS = (Int64, UInt64, UInt32)


def no_operator(left: Value, name: str) -> DotNetError:
    """Make the error of an operand that has no such operator."""
    return DotNetError(
        f"Method invocation failed because [{conversions.type_name(left)}] does not contain a method named "
        f"'op_{name}'.",
        RUNTIME,
        error_id="MethodNotFound",
    )


# Arithmetic


def add(left: Value, right: Value, separator: str) -> Value:  # noqa: PLR0911 - one row per type
    """Do ``left + right``."""
    if isinstance(left, str) and not isinstance(left, Char):
        return left + text(right, separator)
    if isinstance(left, list):
        return [*left, *(right if isinstance(right, list) else [right])]
    if left is None:
        return right
    if isinstance(left, Hashtable):
        return _add_tables(left, right)
    if isinstance(left, datetime | timedelta):
        return _add_times(left, right)
    if isinstance(left, Char) and isinstance(right, str):
        return str(left) + text(right)
    return arithmetic("+", left, right)


def _add_tables(left: Hashtable, right: Value) -> Hashtable:
    if not isinstance(right, Hashtable):
        raise DotNetError(
            "A hash table can only be added to another hash table.",
            RUNTIME,
            error_id="AddHashTableToNonHashTable",
        )
    merged = left.copy()
    for key, value in right.items():
        if key in merged:
            raise DotNetError(
                f"Item has already been added. Key in dictionary: '{text(key)}'  Key being added: '{text(key)}'",
                "System.ArgumentException",
                error_id="System.ArgumentException",
            )
        merged[key] = value
    return merged


def _add_times(left: Value, right: Value) -> Value:
    if not isinstance(right, timedelta):
        raise no_operator(left, "Addition")
    return left + right


def subtract(left: Value, right: Value) -> Value:
    """Do ``left - right``."""
    if isinstance(left, datetime) and isinstance(right, datetime):
        return left.replace(tzinfo=None) - right.replace(tzinfo=None)
    if isinstance(left, datetime | timedelta) and isinstance(right, timedelta):
        return left - right
    return arithmetic("-", left, right)


def multiply(left: Value, right: Value) -> Value:
    """Do ``left * right``."""
    if isinstance(left, str) and not isinstance(left, Char):
        return left * max(0, int(conversions.integer(int)(right)))
    if isinstance(left, list):
        return list(left) * max(0, int(conversions.integer(int)(right)))
    return arithmetic("*", left, right)


_INT_RESULT: dict[str, Callable[[int, int], int]] = {"+": operator.add, "-": operator.sub, "*": operator.mul}


def _operand(value: Value, symbol: str) -> Value:
    names = {"+": "Addition", "-": "Subtraction", "*": "Multiply", "/": "Division", "%": "Modulus"}
    if value is None or isinstance(value, bool | int | float | Decimal | str | EnumValue):
        return conversions.number(value)
    raise no_operator(value, names[symbol])


def arithmetic(symbol: str, left: Value, right: Value) -> Value:
    """Calculate with numbers: int, long, decimal and double, the wider of the two."""
    a, b = _operand(left, symbol), _operand(right, symbol)
    if isinstance(a, float) or isinstance(b, float):
        return _real(symbol, float(a), float(b))
    if isinstance(a, Decimal) or isinstance(b, Decimal):
        return _decimal(symbol, Decimal(a), Decimal(b))
    if symbol in "/%":
        return _divide(symbol, a, b)
    result = _INT_RESULT[symbol](int(a), int(b))
    if isinstance(a, _LONGS) or isinstance(b, _LONGS):
        return Int64(result) if -(2**63) <= result < 2**63 else float(result)
    # An int that overflows becomes a double, not a long.
    return result if -(2**31) <= result < 2**31 else float(result)


def _by_zero() -> DotNetError:
    return DotNetError("Attempted to divide by zero.", "System.DivideByZeroException", error_id="RuntimeException")


def _divide(symbol: str, a: int, b: int) -> Value:
    if b == 0:
        raise _by_zero()
    long = isinstance(a, _LONGS) or isinstance(b, _LONGS)
    a, b = int(a), int(b)
    remainder = int(math.fmod(a, b)) if max(abs(a), abs(b)) < 2**53 else a - b * int(Decimal(a) / Decimal(b))
    if symbol == "%":
        return Int64(remainder) if long else remainder
    if remainder:
        return a / b
    return Int64(a // b) if long else whole_number(a // b)


def _real(symbol: str, a: float, b: float) -> float:
    if symbol in "/%" and b == 0:
        return float("nan") if symbol == "%" or a == 0 or math.isnan(a) else math.copysign(math.inf, a)
    if symbol == "%":
        return math.fmod(a, b)
    return float({"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}[symbol](a, b))


_DECIMAL_RESULT: dict[str, Callable[[Decimal, Decimal], Decimal]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "%": operator.mod,
}


def _decimal(symbol: str, a: Decimal, b: Decimal) -> Decimal:
    if symbol in "/%" and not b:
        raise _by_zero()
    found: Decimal = _DECIMAL_RESULT[symbol](a, b)
    return found


def bitwise(name: str, left: Value, right: Value) -> Value:
    """Do ``-band``, ``-bor``, ``-bxor``, ``-shl`` and ``-shr``."""
    enum = left if isinstance(left, EnumValue) else None
    a, b = conversions.number(left), conversions.number(right)
    if isinstance(right, str) and enum:
        raise NotSimulatedError(f"-{name} of an enumeration and a string")
    long = isinstance(a, _LONGS) or isinstance(b, _LONGS) or abs(round(a)) >= 2**31
    x, y = round(a), round(b)
    if name in {"shl", "shr"}:
        bits = 64 if isinstance(a, Int64) else 32
        y &= bits - 1
        moved = x << y if name == "shl" else x >> y
        wrapped = (moved + (1 << bits - 1)) % (1 << bits) - (1 << bits - 1)
        return Int64(wrapped) if bits == 64 else wrapped  # noqa: PLR2004 - bits of a long
    result = {"band": operator.and_, "bor": operator.or_, "bxor": operator.xor}[name](x, y)
    return Int64(result) if long else result


# Comparison


def _equal(  # noqa: C901, PLR0911, PLR0912 - one row per type of the left side
    left: Value, right: Value, *, cased: bool
) -> bool:
    if isinstance(left, str):
        shown = text(right)
        if right is None:
            return False
        return str(left) == shown if cased else str(left).lower() == shown.lower()
    if left is None or right is None:
        return left is None and right is None
    if isinstance(left, bool):
        return left == conversions.truth(right)
    try:
        if isinstance(left, int | float | Decimal):
            return bool(left == _like_number(right))
        if isinstance(left, EnumValue):
            return _enum_equal(left, right)
        if isinstance(left, datetime):
            found = right if isinstance(right, datetime) else conversions.date(right)
            return left.replace(tzinfo=None) == found.replace(tzinfo=None)
        if isinstance(left, timedelta) and isinstance(right, str):
            return bool(left == conversions.timespan(right))
        if isinstance(left, Version) and not isinstance(right, Version):
            return bool(left == conversions.version(right))
        if isinstance(right, str) and type(left).__name__ == "UUID":
            return bool(left == conversions.guid(right))
    except DotNetError:
        return False
    if isinstance(left, Hashtable | list | ScriptBlock):
        return left is right
    if isinstance(right, str):
        # The right side is converted to the left's type; an object with a text of its own compares by it.
        shown = text(left)
        return shown == right if cased else shown.lower() == right.lower()
    return bool(left == right)


def _like_number(right: Value) -> Value:
    if isinstance(right, Char):
        return ord(right)
    return conversions.number(right)


def _enum_equal(left: EnumValue, right: Value) -> bool:
    if isinstance(right, EnumValue):
        return left.type_name == right.type_name and left.value == right.value
    if isinstance(right, str):
        wanted = {part.strip().lower() for part in right.split(",")}
        return wanted == {part.strip().lower() for part in left.name.split(",")} or right.strip() == str(left.value)
    return bool(left.value == conversions.number(right))


def order(left: Value, right: Value, *, cased: bool = False) -> int:
    """Compare for order: negative, zero or positive.

    Raises:
        DotNetError: The two can't be compared.
    """
    a, b = _comparable(left, right, cased=cased)
    return int(a > b) - int(a < b)


def _comparable(left: Value, right: Value, *, cased: bool) -> tuple[Value, Value]:  # noqa: PLR0911 - one row per type
    if isinstance(left, str):
        return _collation(str(left), cased=cased), _collation(text(right), cased=cased)
    if left is None:
        # Nothing is less than something.
        return (0, 0) if right is None else (0, 1)
    if isinstance(left, bool):
        return int(left), int(conversions.truth(right))
    if isinstance(left, int | float | Decimal):
        other = _like_number(right)
        return (float(left), float(other)) if isinstance(other, float) or isinstance(left, float) else (left, other)
    if right is None:
        return 1, 0
    if isinstance(left, datetime):
        found = right if isinstance(right, datetime) else conversions.date(right)
        return left.replace(tzinfo=None), found.replace(tzinfo=None)
    if isinstance(left, timedelta):
        return left, right if isinstance(right, timedelta) else conversions.timespan(right)
    if isinstance(left, Version):
        return left, right if isinstance(right, Version) else conversions.version(right)
    if isinstance(left, EnumValue):
        return left.value, right.value if isinstance(right, EnumValue) else conversions.number(right)
    raise DotNetError(
        f'Cannot compare "{text(left)}" because it is not IComparable.', RUNTIME, error_id="NotIcomparable"
    )


def _collation(value: str, *, cased: bool) -> Value:
    # A culture sorts letters before their case: a, A, b, B.
    folded = value.lower()
    return (folded, value.swapcase()) if cased else folded


def compare(name: str, left: Value, right: Value) -> Value:
    """Do ``-eq``, ``-ne``, ``-gt``, ``-ge``, ``-lt`` and ``-le``; over a list they filter."""
    cased = len(name) == 3  # noqa: PLR2004 - ceq beside eq
    name = name[-2:]
    if isinstance(left, list):
        return [item for item in left if _compare(name, item, right, cased=cased)]
    return _compare(name, left, right, cased=cased)


def _compare(name: str, left: Value, right: Value, *, cased: bool) -> bool:
    if name == "eq":
        return _equal(left, right, cased=cased)
    if name == "ne":
        return not _equal(left, right, cased=cased)
    found = order(left, right, cased=cased)
    if name[0] == "g":
        return found > 0 or (found == 0 and name == "ge")
    return found < 0 or (found == 0 and name == "le")


def contains(items: Value, wanted: Value, *, cased: bool) -> bool:
    """Do ``-contains``."""
    return any(_equal(item, wanted, cased=cased) for item in (items if isinstance(items, list) else [items]))


# Patterns


@lru_cache(maxsize=512)
def wildcard(pattern: str, *, cased: bool = False) -> re.Pattern[str]:
    """Turn a wildcard pattern into a regular expression."""
    parts: list[str] = []
    at = 0
    while at < len(pattern):
        character = pattern[at]
        at += 1
        if character == "`" and at < len(pattern):
            parts.append(re.escape(pattern[at]))
            at += 1
        elif character == "*":
            parts.append(".*")
        elif character == "?":
            parts.append(".")
        elif character == "[":
            closing = pattern.find("]", at + 1)
            if closing < 0:
                raise DotNetError(
                    f"The specified wildcard character pattern is not valid: {pattern}",
                    "System.Management.Automation.WildcardPatternException",
                    error_id="RuntimeException",
                )
            inner = pattern[at:closing].replace("\\", "\\\\").replace("^", "\\^")
            parts.append(f"[{inner}]")
            at = closing + 1
        else:
            parts.append(re.escape(character))
    return re.compile("".join(parts), re.DOTALL if cased else re.DOTALL | re.IGNORECASE)


_FOREIGN = re.compile(r"\\[pPGkZz]|\(\?<[A-Za-z_]\w*-|\(\?>|[*+?}]\+")


@lru_cache(maxsize=512)
def regex(pattern: str, *, cased: bool = False) -> re.Pattern[str]:
    """Turn a .NET regular expression into Python's.

    Raises:
        NotSimulatedError: It uses what Python's dialect lacks.
        DotNetError: It isn't one.
    """
    translated = re.sub(r"\(\?<([A-Za-z_]\w*)>", r"(?P<\1>", pattern)
    translated = re.sub(r"\(\?'([A-Za-z_]\w*)'", r"(?P<\1>", translated)
    translated = re.sub(r"(?<!\\)((?:\\\\)*)\\Z", r"\1(?=\\n?\\z)", translated)
    translated = re.sub(r"(?<!\\)((?:\\\\)*)\\z", r"\1\\Z", translated)
    if any(found[0] != r"\Z" for found in _FOREIGN.finditer(translated)):
        raise NotSimulatedError(f"the regular expression {pattern}")
    try:
        return re.compile(translated, 0 if cased else re.IGNORECASE)
    except re.error as error:
        raise DotNetError(f'parsing "{pattern}" - {error}', "System.ArgumentException") from None


def replacement(template: str) -> Callable[[re.Match[str]], str]:
    """Make the function that puts a match into a .NET replacement text."""

    def put(found: re.Match[str]) -> str:
        def one(part: re.Match[str]) -> str:
            name = part[1] or part[2]
            if part[0] == "$$":
                return "$"
            if part[0] in {"$&", "$0"}:
                return found[0]
            try:
                return found[int(name) if name.isdigit() else name] or ""
            except IndexError:
                return part[0]

        return re.sub(r"\$\$|\$&|\$(\d+)|\$\{(\w+)\}", one, template)

    return put


def replace(left: Value, right: Value, *, cased: bool) -> Value:
    """Do ``-replace``."""
    pattern, into = (right[0], right[1]) if isinstance(right, list) and len(right) > 1 else (right, "")
    if isinstance(right, list):
        if len(right) > 2:  # noqa: PLR2004 - pattern and replacement
            raise DotNetError(
                f"The -replace operator allows only two elements to follow it, not {len(right)}.",
                RUNTIME,
                error_id="BadReplaceArgument",
            )
        pattern = right[0] if right else ""
    if isinstance(into, ScriptBlock):
        raise NotSimulatedError("-replace with a script block")
    compiled, put = regex(text(pattern), cased=cased), replacement(text(into))
    if isinstance(left, list):
        return [compiled.sub(put, text(item)) for item in left]
    return compiled.sub(put, text(left))


def split(left: Value, right: Value, *, cased: bool) -> Value:
    """Do the binary ``-split``."""
    options = right if isinstance(right, list) else [right]
    if isinstance(options[0], ScriptBlock):
        raise NotSimulatedError("-split with a script block")
    limit = int(conversions.integer(int)(options[1])) if len(options) > 1 else 0
    chosen = text(options[2]).lower() if len(options) > 2 else ""  # noqa: PLR2004 - delimiter, limit, options
    if limit < 0 or chosen not in {"", "simplematch", "regexmatch"}:
        raise NotSimulatedError(f"-split with the options {text(options[1:])}")
    pattern = re.escape(text(options[0])) if chosen == "simplematch" else text(options[0])
    compiled = regex(pattern, cased=cased)
    parts: list[Value] = []
    for item in left if isinstance(left, list) else [left]:
        pieces = [""] if limit == 1 else compiled.split(text(item), max(0, limit - 1))
        parts += [text(item)] if limit == 1 else [piece for piece in pieces if piece is not None]
    return PSList(parts, "System.String[]")


def unary_split(value: Value) -> Value:
    """Do the unary ``-split``."""
    items = value if isinstance(value, list) else [value]
    return PSList([word for item in items for word in text(item).split()], "System.String[]")


def format_operator(left: Value, right: Value) -> str:
    """Do ``-f``."""
    try:
        return format_string(text(left), right if isinstance(right, list) else [right])
    except ValueError as error:
        raise DotNetError(
            f"Error formatting a string: {error}", "System.FormatException", error_id="FormatError"
        ) from None


def span(left: Value, right: Value) -> list[Value]:
    """Do ``left..right``."""
    first, last = conversions.integer(int)(left), conversions.integer(int)(right)
    step = 1 if first <= last else -1
    return list(range(first, last + step, step))


def match(owner: Invocation, left: Value, right: Value, *, cased: bool, negate: bool) -> Value:
    """Do ``-match`` and ``-notmatch``; a single text sets ``$Matches``."""
    compiled = regex(text(right), cased=cased)
    if isinstance(left, list):
        return [item for item in left if bool(compiled.search(text(item))) != negate]
    found = compiled.search(text(left))
    if found:
        groups: dict[Value, Value] = {
            i: group for i, group in enumerate((found[0], *found.groups())) if group is not None
        }
        for name, number in compiled.groupindex.items():
            groups.pop(number, None)
            if found[name] is not None:
                groups[name] = found[name]
        owner.scope.variables["matches"] = Hashtable(groups)
    return bool(found) != negate


def like(left: Value, right: Value, *, cased: bool, negate: bool) -> Value:
    """Do ``-like`` and ``-notlike``."""
    compiled = wildcard(text(right), cased=cased)
    if isinstance(left, list):
        return [item for item in left if bool(compiled.fullmatch(text(item))) != negate]
    return bool(compiled.fullmatch(text(left))) != negate
