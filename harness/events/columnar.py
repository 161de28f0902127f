"""Mapping a batch: the mapped fields of all its rows at once, the very same as row by row.

A field is found candidate by candidate, as for a single row, with the rows that are still without a value. What a
candidate says follows from the texts of its columns alone, so each different text is judged once, by the same code that
judges single rows. Two things are done for many texts at once: times of the usual forms, and patterns, where what the
two kinds of regular expression mean by one is the same beyond doubt.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from pyarrow import compute

from harness.events import payload
from harness.events.candidate import BEGINNING, ENDS, UNDECIDED
from harness.events.encoded import Encoded, beginnings, encode_cells, encode_words, few_texts
from harness.events.event import MAPPED, Event, Shortfall
from harness.events.record import Record, quick
from harness.events.times import parse_times
from harness.events.vocabulary import Outcomes

if TYPE_CHECKING:
    from collections.abc import Mapping as Mapped
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from harness.events.batch import Batch, Cells
    from harness.events.bound import BoundCandidate, BoundField
    from harness.events.candidate import Beginnings, Judged, Wrong
    from harness.events.certify import Flags, Places
    from harness.events.encoded import Codes, Words
    from harness.events.mapping import Mapping
    from harness.events.record import Header, Quarantined

_MANY = 64  # texts from which on a pattern is worth a pass over all of them
_PAIRS = 1 << 20  # pairs of texts that may have a flag each
_OFTEN = 8  # texts that stand so often in a column are all judged, also where not all of its rows are open
_TWO = 2
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)
_NO_TEXT = pa.array([""])
_event = quick(Event)


@dataclass(frozen=True, slots=True)
class Column:
    """A mapped field of all rows of a batch.

    Args:
        values: Arrow strings as a dictionary, empty where the event has none; for the device time timestamps in UTC, or
            null.
        problem: For each row which of the reasons holds; None where none does for any.
        reasons: Why a value is missing; the first one is empty.
    """

    values: Any
    problem: Codes | None
    reasons: Sequence[str]


class EventBatch:
    """A batch with what the DSM is expected to make of it.

    Args:
        batch: The rows.
        mapping: The mapping of their format.
        host: The address of the server that they were read from; empty where that isn't known.
    """

    def __init__(self, batch: Batch, mapping: Mapping, host: str = "") -> None:
        self.batch = batch
        bound = mapping.bind(batch.header, host)
        texts = _Texts(batch, bound.uses)
        self.columns: dict[str, Column] = {field.field.name: _find(field, texts) for field in bound.fields}
        """By mapped field."""
        self.between: list[tuple[int, Event | Quarantined | Header]] = [
            (before, mapping.apply(item, host) if isinstance(item, Record) else item) for before, item in batch.between
        ]
        """What stands between the rows, each with how many of them stand before it; records are events here, too."""

    def __len__(self) -> int:
        """How many events there are."""
        return len(self.batch)

    @property
    def short(self) -> int:
        """How many of them have a problem."""
        problems = [column.problem for column in self.columns.values() if column.problem is not None]
        return int(np.count_nonzero(np.logical_or.reduce([each > 0 for each in problems]))) if problems else 0

    def kinds(self) -> dict[str, int]:
        """Give how many events of each event ID there are."""
        values = self.columns["event_id"].values
        counts = np.bincount(values.indices.to_numpy(), minlength=len(values.dictionary))
        kinds: dict[str, int] = {}
        for kind, count in zip(values.dictionary.to_pylist(), counts.tolist(), strict=True):
            if count:
                kinds[kind] = kinds.get(kind, 0) + count
        return kinds

    def problems(self) -> dict[int, tuple[Shortfall, ...]]:
        """Give the problems of each row that has any."""
        found: dict[int, tuple[Shortfall, ...]] = {}
        for name in MAPPED:
            column = self.columns[name]
            if column.problem is not None:
                for row in np.flatnonzero(column.problem).tolist():
                    found[row] = (*found.get(row, ()), Shortfall(name, column.reasons[column.problem[row]]))
        return found

    def events(self) -> list[Event]:
        """Make an event of each row."""
        *texts, times = [self.columns[name].values for name in MAPPED]
        problems = self.problems()
        rows = zip(self.batch.records(), *map(_text_list, texts), _number_list(times), strict=True)
        return [
            _event(*row, None if time is None else _EPOCH + dt.timedelta(microseconds=time), problems.get(at, ()))
            for at, (*row, time) in enumerate(rows)
        ]


def _text_list(values: Any) -> list[str]:  # noqa: ANN401 - pyarrow has no types
    """Give the texts of a dictionary; its own `to_pylist` makes an object of Arrow's for each row on the way."""
    different = values.dictionary.to_pylist()
    return [different[index] for index in values.indices.to_numpy().tolist()]


def _number_list(times: Any) -> list[int | None]:  # noqa: ANN401 - pyarrow has no types
    """Give times as numbers."""
    numbers: list[int | None] = times.cast(pa.int64()).fill_null(0).to_numpy().tolist()
    if times.null_count:
        for row in np.flatnonzero(times.is_null().to_numpy(zero_copy_only=False)).tolist():
            numbers[row] = None
    return numbers


class _Texts:
    """The columns of a batch, as far as they are asked for.

    Args:
        batch: The rows.
        uses: How often each column is read.
    """

    def __init__(self, batch: Batch, uses: Mapped[int, int]) -> None:
        self.batch = batch
        self._uses = uses
        self._cells: dict[int, Cells] = {}
        self._encoded: dict[int, Encoded] = {}
        self._beginnings: dict[int, tuple[Codes, Words]] = {}

    def __len__(self) -> int:
        return len(self.batch)

    def cells(self, place: int) -> Cells:
        """Tell where a column's texts stand."""
        found = self._cells.get(place)
        if found is None:
            found = self._cells[place] = self.batch.cells(place)
        return found

    def encoded(self, place: int) -> Encoded:
        """Give a column."""
        found = self._encoded.get(place)
        if found is None:
            found = self._encoded[place] = encode_cells(self.batch, self.cells(place))
        return found

    def has_beginnings(self, place: int) -> bool:
        """Whether a column's texts are ASCII, and as they stand in the file."""
        return self.batch.ascii and self.cells(place).doubled is None

    def beginnings(self, place: int) -> tuple[Codes, Words]:
        """Give how a column's texts begin, as keys of `Beginnings`: for each row which one, and the different ones."""
        found = self._beginnings.get(place)
        if found is None:
            cells = self.cells(place)
            words = beginnings(cells)
            words[cells.end - cells.begin == BEGINNING] |= np.uint64(ENDS)
            found = self._beginnings[place] = encode_words(words)
        return found

    def few(self, place: int, rows: Places) -> Any:  # noqa: ANN401 - pyarrow has no types
        """Give the texts of few rows of a column that nothing else has asked for; None where that isn't so."""
        if place in self._encoded or len(rows) * _OFTEN > len(self):
            return None
        return self.cells(place).some(rows).texts()

    def once(self, place: int) -> Any:  # noqa: ANN401 - pyarrow has no types
        """Give the text of each row of a column that is read once only; None where that isn't the quickest way."""
        if self._uses[place] > 1 or place in self._encoded:
            return None
        cells = self.cells(place)
        few = few_texts(self.batch, cells)
        if few is None:
            return cells.texts()
        self._encoded[place] = few
        return None


class _Found:
    """What was found of a field so far.

    Args:
        rows: How many there are.
        time: Whether its values are times.
    """

    def __init__(self, rows: int, *, time: bool) -> None:
        self.time = time
        self.code = np.zeros(rows, dtype=np.int32)
        self.pools: list[Any] = [[None] if time else _NO_TEXT]
        self.open: Places = np.arange(rows)
        self.wrong: dict[int, Wrong] = {}
        self._size = 1

    def add(self, rows: Places, codes: NDArray[Any], outcomes: Outcomes) -> None:
        """Take what a candidate says.

        Args:
            rows: Rows that are still open.
            codes: For each of them which outcome is its own; -1 for none.
            outcomes: The outcomes.
        """
        size = len(outcomes.valued)
        if outcomes.wrong:
            wrong = np.zeros(len(outcomes.valued) + 1, dtype=np.bool_)
            wrong[list(outcomes.wrong)] = True
            at = wrong.take(codes)
            for row, code in zip(rows[at].tolist(), codes[at].tolist(), strict=True):
                self.wrong.setdefault(row, outcomes.wrong[code])
        elif not outcomes.valued.any():
            return
        places = np.zeros(size + 1, dtype=np.int32)
        places[:size] = np.where(outcomes.valued, np.arange(self._size, self._size + size), 0)
        # With codes of 32 bits, to take is twice as fast as to index.
        if len(rows) == len(self.code):
            self.code = places.take(codes)
            self.open = np.flatnonzero(self.code == 0)
        else:
            self.code[rows] = places.take(codes)
            self.open = self.open[self.code[self.open] == 0]
        self.pools.append(outcomes.values)
        self._size += size


def _find(field: BoundField, texts: _Texts) -> Column:
    """Find a field in all rows."""
    time = field.field.name == "device_time"
    found = _Found(len(texts), time=time)
    micros = None
    for at, bound in enumerate(field.candidates):
        if not len(found.open):
            break
        if time and at == 0:
            micros, told = _times(bound, texts)
            found.open = found.open[~told]
            if not len(found.open):
                break
        rows = _applying(bound, texts, found.open)
        if len(rows):
            _judge(bound, texts, rows, found)
    problem, reasons = _problems(found, field.missing)
    if time:
        return Column(_time_column(micros, found), problem, reasons)
    pool = pa.concat_arrays(found.pools)
    return Column(pa.DictionaryArray.from_arrays(pa.array(found.code), pool), problem, reasons)


def _problems(found: _Found, missing: Wrong | None) -> tuple[Codes | None, list[str]]:
    """Give the problems of rows without a value: the first one that a candidate named, else that nothing was found."""
    reasons = [""]
    if not len(found.open) or not (missing or found.wrong):
        return None, reasons
    problem = np.zeros(len(found.code), dtype=np.int32)
    if missing:
        reasons.append(missing)
        problem[found.open] = 1
    known = {reason: code for code, reason in enumerate(reasons)}
    for row in set(found.open.tolist()) & found.wrong.keys():
        problem[row] = known.setdefault(found.wrong[row], len(reasons))
        reasons += [found.wrong[row]] if problem[row] == len(reasons) else []
    return problem, reasons


def _time_column(micros: NDArray[np.int64] | None, found: _Found) -> Any:  # noqa: ANN401 - pyarrow has no types
    values = np.zeros(len(found.code), dtype=np.int64) if micros is None else micros
    at = np.flatnonzero(found.code)
    if len(at):
        pool = [
            (each - _EPOCH) // _MICROSECOND if isinstance(each, dt.datetime) else 0
            for part in found.pools
            for each in part
        ]
        values[at] = np.array(pool, dtype=np.int64)[found.code[at]]
    valid = None
    if len(found.open):
        known = np.ones(len(values), dtype=np.bool_)
        known[found.open] = False
        valid = pa.py_buffer(np.packbits(known, bitorder="little"))
    return pa.Array.from_buffers(pa.timestamp("us", "UTC"), len(values), [valid, pa.py_buffer(values)])


def _times(bound: BoundCandidate, texts: _Texts) -> tuple[NDArray[np.int64], Flags]:
    """Read times of the usual forms.

    Returns:
        Microseconds since 1970, and for which rows.
    """
    batch = texts.batch
    nothing = np.zeros(len(texts), dtype=np.int64), np.zeros(len(texts), dtype=np.bool_)
    places = bound.places
    if not places or bound.conditions or bound.candidate.transforms:
        return nothing
    cells = texts.cells(places[0])
    begin, end = cells.begin, cells.end
    if bound.candidate.texts:
        # Two columns side by side, with between them in the template what stands between them in the file.
        if len(places) != _TWO or places[1] != places[0] + 1 or bound.candidate.texts != ("", batch.separator, ""):
            return nothing
        second = texts.cells(places[1])
        if not (end + 1 == second.begin).all():
            return nothing
        end = second.end
    return parse_times(batch.block, begin, end)


def _applying(bound: BoundCandidate, texts: _Texts, rows: Places) -> Places:
    """Give those rows for which a candidate's conditions hold."""
    for place, matches in bound.conditions:
        if place < 0:
            rows = rows if matches[""] else rows[:0]  # the day; rows of a batch have dates of their own
            continue
        encoded = texts.encoded(place)
        hold = np.array([matches[text] for text in encoded.texts], dtype=np.bool_)
        every = hold.take(encoded.codes)
        rows = np.flatnonzero(every) if len(rows) == len(texts) else rows[every[rows]]
    return rows


def _judge(bound: BoundCandidate, texts: _Texts, rows: Places, found: _Found) -> None:
    """Let a candidate judge rows."""
    places = bound.places
    if len(places) == 1 and not bound.candidate.texts:
        found.add(rows, *_judge_column(bound.judged, texts, places[0], rows, time=found.time))
    elif len(places) == _TWO:
        first, second = (texts.encoded(place) for place in places)
        pair = first.codes[rows].astype(np.int64) * len(second.values) + second.codes[rows]
        needed, codes = _different(pair, len(first.values) * len(second.values))
        filled = bound.judged.filled
        outcomes = [
            filled[first.texts[each // len(second.values)], second.texts[each % len(second.values)]]
            for each in needed.tolist()
        ]
        found.add(rows, codes, Outcomes.of(outcomes, texts=not found.time))
    else:
        columns = {part: texts.encoded(part) for part in bound.parts if isinstance(part, int) and part >= 0}
        outcomes = []
        for row in rows.tolist() if columns else [0]:
            values = [""] * len(texts.batch.header.names)
            for place, column in columns.items():
                values[place] = column.texts[column.codes[row]]
            outcomes.append(bound.judged[bound.text(values, None)])
        codes = np.arange(len(rows)) if columns else np.zeros(len(rows), dtype=np.int64)
        found.add(rows, codes, Outcomes.of(outcomes, texts=not found.time))


def _judge_column(
    judged: Judged, texts: _Texts, place: int, rows: Places, *, time: bool
) -> tuple[NDArray[Any], Outcomes]:
    """Judge the texts that rows have in a column.

    Returns:
        For each row which outcome is its own, -1 for none; and the outcomes.
    """
    if judged.recurring and not time and len(rows) == len(texts):
        single = texts.once(place)
        if single is not None:
            return judged.vocabulary.find(single)
    if not time and len(rows) >= _MANY and judged.beginnings is not None and texts.has_beginnings(place):
        return _by_beginning(judged, judged.beginnings, texts, place, rows)
    few = None if time else texts.few(place, rows)
    if few is not None:
        return judged.vocabulary.find(few)
    encoded = texts.encoded(place)
    needed: Places | None = None
    codes: NDArray[Any] = encoded.codes
    if len(rows) < len(texts):
        codes = encoded.codes[rows]
        if len(encoded.values) > len(rows) // _OFTEN and len(rows) * _TWO < len(texts):
            needed, codes = _different(codes, len(encoded.values))
    values = (
        encoded.values
        if needed is None or len(needed) == len(encoded.values)
        else encoded.values.take(pa.array(needed))
    )
    if time:
        return codes, Outcomes.of([judged.judge(text) for text in values.to_pylist()], texts=False)
    if len(values) >= _MANY and encoded.ascii and judged.pattern:
        which, outcomes = _matched(judged, values)
    else:
        which, outcomes = judged.vocabulary.find(values)
    return which.take(codes), outcomes


def _different(numbers: NDArray[Any], limit: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give the different numbers, and for each number which of them it is."""
    if limit > _PAIRS:
        different, codes = np.unique(numbers, return_inverse=True)
        return different, codes
    flags = np.zeros(limit, dtype=np.bool_)
    flags[numbers] = True
    return np.flatnonzero(flags), (np.cumsum(flags) - 1).take(numbers)


def _by_beginning(
    judged: Judged, known: Beginnings, texts: _Texts, place: int, rows: Places
) -> tuple[NDArray[Any], Outcomes]:
    """Judge the texts that rows have in a column by how they begin, and only where that doesn't do as a whole.

    Returns:
        As `_judge_column`.
    """
    each, different = texts.beginnings(place)
    needed, codes = _different(each if len(rows) == len(texts) else each[rows], len(different))
    found = [known[key] for key in different[needed].tolist()]
    undecided = np.array([outcome is UNDECIDED for outcome in found], dtype=np.bool_)
    outcomes = Outcomes.of([None if outcome is UNDECIDED else outcome for outcome in found], texts=True)
    if undecided.any():
        at = np.flatnonzero(undecided.take(codes))
        which, others = _matched(judged, texts.cells(place).some(rows[at]).texts())
        codes[at] = np.where(which < 0, which, which + len(found))
        outcomes += others
    return codes, outcomes


def _matched(judged: Judged, texts: Any) -> tuple[NDArray[Any], Outcomes]:  # noqa: ANN401 - pyarrow has no types
    """Give what a candidate that begins with a pattern makes of texts, all at once.

    Args:
        judged: The candidate's texts.
        texts: Arrow strings.

    Returns:
        For each text which outcome is its own, -1 for none; and the outcomes.
    """
    groups = compute.extract_regex(texts, judged.pattern).field("value")
    if not groups.null_count:
        return judged.after_first.vocabulary.find(groups)
    found, outcomes = judged.after_first.vocabulary.find(groups.drop_null())
    codes = np.full(len(groups), -1, dtype=np.int32)
    codes[groups.is_valid().to_numpy(zero_copy_only=False)] = found
    return codes, outcomes


def payloads(batch: Batch, address: str) -> Any:  # noqa: ANN401 - pyarrow has no types
    """Write the payload of each row (see `harness.events.payload`).

    Args:
        batch: The rows.
        address: The address of the server that was polled.
    """
    if not len(batch) or batch.has_breaks:
        return pa.array([payload.write(record, address) for record in batch.records()], pa.string())
    lead = payload.write(Record(replace(batch.header, names=()), (), 0, 0, 0), address)
    parts: list[Any] = []
    for place, name in enumerate(batch.header.names):
        parts += [f"{lead}\t{payload.one_line(name)}=", batch.column(place)]
        lead = ""
    return compute.binary_join_element_wise(*parts, "")
