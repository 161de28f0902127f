"""Definitions through templates: harness's own checklist and extension, and any that a user writes.

A user's template is run in a sandbox: it reaches neither Python's inside nor files elsewhere, changes nothing of what
it is given, and what it misspells is an error with its line.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import FileSystemLoader, StrictUndefined, TemplateError, TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from harness.errors import InputError
from harness.resources import folder
from harness.source import Problem, Source

if TYPE_CHECKING:
    from collections.abc import Mapping

_MARKUP = re.compile(r"\.(?:html?|xml)(?:\.j2|\.jinja2?)?$", re.IGNORECASE)


def own(name: str, values: Mapping[str, object]) -> str:
    """Render one of harness's own templates; what it prints is escaped.

    Args:
        name: For example ``checklist.html.j2``.
        values: What it is given.
    """
    return _environment(folder("templates") / "logsource").get_template(name).render(values)


def users(path: Path, values: Mapping[str, object]) -> str:
    """Render a template of the user's.

    Args:
        path: The file. What it prints is escaped where its name says HTML or XML.
        values: What it is given.

    Raises:
        InputError: It can't be read, or fails; with its line.
    """
    if not path.is_file():
        raise InputError([Problem(Source(str(path)), "there is no such file")])
    try:
        return _environment(path.parent).get_template(path.name).render(values)
    except UnicodeDecodeError:
        raise InputError([Problem(Source(str(path)), "isn't UTF-8 text")]) from None
    except Exception as error:  # a template is a program, and may fail in any way
        raise InputError([Problem(_place(error, path), _words(error), _HINT)]) from error


_HINT = "the template is given log_sources, hosts, inventory, fields(log_source) and parameters(log_source)"


def _environment(place: Path) -> ImmutableSandboxedEnvironment:
    return ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(place),
        undefined=StrictUndefined,
        autoescape=lambda name: bool(_MARKUP.search(name or "")),
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _place(error: Exception, path: Path) -> Source:
    """Give the line that failed: Jinja2 makes the traceback name the template's own lines."""
    if isinstance(error, TemplateSyntaxError):
        return Source(str(path.parent / error.name) if error.name else str(path), error.lineno)
    place = Source(str(path))
    trace = error.__traceback__
    while trace is not None:
        file = Path(trace.tb_frame.f_code.co_filename)
        if file.parent == path.parent and file.suffix != ".py":
            place = Source(str(file), trace.tb_lineno)
        trace = trace.tb_next
    return place


def _words(error: Exception) -> str:
    message = error.message if isinstance(error, TemplateError) else None
    text = message or str(error) or type(error).__name__
    return f"the template fails: {text}"
