"""Sessions to the server's own Exchange endpoint: New-, Get-, Import- and Remove-PSSession.

Only what Exchange offers is simulated: a session to this server, by name over plain HTTP at ``/PowerShell/``, signed in
with Kerberos. A process that came in over NTLM can't hand its sign-in on, so it needs an explicit credential.
"""

from __future__ import annotations

import fnmatch
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from harness.lab.cmdlets.exchange import ENDPOINT, host_of, machine_of, misbehave, shell_of
from harness.lab.powershell.cmdlet import Parameter, Registry
from harness.lab.powershell.objects import NotSimulatedError, Property, PSObject, SecureString, Value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.lab.machine import HostProcess, Machine, RemoteSession
    from harness.lab.powershell.cmdlet import Call

SESSIONS = Registry()
_SESSION_TYPE = "System.Management.Automation.Runspaces.PSSession"
_COMMANDS = "Microsoft.PowerShell.Commands"
_MECHANISMS = (
    "Default",
    "Basic",
    "Negotiate",
    "NegotiateWithImplicitCredential",
    "Credssp",
    "Digest",
    "Kerberos",
)
_NO_LOGON = (
    "WinRM cannot process the request. The following error with errorcode 0x8009030e occurred while using Kerberos "
    "authentication: A specified logon session does not exist. It may already have been terminated."
)
_ENDPOINT_SINCE = 2010
_NO_ENDPOINT = "The WinRM client received an HTTP status code of 404 from the remote WS-Management service."
_UNRESOLVED = "The WinRM client cannot process the request because the server name cannot be resolved."
_UNCONNECTED = (
    "The client cannot connect to the destination specified in the request. Verify that the service on the "
    "destination is running and is accepting requests."
)


class _Refused(Exception):  # noqa: N818  it is how a connection ends, and never leaves this module
    """The endpoint refuses a session.

    Args:
        code: The first part of the error's identifier.
        reason: Why, as WinRM says it.
    """

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


@SESSIONS.cmdlet(
    "New-PSSession",
    Parameter("ComputerName", "string[]", position=0, sets=("ComputerName",), aliases=("Cn",)),
    Parameter("ConnectionUri", "string", mandatory=True, sets=("Uri",), aliases=("URI", "CU")),
    Parameter("Credential"),
    Parameter("Name", "string[]"),
    Parameter("ConfigurationName", "string"),
    Parameter("Authentication", "string", choices=_MECHANISMS),
    Parameter("AllowRedirection", "switch", sets=("Uri",)),
    Parameter("SessionOption"),
    Parameter("CertificateThumbprint", "string"),
    Parameter("ThrottleLimit", "int"),
    Parameter("EnableNetworkAccess", "switch"),
    Parameter("Port", "int", sets=("ComputerName",)),
    Parameter("UseSSL", "switch", sets=("ComputerName",)),
    Parameter("ApplicationName", "string", sets=("ComputerName",)),
    default_set="ComputerName",
    class_name=f"{_COMMANDS}.NewPSSessionCommand",
)
def new_ps_session(call: Call) -> Iterator[Value]:
    """Open a session to the Exchange endpoint."""
    misbehave(call)
    if call.parameter_set != "Uri" or str(call.get("ConfigurationName")).lower() != ENDPOINT.lower():
        raise NotSimulatedError("New-PSSession without -ConnectionUri and -ConfigurationName Microsoft.Exchange")
    for name in ("SessionOption", "CertificateThumbprint"):
        if name in call:
            raise NotSimulatedError(f"parameter -{name} of New-PSSession")
    host = host_of(call)
    server = urlsplit(str(call.get("ConnectionUri"))).hostname or ""
    try:
        user = _authenticate(call, host, server)
    except _Refused as refused:
        message = (
            f"[{server}] Connecting to remote server {server} failed with the following error message : "
            f"{refused.reason} For more information, see the about_Remote_Troubleshooting Help topic."
        )
        record = call.record(
            message,
            error_id=refused.code,
            category="OpenError",
            exception="System.Management.Automation.Remoting.PSRemotingTransportException",
        )
        record.error_id = f"{refused.code},PSSessionOpenFailed"
        call.write_error(record)
        return
    yield _as_object(host, host.open_session(user), server, call.get("Name"))


def _authenticate(call: Call, host: HostProcess, server: str) -> str:
    """Check the address and the sign-in.

    Returns:
        Who signed in.

    Raises:
        NotSimulatedError: Whether that works on a real server isn't known here.
        _Refused: The endpoint refuses, or isn't there.
    """
    machine = host.machine
    address = urlsplit(str(call.get("ConnectionUri")))
    if server.lower() not in (machine.fqdn.lower(), machine.name.lower()):
        known = {other.fqdn.lower() for other in machine.organisation.machines.values()}
        if server.lower() in known or "." not in server:
            raise NotSimulatedError(f"New-PSSession to {server} from {machine.fqdn}")
        raise _Refused("ComputerNotFound", _UNRESOLVED)
    if address.scheme != "http" or address.port not in (None, 80) or address.path.strip("/").lower() != "powershell":
        raise NotSimulatedError(f"New-PSSession to {address.geturl()}: only http://{machine.fqdn}/PowerShell/ is")
    _reach_endpoint(machine)
    mechanism = str(call.get("Authentication") or "Default")
    if mechanism.lower() == "basic":
        raise _Refused("AccessDenied", "Access is denied.")
    if mechanism.lower() != "kerberos":
        raise NotSimulatedError(f"New-PSSession with -Authentication {mechanism}; Kerberos is")
    credential = call.get("Credential")
    if credential is None:
        if not host.delegates:
            raise _Refused("1312", _NO_LOGON)
        return host.user
    user, password = _credential(credential)
    if not machine.knows(user, password):
        raise _Refused("AccessDenied", "Access is denied.")
    return user


def _reach_endpoint(machine: Machine) -> None:
    """Fail where nothing serves ``/PowerShell/``: no IIS, as on Edge servers, or 2007's, which has no such thing."""
    if not machine.services.running("W3SVC"):
        raise _Refused("CannotConnect", _UNCONNECTED)
    if machine.product.year < _ENDPOINT_SINCE:
        raise _Refused("WinRMHttpError", _NO_ENDPOINT)


def _credential(value: Value) -> tuple[str, str]:
    """Give the user and the password of a ``PSCredential``."""
    if isinstance(value, PSObject):
        user, password = value.get("UserName"), value.get("Password")
        if isinstance(password, SecureString):
            return str(user), password.text
    raise NotSimulatedError("parameter -Credential of New-PSSession without a PSCredential")


def _as_object(host: HostProcess, session: RemoteSession, server: str, names: Value) -> PSObject:
    """Make what a script holds of a session; its state follows the session's."""

    def state() -> str:
        return "Opened" if session.id in host.sessions else "Closed"

    return PSObject(
        _SESSION_TYPE,
        {
            "Id": session.id,
            "Name": str(names[0]) if names else f"Session{session.id}",
            "ComputerName": server,
            "ConfigurationName": ENDPOINT,
            "InstanceId": session.guid,
            "State": Property(state),
            "Availability": Property(lambda: "Available" if state() == "Opened" else "None"),
        },
        text=f"[PSSession]Session{session.id}",
        partial=True,
    )


@SESSIONS.cmdlet(
    "Get-PSSession",
    Parameter("Id", "int[]", position=0, sets=("Id",)),
    Parameter("Name", "string[]", sets=("Name",)),
    default_set="Name",
    class_name=f"{_COMMANDS}.GetPSSessionCommand",
)
def get_ps_session(call: Call) -> Iterator[Value]:
    """Give the sessions that this process has open."""
    host = host_of(call)
    wanted = call.get("Id")
    for session in list(host.sessions.values()):
        shown = _as_object(host, session, host.machine.fqdn, None)
        named = call.get("Name") is None or any(_like(str(shown.get("Name")), str(p)) for p in call.get("Name"))
        if named and (wanted is None or session.id in wanted):
            yield shown


@SESSIONS.cmdlet(
    "Remove-PSSession",
    Parameter("Session", "object[]", mandatory=True, position=0, sets=("Session",), pipeline=True),
    Parameter("Id", "int[]", mandatory=True, position=0, sets=("Id",)),
    Parameter("Name", "string[]", mandatory=True, sets=("Name",)),
    Parameter("InstanceId", "guid[]", mandatory=True, sets=("InstanceId",)),
    default_set="Session",
    should_process=True,
    class_name=f"{_COMMANDS}.RemovePSSessionCommand",
)
def remove_ps_session(call: Call) -> None:
    """Close sessions; nothing happens to one that is closed already."""
    if call.parameter_set not in ("Session", "Id"):
        raise NotSimulatedError(f"parameter -{call.parameter_set} of Remove-PSSession")
    host = host_of(call)
    numbers = call.get("Id") if call.parameter_set == "Id" else [_number(session) for session in call.get("Session")]
    for number in numbers:
        if call.should_process(f"Session{number}", "Remove"):
            host.close_session(number)


def _number(session: Value) -> int:
    if isinstance(session, PSObject) and session.type_name == _SESSION_TYPE:
        return int(session.get("Id"))
    raise NotSimulatedError("Remove-PSSession of something that is no PSSession")


def _like(text: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(text.lower(), pattern.lower())


@SESSIONS.cmdlet(
    "Import-PSSession",
    Parameter("Session", mandatory=True, position=0),
    Parameter("CommandName", "string[]", position=1, aliases=("Name",)),
    Parameter("FormatTypeName", "string[]", position=2),
    Parameter("Prefix", "string"),
    Parameter("DisableNameChecking", "switch"),
    Parameter("AllowClobber", "switch"),
    Parameter("ArgumentList", "object[]"),
    Parameter("CommandType", "string[]"),
    Parameter("Module", "string[]"),
    Parameter("Certificate"),
    class_name=f"{_COMMANDS}.ImportPSSessionCommand",
)
def import_ps_session(call: Call) -> Iterator[Value]:
    """Bring the endpoint's commands into this process, the named ones or all.

    A command that the user's management roles hide is unknown to the endpoint, whose ``Get-Command`` then reports an
    error; the others are imported all the same unless the script stops at errors (believed).
    """
    misbehave(call)
    for name in ("Prefix", "ArgumentList", "CommandType", "Module", "Certificate"):
        if name in call:
            raise NotSimulatedError(f"parameter -{name} of Import-PSSession")
    host = host_of(call)
    if _number(call.get("Session")) not in host.sessions:
        raise NotSimulatedError("Import-PSSession from a session that isn't open")
    names = _visible(call, [str(pattern) for pattern in call.get("CommandName") or ["*"]])
    loaded = call.session.loaded.get(ENDPOINT.lower()) or frozenset()
    call.session.load(shell_of(host.machine).remote, {*loaded, *names})
    members = {"Name": f"tmp_{ENDPOINT}", "ModuleType": "Script"}
    yield PSObject("System.Management.Automation.PSModuleInfo", members, partial=True)


def _visible(call: Call, patterns: list[str]) -> set[str]:
    """Give the commands that patterns name and that the user's roles include; report those that they don't."""
    faults = machine_of(call).faults
    shell = shell_of(machine_of(call))
    names: set[str] = set()
    for pattern in patterns:
        known = [name for name in shell.registry.cmdlets if _like(name, pattern)]
        visible = {name for name in known if not faults.hides(name)}
        absent = pattern.lower() in shell.absent
        if not known and not absent and not any(character in pattern for character in "*?["):
            raise NotSimulatedError(f"the Exchange cmdlet {pattern}")
        if absent or (known and not visible):
            call.write_error(_unknown(call, pattern))
        names |= visible
    return names


def _unknown(call: Call, name: str) -> Value:
    record = call.record(
        f"The term '{name}' is not recognized as the name of a cmdlet, function, script file, or operable program. "
        "Check the spelling of the name, or if a path was included, verify that the path is correct and try again.",
        error_id="CommandNotFoundException",
        category="ObjectNotFound",
        target=name,
        exception="System.Management.Automation.CommandNotFoundException",
    )
    record.error_id = f"CommandNotFoundException,{_COMMANDS}.GetCommandCommand"
    return record
