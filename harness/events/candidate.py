"""Candidates: the places that a mapped field may come from, and what their texts are worth."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from harness.events import transforms
from harness.events.patterns import alike, undecided

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Mapping, Sequence

    from harness.events.record import Header, Record
    from harness.events.vocabulary import Vocabulary
    from harness.source import Source

_DIRECTIVES = {"#Software": "software", "#Version": "version", "#Log-type": "log_type", "#Date": "date"}
DAY = "#day"
PSEUDO = (*_DIRECTIVES, DAY, "#file", "#SourceIp")
"""What a mapping can name besides a file's columns."""

MATCH = "match: "
"""How the name of a transform begins that is a pattern."""

KEPT = 8192
"""How many texts of a candidate are kept with what they gave."""

BEGINNING = 8
"""How many characters of a text are its beginning."""

UNDECIDED = object()
"""Stands for the outcome of texts that don't all have the same one."""

ENDS = 1 << (8 * BEGINNING - 1)
"""What is set in the key of a text that ends with its beginning, of which then no more needs to be seen."""

_LONGEST = 128  # characters of a text that is kept

_TYPES: Mapping[str, Callable[[str], Any]] = {
    "event_id": str,
    "username": str,
    "source_ip": transforms.address,
    "destination_ip": transforms.address,
    "device_time": transforms.moment,
}


@dataclass(frozen=True, slots=True)
class Candidate:
    """One place that a mapped field may come from.

    Args:
        columns: The columns that it reads.
        texts: What stands before, between and after them in a template; empty for one column alone.
        when: Columns and patterns that must match.
        transforms: Names and functions.
        source: Where it stands in a mapping file.
    """

    columns: tuple[str, ...]
    texts: tuple[str, ...]
    when: tuple[tuple[str, re.Pattern[str]], ...]
    transforms: tuple[tuple[str, Callable[[str], str]], ...]
    source: Source

    def take(self, record: Record, host: str) -> str:
        """Give the text of its columns; a template gives nothing where one of them is empty or ``-``."""
        values = [column(record, name, host) for name in self.columns]
        return fill(self.texts, values) if self.texts else values[0]


class Wrong(str):
    """Why a text is no value of its field's type."""

    __slots__ = ()


class Judged(dict[str, Any]):
    """What a candidate's texts are worth: a value of the field's type, `Wrong`, or None for nothing.

    Logs say the same again and again, so what a text gave is kept, for a bounded number of them.

    Args:
        candidate: The candidate.
        field: The mapped field's name.
    """

    def __init__(self, candidate: Candidate, field: str) -> None:
        super().__init__()
        self._candidate = candidate
        self._field = field
        self._convert = _TYPES[field]

    def __missing__(self, text: str) -> Any:  # noqa: ANN401 - a value of any of the fields' types
        """Judge a text that isn't kept."""
        outcome = self.judge(text)
        if len(text) <= _LONGEST:
            if len(self) >= KEPT:
                self.clear()
            self[text] = outcome
        return outcome

    def judge(self, text: str) -> Any:  # noqa: ANN401 - the same
        """Judge a text without keeping what it gave."""
        for _, transform in self._candidate.transforms:
            if not text:
                return None
            text = transform(text)
        if not text:
            return None
        try:
            return self._convert(text)
        except ValueError as error:
            return Wrong(f"{' '.join(self._candidate.columns)} gives {text[:80]!r}: {error}")

    @cached_property
    def plain(self) -> bool:
        """Whether every text that isn't empty is its own value."""
        return self._convert is str and not self._candidate.transforms

    @cached_property
    def recurring(self) -> bool:
        """Whether its texts are best looked up as they stand: they need a judge, and nothing is done to them first."""
        return not (self.plain or self.endpoints or self.pattern)

    @cached_property
    def endpoints(self) -> bool:
        """Whether its texts lose their ports first."""
        return [name for name, _ in self._candidate.transforms[:1]] == ["strip-port"]

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """What it makes of many texts at once, where its field is a text."""
        from harness.events.vocabulary import Vocabulary  # noqa: PLC0415 - needs what only the fast engine has

        return Vocabulary(self)

    @cached_property
    def pattern(self) -> str:
        """What RE2 reads as Python does the pattern of the first transform; empty where there is none."""
        [name, *_] = [name for name, _ in self._candidate.transforms] or [""]
        return alike(name.removeprefix(MATCH)) if name.startswith(MATCH) else ""

    @cached_property
    def beginnings(self) -> Beginnings | None:
        """What texts are worth by their first characters; None where those say nothing of most texts."""
        if not self.pattern:
            return None
        name, _ = self._candidate.transforms[0]
        open_ = undecided(name.removeprefix(MATCH))
        return None if open_.match("\x7f" * BEGINNING) else Beginnings(self, open_)

    @cached_property
    def filled(self) -> Filled:
        """What the values are worth that its template takes."""
        return Filled(self._candidate, self)

    @cached_property
    def after_first(self) -> Judged:
        """What texts are worth that the first transform has given."""
        return Judged(replace(self._candidate, transforms=self._candidate.transforms[1:]), self._field)


class Beginnings(dict[int, Any]):
    """What texts are worth that begin with a pattern's match, by how they begin; kept as in `Judged`.

    A key has a byte for each of the first `BEGINNING` characters, the first one lowest, zeros behind a text's end, and
    `ENDS` where a text ends with the last of them.

    Args:
        judged: What the texts are worth.
        undecided: Matches where more of the text must be seen; then the outcome is `UNDECIDED`.
    """

    def __init__(self, judged: Judged, undecided: re.Pattern[str]) -> None:
        super().__init__()
        self._judged = judged
        self._undecided = undecided

    def __missing__(self, key: int) -> Any:  # noqa: ANN401 - a value of any of the fields' types
        """Judge a beginning that isn't kept."""
        text = (key & ~ENDS).to_bytes(BEGINNING, "little").rstrip(b"\0").decode("ascii")
        whole = len(text) < BEGINNING or key & ENDS
        outcome = self._judged.judge(text) if whole or not self._undecided.match(text) else UNDECIDED
        if len(self) >= KEPT:
            self.clear()
        self[key] = outcome
        return outcome


class Filled(dict[tuple[str, ...], Any]):
    """What the values that a template takes are worth; kept as in `Judged`.

    Args:
        candidate: The candidate.
        judged: What its texts are worth.
    """

    def __init__(self, candidate: Candidate, judged: Judged) -> None:
        super().__init__()
        self._texts = candidate.texts
        self._judged = judged

    def __missing__(self, values: tuple[str, ...]) -> Any:  # noqa: ANN401 - a value of any of the fields' types
        """Judge values that aren't kept."""
        outcome = self._judged.judge(fill(self._texts, values))
        if sum(map(len, values)) <= _LONGEST:
            if len(self) >= KEPT:
                self.clear()
            self[values] = outcome
        return outcome


class Matches(dict[str, bool]):
    """Whether texts match a pattern as a whole; kept as in `Judged`.

    Args:
        pattern: The pattern.
    """

    def __init__(self, pattern: re.Pattern[str]) -> None:
        super().__init__()
        self._pattern = pattern

    def __missing__(self, text: str) -> bool:
        """Match a text that isn't kept."""
        outcome = self._pattern.fullmatch(text) is not None
        if len(text) <= _LONGEST:
            if len(self) >= KEPT:
                self.clear()
            self[text] = outcome
        return outcome


@dataclass(frozen=True, slots=True)
class MappedField:
    """Where one mapped field comes from.

    Args:
        name: One of `event.MAPPED`.
        candidates: Tried in this order.
        required: Whether an event without it has a problem.
        provenance: Where the belief comes from.
    """

    name: str
    candidates: tuple[Candidate, ...]
    required: bool
    provenance: str
    judged: tuple[Judged, ...] = field(init=False, compare=False, repr=False)
    conditions: tuple[tuple[tuple[str, Matches], ...], ...] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Begin with nothing judged."""
        object.__setattr__(self, "judged", tuple(Judged(each, self.name) for each in self.candidates))
        conditions = tuple(tuple((name, Matches(pattern)) for name, pattern in each.when) for each in self.candidates)
        object.__setattr__(self, "conditions", conditions)

    @property
    def missing(self) -> str:
        """The problem of an event in which no candidate gives anything; empty where that is none."""
        tried = dict.fromkeys(name for candidate in self.candidates for name in candidate.columns)
        return f"nothing in {', '.join(tried)}" if self.required else ""


def column(record: Record, name: str, host: str) -> str:
    """Give the text of a column, or of one of the names in `PSEUDO`; empty where there is none."""
    if not name.startswith("#"):
        return record.get(name)
    if name == DAY:
        return record.day.isoformat() if record.day else ""
    return of_header(record.header, name, host)


def of_header(header: Header, name: str, host: str) -> str:
    """Give the text of one of the names in `PSEUDO` that is the same for all rows below a header."""
    if name == "#file":
        return header.file.replace("\\", "/").rpartition("/")[2]
    if name == "#SourceIp":
        return host
    return str(getattr(header, _DIRECTIVES[name]))


def fill(texts: Sequence[str], values: Sequence[str]) -> str:
    """Fill a template; it gives nothing where one of the values is empty or ``-``."""
    parts = [texts[0]]
    for value, text in zip(values, texts[1:], strict=True):
        if value in ("", "-"):
            return ""
        parts += (value, text)
    return "".join(parts)
