"""Binds a command's arguments to its parameters as PowerShell does: by name, by position, then from the pipeline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.lab.powershell.cmdlet import Parameter
from harness.lab.powershell.conversions import type_name
from harness.lab.powershell.errors import BINDING, VALIDATION, runtime_error
from harness.lab.powershell.formatting import text
from harness.lab.powershell.objects import (
    CaseDict,
    DotNetError,
    Hashtable,
    NotSimulatedError,
    PSList,
    PSObject,
    ScriptBlock,
    TerminatingError,
    Value,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_ACTIONS = ("SilentlyContinue", "Stop", "Continue", "Inquire", "Ignore", "Suspend")
COMMON = (
    Parameter("Verbose", "switch", aliases=("vb",)),
    Parameter("Debug", "switch", aliases=("db",)),
    Parameter("ErrorAction", "string", aliases=("ea",), choices=_ACTIONS),
    Parameter("WarningAction", "string", aliases=("wa",), choices=_ACTIONS),
    Parameter("InformationAction", "string", aliases=("infa",), choices=_ACTIONS, since="5.0"),
    Parameter("ErrorVariable", "string", aliases=("ev",)),
    Parameter("WarningVariable", "string", aliases=("wv",)),
    Parameter("OutVariable", "string", aliases=("ov",)),
    Parameter("OutBuffer", "int", aliases=("ob",)),
    Parameter("PipelineVariable", "string", aliases=("pv",), since="4.0"),
)
RISKY = (Parameter("WhatIf", "switch", aliases=("wi",)), Parameter("Confirm", "switch", aliases=("cf",)))
COMMON_NAMES = frozenset(p.name.lower() for p in (*COMMON, *RISKY))
_NOT_SIMULATED = frozenset({"pipelinevariable", "warningvariable", "outbuffer"})
ALL_SETS = "__AllParameterSets"


@dataclass(frozen=True, slots=True)
class Argument:
    """One element of a command line.

    Args:
        name: The parameter that is named, without dash; ``None`` for a value alone.
        value: The value; for a name, what stood behind a colon or came from a splatted table.
        has_value: Whether a name brought a value along.
    """

    name: str | None
    value: Value = None
    has_value: bool = False


Convert = "Callable[[Value, str], Value]"


class Binder:
    """Binds one command.

    Args:
        command: Its name, for errors.
        parameters: Declared parameters, the common ones included.
        default_set: The default parameter set.
        convert: Converts a value to a type by name.
        lenient: A simple function: what doesn't fit goes to ``$args``.
        script: A function, whose parameters' types transform instead of convert.
    """

    def __init__(
        self,
        command: str,
        parameters: Sequence[Parameter],
        default_set: str,
        convert: Callable[[Value, str], Value],
        *,
        lenient: bool = False,
        script: bool = False,
    ) -> None:
        self.command = command
        self.parameters = parameters
        self.default_set = default_set
        self.convert = convert
        self.lenient = lenient
        self.script = script
        self.bound: CaseDict[Value] = CaseDict()
        self.rest: list[Value] = []
        self.open: list[Parameter] | None = None
        self.sets = {name for p in parameters for name in p.sets} or {ALL_SETS}

    # Errors

    def error(
        self, message: str, error_id: str, *, exception: str = BINDING, category: str = "InvalidArgument"
    ) -> TerminatingError:
        """Make a binding error."""
        found = runtime_error(message, f"{error_id},{self.command}", category, exception=exception)
        found.record.activity = self.command
        return found

    # Names

    def find(self, name: str) -> Parameter | None:
        """Find a parameter by name, alias or unambiguous beginning of either."""
        wanted = name.lower()
        for parameter in self.parameters:
            if wanted == parameter.name.lower() or wanted in (alias.lower() for alias in parameter.aliases):
                return parameter
        matches = [
            parameter
            for parameter in self.parameters
            if any(known.lower().startswith(wanted) for known in (parameter.name, *parameter.aliases))
        ]
        if len(matches) > 1:
            # A declared parameter isn't made ambiguous by a common one.
            own = [parameter for parameter in matches if parameter.name.lower() not in COMMON_NAMES]
            matches = own if len(own) == 1 else matches
        if len(matches) > 1:
            listed = " ".join(f"-{parameter.name}" for parameter in matches)
            raise self.error(
                f"Parameter cannot be processed because the parameter name '{name}' is ambiguous. "
                f"Possible matches include: {listed}.",
                "AmbiguousParameter",
            )
        return matches[0] if matches else None

    # Values

    def store(self, parameter: Parameter, value: Value) -> None:
        """Convert, validate and bind a value."""
        if parameter.name in self.bound:
            raise self.error(
                f"Cannot bind parameter because parameter '{parameter.name}' is specified more than once. To provide "
                "multiple values to parameters that can accept multiple values, use the array syntax. For example, "
                '"-parameter value1,value2,value3".',
                "ParameterAlreadyBound",
            )
        if parameter.name.lower() in _NOT_SIMULATED:
            raise NotSimulatedError(f"the common parameter -{parameter.name}")
        self.bound[parameter.name] = self.prepared(parameter, value)
        if parameter.sets:
            self.sets &= set(parameter.sets)
            if not self.sets:
                raise self.error(
                    "Parameter set cannot be resolved using the specified named parameters.",
                    "AmbiguousParameterSet",
                )

    def prepared(self, parameter: Parameter, value: Value) -> Value:
        """Convert and validate a value for a parameter."""
        self._refuse_empty(parameter, value)
        converted = self._converted(parameter, value)
        if parameter.choices:
            converted = self._choice(parameter, converted)
        if parameter.validate is not None:
            wrong = parameter.validate(converted)
            if wrong:
                raise self.error(
                    f"Cannot validate argument on parameter '{parameter.name}'. {wrong}",
                    "ParameterArgumentValidationError",
                    exception=VALIDATION,
                    category="InvalidData",
                )
        return converted

    def _refuse_empty(self, parameter: Parameter, value: Value) -> None:
        if not parameter.mandatory or parameter.allow_null:
            return
        if value is None:
            what, error_id = "null", "NullNotAllowed"
        elif value == "" and parameter.type.startswith("string"):
            what, error_id = "an empty string", "EmptyStringNotAllowed"
        elif isinstance(value, list) and not value:
            what, error_id = "an empty array", "EmptyArrayNotAllowed"
        else:
            return
        raise self.error(
            f"Cannot bind argument to parameter '{parameter.name}' because it is {what}.",
            f"ParameterArgumentValidationError{error_id}",
            exception=VALIDATION,
            category="InvalidData",
        )

    def _converted(self, parameter: Parameter, value: Value) -> Value:
        if parameter.type == "object":
            return value
        try:
            return self._as_type(parameter.type, value)
        except (DotNetError, TerminatingError) as error:
            raise self._not_convertible(parameter, value, str(error)) from None

    def _as_type(self, wanted: str, value: Value) -> Value:
        if wanted == "switch":
            return self._switch(value)
        if isinstance(value, list) and not self.lenient and not _takes_list(wanted):
            raise DotNetError("Specified method is not supported.")
        if value is None and wanted.lower() == "string":
            return None if not self.lenient else ""
        if wanted.lower() == "bool" and isinstance(value, str):
            raise DotNetError(
                "Boolean parameters accept only Boolean values and numbers, such as $True, $False, 1 or 0."
            )
        return self.convert(value, wanted)

    @staticmethod
    def _switch(value: Value) -> bool:
        if isinstance(value, bool):
            return value
        if isinstance(value, int | float):
            return bool(value)
        raise DotNetError(
            f'Cannot convert the "{text(value)}" value of type "{type_name(value)}" to type '
            '"System.Management.Automation.SwitchParameter".'
        )

    def _not_convertible(self, parameter: Parameter, value: Value, reason: str) -> TerminatingError:
        if self.script and parameter.type != "switch":
            return self.error(
                f"Cannot process argument transformation on parameter '{parameter.name}'. {reason}",
                "ParameterArgumentTransformationError",
                exception="System.Management.Automation.ParameterBindingArgumentTransformationException",
                category="InvalidData",
            )
        shown = type_name(value) if isinstance(value, list | PSObject) else text(value)
        if isinstance(value, list):
            message = (
                f"Cannot convert '{shown}' to the type '{parameter.type}' required by parameter '{parameter.name}'. "
                f"{reason}"
            )
            error_id = "CannotConvertArgument"
        else:
            message = f"Cannot bind parameter '{parameter.name}'. {reason}"
            if "Cannot convert" not in reason:
                message = (
                    f"Cannot process argument transformation on parameter '{parameter.name}'. "
                    f'Cannot convert value "{shown}" to type "{parameter.type}". {reason}'
                )
            error_id = "CannotConvertArgumentNoMessage"
        return self.error(message, error_id)

    def _choice(self, parameter: Parameter, value: Value) -> Value:
        listed = value if isinstance(value, list) else [value]
        for item in listed:
            if text(item).lower() not in (choice.lower() for choice in parameter.choices):
                known = ",".join(parameter.choices)
                raise self.error(
                    f"Cannot validate argument on parameter '{parameter.name}'. The argument \"{text(item)}\" does not "
                    f'belong to the set "{known}" specified by the ValidateSet attribute. Supply an argument that is '
                    "in the set and then try the command again.",
                    "ParameterArgumentValidationError",
                    exception=VALIDATION,
                    category="InvalidData",
                )
        return value

    # The command line

    def bind(self, arguments: Sequence[Argument]) -> None:
        """Bind the command line: first what is named, then the values alone by position."""
        positional: list[Value] = []
        pending = list(arguments)
        while pending:
            argument = pending.pop(0)
            if argument.name is None:
                positional.append(argument.value)
                continue
            parameter = self.find(argument.name)
            if parameter is None:
                self._unknown(argument, positional)
            elif parameter.type == "switch":
                self.store(parameter, argument.value if argument.has_value else True)
            elif argument.has_value:
                self.store(parameter, argument.value)
            elif pending and pending[0].name is None:
                self.store(parameter, pending.pop(0).value)
            else:
                raise self.error(
                    f"Missing an argument for parameter '{parameter.name}'. Specify a parameter of type "
                    f"'{parameter.type}' and try again.",
                    "MissingArgument",
                )
        self._positions(positional)

    def _unknown(self, argument: Argument, positional: list[Value]) -> None:
        if not self.lenient:
            raise self.error(
                f"A parameter cannot be found that matches parameter name '{argument.name}'.",
                "NamedParameterNotFound",
            )
        positional.append(f"-{argument.name}" + (":" if argument.has_value else ""))
        if argument.has_value:
            positional.append(argument.value)

    def _positions(self, values: list[Value]) -> None:
        while values:
            parameter = self._next_position(values[0])
            if parameter is None:
                break
            self.store(parameter, values.pop(0))
        if not values:
            return
        remaining = next((p for p in self.parameters if p.remaining and p.name not in self.bound), None)
        if remaining is not None:
            # A single value that is a list already is taken for all of them.
            self.store(remaining, values[0] if len(values) == 1 else values)
        elif self.lenient:
            self.rest = values
        else:
            raise self.error(
                f"A positional parameter cannot be found that accepts argument '{text(values[0])}'.",
                "PositionalParameterNotFound",
            )

    def _next_position(self, value: Value) -> Parameter | None:
        candidates = [
            p
            for p in self.parameters
            if p.position is not None
            and not p.remaining
            and p.name not in self.bound
            and (not p.sets or self.sets & set(p.sets))
        ]
        if not candidates:
            return None
        first = min(p.position for p in candidates if p.position is not None)
        level = [p for p in candidates if p.position == first]
        # The default set comes first, and a parameter that takes the value as it is before one that has to convert it.
        level.sort(key=lambda p: (bool(p.sets) and self.default_set not in p.sets, not self._fits(p, value)))
        for parameter in level[:-1]:
            try:
                self.prepared(parameter, value)
            except TerminatingError:
                continue
            return parameter
        return level[-1]

    def _fits(self, parameter: Parameter, value: Value) -> bool:
        try:
            return self._converted(parameter, value) is value
        except TerminatingError:
            return False

    # Parameter sets

    def resolve(self, *, pipeline: bool) -> str:
        """Choose the parameter set and insist on what is mandatory.

        Args:
            pipeline: Whether the pipeline may still bring values.

        Raises:
            TerminatingError: No set fits, several do, or something mandatory is missing.
        """
        candidates = sorted(self.sets)
        complete = [name for name in candidates if not self._missing(name, pipeline=pipeline)]
        if self.default_set in candidates and (self.default_set in complete or not complete):
            chosen = self.default_set
        elif len(complete) == 1:
            chosen = complete[0]
        elif len(candidates) == 1:
            chosen = candidates[0]
        elif complete and not self.default_set and all(self._same(complete[0], name) for name in complete):
            chosen = complete[0]
        else:
            raise self.error(
                "Parameter set cannot be resolved using the specified named parameters.",
                "AmbiguousParameterSet",
            )
        missing = self._missing(chosen, pipeline=pipeline)
        if missing:
            raise self.error(
                f"Cannot process command because of one or more missing mandatory parameters: {' '.join(missing)}.",
                "MissingMandatoryParameter",
            )
        return "" if chosen == ALL_SETS else chosen

    def _same(self, one: str, other: str) -> bool:
        def mandatory(name: str) -> set[str]:
            return {p.name for p in self.parameters if p.mandatory and (not p.sets or name in p.sets)}

        return bool(mandatory(one)) and mandatory(one) == mandatory(other)

    def _missing(self, name: str, *, pipeline: bool) -> list[str]:
        return [
            p.name
            for p in self.parameters
            if p.mandatory
            and (not p.sets or name in p.sets)
            and p.name not in self.bound
            and not (pipeline and (p.pipeline or p.pipeline_by_name))
        ]

    # The pipeline

    def takes_pipeline(self) -> bool:
        """Say whether any parameter that is still free takes pipeline input."""
        return any((p.pipeline or p.pipeline_by_name) and p.name not in self.bound for p in self.parameters)

    def from_pipeline(self, item: Value, reader: Callable[[Value, str], tuple[bool, Value]]) -> CaseDict[Value]:
        """Bind one pipeline object.

        Args:
            item: The object.
            reader: Gives whether an object has a property, and its value.

        Raises:
            TerminatingError: No parameter takes it.
        """
        found: CaseDict[Value] = CaseDict()
        free = self._free()
        by_value = [p for p in free if p.pipeline]
        # As it is by value, then by property name, then converted.
        if not self._first(by_value, item, found, exact=True):
            self._by_name(free, item, reader, found)
            if not found:
                self._first(by_value, item, found, exact=False)
        elif any(p.pipeline_by_name for p in free):
            self._by_name([p for p in free if p.name not in found], item, reader, found)
        if not found:
            raise self.error(
                "The input object cannot be bound to any parameters for the command either because the command "
                "does not "
                "take pipeline input or the input and its properties do not match any of the parameters that take "
                "pipeline input.",
                "InputObjectNotBound",
            )
        return found

    def _free(self) -> list[Parameter]:
        """Give the parameters that pipeline objects may fill; they are the same for each object."""
        if self.open is None:
            self.open = [
                p
                for p in self.parameters
                if (p.pipeline or p.pipeline_by_name)
                and p.name not in self.bound
                and (not p.sets or self.sets & set(p.sets))
            ]
        return self.open

    def _first(self, parameters: list[Parameter], item: Value, found: CaseDict[Value], *, exact: bool) -> bool:
        for parameter in parameters:
            if exact and not self._fits(parameter, item):
                continue
            try:
                found[parameter.name] = self.prepared(parameter, item)
            except TerminatingError:
                continue
            return True
        return False

    def _by_name(
        self,
        parameters: list[Parameter],
        item: Value,
        reader: Callable[[Value, str], tuple[bool, Value]],
        found: CaseDict[Value],
    ) -> None:
        for parameter in parameters:
            if not parameter.pipeline_by_name:
                continue
            for name in (parameter.name, *parameter.aliases):
                has, value = reader(item, name)
                if has:
                    found[parameter.name] = self.prepared(parameter, value)
                    break


def _takes_list(wanted: str) -> bool:
    folded = wanted.lower()
    return (
        folded.endswith("[]")
        or folded in {"object", "psobject", "array", "system.collections.arraylist"}
        or "multivalued" in folded
    )


def splat(value: Value) -> list[Argument]:
    """Give the arguments of ``@table`` or ``@array``."""
    if isinstance(value, Hashtable):
        return [Argument(text(key), item, has_value=True) for key, item in value.items()]
    items = value if isinstance(value, list) else [value]
    return [Argument(None, item) for item in items]


__all__ = [
    "ALL_SETS",
    "COMMON",
    "COMMON_NAMES",
    "RISKY",
    "Argument",
    "Binder",
    "PSList",
    "ScriptBlock",
    "splat",
]
