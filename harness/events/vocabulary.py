"""What a candidate makes of many texts at once; a text that was judged in one batch isn't judged again in the next."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from pyarrow import compute

from harness.events.batch import gather
from harness.events.candidate import KEPT, Judged, Wrong

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from harness.events.certify import Flags

    Codes = NDArray[np.int32]

_COLON, _BRACKET = b":["
_ZERO, _NINE = np.uint8(ord("0")), np.uint8(9)


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What texts are worth.

    Args:
        values: The values, as Arrow strings; in a list where they are times. Of a text that has none it says nothing.
        valued: For which texts there is one.
        wrong: Why there is none, where there is a reason.
    """

    values: Any
    valued: Flags
    wrong: Mapping[int, Wrong] = field(default_factory=dict)

    @classmethod
    def of(cls, outcomes: Sequence[Any], *, texts: bool) -> Outcomes:
        """Take what was judged one by one.

        Args:
            outcomes: Values, `Wrong` or None.
            texts: Whether the values are texts.
        """
        wrong = {at: each for at, each in enumerate(outcomes) if each.__class__ is Wrong}
        valued = np.array([each is not None for each in outcomes], dtype=np.bool_)
        valued[list(wrong)] = False
        if texts:
            return cls(pa.array([each or "" for each in outcomes], pa.string()), valued, wrong)
        return cls(outcomes, valued, wrong)

    def __add__(self, other: Outcomes) -> Outcomes:
        """Append others; both are of texts."""
        wrong = {**self.wrong, **{len(self.valued) + at: each for at, each in other.wrong.items()}}
        values = pa.concat_arrays([self.values, other.values])
        return Outcomes(values, np.concatenate((self.valued, other.valued)), wrong)


class Vocabulary:
    """The texts that a candidate of a text field has judged.

    Args:
        judged: What judges those that aren't known yet.
    """

    def __init__(self, judged: Judged) -> None:
        self._judged = judged
        self._texts = _EMPTY
        self._outcomes = _NOTHING

    def find(self, texts: Any) -> tuple[Codes, Outcomes]:  # noqa: ANN401 - pyarrow has no types
        """Judge texts.

        Args:
            texts: Arrow strings, none of them null.

        Returns:
            For each text which outcome is its own, and the outcomes.
        """
        if self._judged.plain:
            return np.arange(len(texts), dtype=np.int32), Outcomes(texts, _filled(texts))
        if self._judged.endpoints:
            texts = _without_ports(texts)
        if len(self._texts) > KEPT:
            self._texts, self._outcomes = _EMPTY, _NOTHING
        if not len(self._texts):
            return self._learn(texts)
        found = compute.index_in(texts, value_set=self._texts)
        if not found.null_count:
            return found.to_numpy(), self._outcomes
        new = found.is_null()
        codes = found.fill_null(0).to_numpy().copy()
        codes[new.to_numpy(zero_copy_only=False)], outcomes = self._learn(texts.filter(new))
        return codes, outcomes

    def _learn(self, texts: Any) -> tuple[Codes, Outcomes]:  # noqa: ANN401 - pyarrow has no types
        """Judge texts that aren't known."""
        encoded = texts.dictionary_encode()
        codes: Codes = encoded.indices.to_numpy() + np.int32(len(self._texts))
        judged = self._judged
        outcomes = Outcomes.of([judged.judge(text) for text in encoded.dictionary.to_pylist()], texts=True)
        self._texts = pa.concat_arrays([self._texts, encoded.dictionary])
        self._outcomes += outcomes
        return codes, self._outcomes


_EMPTY = pa.array([], pa.string())
_NOTHING = Outcomes(_EMPTY, np.zeros(0, dtype=np.bool_))


def _filled(texts: Any) -> Flags:  # noqa: ANN401 - pyarrow has no types
    """Tell which texts aren't empty."""
    if not len(texts):
        return np.zeros(0, dtype=np.bool_)
    bounds = np.frombuffer(texts.buffers()[1], dtype=np.int32)[texts.offset :][: len(texts) + 1]
    return bounds[1:] > bounds[:-1]


def _without_ports(texts: Any) -> Any:  # noqa: ANN401 - pyarrow has no types
    """Do to the usual endpoints, such as ``192.0.2.1:25``, what strip-port does; others are left to it."""
    _, bounds, data = texts.buffers()
    ends = np.frombuffer(bounds, dtype=np.int32)[texts.offset :][: len(texts) + 1]
    block = np.frombuffer(data or b"", dtype=np.uint8)[: ends[-1]]
    begin, end = ends[:-1], ends[1:]
    # Where all have one colon, and that is the last of their bytes that is no digit, it takes no regular expression.
    colons = np.flatnonzero(block[ends[0] :] == _COLON) + ends[0]
    if len(colons) == len(texts) and ((colons > begin) & (colons + 1 < end)).all():
        others = np.flatnonzero(block - _ZERO > _NINE)
        if (others[np.searchsorted(others, end) - 1] == colons).all() and (block[begin] != _BRACKET).all():
            return gather(block, begin, colons)
    return compute.replace_substring_regex(texts, r"^([0-9.]+):[0-9]+$", r"\1")
