"""The core without sockets: what each action does and how each fails."""

from __future__ import annotations

import asyncio
import base64
import threading
import xml.etree.ElementTree as ET
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from harness.lab.winrm.envelope import ENUMERATION, FAULT, SHELL, SOAP, TRANSFER, WSMAN, Request
from harness.lab.winrm.process import CONTROL_C_EXIT
from harness.lab.winrm.settings import HostSettings, Limits
from harness.lab.winrm.shells import CMD, Shells

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from harness.lab.process import ProcessIO
    from harness.lab.winrm.shells import Program, Reply

SETTINGS = HostSettings(name="EX01", fqdn="ex01.corp.example", domain="CORP", users={})


def element(name: str, text: str = "", /, **attributes: str) -> ET.Element:
    """One element of the shell's namespace."""
    made = ET.Element(f"{{{SHELL}}}{name}", attributes)
    made.text = text
    return made


@dataclass
class Client:
    """Talks to the core as one user."""

    shells: Shells
    user: str = "administrator"
    shell_id: str = ""

    async def ask(self, action: str, body: ET.Element | None = None, **changes: object) -> Reply:
        """Send one request."""
        request = Request(
            action=action,
            resource=CMD,
            message_id="uuid:1",
            selectors={"ShellId": self.shell_id} if self.shell_id else {},
            options={"WINRS_CODEPAGE": "65001"},
            operation_seconds=5.0,
            envelope_size=153600,
            body=body,
        )
        return await self.shells.handle(replace(request, **changes), self.user)

    async def create(self, *children: ET.Element, **changes: object) -> Reply:
        """Open a shell and use it from now on."""
        shell = element("Shell")
        shell.extend(children)
        reply = await self.ask(f"{TRANSFER}/Create", shell, **changes)
        if reply.status == 200:
            self.shell_id = find(reply, f".//{{{WSMAN}}}Selector[@Name='ShellId']").text
        return reply

    async def command(self, line: str, **changes: object) -> str:
        """Start a command; gives its identifier."""
        body = element("CommandLine")
        body.append(element("Command", line))
        return find(await self.ask(f"{SHELL}/Command", body, **changes), f".//{{{SHELL}}}CommandId").text

    async def receive(self, command_id: str, **changes: object) -> Reply:
        """Ask for output."""
        body = element("Receive")
        body.append(element("DesiredStream", "stdout stderr", CommandId=command_id))
        return await self.ask(f"{SHELL}/Receive", body, **changes)

    async def send(self, command_id: str, data: bytes, *, end: bool = False) -> Reply:
        """Send input."""
        body = element("Send")
        text = base64.b64encode(data).decode()
        body.append(element("Stream", text, Name="stdin", CommandId=command_id, End=str(end).lower()))
        return await self.ask(f"{SHELL}/Send", body)

    async def signal(self, command_id: str, code: str) -> Reply:
        """Send a signal."""
        body = element("Signal", CommandId=command_id)
        body.append(element("Code", f"{SHELL}/signal/{code}"))
        return await self.ask(f"{SHELL}/Signal", body)


def tree(reply: Reply) -> ET.Element:
    """Read an answer back."""
    return ET.fromstring(reply.envelope)  # noqa: S314 - what the server itself wrote


def find(reply: Reply, path: str) -> ET.Element:
    """Find an element of an answer."""
    found = tree(reply).find(path)
    assert found is not None, reply.envelope.decode()
    return found


def output(reply: Reply, stream: str = "stdout") -> bytes:
    """One stream's bytes in an answer to Receive."""
    nodes = tree(reply).findall(f".//{{{SHELL}}}Stream[@Name='{stream}']")
    return b"".join(base64.b64decode(node.text or "") for node in nodes)


def exit_code(reply: Reply) -> int | None:
    """The exit code where the state is Done, ``None`` where it is Running."""
    state = find(reply, f".//{{{SHELL}}}CommandState")
    if state.get("State") == f"{SHELL}/CommandState/Running":
        return None
    return int(state.findtext(f"{{{SHELL}}}ExitCode"))


def fault(reply: Reply) -> tuple[int, str]:
    """Number and subcode of a fault."""
    subcode = find(reply, f".//{{{SOAP}}}Subcode/{{{SOAP}}}Value").text
    return int(find(reply, f".//{{{FAULT}}}WSManFault").get("Code")), subcode


def play(
    scene: Callable[[Client], Awaitable[None]],
    program: Program,
    limits: Limits | None = None,
    **more: object,
) -> None:
    """Run a scene with a client of a host that runs the program; then close everything."""

    async def run() -> None:
        shells = Shells(replace(SETTINGS, limits=limits or Limits()), program, **more)
        try:
            await scene(Client(shells))
        finally:
            for thread in shells.close():
                await asyncio.to_thread(thread.join, 5)

    asyncio.run(run())


def say(line: str, _: Mapping[str, str], io: ProcessIO) -> int:
    """Print the command line."""
    io.write_out(line.encode())
    return 3


def wait(_line: str, _: Mapping[str, str], io: ProcessIO) -> int:
    """Wait to be ended."""
    io.terminated.wait(30)
    return 0


def test_ended_process_gives_all_output_and_done_in_one_answer() -> None:
    """One Receive is enough for a command that has ended."""

    async def scene(client: Client) -> None:
        await client.create()
        reply = await client.receive(await client.command("hello"))

        assert (b"hello", 3) == (output(reply), exit_code(reply))

    play(scene, say)


def test_burst_of_small_writes_is_one_answer() -> None:
    """Receive gathers for a moment, so that progress doesn't cost a request per line."""
    go = threading.Event()

    def burst(_line: str, _: Mapping[str, str], io: ProcessIO) -> int:
        for number in range(50):
            io.write_out(b"%d\n" % number)
        go.wait(5)
        return 0

    async def scene(client: Client) -> None:
        await client.create()
        command = await client.command("burst")
        first = await client.receive(command)
        go.set()

        assert (50, None) == (output(first).count(b"\n"), exit_code(first))
        assert 0 == exit_code(await client.receive(command))

    play(scene, burst)


def test_receive_returns_as_soon_as_there_is_output() -> None:
    """A process that goes on running doesn't hold its output back until the time-out."""

    async def scene(client: Client) -> None:
        await client.create()
        command = await client.command("echo")
        waiting = asyncio.create_task(client.receive(command, operation_seconds=30.0))
        await asyncio.sleep(0.05)
        await client.send(command, b"now\n")
        reply = await asyncio.wait_for(waiting, 5)

        assert (b"now\n", None) == (output(reply), exit_code(reply))

    def echo(_line: str, _: Mapping[str, str], io: ProcessIO) -> int:
        while (text := io.read_line()) is not None:
            io.write_out(text)
        return 0

    play(scene, echo)


def test_receive_without_output_times_out() -> None:
    """The fault is TimedOut, from the receiver's side, and the command goes on."""

    async def scene(client: Client) -> None:
        await client.create()
        command = await client.command("wait")

        for _ in range(2):
            assert (2150858793, "w:TimedOut") == fault(await client.receive(command, operation_seconds=0.05))

    play(scene, wait)


@pytest.mark.parametrize("size", [8192, 20_000, 153_600, 512_000])
def test_no_answer_exceeds_the_asked_envelope_size(size: int) -> None:
    """Output of many pieces on both streams comes in envelopes that fit, complete and in order."""

    def chatter(_line: str, _: Mapping[str, str], io: ProcessIO) -> int:
        for number in range(3000):
            io.write_out(b"%6d" % number)
            io.write_err(b"e" * (number % 50))
        return 0

    async def scene(client: Client) -> None:
        await client.create()
        command = await client.command("chatter")
        replies = [await client.receive(command, envelope_size=size)]
        while exit_code(replies[-1]) is None:
            replies.append(await client.receive(command, envelope_size=size))

        assert size >= max(len(reply.envelope) for reply in replies)
        assert b"".join(b"%6d" % number for number in range(3000)) == b"".join(map(output, replies))
        assert sum(number % 50 for number in range(3000)) == len(b"".join(output(r, "stderr") for r in replies))

    play(scene, chatter)


@pytest.mark.parametrize("size", [8192, 153_600, 512_000])
def test_answers_fill_the_asked_envelope_size_and_no_more(size: int) -> None:
    """Much output on one stream costs as few requests as the envelope allows."""

    async def scene(client: Client) -> None:
        await client.create()
        command = await client.command("x" * 1_000_000, options={"WINRS_SKIP_CMD_SHELL": "TRUE"}, envelope_size=None)
        await asyncio.sleep(0.1)
        reply = await client.receive(command, envelope_size=size)

        assert size - 4096 < len(reply.envelope) <= size

    play(scene, say)


@pytest.mark.parametrize(("size", "code"), [(512_001, 2150858823), (8191, 2150858878)])
def test_envelope_size_must_be_within_the_limits(size: int, code: int) -> None:
    """More than the service may send, or too little for any answer, is a fault."""

    async def scene(client: Client) -> None:
        assert code == (await client.create(envelope_size=size)).fault_code

    play(scene, say)


def test_terminate_ends_the_command_and_a_waiting_receive() -> None:
    """After Signal terminate the command is gone; whoever waits for its output is told."""

    async def scene(client: Client) -> None:
        await client.create()
        command = await client.command("wait")
        waiting = asyncio.create_task(client.receive(command))
        await asyncio.sleep(0.02)
        signalled = await client.signal(command, "Terminate")

        assert 200 == signalled.status
        assert 995 == (await waiting).fault_code
        assert 2150858843 == (await client.receive(command)).fault_code

    play(scene, wait)


def test_control_c_ends_the_program_and_leaves_its_output() -> None:
    """After Signal ctrl_c the client still reads the rest and Windows' exit code of Ctrl-C."""

    async def scene(client: Client) -> None:
        await client.create()
        command = await client.command("wait")
        await client.signal(command, "ctrl_c")

        assert CONTROL_C_EXIT == exit_code(await client.receive(command))

    play(scene, wait)


def test_newer_receive_takes_the_place_of_an_older_one() -> None:
    """A client that lost its connection asks again; output must not go to the connection that is gone."""

    async def scene(client: Client) -> None:
        await client.create()
        command = await client.command("cat")
        old = asyncio.create_task(client.receive(command))
        await asyncio.sleep(0.02)
        new = asyncio.create_task(client.receive(command))
        await asyncio.sleep(0.02)
        await client.send(command, b"for the newer", end=True)

        assert 995 == (await old).fault_code
        assert b"for the newer" == output(await new)

    def cat(_line: str, _: Mapping[str, str], io: ProcessIO) -> int:
        io.write_out(io.read_all())
        return 0

    play(scene, cat)


def test_delete_ends_the_programs_of_a_shell() -> None:
    """No program outlives its shell."""
    threads = []

    def remember(line: str, environment: Mapping[str, str], io: ProcessIO) -> int:
        threads.append(threading.current_thread())
        return wait(line, environment, io)

    async def scene(client: Client) -> None:
        await client.create()
        await client.command("one")
        await client.command("two")
        reply = await client.ask(f"{TRANSFER}/Delete")
        for thread in threads:
            await asyncio.to_thread(thread.join, 5)

        assert (200, 0) == (reply.status, len(client.shells))
        assert [False, False] == [thread.is_alive() for thread in threads]
        assert 2150858843 == (await client.ask(f"{TRANSFER}/Delete")).fault_code

    play(scene, remember)


def test_idle_shell_is_closed() -> None:
    """A shell nobody uses for its idle time is gone; a Receive that waits counts as use."""
    now = [0.0]

    async def scene(client: Client) -> None:
        await client.create(element("IdleTimeOut", "PT60S"))
        waiting = asyncio.create_task(client.receive(await client.command("wait"), operation_seconds=0.1))
        await asyncio.sleep(0.02)
        now[0] = 1000.0
        client.shells.expire()
        alive_while_waiting = len(client.shells)
        await waiting
        now[0] = 1059.0
        client.shells.expire()
        alive_before = len(client.shells)
        now[0] = 1061.0
        client.shells.expire()

        assert (1, 1, 0) == (alive_while_waiting, alive_before, len(client.shells))

    play(scene, wait, clock=lambda: now[0])


def test_quota_of_shells_is_per_user() -> None:
    """The user over the quota is refused by number; another isn't."""

    async def scene(client: Client) -> None:
        other = Client(client.shells, user="auditor")
        for _ in range(2):
            await client.create()

        assert (2150859173, "w:QuotaLimit") == fault(await client.create())
        assert 200 == (await other.create()).status

    play(scene, say, Limits(shells=2))


def test_quota_of_processes_counts_those_that_run() -> None:
    """A command that has ended makes room for the next."""

    async def scene(client: Client) -> None:
        await client.create()
        ended = await client.command("exit")
        await client.receive(ended)
        await client.command("wait")
        body = element("CommandLine")
        body.append(element("Command", "wait"))

        assert 2150859241 == (await client.ask(f"{SHELL}/Command", body)).fault_code

    def exit_or_wait(line: str, environment: Mapping[str, str], io: ProcessIO) -> int:
        return wait(line, environment, io) if line == "wait" else 0

    play(scene, exit_or_wait, Limits(processes=1))


def test_arguments_and_environment_reach_the_program() -> None:
    """The command line is the command and its arguments; the environment is the shell's."""
    seen = []

    def look(line: str, environment: Mapping[str, str], _: ProcessIO) -> int:
        seen.append((line, dict(environment)))
        return 0

    async def scene(client: Client) -> None:
        environment = element("Environment")
        environment.append(element("Variable", "C:\\Temp", Name="TEMP"))
        await client.create(environment)
        body = element("CommandLine")
        body.extend([element("Command", "net"), element("Arguments", "user"), element("Arguments", "/domain")])
        reply = await client.ask(f"{SHELL}/Command", body)
        await client.receive(find(reply, f".//{{{SHELL}}}CommandId").text)

        assert [("net user /domain", {"TEMP": "C:\\Temp"})] == seen

    play(scene, look)


@pytest.mark.parametrize(
    ("skip", "stderr", "code"),
    [("FALSE", b"The command line is too long.\r\n", 1), ("TRUE", b"", 3)],
)
def test_command_line_limit_is_that_of_cmd(skip: str, stderr: bytes, code: int) -> None:
    """Only what goes through cmd.exe is held to its 8,191 characters; the program never starts."""

    async def scene(client: Client) -> None:
        await client.create()
        command = await client.command("x" * 8192, options={"WINRS_SKIP_CMD_SHELL": skip})
        reply = await client.receive(command)

        assert (stderr, code) == (output(reply, "stderr"), exit_code(reply))

    play(scene, say)


@pytest.mark.parametrize(
    ("action", "changes", "expected"),
    [
        (f"{TRANSFER}/Get", {}, (2150858818, "w:UnsupportedFeature")),
        (f"{ENUMERATION}/Enumerate", {}, (2150858818, "w:UnsupportedFeature")),
        (f"{SHELL}/Disconnect", {}, (2150858818, "w:UnsupportedFeature")),
        ("urn:nonsense", {}, (2150858753, "a:ActionNotSupported")),
        (f"{TRANSFER}/Create", {"resource": "urn:nonsense"}, (2150858811, "w:InvalidResourceURI")),
        (
            f"{TRANSFER}/Create",
            {"resource": "http://schemas.microsoft.com/powershell/Microsoft.PowerShell"},
            (2150858818, "w:UnsupportedFeature"),
        ),
        (f"{TRANSFER}/Create", {"body": None}, (2150858817, "w:SchemaValidationError")),
        (f"{TRANSFER}/Create", {"options": {"WINRS_CODEPAGE": "4711"}}, (2150858835, "w:InvalidOptions")),
        (f"{TRANSFER}/Create", {"body": element("Shell", ShellId="x")}, (2150858817, "w:SchemaValidationError")),
        (f"{SHELL}/Command", {}, (2150858843, "w:InvalidSelectors")),
    ],
)
def test_what_cannot_be_done_has_its_fault(action: str, changes: dict[str, object], expected: tuple[int, str]) -> None:
    """Each refusal has the number and subcode of its own kind, and names this host."""

    async def scene(client: Client) -> None:
        reply = await client.ask(action, **{"body": element("Shell"), **changes})

        assert (500, expected) == (reply.status, fault(reply))
        assert "EX01" == find(reply, f".//{{{FAULT}}}WSManFault").get("Machine")

    play(scene, say)


def test_malformed_input_is_a_fault() -> None:
    """A Send that isn't base64, or isn't for standard input, is refused and changes nothing."""

    async def scene(client: Client) -> None:
        await client.create()
        command = await client.command("wait")
        for stream in (
            element("Stream", "%%%", Name="stdin", CommandId=command),
            element("Stream", "", Name="stdout", CommandId=command),
        ):
            body = element("Send")
            body.append(stream)

            assert 2150858817 == (await client.ask(f"{SHELL}/Send", body)).fault_code
        assert 2150858817 == (await client.signal(command, "nonsense")).fault_code

    play(scene, wait)


def test_clients_own_identifiers_are_kept() -> None:
    """A client may name its shell and command; a name in use is refused."""
    mine = "0DB2B5C8-0B0C-4E42-8A37-6C0B9B3B5C11"

    async def scene(client: Client) -> None:
        shell = element("Shell", ShellId=mine.lower())
        first = await client.ask(f"{TRANSFER}/Create", shell)
        second = await client.ask(f"{TRANSFER}/Create", shell)

        assert mine == find(first, f".//{{{SHELL}}}ShellId").text
        assert 2150858817 == second.fault_code

    play(scene, say)
