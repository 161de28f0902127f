"""Playbook files: each case file gives its plays, or exactly the problems that stand beside it."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, field_validator

from harness.errors import PlaybookError
from harness.modules.registry import MODULES
from harness.play.loader import load
from harness.play.playbook import Batch

CASES = Path(__file__).parents[1] / "cases" / "playbook"
BAD = sorted(path.stem for path in CASES.glob("*.txt"))
GOOD = sorted({path.stem for path in CASES.glob("*.yml")} - set(BAD))


def problems_of(path: Path) -> list[str]:
    """Give the problems of a file, without its folder."""
    with pytest.raises(PlaybookError) as caught:
        load([path], MODULES)
    return [str(problem).replace(str(path), path.name) for problem in caught.value.problems]


@pytest.mark.parametrize("case", BAD)
def test_every_mistake_is_reported_with_its_place(case: str) -> None:
    """All mistakes of a file come at once, in the order of the text, each with line, column and a cure."""
    expected = (CASES / f"{case}.txt").read_text(encoding="utf-8").splitlines()

    assert expected == problems_of(CASES / f"{case}.yml")


@pytest.mark.parametrize("case", GOOD)
def test_good_playbooks_load(case: str) -> None:
    """A playbook without mistakes gives at least one play with tasks, and no notice."""
    playbook = load([CASES / f"{case}.yml"], MODULES)

    assert all(play.tasks for play in playbook.plays)
    assert playbook.plays
    assert playbook.notices == ()


def test_ten_mistakes_give_ten_lines() -> None:
    """Ten mistakes of ten kinds give ten problems, and an exit code for bad input."""
    with pytest.raises(PlaybookError) as caught:
        load([CASES / "ten_mistakes.yml"], MODULES)

    assert 10 == len(str(caught.value).splitlines())
    assert 3 == caught.value.exit_code


def write(folder: Path, text: str, name: str = "play.yml") -> Path:
    """Write a playbook."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_play_holds_what_was_written() -> None:
    """Every key of plays and tasks arrives in the model."""
    (play,) = load([CASES / "good.yml"], MODULES).plays
    web, tracking, connectors = play.tasks

    assert ("Logs", "exchange:&mailbox") == (play.name, play.hosts)
    assert (Batch(count=1), Batch(percent=30)) == play.serial
    assert (True, 12.5) == (play.any_errors_fatal, play.max_fail_percentage)
    assert {"fields", "log_path"} == set(play.vars)
    assert {"msgtrk": {"fresh_within": "15m"}} == play.verify.plain()
    assert f"{CASES / 'good.yml'}:38:5" == str(play.verify.source)
    assert ("iis_logging", f"{CASES / 'good.yml'}:13:7") == (web.module, str(web.source))
    assert {"logs", "owa", "iis"} == web.tags
    assert "message_tracking" == tracking.name
    assert ["track | default(true)", "true"] == [condition.text for condition in tracking.when]
    assert ("Restart transport",) == tracking.notify
    assert {"logs", "smtp", "connectors"} == connectors.tags
    assert connectors.ignore_errors
    assert ("Default", "Client Frontend") == connectors.items({})
    assert [True] == [handler.handler for handler in play.handlers]


def test_files_follow_one_another(tmp_path: Path) -> None:
    """Plays of several files come in the order of the files, and so do their problems."""
    first = write(tmp_path, "- hosts: a\n  tasks: [message_tracking: {}]\n", "z.yml")
    second = write(tmp_path, "- hosts: b\n  tasks: [message_tracking: {}]\n", "a.yml")
    bad = write(tmp_path, "- hosts: c\n", "m.yml")

    assert ["a", "b"] == [play.name for play in load([first, second], MODULES).plays]
    with pytest.raises(PlaybookError) as caught:
        load([bad, tmp_path / "none.yml", tmp_path], MODULES)
    assert [
        f"{bad}:1:3: the play has no tasks",
        f"{tmp_path / 'none.yml'}: can't be read: No such file or directory",
        f"{tmp_path}: can't be read: Is a directory",
    ] == [str(problem) for problem in caught.value.problems]


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    """Text that isn't UTF-8 is named with its line; a byte order mark does no harm."""
    path = tmp_path / "play.yml"
    path.write_bytes(b"- hosts: a\n  name: Gr\xfc\xdfe\n")

    assert ["play.yml:2: isn't UTF-8 text (save the file as UTF-8)"] == problems_of(path)

    path.write_bytes(b"\xef\xbb\xbf- hosts: a\n  tasks: [message_tracking: {}]\n")
    assert "a" == load([path], MODULES).plays[0].hosts


def test_an_unused_handler_is_only_a_notice(tmp_path: Path) -> None:
    """A handler that nobody notifies is said, and doesn't stop the run."""
    path = write(
        tmp_path,
        "- hosts: a\n  tasks: [message_tracking: {}]\n  handlers:\n"
        "    - name: Restart\n      service: {names: [W3SVC], state: restarted}\n",
    )

    assert [f"{path}:4:13: no task notifies the handler 'Restart', so it never runs"] == [
        str(notice) for notice in load([path], MODULES).notices
    ]


@pytest.mark.parametrize(
    ("text", "arguments", "when"),
    [
        ("message_tracking: {path: '{{ facts.path }}'}", True, False),
        ("message_tracking: {}\n      when: facts.exchange.build is version('15.1')", False, True),
        ("message_tracking: {path: '{{ indirect }}'}", True, False),
        ("message_tracking: {}\n      when: indirect == 'x'", False, True),
        ("message_tracking: {}\n      loop: facts.names", True, False),
        ("message_tracking: {path: '{{ plain }}'}\n      when: plain", False, False),
        ("message_tracking: {path: '{% set facts = 1 %}{{ facts }}'}", False, False),
        (r"message_tracking: {path: 'D:\facts'}", False, False),
    ],
)
def test_a_task_tells_whether_it_needs_facts(tmp_path: Path, text: str, arguments: bool, when: bool) -> None:
    """What mentions facts is known before they are read, through the play's own variables too."""
    variables = "  vars: {indirect: '{{ between }}', between: ['{{ facts.a }}'], plain: x}\n"
    path = write(tmp_path, f"- hosts: a\n{variables}  tasks:\n    - {text}\n")
    (task,) = load([path], MODULES).plays[0].tasks

    assert (arguments, when) == (task.needs_facts_for_arguments, task.needs_facts_for_when)
    assert (arguments or when) == task.needs_facts


class Inner(BaseModel):
    """A part of the arguments below."""

    model_config = ConfigDict(extra="forbid")

    size: int


class Arguments(BaseModel):
    """Arguments of every kind that a model can have."""

    model_config = ConfigDict(extra="forbid")

    level: Literal["low", "high"] = "low"
    size: int | Literal["unlimited"] = 5
    parts: list[Inner] = []
    choice: list[str] | str = "a"
    inner: Inner | None = None

    @field_validator("choice")
    @classmethod
    def _known(cls, value: Any) -> Any:
        if value == "z":
            raise ValueError("'z' is taken")
        return value


class Demo:
    """A module for these arguments."""

    name = "demo"
    Arguments = Arguments
    literals: dict[str, Any] = {}  # noqa: RUF012 - never changed

    def handler_only(self, _arguments: Arguments) -> str:
        """Nothing is."""
        return ""


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("{level: hihg}", "3:21: 'level': expected 'low' or 'high', found the text 'hihg' (did you mean 'high'?)"),
        ("{size: big}", "3:20: 'size': expected a whole number or 'unlimited', found the text 'big'"),
        ("{size: []}", "3:20: 'size': expected a whole number or 'unlimited', found a list"),
        ("{parts: [{size: 1}, {size: x}]}", "3:40: 'parts[1].size': expected a whole number, found the text 'x'"),
        ("{parts: [{size: 1, sise: 2}]}", "3:32: unknown key 'parts[0].sise' in demo"),
        ("{parts: [{}]}", "3:22: 'parts[0].size' is missing in demo"),
        ("{parts: {size: 1}}", "3:21: 'parts': expected a list, found a mapping"),
        ("{choice: z}", "3:22: 'choice': 'z' is taken"),
        ("{choice: [a, 5]}", "3:26: 'choice[1]': expected text, found the number 5 (put it in quotes)"),
        ("{inner: true}", "3:21: 'inner': expected a mapping (key: value), found true"),
        ("{size: '{{ a }}', level: 5}", "3:38: 'level': expected 'low' or 'high', found the number 5"),
        ("{sise: '{{ a }}'}", "3:14: unknown key 'sise' in demo (did you mean 'size'?)"),
        ("{parts: '{{ a }}', inner: {size: '{{ a }}'}, choice: ['{{ a }}', 5]}", "3:78: 'choice[1]': expected text"),
    ],
)
def test_a_modules_errors_become_sentences(tmp_path: Path, written: str, expected: str) -> None:
    """What a module's model refuses is said in words of the playbook; templates are left for later."""
    path = write(tmp_path, f"- hosts: a\n  tasks:\n    - demo: {written}\n")

    with pytest.raises(PlaybookError) as caught:
        load([path], {"demo": Demo()})

    (problem,) = caught.value.problems
    assert str(problem).removeprefix(f"{path}:").startswith(expected)


WORDS = st.sampled_from(
    [*"-:{}[]#&*!|>'\"%@`,?\n\t \\~", "- ", ": ", "\n  ", "\n    - ", "{{", "}}", "{%", "%}", "---\n", "<<: ", "a", "5",
     "hosts: a", "tasks:", "when: ", "loop: ", "name: x", "vars:", "handlers:", "notify: ", "serial: ", "verify: ",
     "message_tracking:", "service: ", "true", "null", "!!int ", "!x ", "&a ", "*a", "%YAML 1.1\n", "0o9", ".inf"]
)  # fmt: skip


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.one_of(st.lists(WORDS, max_size=40).map("".join), st.text(max_size=60)))
def test_any_text_gives_plays_or_problems(tmp_path: Path, text: str) -> None:
    """No text whatever ends in anything but a playbook or problems with their places."""
    path = tmp_path / "play.yml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        result = load([path], MODULES)
    except PlaybookError as error:
        problems = error.problems
    else:
        problems = result.plays
    assert problems


SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.just("{{ a }}"))
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["name", "hosts", "tasks", "handlers", "when", "loop", "vars", "tags", "notify", "serial",
                         "service", "message_tracking", "iis_logging", "names", "path", "fields", "ignore_errors"]),
        inner, max_size=5,
    ),
    max_leaves=20,
)  # fmt: skip


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tree=TREES)
def test_any_tree_gives_plays_or_problems(tmp_path: Path, tree: object) -> None:
    """The right keys with wrong values are problems, never another exception."""
    # JSON is YAML 1.2.
    path = write(tmp_path, json.dumps([{"hosts": "a", "tasks": [tree], "vars": {"a": tree}}, tree]))
    # The second entry is a play only by accident, and then without tasks that work.
    with pytest.raises(PlaybookError):
        load([path], MODULES)


LETTERS = "abcdefghijklmnopqrstuvwxyz"


@pytest.mark.parametrize(
    "text",
    [
        "[" * 5000,
        "- " * 3000 + "a",
        "- &a [" + "x, " * 10 + "]\n" + "".join(f"- &{b} [{'*' + a}{', *' + a}]\n" for a, b in pairwise(LETTERS)),
        "- hosts: a\n  tasks: [message_tracking: {path: '{{ " + "(" * 3000 + " }}'}]\n",
        "- hosts: a\n  tasks: [message_tracking: {path: '{{ 9**9**9**9 }}{{ " + "9" * 5000 + " }}'}]\n",
        "- hosts: a\n  vars: {a: " + "9" * 5000 + "}\n  tasks: [message_tracking: {path: [" + "9" * 5000 + "]}]\n",
    ],
    ids=["brackets", "dashes", "aliases", "parentheses", "powers", "digits"],
)  # fmt: skip
def test_texts_made_to_exhaust_are_refused_or_read(tmp_path: Path, text: str) -> None:
    """Deep, wide and huge texts neither hang nor break the loader."""
    with pytest.raises(PlaybookError):
        load([write(tmp_path, text)], MODULES)
