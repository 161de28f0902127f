"""The console: a process's standard streams and their encoding."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.lab.powershell.cmdlet import Registry, with_session
from harness.lab.powershell.core.types.declaring import declare
from harness.lab.powershell.core.types.encodings import codec_of, encoding_of_codec
from harness.lab.powershell.core.types.strings import characters, format_items
from harness.lab.powershell.objects import PSObject, Value

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.lab.powershell.session import Session

CONSOLE = Registry()


def _writer(write: Callable[[str], None]) -> PSObject:
    return PSObject(
        "System.IO.TextWriter+SyncTextWriter",
        methods={
            "WriteLine": lambda *v: write(_line(v) + "\r\n"),
            "Write": lambda *v: write(_line(v)),
            "Flush": lambda: None,
        },
        partial=True,
    )


@with_session
def _out(session: Session) -> PSObject:
    return _writer(session.write_out)


@with_session
def _err(session: Session) -> PSObject:
    return _writer(session.write_err)


def _line(values: tuple[Value, ...]) -> str:
    if len(values) > 1:
        return format_items(*values)
    return characters(values[0]) if values else ""


@with_session
def _in(session: Session) -> PSObject:
    def rest() -> str:
        data = session.io.read_all()
        session.check()
        return data.decode(session.encoding, "replace").removeprefix("\ufeff")

    return PSObject(
        "System.IO.TextReader+SyncTextReader",
        methods={
            "ReadLine": session.read_line,
            "ReadToEnd": rest,
            "Close": lambda: None,
            "Dispose": lambda: None,
        },
        partial=True,
    )


@with_session
def _console_encoding(session: Session) -> PSObject:
    return encoding_of_codec(session.encoding)


@with_session
def _set_console_encoding(session: Session, value: Value) -> None:
    session.set_encoding(codec_of(value))


@with_session
def _write_line(session: Session, *values: Value) -> None:
    session.write_out(_line(values) + "\r\n")


@with_session
def _write(session: Session, *values: Value) -> None:
    session.write_out(_line(values))


@with_session
def _read_line(session: Session) -> Value:
    return session.read_line()


declare(
    CONSOLE,
    "System.Console",
    "console",
    statics={
        "Out": _out,
        "Error": _err,
        "In": _in,
        "OutputEncoding": _console_encoding,
        "InputEncoding": _console_encoding,
        "IsInputRedirected": True,
        "IsOutputRedirected": True,
    },
    setters={"OutputEncoding": _set_console_encoding, "InputEncoding": _set_console_encoding},
    methods={"WriteLine": _write_line, "Write": _write, "ReadLine": _read_line},
)
