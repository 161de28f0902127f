"""Which event ids of the logs the console knows, and which it would file as unknown.

A console looks an event up by an id and a category. Which category its parser gives isn't published, so the id alone
is compared here: an id that no mapping of the type has is unknown for certain, one that some mapping has is known as
far as can be told.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.errors import InputError
from harness.source import Problem, Source

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from harness.logsource.console.client import Object

BELIEVED = frozenset({"OWA", "SMTP"})
"""Families whose event ids are harness's belief: the logs have no such column."""


@dataclass(frozen=True, slots=True)
class Seen:
    """An event id of the logs.

    Args:
        family: Whose log: ``OWA``, ``SMTP``, ``MSGTRK``.
        id: The event id.
        count: How many events have it.
        place: Where the first one stands.
    """

    family: str
    id: str
    count: int
    place: str


@dataclass(frozen=True, slots=True)
class Mapped:
    """An event id and what the console makes of it.

    Args:
        seen: The event id.
        qids: The names that events are filed under, with their QIDs; none where the console doesn't know the id.
        near: The console's spelling, where only upper and lower case differ; empty elsewhere.
        custom: Whether every mapping of it was made on this console.
    """

    seen: Seen
    qids: tuple[str, ...] = ()
    near: str = ""
    custom: bool = False

    @property
    def known(self) -> bool:
        """Whether the console knows it."""
        return bool(self.qids)


def read_events(paths: Iterable[Path]) -> tuple[Seen, ...]:
    """Count the event ids of files that ``harness collect`` or ``harness parse`` wrote as JSON lines.

    Args:
        paths: The files.

    Raises:
        InputError: One can't be read, or holds something else.
    """
    counts: Counter[tuple[str, str]] = Counter()
    places: dict[tuple[str, str], str] = {}
    for path in paths:
        try:
            with path.open(encoding="utf-8") as lines:
                for number, line in enumerate(lines, 1):
                    if line.strip():
                        key = _key(line, path, number)
                        counts[key] += 1
                        places.setdefault(key, f"{path}:{number}")
        except OSError as error:
            raise InputError([Problem(Source(str(path)), f"can't be read: {error.strerror}")]) from error
        except UnicodeDecodeError:
            raise InputError([Problem(Source(str(path)), "isn't UTF-8 text", _HOW)]) from None
    return tuple(Seen(family, id_, counts[family, id_], places[family, id_]) for family, id_ in sorted(counts))


_HOW = "give a file that harness collect INVENTORY -o FILE --format jsonl wrote"


def _key(line: str, path: Path, number: int) -> tuple[str, str]:
    try:
        event: Any = json.loads(line)
    except ValueError:
        event = None
    if not isinstance(event, dict) or "event_id" not in event:
        raise InputError([Problem(Source(str(path), number), "isn't an event as a line of JSON", _HOW)])
    family = event.get("family") or str(event.get("format") or "").upper()
    return str(family), str(event["event_id"] or "")


def compare(seen: Iterable[Seen], mappings: Iterable[Object], records: Mapping[int, Object]) -> tuple[Mapped, ...]:
    """Say what the console makes of each event id.

    Args:
        seen: The event ids.
        mappings: The type's mappings, as the console gives them.
        records: The records that they name, by id.
    """
    by_id: dict[str, list[Object]] = {}
    for each in mappings:
        by_id.setdefault(str(each.get("log_source_event_id") or ""), []).append(each)
    folded = {id_.casefold(): id_ for id_ in by_id}
    found = []
    for one in seen:
        own = by_id.get(one.id, [])
        names = tuple(dict.fromkeys(_record(mapping.get("qid_record_id"), records) for mapping in own))
        near = "" if own else folded.get(one.id.casefold(), "")
        found.append(Mapped(one, names, near, bool(own) and all(mapping.get("custom_event") for mapping in own)))
    return tuple(found)


def _record(id_: object, records: Mapping[int, Object]) -> str:
    record = records.get(id_) if isinstance(id_, int) else None
    return f"{record.get('name')} (QID {record.get('qid')})" if record else f"record {id_}"
