"""JSON with positions."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.jsontext import parse

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(JSON, st.sampled_from([None, 2]))
def test_reads_what_the_standard_library_reads(data: object, indent: int | None) -> None:
    """The values are the same; only positions come in addition."""
    text = json.dumps(data, indent=indent)
    value, problems = parse(text, "f")

    assert value is not None
    assert (json.loads(text), []) == (value.plain(), problems)


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    """What the standard library refuses is refused, with a place inside the text or at its end."""
    value, problems = parse(text, "f")
    try:
        json.loads(text)
    except ValueError:
        assert value is None
        assert 1 == len(problems)
    else:
        # NaN is no JSON, but the library reads it; a key that stands twice is a problem of ours alone.
        assert (value is None) == any("isn't JSON" in problem.message for problem in problems)


def test_every_value_and_key_knows_its_place() -> None:
    """Lines and columns begin with 1, as editors count."""
    value, _ = parse('[\n  {"name": "x",\n   "value": [1]}\n]', "f.json")

    assert value is not None
    name, name_path = value.find((0, "name"))
    inner, inner_path = value.find((0, "value", 0))
    assert (("f.json:2:12", (0, "name")), ("f.json:3:14", (0, "value", 0))) == (
        (str(name.source), name_path),
        (str(inner.source), inner_path),
    )


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ('{"a" 1}', "f:1:6", "a colon"),
        ("[1,\n 2", "f:2:3", "a comma or ]"),
        ("[NaN]", "f:1:2", "no NaN in JSON"),
        ("[1] 2", "f:1:5", "something follows"),
        ("{1: 2}", "f:1:2", "a key in double quotes"),
        ("[" * 200, "f:1:102", "nested too deeply"),
        ('{"a": 1,\n "a": 2}', "f:2:2", "stands twice, first in line 1"),
    ],
)
def test_mistakes_have_a_place(text: str, place: str, words: str) -> None:
    """The place is where the mistake is, and the words say what."""
    _, (problem,) = parse(text, "f")

    assert place == str(problem.source)
    assert words in problem.message
