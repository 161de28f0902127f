"""``harness parse``: the events of local log files and folders, or of standard input.

Exit codes: 0 where every file was recognised and at least one of its rows could be read, or none is in it; lines
that couldn't be read are counted and shown on standard error, and don't change the code. Of a folder those files are
read that are recognised; the others are named on standard error. 3 where a file is missing, isn't recognised, holds
rows of which none could be read, or has no line of the number given to ``--explain``, and where a folder holds no log.
130 where it was interrupted.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from harness.cli.executors import executor_options
from harness.cli.options import engine_option, mapping_option

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness.cli.executors import Where
    from harness.cli.parsed import Options
    from harness.cli.parsing import Found
    from harness.events import Engine, Mapping, Quarantined, Record
    from harness.source import Problem


@click.command("parse")
@click.argument("paths", metavar="PATH...", nargs=-1, required=True)
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
@mapping_option
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
@engine_option
@click.option("--payload", is_flag=True, help="Show each event as the protocol forwards it.")
@click.option(
    "--source-ip",
    default="",
    metavar="ADDRESS",
    help="The server's address, for SourceIp and for rows without a client.",
)
@executor_options
def parse_command(  # noqa: PLR0917 - options of a command are its arguments
    paths: tuple[str, ...],
    format_: str,
    encoding: str,
    mappings: tuple[Path, ...],
    explain: int | None,
    output: str,
    summary: bool,
    engine: Engine,
    payload: bool,
    source_ip: str,
    where: Where,
) -> None:
    """Show the events of local log files and of folders of them; - reads standard input."""
    from harness.cli.parsed import Options
    from harness.cli.parsing import find, parse, wrong
    from harness.cli.streams import standard_output
    from harness.errors import HarnessError, InputError
    from harness.events.encoding import readable
    from harness.events.mappingfile import Overlay

    try:
        codec = readable(encoding)
    except HarnessError as error:
        raise InputError([wrong("--encoding", error.message, error.hint)]) from error
    overlays = tuple(map(Overlay.of, mappings))
    options = Options(format_, codec, overlays, output, summary, engine, payload, source_ip)
    out = standard_output()
    problems: list[Problem] = []
    found = find(paths, options)
    try:
        if explain:
            for log in found:
                problems += _explain(log, explain, options, out)
        else:
            with where.executor() as executor:
                problems += parse(executor, found, options, out)
        out.flush()
    except BrokenPipeError:
        _let_go(out)
        return
    if problems:
        raise InputError(problems)


def _explain(log: Found, wanted: int, options: Options, out: BinaryIO) -> list[Problem]:
    """Show which bytes of a line became which mapped field."""
    from harness.cli.parsing import Remark, chunks, wrong
    from harness.events import Header, reader_for
    from harness.events.mappingfile import load_kept

    if isinstance(log, Remark):
        return [log.problem] if log.problem is not None else []
    mapping = load_kept(log.format, options.overlays)
    reader = reader_for(log.format, log.name, encoding=options.encoding)
    rest = chunks(log)
    window = b""  # the file's bytes from `begin` on
    begin = offset = 0
    ended = False
    while not ended:
        data = next(rest, b"")
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
            out.write(f"{log.name}:{wanted}: a header or a blank line; it becomes no event\n".encode())
            return []
    return [wrong(log.name, f"the file has {reader.counts.lines} lines, so there is no line {wanted}")]


def _explanation(item: Record | Quarantined, raw: bytes, mapping: Mapping, options: Options) -> str:
    """Write where an item's mapped fields come from."""
    from harness.cli.parsed import CONTROL, lost
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
        return json.dumps(shown) + "\n" if options.output == "json" else lost(item) + "\n"
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
    return "\n".join(line.translate(CONTROL) for line in lines) + "\n"


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


def _let_go(out: BinaryIO) -> None:
    """The reader of our output went away: keep the interpreter from complaining as it flushes at exit."""
    try:
        descriptor = out.fileno()
    except OSError:
        return
    os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
