"""Text: strings, string builders and regular expressions."""

from __future__ import annotations

from harness.lab.powershell import conversions, operators
from harness.lab.powershell.cmdlet import Registry
from harness.lab.powershell.core.types.declaring import declare
from harness.lab.powershell.formatting import format_string, text
from harness.lab.powershell.objects import DotNetError, NotSimulatedError, PSList, PSObject, StringBuilder, Value

STRINGS = Registry()


def _is_blank(value: Value) -> bool:
    return text(value).strip() == ""


def _join(separator: Value, *parts: Value) -> str:
    items = parts[0] if len(parts) == 1 and isinstance(parts[0], list) else list(parts)
    return text(separator).join(text(item) for item in items)


def format_items(pattern: Value, *arguments: Value) -> str:
    """Put items into a composite format, as ``[string]::Format`` does."""
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


def characters(value: Value) -> str:
    """Give the text of a ``[char[]]`` or of any other value."""
    return "".join(text(item) for item in value) if isinstance(value, list) else text(value)


def _new_string(value: Value, count: Value = None) -> str:
    if count is not None:
        return text(value) * int(conversions.integer(int)(count))
    return characters(value)


declare(
    STRINGS,
    "System.String",
    "string",
    cast=lambda v: "" if v is None else text(v),
    new=_new_string,
    statics={"Empty": ""},
    methods={
        "IsNullOrEmpty": lambda v: text(v) == "",
        "IsNullOrWhiteSpace": _is_blank,
        "Join": _join,
        "Format": format_items,
        "Concat": lambda *parts: "".join(text(part) for part in parts),
        "Compare": _compare,
        "Equals": _same,
    },
)
declare(
    STRINGS, "System.Text.StringBuilder", new=lambda value="": StringBuilder(value if isinstance(value, str) else "")
)


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


declare(
    STRINGS,
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
