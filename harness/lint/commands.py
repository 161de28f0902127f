"""The commands of a script: that each exists where the script runs, and takes what it is given."""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING

from harness.lab.powershell.syntax import (
    Binary,
    Command,
    FunctionDefinition,
    If,
    Index,
    Invoke,
    Literal,
    Member,
    ParameterToken,
    Pipeline,
    ScriptBlockExpression,
    Unary,
    Variable,
)
from harness.lint.aliases import ALIASES
from harness.lint.constructs import simplified
from harness.lint.table import COMMON, COMMON_SWITCHES
from harness.lint.values import Hash, Text, Variables

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from harness.lab.powershell.syntax import Node, Script
    from harness.lint.table import Cmdlet, Platform, Table

_FORBIDDEN = {
    "invoke-expression": "it makes code of text",
    "write-host": "it writes past the output, where nothing reads it",
    "read-host": "nobody is there to answer",
}
_READS = frozenset({"get", "test"})


@dataclass(frozen=True, slots=True)
class Remark:
    """Something wrong at a node of a rendered script."""

    node: Node
    rule: str
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a script finds where it runs.

    Args:
        table: The cmdlets that there are.
        platform: The versions of Exchange, PowerShell and Windows.
        functions: Functions of scripts that are loaded before, by lower-case name.
        own: Whether the script is harness's own: then its style counts too, and nothing may stay unknown.
        blocks: Variables that hold script blocks and may be called, in lower case.
    """

    table: Table
    platform: Platform
    functions: Mapping[str, FunctionDefinition] = field(default_factory=dict)
    own: bool = True
    blocks: frozenset[str] = frozenset()


def functions(script: Script) -> dict[str, FunctionDefinition]:
    """Give the functions that a script defines, by lower-case name without a scope."""
    return {
        node.name.rpartition(":")[2].lower(): node for node in script.walk() if isinstance(node, FunctionDefinition)
    }


class Commands:
    """The check of one script for one platform.

    Args:
        script: The script.
        around: What it finds where it runs.
    """

    def __init__(self, script: Script, around: Surroundings) -> None:
        self._script = script
        self._around = around
        self._variables = Variables(script)
        self._functions = {**around.functions, **functions(script)}
        self.exchange: dict[str, Node] = {}
        """The Exchange cmdlets that are called, and where first."""
        self.web: Node | None = None
        """Where the first cmdlet of IIS's is called."""

    def remarks(self) -> Iterator[Remark]:
        """Give what is wrong with any command."""
        yield from self._visit(self._script, frozenset())

    def _visit(self, node: Node, present: frozenset[str]) -> Iterator[Remark]:
        """Go through a node; ``present`` are commands that the script has made sure of."""
        if isinstance(node, If):
            yield from self._if(node, present)
            return
        if isinstance(node, Pipeline):
            yield from self._pipe(node)
        if isinstance(node, Command):
            yield from self._command(node, present)
        for child in node.children():
            yield from self._visit(child, present)

    def _if(self, node: If, present: frozenset[str]) -> Iterator[Remark]:
        absent: frozenset[str] = frozenset()
        for condition, block in node.clauses:
            yield from self._visit(condition, present | absent)
            sure, unsure = self._asked(condition)
            yield from self._visit(block, present | absent | sure)
            absent |= unsure
        if node.otherwise is not None:
            yield from self._visit(node.otherwise, present | absent)

    def _asked(self, condition: Node) -> tuple[frozenset[str], frozenset[str]]:
        """Give the commands that are there when a condition holds, and those that are there when it doesn't."""
        if any(isinstance(node, Binary) for node in condition.walk()):
            return frozenset(), frozenset()
        names: set[str] = set()
        for node in condition.walk():
            if isinstance(node, Variable):
                for source in self._variables.assigned(node.name):
                    names |= self._get_command(source)
        names |= self._get_command(condition)
        negated = any(isinstance(node, Unary) and node.operator == "not" for node in condition.walk())
        return (frozenset(), frozenset(names)) if negated else (frozenset(names), frozenset())

    @staticmethod
    def _get_command(node: Node) -> set[str]:
        return {
            element.value.lower()
            for command in node.walk()
            if isinstance(command, Command) and _word(command.name).lower() == "get-command"
            for element in command.elements
            if isinstance(element, Literal) and isinstance(element.value, str)
        }

    # One command

    def _command(self, command: Command, present: frozenset[str]) -> Iterator[Remark]:
        names = list(self._names(command))
        if None in names:
            if self._around.own:
                yield Remark(
                    _first(command.name), "dynamic-name", "lint can't tell which command is called here", _DYNAMIC
                )
            return
        for name in dict.fromkeys(name for name in names if name is not None):
            yield from self._named(command, name, present)

    def _names(self, command: Command) -> Iterator[str | None]:
        """Give every name that the command can have; None for one that can't be told."""
        node = command.name
        if not command.operator:
            yield _word(node) or None
            return
        if isinstance(node, ScriptBlockExpression):
            return
        if isinstance(node, Variable) and node.name.lower() in self._around.blocks:
            return
        for value in self._variables.values(node):
            yield value.value if isinstance(value, Text) else None

    def _named(self, command: Command, name: str, present: frozenset[str]) -> Iterator[Remark]:
        around, folded = self._around, name.lower()
        if around.own and folded in _FORBIDDEN:
            yield Remark(command, "forbidden", f"{name} is not used in harness's scripts: {_FORBIDDEN[folded]}")
            return
        if folded in self._functions:
            yield from self._call(command, self._functions[folded])
            return
        if folded in ALIASES:
            if around.own:
                yield Remark(command, "alias", f"{name!r} is an alias", f"write {ALIASES[folded]}")
            name = ALIASES[folded]
        cmdlet = around.table.cmdlet(name)
        if cmdlet is not None:
            yield from self._cmdlet(command, cmdlet, sure=name.lower() in present)
            return
        program = folded.removesuffix(".exe")
        if program in around.table.programs:
            yield from self._program(command, program)
        elif around.own:
            close = get_close_matches(name, around.table.names(), n=1, cutoff=0.8)
            hint = f"did you mean {close[0]}?" if close else "add it to the table with its source, or define it"
            yield Remark(command, "cmdlet", f"lint knows no command {name!r}", hint)

    def _program(self, command: Command, program: str) -> Iterator[Remark]:
        since = self._around.table.programs[program]
        first = command.elements[0] if command.elements else None
        if program == "netsh" and first is not None and _word(first).lower() == "advfirewall":
            since, program = "2008", "netsh advfirewall"
        if not self._around.platform.has_windows(since):
            message = f"{program} came with Windows Server {since}"
            yield Remark(command, "cmdlet", message)

    def _cmdlet(self, command: Command, cmdlet: Cmdlet, *, sure: bool) -> Iterator[Remark]:
        platform = self._around.platform
        if cmdlet.source == "exchange":
            self.exchange.setdefault(cmdlet.name, command)
        elif cmdlet.source == "web" and self.web is None:
            self.web = command
        if not cmdlet.on(platform):
            if not sure:
                has = " and ".join(str(each) for each in cmdlet.versions)
                yield Remark(_first(command.name), "cmdlet", f"{cmdlet.name} exists in {has} only")
            return
        if simplified(command):
            return
        allowed = {name.lower(): name for name in cmdlet.known_on(platform)}
        yield from self._arguments(command, _Takes(cmdlet.name, allowed, cmdlet.switches, cmdlet.positional, cmdlet))
        if self._around.own and cmdlet.source == "exchange" and _verb(cmdlet.name) not in _READS:
            yield from self._confirm(command, cmdlet)

    def _call(self, command: Command, function: FunctionDefinition) -> Iterator[Remark]:
        params = function.body.params
        definitions = params.parameters if params else ()
        switches = {
            each.name.lower()
            for each in definitions
            if any(kind.name.lower() in {"switch", "switchparameter"} for kind in each.types)
        }
        names = {each.name.lower(): each.name for each in definitions}
        yield from self._arguments(
            command, _Takes(function.name, names, frozenset(switches), len(names) - len(switches), None)
        )

    # What it is given

    def _arguments(self, command: Command, takes: _Takes) -> Iterator[Remark]:
        elements = list(command.elements)
        positional: list[Node] = []
        while elements:
            element = elements.pop(0)
            if isinstance(element, ParameterToken):
                yield from self._parameter(element, takes)
                follows = element.value is None and element.name.lower() not in takes.switches | COMMON_SWITCHES
                if follows and elements and not isinstance(elements[0], ParameterToken):
                    elements.pop(0)
                elif follows and element.name.lower() in takes.names:
                    yield Remark(element, "parameter", f"-{element.name} of {takes.name} is given no value")
            elif isinstance(element, Variable) and element.splat:
                yield from self._splat(element, takes)
            else:
                positional.append(element)
        if len(positional) > takes.positional:
            node = positional[takes.positional]
            message = f"{takes.name} takes {_count(takes.positional)} without a name, not {len(positional)}"
            yield Remark(node, "positional", message, "name each parameter")

    def _parameter(self, element: ParameterToken | Text, takes: _Takes) -> Iterator[Remark]:
        name = element.name if isinstance(element, ParameterToken) else element.value
        node = element if isinstance(element, ParameterToken) else element.node
        if name.lower() in takes.names or name.lower() in COMMON:
            return
        elsewhere = takes.cmdlet.parameters.get(name.lower()) if takes.cmdlet else None
        if elsewhere is not None:
            where = " and ".join(str(each) for each in elsewhere[1])
            yield Remark(node, "parameter", f"-{elsewhere[0]} of {takes.name} exists in {where} only")
            return
        begin = [full for folded, full in takes.names.items() if folded.startswith(name.lower())]
        if len(begin) == 1:
            if self._around.own:
                yield Remark(node, "parameter", f"-{name} is short for -{begin[0]}", "write it in full")
            return
        close = get_close_matches(name.lower(), takes.names, n=1)
        hint = f"did you mean -{takes.names[close[0]]}?" if close else ""
        yield Remark(node, "parameter", f"{takes.name} has no parameter -{name}", hint)

    def _splat(self, element: Variable, takes: _Takes) -> Iterator[Remark]:
        for value in self._variables.values(element):
            if isinstance(value, Hash):
                for key, _ in value.pairs:
                    yield from self._parameter(key, takes)
            elif self._around.own:
                yield Remark(element, "dynamic-name", f"lint can't tell what @{element.name} holds", _DYNAMIC)

    # Exchange's dangers

    def _confirm(self, command: Command, cmdlet: Cmdlet) -> Iterator[Remark]:
        if "confirm" not in cmdlet.parameters:
            return
        given = [each for each in command.elements if isinstance(each, ParameterToken) and each.name == "Confirm"]
        if any(isinstance(each.value, Variable) and each.value.name.lower() == "false" for each in given):
            return
        message = f"{cmdlet.name} may ask for confirmation, and nobody is there to answer"
        yield Remark(command, "confirm", message, "add -Confirm:$false")

    def _pipe(self, pipeline: Pipeline) -> Iterator[Remark]:
        if not self._around.own:
            return
        read = ""
        for element in pipeline.elements:
            if not isinstance(element, Command):
                continue
            for name in self._names(element):
                cmdlet = self._around.table.cmdlet(name or "")
                if cmdlet is None or cmdlet.source != "exchange":
                    continue
                if _verb(cmdlet.name) == "get":
                    read = cmdlet.name
                elif read and _verb(cmdlet.name) not in _READS:
                    message = f"what {read} gives goes straight into {cmdlet.name}"
                    yield Remark(element, "identity-pipe", message, _PIPE)


_DYNAMIC = "give it as a literal, or as a member of a hashtable literal"
_PIPE = "it gives every object when the identity is unknown: insist on one, then write that one by its identity"


@dataclass(frozen=True, slots=True)
class _Takes:
    """What a command or function takes: full names by lower-case ones, switches, and how many without a name."""

    name: str
    names: Mapping[str, str]
    switches: frozenset[str]
    positional: int
    cmdlet: Cmdlet | None


def _first(node: Node) -> Node:
    """Give the node that an expression begins with: of ``$service.get`` the variable."""
    while isinstance(node, Member | Index | Invoke):
        node = node.target
    return node


def _word(node: Node) -> str:
    return node.value if isinstance(node, Literal) and isinstance(node.value, str) else ""


def _verb(name: str) -> str:
    return name.partition("-")[0].lower()


def _count(number: int) -> str:
    return {0: "no argument", 1: "one argument"}.get(number, f"{number} arguments")
