"""The IIS cmdlets that scripts about logging use, over a small part of the configuration.

Of a ``logFile`` element an enumeration or flags come back as text and everything else as a ``ConfigurationAttribute``
with a ``Value``. (That flags are text, and that the rest needs ``.Value``, is what public scripts rely on; that plain
enumerations are text as well is seen in an exported site object.)
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from harness.lab.cmdlets.exchange import machine_of, misbehave
from harness.lab.powershell.cmdlet import Call, Parameter, Registry
from harness.lab.powershell.objects import Int64, NotSimulatedError, PSObject, Value
from harness.lab.state.iis import LOG, Attribute, IisError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from harness.lab.machine import HostProcess
    from harness.lab.state.iis import Iis
    from harness.lab.store import Json

IIS = Registry()
"""The cmdlets as a module, which they are from Windows Server 2008 R2 on."""
IIS_SNAPIN = Registry()
"""The same as a snap-in, which they were on Windows Server 2008."""


def _installed(process: HostProcess) -> bool:
    return process.machine.iis.installed


WEB_ADMINISTRATION = IIS.source("WebAdministration", kind="module", version="1.0.0.0", available=_installed)

_FRAMEWORK = "Microsoft.IIs.PowerShell.Framework"
_PROVIDER = "Microsoft.IIs.PowerShell.Provider"
_ROOT = "MACHINE/WEBROOT/APPHOST"
_SITES = re.compile(
    r"""/?system\.applicationHost/sites/
    (?:(?P<defaults>siteDefaults)|site(?:\[@(?P<key>id|name)=(?:'(?P<single>[^']*)'|"(?P<double>[^"]*)")\])?)
    (?P<log>/logFile)?""",
    re.VERBOSE,
)
_LOG = re.compile(r"/?system\.applicationHost/log")
_TYPES = {"bool": "System.Boolean", "int": "System.Int64", "string": "System.String"}


@dataclass(frozen=True, slots=True)
class _Element:
    """An element of the configuration that a filter found.

    Args:
        kind: ``site``, ``siteDefaults``, ``logFile`` or ``log``.
        site: The site's number; ``None`` for the defaults and for ``log``.
        xpath: Where it stands.
    """

    kind: str
    site: int | None
    xpath: str


def _elements(iis: Iis, text: str) -> list[_Element]:
    """Find the elements that a filter names.

    Raises:
        NotSimulatedError: It is beyond the simulated part of XPath or of the configuration.
    """
    if _LOG.fullmatch(text):
        return [_Element("log", None, "/system.applicationHost/log")]
    found = _SITES.fullmatch(text)
    if not found:
        raise NotSimulatedError(f"the configuration filter {text}")
    log = found["log"] or ""
    if found["defaults"]:
        return [
            _Element("logFile" if log else "siteDefaults", None, f"/system.applicationHost/sites/siteDefaults{log}")
        ]
    wanted = found["single"] if found["single"] is not None else found["double"]
    sites = [s for s in iis.sites() if not found["key"] or str(s[found["key"]]) == wanted]
    return [_Element("logFile" if log else "site", site["id"], _site_xpath(site) + log) for site in sites]


def _site_xpath(site: Mapping[str, Json]) -> str:
    return f"/system.applicationHost/sites/site[@name='{site['name']}' and @id='{site['id']}']"


def _filters(call: Call) -> list[tuple[str, list[_Element]]]:
    """Give the elements by filter, after a look at where they are wanted."""
    for path in call.get("PSPath") or [""]:
        if str(path).rstrip("\\/").upper() not in (_ROOT, "IIS:"):
            raise NotSimulatedError(f"the configuration path '{path}' of {call.cmdlet.name}")
    for name in ("Location", "Clr", "Recurse", "Metadata", "AtElement", "AtIndex", "AtName", "InputObject"):
        if name in call:
            raise NotSimulatedError(f"parameter -{name} of {call.cmdlet.name}")
    iis = machine_of(call).iis
    return [(str(text), _elements(iis, str(text))) for text in call.get("Filter")]


def _not_found(call: Call, text: str) -> None:
    call.write_warning(f"Target configuration object '{text}' is not found at path '{_ROOT}'.")


def _resolve(iis: Iis, element: _Element, name: str) -> tuple[_Element, str, Attribute]:
    """Find the attribute that a name means, from the element's own or a dotted path to it.

    Raises:
        NotSimulatedError: Nobody knows whether there is such an attribute.
    """
    head, dot, rest = name.partition(".")
    if dot and element.kind in ("site", "siteDefaults") and head.lower() == "logfile":
        element, name = _Element("logFile", element.site, f"{element.xpath}/logFile"), rest
    known = {"logFile": iis.schema, "log": LOG}.get(element.kind, {})
    for spelt, attribute in known.items():
        if spelt.lower() == name.lower():
            return element, spelt, attribute
    raise NotSimulatedError(f"the configuration property {name} of {element.kind}")


def _values(iis: Iis, element: _Element) -> Mapping[str, bool | int | str]:
    return iis.log() if element.kind == "log" else iis.log_file(element.site)


def _typed(value: bool | int | str) -> Value:
    return Int64(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _shown(element: _Element, name: str, attribute: Attribute, value: bool | int | str) -> Value:
    if attribute.type in ("enum", "flags"):
        return value
    return PSObject(
        f"{_FRAMEWORK}.ConfigurationAttribute",
        {
            "IsInheritedFromDefaultValue": value == attribute.default,
            "Name": name,
            "TypeName": _TYPES[attribute.type],
            "Value": _typed(value),
            "PSPath": f"WebAdministration::{_ROOT}",
            "ItemXPath": element.xpath,
        },
        partial=True,
    )


def _log_element(iis: Iis, element: _Element) -> PSObject:
    members = {name: _typed(value) for name, value in _values(iis, element).items()}
    return _configuration_element(element, f"site#{element.kind}", members)


def _configuration_element(element: _Element, schema: str, members: Mapping[str, Value]) -> PSObject:
    placed = {**members, "PSPath": f"WebAdministration::{_ROOT}", "ItemXPath": element.xpath}
    names = (f"{_FRAMEWORK}.ConfigurationElement#{schema}", f"{_FRAMEWORK}.ConfigurationElement")
    return PSObject(names, placed, text=names[1], partial=True)


def _site(iis: Iis, site: Mapping[str, Json]) -> PSObject:
    element = _Element("site", site["id"], _site_xpath(site))
    log = _Element("logFile", site["id"], f"{element.xpath}/logFile")
    bindings = [
        dict(zip(("protocol", "bindingInformation"), text.split(" ", 1), strict=True)) for text in site["bindings"]
    ]
    collection = [PSObject(f"{_FRAMEWORK}.ConfigurationElement#bindings#binding", each) for each in bindings]
    members = {
        "name": site["name"],
        "id": Int64(site["id"]),
        "serverAutoStart": True,
        "state": "Started",
        "applicationPool": site["pool"],
        "physicalPath": site["path"],
        "bindings": PSObject(f"{_FRAMEWORK}.ConfigurationElement#site#bindings", {"Collection": collection}),
        "logFile": _log_element(iis, log),
    }
    return _configuration_element(element, "site", members)


_PLACE = (
    Parameter("Filter", "string[]", mandatory=True, position=0, pipeline_by_name=True),
    Parameter("PSPath", "string[]", position=1, pipeline_by_name=True),
    Parameter("Location", "string[]"),
    Parameter("Clr", "string"),
)


@IIS.cmdlet(
    "Get-WebConfiguration",
    *_PLACE,
    Parameter("Metadata", "switch"),
    Parameter("Recurse", "switch"),
    source=WEB_ADMINISTRATION,
    class_name=f"{_PROVIDER}.GetConfigurationCommand",
)
def get_web_configuration(call: Call) -> Iterator[Value]:
    """Give configuration elements as objects."""
    misbehave(call)
    iis = machine_of(call).iis
    sites = {site["id"]: site for site in iis.sites()}
    for _, elements in _filters(call):
        for element in elements:
            if element.kind == "site" and element.site is not None:
                yield _site(iis, sites[element.site])
            elif element.kind in ("logFile", "log"):
                yield _log_element(iis, element)
            else:
                raise NotSimulatedError(f"Get-WebConfiguration of {element.xpath}")


@IIS.cmdlet(
    "Get-WebConfigurationProperty",
    *_PLACE,
    Parameter("Name", "string[]", mandatory=True),
    Parameter("Recurse", "switch"),
    source=WEB_ADMINISTRATION,
    class_name=f"{_PROVIDER}.GetConfigurationPropertyCommand",
)
def get_web_configuration_property(call: Call) -> Iterator[Value]:
    """Give attributes of configuration elements."""
    misbehave(call)
    iis = machine_of(call).iis
    for text, elements in _filters(call):
        if not elements:
            _not_found(call, text)
        for found in elements:
            for wanted in call.get("Name"):
                element, name, attribute = _resolve(iis, found, str(wanted))
                yield _shown(element, name, attribute, _values(iis, element)[name])


@IIS.cmdlet(
    "Set-WebConfigurationProperty",
    *_PLACE,
    Parameter("Name", "string", mandatory=True),
    Parameter("Value", mandatory=True, sets=("InputPSObject",), allow_null=True),
    Parameter("InputObject", mandatory=True, sets=("InputObject",)),
    Parameter("AtElement", "hashtable"),
    Parameter("AtIndex", "int"),
    Parameter("AtName", "string"),
    Parameter("Force", "switch"),
    default_set="InputPSObject",
    should_process=True,
    source=WEB_ADMINISTRATION,
    class_name=f"{_PROVIDER}.SetConfigurationPropertyCommand",
)
def set_web_configuration_property(call: Call) -> None:
    """Set an attribute of configuration elements."""
    misbehave(call)
    machine = machine_of(call)
    for text, elements in _filters(call):
        if not elements:
            _not_found(call, text)
        for found in elements:
            element, name, _ = _resolve(machine.iis, found, str(call.get("Name")))
            if not call.should_process(f"{element.xpath}/@{name}") or machine.faults.ignores(call.cmdlet.name):
                continue
            try:
                _setter(machine.iis, element)(name, call.get("Value"))
            except IisError as error:
                record = call.record(
                    str(error),
                    error_id="System.Runtime.InteropServices.COMException",
                    exception="System.Runtime.InteropServices.COMException",
                )
                call.write_error(record)


def _setter(iis: Iis, element: _Element) -> Callable[[str, Value], None]:
    if element.kind == "log":
        return iis.set_log
    return lambda name, value: iis.set_log_file(element.site, name, value)


@IIS.cmdlet(
    "Get-Website",
    Parameter("Name", "string", position=0, pipeline_by_name=True),
    source=WEB_ADMINISTRATION,
    class_name=f"{_PROVIDER}.GetWebsiteCommand",
)
def get_website(call: Call) -> Iterator[Value]:
    """Give sites."""
    misbehave(call)
    iis = machine_of(call).iis
    wanted = call.get("Name")
    for site in iis.sites():
        if wanted is None or str(site["name"]).lower() == str(wanted).lower():
            yield _site(iis, site)


def _declare_snapin() -> None:
    snapin = IIS_SNAPIN.source(WEB_ADMINISTRATION.name, kind="snapin", version="1.0.0.0", available=_installed)
    for name, declared in IIS.cmdlets.items():
        IIS_SNAPIN.cmdlets[name] = {key: replace(cmdlet, source=snapin) for key, cmdlet in declared.items()}


_declare_snapin()
