"""Everything that harness raises on purpose.

The tree; the number is the exit code of a command that ends so::

    HarnessError                    1
    ├── InputError                  3   the user's files or options; holds every problem found
    │   ├── InventoryError
    │   ├── PlaybookError
    │   └── SecretError                 a secret's reference leads nowhere
    ├── DefinitionError             3   a log source as the console wouldn't take it
    ├── SharePathError              3   a path isn't in the form that a log source takes
    ├── FilePatternError            3   a file pattern isn't a usable regular expression
    ├── StoreError                  1   the collector's own files are unusable
    ├── ClusterError                4   the cluster that should do the work doesn't answer, or was lost
    ├── HostError                   1   one host, at run time
    │   ├── UnreachableError        4   nobody answers
    │   │   ├── AuthenticationError     the host refused the credentials
    │   │   ├── CertificateError        the host's certificate isn't trusted
    │   │   ├── ProtocolMismatchError   no version, signing or encryption that both sides accept
    │   │   └── ConnectionLostError     it answered, then broke off
    │   ├── DeadlineError               one of the four deadlines passed
    │   ├── ProtocolFaultError          the host answered with a fault
    │   ├── ConsoleRefusalError         the console's API refused a request
    │   ├── ShareError                  a share, folder or file can't be read
    │   │   ├── ShareMissingError           there is no such share
    │   │   ├── PathMissingError            there is no such folder or file
    │   │   ├── AccessDeniedError           the account may not read it
    │   │   └── FileLockedError             another program keeps everybody out
    │   └── StoppedError          130   somebody asked to stop
    └── TaskError                   1   one task on one host
        ├── ScriptError                 its PowerShell failed
        └── NotConvergedError           it was written and the host still says otherwise

Policy branches on classes and attributes, never on the text of a message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harness.source import Problem, Source


class HarnessError(Exception):
    """The base of everything raised on purpose.

    Args:
        message: What failed and why, one sentence.
        hint: What to do next; empty where nothing helps.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __reduce__(self) -> tuple[object, ...]:
        """Travel to another process whole: with all attributes, and without a secret that only this one knows of."""
        from harness.redaction import redactor  # noqa: PLC0415 - the command line starts without it

        texts = {"message": redactor.redact(self.message), "hint": redactor.redact(self.hint)}
        return _again, (type(self), texts["message"]), {**self.__dict__, **texts}


def _again(kind: type[HarnessError], message: str) -> HarnessError:
    """Make an error without its constructor, whose arguments differ from class to class."""
    error: Any = kind.__new__(kind, message)
    error.args = (message,)
    return error  # type: ignore[no-any-return]


class InputError(HarnessError):
    """The user's files or options are wrong; nothing was touched.

    Args:
        problems: Every problem that was found, in the order of the text.
    """

    exit_code = 3

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class InventoryError(InputError):
    """The inventory or its variables are wrong."""


class PlaybookError(InputError):
    """A playbook is wrong."""


class SecretError(InputError):
    """A secret's reference leads nowhere."""


class DefinitionError(HarnessError):
    """A log source has a value that the console wouldn't take.

    Args:
        field: The value's name in the model.
    """

    exit_code = 3

    def __init__(self, message: str, *, field: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.field = field


class SharePathError(HarnessError):
    """A path isn't in the form that a log source takes, for example ``c$/LogFiles/``.

    Args:
        path: The path as it was given.
    """

    exit_code = 3

    def __init__(self, message: str, *, path: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.path = path


class FilePatternError(HarnessError):
    """A file pattern isn't a regular expression that Java and harness read alike.

    Args:
        pattern: The pattern as it was given.
        position: Where in it the trouble is; 0 for the first character.
    """

    exit_code = 3

    def __init__(self, message: str, *, pattern: str, position: int = 0, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.pattern = pattern
        self.position = position


class StoreError(HarnessError):
    """The collector's own files, its positions or its output, are unusable."""


class ClusterError(HarnessError):
    """The cluster that should do the work doesn't answer, or was lost before it was done."""

    exit_code = 4


class HostError(HarnessError):
    """Something failed on one host.

    Args:
        host: The host's name in the inventory.
    """

    def __init__(self, message: str, *, host: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.host = host


class UnreachableError(HostError):
    """Nobody answers.

    Args:
        tried: What was tried, for example ``("http://ex01:5985/wsman (ntlm)",)``.
    """

    exit_code = 4

    def __init__(self, message: str, *, host: str, tried: Iterable[str] = (), hint: str = "") -> None:
        super().__init__(message, host=host, hint=hint)
        self.tried = tuple(tried)


class AuthenticationError(UnreachableError):
    """The host refused the credentials."""


class CertificateError(UnreachableError):
    """The host's certificate isn't trusted.

    Args:
        fingerprint: SHA-256 of the certificate, upper-case hex with colons; empty where it couldn't be read.
    """

    def __init__(
        self,
        message: str,
        *,
        host: str,
        fingerprint: str = "",
        tried: Iterable[str] = (),
        hint: str = "",
    ) -> None:
        super().__init__(message, host=host, tried=tried, hint=hint)
        self.fingerprint = fingerprint


class ProtocolMismatchError(UnreachableError):
    """The host and harness accept no common protocol version, signing or encryption."""


class ConnectionLostError(UnreachableError):
    """The host answered, then broke off.

    Args:
        sent: Whether the command may have started; what only reads may be sent again, what writes may not.
    """

    def __init__(
        self, message: str, *, host: str, sent: bool = False, tried: Iterable[str] = (), hint: str = ""
    ) -> None:
        super().__init__(message, host=host, tried=tried, hint=hint)
        self.sent = sent


class DeadlineError(HostError):
    """One of the four deadlines passed.

    Args:
        which: ``connect`` (TCP and TLS), ``read`` (one answer), ``task`` (one script) or
            ``run`` (all of it).
        seconds: How long was waited.
    """

    def __init__(
        self,
        message: str,
        *,
        host: str,
        which: Literal["connect", "read", "task", "run"],
        seconds: float,
        hint: str = "",
    ) -> None:
        super().__init__(message, host=host, hint=hint)
        self.which = which
        self.seconds = seconds


class ProtocolFaultError(HostError):
    """The host answered with a WS-Management fault, an HTTP error or an SMB status.

    Args:
        code: The fault's number as the host gave it, for example ``2150858843``, or the HTTP or SMB status.
    """

    def __init__(self, message: str, *, host: str, code: int, hint: str = "") -> None:
        super().__init__(message, host=host, hint=hint)
        self.code = code


class ConsoleRefusalError(HostError):
    """The console's API refused a request.

    Args:
        endpoint: Which one, for example ``PATCH …/log_sources``.
        status: The HTTP status.
        code: The endpoint's own number for the reason; 0 where it gave none.
    """

    def __init__(self, message: str, *, host: str, endpoint: str, status: int, code: int = 0, hint: str = "") -> None:
        super().__init__(message, host=host, hint=hint)
        self.endpoint = endpoint
        self.status = status
        self.code = code


class ShareError(HostError):
    """A share, folder or file can't be read over SMB.

    Args:
        share: The share's name, for example ``c$``.
        path: The folder or file below the share, with forward slashes; empty for the share itself.
    """

    def __init__(self, message: str, *, host: str, share: str, path: str = "", hint: str = "") -> None:
        super().__init__(message, host=host, hint=hint)
        self.share = share
        self.path = path


class ShareMissingError(ShareError):
    """The host has no such share."""


class PathMissingError(ShareError):
    """The share has no such folder or file.

    Args:
        exists: The longest part of the path that is there; empty where even its first folder is missing.
        missing: The first part that isn't there; empty where it wasn't looked for.
    """

    def __init__(
        self,
        message: str,
        *,
        host: str,
        share: str,
        path: str,
        exists: str = "",
        missing: str = "",
        hint: str = "",
    ) -> None:
        super().__init__(message, host=host, share=share, path=path, hint=hint)
        self.exists = exists
        self.missing = missing


class AccessDeniedError(ShareError):
    """The account may not read it."""


class FileLockedError(ShareError):
    """Another program has the file open and lets nobody read meanwhile."""


class ProbeError(HostError):
    """A probe couldn't be sent, or the server didn't take it."""


class StoppedError(HostError):
    """Somebody asked to stop while the host was at work."""

    exit_code = 130


class TaskError(HarnessError):
    """One task failed on one host."""


class ScriptError(TaskError):
    """A task's PowerShell failed on the host.

    Args:
        category: PowerShell's error category, for example ``ObjectNotFound``.
        identifier: PowerShell's fully qualified error id.
        exception: The full name of the .NET exception's type.
        source: The template's file and line that failed, where it is known.
    """

    def __init__(
        self,
        message: str,
        *,
        category: str = "",
        identifier: str = "",
        exception: str = "",
        source: Source | None = None,
        hint: str = "",
    ) -> None:
        super().__init__(message, hint=hint)
        self.category = category
        self.identifier = identifier
        self.exception = exception
        self.source = source


class NotConvergedError(TaskError):
    """A setting was written and the host still reads otherwise."""
