"""``powershell.exe``: its command line, its streams, its exit code."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from harness.lab.powershell import conversions
from harness.lab.powershell.display import error_text, render_one
from harness.lab.powershell.errors import as_terminating
from harness.lab.powershell.evaluator import STATEMENT_ERRORS, Evaluator
from harness.lab.powershell.formatting import text
from harness.lab.powershell.objects import (
    Hashtable,
    InputLines,
    Position,
    PSList,
    PSObject,
    TerminatingError,
    Value,
)
from harness.lab.powershell.parser import parse
from harness.lab.powershell.session import ProcessTerminatedError
from harness.lab.powershell.signals import ExitSignal, LoopSignal, ReturnSignal
from harness.lab.powershell.syntax import ScriptSyntaxError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.lab.powershell.session import Session
    from harness.lab.process import ProcessIO

BAD_COMMAND_LINE = -196608
"""The exit code of a command line that can't be read: 0xFFFD0000."""
TERMINATED = -1073741510
"""The exit code of a process that was ended from outside: STATUS_CONTROL_C_EXIT."""

# Option in lower case to its shortest form and its other names.
_PLAIN = re.compile(r"[^\\\"\s]+")
_OPTIONS = {
    "executionpolicy": ("ex", ("ep",)),
    "encodedcommand": ("e", ("ec",)),
    "command": ("c", ()),
    "file": ("f", ()),
    "help": ("h", ("?",)),
    "inputformat": ("i", ("if",)),
    "outputformat": ("o", ("of",)),
    "noexit": ("noe", ()),
    "nologo": ("nol", ()),
    "noninteractive": ("noni", ()),
    "noprofile": ("nop", ()),
    "mta": ("mta", ()),
    "sta": ("sta", ()),
    "version": ("v", ()),
    "windowstyle": ("w", ()),
    "psconsolefile": ("p", ()),
}
_WITH_VALUE = {"executionpolicy", "encodedcommand", "inputformat", "outputformat", "version", "windowstyle"}
_FORMATS = {"text", "xml", "none"}


class CommandLineError(Exception):
    """The command line can't be read, or asks for what isn't simulated.

    Args:
        message: What is wrong with it.
    """


@dataclass(frozen=True, slots=True)
class Options:
    """What a command line asks for.

    Args:
        command: The script.
        encoded: Whether it came base64-encoded.
        non_interactive: Whether nobody may be asked.
        text_output: Whether errors are text even where the command is encoded.
        input_lines: Whether standard input becomes ``$input``.
    """

    command: str
    encoded: bool
    non_interactive: bool
    text_output: bool
    input_lines: bool


def split_command_line(line: str) -> list[str]:
    """Split a command line as Windows programs do: blanks outside quotes, backslashes before quotes."""
    words: list[str] = []
    word: list[str] = []
    quoted = started = False
    at = 0
    while at < len(line):
        character = line[at]
        if plain := _PLAIN.match(line, at):
            word.append(plain[0])
            started = True
            at = plain.end()
            continue
        if character == "\\":
            run = len(line[at:]) - len(line[at:].lstrip("\\"))
            at += run
            if line[at : at + 1] == '"':
                word.append("\\" * (run // 2))
                if run % 2:
                    word.append('"')
                    at += 1
            else:
                word.append("\\" * run)
            started = True
            continue
        if character == '"':
            quoted = not quoted
            started = True
        elif character in " \t" and not quoted:
            if started:
                words.append("".join(word))
            word, started = [], False
        else:
            word.append(character)
            started = True
        at += 1
    return [*words, "".join(word)] if started else words


def _option(word: str) -> str:
    name = word[1:].lower()
    for full, (shortest, others) in _OPTIONS.items():
        if name in others or (name.startswith(shortest) and full.startswith(name)):
            return full
    raise CommandLineError(f"not simulated: the option {word} of powershell.exe")


def read_options(arguments: Sequence[str]) -> Options:
    """Read the words behind ``powershell.exe``.

    Raises:
        CommandLineError: They can't be read.
    """
    given: dict[str, str] = {}
    pending = list(arguments)
    while pending:
        word = pending.pop(0)
        option = _option(word) if word[:1] in "-/" and word[1:] else "command"
        if option == "command":
            # Everything that is left belongs to the command.
            given["command"] = " ".join(pending if word[:1] in "-/" else [word, *pending])
            break
        if option in {"file", "noexit", "version", "help", "psconsolefile"}:
            raise CommandLineError(f"not simulated: the option {word} of powershell.exe")
        if option in _WITH_VALUE:
            if not pending:
                raise CommandLineError(
                    f"Cannot process the command because of a missing parameter. A value must follow {word}."
                )
            given[option] = pending.pop(0)
        else:
            given[option] = ""
    return _checked(given)


def _checked(given: dict[str, str]) -> Options:
    for name in ("inputformat", "outputformat"):
        if given.get(name, "text").lower() not in _FORMATS:
            raise CommandLineError(
                f'Cannot process the command because the value "{given[name]}" of -{name} is not valid. '
                'Valid values are "Text" and "XML".'
            )
    if given.get("inputformat", "text").lower() == "xml" or given.get("command", "").strip() == "-":
        raise CommandLineError("not simulated: commands or CLIXML objects on the standard input of powershell.exe")
    encoded = "encodedcommand" in given
    if not encoded and "command" not in given:
        raise CommandLineError("not simulated: an interactive powershell.exe")
    command = _decoded(given["encodedcommand"]) if encoded else given["command"]
    return Options(
        command,
        encoded,
        "noninteractive" in given,
        given.get("outputformat", "").lower() == "text",
        given.get("inputformat", "text").lower() != "none",
    )


def _decoded(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode("utf-16-le")
    except (binascii.Error, ValueError):
        raise CommandLineError(
            "Cannot process the command because the value specified with -EncodedCommand is not properly encoded. The "
            "value must be Base64 encoded."
        ) from None


class _ErrorStream:
    """Standard error: text as it comes, or one CLIXML document at the end."""

    def __init__(self, session: Session, *, clixml: bool) -> None:
        self.session = session
        self.clixml = clixml
        self.parts: list[str] = []

    def write(self, kind: str, shown: str) -> None:
        """Write a message of one of CLIXML's kinds: Error, Warning, verbose, debug, progress."""
        if not self.clixml:
            self.session.write_err(shown)
        elif kind == "progress":
            self.parts.append(shown)
        else:
            lines = shown.split("\r\n")
            pieces = [line + "\r\n" for line in lines[:-1]] + lines[-1:]
            self.parts += [f'<S S="{kind}">{_clixml_text(piece)}</S>' for piece in pieces if piece]

    def progress(self, value: Value) -> None:
        """Write a progress record; as text nobody would see it."""
        if self.clixml:
            activity, status = (_clixml_text(text(part)) for part in value)
            self.write(
                "progress",
                f'<Obj S="progress" RefId="0"><TN RefId="0"><T>System.Management.Automation.PSCustomObject</T>'
                f'<T>System.Object</T></TN><MS><I64 N="SourceId">1</I64><PR N="Record"><AV>{activity}</AV><AI>0</AI>'
                f"<Nil /><PI>-1</PI><PC>-1</PC><T>Processing</T><SR>-1</SR><SD>{status}</SD></PR></MS></Obj>",
            )

    def close(self) -> None:
        """Write the document."""
        if self.parts:
            body = "".join(self.parts)
            self.session.write_err(
                '#< CLIXML\r\n<Objs Version="1.1.0.1" '
                f'xmlns="http://schemas.microsoft.com/powershell/2004/04">{body}</Objs>'
            )


def _clixml_text(value: str) -> str:
    encoded = "".join(f"_x{ord(c):04X}_" if ord(c) < 0x20 else c for c in value.replace("_x", "_x005F_x"))  # noqa: PLR2004 - control characters
    return escape(encoded)


def prepare(session: Session, errors: _ErrorStream | None = None) -> Evaluator:
    """Give a session its evaluator, with the automatic variables set and the host's streams connected.

    Args:
        session: The process.
        errors: Standard error; text where left out.
    """
    stream = errors or _ErrorStream(session, clixml=False)
    evaluator = Evaluator(session)
    session.evaluator = evaluator
    evaluator.scope.variables.update(_automatic(session))
    evaluator.host = {
        "2": lambda record: stream.write("Error", error_text(record, session)),
        "3": lambda message: (
            stream.write("Warning", f"WARNING: {message}\r\n")
            if stream.clixml
            else session.write_out(f"WARNING: {message}\r\n")
        ),
        "4": lambda message: (
            stream.write("verbose", f"VERBOSE: {message}\r\n")
            if stream.clixml
            else session.write_out(f"VERBOSE: {message}\r\n")
        ),
        "5": lambda message: (
            stream.write("debug", f"DEBUG: {message}\r\n")
            if stream.clixml
            else session.write_out(f"DEBUG: {message}\r\n")
        ),
        "host": session.write_out,
        "progress": stream.progress,
    }
    return evaluator


def _automatic(session: Session) -> dict[str, Value]:
    version = conversions.version(session.version_text)
    table = Hashtable({"PSVersion": version, "PSCompatibleVersions": PSList([version], "System.Version[]")})
    if session.version >= (5, 1):
        table["PSEdition"] = "Desktop"
    return {
        "psversiontable": table,
        "erroractionpreference": "Continue",
        "warningpreference": "Continue",
        "verbosepreference": "SilentlyContinue",
        "debugpreference": "SilentlyContinue",
        "progresspreference": "Continue",
        "informationpreference": "SilentlyContinue",
        "confirmpreference": "High",
        "whatifpreference": False,
        "pid": 4711,
        "home": session.environment.get("USERPROFILE"),
        "pshome": "C:\\Windows\\System32\\WindowsPowerShell\\v1.0",
        "psscriptroot": "",
        "args": [],
        "input": [],
        "maximumerrorcount": 256,
        "host": PSObject(
            "System.Management.Automation.Internal.Host.InternalHost",
            {"Name": "ConsoleHost", "Version": version},
            partial=True,
        ),
        "executioncontext": PSObject("System.Management.Automation.EngineIntrinsics", partial=True),
    }


def run_script(script: str, session: Session, *, clixml: bool = False, input_lines: bool = False) -> int:
    """Run a script as ``-Command`` does.

    Args:
        script: Its text.
        session: The process.
        clixml: Write errors as CLIXML.
        input_lines: Let ``$input`` read the lines of standard input.

    Returns:
        The exit code: of ``exit``, else 1 where the last statement failed or the script was ended by an error, else 0.
    """
    stream = _ErrorStream(session, clixml=clixml)
    evaluator = prepare(session, stream)
    try:
        return _run(script, session, evaluator, input_lines=input_lines)
    except ProcessTerminatedError:
        return TERMINATED
    finally:
        stream.close()


def _run(script: str, session: Session, evaluator: Evaluator, *, input_lines: bool) -> int:
    try:
        body = parse(script)
    except (ScriptSyntaxError, RecursionError) as error:
        _report_syntax(error, script, evaluator)
        return 1
    evaluator.body = body
    if input_lines:
        evaluator.scope.variables["input"] = InputLines(session.read_line)
    try:
        _run_blocks(evaluator, body, lambda value: session.write_out(render_one(value, session)))
    except ExitSignal as signal:
        return signal.code
    except (LoopSignal, ReturnSignal):
        return 0 if evaluator.success else 1
    except TerminatingError as error:
        evaluator.report(error.record)
        return 1
    return 0 if evaluator.success else 1


def _run_blocks(evaluator: Evaluator, body: Value, out: Value) -> None:
    if body.params is not None or body.begin is not None or body.process is not None:
        from harness.lab.powershell.stages import BlockStage  # noqa: PLC0415 - only scripts with param need it

        stage = BlockStage(evaluator, body, [], name="", dot=True)
        stage.out = out
        try:
            stage.run_alone()
        except STATEMENT_ERRORS as error:
            raise as_terminating(error, Position(body.line, body.column)) from None
    else:
        evaluator.run_block(body.end, out)


def _report_syntax(error: ScriptSyntaxError | RecursionError, script: str, evaluator: Evaluator) -> None:
    lines = script.splitlines()
    place = Position()
    if isinstance(error, ScriptSyntaxError):
        line = lines[error.line - 1] if error.line <= len(lines) else ""
        place = Position(error.line, error.column, line)
        if error.error_id == "NotSimulated":
            evaluator.session.not_simulated.append(error.message)
    found = as_terminating(error, place)
    found.record.exception.message = getattr(error, "message", str(error))
    found.record.position = place
    evaluator.report(found.record)


def run(arguments: Sequence[str] | str, io: ProcessIO, session: Session) -> int:
    """Be ``powershell.exe``.

    Args:
        arguments: The words behind the program's name, or the text of them.
        io: The standard streams; they replace the session's.
        session: The process to be.

    Returns:
        The exit code.
    """
    session.io = io
    words = split_command_line(arguments) if isinstance(arguments, str) else arguments
    try:
        options = read_options(words)
    except CommandLineError as error:
        session.write_err(f"{error}\r\n")
        if str(error).startswith("not simulated"):
            session.not_simulated.append(str(error))
        return BAD_COMMAND_LINE
    return run_script(
        options.command,
        session,
        clixml=options.encoded and not options.text_output,
        input_lines=options.input_lines,
    )
