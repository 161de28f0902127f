"""Reads Ansible's INI form of an inventory: text in, lines' meanings and every problem out.

The form is documented at https://docs.ansible.com/ansible/latest/plugins/inventory/ini.html. Where Ansible
would change a value without a word, or take a slip for a host name, this reader reports it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from harness.inventory import ranges, words
from harness.source import Problem, Source

ALL: Final = "all"
UNGROUPED: Final = "ungrouped"

_SECTION = re.compile(r"\[(?P<group>[^:\]\s]+)(?::(?P<kind>\w+))?\]\s*(?:#.*)?")
_GROUP_NAME = re.compile(r"(?P<group>[^:\]\s]+)\s*(?:#.*)?")
_VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SECTION_HINT = "write [group], [group:vars] or [group:children]"
_LINE_END = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Raw:
    """A variable as it was written.

    Args:
        name: Its name.
        value: Its value: a string from INI and the command line, any plain value from YAML.
        source: Where.
        origin: What kind of place that is, for example ``host line``.
    """

    name: str
    value: object
    source: Source
    origin: str


@dataclass(frozen=True, slots=True)
class HostLine:
    """A line that names hosts, once its ranges are expanded."""

    names: tuple[str, ...]
    group: str
    variables: tuple[Raw, ...]
    source: Source


@dataclass(frozen=True, slots=True)
class ChildLine:
    """A line in a ``[group:children]`` section."""

    parent: str
    child: str
    source: Source


@dataclass(slots=True)
class IniFile:
    """What an inventory file says.

    Args:
        groups: Every declared group and the section that declares it, in the text's order.
        hosts: The host lines.
        children: The lines of ``:children`` sections.
        variables: For each group, the variables of its ``:vars`` sections.
        vars_sections: The first ``:vars`` section of each group.
        problems: What is wrong.
        notices: What is right, but likely not what was meant.
    """

    groups: dict[str, Source] = field(default_factory=dict)
    hosts: list[HostLine] = field(default_factory=list)
    children: list[ChildLine] = field(default_factory=list)
    variables: dict[str, list[Raw]] = field(default_factory=dict)
    vars_sections: dict[str, Source] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    notices: list[Problem] = field(default_factory=list)


def parse(text: str, file: str) -> IniFile:
    """Read an inventory's text.

    Args:
        text: The whole file.
        file: The path as the user gave it, for sources.

    Returns:
        What it says; a line with a problem is left out and reported among the problems.
    """
    reader = _Reader(file)
    for number, line in enumerate(_LINE_END.split(text), start=1):
        reader.read(line, number)
    return reader.result


class _Reader:
    """Goes through the lines and remembers which section it is in."""

    def __init__(self, file: str) -> None:
        self.result = IniFile()
        self._file = file
        self._group = UNGROUPED
        self._kind = "hosts"

    def read(self, line: str, number: int) -> None:
        text = line.strip()
        source = Source(self._file, number)
        if not text or text[0] in "#;":
            return
        section = _SECTION.fullmatch(text)
        if section:
            self._section(section["group"], section["kind"] or "hosts", source)
        elif _looks_like_section(text):
            self._problem(source, f"'{text}' isn't a section", _SECTION_HINT)
            self._kind = "unknown"
        elif self._kind == "hosts":
            self._host_line(line, source)
        elif self._kind == "vars":
            self._vars_line(text, source)
        elif self._kind == "children":
            self._child_line(text, source)

    def _section(self, group: str, kind: str, source: Source) -> None:
        self._group, self._kind = group, kind
        if kind in ("hosts", "children"):
            self.result.groups.setdefault(group, source)
        elif kind == "vars":
            self.result.vars_sections.setdefault(group, source)
        else:
            self._kind = "unknown"
            hint = _SECTION_HINT
            self._problem(source, f"the section [{group}:{kind}] is of an unknown kind", hint)

    def _host_line(self, line: str, source: Source) -> None:
        try:
            first, *rest = words.split(line)
        except ValueError as error:
            self._problem(source, str(error), "close the quotation, or quote the character that began it")
            return
        names, port = self._names(first.text, source)
        pairs = [raw for raw in (self._pair(word, source) for word in rest) if raw]
        if port:
            pairs.insert(0, Raw("ansible_port", port, source, "host line"))
        if names:
            self.result.hosts.append(HostLine(names, self._group, tuple(pairs), source))

    def _names(self, pattern: str, source: Source) -> tuple[tuple[str, ...], str]:
        if "=" in pattern:
            name = pattern.partition("=")[0]
            section = f"[{ALL if self._group == UNGROUPED else self._group}:vars]"
            self._problem(
                source,
                f"a host line begins with a host's name, not with '{name}='",
                f"variables of a group stand in its section {section}",
            )
            return (), ""
        if pattern == "---":
            self._problem(source, "this looks like YAML; harness reads inventories in Ansible's INI form")
            return (), ""
        host, port = ranges.split_port(pattern)
        try:
            return ranges.expand(host), port
        except ValueError as error:
            self._problem(source, str(error))
            return (), ""

    def _pair(self, word: words.Word, source: Source) -> Raw | None:
        name, equals, text = word.text.partition("=")
        if not equals:
            hint = "quote a value that holds spaces, and begin a comment with # after a space"
            self._problem(source, f"expected name=value at column {word.column}", hint)
            return None
        if word.cut:
            self._problem(
                source,
                f"an unquoted # ends the value of {name}",
                f"quote the value ({name}='...#...'), or put a space before a comment",
            )
            return None
        if word.lost_backslash:
            self._notice(
                source,
                f"an unquoted backslash in {name} is dropped, as Ansible does",
                f"quote the value to keep it: {name}='...\\...'",
            )
        return self._variable(name, text, source, origin="host line")

    def _vars_line(self, text: str, source: Source) -> None:
        name, equals, value = text.partition("=")
        if not equals:
            self._problem(source, f"expected name=value in [{self._group}:vars]")
            return
        raw = self._variable(name.strip(), value.strip(), source, origin=f"group {self._group}")
        if raw:
            self.result.variables.setdefault(self._group, []).append(raw)

    def _variable(self, name: str, text: str, source: Source, *, origin: str) -> Raw | None:
        if not _VARIABLE_NAME.fullmatch(name):
            self._problem(source, f"'{name}' isn't a variable's name", "use letters, digits and underscores")
            return None
        if words.has_escapes(text):
            self._notice(
                source,
                f"backslashes inside the quoted value of {name} are read as escapes, as Ansible does",
                "leave the quotes away, or double the backslashes",
            )
        value = words.value(text, comments=origin != "host line")
        return Raw(name, value, source, origin)

    def _child_line(self, text: str, source: Source) -> None:
        match = _GROUP_NAME.fullmatch(text)
        if match:
            self.result.children.append(ChildLine(self._group, match["group"], source))
        else:
            hint = "one group's name a line, without variables"
            self._problem(source, f"expected a group's name in [{self._group}:children]", hint)

    def _problem(self, source: Source, message: str, hint: str = "") -> None:
        self.result.problems.append(Problem(source, message, hint))

    def _notice(self, source: Source, message: str, hint: str = "") -> None:
        self.result.notices.append(Problem(source, message, hint))


def _looks_like_section(text: str) -> bool:
    """Tell a malformed header from a host line that begins with a range or an IPv6 address."""
    return text.startswith("[") and (text.endswith("]") or " " in text.partition("]")[0] or "]" not in text)
