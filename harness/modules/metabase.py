r"""IIS 6's metabase through WMI: the log settings of web sites and of SMTP virtual servers on Exchange 2003.

Sources: the metabase property reference (LogType, LogPluginClsid, LogExtFileFlags, LogFilePeriod, LogFileDirectory) and
the classes IIsWebServiceSetting, IIsWebServerSetting and IIsSmtpServerSetting of ``root\MicrosoftIISv2``. The class
identifiers of the log formats other than W3C and ODBC are believed, not documented; they are read, never written.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

import pydantic

from harness.modules import w3c
from harness.modules.base import by_resource
from harness.remote import powershell

if TYPE_CHECKING:
    from harness.modules.base import Difference, Value
    from harness.remote.powershell import Script

Wait = Annotated[int, pydantic.Field(ge=0, le=90)]
"""Seconds; well below the time that one script may take by default."""
RECHECK: int = pydantic.Field(
    0, description="Exchange 2003: seconds to wait before a change is read back, since the directory may undo it"
)

_OVERWRITTEN = (
    "Exchange 2003's System Attendant copies the directory's settings over the metabase (DS2MB): what it undoes must "
    "be set in Exchange System Manager"
)
_FORMATS = {
    "W3C": "{FF160663-DE82-11CF-BC0A-00AA006111E0}",
    "ODBC": "{FF16065B-DE82-11CF-BC0A-00AA006111E0}",
    "NCSA": "{FF16065F-DE82-11CF-BC0A-00AA006111E0}",
    "IIS": "{FF160657-DE82-11CF-BC0A-00AA006111E0}",
}
_PERIODS = ("MaxSize", "Daily", "Weekly", "Monthly", "Hourly")
"""By their number in ``LogFilePeriod``."""


@dataclass(frozen=True, slots=True)
class Class:
    r"""A class of settings in ``root\MicrosoftIISv2``.

    Args:
        kind: As reports name its instances.
        name: The class.
        label: What its only instance is called; empty where each has a ``ServerComment``.
        rollover: Whether it has ``LogFileLocaltimeRollover``.
    """

    kind: str
    name: str
    label: str = ""
    rollover: bool = True


SITE_DEFAULTS = Class("site defaults", "IIsWebServiceSetting", "site defaults")
SITE = Class("site", "IIsWebServerSetting")
VIRTUAL_SERVER = Class("SMTP virtual server", "IIsSmtpServerSetting", rollover=False)
_CLASS_OF = {each.kind: each.name for each in (SITE_DEFAULTS, SITE, VIRTUAL_SERVER)}


def read(*classes: Class) -> Script:
    """Print the log settings in force of every instance of these classes, in the shape of IIS 7's sites.

    Args:
        classes: In the order in which they are printed.
    """
    return powershell.script(
        "metabase.2003.read.ps1.j2",
        classes=[
            {"kind": each.kind, "name": each.name, "label": each.label, "rollover": each.rollover} for each in classes
        ],
        formats={identifier: name for name, identifier in _FORMATS.items()},
        periods=_PERIODS,
    )


def write(difference: Difference, *, recheck_after: int) -> Script:
    """Make changes, each bit of the fields for itself: what else is on stays on.

    Args:
        difference: Of resources that `read` printed.
        recheck_after: Seconds to wait at the end, before the confirming read.
    """
    before = {
        (change.resource.kind, change.resource.id): change.before
        for change in difference.changes
        if change.setting == "fields"
    }
    changes = []
    for resource, wanted in by_resource(difference.changes):
        fields = _as_fields(wanted.get("fields"))
        gone = set(_as_fields(before.get((resource.kind, resource.id)))) - set(fields) if fields else set()
        changes.append(
            {
                "class": _CLASS_OF[resource.kind],
                "id": resource.id,
                "settings": dict(_as_metabase(name, value) for name, value in wanted.items() if name != "fields"),
                "add": w3c.bits(fields),
                "remove": w3c.bits(gone),
            }
        )
    return powershell.script("metabase.2003.write.ps1.j2", changes=changes, recheck_after=recheck_after)


def _as_fields(value: Value) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else ()


def _as_metabase(setting: str, value: Value) -> tuple[str, Value]:
    match setting:
        case "enabled":
            return "LogType", int(bool(value))
        case "format":
            return "LogPluginClsid", _FORMATS[str(value)]
        case "period":
            return "LogFilePeriod", _PERIODS.index(str(value))
        case "directory":
            return "LogFileDirectory", value
        case "local_time_rollover":
            return "LogFileLocaltimeRollover", value
    raise ValueError(f"the metabase has no log setting {setting!r}")


def blame(left: Difference) -> Difference:
    """Add to what is still different after a write who may have undone it, where that is a metabase's doing."""
    if not any(change.resource.properties.get("metabase") for change in left.changes):
        return left
    return replace(left, hint=_OVERWRITTEN)
