"""Properties and methods of text: strings, string builders and secure strings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.lab.powershell import conversions, operators
from harness.lab.powershell.formatting import text
from harness.lab.powershell.methods.tables import OUT_OF_RANGE, as_index
from harness.lab.powershell.objects import Char, DotNetError, EnumValue, PSList, SecureString, StringBuilder, Value

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.lab.powershell.invocation import Invocation
    from harness.lab.powershell.methods.tables import Methods, Properties


def _substring(_owner: Invocation, value: str, start: Value, length: Value = None) -> str:
    first = as_index(start)
    count = len(value) - first if length is None else as_index(length)
    if first < 0 or first > len(value):
        raise DotNetError(
            "startIndex cannot be larger than length of string.\nParameter name: startIndex", OUT_OF_RANGE
        )
    if count < 0 or first + count > len(value):
        raise DotNetError(
            "Index and length must refer to a location within the string.\nParameter name: length", OUT_OF_RANGE
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
            count = as_index(given[1])
    elif len(given) == 2 and isinstance(given[1], int) and not isinstance(given[1], bool):  # noqa: PLR2004 - and a count
        count = as_index(given[1])
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


def comparison(value: str, other: Value, mode: Value) -> tuple[str, str]:
    """Give two texts as a comparison of that mode sees them."""
    ignore = mode is True or (mode is not None and "ignorecase" in text(mode).lower())
    return (value.lower(), text(other).lower()) if ignore else (str(value), text(other))


def _starts_with(_owner: Invocation, value: str, other: Value, mode: Value = None) -> bool:
    whole, part = comparison(value, other, mode)
    return whole.startswith(part)


def _ends_with(_owner: Invocation, value: str, other: Value, mode: Value = None) -> bool:
    whole, part = comparison(value, other, mode)
    return whole.endswith(part)


def _index_of(_owner: Invocation, value: str, other: Value, start: Value = 0, mode: Value = None) -> int:
    if isinstance(start, EnumValue | str):
        start, mode = 0, start
    whole, part = comparison(value, other, mode)
    return whole.find(part, as_index(start))


def _replace(_owner: Invocation, value: str, old: Value, new: Value) -> str:
    if text(old) == "":
        raise DotNetError("String cannot be of zero length.\nParameter name: oldValue", "System.ArgumentException")
    return value.replace(text(old), text(new))


def _remove(_owner: Invocation, value: str, start: Value, count: Value = None) -> str:
    first = as_index(start)
    length = len(value) - first if count is None else as_index(count)
    if first < 0 or length < 0 or first + length > len(value):
        raise DotNetError(
            "Index and count must refer to a location within the string.\nParameter name: count", OUT_OF_RANGE
        )
    return value[:first] + value[first + length :]


def _insert(_owner: Invocation, value: str, start: Value, other: Value) -> str:
    first = as_index(start)
    if not 0 <= first <= len(value):
        raise DotNetError(
            "Specified argument was out of the range of valid values.\nParameter name: startIndex", OUT_OF_RANGE
        )
    return value[:first] + text(other) + value[first:]


def _pad_left(_owner: Invocation, value: str, width: Value, fill: Value = " ") -> str:
    return value.rjust(as_index(width), text(fill))


def _pad_right(_owner: Invocation, value: str, width: Value, fill: Value = " ") -> str:
    return value.ljust(as_index(width), text(fill))


def _trimmer(which: str) -> Callable[..., str]:
    def trim(_owner: Invocation, value: str, *given: Value) -> str:
        characters = _characters(list(given)) if given else None
        return str(getattr(value, which)(characters))

    return trim


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


PROPERTIES: Properties = {
    ("string", "length"): lambda v, _o: len(v),
    ("stringbuilder", "length"): lambda v, _o: len(v.text()),
    ("securestring", "length"): lambda v, _o: len(v.text),
}
METHODS: Methods = {
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
    ("stringbuilder", "append"): ("2.0", _append),
    ("stringbuilder", "appendline"): ("2.0", _append_line),
    ("stringbuilder", "appendformat"): ("2.0", _append_format),
    ("securestring", "appendchar"): ("2.0", _append_char),
    ("securestring", "makereadonly"): ("2.0", _make_read_only),
    ("securestring", "dispose"): ("2.0", lambda _o, _v: None),
}
