"""What a function's ``param`` block declares."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.lab.powershell import conversions, operators
from harness.lab.powershell.binding import COMMON, RISKY
from harness.lab.powershell.cmdlet import Parameter
from harness.lab.powershell.formatting import text
from harness.lab.powershell.objects import NotSimulatedError, ScriptBlock, Value

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.lab.powershell.evaluator import Evaluator
    from harness.lab.powershell.syntax import Attribute, ParameterDefinition, ScriptBlockNode

_IGNORED = {"cmdletbinding", "outputtype", "diagnostics.codeanalysis.suppressmessageattribute"}
_PARAMETER_OPTIONS = {
    "mandatory",
    "position",
    "parametersetname",
    "valuefrompipeline",
    "valuefrompipelinebypropertyname",
    "valuefromremainingarguments",
    "helpmessage",
}


def is_advanced(body: ScriptBlockNode) -> bool:
    """Say whether a function binds as strictly as a cmdlet: it has ``CmdletBinding`` or a ``Parameter`` attribute."""
    if body.params is None:
        return False
    if any(attribute.name.lower() == "cmdletbinding" for attribute in body.params.attributes):
        return True
    return any(a.name.lower() == "parameter" for p in body.params.parameters for a in p.attributes)


def declared_parameters(body: ScriptBlockNode, evaluator: Evaluator, *, advanced: bool) -> list[Parameter]:
    """Give the parameters of a function; the common ones too where it is advanced."""
    if body.params is None:
        return []
    risky = False
    for attribute in body.params.attributes:
        if attribute.name.lower() not in _IGNORED:
            raise NotSimulatedError(f"the attribute [{attribute.name}()]", attribute.line, attribute.column)
        options = {name.lower(): evaluator.value(node) for name, node in attribute.named}
        risky = risky or bool(options.get("supportsshouldprocess"))
        if options.get("defaultparametersetname"):
            raise NotSimulatedError("DefaultParameterSetName of a function", attribute.line, attribute.column)
    definitions = body.params.parameters
    explicit = any(name.lower() == "position" for d in definitions for a in d.attributes for name, _ in a.named)
    own = [
        _parameter(definition, None if explicit else index, evaluator)
        for index, definition in enumerate(d for d in definitions if not _is_switch(d))
    ]
    own += [_parameter(definition, None, evaluator) for definition in definitions if _is_switch(definition)]
    if not advanced:
        return own
    names = {p.name.lower() for p in own}
    shared = (*COMMON, *(RISKY if risky else ()))
    return [*own, *(p for p in shared if p.name.lower() not in names and evaluator.session.has(p.since))]


def _is_switch(definition: ParameterDefinition) -> bool:
    return any(t.name.lower() in {"switch", "switchparameter"} for t in definition.types)


def _parameter(definition: ParameterDefinition, position: int | None, evaluator: Evaluator) -> Parameter:
    found: dict[str, Value] = {"position": position}
    checks: list[Callable[[Value], str | None]] = []
    for attribute in definition.attributes:
        _apply(attribute, found, checks, evaluator)
    if "mandatory" not in found:
        found["allow_null"] = True
    type_name = "switch" if _is_switch(definition) else (definition.types[0].name if definition.types else "object")

    def validate(value: Value) -> str | None:
        return next((wrong for check in checks if (wrong := check(value))), None)

    return Parameter(definition.name, type_name, validate=validate if checks else None, **found)


def _apply(
    attribute: Attribute,
    found: dict[str, Value],
    checks: list[Callable[[Value], str | None]],
    evaluator: Evaluator,
) -> None:
    name = attribute.name.lower().removesuffix("attribute")
    if name == "parameter":
        _apply_parameter(attribute, found, evaluator)
    elif name == "alias":
        found["aliases"] = tuple(text(evaluator.value(node)) for node in attribute.positional)
    elif name in {"allownull", "allowemptystring", "allowemptycollection"}:
        found["allow_null"] = True
    elif name == "validateset":
        found["choices"] = tuple(text(evaluator.value(node)) for node in attribute.positional)
    elif name in _CHECKS:
        values = [evaluator.value(node) for node in attribute.positional]
        checks.append(_CHECKS[name](values, evaluator))
    else:
        raise NotSimulatedError(f"the attribute [{attribute.name}()]", attribute.line, attribute.column)


def _apply_parameter(attribute: Attribute, found: dict[str, Value], evaluator: Evaluator) -> None:
    for name, node in attribute.named:
        lowered = name.lower()
        if lowered not in _PARAMETER_OPTIONS:
            raise NotSimulatedError(f"{name} of [Parameter()]", attribute.line, attribute.column)
        value = evaluator.value(node)
        if lowered == "mandatory" and conversions.truth(value):
            found["mandatory"] = True
        elif lowered == "position":
            found["position"] = int(value)
        elif lowered == "parametersetname":
            found["sets"] = (*found.get("sets", ()), text(value))
        elif lowered == "valuefrompipeline":
            found["pipeline"] = conversions.truth(value)
        elif lowered == "valuefrompipelinebypropertyname":
            found["pipeline_by_name"] = conversions.truth(value)
        elif lowered == "valuefromremainingarguments":
            found["remaining"] = conversions.truth(value)


def _not_empty(_values: list[Value], _evaluator: Evaluator) -> Callable[[Value], str | None]:
    def check(value: Value) -> str | None:
        if value is None or value == "" or (isinstance(value, list) and not value):
            return (
                "The argument is null or empty. Provide an argument that is not null or empty, and then try the "
                "command again."
            )
        return None

    return check


def _range(values: list[Value], _evaluator: Evaluator) -> Callable[[Value], str | None]:
    least, most = values

    def check(value: Value) -> str | None:
        if operators.order(value, least) < 0:
            return f"The {text(value)} argument is less than the minimum allowed range of {text(least)}."
        if operators.order(value, most) > 0:
            return f"The {text(value)} argument is greater than the maximum allowed range of {text(most)}."
        return None

    return check


def _pattern(values: list[Value], _evaluator: Evaluator) -> Callable[[Value], str | None]:
    pattern = text(values[0])

    def check(value: Value) -> str | None:
        if operators.regex(pattern).search(text(value)):
            return None
        return f'The argument "{text(value)}" does not match the "{pattern}" pattern.'

    return check


def _script(values: list[Value], evaluator: Evaluator) -> Callable[[Value], str | None]:
    block: ScriptBlock = values[0]

    def check(value: Value) -> str | None:
        output = evaluator.invoke_block(block, (), value)
        if conversions.truth(output):
            return None
        return (
            f'The "{block.body.text}" validation script for the argument with value "{text(value)}" did not return a '
            "result of True."
        )

    return check


_CHECKS: dict[str, Callable[[list[Value], Evaluator], Callable[[Value], str | None]]] = {
    "validatenotnullorempty": _not_empty,
    "validatenotnull": _not_empty,
    "validaterange": _range,
    "validatepattern": _pattern,
    "validatescript": _script,
}
