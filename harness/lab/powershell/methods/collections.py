"""Properties and methods of lists and tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.lab.powershell import conversions
from harness.lab.powershell.formatting import text
from harness.lab.powershell.methods.tables import OUT_OF_RANGE, as_index
from harness.lab.powershell.objects import DotNetError, Hashtable, PSList, PSObject, Value

if TYPE_CHECKING:
    from harness.lab.powershell.invocation import Invocation
    from harness.lab.powershell.methods.tables import Methods, Properties

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
    value.insert(as_index(at), item)


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
    index = as_index(at)
    if not 0 <= index < len(value):
        raise DotNetError(
            "Index was out of range. Must be non-negative and less than "
            "the size of the collection.\nParameter name: index",
            OUT_OF_RANGE,
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


def _keys(value: Hashtable, _owner: Invocation) -> PSList:
    return PSList([key for key, _ in value.items()], "System.Collections.Hashtable+KeyCollection", fixed=True)


def _values(value: Hashtable, _owner: Invocation) -> PSList:
    return PSList([item for _, item in value.items()], "System.Collections.Hashtable+ValueCollection", fixed=True)


PROPERTIES: Properties = {
    ("hashtable", "count"): lambda v, _o: len(v),
    ("hashtable", "keys"): _keys,
    ("hashtable", "values"): _values,
    ("list", "length"): lambda v, _o: len(v),
    ("list", "rank"): lambda _v, _o: 1,
}
for _kind in ("list", "arraylist", "collection"):
    PROPERTIES[_kind, "count"] = lambda v, _o: len(v)
METHODS: Methods = {
    ("hashtable", "add"): ("2.0", _table_add),
    ("hashtable", "remove"): ("2.0", _table_remove),
    ("hashtable", "clear"): ("2.0", lambda _o, v: v.clear()),
    ("hashtable", "clone"): ("2.0", lambda _o, v: v.copy()),
    ("hashtable", "contains"): ("2.0", lambda _o, v, key: key in v),
    ("hashtable", "containskey"): ("2.0", lambda _o, v, key: key in v),
    ("hashtable", "containsvalue"): ("2.0", lambda _o, v, item: any(one == item for _, one in v.items())),
    ("hashtable", "getenumerator"): ("2.0", _entries),
}
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
        (_kind, "getvalue"): ("2.0", lambda _o, v, at: v[as_index(at)]),
        (_kind, "getlength"): ("2.0", lambda _o, v, _dimension: len(v)),
        (_kind, "getenumerator"): ("2.0", lambda _o, v: list(v)),
        (_kind, "where"): ("4.0", _where),
        (_kind, "foreach"): ("4.0", _for_each),
    }
