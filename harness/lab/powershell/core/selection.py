"""The cmdlets that pick, sort, group and count objects."""

from __future__ import annotations

from functools import cmp_to_key
from typing import TYPE_CHECKING

from harness.lab.powershell import conversions, operators
from harness.lab.powershell.cmdlet import Parameter, Registry
from harness.lab.powershell.formatting import text
from harness.lab.powershell.objects import (
    CUSTOM_OBJECT,
    DotNetError,
    Hashtable,
    NotSimulatedError,
    Property,
    PSList,
    PSObject,
    ScriptBlock,
    Value,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.lab.powershell.cmdlet import Call

SELECTION = Registry()
SELECTION.alias("select", "Select-Object")
SELECTION.alias("sort", "Sort-Object")
SELECTION.alias("group", "Group-Object")
SELECTION.alias("measure", "Measure-Object")
SELECTION.alias("gm", "Get-Member")
_NAME_KEYS = ("name", "n", "label", "l")
_EXPRESSION_KEYS = ("expression", "e")


def _gather(call: Call) -> None:
    if "InputObject" in call:
        call.state.setdefault("items", []).append(call.get("InputObject"))


def property_names(value: Value) -> list[str]:
    """Give the names of an object's properties."""
    if isinstance(value, PSObject):
        return list(value.properties)
    if isinstance(value, str):
        return ["Length"]
    return []


def read(call: Call, value: Value, definition: Value) -> Value:
    """Give what a property name, a script block or a calculated property gives for an object."""
    evaluator = call.session.evaluator
    if isinstance(definition, Hashtable):
        definition = _part(definition, _EXPRESSION_KEYS)
    if isinstance(definition, ScriptBlock):
        output = evaluator.invoke_inline(definition, value)
        return output[0] if len(output) == 1 else (output or None)
    return evaluator.members.lookup(value, text(definition))[1]


def _part(table: Hashtable, keys: tuple[str, ...]) -> Value:
    """Give the entry of a calculated property's table whose key starts one of these words."""
    for key, value in table.items():
        if any(word.startswith(text(key).lower()) for word in keys):
            return value
    return None


def _label(call: Call, definition: Value) -> str:
    if isinstance(definition, Hashtable):
        known = ("name", "label", "expression", "n", "l", "e")
        for key in dict(definition.items()):
            if not any(word.startswith(text(key).lower()) for word in known):
                raise call.throw(
                    call.record(
                        f"The {text(key)} key is not valid.",
                        error_id="DictionaryKeyUnknown2",
                        category="InvalidArgument",
                        exception="System.NotSupportedException",
                    )
                )
        name = _part(definition, _NAME_KEYS)
        return text(name) if name is not None else text(_part(definition, _EXPRESSION_KEYS))
    return definition.body.text if isinstance(definition, ScriptBlock) else text(definition)


# Select-Object


def _select_end(call: Call) -> Iterator[Value]:
    items = call.state.get("items", [])
    last = call.get("Last")
    if last is not None:
        items = items[-last:] if last else []
        for item in items:
            yield from _selected(call, item)


@SELECTION.cmdlet(
    "Select-Object",
    Parameter("Property", "object[]", position=0, sets=("DefaultParameter",)),
    Parameter("ExpandProperty", "string", sets=("DefaultParameter",)),
    Parameter("ExcludeProperty", "string[]", sets=("DefaultParameter",)),
    Parameter("First", "int", sets=("DefaultParameter",)),
    Parameter("Last", "int", sets=("DefaultParameter",)),
    Parameter("Skip", "int", sets=("DefaultParameter",), default=0),
    Parameter("Unique", "switch"),
    Parameter("Index", "int[]", sets=("IndexParameter",)),
    Parameter("Wait", "switch", since="3.0"),
    Parameter("InputObject", "psobject", pipeline=True),
    default_set="DefaultParameter",
    class_name="Microsoft.PowerShell.Commands.SelectObjectCommand",
    end=_select_end,
)
def select_object(call: Call) -> Iterator[Value]:
    """Pick objects, and properties of them."""
    if "InputObject" not in call:
        return
    if "Index" in call:
        raise NotSimulatedError("Select-Object -Index")
    seen = call.state["seen"] = call.state.get("seen", 0) + 1
    if seen <= call.get("Skip"):
        return
    item = call.get("InputObject")
    if call.get("Last") is not None:
        call.state.setdefault("items", []).append(item)
        return
    first = call.get("First")
    if first is None or seen - call.get("Skip") <= first:
        yield from _selected(call, item)
    if first is not None and seen - call.get("Skip") >= first and not call.get("Wait"):
        call.state["$stage"]().stop_upstream()


def _selected(call: Call, item: Value) -> Iterator[Value]:
    definitions = call.get("Property")
    if call.get("ExpandProperty"):
        yield from _expanded(call, item)
        return
    if definitions is None:
        if not call.get("Unique") or _is_new(call, item):
            yield item
        return
    chosen = _with_properties(call, item, definitions)
    if not call.get("Unique") or _is_new(call, chosen):
        yield chosen


def _expanded(call: Call, item: Value) -> Iterator[Value]:
    name = call.get("ExpandProperty")
    has, value = call.session.evaluator.members.lookup(item, name)
    if not has:
        if isinstance(item, PSObject) and item.partial:
            raise NotSimulatedError(f"the property {name} of {item.type_name}")
        call.write_error(
            call.record(
                f'Property "{name}" cannot be found.',
                error_id="ExpandPropertyNotFound",
                category="InvalidArgument",
                target=item,
                exception="System.Management.Automation.PSArgumentException",
            )
        )
        return
    if call.get("Property") is not None:
        raise NotSimulatedError("Select-Object with -Property and -ExpandProperty")
    for one in value if isinstance(value, list) else [value]:
        if not call.get("Unique") or _is_new(call, one):
            yield one


def _with_properties(call: Call, item: Value, definitions: list[Value]) -> PSObject:
    excluded = [operators.wildcard(name) for name in call.get("ExcludeProperty") or []]
    chosen: dict[str, Value] = {}
    for definition in definitions:
        if isinstance(definition, str) and any(c in definition for c in "*?["):
            pattern = operators.wildcard(definition)
            names = [name for name in property_names(item) if pattern.fullmatch(name)]
            chosen |= {name: _plain_value(item, name) for name in names if name not in chosen}
        else:
            label = _label(call, definition)
            if isinstance(definition, str) and isinstance(item, PSObject):
                if definition in item.properties:
                    label = item.properties.spelling(definition)
                elif item.partial:
                    raise NotSimulatedError(f"the property {definition} of {item.type_name}")
            chosen[label] = read(call, item, definition)
    kept = {n: v for n, v in chosen.items() if not any(p.fullmatch(n) for p in excluded)}
    return PSObject((f"Selected.{conversions.type_name(item)}", CUSTOM_OBJECT), kept)


def _plain_value(item: Value, name: str) -> Value:
    return item.get(name) if isinstance(item, PSObject) else len(item)


def _is_new(call: Call, item: Value) -> bool:
    kept = call.state.setdefault("unique", [])
    # Select-Object -Unique tells texts apart by case.
    key = repr([(n, text(item.get(n))) for n in item.properties]) if isinstance(item, PSObject) else (type(item), item)
    if key in kept:
        return False
    kept.append(key)
    return True


# Sort-Object


def _compare(one: Value, two: Value, *, cased: bool) -> int:
    if one is None or two is None:
        return (one is not None) - (two is not None)
    try:
        return operators.order(one, two, cased=cased)
    except DotNetError:
        return operators.order(text(one), text(two), cased=cased)


def _sort_end(call: Call) -> Iterator[Value]:
    items = call.state.get("items", [])
    definitions = call.get("Property") or [None]
    cased = call.get("CaseSensitive")
    keys = [[_sort_key(call, item, d) for d in definitions] for item in items]
    descending = [_descends(call, d) for d in definitions]

    def compare(one: int, two: int) -> int:
        for index, down in enumerate(descending):
            found = _compare(keys[one][index], keys[two][index], cased=cased)
            if found:
                return -found if down else found
        return 0

    order = sorted(range(len(items)), key=cmp_to_key(compare))
    previous: int | None = None
    for index in order:
        if not call.get("Unique") or previous is None or compare(previous, index) != 0:
            yield items[index]
        previous = index


def _sort_key(call: Call, item: Value, definition: Value) -> Value:
    return item if definition is None else read(call, item, definition)


def _descends(call: Call, definition: Value) -> bool:
    if isinstance(definition, Hashtable):
        for key, value in definition.items():
            if text(key).lower() in {"descending", "d"}:
                return conversions.truth(value)
            if text(key).lower() in {"ascending", "a"}:
                return not conversions.truth(value)
    return bool(call.get("Descending"))


@SELECTION.cmdlet(
    "Sort-Object",
    Parameter("Property", "object[]", position=0),
    Parameter("Descending", "switch"),
    Parameter("Unique", "switch"),
    Parameter("CaseSensitive", "switch"),
    Parameter("InputObject", "psobject", pipeline=True),
    end=_sort_end,
)
def sort_object(call: Call) -> None:
    """Sort objects."""
    _gather(call)


# Group-Object and Measure-Object


def _group_end(call: Call) -> Iterator[Value]:
    definitions = call.get("Property") or [None]
    groups: dict[Value, tuple[list[Value], list[Value]]] = {}
    for item in call.state.get("items", []):
        keys = [_sort_key(call, item, d) for d in definitions]
        shown = tuple(text(key) if call.get("CaseSensitive") else text(key).lower() for key in keys)
        groups.setdefault(shown, (keys, []))[1].append(item)
    ordered = list(groups.values())
    if call.get("AsHashTable"):
        if not call.get("AsString"):
            raise NotSimulatedError("Group-Object -AsHashTable without -AsString")
        yield Hashtable([(text(keys[0]), members) for keys, members in ordered])
        return
    for keys, members in sorted(ordered, key=lambda group: text(group[0]).lower()):
        yield PSObject(
            "Microsoft.PowerShell.Commands.GroupInfo",
            {
                "Count": len(members),
                "Name": ", ".join(text(key) for key in keys),
                "Group": PSList(members, "System.Collections.ObjectModel.Collection`1"),
                "Values": PSList(keys),
            },
            columns=("Count", "Name", "Group"),
        )


@SELECTION.cmdlet(
    "Group-Object",
    Parameter("Property", "object[]", position=0),
    Parameter("NoElement", "switch"),
    Parameter("AsHashTable", "switch", aliases=("AHT",)),
    Parameter("AsString", "switch"),
    Parameter("CaseSensitive", "switch"),
    Parameter("InputObject", "psobject", pipeline=True),
    end=_group_end,
)
def group_object(call: Call) -> None:
    """Group objects by what they have in common."""
    _gather(call)


def _measure_end(call: Call) -> Iterator[Value]:
    items = call.state.get("items", [])
    for name in call.get("Property") or [None]:
        values = [item if name is None else read(call, item, name) for item in items]
        values = [value for value in values if value is not None]
        yield _measured(call, values, name)


def _measured(call: Call, values: list[Value], name: str | None) -> PSObject:
    count = len(values)
    result: dict[str, Value] = {
        "Count": count,
        "Average": None,
        "Sum": None,
        "Maximum": None,
        "Minimum": None,
    }
    if call.get("Sum") or call.get("Average"):
        total = sum(float(conversions.number(value)) for value in values)
        result["Sum"] = total if call.get("Sum") and count else None
        result["Average"] = total / count if call.get("Average") and count else None
    if values and (call.get("Maximum") or call.get("Minimum")):
        ordered = sorted(values, key=cmp_to_key(lambda a, b: _compare(a, b, cased=False)))
        result["Maximum"] = _extreme(ordered[-1]) if call.get("Maximum") else None
        result["Minimum"] = _extreme(ordered[0]) if call.get("Minimum") else None
    result["Property"] = name
    return PSObject("Microsoft.PowerShell.Commands.GenericMeasureInfo", result)


def _extreme(value: Value) -> Value:
    return float(value) if conversions.is_number(value) else value


@SELECTION.cmdlet(
    "Measure-Object",
    Parameter("Property", "string[]", position=0, sets=("GenericMeasure",)),
    *(Parameter(name, "switch", sets=("GenericMeasure",)) for name in ("Sum", "Average", "Maximum", "Minimum")),
    Parameter("InputObject", "psobject", pipeline=True),
    default_set="GenericMeasure",
    end=_measure_end,
)
def measure_object(call: Call) -> None:
    """Count, add up, and find the extremes of objects."""
    _gather(call)


# Get-Member


@SELECTION.cmdlet(
    "Get-Member",
    Parameter("Name", "string[]", position=0),
    Parameter("MemberType", "string[]", aliases=("Type",)),
    Parameter("InputObject", "psobject", pipeline=True),
)
def get_member(call: Call) -> Iterator[Value]:
    """Describe the properties of the first object of each type."""
    item = call.get("InputObject")
    kind = conversions.type_name(item)
    if kind in call.state.setdefault("types", []):
        return
    call.state["types"].append(kind)
    if not isinstance(item, PSObject):
        raise NotSimulatedError(f"Get-Member of {kind}")
    patterns = [operators.wildcard(name) for name in call.get("Name") or ["*"]]
    types = [text(name).lower() for name in call.get("MemberType") or []]
    note = kind == CUSTOM_OBJECT or kind.startswith(("Selected.", "Deserialized."))
    member = "NoteProperty" if note else "Property"
    for name in sorted(item.properties, key=str.lower):
        if not any(pattern.fullmatch(name) for pattern in patterns):
            continue
        if types and not {member.lower(), "properties", "all"} & set(types):
            continue
        value = item.properties[name]
        shown = "object" if isinstance(value, Property) else conversions.type_name(value)
        yield PSObject(
            "Microsoft.PowerShell.Commands.MemberDefinition",
            {"Name": name, "MemberType": member, "Definition": f"{shown} {name}", "TypeName": kind},
        )
