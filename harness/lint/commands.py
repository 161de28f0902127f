"""The commands of a script: that each exists where the script runs, and takes what it is given."""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING

from harness.lab.powershell.syntax import (
    Command,
    CommandExpression,
    ForEach,
    FunctionDefinition,
    If,
    Index,
    Invoke,
    Literal,
    Member,
    ParameterToken,
    Pipeline,
    ScriptBlockExpression,
    Variable,
)
from harness.lint.aliases import ALIASES
from harness.lint.constructs import simplified
from harness.lint.guards import Guards, Sure, constant, is_empty
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
_RUNS_PROGRAMS = "invoke-harnessprogram"
"""The function of every batch that starts a program: its name and a list of arguments."""
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
        self._guards = Guards(self._variables)
        self._own = functions(script)
        self._functions = {**around.functions, **self._own}
        self._called: set[tuple[str, Sure]] = set()
        self.exchange: dict[str, Node] = {}
        """The Exchange cmdlets that are called, and where first."""
        self.web: Node | None = None
        """Where the first cmdlet of IIS's is called."""

    def remarks(self) -> Iterator[Remark]:
        """Give what is wrong with any command.

        A function's body is checked for what is sure where the function is called: who calls it has asked before.
        """
        yield from self._visit(self._script, Sure())
        called = {_word(node.name).lower() for node in self._script.walk() if isinstance(node, Command)}
        for name, definition in self._own.items():
            # One that nothing here calls is for the scripts that come later.
            if name not in called:
                yield from self._body(definition, Sure())

    def _visit(self, node: Node, sure: Sure) -> Iterator[Remark]:
        if isinstance(node, If):
            yield from self._if(node, sure)
            return
        # What a loop over nothing would do is never done.
        if isinstance(node, FunctionDefinition) or (isinstance(node, ForEach) and is_empty(node.values)):
            return
        if isinstance(node, Pipeline):
            yield from self._pipe(node)
        if isinstance(node, Command):
            yield from self._command(node, sure)
        for child in node.children():
            yield from self._visit(child, sure)

    def _if(self, node: If, sure: Sure) -> Iterator[Remark]:
        for condition, block in node.clauses:
            yield from self._visit(condition, sure)
            if constant(condition) is False:
                continue
            holds, fails = self._guards.when(condition)
            yield from self._visit(block, sure | holds)
            sure |= fails
            if constant(condition):
                return
        if node.otherwise is not None:
            yield from self._visit(node.otherwise, sure)

    def _body(self, definition: FunctionDefinition, sure: Sure) -> Iterator[Remark]:
        if (definition.name, sure) not in self._called:
            self._called.add((definition.name, sure))
            yield from self._visit(definition.body, sure)

    # One command

    def _command(self, command: Command, sure: Sure) -> Iterator[Remark]:
        names = list(self._names(command))
        if None in names:
            if self._around.own:
                yield Remark(
                    _first(command.name), "dynamic-name", "lint can't tell which command is called here", _DYNAMIC
                )
            return
        for name in dict.fromkeys(name for name in names if name is not None):
            yield from self._named(command, name, sure)

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

    def _named(self, command: Command, name: str, sure: Sure) -> Iterator[Remark]:
        around, folded = self._around, name.lower()
        if around.own and folded in _FORBIDDEN:
            yield Remark(command, "forbidden", f"{name} is not used in harness's scripts: {_FORBIDDEN[folded]}")
            return
        if folded in self._functions:
            yield from self._call(command, self._functions[folded])
            if folded in self._own:
                yield from self._body(self._own[folded], sure)
            elif folded == _RUNS_PROGRAMS:
                yield from self._run(command, sure)
            return
        if folded in ALIASES:
            if around.own:
                yield Remark(command, "alias", f"{name!r} is an alias", f"write {ALIASES[folded]}")
            name = ALIASES[folded]
        cmdlet = around.table.cmdlet(name)
        if cmdlet is not None:
            yield from self._cmdlet(command, cmdlet, sure)
            return
        program = folded.removesuffix(".exe")
        if program in around.table.programs:
            context = _word(command.elements[0]) if command.elements else ""
            yield from self._program(command, program, context, sure)
        elif around.own:
            close = get_close_matches(name, around.table.names(), n=1, cutoff=0.8)
            hint = f"did you mean {close[0]}?" if close else "add it to the table with its source, or define it"
            yield Remark(command, "cmdlet", f"lint knows no command {name!r}", hint)

    def _run(self, command: Command, sure: Sure) -> Iterator[Remark]:
        """Check a program that is started by its name: the first argument, its own arguments in a list behind it."""
        name, *rest = command.elements or (command.name,)
        program = _word(name).lower().removesuffix(".exe")
        if program not in self._around.table.programs:
            hint = "add it to the table with the Windows that brought it"
            yield Remark(name, "cmdlet", f"lint knows no program {_word(name)!r}", hint)
            return
        for context in sorted(self._variables.heads(rest[0])) if rest else [""]:
            yield from self._program(command, program, context, sure)

    def _program(self, command: Command, program: str, context: str, sure: Sure) -> Iterator[Remark]:
        since = self._around.table.programs[program]
        if program == "netsh":
            if not context and self._around.own:
                yield Remark(command, "dynamic-name", "lint can't tell which part of netsh is called here", _DYNAMIC)
            if context.lower() == "advfirewall":
                since, program = "2008", "netsh advfirewall"
        if not sure.on(self._around.platform).has_windows(since):
            yield Remark(command, "cmdlet", f"{program} came with Windows Server {since}")

    def _cmdlet(self, command: Command, cmdlet: Cmdlet, sure: Sure) -> Iterator[Remark]:
        platform = sure.on(self._around.platform)
        if cmdlet.source == "exchange":
            self.exchange.setdefault(cmdlet.name, command)
        elif cmdlet.source == "web" and self.web is None:
            self.web = command
        if not cmdlet.on(platform):
            if cmdlet.name.lower() not in sure.commands:
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
            # In brackets a pipeline's first element is an expression that holds the command.
            inside = element.walk() if isinstance(element, CommandExpression) else [element]
            commands = [node for node in inside if isinstance(node, Command)]
            for name in [name for command in commands for name in self._names(command)]:
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
