"""Expressions and templates: types kept, nothing escapes, and every failure names its place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.document import Value, parse
from harness.errors import TaskError
from harness.play.expressions import Expression, check_expression, check_templates, names, render
from harness.redaction import Secret
from harness.remote.powershell import literal
from harness.source import Source

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

AT = Source("site.yml", 7, 9)
VARIABLES: Mapping[str, Any] = {
    "number": 5,
    "yes": True,
    "nothing": None,
    "listed": ["a", "b"],
    "mapped": {"key": [1, {"deep": 2}]},
    "looks_listed": "[1]",
    "looks_true": "True",
    "looks_templated": "{{ number }}",
    "password": Secret("correct horse"),
    "facts": {"exchange": {"build": "15.1.2507.6", "roles": ["mailbox"]}},
}


def filled(text: str, variables: Mapping[str, object] = VARIABLES) -> object:
    """Render one text."""
    return render(Value(AT, text), variables)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{ number }}", 5),
        (" {{ yes }}\n", True),
        ("{{ nothing }}", None),
        ("{{ listed }}", ["a", "b"]),
        ("{{ mapped.key[1] }}", {"deep": 2}),
        ("{{ listed | map('upper') }}", ["A", "B"]),
        ("{{ range(3) }}", [0, 1, 2]),
        ("{{ number + 1 }}", 6),
        ("{{ missing | default([1]) }}", [1]),
        ("{{ looks_listed }}", "[1]"),
        ("{{ looks_true }}", "True"),
        ("{{ looks_templated }}", "{{ number }}"),
        ("{{ '[1, 2]' }}", "[1, 2]"),
        ("{{ number }}{{ number }}", "55"),
        ("{{ number }} days", "5 days"),
        ("a\n{{ number }}\n", "a\n5\n"),
        ("{% if yes %}5{% endif %}", "5"),
        ("{% raw %}{{ number }}{% endraw %}", "{{ number }}"),
        ("no template", "no template"),
        ("{{ 'yes' | bool }}", True),
        ("{{ number ~ listed[0] }}", "5a"),
    ],
)
def test_a_value_keeps_its_type(template: str, expected: object) -> None:
    """One expression gives its value as it is; text around it makes text; no text is ever read as code."""
    result = filled(template)

    assert (type(expected), expected) == (type(result), result)


@given(value=st.text() | st.integers() | st.booleans() | st.none() | st.lists(st.text()))
@settings(max_examples=100, deadline=None)
def test_a_variable_comes_through_unchanged(value: object) -> None:
    """Whatever a variable holds, also braces and quotes, a whole-value template gives exactly that."""
    result = filled("{{ name }}", {"name": value})

    assert (type(value), value) == (type(result), result)


def test_templates_inside_lists_and_mappings_are_filled_in() -> None:
    """A template may stand at any depth."""
    value, problems = parse("a: ['{{ number }}', {b: 'x{{ number }}'}]\nc: 1\n", "f")

    assert problems == []
    assert {"a": [5, {"b": "x5"}], "c": 1} == render(value, VARIABLES)  # type: ignore[arg-type]  # no problems


@pytest.mark.parametrize(
    "attack",
    [
        "{{ ''.__class__ }}",
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ ''['__class__'] }}",
        "{{ '' | attr('__class__') }}",
        "{{ listed.append('c') }}",
        "{{ mapped.update({}) }}",
        "{{ '{0.__class__}'.format(number) }}",
        "{{ (1).__init__.__globals__ }}",
        "{{ range.__self__ }}",
        "{{ self.__init__ }}",
        "{{ cycler.__init__.__globals__.os }}",
        "{{ lipsum() }}",
        "{{ [''.__class__] }}",
        "x{{ ''.__class__ }}",
        "{{ 'a' * 10000000 }}",
        "{{ 10 ** 1000000 }}",
        "{{ range(10000000) }}",
        "{{ ''.upper }}",
    ],
)
def test_the_sandbox_holds(attack: str) -> None:
    """No template reaches Python's inside, changes a value, exhausts the machine or gives a function."""
    with pytest.raises(TaskError, match=r"^site\.yml:7:9: "):
        filled(attack)

    assert ["a", "b"] == VARIABLES["listed"]


def test_a_secret_stays_a_secret() -> None:
    """A secret may be a value as a whole, in a list, or behind a default."""
    secret = VARIABLES["password"]

    assert secret is filled("{{ password }}")
    assert secret is filled("{{ password | default('x') }}")
    assert [secret] == filled("{{ [password] }}")
    assert filled("{{ password is defined }}") is True


@pytest.mark.parametrize(
    "text",
    [
        "user:{{ password }}",
        "{{ 'user:' ~ password }}",
        "{{ 'user:' + password }}",
        "{{ '%s' % password }}",
        "{{ '%s' % [password] }}",
        "{{ '{}'.format(password) }}",
        "{{ password | string }}",
        "{{ password | upper }}",
        "{{ [password] | join }}",
        "{{ {'a': password}.values() | join }}",
        "{{ password.reveal() }}",
        "{{ password._value }}",
        "{{ password['reveal']() }}",
        "{{ password | attr('reveal') }}",
        "{% set x %}{{ password }}{% endset %}{{ x }}",
        "{% for x in [password] %}{{ x }}{% endfor %}",
        "{{ [password] | map(attribute='reveal') | list }}",
    ],
)
def test_a_secret_never_becomes_text(text: str) -> None:
    """A secret in a longer text, or looked into, is an error that says why and doesn't show it."""
    with pytest.raises(TaskError, match="a secret can't be part of a text") as caught:
        filled(text)

    assert "horse" not in str(caught.value)


def test_other_variables_work_beside_a_secret() -> None:
    """A filter that is handed the context isn't taken to touch the secrets in it."""
    assert {"a": ["A", "B"], "b": VARIABLES["password"]} == filled(
        "{{ {'a': listed | map('upper') | list, 'b': password} }}"
    )


def test_values_in_code_become_literals() -> None:
    """In a script each value is a literal of PowerShell, however it is quoted; the script's own text stays."""
    name = "Default'; Remove-Item C:\\ -Recurse; '\u2019"
    script = Value(AT, "Get-Thing {{ name }}{% if yes %} -Count {{ number }}{% endif %}; '{{ 'x' }}'")

    result = render(script, {**VARIABLES, "name": name}, literal)

    assert f"Get-Thing {literal(name)} -Count 5; ''x''" == result
    assert "'Get-Thing'" == render(Value(AT, "{{ s }}"), {"s": "Get-Thing"}, literal)
    for broken in ("{{ password }}", "{{ missing }}"):
        with pytest.raises(TaskError):
            render(Value(AT, "Get-Thing " + broken), VARIABLES, literal)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{{ nubmer }}", "site.yml:7:9: the variable 'nubmer' is undefined (did you mean 'number'?)"),
        ("a {{ nubmer }}", "site.yml:7:9: the variable 'nubmer' is undefined (did you mean 'number'?)"),
        ("{{ zzz }}", "site.yml:7:9: the variable 'zzz' is undefined"),
        ("{{ item }}", "site.yml:7:9: 'item' is undefined (it exists only in a task with a loop)"),
        ("{{ facts.exchange.biuld }}", "site.yml:7:9: there is no 'biuld' here (did you mean 'build'?)"),
        ("{{ facts.iis.version }}", "site.yml:7:9: there is no 'iis' here"),
        ("{{ listed[7] }}", "site.yml:7:9: there is no entry 7 in a list of 2"),
        ("{{ [nubmer] }}", "site.yml:7:9: the variable 'nubmer' is undefined (did you mean 'number'?)"),
        ("{{ number / 0 }}", "site.yml:7:9: '{{ number / 0 }}' fails: division by zero"),
        ("{{ 'x' | bool }}", "site.yml:7:9: \"{{ 'x' | bool }}\" fails: bool: 'x' is neither true nor false"),
    ],
)
def test_a_failure_names_place_and_nearest_name(text: str, message: str) -> None:
    """A failure says where the text stands, what is undefined, and what may have been meant."""
    with pytest.raises(TaskError) as caught:
        filled(text)

    assert message == caught.value.message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("facts.exchange.build is version('15.1.2507', '>=')", True),
        ("facts.exchange.build is version('15.1.2507.6')", True),
        ("facts.exchange.build is version('15.1.2507.6.0')", True),
        ("facts.exchange.build is version('15.1.2507.10', '<')", True),
        ("facts.exchange.build is version('15.2', '>')", False),
        ("facts.exchange.build is version('15.1', '!=')", True),
        ("'mailbox' in facts.exchange.roles and yes", True),
        ("missing is defined", False),
        ("not yes", False),
        ("'}}' in 'a}}b'", True),
    ],
)
def test_a_condition_holds_or_not(text: str, expected: bool) -> None:
    """Conditions compare facts and variables, versions number by number."""
    assert check_expression(text, AT) is None
    assert expected is Expression(text, AT).holds(VARIABLES)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("number", "site.yml:7:9: the condition 'number' gives the number 5, neither true nor false"),
        ("looks_true", "site.yml:7:9: the condition 'looks_true' gives the text 'True', neither true nor false"),
        ("password", "site.yml:7:9: the condition 'password' gives a secret, neither true nor false"),
        ("listed", "site.yml:7:9: the condition 'listed' gives a list, neither true nor false"),
    ],
)
def test_a_condition_must_be_true_or_false(text: str, message: str) -> None:
    """A value that merely counts as true is refused, with a cure."""
    with pytest.raises(TaskError) as caught:
        Expression(text, AT).holds(VARIABLES)

    assert message == caught.value.message
    assert f"compare it, or write: {text} | bool" == caught.value.hint


@pytest.mark.parametrize("version", ["", "15.x", "15..1", None, [15]])
def test_what_is_no_version_is_refused(version: object) -> None:
    """A comparison with something else than numbers and dots fails instead of guessing."""
    with pytest.raises(TaskError, match="isn't numbers and dots"):
        Expression("v is version('1')", AT).holds({"v": version})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.b and c[d] | default(e)", {"a", "c", "d", "e"}),
        ("range(a)", {"a"}),
        ("{{ a }} {% for x in b %}{{ x }}{{ c }}{% endfor %}", {"a", "b", "c"}),
        ("{% set a = b %}{{ a }}", {"b"}),
        ("'facts'", set()),
    ],
)
def test_names_are_those_that_come_from_outside(text: str, expected: set[str]) -> None:
    """Names that a template sets itself, and tools of the language, don't count."""
    assert expected == names(text)


def failure(call: Callable[[], object]) -> str:
    """Give the message of a task's error, or ``none``; any other error goes through."""
    try:
        call()
    except TaskError as error:
        return error.message
    return "none"


@given(text=st.text(alphabet="{}%#- ab.|()[]'\"\n0*+", max_size=30))
@settings(max_examples=300, deadline=None)
def test_any_text_is_refused_early_or_fails_as_a_task(text: str) -> None:
    """A text that passes the check gives a value or a task's error, nothing else."""
    if not list(check_templates(Value(AT, text))):
        assert failure(lambda: filled(text, {"a": 1})).startswith(("site.yml:7:9: ", "none"))
    if check_expression(text, AT) is None:
        expression = Expression(text, AT)
        assert failure(lambda: expression.evaluate({"a": 1})).startswith(("site.yml:7:9: ", "none"))
