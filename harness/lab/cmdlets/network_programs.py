"""The native programs ``netsh`` (firewall contexts), ``net share`` and ``icacls``, in the forms that scripts here use.

Each argument is a whole: how PowerShell quotes it on the way is not simulated, so one that PowerShell wouldn't hand on
unharmed (it holds a double quote, or ends in a backslash behind a blank) is refused.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from harness.lab.cmdlets.network import NETWORK, windows_of
from harness.lab.powershell.objects import NotSimulatedError
from harness.lab.state import principals
from harness.lab.state.network import CHANGE, FULL, READ, address

if TYPE_CHECKING:
    from harness.lab.machine import Machine
    from harness.lab.powershell.cmdlet import NativeCall
    from harness.lab.store import Json

_RIGHTS = {"READ": READ, "CHANGE": CHANGE, "FULL": FULL}
_PERMISSION = re.compile(r"(?:\*(?P<sid>S-1-[-0-9]+)|(?P<name>[^:]+)):\(OI\)\(CI\)\(?RX\)?", re.IGNORECASE)
_NO_SUCH_RULE = "No rules match the specified criteria."
_VISTA = (6, 0)


def _intact(call: NativeCall) -> list[str]:
    """Give the arguments, each of which PowerShell hands on unharmed."""
    for argument in call.arguments:
        if '"' in argument or not argument or (argument.endswith("\\") and re.search(r"\s", argument)):
            raise NotSimulatedError(f"the argument {argument!r}, which Windows PowerShell doesn't quote rightly")
    return call.arguments


def _not_simulated(program: str, call: NativeCall) -> NotSimulatedError:
    return NotSimulatedError(f"{program} {' '.join(call.arguments)}")


# netsh


def netsh_firewall(call: NativeCall) -> int:
    """Change the firewall: the contexts ``advfirewall firewall`` and ``firewall``."""
    arguments = _intact(call)
    machine: Machine = call.machine.machine
    if machine.faults.ignores("netsh"):
        return _said(call, 0, "Ok.")
    verbs = [argument.lower() for argument in arguments[:4]]
    if verbs[:2] == ["advfirewall", "firewall"] and verbs[3:] == ["rule"]:
        if windows_of(machine) < _VISTA:
            return _said(call, 1, f"The following command was not found: {' '.join(arguments)}.")
        return _advanced(call, machine, verbs[2], arguments[4:])
    if verbs[0] == "firewall" and verbs[2] == "portopening":
        return _old(call, machine, verbs[1], arguments[3:])
    raise _not_simulated("netsh", call)


def _said(call: NativeCall, code: int, line: str) -> int:
    call.write_out("")
    call.write_out(line)
    call.write_out("")
    return code


def _terms(call: NativeCall, arguments: list[str], known: frozenset[str]) -> dict[str, str]:
    found = {}
    for argument in arguments:
        name, separator, value = argument.partition("=")
        if not separator or name.lower() not in known or name.lower() in found:
            raise _not_simulated("netsh", call)
        found[name.lower()] = value
    return found


_ADVANCED = frozenset({"name", "dir", "action", "enable", "profile", "protocol", "localport", "remoteip"})


def _advanced(call: NativeCall, machine: Machine, verb: str, arguments: list[str]) -> int:
    chosen, new = arguments, list[str]()
    if "new" in arguments:
        chosen, new = arguments[: arguments.index("new")], arguments[arguments.index("new") + 1 :]
    terms = _terms(call, chosen, _ADVANCED)
    network = machine.network
    if verb == "add" and not new:
        settings = _settings(call, terms)
        if settings is None:
            return _said(call, 1, "A specified IP address or address keyword is not valid.")
        with machine.store.change():
            made = network.add_rule(terms["name"], "Any", "Any", ["Any"])
            network.change_rules([made["id"]], settings)
        return _said(call, 0, "Ok.")
    found = [held["id"] for held in network.rules(terms["name"])]
    if verb not in ("set", "delete") or set(terms) != {"name"} or (verb == "set") != bool(new):
        raise _not_simulated("netsh", call)
    if not found:
        return _said(call, 1, _NO_SUCH_RULE)
    if verb == "delete":
        network.remove_rules(found)
        return _said(call, 0, f"Deleted {len(found)} rule(s).")
    changed = _settings(call, _terms(call, new, _ADVANCED - {"name"}))
    if changed is None:
        return _said(call, 1, "A specified IP address or address keyword is not valid.")
    network.change_rules(found, changed)
    return _said(call, 0, f"Updated {len(found)} rule(s).")


def _settings(call: NativeCall, terms: dict[str, str]) -> dict[str, Json] | None:
    """Give what the terms set; None where an address is none."""
    if terms.get("dir", "in") not in ("in", "out") or terms.get("enable", "yes") not in ("yes", "no"):
        raise _not_simulated("netsh", call)
    found: dict[str, Json] = {
        "dir": {"direction": "Inbound" if terms.get("dir") == "in" else "Outbound"},
        "action": {"action": terms.get("action", "").capitalize()},
        "enable": {"enabled": terms.get("enable") == "yes"},
        "profile": {"profile": terms.get("profile", "").capitalize()},
        "protocol": {"protocol": terms.get("protocol", "").upper()},
        "localport": {"ports": terms.get("localport", "").split(",")},
    }
    settings = {key: value for term, pair in found.items() if term in terms for key, value in pair.items()}
    if "remoteip" in terms:
        try:
            settings["addresses"] = [address(each) for each in terms["remoteip"].split(",")]
        except ValueError:
            return None
    return settings


_OLD = frozenset({"protocol", "port", "name", "mode", "scope", "addresses", "profile"})


def _old(call: NativeCall, machine: Machine, verb: str, arguments: list[str]) -> int:
    terms = _terms(call, arguments, _OLD)
    if windows_of(machine) >= _VISTA or terms.get("profile", "").upper() != "ALL":
        raise _not_simulated("netsh", call)
    protocol, port = terms["protocol"].upper(), terms["port"]
    if verb == "delete":
        if f"{port}:{protocol}" not in machine.network.part("openings")["DomainProfile"]:
            return _said(call, 1, "The system cannot find the file specified.")
        machine.network.open_port(protocol, port, None)
        return _said(call, 0, "Ok.")
    scope = {"ALL": "*", "CUSTOM": terms.get("addresses", "")}.get(terms.get("scope", "").upper())
    if verb != "set" or terms.get("mode", "").upper() != "ENABLE" or not scope or ":" in scope:
        raise _not_simulated("netsh", call)
    machine.network.open_port(protocol, port, f"{port}:{protocol}:{scope}:Enabled:{terms['name']}")
    return _said(call, 0, "Ok.")


# Shares and folders


@NETWORK.native("net")
def net(call: NativeCall) -> int:
    """Share a folder: ``net share NAME=PATH /GRANT:ACCOUNT,RIGHT``."""
    match _intact(call):
        case [verb, place, grant] if verb.lower() == "share" and "=" in place and grant.upper().startswith("/GRANT:"):
            return _share(call, *place.split("=", 1), *grant[len("/GRANT:") :].rsplit(",", 1))
    raise _not_simulated("net", call)


def _share(call: NativeCall, name: str, path: str, account: str, right: str) -> int:
    machine: Machine = call.machine.machine
    if machine.network.share(name) is not None:
        return _error(
            call, 2, "The name has already been shared.", "More help is available by typing NET HELPMSG 2118."
        )
    if machine.network.folder(path) is None:
        return _error(
            call, 2, "The device or directory does not exist.", "More help is available by typing NET HELPMSG 2116."
        )
    sid = principals.sid(machine, account)
    if sid is None:
        return _error(
            call,
            2,
            "The user or group account specified cannot be found.",
            "More help is available by typing NET HELPMSG 3953.",
        )
    if not machine.faults.ignores("net"):
        machine.network.add_share(name, path, [[0, sid, _RIGHTS[right.upper()]]])
    call.write_out(f"{name} was shared successfully.")
    call.write_out("")
    return 0


def _error(call: NativeCall, code: int, *lines: str) -> int:
    for line in lines:
        call.write_err(line)
        call.write_err("")
    return code


@NETWORK.native("icacls")
def icacls(call: NativeCall) -> int:
    """Give an account the right to read a folder and all in it: ``icacls PATH /grant *SID:(OI)(CI)RX``."""
    arguments = _intact(call)
    found = _PERMISSION.fullmatch(arguments[2]) if len(arguments) == 3 else None  # noqa: PLR2004  path, verb, permission
    if found is None or arguments[1].lower() != "/grant":
        raise _not_simulated("icacls", call)
    machine: Machine = call.machine.machine
    path = arguments[0]
    if machine.network.folder(path) is None:
        return _error(call, 2, f"{path}: The system cannot find the file specified.")
    sid = found["sid"] or principals.sid(machine, found["name"])
    if sid is None:
        return _error(call, 1332, f"{found['name']}: No mapping between account names and security IDs was done.")
    if not machine.faults.ignores("icacls"):
        machine.network.allow_in_folder(path, [0, sid, READ, 3, 0])
    call.write_out(f"processed file: {path}")
    call.write_out("Successfully processed 1 files; Failed processing 0 files")
    return 0
