"""The cmdlets that run script blocks: for each object of a pipeline, or alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.lab.powershell import conversions
from harness.lab.powershell.cmdlet import Parameter, Registry
from harness.lab.powershell.errors import runtime_error
from harness.lab.powershell.objects import NOTHING, NotSimulatedError, ScriptBlock, Value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.lab.powershell.cmdlet import Call

BLOCKS = Registry()
BLOCKS.alias("%", "ForEach-Object")
BLOCKS.alias("foreach", "ForEach-Object")
BLOCKS.alias("?", "Where-Object")
BLOCKS.alias("where", "Where-Object")


def _foreach_begin(call: Call) -> None:
    if call.get("Begin") is not None:
        call.session.evaluator.invoke_inline(call.get("Begin"), None, call.write_output)


def _foreach_end(call: Call) -> None:
    if call.get("End") is not None:
        call.session.evaluator.invoke_inline(call.get("End"), None, call.write_output)


@BLOCKS.cmdlet(
    "ForEach-Object",
    Parameter("Process", "scriptblock[]", mandatory=True, position=0, sets=("ScriptBlockSet",)),
    Parameter("MemberName", "string", mandatory=True, position=0, sets=("PropertyAndMethodSet",), since="3.0"),
    Parameter("ArgumentList", "object[]", aliases=("Args",), sets=("PropertyAndMethodSet",), since="3.0"),
    Parameter("Begin", "scriptblock", sets=("ScriptBlockSet",)),
    Parameter("End", "scriptblock", sets=("ScriptBlockSet",)),
    Parameter("InputObject", "psobject", pipeline=True),
    default_set="ScriptBlockSet",
    begin=_foreach_begin,
    end=_foreach_end,
    class_name="Microsoft.PowerShell.Commands.ForEachObjectCommand",
)
def foreach_object(call: Call) -> Iterator[Value]:
    """Run a block, or read a member, for each object."""
    item = call.get("InputObject")
    evaluator = call.session.evaluator
    if call.parameter_set == "ScriptBlockSet":
        for block in call.get("Process"):
            evaluator.invoke_inline(block, item, call.write_output)
        return
    name = call.get("MemberName")
    has, value = evaluator.members.lookup(item, name)
    if not has:
        arguments = call.get("ArgumentList") or []
        value = evaluator.members.call(item, name, arguments)
    yield from value if isinstance(value, list) else [value]


_SIMPLE = (
    "EQ",
    "NE",
    "GT",
    "GE",
    "LT",
    "LE",
    "Like",
    "NotLike",
    "Match",
    "NotMatch",
    "Contains",
    "NotContains",
    "In",
    "NotIn",
    "Is",
    "IsNot",
)
_SIMPLE_CASED = ("CEQ", "CNE", "CLike", "CMatch")


@BLOCKS.cmdlet(
    "Where-Object",
    Parameter("FilterScript", "scriptblock", mandatory=True, position=0, sets=("ScriptBlockSet",)),
    Parameter("Property", "string", mandatory=True, position=0, sets=("PropertySet",), since="3.0"),
    Parameter("Value", "object", position=1, sets=("PropertySet",), since="3.0"),
    *(Parameter(name, "switch", sets=("PropertySet",), since="3.0") for name in (*_SIMPLE, *_SIMPLE_CASED)),
    Parameter("InputObject", "psobject", pipeline=True),
    default_set="ScriptBlockSet",
    class_name="Microsoft.PowerShell.Commands.WhereObjectCommand",
)
def where_object(call: Call) -> Iterator[Value]:
    """Pass on the objects for which the condition holds."""
    item = call.get("InputObject")
    evaluator = call.session.evaluator
    if call.parameter_set == "ScriptBlockSet":
        output = evaluator.invoke_inline(call.get("FilterScript"), item)
        if conversions.truth(output[0] if len(output) == 1 else output):
            yield item
        return
    value = evaluator.members.get(item, call.get("Property"))
    operator = next((name.lower() for name in (*_SIMPLE, *_SIMPLE_CASED) if call.get(name)), "")
    if operator in {"is", "isnot"}:
        raise NotSimulatedError(f"Where-Object -{operator}")
    if not operator and "Value" not in call:
        kept = conversions.truth(value)
    else:
        kept = conversions.truth(evaluator.operate(operator or "eq", value, call.get("Value")))
    if kept:
        yield item


@BLOCKS.cmdlet(
    "Invoke-Command",
    Parameter("ScriptBlock", "scriptblock", mandatory=True, position=0),
    Parameter("ArgumentList", "object[]", aliases=("Args",)),
    Parameter("NoNewScope", "switch", since="3.0"),
)
def invoke_command(call: Call) -> Iterator[Value]:
    """Run a script block in this process; sessions belong to the host's own cmdlets."""
    block: ScriptBlock = call.get("ScriptBlock")
    if call.get("NoNewScope"):
        raise NotSimulatedError("Invoke-Command -NoNewScope")
    yield from call.invoke(block, *(call.get("ArgumentList") or []), underscore=NOTHING)


@BLOCKS.cmdlet("Invoke-Expression", Parameter("Command", "string", mandatory=True, position=0, pipeline=True))
def invoke_expression(_call: Call) -> None:
    """Refuse: text that becomes code is what our scripts never do."""
    raise runtime_error(
        "not simulated: Invoke-Expression",
        "NotSimulated",
        "NotImplemented",
        exception="Harness.NotSimulatedException",
    )
