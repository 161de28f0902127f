"""One PowerShell process: what it was started with and what it has loaded."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from harness.lab.powershell.binding import COMMON, RISKY
from harness.lab.powershell.cmdlet import BUILTIN, Call, Cmdlet, Native, NetType, Parameter, Registry, Source
from harness.lab.powershell.objects import CaseDict, DotNetError, NotSimulatedError, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Mapping, Sequence

    from harness.lab.powershell.evaluator import Evaluator
    from harness.lab.process import ProcessIO


@lru_cache(maxsize=64)
def _version(text: str) -> tuple[int, int]:
    major, _, minor = text.partition(".")
    return int(major), int(minor or 0)


@dataclass(frozen=True)
class _Found:
    """What was looked up among declarations; a lab's servers run thousands of processes that ask the same."""

    types: dict[str, NetType] = field(default_factory=dict)
    bases: dict[str, tuple[str, ...]] = field(default_factory=dict)
    derived: dict[str, frozenset[str]] = field(default_factory=dict)
    parameters: dict[int, tuple[Cmdlet, list[Parameter]]] = field(default_factory=dict)


@lru_cache(maxsize=16)
def _found(_registries: tuple[Registry, ...], _version: tuple[int, int]) -> _Found:
    return _Found()


class ProcessTerminatedError(BaseException):
    """The process was told to end; no handler of a script's may stop this."""


class MemoryIO:
    """The streams of a process that nobody watches: what it wrote is kept.

    Args:
        stdin: What it reads.
    """

    def __init__(self, stdin: bytes = b"") -> None:
        self.terminated = threading.Event()
        self.stdin = stdin
        self.stdout = b""
        self.stderr = b""

    def read_line(self) -> bytes | None:
        """Give the next line of input."""
        line, found, self.stdin = self.stdin.partition(b"\n")
        return line + found or None

    def read_all(self) -> bytes:
        """Give the rest of the input."""
        rest, self.stdin = self.stdin, b""
        return rest

    def write_out(self, data: bytes) -> None:
        """Keep standard output."""
        self.stdout += data

    def write_err(self, data: bytes) -> None:
        """Keep standard error."""
        self.stderr += data


class Session:
    """What a process knows of its machine, and its own state.

    Args:
        registries: Declarations; a later one wins over an earlier one of the same name. The language's own come first
            by themselves.
        machine: The simulated host's state; handed on to cmdlets as it is.
        version: The PowerShell version as text.
        environment: Environment variables.
        io: The standard streams.
        known_absent: Names of commands (lower case) that real hosts may have and this one certainly hasn't.
        encoding: The console's code page as a Python codec.
        computer_name: ``$env:COMPUTERNAME`` and the like.
    """

    def __init__(
        self,
        registries: Sequence[Registry] = (),
        *,
        machine: Value = None,
        version: str = "5.1",
        environment: Mapping[str, str] | None = None,
        io: ProcessIO | None = None,
        known_absent: Container[str] = frozenset(),
        encoding: str = "utf-8",
        computer_name: str = "LAB",
    ) -> None:
        from harness.lab.powershell.core import CORE  # noqa: PLC0415 - the core's cmdlets need this class's module

        self.registries = (CORE, *registries)
        self.machine = machine
        self.version_text = version
        major, _, minor = version.partition(".")
        self.version = (int(major), int(minor.partition(".")[0] or 0))
        self.environment: CaseDict[str] = CaseDict(environment or {})
        self.io: ProcessIO = io if io is not None else MemoryIO()
        self.known_absent = known_absent
        self.encoding = encoding
        self.computer_name = computer_name
        self.loaded: dict[str, frozenset[str] | None] = {BUILTIN.name: None}
        self._found = _found(self.registries, self.version)
        self.not_simulated: list[str] = []
        """Everything that was refused as not simulated, even where the script caught it."""
        self.evaluator: Evaluator

    # Ending

    def close(self) -> None:
        """Let go of everything at once; the evaluator's parts refer to each other and would wait for the collector."""
        vars(self.evaluator).clear()

    def check(self) -> None:
        """End the process if it was told to.

        Raises:
            ProcessTerminatedError: It was.
        """
        if self.io.terminated.is_set():
            raise ProcessTerminatedError

    def sleep(self, seconds: float) -> None:
        """Wait, or end the process as soon as it is told to."""
        until = time.monotonic() + seconds
        if self.io.terminated.wait(max(0.0, until - time.monotonic())):
            raise ProcessTerminatedError

    # Names

    def sources(self, kind: str) -> list[Source]:
        """Give the modules or snap-ins that any registry declares, available here or not."""
        return [s for registry in self.registries for s in registry.sources.values() if s.kind == kind]

    def load(self, source: Source, only: Iterable[str] | None = None) -> None:
        """Make the commands of a module, snap-in or session visible.

        Args:
            source: As it was declared.
            only: Names of the commands; all where left out.
        """
        self.loaded.pop(source.name.lower(), None)
        names = None if only is None else frozenset(name.lower() for name in only)
        self.loaded[source.name.lower()] = names

    def unload(self, source: Source) -> None:
        """Hide the commands of a module, snap-in or session again."""
        self.loaded.pop(source.name.lower(), None)

    def import_source(self, source: Source) -> None:
        """Load a module or snap-in as a command does: its ``on_load`` may fail."""
        if source.name.lower() in self.loaded:
            return
        if source.on_load is not None:
            source.on_load(Call(self, Cmdlet("Import-Module", lambda _call: None, class_name="ImportModuleCommand")))
        self.load(source)

    def command(self, name: str) -> Cmdlet | Native | None:
        """Find a cmdlet or a native program by name; ``None`` where this machine certainly hasn't one.

        Raises:
            NotSimulatedError: Nobody has declared such a name, so nobody knows.
        """
        candidates: dict[str, Cmdlet] = {}
        for registry in self.registries:
            candidates.update(registry.cmdlets.get(name, {}))
        for source in reversed(list(self.loaded)):
            only = self.loaded[source]
            cmdlet = candidates.get(source)
            if cmdlet and (only is None or name.lower() in only) and self.has(cmdlet.since):
                return cmdlet
        if self.version >= (3, 0):
            for cmdlet in candidates.values():
                if cmdlet.source.kind == "module" and cmdlet.source.auto and cmdlet.source.available(self.machine):
                    self.import_source(cmdlet.source)
                    return cmdlet
        native = self._native(name)
        if native or candidates:
            return native if native and native.available(self.machine) else None
        if name.lower() in self.known_absent:
            return None
        raise NotSimulatedError(f"the command {name}")

    def _native(self, name: str) -> Native | None:
        short = name[:-4] if name.lower().endswith(".exe") else name
        short = short.replace("/", "\\").rsplit("\\", 1)[-1]
        found = None
        for registry in self.registries:
            found = registry.natives.get(short, found)
        return found

    def alias(self, name: str) -> str | None:
        """Give the command that an alias stands for."""
        found = None
        for registry in self.registries:
            found = registry.aliases.get(name, found)
        return found

    def has(self, since: str) -> bool:
        """Say whether this PowerShell is at least of that version."""
        return self.version >= _version(since)

    def parameters(self, cmdlet: Cmdlet) -> list[Parameter]:
        """Give the parameters that a cmdlet has in this PowerShell, the common ones included."""
        known = self._found.parameters.get(id(cmdlet))  # to hash one is to hash all of its parameters
        if known is None:
            own = [p for p in cmdlet.parameters if self.has(p.since)]
            names = {p.name.lower() for p in own}
            common = (*COMMON, *(RISKY if cmdlet.should_process else ()))
            shared = [p for p in common if p.name.lower() not in names and self.has(p.since)]
            known = self._found.parameters[id(cmdlet)] = (cmdlet, [*own, *shared])
        return known[1]

    def find_type(self, name: str) -> NetType:
        """Find a .NET type by its name in a script.

        Raises:
            NotSimulatedError: It isn't declared.
        """
        known = self._found.types.get(name)
        if known is None:
            known = self._found.types[name] = self._find_type(name)
        return known

    def _find_type(self, name: str) -> NetType:
        folded = name[7:] if name.lower().startswith("system.") and name.count(".") == 1 else name
        for registry in reversed(self.registries):
            found = registry.types.get(name) or registry.types.get(folded) or registry.types.get("System." + name)
            if found:
                return found
        if name.endswith("[]"):
            element = self.find_type(name[:-2])
            return NetType(element.name + "[]", base="System.Array")
        if name.lower().startswith("nullable["):
            inner = self.find_type(name[9:-1])
            return NetType(f"System.Nullable`1[{inner.name}]", base="System.ValueType")
        generic = _GENERIC.get(name.partition("[")[0].lower())
        if generic and name.endswith("]"):
            return self._generic(generic, name)
        raise NotSimulatedError(f"the type [{name}]")

    def _generic(self, generic: str, name: str) -> NetType:
        arguments = name[name.index("[") + 1 : -1]
        if "," in arguments or generic.endswith("`2"):
            raise NotSimulatedError(f"the type [{name}]")
        inner = self.find_type(arguments)
        declared = self.find_type(generic)
        return NetType(f"{generic}[[{inner.name}]]", base=declared.base, new=declared.new)

    def bases(self, name: str) -> tuple[str, ...]:
        """Give a type's name and the names of what it derives from, up to ``System.Object``."""
        known = self._found.bases.get(name)
        if known is None:
            known = self._found.bases[name] = tuple(self._chain(name))
        return known

    def derived_from(self, name: str) -> frozenset[str]:
        """Give a type's name and the names of what it derives from, in lower case."""
        known = self._found.derived.get(name)
        if known is None:
            known = self._found.derived[name] = frozenset(base.lower() for base in self.bases(name))
        return known

    def _chain(self, name: str) -> list[str]:
        chain = [name]
        while chain[-1] != "System.Object":
            declared = next((r.types[chain[-1]] for r in reversed(self.registries) if chain[-1] in r.types), None)
            if declared is None or declared.base in chain:
                chain.append("System.Array" if chain[-1].endswith("[]") else "System.Object")
            else:
                chain.append(declared.base)
        return chain

    def call_type(self, function: Callable[..., Value], arguments: Sequence[Value]) -> Value:
        """Call a function of a declared type."""
        if getattr(function, "with_session", False):
            return function(self, *arguments)
        return function(*arguments)

    # Streams

    def write_out(self, data: str) -> None:
        """Write to standard output in the console's encoding."""
        self.io.write_out(data.encode(self.encoding, "replace"))

    def write_err(self, data: str) -> None:
        """Write to standard error in the console's encoding."""
        self.io.write_err(data.encode(self.encoding, "replace"))

    def read_line(self) -> str | None:
        """Read a line of standard input without its line end."""
        line = self.io.read_line()
        self.check()
        if line is None:
            return None
        return line.decode(self.encoding, "replace").removesuffix("\n").removesuffix("\r").removeprefix("\ufeff")

    def set_encoding(self, name: str) -> None:
        """Change the console's encoding."""
        try:
            "".encode(name)
        except LookupError:
            raise DotNetError(f"'{name}' is not a supported encoding name.", "System.ArgumentException") from None
        self.encoding = name


_GENERIC = {
    "system.collections.generic.list": "System.Collections.Generic.List`1",
    "collections.generic.list": "System.Collections.Generic.List`1",
}
