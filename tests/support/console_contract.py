"""Reads ``tests/contract/console.yml``, whose head tells the format."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PATH = Path(__file__).parent.parent / "contract" / "console.yml"
_PLACEHOLDER = re.compile(r"\$\{([\w.]+)\}")


@dataclass(frozen=True, slots=True)
class Contract:
    """The contract as it is written, placeholders and all."""

    endpoints: dict[str, Any]
    names: dict[str, Any]
    objects: dict[str, Any]
    cases: list[dict[str, Any]]
    refusals: list[dict[str, Any]]

    @property
    def examples(self) -> dict[str, Any]:
        """What placeholders stand for when a client is fed the answers."""
        given = {f"given.{name}": 4062 + number for number, name in enumerate(self.objects)}
        return {name: each["example"] for name, each in self.names.items()} | given


def load() -> Contract:
    """Read the file."""
    text = YAML(typ="safe").load(PATH)
    assert text.pop("version") == 1
    return Contract(**text)


def filled(value: Any, names: Mapping[str, Any]) -> Any:
    """Replace placeholders; one that isn't known is an error."""
    if isinstance(value, dict):
        return {name: filled(each, names) for name, each in value.items()}
    if isinstance(value, list):
        return [filled(each, names) for each in value]
    if not isinstance(value, str):
        return value
    whole = _PLACEHOLDER.fullmatch(value)
    return names[whole[1]] if whole else _PLACEHOLDER.sub(lambda match: str(names[match[1]]), value)


def refused(contract: Contract, case: Mapping[str, Any]) -> dict[str, Any]:
    """Give the log source of an entry of ``refusals``: object ``base`` with what differs, placeholders and all.

    For an update it is what differs alone, null and all.
    """
    create = case["endpoint"] == "log_sources create"
    body = dict(contract.objects["base"]["body"]) if create else {}
    for name, value in case["body"].items():
        if name == "protocol_parameters":
            parameters = {each["name"]: each["value"] for each in body.get(name, ())} | value
            body[name] = [{"name": each, "value": text} for each, text in parameters.items() if text is not None]
        elif value is None and create:
            del body[name]
        else:
            body[name] = value
    return body


def differences(expected: Any, actual: Any, varies: list[str], at: str = "") -> Iterator[str]:
    """Give where an answer isn't what the contract says; placeholders are replaced before."""
    if any(_is_at(at, pattern) for pattern in varies):
        if not _alike(expected, actual):
            yield f"{at or 'body'}: {actual!r} is of another kind than {expected!r}"
    elif isinstance(expected, dict) and isinstance(actual, dict):
        for name in sorted(expected.keys() | actual.keys()):
            path = f"{at}.{name}".lstrip(".")
            if name not in actual or name not in expected:
                yield f"{path} is {'missing' if name in expected else 'not in the contract'}"
            else:
                yield from differences(expected[name], actual[name], varies, path)
    elif isinstance(expected, list) and isinstance(actual, list):
        if len(expected) != len(actual):
            yield f"{at or 'body'}: {len(actual)} entries, not {len(expected)}: {actual}"
        for number, (wanted, found) in enumerate(zip(expected, actual, strict=False)):
            yield from differences(wanted, found, varies, f"{at}.{number}".lstrip("."))
    elif expected != actual or type(expected) is not type(actual):
        yield f"{at or 'body'}: {actual!r}, not {expected!r}"


def _alike(expected: Any, actual: Any) -> bool:
    return None in (expected, actual) or isinstance(actual, str) is isinstance(expected, str)


def _is_at(path: str, pattern: str) -> bool:
    parts, wanted = path.split("."), pattern.split(".")
    return len(parts) == len(wanted) and all(w in {"*", p} for p, w in zip(parts, wanted, strict=True))


def text_matches(expected: str, actual: str) -> bool:
    """Say whether a header or text is what the contract says: the same, or matched by it where it stands in slashes."""
    if len(expected) > 1 and expected.startswith("/") and expected.endswith("/"):
        return re.search(expected[1:-1], actual) is not None
    return expected == actual
