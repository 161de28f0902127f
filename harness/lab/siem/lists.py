"""What is done to an answer on its way out: filter, order, page, fields."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from harness.lab.siem import filters
from harness.lab.siem.refusal import BAD_PARAMETER, BAD_RANGE, RefusedError, refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.lab.store import Json

Fields: TypeAlias = "dict[str, Fields | None]"
"""Fields that are asked for; ``None`` is a field with all its own."""

_RANGE: Final = re.compile(r"items=\s*(\d+)-(\d+)")
_NAME: Final = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class ListCodes:
    """The unique codes with which an endpoint refuses what is asked of its list.

    Args:
        endpoint: For example ``log_sources list``.
        filter: For a filter that can't be read; ``None`` where none is documented.
        sort: For an order that isn't supported; ``None`` where the endpoint has no order.
    """

    endpoint: str
    filter: int | None = None
    sort: int | None = None


def chosen(entries: Sequence[Json], text: str, codes: ListCodes) -> list[Json]:
    """Give the entries that pass a filter; all of them where there is none.

    Raises:
        RefusedError: The filter can't be read.
    """
    if not text:
        return list(entries)
    try:
        passes = filters.parse(text)
    except filters.FilterError as error:
        if codes.filter is None:
            raise RefusedError(422, BAD_PARAMETER, message=f"Failed to transform parameter filter: {error}") from error
        raise refusal(codes.endpoint, codes.filter, str(error)) from error
    return [entry for entry in entries if passes(entry)]


def ordered(entries: Sequence[Json], text: str, codes: ListCodes) -> list[Json]:
    """Give the entries in the order that a `sort` parameter asks for: ``+name,-id``.

    Raises:
        RefusedError: They can't be ordered so.
    """
    found = list(entries)
    if not text:
        return found
    for part in reversed(text.split(",")):
        name = part.strip().lstrip("+-")
        values = [entry.get(name) for entry in found]
        if codes.sort is None or any(isinstance(value, list | dict) for value in values) or not _NAME.fullmatch(name):
            raise _unsorted(codes, name)
        found.sort(key=lambda entry: _rank(entry.get(name)), reverse=part.strip().startswith("-"))
    return found


def _unsorted(codes: ListCodes, name: str) -> RefusedError:
    if codes.sort is None:
        return RefusedError(422, BAD_PARAMETER, message="this list has no parameter sort")
    return refusal(codes.endpoint, codes.sort, f"Sorting is not supported on {name}")


def _rank(value: Json) -> tuple[int, float, str]:
    """Give what orders values of mixed kinds: nothing, then numbers, then text."""
    if value is None:
        return 0, 0.0, ""
    if isinstance(value, int | float):
        return 1, float(value), ""
    return 2, 0.0, str(value)


def paged(entries: Sequence[Json], text: str | None) -> tuple[list[Json], str | None]:
    """Give the entries that a Range header asks for, and the Content-Range that goes with them.

    Raises:
        RefusedError: The header can't be read.
    """
    if text is None:
        return list(entries), None
    match = _RANGE.fullmatch(text.strip())
    if match is None:
        wanted = "Failed to parse Range header. The syntax of the Range header must follow this pattern: items=x-y"
        raise RefusedError(422, BAD_RANGE, message=wanted)
    first, last = int(match[1]), int(match[2])
    if last < first:
        negative = 'Range of pages specified in "Range" header is negative. Non-negative page range must be specified.'
        raise RefusedError(422, BAD_RANGE, message=negative)
    page = list(entries[first : last + 1])
    shown = f"{first}-{first + len(page) - 1}" if page else "*"
    return page, f"items {shown}/{len(entries)}"


def parse_fields(text: str) -> Fields:
    """Read a `fields` parameter: ``id,name,status(status,messages(text))``.

    Raises:
        RefusedError: It can't be read.
    """
    found, rest = _fields(text)
    if rest:
        raise _unreadable(text)
    return found


def _fields(text: str) -> tuple[Fields, str]:
    found: Fields = {}
    while True:
        match = _NAME.match(text.strip())
        if match is None:
            raise _unreadable(text)
        name, text = match[0], text.strip()[match.end() :].lstrip()
        found[name] = None
        if text.startswith("("):
            inner, text = _fields(text[1:])
            if not text.startswith(")"):
                raise _unreadable(text)
            found[name] = inner
            text = text[1:].lstrip()
        if not text.startswith(","):
            return found, text
        text = text[1:]


def _unreadable(text: str) -> RefusedError:
    return RefusedError(422, BAD_PARAMETER, message=f'Failed to transform user parameter "fields" at: {text}')


def narrowed(entry: Json, fields: Fields | None) -> Json:
    """Give of an entry the fields that are asked for; a list's entries each.

    Raises:
        RefusedError: It has no such field.
    """
    if fields is None:
        return entry
    if isinstance(entry, list):
        return [narrowed(each, fields) for each in entry]
    if not isinstance(entry, dict):
        return entry
    unknown = [name for name in fields if name not in entry]
    if unknown:
        raise _unreadable(", ".join(unknown))
    return {name: narrowed(value, fields[name]) for name, value in entry.items() if name in fields}
