"""Events as a Parquet file.

A Parquet file can be read only once its end is written, so it can't grow while logs are followed, and half of one is
worth nothing. It is written under another name, in row groups of bounded size, and takes its own name at the end.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from harness.collect.sink import EventSink
from harness.errors import HarnessError, StoreError
from harness.events import MAPPED, Event, Header, Quarantined
from harness.events.record import encode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from harness.collect.sink import Made, Rules
    from harness.collect.source import PolledFolder
    from harness.events.columnar import EventBatch
    from harness.events.stream import Given

ROWS = 20_000
"""Rows in a group; at a kilobyte or two each that is some 40 MB in memory."""


class ParquetSink(EventSink):
    """Writes one Parquet file.

    Args:
        path: The file; one that is there is replaced once the new one is whole.
        on_quarantined: Takes what couldn't be read.
        rules: How events are made.
        rows: In a group.

    Raises:
        HarnessError: The extra ``parquet`` isn't installed.
        StoreError: The file can't be written.
    """

    def __init__(
        self,
        path: Path,
        on_quarantined: Callable[[PolledFolder, Quarantined], None],
        rules: Rules,
        *,
        rows: int = ROWS,
    ) -> None:
        super().__init__(rules, None)
        try:
            import pyarrow as pa  # noqa: PLC0415 - an extra, and slow to import
            from pyarrow import parquet  # noqa: PLC0415 - an extra
        except ImportError:
            raise HarnessError(
                "Parquet needs a package that isn't installed", hint="pip install 'exchange-log-harness[parquet]'"
            ) from None
        self._arrow = pa
        self._schema = _schema(pa)
        self._path = path
        self._partial = path.with_name(f"{path.name}.part")
        self._on_quarantined = on_quarantined
        self._rows: list[dict[str, Any]] = []  # the last of what waits
        self._tables: list[Any] = []  # what waits before them
        self._waiting = 0  # rows in these tables
        self._limit = rows
        try:
            self._writer = parquet.ParquetWriter(self._partial, self._schema, compression="zstd")
        except OSError as error:
            raise self._unusable(error) from error

    def _write(self, made: Made) -> None:
        source = made.source
        address = self.rules.addresses.get(source.host, "")
        for each in made.mapped:
            if isinstance(each, Event | Quarantined | Header):
                self._one(source, address, each)
                continue
            # Rows keep the file's order, so a batch is cut where another row stands among its own.
            table = batch_table(self._schema, source, address, each)
            done = 0
            for before, item in each.between:
                if isinstance(item, Event):
                    self._add(table.slice(done, before - done))
                    done = before
                self._one(source, address, item)
            self._add(table.slice(done))

    def _one(self, source: PolledFolder, address: str, given: Given) -> None:
        """Take what doesn't stand in a batch."""
        if isinstance(given, Quarantined):
            self._on_quarantined(source, given)
        elif isinstance(given, Event):
            self._rows.append(_row(source, address, given))
            if len(self._rows) >= self._limit:
                self._add(None)

    def outputs(self) -> Mapping[str, int]:
        """Give nothing: the file counts as a whole or not at all."""
        return {}

    def finish(self) -> None:
        """Write the file's end and give it its name.

        Raises:
            StoreError: The disk is full, or the like.
        """
        self._add(None)
        self._flush(self._waiting)
        try:
            self._writer.close()
            self._partial.replace(self._path)
        except OSError as error:
            raise self._unusable(error) from error

    def abandon(self) -> None:
        """Throw away what there is; harmless after `finish`."""
        with suppress(OSError):
            self._writer.close()
        self._partial.unlink(missing_ok=True)

    def _add(self, table: Any) -> None:  # noqa: ANN401 - pyarrow has no types
        """Take a table, or None, after the rows that came before; whole groups are written."""
        if self._rows:
            self._tables.append(self._arrow.Table.from_pylist(self._rows, schema=self._schema))
            self._waiting += len(self._rows)
            self._rows.clear()
        if table is not None and table.num_rows:
            self._tables.append(table)
            self._waiting += table.num_rows
        self._flush(self._waiting // self._limit * self._limit)

    def _flush(self, rows: int) -> None:
        """Write the first of the rows that wait."""
        if not rows:
            return
        table = self._arrow.concat_tables(self._tables)
        self._tables = [table.slice(rows)] if rows < table.num_rows else []
        self._waiting -= rows
        try:
            self._writer.write_table(table.slice(0, rows), row_group_size=self._limit)
        except OSError as error:
            raise self._unusable(error) from error

    def _unusable(self, error: OSError) -> StoreError:
        return StoreError(f"{self._path} can't be written: {error.strerror or error}", hint="check disk and rights")


def _schema(arrow: Any) -> Any:  # noqa: ANN401 - pyarrow has no types
    text, number = arrow.string(), arrow.int64()
    moment = arrow.timestamp("us", tz="UTC")
    return arrow.schema(
        [
            *((name, text) for name in ("host", "log_source", "family", "file", "format")),
            ("line", number),
            ("offset", number),
            *((name, moment if name == "device_time" else text) for name in MAPPED),
            ("problems", arrow.list_(text)),
            ("fields", arrow.map_(text, text)),
            ("payload", text),
        ]
    )


def _row(source: PolledFolder, address: str, event: Event) -> dict[str, Any]:
    record = event.record
    row: dict[str, Any] = {
        "host": source.host,
        "log_source": source.identifier,
        "family": source.family,
        "file": _text(record.file),
        "format": event.format.value,
        "line": record.line,
        "offset": record.offset,
    }
    row |= {name: getattr(event, name) for name in MAPPED}
    row |= {name: _text(row[name]) for name in MAPPED if isinstance(row[name], str)}
    row["problems"] = [_text(str(problem)) for problem in event.problems]
    row["fields"] = [(_text(name), _text(value)) for name, value in record.items()]
    row["payload"] = _text(event.payload(address))
    return row


def _text(text: str) -> str:
    r"""Write bytes that aren't UTF-8 as ``\x80`` to ``\xff``: Parquet's text is UTF-8 throughout."""
    return text if text.isascii() else encode(text).decode("utf-8", "backslashreplace")


def batch_table(schema: Any, source: PolledFolder, address: str, events: EventBatch) -> Any:  # noqa: ANN401 - pyarrow has no types
    """Make a table of a batch, the same as of its events one by one.

    Args:
        schema: The table's.
        source: The log folder.
        address: The address that payloads name.
        events: The batch; its text is UTF-8.
    """
    import numpy as np  # noqa: PLC0415 - what has made the batch needs them, too
    import pyarrow as pa  # noqa: PLC0415 - an extra

    from harness.events.columnar import payloads  # noqa: PLC0415 - an extra

    batch, count = events.batch, len(events)
    header = batch.header
    width = len(header.names)
    same = {
        "host": source.host,
        "log_source": source.identifier,
        "family": source.family,
        "file": _text(header.file),
        "format": header.format.value,
    }
    problems: list[list[str]] = [[]] * count
    for row, shortfalls in events.problems().items():
        problems[row] = [_text(str(shortfall)) for shortfall in shortfalls]
    names = pa.array([_text(name) for name in header.names], pa.string())
    columns: dict[str, Any] = {name: pa.repeat(pa.scalar(value), count) for name, value in same.items()}
    columns |= {"line": pa.array(batch.line), "offset": pa.array(batch.offset)}
    columns |= {name: column.values for name, column in events.columns.items()}
    columns["problems"] = pa.array(problems, pa.list_(pa.string()))
    columns["fields"] = pa.MapArray.from_arrays(
        pa.array(np.arange(0, (count + 1) * width, width, dtype=np.int32)),
        names.take(pa.array(np.tile(np.arange(width), count))),
        batch.values(),
    )
    columns["payload"] = payloads(batch, address)
    return pa.table([columns[field.name].cast(field.type) for field in schema], schema=schema)
