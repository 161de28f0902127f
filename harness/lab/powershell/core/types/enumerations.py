"""Enumerations and exceptions: types that are nothing but names."""

from __future__ import annotations

from harness.lab.powershell.cmdlet import NetType, Registry
from harness.lab.powershell.exceptions import EXCEPTIONS

NAMES = Registry()

_ENUMS = {
    "System.StringComparison": "CurrentCulture CurrentCultureIgnoreCase InvariantCulture InvariantCultureIgnoreCase "
    "Ordinal "
    "OrdinalIgnoreCase",
    "System.StringSplitOptions": "None RemoveEmptyEntries",
    "System.DayOfWeek": "Sunday Monday Tuesday Wednesday Thursday Friday Saturday",
    "System.DateTimeKind": "Unspecified Utc Local",
    "System.MidpointRounding": "ToEven AwayFromZero",
    "System.EnvironmentVariableTarget": "Process User Machine",
    "System.Management.Automation.ActionPreference": "SilentlyContinue Stop Continue Inquire Ignore Suspend",
    "System.Management.Automation.ErrorCategory": "NotSpecified OpenError CloseError DeviceError DeadlockDetected "
    "InvalidArgument InvalidData InvalidOperation InvalidResult InvalidType MetadataError NotImplemented NotInstalled "
    "ObjectNotFound OperationStopped OperationTimeout SyntaxError ParserError PermissionDenied ResourceBusy "
    "ResourceExists ResourceUnavailable ReadError WriteError FromStdErr SecurityError ProtocolError ConnectionError "
    "AuthenticationError LimitsExceeded QuotaExceeded NotEnabled",
}
for _enum, _members in _ENUMS.items():
    NAMES.enum(
        _enum,
        {name: number for number, name in enumerate(_members.split())},
        aliases=(_enum.removeprefix("System."),),
    )
NAMES.enum(
    "System.Text.RegularExpressions.RegexOptions",
    {"None": 0, "IgnoreCase": 1, "Multiline": 2, "ExplicitCapture": 4, "Compiled": 8, "Singleline": 16},
    flags=True,
)
for _exception, _base in EXCEPTIONS.items():
    NAMES.type(NetType(_exception, (_exception.removeprefix("System."),), _base))
