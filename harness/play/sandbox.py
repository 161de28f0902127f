"""The Jinja2 environment of playbooks: what an expression may do.

It can't reach Python's inside, can't change a value it is given, can't load a file, and can't look into a secret
or write one into a text.
"""

from __future__ import annotations

import re
from collections.abc import ItemsView, Mapping, ValuesView
from typing import TYPE_CHECKING, Any, NoReturn

from jinja2 import StrictUndefined, Undefined, pass_context
from jinja2.compiler import CodeGenerator
from jinja2.exceptions import FilterArgumentError, SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment, safe_range

from harness.redaction import Secret
from harness.suggest import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable

    from jinja2 import nodes
    from jinja2.compiler import Frame
    from jinja2.runtime import Context

# A name that no variable hides: an expression's own tools besides filters and tests.
BUILT_IN: Mapping[str, object] = {"range": safe_range, "dict": dict}

_MAX_LENGTH = 1_000_000
_MAX_EXPONENT = 64
_MAX_BASE = 2**64

# Filters that hand a value on as it is, or look only at the list it stands in.
_KEEP_SECRETS = frozenset({"default", "d", "first", "last", "list", "length", "count"})

_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})


class StrictName(StrictUndefined):
    """Something undefined, whose message names it and what is close to it."""

    __slots__ = ()

    @property
    def _undefined_message(self) -> str:
        if self._undefined_hint:
            return self._undefined_hint
        message = f"{self._undefined_name!r} is undefined"
        owner = self._undefined_obj
        if isinstance(owner, Mapping):
            near = did_you_mean(str(self._undefined_name), [str(key) for key in owner])
            return f"there is no {self._undefined_name!r} here" + (f" ({near})" if near else "")
        if isinstance(owner, list | tuple):
            return f"there is no entry {self._undefined_name!r} in a list of {len(owner)}"
        if self._undefined_name is not None and owner is not None:
            return f"there is no {self._undefined_name!r} here"
        return message

    def fail(self) -> NoReturn:
        """Raise what using this raises."""
        self._fail_with_undefined_error()


class _Code(CodeGenerator):
    """Sends the operator ``~`` through the environment, as Jinja2 does with the other operators."""

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:  # noqa: N802 - Jinja2 names it so
        self.write("environment.concatenate((")
        for each in node.nodes:
            self.visit(each, frame)
            self.write(", ")
        self.write("))")


class Sandbox(ImmutableSandboxedEnvironment):
    """See the module's text.

    Args:
        literal: Writes a value into a text that is code, as a literal of that language; None where a text is text.
    """

    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%", "**"})
    code_generator_class = _Code

    def __init__(self, literal: Callable[[object], str] | None = None) -> None:
        # Not optimized: constant parts would be computed while a playbook is read, outside of every limit.
        super().__init__(undefined=StrictName, optimized=False, keep_trailing_newline=True, finalize=_finalize(literal))
        self.globals.clear()
        self.tests["version"] = version
        self.filters = {name: _closed(name, each) for name, each in self.filters.items()}
        self.filters["bool"] = boolean

    def call_binop(self, context: Context, operator: str, left: object, right: object) -> object:
        """Compute ``left operator right`` within limits."""
        refuse_secrets(left if operator == "%" else None, right if operator == "%" else None)
        if isinstance(left, Secret) or isinstance(right, Secret):
            _refuse()
        if operator == "*":
            _limit_repeat(left, right)
        elif operator == "**":
            _limit_power(left, right)
        return super().call_binop(context, operator, left, right)

    def call(self, context: Context, function: object, /, *args: object, **kwargs: object) -> object:
        """Call a function or a method of a value."""
        refuse_secrets(*args, *kwargs.values())
        return super().call(context, function, *args, **kwargs)

    def getattr(self, obj: object, attribute: str) -> object:
        """Give ``obj.attribute``."""
        if isinstance(obj, Secret):
            _refuse()
        return super().getattr(obj, attribute)

    def getitem(self, obj: object, argument: Any) -> object:  # noqa: ANN401 - as in Jinja2
        """Give ``obj[argument]``."""
        if isinstance(obj, Secret):
            _refuse()
        return super().getitem(obj, argument)

    @staticmethod
    def concatenate(parts: tuple[object, ...]) -> str:
        """Compute ``a ~ b``."""
        refuse_secrets(*parts)
        return "".join(str(part) for part in parts)


def refuse_secrets(*values: object) -> None:
    """Check that none of the values is a secret or holds one.

    Raises:
        SecurityError: One is.
    """
    for value in values:
        if isinstance(value, Secret):
            _refuse()
        if isinstance(value, Mapping):
            refuse_secrets(*value.values())
        elif isinstance(value, list | tuple | set | frozenset | ValuesView | ItemsView):
            refuse_secrets(*value)


def boolean(value: object) -> bool:
    """Read a text of the inventory as true or false: the filter ``bool``.

    Raises:
        FilterArgumentError: It is neither.
    """
    text = str(value).strip().lower() if isinstance(value, str | int) else ""
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    if isinstance(value, Undefined):
        str(value)
    raise FilterArgumentError(f"bool: {value!r} is neither true nor false")


def version(value: object, other: object, operator: str = "==") -> bool:
    """Compare two versions of numbers and dots: the test ``version``.

    Args:
        value: For example ``15.1.2507.6``; missing parts count as 0.
        other: The same.
        operator: ``==``, ``!=``, ``<``, ``<=``, ``>`` or ``>=``.

    Raises:
        FilterArgumentError: One isn't a version, or there is no such operator.
    """
    left, right = _numbers(value), _numbers(other)
    width = max(len(left), len(right))
    left, right = left + (0,) * (width - len(left)), right + (0,) * (width - len(right))
    answers = {
        "==": left == right,
        "!=": left != right,
        "<": left < right,
        "<=": left <= right,
        ">": left > right,
        ">=": left >= right,
    }
    if operator not in answers:
        raise FilterArgumentError(f"version: there is no operator {operator!r}; there are {' '.join(answers)}")
    return answers[operator]


def _numbers(value: object) -> tuple[int, ...]:
    text = str(value)
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})*", text, re.ASCII):
        raise FilterArgumentError(f"version: {text!r} isn't numbers and dots")
    return tuple(int(part) for part in text.split("."))


def _finalize(literal: Callable[[object], str] | None) -> Callable[[Context, object], object]:
    # A function that takes the context isn't called while a template is compiled.
    @pass_context
    def finalize(_context: Context, value: object) -> object:
        if isinstance(value, StrictName):
            value.fail()
        refuse_secrets(value)
        return literal(value) if literal else value

    return finalize


def _closed(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Keep secrets out of a filter; the filter's marks for Jinja2 stay on."""
    if name in _KEEP_SECRETS:
        return function

    # Jinja2 hands some filters its context first, which holds every variable of the expression.
    first = 1 if hasattr(function, "jinja_pass_arg") else 0

    def closed(*args: object, **kwargs: object) -> object:
        refuse_secrets(*args[first:], *kwargs.values())
        return function(*args, **kwargs)

    closed.__dict__.update(getattr(function, "__dict__", {}))
    return closed


def _limit_repeat(left: object, right: object) -> None:
    for text, times in ((left, right), (right, left)):
        if isinstance(text, str | list | tuple) and isinstance(times, int) and len(text) * times > _MAX_LENGTH:
            raise SecurityError("the result of * would be too long")


def _limit_power(left: object, right: object) -> None:
    numbers = (int, float)
    if (
        isinstance(left, numbers)
        and isinstance(right, numbers)
        and (abs(left) > _MAX_BASE or abs(right) > _MAX_EXPONENT)
    ):
        raise SecurityError("the result of ** would be too large")


def _refuse() -> NoReturn:
    raise SecurityError(
        "a secret can't be part of a text or be looked into, since the text would show it; "
        'give it as a whole value, such as "{{ winrm_password }}"'
    )
