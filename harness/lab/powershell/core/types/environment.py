"""What a process knows of its surroundings: the machine, environment variables, paths, the culture."""

from __future__ import annotations

import ntpath
import re
from typing import TYPE_CHECKING

from harness.lab.powershell import conversions
from harness.lab.powershell.cmdlet import Registry, with_session
from harness.lab.powershell.core.types.declaring import declare
from harness.lab.powershell.formatting import text
from harness.lab.powershell.objects import NotSimulatedError, PSObject, Value
from harness.lab.powershell.signals import ExitSignal

if TYPE_CHECKING:
    from harness.lab.powershell.session import Session

ENVIRONMENT = Registry()


@with_session
def _machine_name(session: Session) -> str:
    return session.computer_name.upper()


@with_session
def _user_name(session: Session) -> str:
    return session.environment.get("USERNAME", "")


@with_session
def _domain_name(session: Session) -> str:
    return session.environment.get("USERDOMAIN", session.computer_name.upper())


@with_session
def _get_variable(session: Session, name: Value, _target: Value = None) -> Value:
    return session.environment.get(text(name))


@with_session
def _set_variable(session: Session, name: Value, value: Value, target: Value = None) -> None:
    if target is not None and text(target).lower() != "process":
        raise NotSimulatedError(f"[Environment]::SetEnvironmentVariable for {text(target)}")
    session.environment[text(name)] = text(value)


@with_session
def _expand(session: Session, value: Value) -> str:
    return re.sub(r"%([^%]+)%", lambda m: session.environment.get(m[1], m[0]), text(value))


@with_session
def _exit(_session: Session, code: Value) -> None:
    raise ExitSignal(int(conversions.integer(int)(code)))


declare(
    ENVIRONMENT,
    "System.Environment",
    "environment",
    statics={
        "NewLine": "\r\n",
        "MachineName": _machine_name,
        "UserName": _user_name,
        "UserDomainName": _domain_name,
        "Is64BitProcess": True,
        "Is64BitOperatingSystem": True,
    },
    methods={
        "GetEnvironmentVariable": _get_variable,
        "SetEnvironmentVariable": _set_variable,
        "ExpandEnvironmentVariables": _expand,
        "Exit": _exit,
    },
)
declare(
    ENVIRONMENT,
    "System.IO.Path",
    "IO.Path",
    methods={
        "Combine": lambda *parts: ntpath.join(*(text(part) for part in parts)),
        "GetFileName": lambda v: ntpath.basename(text(v)),
        "GetFileNameWithoutExtension": lambda v: ntpath.splitext(ntpath.basename(text(v)))[0],
        "GetExtension": lambda v: ntpath.splitext(text(v))[1],
        "GetDirectoryName": lambda v: ntpath.dirname(text(v)),
        "GetPathRoot": lambda v: ntpath.splitdrive(text(v))[0] + ("\\" if text(v)[2:3] in ("\\", "/") else ""),
        "IsPathRooted": lambda v: bool(ntpath.splitdrive(text(v))[0]) or text(v)[:1] in ("\\", "/"),
    },
)
declare(
    ENVIRONMENT,
    "System.Globalization.CultureInfo",
    "Globalization.CultureInfo",
    "cultureinfo",
    statics={"InvariantCulture": PSObject("System.Globalization.CultureInfo", {"Name": ""}, text="", partial=True)},
)
declare(ENVIRONMENT, "System.GC", "gc", methods={"Collect": lambda: None})
