"""The errors that the evaluator itself makes, and how a Python exception becomes one that a script can catch."""

from __future__ import annotations

from harness.lab.powershell.objects import (
    DotNetError,
    ErrorRecord,
    NetException,
    NotSimulatedError,
    Position,
    TerminatingError,
    Value,
)
from harness.lab.powershell.syntax import ScriptSyntaxError

RUNTIME = "System.Management.Automation.RuntimeException"
BINDING = "System.Management.Automation.ParameterBindingException"
VALIDATION = "System.Management.Automation.ParameterBindingValidationException"
NOT_FOUND = "System.Management.Automation.CommandNotFoundException"


class ThrownError(TerminatingError):
    """A terminating error that ends the script, not just the statement: from ``throw`` or ``-ErrorAction Stop``."""


def runtime_error(
    message: str,
    error_id: str,
    category: str = "InvalidOperation",
    target: Value = None,
    exception: str = RUNTIME,
) -> TerminatingError:
    """Make an error of the language's own."""
    return TerminatingError(ErrorRecord(NetException(message, exception), error_id, category, target))


def command_not_found(name: str) -> TerminatingError:
    """Make the error of a command that this machine hasn't."""
    return runtime_error(
        f"The term '{name}' is not recognized as the name of a cmdlet, function, script file, or operable program. "
        "Check the spelling of the name, or if a path was included, verify that the path is correct and try again.",
        "CommandNotFoundException",
        "ObjectNotFound",
        name,
        NOT_FOUND,
    )


def as_terminating(error: Exception, position: Position) -> TerminatingError:
    """Turn whatever a statement raised into a terminating error.

    Args:
        error: One of ours, or Python's ``RecursionError``.
        position: Where the statement stands.
    """
    if isinstance(error, TerminatingError):
        found = error
    elif isinstance(error, NotSimulatedError):
        found = _not_simulated(error, position)
    elif isinstance(error, ScriptSyntaxError):
        found = runtime_error(
            f"At line:{error.line} char:{error.column}\n{error.message}",
            error.error_id,
            "ParserError",
            exception="System.Management.Automation.ParseException",
        )
    elif isinstance(error, DotNetError):
        found = _dot_net(error)
    else:
        found = runtime_error(
            "The script failed due to call depth overflow.",
            "CallDepthOverflow",
            "InvalidOperation",
            exception="System.Management.Automation.ScriptCallDepthException",
        )
    if not found.record.position.line:
        found.record.position = position
    return found


def _not_simulated(error: NotSimulatedError, position: Position) -> TerminatingError:
    error.line = error.line or position.line
    error.column = error.column or position.column
    return runtime_error(str(error), "NotSimulated", "NotImplemented", error.construct, "Harness.NotSimulatedException")


def _dot_net(error: DotNetError) -> TerminatingError:
    exception = error.exception
    if exception.type_name == "System.DivideByZeroException":
        exception = NetException(exception.message, RUNTIME, exception)
    error_id = error.error_id or exception.type_name.rsplit(".", 1)[-1]
    category = "InvalidArgument" if "InvalidCast" in exception.type_name else "NotSpecified"
    if exception.type_name == RUNTIME:
        category = "InvalidOperation"
    return TerminatingError(ErrorRecord(exception, error_id, category))


def method_failed(name: str, count: int, error: DotNetError) -> TerminatingError:
    """Make the error of a .NET method that threw."""
    exception = NetException(
        f'Exception calling "{name}" with "{count}" argument(s): "{error.exception.message}"',
        "System.Management.Automation.MethodInvocationException",
        error.exception,
    )
    return TerminatingError(ErrorRecord(exception, error.exception.type_name.rsplit(".", 1)[-1], "NotSpecified"))
