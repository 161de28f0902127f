"""Golden cases: a sample log beside the events that it must give.

A case is a folder with one log and ``expected.yml``. A value that isn't the same every time is written as a pattern,
``username: {matches: "user[0-9]+@example.com"}``; updating keeps it as long as it matches.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML

from harness.document import Value, parse
from harness.errors import InputError
from harness.events import MAPPED, Quarantined, Record, reader_for, recognise
from harness.source import Problem, Source
from harness.verify.expectations import Failure
from harness.verify.matchers import text

if TYPE_CHECKING:
    from pathlib import Path

    from harness.events import Family, Format
    from harness.events import Mapping as FieldMapping

EXPECTED = "expected.yml"
_UPDATE = "read the difference; if it is right, run again with --update"


@dataclass(frozen=True, slots=True)
class GoldenCase:
    """A case.

    Args:
        family: Whose log it is.
        folder: Holds the log and ``expected.yml``.
        source: Where the folder of cases is named.
    """

    family: Family
    folder: Path
    source: Source

    @property
    def name(self) -> str:
        """As it is called among the expectations."""
        return f"golden[{self.folder.name}]"

    @property
    def expected(self) -> Path:
        """The file with what is expected."""
        return self.folder / EXPECTED

    def check(self, mappings: Mapping[Format, FieldMapping]) -> Failure | None:
        """Compare.

        Returns:
            The first difference; None where there is none.

        Raises:
            InputError: The case lacks its log, or ``expected.yml`` isn't YAML.
        """
        seen = self._read(mappings)
        if not self.expected.exists():
            return Failure(f"the events of {self._log()}", f"there is no {self.expected}", _UPDATE, final=True)
        wanted = self._wanted()
        if wanted is None:
            return Failure(f"the events of {self._log()}", f"{self.expected} is empty", _UPDATE, final=True)
        return _difference(wanted, seen, "")

    def update(self, mappings: Mapping[Format, FieldMapping]) -> bool:
        """Rewrite ``expected.yml`` if it differs; patterns that match are kept.

        Returns:
            Whether it was rewritten.
        """
        if self.expected.exists() and self.check(mappings) is None:
            return False
        wanted = self._wanted() if self.expected.exists() else None
        merged = _merged(wanted, self._read(mappings))
        yaml = YAML(typ="safe", pure=True)
        yaml.default_flow_style = False
        yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment] # ruamel's stub knows only its default
        yaml.allow_unicode = True
        yaml.width = 1000
        out = io.StringIO()
        yaml.dump(merged, out)
        self.expected.write_text(out.getvalue(), "utf-8")
        return True

    def _wanted(self) -> Value | None:
        value, problems = parse(self.expected.read_text("utf-8-sig"), str(self.expected))
        if problems:
            raise InputError(problems)
        return value

    def _log(self) -> Path:
        logs = sorted(path for path in self.folder.iterdir() if path.is_file() and path.name != EXPECTED)
        if len(logs) != 1:
            message = f"{self.folder} holds {len(logs)} files beside {EXPECTED}; a case is one log"
            raise InputError([Problem(self.source, message)])
        return logs[0]

    def _read(self, mappings: Mapping[Format, FieldMapping]) -> dict[str, Any]:
        log = self._log()
        data = log.read_bytes()
        recognised = recognise(log.name, data)
        if recognised.format is None or recognised.format.family is not self.family:
            message = f"{log} is no {self.family} log: {recognised.reason}"
            raise InputError([Problem(self.source, message, recognised.hint)])
        reader = reader_for(recognised.format, log.name)
        events: list[dict[str, Any]] = []
        unparsed: list[dict[str, Any]] = []
        for item in [*reader.feed(data, 0), *reader.finish(final=True)]:
            if isinstance(item, Record):
                event = mappings[item.format].apply(item)
                events.append({"line": item.line} | {name: _plain(text(event, name)) for name in MAPPED})
            elif isinstance(item, Quarantined):
                unparsed.append({"line": item.line, "reason": item.reason})
        return {"events": events, "unparsed": unparsed}


def cases(family: Family, folder: Path, source: Source) -> tuple[GoldenCase, ...]:
    """Give the cases of a folder, by name."""
    return tuple(GoldenCase(family, path, source) for path in sorted(folder.iterdir()) if path.is_dir())


def _plain(value: str) -> str:
    """Write bytes that aren't UTF-8 as escapes, since YAML can't hold them."""
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _difference(wanted: Value, seen: Any, path: str) -> Failure | None:  # noqa: ANN401 - what a YAML file may hold
    """Find the first difference, in the order of the text."""
    pattern = _pattern(wanted)
    if pattern is not None and isinstance(seen, str):
        if pattern.fullmatch(seen):
            return None
    elif isinstance(seen, dict) and isinstance(wanted.data, Mapping):
        return _in_mapping(wanted, seen, path)
    elif isinstance(seen, list) and isinstance(wanted.data, tuple):
        return _in_list(wanted, seen, path)
    elif not isinstance(seen, dict | list) and wanted.data == seen:
        return None
    return _failure(wanted.source, path, wanted.plain(), seen)


def _in_mapping(wanted: Value, seen: dict[str, Any], path: str) -> Failure | None:
    for key, at in wanted.keys.items():
        if key not in seen:
            return _failure(at, f"{path}.{key}", wanted.plain(), "nothing of that name")
    for key, value in seen.items():
        inner = wanted.member(key)
        if inner is None:
            return _failure(wanted.source, f"{path}.{key}", "nothing", value)
        found = _difference(inner, value, f"{path}.{key}")
        if found is not None:
            return found
    return None


def _in_list(wanted: Value, seen: list[Any], path: str) -> Failure | None:
    for index, value in enumerate(seen):
        inner = wanted.member(index)
        if inner is None:
            return _failure(wanted.source, f"{path}[{index}]", "nothing more", value)
        found = _difference(inner, value, f"{path}[{index}]")
        if found is not None:
            return found
    rest = wanted.member(len(seen))
    return None if rest is None else _failure(rest.source, f"{path}[{len(seen)}]", rest.plain(), "nothing more")


def _failure(source: Source, path: str, wanted: object, seen: object) -> Failure:
    return Failure(f"{path.removeprefix('.')} = {wanted!r} ({source})", f"{seen!r}", _UPDATE, final=True)


def _pattern(wanted: Value) -> re.Pattern[str] | None:
    """Give the pattern that stands for a value; None where the value stands for itself."""
    inner = wanted.member("matches")
    if inner is None or len(wanted.keys) != 1 or not isinstance(inner.data, str):
        return None
    try:
        return re.compile(inner.data)
    except re.error as error:
        raise InputError([Problem(inner.source, f"isn't a regular expression: {error}")]) from None


def _merged(wanted: Value | None, seen: Any) -> Any:  # noqa: ANN401 - what a YAML file may hold
    """Give what was seen, with the patterns that match it."""
    if wanted is not None and isinstance(seen, str):
        pattern = _pattern(wanted)
        return {"matches": pattern.pattern} if pattern is not None and pattern.fullmatch(seen) else seen
    if isinstance(seen, dict):
        return {key: _merged(wanted.member(key) if wanted else None, value) for key, value in seen.items()}
    if isinstance(seen, list):
        return [_merged(wanted.member(index) if wanted else None, value) for index, value in enumerate(seen)]
    return seen
