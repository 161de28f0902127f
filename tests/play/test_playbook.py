"""Tasks on a host, the choice of tasks by tags, and the rounds of a play."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.document import Value
from harness.errors import TaskError
from harness.modules.registry import MODULES
from harness.play.loader import load
from harness.play.playbook import Batch, Task, batches, selects
from harness.play.variables import Variables
from harness.redaction import Secret
from harness.source import Source

if TYPE_CHECKING:
    from pathlib import Path


def task(folder: Path, text: str) -> Task:
    """Load a play of one task that is written in flow style."""
    path = folder / "play.yml"
    path.write_text(f"- hosts: a\n  tasks:\n    - {text}\n", encoding="utf-8")
    return load([path], MODULES).plays[0].tasks[0]


def test_arguments_are_filled_in_and_converted(tmp_path: Path) -> None:
    """A text of the inventory becomes what the module's model declares; the rest stays as written."""
    loaded = task(tmp_path, "iis_logging: {sites: '{{ names }}', local_time_rollover: '{{ local }}', period: daily}")

    arguments = loaded.arguments({"names": ["Default Web Site"], "local": "false"})

    assert {"sites": ["Default Web Site"], "local_time_rollover": False, "period": "daily"} == arguments.model_dump(
        exclude_unset=True
    )


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("monthyl", "found the text 'monthyl' (did you mean 'monthly'?)"),
        (Secret("correct horse"), "found a secret"),
    ],
)
def test_what_a_module_refuses_names_the_template(tmp_path: Path, value: object, message: str) -> None:
    """After rendering a wrong value is reported at the text it came from, and a secret isn't shown."""
    loaded = task(tmp_path, "iis_logging: {period: '{{ period }}', site_defaults: true}")

    with pytest.raises(TaskError) as caught:
        loaded.arguments({"period": value})

    expected = "3:29: 'period': expected 'hourly', 'daily', 'weekly', 'monthly' or 'max_size', " + message
    assert f"{tmp_path / 'play.yml'}:{expected}" == str(caught.value)


def test_what_only_a_handler_may_do_is_refused_after_rendering_too(tmp_path: Path) -> None:
    """A template can't smuggle a restart into a task."""
    loaded = task(tmp_path, "service: {names: [W3SVC], state: '{{ state }}'}")

    assert "running" == loaded.arguments({"state": "running"}).state  # type: ignore[attr-defined]  # service's own
    with pytest.raises(TaskError, match=r"play\.yml:3:16: state: restarted belongs into a handler"):
        loaded.arguments({"state": "restarted"})


def test_a_users_script_takes_values_as_literals(tmp_path: Path) -> None:
    """A value that is filled into PowerShell text stays a value."""
    loaded = task(tmp_path, "powershell: {set: 'Set-Thing -Name {{ name }}'}")

    arguments = loaded.arguments({"name": "x'; Remove-Item C:\\"})

    assert "Set-Thing -Name 'x''; Remove-Item C:\\'" == arguments.set  # type: ignore[attr-defined]  # its own


def test_all_conditions_must_hold(tmp_path: Path) -> None:
    """The first condition that doesn't hold is given for the report; undefined names have their place."""
    loaded = task(tmp_path, "{message_tracking: {}, when: [a, b == 2, c]}")

    assert loaded.unmet({"a": True, "b": 2, "c": True}) is None
    unmet = loaded.unmet({"a": True, "b": 3})
    assert unmet is not None
    assert ("b == 2", 3, 40) == (unmet.text, unmet.source.line, unmet.source.column)
    with pytest.raises(TaskError, match=r"play\.yml:3:48: the variable 'c' is undefined"):
        loaded.unmet({"a": True, "b": 2})


@pytest.mark.parametrize("loop", ["names", "'{{ names }}'", "[a, '{{ names[1] }}']"])
def test_a_loop_is_a_list_or_gives_one(tmp_path: Path, loop: str) -> None:
    """A loop may be written out, with or without braces."""
    loaded = task(
        tmp_path, f"{{receive_connector: {{names: ['{{{{ item }}}}'], protocol_logging: none}}, loop: {loop}}}"
    )
    variables = Variables(host={"names": ["a", "b"]})

    assert ("a", "b") == loaded.items(variables)
    assert ["b"] == loaded.arguments(variables.with_item("b")).names  # type: ignore[attr-defined]  # its own
    assert task(tmp_path, "message_tracking: {}").items(variables) is None


def test_a_loop_over_text_is_refused(tmp_path: Path) -> None:
    """A text isn't gone over letter by letter."""
    loaded = task(tmp_path, "{message_tracking: {}, loop: name}")

    with pytest.raises(TaskError, match=r"play\.yml:3:36: 'loop' gives the text 'abc', not a list"):
        loaded.items({"name": "abc"})


@pytest.mark.parametrize(
    ("own", "tags", "skip", "expected"),
    [
        ("", "", "", True),
        ("", "web", "", False),
        ("web", "web", "", True),
        ("web mail", "mail", "", True),
        ("web", "", "web", False),
        ("web", "web", "web", False),
        ("always", "web", "", True),
        ("always", "web", "always", False),
        ("always", "", "all", True),
        ("always web", "", "web", False),
        ("never", "", "", False),
        ("never", "all", "", False),
        ("never web", "web", "", True),
        ("never web", "never", "", True),
        ("never web", "tagged", "", False),
        ("never always", "", "", True),
        ("", "untagged", "", True),
        ("web", "untagged", "", False),
        ("web", "tagged", "", True),
        ("", "tagged", "", False),
        ("web", "", "tagged", False),
        ("", "", "tagged", True),
        ("", "", "untagged", False),
        ("web", "all", "all", False),
    ],
)
def test_tags_select_tasks(own: str, tags: str, skip: str, expected: bool) -> None:
    """Tags mean what they mean in Ansible."""
    at = Source("site.yml", 1, 1)
    tagged = Task("t", at, MODULES["service"], Value(at, None), tags=frozenset(own.split()))

    assert expected is selects(tagged, tags.split(), skip.split())


@pytest.mark.parametrize(
    ("serial", "sizes"),
    [
        ([], [10]),
        ([Batch(count=4)], [4, 4, 2]),
        ([Batch(count=1), Batch(count=5)], [1, 5, 4]),
        ([Batch(percent=30)], [3, 3, 3, 1]),
        ([Batch(percent=1)], [1] * 10),
        ([Batch(count=1), Batch(percent=100)], [1, 9]),
        ([Batch(count=50)], [10]),
    ],
)
def test_rounds_take_every_host_once(serial: list[Batch], sizes: list[int]) -> None:
    """Rounds follow the list, its last size again and again, and lose no host."""
    rounds = list(batches(range(10), serial))

    assert sizes == [len(each) for each in rounds]
    assert list(range(10)) == [host for each in rounds for host in each]
    assert [] == list(batches([], serial))
