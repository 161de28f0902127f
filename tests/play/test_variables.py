"""Which value a name has, and when it is worked out."""

from __future__ import annotations

import pytest

from harness.document import Value, parse
from harness.errors import TaskError
from harness.play.expressions import Expression
from harness.play.variables import Variables
from harness.source import Source

AT = Source("site.yml", 9, 5)


def play(text: str) -> dict[str, Value]:
    """Read the vars of a play."""
    value, problems = parse(text, "site.yml")
    assert problems == []
    assert value is not None
    assert isinstance(value.data, dict)
    return value.data


def test_stronger_variables_win() -> None:
    """As in Ansible: inventory, play, command line, and what harness sets, from weak to strong."""
    variables = Variables(
        play("a: play\nb: play\nc: play\n"),
        host={"a": "host", "d": "host", "facts": "host"},
        extra={"b": "extra", "c": "extra"},
        reserved={"c": "reserved"},
    )

    assert {"a": "play", "b": "extra", "c": "reserved", "d": "host", "facts": "host"} == dict(variables)
    assert 5 == len(variables)
    assert "facts" in variables
    assert "nope" not in variables
    assert {"known": 1} == variables.with_reserved(facts={"known": 1})["facts"]


def test_play_variables_are_templates_and_others_are_data() -> None:
    """A play's variable may use others, also later ones and the item; braces from elsewhere mean nothing."""
    variables = Variables(play("a: '{{ b + 1 }}'\nb: '{{ n }}'\nc: 'x{{ item }}'\n"), host={"n": 1, "raw": "{{ n }}"})

    assert 2 == variables["a"]
    assert "{{ n }}" == variables["raw"]
    assert "x1" == variables.with_item(1)["c"]
    assert "x2" == variables.with_item(2)["c"]


def test_a_circle_is_named() -> None:
    """Variables that refer to one another are an error that shows the way round."""
    variables = Variables(play("a: '{{ b }}'\nb:\n  - '{{ c }}'\nc: 'x{{ a }}'\n"))

    with pytest.raises(TaskError, match=r"^site\.yml:1:4: the variable 'a' refers to itself: a -> b -> c -> a$"):
        variables["a"]
    with pytest.raises(TaskError, match="refers to itself"):
        Expression("a == 1", AT).evaluate(variables)


def test_a_broken_variable_hurts_only_who_uses_it() -> None:
    """What is undefined in a variable is no matter in a branch that isn't taken, or behind a default."""
    variables = Variables(play("a: '{{ missing }}'\nb: 1\n"))

    assert 1 == Expression("b if b else a", AT).evaluate(variables)
    assert "x" == Expression("a | default('x')", AT).evaluate(variables)
    with pytest.raises(TaskError) as caught:
        Expression("a", AT).evaluate(variables)
    assert (
        "site.yml:9:5: 'a' can't be filled in: site.yml:1:4: the variable 'missing' is undefined"
        == caught.value.message
    )
