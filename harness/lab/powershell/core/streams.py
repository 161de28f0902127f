"""The cmdlets that write to a stream: output, errors, warnings, what is told on the way, the console."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.lab.powershell.cmdlet import Parameter, Registry
from harness.lab.powershell.display import render
from harness.lab.powershell.formatting import text
from harness.lab.powershell.objects import ErrorRecord, NetException, Value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.lab.powershell.cmdlet import Call

STREAMS = Registry()
STREAMS.alias("echo", "Write-Output")
STREAMS.alias("write", "Write-Output")


@STREAMS.cmdlet(
    "Write-Output",
    Parameter(
        "InputObject",
        "psobject[]",
        mandatory=True,
        position=0,
        pipeline=True,
        remaining=True,
        allow_null=True,
    ),
    Parameter("NoEnumerate", "switch", since="4.0"),
    class_name="Microsoft.PowerShell.Commands.WriteOutputCommand",
)
def write_output(call: Call) -> Iterator[Value]:
    """Write to the pipeline."""
    value = call.get("InputObject")
    if isinstance(value, list) and not call.get("NoEnumerate"):
        yield from value
    else:
        yield value


def _plain(call: Call, name: str) -> str:
    value = call.get(name)
    return text(value)


@STREAMS.cmdlet(
    "Write-Host",
    Parameter("Object", "object", position=0, pipeline=True, remaining=True),
    Parameter("NoNewline", "switch"),
    Parameter("Separator", "object", default=" "),
    Parameter("ForegroundColor", "string"),
    Parameter("BackgroundColor", "string"),
    class_name="Microsoft.PowerShell.Commands.WriteHostCommand",
)
def write_host(call: Call) -> None:
    """Write to the console, which a remote shell sees on standard output."""
    value = call.get("Object")
    shown = text(value, text(call.get("Separator")))
    end = "" if call.get("NoNewline") else "\n"
    call.session.evaluator.sinks.get("6", call.session.evaluator.host.get("host", lambda _v: None))(shown + end)


@STREAMS.cmdlet(
    "Write-Information",
    Parameter("MessageData", "object", mandatory=True, position=0, aliases=("Msg",)),
    Parameter("Tags", "string[]", position=1),
    since="5.0",
)
def write_information(call: Call) -> None:
    """Write to the information stream, which is silent unless asked for."""
    action = call.bound.get("InformationAction") or call.session.evaluator.variable("InformationPreference")
    if text(action).lower() == "continue":
        call.session.evaluator.host.get("host", lambda _v: None)(_plain(call, "MessageData") + "\n")


@STREAMS.cmdlet(
    "Write-Warning",
    Parameter("Message", "string", mandatory=True, position=0, aliases=("Msg",), pipeline=True, allow_null=True),
    class_name="Microsoft.PowerShell.Commands.WriteWarningCommand",
)
def write_warning(call: Call) -> None:
    """Write to the warning stream."""
    call.write_warning(_plain(call, "Message"))


@STREAMS.cmdlet(
    "Write-Verbose",
    Parameter("Message", "string", mandatory=True, position=0, aliases=("Msg",), pipeline=True, allow_null=True),
)
def write_verbose(call: Call) -> None:
    """Write to the verbose stream."""
    call.write_verbose(_plain(call, "Message"))


@STREAMS.cmdlet(
    "Write-Debug",
    Parameter("Message", "string", mandatory=True, position=0, aliases=("Msg",), pipeline=True, allow_null=True),
)
def write_debug(call: Call) -> None:
    """Write to the debug stream."""
    call.session.evaluator.write_verbose(_plain(call, "Message"), call, "5")


@STREAMS.cmdlet(
    "Write-Progress",
    Parameter("Activity", "string", mandatory=True, position=0),
    Parameter("Status", "string", position=1),
    Parameter("Id", "int", position=2),
    Parameter("PercentComplete", "int"),
    Parameter("SecondsRemaining", "int"),
    Parameter("CurrentOperation", "string"),
    Parameter("ParentId", "int"),
    Parameter("Completed", "switch"),
    Parameter("SourceId", "int"),
)
def write_progress(call: Call) -> None:
    """Show progress; without a console only CLIXML carries it."""
    evaluator = call.session.evaluator
    if text(evaluator.variable("ProgressPreference")).lower() == "continue":
        evaluator.host.get("progress", lambda _v: None)((call.get("Activity"), call.get("Status") or "Processing"))


@STREAMS.cmdlet(
    "Write-Error",
    Parameter(
        "Message",
        "string",
        mandatory=True,
        position=0,
        sets=("NoException",),
        aliases=("Msg",),
        pipeline=True,
        allow_null=True,
    ),
    Parameter("Exception", "object", mandatory=True, sets=("WithException",)),
    Parameter("ErrorRecord", "object", mandatory=True, sets=("ErrorRecord",)),
    Parameter("Category", "System.Management.Automation.ErrorCategory", sets=("NoException", "WithException")),
    Parameter("ErrorId", "string", sets=("NoException", "WithException")),
    Parameter("TargetObject", "object", sets=("NoException", "WithException")),
    Parameter("RecommendedAction", "string"),
    Parameter("CategoryActivity", "string", aliases=("Activity",)),
    Parameter("CategoryReason", "string", aliases=("Reason",)),
    Parameter("CategoryTargetName", "string", aliases=("TargetName",)),
    Parameter("CategoryTargetType", "string", aliases=("TargetType",)),
    default_set="NoException",
    class_name="Microsoft.PowerShell.Commands.WriteErrorCommand",
)
def write_error(call: Call) -> None:
    """Write to the error stream."""
    given = call.get("ErrorRecord")
    if isinstance(given, ErrorRecord):
        call.write_error(given)
        return
    kind = "Microsoft.PowerShell.Commands.WriteErrorException"
    exception = call.get("Exception") if "Exception" in call else NetException(_plain(call, "Message"), kind)
    category = call.get("Category")
    error_id = call.get("ErrorId") or exception.type_name
    # Within a function the identifier names it, as a cmdlet's names its class.
    function = call.session.evaluator.function_name()
    error_id += f",{function}" if function else ""
    record = ErrorRecord(
        exception,
        error_id,
        text(category) if category is not None else "NotSpecified",
        call.get("TargetObject"),
        activity=call.get("CategoryActivity") or "Write-Error",
    )
    call.write_error(record)


@STREAMS.cmdlet("Out-Null", Parameter("InputObject", "psobject", pipeline=True))
def out_null(_call: Call) -> None:
    """Drop everything."""


def _string_end(call: Call) -> Iterator[Value]:
    rendered = render(call.state.get("items", []), call.session)
    if call.get("Stream"):
        yield from rendered.removesuffix("\r\n").split("\r\n")
    else:
        yield rendered


@STREAMS.cmdlet(
    "Out-String",
    Parameter("InputObject", "psobject", pipeline=True),
    Parameter("Width", "int"),
    Parameter("Stream", "switch"),
    end=_string_end,
)
def out_string(call: Call) -> None:
    """Render objects as the console would show them."""
    if "InputObject" in call:
        call.state.setdefault("items", []).append(call.get("InputObject"))
