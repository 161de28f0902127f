"""Get- and Set-TransportService, -FrontendTransportService and -MailboxTransportService."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.lab.cmdlets.exchange import (
    Found,
    apply,
    exchange,
    look_up,
    look_up_one,
    machine_of,
    parameter_type,
    refuse,
    stored_changes,
)
from harness.lab.powershell.cmdlet import Parameter
from harness.lab.powershell.objects import NotSimulatedError
from harness.lab.state.transport import SERVICES, Service, size_conflict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.lab.powershell.cmdlet import Call
    from harness.lab.powershell.objects import Value
    from harness.lab.state.directory import Entry


def _everywhere(call: Call, service: Service) -> list[Found]:
    machines = machine_of(call).organisation.machines.values()
    return [(machine.store, machine.transport(service)) for machine in machines]


def _full_name(call: Call) -> Callable[[Entry], str]:
    machines = machine_of(call).organisation.machines
    return lambda entry: machines[entry.name.upper()].fqdn


def _declare(service: Service) -> None:
    kinds = {name: setting.kind for name, setting in service.settings.items()}

    @exchange(
        f"Get-{service.key}",
        (Parameter("Identity", position=0, pipeline=True, allow_null=True),),
    )
    def get(call: Call) -> Iterator[Entry]:
        for _, entry in look_up(call, _everywhere(call, service), known_as=_full_name(call)):
            yield entry

    @exchange(
        f"Set-{service.key}",
        (
            Parameter("Identity", mandatory=True, position=0, pipeline=True),
            *(Parameter(name, parameter_type(kind)) for name, kind in kinds.items()),
            *(Parameter(name) for name in service.reserved),
        ),
        should_process=True,
    )
    def change(call: Call) -> None:
        for name in service.reserved:
            if name in call:
                raise NotSimulatedError(f"parameter -{name} of {call.cmdlet.name}")
        found = look_up_one(call, _everywhere(call, service), known_as=_full_name(call))
        if found is None:
            return
        changes = stored_changes(call, kinds)
        if _sizes_fit(call, found[1], changes):
            apply(call, found, changes)


def _sizes_fit(call: Call, entry: Entry, changes: dict[str, Value]) -> bool:
    """Check that no log's file may be larger than its folder; report one that may."""
    conflict = size_conflict({**entry.settings, **changes})
    if conflict is None:
        return True
    file, folder = conflict
    refuse(call, f"The value of {file} must be less than or equal to the value of {folder}.", "DataValidationException")
    return False


for _service in SERVICES:
    _declare(_service)
