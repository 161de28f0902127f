"""How Exchange's cmdlets are declared and run, on the server itself (snap-in) or through a session to its endpoint.

Each cmdlet stands in two sources. `SNAPIN` runs it in the script's own process with that process's sign-in: one that
can't reach the directory (the second hop) fails. `REMOTE` is what ``Import-PSSession`` brings: the endpoint runs the
cmdlet with its own rights, and what comes back is a copy (`harness.lab.state.kinds.flat`). A real session's proxies
take any value and bind it on the server; here it is bound at once, with the same outcome.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeAlias
from zlib import crc32

from harness.lab.powershell.cmdlet import Call, NetType, Parameter, Registry
from harness.lab.powershell.objects import DotNetError, NotSimulatedError, PSObject, Value
from harness.lab.state.directory import Entry
from harness.lab.state.kinds import text_of
from harness.lab.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from harness.lab.machine import Faults, HostProcess, Machine
    from harness.lab.powershell.objects import ErrorRecord
    from harness.lab.state.kinds import Kind

SNAPIN_NAME = "Microsoft.Exchange.Management.PowerShell.SnapIn"
ENDPOINT = "Microsoft.Exchange"
NAMESPACE = "Microsoft.Exchange.Management.SystemConfigurationTasks"

EXCHANGE = Registry()
SNAPIN = EXCHANGE.source(SNAPIN_NAME, kind="snapin", version="15.1.0.0")
REMOTE = EXCHANGE.source(ENDPOINT, kind="session")

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


def parameter_type(kind: Kind) -> str:
    """Give the type that a parameter for values of a kind is declared with, and declare it at first use."""
    if kind.type_name in _SIMPLE:
        return _SIMPLE[kind.type_name]
    if kind.key not in EXCHANGE.types:
        if kind.members is not None:
            EXCHANGE.enum(kind.type_name, kind.members, flags=kind.flags)
        else:
            EXCHANGE.type(NetType(kind.type_name, (kind.key,), cast=_converter(kind)))
    return kind.key


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


def properties(kinds: Mapping[str, Kind], *excluded: str) -> Iterator[Parameter]:
    """Give a parameter for each property of a class.

    Args:
        kinds: By property.
        excluded: Properties that no parameter sets.
    """
    for name, kind in kinds.items():
        if name not in excluded:
            yield Parameter(name, parameter_type(kind))


CONTROLLER = Parameter("DomainController", "string")


def exchange(
    name: str,
    parameters: Iterable[Parameter],
    *,
    default_set: str = "",
    should_process: bool = False,
) -> Callable[[Run], Run]:
    """Declare a cmdlet of Exchange's in both sources.

    Args:
        name: ``Verb-Noun``.
        parameters: As documented; ``-DomainController`` is added, which every one of them has.
        default_set: The parameter set that wins where several would do.
        should_process: Whether ``-WhatIf`` and ``-Confirm`` exist.
    """

    def declare(run: Run) -> Run:
        for source in (SNAPIN, REMOTE):

            def process(call: Call) -> Iterator[Value]:
                return _process(call, run)

            EXCHANGE.cmdlet(
                name,
                *parameters,
                CONTROLLER,
                default_set=default_set,
                should_process=should_process,
                source=source,
                class_name=f"{NAMESPACE}.{name.replace('-', '')}",
            )(process)
        return run

    return declare


def _process(call: Call, run: Run) -> Iterator[Value]:
    host = host_of(call)
    wire = call.cmdlet.source is REMOTE
    misbehave(call)
    if wire and not host.sessions:
        raise NotSimulatedError(f"{call.cmdlet.name} after its session was removed")
    if not wire and not host.delegates:
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


def apply(call: Call, found: Found, changes: Mapping[str, Value]) -> None:
    """Store a ``Set-`` cmdlet's changes, and warn where there are none.

    Args:
        call: The cmdlet.
        found: What it changes.
        changes: Stored forms by property.
    """
    store, entry = found
    if not call.should_process(entry.identity) or machine_of(call).faults.ignores(call.cmdlet.name):
        return
    with store.change():
        changed = [name for name, value in changes.items() if entry.set(name, value)]
    if not changed:
        call.write_warning(
            f"The command completed successfully but no settings of '{entry.identity}' have been modified."
        )


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
