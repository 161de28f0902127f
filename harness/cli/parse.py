"""``harness parse``: the events of local log files, or of standard input.

Exit codes: 0 where every file was recognised and at least one of its rows could be read, or none is in it; lines
that couldn't be read are counted and shown on standard error, and don't change the code. 3 where a file is missing,
isn't recognised, holds rows of which none could be read, or has no line of the number given to ``--explain``. 130
where it was interrupted.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.events import Counts, Engine, Event, Format, Mapping, Quarantined, Record
    from harness.events.stream import Counted
    from harness.source import Problem

CHUNK = 2 * 1024 * 1024
"""How many bytes are read at once."""

_SHOWN = 20  # quarantined lines shown per file
_CONTROL = {code: f"\\x{code:02x}" for code in (*range(32), 127, *range(128, 160))}


@dataclass(frozen=True, slots=True)
class _Options:
    """What the user asked for."""

    format: str
    mappings: tuple[Path, ...]
    explain: int
    output: str
    summary: bool
    engine: Engine
    payload: bool
    source_ip: str
    encoding: str


@click.command("parse")
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option(
    "--format",
    "format_",
    type=click.Choice(["auto", "msgtrk", "smtp", "owa", "msgtrk2003", "smtp2003"]),
    default="auto",
    show_default=True,
    help="How the files are written; auto recognises each from its header.",
)
@click.option(
    "--encoding",
    default="UTF-8",
    show_default=True,
    metavar="NAME",
    help="Of the files, as the log source's File Encoding names it; UTF-16 can't be read.",
)
@click.option(
    "--mapping",
    "mappings",
    type=click.Path(dir_okay=False, path_type=Path),
    multiple=True,
    help="A mapping file to lay over the shipped one, field by field. May be given more than once.",
)
@click.option(
    "--explain",
    type=click.IntRange(min=1),
    default=None,
    metavar="N",
    help="Show which bytes of line N became which field.",
)
@click.option(
    "--output",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="JSON is one object a line.",
)
@click.option("--summary", is_flag=True, help="Show how many events of each event ID there are, and no events.")
@click.option(
    "--engine",
    type=click.Choice(["auto", "strict", "fast"]),
    default="auto",
    show_default=True,
    envvar="HARNESS_ENGINE",
    show_envvar=True,
    help="How files are read: row by row, or by the block (extra fast); both give the same.",
)
@click.option("--payload", is_flag=True, help="Show each event as the protocol forwards it.")
@click.option(
    "--source-ip",
    default="",
    metavar="ADDRESS",
    help="The server's address, for SourceIp and for rows without a client.",
)
def parse_command(  # noqa: PLR0917 - options of a command are its arguments
    files: tuple[str, ...],
    format_: str,
    encoding: str,
    mappings: tuple[Path, ...],
    explain: int | None,
    output: str,
    summary: bool,
    engine: Engine,
    payload: bool,
    source_ip: str,
) -> None:
    """Show the events of local log files; - reads standard input."""
    from harness.errors import HarnessError, InputError
    from harness.events.encoding import readable

    try:
        codec = readable(encoding)
    except HarnessError as error:
        raise InputError([_problem("--encoding", error.message, error.hint)]) from error
    options = _Options(format_, mappings, explain or 0, output, summary, engine, payload, source_ip, codec)
    out = sys.stdout.buffer
    problems: list[Problem] = []
    try:
        for name in files:
            try:
                problems.extend(_file(name, options, out))
            except OSError as error:
                if isinstance(error, BrokenPipeError):
                    raise
                problems.append(_problem(name, f"the file can't be read: {error.strerror or error}"))
        out.flush()
    except BrokenPipeError:
        _let_go(out)
        return
    if problems:
        raise InputError(problems)


def _file(name: str, options: _Options, out: BinaryIO) -> list[Problem]:
    """Show one file; give what stops it from counting as read."""
    from harness.events import Format, load, recognise

    with nullcontext(sys.stdin.buffer) if name == "-" else Path(name).open("rb") as stream:
        first = _first(stream)
        if options.format == "auto":
            recognised = recognise(name, first)
            if recognised.format is None:
                return [_problem(name, f"the log isn't recognised: {recognised.reason}", recognised.hint)]
            format_ = recognised.format
        else:
            format_ = Format(options.format)
        mapping = load(format_, options.mappings)
        chunks = _chunks(first, stream)
        if options.explain:
            return _explain(name, chunks, mapping, options, out)
        return _events(name, chunks, mapping, options, out)


def _first(stream: BinaryIO) -> bytes:
    """Read what is needed to recognise the file."""
    from harness.events.formats import HEAD

    read = bytearray()
    while len(read) < HEAD and (data := stream.read(HEAD - len(read))):
        read += data
    return bytes(read)


def _chunks(first: bytes, stream: BinaryIO) -> Iterator[bytes]:
    """Give the file's bytes piece by piece."""
    data = first
    while data:
        yield data
        data = stream.read(CHUNK)


def _events(name: str, chunks: Iterator[bytes], mapping: Mapping, options: _Options, out: BinaryIO) -> list[Problem]:
    """Show the events of a file, or how many of each kind there are."""
    from harness.events import Event, EventStream, reader_for
    from harness.events.stream import Counted

    data = next(chunks, b"")
    reader = reader_for(mapping.format, name, encoding=options.encoding, engine=_engine(options, data))
    stream = EventStream(reader, mapping, options.source_ip)
    total = Counted()
    lost = offset = 0
    ended = False
    while not ended:
        ended = not data
        if options.summary:
            counted = stream.count_rest() if ended else stream.count(data, offset)
        else:
            given = stream.finish(final=True) if ended else stream.feed(data, offset)
            lines = [f"{_show(each, options)}\n" for each in given if isinstance(each, Event)]
            out.write("".join(lines).encode("utf-8", "surrogateescape"))
            counted = Counted()
            for each in given:
                counted.take(each)
        for item in counted.quarantined:
            lost += 1
            if lost <= _SHOWN:
                click.echo(_lost(item), err=True)
        total.kinds.update(counted.kinds)
        total.short += counted.short
        offset += len(data)
        data = next(chunks, b"")
    if lost > _SHOWN:
        click.echo(f"{name}: ... and {lost - _SHOWN} more that couldn't be read", err=True)
    counts = reader.counts
    if options.summary:
        out.write(_kinds(name, mapping.format, counts, total, options).encode("utf-8", "surrogateescape"))
    click.echo(_summary(name, mapping.format, counts, total.short), err=True)
    if counts.quarantined and not counts.records:
        return [
            _problem(
                name,
                "none of the file's rows could be read",
                "see the reasons above, or name another --format",
            )
        ]
    return []


def _engine(options: _Options, first: bytes) -> Engine:
    """Choose how a file is read: to load the fast engine takes longer than to read a small file."""
    from harness.events.formats import HEAD

    return "strict" if options.engine == "auto" and len(first) < HEAD else options.engine


def _kinds(name: str, format_: Format, counts: Counts, counted: Counted, options: _Options) -> str:
    """Write how many events of each kind a file holds, the most frequent first."""
    kinds = sorted(counted.kinds.items(), key=lambda kind: (-kind[1], kind[0]))
    if options.output == "json":
        shown = {"file": name, "format": format_.value} | counts.as_dict()
        return json.dumps(shown | {"short": counted.short, "event_ids": dict(kinds)}) + "\n"
    return "".join(f"{count:>10}  {kind.translate(_CONTROL) or '-'}\n" for kind, count in kinds)


def _show(event: Event, options: _Options) -> str:
    """Write an event as one line."""
    from harness.events import document, write_time

    if options.output == "text":
        if options.payload:
            return event.payload(options.source_ip)
        parts = (
            write_time(event.device_time) or "-",
            event.family.value,
            event.event_id or "-",
            f"{event.source_ip or '-'} -> {event.destination_ip or '-'}",
            event.username or "-",
            *(f"[{problem}]" for problem in event.problems),
        )
        return "  ".join(parts).translate(_CONTROL)
    shown = document.event(event)
    if options.payload:
        shown["payload"] = event.payload(options.source_ip)
    return json.dumps(shown)


def _lost(item: Quarantined) -> str:
    """Write what couldn't be read as one line."""
    head = item.head[:80].decode("utf-8", "backslashreplace").translate(_CONTROL)
    span = f" (and {item.lines - 1} more lines)" if item.lines > 1 else ""
    return f"{item.file}:{item.line}{span}: {item.reason}, at byte {item.offset}: {head}"


def _summary(name: str, format_: Format, counts: Counts, short: int) -> str:
    """Write a file's counts as one line."""
    parts = [f"{counts.records} events", f"{counts.quarantined} lines that couldn't be read"]
    if short:
        parts.append(f"{short} events with a mapped field missing or wrong")
    of = f"{counts.lines} lines: {counts.headers} header, {counts.continuations} continued, {counts.blanks} blank"
    return f"{name}: {format_.value}, {', '.join(parts)}; {of}"


def _explain(name: str, chunks: Iterator[bytes], mapping: Mapping, options: _Options, out: BinaryIO) -> list[Problem]:
    """Show which bytes of a line became which mapped field."""
    from harness.events import Header, reader_for

    reader = reader_for(mapping.format, name, encoding=options.encoding)
    wanted = options.explain
    window = b""  # the file's bytes from `begin` on
    begin = offset = 0
    ended = False
    while not ended:
        data = next(chunks, b"")
        ended = not data
        window = window[reader.position - begin :] + data
        begin = reader.position
        items = reader.finish(final=True) if ended else reader.feed(data, offset)
        offset += len(data)
        for item in items:
            if isinstance(item, Header) or not item.line <= wanted < item.line + max(item.lines, 1):
                continue
            raw = window[item.offset - begin :][: item.length]
            out.write(_explanation(item, raw, mapping, options).encode("utf-8", "surrogateescape"))
            if getattr(item, "lines", 1):
                return []
        if reader.counts.lines >= wanted:
            out.write(f"{name}:{wanted}: a header or a blank line; it becomes no event\n".encode())
            return []
    return [_problem(name, f"the file has {reader.counts.lines} lines, so there is no line {wanted}")]


def _explanation(item: Record | Quarantined, raw: bytes, mapping: Mapping, options: _Options) -> str:
    """Write where an item's mapped fields come from."""
    from harness.events import Quarantined
    from harness.events.columns import places

    if isinstance(item, Quarantined):
        shown = {
            "file": item.file,
            "line": item.line,
            "offset": item.offset,
            "length": item.length,
            "reason": item.reason,
        }
        return json.dumps(shown) + "\n" if options.output == "json" else _lost(item) + "\n"
    spans = places(raw, item.format)
    fields: list[dict[str, Any]] = []
    for trace in mapping.explain(item, options.source_ip):
        columns = []
        for column in trace.columns:
            position = item.header.index.get(column.lower())
            if position is not None:
                begin, end = spans[position]
                columns.append({"column": column, "offset": item.offset + begin, "length": end - begin})
            else:
                columns.append({"column": column})
        fields.append(
            {
                "field": trace.field,
                "value": trace.value,
                "columns": columns,
                "taken": trace.taken,
                "transforms": [{"name": step.name, "result": step.result} for step in trace.steps],
                "mapping": str(trace.source),
                "provenance": trace.provenance,
                "problem": trace.problem,
            }
        )
    if options.output == "json":
        shown = {"file": item.file, "line": item.line, "offset": item.offset, "length": item.length}
        return json.dumps(shown | {"format": item.format.value, "fields": fields}) + "\n"
    end = item.offset + item.length
    lines = [f"{item.file}:{item.line}: {item.format.value}, bytes {item.offset} to {end}"]
    for field in fields:
        lines += _field_lines(field)
    return "\n".join(line.translate(_CONTROL) for line in lines) + "\n"


def _field_lines(field: dict[str, Any]) -> Iterator[str]:
    """Write one mapped field of an explanation."""
    yield f"{field['field']}: {field['value'] or '(empty)'}"
    for column in field["columns"]:
        place = f", bytes {column['offset']} to {column['offset'] + column['length']}" if "offset" in column else ""
        yield f"    from   {column['column']}{place}"
    if field["columns"]:
        yield f"    taken  {field['taken']}"
    yield from (f"    then   {step['name']} -> {step['result']}" for step in field["transforms"])
    if field["problem"]:
        yield f"    why    {field['problem']}"
    yield f"    by     {field['mapping']}, {field['provenance']}"


def _problem(name: str, message: str, hint: str = "") -> Problem:
    from harness.source import Problem, Source

    return Problem(Source(name), message, hint)


def _let_go(out: BinaryIO) -> None:
    """The reader of our output went away: keep the interpreter from complaining as it flushes at exit."""
    try:
        descriptor = out.fileno()
    except OSError:
        return
    os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
