"""The cmdlets that ask the process itself: its clock and the program that hosts it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from harness.lab.powershell import conversions
from harness.lab.powershell.cmdlet import Parameter, Registry
from harness.lab.powershell.formatting import format_date
from harness.lab.powershell.objects import NotSimulatedError, PSObject, Value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.lab.powershell.cmdlet import Call

PROCESS = Registry()
PROCESS.alias("sleep", "Start-Sleep")


@PROCESS.cmdlet(
    "Start-Sleep",
    Parameter("Seconds", "double", mandatory=True, position=0, sets=("Seconds",)),
    Parameter("Milliseconds", "int", mandatory=True, sets=("Milliseconds",)),
    default_set="Seconds",
)
def start_sleep(call: Call) -> None:
    """Wait."""
    call.sleep(call.get("Seconds") if "Seconds" in call else call.get("Milliseconds") / 1000)


@PROCESS.cmdlet(
    "Get-Date",
    Parameter("Date", "datetime", position=0, pipeline=True),
    Parameter("Format", "string"),
    *(Parameter(name, "int") for name in ("Year", "Month", "Day", "Hour", "Minute", "Second")),
)
def get_date(call: Call) -> Iterator[Value]:
    """Give the simulated host's time; its time zone is UTC."""
    moment = call.get("Date") or datetime.now(UTC).replace(tzinfo=None)
    parts = {n.lower(): call.get(n) for n in ("Year", "Month", "Day", "Hour", "Minute", "Second") if n in call}
    moment = moment.replace(**parts)
    if "Format" not in call:
        yield moment
    elif call.get("Format").lower() == "filedatetime":
        raise NotSimulatedError("Get-Date -Format FileDateTime")
    else:
        yield format_date(moment, call.get("Format"))


@PROCESS.cmdlet(
    "New-TimeSpan",
    Parameter("Start", "datetime", position=0, sets=("Date",)),
    Parameter("End", "datetime", position=1, sets=("Date",)),
    *(Parameter(name, "int", sets=("Time",), default=0) for name in ("Days", "Hours", "Minutes", "Seconds")),
    default_set="Date",
)
def new_timespan(call: Call) -> Iterator[Value]:
    """Give a span of time."""
    if call.parameter_set == "Time":
        parts = {name.lower(): call.get(name) for name in ("Days", "Hours", "Minutes", "Seconds")}
        yield timedelta(**parts)
        return
    now = datetime.now(UTC).replace(tzinfo=None)
    yield (call.get("End") or now) - (call.get("Start") or now)


@PROCESS.cmdlet("Get-Host")
def get_host(call: Call) -> Iterator[Value]:
    """Give the host program."""
    yield PSObject(
        "System.Management.Automation.Internal.Host.InternalHost",
        {"Name": "ConsoleHost", "Version": conversions.version(call.session.version_text)},
        partial=True,
    )
