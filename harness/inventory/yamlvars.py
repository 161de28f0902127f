"""Reads the variables in ``group_vars/`` and ``host_vars/``: YAML 1.2 files, each value with its line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ruamel.yaml import YAML
from ruamel.yaml.constructor import SafeConstructor
from ruamel.yaml.error import MarkedYAMLError, StringMark, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode

from harness.inventory.ini import Raw
from harness.source import Problem, Source

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

EXTENSIONS = (".yml", ".yaml", ".json")

_STRING = "tag:yaml.org,2002:str"
_VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class _Constructor(SafeConstructor):
    """Builds plain values; a date stays the text that it is, for YAML 1.2 knows no dates."""


_Constructor.add_constructor("tag:yaml.org,2002:timestamp", SafeConstructor.construct_yaml_str)


def find(folder: Path, name: str) -> tuple[list[Path], list[Path]]:
    """Find the files of a group's or a host's variables.

    Args:
        folder: ``group_vars`` or ``host_vars``.
        name: The group's or host's name.

    Returns:
        The files to read, in the order in which later ones win: those of the folder ``NAME``, or else the
        first of ``NAME``, ``NAME.yml``, ``NAME.yaml``, ``NAME.json``; and those that are passed over.
    """
    candidates = [folder / f"{name}{extension}" for extension in ("", *EXTENSIONS)]
    present = [path for path in candidates if path.exists() and path.parent == folder]
    if not present:
        return [], []
    chosen, *passed_over = present
    return list(_files_of(chosen)), passed_over


def _files_of(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    for entry in sorted(path.iterdir()):
        if entry.name.startswith(".") or entry.name.endswith("~"):
            continue
        if entry.is_dir():
            if not entry.suffix:
                yield from _files_of(entry)
        elif entry.suffix in ("", *EXTENSIONS):
            yield entry


def read(path: Path, origin: str) -> tuple[list[Raw], list[Problem]]:
    """Read a file of variables.

    Args:
        path: The file.
        origin: What the settings will say about where they come from, for example ``group_vars/all.yml``.

    Returns:
        The variables in the text's order, and what is wrong.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        return [], [Problem(Source(str(path)), f"can't be read: {error.strerror}")]
    except UnicodeDecodeError:
        return [], [Problem(Source(str(path)), "isn't UTF-8 text", "save it as UTF-8")]
    return parse(text, str(path), origin)


def parse(text: str, file: str, origin: str) -> tuple[list[Raw], list[Problem]]:
    """Read the text of a file of variables.

    Args:
        text: YAML.
        file: The path as the user gave it, for sources.
        origin: As in `read`.

    Returns:
        As `read`.
    """
    if text.startswith("$ANSIBLE_VAULT"):
        hint = "keep secrets as references such as env:NAME or file:PATH, or write a plugin for another store"
        return [], [Problem(Source(file, 1), "is encrypted with Ansible Vault, which harness doesn't read", hint)]
    yaml = YAML(typ="safe", pure=True)
    yaml.Constructor = _Constructor
    try:
        root = yaml.compose(text)
    except YAMLError as error:
        return [], [_syntax_problem(error, file)]
    if root is None or (isinstance(root, ScalarNode) and root.tag == "tag:yaml.org,2002:null"):
        return [], []
    if not isinstance(root, MappingNode):
        return [], [Problem(_source(root, file), "must hold names and values, such as winrm_port: 5986")]
    return _variables(yaml, root, file, origin)


def _variables(yaml: YAML, root: MappingNode, file: str, origin: str) -> tuple[list[Raw], list[Problem]]:
    found: dict[str, Raw] = {}
    problems: list[Problem] = []
    constructor: SafeConstructor = yaml.constructor
    try:
        constructor.flatten_mapping(root)
    except YAMLError as error:
        return [], [_syntax_problem(error, file)]
    for key, node in root.value:
        source = _source(key, file)
        if not isinstance(key, ScalarNode) or key.tag != _STRING or not _VARIABLE_NAME.fullmatch(key.value):
            hint = "use letters, digits and underscores"
            shown = f"'{key.value}'" if isinstance(key, ScalarNode) else "this"
            problems.append(Problem(source, f"{shown} isn't a variable's name", hint))
            continue
        if key.value in found:
            first = found[key.value].source
            problems.append(Problem(source, f"{key.value} stands here twice, first at {first}"))
            continue
        try:
            value = constructor.construct_document(node)
            _refuse_cycles(value, ())
        except (YAMLError, ValueError) as error:
            problems.append(_syntax_problem(error, file, source))
            continue
        found[key.value] = Raw(key.value, value, source, origin)
    return list(found.values()), problems


def _refuse_cycles(value: object, above: tuple[int, ...]) -> None:
    """Refuse what isn't plain data: a value that holds itself, and YAML's sets, pairs and binary data.

    Raises:
        ValueError: It isn't plain.
    """
    if id(value) in above:
        message = "a value must not hold itself"
        raise ValueError(message)
    if isinstance(value, dict):
        for item in (*value.keys(), *value.values()):
            _refuse_cycles(item, (*above, id(value)))
    elif isinstance(value, list):
        for item in value:
            _refuse_cycles(item, (*above, id(value)))
    elif not (value is None or isinstance(value, str | int | float)):
        message = f"a {type(value).__name__} isn't a plain value"
        raise ValueError(message)


def _syntax_problem(error: YAMLError | ValueError, file: str, source: Source | None = None) -> Problem:
    """Turn the parser's error into one line that doesn't quote the text."""
    if not isinstance(error, MarkedYAMLError):
        return Problem(source or Source(file), f"isn't valid YAML: {str(error).partition(chr(10))[0]}")
    mark = error.problem_mark or error.context_mark
    if isinstance(mark, StringMark):
        source = Source(file, mark.line + 1, mark.column + 1)
    if error.problem and "constructor for the tag" in error.problem:
        return Problem(source or Source(file), "YAML tags such as !vault aren't supported", "write a plain value")
    reason = " ".join(str(error.problem or error.context).split())
    return Problem(source or Source(file), f"isn't valid YAML: {reason}")


def _source(node: Node, file: str) -> Source:
    return Source(file, node.start_mark.line + 1)
