"""Jinja2 in playbooks: ``when``, ``loop`` and templated values.

A value that is one ``{{ expression }}`` and nothing else keeps its type. Nothing is ever evaluated from the text of
a value: ``"[1]"`` stays a text of three characters.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from pathlib import PurePath
from typing import TYPE_CHECKING

from jinja2 import Template, TemplateError, TemplateSyntaxError, Undefined, UndefinedError, meta, nodes

from harness.errors import TaskError
from harness.play.sandbox import BUILT_IN, Sandbox, StrictName
from harness.problems import describe, shorten
from harness.redaction import Secret
from harness.source import Problem
from harness.suggest import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.document import Value
    from harness.source import Source

_MARKS = re.compile(r"\{\{|\{%|\{#")
_RESULT = "harness_result"

# Statements that need other templates, which there are none of.
_FOREIGN = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends, nodes.Block)

# What Jinja2, and Python compiling Jinja2's code, raise on damaged templates besides TemplateSyntaxError.
_UNREADABLE = (
    TemplateError,
    SyntaxError,
    ValueError,
    AssertionError,
    RecursionError,
    MemoryError,
    OverflowError,
)

# What an expression can raise: all that operators, filters and methods of plain values do.
_FAILURES = (
    TemplateError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MemoryError,
    RuntimeError,
    TypeError,
    ValueError,
)


# Jinja2's messages that speak of its own tokens, and what to say instead.
_JINJA_MESSAGES = {
    r"expected token 'end of (?:print statement|statement block)', got (.*)": r"\1 is unexpected",
    r"unexpected 'end of (?:print statement|statement block)'": "it ends too early",
    r".*end of template, expected 'end of print statement'": "the closing }} is missing",
    r".*end of template, expected 'end of statement block'": "the closing %} is missing",
    r"Unexpected end of template.*closed is '(\w+)'": r"{% \1 %} isn't closed",
}


class _UndefinedVariableError(TaskError):
    """A template failed because something is undefined: ``default`` may still save the one that uses it."""


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression without braces, as in ``when``.

    Args:
        text: For example ``facts.exchange.build is version('15.2', '>=')``.
        source: Where it stands.
    """

    text: str
    source: Source

    @property
    def names(self) -> frozenset[str]:
        """The variables that it mentions."""
        return names(_braced(self.text))

    def evaluate(self, variables: Mapping[str, object]) -> object:
        """Give its value, with its type.

        Raises:
            TaskError: It fails, or mentions something undefined.
        """
        return _evaluate(_braced(self.text), variables, self.source)

    def holds(self, variables: Mapping[str, object]) -> bool:
        """Tell whether it is true.

        Raises:
            TaskError: It fails, or is neither true nor false.
        """
        result = self.evaluate(variables)
        if isinstance(result, bool):
            return result
        raise TaskError(
            f"{self.source}: the condition {self.text!r} gives {describe(result)}, neither true nor false",
            hint=f"compare it, or write: {self.text} | bool",
        )


def is_template(text: str) -> bool:
    """Tell whether a text holds Jinja2's marks."""
    return _MARKS.search(text) is not None


def names(text: str) -> frozenset[str]:
    """Give the variables that a template or an expression mentions and doesn't set itself.

    Args:
        text: A template where it holds braces, otherwise an expression.
    """
    return _names(text if is_template(text) else _braced(text))


def names_of(value: Value) -> frozenset[str]:
    """Give the variables that the templates inside a value mention."""
    return frozenset().union(*(names(text) for _, text, _ in templates(value)))


def templates(value: Value) -> Iterator[tuple[tuple[str | int, ...], str, Source]]:
    """Give path, text and source of every template inside a value."""
    for path, each in value.walk():
        if isinstance(each.data, str) and is_template(each.data):
            yield path, each.data, each.source


def check_expression(text: str, source: Source) -> Problem | None:
    """Say what is wrong with an expression's syntax, if anything."""
    if is_template(text):
        return Problem(source, f"the expression {text!r} is written without braces", "remove {{ and }}")
    if not text.strip():
        return Problem(source, "the expression is empty")
    try:
        tree = _parse(_braced(text))
        if _only_expression(tree) is None:
            return Problem(source, f"{text!r} isn't one expression")
        _names(_braced(text))
        _native(_braced(text))
    except _UNREADABLE as error:
        return Problem(source, f"the expression {text!r} can't be read: {_reason(error)}")
    return None


def check_templates(value: Value) -> Iterator[Problem]:
    """Give a problem for every template inside a value whose syntax is wrong, and for every templated key."""
    for _, each in value.walk():
        for key, at in each.keys.items():
            if is_template(key):
                yield Problem(at, "a key can't hold a template", "only values can")
        if isinstance(each.data, str) and is_template(each.data):
            problem = _check_template(each.data)
            if problem:
                yield Problem(each.source, f"the template can't be read: {problem}")


def render(value: Value, variables: Mapping[str, object], literal: Callable[[object], str] | None = None) -> object:
    """Fill in all templates inside a value.

    Args:
        value: As written.
        variables: What the templates may mention.
        literal: For a text that is code: writes a value as a literal of that language. Every value that
            is filled in goes through it, so none becomes code.

    Returns:
        The value without positions: scalars, lists, dicts, secrets.

    Raises:
        TaskError: A template fails, or mentions something undefined; the message begins with its place.
    """
    if isinstance(value.data, tuple):
        return [render(each, variables, literal) for each in value.data]
    if isinstance(value.data, Mapping):
        return {key: render(each, variables, literal) for key, each in value.data.items()}
    if not isinstance(value.data, str) or not is_template(value.data):
        return value.data
    if literal is None and _only_expression(_parse(value.data.strip())) is not None:
        return _evaluate(value.data.strip(), variables, value.source)
    return _fill_in(value.data, variables, value.source, literal)


def _braced(text: str) -> str:
    return "{{ " + text + " }}"


@lru_cache(maxsize=32)
def _sandbox(literal: Callable[[object], str] | None = None) -> Sandbox:
    return Sandbox(literal)


def _parse(text: str) -> nodes.Template:
    return _sandbox().parse(text)


def _only_expression(tree: nodes.Template) -> nodes.Expr | None:
    match tree.body:
        case [nodes.Output(nodes=[expression])] if not isinstance(expression, nodes.TemplateData):
            return expression
    return None


@lru_cache(maxsize=2048)
def _names(template: str) -> frozenset[str]:
    return frozenset(meta.find_undeclared_variables(_parse(template))) - BUILT_IN.keys()


@lru_cache(maxsize=2048)
def _native(template: str) -> Template:
    """Compile a template of one expression so that the value itself can be taken out."""
    tree = _parse(template)
    expression = _only_expression(tree)
    if expression is None:
        raise TemplateSyntaxError("not one expression", 1)
    tree.body = [nodes.Assign(nodes.Name(_RESULT, "store", lineno=1), expression, lineno=1)]
    return _sandbox().from_string(tree)


@lru_cache(maxsize=2048)
def _text(template: str, literal: Callable[[object], str] | None) -> Template:
    return _sandbox(literal).from_string(template)


def _check_template(text: str) -> str:
    try:
        tree = _parse(text)
        for foreign in tree.find_all(_FOREIGN):
            return f"{type(foreign).__name__.lower()} isn't supported: there are no other templates"
        _names(text)
        _text(text, None)
    except _UNREADABLE as error:
        return _reason(error)
    return ""


def _evaluate(template: str, variables: Mapping[str, object], source: Source) -> object:
    try:
        compiled = _native(template)
        context = compiled.new_context(_context(template, variables))
        for _ in compiled.root_render_func(context):
            pass
        return _plain(context.vars[_RESULT])
    except UndefinedError as error:
        raise _UndefinedVariableError(f"{source}: {error.message or 'something is undefined'}") from error
    except _FAILURES as error:
        raise TaskError(_failed(source, template, error)) from error


def _fill_in(
    template: str, variables: Mapping[str, object], source: Source, literal: Callable[[object], str] | None
) -> str:
    try:
        return _text(template, literal).render(_context(template, variables))
    except UndefinedError as error:
        raise _UndefinedVariableError(f"{source}: {error.message or 'something is undefined'}") from error
    except _FAILURES as error:
        raise TaskError(_failed(source, template, error)) from error


def _context(template: str, variables: Mapping[str, object]) -> dict[str, object]:
    """Pick the variables that a template mentions; what is missing stands there with a message of its own."""
    context: dict[str, object] = {
        **BUILT_IN,
        **{name: variables[name] for name in BUILT_IN if name in variables},
    }
    for name in _names(template):
        if name not in variables:
            context[name] = StrictName(_missing(name, variables), name=name)
            continue
        try:
            context[name] = variables[name]
        except _UndefinedVariableError as error:
            context[name] = StrictName(f"{name!r} can't be filled in: {error.message}", name=name)
    return context


def _missing(name: str, variables: Mapping[str, object]) -> str:
    if name == "item":
        return "'item' is undefined (it exists only in a task with a loop)"
    near = did_you_mean(name, variables)
    return f"the variable {name!r} is undefined" + (f" ({near})" if near else "")


def _plain(value: object) -> object:
    """Turn an expression's result into plain values of our own, or refuse it."""
    if isinstance(value, StrictName):
        value.fail()
    if isinstance(value, Undefined):
        raise UndefinedError(str(value))
    if value is None or isinstance(value, bool | int | float | Secret | date | timedelta | PurePath):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if callable(value) or not hasattr(value, "__iter__"):
        raise TypeError(f"its result is a {type(value).__name__}, which isn't a value")
    return [_plain(each) for each in value]


def _failed(source: Source, template: str, error: BaseException) -> str:
    return f"{source}: {shorten(template)!r} fails: {_reason(error)}"


def _reason(error: BaseException) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    message = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
    for theirs, ours in _JINJA_MESSAGES.items():
        message = re.sub(f"^{theirs}$", ours, message)
    unknown = re.fullmatch(r"No (filter|test) named '(.*)'", message)
    if unknown:
        kind, name = unknown.groups()
        near = did_you_mean(name, _sandbox().filters if kind == "filter" else _sandbox().tests)
        return f"there is no {kind} {name!r}" + (f" ({near})" if near else "")
    return message
