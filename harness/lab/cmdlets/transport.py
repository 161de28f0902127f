"""Get- and Set-TransportService, -FrontendTransportService and -MailboxTransportService.

Up to 2010 there were -TransportServer and -MailboxServer instead.
"""

from __future__ import annotations

from pathlib import PureWindowsPath
from typing import TYPE_CHECKING

from harness.lab.cmdlets.exchange import (
    Found,
    apply,
    declares,
    look_up,
    look_up_one,
    machine_of,
    refuse,
    stored_changes,
)
from harness.lab.powershell.cmdlet import Parameter
from harness.lab.powershell.objects import NotSimulatedError
from harness.lab.state.kinds import PATH
from harness.lab.state.transport import MAILBOX_SERVER, SERVICES, TRANSPORT_SERVICE, Service, size_conflict
from harness.lab.state.variants import noun, services_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.lab.cmdlets.exchange import Declarations, Run
    from harness.lab.powershell.cmdlet import Call
    from harness.lab.powershell.objects import Value
    from harness.lab.state.directory import Entry
    from harness.lab.store import Store

_SPLIT = 2010
_TRANSPORT_SERVER = "TransportServer"


def _everywhere(call: Call, service: Service) -> list[Found]:
    """Give the objects of all servers that have that service."""
    machines = machine_of(call).organisation.machines.values()
    return [
        (machine.store, machine.transport(service)) for machine in machines if service.key in machine.transport_services
    ]


def _full_name(call: Call) -> Callable[[Entry], str]:
    machines = machine_of(call).organisation.machines
    return lambda entry: machines[entry.name.upper()].fqdn


def _getter(service: Service) -> Run:
    def get(call: Call) -> Iterator[Entry]:
        _warn_of_the_old_name(call)
        for _, entry in look_up(call, _everywhere(call, service), known_as=_full_name(call)):
            yield entry

    return get


def _setter(service: Service) -> Run:
    kinds = {name: setting.kind for name, setting in service.settings.items()}

    def change(call: Call) -> None:
        _warn_of_the_old_name(call)
        for name in service.reserved:
            if name in call:
                raise NotSimulatedError(f"parameter -{name} of {call.cmdlet.name}")
        found = look_up_one(call, _everywhere(call, service), known_as=_full_name(call))
        if found is None:
            return
        changes = stored_changes(call, kinds)
        if _sizes_fit(call, found[1], changes):
            changed = apply(call, found, changes)
            paths = [str(changes[name]) for name in changed if kinds[name] is PATH and changes[name]]
            _make_folders(call, found[0], paths)

    return change


def _make_folders(call: Call, store: Store, paths: list[str]) -> None:
    """Make the folders that a server was told to write to, and those above them, as Exchange does."""
    for machine in machine_of(call).organisation.machines.values():
        if machine.store is store:
            for path in map(PureWindowsPath, paths):
                for folder in (*list(path.parents)[:-1], path):
                    machine.network.add_folder(str(folder))


def _warn_of_the_old_name(call: Call) -> None:
    """From 2013 on the old cmdlets still work, and say that they won't for ever."""
    if call.cmdlet.name.endswith(_TRANSPORT_SERVER) and machine_of(call).product.year > _SPLIT:
        new = call.cmdlet.name.replace(_TRANSPORT_SERVER, TRANSPORT_SERVICE.key)
        call.write_warning(
            f"The {call.cmdlet.name} cmdlet will be removed in a future version of Exchange. Use the {new} cmdlet "
            "instead."
        )


def _sizes_fit(call: Call, entry: Entry, changes: dict[str, Value]) -> bool:
    """Check that no log's file may be larger than its folder; report one that may."""
    conflict = size_conflict({**entry.settings, **changes})
    if conflict is None:
        return True
    file, folder = conflict
    refuse(call, f"The value of {file} must be less than or equal to the value of {folder}.", "DataValidationException")
    return False


@declares
def _services(exchange: Declarations) -> None:
    """Declare the cmdlets of each service that the version has; Edge servers have the one that routes mail."""
    known = services_in(exchange.product, edge=exchange.edge)
    there = {key: not exchange.edge or key == TRANSPORT_SERVICE.key for key in known}
    nouns = {noun(service, exchange.product): service for service in known.values() if there[service.key]}
    if TRANSPORT_SERVICE.key in nouns:
        nouns[_TRANSPORT_SERVER] = nouns[TRANSPORT_SERVICE.key]
    for name in (_TRANSPORT_SERVER, *(service.key for service in SERVICES)):
        _declare(exchange, name, nouns.get(name))
    # From 2013 on there are Get- and Set-MailboxServer without these settings: not absent, but not simulated.
    if exchange.product.year <= _SPLIT or exchange.edge:
        _declare(exchange, MAILBOX_SERVER.key, nouns.get(MAILBOX_SERVER.key))


def _declare(exchange: Declarations, name: str, service: Service | None) -> None:
    there = service is not None
    service = service or TRANSPORT_SERVICE
    exchange.cmdlet(
        f"Get-{name}",
        _getter(service),
        (Parameter("Identity", position=0, pipeline=True, allow_null=True),),
        when=there,
    )
    exchange.cmdlet(
        f"Set-{name}",
        _setter(service),
        (
            Parameter("Identity", mandatory=True, position=0, pipeline=True),
            *(Parameter(key, exchange.type_of(setting.kind)) for key, setting in service.settings.items()),
            *(Parameter(key) for key in service.reserved),
        ),
        when=there,
        should_process=True,
    )
