"""How Exchange's cmdlets are declared and run, on the server itself (snap-in) or through a session to its endpoint.

Each cmdlet stands in two sources. The snap-in runs it in the script's own process with that process's sign-in: one that
can't reach the directory (the second hop) fails; on an Edge server the directory is the server's own. The session is
what ``Import-PSSession`` brings: the endpoint runs the cmdlet with its own rights, and what comes back is a copy
(`harness.lab.state.kinds.flat`). A real session's proxies take any value and bind it on the server; here it is bound at
once, with the same outcome.

Which cmdlets there are, and with which parameters, depends on the version and on whether it is an Edge server: a
`Shell` holds one such set.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, TypeAlias
from zlib import crc32

from harness.lab.powershell.cmdlet import Call, NetType, Parameter, Registry, Source
from harness.lab.powershell.objects import DotNetError, NotSimulatedError, PSObject, Value
from harness.lab.state.directory import Entry
from harness.lab.state.kinds import text_of
from harness.lab.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from harness.lab.machine import Faults, HostProcess, Machine
    from harness.lab.powershell.objects import ErrorRecord
    from harness.lab.state.kinds import Kind
    from harness.lab.state.products import Product

ENDPOINT = "Microsoft.Exchange"
NAMESPACE = "Microsoft.Exchange.Management.SystemConfigurationTasks"

Found: TypeAlias = tuple[Store, Entry]
"""An object and the store that it is changed in."""
Run: TypeAlias = Callable[[Call], Iterator[Entry] | None]
"""What a cmdlet does: gives the objects that it outputs."""

_SIMPLE = {
    "System.String": "string",
    "System.Boolean": "bool",
    "System.Int32": "int",
    "System.Guid": "guid",
}
_NAME_LENGTH = 64


@dataclass(frozen=True, slots=True)
class Shell:
    """Exchange's cmdlets as the servers of a version have them.

    Args:
        registry: Their declarations.
        remote: What a session to the endpoint brings.
        absent: Names of cmdlets, in lower case, that other versions have and this one hasn't.
    """

    registry: Registry
    remote: Source
    absent: frozenset[str]


Declare: TypeAlias = "Callable[[Declarations], None]"
_DECLARE: list[Declare] = []


def declares(function: Declare) -> Declare:
    """Mark a function that declares cmdlets; it is called for each kind of server."""
    _DECLARE.append(function)
    return function


@cache
def shell(product: Product, *, edge: bool) -> Shell:
    """Give the cmdlets of a kind of server.

    Args:
        product: The version.
        edge: Whether it is an Edge server.
    """
    declarations = Declarations(product, edge=edge)
    for function in _DECLARE:
        function(declarations)
    absent = frozenset(declarations.absent)
    return Shell(declarations.registry, declarations.remote, absent)


class Declarations:
    """Declares the cmdlets of a kind of server.

    Args:
        product: The version.
        edge: Whether it is an Edge server.
    """

    def __init__(self, product: Product, *, edge: bool) -> None:
        self.product = product
        self.edge = edge
        self.registry = Registry()
        build = product.build
        self.snapin = self.registry.source(product.snapin, kind="snapin", version=f"{build.major}.{build.minor}.0.0")
        self.remote = self.registry.source(ENDPOINT, kind="session")
        self.absent: set[str] = set()

    def type_of(self, kind: Kind) -> str:
        """Give the type that a parameter for values of a kind is declared with, and declare it at first use."""
        if kind.type_name in _SIMPLE:
            return _SIMPLE[kind.type_name]
        if kind.key not in self.registry.types:
            if kind.members is not None:
                self.registry.enum(kind.type_name, kind.members, flags=kind.flags)
            else:
                self.registry.type(NetType(kind.type_name, (kind.key,), cast=_converter(kind)))
        return kind.key

    def properties(self, kinds: Mapping[str, Kind], *excluded: str) -> Iterator[Parameter]:
        """Give a parameter for each property of a class.

        Args:
            kinds: By property.
            excluded: Properties that no parameter sets.
        """
        for name, kind in kinds.items():
            if name not in excluded:
                yield Parameter(name, self.type_of(kind))

    def cmdlet(
        self,
        name: str,
        run: Run,
        parameters: Iterable[Parameter],
        *,
        when: bool = True,
        default_set: str = "",
        should_process: bool = False,
    ) -> None:
        """Declare a cmdlet in both sources.

        Args:
            name: ``Verb-Noun``.
            run: What it does.
            parameters: As documented; ``-DomainController`` is added, which every one of them has.
            when: Whether this kind of server has it; the name is known to be absent otherwise.
            default_set: The parameter set that wins where several would do.
            should_process: Whether ``-WhatIf`` and ``-Confirm`` exist.
        """
        if not when:
            self.absent.add(name.lower())
            return
        known = (*parameters, CONTROLLER)
        for source in (self.snapin, self.remote):
            self.registry.cmdlet(
                name,
                *known,
                default_set=default_set,
                should_process=should_process,
                source=source,
                class_name=f"{NAMESPACE}.{name.replace('-', '')}",
            )(lambda call: _process(call, run))


def shell_of(machine: Machine) -> Shell:
    """Give the cmdlets of a host."""
    return shell(machine.product, edge=machine.parts.edge)


def _converter(kind: Kind) -> Callable[[Value], Value]:
    def convert(value: Value) -> Value:
        try:
            return kind.show(kind.parse(value))
        except ValueError as error:
            raise DotNetError(
                f'Cannot convert value "{_plain(value)}" to type "{kind.type_name}". Error: "{error}"',
                "System.Management.Automation.PSInvalidCastException",
            ) from None

    return convert


def _plain(value: Value) -> str:
    if isinstance(value, list):
        return " ".join(_plain(item) for item in value)
    return "" if value is None else text_of(value)


CONTROLLER = Parameter("DomainController", "string")


def _process(call: Call, run: Run) -> Iterator[Value]:
    host = host_of(call)
    wire = call.cmdlet.source.kind == "session"
    misbehave(call)
    if wire and not host.sessions:
        raise NotSimulatedError(f"{call.cmdlet.name} after its session was removed")
    if not wire and not host.reaches_directory:
        raise call.throw(second_hop(call, host))
    for entry in run(call) or ():
        shown = entry.as_object(wire=wire)
        if wire:
            shown.properties["PSComputerName"] = host.machine.fqdn.lower()
            shown.properties["RunspaceId"] = next((s.guid for s in host.sessions.values()), uuid.UUID(int=0))
            shown.properties["PSShowComputerName"] = False
        yield shown


def host_of(call: Call) -> HostProcess:
    """Give the host and the sign-in of a call's process."""
    host: HostProcess = call.machine
    return host


def machine_of(call: Call) -> Machine:
    """Give the host that a call runs on."""
    return host_of(call).machine


def misbehave(call: Call) -> None:
    """Do what the host's faults say of this cmdlet.

    Raises:
        TerminatingError: The cmdlet is to fail.
    """
    faults: Faults = machine_of(call).faults
    delay = faults.delay(call.cmdlet.name)
    if delay:
        call.sleep(delay)
    message = faults.failure(call.cmdlet.name)
    if message is not None:
        raise call.throw(
            call.record(
                message, error_id="LabFault", category="NotSpecified", exception="System.InvalidOperationException"
            )
        )


def second_hop(call: Call, host: HostProcess) -> ErrorRecord:
    """Make the error of a snap-in's cmdlet whose process can't sign in to the directory."""
    forest = host.machine.forest
    failed = f"Active Directory operation failed on {forest.controller}."
    message = f"{failed} The supplied credential for '{host.user}' is invalid."
    return call.record(
        message,
        error_id=error_id(call, "Cmdlet-ADInvalidCredentialException", message),
        exception="Microsoft.Exchange.Data.Directory.ADInvalidCredentialException",
    )


def error_id(call: Call, failure: str, message: str) -> str:
    """Make the first part of an Exchange error's identifier: server, request, time, category, and a hash.

    Args:
        call: The cmdlet.
        failure: For example ``Cmdlet-ManagementObjectNotFoundException``.
        message: What the hash is of.
    """
    now = dt.datetime.now(dt.UTC)
    stamp = f"{now.month}/{now.day}/{now.year} {now:%I:%M:%S %p}"
    where = f"Server={machine_of(call).name},RequestId={uuid.uuid4()},TimeStamp={stamp}"
    return f"[{where}] [FailureCategory={failure}] {crc32(message.encode()):X}"


def refuse(call: Call, message: str, exception: str, target: Value = None) -> None:
    """Report an error as Exchange's cmdlets do: it doesn't end the pipeline unless the script wants that.

    Args:
        call: The cmdlet.
        message: What is wrong.
        exception: The exception's name without its name space.
        target: ``TargetObject``.
    """
    call.write_error(
        call.record(
            message,
            error_id=error_id(call, f"Cmdlet-{exception}", message),
            target=target,
            exception=f"Microsoft.Exchange.Configuration.Tasks.{exception}",
        )
    )


def identity_text(value: Value) -> str | None:
    """Give the text of an ``-Identity``: a script's text, or the GUID of an object that it got from a cmdlet."""
    if isinstance(value, PSObject):
        guid = value.get("Guid")
        return text_of(value) if guid is None else str(guid)
    return None if value is None else str(value) or None


def look_up(call: Call, everything: list[Found], *, known_as: Callable[[Entry], str] | None = None) -> list[Found]:
    """Find what a ``Get-`` cmdlet's ``-Identity`` names.

    ``$null`` gives everything, as the documentation warns. Of an identity that doesn't exist it warns the same, but
    what people report is an error; `Faults.unknown_identity_returns_all` chooses.

    Args:
        call: The cmdlet.
        everything: What there is.
        known_as: A further name of an object.
    """
    wanted = identity_text(call.get("Identity"))
    if wanted is None:
        return everything
    found = [pair for pair in everything if _named(pair[1], wanted, known_as)]
    if not found and machine_of(call).faults.unknown_identity_returns_all:
        return everything
    if not found:
        not_found(call, wanted)
    return found


def _named(entry: Entry, wanted: str, known_as: Callable[[Entry], str] | None) -> bool:
    return entry.matches(wanted) or (known_as is not None and known_as(entry).lower() == wanted.lower())


def not_found(call: Call, identity: str) -> None:
    """Report that an object doesn't exist."""
    controller = machine_of(call).forest.controller
    refuse(
        call,
        f"The operation couldn't be performed because object '{identity}' couldn't be found on '{controller}'.",
        "ManagementObjectNotFoundException",
    )


def look_up_one(call: Call, everything: list[Found], *, known_as: Callable[[Entry], str] | None = None) -> Found | None:
    """Find the one object that a ``Set-`` cmdlet's ``-Identity`` names; report an error where it isn't one."""
    wanted = identity_text(call.get("Identity")) or ""
    found = [pair for pair in everything if _named(pair[1], wanted, known_as)]
    if not found:
        not_found(call, wanted)
    elif len(found) > 1:
        refuse(
            call,
            f"The operation couldn't be performed because '{wanted}' matches multiple entries.",
            "ManagementObjectAmbiguousException",
        )
    else:
        return found[0]
    return None


def stored_changes(call: Call, kinds: Mapping[str, Kind]) -> dict[str, Value]:
    """Give the stored forms of the settings that a call was given.

    Args:
        call: The cmdlet.
        kinds: Of every property that it can set.
    """
    return {name: kind.parse(call.get(name)) for name, kind in kinds.items() if name in call}


def apply(call: Call, found: Found, changes: Mapping[str, Value]) -> list[str]:
    """Store a ``Set-`` cmdlet's changes, and warn where there are none.

    Args:
        call: The cmdlet.
        found: What it changes.
        changes: Stored forms by property.

    Returns:
        The properties that have another value now.
    """
    store, entry = found
    if not call.should_process(entry.identity) or machine_of(call).faults.ignores(call.cmdlet.name):
        return []
    with store.change():
        changed = [name for name, value in changes.items() if entry.set(name, value)]
    if not changed:
        call.write_warning(
            f"The command completed successfully but no settings of '{entry.identity}' have been modified."
        )
    return changed


def name_is_good(call: Call, name: str, everything: list[Found]) -> bool:
    """Check a new name of an object, and report what is wrong with it."""
    if not name.strip() or len(name) > _NAME_LENGTH:
        refuse(
            call,
            f"The property value is invalid: the length of Name must be between 1 and {_NAME_LENGTH} characters.",
            "DataValidationException",
        )
        return False
    if any(entry.name.lower() == name.lower() for _, entry in everything):
        refuse(call, f"'{name}' already exists.", "ADObjectAlreadyExistsException")
        return False
    return True
