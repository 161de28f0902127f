"""Log source groups that users add."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from harness.lab.siem.refusal import refusal

if TYPE_CHECKING:
    from harness.lab.store import Json

_ENDPOINT: Final = "log_source_groups create"
_LONGEST: Final = 255
_ROOT: Final = 1


def create(groups: list[Json], body: Json, user: str, now: int) -> Json:
    """Add a group.

    Args:
        groups: Those that are there.
        body: What was sent.
        user: Who owns it.
        now: Milliseconds since 1970.

    Raises:
        RefusedError: It is refused.
    """
    given = body if isinstance(body, dict) else {}
    name, description = given.get("name") or "", given.get("description") or ""
    parent = next((each for each in groups if each["id"] == given.get("parent_id", _ROOT)), None)
    if not name:
        raise refusal(_ENDPOINT, 1002)
    if len(name) > _LONGEST:
        raise refusal(_ENDPOINT, 1003)
    if len(description) > _LONGEST:
        raise refusal(_ENDPOINT, 1004)
    if parent is None:
        raise refusal(_ENDPOINT, 1005, f"there is no group {given['parent_id']}")
    if any(each["name"] == name for each in groups):
        raise refusal(_ENDPOINT, 1001, f"there is a group {name} already")
    made = {
        "assignable": True,
        "child_group_ids": [],
        "description": description,
        "id": max(each["id"] for each in groups) + 1,
        "modification_date": now,
        "name": name,
        "owner": user,
        "parent_id": parent["id"],
    }
    parent["child_group_ids"].append(made["id"])
    groups.append(made)
    return made
