"""How many log sources have which value."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from harness.lab.store import Json

_COUNTED: Final = (
    "auto_discovered",
    "coalesce_events",
    "credibility",
    "disconnected_log_collector_id",
    "enabled",
    "gateway",
    "internal",
    "language_id",
    "log_source_extension_id",
    "parsing_order",
    "protocol_type_id",
    "requires_deploy",
    "sending_ip",
    "store_event_payload",
    "target_event_collector_id",
    "type_id",
    "wincollect_internal_destination_id",
)


def counts(sources: Sequence[Json], text: str) -> Json:
    """Count log sources by their values.

    Args:
        sources: Those that count.
        text: The filter that chose them.
    """
    found: dict[str, Json] = {"filter": text}
    for name in _COUNTED:
        found[name] = _counted(each[name] for each in sources)
    found["status"] = _counted(each["status"]["status"] for each in sources)
    found["group_id"] = _counted(number for each in sources for number in each["group_ids"])
    found["wincollect_external_destination_id"] = _counted(
        number for each in sources for number in each["wincollect_external_destination_ids"] or ()
    )
    return found


def _counted(values: Iterable[Json]) -> list[Json]:
    texts = Counter(value if isinstance(value, str) else json.dumps(value) for value in values)
    return [{"count": count, "value": value} for value, count in sorted(texts.items())]
