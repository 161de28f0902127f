"""Templates of the user's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from logsource_samples import log_source

from harness.errors import InputError
from harness.logsource.templates import users

if TYPE_CHECKING:
    from pathlib import Path


def template(folder: Path, text: str, name: str = "own.txt.j2") -> Path:
    """Write a template."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_template_is_given_the_model(tmp_path: Path) -> None:
    """Every field by its name."""
    path = template(tmp_path, "{% for s in log_sources %}\n{{ s.identifier }};{{ s.smtp_folder }}\n{% endfor %}\n")

    assert "ex01;d$/Exchange/ProtocolLog/\n" == users(path, {"log_sources": [log_source()]})


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a\n{{ log_sources[0].nam }}\n", 2, "has no attribute 'nam'"),
        ("a\n\n{{ nothing }}\n", 3, "'nothing' is undefined"),
        ("{% for s in log_sources %}\n{{ s.name }\n{% endfor %}", 2, "unexpected"),
        ("{% if %}", 1, "Expected an expression"),
        ("\n{{ ''.__class__.__mro__ }}", 2, "unsafe"),
        ("\n{{ log_sources.append(1) }}", 2, "unsafe"),
        ("\n\n{{ 1 // 0 }}", 3, "division"),
        ("\n{% include '../secret.txt' %}", 2, "secret.txt"),
    ],
)
def test_a_mistake_has_its_line(tmp_path: Path, text: str, line: int, words: str) -> None:
    """Misspelt names, wrong syntax, and what the sandbox refuses."""
    path = template(tmp_path, text)
    with pytest.raises(InputError) as caught:
        users(path, {"log_sources": [log_source()]})

    (problem,) = caught.value.problems
    assert (str(path), line) == (problem.source.file, problem.source.line), problem
    assert words in problem.message


def test_a_mistake_in_an_included_file_has_that_files_line(tmp_path: Path) -> None:
    """What is in the template's folder can be included."""
    template(tmp_path, "\n\n{{ nothing }}", "part.j2")
    path = template(tmp_path, "{% include 'part.j2' %}")
    with pytest.raises(InputError) as caught:
        users(path, {})

    assert f"{tmp_path / 'part.j2'}:3" == str(caught.value.problems[0].source)


def test_markup_is_escaped_by_the_files_name(tmp_path: Path) -> None:
    """In HTML and XML; a text is a text."""
    values = {"x": "<b>&"}

    assert "&lt;b&gt;&amp;" == users(template(tmp_path, "{{ x }}", "a.html.j2"), values)
    assert "&lt;b&gt;&amp;" == users(template(tmp_path, "{{ x }}", "a.xml"), values)
    assert "<b>&" == users(template(tmp_path, "{{ x }}", "a.txt.j2"), values)


def test_a_template_that_isnt_there(tmp_path: Path) -> None:
    """Named, as any file of the user's."""
    with pytest.raises(InputError, match="there is no such file"):
        users(tmp_path / "none.j2", {})
