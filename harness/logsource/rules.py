"""A protocol's conditional rules: which parameters are asked for, once some values are known.

How a console goes by its rules isn't published beyond their fields. Believed here: a pattern must match the whole
value; a parameter with rules that make it available is available only where one of them holds; and what isn't
available isn't required.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.collect.pattern import compile_java
from harness.errors import FilePatternError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.logsource.schema import ConsoleParameter, ProtocolType, Rule


@dataclass(frozen=True, slots=True)
class Condition:
    """What the rules make of a parameter.

    Args:
        available: Whether the console has any use for it.
        required: Whether it must have a value.
        default: Its value where none is given.
        why: The rule that decided, for people; empty where none did.
    """

    available: bool
    required: bool
    default: str
    why: str = ""


def conditions(protocol: ProtocolType, given: Mapping[int, str]) -> dict[int, Condition]:
    """Say what is asked for.

    Args:
        protocol: The protocol, as the console describes it.
        given: The values by the parameters' ids.

    Returns:
        By the parameters' ids.
    """
    by_id = {each.id: each for each in protocol.parameters}
    rules: dict[int, list[Rule]] = {}
    for owner in protocol.parameters:
        for rule in owner.rules:
            rules.setdefault(owner.id if rule.parameter_id is None else rule.parameter_id, []).append(rule)
    return {each.id: _condition(each, rules.get(each.id, ()), by_id, given) for each in protocol.parameters}


@dataclass(frozen=True, slots=True)
class _Said:
    """What one rule says, where it holds.

    Args:
        rule: The rule.
        holds: Whether it holds.
        shown: Its condition, for people.
    """

    rule: Rule
    holds: bool
    shown: str

    @property
    def is_true(self) -> bool:
        """Whether the property becomes true by it."""
        return self.rule.affected_property_value.strip().casefold() == "true"


def _condition(
    parameter: ConsoleParameter,
    rules: Sequence[Rule],
    by_id: Mapping[int, ConsoleParameter],
    given: Mapping[int, str],
) -> Condition:
    said: dict[str, list[_Said]] = {}
    for rule in rules:
        each = _Said(rule, _holds(rule, by_id, given), _shown(rule, by_id))
        said.setdefault(rule.affected_property.upper(), []).append(each)
    holding = {property_: [each for each in them if each.holds] for property_, them in said.items()}
    available, why = _available(said.get("AVAILABLE", ()))
    required = parameter.required
    for each in holding.get("REQUIRED", ()):
        if required != each.is_true:
            required, why = each.is_true, why or f"because {each.shown}"
    default = parameter.default_value or ""
    for each in holding.get("DEFAULT", ()):
        default = each.rule.affected_property_value
    return Condition(available, required and available, default, why)


def _available(said: Sequence[_Said]) -> tuple[bool, str]:
    """Say whether a parameter is available, and where it isn't, why."""
    offers = [each for each in said if each.is_true]
    if offers and not any(each.holds for each in offers):
        return False, "only where " + " or ".join(each.shown for each in offers)
    for each in said:
        if each.holds and not each.is_true:
            return False, f"because {each.shown}"
    return True, ""


def _holds(rule: Rule, by_id: Mapping[int, ConsoleParameter], given: Mapping[int, str]) -> bool:
    trigger = by_id.get(rule.trigger_parameter_id)
    value = given.get(rule.trigger_parameter_id) or (trigger.default_value or "" if trigger else "")
    try:
        return compile_java(rule.trigger_pattern).fullmatch(value) is not None
    except FilePatternError:  # `unreadable` lists it
        return False


def unreadable(protocol: ProtocolType) -> list[str]:
    """List the patterns of a protocol's rules and parameters that harness can't run, so that nobody counts on them."""
    patterns = [each.pattern for each in protocol.parameters if each.pattern]
    patterns += [rule.trigger_pattern for each in protocol.parameters for rule in each.rules]
    found = []
    for pattern in dict.fromkeys(patterns):
        try:
            compile_java(pattern)
        except FilePatternError:
            found.append(pattern)
    return found


def _shown(rule: Rule, by_id: Mapping[int, ConsoleParameter]) -> str:
    trigger = by_id.get(rule.trigger_parameter_id)
    name = trigger.shown if trigger else f"parameter {rule.trigger_parameter_id}"
    return f"{name!r} is {rule.trigger_pattern!r}"
