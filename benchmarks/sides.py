"""The sides that readers are compared with. ``python -m benchmarks.sides SIDE FORMAT FILE`` runs one and tells of it.

FORMAT is one of `generate.HEADS`, or ``adversarial``: then the message IDs of all rows are told, too.
"""

from __future__ import annotations

import csv
import ipaddress
import json
import re
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.generate import HEADS
from harness.garbage import collect_seldom

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from collections.abc import Mapping as Mapped
    from typing import BinaryIO

    from harness.events import Engine, EventStream, Mapping

Result = tuple[int, list[str]]
"""How many rows there were, and their message IDs where they are asked for."""

_READ = 2 << 20
_SETTLED_SECONDS = 3.0
_ALL = ("msgtrk", "smtp", "owa", "adversarial")
_IDENTIFIER = "message-id"
_COLUMNS = {
    "msgtrk": ("date-time", "client-ip", "server-ip", "event-id", "recipient-address"),
    "smtp": ("date-time", "local-endpoint", "remote-endpoint", "event", "data", "context"),
    "owa": ("date", "time", "s-ip", "cs-method", "cs-username", "c-ip", "sc-status"),
    "adversarial": (_IDENTIFIER, "event-id", "recipient-address"),
}


@dataclass(frozen=True, slots=True)
class Side:
    """One way to read logs.

    Args:
        read: Takes a file and a format.
        formats: Which formats it reads.
    """

    read: Callable[[str, str], Result]
    formats: tuple[str, ...] = _ALL


def _head(format_: str) -> tuple[list[str], str, int]:
    """Give a format's columns, its separator, and how many lines stand above its rows."""
    head = HEADS["msgtrk" if format_ == "adversarial" else format_]
    names = head.rstrip().rpartition("#Fields: ")[2]
    separator = "," if "," in names else " "
    return names.split(separator), separator, head.count("\n")


def _stream(path: str, format_: str, engine: Engine) -> tuple[EventStream, Mapping]:
    from harness.events import EventStream, load, reader_for, recognise  # noqa: PLC0415 - counts as start

    head = HEADS["msgtrk" if format_ == "adversarial" else format_].encode()
    known = recognise(path, head).format
    assert known is not None  # noqa: S101 - they are ours
    mapping = load(known)
    return EventStream(reader_for(known, path, engine=engine), mapping), mapping


def fast(path: str, format_: str) -> Result:
    """Read with the fast engine: mapped fields as columns."""
    from harness.events.columnar import EventBatch  # noqa: PLC0415 - counts as start
    from harness.events.fast import BLOCK  # noqa: PLC0415 - counts as start

    stream, mapping = _stream(path, format_, "fast")
    if format_ == "adversarial":
        return _records(stream, path)
    rows = offset = 0
    buffer = memoryview(bytearray(BLOCK))  # read into again and again: what was read is mapped before more is
    with Path(path).open("rb", buffering=0) as file:
        while size := file.readinto(buffer):
            for each in stream.reader.feed_batches(buffer[:size], offset):
                if hasattr(each, "between"):
                    rows += len(EventBatch(each, mapping))
            offset += size
    stream.reader.finish(final=True)
    return stream.reader.counts.records, []


def strict(path: str, format_: str) -> Result:
    """Read with the strict engine: an event for each row."""
    stream, _ = _stream(path, format_, "strict")
    if format_ == "adversarial":
        return _records(stream, path)
    offset = 0
    with Path(path).open("rb") as file:
        while data := file.read(_READ):
            stream.feed(data, offset)
            offset += len(data)
    stream.finish(final=True)
    return stream.reader.counts.records, []


def _records(stream: EventStream, path: str) -> Result:
    given = [*stream.feed(Path(path).read_bytes(), 0), *stream.finish(final=True)]
    found = [each.record[_IDENTIFIER] for each in given if hasattr(each, "record")]
    return len(found), found


def _rows(format_: str, file: Iterable[str]) -> Iterable[list[str]]:
    _, separator, _ = _head(format_)
    quoting = csv.QUOTE_MINIMAL if separator == "," else csv.QUOTE_NONE
    return csv.reader(file, delimiter=separator, quoting=quoting)


def csv_reader(path: str, format_: str) -> Result:
    """Take the columns with ``csv.reader``."""
    names, _, skipped = _head(format_)
    places = [names.index(name) for name in _COLUMNS[format_]]
    count = 0
    found = []
    with Path(path).open(encoding="utf-8", newline="", errors="surrogateescape") as file:
        for _ in range(skipped):
            next(file)
        for row in _rows(format_, file):
            if format_ != "adversarial":
                _ = [row[place] for place in places]
            elif len(row) == len(names):
                found.append(row[places[0]])
            count += 1
    return count, found


def dict_reader(path: str, format_: str) -> Result:
    """Map the rows of ``csv.DictReader``, as somebody would write it by hand."""
    names, separator, skipped = _head(format_)
    map_row = _BY_HAND[format_]
    count = 0
    with Path(path).open(encoding="utf-8", newline="", errors="surrogateescape") as file:
        for _ in range(skipped):
            next(file)
        quoting = csv.QUOTE_MINIMAL if separator == "," else csv.QUOTE_NONE
        for row in csv.DictReader(file, names, delimiter=separator, quoting=quoting):
            map_row(row)
            count += 1
    return count, []


def _address(text: str) -> str:
    text = text.partition("%")[0]
    return str(ipaddress.ip_address(text)) if text else ""


def _tracking(row: dict[str, str]) -> tuple[Any, ...]:
    return (
        row["event-id"],
        row["recipient-address"].partition(";")[0].strip().removeprefix("<").removesuffix(">"),
        _address(row["client-ip"]),
        _address(row["server-ip"]),
        datetime.fromisoformat(row["date-time"]),
    )


_MARKS = {"+": "CONNECT", "-": "DISCONNECT", "*": "INFO"}
_CODE = re.compile(r"([2-5][0-9]{2})(?:[ -]|$)")
_VERB = re.compile(r"([A-Za-z][A-Za-z0-9-]*)(?:[ :]|$)")
_SENDER = re.compile(r"(?i:MAIL FROM): *<([^>]*)>")
_USER = re.compile(r".*\bUser Name: *([^;,]+)")


def _smtp(row: dict[str, str]) -> tuple[Any, ...]:
    mark, data, context, user = row["event"], row["data"], row["context"], ""
    kind = _MARKS.get(mark, "")
    if mark == "*" and context == "authenticated":
        user = data
    elif named := _USER.match(context):
        user = named[1].strip()
    elif not kind and (sender := _SENDER.match(data)):
        user = sender[1]
    if not kind:
        if code := _CODE.match(data):
            kind = code[1]
        else:
            verb = _VERB.match(data)
            kind = verb[1].upper() if verb else "RECEIVED" if mark == "<" else "SENT"
    remote, local = (
        _address(row[name].rpartition(":")[0].strip("[]")) for name in ("remote-endpoint", "local-endpoint")
    )
    return kind, user, remote, local, datetime.fromisoformat(row["date-time"])


def _owa(row: dict[str, str]) -> tuple[Any, ...]:
    user = row["cs-username"]
    return (
        f"{row['cs-method']} {row['sc-status']}",
        "" if user == "-" else user,
        _address(row["c-ip"]),
        _address(row["s-ip"]),
        datetime.fromisoformat(f"{row['date']}T{row['time']}Z"),
    )


_BY_HAND = {"msgtrk": _tracking, "smtp": _smtp, "owa": _owa}


def polars(path: str, format_: str) -> Result:
    """Take the columns with polars."""
    import polars as pl  # noqa: PLC0415 - counts as start

    names, separator, skipped = _head(format_)
    frame = pl.scan_csv(
        path,
        has_header=False,
        skip_rows=skipped,
        new_columns=names,
        separator=separator,
        quote_char='"' if separator == "," else None,
        infer_schema=False,
        ignore_errors=format_ == "adversarial",
        truncate_ragged_lines=format_ == "adversarial",
        encoding="utf8-lossy",
    )
    frame = frame.select(_COLUMNS[format_]).collect(engine="streaming")
    return frame.height, frame[_IDENTIFIER].fill_null("").to_list() if format_ == "adversarial" else []


def duckdb(path: str, format_: str) -> Result:
    """Take the columns with duckdb."""
    import duckdb as duck  # noqa: PLC0415 - counts as start

    names, separator, skipped = _head(format_)
    connection = duck.connect()
    connection.execute("SET threads = 1")
    options = {
        "header": False,
        "skiprows": skipped,
        "delimiter": separator,
        "quotechar": '"' if separator == "," else "",
        "columns": dict.fromkeys(names, "VARCHAR"),
        "auto_detect": False,
        "ignore_errors": format_ == "adversarial",
    }
    log = connection.read_csv(path, **options)  # type: ignore[arg-type]  # options of several types
    if format_ == "adversarial":
        found = [row[0] or "" for row in log.project(f'"{_IDENTIFIER}"').fetchall()]
        return len(found), found
    lengths = ", ".join(f'sum(length("{name}"))' for name in _COLUMNS[format_])
    [row] = log.aggregate(f"count(*), {lengths}").fetchall()
    return int(row[0]), []


def pyarrow(path: str, format_: str) -> Result:
    """Take the columns with pyarrow's streaming reader."""
    import pyarrow as pa  # noqa: PLC0415 - counts as start
    from pyarrow import csv as arrow_csv  # noqa: PLC0415 - counts as start

    names, separator, skipped = _head(format_)
    parse = arrow_csv.ParseOptions(delimiter=separator, quote_char='"' if separator == "," else False)
    if format_ == "adversarial":
        parse.invalid_row_handler = lambda _: "skip"
        parse.newlines_in_values = True
    count = 0
    found: list[str] = []
    with arrow_csv.open_csv(
        path,
        read_options=arrow_csv.ReadOptions(
            use_threads=False, column_names=names, skip_rows=skipped, block_size=_READ, encoding="utf8"
        ),
        parse_options=parse,
        convert_options=arrow_csv.ConvertOptions(
            include_columns=_COLUMNS[format_], column_types=dict.fromkeys(names, pa.binary()), strings_can_be_null=False
        ),
    ) as batches:
        for batch in batches:
            count += batch.num_rows
            if format_ == "adversarial":
                found += [value.decode("utf-8", "replace") for value in batch.column(0).to_pylist()]
    return count, found


def miller(path: str, format_: str) -> Result:
    """Take the columns with miller."""
    names, separator, _ = _head(format_)
    form = ["--icsv", "--implicit-csv-header"] if separator == "," else ["--inidx", "--ifs", " "]
    if format_ == "adversarial":
        form.append("--allow-ragged-csv-input")
    wanted = ",".join(str(names.index(name) + 1) for name in _COLUMNS[format_])
    arguments = [
        "--skip-comments",
        "--ojsonl" if format_ == "adversarial" else "--onidx",
        "cut",
        "-o",
        "-f",
        wanted,
        path,
    ]
    output = _program([_found("mlr"), *form, *arguments], keep=format_ == "adversarial")
    place = str(names.index(_IDENTIFIER) + 1) if format_ == "adversarial" else ""
    found = [str(json.loads(line).get(place, "")) for line in output.splitlines()]
    return len(found), found


def lnav(path: str, format_: str) -> Result:
    """Count the rows of an IIS log by the columns with lnav."""
    columns = ("cs_username", "cs_method", "sc_status", "c_ip", "s_ip")
    lengths = ", ".join(f"sum(length({name}))" for name in columns)
    with tempfile.TemporaryDirectory() as home:
        query = f";SELECT count(*) AS n, {lengths} FROM w3c_log"  # noqa: S608 - of our own names
        output = _program(["env", f"HOME={home}", _found("lnav"), "-n", "-c", query, path], keep=True)
    numbers = re.findall(r"\d+", output)
    if not numbers or int(numbers[0]) == 0:
        message = f"lnav read no row of {format_}"
        raise RuntimeError(message)
    return int(numbers[0]), []


def syslog_ng(path: str, format_: str) -> Result:
    """Take the columns with syslog-ng's parser of separated values."""
    names, separator, _ = _head(format_)
    listed = ", ".join(f'"c{at}"' for at in range(len(names)))
    wanted = "\\t".join(f"${{c{names.index(name)}}}" for name in _COLUMNS[format_])
    quotes = "quote-pairs('\"\"') flags(escape-double-char)" if separator == "," else "quote-pairs('')"
    with tempfile.TemporaryDirectory() as folder:
        config, output = Path(folder) / "syslog-ng.conf", Path(folder) / "out"
        config.write_text(
            "@version: 3.38\noptions { log-msg-size(1048576); stats-freq(0); };\n"
            f'source s {{ file("{path}" flags(no-parse) read-old-records(yes) log-iw-size(10000)); }};\n'
            f'parser p {{ csv-parser(columns({listed}) delimiters(chars("{separator}")) {quotes}); }};\n'
            f'destination d {{ file("{output}" template("{wanted}\\n") log-fifo-size(20000)); }};\n'
            "log { source(s); parser(p); destination(d); flags(flow-control); };\n",
            encoding="utf-8",
        )
        files = [f"--{name}={folder}/{name}" for name in ("persist-file", "pidfile", "control")]
        _until_settled([_found("syslog-ng"), "-F", "--no-caps", f"--cfgfile={config}", *files], output)
        rows = output.read_text("utf-8", "replace").splitlines() if output.is_file() else []
    if not rows:
        message = "it wrote no row"
        raise RuntimeError(message)
    found = [row.split("\t")[0] for row in rows]
    return len(found), found


def plaso(path: str, _format: str) -> Result:
    """Make events of an IIS log's rows with plaso's log2timeline; its start, some seconds, is counted."""
    program = Path(sys.executable).with_name("log2timeline")
    if not program.exists():
        message = "plaso isn't installed"
        raise FileNotFoundError(message)
    with tempfile.TemporaryDirectory() as folder:
        storage = Path(folder) / "storage"
        files = ["--logfile", f"{folder}/log", "--storage-file", str(storage), path]
        _program([str(program), "-q", "--parsers", "text/winiis", "--single-process", "--status-view", "none", *files])
        with closing(sqlite3.connect(storage)) as database:
            (count,) = database.execute("SELECT count(*) FROM event").fetchone()
    if not count:
        message = "it recognised no row"
        raise RuntimeError(message)
    return count, []


def _until_settled(arguments: list[str], output: Path) -> None:
    """Run a program that waits for more at the file's end, until what it writes grows no more."""
    with subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        before, size = -2, -1
        while size != before and running.poll() is None:
            time.sleep(_SETTLED_SECONDS)
            before, size = size, output.stat().st_size if output.exists() else -1
        running.terminate()


def _found(program: str) -> str:
    path = shutil.which(program, path="/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin")
    if path is None:
        message = f"{program} isn't installed"
        raise FileNotFoundError(message)
    return path


def _program(arguments: list[str], *, keep: bool = False, stdin: BinaryIO | int = subprocess.DEVNULL) -> str:
    """Run a program to its end."""
    done = subprocess.run(
        arguments,
        stdin=stdin,
        stdout=subprocess.PIPE if keep else subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:] or ["it failed"])
    return done.stdout.decode("utf-8", "replace") if keep else ""


_PROGRAMS = ("miller", "lnav", "syslog-ng", "plaso")
SIDES: Mapped[str, Side] = {
    "harness, fast": Side(fast),
    "harness, strict": Side(strict),
    "csv.reader": Side(csv_reader),
    "csv.DictReader, mapped": Side(dict_reader, ("msgtrk", "smtp", "owa")),
    "polars": Side(polars),
    "duckdb": Side(duckdb),
    "pyarrow": Side(pyarrow),
    "miller": Side(miller),
    "lnav": Side(lnav, ("owa",)),
    "syslog-ng": Side(syslog_ng),
    "plaso": Side(plaso, ("owa",)),
}
"""By the name that they are told under."""

LARGEST: Mapped[str, int] = {
    **dict.fromkeys(("harness, strict", "csv.DictReader, mapped", "miller", "lnav", "syslog-ng"), 24_000_000),
    "plaso": 1_000_000,
}
"""How many bytes of the file those sides get that take long."""

ADVERSARIAL = tuple(name for name, side in SIDES.items() if "adversarial" in side.formats)

LEFT_OUT: Mapped[str, str] = {
    "vector": "Debian 12 doesn't have it, and what PyPI has by that name is something else",
    "fluent-bit": "neither Debian 12 nor PyPI has it",
}
"""Peers that weren't measured, and why."""


def _computed(side: str) -> float:
    """Give the processor time so far, of all threads; unlike a clock's it says the same on a machine that is busy."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN if side in _PROGRAMS else resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _peak_megabytes(side: str) -> float:
    if side in _PROGRAMS:
        return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    # Unlike ru_maxrss this is of this program alone, whatever started it.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def _main() -> None:
    side, format_, path = sys.argv[1:]
    if side.startswith("harness"):
        collect_seldom()  # as every command does
    warm = Path(path).with_name("warm-up")
    if side not in _PROGRAMS and format_ != "adversarial":
        # What is imported and loaded once isn't counted: it doesn't grow with the file.
        with Path(path).open("rb") as file:
            warm.write_bytes(file.read(1 << 20).rpartition(b"\n")[0] + b"\n")
        named = warm.with_name("warm") / Path(path).name
        named.parent.mkdir(exist_ok=True)
        warm.replace(named)
        SIDES[side].read(str(named), format_)
    begun = _computed(side)
    rows, identifiers = SIDES[side].read(path, format_)
    seconds = _computed(side) - begun
    result = {"seconds": seconds, "rows": rows, "peak_mb": _peak_megabytes(side), "identifiers": identifiers}
    sys.stdout.write(json.dumps(result))


if __name__ == "__main__":
    _main()
