"""The core of the service: shells, their commands and what each action does to them.

No sockets: a request and a user go in, an envelope comes out. The one thing awaited is output, in Receive.

Not simulated: a shell's working directory, lifetime and profile, and the difference that console-mode input makes;
these are accepted and change nothing.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape

from harness.lab.process import ProcessIO
from harness.lab.winrm import faults
from harness.lab.winrm.envelope import (
    ENUMERATION,
    SHELL,
    TRANSFER,
    Request,
    answer,
    fault_answer,
    identify_answer,
    parse_duration,
)
from harness.lab.winrm.process import CodePage, ShellProcess, start

if TYPE_CHECKING:
    import threading
    import xml.etree.ElementTree as ET

    from harness.lab.winrm.settings import HostSettings

Program = Callable[[str, Mapping[str, str], ProcessIO], int]
"""What a shell runs: command line as ``cmd.exe`` sees it, environment, streams (UTF-8); gives the exit code."""

CMD: Final = SHELL + "/cmd"
GATHER_SECONDS: Final = 0.02
"""How long a Receive that has output waits for more, so that a burst of small writes is one answer."""

_SMALLEST_ENVELOPE: Final = 8192
_ENVELOPE_OVERHEAD: Final = 3072  # header, state and end marks
_STREAM_OVERHEAD: Final = 160  # of an element's tags; counted before base64, so it is a third more
_DEFAULT_CODE_PAGE: Final = 437
_UNSIMULATED: Final = {
    f"{TRANSFER}/Get",
    f"{TRANSFER}/Put",
    f"{ENUMERATION}/Enumerate",
    f"{ENUMERATION}/Pull",
    f"{SHELL}/Connect",
    f"{SHELL}/Disconnect",
    f"{SHELL}/Reconnect",
}


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back to the client.

    Args:
        status: The HTTP status, 200 or 500.
        envelope: The answer or the fault.
        fault_code: The fault's number; 0 where it is an answer.
    """

    status: int
    envelope: bytes
    fault_code: int = 0


@dataclass(slots=True, eq=False)
class _Command:
    process: ShellProcess
    changed: asyncio.Event
    receiver: object | None = None
    ended: bool = False


@dataclass(slots=True, eq=False)
class _Shell:
    shell_id: str
    owner: str
    environment: Mapping[str, str]
    code_page: CodePage
    idle_seconds: float
    created: float
    used: float
    busy: int = 0
    commands: dict[str, _Command] = field(default_factory=dict)


class Shells:
    """All shells of one host.

    Args:
        settings: The host.
        program: What shells run.
        clock: Gives monotonic seconds.
    """

    def __init__(
        self,
        settings: HostSettings,
        program: Program,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._program = program
        self._clock = clock
        self._shells: dict[str, _Shell] = {}
        self._threads: list[threading.Thread] = []
        self._actions = {
            f"{TRANSFER}/Create": self._create,
            f"{TRANSFER}/Delete": self._delete,
            f"{SHELL}/Command": self._command,
            f"{SHELL}/Send": self._send,
            f"{SHELL}/Receive": self._receive,
            f"{SHELL}/Signal": self._signal,
        }

    def __len__(self) -> int:
        """How many shells are open."""
        return len(self._shells)

    async def handle(self, request: Request, user: str) -> Reply:
        """Do what a request asks for.

        Args:
            request: The request.
            user: Who signed in.
        """
        if request.is_identify:
            return Reply(200, identify_answer(self._settings.os_version))
        self.expire()
        try:
            body = await self._act(request, user)
        except faults.Fault as fault:
            return Reply(500, fault_answer(fault, request.message_id, self._settings.name), fault.code)
        return Reply(200, answer(f"{request.action}Response", request.message_id, body))

    async def _act(self, request: Request, user: str) -> str:
        self._envelope_size(request)
        action = self._actions.get(request.action)
        if action is None:
            if request.action in _UNSIMULATED:
                raise faults.not_simulated(f"the action {request.verb}")
            raise faults.invalid_action()
        if request.resource.startswith("http://schemas.microsoft.com/powershell/"):
            raise faults.not_simulated("PowerShell remoting; use a shell of cmd")
        if request.resource != CMD:
            raise faults.invalid_resource()
        return await action(request, user)

    def _envelope_size(self, request: Request) -> int:
        allowed = self._settings.limits.envelope_size
        wanted = allowed if request.envelope_size is None else request.envelope_size
        if wanted > allowed:
            raise faults.envelope_too_large()
        if wanted < _SMALLEST_ENVELOPE:
            raise faults.envelope_too_small()
        return wanted

    def expire(self) -> None:
        """Close the shells that nobody has used for their idle time."""
        now = self._clock()
        for shell in list(self._shells.values()):
            if not shell.busy and now - shell.used > shell.idle_seconds:
                self._close(shell)

    def close(self) -> list[threading.Thread]:
        """Close all shells.

        Returns:
            The threads of the programs that still run.
        """
        for shell in list(self._shells.values()):
            self._close(shell)
        return [thread for thread in self._threads if thread.is_alive()]

    def _close(self, shell: _Shell) -> None:
        self._shells.pop(shell.shell_id, None)
        for command in shell.commands.values():
            self._end(command)

    @staticmethod
    def _end(command: _Command) -> None:
        command.ended = True
        command.process.terminate()
        command.changed.set()

    # The actions. Each gives the body of its answer.

    async def _create(self, request: Request, user: str) -> str:
        mine = [shell for shell in self._shells.values() if shell.owner == user]
        if len(mine) >= self._settings.limits.shells:
            raise faults.too_many_shells(self._settings.limits.shells)
        body = _body(request, "Shell")
        now = self._clock()
        shell = _Shell(
            shell_id=_identifier(body.get("ShellId"), self._shells),
            owner=user,
            environment=_environment(body),
            code_page=_code_page(request),
            idle_seconds=parse_duration(_child(body, "IdleTimeOut")) or self._settings.limits.idle_seconds,
            created=now,
            used=now,
        )
        self._shells[shell.shell_id] = shell
        return (
            f"<x:ResourceCreated><a:Address>http://{escape(self._settings.fqdn)}:5985/wsman</a:Address>"
            f"<a:ReferenceParameters><w:ResourceURI>{CMD}</w:ResourceURI><w:SelectorSet>"
            f'<w:Selector Name="ShellId">{shell.shell_id}</w:Selector></w:SelectorSet></a:ReferenceParameters>'
            f"</x:ResourceCreated><rsp:Shell><rsp:ShellId>{shell.shell_id}</rsp:ShellId>"
            f"<rsp:ResourceUri>{CMD}</rsp:ResourceUri><rsp:Owner>{escape(user)}</rsp:Owner>"
            f"<rsp:IdleTimeOut>PT{shell.idle_seconds:.3f}S</rsp:IdleTimeOut>"
            "<rsp:InputStreams>stdin</rsp:InputStreams><rsp:OutputStreams>stdout stderr</rsp:OutputStreams>"
            "<rsp:ShellRunTime>P0DT0H0M0S</rsp:ShellRunTime><rsp:ShellInactivity>P0DT0H0M0S</rsp:ShellInactivity>"
            "</rsp:Shell>"
        )

    async def _delete(self, request: Request, user: str) -> str:
        self._close(self._shell(request, user))
        return ""

    async def _command(self, request: Request, user: str) -> str:
        shell = self._shell(request, user)
        running = [command for command in shell.commands.values() if command.process.exit_code is None]
        if len(running) >= self._settings.limits.processes:
            raise faults.too_many_commands()
        body = _body(request, "CommandLine")
        words = [_child(body, "Command")]
        words += [(element.text or "") for element in body.findall(f"{{{SHELL}}}Arguments")]
        if not words[0]:
            raise faults.schema_violation("CommandLine without Command")
        command_id = _identifier(body.get("CommandId"), shell.commands)
        through_cmd = request.options.get("WINRS_SKIP_CMD_SHELL", "FALSE").upper() != "TRUE"
        shell.commands[command_id] = self._start(shell, " ".join(words), through_cmd=through_cmd)
        return f"<rsp:CommandResponse><rsp:CommandId>{command_id}</rsp:CommandId></rsp:CommandResponse>"

    def _start(self, shell: _Shell, line: str, *, through_cmd: bool) -> _Command:
        changed = asyncio.Event()
        loop = asyncio.get_running_loop()

        def wake() -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(changed.set)

        def run(process: ProcessIO) -> int:
            if through_cmd and len(line) > self._settings.limits.command_line:
                process.write_err(b"The command line is too long.\r\n")
                return 1
            return self._program(line, shell.environment, process)

        process = ShellProcess(wake, shell.code_page)
        thread = start(process, f"{self._settings.name} {line[:40]}", run)
        self._threads = [other for other in self._threads if other.is_alive()] + [thread]
        return _Command(process, changed)

    async def _send(self, request: Request, user: str) -> str:
        shell = self._shell(request, user)
        for stream in _body(request, "Send").findall(f"{{{SHELL}}}Stream"):
            command = self._find(shell, stream.get("CommandId"))
            if stream.get("Name") != "stdin":
                raise faults.schema_violation("Send to a stream that isn't stdin")
            try:
                data = base64.b64decode("".join((stream.text or "").split()), validate=True)
            except (binascii.Error, ValueError) as error:
                raise faults.schema_violation("Stream isn't base64") from error
            command.process.feed(data, end=(stream.get("End") or "").lower() in {"true", "1"})
        return "<rsp:SendResponse/>"

    async def _signal(self, request: Request, user: str) -> str:
        shell = self._shell(request, user)
        body = _body(request, "Signal")
        command = self._find(shell, body.get("CommandId"))
        match _child(body, "Code").lower():
            case code if code == f"{SHELL}/signal/terminate":
                self._end(command)
                del shell.commands[(body.get("CommandId") or "").upper()]
            case code if code in {f"{SHELL}/signal/ctrl_c", f"{SHELL}/signal/ctrl_break"}:
                command.process.terminate()
            case _:
                raise faults.schema_violation("Signal with an unknown Code")
        return "<rsp:SignalResponse/>"

    async def _receive(self, request: Request, user: str) -> str:
        shell = self._shell(request, user)
        wanted = _body(request, "Receive").find(f"{{{SHELL}}}DesiredStream")
        if wanted is None:
            raise faults.schema_violation("Receive without DesiredStream")
        command_id = (wanted.get("CommandId") or "").upper()
        command = self._find(shell, command_id)
        seconds = request.operation_seconds or self._settings.limits.operation_seconds
        me = command.receiver = object()
        command.changed.set()
        shell.busy += 1
        try:
            await self._wait(command, me, seconds)
        finally:
            shell.busy -= 1
            shell.used = self._clock()
        return _output(command, command_id, self._envelope_size(request))

    async def _wait(self, command: _Command, me: object, seconds: float) -> None:
        """Wait until there is something to tell; then a little longer, for a burst to be complete."""
        process = command.process
        deadline = asyncio.get_running_loop().time() + seconds
        gathering = False
        while True:
            command.changed.clear()
            if command.ended or command.receiver is not me:
                command.changed.set()
                raise faults.aborted()
            if process.exit_code is not None:
                return
            if process.has_output and not gathering:
                gathering = True
                deadline = asyncio.get_running_loop().time() + GATHER_SECONDS
            try:
                async with asyncio.timeout_at(deadline):
                    await command.changed.wait()
            except TimeoutError:
                if gathering:
                    return
                raise faults.timed_out() from None

    # Look-ups.

    def _shell(self, request: Request, user: str) -> _Shell:
        shell_id = request.selectors.get("ShellId", "")
        shell = self._shells.get(shell_id.upper())
        if shell is None:
            raise faults.unknown_shell(shell_id)
        if shell.owner != user:
            raise faults.access_denied()
        shell.used = self._clock()
        return shell

    @staticmethod
    def _find(shell: _Shell, command_id: str | None) -> _Command:
        command = shell.commands.get((command_id or "").upper())
        if command is None:
            raise faults.unknown_command()
        return command


def _body(request: Request, name: str) -> ET.Element:
    if request.body is None or request.body.tag != f"{{{SHELL}}}{name}":
        raise faults.schema_violation(f"the body isn't {name}")
    return request.body


def _child(parent: ET.Element, name: str) -> str:
    return (parent.findtext(f"{{{SHELL}}}{name}") or "").strip()


def _identifier(proposed: str | None, taken: Mapping[str, object]) -> str:
    """Take the client's proposal where it is a new GUID, else make one."""
    if proposed is None:
        return str(uuid.uuid4()).upper()
    try:
        identifier = str(uuid.UUID(proposed)).upper()
    except ValueError as error:
        raise faults.schema_violation("an identifier isn't a GUID") from error
    if identifier in taken:
        raise faults.schema_violation("an identifier is in use")
    return identifier


def _environment(body: ET.Element) -> dict[str, str]:
    variables = body.findall(f"{{{SHELL}}}Environment/{{{SHELL}}}Variable")
    return {variable.get("Name", ""): variable.text or "" for variable in variables}


def _code_page(request: Request) -> CodePage:
    text = request.options.get("WINRS_CODEPAGE", str(_DEFAULT_CODE_PAGE))
    try:
        return CodePage(int(text))
    except (ValueError, LookupError) as error:
        raise faults.invalid_option("WINRS_CODEPAGE") from error


def _output(command: _Command, command_id: str, envelope_size: int) -> str:
    """Write as much output as the envelope holds; and the exit code once there is no more."""
    process = command.process
    exit_code = process.exit_code  # before the output is taken: what comes after it isn't there yet
    pieces = process.take((envelope_size - _ENVELOPE_OVERHEAD) // 4 * 3, _STREAM_OVERHEAD)
    parts = [
        f'<rsp:Stream Name="{name}" CommandId="{command_id}">{base64.b64encode(data).decode()}</rsp:Stream>'
        for name, data in pieces
    ]
    if exit_code is None or process.has_output:
        state = f'<rsp:CommandState CommandId="{command_id}" State="{SHELL}/CommandState/Running"/>'
    else:
        parts += [f'<rsp:Stream Name="{name}" CommandId="{command_id}" End="true"/>' for name in ("stdout", "stderr")]
        state = (
            f'<rsp:CommandState CommandId="{command_id}" State="{SHELL}/CommandState/Done">'
            f"<rsp:ExitCode>{exit_code}</rsp:ExitCode></rsp:CommandState>"
        )
    return f"<rsp:ReceiveResponse>{''.join(parts)}{state}</rsp:ReceiveResponse>"
