"""WS-Management faults with the numbers and texts of Windows (``wsmerror.h``)."""

from __future__ import annotations

from typing import Final

_CANNOT: Final = "The WS-Management service cannot process the request"
_DETAIL: Final = "http://schemas.dmtf.org/wbem/wsman/1/wsman/faultDetail/"


class Fault(Exception):  # noqa: N818 - the protocol calls it a fault
    """An operation failed; it goes to the client as a SOAP fault.

    Args:
        code: Windows' error number, the ``Code`` of ``f:WSManFault``.
        subcode: The qualified name under ``s:Subcode``, for example ``w:TimedOut``.
        reason: The text of ``s:Reason``.
        message: The text of ``f:Message`` where it differs from the reason.
        detail: The URI of ``w:FaultDetail``; empty for none.
        sender: Whether the client is at fault.
    """

    def __init__(
        self,
        code: int,
        subcode: str,
        reason: str,
        *,
        message: str = "",
        detail: str = "",
        sender: bool = True,
    ) -> None:
        super().__init__(f"{code} {subcode}: {message or reason}")
        self.code = code
        self.subcode = subcode
        self.reason = reason
        self.message = message or reason
        self.detail = detail
        self.sender = sender


def timed_out() -> Fault:
    """Nothing happened within OperationTimeout; the client is expected to ask again."""
    return Fault(
        2150858793,
        "w:TimedOut",
        "The WS-Management service cannot complete the operation within the time specified in OperationTimeout.  ",
        sender=False,
    )


def unknown_shell(shell_id: str) -> Fault:
    """No shell of that identifier is open for this user."""
    return _unexpected_selectors(
        f"The request for the Windows Remote Shell with ShellId {shell_id} failed because the shell was not found on "
        "the server. Possible causes are: the specified ShellId is incorrect or the shell no longer exists on the "
        "server. Provide the correct ShellId or create a new shell and retry the operation. "
    )


def unknown_command() -> Fault:
    """The shell has no such command (any more)."""
    return _unexpected_selectors(
        "The Windows Remote Shell received a request to perform an operation on a command identifier that does not "
        "exist. Either the command has completed execution or the client specified an invalid command identifier. "
    )


def _unexpected_selectors(message: str) -> Fault:
    return Fault(
        2150858843,
        "w:InvalidSelectors",
        f"{_CANNOT} because the request contained invalid selectors for the resource. ",
        message=message,
        detail=_DETAIL + "UnexpectedSelectors",
    )


def aborted() -> Fault:
    """A waiting Receive ends because its command or shell was ended, or a newer Receive took its place."""
    return Fault(
        995,
        "w:InternalError",
        "The I/O operation has been aborted because of either a thread exit or an application request. ",
        sender=False,
    )


def too_many_shells(allowed: int) -> Fault:
    """The user has as many shells open as the quota allows."""
    return Fault(
        2150859173,
        "w:QuotaLimit",
        f"{_CANNOT}. The maximum number of concurrent shells for this user has been exceeded. Close existing shells "
        "or raise the quota for this user. ",
        message=f"{_CANNOT}. This user is allowed a maximum number of {allowed} concurrent shells, which has been "
        "exceeded. Close existing shells or raise the quota for this user. ",
    )


def too_many_commands() -> Fault:
    """The shell runs as many commands as the quota allows."""
    return Fault(
        2150859241,
        "w:InternalError",
        f"{_CANNOT}. The maximum number of concurrent commands per shell has been exceeded. Retry the request later "
        "or raise the Maximum Commands per Shell quota. ",
        sender=False,
    )


def access_denied() -> Fault:
    """The shell belongs to another user."""
    return Fault(5, "w:AccessDenied", "Access is denied. ")


def envelope_too_large() -> Fault:
    """The client asks for a bigger envelope than the service may send."""
    return Fault(
        2150858823,
        "w:EncodingLimit",
        "The maximum envelope size in the request is too large. Change the maximum envelope size and try the request "
        "again. ",
        detail=_DETAIL + "MaxEnvelopeSize",
    )


def envelope_too_small() -> Fault:
    """The client asks for an envelope that holds no answer."""
    return Fault(
        2150858878,
        "w:EncodingLimit",
        f"{_CANNOT} because the envelope size in the request is too small. ",
        detail=_DETAIL + "MinimumEnvelopeLimit",
    )


def invalid_action() -> Fault:
    """There is no such action."""
    return Fault(
        2150858753,
        "a:ActionNotSupported",
        f"{_CANNOT}. The WS-Addressing action URI is invalid. Check the documentation for information on how to "
        "construct an action URI. ",
    )


def invalid_resource() -> Fault:
    """There is no such resource."""
    return Fault(
        2150858811,
        "w:InvalidResourceURI",
        f"{_CANNOT}. The resource URI is missing or it has an incorrect format. Check the documentation or use the "
        'following command for information on how to construct a resource URI: "winrm help uris". ',
    )


def not_simulated(what: str) -> Fault:
    """Windows can do it, this host can't."""
    return Fault(
        2150858818,
        "w:UnsupportedFeature",
        "The WS-Management service does not support the specified feature. Remove the unsupported feature from the "
        "request and retry. ",
        message=f"Not simulated: {what}",
    )


def invalid_option(name: str) -> Fault:
    """An option's value makes no sense."""
    return Fault(
        2150858835,
        "w:InvalidOptions",
        f"{_CANNOT} because the value of the option {name} is invalid. ",
        detail=_DETAIL + "InvalidValue",
    )


def schema_violation(what: str) -> Fault:
    """The envelope is XML but not what the action needs."""
    return Fault(
        2150858817,
        "w:SchemaValidationError",
        "The SOAP XML in the message does not match the corresponding XML schema definition. Change the XML and "
        f"retry. ({what})",
    )
