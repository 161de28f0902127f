"""From paths to what `harness parse` shows, in the paths' order, wherever the logs are read."""

from __future__ import annotations

import json
import os
import stat
import sys
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from harness.cli.parsed import CONTROL, SHOWN, Options, Reading, Shown, look_over, read_pieces, show
from harness.events import Counts, EventStream, Format, reader_for, recognise
from harness.events.formats import HEAD
from harness.events.mappingfile import load_kept
from harness.events.partition import (
    CHUNK,
    RANGE,
    RANGE_OF_ROWS,
    Joint,
    Piece,
    Range,
    Survey,
    Whole,
    chain,
    pieces,
    ranges,
)
from harness.executor import LOCAL, Task, in_order
from harness.source import Problem, Source

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from harness.executor import Executor

STEP = CHUNK
"""How many bytes of a file are read before they are shown, where one process reads them all."""

_BUNDLE = 1000  # files in one task at most


@dataclass(frozen=True, slots=True)
class Stream:
    """A log that can be read once, from its beginning to its end: standard input, or a named pipe.

    Args:
        name: As records and messages name it.
        format: How it is written.
        first: What was read of it to recognise it.
        rest: What follows.
    """

    name: str
    format: Format
    first: bytes
    rest: BinaryIO

    def chunks(self) -> Iterator[bytes]:
        """Give its bytes."""
        data = self.first
        while data:
            yield data
            data = self.rest.read(CHUNK)


@dataclass(frozen=True, slots=True)
class Remark:
    """What is to be said of a path that is not read.

    Args:
        text: A remark by the way.
        problem: Why the run counts as failed.
        unknown: Whether that is because the file isn't recognised.
    """

    text: str = ""
    problem: Problem | None = None
    unknown: bool = False


Log = Whole | Stream
Found = Log | Remark


def find(paths: Iterable[str], options: Options) -> Iterator[Found]:
    """Give the logs that paths lead to.

    Args:
        paths: Files, folders, and ``-`` for standard input. Of a folder those files are taken that are recognised, at
            any depth, in the order of their names.
        options: Says how they are written.

    Raises:
        InputError: A mapping of the user's is wrong.
    """
    for path in paths:
        if path != "-" and Path(path).is_dir():
            yield from _folder(path, options)
        else:
            yield _file(path, options)


def _folder(path: str, options: Options) -> Iterator[Found]:
    refused: list[Remark] = []
    logs = 0
    for folder, below, names in os.walk(
        path, onerror=lambda error: refused.append(Remark(problem=_unreadable(error.filename, error)))
    ):
        below.sort()
        for name in sorted(names):
            found = _file(os.path.join(folder, name), options)  # noqa: PTH118 - a name as the user wrote it
            if isinstance(found, Remark) and found.unknown and found.problem is not None:
                found = Remark(f"{found.problem.source}: left out: {found.problem.message}")
            logs += not isinstance(found, Remark)
            yield found
    yield from refused
    if not logs and not refused:
        yield Remark(problem=wrong(path, "no log is in the folder", "logs are recognised by their headers and names"))


def _file(name: str, options: Options) -> Found:
    """Recognise a file."""
    try:
        if name == "-":
            return _recognised(name, sys.stdin.buffer, None, options)
        status = Path(name).stat()
        stream = Path(name).open("rb")  # noqa: SIM115 - a pipe is read later
        if not stat.S_ISREG(status.st_mode):
            return _recognised(name, stream, None, options)
        with stream:
            return _recognised(name, stream, status.st_size, options)
    except OSError as error:
        return Remark(problem=_unreadable(name, error))


def _recognised(name: str, stream: BinaryIO, size: int | None, options: Options) -> Found:
    first = bytearray()
    while len(first) < HEAD and (data := stream.read(HEAD - len(first))):
        first += data
    if options.format == "auto":
        recognised = recognise(name, bytes(first))
        if recognised.format is None:
            return Remark(
                unknown=True, problem=wrong(name, f"the log isn't recognised: {recognised.reason}", recognised.hint)
            )
        format_ = recognised.format
    else:
        format_ = Format(options.format)
    load_kept(format_, options.overlays)
    return (
        Stream(name, format_, bytes(first), stream)
        if size is None
        else Whole(name, str(Path(name).absolute()), format_, size, options.encoding)
    )


def chunks(log: Log) -> Iterator[bytes]:
    """Give a log's bytes."""
    if isinstance(log, Stream):
        yield from log.chunks()
        return
    with Path(log.path).open("rb") as stream:
        while data := stream.read(CHUNK):
            yield data


def parse(executor: Executor, found: Iterable[Found], options: Options, out: BinaryIO) -> list[Problem]:
    """Show logs.

    Args:
        executor: Reads them.
        found: What `find` gave.
        options: How they are shown.
        out: Takes the events.

    Returns:
        What stops the run from counting as done.
    """
    problems: list[Problem] = []
    sum_: Shown | None = None
    for log, shown in (_alone if executor is LOCAL else _spread)(executor, found, options):
        if isinstance(log, Remark):
            if log.text:
                click.echo(log.text, err=True)
            problems += [] if log.problem is None else [log.problem]
        elif isinstance(shown, OSError):
            hint = "" if executor is LOCAL else "a worker opens a file under the path that it has on this machine"
            problems.append(_unreadable(log.name, shown, hint))
            sum_ = None
        elif shown is not None:
            sum_ = _added(sum_ or Shown(), shown, out)
        elif sum_ is not None:
            problems += _ended(log, sum_, options, out)
            sum_ = None
    return problems


def _added(sum_: Shown, shown: Shown, out: BinaryIO) -> Shown:
    """Show a part of a log, and add up."""
    for line in shown.lost[: max(0, SHOWN - sum_.missed)]:
        click.echo(line, err=True)
    out.write(shown.out)
    return replace(
        sum_,
        missed=sum_.missed + shown.missed,
        kinds=sum_.kinds + shown.kinds,
        short=sum_.short + shown.short,
        counts=sum_.counts + shown.counts,
    )


def _ended(log: Log, sum_: Shown, options: Options, out: BinaryIO) -> list[Problem]:
    """Say what came of a log."""
    if sum_.missed > SHOWN:
        click.echo(f"{log.name}: ... and {sum_.missed - SHOWN} more that couldn't be read", err=True)
    if options.summary:
        out.write(_kinds(log, sum_, options).encode("utf-8", "surrogateescape"))
    click.echo(_summary(log.name, log.format, sum_.counts, sum_.short), err=True)
    if sum_.counts.quarantined and not sum_.counts.records:
        hint = "see the reasons above, or name another --format"
        return [wrong(log.name, "none of the file's rows could be read", hint)]
    return []


Step = tuple[Found, Shown | OSError | None]
"""A log with a part of what is shown of it, with why it can't be read, or with nothing at its end."""


def _alone(executor: Executor, found: Iterable[Found], options: Options) -> Iterator[Step]:
    """Read one piece after the other."""
    for log in found:
        if isinstance(log, Whole):
            try:
                for shown in chain(log, lambda piece: _read(executor, piece, options), size=STEP):
                    yield log, shown
            except OSError as error:
                yield log, error
        elif isinstance(log, Stream):
            yield from _streamed(log, options)
        yield log, None


def _streamed(log: Stream, options: Options) -> Iterator[Step]:
    """Read a stream, which can't be read anywhere else."""
    reader = reader_for(log.format, log.name, encoding=options.encoding, engine=options.engine_for(len(log.first)))
    stream = EventStream(reader, load_kept(log.format, options.overlays), options.source_ip)
    at = 0
    with log.rest:
        for data in log.chunks():
            yield log, show(stream, [(data, at)], options, final=None)
            at += len(data)
    shown = show(stream, (), options, final=True)
    shown.counts = reader.counts
    yield log, shown


def _read(executor: Executor, piece: Piece, options: Options) -> Shown:
    """Read one piece now.

    Raises:
        OSError: The file can't be read.
    """
    (shown,) = executor.submit(_task((piece,), options)).result()
    return _checked(shown)


def _checked(shown: Shown | OSError) -> Shown:
    if isinstance(shown, OSError):
        raise shown
    return shown


def _task(bundle: tuple[Piece, ...], options: Options) -> Task[list[Shown | OSError]]:
    first = bundle[0]
    more = f"+{len(bundle) - 1}" if len(bundle) > 1 else ""
    return Task(f"parse {Path(first.whole.name).name}@{first.begin}{more}", read_pieces, Reading(bundle, options))


def _spread(executor: Executor, found: Iterable[Found], options: Options) -> Iterator[Step]:
    """Read many pieces at once: first the ranges of large files are looked over, then pieces are read."""
    size = RANGE if options.summary and options.engine != "strict" else RANGE_OF_ROWS
    looked = in_order(executor, _surveys(found, size))
    bundles = _bundles(_pieces(looked), size)
    jobs = ((bundle, _task(bundle, options) if isinstance(bundle, tuple) else None) for bundle in bundles)
    joint = Joint(lambda piece: _read(executor, piece, options))
    failed = False
    for bundle, results in in_order(executor, jobs):
        if not isinstance(bundle, tuple):
            if isinstance(bundle, Stream):
                yield from _streamed(bundle, options)
            yield bundle, None
            continue
        for piece, shown in zip(bundle, results or (), strict=True):
            if piece.begin == 0:
                joint, failed = Joint(joint.again), False
            if failed:
                continue
            try:
                yield piece.whole, joint.join(piece, _checked(shown))
            except OSError as error:
                failed = True
                yield piece.whole, error
            if piece.last:
                yield piece.whole, None


def _surveys(found: Iterable[Found], size: int) -> Iterator[tuple[Found | Range, Task[Survey | OSError] | None]]:
    for log in found:
        if isinstance(log, Whole) and log.size > size:
            for part in ranges(log, size):
                yield part, Task(f"survey {Path(log.name).name}@{part.begin}", look_over, part)
        else:
            yield log, None


def _pieces(looked: Iterable[tuple[Found | Range, Survey | OSError | None]]) -> Iterator[Piece | Stream | Remark]:
    """Give the pieces of all logs; one whose survey failed is a piece, and reading it says why."""
    for _, group in groupby(looked, key=lambda pair: id(pair[0].whole if isinstance(pair[0], Range) else pair[0])):
        about, seen = next(group)
        if isinstance(about, Range):
            first = (about, seen)
            surveys = ((part, each) for part, each in (first, *group) if isinstance(part, Range))
            nothing = Survey(None, 0, 0)
            yield from pieces(
                about.whole, ((part, each if isinstance(each, Survey) else nothing) for part, each in surveys)
            )
        elif isinstance(about, Whole):
            yield from pieces(about, ())
        else:
            yield about


def _bundles(found: Iterable[Piece | Stream | Remark], enough: int) -> Iterator[tuple[Piece, ...] | Stream | Remark]:
    """Put small files together, so that a task is worth its way."""
    bundle: list[Piece] = []
    size = 0
    for each in found:
        small = isinstance(each, Piece) and each.begin == 0 and each.last
        if bundle and (not small or size >= enough or len(bundle) >= _BUNDLE):
            yield tuple(bundle)
            bundle, size = [], 0
        if not isinstance(each, Piece):
            yield each
        elif small:
            bundle.append(each)
            size += each.end
        else:
            yield (each,)
    if bundle:
        yield tuple(bundle)


def _summary(name: str, format_: Format, counts: Counts, short: int) -> str:
    """Write a file's counts as one line."""
    parts = [f"{counts.records} events", f"{counts.quarantined} lines that couldn't be read"]
    if short:
        parts.append(f"{short} events with a mapped field missing or wrong")
    of = f"{counts.lines} lines: {counts.headers} header, {counts.continuations} continued, {counts.blanks} blank"
    return f"{name}: {format_.value}, {', '.join(parts)}; {of}"


def _kinds(log: Log, sum_: Shown, options: Options) -> str:
    """Write how many events of each kind a log holds, the most frequent first."""
    kinds = sorted(sum_.kinds.items(), key=lambda kind: (-kind[1], kind[0]))
    if options.output == "json":
        shown = {"file": log.name, "format": log.format.value} | sum_.counts.as_dict()
        return json.dumps(shown | {"short": sum_.short, "event_ids": dict(kinds)}) + "\n"
    return "".join(f"{count:>10}  {kind.translate(CONTROL) or '-'}\n" for kind, count in kinds)


def wrong(name: str, message: str, hint: str = "") -> Problem:
    """Say what is wrong with a file."""
    return Problem(Source(name), message, hint)


def _unreadable(name: str, error: OSError, hint: str = "") -> Problem:
    return wrong(name, f"the file can't be read: {error.strerror or error}", hint)
